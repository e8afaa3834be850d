//! Backups of a data folder that is written meanwhile: whole, incremental, checked, brought back, and killed.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed, and its process says how far it got"
)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use domain::access::Scope;
use domain::id::DetectorId;
use domain::reading::{Filing, PointIndex, Quality, Sample};
use domain::time::UnixMs;
use store::audit::AuditFilter;
use store::backup::{BackupError, Backups, Manifest, check_data, write_down_export};
use store::history::{History, SealRules};
use store::intake::StoredReading;
use store::{Actor, Batch, Options, Page, Store, StoreError};

const BEGIN: UnixMs = UnixMs(1_789_999_200_000);
const DAY: i64 = 86_400_000;
/// So long after what is written that nothing written looks as if it could still change.
const LATER: UnixMs = UnixMs(i64::MAX / 2);

/// A quarter of a day of two detectors.
fn batch(number: i64) -> Vec<StoredReading> {
    let one = |detector: i64, n: i64| StoredReading {
        detector: DetectorId(detector),
        group: 0,
        filed_at: BEGIN.plus_ms(number * DAY / 4 + n * 60_000),
        device_at: Some(BEGIN.plus_ms(number * DAY / 4 + n * 60_000)),
        received_at: BEGIN.plus_ms(number * DAY / 4 + n * 60_000 + 40),
        filing: Filing::Current,
        samples: vec![Sample { point: PointIndex(0), raw: number * 1000 + n, quality: Quality::Good }],
        reported: Vec::new(),
    };
    (0..100).flat_map(|n| [one(3, n), one(70, n)]).collect()
}

async fn commit(store: &Store, number: i64) {
    store.commit(&Batch { readings: batch(number), ..Batch::default() }).await.unwrap();
}

/// Seals whatever day has ended when batch `number` was written.
async fn seal(store: &Store, number: i64) {
    let rules = SealRules { settle_ms: 0, ..SealRules::default() };
    while store.seal(&rules, BEGIN.plus_ms((number + 1) * DAY / 4)).await.unwrap().more {}
}

/// Readings of the first `count` batches that are there as they were written.
async fn held(store: &Store, count: i64) -> usize {
    let wanted: Vec<StoredReading> = (0..count).flat_map(batch).collect();
    let moments: Vec<_> = wanted.iter().map(|one| (one.detector, one.group, one.filed_at)).collect();
    let stored = store.readings_at(&moments).await.unwrap();
    assert!(stored.iter().all(|one| wanted.contains(one)), "a reading is not what it was");
    stored.len()
}

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn backups(&self) -> PathBuf {
        self.folder.path().join("elsewhere").join("backups")
    }

    async fn store(&self) -> Store {
        Store::open(&self.data(), Options::default()).await.unwrap()
    }

    async fn take(&self) -> (String, Manifest) {
        Backups::make(&self.backups()).await.unwrap().take(&self.data(), false, LATER).await.unwrap()
    }

    async fn restore(&self, to: &str, name: Option<&str>) -> Result<PathBuf, BackupError> {
        let to = self.folder.path().join(to);
        let backups = Backups::open(&self.backups()).await.unwrap();
        backups.restore(name, &to, false, &Actor::system(), LATER).await?;
        Ok(to)
    }

    async fn damage(&self) -> Vec<(String, String)> {
        let backups = Backups::open(&self.backups()).await.unwrap();
        backups.check(None).await.unwrap().into_iter().flat_map(|(_, checked)| checked.damage).collect()
    }

    /// The object of a file of a backup.
    fn object(&self, manifest: &Manifest, path: &str) -> PathBuf {
        let sha256 = &manifest.files.iter().find(|file| file.path == path).unwrap().sha256;
        self.backups().join("objects").join(&sha256[..2]).join(sha256)
    }
}

/// Roll-ups come and go beside the months.
fn is_rolled_up(path: &str) -> bool {
    path.starts_with("history/") && path.matches('.').count() > 1
}

fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    let at = at.min(bytes.len() - 1);
    bytes[at] ^= 0xff;
    std::fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn what_was_committed_before_the_backup_comes_back_from_it() {
    let place = Place::new();
    let store = place.store().await;
    for number in 0..9 {
        commit(&store, number).await;
    }
    seal(&store, 9).await;
    std::fs::create_dir_all(place.data().join("pictures/ba")).unwrap();
    let picture = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    std::fs::write(place.data().join("pictures/ba").join(picture), b"abc").unwrap();
    write_down_export(&place.data(), &place.backups(), &Actor::system(), BEGIN).await.unwrap();
    let (name, manifest) = place.take().await;
    assert!(!manifest.has_damage() && manifest.instance.is_none(), "{manifest:?}");
    let paths: Vec<_> =
        manifest.files.iter().map(|file| file.path.as_str()).filter(|path| !is_rolled_up(path)).collect();
    let picture = format!("pictures/ba/{picture}");
    assert_eq!(paths, ["emberwatch.db", "history/2026-09.db", &picture, "telegrams.db"]);
    assert!(manifest.files.iter().all(|file| file.new && file.database == file.schema.is_some()));
    // What comes afterwards is not in it.
    commit(&store, 9).await;
    store.close().await;

    assert_eq!(place.damage().await, []);
    let to = place.restore("new", Some(&name)).await.unwrap();
    let restored = Store::open(&to, Options::default()).await.unwrap();
    assert_eq!(held(&restored, 10).await, 9 * 200);
    let audit = restored.audit().verify(&Scope::platform()).await.unwrap();
    assert_eq!((audit.entries, audit.first_broken), (2, None));
    let page =
        restored.audit().list(&Scope::platform(), &AuditFilter::default(), &Page::first(9)).await.unwrap();
    let actions: Vec<_> = page.items.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["data.restore", "data.backup"]);
    commit(&restored, 9).await;
    assert_eq!(held(&restored, 10).await, 10 * 200);
    restored.close().await;
    assert_eq!(check_data(&to).await.unwrap().damage, []);
    use std::os::unix::fs::PermissionsExt as _;
    let objects = manifest.files.iter().map(|file| place.object(&manifest, &file.path));
    for file in objects.chain([to.join("emberwatch.db"), to.join(&picture)]) {
        assert_eq!(
            std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600,
            "{}",
            file.display()
        );
    }
}

#[tokio::test]
async fn a_month_that_did_not_change_is_not_copied_again_and_each_backup_is_whole_by_itself() {
    let place = Place::new();
    let store = place.store().await;
    // From September into October.
    for number in 0..80 {
        commit(&store, number).await;
    }
    seal(&store, 79).await;
    let (first, _) = place.take().await;
    for number in 80..90 {
        commit(&store, number).await;
    }
    seal(&store, 89).await;
    let (second, manifest) = place.take().await;
    let new: Vec<_> = manifest
        .files
        .iter()
        .filter(|file| file.new)
        .map(|file| file.path.as_str())
        .filter(|path| !is_rolled_up(path))
        .collect();
    assert_eq!(new, ["emberwatch.db", "history/2026-10.db"]);
    assert!(first < second || second.starts_with(&first));
    store.close().await;

    let of_first = place.restore("first", Some(&first)).await.unwrap();
    let of_first = Store::open(&of_first, Options::default()).await.unwrap();
    assert_eq!(held(&of_first, 90).await, 80 * 200);
    of_first.close().await;

    // The first one goes; what the second one shares with it stays.
    let backups = Backups::make(&place.backups()).await.unwrap();
    let pruned = backups.prune(1).await.unwrap();
    assert!(pruned.backups == 1 && pruned.objects >= 2, "{pruned:?}");
    drop(backups);
    assert_eq!(place.damage().await, []);
    let of_second = place.restore("second", None).await.unwrap();
    let of_second = Store::open(&of_second, Options::default()).await.unwrap();
    assert_eq!(held(&of_second, 90).await, 90 * 200);
    of_second.close().await;
    let gone = place.restore("none", Some(&first)).await.unwrap_err();
    assert!(matches!(gone, BackupError::NotFound { .. }), "{gone}");
}

