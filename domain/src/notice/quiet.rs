//! Until when a reminder waits: hours of the day in which nobody wants to be reminded, by the customer's own clock.
//!
//! The rules of a time zone come as an argument, because their data is large and not for the browser. A death waits for nobody, so nothing
//! here is asked about one.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};
use serde::{Deserialize, Serialize};

/// Longer than any quiet hours, which end once a day, and a day that lacks hours or is left out of the calendar.
const AHEAD: SignedDuration = SignedDuration::from_hours(72);
/// The most times that clocks are moved within it.
const MOVES_MAX: usize = 8;

/// Quiet hours: from a time of day on, until another one, over midnight where that comes earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct QuietHours {
    from: Time,
    until: Time,
}

/// Quiet hours as they are stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    from: Time,
    until: Time,
}

/// Why two times of day are no quiet hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must end at another time than they begin: reminders would never come")]
pub struct NeverOver;

impl TryFrom<Stored> for QuietHours {
    type Error = NeverOver;
    fn try_from(Stored { from, until }: Stored) -> Result<Self, NeverOver> {
        Self::between(from, until)
    }
}

impl From<QuietHours> for Stored {
    fn from(QuietHours { from, until }: QuietHours) -> Self {
        Self { from, until }
    }
}

impl QuietHours {
    /// The hours from one time of day, which is quiet, until another, which is not.
    ///
    /// # Errors
    /// [`NeverOver`] where both are the same.
    pub fn between(from: Time, until: Time) -> Result<Self, NeverOver> {
        match from == until {
            true => Err(NeverOver),
            false => Ok(Self { from, until }),
        }
    }

    /// When they begin.
    #[must_use]
    pub fn begin(&self) -> Time {
        self.from
    }

    /// When they end.
    #[must_use]
    pub fn end(&self) -> Time {
        self.until
    }

    /// Whether this moment is within them.
    #[must_use]
    pub fn is_within(&self, at: Timestamp, zone: &TimeZone) -> bool {
        let clock = zone.to_datetime(at).time();
        match self.from < self.until {
            true => (self.from..self.until).contains(&clock),
            false => clock >= self.from || clock < self.until,
        }
    }

    /// The earliest moment from `now` on that is not within them. They end when the clock says so, which it does twice where it is put
    /// back over their end, or when it is put forward over it.
    #[must_use]
    pub fn earliest(&self, now: Timestamp, zone: &TimeZone) -> Timestamp {
        let today = zone.to_datetime(now).date();
        let days = (0..=3).filter_map(|days| today.checked_add(Span::new().days(days)).ok());
        let ends = days.flat_map(|day| self.ends_on(day, zone));
        let moves = zone.following(now).take(MOVES_MAX).map(|transition| transition.timestamp());
        let moments = std::iter::once(now).chain(ends).chain(moves);
        let is_over = |at: &Timestamp| *at >= now && at.duration_since(now) <= AHEAD && !self.is_within(*at, zone);
        moments.filter(is_over).min().unwrap_or(now)
    }

    /// When the clock shows their end on this day: once, as a rule.
    fn ends_on(&self, day: Date, zone: &TimeZone) -> Vec<Timestamp> {
        let ambiguous = zone.to_ambiguous_timestamp(day.to_datetime(self.until));
        [ambiguous.earlier(), ambiguous.later()].into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{date, time};
    use proptest::prelude::*;

    /// As in Berlin. Source: POSIX.1-2017 section 8.3, `TZ`
    const BERLIN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

    fn zone(rules: &str) -> TimeZone {
        TimeZone::posix(rules).expect("rules of a time zone")
    }

    fn night() -> QuietHours {
        QuietHours::between(time(20, 0, 0, 0), time(7, 30, 0, 0)).unwrap()
    }

    fn local(hours: QuietHours, now: &str) -> String {
        let earliest = hours.earliest(now.parse().expect(now), &zone(BERLIN));
        zone(BERLIN).to_datetime(earliest).to_string()
    }

    #[test]
    fn a_reminder_waits_for_the_morning() {
        for (now, expected) in [
            ("2026-01-10T11:00:00Z", "2026-01-10T12:00:00"),
            ("2026-01-10T18:59:59Z", "2026-01-10T19:59:59"),
            ("2026-01-10T19:00:00Z", "2026-01-11T07:30:00"),
            ("2026-01-10T23:30:00Z", "2026-01-11T07:30:00"),
            ("2026-01-11T06:30:00Z", "2026-01-11T07:30:00"),
            ("2026-07-10T05:29:00Z", "2026-07-10T07:30:00"),
        ] {
            assert_eq!(local(night(), now), expected, "{now}");
        }
    }

    #[test]
    fn hours_within_a_day_end_on_that_day() {
        let noon = QuietHours::between(time(12, 0, 0, 0), time(14, 0, 0, 0)).unwrap();
        assert_eq!(local(noon, "2026-01-10T11:15:00Z"), "2026-01-10T14:00:00");
        assert_eq!(local(noon, "2026-01-10T13:00:00Z"), "2026-01-10T14:00:00");
    }

    #[test]
    fn an_end_that_the_clock_leaves_out_has_come_when_it_is_put_forward() {
        let early = QuietHours::between(time(22, 0, 0, 0), time(2, 30, 0, 0)).unwrap();
        // On the last Sunday of March, 2:00 is followed by 3:00.
        assert_eq!(local(early, "2026-03-29T00:15:00Z"), "2026-03-29T03:00:00");
    }

    #[test]
    fn an_end_that_the_clock_shows_twice_counts_each_time() {
        let early = QuietHours::between(time(22, 0, 0, 0), time(2, 30, 0, 0)).unwrap();
        // On the last Sunday of October, 3:00 is followed by 2:00.
        let first = early.earliest("2026-10-25T00:15:00Z".parse().unwrap(), &zone(BERLIN));
        let again = early.earliest("2026-10-25T01:15:00Z".parse().unwrap(), &zone(BERLIN));
        assert_eq!((first.to_string(), again.to_string()), ("2026-10-25T00:30:00Z".to_owned(), "2026-10-25T01:30:00Z".to_owned()));
    }

    #[test]
    fn hours_that_never_end_are_refused() {
        assert_eq!(QuietHours::between(time(7, 0, 0, 0), time(7, 0, 0, 0)), Err(NeverOver));
    }

    proptest! {
        #[test]
        fn the_wait_ends_as_soon_as_the_hours_do_and_no_sooner(
            from in 0..1440_i32,
            length in 1..1440_i32,
            minutes in 0..(400 * 24 * 60_i64),
            rules in prop_oneof!["CET-1CEST,M3\\.5\\.0,M10\\.5\\.0/3", "EST5EDT,M3\\.2\\.0,M11\\.1\\.0", "<\\+1030>-10:30<\\+11>-11,M10\\.1\\.0,M4\\.1\\.0", "UTC0"],
        ) {
            let clock = |minute: i32| time((minute / 60 % 24) as i8, (minute % 60) as i8, 0, 0);
            let hours = QuietHours::between(clock(from), clock((from + length) % 1440)).unwrap();
            let zone = zone(&rules);
            let now = date(2026, 1, 1).at(0, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap().timestamp() + SignedDuration::from_mins(minutes);
            let earliest = hours.earliest(now, &zone);
            prop_assert!(earliest >= now && !hours.is_within(earliest, &zone));
            let mut at = now;
            while at < earliest {
                prop_assert!(hours.is_within(at, &zone), "{} is not quiet, and {} was waited for", at, earliest);
                at += SignedDuration::from_mins(1);
            }
        }
    }
}
