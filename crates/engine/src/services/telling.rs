//! Telling people: what is set about it, tried out, looked at, and acknowledged by link.

use std::collections::BTreeMap;

use domain::access::{Permission, Scope};
use domain::id::{AlarmId, DigestId, LadderId, MediumId, UserId};
use domain::place::OrganisationPath;
use domain::settings::FieldError;
use domain::telling::{
    AddressKind, Climb, Hours, Ladder, MediumFacts, Recipient, Rung, Span, Subject, preview,
};
use domain::time::UnixMs;
use notify::media::web_push::WebPush;
use notify::{Address, Medium, Outcome};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use store::alarms::AlarmRow;
use store::telling::{HealthRow, LinkRow, SetDraft, SetKind, SetPatch, SetRow};
use store::{Actor, ActorKind, StoreError};

use super::commands::invalid;
use crate::error::EngineError;
use crate::pipeline::Engine;
use crate::telling::book::{DutyBody, Known, LadderBody, MediumBody, PushAddress, RouteBody, read, write};
use crate::telling::{fingerprint, test_message};

/// Telling people.
#[derive(Debug, Clone, Copy)]
pub struct TellingDesk<'e>(&'e Engine);

impl Engine {
    /// Telling people.
    #[must_use]
    pub const fn telling(&self) -> TellingDesk<'_> {
        TellingDesk(self)
    }
}

/// One of the four things that are set about telling.
pub trait Body: Serialize + DeserializeOwned + Clone + Send + Sync {
    /// Which it is.
    const KIND: SetKind;

    /// Without secrets.
    fn shown(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// With what only the stored one has.
    #[must_use]
    fn completed(self, _before: &Self) -> Self {
        self
    }

    /// With what nobody has to think of.
    #[must_use]
    fn begun(self) -> Self {
        self
    }

    /// What is wrong with it by itself, by field.
    fn mistakes(&self) -> Vec<FieldError>;
}

fn mistake(field: &'static str, found: Result<(), String>) -> Vec<FieldError> {
    found
        .err()
        .map(|message| FieldError { field, code: "invalid", message, params: BTreeMap::new() })
        .into_iter()
        .collect()
}

impl Body for MediumBody {
    const KIND: SetKind = SetKind::Medium;

    fn shown(&self) -> Value {
        json!({ "medium": self.medium.redacted(), "account": self.account })
    }

    fn completed(self, before: &Self) -> Self {
        Self { medium: self.medium.with_secrets_of(&before.medium), ..self }
    }

    /// The key of push is made here, once; browsers subscribe with it.
    fn begun(mut self) -> Self {
        if let Medium::WebPush(push) = &mut self.medium
            && push.private_key.is_empty()
        {
            push.private_key = WebPush::new_key();
        }
        self
    }

    fn mistakes(&self) -> Vec<FieldError> {
        let errors = self.medium.validate().into_iter().map(|error| FieldError {
            field: "medium",
            code: error.problem.code(),
            message: format!("{}: {}", error.field, error.problem.code()),
            params: BTreeMap::from([("field", Value::String(error.field))]),
        });
        errors.collect()
    }
}

impl Body for RouteBody {
    const KIND: SetKind = SetKind::Route;

    fn mistakes(&self) -> Vec<FieldError> {
        mistake("hours", self.hours.as_ref().map_or(Ok(()), Hours::check))
    }
}

impl Body for LadderBody {
    const KIND: SetKind = SetKind::Ladder;

    fn mistakes(&self) -> Vec<FieldError> {
        mistake("steps", Ladder::check(&self.steps))
    }
}

impl Body for DutyBody {
    const KIND: SetKind = SetKind::Duty;

    fn mistakes(&self) -> Vec<FieldError> {
        mistake("shifts", self.roster.check())
    }
}

/// What is said of one of them beside its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Its name.
    pub name: String,
    /// Whether it is used.
    pub enabled: bool,
    /// Lower ones come first.
    pub rank: i64,
}

