//! What devices of our own messages have to say (`docs/protocol/telemetry.md`): readings and events until they are
//! confirmed, and answers to commands. Pure; by what way it is said is the business of a line or a post.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::profile::Profile;
use domain::reading::Reported;
use domain::time::UnixMs;
use wire::telemetry::{
    Answer, Command, Commands, Event, Form, Message, Number, Reading, Settled, Tree, write_tree,
};

use crate::device::{Device, LineState};
use crate::keyed::{Said, said};
use crate::line::{Counters, next_after};

/// How many messages are kept while nobody confirms them; the oldest are lost first.
const KEPT: usize = 240;
/// How many commands are remembered, so that none is done twice.
const DONE: usize = 64;
/// The firmware that simulated devices tell of.
const FIRMWARE: &str = "sim-1";

/// A detector and its address behind the terminal; `None` is the terminal itself.
pub(crate) type Addressed = (Option<String>, Arc<Mutex<Device>>);

/// A message that was not confirmed yet.
#[derive(Debug)]
pub(crate) struct Kept {
    /// What makes it one, however often it is said.
    pub(crate) key: String,
    /// Whether it answers commands.
    pub(crate) is_answer: bool,
    /// Its bytes.
    pub(crate) payload: Vec<u8>,
    /// How often it was sent.
    pub(crate) tries: u32,
}

/// A terminal of our own messages with its detectors.
#[derive(Debug)]
pub(crate) struct Reporter {
    /// Different in each run, so that keys of an earlier one are not taken for ours.
    run: UnixMs,
    devices: Vec<Addressed>,
    counters: Arc<Counters>,
    form: Form,
    upload_ms: i64,
    next_upload: UnixMs,
    kept: VecDeque<Kept>,
    next_number: u64,
    /// Which statuses were said to be so, by detector.
    told: HashSet<(usize, String)>,
    done: VecDeque<Answer>,
}

