//! `GET /exchange/export.xlsx`: everything in scope, in the shape of the template, so that it can be changed and brought
//! back. Pages are read while the file is written; memory does not grow with it.

use std::collections::HashMap;

use axum::extract::State;
use axum::response::Response;
use domain::access::{Permission, Scope};
use domain::id::{CircuitId, DetectorId, PanelId, SiteId};
use engine::services::import::line::{Field, Sheet};
use store::StoreError;
use store::exchange::{ExchangeCircuit, ExchangeDetector, ExchangePanel, ExchangeSite};
use tokio::sync::mpsc;

use super::columns::columns;
use super::template::{LanguageQuery, language_of};
use super::vocabulary::Vocabulary;
use super::workbook::{Row, Value, rows, stream};
use crate::access::caller::Caller;
use crate::http::extract::Filters;
use crate::http::problem::{ListProblems, Problem};
use crate::state::Api;

/// Rows read at once.
const AT_ONCE: u32 = 500;

/// Sites, panels, circuits and detectors in scope as one workbook.
#[utoipa::path(
    get,
    path = "/exchange/export.xlsx",
    tag = "exchange",
    operation_id = "export_everything",
    params(LanguageQuery),
    responses(
        (status = 200, description = "A workbook in the shape of the template", body = String,
            content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ListProblems
    )
)]
pub(super) async fn export_everything(
    State(api): State<Api>,
    caller: Caller,
    Filters(query): Filters<LanguageQuery>,
) -> Result<Response, Problem> {
    let scope = caller.scope(Permission::View)?;
    let vocabulary = Vocabulary::read(&api, &scope, language_of(&caller, query.lang)).await?;
    let (sender, receiver) = rows();
    let words = vocabulary.clone();
    tokio::spawn(async move {
        match feed(&api, &scope, &words, &sender).await {
            Ok(()) => {}
            Err(error) => {
                tracing::warn!(%error, "an export ended before its end");
                // The writer is gone when the reader is.
                let _reader_gone = sender.send(None).await;
            }
        }
    });
    Ok(stream("emberwatch-export.xlsx", vocabulary, receiver))
}

async fn feed(
    api: &Api,
    scope: &Scope,
    words: &Vocabulary,
    rows: &mpsc::Sender<Row>,
) -> Result<(), StoreError> {
    let exchange = api.store.exchange();
    let mut after = SiteId(0);
    loop {
        let page = exchange.sites(scope, after, AT_ONCE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for site in page {
            if !put(rows, Sheet::Sites, site_cells(words, site)).await {
                return Ok(());
            }
        }
    }
    let mut after = PanelId(0);
    loop {
        let page = exchange.panels(scope, after, AT_ONCE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for panel in page {
            if !put(rows, Sheet::Panels, panel_cells(panel)).await {
                return Ok(());
            }
        }
    }
    let mut after = CircuitId(0);
    loop {
        let page = exchange.circuits(scope, after, AT_ONCE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for circuit in page {
            if !put(rows, Sheet::Circuits, circuit_cells(words, circuit)).await {
                return Ok(());
            }
        }
    }
    let mut after = DetectorId(0);
    loop {
        let page = exchange.detectors(scope, after, AT_ONCE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for detector in page {
            if !put(rows, Sheet::Detectors, detector_cells(words, detector)).await {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Sends a row; `false` when nobody reads any more.
async fn put(rows: &mpsc::Sender<Row>, sheet: Sheet, cells: Vec<(Field, Value)>) -> bool {
    let mut cells: HashMap<Field, Value> = cells.into_iter().collect();
    let values =
        columns(sheet).iter().map(|column| cells.remove(&column.field).unwrap_or(Value::Nothing)).collect();
    rows.send(Some((sheet, values))).await.is_ok()
}

fn site_cells(words: &Vocabulary, site: ExchangeSite) -> Vec<(Field, Value)> {
    vec![
        (Field::Area, words.area_label(&site.area_code, &site.area_name).into()),
        (Field::Organisation, words.organisation_label(site.organisation_id, &site.organisation_name).into()),
        (Field::PremisesKind, words.premises_label(&site.premises_kind).into()),
        (Field::Name, site.name.into()),
        (Field::Address, site.address.into()),
        (Field::Lon, site.lon.into()),
        (Field::Lat, site.lat.into()),
        (Field::Zone, site.zone.into()),
        (Field::ContactName, site.contact_name.into()),
        (Field::ContactPhone, site.contact_phone.into()),
    ]
}

fn panel_cells(panel: ExchangePanel) -> Vec<(Field, Value)> {
    vec![
        (Field::Site, panel.site_name.into()),
        (Field::Name, panel.name.into()),
        (Field::Location, panel.location.into()),
    ]
}

fn circuit_cells(words: &Vocabulary, circuit: ExchangeCircuit) -> Vec<(Field, Value)> {
    vec![
        (Field::LoadKind, words.load_label(&circuit.load_kind).into()),
        (Field::Site, circuit.site_name.into()),
        (Field::Panel, circuit.panel_name.into()),
        (Field::Name, circuit.name.into()),
        (Field::RatedCurrent, circuit.rated_current_a.into()),
        (Field::Phases, Value::Number(f64::from(circuit.phases))),
    ]
}

fn detector_cells(words: &Vocabulary, detector: ExchangeDetector) -> Vec<(Field, Value)> {
    vec![
        (Field::Protocol, words.protocol_label(detector.protocol).into()),
        (Field::Profile, words.profile_label(&detector.profile_id).into()),
        (Field::Serial, detector.serial.into()),
        (Field::Unit, detector.unit_address.map(f64::from).into()),
        (Field::SubAddress, detector.address.into()),
        (Field::Name, detector.name.into()),
        (Field::Site, detector.site_name.into()),
        (Field::Panel, detector.panel_name.into()),
        (Field::Circuit, detector.circuit_name.into()),
    ]
}
