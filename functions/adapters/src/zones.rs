//! Which time zones there are, and their rules: the data is compiled in, because where Lambda runs there need be none, and the same release
//! must judge alike everywhere.

use domain::notice::audience::ZoneName;
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// The rules of a time zone; `None` where there is no such zone.
#[must_use]
pub fn rules(name: &ZoneName) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name.as_str()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    #[test]
    fn a_zones_rules_come_with_the_release() {
        let at: Timestamp = "2026-07-01T12:00:00Z".parse().unwrap();
        for (name, expected) in [("UTC", "12:00:00"), ("Europe/Berlin", "14:00:00"), ("Asia/Kolkata", "17:30:00")] {
            let rules = rules(&ZoneName::try_from(name.to_owned()).unwrap()).expect(name);
            assert_eq!(rules.to_datetime(at).time().to_string(), expected, "{name}");
        }
        assert!(rules(&ZoneName::try_from("Mars/Base".to_owned()).unwrap()).is_none());
    }
}
