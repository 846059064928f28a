//! Table and document, held to each other; and the document that is checked in.

use std::collections::BTreeSet;

use super::super::views;
use super::*;

fn parsed() -> Value {
    serde_json::from_str(&document()).unwrap()
}

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let each = document["paths"].as_object().unwrap().iter();
    let of = |(path, item): (&String, &Value)| {
        let methods = item.as_object().unwrap().iter();
        let of = methods.map(|(method, operation)| (method.to_uppercase(), path.clone(), operation.clone()));
        of.collect::<Vec<_>>()
    };
    each.flat_map(of).collect()
}

#[test]
fn what_is_routed_is_described_and_what_is_described_is_routed() {
    let document = parsed();
    let described: BTreeSet<_> = operations(&document).into_iter().map(|(m, p, _)| (m, p)).collect();
    let routed: BTreeSet<_> = views().iter().map(|v| (v.method.to_owned(), v.path.to_owned())).collect();
    assert_eq!(described, routed);
    let ids: BTreeSet<_> =
        operations(&document).iter().map(|(.., o)| o["operationId"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), routed.len(), "two operations share an id: {ids:?}");
}

#[test]
fn every_operation_says_its_right_its_answers_and_its_refusals() {
    let document = parsed();
    for (method, path, operation) in operations(&document) {
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{method} {path} answers nothing");
        assert!(responses.contains_key("500") && responses.contains_key("403"), "{method} {path}");
        let open = operation["security"].as_array().is_some_and(Vec::is_empty);
        assert!(open || responses.contains_key("401"), "{method} {path}");
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{method} {path} says not what it does");
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let named: BTreeSet<_> =
            parameters.iter().filter(|p| p["in"] == "path").map(|p| p["name"].to_string()).collect();
        let braces: BTreeSet<_> = path
            .split('/')
            .filter_map(|p| p.strip_prefix('{')?.strip_suffix('}'))
            .map(|p| Value::from(p).to_string())
            .collect();
        assert_eq!(named, braces, "{method} {path}");
        for parameter in
            parameters.iter().filter(|p| p["in"] == "path" && !FREE.contains(&p["name"].as_str().unwrap()))
        {
            assert!(parameter["schema"]["$ref"].is_string(), "{path}: {} may be anything", parameter["name"]);
        }
    }
}

/// What is drawn by the hub, or a number.
const FREE: [&str; 9] = ["alert", "call", "file", "id", "index", "learnt", "packet", "proposal", "seq"];

/// Every reference of a document.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get("$ref") {
                found.insert(reference.clone());
            }
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(all) => all.iter().for_each(|value| references(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = parsed();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 20, "only {} references", found.len());
    for reference in found {
        let there = document.pointer(reference.trim_start_matches('#'));
        assert!(there.is_some(), "{reference} leads nowhere");
    }
}

#[test]
fn the_document_that_is_checked_in_is_the_one_that_is_served() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept.trim_end() == document(), "docs/openapi.json is stale: just openapi");
}
