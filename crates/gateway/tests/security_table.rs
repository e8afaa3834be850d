//! The table of `docs/security.md` that says which test holds which attack off names tests that are there.

#[cfg(test)]
mod table {
    use std::path::{Path, PathBuf};

    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs" || ending == "py") {
                found.push(path);
            }
        }
    }

    /// The names of all functions, those of Python's tests without `test_`.
    fn functions(file: &Path) -> Vec<String> {
        let text = std::fs::read_to_string(file).unwrap();
        let names = text.lines().filter_map(|line| {
            let line = line.trim_start();
            let line = line.strip_prefix("async ").unwrap_or(line);
            let name = line.strip_prefix("fn ").or_else(|| line.strip_prefix("def test_"))?;
            name.split('(').next().map(str::to_owned)
        });
        names.collect()
    }

    #[test]
    fn every_test_that_it_names_is_there() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let page = std::fs::read_to_string(root.join("docs/security.md")).unwrap();
        let table = page.split("### Which test holds which attack off").nth(1).unwrap();
        let rows = table.lines().skip_while(|line| !line.starts_with("| ---")).skip(1);
        let rows: Vec<&str> = rows.take_while(|line| line.starts_with('|')).collect();
        assert!(rows.len() >= 8, "a row for each door");

        let mut files = Vec::new();
        for folder in ["crates/gateway/src", "crates/wire/tests", "tests/peers"] {
            sources(&root.join(folder), &mut files);
        }
        let tests: Vec<String> = files.iter().flat_map(|file| functions(file)).collect();
        for row in rows {
            for cell in row.split('|').skip(2).map(str::trim).filter(|cell| !cell.is_empty()) {
                let named: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
                assert!(!named.is_empty() || cell.starts_with('—'), "{cell:?}: wanted a test or a reason");
                for name in named {
                    let begun = name.strip_suffix('…');
                    let fits = |test: &&String| begun.map_or(*test == name, |begun| test.starts_with(begun));
                    let found = tests.iter().filter(fits).count();
                    assert_eq!(found, 1, "{name:?} of {cell:?}: wanted the name of one test");
                }
            }
        }
    }
}
