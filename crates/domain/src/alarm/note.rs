//! What people do about an alarm beside its own life: whom they called, whom they sent, and what became of it. Each is an
//! entry of the alarm's record, in order; nothing is ever changed or taken out. What was entered by mistake is withdrawn
//! by a later entry.

use serde::{Deserialize, Serialize};

use super::{Refusal, TransitionEvent};
use crate::id::{TransitionId, UserId};
use crate::time::UnixMs;

/// What somebody is to the premises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capacity {
    /// The contact that the site's record names 场所联系人.
    SiteContact,
    /// Owner or manager 业主.
    Owner,
    /// Who repairs 电工.
    Electrician,
    /// Who looks after the building 物业.
    Property,
    /// The fire brigade 消防.
    FireBrigade,
    /// Whose network feeds the premises 供电部门.
    PowerSupplier,
    /// Anybody else 其他.
    Other,
}

/// Somebody who was called or sent, as known at that time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Somebody {
    /// What they are to the premises.
    pub capacity: Capacity,
    /// Their name; empty where only the capacity is known.
    pub name: String,
    /// Their number as dialled; empty where none was used.
    pub phone: String,
    /// Their account, if they have one.
    pub account: Option<UserId>,
}

/// What came of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallOutcome {
    /// Spoken to 接通.
    Reached,
    /// Nobody answered 无人接听.
    NotReached,
    /// The line was engaged 占线.
    Busy,
}

/// An entry of the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Note {
    /// Somebody was called; what was said is the entry's comment.
    Called {
        /// Who.
        whom: Somebody,
        /// What came of it.
        outcome: CallOutcome,
    },
    /// Somebody was sent.
    Dispatched {
        /// Who.
        whom: Somebody,
        /// When they are expected, server's clock.
        expected_at: Option<UnixMs>,
    },
    /// Who was sent is there.
    Arrived {
        /// The entry that sent them.
        entry: TransitionId,
    },
    /// Who was sent has done what was to be done.
    Finished {
        /// The entry that sent them.
        entry: TransitionId,
    },
    /// An entry holds no longer: a call entered by mistake, somebody who is not to go after all.
    Withdrawn {
        /// Which entry.
        entry: TransitionId,
    },
}

impl Note {
    /// What the step is called.
    #[must_use]
    pub const fn event(&self) -> TransitionEvent {
        match self {
            Self::Called { .. } => TransitionEvent::Called,
            Self::Dispatched { .. } => TransitionEvent::Dispatched,
            Self::Arrived { .. } => TransitionEvent::Arrived,
            Self::Finished { .. } => TransitionEvent::Finished,
            Self::Withdrawn { .. } => TransitionEvent::Withdrawn,
        }
    }

    /// The entry that this one is about.
    #[must_use]
    pub const fn entry(&self) -> Option<TransitionId> {
        match self {
            Self::Called { .. } | Self::Dispatched { .. } => None,
            Self::Arrived { entry } | Self::Finished { entry } | Self::Withdrawn { entry } => Some(*entry),
        }
    }
}

/// What is known of one entry of an alarm's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: TransitionId,
    /// When.
    pub at: UnixMs,
    /// What it is; a comment has no note.
    pub event: TransitionEvent,
    /// What it says.
    pub note: Option<Note>,
}

/// How far somebody who was sent has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DispatchState {
    /// On the way.
    Out,
    /// There.
    Arrived,
    /// Done.
    Finished,
    /// Not to go after all.
    Withdrawn,
}

impl DispatchState {
    /// Whether nothing more is expected of them.
    #[must_use]
    pub const fn is_over(self) -> bool {
        match self {
            Self::Out | Self::Arrived => false,
            Self::Finished | Self::Withdrawn => true,
        }
    }
}

/// Somebody who was sent, as the record shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispatch {
    /// The entry that sent them.
    pub entry: TransitionId,
    /// Who.
    pub whom: Somebody,
    /// When they are expected.
    pub expected_at: Option<UnixMs>,
    /// How far they are.
    pub state: DispatchState,
    /// Since when.
    pub since: UnixMs,
}

