//! Passwords: argon2id behind a gate that keeps the hashing from eating all cores, and the rules for new ones.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::Semaphore;

use crate::http::problem::FieldError;

/// How much work one hash is.
#[derive(Debug, Clone, Copy)]
pub struct HashCost {
    /// Memory, KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
}

impl Default for HashCost {
    /// 19 MiB and 2 passes: the first choice of OWASP's password storage sheet for argon2id.
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2 }
    }
}

/// Hashing went wrong.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// The parameters or the stored text do not fit.
    #[error("password hashing failed: {0}")]
    Hash(String),
    /// The process is stopping.
    #[error("password hashing was cut off")]
    Stopped,
}

/// Makes and checks password hashes.
#[derive(Debug, Clone)]
pub struct Hasher {
    cost: HashCost,
    gate: Arc<Semaphore>,
    decoy: Arc<str>,
}

impl Hasher {
    /// A hasher that works on at most `at_once` passwords at a time; others wait.
    ///
    /// # Errors
    /// When the cost is outside of what argon2 takes.
    pub fn new(cost: HashCost, at_once: usize) -> Result<Self, HashError> {
        let decoy = hash_now(cost, &super::secret::random())?;
        Ok(Self { cost, gate: Arc::new(Semaphore::new(at_once.max(1))), decoy: decoy.into() })
    }

    /// The hash of `password` with a salt of its own, as a PHC string.
    ///
    /// # Errors
    /// [`HashError`].
    pub async fn hash(&self, password: String) -> Result<String, HashError> {
        let cost = self.cost;
        self.gated(move || hash_now(cost, &password)).await?
    }

    /// Whether `password` is the one of `stored`. Without a stored hash the same work is done on a decoy, so that
    /// the time tells nobody whether the account exists.
    ///
    /// # Errors
    /// [`HashError`].
    pub async fn is_right(&self, password: String, stored: Option<String>) -> Result<bool, HashError> {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.decoy.to_string());
        let fits = self
            .gated(move || {
                let parsed = PasswordHash::new(&stored).map_err(|ill| HashError::Hash(ill.to_string()))?;
                Ok::<_, HashError>(Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok())
            })
            .await??;
        Ok(known && fits)
    }

    async fn gated<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let permit = Arc::clone(&self.gate).acquire_owned().await.map_err(|_closed| HashError::Stopped)?;
        tokio::task::spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        })
        .await
        .map_err(|_stopped| HashError::Stopped)
    }
}

fn hash_now(cost: HashCost, password: &str) -> Result<String, HashError> {
    let params =
        Params::new(cost.memory_kib, cost.passes, 1, None).map_err(|ill| HashError::Hash(ill.to_string()))?;
    let hash: PasswordHash = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password(password.as_bytes())
        .map_err(|ill| HashError::Hash(ill.to_string()))?;
    Ok(hash.to_string())
}

/// The least number of characters of a password.
pub const MIN_LENGTH: usize = 10;
/// The greatest number of bytes of a password; longer ones would only be work for the server.
pub const MAX_BYTES: usize = 256;

/// Words that people begin with; a password that is one of them with digits around it is no password.
const COMMON: &[&str] = &[
    "password",
    "passw0rd",
    "qwerty",
    "qwertyuiop",
    "asdfgh",
    "asdfghjkl",
    "zxcvbn",
    "zxcvbnm",
    "admin",
    "administrator",
    "root",
    "letmein",
    "welcome",
    "iloveyou",
    "woaini",
    "abc",
    "abcd",
    "abcdef",
    "abcdefg",
    "abcdefgh",
    "abcdefghij",
    "qazwsx",
    "qazwsxedc",
    "monkey",
    "dragon",
    "superman",
    "master",
    "login",
    "test",
    "testtest",
    "guest",
    "emberwatch",
    "ember",
    "zhuzhou",
    "mima",
    "anquan",
    "yongdian",
    "zhihuiyongdian",
    "p@ssword",
    "p@ssw0rd",
    "changeme",
    "secret",
    "default",
    "operator",
    "system",
    "user",
    "a",
    "aa",
    "aaa",
    "aaaa",
    "qq",
    "qqq",
    "wang",
    "li",
    "zhang",
];

/// What is wrong with a new password; `field` names where it stands.
#[must_use]
pub fn faults(field: &str, password: &str, login: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let length = password.chars().count();
    if length < MIN_LENGTH {
        let words = format!("had {length} characters, wanted at least {MIN_LENGTH}");
        errors.push(FieldError::new(field, "too_short", words).with("min", MIN_LENGTH));
    }
    if password.len() > MAX_BYTES {
        let words = format!("had {} bytes, wanted at most {MAX_BYTES}", password.len());
        errors.push(FieldError::new(field, "too_long", words).with("max", MAX_BYTES));
    }
    let lower = password.to_lowercase();
    if is_common(&lower) {
        errors.push(FieldError::new(field, "too_common", "had one of the passwords that are tried first"));
    }
    if login.chars().count() >= 3 && lower.contains(&login.to_lowercase()) {
        errors.push(FieldError::new(field, "contains_login", "had the login inside the password"));
    }
    errors
}

fn is_common(lower: &str) -> bool {
    let letters = lower.trim_matches(|c: char| c.is_ascii_digit() || c.is_ascii_punctuation());
    if letters.is_empty() || COMMON.contains(&letters) || COMMON.contains(&lower) {
        return true;
    }
    // Few different characters: `aaaaaaaaaa`, `abababab12`.
    let mut distinct: Vec<char> = lower.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() < 5 {
        return true;
    }
    // One run up or down: `abcdefghij`, `9876543210`.
    let steps: Vec<i64> = lower
        .chars()
        .zip(lower.chars().skip(1))
        .map(|(a, b)| i64::from(u32::from(b)) - i64::from(u32::from(a)))
        .collect();
    steps.iter().all(|s| *s == 1) || steps.iter().all(|s| *s == -1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: HashCost = HashCost { memory_kib: 64, passes: 1 };

    #[tokio::test]
    async fn a_hash_fits_only_its_password() {
        let hasher = Hasher::new(CHEAP, 2).unwrap();
        let stored = hasher.hash("correct horse battery".to_owned()).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        assert!(hasher.is_right("correct horse battery".to_owned(), Some(stored.clone())).await.unwrap());
        assert!(!hasher.is_right("correct horse batterY".to_owned(), Some(stored)).await.unwrap());
        assert!(!hasher.is_right("anything".to_owned(), None).await.unwrap());
    }

    #[test]
    fn rules_name_what_is_wrong() {
        for (password, code) in [
            ("short", "too_short"),
            ("password123", "too_common"),
            ("1234567890", "too_common"),
            ("aaaaaaaaaaaa", "too_common"),
            ("abcdefghijkl", "too_common"),
            ("my-wangwu-2026", "contains_login"),
        ] {
            let codes: Vec<_> =
                faults("new_password", password, "wangwu").into_iter().map(|e| e.code).collect();
            assert!(codes.iter().any(|c| c == code), "{password}: {codes:?}");
        }
        assert!(faults("new_password", "铁锅炖大鹅配冰啤酒真香", "wangwu").is_empty());
        assert!(faults("new_password", "k7mq-2xwd-9tfh-p3vn", "wangwu").is_empty());
    }
}
