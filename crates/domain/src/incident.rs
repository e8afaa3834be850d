//! Incidents (H3): alarms with one cause are one thing to look at. Pure: alarms, topology, what people decided and time
//! come in; incidents go out, each with what speaks for it. Grouping changes no alarm and hides none.
//!
//! The limits here are the platform's own; no standard sets them. They are wide enough for detectors that are asked
//! every half minute, and narrow enough that what happens by chance on one day is not drawn together.

use std::collections::{BTreeMap, BTreeSet};

use crate::hazard::{Hazard, Severity};
use crate::id::{AlarmId, DetectorId, PanelId, SiteId};
use crate::place::AreaCode;
use crate::time::UnixMs;

/// Alarms raised longer ago than this take part only while they are open, ms.
pub const RECENT_MS: i64 = 3_600_000;
/// What is lost with one feeder falls silent within this time, ms: supervision of slow reporters takes minutes.
const LOSS_SPAN_MS: i64 = 300_000;
/// A sag passes within seconds; detectors that are asked see it half a minute apart, ms.
const SAG_SPAN_MS: i64 = 30_000;
/// A leak is judged by two detectors with delays of their own, ms.
const LEAK_SPAN_MS: i64 = 120_000;
/// Fewer detectors of a panel or site are no lost feeder.
pub const LEAST_LOST: usize = 3;
/// Fewer sites of an area are no common cause.
pub const LEAST_SITES: usize = 3;
/// Fewer detectors of an area are no lost feeder.
pub const LEAST_LOST_IN_AREA: usize = 5;

/// An alarm as grouping sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmFact {
    /// Which.
    pub id: AlarmId,
    /// What is wrong.
    pub hazard: Hazard,
    /// How bad at worst.
    pub severity: Severity,
    /// When it was found.
    pub raised_at: UnixMs,
    /// Whether it is not over.
    pub open: bool,
    /// Whose.
    pub detector: DetectorId,
    /// Where.
    pub site: SiteId,
    /// In which area.
    pub area: AreaCode,
    /// On which panel.
    pub panel: Option<PanelId>,
    /// It watches the panel's incoming line: every other circuit of the panel flows through it.
    pub incoming: bool,
}

/// How many detectors there are at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Population {
    /// The site.
    pub site: SiteId,
    /// Its area.
    pub area: AreaCode,
    /// The panel; detectors without one stand on a line of their own.
    pub panel: Option<PanelId>,
    /// How many.
    pub detectors: usize,
}

/// What a person decided about an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Which alarm.
    pub alarm: AlarmId,
    /// It belongs to the incident of this alarm; `None`: to none.
    pub with: Option<AlarmId>,
}

/// The common cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Many detectors of one place silent or without supply at once.
    FeederLoss,
    /// Under-voltage at many sites of one area within seconds.
    VoltageSag,
    /// A circuit leaks, and the detector of the incoming line sees it too.
    LeakUpstream,
    /// Joined by a person.
    ByHand,
}

/// Where a cause reaches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// One panel.
    Panel(PanelId),
    /// One site.
    Site(SiteId),
    /// One area.
    Area(AreaCode),
    /// Wherever its members are.
    Members,
}

/// Alarms with one cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// The least id of its members: the same alarms make the same incident.
    pub id: AlarmId,
    /// The cause.
    pub kind: Kind,
    /// Where it reaches.
    pub reach: Reach,
    /// Its alarms, by id.
    pub members: Vec<AlarmId>,
    /// The highest of its members.
    pub severity: Severity,
    /// Members that are not over.
    pub open: usize,
    /// Detectors concerned.
    pub detectors: usize,
    /// Detectors there are where it reaches; 0 where nobody counts.
    pub of_detectors: usize,
    /// Sites concerned.
    pub sites: usize,
    /// The first alarm.
    pub from: UnixMs,
    /// The last one.
    pub until: UnixMs,
}

/// Alarms drawn together, before people's decisions.
type Group<'f> = (Kind, Reach, Vec<&'f AlarmFact>);