/// How it stands with telling people.
#[derive(Debug, Clone, PartialEq)]
pub struct TellingStatus {
    /// Whether there is any medium that is on.
    pub can_tell: bool,
    /// Whether messages carry links.
    pub has_links: bool,
    /// The media that are on, by name, with how they do.
    pub media: Vec<(MediumId, String, Option<HealthRow>)>,
    /// Duty calendars that have nobody on duty now, by name.
    pub gaps: Vec<(i64, String)>,
    /// Messages of the last day by how they stand: `told`, `failed` ...
    pub last_day: Vec<(String, i64)>,
}

/// What a link shows.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkPage {
    /// The link.
    pub link: LinkRow,
    /// Its person's language.
    pub language: String,
    /// Alarms, the newest first.
    pub alarms: Vec<AlarmRow>,
    /// How many there are in all.
    pub count: i64,
    /// How many of those shown still wait for somebody.
    pub waiting: usize,
}

/// What became of a link's button.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkUse {
    /// So many alarms are acknowledged by it.
    Acknowledged(usize),
    /// It was used before, or has run out.
    Spent,
    /// There is no such link, or its person may not do this any more.
    Unknown,
}

const DAY_MS: i64 = 86_400_000;
/// Alarms of one act of the pipeline.
const AT_ONCE: usize = 500;

