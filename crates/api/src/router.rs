//! Where each request goes, and what stands around the endpoints.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower_http::compression::CompressionLayer;

use crate::description::{self, BASE};
use crate::http::layers;
use crate::state::Api;
use crate::system::{healthz, readyz};
use crate::web;

/// The whole of HTTP: the API under `/api/v1`, health checks, and the screens for every other address. Serve it with
/// `into_make_service_with_connect_info::<SocketAddr>()`, so that addresses of callers are known.
pub fn router(api: Api) -> Router {
    let (endpoints, description) = description::endpoints().split_for_parts();
    let json = description::finished(description).to_json().unwrap_or_default();
    let time_out = api.config.time_out;
    let body_limit = DefaultBodyLimit::max(api.config.max_body_bytes);
    let endpoints = endpoints
        .route("/openapi.json", get(move || async move { described(json) }))
        .fallback(layers::nowhere)
        .layer(from_fn(layers::no_store))
        .layer(body_limit)
        .layer(from_fn_with_state(time_out, layers::time_out));
    Router::new()
        .nest(BASE, endpoints)
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/api", axum::routing::any(layers::nowhere))
        .route("/api/{*rest}", axum::routing::any(layers::nowhere))
        .merge(crate::telling::page())
        .fallback(web::serve)
        .with_state(api)
        .layer(CompressionLayer::new())
        .layer(from_fn(layers::security_headers))
        .layer(from_fn(layers::finish))
}

fn described(json: String) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], json).into_response()
}
