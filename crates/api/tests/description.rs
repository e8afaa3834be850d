//! The checked-in description is what the code says, and good enough for the clients that are generated from it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

fn described() -> Value {
    serde_json::to_value(api::openapi()).unwrap()
}

fn operations(description: &Value) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            found.push((method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    found
}

#[test]
fn the_checked_in_description_is_fresh() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi/emberwatch.json");
    let text = format!("{}\n", serde_json::to_string_pretty(&described()).unwrap());
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap();
    assert!(
        kept == text,
        "openapi/emberwatch.json is stale: run the api tests with UPDATE_OPENAPI=1 and check it in"
    );
}

#[test]
fn is_openapi_3_1_with_stable_names() {
    let description = described();
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1"));
    let operations = operations(&description);
    let ids: BTreeSet<_> =
        operations.iter().map(|(_, _, o)| o["operationId"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), operations.len(), "every operation has a name of its own");
    assert!(operations.len() > 50);
}

#[test]
fn every_operation_lists_its_refusals_as_problem_documents() {
    for (method, path, operation) in operations(&described()) {
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.contains_key("500"), "{method} {path}");
        for (status, response) in responses.iter().filter(|(status, _)| status.starts_with(['4', '5'])) {
            let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
            assert_eq!(schema, "#/components/schemas/Problem", "{method} {path} {status}");
        }
        let public = operation["security"]
            .as_array()
            .is_some_and(|list| list.iter().all(|s| s == &serde_json::json!({})));
        assert_eq!(
            public,
            !responses.contains_key("401") || path == "/session" && method == "POST",
            "{method} {path}"
        );
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            if parameter["in"] == "path"
                && parameter["name"] == "id"
                && parameter["schema"]["type"] == "integer"
            {
                assert_eq!(parameter["schema"]["minimum"], 1, "{method} {path}");
                assert_eq!(parameter["schema"]["format"], "int64", "{method} {path}");
            }
        }
    }
}

#[test]
fn free_text_in_queries_is_bounded_as_described() {
    for (method, path, operation) in operations(&described()) {
        for parameter in
            operation["parameters"].as_array().into_iter().flatten().filter(|p| p["in"] == "query")
        {
            let name = parameter["name"].as_str().unwrap();
            let kept = api::http::extract::LONGEST_PARAMETERS.iter().find(|(known, _)| *known == name);
            let max = parameter["schema"]["maxLength"].as_u64();
            assert_eq!(max, kept.map(|(_, max)| u64::from(*max)), "{method} {path} {name}");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(reference)) = map.get("$ref") {
                    found.insert(reference.clone());
                }
                map.values().for_each(|v| walk(v, found));
            }
            Value::Array(list) => list.iter().for_each(|v| walk(v, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let description = described();
    let mut references = BTreeSet::new();
    walk(&description, &mut references);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(description.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}
