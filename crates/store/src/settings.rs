//! Limits and supervision as people set them, per level of the inheritance. What is effective is resolved in
//! `domain::settings`; here are the levels and their versions.

use domain::access::Scope;
use domain::hazard::Hazard;
use domain::id::{ChannelId, DetectorId, OrganisationId, SiteId};
use domain::place::{AreaCode, OrganisationPath};
use domain::settings::{LimitPatch, ScopeKind, ScopeRef};
use domain::time::UnixMs;
use serde::Serialize;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::actor::Actor;
use crate::audit::AuditObject;
use crate::circuits::record;
use crate::detectors;
use crate::error::StoreError;
use crate::open::Store;
use crate::organisations;
use crate::sites::{self, same_version};

/// What one level says about one hazard.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LimitRow {
    /// The level.
    pub scope: ScopeRef,
    /// About which hazard.
    pub hazard: Hazard,
    /// What it says.
    pub patch: LimitPatch,
    /// Rises with every change; 0 where nothing was ever set.
    pub version: i64,
    /// When it was set.
    pub updated_at: UnixMs,
}

/// What one level says about silence.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct SupervisionPatch {
    /// After how many intervals of silence a detector is offline.
    pub offline_factor: Option<f64>,
    /// How often the detector speaks, s.
    pub interval_s: Option<u32>,
    /// How long values must be normal until a report that nobody takes back is taken for gone, h.
    pub values_normal_h: Option<u32>,
}

/// What one level says about silence, with its version.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SupervisionRow {
    /// The level.
    pub scope: ScopeRef,
    /// What it says.
    pub patch: SupervisionPatch,
    /// Rises with every change; 0 where nothing was ever set.
    pub version: i64,
    /// When it was set.
    pub updated_at: UnixMs,
}

/// One level of the inheritance, with everything that was set there.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    /// Which.
    pub scope: ScopeRef,
    /// Its name; a profile's is its id, the platform's is empty.
    pub name: String,
    /// What it says about hazards.
    pub limits: Vec<LimitRow>,
    /// What it says about silence.
    pub supervision: Option<SupervisionRow>,
}

/// Everything that was set anywhere, for the pipeline.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AllSettings {
    /// Limits of every level.
    pub limits: Vec<LimitRow>,
    /// Supervision of every level.
    pub supervision: Vec<SupervisionRow>,
}

type RawLimit = (String, String, String, String, i64, i64);
type RawSupervision = (String, String, Option<f64>, Option<u32>, Option<u32>, i64, i64);

/// Limits and supervision.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'s>(&'s Store);

impl Store {
    /// Limits and supervision.
    #[must_use]
    pub const fn settings(&self) -> Settings<'_> {
        Settings(self)
    }
}

