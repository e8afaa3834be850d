//! Limits and supervision as people see and set them: what a level says itself, what holds there, and where it
//! comes from.

use bus::LiveKind;
use domain::access::Scope;
use domain::hazard::Hazard;
use domain::id::ChannelId;
use domain::quantity::Quantity;
use domain::settings::{
    Effective, EffectiveSupervision, HazardDefaults, LevelPatch, LimitPatch, Origin, ScopeKind, ScopeRef,
    SupervisionLevel, SupervisionPatch, defaults, defaults_of, resolve, resolve_supervision, validate,
    validate_supervision,
};
use store::settings::Level;
use store::{Actor, StoreError};

use crate::bindings::patch_of;
use crate::error::EngineError;
use crate::pipeline::Engine;

/// Limits and supervision.
#[derive(Debug, Clone, Copy)]
pub struct SettingsDesk<'e>(&'e Engine);

impl Engine {
    /// Limits and supervision.
    #[must_use]
    pub const fn settings(&self) -> SettingsDesk<'_> {
        SettingsDesk(self)
    }
}

/// Everything about limits at one level.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingsView {
    /// Which level.
    pub scope: ScopeRef,
    /// What people call it; empty for the platform.
    pub name: String,
    /// The greatest version of its hazards.
    pub version: i64,
    /// The hazards that are judged here.
    pub hazards: Vec<HazardSettings>,
}

/// One hazard at one level.
#[derive(Debug, Clone, PartialEq)]
pub struct HazardSettings {
    /// The hazard, its unit, the quantities it applies to, and the ranges of its fields.
    pub defaults: &'static HazardDefaults,
    /// What the level says itself.
    pub own: LimitPatch,
    /// The version of that; 0 where nothing was ever set.
    pub version: i64,
    /// What holds here.
    pub effective: Effective,
}

/// Supervision at one level.
#[derive(Debug, Clone, PartialEq)]
pub struct SupervisionSettings {
    /// Which level.
    pub scope: ScopeRef,
    /// What people call it.
    pub name: String,
    /// What the level says itself.
    pub own: SupervisionPatch,
    /// The version of that; 0 where nothing was ever set.
    pub version: i64,
    /// What holds here.
    pub effective: EffectiveSupervision,
}