/// The incidents among `alarms` of which something is still open, each alarm in one at most, by id.
///
/// The widest cause is looked for first: a street without supply is one incident, not one for each house.
#[must_use]
pub fn group(
    alarms: &[AlarmFact],
    population: &[Population],
    decisions: &[Decision],
    now: UnixMs,
) -> Vec<Incident> {
    let mut facts: Vec<&AlarmFact> =
        alarms.iter().filter(|fact| fact.open || now.since_ms(fact.raised_at) <= RECENT_MS).collect();
    facts.sort_by_key(|fact| (fact.raised_at, fact.id));
    let mut seen = BTreeSet::new();
    facts.retain(|fact| seen.insert(fact.id));

    let lost = facts.iter().copied().filter(|fact| is_loss(fact.hazard)).collect();
    let low = facts.iter().copied().filter(|fact| fact.hazard == Hazard::UnderVoltage).collect();
    let leaks = facts.iter().copied().filter(|fact| fact.hazard == Hazard::ResidualCurrent).collect();
    let counted = Counted::of(population);
    let mut groups = losses(lost, &counted);
    groups.extend(sags(low));
    groups.extend(upstream_leaks(leaks));
    let mut incidents: Vec<Incident> = decided(groups, &facts, decisions)
        .into_iter()
        .filter_map(|group| incident(group, &counted))
        .filter(|incident| incident.open > 0)
        .collect();
    incidents.sort_by_key(|incident| incident.id);
    incidents
}

/// The hazards that are drawn together by themselves; all others only by hand.
pub const GROUPED: [Hazard; 5] = [
    Hazard::Offline,
    Hazard::PowerFailure,
    Hazard::SupplyLost,
    Hazard::UnderVoltage,
    Hazard::ResidualCurrent,
];

const fn is_loss(hazard: Hazard) -> bool {
    matches!(hazard, Hazard::Offline | Hazard::PowerFailure | Hazard::SupplyLost)
}

/// Runs of facts, in their order, that begin within `span_ms` of their first.
fn runs<'f>(facts: &[&'f AlarmFact], span_ms: i64) -> Vec<Vec<&'f AlarmFact>> {
    let mut runs: Vec<Vec<&AlarmFact>> = Vec::new();
    for fact in facts {
        match runs.last_mut() {
            Some(run)
                if run.first().is_some_and(|first| fact.raised_at.since_ms(first.raised_at) <= span_ms) =>
            {
                run.push(fact);
            }
            Some(_) | None => runs.push(vec![fact]),
        }
    }
    runs
}

fn by<'f, K: Ord>(
    facts: &[&'f AlarmFact],
    key: impl Fn(&AlarmFact) -> Option<K>,
) -> BTreeMap<K, Vec<&'f AlarmFact>> {
    let mut parts: BTreeMap<K, Vec<&AlarmFact>> = BTreeMap::new();
    for fact in facts {
        if let Some(key) = key(fact) {
            parts.entry(key).or_default().push(fact);
        }
    }
    parts
}

fn detectors(facts: &[&AlarmFact]) -> usize {
    facts.iter().map(|fact| fact.detector).collect::<BTreeSet<_>>().len()
}

fn sites(facts: &[&AlarmFact]) -> usize {
    facts.iter().map(|fact| fact.site).collect::<BTreeSet<_>>().len()
}

/// How many detectors there are at each place, counted once.
struct Counted<'p> {
    panels: BTreeMap<PanelId, usize>,
    sites: BTreeMap<SiteId, usize>,
    areas: BTreeMap<&'p AreaCode, usize>,
}

impl<'p> Counted<'p> {
    fn of(population: &'p [Population]) -> Self {
        let (mut panels, mut sites, mut areas) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for line in population {
            if let Some(panel) = line.panel {
                *panels.entry(panel).or_default() += line.detectors;
            }
            *sites.entry(line.site).or_default() += line.detectors;
            *areas.entry(&line.area).or_default() += line.detectors;
        }
        Self { panels, sites, areas }
    }

