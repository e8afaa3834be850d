//! Risk over a running pipeline: an alarm shows in the score at once, in the ranking soon, and doing the one act takes
//! away what it promised.

use std::time::Duration;

use domain::access::Scope;
use domain::id::SiteId;
use domain::risk::Act;
use engine::services::KeptRisk;
use store::Page;
use store::risk::{RankFilter, RankSort, RankedSiteRow};

use crate::world::{World, at_s, operator};

async fn ranked(world: &World) -> Vec<RankedSiteRow> {
    let risks = world.engine.store().risks();
    let rows = risks
        .ranking(&Scope::platform(), &RankFilter::default(), RankSort::ScoreDesc, &Page::first(10))
        .await;
    rows.expect("a list").items
}

/// The site in the ranking once it fits; the job computes by its own clock.
async fn ranked_as(world: &World, fits: impl Fn(&RankedSiteRow) -> bool) -> RankedSiteRow {
    let waited = async {
        loop {
            if let Some(row) = ranked(world).await.into_iter().find(&fits) {
                return row;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waited).await.expect("the ranking follows")
}

#[tokio::test]
async fn an_alarm_raises_the_score_and_the_one_act_takes_away_what_it_promised() {
    let world = World::new().await;
    let (all, site) = (Scope::platform(), SiteId(world.site.0));
    let alarm = world.held_alarm().await;
    world.clock.set(at_s(3_600));
    let risk = world.engine.risk().site(&all, site).await.expect("a risk");
    let best = risk.acts(1).into_iter().next().expect("something to do");
    assert_eq!(best.act, Act::HandleAlarm { alarm: alarm.id });
    let codes: Vec<&str> = risk.units[0].risk.parts.iter().map(|part| part.cause.code()).collect();
    assert_eq!(codes[..2], ["open_alarm", "unacknowledged"], "{codes:?}");
    let (of_detector, at) = world.engine.risk().detector(&all, world.detector).await.expect("a risk");
    assert_eq!((of_detector.units[at].risk.score, at), (risk.units[0].risk.score, 0));

    let row = ranked_as(&world, |row| (row.score - risk.risk.score).abs() < 1e-9).await;
    let kept = KeptRisk::read(&row).expect("our own form");
    assert_eq!(kept.act, Some(best.clone()));
    assert_eq!(kept.worst_name.as_deref(), Some("WL1"));

    let desk = world.engine.alarms();
    desk.acknowledge(&all, &operator(1), alarm.id, None).await.expect("taken");
    let taken = world.engine.risk().site(&all, site).await.expect("a risk").risk.score;
    desk.reset(&all, &operator(1), alarm.id, None, false).await.expect("reset");
    let after = world.engine.risk().site(&all, site).await.expect("a risk").risk.score;
    assert!((risk.risk.score - best.saves - after).abs() < 1e-9, "{after}");
    assert!(risk.risk.score > taken && taken > after, "{} {taken} {after}", risk.risk.score);

    // What is over is in the ranking after a restart too.
    let world = world.restart(at_s(3_700)).await;
    ranked_as(&world, |row| (row.score - after).abs() < 1e-9).await;
}