fn is_withdrawn(record: &[Entry], id: TransitionId) -> bool {
    record.iter().any(|entry| matches!(entry.note, Some(Note::Withdrawn { entry: gone }) if gone == id))
}

/// The entries of `record` that a later one has withdrawn.
#[must_use]
pub fn withdrawn(record: &[Entry]) -> Vec<TransitionId> {
    record
        .iter()
        .filter_map(|entry| match entry.note {
            Some(Note::Withdrawn { entry }) => Some(entry),
            Some(
                Note::Called { .. } | Note::Dispatched { .. } | Note::Arrived { .. } | Note::Finished { .. },
            )
            | None => None,
        })
        .collect()
}

/// Everybody who was sent, in the order of `record`, which is oldest first.
#[must_use]
pub fn dispatches(record: &[Entry]) -> Vec<Dispatch> {
    record
        .iter()
        .filter_map(|entry| match &entry.note {
            Some(Note::Dispatched { whom, expected_at }) => Some(Dispatch {
                entry: entry.id,
                whom: whom.clone(),
                expected_at: *expected_at,
                state: DispatchState::Out,
                since: entry.at,
            }),
            Some(
                Note::Called { .. } | Note::Arrived { .. } | Note::Finished { .. } | Note::Withdrawn { .. },
            )
            | None => None,
        })
        .map(|sent| {
            let holds = record.iter().filter(|entry| !is_withdrawn(record, entry.id));
            holds.fold(sent, |sent, entry| {
                let state = match &entry.note {
                    Some(Note::Arrived { entry }) if *entry == sent.entry => DispatchState::Arrived,
                    Some(Note::Finished { entry }) if *entry == sent.entry => DispatchState::Finished,
                    Some(Note::Withdrawn { entry }) if *entry == sent.entry => DispatchState::Withdrawn,
                    Some(
                        Note::Called { .. }
                        | Note::Dispatched { .. }
                        | Note::Arrived { .. }
                        | Note::Finished { .. }
                        | Note::Withdrawn { .. },
                    )
                    | None => return sent,
                };
                if sent.state.is_over() { sent } else { Dispatch { state, since: entry.at, ..sent } }
            })
        })
        .collect()
}

