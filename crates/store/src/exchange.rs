//! The exchange with spreadsheets: what is known about names and serial numbers, read before a file is taken in; the
//! pages that a file is written from; and [`apply`], which puts a checked file in, all in one transaction.

pub mod apply;

use domain::access::Scope;
use domain::id::{CircuitId, DetectorId, OrganisationId, PanelId, SiteId, TerminalId};
use domain::place::{Admission, AreaCode, Protocol};
use sqlx::{QueryBuilder, Sqlite};

use crate::error::StoreError;
use crate::open::Store;
use crate::scoped::{push_any, push_scope};

rows! {
    /// A site as a spreadsheet has it.
    pub struct ExchangeSite {
        /// Its id.
        pub id: SiteId,
        /// Its name.
        pub name: String,
        /// Street and number.
        pub address: String,
        /// Its area.
        pub area_code: AreaCode,
        /// Its area's name.
        pub area_name: String,
        /// Whose it is.
        pub organisation_id: OrganisationId,
        /// Whose it is, by name.
        pub organisation_name: String,
        /// Kind of premises.
        pub premises_kind: String,
        /// Longitude, WGS 84, degrees.
        pub lon: Option<f64>,
        /// Latitude, WGS 84, degrees.
        pub lat: Option<f64>,
        /// Time zone, `Asia/Shanghai`.
        pub zone: String,
        /// Whom to call.
        pub contact_name: String,
        /// Their number.
        pub contact_phone: String,
        /// Rises with every change.
        pub version: i64,
    }

    /// A panel as a spreadsheet has it.
    pub struct ExchangePanel {
        /// Its id.
        pub id: PanelId,
        /// Its site.
        pub site_id: SiteId,
        /// Its site's name.
        pub site_name: String,
        /// Its name.
        pub name: String,
        /// Where in the site.
        pub location: String,
        /// Rises with every change.
        pub version: i64,
    }

    /// A circuit as a spreadsheet has it.
    pub struct ExchangeCircuit {
        /// Its id.
        pub id: CircuitId,
        /// Its panel.
        pub panel_id: PanelId,
        /// Its panel's name.
        pub panel_name: String,
        /// Its site's name.
        pub site_name: String,
        /// Its name.
        pub name: String,
        /// What its breaker and cable are made for, A.
        pub rated_current_a: Option<f64>,
        /// 1 or 3.
        pub phases: u8,
        /// What hangs on it.
        pub load_kind: String,
        /// Rises with every change.
        pub version: i64,
    }

    /// A detector as a spreadsheet has it.
    pub struct ExchangeDetector {
        /// Its id.
        pub id: DetectorId,
        /// Its terminal.
        pub terminal_id: TerminalId,
        /// The serial number of its terminal.
        pub serial: String,
        /// How its terminal speaks.
        pub protocol: Protocol,
        /// Its unit address behind a DTU.
        pub unit_address: Option<u8>,
        /// Its address behind its terminal in protocols with names.
        pub address: Option<String>,
        /// Its profile.
        pub profile_id: String,
        /// Its name.
        pub name: String,
        /// Its site.
        pub site_id: SiteId,
        /// Its site's name.
        pub site_name: String,
        /// The panel's name.
        pub panel_name: Option<String>,
        /// The circuit that it watches.
        pub circuit_id: Option<CircuitId>,
        /// The circuit's name.
        pub circuit_name: Option<String>,
        /// Rises with every change.
        pub version: i64,
    }

    /// A terminal that has a serial number, whosever it is.
    pub struct KnownTerminal {
        /// Its id.
        pub id: TerminalId,
        /// The serial number.
        pub serial: String,
        /// How it speaks.
        pub protocol: Protocol,
        /// Whether it may be heard.
        pub admission: Admission,
    }
}