impl SettingsDesk<'_> {
    /// The limits at `target`. At a channel only those hazards that its quantity is judged for.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when `target` is not in `scope`.
    pub async fn limits(&self, scope: &Scope, target: &ScopeRef) -> Result<SettingsView, EngineError> {
        let levels = self.0.store().settings().levels(scope, target, None).await?;
        let quantity = self.quantity(scope, target).await?;
        let hazards: Vec<HazardSettings> = defaults()
            .iter()
            .filter(|d| quantity.is_none_or(|quantity| d.applies.contains(&quantity)))
            .filter_map(|d| self.hazard(&levels, target, d))
            .collect();
        Ok(SettingsView {
            scope: target.clone(),
            name: levels.last().map_or_else(String::new, |level| level.name.clone()),
            version: hazards.iter().map(|hazard| hazard.version).max().unwrap_or(0),
            hazards,
        })
    }

    /// Sets what `target` says about `hazard`; an empty patch inherits everything. It holds when this returns.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] naming the fields, [`StoreError::Conflict`], [`StoreError::NotFound`].
    pub async fn put_limits(
        &self,
        scope: &Scope,
        actor: &Actor,
        target: &ScopeRef,
        hazard: Hazard,
        patch: LimitPatch,
        version: i64,
    ) -> Result<HazardSettings, EngineError> {
        let store = self.0.store().settings();
        let Some(about) = defaults_of(hazard) else {
            return Err(StoreError::NotFound { what: "hazard" }.into());
        };
        let mut levels = self.level_patches(&store.levels(scope, target, None).await?, hazard);
        levels.retain(|level| !is_own(level, target));
        levels.push(LevelPatch { scope: target.clone(), name: String::new(), source: String::new(), patch });
        let effective = resolve(hazard, &levels).ok_or(StoreError::NotFound { what: "hazard" })?;
        let errors = validate(hazard, &patch, &effective.limits());
        if !errors.is_empty() {
            return Err(EngineError::Invalid(errors));
        }
        store.put_limits(scope, actor, self.0.now(), target, hazard, &patch, version).await?;
        self.in_force(target).await?;
        let levels = store.levels(scope, target, None).await?;
        Ok(self.hazard(&levels, target, about).ok_or(StoreError::NotFound { what: "hazard" })?)
    }

    /// Supervision at `target`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when `target` is not in `scope`.
    pub async fn supervision(
        &self,
        scope: &Scope,
        target: &ScopeRef,
    ) -> Result<SupervisionSettings, EngineError> {
        let levels = self.0.store().settings().levels(scope, target, None).await?;
        let own =
            levels.iter().find(|level| level.scope == *target).and_then(|level| level.supervision.clone());
        let profile = levels
            .iter()
            .find(|level| level.scope.kind == ScopeKind::Profile)
            .and_then(|level| self.0.directory().profile(&level.scope.id))
            .map(|profile| {
                let origin = Origin {
                    scope: ScopeRef { kind: ScopeKind::Profile, id: profile.id.clone() },
                    name: profile.name.clone(),
                    source: profile.source.clone(),
                };
                (profile.interval_s, origin)
            });
        let said: Vec<SupervisionLevel> = levels
            .iter()
            .filter_map(|level| {
                let row = level.supervision.as_ref()?;
                Some(SupervisionLevel {
                    scope: level.scope.clone(),
                    name: level.name.clone(),
                    source: String::new(),
                    patch: patch_of(row.patch),
                })
            })
            .collect();
        Ok(SupervisionSettings {
            scope: target.clone(),
            name: levels.last().map_or_else(String::new, |level| level.name.clone()),
            version: own.as_ref().map_or(0, |row| row.version),
            own: own.map(|row| patch_of(row.patch)).unwrap_or_default(),
            effective: resolve_supervision(profile, &said),
        })
    }

    /// Sets what `target` says about supervision. It holds when this returns.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] naming the fields, [`StoreError::Conflict`], [`StoreError::NotFound`].
    pub async fn put_supervision(
        &self,
        scope: &Scope,
        actor: &Actor,
        target: &ScopeRef,
        patch: store::settings::SupervisionPatch,
        version: i64,
    ) -> Result<SupervisionSettings, EngineError> {
        let errors = validate_supervision(&patch_of(patch));
        if !errors.is_empty() {
            return Err(EngineError::Invalid(errors));
        }
        self.0
            .store()
            .settings()
            .put_supervision(scope, actor, self.0.now(), target, &patch, version)
            .await?;
        self.in_force(target).await?;
        self.supervision(scope, target).await
    }

    async fn in_force(&self, target: &ScopeRef) -> Result<(), EngineError> {
        let affected = self.0.store().settings().affected(target).await?;
        self.0.reload(&affected).await?;
        self.0.live().publish(None, None, LiveKind::Changed { what: "settings" });
        Ok(())
    }

    async fn quantity(&self, scope: &Scope, target: &ScopeRef) -> Result<Option<Quantity>, EngineError> {
        if target.kind != ScopeKind::Channel {
            return Ok(None);
        }
        let id = target.id.parse().map_err(|_| StoreError::NotFound { what: "channel" })?;
        Ok(Some(self.0.store().detectors().channel(scope, ChannelId(id)).await?.0.quantity))
    }

    fn hazard(
        &self,
        levels: &[Level],
        target: &ScopeRef,
        about: &'static HazardDefaults,
    ) -> Option<HazardSettings> {
        let own = levels
            .iter()
            .find(|level| level.scope == *target)
            .and_then(|level| level.limits.iter().find(|row| row.hazard == about.hazard));
        Some(HazardSettings {
            defaults: about,
            own: own.map(|row| row.patch).unwrap_or_default(),
            version: own.map_or(0, |row| row.version),
            effective: resolve(about.hazard, &self.level_patches(levels, about.hazard))?,
        })
    }

    /// What each level says about `hazard`; the profile's file stands right before what was set for the profile.
    fn level_patches(&self, levels: &[Level], hazard: Hazard) -> Vec<LevelPatch> {
        let mut patches = Vec::new();
        for level in levels {
            if level.scope.kind == ScopeKind::Profile
                && let Some(profile) = self.0.directory().profile(&level.scope.id)
            {
                patches.extend(profile.limits.iter().filter(|(about, _)| *about == hazard).map(
                    |(_, patch)| LevelPatch {
                        scope: level.scope.clone(),
                        name: profile.name.clone(),
                        source: profile.source.clone(),
                        patch: *patch,
                    },
                ));
            }
            patches.extend(level.limits.iter().filter(|row| row.hazard == hazard).map(|row| LevelPatch {
                scope: level.scope.clone(),
                name: level.name.clone(),
                source: String::new(),
                patch: row.patch,
            }));
        }
        patches
    }
}

/// What people set at the level itself, in contrast to what the profile's file says there.
fn is_own(level: &LevelPatch, target: &ScopeRef) -> bool {
    level.scope == *target && level.source.is_empty()
}
