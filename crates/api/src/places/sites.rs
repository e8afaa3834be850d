//! `/sites`: premises that hang on one organisation and one area.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::access::Permission;
use domain::id::{OrganisationId, SiteId};
use domain::place::AreaCode;
use serde::{Deserialize, Serialize};
use store::sites::{SiteDraft, SiteFilter, SitePatch as StorePatch, SiteRow, SiteSort};
use utoipa::{IntoParams, ToSchema};

use crate::access::caller::Caller;
use crate::http::extract::{Body, Filters, Id, check_max, check_text, checked, words};
use crate::http::page::{self, Page};
use crate::http::problem::{FieldError, ItemProblems, ListProblems, Problem, WriteProblems};
use crate::state::Api;
use crate::vocabulary::Status;

/// How the detectors of a site stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct SiteCounts {
    /// How many there are.
    #[schema(minimum = 0)]
    pub detectors: i64,
    /// With an open alarm.
    #[schema(minimum = 0)]
    pub alarm: i64,
    /// With an open warning as the worst.
    #[schema(minimum = 0)]
    pub warning: i64,
    /// With an open fault as the worst.
    #[schema(minimum = 0)]
    pub fault: i64,
    /// Silent for too long.
    #[schema(minimum = 0)]
    pub offline: i64,
}

/// Premises.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Site {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Its name.
    #[schema(example = "合泰大市场 3 栋")]
    pub name: String,
    /// Its postal address.
    #[schema(example = "芦淞区建设南路 12 号")]
    pub address: String,
    /// The division code of its area.
    #[schema(example = "430203")]
    pub area_code: String,
    /// The area's name.
    #[schema(example = "芦淞区")]
    pub area_name: String,
    /// Its organisation.
    #[schema(minimum = 1)]
    pub organisation_id: i64,
    /// The organisation's name.
    pub organisation_name: String,
    /// What kind of premises it is, as the operator's own word: `market`, `restaurant` ...
    #[schema(example = "market")]
    pub premises_kind: String,
    /// Longitude, °, WGS-84.
    #[schema(minimum = -180, maximum = 180)]
    pub lon: Option<f64>,
    /// Latitude, °, WGS-84.
    #[schema(minimum = -90, maximum = 90)]
    pub lat: Option<f64>,
    /// Its time zone.
    #[schema(example = "Asia/Shanghai")]
    pub zone: String,
    /// Whether a second person must agree to trip or close a breaker here.
    pub two_person_switching: bool,
    /// The worst of its detectors.
    pub status: Status,
    /// How its detectors stand.
    pub counts: SiteCounts,
    /// Whom to call.
    pub contact_name: String,
    /// Their number.
    pub contact_phone: String,
    /// Rises with every change; comes back with a change.
    pub version: i64,
}

/// New premises.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSite)]
pub struct NewSite {
    /// Its name.
    #[schema(min_length = 1, max_length = 120, example = "合泰大市场 3 栋")]
    pub name: String,
    /// Its postal address.
    #[serde(default)]
    #[schema(max_length = 300)]
    pub address: String,
    /// The division code of its area.
    #[schema(min_length = 6, max_length = 12, pattern = "^[0-9]{6,12}$", example = "430203")]
    pub area_code: String,
    /// Its organisation.
    #[schema(minimum = 1)]
    pub organisation_id: i64,
    /// What kind of premises it is.
    #[serde(default)]
    #[schema(max_length = 60, example = "market")]
    pub premises_kind: String,
    /// Longitude, °, WGS-84; comes with `lat` or not at all.
    #[serde(default)]
    #[schema(minimum = -180, maximum = 180)]
    pub lon: Option<f64>,
    /// Latitude, °, WGS-84.
    #[serde(default)]
    #[schema(minimum = -90, maximum = 90)]
    pub lat: Option<f64>,
    /// Its time zone, an IANA name.
    #[serde(default)]
    #[schema(max_length = 60, example = "Asia/Shanghai")]
    pub zone: Option<String>,
    /// Whom to call.
    #[serde(default)]
    #[schema(max_length = 60)]
    pub contact_name: String,
    /// Their number.
    #[serde(default)]
    #[schema(max_length = 40)]
    pub contact_phone: String,
}

