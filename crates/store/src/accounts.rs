//! Accounts and their grants. Passwords only as hashes, which never leave [`Accounts::credentials`].
//!
//! Who manages people may see an account when one of its grants lies in their scope, and may change it when
//! all of them do: nobody resets the password of somebody who may do more.

pub(crate) mod grants;

use domain::access::Scope;
use domain::id::UserId;
use domain::time::UnixMs;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::actor::Actor;
use crate::audit::{self, AuditEntry, AuditObject};
use crate::error::StoreError;
use crate::open::Store;
use crate::organisations::{self, OrganisationDraft, OrganisationRow};
use crate::page::{Order, Page, Paged, PagedQuery};
use crate::scoped::push_contains;
use crate::sites::{named, same_version};

pub use grants::{GrantDraft, GrantRow};

rows! {
    /// An account.
    pub struct AccountRow {
        /// Its id.
        pub id: UserId,
        /// What the person types to sign in.
        pub login: String,
        /// The person's name.
        pub name: String,
        /// `zh-CN`, `zh-TW`, `en`.
        pub language: String,
        /// The password must be changed before anything else.
        pub must_change_password: bool,
        /// It cannot sign in.
        pub disabled: bool,
        /// When it signed in last.
        pub last_sign_in_at: Option<UnixMs>,
        /// Until when it is locked after failed attempts.
        pub locked_until: Option<UnixMs>,
        /// Whether it may confirm with one-time codes.
        pub one_time_codes: bool,
        /// When it was made.
        pub created_at: UnixMs,
        /// Rises with every change by a person.
        pub version: i64,
    }
}

/// An account with what it may do.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Account {
    /// The account.
    pub account: AccountRow,
    /// What it may do and where.
    pub grants: Vec<GrantRow>,
}

/// What it takes to check a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The account.
    pub id: UserId,
    /// Its login, in lower case.
    pub login_key: String,
    /// The PHC string.
    pub password_hash: String,
    /// It cannot sign in.
    pub disabled: bool,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A new account.
#[derive(Clone, PartialEq)]
pub struct AccountDraft {
    /// What the person types to sign in.
    pub login: String,
    /// The person's name.
    pub name: String,
    /// `zh-CN`, `zh-TW`, `en`.
    pub language: String,
    /// The PHC string.
    pub password_hash: String,
    /// The password must be changed before anything else.
    pub must_change_password: bool,
    /// What it may do and where.
    pub grants: Vec<GrantDraft>,
}

/// A change of an account; an absent field stays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AccountPatch {
    /// The person's name.
    pub name: Option<String>,
    /// Their language.
    pub language: Option<String>,
    /// Whether it cannot sign in; disabling ends its sessions.
    pub disabled: Option<bool>,
    /// What it may do and where, instead of what it may now.
    pub grants: Option<Vec<GrantDraft>>,
    /// The version that the caller had read.
    pub version: i64,
}

/// Which accounts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountFilter {
    /// Text in login or name.
    pub text: Option<String>,
    /// Only disabled ones, or only the others.
    pub disabled: Option<bool>,
}

/// The first account, its organisation, both made when there is nobody yet.
#[derive(Debug, Clone, PartialEq)]
pub struct FirstRun {
    /// The root organisation.
    pub organisation: OrganisationRow,
    /// The administrator.
    pub account: Account,
}

const COLUMNS: &str = "u.id, u.login, u.name, u.language, u.must_change_password, u.disabled, u.last_sign_in_at, \
     (SELECT l.locked_until FROM lockout l WHERE l.subject = 'login:' || u.login_key) AS locked_until, \
     EXISTS (SELECT 1 FROM one_time_code t WHERE t.account_id = u.id AND t.confirmed_at IS NOT NULL) AS one_time_codes, \
     u.created_at, u.version";

/// The accounts.
#[derive(Debug, Clone, Copy)]
pub struct Accounts<'s>(&'s Store);

impl Store {
    /// The accounts.
    #[must_use]
    pub const fn accounts(&self) -> Accounts<'_> {
        Accounts(self)
    }
}

