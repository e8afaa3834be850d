//! Invariant 8: every endpoint of the description is visited as nobody, as somebody without a grant, as a stranger of
//! another organisation and as a neighbour of the same organisation in another area. An endpoint that is not in the
//! table fails the sweep.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[cfg(test)]
mod platform;

use axum::http::StatusCode;
use domain::access::{Permission, Role};
use platform::{AREA, MARK, NEXT_AREA, OWNERS, Person, World, every_cell, grant, workbook};
use serde_json::{Value, json};

/// What a stranger must get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Everybody may ask, also who is not signed in.
    Public,
    /// About the caller itself.
    Own,
    /// The same facts for everybody who is signed in.
    Facts,
    /// Nothing of the insiders is in the answer.
    Filtered,
    /// 404: the thing is not there for them.
    Hidden,
    /// Refused, whatever the code, and nothing is made.
    Refused,
}

use Kind::{Facts, Filtered, Hidden, Own, Public, Refused};
use Permission as P;

struct Case {
    method: &'static str,
    path: &'static str,
    /// As it is called, with the insiders' ids.
    called: String,
    permission: Option<Permission>,
    kind: Kind,
    body: Option<Value>,
}

/// The world with a command and a batch of its detector.
async fn world() -> World {
    let world = World::new().await;
    let reset = json!({"detector_id": world.detector.0, "kind": "reset", "reason": MARK});
    let made = world.platform.post("/commands", &world.admin, reset).await;
    assert_eq!((made.status, made.id()), (StatusCode::CREATED, 1), "{}", made.text);
    let many = json!({"detector_ids": [world.detector.0], "kind": "reset", "reason": MARK});
    let made = world.platform.post("/command-batches", &world.admin, many).await;
    assert_eq!((made.status, made.id()), (StatusCode::CREATED, 1), "{}", made.text);
    keep_finding(&world).await;
    world.platform.engine.risk().keep(&[domain::id::SiteId(world.site)]).await.unwrap();
    let inside = world.inside.0;
    for (path, body) in [
        ("/maintenance-windows", window(world.site)),
        (
            "/exports",
            json!({"site_id": world.site, "from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}),
        ),
        ("/handovers", json!({"remarks": MARK})),
        (
            "/media",
            json!({"name": MARK, "organisation_id": inside,
                "config": {"kind": "webhook", "url": "http://127.0.0.1:1/", "secret": "0123456789abcdef"}}),
        ),
        (
            "/duty",
            json!({"name": MARK, "organisation_id": inside, "zone": "Asia/Shanghai",
                "shifts": [{"from_min": 0, "until_min": 1440, "account_id": 1}]}),
        ),
    ] {
        let made = world.platform.post(path, &world.admin, body).await;
        assert_eq!((made.status, made.id()), (StatusCode::CREATED, 1), "{}", made.text);
    }
    world
}

/// A finding of the insiders' detector, number 1.
async fn keep_finding(world: &World) {
    let now = world.platform.engine.now();
    let finding = domain::diagnosis::Finding {
        kind: domain::diagnosis::Kind::AgeingInsulation,
        strength: domain::diagnosis::Strength::Strong,
        confidence: 0.99,
        basis: domain::diagnosis::Basis::Slope,
        about: MARK.to_owned(),
        phase: None,
        from: now.plus_ms(-86_400_000),
        until: now,
        figures: Vec::new(),
        evidence: Vec::new(),
    };
    let reading = engine::services::Reading {
        from: finding.from,
        until: now,
        offset_ms: 0,
        rated_current_a: None,
        limits: domain::diagnosis::Limits { residual_ma: 300.0, temperature_c: 85.0 },
    };
    let kept = engine::services::KeptFinding { v: 1, reading, finding: finding.clone() };
    let look = store::findings::LookDraft {
        until: now,
        next_at: now.plus_ms(86_400_000),
        read_us: 0,
        think_us: 0,
        engine_version: domain::diagnosis::VERSION,
        findings: vec![store::findings::FindingDraft {
            kind: finding.kind,
            channel: finding.about,
            phase: None,
            strength: finding.strength,
            confidence: finding.confidence,
            body: serde_json::to_string(&kept).unwrap(),
        }],
    };
    let strong = world.platform.store.findings().keep_look(world.detector, now, &look).await.unwrap();
    assert_eq!(strong, [1]);
}

/// Telling people. Medium 1 and calendar 1 stand inside; route 1 and ladder 1 are the platform's.
fn telling(
    case: &mut impl FnMut(&'static str, &'static str, String, Option<Permission>, Kind, Option<Value>),
    world: &World,
) {
    let plain = |path: &str| path.to_owned();
    let inside = world.inside.0;
    let webhook = json!({"kind": "webhook", "url": "http://127.0.0.1:1/", "secret": "0123456789abcdef"});
    let step = json!({"after_min": 0, "recipients": [{"kind": "responsible", "role": "owner"}]});
    let shift = json!({"from_min": 0, "until_min": 60, "account_id": 1});
    for (many, one, body) in [
        ("/media", "/media/{id}", json!({"name": "x", "config": webhook})),
        ("/routes", "/routes/{id}", json!({"name": "x", "severity": "alarm", "ladder_id": 1})),
        ("/ladders", "/ladders/{id}", json!({"name": "x", "steps": [step]})),
        ("/duty", "/duty/{id}", json!({"name": "x", "zone": "UTC", "shifts": [shift]})),
    ] {
        let seen = if many == "/duty" { P::View } else { P::SettingsEdit };
        let with = |field: &str, value: i64| {
            let mut body = body.clone();
            body.as_object_mut().unwrap().insert(field.to_owned(), json!(value));
            body
        };
        let (new, changed) = (with("organisation_id", inside), with("version", 1));
        case("GET", many, plain(many), Some(seen), Filtered, None);
        case("POST", many, plain(many), Some(P::SettingsEdit), Refused, Some(new));
        case("GET", one, format!("{many}/1"), Some(seen), Hidden, None);
        case("PUT", one, format!("{many}/1"), Some(P::SettingsEdit), Hidden, Some(changed));
        case("DELETE", one, format!("{many}/1"), Some(P::SettingsEdit), Hidden, None);
    }
    case("POST", "/media/{id}/test", plain("/media/1/test"), Some(P::SettingsEdit), Hidden, Some(json!({})));
    case("GET", "/media/{id}/replies", plain("/media/1/replies"), Some(P::SettingsEdit), Hidden, None);
    let contact = json!({"email": "x@example.cn", "version": 0});
    case("GET", "/accounts/me/contacts", plain("/accounts/me/contacts"), None, Own, None);
    case("PUT", "/accounts/me/contacts", plain("/accounts/me/contacts"), None, Own, Some(contact.clone()));
    let browser = json!({"endpoint": "https://push.example/1", "keys": {"p256dh": "x", "auth": "y"}});
    case("GET", "/push", plain("/push"), None, Own, None);
    case("POST", "/push/subscriptions", plain("/push/subscriptions"), None, Own, Some(browser));
    let own = "/push/subscriptions/{id}";
    case("DELETE", own, plain("/push/subscriptions/1"), None, Hidden, None);
    case("POST", "/push/subscriptions/{id}/test", plain("/push/subscriptions/1/test"), None, Hidden, None);
    let path = "/accounts/{id}/contacts";
    case("GET", path, plain("/accounts/1/contacts"), Some(P::PeopleManage), Hidden, None);
    case("PUT", path, plain("/accounts/1/contacts"), Some(P::PeopleManage), Hidden, Some(contact));
    let (alarm, site) = (world.alarm, world.site);
    case("GET", "/alarms/{id}/notices", format!("/alarms/{alarm}/notices"), Some(P::View), Hidden, None);
    let preview = format!("/telling/preview?site={site}");
    case("GET", "/telling/preview", preview, Some(P::SettingsEdit), Hidden, None);
    case("GET", "/telling", plain("/telling"), Some(P::View), Facts, None);
}

/// Setting alarms aside and judging them. Window 1 stands inside; the sweep makes it first.
fn alarm_life(
    case: &mut impl FnMut(&'static str, &'static str, String, Option<Permission>, Kind, Option<Value>),
    world: &World,
) {
    let alarm = world.alarm;
    let of_alarm = |rest: &str| format!("/alarms/{alarm}/{rest}");
    let shelf = json!({"minutes": 30, "reason": "x"});
    case("POST", "/alarms/{id}/shelve", of_alarm("shelve"), Some(P::AlarmShelve), Hidden, Some(shelf));
    case("POST", "/alarms/{id}/unshelve", of_alarm("unshelve"), Some(P::AlarmShelve), Hidden, None);
    case("GET", "/alarms/{id}/guidance", of_alarm("guidance"), Some(P::View), Hidden, None);
    let tick = json!({"place": 1, "done": true, "words": "x", "language": "en"});
    case("POST", "/alarms/{id}/check", of_alarm("check"), Some(P::AlarmComment), Hidden, Some(tick));
    let inside = world.inside.0;
    let (one, called) = ("/guidance/{hazard}", format!("/guidance/overload?organisation={inside}"));
    case("GET", "/guidance", format!("/guidance?organisation={inside}"), Some(P::SettingsEdit), Hidden, None);
    case("GET", one, called, Some(P::SettingsEdit), Hidden, None);
    let text = json!({"organisation_id": inside, "owner": ["x"], "electrician": ["x"], "version": 0});
    let one = "/guidance/{hazard}/{language}";
    case("PUT", one, "/guidance/overload/en".to_owned(), Some(P::SettingsEdit), Hidden, Some(text));
    let called = format!("/guidance/overload/en?organisation={inside}&version=1");
    case("DELETE", one, called, Some(P::SettingsEdit), Hidden, None);
    let verdict = json!({"verdict": "nuisance"});
    case(
        "POST",
        "/alarms/{id}/verdict",
        of_alarm("verdict"),
        Some(P::AlarmAcknowledge),
        Hidden,
        Some(verdict),
    );
    let whom = json!({"capacity": "other", "name": "x"});
    let comments = Some(P::AlarmComment);
    let call = json!({"whom": whom, "outcome": "reached"});
    case("POST", "/alarms/{id}/calls", of_alarm("calls"), comments, Hidden, Some(call));
    case(
        "POST",
        "/alarms/{id}/dispatches",
        of_alarm("dispatches"),
        comments,
        Hidden,
        Some(json!({"whom": whom})),
    );
    let withdrawn = json!({"step": "withdrawn"});
    case("POST", "/alarms/{id}/entries/{entry}", of_alarm("entries/1"), comments, Hidden, Some(withdrawn));
    case("GET", "/alarms/{id}/people", of_alarm("people"), comments, Hidden, None);
    let (many, one) = ("/handovers", "/handovers/{id}");
    case("GET", many, many.to_owned(), Some(P::View), Filtered, None);
    // Nobody is 999; to somebody who may see their own part a stranger may hand it.
    case("POST", many, many.to_owned(), Some(P::AlarmAcknowledge), Refused, Some(json!({"to": 999})));
    case("GET", one, format!("{many}/1"), Some(P::View), Hidden, None);
    case(
        "POST",
        "/handovers/{id}/take",
        format!("{many}/1/take"),
        Some(P::AlarmAcknowledge),
        Hidden,
        Some(json!({})),
    );
    case(
        "POST",
        "/handovers/{id}/withdraw",
        format!("{many}/1/withdraw"),
        Some(P::AlarmAcknowledge),
        Hidden,
        None,
    );
    let standing = "/standing";
    case("GET", standing, standing.to_owned(), Some(P::AlarmAcknowledge), Filtered, None);
    case("GET", "/alarms/metrics", "/alarms/metrics".to_owned(), Some(P::View), Filtered, None);
    let (path, end) = ("/maintenance-windows", "/maintenance-windows/{id}/end");
    case("GET", path, path.to_owned(), Some(P::View), Filtered, None);
    case("POST", path, path.to_owned(), Some(P::AlarmSuppress), Hidden, Some(window(world.site)));
    let change = json!({"starts_at": "2100-01-01T00:00:00Z", "ends_at": "2100-01-01T01:00:00Z", "reason": "x",
        "version": 1});
    let one = "/maintenance-windows/{id}";
    case("PUT", one, format!("{path}/1"), Some(P::AlarmSuppress), Hidden, Some(change));
    case("POST", end, format!("{path}/1/end"), Some(P::AlarmSuppress), Hidden, None);
}

fn walk() -> Value {
    let at = "2026-01-01T00:00:00Z";
    let readings = json!([{"at": at, "ma": 1}]);
    let step = json!({"breaker": "3", "off_at": at, "before": readings, "after": readings});
    json!({"channel_id": 1, "began_at": at, "ended_at": at, "steps": [step]})
}

fn window(site: i64) -> Value {
    json!({"target": "site", "target_id": site, "starts_at": "2100-01-01T00:00:00Z",
        "ends_at": "2100-01-02T00:00:00Z", "reason": MARK})
}

fn cases(world: &World) -> Vec<Case> {
    let mut cases = Vec::new();
    let (site, panel, circuit) = (world.site, world.panel, world.circuit);
    let (detector, terminal, alarm, waiting) =
        (world.detector.0, world.terminal.0, world.alarm, world.waiting.0);
    let (inside, refused) = (world.inside.0, world.refused.0);
    let mut case = |method, path, called: String, permission, kind, body| {
        cases.push(Case { method, path, called, permission, kind, body });
    };
    let plain = |path: &str| path.to_owned();

    case("GET", "/setup", plain("/setup"), None, Public, None);
    case("POST", "/setup", plain("/setup"), None, Public, Some(json!({})));
    case("POST", "/session", plain("/session"), None, Public, Some(json!({})));
    case("GET", "/session", plain("/session"), None, Own, None);
    case(
        "POST",
        "/session/password",
        plain("/session/password"),
        None,
        Own,
        Some(json!({"old_password": "x", "new_password": "y"})),
    );
    case("PATCH", "/session/profile", plain("/session/profile"), None, Own, Some(json!({})));
    for (path, body) in [
        ("/session/one-time-codes", json!({"password": "x"})),
        ("/session/one-time-codes/confirm", json!({"one_time_code": "000000"})),
        ("/session/one-time-codes/remove", json!({"password": "x"})),
    ] {
        case("POST", path, plain(path), None, Own, Some(body));
    }

    case("GET", "/overview", plain("/overview"), Some(P::View), Filtered, None);
    case("GET", "/overview/trend", plain("/overview/trend"), Some(P::View), Filtered, None);
    case("GET", "/map", plain("/map"), Some(P::View), Filtered, None);
    case("GET", "/map/outline", plain("/map/outline"), Some(P::View), Facts, None);
    case("GET", "/areas", plain("/areas"), Some(P::View), Facts, None);
    case("GET", "/profiles", plain("/profiles"), Some(P::View), Filtered, None);
    case("GET", "/profiles/{id}", plain("/profiles/arcm300-cloud"), Some(P::View), Facts, None);
    let text = domain::profile::SHIPPED.first().unwrap().1;
    case(
        "POST",
        "/profiles",
        plain("/profiles"),
        Some(P::ProfileEdit),
        Hidden,
        Some(json!({"id": "made", "text": text})),
    );
    case(
        "PUT",
        "/profiles/{id}",
        plain("/profiles/asj-relay"),
        Some(P::ProfileEdit),
        Hidden,
        Some(json!({"text": text, "version": 0})),
    );
    case(
        "DELETE",
        "/profiles/{id}",
        plain("/profiles/asj-relay?version=1"),
        Some(P::ProfileEdit),
        Hidden,
        None,
    );
    case(
        "POST",
        "/profiles/{id}/duplicate",
        plain("/profiles/asj-relay/duplicate"),
        Some(P::ProfileEdit),
        Hidden,
        Some(json!({"id": "copied", "name": "x"})),
    );
    let files = json!({"files": [{"name": "made.toml", "text": text}]});
    case("POST", "/profiles/import", plain("/profiles/import"), Some(P::ProfileEdit), Hidden, Some(files));
    case(
        "POST",
        "/profiles/validate",
        plain("/profiles/validate"),
        Some(P::ProfileEdit),
        Facts,
        Some(json!({"id": "arcm300-cloud", "text": text})),
    );
    let bytes = json!({"profile_id": "asj-relay", "hex": "01 03 04 00 00 00 1E 7B FB"});
    case("POST", "/profiles/test", plain("/profiles/test"), Some(P::ProfileEdit), Facts, Some(bytes));
    case("GET", "/profile-lines", plain("/profile-lines"), Some(P::ProfileEdit), Filtered, None);
    case(
        "POST",
        "/profiles/try",
        plain("/profiles/try"),
        Some(P::ProfileEdit),
        Hidden,
        Some(json!({"profile_id": "arcm300-cloud", "terminal_id": terminal})),
    );
    for (path, called) in [
        ("/profiles/{id}/versions", "/profiles/arcm300-cloud/versions"),
        ("/profiles/{id}/versions/{version}", "/profiles/arcm300-cloud/versions/0"),
        ("/profiles/{id}/compare", "/profiles/arcm300-cloud/compare?from=0&to=0"),
    ] {
        case("GET", path, plain(called), Some(P::ProfileEdit), Facts, None);
    }
    case("GET", "/profiles/{id}/export", plain("/profiles/arcm300-cloud/export"), Some(P::View), Facts, None);
    case("GET", "/system", plain("/system"), Some(P::View), Facts, None);
    case("GET", "/live", plain("/live"), Some(P::View), Filtered, None);

    case("GET", "/alarms", plain("/alarms"), Some(P::View), Filtered, None);
    case("GET", "/alarms/export.csv", plain("/alarms/export.csv"), Some(P::View), Filtered, None);
    case("GET", "/alarms/{id}", format!("/alarms/{alarm}"), Some(P::View), Hidden, None);
    case(
        "POST",
        "/alarms/acknowledge",
        plain("/alarms/acknowledge"),
        Some(P::AlarmAcknowledge),
        Filtered,
        Some(json!({"ids": [alarm]})),
    );
    case(
        "POST",
        "/alarms/{id}/acknowledge",
        format!("/alarms/{alarm}/acknowledge"),
        Some(P::AlarmAcknowledge),
        Hidden,
        Some(json!({})),
    );
    case(
        "POST",
        "/alarms/{id}/undo-acknowledge",
        format!("/alarms/{alarm}/undo-acknowledge"),
        Some(P::AlarmAcknowledge),
        Hidden,
        None,
    );
    case(
        "POST",
        "/alarms/{id}/reset",
        format!("/alarms/{alarm}/reset"),
        Some(P::AlarmReset),
        Hidden,
        Some(json!({})),
    );
    case(
        "POST",
        "/alarms/{id}/comment",
        format!("/alarms/{alarm}/comment"),
        Some(P::AlarmComment),
        Hidden,
        Some(json!({"comment": "x"})),
    );
    let of_alarm = |rest: &str| format!("/alarms/{alarm}/{rest}");
    case("GET", "/incidents", plain("/incidents"), Some(P::View), Filtered, None);
    case("GET", "/alarms/{id}/incident", of_alarm("incident"), Some(P::View), Hidden, None);
    case("POST", "/alarms/{id}/split", of_alarm("split"), Some(P::AlarmAcknowledge), Hidden, None);
    let with = json!({"with": 2});
    case("POST", "/alarms/{id}/join", of_alarm("join"), Some(P::AlarmAcknowledge), Hidden, Some(with));
    alarm_life(&mut case, world);

    let new_site = json!({"name": "x", "area_code": AREA, "organisation_id": inside});
    case("GET", "/sites", plain("/sites"), Some(P::View), Filtered, None);
    case("POST", "/sites", plain("/sites"), Some(P::DeviceConfigure), Refused, Some(new_site));
    case("GET", "/sites/{id}", format!("/sites/{site}"), Some(P::View), Hidden, None);
    case(
        "PATCH",
        "/sites/{id}",
        format!("/sites/{site}"),
        Some(P::DeviceConfigure),
        Hidden,
        Some(json!({"name": "x", "version": 1})),
    );
    case("GET", "/sites/{id}/tree", format!("/sites/{site}/tree"), Some(P::View), Hidden, None);
    case(
        "POST",
        "/sites/{id}/panels",
        format!("/sites/{site}/panels"),
        Some(P::DeviceConfigure),
        Hidden,
        Some(json!({"name": "x"})),
    );
    case(
        "PATCH",
        "/panels/{id}",
        format!("/panels/{panel}"),
        Some(P::DeviceConfigure),
        Hidden,
        Some(json!({"name": "x", "version": 1})),
    );
    case(
        "POST",
        "/panels/{id}/circuits",
        format!("/panels/{panel}/circuits"),
        Some(P::DeviceConfigure),
        Hidden,
        Some(json!({"name": "x"})),
    );
    case(
        "PATCH",
        "/circuits/{id}",
        format!("/circuits/{circuit}"),
        Some(P::DeviceConfigure),
        Hidden,
        Some(json!({"name": "x", "version": 1})),
    );

    case("GET", "/organisations", plain("/organisations"), Some(P::View), Filtered, None);
    case(
        "POST",
        "/organisations",
        plain("/organisations"),
        Some(P::PeopleManage),
        Refused,
        Some(json!({"name": "x", "parent_id": inside})),
    );
    case(
        "PATCH",
        "/organisations/{id}",
        format!("/organisations/{inside}"),
        Some(P::PeopleManage),
        Hidden,
        Some(json!({"name": "x", "version": 1})),
    );

    case("GET", "/detectors", plain("/detectors"), Some(P::View), Filtered, None);
    case("GET", "/detectors/{id}", format!("/detectors/{detector}"), Some(P::View), Hidden, None);
    case(
        "PATCH",
        "/detectors/{id}",
        format!("/detectors/{detector}"),
        Some(P::DeviceConfigure),
        Hidden,
        Some(json!({"name": "x", "version": 1})),
    );
    let channel = world.channel;
    case("GET", "/curves", format!("/curves?channels={channel}"), Some(P::View), Hidden, None);
    case("GET", "/detectors/{id}/curve", format!("/detectors/{detector}/curve"), Some(P::View), Hidden, None);
    case(
        "GET",
        "/detectors/{id}/curve.csv",
        format!("/detectors/{detector}/curve.csv"),
        Some(P::View),
        Hidden,
        None,
    );
    case(
        "GET",
        "/detectors/{id}/telegrams",
        format!("/detectors/{detector}/telegrams"),
        Some(P::TelegramView),
        Hidden,
        None,
    );
    case(
        "GET",
        "/terminals/{id}/telegrams",
        format!("/terminals/{terminal}/telegrams"),
        Some(P::TelegramView),
        Hidden,
        None,
    );
    for (path, address) in [
        ("/detectors/{id}/telegrams/file", format!("/detectors/{detector}/telegrams/file")),
        ("/terminals/{id}/telegrams/file", format!("/terminals/{terminal}/telegrams/file")),
    ] {
        case("GET", path, address, Some(P::TelegramView), Hidden, None);
    }
    case("GET", "/terminals/{id}", format!("/terminals/{terminal}"), Some(P::View), Hidden, None);
    case(
        "PUT",
        "/terminals/{id}/telegram-level",
        format!("/terminals/{terminal}/telegram-level"),
        Some(P::DeviceConfigure),
        Hidden,
        Some(json!({"level": "refused"})),
    );
    case(
        "POST",
        "/terminals/{id}/accept-iccid",
        format!("/terminals/{terminal}/accept-iccid"),
        Some(P::DeviceAdmit),
        Hidden,
        None,
    );

    let register = json!({"serial": "sweep", "protocol": "cloud_7b7b",
        "detectors": [{"profile_id": "arcm300-cloud", "name": "x", "circuit_id": circuit}]});
    case("POST", "/terminals", plain("/terminals"), Some(P::DeviceAdmit), Hidden, Some(register));
    let credentials = format!("/terminals/{terminal}/credentials");
    let path = "/terminals/{id}/credentials";
    case("GET", path, credentials.clone(), Some(P::DeviceConfigure), Hidden, None);
    let token = json!({"kind": "token"});
    case("POST", path, credentials.clone(), Some(P::DeviceConfigure), Hidden, Some(token));
    case(
        "DELETE",
        "/terminals/{id}/credentials/{credential}",
        format!("{credentials}/1"),
        Some(P::DeviceConfigure),
        Hidden,
        None,
    );
    case(
        "GET",
        "/detectors/{id}/commands",
        format!("/detectors/{detector}/commands"),
        Some(P::View),
        Hidden,
        None,
    );
    case("GET", "/commands", plain("/commands"), Some(P::View), Filtered, None);
    case(
        "POST",
        "/commands",
        plain("/commands"),
        Some(P::CommandSend),
        Hidden,
        Some(json!({"detector_id": detector, "kind": "self_test"})),
    );
    // Command 1 and batch 1 stand inside; the sweep makes them first.
    case("GET", "/commands/{id}", plain("/commands/1"), Some(P::View), Hidden, None);
    case(
        "POST",
        "/commands/{id}/approve",
        plain("/commands/1/approve"),
        Some(P::CommandApprove),
        Hidden,
        Some(json!({"password": "x"})),
    );
    case("POST", "/commands/{id}/cancel", plain("/commands/1/cancel"), Some(P::CommandSend), Hidden, None);
    case("GET", "/command-batches", plain("/command-batches"), Some(P::View), Filtered, None);
    case(
        "POST",
        "/command-batches",
        plain("/command-batches"),
        Some(P::CommandSend),
        Hidden,
        Some(json!({"detector_ids": [detector], "kind": "mute"})),
    );
    case("GET", "/command-batches/{id}", plain("/command-batches/1"), Some(P::View), Hidden, None);
    case(
        "POST",
        "/command-batches/{id}/stop",
        plain("/command-batches/1/stop"),
        Some(P::CommandSend),
        Hidden,
        None,
    );
    case(
        "POST",
        "/what-if",
        plain("/what-if"),
        Some(P::View),
        Hidden,
        Some(json!({"detector_id": detector, "hazard": "residual_current", "own": {"alarm": 300}})),
    );

    let own = json!({"own": {"alarm": 400}, "version": 0});
    case(
        "GET",
        "/settings/{scope}/{id}",
        format!("/settings/channel/{}", world.channel),
        Some(P::View),
        Hidden,
        None,
    );
    case(
        "PUT",
        "/settings/{scope}/{id}/{hazard}",
        format!("/settings/detector/{detector}/residual_current"),
        Some(P::SettingsEdit),
        Hidden,
        Some(own),
    );
    case(
        "GET",
        "/settings/supervision/{scope}/{id}",
        format!("/settings/supervision/site/{site}"),
        Some(P::View),
        Hidden,
        None,
    );
    case(
        "PUT",
        "/settings/supervision/{scope}/{id}",
        format!("/settings/supervision/site/{site}"),
        Some(P::SettingsEdit),
        Hidden,
        Some(json!({"offline_factor": 4, "version": 0})),
    );

    let admit = json!({"detectors": [{"profile_id": "arcm300-cloud", "name": "x", "circuit_id": circuit}]});
    case("GET", "/pending", plain("/pending"), Some(P::DeviceAdmit), Filtered, None);
    case(
        "POST",
        "/pending/{id}/admit",
        format!("/pending/{waiting}/admit"),
        Some(P::DeviceAdmit),
        Hidden,
        Some(admit),
    );
    case(
        "POST",
        "/pending/{id}/refuse",
        format!("/pending/{waiting}/refuse"),
        Some(P::DeviceAdmit),
        Hidden,
        Some(json!({})),
    );
    case(
        "POST",
        "/pending/{id}/restore",
        format!("/pending/{refused}/restore"),
        Some(P::DeviceAdmit),
        Hidden,
        Some(json!({})),
    );

    let wide =
        json!({"login": "wide", "name": "x", "grants": [{"role": "owner", "organisation_id": inside}]});
    case("GET", "/commissioning", plain("/commissioning"), Some(P::View), Filtered, None);
    let of_detector = |rest: &str| format!("/detectors/{detector}/{rest}");
    let export = json!({"site_id": site, "from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"});
    case("POST", "/exports", plain("/exports"), Some(P::View), Hidden, Some(export));
    // Export 1 is the administrator's; the sweep asks for it first.
    case("GET", "/exports/{id}", plain("/exports/1"), Some(P::View), Hidden, None);
    case("GET", "/exports/{id}/file", plain("/exports/1/file"), Some(P::View), Hidden, None);
    case("DELETE", "/exports/{id}", plain("/exports/1"), Some(P::View), Hidden, None);
    case("GET", "/detectors/{id}/commissioning", of_detector("commissioning"), Some(P::View), Hidden, None);
    case(
        "POST",
        "/detectors/{id}/commissioning",
        of_detector("commissioning"),
        Some(P::DeviceAdmit),
        Hidden,
        Some(json!({"result": "passed", "self_test": "skipped"})),
    );
    case("GET", "/detectors/{id}/wiring-checks", of_detector("wiring-checks"), Some(P::View), Hidden, None);
    case(
        "POST",
        "/detectors/{id}/wiring-checks",
        of_detector("wiring-checks"),
        Some(P::DeviceAdmit),
        Hidden,
        None,
    );
    case("GET", "/detectors/{id}/analysis", of_detector("analysis"), Some(P::View), Hidden, None);
    let walks = "/detectors/{id}/walks";
    case("GET", walks, of_detector("walks"), Some(P::View), Hidden, None);
    case("POST", walks, of_detector("walks"), Some(P::AlarmComment), Hidden, Some(walk()));
    case("GET", "/risk", plain("/risk"), Some(P::View), Filtered, None);
    case("GET", "/risk/areas", plain("/risk/areas"), Some(P::View), Filtered, None);
    case("GET", "/risk/rules", plain("/risk/rules"), Some(P::View), Facts, None);
    case("GET", "/sites/{id}/risk", format!("/sites/{site}/risk"), Some(P::View), Hidden, None);
    case("GET", "/circuits/{id}/risk", format!("/circuits/{circuit}/risk"), Some(P::View), Hidden, None);
    case("GET", "/detectors/{id}/risk", of_detector("risk"), Some(P::View), Hidden, None);
    case("GET", "/channels/{id}/statistics", plain("/channels/2/statistics"), Some(P::View), Hidden, None);
    case(
        "GET",
        "/sites/{id}/statistics",
        format!("/sites/{site}/statistics?quantity=residual_current"),
        Some(P::View),
        Hidden,
        None,
    );
    let of_area = format!("/statistics?area={AREA}&quantity=residual_current");
    case("GET", "/statistics", of_area, Some(P::View), Filtered, None);
    case("GET", "/findings", plain("/findings"), Some(P::View), Filtered, None);
    case("GET", "/findings/{id}", plain("/findings/1"), Some(P::View), Hidden, None);
    case("GET", "/findings/{id}/replay", plain("/findings/1/replay"), Some(P::View), Hidden, None);
    let why = json!({"reason": "x"});
    case(
        "POST",
        "/findings/{id}/dismiss",
        plain("/findings/1/dismiss"),
        Some(P::AlarmAcknowledge),
        Hidden,
        Some(why),
    );
    case(
        "POST",
        "/findings/{id}/restore",
        plain("/findings/1/restore"),
        Some(P::AlarmAcknowledge),
        Hidden,
        None,
    );
    case("GET", "/sites/{id}/pictures", format!("/sites/{site}/pictures"), Some(P::View), Hidden, None);
    case(
        "POST",
        "/sites/{id}/pictures",
        format!("/sites/{site}/pictures"),
        Some(P::DeviceConfigure),
        Hidden,
        None,
    );
    case("GET", "/pictures/{id}", format!("/pictures/{}", world.picture), Some(P::View), Hidden, None);
    case(
        "DELETE",
        "/pictures/{id}",
        format!("/pictures/{}", world.picture),
        Some(P::DeviceConfigure),
        Hidden,
        None,
    );
    case("GET", "/exchange/template.xlsx", plain("/exchange/template.xlsx"), Some(P::View), Filtered, None);
    case("GET", "/exchange/export.xlsx", plain("/exchange/export.xlsx"), Some(P::View), Filtered, None);
    case("POST", "/exchange/import", plain("/exchange/import"), Some(P::DeviceAdmit), Filtered, None);
    case(
        "POST",
        "/exchange/mistakes.xlsx",
        plain("/exchange/mistakes.xlsx"),
        Some(P::DeviceAdmit),
        Filtered,
        None,
    );

    telling(&mut case, world);
    case("GET", "/users", plain("/users"), Some(P::PeopleManage), Filtered, None);
    case("POST", "/users", plain("/users"), Some(P::PeopleManage), Refused, Some(wide));
    // The first account is the administrator of everything.
    case("GET", "/users/{id}", plain("/users/1"), Some(P::PeopleManage), Hidden, None);
    case(
        "PATCH",
        "/users/{id}",
        plain("/users/1"),
        Some(P::PeopleManage),
        Hidden,
        Some(json!({"name": "x", "version": 1})),
    );
    case(
        "POST",
        "/users/{id}/reset-password",
        plain("/users/1/reset-password"),
        Some(P::PeopleManage),
        Hidden,
        None,
    );
    case("POST", "/users/{id}/unlock", plain("/users/1/unlock"), Some(P::PeopleManage), Hidden, None);
    case(
        "POST",
        "/users/{id}/remove-one-time-codes",
        plain("/users/1/remove-one-time-codes"),
        Some(P::PeopleManage),
        Hidden,
        None,
    );
    let token = json!({"name": "x", "role": "owner", "organisation_id": inside});
    case("GET", "/tokens", plain("/tokens"), Some(P::TokenManage), Filtered, None);
    case("POST", "/tokens", plain("/tokens"), Some(P::TokenManage), Refused, Some(token));
    // Token 1 reaches everything; the sweep makes it first.
    case("DELETE", "/tokens/{id}", plain("/tokens/1"), Some(P::TokenManage), Hidden, None);
    case("GET", "/audit", plain("/audit"), Some(P::AuditView), Filtered, None);
    case("GET", "/audit/verify", plain("/audit/verify"), Some(P::AuditView), Hidden, None);

    // Last, because they would take away what the others ask for if they were let through.
    case(
        "DELETE",
        "/detectors/{id}",
        format!("/detectors/{detector}"),
        Some(P::DeviceConfigure),
        Hidden,
        None,
    );
    case("DELETE", "/circuits/{id}", format!("/circuits/{circuit}"), Some(P::DeviceConfigure), Hidden, None);
    case("DELETE", "/panels/{id}", format!("/panels/{panel}"), Some(P::DeviceConfigure), Hidden, None);
    case("DELETE", "/sites/{id}", format!("/sites/{site}"), Some(P::DeviceConfigure), Hidden, None);
    case(
        "DELETE",
        "/organisations/{id}",
        format!("/organisations/{inside}"),
        Some(P::PeopleManage),
        Hidden,
        None,
    );
    case("DELETE", "/session", plain("/session"), None, Own, None);
    cases
}

/// Calls a case. A stream never ends, so only its head is read.
async fn visit(world: &World, case: &Case, who: Option<&Person>) -> (StatusCode, String) {
    if case.path == "/live" {
        use tower::ServiceExt as _;
        let request = platform::Platform::request(case.method, &case.called, who, None);
        let response = world.platform.router.clone().oneshot(request).await.unwrap();
        if response.status() == StatusCode::OK {
            return (StatusCode::OK, String::new());
        }
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 100_000).await.unwrap();
        return (status, String::from_utf8_lossy(&body).into_owned());
    }
    let answer = if case.path.starts_with("/exchange/") && case.method == "POST" {
        let file = workbook(&[("场所", &[&["名称"], &["x"]])]);
        world.platform.upload(&case.called, who, &file).await
    } else {
        world.platform.call(case.method, &case.called, who, case.body.as_ref()).await
    };
    if answer.status.is_success() && case.path.ends_with(".xlsx") {
        return (answer.status, every_cell(&answer.bytes));
    }
    (answer.status, answer.text)
}

#[test]
fn every_endpoint_is_classified() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(world());
    let table: Vec<_> = cases(&world).iter().map(|case| format!("{} {}", case.method, case.path)).collect();
    let description = serde_json::to_value(api::openapi()).unwrap();
    let mut described = Vec::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            described.push(format!("{} {path}", method.to_uppercase()));
        }
    }
    for one in &described {
        assert!(
            table.contains(one),
            "{one} is not in the sweep's table: say what a stranger must get from it"
        );
    }
    assert_eq!(table.len(), described.len(), "the sweep's table names endpoints that are gone");
}

