//! Detector profiles that people wrote on this platform: versions of TOML texts, append-only. What the text means
//! is read in `domain::profile`; here it is only held against what detectors in use store already.

use domain::access::Scope;
use domain::id::{DetectorId, TerminalId};
use domain::place::{Admission, Protocol};
use domain::profile::{Profile, StorageBreak, StoredPoint, storage_breaks};
use domain::quantity::{Decimals, Phase, Quantity};
use domain::reading::PointIndex;
use domain::time::UnixMs;
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::actor::Actor;
use crate::audit::AuditObject;
use crate::circuits::record;
use crate::error::StoreError;
use crate::open::Store;
use crate::scoped::{push_contains, push_scope};
use crate::sites::same_version;

/// The longest reason for a change, characters.
pub const LONGEST_REASON: usize = 500;

rows! {
    /// One version of one profile.
    pub struct ProfileVersion {
        /// Which profile.
        pub profile_id: String,
        /// Counts from 1.
        pub version: i64,
        /// The TOML; `None` where the profile was taken away.
        pub text: Option<String>,
        /// When, server's clock.
        pub at: UnixMs,
        /// `user`, `token` or `system`.
        pub actor_kind: String,
        /// The account's or token's id.
        pub actor_id: Option<i64>,
        /// Their name at that time.
        pub actor_name: String,
        /// Why.
        pub reason: String,
    }

    /// A line that a profile can be tried on.
    pub struct ProfileLine {
        /// The terminal.
        pub id: TerminalId,
        /// What it announces.
        pub serial: String,
        /// How it speaks.
        pub protocol: Protocol,
        /// Whether it may be heard.
        pub admission: Admission,
        /// The names of the detectors behind it.
        pub detectors: Option<String>,
        /// When it was last heard.
        pub last_seen_at: UnixMs,
    }

    /// A point as some of the detectors with a profile have it.
    pub struct UsedPoint {
        /// Its place in the list.
        pub point: PointIndex,
        /// Its code.
        pub code: String,
        /// Its name.
        pub name: String,
        /// What it measures.
        pub quantity: Quantity,
        /// On which conductor.
        pub phase: Option<Phase>,
        /// The scale of its integers.
        pub decimals: Decimals,
        /// How many detectors have it like this.
        pub many: i64,
    }
}

/// What hangs on a profile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProfileUse {
    /// How many detectors have it.
    pub detectors: i64,
    /// Their points, each once, in the order of the list.
    pub points: Vec<StoredPoint>,
    /// What their terminals speak, each once.
    pub terminals: Vec<Protocol>,
}

impl ProfileUse {
    /// Everything in which `profile` would break what is stored.
    #[must_use]
    pub fn breaks(&self, profile: &Profile) -> Vec<StorageBreak> {
        storage_breaks(&self.points, &self.terminals, profile)
    }
}

/// What writing a profile did.
#[derive(Debug, Clone, PartialEq)]
pub enum ProfileWritten {
    /// It is the profile from now on.
    Done {
        /// The new version.
        version: ProfileVersion,
        /// Every detector that has it, to be bound anew.
        detectors: Vec<DetectorId>,
    },
    /// It would break what detectors in use store; nothing was changed.
    Breaks(Vec<StorageBreak>),
}

/// What the audit log keeps of a version; the text itself stays in the versions, and its hash binds the two.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Written {
    version: i64,
    name: String,
    protocol: &'static str,
    points: usize,
    verified: bool,
    reason: String,
    text_sha256: String,
}

const COLUMNS: &str =
    "v.profile_id, v.version, v.text, v.at, v.actor_kind, v.actor_id, v.actor_name, v.reason";

/// Profiles that people wrote.
#[derive(Debug, Clone, Copy)]
pub struct Profiles<'s>(&'s Store);

impl Store {
    /// Profiles that people wrote.
    #[must_use]
    pub const fn profiles(&self) -> Profiles<'_> {
        Profiles(self)
    }
}

