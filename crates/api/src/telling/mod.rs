//! Telling people: media, routes, ladders, duty, contacts; who was told of an alarm; the page behind a link.

mod callback;
mod contacts;
mod duty;
mod ladders;
mod media;
pub(crate) mod notices;
mod page;
mod preview;
mod push;
mod routes;
pub mod shape;
mod status;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use engine::EngineError;
use engine::services::Said;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::extract::{check_text, checked};
use crate::http::problem::{FieldError, Problem};
use crate::state::Api;

/// The addresses of this subject.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(media::list_media, media::create_medium))
        .routes(routes!(media::get_medium, media::put_medium, media::delete_medium))
        .routes(routes!(media::test_medium))
        .routes(routes!(media::list_replies))
        .routes(routes!(routes::list_routes, routes::create_route))
        .routes(routes!(routes::get_route, routes::put_route, routes::delete_route))
        .routes(routes!(ladders::list_ladders, ladders::create_ladder))
        .routes(routes!(ladders::get_ladder, ladders::put_ladder, ladders::delete_ladder))
        .routes(routes!(duty::list_duty, duty::create_duty))
        .routes(routes!(duty::get_duty, duty::put_duty, duty::delete_duty))
        .routes(routes!(contacts::get_own_contact, contacts::put_own_contact))
        .routes(routes!(contacts::get_contact, contacts::put_contact))
        .routes(routes!(push::get_push))
        .routes(routes!(push::create_push_subscription))
        .routes(routes!(push::delete_push_subscription))
        .routes(routes!(push::test_push_subscription))
        .routes(routes!(notices::list_notices))
        .routes(routes!(preview::preview_telling))
        .routes(routes!(status::get_telling))
}

/// The page behind a link and the address that providers call, outside of the API: without a session.
pub(crate) fn page() -> Router<Api> {
    let callback = post(callback::take).layer(DefaultBodyLimit::max(callback::MOST_BYTES));
    Router::new()
        .route("/a/{token}", get(page::show).post(page::acknowledge))
        .route("/callback/{medium}/{secret}", callback)
}

/// The parts that all four have, checked.
fn said(name: &str, enabled: bool, rank: i64) -> Result<Said, Problem> {
    let mut errors = Vec::new();
    check_text(&mut errors, "name", name, 200);
    if !(-1000..=1000).contains(&rank) {
        errors.push(FieldError::new("rank", "out_of_range", format!("had {rank}, wanted -1000 to 1000")));
    }
    checked(errors)?;
    Ok(Said { name: name.to_owned(), enabled, rank })
}

/// The version that a change names.
fn version(version: Option<i64>) -> Result<i64, Problem> {
    version
        .ok_or_else(|| Problem::field("version", "missing", "had no version, wanted the one that was read"))
}

/// A refusal in the API's words: mistakes in a medium name its field in `config`.
fn refused(error: EngineError) -> Problem {
    let EngineError::Invalid(errors) = error else { return error.into() };
    let errors = errors.into_iter().map(|mistake| {
        let field =
            mistake.params.get("field").and_then(|field| field.as_str()).map(|f| format!("config.{f}"));
        let mut mistake: FieldError = mistake.into();
        if let Some(field) = field {
            mistake.field = field;
        }
        mistake
    });
    Problem::invalid(errors.collect())
}