#[tokio::test]
async fn damage_of_a_backup_is_named_and_not_brought_back() {
    let place = Place::new();
    let store = place.store().await;
    for number in 0..9 {
        commit(&store, number).await;
    }
    seal(&store, 8).await;
    store.close().await;
    let (name, manifest) = place.take().await;

    let month = place.object(&manifest, "history/2026-09.db");
    flip(&month, 5000);
    let damage = place.damage().await;
    assert!(damage.len() == 1 && damage[0].0 == "history/2026-09.db", "{damage:?}");
    assert!(damage[0].1.starts_with("checksum "), "{damage:?}");
    let refused = place.restore("new", None).await.unwrap_err();
    assert!(matches!(&refused, BackupError::Damaged { what, .. } if what.contains("2026-09")), "{refused}");
    assert!(!place.folder.path().join("new").exists(), "nothing is made of it");
    // The rest of it comes back to whoever says so.
    let backups = Backups::open(&place.backups()).await.unwrap();
    let to = place.folder.path().join("rest");
    let restored = backups.restore(None, &to, true, &Actor::system(), LATER).await.unwrap();
    assert_eq!(restored.without.len(), 1);
    drop(backups);
    let rest = Store::open(&to, Options::default()).await.unwrap();
    assert!(held(&rest, 9).await > 0, "what was not sealed");
    rest.close().await;

    // A whole copy mends it: nothing that looks unchanged is believed.
    std::fs::remove_file(&month).unwrap();
    let backups = Backups::make(&place.backups()).await.unwrap();
    backups.take(&place.data(), true, LATER).await.unwrap();
    drop(backups);
    assert_eq!(place.damage().await, []);

    let object = place.object(&manifest, "emberwatch.db");
    flip(&object, 100);
    let manifest_file = place.backups().join("backups").join(format!("{name}.json"));
    flip(&manifest_file, 40);
    let damage = place.damage().await;
    assert!(damage.iter().any(|(file, _)| file.ends_with(".json")), "{damage:?}");
    let backups = Backups::make(&place.backups()).await.unwrap();
    let refused = backups.prune(5).await.unwrap_err();
    assert!(
        matches!(refused, BackupError::Damaged { .. }),
        "nothing goes while it is not known what is needed"
    );
}

#[tokio::test]
async fn a_month_that_cannot_be_read_is_named_and_the_last_copy_of_it_goes_on() {
    let place = Place::new();
    let store = place.store().await;
    for number in 0..80 {
        commit(&store, number).await;
    }
    seal(&store, 79).await;
    store.close().await;
    place.take().await;

    let month = place.data().join("history/2026-09.db");
    let half = std::fs::metadata(&month).unwrap().len() / 2;
    std::fs::OpenOptions::new().write(true).open(&month).unwrap().set_len(half).unwrap();
    let found = check_data(&place.data()).await.unwrap().damage;
    assert!(found.iter().any(|(file, _)| file == "history/2026-09.db"), "{found:?}");
    let (_, manifest) = place.take().await;
    let damage = manifest.damage();
    assert!(
        damage.len() == 1 && damage[0].contains("2026-09") && damage[0].contains("copy of backup"),
        "{damage:?}"
    );
    assert_eq!(place.damage().await, []);
    let to = place.restore("new", None).await.unwrap();
    let restored = Store::open(&to, Options::default()).await.unwrap();
    assert_eq!(held(&restored, 80).await, 80 * 200);
    restored.close().await;

    // The server serves the rest of the damaged folder and says what is wrong.
    let store = place.store().await;
    let wanted: Vec<_> = batch(79).iter().map(|one| (one.detector, one.group, one.filed_at)).collect();
    assert_eq!(store.readings_at(&wanted).await.unwrap().len(), wanted.len());
    held_or_less(&store).await;
    assert!(
        store.history_damage().iter().any(|damage| damage.file == "2026-09"),
        "{:?}",
        store.history_damage()
    );
    store.close().await;
}

/// Reads everything of the first month: some of it is not there, and nothing fails.
async fn held_or_less(store: &Store) {
    let wanted: Vec<_> = (0..30).flat_map(batch).map(|one| (one.detector, one.group, one.filed_at)).collect();
    assert!(store.readings_at(&wanted).await.unwrap().len() < wanted.len());
}

