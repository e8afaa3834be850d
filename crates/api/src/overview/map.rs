//! `GET /map` and `GET /map/outline`: sites as markers over the divisions' outlines, without any tile service.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::access::Permission;
use sha2::{Digest, Sha256};
use store::overview::Part;

use super::shape::{MapSite, MapSites, PartQuery};
use crate::access::caller::Caller;
use crate::http::extract::Filters;
use crate::http::problem::{ListProblems, Problem};
use crate::state::Api;
use crate::web;

/// Outlines of the divisions; where they come from is told in the notice beside the file.
const OUTLINE: &str = include_str!("../../assets/zhuzhou.geojson");

/// Every site that has a place on the map.
#[utoipa::path(
    get,
    path = "/map",
    tag = "overview",
    operation_id = "get_map",
    params(PartQuery),
    responses((status = 200, description = "The sites", body = MapSites), ListProblems)
)]
pub(super) async fn get_map(
    State(api): State<Api>,
    caller: Caller,
    Filters(query): Filters<PartQuery>,
) -> Result<Json<MapSites>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let rows = api.store.overview().map(&scope, &Part::from(&query)).await?;
    let sites = rows
        .into_iter()
        .map(|row| MapSite {
            id: row.id.0,
            name: row.name,
            lon: row.lon,
            lat: row.lat,
            status: row.status.into(),
            area_code: row.area_code.0,
            open: row.open,
        })
        .collect();
    Ok(Json(MapSites { sites }))
}

/// Outlines of the divisions: a GeoJSON FeatureCollection whose features have `code` and `name`.
#[utoipa::path(
    get,
    path = "/map/outline",
    tag = "overview",
    operation_id = "get_map_outline",
    responses(
        (status = 200, description = "GeoJSON, WGS-84", body = serde_json::Value, content_type = "application/geo+json",
            headers(("ETag" = String, description = "Send it back as If-None-Match"))),
        (status = 304, description = "You have it already"),
        ListProblems
    )
)]
pub(super) async fn get_map_outline(caller: Caller, asked: HeaderMap) -> Result<Response, Problem> {
    caller.scope(Permission::View)?;
    let etag = web::etag(&Sha256::digest(OUTLINE.as_bytes()));
    if web::is_known(&asked, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response());
    }
    let mut response = OUTLINE.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/geo+json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=3600"));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outline_has_codes_and_names() {
        let outline: serde_json::Value = serde_json::from_str(OUTLINE).unwrap();
        let features = outline["features"].as_array().unwrap();
        assert_eq!(features.len(), 9);
        assert!(
            features
                .iter()
                .all(|f| f["properties"]["code"].is_string() && f["properties"]["name"].is_string())
        );
    }
}
