//! Detector models: the built-in ones, and those of the operator's folder, which win over a built-in of the same name.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use domain::profile::{Profile, SHIPPED, parse};

/// The models of the files.
#[derive(Debug)]
pub(crate) struct Profiles {
    pub(crate) all: Vec<Profile>,
}

/// Reads every model. A mistake is told with file, line and reason and stops the start: a detector judged by half a
/// profile would be worse than one not connected.
pub(crate) fn load(dir: &str) -> anyhow::Result<Profiles> {
    let mut files: BTreeMap<String, String> =
        SHIPPED.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    if !dir.is_empty() {
        files.extend(folder(Path::new(dir))?);
    }
    let all = files.iter().map(|(name, text)| parse(name, text)).collect::<Result<_, _>>()?;
    Ok(Profiles { all })
}

/// The profile files of a folder, by name.
pub(crate) fn folder(dir: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(dir).with_context(|| format!("profiles.dir {}", dir.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            files.insert(name, text);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_operator_wins_over_the_built_in_one() {
        let dir = tempfile::tempdir().unwrap();
        let (name, text) = SHIPPED[0];
        std::fs::write(dir.path().join(name), format!("# ours\n{text}")).unwrap();
        let profiles = load(dir.path().to_str().unwrap()).unwrap();
        assert_eq!(profiles.all.len(), SHIPPED.len());
        assert!(profiles.all.iter().any(|profile| profile.text.starts_with("# ours")));
    }

    #[test]
    fn a_mistake_in_a_file_stops_the_start_and_is_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("broken.toml"), "name = 3\n").unwrap();
        let error = load(dir.path().to_str().unwrap()).unwrap_err();
        assert!(format!("{error:#}").contains("broken.toml:1"), "{error:#}");
    }
}
