//! Commands to devices, with a line whose other end is the test.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::time::Duration;

use bus::sessions::LineRequest;
use bus::{LineAnswer, LineCommand, LineError, LiveEvent, LiveKind, SessionInfo};
use domain::access::Scope;
use domain::alarm::AlarmState;
use domain::command::{CommandKind, Event, Interlock, Outcome, State, apply};
use domain::hazard::Hazard;
use domain::id::{CommandId, DetectorId, TerminalId};
use domain::place::Protocol;
use domain::profile::{ReadCommand, WriteCommand};
use domain::reading::{PointIndex, Quality, Reading, Sample};
use domain::settings::LimitPatch;
use engine::services::{AdmitRequest, BatchRequest, CommandRequest, Trial, WhatIfTarget};
use engine::{Clock as _, CommandRefusal, EngineError};
use store::Page;
use store::admission::{CircuitChoice, DetectorPlace};
use store::circuits::CircuitPatch;
use store::commands::{CommandFilter, CommandRow, CommandStep};
use store::sites::SitePatch;
use store::terminals::PendingFilter;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::timeout;

use crate::world::{World, at_s, dial_with, operator, wait};

const PATIENCE: Duration = Duration::from_secs(20);
/// How long the test waits for the next request before it lets time pass.
const TICK: Duration = Duration::from_millis(150);

/// A breaker behind a DTU, on the circuit of the world's detector.
struct Breaker {
    world: World,
    detector: DetectorId,
    terminal: TerminalId,
    events: broadcast::Receiver<Arc<LiveEvent>>,
}

/// The test's end of a line.
struct Line {
    requests: mpsc::Receiver<LineRequest>,
    number: u64,
    /// Came while another command was being watched.
    held: Option<LineRequest>,
}

type Reply = oneshot::Sender<Result<LineAnswer, LineError>>;

impl Breaker {
    async fn new() -> Self {
        Self::of("leakage-breaker").await
    }

    async fn of(profile: &str) -> Self {
        let world = World::new().await;
        let all = Scope::platform();
        let mut events = world.watch();
        dial_with(&world.engine, &world.intake, "DTU0001", Protocol::ModbusRtu).await;
        wait(&mut events, |kind| matches!(kind, LiveKind::Pending)).await;
        let store = world.engine.store();
        let waiting =
            store.terminals().pending(&all, &PendingFilter::default(), &Page::first(10)).await.unwrap();
        let terminal = waiting.items[0].id;
        let beside = store.detectors().get(&all, world.detector).await.unwrap();
        let request = AdmitRequest {
            profile_id: profile.to_owned(),
            unit_address: Some(3),
            address: None,
            name: "断路器".to_owned(),
            place: DetectorPlace::Circuit(CircuitChoice::Existing(beside.circuit_id.unwrap())),
        };
        let admitted =
            world.engine.admission().admit(&all, &operator(1), terminal, None, vec![request]).await.unwrap();
        Self { detector: admitted.detectors[0], terminal, events, world }
    }

    fn line(&self) -> Line {
        let (sender, requests) = mpsc::channel(2);
        let info = SessionInfo { remote: "192.0.2.9:4000".to_owned(), connected_at: self.world.engine.now() };
        let (number, _) = self.world.engine.sessions().open(self.terminal, info, sender);
        Line { requests, number, held: None }
    }

    fn hang_up(&self, line: Line) {
        self.world.engine.sessions().close(self.terminal, line.number);
    }

    fn wanted(&self, kind: CommandKind) -> CommandRequest {
        CommandRequest {
            detector: self.detector,
            kind,
            code: None,
            value: None,
            read: None,
            reason: "检修".to_owned(),
            expires_in_s: None,
            trial: Trial::None,
        }
    }

    async fn ask(&self, kind: CommandKind) -> Result<CommandRow, EngineError> {
        let desk = self.world.engine.device_commands();
        desk.create(&Scope::platform(), &operator(1), &self.wanted(kind)).await
    }

    async fn get(&self, id: CommandId) -> CommandRow {
        self.world.engine.store().commands().get(&Scope::platform(), id).await.unwrap()
    }

    /// Waits until the command fits.
    async fn until(&mut self, id: CommandId, fits: impl Fn(&CommandRow) -> bool) -> CommandRow {
        let waited = async {
            loop {
                let row = self.world.engine.store().commands().get(&Scope::platform(), id).await.unwrap();
                if fits(&row) {
                    return row;
                }
                while !matches!(self.events.recv().await.unwrap().kind, LiveKind::Command { .. }) {}
            }
        };
        timeout(PATIENCE, waited).await.expect("the command gets there")
    }

    async fn states(&self, id: CommandId) -> Vec<String> {
        let steps = self.world.engine.store().commands().transitions(&Scope::platform(), id).await.unwrap();
        steps.into_iter().map(|step| step.to_state).collect()
    }