impl Profiles<'_> {
    /// The newest version of every profile that was ever written here; the platform's own work.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn newest(&self) -> Result<Vec<ProfileVersion>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM profile_version v WHERE v.version = \
             (SELECT max(version) FROM profile_version n WHERE n.profile_id = v.profile_id) ORDER BY v.profile_id"
        );
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(self.0.reader()).await?)
    }

    /// Every version of one profile, newest first; empty where none was written here.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a scope of nothing.
    pub async fn versions(&self, scope: &Scope, id: &str) -> Result<Vec<ProfileVersion>, StoreError> {
        visible(scope)?;
        let sql = format!(
            "SELECT {COLUMNS} FROM profile_version v WHERE v.profile_id = $1 ORDER BY v.version DESC"
        );
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id).fetch_all(self.0.reader()).await?)
    }

    /// One version.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn version(&self, scope: &Scope, id: &str, version: i64) -> Result<ProfileVersion, StoreError> {
        visible(scope)?;
        let sql =
            format!("SELECT {COLUMNS} FROM profile_version v WHERE v.profile_id = $1 AND v.version = $2");
        sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(id)
            .bind(version)
            .fetch_optional(self.0.reader())
            .await?
            .ok_or(StoreError::NotFound { what: "version" })
    }

    /// What hangs on the profile, of everybody's: the platform's own work, for the check of a change.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn uses(&self, id: &str) -> Result<ProfileUse, StoreError> {
        let mut connection = self.0.reader().acquire().await?;
        Ok(used(&mut connection, id).await?.0)
    }

    /// The lines in `scope` that a profile can be tried on, those heard last first, at most 200. Terminals that wait
    /// belong to nobody: they are told to a scope of everything alone.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn lines(&self, scope: &Scope, text: Option<&str>) -> Result<Vec<ProfileLine>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT * FROM (SELECT t.id, t.serial, t.protocol, t.admission, t.last_seen_at, \
             (SELECT group_concat(d.name, '、') FROM detector d JOIN site s ON s.id = d.site_id \
             JOIN organisation o ON o.id = s.organisation_id WHERE d.terminal_id = t.id AND d.deleted_at IS NULL",
        );
        push_scope(&mut query, scope, "o.path", "s.area_code");
        query.push(") AS detectors FROM terminal t WHERE t.admission <> 'refused') WHERE 1 = 1");
        if !scope.is_everything() {
            query.push(" AND detectors IS NOT NULL");
        }
        if let Some(text) = text {
            push_contains(&mut query, text, &["serial", "coalesce(detectors, '')"]);
        }
        query.push(" ORDER BY last_seen_at DESC, id LIMIT 200");
        Ok(query.build_query_as().fetch_all(self.0.reader()).await?)
    }

    /// Writes the next version of a profile. `version` is the newest one that the caller knows, 0 where none was
    /// written here. Points behind the stored ones become channels of every detector that has the profile.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when `scope` is less than everything, [`StoreError::Conflict`], [`StoreError::Invalid`].
    pub async fn write(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        profile: &Profile,
        version: i64,
        reason: &str,
    ) -> Result<ProfileWritten, StoreError> {
        writable(scope)?;
        reasonable(reason)?;
        let mut tx = self.0.begin().await?;
        let before = load(&mut tx, &profile.id).await?;
        same_version("profile", before.as_ref().map_or(0, |row| row.version), version)?;
        let (uses, points) = used(&mut tx, &profile.id).await?;
        let breaks = uses.breaks(profile);
        if !breaks.is_empty() {
            return Ok(ProfileWritten::Breaks(breaks));
        }
        let row = append(&mut tx, actor, now, &profile.id, version + 1, Some(&profile.text), reason).await?;
        follow(&mut tx, profile, &uses, &points).await?;
        let detectors: Vec<i64> = sqlx::query_scalar(
            "SELECT id FROM detector WHERE profile_id = $1 AND deleted_at IS NULL ORDER BY id",
        )
        .bind(&profile.id)
        .fetch_all(&mut *tx)
        .await?;
        let there = before.as_ref().and_then(written);
        let action = if there.is_some() { "profile.change" } else { "profile.create" };
        record(&mut tx, actor, now, action, object(profile), there.as_ref(), written(&row).as_ref()).await?;
        let settings = self.0.bump_settings(&mut tx).await?;
        tx.commit().await?;
        self.0.settings_changed(settings);
        Ok(ProfileWritten::Done { version: row, detectors: detectors.into_iter().map(DetectorId).collect() })
    }

    /// Takes a profile away that no detector has. Its versions stay; one more says that it is gone.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none or `scope` is less than everything, [`StoreError::Conflict`],
    /// [`StoreError::InUse`].
    pub async fn delete(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        id: &str,
        version: i64,
        reason: &str,
    ) -> Result<ProfileVersion, StoreError> {
        writable(scope)?;
        reasonable(reason)?;
        let missing = StoreError::NotFound { what: "profile" };
        let mut tx = self.0.begin().await?;
        let Some(before) = load(&mut tx, id).await? else { return Err(missing) };
        let Some(there) = written(&before) else { return Err(missing) };
        same_version("profile", before.version, version)?;
        if used(&mut tx, id).await?.0.detectors > 0 {
            return Err(StoreError::InUse { what: "profile", by: "detectors" });
        }
        let row = append(&mut tx, actor, now, id, version + 1, None, reason).await?;
        let object =
            AuditObject { kind: "profile", id: id.to_owned(), name: there.name.clone(), place: None };
        record(&mut tx, actor, now, "profile.delete", object, Some(&there), None).await?;
        let settings = self.0.bump_settings(&mut tx).await?;
        tx.commit().await?;
        self.0.settings_changed(settings);
        Ok(row)
    }
}

