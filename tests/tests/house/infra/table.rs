//! How a table is made: by the template, and by the code that makes it where there is no template.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::{KeySchemaElement, TableDescription};
use serde_json::{Value, json};

use super::template::spoken;
use super::{DATA, read};
use crate::tree::File;

/// A table of the data's template: comparable, and without an order where none counts.
pub(crate) fn table_of_the_template(files: &[File], name: &str) -> Value {
    let table = &read(files, DATA)[name]["Properties"];
    let many = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let keys = |value: &Value| -> Value { many(value).iter().map(|key| json!([key["AttributeName"], key["KeyType"]])).collect() };
    let definition = |attribute: &Value| (spoken(&attribute["AttributeName"]), spoken(&attribute["AttributeType"]));
    let attributes: BTreeSet<(String, String)> = many(&table["AttributeDefinitions"]).iter().map(definition).collect();
    let index = |index: &Value| {
        let projected = &index["Projection"];
        let also = projected.get("NonKeyAttributes").cloned().unwrap_or(json!([]));
        (spoken(&index["IndexName"]), json!([keys(&index["KeySchema"]), projected["ProjectionType"], also]))
    };
    let indexes: BTreeMap<String, Value> = many(&table["GlobalSecondaryIndexes"]).iter().map(index).collect();
    json!({
        "attributes": attributes, "indexes": indexes, "keys": keys(&table["KeySchema"]),
        "billing": table["BillingMode"], "stream": table["StreamSpecification"]["StreamViewType"],
    })
}

/// A table as the engine describes it, in the same words.
pub(crate) fn table_of_the_code(table: &TableDescription) -> Value {
    let definitions = table.attribute_definitions().iter();
    let attributes: BTreeSet<(&str, &str)> = definitions.map(|one| (one.attribute_name(), one.attribute_type().as_str())).collect();
    let indexes = table.global_secondary_indexes().iter().map(|index| {
        let kind = index.projection().and_then(|projected| projected.projection_type()).map(|kind| kind.as_str());
        let also = index.projection().map(|projected| projected.non_key_attributes()).unwrap_or_default();
        (index.index_name().unwrap_or_default(), json!([keys(index.key_schema()), kind, also]))
    });
    let indexes: BTreeMap<&str, Value> = indexes.collect();
    let billing = table.billing_mode_summary().and_then(|billing| billing.billing_mode()).map(|mode| mode.as_str());
    let stream = table.stream_specification().and_then(|stream| stream.stream_view_type()).map(|view| view.as_str());
    json!({"attributes": attributes, "indexes": indexes, "keys": keys(table.key_schema()), "billing": billing, "stream": stream})
}

fn keys(schema: &[KeySchemaElement]) -> Value {
    schema.iter().map(|key| json!([key.attribute_name(), key.key_type().as_str()])).collect()
}
