//! Commands to devices: what a detector can be told, telling it, the second person, taking back, many at once.
//!
//! Here a command is checked and written down; the dispatcher brings it to the device.

use std::collections::BTreeMap;

use domain::access::Scope;
use domain::command::plan::{bounds, step};
use domain::command::{
    CommandKind, Event, Interlock, Outcome, Plan, PlanError, State, apply, interlock, plan, raw_read,
};
use domain::id::{ChannelId, CommandBatchId, CommandId, DetectorId, WhatIfId};
use domain::profile::{CommandSpec, LimitField, Profile, ReadCommand};
use domain::settings::FieldError;
use domain::time::UnixMs;
use serde_json::{Value, json};
use store::commands::batches::{BatchRow, NewBatch};
use store::commands::{CommandRow, CommandStep, NewCommand, asked_by};
use store::detectors::DetectorRow;
use store::{Actor, StoreError};

use crate::dispatch::publish;
use crate::error::{CommandRefusal, EngineError};
use crate::pipeline::Engine;

/// How long a command waits for its device where nobody says, s.
const EXPIRES_IN_S: u32 = 3600;
/// How long one that moves a breaker waits where nobody says, s: it shall not move when nobody expects it any more.
const SWITCH_EXPIRES_IN_S: u32 = 300;
/// The longest that one that moves a breaker waits, s.
const SWITCH_EXPIRES_AT_MOST_S: u32 = 3600;
/// How long a trial of a set-point counts, ms.
const TRIAL_COUNTS_MS: i64 = 3_600_000;
/// The most detectors of one batch.
pub const MOST_IN_BATCH: usize = 1000;

/// Commands to devices.
#[derive(Debug, Clone, Copy)]
pub struct CommandDesk<'e>(&'e Engine);

impl Engine {
    /// Commands to devices.
    #[must_use]
    pub const fn device_commands(&self) -> CommandDesk<'_> {
        CommandDesk(self)
    }
}

/// A command that a person wants.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandRequest {
    /// For which detector.
    pub detector: DetectorId,
    /// What.
    pub kind: CommandKind,
    /// Its name in the profile; may be left out where there is only one of the kind.
    pub code: Option<String>,
    /// The value that it carries.
    pub value: Option<f64>,
    /// What to read, with a raw read.
    pub read: Option<ReadCommand>,
    /// Why.
    pub reason: String,
    /// It is not sent after so long, s.
    pub expires_in_s: Option<u32>,
    /// Whether the set-point was tried on the past.
    pub trial: Trial,
}

/// Whether a set-point was tried on the past before it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trial {
    /// Nobody says.
    None,
    /// It was.
    Tried(WhatIfId),
    /// It was not, because of this.
    Skipped(String),
}

/// The same command for many detectors.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchRequest {
    /// For which detectors.
    pub detectors: Vec<DetectorId>,
    /// What, as for one; its `detector` is not looked at.
    pub each: CommandRequest,
}

/// Something that a detector can be told.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandOption {
    /// What.
    pub kind: CommandKind,
    /// Its name in the profile.
    pub code: String,
    /// What people call it; empty where the kind says enough.
    pub name: String,
    /// What its value means and how far it reaches.
    pub value: Option<ValueOption>,
    /// Whether carrying it out twice is the same as once.
    pub idempotent: bool,
    /// Whether it is read back.
    pub read_back: bool,
    /// Whether a second person must agree.
    pub needs_approval: bool,
    /// Why it is never done from afar.
    pub blocked: Option<Interlock>,
}

/// What the value of a command means.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueOption {
    /// Its unit.
    pub unit: &'static str,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// The finest step.
    pub step: f64,
    /// Which limit it is.
    pub limit: Option<(domain::hazard::Hazard, LimitField)>,
    /// The channel that it is about; `None` is all that the hazard is judged on.
    pub channel: Option<ChannelId>,
    /// The point's code in the profile.
    pub point: Option<String>,
}

/// What a detector can be told, and what matters for it.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandOptions {
    /// The detector.
    pub detector: DetectorRow,
    /// What hangs on its circuit.
    pub load_kind: Option<String>,
    /// Whether its line is open now.
    pub connected: bool,
    /// What it can be told; a raw read where its protocol has registers.
    pub options: Vec<CommandOption>,
}

/// The place of a detector, as far as commands need it.
struct Place {
    row: DetectorRow,
    load_kind: Option<String>,
    two_person: bool,
}

