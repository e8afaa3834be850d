//! Bindings from what people set: places and channels of the store, limits and supervision of every level.

use std::collections::HashMap;
use std::sync::Arc;

use bus::Directory;
use domain::binding::{Binding, ChannelBinding, hazards_of};
use domain::hazard::Hazard;
use domain::id::DetectorId;
use domain::profile::Profile;
use domain::settings::{LimitPatch, ScopeKind, SupervisionPatch, limits, night, supervision};
use domain::time::UnixMs;
use jiff::tz::TimeZone;
use store::restart::BindingSource;
use store::settings::AllSettings;
use store::{Store, StoreError};

/// A binding with what else the pipeline must know of its detector.
#[derive(Debug, Clone)]
pub(crate) struct Bound {
    pub(crate) binding: Arc<Binding>,
    pub(crate) profile_id: Arc<str>,
    pub(crate) unit_address: Option<u8>,
}

/// Everything set anywhere, by level.
#[derive(Debug, Default)]
pub(crate) struct Levels {
    limits: HashMap<(ScopeKind, i64), Vec<(Hazard, LimitPatch)>>,
    profile_limits: HashMap<String, Vec<(Hazard, LimitPatch)>>,
    supervision: HashMap<(ScopeKind, i64), SupervisionPatch>,
    profile_supervision: HashMap<String, SupervisionPatch>,
}

impl Levels {
    pub(crate) fn new(all: &AllSettings) -> Self {
        let mut levels = Self::default();
        for row in &all.limits {
            let said = (row.hazard, row.patch);
            if row.scope.kind == ScopeKind::Profile {
                levels.profile_limits.entry(row.scope.id.clone()).or_default().push(said);
            } else if let Ok(id) = row.scope.id.parse() {
                levels.limits.entry((row.scope.kind, id)).or_default().push(said);
            }
        }
        for row in &all.supervision {
            let patch = patch_of(row.patch);
            if row.scope.kind == ScopeKind::Profile {
                levels.profile_supervision.insert(row.scope.id.clone(), patch);
            } else if let Ok(id) = row.scope.id.parse() {
                levels.supervision.insert((row.scope.kind, id), patch);
            }
        }
        levels
    }

    /// The binding of `source`, from general to particular, with the clock of its site as it stands at `now`.
    pub(crate) fn bind(
        &self,
        source: BindingSource,
        profile: Option<&Profile>,
        version: i64,
        now: UnixMs,
    ) -> Bound {
        let place = &source.placement;
        let mut above: Vec<&[(Hazard, LimitPatch)]> = Vec::new();
        let mut watch: Vec<&SupervisionPatch> = Vec::new();
        above.extend(self.limits.get(&(ScopeKind::Platform, 0)).map(Vec::as_slice));
        watch.extend(self.supervision.get(&(ScopeKind::Platform, 0)));
        above.extend(profile.map(|profile| profile.limits.as_slice()));
        above.extend(self.profile_limits.get(&source.profile_id).map(Vec::as_slice));
        watch.extend(self.profile_supervision.get(&source.profile_id));
        let mut numbered = |kind: ScopeKind, id: i64| {
            above.extend(self.limits.get(&(kind, id)).map(Vec::as_slice));
            watch.extend(self.supervision.get(&(kind, id)));
        };
        for organisation in place.organisation_path.0.split('/').filter_map(|part| part.parse().ok()) {
            numbered(ScopeKind::Organisation, organisation);
        }
        numbered(ScopeKind::Site, place.site.0);
        numbered(ScopeKind::Detector, place.detector.0);

        let judged: Vec<Vec<Hazard>> =
            (0..source.channels.len()).map(|index| hazards_of(&source.channels, index)).collect();
        let channels = source
            .channels
            .into_iter()
            .zip(judged)
            .map(|(channel, hazards)| {
                let own = self.limits.get(&(ScopeKind::Channel, channel.id.0)).map(Vec::as_slice);
                let mut bound = ChannelBinding { channel, limits: Vec::new(), nights: Vec::new() };
                for hazard in hazards {
                    let patches: Vec<&LimitPatch> = above
                        .iter()
                        .copied()
                        .chain(own)
                        .flatten()
                        .filter(|(about, _)| *about == hazard)
                        .map(|(_, patch)| patch)
                        .collect();
                    bound.limits.extend(limits(hazard, patches.iter().copied()).map(|set| (hazard, set)));
                    bound.nights.extend(night(patches.into_iter()).map(|night| (hazard, night)));
                }
                bound
            })
            .collect();
        // A detector whose profile file is gone keeps its supervision by a usual interval.
        let (interval_s, replays) = profile.map_or((60, false), |p| (p.interval_s, p.replays_history));
        Bound {
            binding: Arc::new(Binding {
                placement: source.placement,
                settings_version: version,
                channels,
                supervision: supervision(interval_s, replays, watch.into_iter()),
                utc_offset_min: utc_offset_min(&source.zone, now),
            }),
            profile_id: Arc::from(source.profile_id),
            unit_address: source.unit_address,
        }
    }
}

/// How far the clocks of `zone` are ahead of UTC at `at`, min; none where the zone is not known.
fn utc_offset_min(zone: &str, at: UnixMs) -> i32 {
    match (TimeZone::get(zone), jiff::Timestamp::from_millisecond(at.0)) {
        (Ok(zone), Ok(at)) => zone.to_offset(at).seconds() / 60,
        (Ok(_) | Err(_), Ok(_) | Err(_)) => 0,
    }
}

/// The store's patch in the domain's words.
pub(crate) fn patch_of(patch: store::settings::SupervisionPatch) -> SupervisionPatch {
    SupervisionPatch {
        offline_factor: patch.offline_factor,
        interval_s: patch.interval_s.map(f64::from),
        values_normal_h: patch.values_normal_h.map(f64::from),
    }
}

/// Reads what is set about `ids` and binds it; one that is gone has `None`.
pub(crate) async fn read(
    store: &Store,
    directory: &Directory,
    ids: &[DetectorId],
    now: UnixMs,
) -> Result<Vec<(DetectorId, Option<Bound>)>, StoreError> {
    // The version is read first: a change in between is told again with a higher one.
    let version = store.settings_version();
    let levels = Levels::new(&store.settings().all().await?);
    let sources = store.binding_sources(Some(ids)).await?;
    let mut bound: HashMap<DetectorId, Bound> = sources
        .into_iter()
        .map(|source| {
            let profile = directory.profile(&source.profile_id);
            (source.placement.detector, levels.bind(source, profile.as_deref(), version, now))
        })
        .collect();
    Ok(ids.iter().map(|id| (*id, bound.remove(id))).collect())
}
