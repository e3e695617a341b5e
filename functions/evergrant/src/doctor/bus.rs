//! The bus of change events.

use aws_sdk_eventbridge::Client;

use super::{Finding, Ward};

pub(super) async fn look(ward: &Ward<'_>) -> Vec<Finding> {
    let bus = match ward.variable("bus", "EVERGRANT_EVENT_BUS") {
        Ok(bus) => bus,
        Err(finding) => return vec![finding],
    };
    let client = Client::from_conf(ward.aws.eventbridge());
    vec![match client.describe_event_bus().name(bus).send().await {
        Ok(_) => Finding::ok("bus", format!("{bus} is there")),
        Err(error) => ward.failed("bus", &format!("bus {bus}"), &error, "infra/stage deploy STAGE makes it: until then no change is told"),
    }]
}
