//! The second confirmation: somebody at an unlocked screen is asked for their password again, or for a one-time code.
//! Either is checked as a sign-in is, and wrong ones count towards the same lock-out.

use serde::Deserialize;
use store::accounts::Account;
use store::lockout::{address_subject, login_subject};
use utoipa::ToSchema;

use super::caller::Caller;
use super::session::{failed, locked_s};
use super::{one_time_code, password};
use crate::http::problem::{Code, Problem};
use crate::state::Api;

/// How a person confirms: with their password or with a one-time code, not both.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Proof {
    /// The caller's own password once more.
    #[serde(default)]
    #[schema(max_length = 256, format = Password)]
    pub(crate) password: Option<String>,
    /// A one-time code of the caller's, in place of the password; each counts once.
    #[serde(default)]
    #[schema(max_length = 16, example = "492 039")]
    pub(crate) one_time_code: Option<String>,
}

/// Checks that `given` is of the person who calls.
///
/// # Errors
/// 403 for a program; 422 about the field when it is missing, wrong or used; 429 while locked out.
pub(crate) async fn confirm(api: &Api, caller: &Caller, given: &Proof) -> Result<(), Problem> {
    let said = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    match (said(&given.password), said(&given.one_time_code)) {
        (password, None) => confirm_password(api, caller, password.as_deref()).await,
        (None, Some(code)) => confirm_code(api, caller, &code).await,
        (Some(_), Some(_)) => {
            Err(Problem::field("one_time_code", "not_both", "had a password too, wanted one of the two"))
        }
    }
}

/// Checks that `given` is the password of the person who calls.
///
/// # Errors
/// As [`confirm`].
pub(crate) async fn confirm_password(api: &Api, caller: &Caller, given: Option<&str>) -> Result<(), Problem> {
    let account = caller.person()?;
    let Some(given) = given.filter(|given| !given.is_empty()) else {
        return Err(Problem::field("password", "missing", "wanted the caller's own password once more"));
    };
    let open = may_try(api, caller, account).await?;
    let stored =
        api.store.accounts().credentials(&account.account.login).await?.map(|known| known.password_hash);
    let right = given.len() <= password::MAX_BYTES && api.hasher.is_right(given.to_owned(), stored).await?;
    let wrong = || Problem::field("password", "wrong", "had a password that is not the one that holds now");
    open.end(api, if right { Ok(()) } else { Err(wrong()) }).await
}

async fn confirm_code(api: &Api, caller: &Caller, given: &str) -> Result<(), Problem> {
    let account = caller.person()?;
    // A code is found by trying much sooner than a password, and checked much faster: guesses that come at the same
    // moment are looked at one after the other, so that each meets the lock-out that those before it brought about.
    let _turn = api.one_code_at_a_time.lock().await;
    let open = may_try(api, caller, account).await?;
    let known = api.store.one_time_codes().of(account.account.id).await?;
    let Some(known) = known.filter(|known| known.confirmed_at.is_some()) else {
        return Err(Problem::field("one_time_code", "not_set_up", "the account has no one-time codes"));
    };
    let now = api.now();
    let answer = match one_time_code::step_of(&known.secret, given, now) {
        None => Err(wrong_code()),
        Some(step) => {
            let fresh =
                api.store.one_time_codes().use_up(&caller.actor(), now, account.account.id, step).await?;
            let used = "had a code that was used, wanted the next one";
            if fresh { Ok(()) } else { Err(Problem::field("one_time_code", "used", used)) }
        }
    };
    open.end(api, answer).await
}

/// Checks the first code of codes that are being set up, and makes them count.
///
/// # Errors
/// As [`confirm`]; 422 when nothing was begun, or too long ago.
pub(crate) async fn confirm_first_code(api: &Api, caller: &Caller, given: &str) -> Result<Account, Problem> {
    let account = caller.person()?;
    let _turn = api.one_code_at_a_time.lock().await;
    let open = may_try(api, caller, account).await?;
    let now = api.now();
    let begun = api.store.one_time_codes().of(account.account.id).await?;
    let Some(begun) = begun.filter(|begun| {
        begun.confirmed_at.is_none() && now.since_ms(begun.begun_at) <= one_time_code::SET_UP_WITHIN_MS
    }) else {
        let words = "no codes are being set up, or it was begun too long ago";
        return Err(Problem::field("one_time_code", "not_begun", words));
    };
    let Some(step) = one_time_code::step_of(&begun.secret, given, now) else {
        open.end(api, Err(wrong_code())).await?;
        return Err(wrong_code());
    };
    let actor = caller.actor();
    let codes = api.store.one_time_codes();
    let account = codes.confirm(&actor, now, account.account.id, &begun.secret, step).await?;
    open.end(api, Ok(())).await?;
    Ok(account)
}

fn wrong_code() -> Problem {
    Problem::field("one_time_code", "wrong", "had a code that is not the one of this half minute")
}

/// A try that is allowed; its end is counted.
struct Try {
    subjects: [String; 2],
}

/// 429 while the account or the address is locked out.
async fn may_try(api: &Api, caller: &Caller, account: &Account) -> Result<Try, Problem> {
    let subjects = [login_subject(&account.account.login), address_subject(caller.remote())];
    for subject in &subjects {
        if let Some(wait) = locked_s(api, subject).await? {
            return Err(Problem::wait(Code::LockedOut, wait));
        }
    }
    Ok(Try { subjects })
}

impl Try {
    /// Counts a failure, or forgets those of the account. The failure that brings the lock-out says so.
    async fn end(self, api: &Api, answer: Result<(), Problem>) -> Result<(), Problem> {
        let [by_login, by_address] = &self.subjects;
        let Err(wrong) = answer else {
            api.lock_outs.forget(by_login);
            api.store.lockout().clear(by_login).await?;
            return Ok(());
        };
        let waits = [failed(api, by_login).await?, failed(api, by_address).await?];
        Err(waits.into_iter().flatten().max().map_or(wrong, |wait| Problem::wait(Code::LockedOut, wait)))
    }
}