#[tokio::test]
async fn only_into_an_empty_folder_and_only_a_whole_restore_is_opened() {
    let place = Place::new();
    place.store().await.close().await;
    place.take().await;
    let refused = place.restore("data", None).await.unwrap_err();
    assert!(matches!(refused, BackupError::NotEmpty { .. }), "{refused}");
    let to = place.restore("new", None).await.unwrap();
    std::fs::write(to.join("restore.unfinished"), b"").unwrap();
    let refused = Store::open(&to, Options::default()).await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::Folder { .. }) && refused.to_string().contains("restore"),
        "{refused}"
    );
    let backups = Backups::make(&place.backups()).await.unwrap();
    let busy = Backups::open(&place.backups()).await.unwrap_err();
    assert!(matches!(busy, BackupError::InUse { .. }), "{busy}");
    drop(backups);
    let inside = Backups::make(&place.data().join("backups")).await.unwrap();
    let refused = inside.take(&place.data(), false, LATER).await.unwrap_err();
    assert!(matches!(refused, BackupError::Inside { .. }), "{refused}");
}

const FOLDER: &str = "EMBERWATCH_CRASH_FOLDER";
/// How often it is killed: `EMBERWATCH_CRASH_ROUNDS=200`.
const ROUNDS: &str = "EMBERWATCH_CRASH_ROUNDS";
const SEED: &str = "EMBERWATCH_CRASH_SEED";

/// The process that is killed. Without a folder there is nothing to do.
#[test]
fn backs_up_until_it_is_killed() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let folder = Path::new(&folder);
        loop {
            println!("\nbegun");
            let backups = Backups::make(&folder.join("elsewhere/backups")).await.unwrap();
            backups.take(&folder.join("data"), false, LATER).await.unwrap();
            println!("\ndone");
            backups.prune(3).await.unwrap();
        }
    });
}

#[tokio::test]
async fn kill_9_while_backups_are_made_and_let_go_leaves_every_backup_whole() {
    let number = |name, usual| std::env::var(name).map_or(usual, |text| text.parse::<u64>().unwrap());
    let (rounds, mut seed) = (number(ROUNDS, 5), number(SEED, 20_261_125));
    println!("{SEED}={seed} {ROUNDS}={rounds}");
    let place = Place::new();
    let store = place.store().await;
    let mut next = 0;
    for _ in 0..80 {
        commit(&store, next).await;
        next += 1;
    }
    seal(&store, next).await;
    place.take().await;
    let (mut made, mut checked) = (0, 0);
    for round in 0..rounds {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "backs_up_until_it_is_killed", "--nocapture"])
            .env(FOLDER, place.folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Somewhere between the begin of a backup and the end of the next: so many commits come meanwhile.
        let begun = said.by_ref().filter(|line| line == "begun").take(1 + usize::from(round % 2 > 0)).count();
        assert!(begun > 0, "it ended by itself");
        for _ in 0..(seed >> 33) % 12 {
            commit(&store, next).await;
            next += 1;
        }
        child.kill().unwrap();
        made += said.filter(|line| line == "done").count();
        child.wait().unwrap();
        seal(&store, next).await;
        assert_eq!(place.damage().await, [], "after kill {round}");
        checked += 1;
        if round % 10 == 0 {
            let to = format!("restored-{round}");
            let restored =
                Store::open(&place.restore(&to, None).await.unwrap(), Options::default()).await.unwrap();
            assert!(held(&restored, next).await >= 80 * 200, "what was there before the first backup");
            restored.close().await;
            std::fs::remove_dir_all(place.folder.path().join(to)).unwrap();
        }
    }
    store.close().await;
    let (name, manifest) = place.take().await;
    assert_eq!(place.damage().await, []);
    let to = place.restore("last", Some(&name)).await.unwrap();
    let restored = Store::open(&to, Options::default()).await.unwrap();
    assert_eq!(held(&restored, next).await, usize::try_from(next).unwrap() * 200);
    restored.close().await;
    // Nothing of those that were killed is left when the next one is done.
    let backups = Backups::make(&place.backups()).await.unwrap();
    backups.prune(1).await.unwrap();
    let needed: std::collections::BTreeSet<_> =
        manifest.files.iter().map(|file| file.sha256.clone()).collect();
    let there = std::fs::read_dir(place.backups().join("objects")).unwrap().flat_map(|folder| {
        std::fs::read_dir(folder.unwrap().path())
            .unwrap()
            .map(|object| object.unwrap().file_name().into_string().unwrap())
    });
    assert_eq!(there.collect::<std::collections::BTreeSet<_>>(), needed);
    println!("{rounds} kills, {made} backups between them, {checked} times all were checked; {next} batches");
}