impl Settings<'_> {
    /// Everything that was set anywhere: the platform's own work.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a stored patch cannot be read.
    pub async fn all(&self) -> Result<AllSettings, StoreError> {
        let mut reading = self.0.reader().begin().await?;
        let limits: Vec<RawLimit> = sqlx::query_as(
            "SELECT scope_kind, scope_id, hazard, patch, version, updated_at FROM limit_patch \
             ORDER BY scope_kind, scope_id, hazard",
        )
        .fetch_all(&mut *reading)
        .await?;
        let supervision: Vec<RawSupervision> = sqlx::query_as(
            "SELECT scope_kind, scope_id, offline_factor, interval_s, values_normal_h, version, updated_at \
             FROM supervision_patch \
             ORDER BY scope_kind, scope_id",
        )
        .fetch_all(&mut *reading)
        .await?;
        Ok(AllSettings {
            limits: limits.into_iter().map(limit_row).collect::<Result<_, _>>()?,
            supervision: supervision.into_iter().map(supervision_row).collect::<Result<_, _>>()?,
        })
    }

    /// The levels that `target` inherits from and its own, from general to particular. `profile` names the
    /// profile whose level stands between platform and organisations where `target` does not say it itself
    /// (site, organisation); without it that level is left out there.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when `target` is not in `scope`.
    pub async fn levels(
        &self,
        scope: &Scope,
        target: &ScopeRef,
        profile: Option<&str>,
    ) -> Result<Vec<Level>, StoreError> {
        let mut reading = self.0.reader().begin().await?;
        let chain = chain(&mut reading, scope, target, profile).await?;
        let mut levels = Vec::with_capacity(chain.steps.len());
        for (step, name) in chain.steps {
            levels.push(Level {
                limits: limits_of(&mut reading, &step).await?,
                supervision: supervision_of(&mut reading, &step).await?,
                scope: step,
                name,
            });
        }
        Ok(levels)
    }

    /// Says something about one hazard at one level; an empty patch inherits everything. The patch must have
    /// been checked in its context (`domain::settings`). `version` is 0 where nothing was ever set.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Conflict`].
    #[expect(clippy::too_many_arguments, reason = "who, when, where, about what, and what; each is its own")]
    pub async fn put_limits(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        target: &ScopeRef,
        hazard: Hazard,
        patch: &LimitPatch,
        version: i64,
    ) -> Result<LimitRow, StoreError> {
        let mut tx = self.0.begin().await?;
        let chain = writable(&mut tx, scope, target).await?;
        let before = limits_of(&mut tx, target).await?.into_iter().find(|row| row.hazard == hazard);
        same_version("settings", before.as_ref().map_or(0, |row| row.version), version)?;
        let text = serde_json::to_string(patch).map_err(|error| StoreError::corrupt(error.to_string()))?;
        let after =
            LimitRow { scope: target.clone(), hazard, patch: *patch, version: version + 1, updated_at: now };
        sqlx::query(
            "INSERT INTO limit_patch (scope_kind, scope_id, hazard, patch, version, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (scope_kind, scope_id, hazard) DO UPDATE SET \
             patch = excluded.patch, version = excluded.version, updated_at = excluded.updated_at",
        )
        .bind(target.kind.code())
        .bind(&target.id)
        .bind(hazard.code())
        .bind(text)
        .bind(after.version)
        .bind(now.0)
        .execute(&mut *tx)
        .await?;
        let object = chain.object(target);
        record(&mut tx, actor, now, "settings.limits", object, before.as_ref(), Some(&after)).await?;
        let version = self.0.bump_settings(&mut tx).await?;
        tx.commit().await?;
        self.0.settings_changed(version);
        Ok(after)
    }

    /// Says something about silence at one level. `version` is 0 where nothing was ever set.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Conflict`], [`StoreError::Invalid`].
    pub async fn put_supervision(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        target: &ScopeRef,
        patch: &SupervisionPatch,
        version: i64,
    ) -> Result<SupervisionRow, StoreError> {
        match patch.offline_factor {
            Some(factor) if !(1.0..=100.0).contains(&factor) => {
                let message = format!("had {factor} intervals, wanted 1 to 100");
                return Err(StoreError::invalid("offline_factor", "out_of_range", message));
            }
            Some(_) | None => {}
        }
        match patch.interval_s {
            Some(interval) if !(1..=604_800).contains(&interval) => {
                let message = format!("had {interval} s, wanted 1 to 604800 s");
                return Err(StoreError::invalid("interval_s", "out_of_range", message));
            }
            Some(_) | None => {}
        }
        match patch.values_normal_h {
            Some(hours) if !(1..=8_760).contains(&hours) => {
                let message = format!("had {hours} h, wanted 1 to 8760 h");
                return Err(StoreError::invalid("values_normal_h", "out_of_range", message));
            }
            Some(_) | None => {}
        }
        let mut tx = self.0.begin().await?;
        let chain = writable(&mut tx, scope, target).await?;
        let before = supervision_of(&mut tx, target).await?;
        same_version("settings", before.as_ref().map_or(0, |row| row.version), version)?;
        let after =
            SupervisionRow { scope: target.clone(), patch: *patch, version: version + 1, updated_at: now };
        sqlx::query(
            "INSERT INTO supervision_patch (scope_kind, scope_id, offline_factor, interval_s, values_normal_h, \
             version, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (scope_kind, scope_id) DO UPDATE SET \
             offline_factor = excluded.offline_factor, interval_s = excluded.interval_s, \
             values_normal_h = excluded.values_normal_h, version = excluded.version, \
             updated_at = excluded.updated_at",
        )
        .bind(target.kind.code())
        .bind(&target.id)
        .bind(patch.offline_factor)
        .bind(patch.interval_s)
        .bind(patch.values_normal_h)
        .bind(after.version)
        .bind(now.0)
        .execute(&mut *tx)
        .await?;
        let object = chain.object(target);
        record(&mut tx, actor, now, "settings.supervision", object, before.as_ref(), Some(&after)).await?;
        let version = self.0.bump_settings(&mut tx).await?;
        tx.commit().await?;
        self.0.settings_changed(version);
        Ok(after)
    }

    /// The detectors whose binding depends on what is set at `target`: the platform's own work, for reloading.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn affected(&self, target: &ScopeRef) -> Result<Vec<DetectorId>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT d.id FROM detector d JOIN site s ON s.id = d.site_id \
             JOIN organisation o ON o.id = s.organisation_id WHERE d.deleted_at IS NULL",
        );
        let id = target.id.parse::<i64>().unwrap_or(0);
        match target.kind {
            ScopeKind::Platform => {}
            ScopeKind::Profile => {
                query.push(" AND d.profile_id = ").push_bind(target.id.clone());
            }
            ScopeKind::Organisation => crate::alarms::push_below(&mut query, OrganisationId(id), "o.path"),
            ScopeKind::Site => {
                query.push(" AND d.site_id = ").push_bind(id);
            }
            ScopeKind::Detector => {
                query.push(" AND d.id = ").push_bind(id);
            }
            ScopeKind::Channel => {
                query
                    .push(" AND d.id = (SELECT detector_id FROM channel WHERE id = ")
                    .push_bind(id)
                    .push(")");
            }
        }
        let ids: Vec<i64> =
            query.push(" ORDER BY d.id").build_query_scalar().fetch_all(self.0.reader()).await?;
        Ok(ids.into_iter().map(DetectorId).collect())
    }
}

