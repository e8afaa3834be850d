//! `GET /sites/{id}/tree`: a site from its panels down to the newest values.

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use domain::id::SiteId;
use serde::Serialize;
use store::sites::{CircuitNode, DetectorNode, PanelNode};
use utoipa::ToSchema;

use super::sites::Site;
use crate::access::caller::Caller;
use crate::detectors::channel::{Channel, channels_of};
use crate::http::extract::Id;
use crate::http::problem::{ItemProblems, Problem};
use crate::http::time::Time;
use crate::state::Api;
use crate::vocabulary::Status;

/// A detector in its place.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct TreeDetector {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its model.
    pub profile_id: String,
    /// Its condition.
    pub status: Status,
    /// When it was last heard.
    pub last_heard_at: Option<Time>,
    /// What it measures, with the newest values.
    pub channels: Vec<Channel>,
}

/// A circuit with what watches it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct TreeCircuit {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Its name.
    #[schema(example = "后厨插座")]
    pub name: String,
    /// Its rated current, A.
    #[schema(minimum = 0)]
    pub rated_current_a: Option<f64>,
    /// How many phases it has.
    #[schema(minimum = 1, maximum = 3)]
    pub phases: i64,
    /// What it feeds, as the operator's own word.
    pub load_kind: String,
    /// Comes back with a change.
    pub version: i64,
    /// What watches it.
    pub detectors: Vec<TreeDetector>,
}

/// A panel with its circuits.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct TreePanel {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Its name.
    #[schema(example = "一楼总箱")]
    pub name: String,
    /// Where it hangs.
    pub location: String,
    /// Comes back with a change.
    pub version: i64,
    /// Its circuits.
    pub circuits: Vec<TreeCircuit>,
}

/// A site from its panels down to the newest values.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct SiteTree {
    /// The site.
    pub site: Site,
    /// Its panels.
    pub panels: Vec<TreePanel>,
    /// Detectors of the site that are on no circuit yet.
    pub unplaced_detectors: Vec<TreeDetector>,
}

/// A site with everything that stands in it and the newest values.
#[utoipa::path(
    get,
    path = "/sites/{id}/tree",
    tag = "places",
    operation_id = "get_site_tree",
    params(("id" = i64, Path, description = "The site", minimum = 1)),
    responses((status = 200, description = "The tree", body = SiteTree), ItemProblems)
)]
pub(super) async fn get_site_tree(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<SiteTree>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let tree = api.store.sites().tree(&scope, SiteId(id)).await?;
    Ok(Json(SiteTree {
        site: tree.site.into(),
        panels: tree.panels.into_iter().map(|panel| panel_of(&api, panel)).collect(),
        unplaced_detectors: tree.unplaced.into_iter().map(|detector| detector_of(&api, detector)).collect(),
    }))
}

fn panel_of(api: &Api, node: PanelNode) -> TreePanel {
    TreePanel {
        id: node.panel.id.0,
        name: node.panel.name,
        location: node.panel.location,
        version: node.panel.version,
        circuits: node.circuits.into_iter().map(|circuit| circuit_of(api, circuit)).collect(),
    }
}

fn circuit_of(api: &Api, node: CircuitNode) -> TreeCircuit {
    TreeCircuit {
        id: node.circuit.id.0,
        name: node.circuit.name,
        rated_current_a: node.circuit.rated_current_a,
        phases: node.circuit.phases,
        load_kind: node.circuit.load_kind,
        version: node.circuit.version,
        detectors: node.detectors.into_iter().map(|detector| detector_of(api, detector)).collect(),
    }
}

fn detector_of(api: &Api, node: DetectorNode) -> TreeDetector {
    let known = api.memory().detector(node.detector.id);
    let heard = known.as_ref().and_then(|d| d.state.last_heard()).or(node.detector.last_heard_at);
    TreeDetector {
        id: node.detector.id.0,
        name: node.detector.name,
        profile_id: node.detector.profile_id,
        status: known.as_ref().map_or(node.detector.status, |d| d.status).into(),
        last_heard_at: heard.map(Into::into),
        channels: channels_of(known.as_deref(), node.channels, api.now()),
    }
}
