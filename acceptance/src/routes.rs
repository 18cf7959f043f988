//! Every question that the API's own document allows, with values that the test knows and the document allows.

use serde_json::Value;

use crate::programs::Collector;

/// Names of parameters with what they may hold.
pub type Known<'a> = [(&'a str, &'a [&'a str])];

/// The address of every GET endpoint, for each combination of the known values in its path; then each with one thing asked
/// besides, for each known value of each parameter. The values are as they stand in an address.
#[must_use]
pub fn questions(collector: &Collector, known: &Known<'_>) -> Vec<String> {
    let (status, document) = collector.get("/api/v1/openapi.json");
    assert_eq!(status, 200, "{document}");
    let document: Value = serde_json::from_str(&document).unwrap();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some(endpoint) = item.get("get") else { continue };
        let parameters: Vec<&Value> = endpoint["parameters"].as_array().into_iter().flatten().collect();
        let named = |parameter: &Value| parameter["name"].as_str().unwrap().to_owned();
        let mut addresses = vec![path.clone()];
        for name in parameters.iter().filter(|parameter| parameter["in"] == "path").map(|parameter| named(parameter)) {
            let values = values(known, &name);
            assert!(!values.is_empty(), "{path} has {name} in it, and the test knows no value");
            let place = format!("{{{name}}}");
            addresses = each(&addresses, values, |path, value| path.replace(&place, value));
        }
        let asked: Vec<&&Value> = parameters.iter().filter(|parameter| parameter["in"] == "query").collect();
        let needed: Vec<String> =
            asked.iter().filter(|parameter| parameter["required"] == true).map(|parameter| named(parameter)).collect();
        for name in &needed {
            addresses = each(&addresses, values(known, name), |path, value| format!("{path}?{name}={value}"));
        }
        for address in addresses {
            let sign = if address.contains('?') { '&' } else { '?' };
            for parameter in asked.iter().filter(|parameter| !needed.contains(&named(parameter))) {
                let name = named(parameter);
                // What a page before has named, nobody knows beforehand.
                let values = values(known, &name);
                assert!(
                    name == "cursor" || !values.is_empty(),
                    "{path} may be asked {name}, and the test knows no value"
                );
                let fits = |value: &&&str| allows(&document, &parameter["schema"], value);
                all.extend(values.iter().filter(fits).map(|value| format!("{address}{sign}{name}={value}")));
            }
            all.push(address);
        }
    }
    all
}

fn each(addresses: &[String], values: &[&str], with: impl Fn(&str, &str) -> String) -> Vec<String> {
    addresses.iter().flat_map(|address| values.iter().map(|value| with(address, value)).collect::<Vec<_>>()).collect()
}

/// Whether a schema of the document allows a value, as it stands in an address.
fn allows(document: &Value, schema: &Value, value: &str) -> bool {
    if let Some(to) = schema["$ref"].as_str() {
        let referred = document.pointer(to.trim_start_matches('#'));
        return referred.is_some_and(|schema| allows(document, schema, value));
    }
    if let Some(alternatives) = schema["oneOf"].as_array() {
        return alternatives.iter().any(|schema| allows(document, schema, value));
    }
    if let Some(words) = schema["enum"].as_array() {
        return words.iter().any(|word| word == value);
    }
    let is = |kind: &str| {
        let either = schema["type"].as_array().is_some_and(|kinds| kinds.iter().any(|known| known == kind));
        either || schema["type"] == kind
    };
    match schema["format"].as_str() {
        Some("date" | "date-time") => value.len() >= "2026-01-31".len() && value.starts_with("2026-"),
        _ if is("integer") => value.parse::<i64>().is_ok(),
        _ if is("boolean") => value == "true" || value == "false",
        _ => is("string"),
    }
}

fn values<'a>(known: &Known<'a>, name: &str) -> &'a [&'a str] {
    known.iter().find(|(parameter, _)| *parameter == name).map_or(&[], |(_, values)| *values)
}
