//! What was noted, as lines.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Noted, Unit};

/// Where the metrics are in CloudWatch.
pub const NAMESPACE: &str = "evergrant";
/// The name of the only dimension.
const DIMENSION: &str = "function";
/// The most values of one metric in one line, by the specification.
const VALUES_MAX: usize = 100;

impl Noted {
    /// What was noted, as lines of at most a hundred values a metric; no line where nothing was.
    #[must_use]
    pub fn lines(&self, function: &str, now: Timestamp) -> Vec<Value> {
        let most = self.0.values().map(|(_, values)| values.len()).max().unwrap_or_default();
        (0..most.div_ceil(VALUES_MAX)).map(|part| self.line(part, function, now)).collect()
    }

    fn line(&self, part: usize, function: &str, now: Timestamp) -> Value {
        let mut line = Map::new();
        let mut metrics = Vec::new();
        for (name, (unit, values)) in &self.0 {
            let Some(values) = values.chunks(VALUES_MAX).nth(part) else { continue };
            let unit = match unit {
                Unit::Count => "Count",
                Unit::Seconds => "Seconds",
            };
            metrics.push(json!({"Name": name, "Unit": unit}));
            let value = match values {
                [one] => json!(one),
                many => json!(many),
            };
            line.insert(name.clone(), value);
        }
        let directive = json!({"Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": metrics});
        line.insert("_aws".to_owned(), json!({"Timestamp": now.as_millisecond(), "CloudWatchMetrics": [directive]}));
        line.insert(DIMENSION.to_owned(), json!(function));
        Value::Object(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metric;
    use domain::api::HealthWord;

    /// What the specification asks of a line. Source:
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
    fn assert_is_as_specified(line: &Value) {
        assert!(line["_aws"]["Timestamp"].is_i64());
        let directives = line["_aws"]["CloudWatchMetrics"].as_array().unwrap();
        for directive in directives {
            assert!(directive["Namespace"].as_str().is_some_and(|name| (1..=1024).contains(&name.len())));
            for set in directive["Dimensions"].as_array().unwrap() {
                let names = set.as_array().unwrap();
                assert!(names.len() <= 30 && names.iter().all(|name| line[name.as_str().unwrap()].is_string()), "{line}");
            }
            let metrics = directive["Metrics"].as_array().unwrap();
            assert!((1..=100).contains(&metrics.len()), "{line}");
            for metric in metrics {
                assert!(["Count", "Seconds"].contains(&metric["Unit"].as_str().unwrap()));
                match &line[metric["Name"].as_str().unwrap()] {
                    Value::Number(_) => {}
                    Value::Array(values) => assert!(values.len() <= 100 && values.iter().all(Value::is_number), "{line}"),
                    other => panic!("{metric} is {other}"),
                }
            }
        }
        assert!(!line.to_string().contains('\n') && line.to_string().len() < 256 * 1024);
    }

    #[test]
    fn a_line_tells_names_units_and_values_beside_the_function() {
        let mut noted = Noted::default();
        noted.add(&Metric::Connections(HealthWord::OperatorFault), 1.0);
        noted.add(&Metric::RefreshesRefused("session-revoked".to_owned()), 1.0);
        noted.add(&Metric::RefreshesRefused("session-revoked".to_owned()), 1.0);
        noted.add(&Metric::SyncLag, 12.5);
        noted.add(&Metric::SyncLag, 3.0);
        let lines = noted.lines("evergrant-prod-token-check", Timestamp::from_second(1_700_000_000).unwrap());
        let expected = json!({
            "_aws": {"Timestamp": 1_700_000_000_000_i64, "CloudWatchMetrics": [{"Namespace": "evergrant", "Dimensions": [["function"]], "Metrics": [
                {"Name": "Connections.operator-fault", "Unit": "Count"}, {"Name": "RefreshesRefused.session-revoked", "Unit": "Count"},
                {"Name": "SyncLag", "Unit": "Seconds"},
            ]}]},
            "function": "evergrant-prod-token-check",
            "Connections.operator-fault": 1.0, "RefreshesRefused.session-revoked": 2.0, "SyncLag": [12.5, 3.0],
        });
        assert_eq!(lines, [expected]);
        assert_is_as_specified(&lines[0]);
    }

    #[test]
    fn many_values_become_several_lines_and_none_no_line() {
        let mut noted = Noted::default();
        assert!(noted.lines("f", Timestamp::UNIX_EPOCH).is_empty());
        noted.add(&Metric::ChecksLeft, 2.0);
        for value in 0..250 {
            noted.add(&Metric::CheckDelay, f64::from(value));
        }
        let lines = noted.lines("f", Timestamp::UNIX_EPOCH);
        lines.iter().for_each(assert_is_as_specified);
        let told: Vec<usize> = lines.iter().map(|line| line["CheckDelay"].as_array().unwrap().len()).collect();
        assert_eq!(told, [100, 100, 50]);
        let left: Vec<&Value> = lines.iter().map(|line| &line["ChecksLeft"]).collect();
        assert_eq!(left, [&json!(2.0), &Value::Null, &Value::Null], "a sum is told once");
    }
}
