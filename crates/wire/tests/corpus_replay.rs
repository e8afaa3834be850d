//! Replays the fuzz corpus on the stable compiler: each file through the body of its target.

#[cfg(test)]
mod invariants;

#[cfg(test)]
mod replay {
    use std::path::{Path, PathBuf};

    use crate::invariants;

    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries =
            std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }

    #[test]
    fn every_file_of_the_corpus() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
        for (target, _) in invariants::TARGETS {
            let files = files(&corpus.join(target));
            assert!(files.len() >= 15, "{target}: had {} files, wanted a corpus", files.len());
            for file in files {
                let data = std::fs::read(&file).unwrap();
                let result = std::panic::catch_unwind(|| invariants::run(target, &data));
                assert!(result.is_ok(), "{target}: {} breaks an invariant", file.display());
            }
        }
    }

    #[test]
    fn every_folder_of_the_corpus_has_its_target() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
        for folder in files(&corpus) {
            let name = folder.file_name().and_then(|name| name.to_str()).unwrap();
            // Profiles are replayed by the domain's own tests.
            let is_replayed =
                name == "profile" || invariants::TARGETS.iter().any(|(target, _)| *target == name);
            assert!(is_replayed, "{name} is not replayed");
        }
    }
}
