//! No room: nothing is confirmed, the platform says so and stays, and what was confirmed is there.

use serde_json::Value;

use crate::check;
use crate::devices::Devices;
use crate::platform::{Place, Platform, until};

const DEVICES: usize = 20;
const READINGS_PER_S: f64 = 400.0;
/// A device that waits for the confirmation of each upload before it sends the next, and sends it again when none comes.
const WINDOW: usize = 1;
/// Room for some thousand readings.
const ROOM_BYTES: u64 = 400_000;

async fn is_full(platform: &Platform<'_>) -> bool {
    let system = platform.get("/system").await.unwrap();
    system.get("store_full").and_then(Value::as_bool).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_store_confirms_nothing_says_so_and_goes_on_when_there_is_room() {
    let place = Place::commission(DEVICES).await;
    let limit = [format!("data.hard_limit_bytes={}", place.database_bytes() + ROOM_BYTES)];
    let mut devices = Devices::dial(&place, DEVICES, READINGS_PER_S, WINDOW);

    let mut platform = place.serve(&limit);
    devices.wait_for(DEVICES, &mut platform).await;
    platform.readiness(503).await;
    // A small commit may still find a last gap and take the notice back for a moment: `readiness` and this are two asks.
    until("it to say why it is not ready", async || is_full(&platform).await.then_some(())).await;
    // Until each device has been left without an answer; none of them sends more then.
    let refused = u64::try_from(DEVICES).unwrap();
    until("every device to be left waiting", async || {
        (platform.counter("readings_unconfirmed").await >= refused).then_some(())
    })
    .await;
    platform.stop().await;
    let confirmed_by_then = devices.confirmed();

    // Full at the start is no reason not to start: people must get in to make room.
    let mut platform = place.serve(&limit);
    platform.readiness(503).await;
    assert!(platform.get("/overview").await.is_some());
    platform.stop().await;
    let confirmed_while_full = devices.confirmed() - confirmed_by_then;

    let mut platform = place.serve(&[]);
    devices.wait_for(DEVICES * 20, &mut platform).await;
    platform.readiness(200).await;
    assert!(!is_full(&platform).await);
    let (report, record) = devices.hang_up().await;
    platform.stop().await;

    let store = place.store().await;
    let findings = check::check(&store, &record, WINDOW).await;
    store.close().await;
    println!(
        "{confirmed_by_then} confirmed until it was full, {confirmed_while_full} into the last gaps, {} in all of {} \
         sent; {} stored",
        findings.confirmed, report.sent, findings.stored
    );
    findings.assert_sound();
}