/// Whether `note` can follow on `record`.
///
/// # Errors
/// [`Refusal::NoSuchEntry`] when it is about an entry that is not there or is nothing of its kind,
/// [`Refusal::EntryOver`] when that entry is withdrawn, or somebody has arrived or finished already.
pub fn fits(record: &[Entry], note: &Note) -> Result<(), Refusal> {
    let Some(about) = note.entry() else { return Ok(()) };
    let entry = record.iter().find(|entry| entry.id == about).ok_or(Refusal::NoSuchEntry)?;
    if is_withdrawn(record, about) {
        return Err(Refusal::EntryOver);
    }
    let sent = || dispatches(record).into_iter().find(|sent| sent.entry == about).ok_or(Refusal::NoSuchEntry);
    match note {
        Note::Called { .. } | Note::Dispatched { .. } => Ok(()),
        Note::Arrived { .. } => match sent()?.state {
            DispatchState::Out => Ok(()),
            DispatchState::Arrived | DispatchState::Finished | DispatchState::Withdrawn => {
                Err(Refusal::EntryOver)
            }
        },
        Note::Finished { .. } => match sent()?.state {
            DispatchState::Out | DispatchState::Arrived => Ok(()),
            DispatchState::Finished | DispatchState::Withdrawn => Err(Refusal::EntryOver),
        },
        Note::Withdrawn { .. } => match (&entry.note, entry.event) {
            (
                Some(
                    Note::Called { .. }
                    | Note::Dispatched { .. }
                    | Note::Arrived { .. }
                    | Note::Finished { .. },
                ),
                _,
            )
            | (None, TransitionEvent::Commented) => Ok(()),
            (Some(Note::Withdrawn { .. }) | None, _) => Err(Refusal::NoSuchEntry),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn somebody() -> Somebody {
        Somebody {
            capacity: Capacity::Electrician,
            name: "李师傅".to_owned(),
            phone: "13800138000".to_owned(),
            account: None,
        }
    }

    /// The record of these notes, the first with id 1 at 1 ms.
    fn record(notes: &[Note]) -> Vec<Entry> {
        (1..)
            .zip(notes)
            .map(|(id, note)| Entry {
                id: TransitionId(id),
                at: UnixMs(id),
                event: note.event(),
                note: Some(note.clone()),
            })
            .collect()
    }

    fn sent() -> Note {
        Note::Dispatched { whom: somebody(), expected_at: Some(UnixMs(900)) }
    }

    #[test]
    fn somebody_who_was_sent_arrives_and_finishes() {
        let one = TransitionId(1);
        let mut notes = vec![sent()];
        let state = |notes: &[Note]| dispatches(&record(notes))[0].clone();
        assert_eq!(state(&notes).state, DispatchState::Out);
        for (note, after) in [
            (Note::Arrived { entry: one }, DispatchState::Arrived),
            (Note::Finished { entry: one }, DispatchState::Finished),
        ] {
            assert_eq!(fits(&record(&notes), &note), Ok(()));
            notes.push(note.clone());
            assert_eq!(state(&notes).state, after);
            assert_eq!(state(&notes).since, UnixMs(i64::try_from(notes.len()).unwrap()));
            assert_eq!(fits(&record(&notes), &note), Err(Refusal::EntryOver), "nobody arrives twice");
        }
    }

    #[test]
    fn a_step_that_is_withdrawn_never_was() {
        let (one, two) = (TransitionId(1), TransitionId(2));
        let notes = vec![sent(), Note::Finished { entry: one }, Note::Withdrawn { entry: two }];
        assert_eq!(dispatches(&record(&notes))[0].state, DispatchState::Out);
        assert_eq!(fits(&record(&notes), &Note::Arrived { entry: one }), Ok(()));
        assert_eq!(fits(&record(&notes), &Note::Withdrawn { entry: two }), Err(Refusal::EntryOver));
        assert_eq!(withdrawn(&record(&notes)), vec![two]);
    }

    #[test]
    fn who_is_not_to_go_does_not_arrive() {
        let one = TransitionId(1);
        let notes = vec![sent(), Note::Withdrawn { entry: one }];
        assert_eq!(dispatches(&record(&notes))[0].state, DispatchState::Withdrawn);
        for note in
            [Note::Arrived { entry: one }, Note::Finished { entry: one }, Note::Withdrawn { entry: one }]
        {
            assert_eq!(fits(&record(&notes), &note), Err(Refusal::EntryOver));
        }
    }

    #[test]
    fn a_note_is_about_an_entry_of_its_kind() {
        let call = Note::Called { whom: somebody(), outcome: CallOutcome::Busy };
        let mut entries = record(&[call]);
        let (one, two, three) = (TransitionId(1), TransitionId(2), TransitionId(3));
        entries.push(Entry { id: two, at: UnixMs(2), event: TransitionEvent::Commented, note: None });
        entries.push(Entry { id: three, at: UnixMs(3), event: TransitionEvent::Acknowledged, note: None });
        assert_eq!(fits(&entries, &Note::Arrived { entry: one }), Err(Refusal::NoSuchEntry));
        assert_eq!(fits(&entries, &Note::Withdrawn { entry: one }), Ok(()));
        assert_eq!(fits(&entries, &Note::Withdrawn { entry: two }), Ok(()), "a comment too");
        assert_eq!(
            fits(&entries, &Note::Withdrawn { entry: three }),
            Err(Refusal::NoSuchEntry),
            "an acknowledgement has its own way back"
        );
        assert_eq!(fits(&entries, &Note::Finished { entry: TransitionId(9) }), Err(Refusal::NoSuchEntry));
    }
}
