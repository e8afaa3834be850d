//! `POST /pending/{id}/admit`: one press makes a waiting terminal a known one, with its detectors and, where they
//! are not there yet, their site, panel and circuit.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::access::Permission;
use domain::id::{CircuitId, PanelId, SiteId, TerminalId};
use engine::services::AdmitRequest as Wanted;
use store::admission::{CircuitChoice, DetectorPlace, PanelChoice, SiteChoice};
use store::circuits::{CircuitDraft, PanelDraft};

use super::pending::check_serial;
use super::shape::{AdmitDetector, AdmitRequest, Admitted, RegisterRequest};
use crate::access::caller::Caller;
use crate::http::extract::{Body, Id, check_max, check_text, checked};
use crate::http::problem::{FieldError, Problem, WriteProblems};
use crate::places::circuits::check_numbers;
use crate::state::Api;

/// The most detectors behind one line: every Modbus address once.
const MOST: usize = 247;

/// Admits a terminal that waits.
#[utoipa::path(
    post,
    path = "/pending/{id}/admit",
    tag = "admission",
    operation_id = "admit_terminal",
    params(("id" = i64, Path, description = "The terminal", minimum = 1)),
    request_body = AdmitRequest,
    responses((status = 200, description = "Admitted; its data count from now on", body = Admitted), WriteProblems)
)]
pub(super) async fn admit_terminal(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Body(asked): Body<AdmitRequest>,
) -> Result<Json<Admitted>, Problem> {
    let scope = caller.scope(Permission::DeviceAdmit)?;
    check_serial(asked.serial.as_deref())?;
    let detectors = check_all(&api, asked.detectors, Vec::new())?;
    let serial = asked.serial.as_deref();
    let made =
        api.engine.admission().admit(&scope, &caller.actor(), TerminalId(id), serial, detectors).await?;
    Ok(Json(made.into()))
}