impl Accounts<'_> {
    /// One page of the accounts in `scope`, by login.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a cursor of another list.
    pub async fn list(
        &self,
        scope: &Scope,
        filter: &AccountFilter,
        page: &Page,
    ) -> Result<Paged<Account>, StoreError> {
        let apply = |query: &mut QueryBuilder<Sqlite>| {
            grants::push_visible(query, scope);
            if let Some(text) = &filter.text {
                push_contains(query, text, &["u.login", "u.name"]);
            }
            if let Some(disabled) = filter.disabled {
                query.push(" AND u.disabled = ").push_bind(disabled);
            }
        };
        let order = Order { name: "accounts", keys: &["u.login_key", "u.id"], descending: false };
        let rows: Paged<AccountRow> =
            PagedQuery { columns: COLUMNS, from: "FROM account u", order, filter: &apply }
                .fetch(self.0.reader(), page)
                .await?;
        let mut connection = self.0.reader().acquire().await?;
        let mut items = Vec::with_capacity(rows.items.len());
        for account in rows.items {
            items.push(Account { grants: grants::of(&mut connection, account.id).await?, account });
        }
        Ok(Paged { items, next_cursor: rows.next_cursor, total: rows.total })
    }

    /// One account.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none in `scope`.
    pub async fn get(&self, scope: &Scope, id: UserId) -> Result<Account, StoreError> {
        let mut connection = self.0.reader().acquire().await?;
        load(&mut connection, scope, id).await
    }

    /// The caller's own account.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is gone.
    pub async fn own(&self, id: UserId) -> Result<Account, StoreError> {
        self.get(&Scope::platform(), id).await
    }

    /// What it takes to check the password of `login`; `None` when there is no such account.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn credentials(&self, login: &str) -> Result<Option<Credentials>, StoreError> {
        let row: Option<(i64, String, String, bool)> =
            sqlx::query_as("SELECT id, login_key, password_hash, disabled FROM account WHERE login_key = $1")
                .bind(login_key(login))
                .fetch_optional(self.0.reader())
                .await?;
        Ok(row.map(|(id, login_key, password_hash, disabled)| Credentials {
            id: UserId(id),
            login_key,
            password_hash,
            disabled,
        }))
    }

    /// Makes an account.
    ///
    /// # Errors
    /// [`StoreError::Invalid`]: the login is taken, or a grant reaches further than `scope`.
    pub async fn create(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        draft: &AccountDraft,
    ) -> Result<Account, StoreError> {
        let mut tx = self.0.begin().await?;
        let account = insert(&mut tx, scope, actor, now, draft).await?;
        tx.commit().await?;
        Ok(account)
    }

    /// Makes the root organisation and the first account; the grants of `draft` are put aside for those of an
    /// administrator of everything. Only while there is no account.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when somebody was first.
    pub async fn create_first(
        &self,
        now: UnixMs,
        organisation_name: &str,
        draft: &AccountDraft,
        remote: &str,
    ) -> Result<FirstRun, StoreError> {
        let mut tx = self.0.begin().await?;
        let any: Option<i64> =
            sqlx::query_scalar("SELECT id FROM account LIMIT 1").fetch_optional(&mut *tx).await?;
        if any.is_some() {
            return Err(StoreError::InUse { what: "first run", by: "accounts" });
        }
        let actor = Actor { remote: remote.to_owned(), ..Actor::system() };
        let everything = Scope::platform();
        let root = OrganisationDraft {
            name: organisation_name.to_owned(),
            parent_id: None,
            kind: "platform".to_owned(),
        };
        let organisation = organisations::insert(&mut tx, &everything, &actor, now, &root).await?;
        let grant =
            GrantDraft { role: domain::access::Role::Administrator, organisation_id: None, area_code: None };
        let draft = AccountDraft { grants: vec![grant], ..draft.clone() };
        let account = insert(&mut tx, &everything, &actor, now, &draft).await?;
        tx.commit().await?;
        Ok(FirstRun { organisation, account })
    }

    /// Changes an account. Disabling it ends its sessions.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] unless all its grants are in `scope`; [`StoreError::Conflict`];
    /// [`StoreError::Invalid`] for a grant that reaches further, or when no administrator of everything would
    /// be left.
    pub async fn change(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        id: UserId,
        patch: &AccountPatch,
    ) -> Result<Account, StoreError> {
        let mut tx = self.0.begin().await?;
        let before = load_owned(&mut tx, scope, id).await?;
        same_version("account", before.account.version, patch.version)?;
        let name = patch.name.as_ref().unwrap_or(&before.account.name);
        named("name", name)?;
        let disabled = patch.disabled.unwrap_or(before.account.disabled);
        sqlx::query(
            "UPDATE account SET name = $1, language = $2, disabled = $3, version = version + 1 WHERE id = $4",
        )
        .bind(name.trim())
        .bind(patch.language.as_ref().unwrap_or(&before.account.language))
        .bind(disabled)
        .bind(id.0)
        .execute(&mut *tx)
        .await?;
        if let Some(wanted) = &patch.grants {
            grants::replace(&mut tx, scope, id, wanted).await?;
        }
        if disabled {
            sqlx::query("DELETE FROM session WHERE account_id = $1").bind(id.0).execute(&mut *tx).await?;
        }
        grants::somebody_left(&mut tx).await?;
        let after = load(&mut tx, &Scope::platform(), id).await?;
        record(&mut tx, actor, now, "account.change", Some(&before), Some(&after)).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// Changes the caller's own name or language.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the account is gone.
    pub async fn change_own(
        &self,
        actor: &Actor,
        now: UnixMs,
        id: UserId,
        name: Option<&str>,
        language: Option<&str>,
    ) -> Result<Account, StoreError> {
        let everything = Scope::platform();
        let mut tx = self.0.begin().await?;
        let before = load(&mut tx, &everything, id).await?;
        let name = name.unwrap_or(&before.account.name);
        named("name", name)?;
        sqlx::query("UPDATE account SET name = $1, language = $2, version = version + 1 WHERE id = $3")
            .bind(name.trim())
            .bind(language.unwrap_or(&before.account.language))
            .bind(id.0)
            .execute(&mut *tx)
            .await?;
        let after = load(&mut tx, &everything, id).await?;
        record(&mut tx, actor, now, "account.change_own", Some(&before), Some(&after)).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// Gives somebody else's account a new password, which they must change, and ends its sessions.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] unless all its grants are in `scope`.
    pub async fn reset_password(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        id: UserId,
        password_hash: &str,
    ) -> Result<(), StoreError> {
        let mut tx = self.0.begin().await?;
        let before = load_owned(&mut tx, scope, id).await?;
        set_password(&mut tx, id, password_hash, true).await?;
        sqlx::query("DELETE FROM session WHERE account_id = $1").bind(id.0).execute(&mut *tx).await?;
        crate::lockout::clear_in(&mut tx, &crate::lockout::login_subject(&before.account.login)).await?;
        let after = load(&mut tx, &Scope::platform(), id).await?;
        record(&mut tx, actor, now, "account.reset_password", Some(&before), Some(&after)).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Changes the caller's own password and ends the other sessions of the account.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the account is gone.
    pub async fn change_own_password(
        &self,
        actor: &Actor,
        now: UnixMs,
        id: UserId,
        password_hash: &str,
        keep_session: &[u8],
    ) -> Result<(), StoreError> {
        let everything = Scope::platform();
        let mut tx = self.0.begin().await?;
        let before = load(&mut tx, &everything, id).await?;
        set_password(&mut tx, id, password_hash, false).await?;
        sqlx::query("DELETE FROM session WHERE account_id = $1 AND token_hash <> $2")
            .bind(id.0)
            .bind(keep_session)
            .execute(&mut *tx)
            .await?;
        let after = load(&mut tx, &everything, id).await?;
        record(&mut tx, actor, now, "account.change_password", Some(&before), Some(&after)).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Lets an account try again before its lock ends.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] unless all its grants are in `scope`.
    pub async fn unlock(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        id: UserId,
    ) -> Result<Account, StoreError> {
        let mut tx = self.0.begin().await?;
        let before = load_owned(&mut tx, scope, id).await?;
        crate::lockout::clear_in(&mut tx, &crate::lockout::login_subject(&before.account.login)).await?;
        let after = load(&mut tx, &Scope::platform(), id).await?;
        record(&mut tx, actor, now, "account.unlock", Some(&before), Some(&after)).await?;
        tx.commit().await?;
        Ok(after)
    }
}

/// A login as it is compared: without regard to case.
pub(crate) fn login_key(login: &str) -> String {
    login.trim().to_lowercase()
}

async fn insert(
    connection: &mut SqliteConnection,
    scope: &Scope,
    actor: &Actor,
    now: UnixMs,
    draft: &AccountDraft,
) -> Result<Account, StoreError> {
    named("login", &draft.login)?;
    named("name", &draft.name)?;
    if draft.login.trim().chars().any(|sign| sign.is_whitespace() || sign.is_control()) {
        return Err(StoreError::invalid("login", "malformed", "a login has no spaces"));
    }
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO account (login, login_key, name, language, password_hash, must_change_password, disabled, \
         created_at) VALUES ($1, $2, $3, $4, $5, $6, FALSE, $7) RETURNING id",
    )
    .bind(draft.login.trim())
    .bind(login_key(&draft.login))
    .bind(draft.name.trim())
    .bind(&draft.language)
    .bind(&draft.password_hash)
    .bind(draft.must_change_password)
    .bind(now.0)
    .fetch_one(&mut *connection)
    .await
    .map_err(|error| StoreError::from(error).or_taken("login"))?;
    let id = UserId(id);
    grants::replace(connection, scope, id, &draft.grants).await?;
    let account = load(connection, &Scope::platform(), id).await?;
    record(connection, actor, now, "account.create", None, Some(&account)).await?;
    Ok(account)
}

async fn set_password(
    connection: &mut SqliteConnection,
    id: UserId,
    password_hash: &str,
    must_change: bool,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE account SET password_hash = $1, must_change_password = $2, version = version + 1 WHERE id = $3",
    )
    .bind(password_hash)
    .bind(must_change)
    .bind(id.0)
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn load(
    connection: &mut SqliteConnection,
    scope: &Scope,
    id: UserId,
) -> Result<Account, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(format!("SELECT {COLUMNS} FROM account u WHERE u.id = "));
    query.push_bind(id.0);
    grants::push_visible(&mut query, scope);
    let account: Option<AccountRow> = query.build_query_as().fetch_optional(&mut *connection).await?;
    let account = account.ok_or(StoreError::NotFound { what: "account" })?;
    Ok(Account { grants: grants::of(connection, id).await?, account })
}

pub(crate) async fn load_owned(
    connection: &mut SqliteConnection,
    scope: &Scope,
    id: UserId,
) -> Result<Account, StoreError> {
    let account = load(connection, scope, id).await?;
    if grants::all_within(scope, &account.grants) {
        Ok(account)
    } else {
        Err(StoreError::NotFound { what: "account" })
    }
}

pub(crate) async fn record(
    connection: &mut SqliteConnection,
    actor: &Actor,
    now: UnixMs,
    action: &'static str,
    before: Option<&Account>,
    after: Option<&Account>,
) -> Result<(), StoreError> {
    let Some(account) = after.or(before) else { return Ok(()) };
    let entry = AuditEntry {
        at: now,
        actor: actor.clone(),
        action,
        object: AuditObject {
            kind: "account",
            id: account.account.id.to_string(),
            name: account.account.login.clone(),
            place: grants::place(&account.grants),
        },
        before: before.and_then(audit::json),
        after: after.and_then(audit::json),
    };
    audit::append(connection, &entry).await
}