/// The levels from the platform down to a target, and where the target is.
struct Chain {
    steps: Vec<(ScopeRef, String)>,
    place: Option<(OrganisationPath, AreaCode)>,
}

impl Chain {
    fn object(&self, target: &ScopeRef) -> AuditObject {
        let name = self.steps.last().map_or_else(String::new, |(_, name)| name.clone());
        let id = format!("{}/{}", target.kind.code(), target.id);
        AuditObject { kind: "settings", id, name, place: self.place.clone() }
    }
}

fn level(kind: ScopeKind, id: impl ToString) -> ScopeRef {
    ScopeRef { kind, id: id.to_string() }
}

fn number(target: &ScopeRef) -> Result<i64, StoreError> {
    target.id.parse().map_err(|_| StoreError::NotFound { what: target.kind.code() })
}

async fn chain(
    connection: &mut SqliteConnection,
    scope: &Scope,
    target: &ScopeRef,
    profile: Option<&str>,
) -> Result<Chain, StoreError> {
    if scope.is_empty() {
        return Err(StoreError::NotFound { what: target.kind.code() });
    }
    let mut steps = vec![(level(ScopeKind::Platform, 0), String::new())];
    let mut place = None;
    match target.kind {
        ScopeKind::Platform => {
            if target.id != "0" {
                return Err(StoreError::NotFound { what: "platform" });
            }
        }
        ScopeKind::Profile => steps.push((target.clone(), target.id.clone())),
        ScopeKind::Organisation => {
            let organisation =
                organisations::load(connection, scope, OrganisationId(number(target)?)).await?;
            push_profile(&mut steps, profile);
            push_organisations(connection, &mut steps, &organisation.path).await?;
        }
        ScopeKind::Site => {
            let site = sites::load(connection, scope, SiteId(number(target)?)).await?;
            push_profile(&mut steps, profile);
            push_organisations(connection, &mut steps, &site.organisation_path).await?;
            steps.push((target.clone(), site.name));
            place = Some((site.organisation_path, site.area_code));
        }
        ScopeKind::Detector | ScopeKind::Channel => {
            let (detector, channel) = if target.kind == ScopeKind::Detector {
                (detectors::load(connection, scope, DetectorId(number(target)?)).await?, None)
            } else {
                let (channel, detector) =
                    detectors::load_channel(connection, scope, ChannelId(number(target)?)).await?;
                (detector, Some(channel))
            };
            push_profile(&mut steps, Some(&detector.profile_id));
            push_organisations(connection, &mut steps, &detector.organisation_path).await?;
            steps.push((level(ScopeKind::Site, detector.site_id), detector.site_name));
            steps.push((level(ScopeKind::Detector, detector.id), detector.name));
            if let Some(channel) = channel {
                steps.push((target.clone(), channel.name));
            }
            place = Some((detector.organisation_path, detector.area_code));
        }
    }
    Ok(Chain { steps, place })
}

