//! The life of a command as one table of state x event, and what must hold whatever happens in whatever order.

use domain::command::life::MOST_ATTEMPTS;
use domain::command::{Event, Life, Outcome, State, Terms, apply};
use domain::time::UnixMs;
use proptest::prelude::*;

const NOW: UnixMs = UnixMs(1_000_000);
const LATER: UnixMs = UnixMs(1_005_000);
const TERMS: Terms = Terms { idempotent: true, expires_at: UnixMs(2_000_000), verify_within_ms: Some(5_000) };

const VERIFYING: State = State::Acknowledged { verify_by: Some(LATER) };
const TAKEN: State = State::Acknowledged { verify_by: None };
const LOOKING: State = State::OutcomeUnknown { verify_by: Some(LATER) };
const UNKNOWN: State = State::OutcomeUnknown { verify_by: None };

const STATES: [State; 13] = [
    State::AwaitingApproval,
    State::Queued,
    State::Sent,
    VERIFYING,
    TAKEN,
    LOOKING,
    UNKNOWN,
    State::Verified,
    State::NotVerified,
    State::Refused,
    State::Failed,
    State::Expired,
    State::Cancelled,
];

const EVENTS: [Event; 12] = [
    Event::Approved,
    Event::Cancelled(Outcome::CancelledByPerson),
    Event::Sent,
    Event::NotTaken(Outcome::Busy),
    Event::Acknowledged,
    Event::Refused(Outcome::DeviceException),
    Event::Failed(Outcome::Unsupported),
    Event::Unanswered(Outcome::NoAnswer),
    Event::Restarted,
    Event::Matches,
    Event::Differs(Outcome::SwitchDidNotMove),
    Event::TimePassed,
];

/// What the table says at [`NOW`]: the code of the state after, `-` for nothing, an empty word for a refusal.
fn after(state: State, event: Event) -> &'static str {
    match apply(Life { state, attempts: 1 }, &TERMS, event, NOW) {
        Ok(Some(step)) => step.life.state.code(),
        Ok(None) => "-",
        Err(_not_now) => "",
    }
}

#[test]
fn the_table_is_as_it_was_drawn() {
    let columns = [
        "approved",
        "cancelled",
        "sent",
        "not taken",
        "acknowledged",
        "refused",
        "failed",
        "unanswered",
        "restarted",
        "matches",
        "differs",
        "time passed",
    ];
    let (q, s, a) = ("queued", "sent", "acknowledged");
    let (v, n, r, f, c) = ("verified", "not_verified", "refused", "failed", "cancelled");
    let table: [(State, [&str; 12]); 13] = [
        (State::AwaitingApproval, [q, c, "", "", "", r, f, "", "-", "", "", "-"]),
        (State::Queued, ["", c, s, "", "", r, f, "", "-", "", "", "-"]),
        (State::Sent, ["", "", "", q, a, r, f, q, q, "", "", "-"]),
        (VERIFYING, ["", "", "", "", "", "", "", "", a, v, n, "-"]),
        (TAKEN, [""; 12]),
        (LOOKING, ["", "", "", "", "", "", "", "", "-", v, n, "-"]),
        (UNKNOWN, [""; 12]),
        (State::Verified, [""; 12]),
        (State::NotVerified, [""; 12]),
        (State::Refused, [""; 12]),
        (State::Failed, [""; 12]),
        (State::Expired, [""; 12]),
        (State::Cancelled, [""; 12]),
    ];
    for (row, (state, wanted)) in table.into_iter().enumerate() {
        assert_eq!(state, STATES[row]);
        for ((event, wanted), column) in EVENTS.into_iter().zip(wanted).zip(columns) {
            assert_eq!(after(state, event), wanted, "{state:?} x {column}");
        }
    }
}

