//! What `GET /incidents` costs with a flood of open alarms: `cargo run --release -p store --example incidents -- 20000`.
//!
//! A city of one detector for each two alarms, five to a panel, two panels to a site, in nine districts; half of the alarms
//! are silences of whole streets, the others overloads, leaks and under-voltages spread over a day.

#![expect(clippy::print_stdout, reason = "it measures and prints")]

use std::time::Instant;

use domain::access::Scope;
use domain::incident::group;
use domain::time::UnixMs;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;
use store::incidents::IncidentAlarmRow;
use store::{Options, Store};

const NOW: UnixMs = UnixMs(1_789_999_200_000);
const TIMES: u32 = 11;

/// The city, by numbers; `$1` is how many detectors there are.
const CITY: [&str; 7] = [
    "INSERT INTO organisation (id, name, path, kind) SELECT 2, 'x', '/2/', 'company' WHERE NOT EXISTS \
     (SELECT 1 FROM organisation WHERE id = 2)",
    "INSERT INTO site (id, name, address, area_code, organisation_id, premises_kind, zone, contact_name, contact_phone, \
     created_at) WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < $1 / 10) \
     SELECT 1000 + i, '站点 ' || i, '', substr('430202430203430204430211430212430223430224430225430281', 1 + (i % 9) * 6, 6), 2, 'retail', 'Asia/Shanghai', '', '', 0 FROM n",
    "INSERT INTO panel (id, site_id, name, location) WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n \
     WHERE i < $1 / 5) SELECT 1000 + i, 1000 + i / 2, '配电箱 ' || i, '' FROM n",
    "INSERT INTO circuit (id, panel_id, name, phases, load_kind) WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL \
     SELECT i + 1 FROM n WHERE i < $1 - 1) SELECT 1000 + i, 1000 + i / 5, '回路 ' || i, 3, \
     CASE WHEN i % 5 = 0 THEN 'incoming' ELSE 'lighting' END FROM n",
    "INSERT INTO terminal (id, serial, protocol, admission, remote, first_seen_at, last_seen_at, attempts, \
     readings_ignored) WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < $1 - 1) \
     SELECT 1000 + i, 'S' || i, 'cloud_7b7b', 'admitted', '', 0, 0, 0, 0 FROM n",
    "INSERT INTO detector (id, terminal_id, profile_id, name, site_id, circuit_id, created_at) WITH RECURSIVE n (i) AS \
     (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < $1 - 1) SELECT 1000 + i, 1000 + i, 'arcm300-cloud', \
     '探测器 ' || i, 1000 + i / 10, 1000 + i, 0 FROM n",
    "INSERT INTO alarm (id, site_id, detector_id, channel_id, circuit_id, hazard, class, severity, worst_severity, state, \
     raised_at, late, reported_by_device, latching, version) WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 \
     FROM n WHERE i < 2 * $1 - 1) SELECT 1 + i, 1000 + i / 2 / 10, 1000 + i / 2, 1 + i, 1000 + i / 2, \
     CASE WHEN i % 2 = 0 THEN 'offline' WHEN i % 6 = 1 THEN 'overload' WHEN i % 6 = 3 THEN 'residual_current' \
     ELSE 'under_voltage' END, CASE WHEN i % 2 = 0 THEN 'fault' ELSE 'hazard' END, 2, 2, 'unacknowledged', \
     $2 - CASE WHEN i % 2 = 0 THEN (i / 400) * 300000 + i % 400 * 100 ELSE i * 4000 END, 0, 0, 0, 1 FROM n",
];

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let alarms: i64 = std::env::args().nth(1).map_or(Ok(20_000), |n| n.parse())?;
    let folder = tempfile::tempdir()?;
    Store::open(folder.path(), Options::default()).await?.close().await;
    let mut own = SqliteConnectOptions::new().filename(folder.path().join("emberwatch.db")).connect().await?;
    for statement in CITY {
        sqlx::query(statement).bind(alarms / 2).bind(NOW.0).execute(&mut own).await?;
    }
    drop(own);
    let store = Store::open(folder.path(), Options::default()).await?;
    let mut read = Vec::new();
    let mut grouped = Vec::new();
    let (mut looked_at, mut found) = (0, 0);
    for _ in 0..TIMES {
        let begin = Instant::now();
        let facts = store.incidents().facts(&Scope::platform(), NOW).await?;
        read.push(begin.elapsed());
        let begin = Instant::now();
        let alarms: Vec<_> = facts.alarms.iter().map(IncidentAlarmRow::fact).collect();
        let incidents = group(&alarms, &facts.population, &facts.decisions, NOW);
        grouped.push(begin.elapsed());
        (looked_at, found) = (alarms.len(), incidents.len());
    }
    read.sort();
    grouped.sort();
    println!("{alarms} open alarms: {looked_at} can be grouped, {found} incidents");
    for (what, all) in [("read", read), ("group", grouped)] {
        let middle = all.get(all.len() / 2).copied().unwrap_or_default();
        let worst = all.last().copied().unwrap_or_default();
        println!(
            "{what:>6}: median {:.1} ms, worst {:.1} ms",
            middle.as_secs_f64() * 1e3,
            worst.as_secs_f64() * 1e3
        );
    }
    Ok(())
}
