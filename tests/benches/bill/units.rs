//! Units of AWS, as they add up.

/// How much was used.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Units {
    pub(crate) invocations: f64,
    pub(crate) gigabyte_seconds: f64,
    pub(crate) reads: f64,
    pub(crate) writes: f64,
    pub(crate) stored_bytes: f64,
    pub(crate) queue_requests: f64,
    pub(crate) ticks: f64,
    pub(crate) events: f64,
    pub(crate) key_requests: f64,
    pub(crate) keys: f64,
    pub(crate) object_bytes: f64,
    pub(crate) log_bytes: f64,
    pub(crate) metrics: f64,
    pub(crate) alarms: f64,
    pub(crate) dashboards: f64,
}

impl Units {
    /// Everything of both, pair by pair.
    fn zip(self, other: Self, both: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            invocations: both(self.invocations, other.invocations),
            gigabyte_seconds: both(self.gigabyte_seconds, other.gigabyte_seconds),
            reads: both(self.reads, other.reads),
            writes: both(self.writes, other.writes),
            stored_bytes: both(self.stored_bytes, other.stored_bytes),
            queue_requests: both(self.queue_requests, other.queue_requests),
            ticks: both(self.ticks, other.ticks),
            events: both(self.events, other.events),
            key_requests: both(self.key_requests, other.key_requests),
            keys: both(self.keys, other.keys),
            object_bytes: both(self.object_bytes, other.object_bytes),
            log_bytes: both(self.log_bytes, other.log_bytes),
            metrics: both(self.metrics, other.metrics),
            alarms: both(self.alarms, other.alarms),
            dashboards: both(self.dashboards, other.dashboards),
        }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        self.zip(other, |one, other| one + other)
    }

    pub(crate) fn less(self, other: Self) -> Self {
        self.zip(other, |one, other| one - other)
    }

    /// As often.
    pub(crate) fn times(self, factor: f64) -> Self {
        self.zip(self, |one, _| one * factor)
    }

    /// What is kept is not used up: it stays as it is, however long.
    pub(crate) fn for_so_long(self, factor: f64) -> Self {
        let (stored_bytes, object_bytes) = (self.stored_bytes, self.object_bytes);
        Self { stored_bytes, object_bytes, ..self.times(factor) }
    }
}
