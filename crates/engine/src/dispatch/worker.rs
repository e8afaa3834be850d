//! One command on one line: sent, answered, read back.

use bus::{LineAnswer, LineCommand, LineError};
use domain::access::Scope;
use domain::command::plan::{clock_write, words_read};
use domain::command::{Act, Check, Event, Look, Outcome, Plan, State, interlock};
use domain::id::CommandId;
use domain::profile::ReadCommand;
use domain::reading::Quality;
use domain::time::UnixMs;
use store::commands::CommandRow;
use store::{Actor, ActorKind, StoreError};
use tokio_util::sync::CancellationToken;

use super::{Links, Words};
use crate::memory::Detector;

/// How long between two looks, ms.
const LOOK_EVERY_MS: i64 = 500;
/// How long a line may be busy with something else before the command goes back into the queue, ms.
const BUSY_MS: i64 = 30_000;

/// Works on a command until it is over, waits for something else, or the process stops.
pub(super) async fn work(links: &Links, id: CommandId, stop: &CancellationToken) -> Result<(), StoreError> {
    let row = links.store.commands().get(&Scope::platform(), id).await?;
    match row.state {
        State::Queued => {
            if let Some(taken) = deliver(links, &row, stop).await? {
                verify(links, &taken, stop).await?;
            }
            Ok(())
        }
        State::Acknowledged { verify_by: Some(_) } | State::OutcomeUnknown { verify_by: Some(_) } => {
            verify(links, &row, stop).await
        }
        State::AwaitingApproval
        | State::Sent
        | State::Acknowledged { verify_by: None }
        | State::OutcomeUnknown { verify_by: None }
        | State::Verified
        | State::NotVerified
        | State::Refused
        | State::Failed
        | State::Expired
        | State::Cancelled => Ok(()),
    }
}

/// Sends a command and takes the answer. Returns the command where there is something to read back now.
async fn deliver(
    links: &Links,
    row: &CommandRow,
    stop: &CancellationToken,
) -> Result<Option<CommandRow>, StoreError> {
    let end = async |event, detail: &str| {
        links.advance(row, event, Words { detail, ..Words::default() }).await.map(|_row| None)
    };
    // What hangs on the circuit may have changed since it was asked for.
    if row.kind.switches()
        && let Some(found) = row.load_kind.as_deref().and_then(interlock)
    {
        return end(Event::Refused(Outcome::Interlocked), found.code()).await;
    }
    let known = links.memory.detector(row.detector_id);
    let Some(detector) = known.filter(|d| d.binding.placement.terminal == row.terminal_id) else {
        return end(Event::Failed(Outcome::DetectorGone), "").await;
    };
    let Some(plan) = read_plan(row) else {
        return end(Event::Failed(Outcome::NoSuchCommand), "the stored plan cannot be read").await;
    };
    let Some(sent) = links.advance(row, Event::Sent, Words::default()).await? else { return Ok(None) };

    let device = Actor { kind: ActorKind::Device, name: row.detector_name.clone(), remote: String::new() };
    let mut result: Option<String> = None;
    for (index, act) in plan.acts.iter().enumerate() {
        let (event, detail, by_device) = match say(links, &detector, row, act, stop).await {
            Ok(LineAnswer::Done) => continue,
            Ok(LineAnswer::Data(bytes)) => {
                if let Act::Read(read) = act {
                    result = words_read(*read, &bytes).map(|words| json_list(&words));
                }
                continue;
            }
            Ok(LineAnswer::Exception(code)) => {
                (Event::Refused(Outcome::DeviceException), format!("exception {code}"), true)
            }
            Ok(LineAnswer::Refused(words)) => (Event::Refused(Outcome::DeviceRefused), words, true),
            // Nothing has gone out before the first act; later ones leave a command half done.
            Err(LineError::NotConnected) if index == 0 => {
                (Event::NotTaken(Outcome::NotConnected), String::new(), false)
            }
            Err(LineError::Busy) if index == 0 => (Event::NotTaken(Outcome::Busy), String::new(), false),
            Err(LineError::Unsupported) => (Event::Failed(Outcome::Unsupported), String::new(), false),
            Err(LineError::TimedOut) => (Event::Unanswered(Outcome::NoAnswer), String::new(), false),
            Err(LineError::NotConnected | LineError::Busy | LineError::LineLost) => {
                (Event::Unanswered(Outcome::LineLost), String::new(), false)
            }
        };
        let words = Words { detail: &detail, result: None, actor: by_device.then_some(&device) };
        let moved = links.advance(&sent, event, words).await?;
        // A command that may have been carried out is looked at while the line is open.
        return Ok(moved.filter(|moved| moved.state.verify_by().is_some()));
    }
    let words = Words { detail: "", result: result.as_deref(), actor: Some(&device) };
    let moved = links.advance(&sent, Event::Acknowledged, words).await?;
    Ok(moved.filter(|moved| moved.state.verify_by().is_some()))
}

/// Says one thing on the line; waits while the line is busy with something else.
async fn say(
    links: &Links,
    detector: &Detector,
    row: &CommandRow,
    act: &Act,
    stop: &CancellationToken,
) -> Result<LineAnswer, LineError> {
    let give_up = links.clock.now().plus_ms(BUSY_MS);
    loop {
        let command = line_command(links, detector, row, act);
        let Some(command) = command else { return Err(LineError::Unsupported) };
        match links.sessions.request(row.terminal_id, command).await {
            Err(LineError::Busy) if links.clock.now() < give_up && pause(links, give_up, stop).await => {}
            answer => return answer,
        }
    }
}

