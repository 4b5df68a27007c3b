//! Side calls want JSON that fits a schema: titles, routing, suggestions.

use serde_json::{Map, Value, json};

/// The schema that the answer to a request shall fit.
pub(crate) fn wanted(body: &Value) -> Option<Value> {
    let places = [
        &body["output_config"]["format"],
        &body["output_format"],
        &body["response_format"],
        &body["text"]["format"],
    ];
    places
        .into_iter()
        .flat_map(|place| [&place["schema"], &place["json_schema"]["schema"]])
        .find(|schema| schema.is_object())
        .cloned()
}

/// The smallest value that fits, near enough.
pub(crate) fn sample(schema: &Value) -> Value {
    if let Some(value) = ["const", "default"].iter().find_map(|key| schema.get(key)) {
        return value.clone();
    }
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    if let Some(choice) = ["anyOf", "oneOf", "allOf"].iter().find_map(|key| schema[key].get(0)) {
        return sample(choice);
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    match kind.unwrap_or(if schema["properties"].is_object() { "object" } else { "string" }) {
        "object" => {
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let value = |key: &str| (key.to_owned(), sample(&schema["properties"][key]));
            Value::Object(required.map(value).collect::<Map<_, _>>())
        }
        "array" => {
            let length = usize::try_from(schema["minItems"].as_u64().unwrap_or(0)).unwrap_or(0);
            Value::Array(vec![sample(&schema["items"]); length])
        }
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or(json!(1)),
        "boolean" => json!(false),
        "null" => Value::Null,
        _ => json!("fake"),
    }
}
