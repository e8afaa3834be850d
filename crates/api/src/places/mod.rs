//! Where things are: organisations and areas, sites, panels, circuits.

mod areas;
pub mod circuits;
pub mod organisations;
pub mod panels;
pub mod sites;
mod tree;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Api;

/// The addresses of this subject.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(sites::list_sites, sites::create_site))
        .routes(routes!(sites::get_site, sites::change_site, sites::delete_site))
        .routes(routes!(tree::get_site_tree))
        .routes(routes!(panels::create_panel))
        .routes(routes!(panels::change_panel, panels::delete_panel))
        .routes(routes!(circuits::create_circuit))
        .routes(routes!(circuits::change_circuit, circuits::delete_circuit))
        .routes(routes!(organisations::list_organisations, organisations::create_organisation))
        .routes(routes!(organisations::change_organisation, organisations::delete_organisation))
        .routes(routes!(areas::list_areas))
}
