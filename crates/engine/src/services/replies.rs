//! What providers call us with: receipts, replies by short message, keys that were pressed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::access::Scope;
use domain::id::{DigestId, MediumId, UserId};
use domain::telling::{forms_of_number, takes};
use notify::{MediumKind, Report};
use rand::Rng as _;
use serde_json::Value;
use store::telling::{NewReply, ReplyRow, ReportedDelivery};
use store::{Actor, ActorKind, StoreError};

use super::telling::TellingDesk;
use crate::error::EngineError;
use crate::telling::book::MediumBody;
use crate::telling::{Received, fingerprint, receive};

/// Replies that a list shows.
const SHOWN: u32 = 50;

/// What became of a provider's call.
#[derive(Debug, Clone, PartialEq)]
pub enum Called {
    /// There is no such address.
    Unknown,
    /// It is none of the bodies that the provider publishes; what it wants to hear then.
    Unreadable(Value),
    /// It is kept; what the provider wants to hear then.
    Taken(Value),
}

impl TellingDesk<'_> {
    /// The address that the provider of a medium is to call, below that of the pages where that is set; `None` where it
    /// calls nobody.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn callback_url(
        &self,
        medium: MediumId,
        kind: MediumKind,
    ) -> Result<Option<String>, EngineError> {
        if !kind.reports() {
            return Ok(None);
        }
        let fresh = URL_SAFE_NO_PAD.encode(rand::rng().random::<[u8; 24]>());
        let secret = self.engine().store().telling().callback(medium, &fresh).await?;
        let base = self.engine().telling_parts().and_then(|parts| parts.links.config.public_url.as_deref());
        Ok(Some(format!("{}/callback/{medium}/{secret}", base.unwrap_or_default())))
    }

    /// Takes what a provider reports at the address of a medium.
    ///
    /// # Errors
    /// [`EngineError`] when it could not be written: the provider calls again.
    pub async fn called(&self, medium: i64, secret: &str, body: &[u8]) -> Result<Called, EngineError> {
        let telling = self.engine().store().telling();
        let id = MediumId(medium);
        // Hashes are compared, so that the time it takes tells nothing about the secret.
        let is_known =
            telling.callback_kept(id).await?.is_some_and(|kept| fingerprint(&kept) == fingerprint(secret));
        if !is_known {
            return Ok(Called::Unknown);
        }
        let (_, MediumBody { medium, .. }) = match self.get::<MediumBody>(&Scope::platform(), medium).await {
            Ok(found) => found,
            Err(EngineError::Store(StoreError::NotFound { .. })) => return Ok(Called::Unknown),
            Err(error) => return Err(error),
        };
        let kind = medium.kind();
        let reports = match medium.reports(body) {
            Ok(reports) => reports,
            Err(error) => {
                tracing::warn!(medium = id.0, %error, "a provider reported something that cannot be read");
                return Ok(Called::Unreadable(kind.answer(false)));
            }
        };
        for report in reports {
            match report {
                Report::Receipt { reference, arrived, detail } => {
                    self.receipt(id, &reference, arrived, &detail).await?;
                }
                Report::Reply { phone, text, reference, key } => {
                    self.reply(id, phone, text, reference, key).await?;
                }
            }
        }
        Ok(Called::Taken(kind.answer(true)))
    }

    async fn receipt(
        &self,
        medium: MediumId,
        reference: &str,
        arrived: bool,
        detail: &str,
    ) -> Result<(), EngineError> {
        let engine = self.engine();
        match receive(engine.store(), medium, reference, arrived, detail, engine.now()).await? {
            Received::GoesOn => {
                tracing::warn!(
                    medium = medium.0,
                    detail,
                    "a message did not arrive; it goes by the next medium"
                );
                if let Some(parts) = engine.telling_parts() {
                    parts.links.post.notify_one();
                }
            }
            Received::Failed => {
                engine.counters().messages_failed.add_one();
                tracing::error!(medium = medium.0, detail, "a message did not arrive, and no medium is left");
            }
            Received::Arrived | Received::Ends | Received::Nothing => {}
        }
        Ok(())
    }

    /// Takes what came from a telephone. It acts for the person to whom the message was sent that it answers, by the
    /// number that it was sent to and with that person's rights; of a number that nobody was told at it is kept and does
    /// nothing.
    async fn reply(
        &self,
        medium: MediumId,
        phone: String,
        text: String,
        reference: Option<String>,
        key: String,
    ) -> Result<(), EngineError> {
        let engine = self.engine();
        let telling = engine.store().telling();
        if telling.has_reply(medium, &key).await? {
            return Ok(());
        }
        let hold_ms = engine.telling_parts().map_or(86_400_000, |parts| parts.links.config.link_ms);
        let since = engine.now().plus_ms(-hold_ms);
        let answers: Option<ReportedDelivery> = match &reference {
            Some(reference) => telling.delivery_by_reference(medium, reference).await?,
            None => telling.newest_to_number(medium, &forms_of_number(&phone), since).await?,
        };
        let mut kept = NewReply {
            medium,
            phone,
            text,
            key,
            answers: answers.as_ref().map(|delivery| (delivery.account_id, delivery.digest_id)),
            outcome: "unknown_number",
            alarms: 0,
        };
        if let Some((account, digest)) = kept.answers
            && let Some((_, _, scope)) = self.person(account).await?
        {
            (kept.outcome, kept.alarms) = self.act_by_reply(account, digest, &scope, &kept.text).await?;
        } else {
            tracing::warn!(medium = medium.0, "a reply came from a number that nobody was told at");
        }
        telling.keep_reply(&kept, engine.now()).await?;
        Ok(())
    }

    async fn act_by_reply(
        &self,
        account: UserId,
        digest: DigestId,
        scope: &Scope,
        text: &str,
    ) -> Result<(&'static str, i64), EngineError> {
        let engine = self.engine();
        if takes(text) {
            let done = self.acknowledge_all(account, digest, scope, "by reply".to_owned()).await?;
            let alarms = i64::try_from(done).unwrap_or(i64::MAX);
            return Ok((if done == 0 { "nothing_waits" } else { "acknowledged" }, alarms));
        }
        let Some(alarm) = engine.store().telling().noted_alarm(digest).await? else {
            return Ok(("nothing_waits", 0));
        };
        let name = engine.store().accounts().own(account).await?.account.name;
        let actor = Actor { kind: ActorKind::User(account), name, remote: "by reply".to_owned() };
        match engine.alarms().comment(scope, &actor, alarm, text.to_owned()).await {
            Ok(_) => Ok(("noted", 0)),
            // Who may no longer see it says nothing about it.
            Err(EngineError::Store(StoreError::NotFound { .. })) => Ok(("nothing_waits", 0)),
            Err(error) => Err(error),
        }
    }

    /// The newest of what came from telephones by a medium in `scope`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] out of `scope`.
    pub async fn replies(&self, scope: &Scope, medium: i64) -> Result<Vec<ReplyRow>, EngineError> {
        self.get::<MediumBody>(scope, medium).await?;
        Ok(self.engine().store().telling().replies(MediumId(medium), SHOWN).await?)
    }
}
