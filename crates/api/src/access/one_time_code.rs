//! One-time codes after RFC 6238: six digits that a person's phone shows for half a minute. They confirm in place of the
//! password, so that nobody types a password where others look on. Set up in one's own account: a secret is shown once,
//! as a picture and as text, and counts from the first right code on.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::time::UnixMs;
use qrcodegen::{QrCode, QrCodeEcc};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use totp_rs::{Algorithm, Builder, Totp};
use utoipa::ToSchema;

use super::caller::Caller;
use super::confirm::{confirm_first_code, confirm_password};
use super::session::session_of;
use super::shape::Session;
use crate::http::extract::{Body, check_max, checked};
use crate::http::problem::{Code, Problem, ProblemBody, WriteProblems};
use crate::state::Api;

/// Bytes of a secret: as many as the hash gives (RFC 4226, 4 R6).
const SECRET_BYTES: usize = 20;
/// The first code must come within this time, ms.
pub(super) const SET_UP_WITHIN_MS: i64 = 15 * 60_000;
/// Light modules around the code (ISO/IEC 18004: at least 4).
const QUIET: i32 = 4;

/// SHA-1, 6 digits, 30 s: what every authenticator knows. One step of tolerance before and after, for a phone whose
/// clock is a little off (RFC 6238, 5.2).
fn builder(secret: &[u8]) -> Builder {
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_skew(1)
        .with_step_duration(30)
        .with_secret(secret.to_vec())
}

/// The time step whose code `given` is, at `now` or one step beside it; blanks in it do not count.
pub(super) fn step_of(secret: &[u8], given: &str, now: UnixMs) -> Option<i64> {
    let digits: String = given.chars().filter(|c| !c.is_whitespace()).collect();
    let seconds = u64::try_from(now.0 / 1000).ok()?;
    let step = builder(secret).build().ok()?.check(&digits, seconds)?;
    i64::try_from(step).ok()
}

/// The dark modules of a QR code as the path of an SVG picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct QrPicture {
    /// Width and height of its view box, the light border included.
    #[schema(example = 53)]
    size: i32,
    /// The attribute `d` of one path, to be filled dark on light.
    #[schema(example = "M4 4h7v1h-7z")]
    path: String,
}

fn picture(text: &str) -> Option<QrPicture> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let mut path = String::new();
    for y in 0..code.size() {
        let mut x = 0;
        while x < code.size() {
            let dark = (x..code.size()).take_while(|x| code.get_module(*x, y)).count();
            let width = i32::try_from(dark).unwrap_or(0);
            if width > 0 {
                let (left, top) = (x + QUIET, y + QUIET);
                // Writing to a string does not fail.
                let _written = write!(path, "M{left} {top}h{width}v1h-{width}z");
            }
            x += width.max(1);
        }
    }
    Some(QrPicture { size: code.size() + 2 * QUIET, path })
}

/// The caller's own password.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OwnPassword {
    /// Once more.
    #[schema(min_length = 1, max_length = 256, format = Password)]
    password: String,
}

/// A code.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FirstCode {
    /// The code that the phone shows now.
    #[schema(min_length = 6, max_length = 16, example = "492 039")]
    one_time_code: String,
}

/// A secret for one-time codes. It is in this answer only.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct OneTimeCodeSecret {
    /// In base 32, for typing it in.
    #[schema(example = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")]
    secret: String,
    /// The same for an authenticator on this device.
    #[schema(
        example = "otpauth://totp/Emberwatch:wang.li?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Emberwatch"
    )]
    uri: String,
    /// The address as a picture, for the phone's camera.
    qr: QrPicture,
}

/// The authenticators' way to write a secret down; a colon is their separator.
fn enrolment(secret: &[u8], issuer: &str, login: &str) -> Result<OneTimeCodeSecret, Problem> {
    let plain = |text: &str| text.replace(':', " ");
    let built: Result<Totp, _> =
        builder(secret).with_account_name(plain(login)).with_issuer(Some(plain(issuer))).build();
    let (secret, uri) = match built.map(|totp| (totp.secret().to_base32(), totp.to_url())) {
        Ok((secret, Ok(uri))) => (secret, uri),
        Ok((_, Err(ill))) | Err(ill) => return Err(Problem::internal(&ill)),
    };
    let qr =
        picture(&uri).ok_or_else(|| Problem::new(Code::Unavailable, "the name is too long for a picture"))?;
    Ok(OneTimeCodeSecret { secret, uri, qr })
}

