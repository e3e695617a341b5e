//! What AWS asks for, in US dollars: list prices of us-east-1, the first tier of each, without any free tier and without discounts. Read in
//! copies of AWS's pages: SQS and EventBridge of March 2026, CloudWatch of February to June 2026, Lambda and DynamoDB's units of 2026 without
//! a day; KMS, SES, S3 and what is stored in DynamoDB as they have been for years. Look them up before a decision rests on them.

use crate::units::Units;

const MILLION: f64 = 1e6;
const GIGABYTE: f64 = 1024.0 * 1024.0 * 1024.0;

/// When the prices were read.
pub(crate) const READ: &str = "first half of 2026";

/// A kind of unit, as it is shown, and what one costs.
pub(crate) struct Price {
    pub(crate) name: &'static str,
    /// How many are used.
    pub(crate) amount: fn(&Units) -> f64,
    /// For one.
    pub(crate) dollars: f64,
}

/// Every kind of unit.
pub(crate) const PRICES: [Price; 15] = [
    // Source: <https://aws.amazon.com/lambda/pricing/> (Arm)
    Price { name: "Lambda, invocations", amount: |units| units.invocations, dollars: 0.20 / MILLION },
    Price { name: "Lambda, GB-seconds", amount: |units| units.gigabyte_seconds, dollars: 0.000_013_333_4 },
    // Source: <https://aws.amazon.com/dynamodb/pricing/on-demand/>
    Price { name: "DynamoDB, read units", amount: |units| units.reads, dollars: 0.125 / MILLION },
    Price { name: "DynamoDB, write units", amount: |units| units.writes, dollars: 0.625 / MILLION },
    // Kept at 0.25, and point-in-time recovery at 0.20.
    Price { name: "DynamoDB, MB stored", amount: |units| units.stored_bytes / 1024.0 / 1024.0, dollars: (0.25 + 0.20) / 1024.0 },
    // Source: <https://aws.amazon.com/sqs/pricing/> (standard queues)
    Price { name: "SQS, requests", amount: |units| units.queue_requests, dollars: 0.40 / MILLION },
    // Source: <https://aws.amazon.com/eventbridge/pricing/> (Scheduler)
    Price { name: "EventBridge, ticks", amount: |units| units.ticks, dollars: 1.00 / MILLION },
    // Source: <https://aws.amazon.com/eventbridge/pricing/> (custom events)
    Price { name: "EventBridge, change events", amount: |units| units.events, dollars: 1.00 / MILLION },
    // Source: <https://aws.amazon.com/kms/pricing/>
    Price { name: "KMS, requests", amount: |units| units.key_requests, dollars: 0.03 / 10_000.0 },
    Price { name: "KMS, keys", amount: |units| units.keys, dollars: 1.00 },
    // Source: <https://aws.amazon.com/s3/pricing/> (standard)
    Price { name: "S3, MB stored", amount: |units| units.object_bytes / 1024.0 / 1024.0, dollars: 0.023 / 1024.0 },
    // Source: <https://aws.amazon.com/cloudwatch/pricing/> (collected, and kept for a month)
    Price {
        name: "CloudWatch, MB of logs",
        amount: |units| units.log_bytes / 1024.0 / 1024.0,
        dollars: (0.50 + 0.03) / GIGABYTE * 1024.0 * 1024.0,
    },
    Price { name: "CloudWatch, metrics", amount: |units| units.metrics, dollars: 0.30 },
    Price { name: "CloudWatch, alarms by metric", amount: |units| units.alarms, dollars: 0.10 },
    Price { name: "CloudWatch, dashboards", amount: |units| units.dashboards, dollars: 3.00 },
];

/// What a mail costs. A connection that is well causes none. Source: <https://aws.amazon.com/ses/pricing/>
pub(crate) const MAIL: f64 = 0.10 / 1000.0;
