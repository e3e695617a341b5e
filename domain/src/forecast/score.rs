//! How good forecasts are: what became of them when grants ended.

use jiff::{SignedDuration, Timestamp};

use super::Lifetime;
use crate::health::{Health, Standing};

/// How a grant's end had been foreseen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Score {
    /// It had been told, so long before.
    Hit(SignedDuration),
    /// It had not, and an age limit ended the grant, which can be foreseen.
    Missed,
    /// It had not, and nobody could have known.
    Unforeseeable,
}

/// Scores the end of a grant that worked, whose health was `before`, by what the end taught about ages.
#[must_use]
pub fn score(before: &Standing, lesson: Option<&Lifetime>, ended_at: Timestamp) -> Score {
    match (&before.health, lesson) {
        (Health::Expiring, _) => Score::Hit(ended_at.duration_since(before.since)),
        (_, Some(_)) => Score::Missed,
        (_, None) => Score::Unforeseeable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::Limit;

    #[test]
    fn an_end_is_foreseen_missed_or_nobodys_to_know() {
        let at = |hour: i64| Timestamp::from_second(hour * 3600).unwrap();
        let lesson = Lifetime { signed_in_at: at(0), verified_at: at(9), ended_at: at(10), stated: None, limit: Limit::SecondFactor };
        let expiring = Standing::sure(Health::Expiring, at(4));
        assert_eq!(score(&expiring, Some(&lesson), at(10)), Score::Hit(SignedDuration::from_hours(6)));
        assert_eq!(score(&expiring, None, at(10)), Score::Hit(SignedDuration::from_hours(6)));
        let healthy = Standing::sure(Health::Healthy, at(4));
        assert_eq!(score(&healthy, Some(&lesson), at(10)), Score::Missed);
        assert_eq!(score(&healthy, None, at(10)), Score::Unforeseeable);
    }
}
