//! The description of the API (OpenAPI 3.1), gathered from the endpoints themselves.

use std::collections::BTreeSet;

use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Info, License, OpenApi as Description, RefOr, Schema, Server};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;

use crate::http::problem::ProblemBody;
use crate::state::Api;

/// Where the API lives.
pub(crate) const BASE: &str = "/api/v1";

#[derive(OpenApi)]
#[openapi(
    components(schemas(ProblemBody)),
    modifiers(&Frame),
    tags(
        (name = "session", description = "First run, sign-in, one's own account"),
        (name = "overview", description = "How the world stands"),
        (name = "alarms", description = "The alarm desk"),
        (name = "places", description = "Organisations, areas, sites, panels, circuits"),
        (name = "detectors", description = "Detectors, curves, telegrams"),
        (name = "commands", description = "Commands to devices, and limits tried on the past"),
        (name = "admission", description = "Terminals that dial in"),
        (name = "profiles", description = "Detector models: files and forms, their versions, and a bench to try them"),
        (name = "commissioning", description = "Taking detectors into service, pictures, the look at the wiring"),
        (name = "diagnosis", description = "What weeks of history show about circuits"),
        (name = "risk", description = "How likely circuits, sites and areas are to burn, why, and what lowers it most"),
        (name = "exchange", description = "Spreadsheets in and out"),
        (name = "exports", description = "Readings as files: CSV, workbooks, Parquet"),
        (name = "telling", description = "Telling people: media, routes, ladders, duty, contacts, who was told"),
        (name = "settings", description = "Limits and supervision with their origin"),
        (name = "people", description = "Accounts, tokens, audit log"),
        (name = "live", description = "What happens, as it happens"),
        (name = "system", description = "The process itself"),
    )
)]
struct Root;

struct Frame;

impl Modify for Frame {
    fn modify(&self, description: &mut Description) {
        let mut info = Info::new("Emberwatch", env!("CARGO_PKG_VERSION"));
        info.description = Some(
            "Everything that the screens do. Times are RFC 3339 in UTC, values are plain numbers in the unit beside \
             them, refusals are problem documents (RFC 9457) with a stable `code`."
                .to_owned(),
        );
        let mut license = License::new("Apache-2.0");
        license.identifier = Some("Apache-2.0".to_owned());
        info.license = Some(license);
        description.info = info;
        description.servers = Some(vec![Server::new(BASE)]);
        let components = description.components.get_or_insert_default();
        let cookie = ApiKeyValue::with_description(
            crate::access::caller::COOKIE,
            "The session. Everything that is not a GET also needs the header X-CSRF-Token with the session's csrf_token.",
        );
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An API token, `ewt_…`"))
            .build();
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
        let none: [String; 0] = [];
        description.security = Some(vec![
            SecurityRequirement::new("session", none.clone()),
            SecurityRequirement::new("token", none),
        ]);
    }
}

/// Every endpoint under [`BASE`], with its description.
pub(crate) fn endpoints() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(Root::openapi())
        .merge(crate::access::routes())
        .merge(crate::overview::routes())
        .merge(crate::alarms::routes())
        .merge(crate::guidance::routes())
        .merge(crate::incidents::routes())
        .merge(crate::maintenance::routes())
        .merge(crate::places::routes())
        .merge(crate::detectors::routes())
        .merge(crate::commands::routes())
        .merge(crate::settings::routes())
        .merge(crate::admission::routes())
        .merge(crate::profiles::routes())
        .merge(crate::commissioning::routes())
        .merge(crate::walks::routes())
        .merge(crate::findings::routes())
        .merge(crate::risk::routes())
        .merge(crate::statistics::routes())
        .merge(crate::handovers::routes())
        .merge(crate::excel::routes())
        .merge(crate::export::routes())
        .merge(crate::telling::routes())
        .merge(crate::people::routes())
        .merge(crate::live::routes())
        .merge(crate::system::routes())
}

/// The description of the API. The paths are below the server's address `/api/v1`.
#[must_use]
pub fn openapi() -> Description {
    finished(endpoints().into_openapi())
}

/// Says of every answer that its fields are always there: an absent value is written as null. Only what a request can
/// hold may leave fields out, and the few fields that say themselves that they are never null.
pub(crate) fn finished(mut description: Description) -> Description {
    let asked = in_requests(&description);
    let Some(components) = description.components.as_mut() else { return description };
    for (name, schema) in &mut components.schemas {
        if !asked.contains(name) && name != "Problem" {
            require_all(schema);
        }
    }
    description
}

fn require_all(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) => object.required = object.properties.keys().cloned().collect(),
        RefOr::T(Schema::AllOf(all)) => all.items.iter_mut().for_each(require_all),
        RefOr::T(_) | RefOr::Ref(_) => {}
    }
}

/// The names of every schema that a request body can hold.
fn in_requests(description: &Description) -> BTreeSet<String> {
    let json = serde_json::to_value(description).unwrap_or_default();
    let mut found = BTreeSet::new();
    let operations =
        json.get("paths").and_then(serde_json::Value::as_object).into_iter().flat_map(|paths| paths.values());
    let mut open: Vec<&serde_json::Value> = operations
        .flat_map(|item| item.as_object().into_iter().flat_map(|methods| methods.values()))
        .filter_map(|operation| operation.get("requestBody"))
        .collect();
    while let Some(value) = open.pop() {
        match value {
            serde_json::Value::Object(map) => {
                let name = map
                    .get("$ref")
                    .and_then(|r| r.as_str())
                    .and_then(|r| r.strip_prefix("#/components/schemas/"));
                if let Some(name) = name
                    && found.insert(name.to_owned())
                {
                    open.extend(json.pointer(&format!("/components/schemas/{name}")));
                }
                open.extend(map.values());
            }
            serde_json::Value::Array(list) => open.extend(list),
            serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::String(_) => {}
        }
    }
    found
}
