//! A disk that fails each write, and one that does not answer: nothing is confirmed that is not on disk, the platform says
//! what is the matter and stays, and goes on by itself.
//!
//! The errors are the kernel's own: a limit on the size of files (`RLIMIT_FSIZE`) makes writes beyond it fail with
//! EFBIG, which SQLite reports like any other error of the disk. The disk that does not answer is another process that
//! holds the database for writing.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::check;
use crate::devices::Devices;
use crate::platform::{Place, Platform, until};

const DEVICES: usize = 20;
const READINGS_PER_S: f64 = 400.0;
/// A device that waits for the confirmation of each upload before it sends the next, and sends it again when none comes.
const WINDOW: usize = 1;

async fn state(platform: &Platform<'_>) -> String {
    let system = platform.get("/system").await.unwrap();
    system.get("storage_state").and_then(Value::as_str).unwrap().to_owned()
}

async fn wait_for_state(platform: &mut Platform<'_>, wanted: &str) {
    until(&format!("the system page to say {wanted}"), async || {
        platform.assert_runs();
        (state(platform).await == wanted).then_some(())
    })
    .await;
}

/// Lets writes of a process fail beyond this size of a file, bytes; `None` lifts it.
fn limit_files(process: u32, bytes: Option<u64>) {
    let soft = bytes.map_or_else(|| "unlimited".to_owned(), |bytes| bytes.to_string());
    let done = Command::new("prlimit")
        .args(["--pid", &process.to_string(), &format!("--fsize={soft}:unlimited")])
        .status()
        .unwrap();
    assert!(done.success(), "prlimit: {done}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fails_writes_confirms_nothing_says_so_and_goes_on_by_itself() {
    let place = Place::commission(DEVICES).await;
    let mut devices = Devices::dial(&place, DEVICES, READINGS_PER_S, WINDOW);
    let mut platform = place.serve_with_limits(&[]);
    devices.wait_for(DEVICES * 3, &mut platform).await;
    assert_eq!(state(&platform).await, "well");

    // The log of the database is larger than this from the first commits on: each write to it fails.
    limit_files(platform.process(), Some(16_384));
    platform.readiness(503).await;
    wait_for_state(&mut platform, "failing").await;
    let (_, body) = platform.ask("GET", "/readyz", "").await.unwrap();
    assert!(body.contains("takes no writes"), "{body}");
    let refused = u64::try_from(DEVICES).unwrap();
    until("every device to be left waiting", async || {
        (platform.counter("readings_unconfirmed").await >= refused).then_some(())
    })
    .await;
    assert!(platform.get("/overview").await.is_some(), "it can be looked into");
    let confirmed_by_then = devices.confirmed();

    limit_files(platform.process(), None);
    wait_for_state(&mut platform, "well").await;
    platform.readiness(200).await;
    devices.wait_for(DEVICES * 10, &mut platform).await;
    let (report, record) = devices.hang_up().await;
    platform.stop().await;

    let store = place.store().await;
    let findings = check::check(&store, &record, WINDOW).await;
    store.close().await;
    println!(
        "{confirmed_by_then} confirmed until writes failed, {} in all of {} sent; {} stored",
        findings.confirmed, report.sent, findings.stored
    );
    findings.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_does_not_answer_is_said_to_be_slow_and_nothing_confirmed_is_lost() {
    let place = Place::commission(DEVICES).await;
    let mut devices = Devices::dial(&place, DEVICES, READINGS_PER_S, WINDOW);
    let mut platform = place.serve(&[]);
    devices.wait_for(DEVICES * 3, &mut platform).await;

    let held = place.hold_database().await;
    wait_for_state(&mut platform, "slow").await;
    // Longer than the platform waits for its turn: the commit fails, and devices have to send again.
    until("a commit to be given up", async || {
        (platform.counter("readings_unconfirmed").await > 0).then_some(())
    })
    .await;
    let system = platform.get("/system").await.unwrap();
    let slowest = system.get("slowest_commit_ms").and_then(Value::as_u64).unwrap();
    assert!(Duration::from_millis(slowest) >= Duration::from_secs(3), "{slowest} ms");
    drop(held);
    devices.wait_for(DEVICES * 10, &mut platform).await;
    let (report, record) = devices.hang_up().await;
    platform.stop().await;

    let store = place.store().await;
    let findings = check::check(&store, &record, WINDOW).await;
    store.close().await;
    println!("{} confirmed of {} sent; {} stored", findings.confirmed, report.sent, findings.stored);
    findings.assert_sound();
}
