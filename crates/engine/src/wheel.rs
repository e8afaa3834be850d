//! Which detector has something to do when. A detector has one place in the wheel; while it speaks, its deadline moves
//! later all the time and the place is left where it is: it is looked at again when it comes up. So a hundred thousand
//! detectors cost one look each per supervision period.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use domain::id::DetectorId;
use domain::time::UnixMs;

#[derive(Debug, Default)]
pub(crate) struct Wheel {
    heap: BinaryHeap<Reverse<(UnixMs, DetectorId)>>,
    places: HashMap<DetectorId, UnixMs>,
}

impl Wheel {
    /// Makes sure that `detector` comes up at `at` or before.
    pub(crate) fn wake(&mut self, detector: DetectorId, at: UnixMs) {
        let place = self.places.get(&detector);
        if place.is_none_or(|place| at < *place) {
            self.places.insert(detector, at);
            self.heap.push(Reverse((at, detector)));
        }
    }

    /// Takes `detector` out.
    pub(crate) fn forget(&mut self, detector: DetectorId) {
        self.places.remove(&detector);
    }

    /// When the next one comes up.
    pub(crate) fn next(&mut self) -> Option<UnixMs> {
        while let Some(Reverse((at, detector))) = self.heap.peek() {
            if self.places.get(detector) == Some(at) {
                return Some(*at);
            }
            self.heap.pop();
        }
        None
    }

    /// Takes out one that has come up by `now`; it has no place in the wheel then.
    pub(crate) fn take_due(&mut self, now: UnixMs) -> Option<DetectorId> {
        if self.next()? > now {
            return None;
        }
        let Reverse((_, detector)) = self.heap.pop()?;
        self.places.remove(&detector);
        Some(detector)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detector_has_one_place_and_the_earliest_counts() {
        let mut wheel = Wheel::default();
        wheel.wake(DetectorId(1), UnixMs(100));
        wheel.wake(DetectorId(1), UnixMs(200));
        wheel.wake(DetectorId(2), UnixMs(50));
        wheel.wake(DetectorId(1), UnixMs(20));
        wheel.wake(DetectorId(3), UnixMs(10));
        wheel.forget(DetectorId(3));
        assert_eq!(wheel.next(), Some(UnixMs(20)));
        assert_eq!(wheel.take_due(UnixMs(19)), None);
        assert_eq!(wheel.take_due(UnixMs(60)), Some(DetectorId(1)));
        assert_eq!(wheel.take_due(UnixMs(60)), Some(DetectorId(2)));
        assert_eq!(wheel.take_due(UnixMs(500)), None);
        assert_eq!(wheel.next(), None);
    }
}