    /// The next request on the line; lets half a second pass on the server's clock while there is none.
    async fn next(&self, line: &mut Line) -> (LineCommand, Reply) {
        if let Some(held) = line.held.take() {
            return held;
        }
        let waited = async {
            loop {
                match timeout(TICK, line.requests.recv()).await {
                    Ok(request) => return request.expect("the line is held"),
                    Err(_nothing_yet) => self.world.clock.advance(500),
                }
            }
        };
        timeout(PATIENCE, waited).await.expect("a request")
    }

    /// Answers reads with `closed` until the command is over; a write would be a mistake.
    async fn shows(&mut self, line: &mut Line, id: CommandId, closed: u8) -> CommandRow {
        loop {
            let row = self.get(id).await;
            if !row.open {
                return row;
            }
            match timeout(TICK, line.requests.recv()).await {
                Ok(Some((LineCommand::Read { unit, read }, reply))) => {
                    assert_eq!((unit, read), (Some(3), COIL));
                    reply.send(Ok(LineAnswer::Data(vec![closed]))).unwrap();
                }
                Ok(Some(next)) if !self.get(id).await.open => line.held = Some(next),
                Ok(other) => panic!("{other:?}"),
                Err(_nothing_yet) => self.world.clock.advance(500),
            }
        }
    }
}

const COIL: ReadCommand = ReadCommand { function: 1, address: 1, count: 1 };

fn write_of(command: &LineCommand) -> &WriteCommand {
    let LineCommand::Write { unit: Some(3), write } = command else { panic!("{command:?}") };
    write
}

#[tokio::test]
async fn a_trip_waits_for_the_line_is_taken_and_read_back() {
    let mut breaker = Breaker::new().await;
    let row = breaker.ask(CommandKind::Trip).await.unwrap();
    assert_eq!((row.state, row.open, row.attempts), (State::Queued, true, 0));
    let mut line = breaker.line();
    let (command, reply) = breaker.next(&mut line).await;
    assert_eq!(write_of(&command), &WriteCommand { function: 5, address: 1, values: vec![0] });
    assert_eq!(breaker.get(row.id).await.state, State::Sent, "on disk before it is on the line");
    reply.send(Ok(LineAnswer::Done)).unwrap();
    for closed in [1, 0] {
        let (command, reply) = breaker.next(&mut line).await;
        assert_eq!(command, LineCommand::Read { unit: Some(3), read: COIL });
        reply.send(Ok(LineAnswer::Data(vec![closed]))).unwrap();
    }
    let over = breaker.until(row.id, |row| !row.open).await;
    assert_eq!((over.state, over.result.as_deref()), (State::Verified, Some("[0]")));
    assert_eq!(breaker.states(row.id).await, ["queued", "sent", "acknowledged", "verified"]);
    let world = &breaker.world;
    assert_eq!(world.audit("command.create").await.len(), 1);
    let ends = world.audit("command.end").await;
    assert!(ends.len() == 1 && ends[0].after.as_deref().is_some_and(|after| after.contains("verified")));
    assert!(world.engine.store().audit().verify(&Scope::platform()).await.unwrap().first_broken.is_none());
}

#[tokio::test]
async fn a_breaker_that_does_not_follow_is_a_fault_on_the_desk_until_one_follows() {
    let mut breaker = Breaker::new().await;
    let mut line = breaker.line();
    let row = breaker.ask(CommandKind::Trip).await.unwrap();
    let (_, reply) = breaker.next(&mut line).await;
    reply.send(Ok(LineAnswer::Done)).unwrap();
    let over = breaker.shows(&mut line, row.id, 1).await;
    assert_eq!((over.state, over.outcome), (State::NotVerified, Some(Outcome::SwitchDidNotMove)));
    let faults = |alarms: Vec<store::alarms::AlarmRow>| {
        alarms.into_iter().filter(|alarm| alarm.hazard == Hazard::SwitchFailed).collect::<Vec<_>>()
    };
    wait(&mut breaker.events, |kind| matches!(kind, LiveKind::Alarm { .. })).await;
    let raised = faults(breaker.world.alarms().await);
    assert_eq!((raised.len(), raised[0].state), (1, AlarmState::Unacknowledged));

    let again = breaker.ask(CommandKind::Trip).await.unwrap();
    let (_, reply) = breaker.next(&mut line).await;
    reply.send(Ok(LineAnswer::Done)).unwrap();
    let over = breaker.shows(&mut line, again.id, 0).await;
    assert_eq!(over.state, State::Verified);
    wait(&mut breaker.events, |kind| matches!(kind, LiveKind::Alarm { .. })).await;
    assert_eq!(faults(breaker.world.alarms().await)[0].state, AlarmState::ReturnedUnacknowledged);
}

