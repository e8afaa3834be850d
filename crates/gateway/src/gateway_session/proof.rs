//! Who the gateway is: the challenge, what it answers to it, and whether that still holds.

use std::sync::Arc;

use bus::intake::UnknownTerminal;
use domain::place::{Admission, Credential, Protocol, TerminalEntry};
use wire::gateway1f1f::{Authentication, FrameType, GatewayId, Secret, Step};

use super::{GatewaySession, SESSION_RULES, Who};
use crate::poll_plan::PollPlan;
use crate::session::{CERTIFICATE, Facts, Moment, Output, Refusal};

const AUTHENTICATION: &str = "vendor gateway protocol, authentication";

impl GatewaySession {
    /// Whether who was admitted still is, and under the same secret; follows what changed behind it.
    pub(super) fn stand(
        &mut self,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) -> Result<(), Refusal> {
        let Who::Admitted { id, entry, secret } = &mut self.who else { return Ok(()) };
        let known = facts.directory.terminal(Protocol::Gateway1f1f, &id.serial());
        match known.filter(|entry| entry.admission == Admission::Admitted) {
            Some(now_known) if secrets(&now_known).any(|known| known == *secret) => {
                if !Arc::ptr_eq(entry, &now_known) {
                    self.plan.follow(&now_known, facts.directory, now.mono_ms);
                    *entry = now_known;
                }
                Ok(())
            }
            Some(_) | None => {
                let reason = "no longer admitted, or its secret was changed";
                out.push(Output::Release(reason));
                self.end_command(out);
                self.who = Who::Nobody;
                self.plan = PollPlan::default();
                self.flow.close(out, reason);
                Err(Refusal::new(SESSION_RULES, reason))
            }
        }
    }

    pub(super) fn proved(
        &self,
        kind: FrameType,
    ) -> Result<(&GatewayId, &Arc<TerminalEntry>, &Secret), Refusal> {
        match &self.who {
            Who::Admitted { id, entry, secret } => Ok((id, entry, secret)),
            Who::Nobody | Who::Challenged { .. } => {
                let reason = format!("{} on a connection that has not proved who it is", kind.name());
                Err(Refusal::new(SESSION_RULES, reason))
            }
        }
    }

    pub(super) fn on_authentication(
        &mut self,
        said: Authentication,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) -> Result<(), Refusal> {
        let bound = match &self.who {
            Who::Nobody => None,
            Who::Challenged { id, .. } | Who::Admitted { id, .. } => Some(id),
        };
        if let Some(bound) = bound.filter(|bound| **bound != said.id) {
            let reason = format!("gateway {} on the connection of {bound}", said.id);
            return Err(Refusal::new(SESSION_RULES, reason));
        }
        match said.step {
            Step::Request => {
                if matches!(self.who, Who::Nobody) {
                    let known = facts.directory.terminal(Protocol::Gateway1f1f, &said.id.serial());
                    let terminal = known.map(|entry| entry.id);
                    self.who = Who::Challenged { id: said.id.clone(), terminal };
                }
                let step = Step::Sequence(self.sequence.to_string());
                out.push(Output::Write(Authentication { id: said.id, step }.encode()));
                Ok(())
            }
            Step::Md5(md5) => {
                if matches!(self.who, Who::Nobody) {
                    return Err(Refusal::new(AUTHENTICATION, "an answer before the question"));
                }
                self.on_answer_to_challenge(said.id, &md5, facts, now, out)
            }
            Step::Sequence(_) | Step::Result(_) => {
                Err(Refusal::new(AUTHENTICATION, "a step that only the server takes"))
            }
        }
    }

    pub(super) fn on_answer_to_challenge(
        &mut self,
        id: GatewayId,
        md5: &str,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) -> Result<(), Refusal> {
        let serial = id.serial();
        let known = facts.directory.terminal(Protocol::Gateway1f1f, &serial);
        let result =
            |passes| Output::Write(Authentication { id: id.clone(), step: Step::Result(passes) }.encode());
        let Some(entry) = known.filter(|entry| entry.admission == Admission::Admitted) else {
            out.push(Output::Unknown(UnknownTerminal {
                serial,
                protocol: Protocol::Gateway1f1f,
                iccid: None,
                signal: None,
                firmware: None,
                remote: facts.remote.to_string(),
                at: now.wall,
                readings_ignored: 0,
            }));
            out.push(result(false));
            self.flow.close(out, "not admitted; it has to dial again when it is");
            return Ok(());
        };
        let fitting = secrets(&entry).find(|secret| secret.is_answered_by(&self.sequence, md5));
        let refusal = match (facts.distrust(&entry), fitting) {
            (Some(reason), _) => Refusal::new(CERTIFICATE, reason),
            (None, Some(secret)) => {
                let is_new = !matches!(self.who, Who::Admitted { .. });
                self.plan.follow(&entry, facts.directory, now.mono_ms);
                self.deframer.set_max_data_len(facts.rules.config.gateway1f1f.max_frame_bytes);
                if is_new {
                    self.flow.admitted();
                    out.push(Output::Claim(entry.id));
                }
                out.push(result(true));
                self.who = Who::Admitted { id, entry, secret };
                self.tell_heard(now, out);
                return Ok(());
            }
            (None, None) if secrets(&entry).next().is_none() => {
                Refusal::new(AUTHENTICATION, "the terminal has no shared secret of 16 bytes")
            }
            (None, None) => Refusal::new(AUTHENTICATION, "md5 does not fit the secret and the sequence"),
        };
        out.push(Output::Unproven);
        out.push(result(false));
        self.flow.close(out, "could not prove who it is");
        Err(refusal)
    }
}

/// The secrets of a terminal that this protocol can use.
fn secrets(entry: &TerminalEntry) -> impl Iterator<Item = Secret> {
    entry.credentials.iter().filter_map(|credential| match credential {
        Credential::SharedSecret(secret) => Secret::try_from(secret.as_slice()).ok(),
        Credential::TokenHash(_) | Credential::CertificateHash(_) => None,
    })
}

/// What a frame says of its sender must not contradict the line. Gateways that leave the building out in reports are
/// common.
pub(super) fn is_own(said: Option<&GatewayId>, own: &GatewayId) -> Result<(), Refusal> {
    match said {
        Some(said)
            if said.gateway() != own.gateway()
                || !(said.building().is_empty() || said.building() == own.building()) =>
        {
            Err(Refusal::new(SESSION_RULES, format!("gateway {said} on the connection of {own}")))
        }
        Some(_) | None => Ok(()),
    }
}
