//! Invariant 11: dependencies point one way; invariant 6: codecs and rules do no IO. Read from the manifests
//! and the sources, so that a new dependency is a decision and not an accident.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its own tree has failed")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Which of our crates each crate may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("wire", &[]),
    ("domain", &[]),
    ("store", &["domain"]),
    ("bus", &["domain"]),
    ("gateway", &["wire", "domain", "bus"]),
    ("notify", &["domain"]),
    ("engine", &["domain", "store", "bus", "notify"]),
    ("api", &["wire", "engine", "store", "bus", "notify", "domain"]),
    ("sim", &["wire", "domain"]),
    ("app", &["wire", "domain", "store", "bus", "gateway", "notify", "engine", "api", "sim"]),
];

/// Libraries that only some crates may use.
const RESERVED: &[(&str, &[&str])] =
    &[("sqlx", &["store"]), ("async-nats", &["bus"]), ("axum", &["api", "gateway"]), ("anyhow", &["app"])];

/// What a pure crate never says.
const IMPURE: &[&str] = &[
    "std::net",
    "std::fs",
    "tokio::",
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "rand::",
    "tracing::",
];

fn crates_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn dependencies(name: &str, table: &str) -> BTreeSet<String> {
    let manifest = std::fs::read_to_string(crates_dir().join(name).join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    manifest
        .get(table)
        .and_then(toml::Value::as_table)
        .map(|table| table.keys().cloned().collect())
        .unwrap_or_default()
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_crate_is_in_the_table() {
    let known: BTreeSet<_> = MAY_USE.iter().map(|(name, _)| (*name).to_owned()).collect();
    let real: BTreeSet<_> = std::fs::read_dir(crates_dir())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(known, real);
}

#[test]
fn our_crates_use_each_other_one_way() {
    let ours: BTreeSet<_> = MAY_USE.iter().map(|(name, _)| *name).collect();
    for (name, allowed) in MAY_USE {
        for used in dependencies(name, "dependencies") {
            assert!(
                !ours.contains(used.as_str()) || allowed.contains(&used.as_str()),
                "{name} uses {used}, which lies above it"
            );
        }
    }
}

#[test]
fn reserved_libraries_stay_where_they_belong() {
    for (library, allowed) in RESERVED {
        for (name, _) in MAY_USE {
            let uses = dependencies(name, "dependencies").contains(*library);
            assert!(!uses || allowed.contains(name), "{library} belongs to {allowed:?}, {name} uses it");
        }
    }
}

#[test]
fn codecs_and_rules_are_pure() {
    for name in ["wire", "domain"] {
        let mut files = Vec::new();
        sources(&crates_dir().join(name).join("src"), &mut files);
        assert!(!files.is_empty());
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            for word in IMPURE {
                assert!(!text.contains(word), "{} says {word}", file.display());
            }
        }
    }
}

#[test]
fn sql_lives_only_in_the_store() {
    for (name, _) in MAY_USE.iter().filter(|(name, _)| *name != "store") {
        let mut files = Vec::new();
        sources(&crates_dir().join(name).join("src"), &mut files);
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            for word in ["INSERT INTO ", "SELECT * FROM ", "DELETE FROM ", "PRAGMA "] {
                assert!(!text.contains(word), "{} says {word}", file.display());
            }
        }
    }
}