impl CommandDesk<'_> {
    pub(super) const fn engine(&self) -> &Engine {
        self.0
    }

    /// What a detector can be told.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] out of scope.
    pub async fn options(&self, scope: &Scope, detector: DetectorId) -> Result<CommandOptions, EngineError> {
        let Place { row, load_kind, two_person } = self.place(scope, detector).await?;
        let profile = self.0.directory().profile(&row.profile_id);
        let binding = self.0.memory().detector(detector).map(|known| known.binding.clone());
        let blocked = load_kind.as_deref().and_then(interlock);
        let specs = profile.as_deref().map(|profile| profile.commands.as_slice()).unwrap_or_default();
        let mut options: Vec<CommandOption> = specs
            .iter()
            .map(|spec| CommandOption {
                kind: spec.kind,
                code: spec.code.clone(),
                name: spec.name.clone(),
                value: spec.setting.as_ref().map(|setting| {
                    let [min, max] = bounds(setting);
                    let point = setting.point.and_then(|point| profile.as_deref()?.point(point));
                    let channel = setting.point.and_then(|point| {
                        let channels = &binding.as_deref()?.channels;
                        channels.iter().find(|c| c.channel.point == Some(point)).map(|c| c.channel.id)
                    });
                    ValueOption {
                        unit: setting.unit,
                        min,
                        max,
                        step: step(setting),
                        limit: setting.limit,
                        channel,
                        point: point.map(|point| point.code.clone()),
                    }
                }),
                idempotent: spec.idempotent,
                read_back: spec.read_back.is_some(),
                needs_approval: spec.kind.switches() && two_person,
                blocked: blocked.filter(|_| spec.kind.switches()),
            })
            .collect();
        if profile.is_some_and(|profile| !profile.protocol.is_keyed()) {
            options.push(CommandOption {
                kind: CommandKind::RawRead,
                code: CommandKind::RawRead.code().to_owned(),
                name: String::new(),
                value: None,
                idempotent: true,
                read_back: false,
                needs_approval: false,
                blocked: None,
            });
        }
        let connected = self.0.sessions().is_open(row.terminal_id);
        Ok(CommandOptions { detector: row, load_kind, connected, options })
    }

    /// Makes a command. `scope` is the caller's for the kind's permission. A circuit that is never switched from afar
    /// is refused, and that is kept too.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] out of scope, [`EngineError::Invalid`] naming the field,
    /// [`CommandRefusal::Interlocked`].
    pub async fn create(
        &self,
        scope: &Scope,
        actor: &Actor,
        asked: &CommandRequest,
    ) -> Result<CommandRow, EngineError> {
        let place = self.place(scope, asked.detector).await?;
        let now = self.0.now();
        let mut new = self.draft(actor, &place, asked, now).await?;
        let blocked = place.load_kind.as_deref().and_then(interlock).filter(|_| asked.kind.switches());
        if let Some(blocked) = blocked {
            new.state = State::Refused;
            new.outcome = Some(Outcome::Interlocked);
            new.detail = blocked.code().to_owned();
        } else if asked.kind.switches() && place.two_person {
            new.state = State::AwaitingApproval;
        }
        let row = self.0.store().commands().create(scope, actor, now, &new).await?;
        publish(self.0.live(), &row);
        self.0.wake_dispatcher();
        match blocked {
            Some(blocked) => Err(CommandRefusal::Interlocked(blocked).into()),
            None => Ok(row),
        }
    }

    /// A second person agrees; the command is queued. `scope` is theirs for approving.
    ///
    /// # Errors
    /// [`CommandRefusal::SamePerson`], [`CommandRefusal::NotWaiting`], [`StoreError::NotFound`] out of scope.
    pub async fn approve(
        &self,
        scope: &Scope,
        actor: &Actor,
        id: CommandId,
    ) -> Result<CommandRow, EngineError> {
        let row = self.0.store().commands().get(scope, id).await?;
        if row.state != State::AwaitingApproval {
            return Err(CommandRefusal::NotWaiting(row.state.code()).into());
        }
        if asked_by(&row, actor) {
            return Err(CommandRefusal::SamePerson.into());
        }
        let by = Some(actor.name.as_str());
        let moved = self.step(&row, actor, Event::Approved, by, "command.approve").await?;
        moved.ok_or_else(|| CommandRefusal::NotWaiting(row.state.code()).into())
    }

    /// Takes a command back that has not been sent. `scope` is the caller's for the command's own permission.
    ///
    /// # Errors
    /// [`CommandRefusal::NotCancellable`], [`StoreError::NotFound`] out of scope.
    pub async fn cancel(
        &self,
        scope: &Scope,
        actor: &Actor,
        id: CommandId,
    ) -> Result<CommandRow, EngineError> {
        let row = self.0.store().commands().get(scope, id).await?;
        let event = Event::Cancelled(Outcome::CancelledByPerson);
        let moved = self.step(&row, actor, event, None, "command.cancel").await?;
        match moved {
            Some(moved) => Ok(moved),
            None => {
                let state = self.0.store().commands().get(scope, id).await?.state;
                Err(CommandRefusal::NotCancellable(state.code()).into())
            }
        }
    }

    /// Makes the same command for many detectors. One whose model has no such command is refused by itself.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] naming the field, [`StoreError::NotFound`] when a detector is out of scope.
    pub async fn create_batch(
        &self,
        scope: &Scope,
        actor: &Actor,
        asked: &BatchRequest,
    ) -> Result<BatchRow, EngineError> {
        let BatchRequest { detectors, each } = asked;
        if !each.kind.fits_batches() {
            let words = format!("{} is asked for one detector at a time", each.kind.code());
            return Err(invalid("kind", "one_at_a_time", words));
        }
        if detectors.is_empty() || detectors.len() > MOST_IN_BATCH {
            let words = format!("had {} detectors, wanted 1 to {MOST_IN_BATCH}", detectors.len());
            return Err(invalid("detector_ids", "out_of_range", words));
        }
        let now = self.0.now();
        let (mut commands, mut unit) = (Vec::with_capacity(detectors.len()), String::new());
        // A trial speaks for all of them, so that it is looked at once.
        self.check_batch_trial(actor, each, now).await?;
        for detector in detectors {
            let place = self.place(scope, *detector).await?;
            let one =
                CommandRequest { detector: *detector, trial: Trial::Skipped(String::new()), ..each.clone() };
            match self.draft(actor, &place, &one, now).await {
                Ok(new) => {
                    unit.clone_from(&new.unit);
                    commands.push(new);
                }
                Err(EngineError::Invalid(errors)) => {
                    let words: Vec<String> = errors.into_iter().map(|error| error.message).collect();
                    commands.push(refused(&one, now, words.join("; ")));
                }
                Err(error) => return Err(error),
            }
        }
        let new = NewBatch {
            kind: each.kind,
            code: each.code.clone().unwrap_or_else(|| each.kind.code().to_owned()),
            value: each.value,
            unit,
            reason: each.reason.trim().to_owned(),
            audit: trial_json(&each.trial),
        };
        let (batch, rows) =
            self.0.store().commands().create_batch(scope, actor, now, &new, &commands).await?;
        for row in &rows {
            publish(self.0.live(), row);
        }
        self.0.wake_dispatcher();
        Ok(batch)
    }

    /// Stops a batch: what has not been sent is cancelled.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it has no command in `scope`.
    pub async fn stop_batch(
        &self,
        scope: &Scope,
        actor: &Actor,
        id: CommandBatchId,
    ) -> Result<BatchRow, EngineError> {
        let stopped = self.0.store().commands().stop_batch(scope, actor, self.0.now(), id).await?;
        for row in &stopped {
            publish(self.0.live(), row);
        }
        self.0.wake_dispatcher();
        Ok(self.0.store().commands().batch(scope, id).await?)
    }

    async fn step(
        &self,
        row: &CommandRow,
        actor: &Actor,
        event: Event,
        approved_by: Option<&str>,
        audit: &'static str,
    ) -> Result<Option<CommandRow>, EngineError> {
        let now = self.0.now();
        let Ok(Some(step)) = apply(row.life(), &row.terms(), event, now) else { return Ok(None) };
        let step = CommandStep {
            id: row.id,
            from: row.life(),
            step,
            detail: "",
            result: None,
            actor,
            approved_by,
            audit: Some(audit),
        };
        let moved = self.0.store().commands().step(now, &[step]).await?.pop();
        if let Some(moved) = &moved {
            publish(self.0.live(), moved);
            self.0.wake_dispatcher();
        }
        Ok(moved)
    }

    async fn place(&self, scope: &Scope, detector: DetectorId) -> Result<Place, EngineError> {
        let store = self.0.store();
        let row = store.detectors().get(scope, detector).await?;
        let load_kind = match row.circuit_id {
            Some(circuit) => Some(store.circuits().circuit(scope, circuit).await?.load_kind),
            None => None,
        };
        let two_person = store.sites().get(scope, row.site_id).await?.two_person_switching;
        Ok(Place { row, load_kind, two_person })
    }

    /// The command that is to be written, after every check but the interlock's.
    async fn draft(
        &self,
        actor: &Actor,
        place: &Place,
        asked: &CommandRequest,
        now: UnixMs,
    ) -> Result<NewCommand, EngineError> {
        let reason = asked.reason.trim();
        if asked.kind.switches() && reason.is_empty() {
            return Err(invalid("reason", "required", "a breaker is switched with a reason, had none"));
        }
        let profile = self.0.directory().profile(&place.row.profile_id);
        let profile = profile.ok_or_else(|| EngineError::UnknownProfile(place.row.profile_id.clone()))?;
        let (made, spec) = if asked.kind == CommandKind::RawRead {
            if profile.protocol.is_keyed() {
                return Err(invalid("kind", "unknown", "the detector's protocol has no registers to read"));
            }
            let read = asked.read.ok_or_else(|| invalid("read", "required", "wanted what shall be read"))?;
            if asked.value.is_some() {
                return Err(invalid("value", "unwanted", "a raw read carries no value"));
            }
            (raw_read(read).map_err(of_plan)?, None)
        } else {
            if asked.read.is_some() {
                return Err(invalid("read", "unwanted", "only a raw read says what shall be read"));
            }
            let spec = spec_of(&profile, asked)?;
            (plan(&profile, spec, asked.value).map_err(of_plan)?, Some(spec))
        };
        if let Some(spec) = spec {
            self.check_trial(actor, place, asked, spec, now).await?;
        }
        // A second person needs time to come.
        let is_soon = asked.kind.switches() && !place.two_person;
        let usual_s = if is_soon { SWITCH_EXPIRES_IN_S } else { EXPIRES_IN_S };
        let expires_in_s = asked.expires_in_s.unwrap_or(usual_s);
        if asked.kind.switches() && expires_in_s > SWITCH_EXPIRES_AT_MOST_S {
            let words = format!("had {expires_in_s} s, wanted at most {SWITCH_EXPIRES_AT_MOST_S} s");
            return Err(invalid("expires_in_s", "out_of_range", words));
        }
        Ok(NewCommand {
            detector: place.row.id,
            kind: asked.kind,
            code: spec.map_or_else(|| asked.kind.code().to_owned(), |spec| spec.code.clone()),
            name: spec.map(|spec| spec.name.clone()).unwrap_or_default(),
            value: asked.value,
            unit: spec
                .and_then(|spec| spec.setting.as_ref())
                .map_or_else(String::new, |setting| setting.unit.to_owned()),
            verify_within_ms: made.check.as_ref().map(|check| check.within_ms),
            plan: as_json(&made)?,
            idempotent: spec.is_none_or(|spec| spec.idempotent),
            reason: reason.to_owned(),
            expires_at: now.plus_ms(i64::from(expires_in_s) * 1000),
            state: State::Queued,
            outcome: None,
            detail: String::new(),
            audit: trial_json(&asked.trial),
        })
    }

    /// A set-point of a limit is tried on the past first, by the same person and within the hour, or it is said why not.
    async fn check_trial(
        &self,
        actor: &Actor,
        place: &Place,
        asked: &CommandRequest,
        spec: &CommandSpec,
        now: UnixMs,
    ) -> Result<(), EngineError> {
        let setting = spec.setting.as_ref();
        let Some((hazard, field)) = setting.and_then(|setting| setting.limit) else { return Ok(()) };
        let id = match &asked.trial {
            Trial::Skipped(_) => return Ok(()),
            Trial::None => {
                let words = "a set-point is tried on the past first, or it is said why not";
                return Err(invalid("what_if_id", "required", words));
            }
            Trial::Tried(id) => *id,
        };
        let since = now.plus_ms(-TRIAL_COUNTS_MS);
        let tried = self.0.store().commands().trial(actor, since, id).await?;
        let channel = setting.and_then(|setting| setting.point).and_then(|point| {
            let binding = self.0.memory().detector(place.row.id)?.binding.clone();
            binding.channels.iter().find(|c| c.channel.point == Some(point)).map(|c| c.channel.id)
        });
        let fits = tried.is_some_and(|tried| {
            tried.detector == place.row.id
                && tried.hazard == hazard
                && (tried.channel.is_none() || channel.is_none() || tried.channel == channel)
                && same(of_field(&tried.own, field), asked.value)
        });
        if fits {
            return Ok(());
        }
        let words = "wanted a trial of this value on this detector, by the same person and within the hour";
        Err(invalid("what_if_id", "does_not_fit", words))
    }

    async fn check_batch_trial(
        &self,
        actor: &Actor,
        each: &CommandRequest,
        now: UnixMs,
    ) -> Result<(), EngineError> {
        match (&each.trial, each.kind) {
            (Trial::None, CommandKind::SetPoint) => Err(invalid(
                "what_if_id",
                "required",
                "a set-point is tried on the past first, or it is said why not",
            )),
            (Trial::Tried(id), CommandKind::SetPoint) => {
                let since = now.plus_ms(-TRIAL_COUNTS_MS);
                let tried = self.0.store().commands().trial(actor, since, *id).await?;
                let fits = tried.is_some_and(|tried| {
                    LimitField::ALL.into_iter().any(|field| same(of_field(&tried.own, field), each.value))
                });
                let words = "wanted a trial of this value, by the same person and within the hour";
                if fits { Ok(()) } else { Err(invalid("what_if_id", "does_not_fit", words)) }
            }
            (Trial::None | Trial::Tried(_) | Trial::Skipped(_), _) => Ok(()),
        }
    }
}