fn visible(scope: &Scope) -> Result<(), StoreError> {
    if scope.is_empty() { Err(StoreError::NotFound { what: "profile" }) } else { Ok(()) }
}

/// A profile reaches every detector that has it, whoever's it is: the scope must reach as far.
fn writable(scope: &Scope) -> Result<(), StoreError> {
    if scope.is_everything() { Ok(()) } else { Err(StoreError::NotFound { what: "profile" }) }
}

fn reasonable(reason: &str) -> Result<(), StoreError> {
    let length = reason.chars().count();
    if length <= LONGEST_REASON {
        return Ok(());
    }
    let message = format!("had {length} characters, wanted at most {LONGEST_REASON}");
    Err(StoreError::invalid("reason", "too_long", message))
}

async fn load(connection: &mut SqliteConnection, id: &str) -> Result<Option<ProfileVersion>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM profile_version v WHERE v.profile_id = $1 ORDER BY v.version DESC LIMIT 1"
    );
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(connection).await?)
}

async fn append(
    connection: &mut SqliteConnection,
    actor: &Actor,
    now: UnixMs,
    id: &str,
    version: i64,
    text: Option<&str>,
    reason: &str,
) -> Result<ProfileVersion, StoreError> {
    let row = ProfileVersion {
        profile_id: id.to_owned(),
        version,
        text: text.map(str::to_owned),
        at: now,
        actor_kind: actor.kind.code().to_owned(),
        actor_id: actor.kind.id(),
        actor_name: actor.name.clone(),
        reason: reason.trim().to_owned(),
    };
    sqlx::query(
        "INSERT INTO profile_version (profile_id, version, text, at, actor_kind, actor_id, actor_name, reason) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&row.profile_id)
    .bind(row.version)
    .bind(&row.text)
    .bind(row.at.0)
    .bind(&row.actor_kind)
    .bind(row.actor_id)
    .bind(&row.actor_name)
    .bind(&row.reason)
    .execute(connection)
    .await?;
    Ok(row)
}

async fn used(
    connection: &mut SqliteConnection,
    id: &str,
) -> Result<(ProfileUse, Vec<UsedPoint>), StoreError> {
    let detectors: i64 =
        sqlx::query_scalar("SELECT count(*) FROM detector WHERE profile_id = $1 AND deleted_at IS NULL")
            .bind(id)
            .fetch_one(&mut *connection)
            .await?;
    let points: Vec<UsedPoint> = sqlx::query_as(
        "SELECT c.point, c.code, c.name, c.quantity, c.phase, c.decimals, count(*) AS many FROM detector d \
         JOIN channel c ON c.detector_id = d.id WHERE d.profile_id = $1 AND d.deleted_at IS NULL \
         AND c.point IS NOT NULL GROUP BY c.point, c.code, c.name, c.quantity, c.phase, c.decimals ORDER BY c.point",
    )
    .bind(id)
    .fetch_all(&mut *connection)
    .await?;
    let protocols: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT t.protocol FROM detector d JOIN terminal t ON t.id = d.terminal_id \
         WHERE d.profile_id = $1 AND d.deleted_at IS NULL ORDER BY t.protocol",
    )
    .bind(id)
    .fetch_all(connection)
    .await?;
    let terminals = protocols
        .iter()
        .map(|code| {
            Protocol::from_code(code).ok_or_else(|| StoreError::corrupt(format!("terminal speaks {code:?}")))
        })
        .collect::<Result<_, _>>()?;
    let mut stored: Vec<StoredPoint> = Vec::with_capacity(points.len());
    for point in &points {
        let one = StoredPoint {
            index: point.point,
            code: point.code.clone(),
            quantity: point.quantity,
            phase: point.phase,
            decimals: point.decimals,
        };
        // Names differ between detectors that are about to be named anew; the rest must not.
        if stored.last() != Some(&one) {
            stored.push(one);
        }
    }
    Ok((ProfileUse { detectors, points: stored, terminals }, points))
}

