//! `/terminals/{id}/credentials`: how a terminal proves who it is. A secret that is made here is shown once.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::access::Permission;
use domain::id::{CredentialId, TerminalId};
use domain::place;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};
use std::sync::PoisonError;
use store::credentials::CredentialRow;

use super::shape::{Credential, Door, IssuedCredential, NewCredential, TerminalAccess};
use crate::access::caller::Caller;
use crate::access::secret;
use crate::http::extract::{Body, Id, check_max, checked};
use crate::http::problem::{FieldError, ItemProblems, Problem, WriteProblems};
use crate::state::Api;
use crate::vocabulary::CredentialKind;

/// How much of a token people may see, characters.
const PREFIX: usize = 6;
/// The longest shared secret, bytes.
const MAX_SECRET_BYTES: usize = 128;

impl From<CredentialRow> for Credential {
    fn from(row: CredentialRow) -> Self {
        Self { id: row.id.0, kind: row.kind.into(), label: row.label, created_at: row.created_at.into() }
    }
}

/// How a terminal may come in: its proofs, and the doors that are open.
#[utoipa::path(
    get,
    path = "/terminals/{id}/credentials",
    tag = "admission",
    operation_id = "list_credentials",
    params(("id" = i64, Path, description = "The terminal", minimum = 1)),
    responses((status = 200, description = "All of them", body = TerminalAccess), ItemProblems)
)]
pub(super) async fn list_credentials(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<TerminalAccess>, Problem> {
    let scope = caller.scope(Permission::DeviceConfigure)?;
    let rows = api.store.credentials().list(&scope, TerminalId(id)).await?;
    let terminal = api.store.terminals().get(&scope, TerminalId(id)).await?;
    let doors = api.doors.read().unwrap_or_else(PoisonError::into_inner);
    let doors =
        doors.iter().map(|(door, address)| Door { door: (*door).to_owned(), address: address.to_string() });
    Ok(Json(TerminalAccess {
        serial: terminal.serial,
        credentials: rows.into_iter().map(Credential::from).collect(),
        doors: doors.collect(),
    }))
}

/// Issues a proof. What is made here is shown in this answer only.
#[utoipa::path(
    post,
    path = "/terminals/{id}/credentials",
    tag = "admission",
    operation_id = "issue_credential",
    params(("id" = i64, Path, description = "The terminal", minimum = 1)),
    request_body = NewCredential,
    responses((status = 201, description = "The proof and its secret", body = IssuedCredential), WriteProblems)
)]
pub(super) async fn issue_credential(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Body(new): Body<NewCredential>,
) -> Result<(StatusCode, Json<IssuedCredential>), Problem> {
    let scope = caller.scope(Permission::DeviceConfigure)?;
    let mut errors = Vec::new();
    let label = new.label.as_deref().map(str::trim).filter(|label| !label.is_empty()).map(str::to_owned);
    check_max(&mut errors, "label", label.as_deref().unwrap_or_default(), 100);
    let made = made(&new, &mut errors);
    checked(errors)?;
    let Some(made) = made else {
        return Err(Problem::field("kind", "unknown", "wanted token, certificate or shared_secret"));
    };
    let label = label.unwrap_or(made.label);
    let row = api
        .engine
        .admission()
        .issue(&scope, &caller.actor(), TerminalId(id), &made.credential, &label)
        .await?;
    Ok((StatusCode::CREATED, Json(IssuedCredential { credential: row.into(), secret: made.shown })))
}