const SITES: &str = "SELECT s.id, s.name, s.address, s.area_code, r.name AS area_name, s.organisation_id, \
     o.name AS organisation_name, s.premises_kind, s.lon, s.lat, s.zone, s.contact_name, s.contact_phone, s.version \
     FROM site s JOIN organisation o ON o.id = s.organisation_id JOIN area r ON r.code = s.area_code \
     WHERE s.deleted_at IS NULL";
const PANELS: &str = "SELECT p.id, p.site_id, s.name AS site_name, p.name, p.location, p.version FROM panel p \
     JOIN site s ON s.id = p.site_id JOIN organisation o ON o.id = s.organisation_id \
     WHERE p.deleted_at IS NULL AND s.deleted_at IS NULL";
const CIRCUITS: &str = "SELECT c.id, c.panel_id, p.name AS panel_name, s.name AS site_name, c.name, \
     c.rated_current_a, c.phases, c.load_kind, c.version FROM circuit c JOIN panel p ON p.id = c.panel_id \
     JOIN site s ON s.id = p.site_id JOIN organisation o ON o.id = s.organisation_id \
     WHERE c.deleted_at IS NULL AND p.deleted_at IS NULL AND s.deleted_at IS NULL";
const DETECTORS: &str = "SELECT d.id, d.terminal_id, t.serial, t.protocol, d.unit_address, d.address, d.profile_id, \
     d.name, d.site_id, s.name AS site_name, p.name AS panel_name, d.circuit_id, c.name AS circuit_name, d.version \
     FROM detector d JOIN terminal t ON t.id = d.terminal_id JOIN site s ON s.id = d.site_id \
     JOIN organisation o ON o.id = s.organisation_id LEFT JOIN circuit c ON c.id = d.circuit_id \
     LEFT JOIN panel p ON p.id = c.panel_id WHERE d.deleted_at IS NULL";

/// Values of one `IN` list.
const AT_ONCE: usize = 500;

/// The exchange with spreadsheets.
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'s>(&'s Store);

impl Store {
    /// The exchange with spreadsheets.
    #[must_use]
    pub const fn exchange(&self) -> Exchange<'_> {
        Exchange(self)
    }
}