#[tokio::test]
async fn nobody_gets_anything() {
    let world = world().await;
    for case in cases(&world) {
        let (status, text) = visit(&world, &case, None).await;
        if case.kind == Public {
            assert_ne!(status, StatusCode::UNAUTHORIZED, "{} {}", case.method, case.called);
        } else {
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{} {}: {text}", case.method, case.called);
            assert!(text.contains("\"unauthenticated\""), "{text}");
        }
        assert!(!text.contains(MARK), "{} {}: {text}", case.method, case.called);
    }
}

#[tokio::test]
async fn without_the_permission_the_answer_names_it() {
    let world = world().await;
    let nothing = world.platform.account("nothing", Vec::new()).await;
    let regulator =
        world.platform.account("regulator", vec![grant(Role::Regulator, Some(world.inside), None)]).await;
    for case in cases(&world) {
        let Some(permission) = case.permission else { continue };
        let code = serde_json::to_value(permission).unwrap();
        let (status, text) = visit(&world, &case, Some(&nothing)).await;
        let called = format!("{} {}", case.method, case.called);
        assert_eq!(status, StatusCode::FORBIDDEN, "{called}: {text}");
        let problem: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&problem["code"], &problem["permission"]), (&json!("forbidden"), &code), "{called}");
        assert!(!text.contains(MARK), "{called}: {text}");
        if !Role::Regulator.permissions().contains(&permission) {
            let (status, text) = visit(&world, &case, Some(&regulator)).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{called}: {text}");
        }
    }
}