impl Reporter {
    /// Devices that measure together, for the first time at `first_upload` and then every `upload_ms`.
    pub(crate) fn new(
        devices: Vec<Addressed>,
        form: Form,
        upload_ms: i64,
        first_upload: UnixMs,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            run: first_upload,
            devices,
            counters,
            form,
            upload_ms,
            next_upload: first_upload,
            kept: VecDeque::new(),
            next_number: 0,
            told: HashSet::new(),
            done: VecDeque::new(),
        }
    }

    /// Counted by all terminals together.
    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How its messages are written.
    pub(crate) const fn form(&self) -> Form {
        self.form
    }

    /// When it measures next.
    pub(crate) const fn next_upload(&self) -> UnixMs {
        self.next_upload
    }

    /// Whether it can be heard: all share the modem of the first.
    pub(crate) fn line(&self, now: UnixMs) -> LineState {
        self.devices.first().map_or(LineState::Up, |(_, first)| lock(first).line(now))
    }

    /// Measures when it is time.
    pub(crate) fn due(&mut self, now: UnixMs) {
        if now < self.next_upload {
            return;
        }
        self.next_upload = next_after(self.next_upload, self.upload_ms, now);
        match self.line(now) {
            LineState::Up | LineState::Silent { keeps: true, .. } => {
                let message = self.measure(now);
                self.keep(&message, false);
            }
            LineState::Silent { keeps: false, .. } => self.kept.clear(),
        }
    }

    /// The oldest message that is not confirmed.
    pub(crate) fn front(&mut self) -> Option<&mut Kept> {
        self.kept.front_mut()
    }

    /// The oldest message is stored.
    pub(crate) fn confirmed(&mut self) {
        self.kept.pop_front();
        self.counters.confirmed();
    }

    /// The oldest message will never be taken.
    pub(crate) fn refused(&mut self) {
        self.kept.pop_front();
        self.counters.misunderstood();
    }

    /// Does what it is told and keeps the answers; what it has done under the same number it does not do again.
    pub(crate) fn obey(&mut self, commands: &Commands) {
        let mut answers = Vec::with_capacity(commands.0.len());
        for command in &commands.0 {
            let known = self.done.iter().find(|answer| answer.id == command.id).cloned();
            answers.push(known.unwrap_or_else(|| {
                let answer = Answer { id: command.id, settled: self.settle(command) };
                if self.done.len() == DONE {
                    self.done.pop_front();
                }
                self.done.push_back(answer.clone());
                answer
            }));
            self.counters.answered();
        }
        if !answers.is_empty() {
            self.keep(&Message { answers, ..Message::default() }, true);
        }
    }

    fn settle(&mut self, command: &Command) -> Settled {
        let Some((_, device)) = self.devices.iter().find(|(address, _)| *address == command.address) else {
            return Settled::Refused(format!("nobody at {:?}", command.address));
        };
        if let Err(reason) = lock(device).obey(&command.name) {
            return Settled::Refused(reason);
        }
        let interval_s = match command.value.member("interval_s") {
            Some(Tree::Number(number)) if command.name == "period" => number.as_whole(),
            Some(_) | None => None,
        };
        if let Some(interval_s) = interval_s.filter(|seconds| (1..=86_400).contains(seconds)) {
            self.upload_ms = interval_s * 1_000;
        }
        Settled::Done(Tree::Nothing)
    }

    fn measure(&mut self, now: UnixMs) -> Message {
        let mut message =
            Message { signal: Some(24), firmware: Some(FIRMWARE.to_owned()), ..Message::default() };
        for (number, (address, device)) in self.devices.iter().enumerate() {
            let mut device = lock(device);
            let at_ms = Some(now.plus_ms(device.clock_error_ms(now)).0);
            let decoded = device.say(now, Some(now));
            let profile = Arc::clone(device.profile());
            let values = decoded.samples.iter().filter_map(|sample| {
                let point = profile.point(sample.point)?;
                let value = match said(point, sample) {
                    Said::Number(text) => Tree::Number(Number::parse(&text)?),
                    Said::NoValue => Tree::Nothing,
                };
                Some((point.code.clone(), value))
            });
            message.readings.push(Reading { at_ms, address: address.clone(), values: values.collect() });
            for reported in &decoded.reported {
                let Some(code) = status(&profile, reported) else { continue };
                let key = (number, code.to_owned());
                let is_so = reported.severity.is_some();
                // Only what has changed is an event.
                let has_changed = if is_so { self.told.insert(key) } else { self.told.remove(&key) };
                if has_changed {
                    let (address, code) = (address.clone(), code.to_owned());
                    message.events.push(Event { at_ms, address, code, value: Tree::Truth(is_so) });
                }
            }
        }
        message
    }

    fn keep(&mut self, message: &Message, is_answer: bool) {
        if self.kept.len() == KEPT {
            self.kept.pop_front();
            self.counters.dropped();
        }
        let payload = write_tree(self.form, &message.to_tree());
        let key = format!("{}-{}", self.run.0, self.next_number);
        self.next_number += 1;
        self.kept.push_back(Kept { key, is_answer, payload, tries: 0 });
    }
}

fn lock(device: &Mutex<Device>) -> MutexGuard<'_, Device> {
    device.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Under which name the model tells of it.