/// The chain, when the caller may change what `target` says. The platform's and a profile's levels reach
/// everybody, an organisation's reaches every area: the scope must reach as far.
async fn writable(
    connection: &mut SqliteConnection,
    scope: &Scope,
    target: &ScopeRef,
) -> Result<Chain, StoreError> {
    let chain = chain(connection, scope, target, None).await?;
    let allowed = match target.kind {
        ScopeKind::Platform | ScopeKind::Profile => scope.is_everything(),
        ScopeKind::Organisation => {
            let organisation =
                organisations::load(connection, scope, OrganisationId(number(target)?)).await?;
            organisations::owns(scope, &organisation.path)
        }
        ScopeKind::Site | ScopeKind::Detector | ScopeKind::Channel => true,
    };
    if allowed { Ok(chain) } else { Err(StoreError::NotFound { what: target.kind.code() }) }
}

fn push_profile(steps: &mut Vec<(ScopeRef, String)>, profile: Option<&str>) {
    if let Some(profile) = profile {
        steps.push((level(ScopeKind::Profile, profile), profile.to_owned()));
    }
}

async fn push_organisations(
    connection: &mut SqliteConnection,
    steps: &mut Vec<(ScopeRef, String)>,
    path: &OrganisationPath,
) -> Result<(), StoreError> {
    let above: Vec<(i64, String)> = sqlx::query_as(
        "SELECT id, name FROM organisation WHERE substr($1, 1, length(path)) = path ORDER BY length(path)",
    )
    .bind(&path.0)
    .fetch_all(connection)
    .await?;
    steps.extend(above.into_iter().map(|(id, name)| (level(ScopeKind::Organisation, id), name)));
    Ok(())
}

async fn limits_of(
    connection: &mut SqliteConnection,
    target: &ScopeRef,
) -> Result<Vec<LimitRow>, StoreError> {
    let rows: Vec<RawLimit> = sqlx::query_as(
        "SELECT scope_kind, scope_id, hazard, patch, version, updated_at FROM limit_patch \
         WHERE scope_kind = $1 AND scope_id = $2 ORDER BY hazard",
    )
    .bind(target.kind.code())
    .bind(&target.id)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(limit_row).collect()
}

async fn supervision_of(
    connection: &mut SqliteConnection,
    target: &ScopeRef,
) -> Result<Option<SupervisionRow>, StoreError> {
    let row: Option<RawSupervision> = sqlx::query_as(
        "SELECT scope_kind, scope_id, offline_factor, interval_s, values_normal_h, version, updated_at \
             FROM supervision_patch \
         WHERE scope_kind = $1 AND scope_id = $2",
    )
    .bind(target.kind.code())
    .bind(&target.id)
    .fetch_optional(connection)
    .await?;
    row.map(supervision_row).transpose()
}

fn limit_row((kind, id, hazard, patch, version, updated_at): RawLimit) -> Result<LimitRow, StoreError> {
    Ok(LimitRow {
        scope: scope_ref(&kind, id)?,
        hazard: Hazard::from_code(&hazard)
            .ok_or_else(|| StoreError::corrupt(format!("settings of {hazard:?}")))?,
        patch: serde_json::from_str(&patch)
            .map_err(|error| StoreError::corrupt(format!("settings patch {patch:?}: {error}")))?,
        version,
        updated_at: UnixMs(updated_at),
    })
}

fn supervision_row(
    (kind, id, offline_factor, interval_s, values_normal_h, version, updated_at): RawSupervision,
) -> Result<SupervisionRow, StoreError> {
    Ok(SupervisionRow {
        scope: scope_ref(&kind, id)?,
        patch: SupervisionPatch { offline_factor, interval_s, values_normal_h },
        version,
        updated_at: UnixMs(updated_at),
    })
}

fn scope_ref(kind: &str, id: String) -> Result<ScopeRef, StoreError> {
    let kind = ScopeKind::from_code(kind)
        .ok_or_else(|| StoreError::corrupt(format!("settings of level {kind:?}")))?;
    Ok(ScopeRef { kind, id })
}