fn spec_of<'p>(profile: &'p Profile, asked: &CommandRequest) -> Result<&'p CommandSpec, EngineError> {
    let mut fitting = profile.commands.iter().filter(|spec| spec.kind == asked.kind);
    if let Some(code) = &asked.code {
        return fitting.find(|spec| spec.code == *code).ok_or_else(|| {
            let kind = asked.kind.code();
            invalid("code", "unknown", format!("{} has no {kind} `{code}`", profile.id))
        });
    }
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => {
            let words = format!("{} has more than one {}, wanted a code", profile.id, asked.kind.code());
            Err(invalid("code", "required", words))
        }
        (None, _) => {
            let words = format!("{} knows no {}", profile.id, asked.kind.code());
            Err(invalid("kind", "unknown", words))
        }
    }
}

fn of_field(own: &domain::settings::LimitPatch, field: LimitField) -> Option<f64> {
    match field {
        LimitField::Warning => own.warning,
        LimitField::Alarm => own.alarm,
        LimitField::OnDelayS => own.on_delay_s,
    }
}

fn same(tried: Option<f64>, asked: Option<f64>) -> bool {
    matches!((tried, asked), (Some(tried), Some(asked)) if (tried - asked).abs() < 1e-9)
}

fn trial_json(trial: &Trial) -> Value {
    match trial {
        Trial::None => json!({}),
        Trial::Tried(id) => json!({ "what_if": id }),
        Trial::Skipped(because) if because.is_empty() => json!({}),
        Trial::Skipped(because) => json!({ "what_if_skipped_because": because }),
    }
}