impl Exchange<'_> {
    pub(crate) const fn store(&self) -> &Store {
        self.0
    }

    /// The sites in `scope` that have one of `names`.
    ///
    /// # Errors
    /// Database errors only; so for all that read.
    pub async fn sites_named(
        &self,
        scope: &Scope,
        names: &[String],
    ) -> Result<Vec<ExchangeSite>, StoreError> {
        let mut found = Vec::new();
        for some in names.chunks(AT_ONCE) {
            let mut query = QueryBuilder::<Sqlite>::new(SITES);
            push_scope(&mut query, scope, "o.path", "s.area_code");
            push_any(&mut query, "s.name", some.iter().cloned());
            found.append(&mut query.build_query_as().fetch_all(self.0.reader()).await?);
        }
        Ok(found)
    }

    /// The panels of sites that were read in scope already.
    ///
    /// # Errors
    /// As [`sites_named`](Self::sites_named).
    pub async fn panels_of(&self, scope: &Scope, sites: &[SiteId]) -> Result<Vec<ExchangePanel>, StoreError> {
        let mut found = Vec::new();
        for some in sites.chunks(AT_ONCE) {
            let mut query = QueryBuilder::<Sqlite>::new(PANELS);
            push_scope(&mut query, scope, "o.path", "s.area_code");
            push_any(&mut query, "p.site_id", some.iter().map(|id| id.0));
            found.append(&mut query.build_query_as().fetch_all(self.0.reader()).await?);
        }
        Ok(found)
    }

    /// The circuits of sites that were read in scope already.
    ///
    /// # Errors
    /// As [`sites_named`](Self::sites_named).
    pub async fn circuits_of(
        &self,
        scope: &Scope,
        sites: &[SiteId],
    ) -> Result<Vec<ExchangeCircuit>, StoreError> {
        let mut found = Vec::new();
        for some in sites.chunks(AT_ONCE) {
            let mut query = QueryBuilder::<Sqlite>::new(CIRCUITS);
            push_scope(&mut query, scope, "o.path", "s.area_code");
            push_any(&mut query, "p.site_id", some.iter().map(|id| id.0));
            found.append(&mut query.build_query_as().fetch_all(self.0.reader()).await?);
        }
        Ok(found)
    }

    /// The terminals that have one of `serials`, whosever they are: a serial number exists once.
    ///
    /// # Errors
    /// As [`sites_named`](Self::sites_named).
    pub async fn terminals_named(&self, serials: &[String]) -> Result<Vec<KnownTerminal>, StoreError> {
        let mut found = Vec::new();
        for some in serials.chunks(AT_ONCE) {
            let mut query = QueryBuilder::<Sqlite>::new(
                "SELECT t.id, t.serial, t.protocol, t.admission FROM terminal t WHERE 1 = 1",
            );
            push_any(&mut query, "t.serial", some.iter().cloned());
            found.append(&mut query.build_query_as().fetch_all(self.0.reader()).await?);
        }
        Ok(found)
    }

    /// The detectors in `scope` behind `terminals`.
    ///
    /// # Errors
    /// As [`sites_named`](Self::sites_named).
    pub async fn detectors_behind(
        &self,
        scope: &Scope,
        terminals: &[TerminalId],
    ) -> Result<Vec<ExchangeDetector>, StoreError> {
        let mut found = Vec::new();
        for some in terminals.chunks(AT_ONCE) {
            let mut query = QueryBuilder::<Sqlite>::new(DETECTORS);
            push_scope(&mut query, scope, "o.path", "s.area_code");
            push_any(&mut query, "d.terminal_id", some.iter().map(|id| id.0));
            found.append(&mut query.build_query_as().fetch_all(self.0.reader()).await?);
        }
        Ok(found)
    }

    /// The next `limit` sites in `scope` after `after`, by id.
    ///
    /// # Errors
    /// As [`sites_named`](Self::sites_named).
    pub async fn sites(
        &self,
        scope: &Scope,
        after: SiteId,
        limit: u32,
    ) -> Result<Vec<ExchangeSite>, StoreError> {
        self.page(SITES, "s.id", scope, after.0, limit).await
    }

    /// The next `limit` panels in `scope` after `after`, by id.
    ///
    /// # Errors
    /// As [`sites_named`](Self::sites_named).
    pub async fn panels(
        &self,
        scope: &Scope,
        after: PanelId,
        limit: u32,
    ) -> Result<Vec<ExchangePanel>, StoreError> {
        self.page(PANELS, "p.id", scope, after.0, limit).await
    }

    /// The next `limit` circuits in `scope` after `after`, by id.
    ///
    /// # Errors
    /// As [`sites_named`](Self::sites_named).
    pub async fn circuits(
        &self,
        scope: &Scope,
        after: CircuitId,
        limit: u32,
    ) -> Result<Vec<ExchangeCircuit>, StoreError> {
        self.page(CIRCUITS, "c.id", scope, after.0, limit).await
    }

    /// The next `limit` detectors in `scope` after `after`, by id.
    ///
    /// # Errors
    /// As [`sites_named`](Self::sites_named).
    pub async fn detectors(
        &self,
        scope: &Scope,
        after: DetectorId,
        limit: u32,
    ) -> Result<Vec<ExchangeDetector>, StoreError> {
        self.page(DETECTORS, "d.id", scope, after.0, limit).await
    }

    async fn page<T>(
        &self,
        select: &'static str,
        key: &'static str,
        scope: &Scope,
        after: i64,
        limit: u32,
    ) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow> + Send + Unpin,
    {
        let mut query = QueryBuilder::<Sqlite>::new(select);
        push_scope(&mut query, scope, "o.path", "s.area_code");
        query.push(format_args!(" AND {key} > ")).push_bind(after);
        query.push(format_args!(" ORDER BY {key} LIMIT ")).push_bind(i64::from(limit));
        Ok(query.build_query_as().fetch_all(self.0.reader()).await?)
    }
}