#[tokio::test]
async fn what_does_no_harm_twice_is_sent_again_and_what_does_is_looked_at() {
    let mut breaker = Breaker::new().await;
    let mut line = breaker.line();
    let trip = breaker.ask(CommandKind::Trip).await.unwrap();
    for _ in 0..3 {
        let (command, reply) = breaker.next(&mut line).await;
        write_of(&command);
        reply.send(Err(LineError::TimedOut)).unwrap();
    }
    let over = breaker.shows(&mut line, trip.id, 0).await;
    assert_eq!((over.state, over.attempts), (State::Verified, 3), "it had got through after all");

    let close = breaker.ask(CommandKind::Close).await.unwrap();
    let (command, reply) = breaker.next(&mut line).await;
    assert_eq!(write_of(&command).values, [0xFF00]);
    reply.send(Err(LineError::TimedOut)).unwrap();
    let over = breaker.shows(&mut line, close.id, 0).await;
    assert_eq!((over.state, over.attempts), (State::NotVerified, 1), "never closed a second time");
    assert_eq!(breaker.states(close.id).await, ["queued", "sent", "outcome_unknown", "not_verified"]);
}

#[tokio::test]
async fn refusals_of_the_device_and_of_the_protocol_end_it() {
    let mut breaker = Breaker::new().await;
    let mut line = breaker.line();
    for (answer, state, outcome, detail) in [
        (Ok(LineAnswer::Exception(2)), State::Refused, Outcome::DeviceException, "exception 2"),
        (Ok(LineAnswer::Refused("locked".to_owned())), State::Refused, Outcome::DeviceRefused, "locked"),
        (Err(LineError::Unsupported), State::Failed, Outcome::Unsupported, ""),
    ] {
        let row = breaker.ask(CommandKind::Trip).await.unwrap();
        let (_, reply) = breaker.next(&mut line).await;
        reply.send(answer).unwrap();
        let over = breaker.until(row.id, |row| !row.open).await;
        assert_eq!((over.state, over.outcome, over.detail.as_str()), (state, Some(outcome), detail));
    }
    assert!(breaker.world.alarms().await.is_empty(), "nothing was switched, nothing failed to follow");
}

#[tokio::test]
async fn one_command_at_a_time_on_a_line_and_back_into_the_queue_when_the_line_goes() {
    let mut breaker = Breaker::new().await;
    let first = breaker.ask(CommandKind::Trip).await.unwrap();
    let second = breaker.ask(CommandKind::Trip).await.unwrap();
    let mut line = breaker.line();
    let (_, reply) = breaker.next(&mut line).await;
    assert_eq!(breaker.get(second.id).await.state, State::Queued);
    // The line goes before the session took the request: it did not get out.
    reply.send(Err(LineError::NotConnected)).unwrap();
    breaker.hang_up(line);
    let back = breaker.until(first.id, |row| row.state == State::Queued).await;
    assert_eq!((back.attempts, back.outcome), (0, Some(Outcome::NotConnected)));
    let mut line = breaker.line();
    for id in [first.id, second.id] {
        let (command, reply) = breaker.next(&mut line).await;
        write_of(&command);
        reply.send(Ok(LineAnswer::Done)).unwrap();
        assert_eq!(breaker.shows(&mut line, id, 0).await.state, State::Verified);
    }
}

#[tokio::test]
async fn a_command_expires_and_can_be_taken_back_only_before_it_is_sent() {
    let mut breaker = Breaker::new().await;
    let late = breaker.ask(CommandKind::Trip).await.unwrap();
    let back = breaker.ask(CommandKind::Trip).await.unwrap();
    let all = Scope::platform();
    let gone = breaker.world.engine.device_commands().cancel(&all, &operator(2), back.id).await.unwrap();
    assert_eq!((gone.state, gone.outcome), (State::Cancelled, Some(Outcome::CancelledByPerson)));
    breaker.world.clock.set(late.expires_at);
    let over = breaker.until(late.id, |row| !row.open).await;
    assert_eq!((over.state, over.outcome), (State::Expired, Some(Outcome::Expired)));

    let sent = breaker.ask(CommandKind::Trip).await.unwrap();
    let mut line = breaker.line();
    let (_, reply) = breaker.next(&mut line).await;
    let refused = breaker.world.engine.device_commands().cancel(&all, &operator(2), sent.id).await;
    assert!(matches!(refused, Err(EngineError::Command(CommandRefusal::NotCancellable("sent")))));
    reply.send(Ok(LineAnswer::Done)).unwrap();
    assert_eq!(breaker.world.audit("command.cancel").await.len(), 1);
}