/// Revokes a proof; the line that was opened with it is closed.
#[utoipa::path(
    delete,
    path = "/terminals/{id}/credentials/{credential}",
    tag = "admission",
    operation_id = "revoke_credential",
    params(
        ("id" = i64, Path, description = "The terminal", minimum = 1),
        ("credential" = i64, Path, description = "The proof", minimum = 1)
    ),
    responses((status = 204, description = "Revoked"), WriteProblems)
)]
pub(super) async fn revoke_credential(
    State(api): State<Api>,
    caller: Caller,
    path: Result<Path<(i64, i64)>, axum::extract::rejection::PathRejection>,
) -> Result<StatusCode, Problem> {
    let scope = caller.scope(Permission::DeviceConfigure)?;
    let Path((terminal, id)) = path.map_err(|_no_number| Problem::not_found("credential"))?;
    let admission = api.engine.admission();
    admission.revoke(&scope, &caller.actor(), TerminalId(terminal), CredentialId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

struct Made {
    credential: place::Credential,
    label: String,
    shown: Option<String>,
}

fn made(new: &NewCredential, errors: &mut Vec<FieldError>) -> Option<Made> {
    let given = [
        ("pem", new.pem.is_some()),
        ("secret", new.secret.is_some()),
        ("secret_hex", new.secret_hex.is_some()),
    ];
    let wanted: &[&str] = match new.kind {
        CredentialKind::Token => &[],
        CredentialKind::Certificate => &["pem"],
        CredentialKind::SharedSecret => &["secret", "secret_hex"],
    };
    for (field, _) in given.iter().filter(|(field, given)| *given && !wanted.contains(field)) {
        errors.push(FieldError::new(*field, "unknown", "this kind of proof has no such part"));
    }
    match new.kind {
        CredentialKind::Token => {
            let token = secret::device_token();
            let label = format!("{}…", token.chars().take(PREFIX).collect::<String>());
            let credential = place::Credential::TokenHash(secret::fingerprint(&token));
            Some(Made { credential, label, shown: Some(token) })
        }
        CredentialKind::Certificate => certificate(new.pem.as_deref().unwrap_or_default(), errors),
        CredentialKind::SharedSecret => shared_secret(new, errors),
    }
}

fn certificate(pem: &str, errors: &mut Vec<FieldError>) -> Option<Made> {
    check_max(errors, "pem", pem, 20_000);
    match CertificateDer::from_pem_slice(pem.as_bytes()) {
        Ok(der) => {
            let hash: [u8; 32] = Sha256::digest(der.as_ref()).into();
            let start: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            let label = format!("sha256:{start}…");
            Some(Made { credential: place::Credential::CertificateHash(hash), label, shown: None })
        }
        Err(error) => {
            let words =
                format!("wanted a certificate between BEGIN CERTIFICATE and END CERTIFICATE: {error}");
            errors.push(FieldError::new("pem", "malformed", words));
            None
        }
    }
}

fn shared_secret(new: &NewCredential, errors: &mut Vec<FieldError>) -> Option<Made> {
    let (bytes, shown) = match (&new.secret, &new.secret_hex) {
        (Some(_), Some(_)) => {
            errors.push(FieldError::new("secret_hex", "both", "had both secret and secret_hex, wanted one"));
            return None;
        }
        (Some(text), None) => (text.as_bytes().to_vec(), None),
        (None, Some(hex)) => match from_hex(hex) {
            Some(bytes) => (bytes, None),
            None => {
                errors.push(FieldError::new("secret_hex", "malformed", "wanted pairs of hexadecimal digits"));
                return None;
            }
        },
        (None, None) => {
            let made = secret::device_token();
            (made.clone().into_bytes(), Some(made))
        }
    };
    if !(1..=MAX_SECRET_BYTES).contains(&bytes.len()) {
        let words = format!("had {} bytes, wanted 1 to {MAX_SECRET_BYTES}", bytes.len());
        errors.push(FieldError::new("secret", "out_of_range", words));
        return None;
    }
    // Nothing of the secret, not even its hash: it may be short.
    let label = format!("{} B", bytes.len());
    Some(Made { credential: place::Credential::SharedSecret(bytes), label, shown })
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> =
        text.chars().filter(|c| !c.is_ascii_whitespace()).map(|c| c.to_digit(16)).collect();
    let digits = digits?;
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| u8::try_from(high * 16 + low).ok()).collect()
}
