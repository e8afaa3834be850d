//! The second confirmation: somebody at an unlocked screen is asked for their password again. It is checked as a sign-in
//! is, and wrong ones count towards the same lock-out.

use store::lockout::{address_subject, login_subject};

use super::caller::Caller;
use super::password;
use super::session::{failed, locked_s};
use crate::http::problem::{Code, Problem};
use crate::state::Api;

/// Checks that `given` is the password of the person who calls.
///
/// # Errors
/// 403 for a program; 422 about `password` when it is missing or wrong; 429 while locked out.
pub(crate) async fn confirm(api: &Api, caller: &Caller, given: Option<&str>) -> Result<(), Problem> {
    let account = &caller.person()?.account;
    let Some(given) = given.filter(|given| !given.is_empty()) else {
        return Err(Problem::field("password", "missing", "wanted the caller's own password once more"));
    };
    let by_login = login_subject(&account.login);
    let by_address = address_subject(caller.remote());
    for subject in [&by_login, &by_address] {
        if let Some(wait) = locked_s(api, subject).await? {
            return Err(Problem::wait(Code::LockedOut, wait));
        }
    }
    let stored = api.store.accounts().credentials(&account.login).await?.map(|known| known.password_hash);
    let right = given.len() <= password::MAX_BYTES && api.hasher.is_right(given.to_owned(), stored).await?;
    if right {
        api.lock_outs.forget(&by_login);
        api.store.lockout().clear(&by_login).await?;
        return Ok(());
    }
    let waits = [failed(api, &by_login).await?, failed(api, &by_address).await?];
    Err(match waits.into_iter().flatten().max() {
        Some(wait) => Problem::wait(Code::LockedOut, wait),
        None => Problem::field("password", "wrong", "had a password that is not the one that holds now"),
    })
}
