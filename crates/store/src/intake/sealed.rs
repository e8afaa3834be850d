//! Late readings against what is sealed already. The tail's unique index sees to everything else.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{SHARED_MS, StoredReading};
use crate::error::StoreError;
use crate::history::{DAY_MS, day_of, is_same, readings_of, sealed};
use crate::open::Store;

/// The readings of a batch that go to the tail, and which of the batch are sealed already.
pub(super) struct Unsealed<'b> {
    pub(super) readings: Cow<'b, [StoredReading]>,
    /// The place in the batch of each of them; empty where they are all of it.
    places: Vec<usize>,
    repeated: Vec<usize>,
}

impl Unsealed<'_> {
    /// The repeated ones of the batch, from those that the tail had already.
    pub(super) fn repeated(&self, in_tail: &[usize]) -> Vec<usize> {
        let place = |index: &usize| self.places.get(*index).copied().unwrap_or(*index);
        let mut all: Vec<usize> = in_tail.iter().map(place).chain(self.repeated.iter().copied()).collect();
        all.sort_unstable();
        all
    }
}

/// Holds those of `readings` that count for sealed days against their chunks: the same reading is repeated, another one
/// of a moment that is taken moves to the next free millisecond.
pub(super) async fn unsealed<'b>(
    store: &Store,
    readings: &'b [StoredReading],
) -> Result<Unsealed<'b>, StoreError> {
    let sealed_to = store.sealed_to();
    if readings.iter().all(|reading| reading.filed_at.0 >= sealed_to) {
        return Ok(Unsealed { readings: Cow::Borrowed(readings), places: Vec::new(), repeated: Vec::new() });
    }
    // By detector and day: what is sealed, in the order of group and filed time.
    let mut days: BTreeMap<(i64, i64), Vec<StoredReading>> = BTreeMap::new();
    let (mut kept, mut places, mut repeated) = (Vec::with_capacity(readings.len()), Vec::new(), Vec::new());
    for (index, reading) in readings.iter().enumerate() {
        let mut free = reading.filed_at;
        let mut is_known = false;
        if reading.filed_at.0 < sealed_to {
            let key = (reading.detector.0, day_of(reading.filed_at.0));
            if let std::collections::btree_map::Entry::Vacant(vacant) = days.entry(key) {
                let (detector, day) = key;
                let found = sealed(store, detector, day * DAY_MS, (day + 1) * DAY_MS).await?.remove(&day);
                vacant.insert(found.map_or_else(|| Ok(Vec::new()), |had| readings_of(detector, day, &had))?);
            }
            let there = days.get(&key).map(Vec::as_slice).unwrap_or_default();
            let from =
                there.partition_point(|one| (one.group, one.filed_at) < (reading.group, reading.filed_at));
            let end = reading.filed_at.plus_ms(SHARED_MS);
            for one in
                there.iter().skip(from).take_while(|one| one.group == reading.group && one.filed_at < end)
            {
                is_known |= is_same(one, reading);
                if one.filed_at == free {
                    free = free.plus_ms(1);
                }
            }
            is_known |= free >= end;
        }
        if is_known {
            repeated.push(index);
        } else {
            places.push(index);
            kept.push(StoredReading { filed_at: free, ..reading.clone() });
        }
    }
    Ok(Unsealed { readings: Cow::Owned(kept), places, repeated })
}