/// Begins to set one-time codes up: makes a secret. Codes count from the first right one on.
#[utoipa::path(
    post,
    path = "/session/one-time-codes",
    tag = "session",
    operation_id = "begin_one_time_codes",
    request_body = OwnPassword,
    responses(
        (status = 201, description = "The secret, shown once", body = OneTimeCodeSecret),
        (status = 429, description = "Too many wrong passwords: `locked_out`",
            body = ProblemBody, content_type = "application/problem+json"),
        WriteProblems
    )
)]
pub(super) async fn begin_one_time_codes(
    State(api): State<Api>,
    caller: Caller,
    Body(asked): Body<OwnPassword>,
) -> Result<(StatusCode, Json<OneTimeCodeSecret>), Problem> {
    let account = &caller.person()?.account;
    // Whoever finds a screen unlocked must not make their own phone the key to it.
    confirm_password(&api, &caller, Some(&asked.password)).await?;
    if account.one_time_codes {
        return Err(Problem::new(Code::Conflict, "the account has one-time codes; remove them first"));
    }
    let secret: [u8; SECRET_BYTES] = rand::random();
    let made = enrolment(&secret, &api.config.name, &account.login)?;
    api.store.one_time_codes().begin(&caller.actor(), api.now(), account.id, &secret).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Checks the first code; from now on codes confirm in place of the password.
#[utoipa::path(
    post,
    path = "/session/one-time-codes/confirm",
    tag = "session",
    operation_id = "confirm_one_time_codes",
    request_body = FirstCode,
    responses(
        (status = 200, description = "The session", body = Session),
        (status = 429, description = "Too many wrong codes: `locked_out`",
            body = ProblemBody, content_type = "application/problem+json"),
        WriteProblems
    )
)]
pub(super) async fn confirm_one_time_codes(
    State(api): State<Api>,
    caller: Caller,
    Body(asked): Body<FirstCode>,
) -> Result<Json<Session>, Problem> {
    let mut errors = Vec::new();
    check_max(&mut errors, "one_time_code", &asked.one_time_code, 16);
    checked(errors)?;
    confirm_first_code(&api, &caller, &asked.one_time_code).await?;
    told(&api, &caller).await
}

/// Takes one's own one-time codes away.
#[utoipa::path(
    post,
    path = "/session/one-time-codes/remove",
    tag = "session",
    operation_id = "remove_one_time_codes",
    request_body = OwnPassword,
    responses(
        (status = 200, description = "The session", body = Session),
        (status = 429, description = "Too many wrong passwords: `locked_out`",
            body = ProblemBody, content_type = "application/problem+json"),
        WriteProblems
    )
)]
pub(super) async fn remove_one_time_codes(
    State(api): State<Api>,
    caller: Caller,
    Body(asked): Body<OwnPassword>,
) -> Result<Json<Session>, Problem> {
    let id = caller.person()?.account.id;
    confirm_password(&api, &caller, Some(&asked.password)).await?;
    api.store.one_time_codes().remove_own(&caller.actor(), api.now(), id).await?;
    told(&api, &caller).await
}

/// The session as it is now; the list of people shows who has codes.
async fn told(api: &Api, caller: &Caller) -> Result<Json<Session>, Problem> {
    api.changed("people");
    Ok(Json(session_of(api, &caller.again(api).await?).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, SHA-1; the table has eight digits, of which the last six are a code of six.
    #[test]
    fn codes_are_those_of_the_standard() {
        let secret = b"12345678901234567890";
        for (at_s, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(step_of(secret, code, UnixMs(at_s * 1000)), Some(at_s / 30), "{at_s}");
        }
    }

    #[test]
    fn one_step_of_tolerance_and_blanks_do_not_count() {
        let secret = b"12345678901234567890";
        let at = |s: i64| step_of(secret, " 081 804 ", UnixMs(s * 1000));
        let step = 1_111_111_109 / 30;
        let begins = step * 30;
        assert_eq!(at(begins - 30), Some(step));
        assert_eq!(at(begins - 31), None);
        assert_eq!(at(begins + 59), Some(step));
        assert_eq!(at(begins + 60), None);
        for ill in ["", "08180", "0818044", "O81804", "-81804", "081804081804"] {
            assert_eq!(step_of(secret, ill, UnixMs(begins * 1000)), None, "{ill}");
        }
    }

    #[test]
    fn the_picture_holds_the_address() {
        let made = enrolment(b"12345678901234567890", "株洲: 智慧用电", "wang.li").unwrap();
        assert_eq!(made.secret, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert!(made.uri.starts_with("otpauth://totp/"), "{}", made.uri);
        assert!(made.uri.contains("secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"), "{}", made.uri);
        assert!(made.uri.contains("issuer=%E6%A0%AA%E6%B4%B2"), "{}", made.uri);
        let code = QrCode::encode_text(&made.uri, QrCodeEcc::Medium).unwrap();
        assert_eq!(made.qr.size, code.size() + 8);
        // Every run of the path is dark and nothing else is.
        let mut dark = 0;
        for run in made.qr.path.split('M').skip(1) {
            let numbers: Vec<i32> =
                run.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
            let [x, y, width, ..] = numbers[..] else { panic!("{run}") };
            assert!((x..x + width).all(|x| code.get_module(x - 4, y - 4)), "{run}");
            dark += width;
        }
        let all = (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y)));
        assert_eq!(dark, i32::try_from(all.filter(|(x, y)| code.get_module(*x, *y)).count()).unwrap());
    }
}