    /// How many there are where it reaches.
    fn within(&self, reach: &Reach) -> usize {
        match reach {
            Reach::Panel(panel) => self.panels.get(panel),
            Reach::Site(site) => self.sites.get(site),
            Reach::Area(area) => self.areas.get(area),
            Reach::Members => None,
        }
        .copied()
        .unwrap_or(0)
    }
}

/// Half of a place at least: what is lost there is lost together.
fn mostly(facts: &[&AlarmFact], reach: &Reach, counted: &Counted<'_>) -> bool {
    detectors(facts) * 2 >= counted.within(reach)
}

/// Lost feeders: of an area, where whole sites fell silent; then of a site; then of a panel.
fn losses<'f>(mut left: Vec<&'f AlarmFact>, counted: &Counted<'_>) -> Vec<Group<'f>> {
    let mut groups: Vec<Group<'f>> = Vec::new();
    for (area, facts) in by(&left, |fact| Some(fact.area.clone())) {
        for run in runs(&facts, LOSS_SPAN_MS) {
            let whole: Vec<&AlarmFact> = by(&run, |fact| Some(fact.site))
                .into_iter()
                .filter(|(site, facts)| mostly(facts, &Reach::Site(*site), counted))
                .flat_map(|(_, facts)| facts)
                .collect();
            if sites(&whole) >= LEAST_SITES && detectors(&whole) >= LEAST_LOST_IN_AREA {
                groups.push((Kind::FeederLoss, Reach::Area(area.clone()), whole));
            }
        }
    }
    let mut narrower = |reach_of: &dyn Fn(&AlarmFact) -> Option<Reach>, groups: &mut Vec<Group<'f>>| {
        let taken: BTreeSet<AlarmId> =
            groups.iter().flat_map(|(_, _, facts)| facts.iter().map(|fact| fact.id)).collect();
        left.retain(|fact| !taken.contains(&fact.id));
        for (reach, facts) in by(&left, reach_of) {
            for run in runs(&facts, LOSS_SPAN_MS) {
                if detectors(&run) >= LEAST_LOST && mostly(&run, &reach, counted) {
                    groups.push((Kind::FeederLoss, reach.clone(), run));
                }
            }
        }
    };
    narrower(&|fact| Some(Reach::Site(fact.site)), &mut groups);
    narrower(&|fact| fact.panel.map(Reach::Panel), &mut groups);
    groups
}

/// Sags that pass through an area.
fn sags(facts: Vec<&AlarmFact>) -> Vec<Group<'_>> {
    let mut groups = Vec::new();
    for (area, facts) in by(&facts, |fact| Some(fact.area.clone())) {
        for run in runs(&facts, SAG_SPAN_MS) {
            if sites(&run) >= LEAST_SITES {
                groups.push((Kind::VoltageSag, Reach::Area(area.clone()), run));
            }
        }
    }
    groups
}

/// Leaks that the incoming line of their panel sees too.
fn upstream_leaks(facts: Vec<&AlarmFact>) -> Vec<Group<'_>> {
    let mut groups = Vec::new();
    for (panel, facts) in by(&facts, |fact| fact.panel) {
        for run in runs(&facts, LEAK_SPAN_MS) {
            if run.iter().any(|fact| fact.incoming) && run.iter().any(|fact| !fact.incoming) {
                groups.push((Kind::LeakUpstream, Reach::Panel(panel), run));
            }
        }
    }
    groups
}

