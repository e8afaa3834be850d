//! Pictures of sites, panels and labels. What they show is a file named by its content in the folder `pictures` of the data
//! folder; who took it of what is a row.

use std::path::{Path, PathBuf};

use domain::access::Scope;
use domain::id::{DetectorId, SiteId};
use domain::time::UnixMs;
use sha2::{Digest as _, Sha256};
use sqlx::{QueryBuilder, Sqlite};
use tokio::io::AsyncWriteExt as _;

use crate::actor::Actor;
use crate::circuits::{object, record};
use crate::error::StoreError;
use crate::open::Store;
use crate::page::{Order, Page, Paged, PagedQuery};
use crate::private::{make_file, make_folder};
use crate::scoped::push_scope;
use crate::sites;

/// Pictures of one site; more are a photo album.
pub const MOST_OF_SITE: i64 = 500;

rows! {
    /// A picture.
    pub struct PictureRow {
        /// Its id.
        pub id: i64,
        /// Its site.
        pub site_id: SiteId,
        /// The detector that it shows.
        pub detector_id: Option<DetectorId>,
        /// `panel`, `label`, `wiring` or `other`.
        pub kind: String,
        /// What is to be said about it.
        pub note: String,
        /// `image/jpeg`, `image/png` or `image/webp`.
        pub media_type: String,
        /// Its size, bytes.
        pub bytes: i64,
        /// SHA-256 of its bytes, hexadecimal.
        pub sha256: String,
        /// When it came.
        pub created_at: UnixMs,
        /// Who took it.
        pub created_by: String,
    }
}

/// A picture to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureDraft {
    /// The detector that it shows; it must stand in the site.
    pub detector: Option<DetectorId>,
    /// `panel`, `label`, `wiring` or `other`.
    pub kind: &'static str,
    /// What is to be said about it.
    pub note: String,
    /// What the bytes are, as they were looked into.
    pub media_type: &'static str,
    /// The bytes, already without what shall not be kept.
    pub bytes: Vec<u8>,
}

const COLUMNS: &str = "p.id, p.site_id, p.detector_id, p.kind, p.note, p.media_type, p.bytes, p.sha256, p.created_at, p.created_by";
const FROM: &str = "FROM picture p JOIN site s ON s.id = p.site_id AND s.deleted_at IS NULL \
     JOIN organisation o ON o.id = s.organisation_id";

/// The pictures.
#[derive(Debug, Clone, Copy)]
pub struct Pictures<'s>(&'s Store);

impl Store {
    /// The pictures.
    #[must_use]
    pub const fn pictures(&self) -> Pictures<'_> {
        Pictures(self)
    }
}

