//! Replays the fuzz corpus of profiles on the stable compiler, and every shipped profile with it.

#[cfg(test)]
mod invariants;

#[cfg(test)]
mod replay {
    use std::path::Path;

    use domain::profile::SHIPPED;

    use crate::invariants;

    #[test]
    fn every_file_of_the_corpus() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/profile");
        let mut count = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let data = std::fs::read(&path).unwrap();
            let result = std::panic::catch_unwind(|| invariants::profile(&data));
            assert!(result.is_ok(), "{} breaks an invariant", path.display());
            count += 1;
        }
        assert!(count >= 5, "had {count} files, wanted a corpus");
    }

    #[test]
    fn every_shipped_profile_with_any_bytes() {
        for (_, text) in SHIPPED {
            for said in [&[][..], &[0x80; 300], &[0x7F; 300], b"-12.5e3"] {
                invariants::profile(&[text.as_bytes(), &[0], said].concat());
            }
        }
    }
}