fn line_command(links: &Links, detector: &Detector, row: &CommandRow, act: &Act) -> Option<LineCommand> {
    let unit = detector.unit_address;
    Some(match act {
        Act::Write(write) => LineCommand::Write { unit, write: write.clone() },
        Act::Clock { address, format, utc_offset_min } => {
            let write = clock_write(*address, *format, *utc_offset_min, links.clock.now())?;
            LineCommand::Write { unit, write }
        }
        Act::SetClock => LineCommand::SetClock,
        Act::Read(read) => LineCommand::Read { unit, read: *read },
        Act::Named { name, value } => LineCommand::Named {
            id: u64::try_from(row.id.0).unwrap_or_default(),
            address: address_of(links, row),
            name: name.clone(),
            value: value.to_string(),
        },
    })
}

/// The detector's address behind its terminal, as the directory has it now.
fn address_of(links: &Links, row: &CommandRow) -> Option<String> {
    let entry = links.directory.terminal_by_id(row.terminal_id)?;
    entry.detectors.iter().find(|d| d.id == row.detector_id)?.address.clone()
}

/// What one look showed.
enum Seen {
    /// It is done.
    Done(Option<String>),
    /// It is not, or not yet.
    NotDone(Option<String>),
    /// It could not be seen.
    Nothing,
    /// The line is not open.
    NoLine,
}

/// Looks until it is seen to be done, or long enough.
async fn verify(links: &Links, row: &CommandRow, stop: &CancellationToken) -> Result<(), StoreError> {
    let (Some(plan), Some(detector)) = (read_plan(row), links.memory.detector(row.detector_id)) else {
        return Ok(());
    };
    let Some(check) = plan.check else { return Ok(()) };
    let until = match row.state {
        State::Acknowledged { verify_by: Some(by) } => by,
        _ => links.clock.now().plus_ms(check.within_ms),
    };
    loop {
        let seen = look(links, &detector, row, &check).await;
        let is_late = links.clock.now() >= until;
        match seen {
            Seen::Done(result) => {
                let words = Words { result: result.as_deref(), ..Words::default() };
                links.advance(row, Event::Matches, words).await?;
                return Ok(());
            }
            Seen::NotDone(result) if is_late => {
                let outcome =
                    if row.kind.switches() { Outcome::SwitchDidNotMove } else { Outcome::ValueDiffers };
                let words = Words { result: result.as_deref(), ..Words::default() };
                links.advance(row, Event::Differs(outcome), words).await?;
                return Ok(());
            }
            Seen::Nothing if is_late => {
                links.advance(row, Event::TimePassed, Words::default()).await?;
                return Ok(());
            }
            // Looked at again when the line opens, or given up in time.
            Seen::NoLine => return Ok(()),
            Seen::NotDone(_) | Seen::Nothing => {
                if !pause(links, until, stop).await {
                    return Ok(());
                }
            }
        }
    }
}

async fn look(links: &Links, detector: &Detector, row: &CommandRow, check: &Check) -> Seen {
    match &check.look {
        Look::Ask { read, words } => ask(links, detector, row, *read, words).await,
        Look::Wait { point, raw } => {
            let now = links.memory.detector(row.detector_id);
            let latest = now
                .as_deref()
                .and_then(|d| d.state.latest(*point))
                .filter(|latest| latest.quality == Quality::Good && latest.received_at >= row.changed_at);
            match latest {
                Some(latest) if latest.raw == *raw => Seen::Done(Some(json_list(&[latest.raw]))),
                Some(latest) => Seen::NotDone(Some(json_list(&[latest.raw]))),
                None => Seen::Nothing,
            }
        }
    }
}

async fn ask(
    links: &Links,
    detector: &Detector,
    row: &CommandRow,
    read: ReadCommand,
    wanted: &[u16],
) -> Seen {
    let command = LineCommand::Read { unit: detector.unit_address, read };
    match links.sessions.request(row.terminal_id, command).await {
        Ok(LineAnswer::Data(bytes)) => match words_read(read, &bytes) {
            Some(words) if words == wanted => Seen::Done(Some(json_list(&words))),
            Some(words) => Seen::NotDone(Some(json_list(&words))),
            None => Seen::Nothing,
        },
        Ok(LineAnswer::Done | LineAnswer::Exception(_) | LineAnswer::Refused(_))
        | Err(LineError::Unsupported | LineError::Busy | LineError::TimedOut) => Seen::Nothing,
        Err(LineError::NotConnected | LineError::LineLost) => Seen::NoLine,
    }
}

/// Waits for the next look; `false` when the process stops first.
async fn pause(links: &Links, until: UnixMs, stop: &CancellationToken) -> bool {
    let next = links.clock.now().plus_ms(LOOK_EVERY_MS).min(until);
    tokio::select! {
        biased;
        () = stop.cancelled() => false,
        () = links.clock.reached(next) => true,
    }
}

fn read_plan(row: &CommandRow) -> Option<Plan> {
    serde_json::from_str(&row.plan).ok().filter(|plan: &Plan| plan.v == domain::command::plan::VERSION)
}

fn json_list<T: serde::Serialize>(numbers: &[T]) -> String {
    serde_json::to_string(numbers).unwrap_or_default()
}