impl Pictures<'_> {
    /// Keeps a picture of a site. The file is on disk before the row says so.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the site is not in `scope`; [`StoreError::Invalid`] for a detector of another site
    /// or one picture too many; [`StoreError::Folder`] when the file cannot be written.
    pub async fn keep(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        site: SiteId,
        draft: &PictureDraft,
    ) -> Result<PictureRow, StoreError> {
        // Nothing is written for a site that is not the caller's.
        self.0.sites().get(scope, site).await?;
        let sha256: String = Sha256::digest(&draft.bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        self.write(&sha256, &draft.bytes).await?;
        let mut tx = self.0.begin().await?;
        let site = sites::load(&mut tx, scope, site).await?;
        if let Some(detector) = draft.detector {
            let of = crate::detectors::load(&mut tx, scope, detector).await?;
            if of.site_id != site.id {
                let words = "the detector stands in another site";
                return Err(StoreError::invalid("detector", "unknown", words));
            }
        }
        let there: i64 = sqlx::query_scalar("SELECT count(*) FROM picture WHERE site_id = $1")
            .bind(site.id.0)
            .fetch_one(&mut *tx)
            .await?;
        if there >= MOST_OF_SITE {
            let words = format!("the site has {there} pictures, wanted at most {MOST_OF_SITE}");
            return Err(StoreError::invalid("file", "too_many", words));
        }
        let kept: PictureRow = sqlx::query_as(
            "INSERT INTO picture (site_id, detector_id, kind, note, media_type, bytes, sha256, created_at, created_by) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id, site_id, detector_id, kind, note, media_type, \
             bytes, sha256, created_at, created_by",
        )
        .bind(site.id.0)
        .bind(draft.detector.map(|id| id.0))
        .bind(draft.kind)
        .bind(&draft.note)
        .bind(draft.media_type)
        .bind(i64::try_from(draft.bytes.len()).unwrap_or(i64::MAX))
        .bind(&sha256)
        .bind(now.0)
        .bind(&actor.name)
        .fetch_one(&mut *tx)
        .await?;
        let about = object("picture", kept.id, &site.name, &site);
        record(&mut tx, actor, now, "picture.add", about, None, Some(&kept)).await?;
        tx.commit().await?;
        Ok(kept)
    }

    /// One page of the pictures of a site, newest first.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the site is not in `scope`; [`StoreError::Invalid`] for a cursor of another list.
    pub async fn of_site(
        &self,
        scope: &Scope,
        site: SiteId,
        page: &Page,
    ) -> Result<Paged<PictureRow>, StoreError> {
        self.0.sites().get(scope, site).await?;
        let apply = |query: &mut QueryBuilder<Sqlite>| {
            query.push(" AND p.site_id = ").push_bind(site.0);
        };
        let order = Order { name: "pictures", keys: &["p.id"], descending: true };
        PagedQuery { columns: COLUMNS, from: FROM, order, filter: &apply }.fetch(self.0.reader(), page).await
    }

    /// A picture with its bytes.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none in `scope`; [`StoreError::Corrupt`] when its file is gone.
    pub async fn bytes(&self, scope: &Scope, id: i64) -> Result<(PictureRow, Vec<u8>), StoreError> {
        let row = self.get(scope, id).await?;
        let path = self.path(&row.sha256);
        let bytes = tokio::fs::read(&path).await.map_err(|error| StoreError::Corrupt {
            what: format!("picture {id} has no file {}: {error}", path.display()),
        })?;
        Ok((row, bytes))
    }

    /// Takes a picture away, and its file when no other picture is the same.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none in `scope`.
    pub async fn delete(&self, scope: &Scope, actor: &Actor, now: UnixMs, id: i64) -> Result<(), StoreError> {
        let row = self.get(scope, id).await?;
        let mut tx = self.0.begin().await?;
        let site = sites::load(&mut tx, scope, row.site_id).await?;
        sqlx::query("DELETE FROM picture WHERE id = $1").bind(id).execute(&mut *tx).await?;
        let about = object("picture", id, &site.name, &site);
        record(&mut tx, actor, now, "picture.delete", about, Some(&row), None).await?;
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM picture WHERE sha256 = $1")
            .bind(&row.sha256)
            .fetch_one(&mut *tx)
            .await?;
        tx.commit().await?;
        if left == 0
            && let Err(error) = tokio::fs::remove_file(self.path(&row.sha256)).await
        {
            tracing::warn!(%error, picture = id, "the file of a picture that is gone could not be removed");
        }
        Ok(())
    }

    async fn get(&self, scope: &Scope, id: i64) -> Result<PictureRow, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(format!("SELECT {COLUMNS} {FROM} WHERE p.id = "));
        query.push_bind(id);
        push_scope(&mut query, scope, "o.path", "s.area_code");
        let found = query.build_query_as().fetch_optional(self.0.reader()).await?;
        found.ok_or(StoreError::NotFound { what: "picture" })
    }

    fn path(&self, sha256: &str) -> PathBuf {
        file_of(self.0.folder(), sha256)
    }

    async fn write(&self, sha256: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.path(sha256);
        let failed = |source: std::io::Error| {
            if source.kind() == std::io::ErrorKind::StorageFull {
                StoreError::Full
            } else {
                StoreError::Folder { path: path.display().to_string(), source }
            }
        };
        if tokio::fs::try_exists(&path).await.map_err(failed)? {
            return Ok(());
        }
        if let Some(folder) = path.parent() {
            make_folder(folder).map_err(failed)?;
        }
        // Under another name until it is whole: a file of this name is always the whole picture.
        let half = path.with_extension("half");
        let mut file = tokio::fs::File::from_std(make_file(&half).map_err(failed)?);
        // What a cut left of an earlier try.
        file.set_len(0).await.map_err(failed)?;
        file.write_all(bytes).await.map_err(failed)?;
        file.sync_all().await.map_err(failed)?;
        drop(file);
        tokio::fs::rename(&half, &path).await.map_err(failed)
    }
}

/// Where the file of a picture is in a data folder: two levels, so that no folder grows large.
pub(crate) fn file_of(data: &Path, sha256: &str) -> PathBuf {
    let first = sha256.get(..2).unwrap_or("00");
    data.join("pictures").join(first).join(sha256)
}
