//! Accounts, tokens and the audit log as the API shows them.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::time::Time;
use crate::vocabulary::{Language, Role};

/// A role held over a part of the two trees; both must fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The role.
    pub role: Role,
    /// An organisation and all below it; null is the whole tree.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub organisation_id: Option<i64>,
    /// An area and all inside it; null is every area.
    #[serde(default)]
    #[schema(min_length = 6, max_length = 12, pattern = "^[0-9]{6,12}$")]
    pub area_code: Option<String>,
}

/// A person's account.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct User {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// What they sign in with.
    #[schema(example = "wang.li")]
    pub login: String,
    /// Their name.
    #[schema(example = "王丽")]
    pub name: String,
    /// The language of their screens.
    pub language: Language,
    /// Whether they may not sign in.
    pub disabled: bool,
    /// Whether they must change their password at the next sign-in.
    pub must_change_password: bool,
    /// Until when they are locked out after failed sign-ins.
    pub locked_until: Option<Time>,
    /// When they last signed in.
    pub last_sign_in_at: Option<Time>,
    /// Whether they may confirm with one-time codes.
    pub one_time_codes: bool,
    /// What they may do, and where.
    pub grants: Vec<Grant>,
    /// Rises with every change; comes back with a change.
    pub version: i64,
}

/// A new account.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// What they sign in with: letters, digits, `.`, `-`, `_`, `@`.
    #[schema(min_length = 2, max_length = 60, pattern = "^[A-Za-z0-9._@-]{2,60}$", example = "wang.li")]
    pub login: String,
    /// Their name.
    #[schema(min_length = 1, max_length = 60, example = "王丽")]
    pub name: String,
    /// The language of their screens.
    #[serde(default = "chinese")]
    #[schema(default = "zh-CN")]
    pub language: Language,
    /// What they may do, and where; inside of your own scope.
    #[serde(deserialize_with = "crate::http::extract::objects")]
    #[schema(max_items = 50)]
    pub grants: Vec<Grant>,
}

const fn chinese() -> Language {
    Language::ZhCn
}

/// What changes about an account.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserPatch {
    /// Their name.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 60)]
    pub name: Option<String>,
    /// The language of their screens.
    #[serde(default)]
    pub language: Option<Language>,
    /// Whether they may not sign in; ends their sessions.
    #[serde(default)]
    pub disabled: Option<bool>,
    /// What they may do, and where: the whole list.
    #[serde(default, deserialize_with = "crate::http::extract::maybe_objects")]
    #[schema(max_items = 50)]
    pub grants: Option<Vec<Grant>>,
    /// The version that was read.
    #[schema(minimum = 1)]
    pub version: i64,
}

/// A new account with the password for its first sign-in.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CreatedUser {
    /// The account.
    pub user: User,
    /// Shown once; must be changed at the first sign-in.
    #[schema(example = "k7mq-2xwd-9tfh-p3vn")]
    pub one_time_password: String,
}

/// A password for the next sign-in.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OneTimePassword {
    /// Shown once; must be changed at the next sign-in.
    #[schema(example = "k7mq-2xwd-9tfh-p3vn")]
    pub one_time_password: String,
}

/// Which accounts.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UserQuery {
    /// Part of the login or name.
    #[param(max_length = 100)]
    pub q: Option<String>,
    /// Only those who may not sign in, or only others.
    pub disabled: Option<bool>,
    /// Rows on a page.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
    /// Where the page begins.
    #[param(max_length = 2000)]
    pub cursor: Option<String>,
}

/// A program's key to the API.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Token {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// What it is for.
    #[schema(example = "monthly report")]
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The organisation whose subtree it may touch; null is the whole tree.
    pub organisation_id: Option<i64>,
    /// The area that it may touch; null is every area.
    pub area_code: Option<String>,
    /// When it was made.
    pub created_at: Time,
    /// When it ends; null is never.
    pub expires_at: Option<Time>,
    /// When it was last used.
    pub last_used_at: Option<Time>,
    /// How it begins, so that people can tell tokens apart.
    #[schema(example = "ewt_k7mq2x")]
    pub prefix: String,
}

/// A new token.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What it is for.
    #[schema(min_length = 1, max_length = 100, example = "monthly report")]
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The organisation whose subtree it may touch; null is the whole tree.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub organisation_id: Option<i64>,
    /// The area that it may touch; null is every area.
    #[serde(default)]
    #[schema(min_length = 6, max_length = 12, pattern = "^[0-9]{6,12}$")]
    pub area_code: Option<String>,
    /// When it ends; null is never.
    #[serde(default)]
    pub expires_at: Option<Time>,
}

/// A new token with its secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CreatedToken {
    /// The secret; shown once.
    #[schema(example = "ewt_Zr8…")]
    pub token: String,
    /// Everything else about it.
    #[serde(flatten)]
    pub about: Token,
}

/// An entry of the audit log.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AuditEntry {
    /// Counts from 1 without a hole.
    #[schema(minimum = 1)]
    pub id: i64,
    /// When.
    pub at: Time,
    /// Who, by name at that time.
    pub actor: String,
    /// `user`, `token` or `system`.
    #[schema(example = "user")]
    pub actor_kind: String,
    /// What was done.
    #[schema(example = "site.change")]
    pub action: String,
    /// To what kind of thing.
    #[schema(example = "site")]
    pub object_kind: String,
    /// Its id.
    pub object_id: String,
    /// Its name at that time.
    pub object_name: String,
    /// What it was before.
    #[schema(value_type = Option<serde_json::Value>)]
    pub before: Option<serde_json::Value>,
    /// What it was after.
    #[schema(value_type = Option<serde_json::Value>)]
    pub after: Option<serde_json::Value>,
    /// Where the request came from.
    pub remote: String,
    /// SHA-256 over the previous entry's hash and this entry, as hex.
    pub hash: String,
}

/// Which entries.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Part of the actor's name.
    #[param(max_length = 100)]
    pub actor: Option<String>,
    /// The action, or its beginning up to a dot.
    #[param(max_length = 100, example = "site")]
    pub action: Option<String>,
    /// `kind` or `kind:id`.
    #[param(max_length = 100, example = "site:12")]
    pub object: Option<String>,
    /// From here on.
    #[param(value_type = Option<String>, format = DateTime)]
    pub since: Option<Time>,
    /// Before this.
    #[param(value_type = Option<String>, format = DateTime)]
    pub until: Option<Time>,
    /// Rows on a page.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
    /// Where the page begins.
    #[param(max_length = 2000)]
    pub cursor: Option<String>,
}

/// What a walk over the whole log found.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AuditVerdict {
    /// How many entries fit.
    #[schema(minimum = 0)]
    pub entries: i64,
    /// Whether every entry fits to the one before.
    pub intact: bool,
    /// The first that does not.
    pub first_broken: Option<i64>,
}