/// Lets the channels of the detectors in use follow the profile: new points become channels, new names hold.
async fn follow(
    connection: &mut SqliteConnection,
    profile: &Profile,
    uses: &ProfileUse,
    points: &[UsedPoint],
) -> Result<(), StoreError> {
    if uses.detectors == 0 {
        return Ok(());
    }
    for (index, point) in profile.indexed_points() {
        let there = points.iter().filter(|used| used.point == index);
        if there.clone().map(|used| used.many).sum::<i64>() < uses.detectors {
            sqlx::query(
                "INSERT INTO channel (detector_id, point, code, name, quantity, phase, decimals) \
                 SELECT d.id, $2, $3, $4, $5, $6, $7 FROM detector d WHERE d.profile_id = $1 AND d.deleted_at IS NULL \
                 AND NOT EXISTS (SELECT 1 FROM channel c WHERE c.detector_id = d.id AND coalesce(c.point, -1) = $2)",
            )
            .bind(&profile.id)
            .bind(i64::from(index.0))
            .bind(&point.code)
            .bind(&point.name)
            .bind(point.quantity.code())
            .bind(point.phase.map(Phase::code))
            .bind(i64::from(point.decimals.0))
            .execute(&mut *connection)
            .await?;
        }
        if there.clone().any(|used| used.name != point.name) {
            sqlx::query(
                "UPDATE channel SET name = $3 WHERE coalesce(point, -1) = $2 AND name <> $3 AND detector_id IN \
                 (SELECT id FROM detector WHERE profile_id = $1 AND deleted_at IS NULL)",
            )
            .bind(&profile.id)
            .bind(i64::from(index.0))
            .bind(&point.name)
            .execute(&mut *connection)
            .await?;
        }
    }
    Ok(())
}

fn object(profile: &Profile) -> AuditObject {
    AuditObject { kind: "profile", id: profile.id.clone(), name: profile.name.clone(), place: None }
}

/// `None` where the version says that the profile is gone.
fn written(row: &ProfileVersion) -> Option<Written> {
    let text = row.text.as_ref()?;
    // A text of an older program may no longer be understood; it was written all the same.
    let read = domain::profile::parse(&format!("{}.toml", row.profile_id), text).ok();
    Some(Written {
        version: row.version,
        name: read.as_ref().map_or_else(|| row.profile_id.clone(), |profile| profile.name.clone()),
        protocol: read.as_ref().map_or("", |profile| profile.protocol.code()),
        points: read.as_ref().map_or(0, |profile| profile.points.len()),
        verified: read.as_ref().is_some_and(|profile| profile.verified),
        reason: row.reason.clone(),
        text_sha256: Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect(),
    })
}
