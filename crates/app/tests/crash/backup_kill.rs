//! Backups from the console while devices upload: what was confirmed before a backup began comes back from it, and one
//! that is killed leaves the earlier ones whole.

use std::path::Path;

use store::{Options, Store};

use crate::check;
use crate::devices::Devices;
use crate::platform::Place;

const DEVICES: usize = 20;
const READINGS_PER_S: f64 = 2_000.0;
const WINDOW: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_holds_what_was_confirmed_before_it_and_survives_kill_9() {
    let place = Place::commission(DEVICES).await;
    let mut devices = Devices::dial(&place, DEVICES, READINGS_PER_S, WINDOW);
    let mut platform = place.serve(&[]);
    devices.wait_for(DEVICES * 10, &mut platform).await;
    let backups = place.beside("backups");
    let to = |folder: &Path| folder.display().to_string();
    let done = place.console(&["backup", "--to", &to(&backups)]).status().unwrap();
    assert_eq!(done.code(), Some(0));

    // One that dies wherever it is after so many more confirmations.
    for more in [0, 20, 100, 300] {
        let mut child = place.console(&["backup", "--to", &to(&backups), "--whole"]).spawn().unwrap();
        devices.wait_for(more, &mut platform).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let done = place.console(&["verify", "--backup", &to(&backups)]).status().unwrap();
        assert_eq!(done.code(), Some(0), "killed after {more} confirmations");
    }

    let before = devices.confirmed();
    let done = place.console(&["backup", "--to", &to(&backups), "--keep", "2"]).status().unwrap();
    assert_eq!(done.code(), Some(0));
    let (_, record) = devices.hang_up().await;
    platform.stop().await;
    assert_eq!(place.console(&["verify"]).status().unwrap().code(), Some(0), "the data folder is whole");

    let restored = place.beside("restored");
    let restore = ["restore", "--from", &to(&backups), "--set", &format!("data.dir={}", restored.display())];
    assert_eq!(place.console(&restore).status().unwrap().code(), Some(0));
    assert_eq!(place.console(&restore).status().unwrap().code(), Some(1), "only into an empty folder");
    let store = Store::open(&restored, Options::default()).await.unwrap();
    let stored = check::count_confirmed(&store, &record).await;
    store.close().await;
    println!("{before} readings were confirmed before the backup began, {stored} confirmed ones are in it");
    assert!(before > 0 && stored >= before);
}