#[test]
fn what_does_harm_twice_is_never_sent_again() {
    let careful = Terms { idempotent: false, ..TERMS };
    let sent = Life { state: State::Sent, attempts: 1 };
    for event in [Event::Unanswered(Outcome::NoAnswer), Event::Restarted] {
        let step = apply(sent, &careful, event, NOW).unwrap().unwrap();
        // Looked at as long as the command would have waited for its device.
        assert_eq!(step.life.state, State::OutcomeUnknown { verify_by: Some(careful.expires_at) });
        let blind = Terms { verify_within_ms: None, ..careful };
        let step = apply(sent, &blind, event, NOW).unwrap().unwrap();
        assert_eq!(step.life.state, UNKNOWN);
        let worn = Life { attempts: MOST_ATTEMPTS, ..sent };
        let step = apply(worn, &TERMS, event, NOW).unwrap().unwrap();
        assert_eq!(step.life.state.code(), "outcome_unknown");
    }
}

#[test]
fn time_ends_what_waits() {
    let over = |state, now| {
        let step = apply(Life { state, attempts: 1 }, &TERMS, Event::TimePassed, now).unwrap();
        step.map(|step| (step.life.state, step.outcome))
    };
    for state in [State::AwaitingApproval, State::Queued] {
        assert_eq!(over(state, UnixMs(1_999_999)), None);
        assert_eq!(over(state, TERMS.expires_at), Some((State::Expired, Some(Outcome::Expired))));
    }
    assert_eq!(over(VERIFYING, LATER), Some((State::NotVerified, Some(Outcome::NotReadable))));
    assert_eq!(over(LOOKING, LATER), Some((UNKNOWN, Some(Outcome::NotReadable))));
    let queued = Life { state: State::Queued, attempts: 0 };
    assert!(apply(queued, &TERMS, Event::Sent, TERMS.expires_at).is_err(), "an old order is not carried out");
    let waiting = Life { state: State::AwaitingApproval, attempts: 0 };
    let late = apply(waiting, &TERMS, Event::Approved, TERMS.expires_at).unwrap().unwrap();
    assert_eq!(late.life.state, State::Expired);
}

#[test]
fn codes_are_the_states() {
    for state in STATES {
        assert!(State::CODES.contains(&state.code()));
        assert_eq!(State::from_parts(state.code(), state.verify_by()), Some(state));
    }
    for outcome in Outcome::ALL {
        assert_eq!(Outcome::from_code(outcome.code()), Some(outcome));
    }
}

fn events() -> impl Strategy<Value = Vec<(usize, i64)>> {
    prop::collection::vec((0..EVENTS.len(), 0i64..400_000), 0..60)
}

proptest! {
    #[test]
    fn whatever_happens(
        events in events(),
        idempotent in any::<bool>(),
        approval in any::<bool>(),
        verify_within_ms in prop::option::of(1i64..60_000),
    ) {
        let terms = Terms { idempotent, expires_at: UnixMs(2_000_000), verify_within_ms };
        let state = if approval { State::AwaitingApproval } else { State::Queued };
        let mut life = Life { state, attempts: 0 };
        let (mut now, mut was_approved, mut on_the_line) = (NOW, !approval, 0u32);
        for (event, later) in events {
            now = now.plus_ms(later);
            let event = EVENTS[event];
            let before = life;
            let Ok(Some(step)) = apply(life, &terms, event, now) else { continue };
            prop_assert!(before.state.is_open(), "what is over stays over: {before:?} {event:?}");
            life = step.life;
            was_approved |= event == Event::Approved;
            match event {
                Event::Sent => {
                    prop_assert!(was_approved && now < terms.expires_at);
                    on_the_line += 1;
                }
                Event::NotTaken(_) => on_the_line -= 1,
                _ => {}
            }
            prop_assert!(life.attempts <= MOST_ATTEMPTS);
            prop_assert_eq!(u32::from(life.attempts), on_the_line);
            if !idempotent {
                prop_assert!(on_the_line <= 1, "sent {} times", on_the_line);
            }
            if life.state == State::Verified {
                prop_assert!(verify_within_ms.is_some() && on_the_line > 0, "seen to be done, or not said");
            }
            if before.state == State::Sent && life.state == State::Queued && !matches!(event, Event::NotTaken(_)) {
                prop_assert!(idempotent);
            }
        }
        // Time alone ends everything but an answer that is out, and sessions bound that.
        let end = now.plus_ms(10_000_000);
        while let Ok(Some(step)) = apply(life, &terms, Event::TimePassed, end) {
            life = step.life;
        }
        prop_assert!(!life.state.is_open() || life.state == State::Sent, "{life:?}");
    }
}
