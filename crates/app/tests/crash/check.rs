//! The database against the record of the devices: what was confirmed is there, once, as it was sent; nothing else is;
//! and the alarms are those that follow from the readings, each once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use domain::access::Scope;
use domain::alarm::{AlarmState, TransitionEvent};
use domain::hazard::Hazard;
use domain::id::{AlarmId, ChannelId, DetectorId};
use domain::reading::{Filing, Quality};
use domain::settings::defaults_of;
use sim::load::Recorded;
use store::Store;
use store::alarms::{AlarmFilter, AlarmRow, TransitionRow};
use store::detectors::{ChannelRow, DetectorFilter};
use store::intake::StoredReading;

use crate::devices::Record;

const PAGE: u32 = 5_000;
/// A device makes a reading each second of its own clock.
const DEVICE_STEP_MS: i64 = 1_000;
const MEASURED: &str = "residual";
const SEQUENCE: &str = "active_power_a";

/// What is stored, in numbers, with everything that is wrong about it.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) confirmed: usize,
    pub(crate) stored: usize,
    pub(crate) alarms: usize,
    pub(crate) raised: usize,
    pub(crate) returned: usize,
    pub(crate) audit_entries: i64,
    pub(crate) faults: Vec<String>,
}

impl Findings {
    /// Panics with the first of the faults, if there is any.
    pub(crate) fn assert_sound(&self) {
        let some: Vec<_> = self.faults.iter().take(12).collect();
        assert!(some.is_empty(), "{} things are wrong, among them: {some:#?}", self.faults.len());
    }
}

/// An alarm with its steps.
pub(crate) struct Life {
    pub(crate) alarm: AlarmRow,
    pub(crate) steps: Vec<TransitionRow>,
}

/// Every alarm with its steps, by id.
pub(crate) async fn lives(store: &Store) -> BTreeMap<AlarmId, Life> {
    let scope = Scope::platform();
    let mut lives = BTreeMap::new();
    for alarm in store.alarms().export(&scope, &AlarmFilter::default(), u32::MAX).await.unwrap() {
        let steps = store.alarms().transitions(&scope, alarm.id).await.unwrap();
        lives.insert(alarm.id, Life { alarm, steps });
    }
    lives
}

/// Holds the store against the record. Of each device at most `window` uploads were under way without a confirmation.
pub(crate) async fn check(store: &Store, record: &Record, window: usize) -> Findings {
    let scope = Scope::platform();
    let mut findings = Findings::default();
    let lives = lives(store).await;
    findings.alarms = lives.len();
    let detectors = store.detectors().all(&scope, &DetectorFilter::default()).await.unwrap();
    assert_eq!(detectors.len(), record.len(), "each device has had something confirmed");
    for detector in detectors {
        let channels = store.detectors().channels(&scope, detector.id).await.unwrap();
        let channel = |code: &str| channels.iter().find(|channel| channel.code == code).unwrap();
        let device = Device {
            serial: &detector.serial,
            confirmed: record.get(&detector.serial).map(Vec::as_slice).unwrap_or_default(),
            measured: channel(MEASURED),
            sequence_at: place(channel(SEQUENCE)),
        };
        let stored = readings(store, detector.id).await;
        findings.confirmed += device.confirmed.len();
        findings.stored += stored.len();
        device.check_readings(&stored, window, &mut findings);
        let own = lives.values().filter(|life| life.alarm.detector_id == detector.id);
        device.check_alarms(&stored, own, &mut findings);
    }
    check_lives(&lives, &mut findings);
    let audit = store.audit().verify(&scope).await.unwrap();
    findings.audit_entries = audit.entries;
    if let Some(entry) = audit.first_broken {
        findings.faults.push(format!("the audit chain is broken at entry {entry}"));
    }
    findings
}

/// How many of the confirmed readings are stored.
pub(crate) async fn count_confirmed(store: &Store, record: &Record) -> usize {
    let detectors = store.detectors().all(&Scope::platform(), &DetectorFilter::default()).await.unwrap();
    let mut count = 0;
    for detector in detectors {
        let stored: BTreeSet<i64> =
            readings(store, detector.id).await.iter().filter_map(|one| Some(one.device_at?.0)).collect();
        let confirmed = record.get(&detector.serial).map(Vec::as_slice).unwrap_or_default();
        count += confirmed.iter().filter(|one| stored.contains(&one.device_at_ms)).count();
    }
    count
}