/// What changes about premises; an absent field stays.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SitePatch {
    /// Its name.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 120)]
    pub name: Option<String>,
    /// Its postal address.
    #[serde(default)]
    #[schema(max_length = 300)]
    pub address: Option<String>,
    /// The division code of its area.
    #[serde(default)]
    #[schema(min_length = 6, max_length = 12, pattern = "^[0-9]{6,12}$")]
    pub area_code: Option<String>,
    /// Its organisation.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub organisation_id: Option<i64>,
    /// What kind of premises it is.
    #[serde(default)]
    #[schema(max_length = 60)]
    pub premises_kind: Option<String>,
    /// Longitude, °, WGS-84; null takes it away, together with `lat`.
    #[serde(default, deserialize_with = "crate::http::extract::said")]
    #[schema(value_type = Option<f64>, minimum = -180, maximum = 180)]
    pub lon: Option<Option<f64>>,
    /// Latitude, °, WGS-84; null takes it away, together with `lon`.
    #[serde(default, deserialize_with = "crate::http::extract::said")]
    #[schema(value_type = Option<f64>, minimum = -90, maximum = 90)]
    pub lat: Option<Option<f64>>,
    /// Its time zone, an IANA name.
    #[serde(default)]
    #[schema(max_length = 60)]
    pub zone: Option<String>,
    /// Whom to call.
    #[serde(default)]
    #[schema(max_length = 60)]
    pub contact_name: Option<String>,
    /// Their number.
    #[serde(default)]
    #[schema(max_length = 40)]
    pub contact_phone: Option<String>,
    /// Whether a second person must agree to trip or close a breaker here.
    #[serde(default)]
    pub two_person_switching: Option<bool>,
    /// The version that was read.
    #[schema(minimum = 1)]
    pub version: i64,
}

/// Which sites.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SiteQuery {
    /// Part of the name or address.
    #[param(max_length = 100)]
    pub q: Option<String>,
    /// An area and all inside it.
    #[param(max_length = 12)]
    pub area: Option<String>,
    /// An organisation and all below it.
    #[param(minimum = 1)]
    pub organisation: Option<i64>,
    /// Any of these conditions, with commas between.
    #[param(example = "alarm,warning")]
    pub status: Option<String>,
    /// Any of these kinds of premises, with commas between.
    #[param(max_length = 300)]
    pub kind: Option<String>,
    /// `-status` (worst first, the default), `name` or `-name`.
    pub sort: Option<String>,
    /// Rows on a page.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
    /// Where the page begins.
    #[param(max_length = 2000)]
    pub cursor: Option<String>,
}

impl From<SiteRow> for Site {
    fn from(row: SiteRow) -> Self {
        Self {
            id: row.id.0,
            name: row.name,
            address: row.address,
            area_code: row.area_code.0,
            area_name: row.area_name,
            organisation_id: row.organisation_id.0,
            organisation_name: row.organisation_name,
            premises_kind: row.premises_kind,
            lon: row.lon,
            lat: row.lat,
            zone: row.zone,
            two_person_switching: row.two_person_switching,
            status: row.status.into(),
            counts: SiteCounts {
                detectors: row.detectors,
                alarm: row.alarm,
                warning: row.warning,
                fault: row.fault,
                offline: row.offline,
            },
            contact_name: row.contact_name,
            contact_phone: row.contact_phone,
            version: row.version,
        }
    }
}

fn check_zone(errors: &mut Vec<FieldError>, field: &str, zone: Option<&str>) {
    if let Some(zone) = zone
        && jiff::tz::TimeZone::get(zone).is_err()
    {
        errors.push(FieldError::new(
            field,
            "unknown",
            format!("had `{zone}`, wanted a time zone such as Asia/Shanghai"),
        ));
    }
}

fn position(lon: Option<f64>, lat: Option<f64>) -> Result<Option<(f64, f64)>, FieldError> {
    match (lon, lat) {
        (Some(lon), Some(lat)) => Ok(Some((lon, lat))),
        (None, None) => Ok(None),
        (Some(_), None) => {
            Err(FieldError::new("lat", "missing", "had a longitude, wanted a latitude with it"))
        }
        (None, Some(_)) => {
            Err(FieldError::new("lon", "missing", "had a latitude, wanted a longitude with it"))
        }
    }
}

impl NewSite {
    /// The store's form of it; `zone` holds where the request says none. `under` is where it stands in the request.
    ///
    /// # Errors
    /// 422 with every field that cannot be.
    pub(crate) fn into_draft(self, under: &str, zone: &str) -> Result<SiteDraft, Vec<FieldError>> {
        let mut errors = Vec::new();
        check_text(&mut errors, &format!("{under}name"), &self.name, 120);
        check_zone(&mut errors, &format!("{under}zone"), self.zone.as_deref());
        check_max(&mut errors, &format!("{under}address"), &self.address, 300);
        check_max(&mut errors, &format!("{under}premises_kind"), &self.premises_kind, 60);
        check_max(&mut errors, &format!("{under}contact_name"), &self.contact_name, 60);
        check_max(&mut errors, &format!("{under}contact_phone"), &self.contact_phone, 40);
        let position = position(self.lon, self.lat).unwrap_or_else(|mut error| {
            error.field.insert_str(0, under);
            errors.push(error);
            None
        });
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(SiteDraft {
            name: self.name,
            address: self.address,
            area_code: AreaCode(self.area_code),
            organisation_id: OrganisationId(self.organisation_id),
            premises_kind: self.premises_kind,
            position,
            zone: self.zone.unwrap_or_else(|| zone.to_owned()),
            contact_name: self.contact_name,
            contact_phone: self.contact_phone,
        })
    }
}