/// As a process leaves it that dies between the disk and the line's answer.
async fn leave_as_sent(breaker: &Breaker, id: CommandId) {
    let row = breaker.get(id).await;
    let now = breaker.world.clock.now();
    let step = apply(row.life(), &row.terms(), Event::Sent, now).unwrap().unwrap();
    let system = store::Actor::system();
    let step = CommandStep {
        id,
        from: row.life(),
        step,
        detail: "",
        result: None,
        actor: &system,
        approved_by: None,
        audit: None,
    };
    breaker.world.engine.store().commands().step(now, &[step]).await.unwrap();
}

#[tokio::test]
async fn after_a_restart_nothing_harmful_is_sent_a_second_time() {
    let breaker = Breaker::new().await;
    let close = breaker.ask(CommandKind::Close).await.unwrap();
    leave_as_sent(&breaker, close.id).await;
    let trip = breaker.ask(CommandKind::Trip).await.unwrap();
    leave_as_sent(&breaker, trip.id).await;
    let Breaker { world, detector, terminal, .. } = breaker;
    let world = world.restart(at_s(60)).await;
    let events = world.watch();
    let mut breaker = Breaker { world, detector, terminal, events };
    let known = breaker.until(close.id, |row| row.state != State::Sent).await;
    assert!(matches!(known.state, State::OutcomeUnknown { verify_by: Some(_) }), "{:?}", known.state);
    assert_eq!(known.outcome, Some(Outcome::UnknownAfterRestart));
    assert_eq!(breaker.until(trip.id, |row| row.state != State::Sent).await.state, State::Queued);

    let mut line = breaker.line();
    // First the close is looked at: it had been carried out. Only then the trip goes out again.
    let over = breaker.shows(&mut line, close.id, 1).await;
    assert_eq!((over.state, over.attempts), (State::Verified, 1));
    let (command, reply) = breaker.next(&mut line).await;
    assert_eq!(write_of(&command).values, [0]);
    reply.send(Ok(LineAnswer::Done)).unwrap();
    assert_eq!(breaker.shows(&mut line, trip.id, 0).await.state, State::Verified);
}

#[tokio::test]
async fn circuits_that_people_depend_on_are_never_switched() {
    let mut breaker = Breaker::new().await;
    let all = Scope::platform();
    let waiting = breaker.ask(CommandKind::Trip).await.unwrap();
    let store = breaker.world.engine.store();
    let circuit = breaker.get(waiting.id).await.circuit_id.unwrap();
    let patch =
        CircuitPatch { load_kind: Some("fire_pump".to_owned()), version: 1, ..CircuitPatch::default() };
    store
        .circuits()
        .change_circuit(&all, &operator(1), breaker.world.engine.now(), circuit, &patch)
        .await
        .unwrap();

    let refused = breaker.ask(CommandKind::Close).await;
    assert!(matches!(refused, Err(EngineError::Command(CommandRefusal::Interlocked(Interlock::FirePump)))));
    let audited = breaker.world.audit("command.refused").await;
    assert!(
        audited.len() == 1 && audited[0].after.as_deref().is_some_and(|after| after.contains("interlocked"))
    );
    let kept = store.commands().list(&all, &CommandFilter::default(), &Page::first(10)).await.unwrap();
    assert_eq!(kept.items[0].state, State::Refused);

    // What was queued before is refused when it would go out.
    let line = breaker.line();
    let over = breaker.until(waiting.id, |row| !row.open).await;
    assert_eq!((over.state, over.outcome), (State::Refused, Some(Outcome::Interlocked)));
    breaker.hang_up(line);
}

#[tokio::test]
async fn where_the_site_says_so_a_second_person_agrees() {
    let mut breaker = Breaker::new().await;
    let all = Scope::platform();
    let patch = SitePatch { two_person_switching: Some(true), version: 1, ..SitePatch::default() };
    breaker.world.engine.places().change_site(&all, &operator(1), breaker.world.site, &patch).await.unwrap();
    let mut line = breaker.line();
    let row = breaker.ask(CommandKind::Trip).await.unwrap();
    assert_eq!(row.state, State::AwaitingApproval);
    let desk = breaker.world.engine.device_commands();
    let same = desk.approve(&all, &operator(1), row.id).await;
    assert!(matches!(same, Err(EngineError::Command(CommandRefusal::SamePerson))));
    assert!(line.requests.try_recv().is_err(), "nothing goes out for one person");
    let agreed = desk.approve(&all, &operator(2), row.id).await.unwrap();
    assert_eq!(agreed.approved_by.as_deref(), Some("operator 2"));
    let twice = desk.approve(&all, &operator(3), row.id).await;
    assert!(matches!(twice, Err(EngineError::Command(CommandRefusal::NotWaiting(_)))));
    let (command, reply) = breaker.next(&mut line).await;
    write_of(&command);
    reply.send(Ok(LineAnswer::Done)).unwrap();
    assert_eq!(breaker.shows(&mut line, row.id, 0).await.state, State::Verified);
    assert_eq!(breaker.world.audit("command.approve").await.len(), 1);
}