/// Every reading of a detector.
pub(crate) async fn readings(store: &Store, detector: DetectorId) -> Vec<StoredReading> {
    let mut all: Vec<StoredReading> = Vec::new();
    loop {
        let after = all.last().map(|last| (last.group, last.filed_at));
        let page = store.readings().of_detector(&Scope::platform(), detector, after, PAGE).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// Each alarm by itself, and all of one channel and hazard together (invariant 3).
fn check_lives(lives: &BTreeMap<AlarmId, Life>, findings: &mut Findings) {
    let faults = &mut findings.faults;
    let mut of_hazard: HashMap<(ChannelId, Hazard), Vec<&AlarmRow>> = HashMap::new();
    for (id, Life { alarm, steps }) in lives {
        of_hazard.entry((alarm.channel_id, alarm.hazard)).or_default().push(alarm);
        let mut state = None;
        for step in steps {
            if step.from_state != state {
                faults.push(format!(
                    "alarm {id}: a step `{}` from {:?} while in {state:?}",
                    step.event, step.from_state
                ));
            }
            state = Some(step.to_state);
        }
        if state != Some(alarm.state) {
            faults.push(format!("alarm {id} stands at {:?}, its steps end at {state:?}", alarm.state));
        }
    }
    for ((channel, hazard), alarms) in of_hazard {
        let open = alarms.iter().filter(|alarm| alarm.state != AlarmState::Closed).count();
        if open > 1 {
            faults.push(format!("channel {channel} has {open} open alarms for {hazard:?}"));
        }
        for pair in alarms.windows(2) {
            let [before, after] = pair else { continue };
            if before.returned_at.is_none_or(|end| end > after.raised_at) {
                faults.push(format!(
                    "channel {channel}, {hazard:?}: alarm {} was there until {:?}, alarm {} came at {}",
                    before.id, before.returned_at, after.id, after.raised_at.0
                ));
            }
        }
    }
}

/// Where among the values those of a channel stand.
fn place(channel: &ChannelRow) -> usize {
    usize::from(channel.point.unwrap().0)
}

/// One device with what it knows.
struct Device<'r> {
    serial: &'r str,
    confirmed: &'r [Recorded],
    /// The channel that goes over its limit.
    measured: &'r ChannelRow,
    /// Where among the values the sequence stands.
    sequence_at: usize,
}

impl Device<'_> {
    /// Stored are: each confirmed reading once, as it was; and at most `window` more, those under way at the end.
    fn check_readings(&self, stored: &[StoredReading], window: usize, findings: &mut Findings) {
        let serial = self.serial;
        let mut fault = |what: String| findings.faults.push(format!("{serial}: {what}"));
        // The devices' own word first: in order, each once. Else the record says nothing.
        for (index, recorded) in self.confirmed.iter().enumerate() {
            assert_eq!(recorded.sequence, u64::try_from(index).unwrap(), "{serial}: the record has a hole");
        }
        let Some(first) = self.confirmed.first() else { return fault("nothing was confirmed".to_owned()) };
        let mut by_device_time: HashMap<i64, Vec<&StoredReading>> = HashMap::new();
        for reading in stored {
            if reading.filing != Filing::Current || reading.device_at != Some(reading.filed_at) {
                fault(format!("a reading of {:?} was filed {:?}", reading.device_at, reading.filing));
            }
            let Some(device_at) = reading.device_at else { continue };
            by_device_time.entry(device_at.0).or_default().push(reading);
        }
        for recorded in self.confirmed {
            let found = by_device_time.remove(&recorded.device_at_ms).unwrap_or_default();
            match found.as_slice() {
                [] => fault(format!(
                    "reading {} was confirmed at {} and is not stored",
                    recorded.sequence, recorded.confirmed_at_ms
                )),
                [one] if values(one) == Some(recorded.raw.clone()) => {}
                [one] => fault(format!(
                    "reading {} is stored as {:?}, sent was {:?}",
                    recorded.sequence, one.samples, recorded.raw
                )),
                many => fault(format!("reading {} is stored {} times", recorded.sequence, many.len())),
            }
        }
        for (device_at, others) in by_device_time {
            let sequence = (device_at - first.device_at_ms) / DEVICE_STEP_MS;
            let under_way = usize::try_from(sequence)
                .is_ok_and(|sequence| sequence < self.confirmed.len() + window)
                && (device_at - first.device_at_ms) % DEVICE_STEP_MS == 0;
            let told = others.iter().all(|other| {
                values(other).and_then(|raw| raw.get(self.sequence_at).copied()) == Some(sequence)
            });
            if !under_way || !told || others.len() != 1 {
                fault(format!("nobody sent what is stored for {device_at}: {others:?}"));
            }
        }
    }

    /// The alarms of the device are those that follow from its readings: each once, at their time, and nothing else.
    fn check_alarms<'l>(
        &self,
        stored: &[StoredReading],
        lives: impl Iterator<Item = &'l Life>,
        findings: &mut Findings,
    ) {
        let (serial, channel) = (self.serial, self.measured);
        let mut steps = Vec::new();
        for Life { alarm, steps: own } in lives {
            if alarm.channel_id != channel.id || alarm.hazard != Hazard::ResidualCurrent || alarm.late {
                findings.faults.push(format!("{serial}: nothing asks for {alarm:?}"));
            }
            steps.extend(own.iter());
        }
        steps.sort_by_key(|step| step.id);
        // What people do is no matter of the readings.
        let by_people = [TransitionEvent::Acknowledged, TransitionEvent::Reset].map(TransitionEvent::code);
        let actual: Vec<(&str, i64)> = steps
            .iter()
            .filter(|step| !by_people.contains(&step.event.as_str()))
            .map(|step| (step.event.as_str(), step.at.0))
            .collect();
        let measured: Vec<(i64, f64)> = stored
            .iter()
            .filter_map(|reading| {
                let raw = *values(reading)?.get(place(channel))?;
                Some((reading.filed_at.0, channel.decimals.value(raw)))
            })
            .collect();
        let Follows { steps: expected, under_way } = Follows::from(&measured);
        findings.raised += actual.iter().filter(|step| step.0 == TransitionEvent::Raised.code()).count();
        findings.returned += actual.iter().filter(|step| step.0 == TransitionEvent::Returned.code()).count();
        // The last delay may or may not have ended by the server's clock.
        let longer: Vec<_> = expected.iter().copied().chain(under_way).collect();
        if actual != expected && actual != longer {
            let at = actual.iter().zip(&longer).position(|(had, wanted)| had != wanted);
            let at = at.unwrap_or(actual.len().min(longer.len()));
            findings.faults.push(format!(
                "{serial}: from step {at} on the alarms are {:?} ({} steps), what follows from the readings is {:?} \
                 ({} steps)",
                actual.iter().skip(at).take(3).collect::<Vec<_>>(),
                actual.len(),
                longer.iter().skip(at).take(3).collect::<Vec<_>>(),
                longer.len()
            ));
        }
    }
}

