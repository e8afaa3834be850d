//! Reading columns into the vocabulary of the domain, and the rows that come out of it.

use domain::access::Role;
use domain::alarm::{AlarmState, Aside, AsideKind, Verdict};
use domain::command::{CommandKind, Outcome};
use domain::diagnosis::{Kind as FindingKind, Strength};
use domain::hazard::{Hazard, Severity};
use domain::id::{
    AlarmId, ChannelId, CircuitId, CommandBatchId, CommandId, CredentialId, DeliveryId, DetectorId, DigestId,
    LadderId, MediumId, NoticeId, OrganisationId, PanelId, RouteId, SiteId, TerminalId, TokenId,
    TransitionId, UserId, WindowId,
};
use domain::place::{Admission, AreaCode, CredentialKind, OrganisationPath, Protocol};
use domain::quantity::{Decimals, Phase, Quantity};
use domain::reading::PointIndex;
use domain::status::Status;
use domain::telegram::TelegramLevel;
use domain::time::UnixMs;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, ValueRef};

/// What one column can become.
pub(crate) trait Column: Sized {
    fn read(row: &SqliteRow, name: &str) -> Result<Self, sqlx::Error>;
}

macro_rules! plain {
    ($($ty:ty),+) => {$(
        impl Column for $ty {
            fn read(row: &SqliteRow, name: &str) -> Result<Self, sqlx::Error> {
                row.try_get(name)
            }
        }
    )+};
}
plain!(i64, f64, bool, String, Vec<u8>);

impl<T: Column> Column for Option<T> {
    fn read(row: &SqliteRow, name: &str) -> Result<Self, sqlx::Error> {
        if row.try_get_raw(name)?.is_null() { Ok(None) } else { T::read(row, name).map(Some) }
    }
}

macro_rules! wrapped {
    ($($ty:ident($inner:ty)),+ $(,)?) => {$(
        impl Column for $ty {
            fn read(row: &SqliteRow, name: &str) -> Result<Self, sqlx::Error> {
                <$inner>::read(row, name).map($ty)
            }
        }
    )+};
}
wrapped!(
    OrganisationId(i64),
    SiteId(i64),
    PanelId(i64),
    CircuitId(i64),
    TerminalId(i64),
    DetectorId(i64),
    ChannelId(i64),
    AlarmId(i64),
    WindowId(i64),
    TransitionId(i64),
    UserId(i64),
    TokenId(i64),
    CredentialId(i64),
    CommandId(i64),
    CommandBatchId(i64),
    MediumId(i64),
    RouteId(i64),
    LadderId(i64),
    NoticeId(i64),
    DigestId(i64),
    DeliveryId(i64),
    UnixMs(i64),
    AreaCode(String),
    OrganisationPath(String),
    PointIndex(u16),
    Decimals(u8),
);

macro_rules! small {
    ($($ty:ty),+) => {$(
        impl Column for $ty {
            fn read(row: &SqliteRow, name: &str) -> Result<Self, sqlx::Error> {
                let number: i64 = row.try_get(name)?;
                <$ty>::try_from(number).map_err(|_| damaged(name, &number.to_string()))
            }
        }
    )+};
}
small!(u8, u16, u32, u64);

macro_rules! coded {
    ($($ty:ty),+) => {$(
        impl Column for $ty {
            fn read(row: &SqliteRow, name: &str) -> Result<Self, sqlx::Error> {
                let code: String = row.try_get(name)?;
                <$ty>::from_code(&code).ok_or_else(|| damaged(name, &code))
            }
        }
    )+};
}
coded!(
    Quantity,
    Phase,
    Hazard,
    AlarmState,
    AsideKind,
    Verdict,
    Protocol,
    Admission,
    Role,
    CredentialKind,
    TelegramLevel,
    CommandKind,
    Outcome,
    FindingKind
);

impl Column for domain::guidance::Language {
    fn read(row: &SqliteRow, name: &str) -> Result<Self, sqlx::Error> {
        let tag: String = row.try_get(name)?;
        Self::from_tag(&tag).ok_or_else(|| damaged(name, &tag))
    }
}

impl Column for Strength {
    fn read(row: &SqliteRow, name: &str) -> Result<Self, sqlx::Error> {
        match i64::read(row, name)? {
            1 => Ok(Self::Weak),
            2 => Ok(Self::Strong),
            other => Err(damaged(name, &other.to_string())),
        }
    }
}

/// Five columns that begin with the same name.
impl Column for Aside {
    fn read(row: &SqliteRow, name: &str) -> Result<Self, sqlx::Error> {
        let of = |suffix: &str| format!("{name}_{suffix}");
        let since = UnixMs::read(row, &of("since"))?;
        let reason = || String::read(row, &of("reason"));
        let until = || UnixMs::read(row, &of("until"));
        let by = || Ok::<_, sqlx::Error>(Option::<String>::read(row, &of("by"))?.unwrap_or_default());
        Ok(match AsideKind::read(row, name)? {
            AsideKind::Shelved => Self::Shelved { since, until: until()?, reason: reason()?, by: by()? },
            AsideKind::Maintenance => {
                Self::Maintenance { since, until: until()?, reason: reason()?, by: by()? }
            }
            AsideKind::Design => Self::Design { since, cause: Hazard::read(row, &of("reason"))? },
        })
    }
}

/// Why and by whom an alarm is set aside, as it is stored.
pub(crate) fn aside_words(aside: &Aside) -> (&str, Option<&str>) {
    match aside {
        Aside::Shelved { reason, by, .. } | Aside::Maintenance { reason, by, .. } => (reason, Some(by)),
        Aside::Design { cause, .. } => (cause.code(), None),
    }
}

impl Column for Status {
    fn read(row: &SqliteRow, name: &str) -> Result<Self, sqlx::Error> {
        let rank = u8::read(row, name)?;
        Self::from_rank(rank).ok_or_else(|| damaged(name, &rank.to_string()))
    }
}

impl Column for Severity {
    fn read(row: &SqliteRow, name: &str) -> Result<Self, sqlx::Error> {
        let rank = i64::read(row, name)?;
        severity_of_rank(rank).ok_or_else(|| damaged(name, &rank.to_string()))
    }
}

/// The stored number of a severity; rises with urgency.
pub(crate) const fn severity_rank(severity: Severity) -> i64 {
    match severity {
        Severity::Fault => 1,
        Severity::Warning => 2,
        Severity::Alarm => 3,
    }
}

pub(crate) const fn severity_of_rank(rank: i64) -> Option<Severity> {
    match rank {
        1 => Some(Severity::Fault),
        2 => Some(Severity::Warning),
        3 => Some(Severity::Alarm),
        _ => None,
    }
}

pub(crate) fn damaged(column: &str, had: &str) -> sqlx::Error {
    sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: format!("{had:?} has no meaning here").into(),
    }
}

/// Structs whose fields are the columns of a query, by name.
macro_rules! rows {
    ($($(#[$doc:meta])* $vis:vis struct $name:ident { $($(#[$field_doc:meta])* $field_vis:vis $field:ident: $ty:ty),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize)]
        $vis struct $name { $($(#[$field_doc])* $field_vis $field: $ty),+ }

        impl<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow> for $name {
            fn from_row(row: &'r sqlx::sqlite::SqliteRow) -> Result<Self, sqlx::Error> {
                Ok(Self { $($field: $crate::column::Column::read(row, stringify!($field))?),+ })
            }
        }
    )+};
}