#[tokio::test]
async fn a_raw_read_brings_the_registers() {
    let mut breaker = Breaker::new().await;
    let read = ReadCommand { function: 4, address: 4, count: 2 };
    let wanted = CommandRequest { read: Some(read), ..breaker.wanted(CommandKind::RawRead) };
    let desk = breaker.world.engine.device_commands();
    let row = desk.create(&Scope::platform(), &operator(1), &wanted).await.unwrap();
    let too_many = CommandRequest { read: Some(ReadCommand { count: 126, ..read }), ..wanted };
    let refused = desk.create(&Scope::platform(), &operator(1), &too_many).await;
    assert!(matches!(refused, Err(EngineError::Invalid(errors)) if errors[0].field == "read"));
    let mut line = breaker.line();
    let (command, reply) = breaker.next(&mut line).await;
    assert_eq!(command, LineCommand::Read { unit: Some(3), read });
    reply.send(Ok(LineAnswer::Data(vec![0x13, 0x88, 0, 30]))).unwrap();
    let over = breaker.until(row.id, |row| !row.open).await;
    assert_eq!(over.state, State::Acknowledged { verify_by: None });
    assert_eq!(over.result.as_deref(), Some("[5000,30]"));
}

#[tokio::test]
async fn a_set_point_is_tried_on_the_past_sent_and_read_back() {
    let mut breaker = Breaker::of("asj-relay").await;
    let all = Scope::platform();
    let desk = breaker.world.engine.device_commands();
    let set = CommandRequest {
        code: Some("alarm".to_owned()),
        value: Some(300.0),
        ..breaker.wanted(CommandKind::SetPoint)
    };
    let refused = |asked: Result<CommandRow, EngineError>| match asked {
        Err(EngineError::Invalid(errors)) => (errors[0].field, errors[0].code),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(desk.create(&all, &operator(1), &set).await), ("what_if_id", "required"));
    let own = LimitPatch { alarm: Some(300.0), ..LimitPatch::default() };
    let target = WhatIfTarget::Detector(breaker.detector);
    let tried = desk.what_if(&all, &operator(1), target, Hazard::ResidualCurrent, own, 30).await.unwrap();
    let with_trial = CommandRequest { trial: Trial::Tried(tried.id), ..set.clone() };
    let by_another = desk.create(&all, &operator(2), &with_trial).await;
    assert_eq!(refused(by_another), ("what_if_id", "does_not_fit"));
    let of_another = CommandRequest { value: Some(310.0), ..with_trial.clone() };
    assert_eq!(refused(desk.create(&all, &operator(1), &of_another).await), ("what_if_id", "does_not_fit"));
    let too_much = CommandRequest { value: Some(30_001.0), ..with_trial.clone() };
    assert_eq!(refused(desk.create(&all, &operator(1), &too_much).await), ("value", "out_of_range"));

    let row = desk.create(&all, &operator(1), &with_trial).await.unwrap();
    let mut line = breaker.line();
    let (command, reply) = breaker.next(&mut line).await;
    assert_eq!(write_of(&command), &WriteCommand { function: 16, address: 8, values: vec![300] });
    reply.send(Ok(LineAnswer::Done)).unwrap();
    let (command, reply) = breaker.next(&mut line).await;
    let read = ReadCommand { function: 3, address: 8, count: 1 };
    assert_eq!(command, LineCommand::Read { unit: Some(3), read });
    reply.send(Ok(LineAnswer::Data(vec![1, 44]))).unwrap();
    assert_eq!(breaker.until(row.id, |row| !row.open).await.state, State::Verified);

    breaker.world.clock.advance(3_600_001);
    let desk = breaker.world.engine.device_commands();
    assert_eq!(
        refused(desk.create(&all, &operator(1), &with_trial).await),
        ("what_if_id", "does_not_fit"),
        "a trial counts for an hour"
    );
    let skipped = CommandRequest { trial: Trial::Skipped("现场已核对".to_owned()), ..set };
    desk.create(&all, &operator(1), &skipped).await.unwrap();
    assert!(
        breaker
            .world
            .audit("command.create")
            .await
            .iter()
            .any(|entry| { entry.after.as_deref().is_some_and(|after| after.contains("现场已核对")) })
    );
}