/// What people decided, on top: whoever was taken out or put elsewhere leaves, and goes where it was put.
fn decided<'f>(groups: Vec<Group<'f>>, facts: &[&'f AlarmFact], decisions: &[Decision]) -> Vec<Group<'f>> {
    let moved: BTreeMap<AlarmId, Option<AlarmId>> =
        decisions.iter().map(|decision| (decision.alarm, decision.with)).collect();
    let mut result = Vec::new();
    // By whom a group is found: any member that nobody moved.
    let mut group_of: BTreeMap<AlarmId, usize> = BTreeMap::new();
    for (kind, reach, mut members) in groups {
        members.retain(|fact| !moved.contains_key(&fact.id));
        group_of.extend(members.iter().map(|fact| (fact.id, result.len())));
        result.push((kind, reach, members));
    }
    let mut by_hand: BTreeMap<AlarmId, Vec<&AlarmFact>> = BTreeMap::new();
    for fact in facts {
        let Some(Some(_)) = moved.get(&fact.id) else { continue };
        let root = root(fact.id, &moved);
        match group_of.get(&root).and_then(|index| result.get_mut(*index)) {
            Some((_, _, members)) => members.push(fact),
            None => by_hand.entry(root).or_default().push(fact),
        }
    }
    for (root, mut members) in by_hand {
        if let Some(fact) = facts.iter().find(|fact| fact.id == root)
            && !members.iter().any(|member| member.id == root)
        {
            members.push(fact);
        }
        result.push((Kind::ByHand, Reach::Members, members));
    }
    result
}

/// Where a chain of decisions ends; of a circle, the least.
fn root(alarm: AlarmId, moved: &BTreeMap<AlarmId, Option<AlarmId>>) -> AlarmId {
    let mut path = vec![alarm];
    let mut at = alarm;
    while let Some(Some(next)) = moved.get(&at) {
        if let Some(begin) = path.iter().position(|known| known == next) {
            return path.iter().skip(begin).copied().min().unwrap_or(*next);
        }
        path.push(*next);
        at = *next;
    }
    at
}

/// The incident of a group; none of a single alarm.
fn incident((kind, reach, facts): Group<'_>, counted: &Counted<'_>) -> Option<Incident> {
    let mut members: Vec<AlarmId> = facts.iter().map(|fact| fact.id).collect();
    members.sort_unstable();
    if members.len() < 2 {
        return None;
    }
    Some(Incident {
        id: *members.first()?,
        kind,
        of_detectors: counted.within(&reach),
        reach,
        members,
        severity: facts.iter().map(|fact| fact.severity).max()?,
        open: facts.iter().filter(|fact| fact.open).count(),
        detectors: detectors(&facts),
        sites: sites(&facts),
        from: facts.iter().map(|fact| fact.raised_at).min()?,
        until: facts.iter().map(|fact| fact.raised_at).max()?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: UnixMs = UnixMs(1_789_999_200_000);

    fn fact(id: i64, hazard: Hazard, place: (i64, i64, &str), at_s: i64) -> AlarmFact {
        let (site, panel, area) = place;
        AlarmFact {
            id: AlarmId(id),
            hazard,
            severity: Severity::Fault,
            raised_at: NOW.plus_ms((at_s - 600) * 1_000),
            open: true,
            detector: DetectorId(id),
            site: SiteId(site),
            area: AreaCode(area.to_owned()),
            panel: Some(PanelId(panel)),
            incoming: false,
        }
    }

    fn there(site: i64, panel: i64, area: &str, detectors: usize) -> Population {
        let area = AreaCode(area.to_owned());
        Population { site: SiteId(site), area, panel: Some(PanelId(panel)), detectors }
    }

    fn ids(incident: &Incident) -> Vec<i64> {
        incident.members.iter().map(|id| id.0).collect()
    }

    #[test]
    fn a_panel_that_falls_silent_is_one_incident_and_says_of_how_many() {
        let mut alarms: Vec<_> =
            (1..=3).map(|id| fact(id, Hazard::Offline, (1, 7, "430202"), id * 40)).collect();
        alarms.push(fact(9, Hazard::Offline, (1, 8, "430202"), 50));
        let population = [there(1, 7, "430202", 4), there(1, 8, "430202", 10)];
        let found = group(&alarms, &population, &[], NOW);
        assert_eq!(found.len(), 1);
        let one = found.first().unwrap();
        assert_eq!(
            (ids(one), one.kind, &one.reach),
            (vec![1, 2, 3], Kind::FeederLoss, &Reach::Panel(PanelId(7)))
        );
        assert_eq!((one.detectors, one.of_detectors, one.until.since_ms(one.from)), (3, 4, 80_000));
        // Two of four are too few; three that fell silent an hour apart have nothing in common.
        assert!(group(alarms.get(1..).unwrap(), &population, &[], NOW).is_empty());
        alarms.get_mut(0).unwrap().raised_at = NOW.plus_ms(-2 * RECENT_MS);
        assert!(group(&alarms, &population, &[], NOW).is_empty());
    }

    #[test]
    fn a_street_without_supply_is_one_incident_and_not_one_for_each_house() {
        let alarms: Vec<_> =
            (1..=6).map(|id| fact(id, Hazard::PowerFailure, ((id + 1) / 2, id, "430202"), id)).collect();
        let population: Vec<_> = (1..=6).map(|id| there((id + 1) / 2, id, "430202", 1)).collect();
        let found = group(&alarms, &population, &[], NOW);
        assert_eq!(found.len(), 1);
        assert_eq!(found.first().unwrap().reach, Reach::Area(AreaCode("430202".to_owned())));
        assert_eq!(found.first().unwrap().sites, 3);
    }

    #[test]
    fn a_sag_is_seen_at_many_sites_of_one_area_within_seconds() {
        let low = |id, site, area, at| fact(id, Hazard::UnderVoltage, (site, site, area), at);
        let alarms = [
            low(1, 1, "430202", 0),
            low(2, 2, "430202", 4),
            low(3, 3, "430202", 9),
            low(4, 4, "430202", 90),
            low(5, 5, "430211", 5),
        ];
        let found = group(&alarms, &[], &[], NOW);
        assert_eq!(
            found.iter().map(|one| (one.kind, ids(one))).collect::<Vec<_>>(),
            [(Kind::VoltageSag, vec![1, 2, 3])]
        );
    }

    #[test]
    fn a_leak_and_the_incoming_line_that_sees_it_are_one_and_the_worse_of_the_two() {
        let mut alarms = [
            fact(1, Hazard::ResidualCurrent, (1, 7, "430202"), 0),
            fact(2, Hazard::ResidualCurrent, (1, 7, "430202"), 20),
            fact(3, Hazard::ResidualCurrent, (1, 8, "430202"), 20),
        ];
        assert!(group(&alarms, &[], &[], NOW).is_empty(), "two circuits that leak are two leaks");
        alarms[1].incoming = true;
        alarms[0].severity = Severity::Alarm;
        alarms[0].open = false;
        let found = group(&alarms, &[], &[], NOW);
        assert_eq!(found.len(), 1);
        let one = found.first().unwrap();
        assert_eq!(
            (ids(one), one.kind, one.severity, one.open),
            (vec![1, 2], Kind::LeakUpstream, Severity::Alarm, 1)
        );
        alarms[1].open = false;
        assert!(group(&alarms, &[], &[], NOW).is_empty(), "nothing of it is open");
    }

    #[test]
    fn people_take_alarms_out_and_put_them_elsewhere() {
        let alarms: Vec<_> = (1..=4)
            .map(|id| fact(id, Hazard::Offline, (1, 7, "430202"), id))
            .chain([
                fact(8, Hazard::ArcFault, (2, 9, "430202"), 3),
                fact(9, Hazard::Overload, (3, 9, "430202"), 3),
            ])
            .collect();
        let apart = |alarm| Decision { alarm: AlarmId(alarm), with: None };
        let with = |alarm, other| Decision { alarm: AlarmId(alarm), with: Some(AlarmId(other)) };
        let members = |decisions: &[Decision]| {
            group(&alarms, &[], decisions, NOW).iter().map(|one| (one.kind, ids(one))).collect::<Vec<_>>()
        };
        assert_eq!(members(&[apart(1)]), [(Kind::FeederLoss, vec![2, 3, 4])]);
        assert_eq!(members(&[apart(1), apart(2), apart(3)]), [], "one is no group");
        assert_eq!(members(&[with(8, 2)]), [(Kind::FeederLoss, vec![1, 2, 3, 4, 8])]);
        assert_eq!(
            members(&[with(8, 1), apart(1)]),
            [(Kind::ByHand, vec![1, 8]), (Kind::FeederLoss, vec![2, 3, 4])]
        );
        let circle = [with(8, 9), with(9, 8)];
        assert_eq!(members(&circle), [(Kind::FeederLoss, vec![1, 2, 3, 4]), (Kind::ByHand, vec![8, 9])]);
        assert_eq!(members(&[with(8, 77)]), [(Kind::FeederLoss, vec![1, 2, 3, 4])], "an alarm that is gone");
    }

    prop_compose! {
        fn any_fact()(
            id in 1_i64..60, hazard in 0_usize..5, severity in 0_usize..3, at_s in 0_i64..900, open in any::<bool>(),
            detector in 1_i64..20, site in 1_i64..5, incoming in any::<bool>(),
        ) -> AlarmFact {
            let hazards =
                [Hazard::Offline, Hazard::PowerFailure, Hazard::UnderVoltage, Hazard::ResidualCurrent, Hazard::Overload];
            AlarmFact {
                severity: [Severity::Fault, Severity::Warning, Severity::Alarm][severity],
                open,
                detector: DetectorId(detector),
                incoming,
                ..fact(id, hazards[hazard], (site, site * 10 + detector % 2, "430202"), at_s)
            }
        }
    }

    prop_compose! {
        fn any_decision()(alarm in 1_i64..60, with in proptest::option::of(1_i64..60)) -> Decision {
            Decision { alarm: AlarmId(alarm), with: with.map(AlarmId) }
        }
    }

    proptest! {
        #[test]
        fn whatever_comes(
            facts in proptest::collection::btree_map(1_i64..60, any_fact(), 0..50),
            decisions in proptest::collection::btree_map(1_i64..60, any_decision(), 0..8),
            seed in any::<u64>(),
        ) {
            let facts: Vec<AlarmFact> =
                facts.into_iter().map(|(id, fact)| AlarmFact { id: AlarmId(id), ..fact }).collect();
            let decisions: Vec<Decision> =
                decisions.into_iter().map(|(id, one)| Decision { alarm: AlarmId(id), ..one }).collect();
            let population: Vec<Population> =
                (1..5).flat_map(|site| [0, 1].map(|n| there(site, site * 10 + n, "430202", 4))).collect();
            let found = group(&facts, &population, &decisions, NOW);

            // The order in which alarms come does not matter.
            let mut shuffled = facts.clone();
            shuffled.sort_by_key(|fact| (fact.id.0.unsigned_abs()).wrapping_mul(seed | 1));
            prop_assert_eq!(&group(&shuffled, &population, &decisions, NOW), &found);

            let mut members: Vec<AlarmId> = found.iter().flat_map(|one| one.members.clone()).collect();
            let many = members.len();
            members.sort_unstable();
            members.dedup();
            prop_assert_eq!(members.len(), many, "an alarm is in one incident at most");
            for one in &found {
                let of: Vec<&AlarmFact> = facts.iter().filter(|fact| one.members.contains(&fact.id)).collect();
                prop_assert_eq!(of.len(), one.members.len());
                prop_assert!(of.len() >= 2 && one.open > 0);
                prop_assert!(of.iter().all(|fact| fact.severity <= one.severity), "no priority is lowered");
                prop_assert!(of.iter().any(|fact| fact.severity == one.severity));
            }
            for decision in decisions.iter().filter(|decision| decision.with.is_none()) {
                for one in found.iter().filter(|one| one.members.contains(&decision.alarm)) {
                    prop_assert_eq!(one.kind, Kind::ByHand, "what was taken out stays out");
                }
            }
            for one in group(&facts, &population, &[], NOW) {
                match one.kind {
                    Kind::FeederLoss => prop_assert!(one.detectors >= LEAST_LOST),
                    Kind::VoltageSag => prop_assert!(one.sites >= LEAST_SITES),
                    Kind::LeakUpstream => prop_assert!(one.members.len() >= 2),
                    Kind::ByHand => prop_assert!(false, "nobody joined anything"),
                }
            }
        }
    }
}