/// Makes a terminal known before it dials in, so that it can be given its token or certificate first.
#[utoipa::path(
    post,
    path = "/terminals",
    tag = "admission",
    operation_id = "register_terminal",
    request_body = RegisterRequest,
    responses((status = 201, description = "Known; its data count from its first telegram on", body = Admitted), WriteProblems)
)]
pub(super) async fn register_terminal(
    State(api): State<Api>,
    caller: Caller,
    Body(asked): Body<RegisterRequest>,
) -> Result<(StatusCode, Json<Admitted>), Problem> {
    let scope = caller.scope(Permission::DeviceAdmit)?;
    let mut errors = Vec::new();
    let serial = asked.serial.trim();
    check_text(&mut errors, "serial", serial, 100);
    if serial.chars().any(|c| c.is_control() || matches!(c, '/' | '+' | '#')) {
        let words = "wanted neither control characters nor / + #, which have a meaning in topics";
        // The addresses of devices that we dial have slashes and are no part of a topic.
        if !serial.starts_with("tcp://") {
            errors.push(FieldError::new("serial", "malformed", words));
        }
    }
    let protocol = asked.protocol.into();
    if !domain::place::Protocol::OF_TERMINALS.contains(&protocol) {
        errors.push(FieldError::new("protocol", "wrong_protocol", "wanted one that terminals speak"));
    }
    let detectors = check_all(&api, asked.detectors, errors)?;
    let made = api.engine.admission().register(&scope, &caller.actor(), serial, protocol, detectors).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

impl From<store::admission::Admitted> for Admitted {
    fn from(made: store::admission::Admitted) -> Self {
        Self {
            terminal_id: made.terminal.0,
            detector_ids: made.detectors.into_iter().map(|id| id.0).collect(),
        }
    }
}

fn check_all(
    api: &Api,
    asked: Vec<AdmitDetector>,
    mut errors: Vec<FieldError>,
) -> Result<Vec<Wanted>, Problem> {
    if asked.is_empty() || asked.len() > MOST {
        errors.push(FieldError::new("detectors", "out_of_range", "wanted 1 to 247 detectors"));
        return Err(Problem::invalid(errors));
    }
    let mut detectors = Vec::with_capacity(asked.len());
    for (index, detector) in asked.into_iter().enumerate() {
        detectors.extend(check(api, index, detector, &mut errors));
    }
    checked(errors)?;
    Ok(detectors)
}

fn check(api: &Api, index: usize, asked: AdmitDetector, errors: &mut Vec<FieldError>) -> Option<Wanted> {
    let under = format!("detectors[{index}].");
    let before = errors.len();
    check_text(errors, &format!("{under}name"), &asked.name, 120);
    let profile_id = asked.profile_id.clone();
    if api.directory.profile(&profile_id).is_none() {
        let words = format!("no profile `{}`", asked.profile_id);
        errors.push(FieldError::new(format!("{under}profile_id"), "unknown", words));
    }
    let name = asked.name.clone();
    let unit_address = asked.unit_address;
    let address = asked.address.clone();
    let place = place_of(api, &under, asked, errors);
    if errors.len() > before {
        return None;
    }
    Some(Wanted { profile_id, unit_address, address, name, place: place? })
}

/// Reads where a detector goes from the most particular thing that is said.
fn place_of(
    api: &Api,
    under: &str,
    asked: AdmitDetector,
    errors: &mut Vec<FieldError>,
) -> Option<DetectorPlace> {
    let mut twice = |ones: [(&str, bool); 2]| {
        if ones.iter().all(|(_, said)| *said) {
            let words = format!("had both {} and {}, wanted one", ones[0].0, ones[1].0);
            errors.push(FieldError::new(format!("{under}{}", ones[1].0), "both", words));
        }
    };
    twice([("circuit_id", asked.circuit_id.is_some()), ("new_circuit", asked.new_circuit.is_some())]);
    twice([("panel_id", asked.panel_id.is_some()), ("new_panel", asked.new_panel.is_some())]);
    twice([("site_id", asked.site_id.is_some()), ("new_site", asked.new_site.is_some())]);

    if let Some(circuit) = asked.circuit_id {
        return Some(DetectorPlace::Circuit(CircuitChoice::Existing(CircuitId(circuit))));
    }
    let site = match (asked.site_id, asked.new_site) {
        (Some(site), _) => Some(SiteChoice::Existing(SiteId(site))),
        (None, Some(new)) => match new.into_draft(&format!("{under}new_site."), &api.config.zone) {
            Ok(draft) => Some(SiteChoice::New(draft)),
            Err(found) => {
                errors.extend(found);
                return None;
            }
        },
        (None, None) => None,
    };
    let Some(circuit) = asked.new_circuit else {
        if site.is_none() {
            let words = "wanted circuit_id, new_circuit, site_id or new_site";
            errors.push(FieldError::new(format!("{under}circuit_id"), "missing", words));
        }
        return site.map(DetectorPlace::Site);
    };
    check_text(errors, &format!("{under}new_circuit.name"), &circuit.name, 120);
    check_max(errors, &format!("{under}new_circuit.load_kind"), &circuit.load_kind, 60);
    check_numbers(errors, &format!("{under}new_circuit."), Some(circuit.phases), circuit.rated_current_a);
    let panel = match (asked.panel_id, asked.new_panel, site) {
        (Some(panel), _, _) => PanelChoice::Existing(PanelId(panel)),
        (None, Some(new), Some(site)) => {
            check_text(errors, &format!("{under}new_panel.name"), &new.name, 120);
            check_max(errors, &format!("{under}new_panel.location"), &new.location, 200);
            PanelChoice::New(site, PanelDraft { name: new.name, location: new.location })
        }
        (None, Some(_), None) => {
            let words = "wanted site_id or new_site for the new panel";
            errors.push(FieldError::new(format!("{under}site_id"), "missing", words));
            return None;
        }
        (None, None, _) => {
            let words = "wanted panel_id or new_panel for the new circuit";
            errors.push(FieldError::new(format!("{under}panel_id"), "missing", words));
            return None;
        }
    };
    let draft = CircuitDraft {
        name: circuit.name,
        rated_current_a: circuit.rated_current_a,
        phases: circuit.phases,
        load_kind: circuit.load_kind,
    };
    Some(DetectorPlace::Circuit(CircuitChoice::New(panel, draft)))
}
