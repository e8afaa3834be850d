//! The session as the API shows it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::time::Time;
use crate::vocabulary::{Language, Permission, Role};

/// Who is signed in.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SessionUser {
    /// Their id.
    #[schema(minimum = 0)]
    pub id: i64,
    /// What they sign in with.
    pub login: String,
    /// Their name.
    pub name: String,
    /// The language of their screens.
    pub language: Language,
    /// Whether everything else is refused until they change their password.
    pub must_change_password: bool,
    /// Whether they may confirm with one-time codes.
    pub one_time_codes: bool,
}

/// A named organisation.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct NamedOrganisation {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Its name.
    pub name: String,
}

/// A named area.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct NamedArea {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
}

/// What part of the world the session sees.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SessionScope {
    /// The roots of organisation subtrees; empty where no grant names one.
    pub organisations: Vec<NamedOrganisation>,
    /// The roots of area subtrees; empty where no grant names one.
    pub areas: Vec<NamedArea>,
    /// Whether everything is inside.
    pub everything: bool,
}

/// What the screens must know of the server.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ServerFacts {
    /// The program's version.
    #[schema(example = "0.1.0")]
    pub version: String,
    /// What the installation is called.
    #[schema(example = "Emberwatch")]
    pub name: String,
    /// The server's clock.
    pub now: Time,
    /// The installation's time zone.
    #[schema(example = "Asia/Shanghai")]
    pub zone: String,
    /// Whether a simulator feeds it.
    pub demo: bool,
}

/// A session.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Session {
    /// Who.
    pub user: SessionUser,
    /// Every role that they hold somewhere.
    pub roles: Vec<Role>,
    /// Everything that they may do somewhere.
    pub permissions: Vec<Permission>,
    /// Where.
    pub scope: SessionScope,
    /// Goes into the header `X-CSRF-Token` of everything that is not a GET. Empty for an API token, which needs none.
    pub csrf_token: String,
    /// What the screens must know of the server.
    pub server: ServerFacts,
}

/// A sign-in.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The login.
    #[schema(min_length = 1, max_length = 60, example = "wang.li")]
    pub login: String,
    /// The password.
    #[schema(min_length = 1, max_length = 256, format = Password)]
    pub password: String,
}

/// A change of one's own password.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    /// The one that holds now.
    #[schema(min_length = 1, max_length = 256, format = Password)]
    pub old_password: String,
    /// The new one: at least 10 characters, none that is tried first, without the login.
    #[schema(min_length = 10, max_length = 256, format = Password)]
    pub new_password: String,
}

/// A change of one's own profile.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfilePatch {
    /// The name.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 60)]
    pub name: Option<String>,
    /// The language of the screens.
    #[serde(default)]
    pub language: Option<Language>,
}

/// Whether the first account must be made.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SetupNeeded {
    /// Whether no account exists.
    pub needed: bool,
}

/// The first run: the first organisation and the first administrator.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// The root of the tree of organisations.
    #[schema(min_length = 1, max_length = 120, example = "株洲市智慧用电监控中心")]
    pub organisation_name: String,
    /// The administrator's login: letters, digits, `.`, `-`, `_`, `@`.
    #[schema(min_length = 2, max_length = 60, pattern = "^[A-Za-z0-9._@-]{2,60}$", example = "admin.li")]
    pub login: String,
    /// The administrator's name.
    #[schema(min_length = 1, max_length = 60)]
    pub name: String,
    /// The administrator's password.
    #[schema(min_length = 10, max_length = 256, format = Password)]
    pub password: String,
    /// The language of the administrator's screens.
    pub language: Language,
    /// The code that the server printed on its console.
    #[schema(min_length = 1, max_length = 60, example = "k7mq-2xwd")]
    pub setup_code: String,
}
