//! Commands, batches and trials: scope, the one writer of a step, what is open after a restart.

use std::slice::from_ref;

use domain::access::Scope;
use domain::command::{CommandKind, Event, Outcome, State, apply};
use domain::hazard::Hazard;
use domain::settings::LimitPatch;
use store::commands::batches::NewBatch;
use store::commands::{CommandFilter, CommandRow, CommandStep, NewCommand};
use store::{Actor, ActorKind, Options, Page, StoreError};

use crate::world::{Backend, Company, HOUR, MINUTE, NOW, World};

fn wanted(company: &Company, kind: CommandKind) -> NewCommand {
    NewCommand {
        detector: company.detector,
        kind,
        code: kind.code().to_owned(),
        name: String::new(),
        value: None,
        unit: String::new(),
        plan: r#"{"v":1,"acts":[],"check":null}"#.to_owned(),
        idempotent: true,
        verify_within_ms: Some(10_000),
        reason: "检修".to_owned(),
        expires_at: NOW.plus_ms(HOUR),
        state: State::Queued,
        outcome: None,
        detail: String::new(),
        audit: serde_json::json!({"skipped_because": "现场已核对"}),
    }
}

fn step<'a>(row: &CommandRow, event: Event, actor: &'a Actor) -> CommandStep<'a> {
    let step = apply(row.life(), &row.terms(), event, NOW.plus_ms(MINUTE)).unwrap().unwrap();
    CommandStep {
        id: row.id,
        from: row.life(),
        step,
        detail: "",
        result: None,
        actor,
        approved_by: None,
        audit: Some("command.cancel"),
    }
}

#[tokio::test]
async fn commands_are_seen_and_made_in_ones_own_scope_only() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let commands = world.store.commands();
        let new = wanted(&world.east, CommandKind::Trip);
        for scope in [&world.west.scope, &world.nothing] {
            let refused = commands.create(scope, &world.actor, NOW, &new).await;
            assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
        }
        let row = commands.create(&world.east.scope, &world.actor, NOW, &new).await.unwrap();
        assert_eq!((row.state, row.open, row.attempts), (State::Queued, true, 0));
        for (scope, seen) in
            [(&world.east.scope, 1), (&world.everything, 1), (&world.west.scope, 0), (&world.nothing, 0)]
        {
            let page = commands.list(scope, &CommandFilter::default(), &Page::first(10)).await.unwrap();
            assert_eq!((page.items.len(), page.total), (seen, i64::try_from(seen).ok()));
            assert_eq!(commands.by_ids(scope, from_ref(&row.id)).await.unwrap().len(), seen);
            assert_eq!(commands.get(scope, row.id).await.is_ok(), seen == 1);
            assert_eq!(commands.transitions(scope, row.id).await.is_ok(), seen == 1);
        }
        let none = commands.by_ids(&world.everything, &[]).await.unwrap();
        assert!(none.is_empty());
    }
}

#[tokio::test]
async fn of_two_steps_from_one_state_one_is_written() {
    for backend in Backend::ALL {
        let mut world = World::new(backend).await;
        let system = Actor::system();
        let new = wanted(&world.east, CommandKind::Trip);
        let row = world.store.commands().create(&world.everything, &world.actor, NOW, &new).await.unwrap();
        let actor = world.actor.clone();
        let send = step(&row, Event::Sent, &system);
        let back = step(&row, Event::Cancelled(Outcome::CancelledByPerson), &actor);
        let moved = world.store.commands().step(NOW, &[send, back]).await.unwrap();
        assert_eq!(moved.len(), 1, "the command had moved on");
        assert_eq!((moved[0].state, moved[0].attempts), (State::Sent, 1));
        world.reopen(Options::default()).await;
        let commands = world.store.commands();
        let open = commands.open().await.unwrap();
        assert_eq!((open.len(), open[0].id, open[0].state), (1, row.id, State::Sent), "as it was left");
        assert!(commands.last_switched().await.unwrap().is_empty(), "it has not come to its end");
        let sent = commands.get(&world.everything, row.id).await.unwrap();
        let ended = step(&sent, Event::Refused(Outcome::DeviceRefused), &system);
        commands.step(NOW, &[ended]).await.unwrap();
        assert!(commands.open().await.unwrap().is_empty());
        assert!(commands.last_switched().await.unwrap().is_empty(), "a refused one switched nothing");
        let steps = commands.transitions(&world.everything, row.id).await.unwrap();
        let states: Vec<_> = steps.iter().map(|step| step.to_state.as_str()).collect();
        assert_eq!(states, ["queued", "sent", "refused"]);
        assert!(world.store.audit().verify(&world.everything).await.unwrap().first_broken.is_none());
    }
}

