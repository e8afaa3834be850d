//! Risk: what a score is computed from and how it is kept and ranked, in one's own scope only.

use domain::diagnosis::{Kind, Strength};
use domain::hazard::{Hazard, Severity};
use store::findings::{FindingDraft, LookDraft};
use store::risk::{RankFilter, RankSort, ScoreDraft, week_before};
use store::{Page, StoreError};

use crate::world::{Backend, DAY, NOW, World, alarms, closed, raised};

fn score(world: &World, east: f64, west: f64) -> [ScoreDraft; 2] {
    let draft = |site, score| ScoreDraft { site, score, rules: 1, unheard: 1, body: r#"{"v":1}"#.to_owned() };
    [draft(world.east.site, east), draft(world.west.site, west)]
}

#[tokio::test]
async fn what_is_known_about_a_site_is_read_in_ones_own_scope() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let (risks, east) = (world.store.risks(), &world.east);
        let finding = FindingDraft {
            kind: Kind::AgeingInsulation,
            channel: "residual".to_owned(),
            phase: None,
            strength: Strength::Strong,
            confidence: 0.9,
            body: r#"{"v":1}"#.to_owned(),
        };
        let look = LookDraft {
            until: NOW,
            next_at: NOW.plus_ms(DAY),
            read_us: 1,
            think_us: 1,
            engine_version: 1,
            findings: vec![finding],
        };
        let kept = world.store.findings().keep_look(east.detector, NOW, &look).await.unwrap();
        let over =
            |id| closed(raised(id, east, Hazard::Overload, Severity::Warning, NOW.plus_ms(-2 * DAY)), NOW);
        let writes = vec![
            raised(1, east, Hazard::ResidualCurrent, Severity::Alarm, NOW),
            over(2),
            over(3),
            closed(raised(4, east, Hazard::Overload, Severity::Warning, NOW.plus_ms(-31 * DAY)), NOW),
            closed(raised(5, east, Hazard::Offline, Severity::Fault, NOW), NOW),
        ];
        world.store.commit(&alarms(writes)).await.unwrap();
        let facts = risks.facts(&east.scope, east.site, NOW).await.unwrap();
        assert_eq!((facts.circuits.len(), facts.detectors.len()), (1, 1));
        assert_eq!(facts.detectors[0].circuit_id, Some(facts.circuits[0].id));
        assert_eq!((facts.detectors[0].tested_at, facts.detectors[0].inspected_at), (None, None));
        assert_eq!(facts.alarms.len(), 1);
        assert!(!facts.alarms[0].acknowledged && !facts.alarms[0].shelved);
        assert_eq!(facts.findings[0].id, kept[0]);
        let past: Vec<_> = facts.past.iter().map(|past| (past.hazard, past.confirmed, past.all)).collect();
        assert_eq!(past, [(Hazard::Overload, 0, 2)], "within the month, about the circuit, not judged");
        for scope in [&world.west.scope, &world.nothing] {
            let refused = risks.facts(scope, east.site, NOW).await;
            assert!(matches!(refused, Err(StoreError::NotFound { what: "site" })), "{refused:?}");
            assert!(risks.days(scope, east.site, NOW, 7).await.is_err());
        }
        let touched = risks.touched(100).await.unwrap();
        assert_eq!((touched.sites.as_slice(), touched.more), ([east.site].as_slice(), false));
        risks.seen(touched.newest).await.unwrap();
        assert!(risks.touched(100).await.unwrap().sites.is_empty());
        let other = world.actor.clone();
        world.store.findings().dismiss(&east.scope, &other, NOW, kept[0], Some("已换线")).await.unwrap();
        assert!(risks.facts(&east.scope, east.site, NOW).await.unwrap().findings.is_empty());
    }
}

#[tokio::test]
async fn scores_are_kept_by_day_and_ranked_in_ones_own_scope() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let (risks, all, page) = (world.store.risks(), &world.everything, Page::first(10));
        assert_eq!(risks.due(NOW, 10).await.unwrap().len(), 2, "never computed");
        risks.keep(NOW.plus_ms(-7 * DAY), &score(&world, 10.0, 50.0)).await.unwrap();
        risks.keep(NOW.plus_ms(-1), &score(&world, 1.0, 2.0)).await.unwrap();
        risks.keep(NOW, &score(&world, 70.0, 40.0)).await.unwrap();
        assert!(risks.due(NOW, 10).await.unwrap().is_empty());
        assert_eq!(risks.due(NOW.plus_ms(1), 1).await.unwrap().len(), 1);
        let both = score(&world, 70.0, 40.0).map(|draft| ScoreDraft { unheard: 2, ..draft });
        risks.keep(NOW, &both).await.unwrap();
        assert_eq!(risks.due(NOW, 10).await.unwrap().len(), 2, "a detector has spoken since");
        let of = |sort| risks.ranking(all, &NONE, sort, &page);
        let sites =
            |rows: &[store::risk::RankedSiteRow]| rows.iter().map(|row| row.site_id).collect::<Vec<_>>();
        let rows = of(RankSort::ScoreDesc).await.unwrap().items;
        assert_eq!(sites(&rows), [world.east.site, world.west.site]);
        assert_eq!((rows[0].score, rows[0].before), (70.0, Some(10.0)));
        assert_eq!(sites(&of(RankSort::RiseAsc).await.unwrap().items), [world.west.site, world.east.site]);
        let days = risks.days(all, world.east.site, NOW, 30).await.unwrap();
        assert_eq!(
            days.iter().map(|day| day.score).collect::<Vec<_>>(),
            [10.0, 70.0],
            "the last of each day"
        );
        assert_eq!(week_before(&days, NOW), Some(10.0));

        // A page ends where the next begins, in every order.
        for sort in
            [RankSort::ScoreDesc, RankSort::ScoreAsc, RankSort::RiseDesc, RankSort::RiseAsc, RankSort::Name]
        {
            let first = risks.ranking(all, &NONE, sort, &Page::first(1)).await.unwrap();
            let rest = Page { limit: 1, cursor: first.next_cursor };
            let second = risks.ranking(all, &NONE, sort, &rest).await.unwrap();
            assert_ne!(first.items[0].site_id, second.items[0].site_id, "{sort:?}");
            assert_eq!(second.next_cursor, None);
        }

        let own = risks.ranking(&world.west.scope, &NONE, RankSort::Name, &page).await.unwrap().items;
        assert_eq!(sites(&own), [world.west.site]);
        assert!(risks.ranking(&world.nothing, &NONE, RankSort::Name, &page).await.unwrap().items.is_empty());
        assert_eq!(risks.by_area(&world.west.scope).await.unwrap().len(), 1);
        let high = RankFilter { from: Some(60.0), ..NONE };
        assert_eq!(
            sites(&risks.ranking(all, &high, RankSort::Name, &page).await.unwrap().items),
            [world.east.site]
        );
        let west = RankFilter { area: Some(world.west.area.clone()), ..NONE };
        assert_eq!(
            sites(&risks.ranking(all, &west, RankSort::Name, &page).await.unwrap().items),
            [world.west.site]
        );
    }
}

const NONE: RankFilter = RankFilter { area: None, organisation: None, text: None, from: None, below: None };