impl<'e> TellingDesk<'e> {
    pub(super) const fn engine(&self) -> &'e Engine {
        self.0
    }

    /// Those in `scope`.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn list<B: Body>(&self, scope: &Scope) -> Result<Vec<(SetRow, B)>, EngineError> {
        let rows = self.0.store().telling().list(scope, B::KIND).await?;
        rows.into_iter().map(|row| Ok((row.clone(), read(B::KIND, &row)?))).collect()
    }

    /// One.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] out of `scope`.
    pub async fn get<B: Body>(&self, scope: &Scope, id: i64) -> Result<(SetRow, B), EngineError> {
        let row = self.0.store().telling().get(scope, B::KIND, id).await?;
        let body = read(B::KIND, &row)?;
        Ok((row, body))
    }

    /// Makes one.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] and [`StoreError::Invalid`] by field.
    pub async fn create<B: Body>(
        &self,
        scope: &Scope,
        actor: &Actor,
        organisation: Option<domain::id::OrganisationId>,
        said: Said,
        body: B,
    ) -> Result<(SetRow, B), EngineError> {
        let body = body.begun();
        self.check(scope, &body).await?;
        let draft = SetDraft {
            organisation_id: organisation,
            name: said.name,
            enabled: said.enabled,
            rank: said.rank,
            body: write(&body),
            shown: body.shown(),
        };
        let row = self.0.store().telling().create(scope, actor, self.0.now(), B::KIND, &draft).await?;
        Ok((row, body))
    }

    /// Changes one.
    ///
    /// # Errors
    /// As [`create`](Self::create), and [`StoreError::NotFound`], [`StoreError::Conflict`].
    pub async fn change<B: Body>(
        &self,
        scope: &Scope,
        actor: &Actor,
        id: i64,
        said: Said,
        body: B,
        version: i64,
    ) -> Result<(SetRow, B), EngineError> {
        let (_, before) = self.get::<B>(scope, id).await?;
        let body = body.completed(&before);
        self.check(scope, &body).await?;
        let patch = SetPatch {
            name: said.name,
            enabled: said.enabled,
            rank: said.rank,
            body: write(&body),
            shown_before: before.shown(),
            shown: body.shown(),
            version,
        };
        let row = self.0.store().telling().change(scope, actor, self.0.now(), B::KIND, id, &patch).await?;
        Ok((row, body))
    }

    /// Takes one away.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::InUse`] for a ladder that a route leads to.
    pub async fn delete<B: Body>(&self, scope: &Scope, actor: &Actor, id: i64) -> Result<(), EngineError> {
        let (_, before) = self.get::<B>(scope, id).await?;
        let all = Scope::platform();
        match B::KIND {
            SetKind::Ladder => {
                let routes = self.list::<RouteBody>(&all).await?;
                if routes.iter().any(|(_, route)| route.ladder == LadderId(id)) {
                    return Err(StoreError::InUse { what: "ladder", by: "routes" }.into());
                }
            }
            SetKind::Duty => {
                let names =
                    |ladder: &LadderBody| {
                        ladder.steps.iter().flat_map(|step| &step.recipients).any(
                            |recipient| matches!(recipient, Recipient::OnDuty { roster } if roster.0 == id),
                        )
                    };
                if self.list::<LadderBody>(&all).await?.iter().any(|(_, ladder)| names(ladder)) {
                    return Err(StoreError::InUse { what: "duty", by: "ladders" }.into());
                }
            }
            // A step that names a medium which is gone uses its others.
            SetKind::Medium | SetKind::Route => {}
        }
        let shown = before.shown();
        Ok(self.0.store().telling().delete(scope, actor, self.0.now(), B::KIND, id, &shown).await?)
    }

    async fn check<B: Body>(&self, scope: &Scope, body: &B) -> Result<(), EngineError> {
        let mistakes = body.mistakes();
        if !mistakes.is_empty() {
            return Err(EngineError::Invalid(mistakes));
        }
        let (store, all) = (self.0.store(), Scope::platform());
        let value = serde_json::to_value(body).unwrap_or_default();
        if B::KIND == SetKind::Route {
            let ladder = value.get("ladder").and_then(Value::as_i64).unwrap_or(0);
            let known =
                store.telling().list(&all, SetKind::Ladder).await?.into_iter().find(|row| row.id == ladder);
            // The platform's own ladders are for everybody.
            if !known.is_some_and(|row| {
                row.organisation_path.as_ref().is_none_or(|path| {
                    scope
                        .parts()
                        .iter()
                        .any(|part| part.organisation.as_ref().is_none_or(|root| path.0.starts_with(&root.0)))
                })
            }) {
                return Err(invalid("ladder_id", "unknown", format!("no ladder {ladder} here")));
            }
        }
        for account in accounts(&value) {
            match store.accounts().get(scope, UserId(account)).await {
                Ok(_) => {}
                Err(StoreError::NotFound { .. }) => {
                    return Err(invalid("account_id", "unknown", format!("no account {account} here")));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Sends a test message by a medium to `account`, now, and says what came of it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] out of `scope`; [`EngineError::Invalid`] when the account has no address for it;
    /// [`EngineError::Stopped`] where nobody is told at all.
    pub async fn test(&self, scope: &Scope, id: i64, account: UserId) -> Result<Outcome, EngineError> {
        let (_, body) = self.get::<MediumBody>(scope, id).await?;
        let telling = self.0.telling_parts().ok_or(EngineError::Stopped)?;
        let known = Known::read(self.0.store(), self.0.now()).await?;
        let kind = crate::telling::book::address_kind(body.medium.kind().address());
        let address = match (kind, known.addresses(account, MediumId(id), kind).into_iter().next()) {
            (AddressKind::Medium, _) => Address::Medium,
            (AddressKind::Email, Some(address)) => Address::Email(address),
            (AddressKind::Phone, Some(address)) => Address::Phone(address),
            (AddressKind::Push, Some(address)) => {
                PushAddress::read(&address).map_or(Address::Medium, Address::from)
            }
            (AddressKind::Email | AddressKind::Phone | AddressKind::Push, None) => {
                let wanted = format!("had no {} of the account, wanted one to send the test to", kind.code());
                return Err(invalid("account_id", "no_address", wanted));
            }
        };
        let language = known.people.get(&account).map_or("en", |person| person.language.as_str());
        let base = telling.links.config.public_url.as_deref();
        let message = test_message(language, base, self.0.now());
        Ok(telling.sender.send(&body.medium, &address, &message, self.0.now()).await)
    }

    /// The medium and its public key that browsers of `account` subscribe with, where there is one for them.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn push_key(&self, account: UserId) -> Result<Option<(MediumId, String)>, EngineError> {
        let known = Known::read(self.0.store(), self.0.now()).await?;
        let Some(person) = known.book.people.get(&account) else { return Ok(None) };
        let reaches = |owner: &OrganisationPath| {
            person
                .grants
                .iter()
                .any(|grant| grant.organisation.as_ref().is_none_or(|at| at.0.starts_with(&owner.0)))
        };
        let fits = |medium: &&MediumFacts| {
            medium.owner.as_ref().is_none_or(reaches) && medium.account.is_none_or(|own| own == account)
        };
        let key = |medium: &MediumFacts| {
            let Medium::WebPush(push) = &known.media.get(&medium.id)?.medium else { return None };
            Some((medium.id, push.public_key()?))
        };
        Ok(known.book.media.iter().filter(fits).find_map(key))
    }

    /// Sends a test message to one browser of `account`, now, and says what came of it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where it is not theirs; [`EngineError::Stopped`] where nobody is told at all.
    pub async fn test_push(&self, account: UserId, id: i64) -> Result<Outcome, EngineError> {
        let known = Known::read(self.0.store(), self.0.now()).await?;
        let browser = known.browsers.get(&account).and_then(|own| own.iter().find(|one| one.id == id));
        let browser = browser.ok_or(StoreError::NotFound { what: "push subscription" })?;
        let telling = self.0.telling_parts().ok_or(EngineError::Stopped)?;
        let Some(body) = known.media.get(&browser.medium_id) else {
            return Ok(Outcome::Refused { detail: "the medium was switched off".to_owned() });
        };
        let language = known.people.get(&account).map_or("en", |person| person.language.as_str());
        let now = self.0.now();
        let message = test_message(language, telling.links.config.public_url.as_deref(), now);
        let outcome =
            telling.sender.send(&body.medium, &PushAddress::of(browser).into(), &message, now).await;
        let store = self.0.store().telling();
        match &outcome {
            Outcome::Accepted { .. } => store.push_said(&browser.endpoint, Some(now)).await?,
            Outcome::Gone { .. } => store.push_said(&browser.endpoint, None).await?,
            Outcome::TryAgain { .. }
            | Outcome::Refused { .. }
            | Outcome::AddressBusy { .. }
            | Outcome::AddressRefused { .. } => {}
        }
        Ok(outcome)
    }

    /// Who would be told of `subject`, raised at `at`, when and by what, if nobody ever took it.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn preview(
        &self,
        subject: &Subject,
        at: UnixMs,
    ) -> Result<(Known, Vec<(UnixMs, Climb, Rung)>), EngineError> {
        let known = Known::read(self.0.store(), self.0.now()).await?;
        let told = preview(&known.book, subject, at);
        Ok((known, told))
    }

    /// How it stands.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn status(&self) -> Result<TellingStatus, EngineError> {
        let (telling, all, now) = (self.0.store().telling(), Scope::platform(), self.0.now());
        let mut health: BTreeMap<_, _> =
            telling.media_health().await?.into_iter().map(|row| (row.medium_id, row)).collect();
        let media: Vec<_> = telling
            .list(&all, SetKind::Medium)
            .await?
            .into_iter()
            .filter(|row| row.enabled)
            .map(|row| (MediumId(row.id), row.name, health.remove(&MediumId(row.id))))
            .collect();
        let gaps = self
            .list::<DutyBody>(&all)
            .await?
            .into_iter()
            .filter(|(row, duty)| row.enabled && duty.roster.on_duty(now).accounts.is_empty())
            .map(|(row, _)| (row.id, row.name))
            .collect();
        Ok(TellingStatus {
            can_tell: !media.is_empty(),
            has_links: self.0.telling_parts().is_some_and(|parts| parts.links.config.public_url.is_some()),
            media,
            gaps,
            last_day: telling.digest_counts(now.plus_ms(-DAY_MS)).await?,
        })
    }

    /// What a link shows: `skip` alarms in. Changes nothing: programs that look at mails open links.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn link(&self, token: &str, skip: u32, limit: u32) -> Result<Option<LinkPage>, EngineError> {
        let store = self.0.store();
        let Some(link) = store.telling().link(&fingerprint(token)).await? else { return Ok(None) };
        let Some((language, view, _)) = self.person(link.account_id).await? else { return Ok(None) };
        let (ids, count) = store.telling().digest_alarms(link.digest_id, skip, limit).await?;
        let mut alarms = store.alarms().by_ids(&view, &ids).await?;
        alarms.sort_by_key(|alarm| std::cmp::Reverse(alarm.id));
        let waiting = alarms.iter().filter(|alarm| alarm.state.waits_for_acknowledgement()).count();
        Ok(Some(LinkPage { link, language, alarms, count, waiting }))
    }

    /// Language and what a person may see and acknowledge; `None` when they cannot sign in any more.
    pub(super) async fn person(
        &self,
        account: UserId,
    ) -> Result<Option<(String, Scope, Scope)>, EngineError> {
        let account = match self.0.store().accounts().own(account).await {
            Ok(account) => account,
            Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if account.account.disabled {
            return Ok(None);
        }
        let grants: Vec<_> = account.grants.iter().map(store::accounts::GrantRow::grant).collect();
        let view = Scope::of(&grants, Permission::View);
        let acknowledge = Scope::of(&grants, Permission::AlarmAcknowledge);
        Ok(Some((account.account.language, view, acknowledge)))
    }

    /// Acknowledges everything that a link shows and that still waits, as the link's person. Works once.
    ///
    /// # Errors
    /// [`EngineError`] when it could not be written: then the link still works.
    pub async fn use_link(&self, token: &str, remote: &str) -> Result<LinkUse, EngineError> {
        let (store, hash) = (self.0.store(), fingerprint(token));
        let Some(link) = store.telling().link(&hash).await? else { return Ok(LinkUse::Unknown) };
        let Some((_, _, scope)) = self.person(link.account_id).await? else { return Ok(LinkUse::Unknown) };
        if !store.telling().use_link(&hash, self.0.now()).await? {
            return Ok(LinkUse::Spent);
        }
        // The audit log says how: by link, from where.
        let how = format!("by link, {remote}");
        let acknowledged = self.acknowledge_all(link.account_id, link.digest_id, &scope, how).await;
        if acknowledged.is_err() {
            store.telling().give_link_back(&hash).await?;
        }
        acknowledged.map(LinkUse::Acknowledged)
    }

    /// Acknowledges everything of a digest that still waits, as the person it was sent to. How many.
    pub(super) async fn acknowledge_all(
        &self,
        account: UserId,
        digest: DigestId,
        scope: &Scope,
        how: String,
    ) -> Result<usize, EngineError> {
        let name = self.0.store().accounts().own(account).await?.account.name;
        let actor = Actor { kind: ActorKind::User(account), name, remote: how };
        let mut waiting = Vec::new();
        let mut skip = 0;
        loop {
            let (ids, _) = self.0.store().telling().digest_alarms(digest, skip, 500).await?;
            skip += 500;
            let rows = self.0.store().alarms().by_ids(scope, &ids).await?;
            waiting.extend(
                rows.into_iter().filter(|row| row.state.waits_for_acknowledgement()).map(|row| row.id),
            );
            if ids.len() < AT_ONCE {
                break;
            }
        }
        let mut done = 0;
        for some in waiting.chunks(AT_ONCE) {
            done += self.0.alarms().acknowledge_many(scope, &actor, some, None).await?.done.len();
        }
        Ok(done)
    }

    /// The alarm as the rules know it, in `scope`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] out of `scope`.
    pub async fn subject(&self, scope: &Scope, alarm: AlarmId) -> Result<Subject, EngineError> {
        Ok(crate::telling::book::subject(&self.0.store().alarms().get(scope, alarm).await?))
    }
}

/// Every account that a body names.
fn accounts(value: &Value) -> Vec<i64> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| match name.as_str() {
                "account" | "instead_of" | "fallback" => value.as_i64().into_iter().collect(),
                _ => accounts(value),
            })
            .collect(),
        Value::Array(values) => values.iter().flat_map(accounts).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// Checks quiet hours.
///
/// # Errors
/// [`EngineError::Invalid`] about `quiet`.
pub fn check_quiet(hours: &Hours) -> Result<(), EngineError> {
    let full = |span: &Span| span.days.is_empty() && span.length_min() == 1440;
    hours.check().map_err(|message| invalid("quiet", "invalid", message))?;
    if hours.spans.iter().any(full) {
        return Err(invalid("quiet", "out_of_range", "had the whole week, wanted hours that end"));
    }
    Ok(())
}