#[tokio::test]
async fn a_trial_counts_what_would_have_been() {
    let world = World::new().await;
    // 250 mA for ten minutes, between quiet; the alarm level of today is higher.
    for (minute, ma) in [(0, 50), (1, 250), (6, 250), (11, 50), (15, 50)] {
        world.measure(minute * 60, ma).await;
    }
    let desk = world.engine.device_commands();
    let own = LimitPatch { warning: Some(100.0), alarm: Some(200.0), ..LimitPatch::default() };
    let target = WhatIfTarget::Detector(world.detector);
    let all = Scope::platform();
    let tried = desk.what_if(&all, &operator(1), target, Hazard::ResidualCurrent, own, 30).await.unwrap();
    assert_eq!((tried.readings, tried.complete), (5, true));
    let count = |found: &[domain::command::what_if::Occurrence]| {
        found.iter().map(|one| (one.severity, one.worst)).collect::<Vec<_>>()
    };
    use domain::hazard::Severity::{Alarm, Warning};
    assert_eq!(count(&tried.today.occurrences), [(Warning, Some(250.0))]);
    assert_eq!(count(&tried.candidate.occurrences), [(Alarm, Some(250.0))]);
    let would = tried.candidate.occurrences[0];
    assert_eq!((would.raised_at, would.returned_at.is_some()), (at_s(65), true));
    // Today's is what the pipeline itself found.
    assert_eq!(world.the_alarm().await.raised_at, tried.today.occurrences[0].raised_at);
    let wrong = desk.what_if(&all, &operator(1), target, Hazard::ArcFault, own, 30).await;
    assert!(matches!(wrong, Err(EngineError::Invalid(errors)) if errors[0].field == "hazard"));
}

#[tokio::test]
async fn many_are_told_at_once_and_the_rest_can_be_stopped() {
    let breaker = Breaker::of("arcm300-modbus").await;
    let all = Scope::platform();
    let desk = breaker.world.engine.device_commands();
    let each = CommandRequest { reason: "月检".to_owned(), ..breaker.wanted(CommandKind::Reset) };
    let detectors = vec![breaker.detector, breaker.world.detector];
    let asked = BatchRequest { detectors: detectors.clone(), each: each.clone() };
    let batch = desk.create_batch(&all, &operator(1), &asked).await.unwrap();
    assert_eq!((batch.total, batch.kind), (2, CommandKind::Reset));
    let mute = CommandRequest { kind: CommandKind::Mute, ..each.clone() };
    let asked = BatchRequest { detectors: detectors.clone(), each: mute };
    let none = desk.create_batch(&all, &operator(1), &asked).await.unwrap();
    let counts =
        breaker.world.engine.store().commands().batch_counts(&all, &[batch.id, none.id]).await.unwrap();
    assert_eq!(counts[&batch.id].0["queued"], 2);
    assert_eq!((counts[&none.id].0["refused"], counts[&none.id].1), (2, 0), "the models know no mute");
    let trip = CommandRequest { kind: CommandKind::Trip, ..each };
    let refused = desk.create_batch(&all, &operator(1), &BatchRequest { detectors, each: trip }).await;
    assert!(matches!(refused, Err(EngineError::Invalid(errors)) if errors[0].code == "one_at_a_time"));

    let stopped = desk.stop_batch(&all, &operator(2), batch.id).await.unwrap();
    assert!(stopped.stopped_at.is_some());
    let counts = breaker.world.engine.store().commands().batch_counts(&all, &[batch.id]).await.unwrap();
    assert_eq!((counts[&batch.id].0["cancelled"], counts[&batch.id].1), (2, 0));
    assert_eq!(breaker.world.audit("command_batch").await.len(), 3);
}

/// A trip that the breaker did not follow, and the fault of it on the desk.
async fn not_followed(breaker: &mut Breaker) -> (CommandRow, store::alarms::AlarmRow) {
    let mut line = breaker.line();
    let row = breaker.ask(CommandKind::Trip).await.unwrap();
    let (_, reply) = breaker.next(&mut line).await;
    reply.send(Ok(LineAnswer::Done)).unwrap();
    let over = breaker.shows(&mut line, row.id, 1).await;
    assert_eq!(over.state, State::NotVerified);
    breaker.hang_up(line);
    let fault = breaker.fault(|alarm| alarm.state == AlarmState::Unacknowledged).await;
    (over, fault)
}

impl Breaker {
    /// Waits until the newest fault of a breaker that did not follow fits; lets time pass meanwhile.
    async fn fault(&self, fits: impl Fn(&store::alarms::AlarmRow) -> bool) -> store::alarms::AlarmRow {
        let waited = async {
            loop {
                let alarms = self.world.alarms().await;
                let newest = alarms.into_iter().rfind(|alarm| alarm.hazard == Hazard::SwitchFailed);
                if let Some(alarm) = newest.filter(&fits) {
                    return alarm;
                }
                let mut events = self.world.watch();
                if timeout(TICK, events.recv()).await.is_err() {
                    self.world.clock.advance(1_000);
                }
            }
        };
        timeout(PATIENCE, waited).await.expect("the fault gets there")
    }

