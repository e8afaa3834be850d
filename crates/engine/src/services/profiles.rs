//! Detector profiles: what the program ships, what the profiles folder brings, and what people wrote here, which
//! stands before both. A change is written as a new version and is in force when this returns.

use std::collections::BTreeMap;
use std::sync::Arc;

use bus::LiveKind;
use domain::access::Scope;
use domain::profile::{Profile, ProfileError, SHIPPED, StorageBreak, parse};
use store::profiles::{ProfileVersion, ProfileWritten};
use store::{Actor, StoreError};

use crate::error::EngineError;
use crate::pipeline::Engine;

/// Detector profiles.
#[derive(Debug, Clone, Copy)]
pub struct Profiles<'e>(&'e Engine);

impl Engine {
    /// Detector profiles.
    #[must_use]
    pub const fn profiles(&self) -> Profiles<'_> {
        Profiles(self)
    }
}

/// Where a profile comes from. A later one stands before an earlier one of the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProfileOrigin {
    /// Compiled into the program.
    Shipped,
    /// A file of the deployment's profiles folder.
    Folder,
    /// Written by people on this platform.
    Database,
}

/// One profile id with everything that is known under it.
#[derive(Debug, Clone)]
pub struct KnownProfile {
    /// Its id.
    pub id: String,
    /// Where the text in force comes from.
    pub origin: ProfileOrigin,
    /// What it stands before.
    pub beneath: Vec<ProfileOrigin>,
    /// The newest version written here; 0 where none was.
    pub version: i64,
    /// That version, where there is one.
    pub written: Option<ProfileVersion>,
    /// The profile in force; `None` where its text is not understood and no file stands beneath it.
    pub profile: Option<Arc<Profile>>,
    /// What is wrong with the text that people wrote, where this program does not understand it.
    pub mistake: Option<ProfileError>,
}

impl KnownProfile {
    /// The text that people see and change.
    #[must_use]
    pub fn text(&self) -> &str {
        let written = self.written.as_ref().and_then(|row| row.text.as_deref());
        match (written, &self.profile) {
            (Some(text), _) => text,
            (None, Some(profile)) => &profile.text,
            (None, None) => "",
        }
    }
}

/// A file is as shipped, or the folder's own.
fn origin_of(file: &Profile) -> ProfileOrigin {
    if shipped_text(&file.id) == Some(file.text.as_str()) {
        ProfileOrigin::Shipped
    } else {
        ProfileOrigin::Folder
    }
}

fn shipped_text(id: &str) -> Option<&'static str> {
    SHIPPED.iter().find(|(name, _)| name.strip_suffix(".toml") == Some(id)).map(|(_, text)| *text)
}

impl Profiles<'_> {
    /// Every profile, by id.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn all(&self) -> Result<Vec<KnownProfile>, EngineError> {
        let mut written: BTreeMap<String, ProfileVersion> = self
            .0
            .store()
            .profiles()
            .newest()
            .await?
            .into_iter()
            .map(|row| (row.profile_id.clone(), row))
            .collect();
        let mut ids: Vec<String> = self.0.profile_files().keys().cloned().collect();
        ids.extend(written.keys().filter(|id| !self.0.profile_files().contains_key(*id)).cloned());
        ids.sort_unstable();
        Ok(ids.into_iter().filter_map(|id| self.known(&id, written.remove(&id))).collect())
    }

    /// One profile.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn one(&self, scope: &Scope, id: &str) -> Result<KnownProfile, EngineError> {
        let newest = self.0.store().profiles().versions(scope, id).await?.into_iter().next();
        Ok(self.known(id, newest).ok_or(StoreError::NotFound { what: "profile" })?)
    }

    /// The text that stands beneath what people wrote: the folder's or the shipped one.
    #[must_use]
    pub fn file_text(&self, id: &str) -> Option<String> {
        self.0.profile_files().get(id).map(|file| file.text.clone())
    }

    fn known(&self, id: &str, newest: Option<ProfileVersion>) -> Option<KnownProfile> {
        let file = self.0.profile_files().get(id);
        let mut beneath = Vec::new();
        if let Some(file) = file {
            if origin_of(file) == ProfileOrigin::Folder && shipped_text(id).is_some() {
                beneath.push(ProfileOrigin::Shipped);
            }
            beneath.push(origin_of(file));
        }
        let version = newest.as_ref().map_or(0, |row| row.version);
        let written = newest.filter(|row| row.text.is_some());
        let mistake = written
            .as_ref()
            .and_then(|row| parse(&format!("{id}.toml"), row.text.as_deref().unwrap_or_default()).err());
        let origin = match &written {
            Some(_) => ProfileOrigin::Database,
            None => beneath.pop()?,
        };
        let profile = self.0.directory().profile(id);
        Some(KnownProfile { id: id.to_owned(), origin, beneath, version, written, profile, mistake })
    }

    /// In which ways `profile` would break what detectors in use store.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn breaks(&self, profile: &Profile) -> Result<Vec<StorageBreak>, EngineError> {
        Ok(self.0.store().profiles().uses(&profile.id).await?.breaks(profile))
    }

    /// Writes a profile. `version` is the newest one that the caller knows, 0 where none was written here. It is in
    /// force when this returns: sessions read by it, new points have channels, limits and supervision follow it.
    ///
    /// # Errors
    /// [`EngineError::Profile`] with line and column; [`EngineError::Breaks`]; [`StoreError::Conflict`];
    /// [`StoreError::NotFound`] when `scope` is less than everything.
    pub async fn write(
        &self,
        scope: &Scope,
        actor: &Actor,
        id: &str,
        text: &str,
        version: i64,
        reason: &str,
    ) -> Result<ProfileVersion, EngineError> {
        let profile = parse(&format!("{id}.toml"), text)?;
        let _turn = self.0.profile_turn().await;
        let store = self.0.store().profiles();
        match store.write(scope, actor, self.0.now(), &profile, version, reason).await? {
            ProfileWritten::Breaks(breaks) => Err(EngineError::Breaks(breaks)),
            ProfileWritten::Done { version, detectors } => {
                self.0.directory().put_profile(profile);
                self.0.reload(&detectors).await?;
                self.told();
                Ok(version)
            }
        }
    }

    /// Takes away what people wrote. What stands beneath is in force again.
    ///
    /// # Errors
    /// [`StoreError::InUse`] while a detector has it; [`StoreError::Conflict`]; [`StoreError::NotFound`].
    pub async fn delete(
        &self,
        scope: &Scope,
        actor: &Actor,
        id: &str,
        version: i64,
        reason: &str,
    ) -> Result<(), EngineError> {
        let _turn = self.0.profile_turn().await;
        self.0.store().profiles().delete(scope, actor, self.0.now(), id, version, reason).await?;
        match self.0.profile_files().get(id) {
            Some(file) => self.0.directory().put_profile(Profile::clone(file)),
            None => self.0.directory().remove_profile(id),
        }
        self.told();
        Ok(())
    }

    fn told(&self) {
        for what in ["profiles", "settings"] {
            self.0.live().publish(None, None, LiveKind::Changed { what });
        }
    }
}