/// The raw values in the order of the profile's points; `None` when one is not good or not there.
fn values(reading: &StoredReading) -> Option<Vec<i64>> {
    reading
        .samples
        .iter()
        .enumerate()
        .map(|(index, sample)| {
            let fits = usize::from(sample.point.0) == index && sample.quality == Quality::Good;
            fits.then_some(sample.raw)
        })
        .collect()
}

/// What follows from measured values by the platform's own limits: the steps of alarms with their times, and the step
/// whose delay is under way at the end. Written anew and simpler than the platform's judgement: values are either
/// beyond the alarm level or well within the warning level.
struct Follows {
    steps: Vec<(&'static str, i64)>,
    under_way: Option<(&'static str, i64)>,
}

impl Follows {
    fn from(measured: &[(i64, f64)]) -> Self {
        let limits = defaults_of(Hazard::ResidualCurrent).unwrap().patch;
        let ms = |seconds: Option<f64>| {
            i64::try_from(Duration::from_secs_f64(seconds.unwrap()).as_millis()).unwrap()
        };
        let (on_ms, off_ms) = (ms(limits.on_delay_s), ms(limits.off_delay_s));
        let well_within = limits.warning.unwrap() - limits.deadband.unwrap();
        let mut steps = Vec::new();
        let mut is_there = false;
        // Since when the value says the contrary.
        let mut contrary: Option<i64> = None;
        let step = |is_there: bool, since: i64| {
            if is_there {
                (TransitionEvent::Returned.code(), since + off_ms)
            } else {
                (TransitionEvent::Raised.code(), since + on_ms)
            }
        };
        for (at, value) in measured {
            let beyond = *value >= limits.alarm.unwrap();
            assert!(beyond || *value < well_within, "the load says {value} mA");
            if beyond == is_there {
                contrary = None;
                continue;
            }
            let since = *contrary.get_or_insert(*at);
            if at - since >= if is_there { off_ms } else { on_ms } {
                steps.push(step(is_there, since));
                is_there = !is_there;
                contrary = None;
            }
        }
        Self { steps, under_way: contrary.map(|since| step(is_there, since)) }
    }
}