#[tokio::test]
async fn the_last_switching_command_of_each_detector_is_told() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let system = Actor::system();
        let commands = world.store.commands();
        let mut last = None;
        for kind in [CommandKind::Trip, CommandKind::Close, CommandKind::SelfTest] {
            let new = wanted(&world.east, kind);
            let row = commands.create(&world.everything, &world.actor, NOW, &new).await.unwrap();
            for event in [Event::Sent, Event::Acknowledged, Event::Differs(Outcome::SwitchDidNotMove)] {
                let now = commands.get(&world.everything, row.id).await.unwrap();
                commands.step(NOW, &[step(&now, event, &system)]).await.unwrap();
            }
            last = if kind.switches() { Some(row.id) } else { last };
        }
        assert_eq!(commands.last_switched().await.unwrap(), [last.unwrap()]);
    }
}

#[tokio::test]
async fn a_batch_is_counted_stopped_and_seen_by_its_own() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let commands = world.store.commands();
        let all = [wanted(&world.east, CommandKind::Reset), wanted(&world.west, CommandKind::Reset)];
        let new = NewBatch {
            kind: CommandKind::Reset,
            code: "reset".to_owned(),
            value: None,
            unit: String::new(),
            reason: "月检".to_owned(),
            audit: serde_json::json!({}),
        };
        let (batch, rows) =
            commands.create_batch(&world.everything, &world.actor, NOW, &new, &all).await.unwrap();
        assert_eq!((batch.total, rows.len()), (2, 2));
        let counts = async |scope: &Scope| {
            commands.batch_counts(scope, &[batch.id]).await.unwrap().remove(&batch.id).map(|found| found.1)
        };
        assert_eq!(counts(&world.everything).await, Some(2));
        assert_eq!(counts(&world.east.scope).await, Some(1));
        assert!(commands.batch(&world.nothing, batch.id).await.is_err());
        let outside = commands.create_batch(&world.east.scope, &world.actor, NOW, &new, &all).await;
        assert!(matches!(outside, Err(StoreError::NotFound { .. })), "{outside:?}");
        let system = Actor::system();
        commands.step(NOW, &[step(&rows[0], Event::Sent, &system)]).await.unwrap();
        let stopped = commands.stop_batch(&world.everything, &world.actor, NOW, batch.id).await.unwrap();
        assert_eq!(stopped.len(), 1, "what is out stays out");
        assert_eq!((stopped[0].id, stopped[0].state), (rows[1].id, State::Cancelled));
        assert_eq!(counts(&world.everything).await, Some(1));
    }
}

#[tokio::test]
async fn a_trial_counts_for_who_made_it_and_for_its_time() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let commands = world.store.commands();
        let own = LimitPatch { alarm: Some(300.0), ..LimitPatch::default() };
        let detector = world.east.detector;
        let id =
            commands.tried(&world.actor, NOW, detector, None, Hazard::ResidualCurrent, &own).await.unwrap();
        let found = commands.trial(&world.actor, NOW, id).await.unwrap().unwrap();
        assert_eq!((found.detector, found.hazard, found.own), (detector, Hazard::ResidualCurrent, own));
        assert!(commands.trial(&world.actor, NOW.plus_ms(1), id).await.unwrap().is_none(), "too old");
        let other = Actor { kind: ActorKind::System, ..world.actor.clone() };
        assert!(commands.trial(&other, NOW, id).await.unwrap().is_none(), "another's");
    }
}