    /// The device tells by itself how its switch stands, measured `late_ms` ago.
    async fn tells(&self, closed: i64, late_ms: i64) {
        let profile = self.world.engine.directory().profile("leakage-breaker").unwrap();
        let point = (0..).zip(&profile.points).find(|(_, point)| point.code == "switch").unwrap().0;
        let now = self.world.engine.now();
        let sample = Sample { point: PointIndex(point), raw: closed, quality: Quality::Good };
        let reading = Reading {
            detector: self.detector,
            group: 0,
            device_at: Some(now.plus_ms(-late_ms)),
            received_at: now,
            samples: vec![sample],
            reported: Vec::new(),
        };
        assert_eq!(self.world.confirm(reading).await, bus::Outcome::Committed);
    }

    async fn restarted(self, seconds: i64) -> Self {
        let Self { world, detector, terminal, .. } = self;
        let world = world.restart(at_s(seconds)).await;
        let events = world.watch();
        Self { world, detector, terminal, events }
    }
}

#[tokio::test]
async fn a_breaker_whose_own_values_show_it_moved_is_no_fault_any_more() {
    let mut breaker = Breaker::new().await;
    let (_, fault) = not_followed(&mut breaker).await;
    breaker.world.clock.advance(60_000);
    breaker.tells(1, 0).await;
    // Measured before: late data end nothing.
    breaker.tells(0, 50_000).await;
    for _ in 0..4 {
        breaker.world.clock.advance(5_000);
        tokio::task::yield_now().await;
    }
    let still = breaker.fault(|_| true).await;
    assert_eq!((still.id, still.state), (fault.id, AlarmState::Unacknowledged));
    breaker.world.clock.advance(1_000);
    breaker.tells(0, 0).await;
    let gone = breaker.fault(|alarm| alarm.returned_at.is_some()).await;
    assert_eq!((gone.id, gone.state), (fault.id, AlarmState::ReturnedUnacknowledged));
    // The command stays what it was, and a restart does not raise the fault anew.
    let breaker = breaker.restarted(3_600).await;
    breaker.world.clock.advance(10_000);
    breaker.tells(0, 0).await;
    let alarms = breaker.world.alarms().await;
    let faults: Vec<_> = alarms.iter().filter(|alarm| alarm.hazard == Hazard::SwitchFailed).collect();
    assert_eq!((faults.len(), faults[0].state), (1, AlarmState::ReturnedUnacknowledged));
}

#[tokio::test]
async fn a_breaker_that_is_still_watched_after_a_restart_is_seen_to_move() {
    let mut breaker = Breaker::new().await;
    let (_, fault) = not_followed(&mut breaker).await;
    let breaker = breaker.restarted(3_600).await;
    let still = breaker.fault(|_| true).await;
    assert_eq!((still.id, still.state), (fault.id, AlarmState::Unacknowledged));
    breaker.world.clock.advance(1_000);
    breaker.tells(0, 0).await;
    assert_eq!(breaker.fault(|alarm| alarm.returned_at.is_some()).await.id, fault.id);
}

#[tokio::test]
async fn a_person_who_has_looked_ends_the_fault_with_a_reason() {
    let mut breaker = Breaker::new().await;
    let (_, fault) = not_followed(&mut breaker).await;
    let all = Scope::platform();
    let reset = async |breaker: &Breaker, words: Option<&str>| {
        let desk = breaker.world.engine.alarms();
        desk.reset(&all, &operator(2), fault.id, words.map(str::to_owned), false).await
    };
    let early = reset(&breaker, Some("现场已分闸")).await;
    assert!(matches!(early, Err(EngineError::Refused(domain::alarm::Refusal::NotAcknowledged))), "{early:?}");
    breaker.world.engine.alarms().acknowledge(&all, &operator(1), fault.id, None).await.unwrap();
    for words in [None, Some("  ")] {
        let refused = reset(&breaker, words).await;
        assert!(matches!(refused, Err(EngineError::Invalid(errors)) if errors[0].field == "comment"));
    }
    let over = reset(&breaker, Some("现场已分闸")).await.unwrap().alarm;
    assert_eq!((over.state, over.close_reason.as_deref()), (AlarmState::Closed, Some("returned")));
    let audit = breaker.world.audit("alarm.reset").await;
    assert!(
        audit.iter().any(|entry| entry.after.as_deref().is_some_and(|after| after.contains("现场已分闸")))
    );
    let twice = reset(&breaker, Some("现场已分闸")).await;
    assert!(matches!(twice, Err(EngineError::Refused(domain::alarm::Refusal::Closed))), "{twice:?}");

    // Over stays over; the next breaker that does not follow is a fault of its own.
    let mut breaker = breaker.restarted(3_600).await;
    breaker.world.clock.advance(10_000);
    breaker.tells(1, 0).await;
    assert_eq!(breaker.fault(|_| true).await.state, AlarmState::Closed);
    let (_, second) = not_followed(&mut breaker).await;
    assert_ne!(second.id, fault.id);
}