#[tokio::test]
async fn strangers_and_neighbours_find_nothing() {
    let world = world().await;
    let token = json!({"name": MARK, "role": "operator"});
    assert_eq!(world.platform.post("/tokens", &world.admin, token).await.status, StatusCode::CREATED);
    let stranger = grant(Role::Administrator, Some(world.outside), None);
    let neighbour = grant(Role::Administrator, Some(world.inside), Some(NEXT_AREA));
    for (login, grant) in [("stranger", stranger), ("neighbour", neighbour)] {
        let is_neighbour = login == "neighbour";
        let who = world.platform.account(login, vec![grant]).await;
        for case in cases(&world) {
            let called = format!("{login} {} {}", case.method, case.called);
            let (status, text) = visit(&world, &case, Some(&who)).await;
            match case.kind {
                Public => {}
                Own | Facts => assert!(
                    status.is_success() || status == StatusCode::UNPROCESSABLE_ENTITY,
                    "{called}: {status} {text}"
                ),
                Filtered => assert!(status.is_success(), "{called}: {status} {text}"),
                Hidden => assert_eq!(status, StatusCode::NOT_FOUND, "{called}: {text}"),
                Refused => assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{called}: {text}"),
            }
            assert!(!text.contains(MARK), "{called}: {text}");
            assert!(is_neighbour || !text.contains(OWNERS), "{called}: {text}");
            if case.path == "/alarms/acknowledge" {
                assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["done"], json!([]), "{called}");
            }
        }
    }
    // Nothing was done to what is inside.
    let alarm = world.platform.get(&format!("/alarms/{}", world.alarm), &world.admin).await.json();
    assert_eq!(alarm["state"], "unacknowledged");
    let tree = world.platform.get(&format!("/sites/{}/tree", world.site), &world.admin).await.json();
    assert_eq!(tree["panels"][0]["circuits"][0]["detectors"][0]["id"], world.detector.0);
    assert_eq!(tree["panels"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_administrator_of_everything_gets_every_page() {
    let world = world().await;
    let token = json!({"name": "x", "role": "operator"});
    assert_eq!(world.platform.post("/tokens", &world.admin, token).await.status, StatusCode::CREATED);
    for case in cases(&world).into_iter().filter(|case| case.method == "GET") {
        let (status, text) = visit(&world, &case, Some(&world.admin)).await;
        assert!(status.is_success(), "{} {}: {status} {text}", case.method, case.called);
    }
}