fn status<'p>(profile: &'p Profile, reported: &Reported) -> Option<&'p str> {
    let fits = |status: &&domain::profile::KeyedStatus| {
        let mut meanings = status.meanings.iter();
        meanings.any(|meaning| meaning.point == reported.point && meaning.hazard == reported.hazard)
    };
    profile.keyed_statuses.iter().find(fits).map(|status| status.code.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Fault, FaultKind};
    use crate::physics::CircuitSpec;
    use crate::premises::PremisesKind;
    use domain::profile::shipped;
    use wire::telemetry::{Limits, read};

    const START: UnixMs = UnixMs(1_780_279_200_000);

    fn reporter() -> (Reporter, Vec<Arc<Mutex<Device>>>) {
        let profile = shipped().unwrap().into_iter().find(|had| had.id == "telemetry-generic").unwrap();
        let profile = Arc::new(profile);
        let devices: Vec<_> = (1..3)
            .map(|seed| {
                let spec = CircuitSpec { kind: PremisesKind::Mall, rated_current_a: 63.0, seed };
                Arc::new(Mutex::new(Device::new(Arc::clone(&profile), spec)))
            })
            .collect();
        let addressed = [None, Some("2".to_owned())].into_iter().zip(devices.iter().cloned()).collect();
        let counters = Arc::new(Counters::default());
        (Reporter::new(addressed, Form::Json, 10_000, START, counters), devices)
    }

    fn said_first(reporter: &mut Reporter) -> Message {
        let payload = reporter.front().unwrap().payload.clone();
        read(Form::Json, &payload, &Limits::default()).unwrap()
    }

    fn told(id: u64, address: Option<&str>, name: &str, json: &str) -> Command {
        Command::new(id, address.map(str::to_owned), name.to_owned(), json).unwrap()
    }

    #[test]
    fn it_measures_when_it_is_time_and_keeps_what_nobody_confirmed() {
        let (mut reporter, _) = reporter();
        reporter.due(START);
        reporter.due(START.plus_ms(5_000));
        let message = said_first(&mut reporter);
        let addresses: Vec<_> = message.readings.iter().map(|reading| reading.address.as_deref()).collect();
        assert_eq!((addresses, message.readings[0].at_ms), (vec![None, Some("2")], Some(START.0)));
        assert_eq!(message.readings[0].values.len(), 18);
        assert!(message.events.is_empty(), "{:?}", message.events);
        reporter.due(START.plus_ms(10_000));
        let first = reporter.front().unwrap().key.clone();
        reporter.confirmed();
        assert_ne!(reporter.front().unwrap().key, first);
        reporter.confirmed();
        assert!(reporter.front().is_none());
    }

    #[test]
    fn what_the_detector_itself_finds_is_an_event_when_it_begins_and_when_it_ends() {
        let (mut reporter, devices) = reporter();
        let kind = FaultKind::AgeingInsulation { target_ma: 900.0, ramp_s: 1.0, circuit_loop: 0 };
        let (from, to) = (START.plus_ms(-60_000), START.plus_ms(15_000));
        devices[1].lock().unwrap().inject(Fault { kind, from, to });
        let mut events = Vec::new();
        for step in 0..3 {
            reporter.due(START.plus_ms(step * 10_000));
            events.push(said_first(&mut reporter).events);
            reporter.confirmed();
        }
        let [began, between, ended] = events.as_slice() else { panic!("{events:?}") };
        let [began] = began.as_slice() else { panic!("{began:?}") };
        assert_eq!((began.code.as_str(), began.address.as_deref()), ("residual_alarm", Some("2")));
        assert_eq!((&began.value, &ended[0].value), (&Tree::Truth(true), &Tree::Truth(false)));
        assert!(between.is_empty(), "{between:?}");
    }

    #[test]
    fn commands_are_done_once_and_answered_each_time() {
        let (mut reporter, devices) = reporter();
        let trip = Commands(vec![told(7, Some("2"), "trip", ""), told(8, Some("3"), "trip", "")]);
        reporter.obey(&trip);
        let answers = said_first(&mut reporter).answers;
        assert_eq!(answers[0], Answer { id: 7, settled: Settled::Done(Tree::Nothing) });
        assert!(matches!(answers[1].settled, Settled::Refused(_)), "{answers:?}");
        reporter.confirmed();
        devices[1].lock().unwrap().obey("close").unwrap();
        reporter.obey(&trip);
        assert_eq!(said_first(&mut reporter).answers, answers);
        reporter.confirmed();
        reporter.due(START);
        let message = said_first(&mut reporter);
        let switch = message.readings[1].values.iter().find(|(code, _)| code == "switch").unwrap();
        assert_eq!(switch.1, Tree::Number(Number::whole(1)), "not tripped again");
        reporter.obey(&Commands(vec![told(9, None, "period", r#"{"interval_s":30}"#)]));
        reporter.due(START.plus_ms(10_000));
        assert_eq!(reporter.next_upload(), START.plus_ms(40_000));
    }
}