/// A command of a batch that its detector cannot be told.
fn refused(asked: &CommandRequest, now: UnixMs, detail: String) -> NewCommand {
    NewCommand {
        detector: asked.detector,
        kind: asked.kind,
        code: asked.code.clone().unwrap_or_else(|| asked.kind.code().to_owned()),
        name: String::new(),
        value: asked.value,
        unit: String::new(),
        plan: "{}".to_owned(),
        idempotent: true,
        verify_within_ms: None,
        reason: asked.reason.trim().to_owned(),
        expires_at: now,
        state: State::Refused,
        outcome: Some(Outcome::NoSuchCommand),
        detail,
        audit: json!({}),
    }
}

fn as_json(plan: &Plan) -> Result<String, EngineError> {
    serde_json::to_string(plan)
        .map_err(|error| StoreError::Corrupt { what: format!("a plan cannot be written: {error}") }.into())
}

fn of_plan(error: PlanError) -> EngineError {
    let message = error.to_string();
    let (field, code, params) = match error {
        PlanError::ValueMissing { min, max, unit, .. } => (
            "value",
            "required",
            BTreeMap::from([("min", json!(min)), ("max", json!(max)), ("unit", json!(unit))]),
        ),
        PlanError::ValueOutOfRange { value, min, max, step, unit } => (
            "value",
            "out_of_range",
            BTreeMap::from([
                ("value", json!(value)),
                ("min", json!(min)),
                ("max", json!(max)),
                ("step", json!(step)),
                ("unit", json!(unit)),
            ]),
        ),
        PlanError::ValueUnwanted { .. } => ("value", "unwanted", BTreeMap::new()),
        PlanError::Read { most, .. } => ("read", "out_of_range", BTreeMap::from([("max", json!(most))])),
    };
    EngineError::Invalid(vec![FieldError { field, code, message, params }])
}

pub(super) fn invalid(field: &'static str, code: &'static str, message: impl Into<String>) -> EngineError {
    EngineError::Invalid(vec![FieldError { field, code, message: message.into(), params: BTreeMap::new() }])
}