#[tokio::test]
async fn a_close_whose_line_was_lost_is_looked_at_on_the_next_line_and_never_repeated() {
    let mut breaker = Breaker::new().await;
    let mut line = breaker.line();
    let close = breaker.ask(CommandKind::Close).await.unwrap();
    let (command, reply) = breaker.next(&mut line).await;
    assert_eq!(write_of(&command).values, [0xFF00]);
    breaker.hang_up(line);
    reply.send(Err(LineError::LineLost)).unwrap();
    let unknown = breaker.until(close.id, |row| row.state != State::Sent).await;
    assert!(matches!(unknown.state, State::OutcomeUnknown { verify_by: Some(_) }), "{:?}", unknown.state);
    // The device sleeps and wakes; all that it hears is the question how its switch stands.
    let mut line = breaker.line();
    let over = breaker.shows(&mut line, close.id, 1).await;
    assert_eq!((over.state, over.attempts), (State::Verified, 1));
}

#[tokio::test]
async fn a_command_that_is_out_does_not_expire() {
    let mut breaker = Breaker::new().await;
    let mut line = breaker.line();
    let trip = breaker.ask(CommandKind::Trip).await.unwrap();
    let waits = breaker.ask(CommandKind::Trip).await.unwrap();
    let (_, reply) = breaker.next(&mut line).await;
    breaker.world.clock.set(trip.expires_at.plus_ms(1));
    tokio::task::yield_now().await;
    assert_eq!(breaker.get(trip.id).await.state, State::Sent);
    reply.send(Ok(LineAnswer::Done)).unwrap();
    assert_eq!(breaker.shows(&mut line, trip.id, 0).await.state, State::Verified);
    // The one behind it on the same line waited too long meanwhile.
    let over = breaker.until(waits.id, |row| !row.open).await;
    assert_eq!((over.state, over.attempts), (State::Expired, 0));
    assert!(line.requests.try_recv().is_err(), "it never went out");
}

#[tokio::test]
async fn two_persons_at_the_same_moment_move_a_command_once() {
    let breaker = Breaker::new().await;
    let world = &breaker.world;
    let all = Scope::platform();
    let patch = SitePatch { two_person_switching: Some(true), version: 1, ..SitePatch::default() };
    world.engine.places().change_site(&all, &operator(1), world.site, &patch).await.unwrap();
    let row = breaker.ask(CommandKind::Trip).await.unwrap();
    assert_eq!(row.state, State::AwaitingApproval);
    let desk = world.engine.device_commands();
    let (one, two, three) = (operator(1), operator(2), operator(3));
    let (second, third, back) = tokio::join!(
        desk.approve(&all, &two, row.id),
        desk.approve(&all, &three, row.id),
        desk.cancel(&all, &one, row.id),
    );
    let agreed = [&second, &third].iter().filter(|answer| answer.is_ok()).count();
    assert!(agreed <= 1, "{second:?} {third:?}");
    let states = breaker.states(row.id).await;
    assert_eq!(states.iter().filter(|state| *state == "queued").count(), agreed, "{states:?}");
    assert_eq!(world.audit("command.approve").await.len(), agreed);
    assert_eq!(world.audit("command.cancel").await.len(), usize::from(back.is_ok()));
    assert!(agreed == 1 || back.is_ok(), "somebody was first");
}

#[tokio::test]
async fn stopping_a_batch_takes_back_what_has_not_gone_out_and_nothing_else() {
    let mut breaker = Breaker::of("arcm300-modbus").await;
    let all = Scope::platform();
    let desk = breaker.world.engine.device_commands();
    let each = CommandRequest { reason: "月检".to_owned(), ..breaker.wanted(CommandKind::Reset) };
    let detectors = vec![breaker.detector, breaker.world.detector];
    let mut line = breaker.line();
    let batch = desk.create_batch(&all, &operator(1), &BatchRequest { detectors, each }).await.unwrap();
    let (_, reply) = breaker.next(&mut line).await;
    let desk = breaker.world.engine.device_commands();
    desk.stop_batch(&all, &operator(2), batch.id).await.unwrap();
    let filter = CommandFilter { batch: Some(batch.id), ..CommandFilter::default() };
    let store = breaker.world.engine.store().clone();
    let rows = store.commands().list(&all, &filter, &Page::first(10)).await.unwrap().items;
    let of = |detector| rows.iter().find(|row| row.detector_id == detector).unwrap();
    assert_eq!(of(breaker.detector).state, State::Sent, "what is out cannot be called back");
    let other = of(breaker.world.detector);
    assert_eq!((other.state, other.outcome), (State::Cancelled, Some(Outcome::BatchStopped)));
    let out = of(breaker.detector).id;
    reply.send(Ok(LineAnswer::Done)).unwrap();
    let over = breaker.until(out, |row| !matches!(row.state, State::Sent)).await;
    assert!(matches!(over.state, State::Acknowledged { .. } | State::Verified), "{:?}", over.state);
}