/// Sites, page by page.
#[utoipa::path(
    get,
    path = "/sites",
    tag = "places",
    operation_id = "list_sites",
    params(SiteQuery),
    responses((status = 200, description = "One page", body = Page<Site>), ListProblems)
)]
pub(super) async fn list_sites(
    State(api): State<Api>,
    caller: Caller,
    Filters(query): Filters<SiteQuery>,
) -> Result<Json<Page<Site>>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let filter = SiteFilter {
        text: query.q,
        area: query.area.map(AreaCode),
        organisation: query.organisation.map(OrganisationId),
        statuses: words("status", query.status.as_deref(), domain::status::Status::from_code)?,
        kinds: words("kind", query.kind.as_deref(), |w| Some(w.to_owned()))?,
    };
    let sort = match query.sort.as_deref() {
        None | Some("-status") => SiteSort::StatusDesc,
        Some("name") => SiteSort::Name,
        Some("-name") => SiteSort::NameDesc,
        Some(other) => return Err(page::unknown_sort(other, "-status, name or -name")),
    };
    let page = page::asked(query.limit, query.cursor.as_deref())?;
    let rows = api.store.sites().list(&scope, &filter, sort, &page).await?;
    Ok(Json(Page::of(rows, Site::from)))
}

/// One site.
#[utoipa::path(
    get,
    path = "/sites/{id}",
    tag = "places",
    operation_id = "get_site",
    params(("id" = i64, Path, description = "The site", minimum = 1)),
    responses((status = 200, description = "The site", body = Site), ItemProblems)
)]
pub(super) async fn get_site(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Site>, Problem> {
    let scope = caller.scope(Permission::View)?;
    Ok(Json(api.store.sites().get(&scope, SiteId(id)).await?.into()))
}

/// Makes a site.
#[utoipa::path(
    post,
    path = "/sites",
    tag = "places",
    operation_id = "create_site",
    request_body = NewSite,
    responses((status = 201, description = "The site", body = Site), WriteProblems)
)]
pub(super) async fn create_site(
    State(api): State<Api>,
    caller: Caller,
    Body(new): Body<NewSite>,
) -> Result<(StatusCode, Json<Site>), Problem> {
    let scope = caller.scope(Permission::DeviceConfigure)?;
    let draft = new.into_draft("", &api.config.zone).map_err(Problem::invalid)?;
    let row = api.engine.places().create_site(&scope, &caller.actor(), &draft).await?;
    Ok((StatusCode::CREATED, Json(row.into())))
}

/// Changes a site.
#[utoipa::path(
    patch,
    path = "/sites/{id}",
    tag = "places",
    operation_id = "change_site",
    params(("id" = i64, Path, description = "The site", minimum = 1)),
    request_body = SitePatch,
    responses((status = 200, description = "The site", body = Site), WriteProblems)
)]
pub(super) async fn change_site(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Body(patch): Body<SitePatch>,
) -> Result<Json<Site>, Problem> {
    let scope = caller.scope(Permission::DeviceConfigure)?;
    let mut errors = Vec::new();
    check_zone(&mut errors, "zone", patch.zone.as_deref());
    if let Some(name) = &patch.name {
        check_text(&mut errors, "name", name, 120);
    }
    for (field, text, max) in [
        ("address", &patch.address, 300),
        ("premises_kind", &patch.premises_kind, 60),
        ("contact_name", &patch.contact_name, 60),
        ("contact_phone", &patch.contact_phone, 40),
    ] {
        check_max(&mut errors, field, text.as_deref().unwrap_or_default(), max);
    }
    let position = match (patch.lon, patch.lat) {
        (None, None) => None,
        (lon, lat) => position(lon.flatten(), lat.flatten()).map(Some).unwrap_or_else(|error| {
            errors.push(error);
            None
        }),
    };
    checked(errors)?;
    let patch = StorePatch {
        name: patch.name,
        address: patch.address,
        area_code: patch.area_code.map(AreaCode),
        organisation_id: patch.organisation_id.map(OrganisationId),
        premises_kind: patch.premises_kind,
        position,
        zone: patch.zone,
        contact_name: patch.contact_name,
        contact_phone: patch.contact_phone,
        two_person_switching: patch.two_person_switching,
        version: patch.version,
    };
    let row = api.engine.places().change_site(&scope, &caller.actor(), SiteId(id), &patch).await?;
    Ok(Json(row.into()))
}

/// Takes a site away; its detectors must be gone.
#[utoipa::path(
    delete,
    path = "/sites/{id}",
    tag = "places",
    operation_id = "delete_site",
    params(("id" = i64, Path, description = "The site", minimum = 1)),
    responses((status = 204, description = "Gone"), WriteProblems)
)]
pub(super) async fn delete_site(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    let scope = caller.scope(Permission::DeviceConfigure)?;
    api.engine.places().delete_site(&scope, &caller.actor(), SiteId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
