//! Areas: division codes after GB/T 2260. Public facts, the same for everybody, so they are read without a scope.

use domain::place::AreaCode;

use crate::error::StoreError;
use crate::open::Store;

rows! {
    /// An area.
    pub struct AreaRow {
        /// Its code.
        pub code: AreaCode,
        /// Its name.
        pub name: String,
        /// The area that it lies in.
        pub parent_code: Option<AreaCode>,
    }
}

impl Store {
    /// Every area, by code.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn areas(&self) -> Result<Vec<AreaRow>, StoreError> {
        let areas = sqlx::query_as("SELECT code, name, parent_code FROM area ORDER BY code");
        Ok(areas.fetch_all(self.reader()).await?)
    }

    /// Puts areas in, or renames those that are there: the platform's own work, from a list of division codes.
    ///
    /// # Errors
    /// [`StoreError::Full`] and database errors.
    pub async fn put_areas(&self, areas: &[AreaRow]) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for area in areas {
            sqlx::query(
                "INSERT INTO area (code, name, parent_code) VALUES ($1, $2, $3) \
                 ON CONFLICT (code) DO UPDATE SET name = excluded.name, parent_code = excluded.parent_code",
            )
            .bind(&area.code.0)
            .bind(&area.name)
            .bind(area.parent_code.as_ref().map(|code| code.0.as_str()))
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(())
    }
}
