//! The exchange with spreadsheets: a template to fill in, everything as a file of the same shape, and the way back in
//! with every mistake named by sheet and cell.

mod columns;
mod export;
mod guard;
mod import;
mod mistakes;
mod read;
mod template;
mod upload;
mod vocabulary;
mod words;
mod workbook;

pub(crate) use self::template::language_of;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Api;

/// The addresses of this subject.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(template::get_template))
        .routes(routes!(export::export_everything))
        .merge(
            OpenApiRouter::new()
                .routes(routes!(import::import_workbook))
                .routes(routes!(mistakes::list_mistakes))
                .layer(upload::body_limit()),
        )
}
