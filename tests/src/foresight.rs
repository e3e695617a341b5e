//! How good the forecasts are: a population of tenants over two years, against the real rules, without any IO.
//!
//! Every tenant's grants live through what the tenant does to them ([`tenant`]); the rules see only what the product would see: answers
//! at checks, and the directory as the sync reads it. Nobody heeds a warning, so that each forecast meets what it foretold.
//!
//! - An end is warned of in time when a warning named it a day before, or half the grant's life where that is shorter than two days.
//! - A forecast came true when the grant ended within [`tolerance`] of it. It was wrong when the grant outlived it, or the same limit
//!   ended the grant earlier. It was cut short when something else ended the grant before; then nobody knows.

pub mod tenant;

use std::collections::BTreeMap;
use std::fmt;

use domain::api::Confidence;
use domain::forecast::{self, Forecast, Known, Life, Lifetime, Omen, Sign, Warned, Why};
use jiff::{SignedDuration, Timestamp};

use crate::chance::Seeded;
use tenant::{Cause, End, Kind, Tenant};

/// What became of the population.
#[derive(Debug, Default)]
pub struct Score {
    /// By kind of tenant.
    pub kinds: BTreeMap<Kind, KindScore>,
    /// By confidence, and by kind.
    pub levels: BTreeMap<Confidence, BTreeMap<Kind, Tally>>,
}

/// What became of one kind of tenant.
#[derive(Debug, Default, Clone, Copy)]
pub struct KindScore {
    /// How many.
    pub tenants: u32,
    /// Grants that ended.
    pub ends: u32,
    /// Ends that were warned of in time.
    pub in_time: u32,
    /// Ends that were shown in time, with too little confidence to be sent.
    pub shown: u32,
    /// Ends that were told too late or not at all.
    pub missed: u32,
    /// Of those missed: ends of which nothing could have been known.
    pub unforeseeable: u32,
    /// What became of the warnings that were sent.
    pub warnings: Tally,
}

/// What became of forecasts.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    /// They came true.
    pub came_true: u32,
    /// They did not.
    pub wrong: u32,
    /// Something else ended the grant before.
    pub cut_short: u32,
}

impl Tally {
    /// The share that came true, of those that met what they foretold.
    #[must_use]
    pub fn share(&self) -> f64 {
        f64::from(self.came_true) / f64::from((self.came_true + self.wrong).max(1))
    }

    fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::CameTrue => self.came_true += 1,
            Verdict::Wrong => self.wrong += 1,
            Verdict::CutShort => self.cut_short += 1,
            Verdict::Unknown => {}
        }
    }
}

impl Score {
    /// What became of the forecasts of one confidence, and of those among them that were the worst by kind.
    #[must_use]
    pub fn level(&self, confidence: Confidence) -> (Tally, Option<(Kind, Tally)>) {
        let of_kinds = self.levels.get(&confidence).into_iter().flatten();
        let worst = of_kinds.clone().min_by(|(_, one), (_, other)| one.share().total_cmp(&other.share()));
        let sum = of_kinds.fold(Tally::default(), |sum, (_, tally)| Tally {
            came_true: sum.came_true + tally.came_true,
            wrong: sum.wrong + tally.wrong,
            cut_short: sum.cut_short + tally.cut_short,
        });
        (sum, worst.map(|(kind, tally)| (*kind, *tally)))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    CameTrue,
    Wrong,
    CutShort,
    /// The two years were over before.
    Unknown,
}

/// How far from the forecast an end may come: a day, or a tenth of a life that is short.
#[must_use]
pub fn tolerance(forecast: &Forecast) -> SignedDuration {
    let day = SignedDuration::from_hours(24);
    match forecast.why {
        Why::Limit { length, .. } => (length / 10).min(day),
        _ => day,
    }
}

/// Lets `tenants` of each kind live for two years.
#[must_use]
pub fn score(tenants: u32, seed: u64) -> Score {
    let mut score = Score::default();
    for kind in Kind::ALL {
        for number in 0..tenants {
            let chance = Seeded::new(seed ^ (u64::from(number) << 8) ^ u64::from(kind.number()));
            let mut tenant = Tenant::of(kind, &chance);
            score.kinds.entry(kind).or_default().tenants += 1;
            live(&mut tenant, &mut score);
        }
    }
    score
}

/// One tenant's grants, one after the other.
fn live(tenant: &mut Tenant<'_>, score: &mut Score) {
    let mut lifetimes: Vec<Lifetime> = Vec::new();
    let mut signed_in_at = tenant.start();
    while signed_in_at < tenant.finish() {
        let grant = Grant::live(tenant, &mut lifetimes, signed_in_at);
        grant.judge(tenant.kind, score);
        let Some(end) = grant.end else { return };
        signed_in_at = tenant.repair(&end);
    }
}

/// What was said about one grant, and what became of it.
struct Grant {
    signed_in_at: Timestamp,
    /// Each different forecast that was shown, and when first.
    shown: Vec<(Timestamp, Forecast)>,
    /// Each warning that was sent.
    sent: Vec<(Timestamp, Forecast)>,
    end: Option<End>,
    finish: Timestamp,
}

impl Grant {
    fn live(tenant: &mut Tenant<'_>, lifetimes: &mut Vec<Lifetime>, signed_in_at: Timestamp) -> Self {
        let end = tenant.end_of(signed_in_at);
        let finish = tenant.finish();
        let mut grant = Self { signed_in_at, shown: Vec::new(), sent: Vec::new(), end: None, finish };
        let mut life = Life { signed_in_at, verified_at: signed_in_at };
        let (mut now, mut told, mut omen) = (signed_in_at, None, None);
        while now < finish {
            if let Some(over) = end.filter(|end| end.at <= now) {
                forecast::remember(lifetimes, life, forecast::learn(&over.cause.refusal(), life, now));
                grant.end = end;
                return grant;
            }
            life.verified_at = now;
            omen = seen(tenant, life, omen, now);
            let known = Known { credential_ends_at: tenant.credential_ends_at(now), omen, ..Known::of(life, lifetimes) };
            if let Some(forecast) = forecast::foresee(&known, now).filter(|forecast| forecast.why != Why::Inactivity) {
                told = grant.say(forecast, told, now);
            }
            now = tenant.next_check(now, end.as_ref());
        }
        grant
    }

    /// Notes what the product shows and sends.
    fn say(&mut self, forecast: Forecast, told: Option<Warned>, now: Timestamp) -> Option<Warned> {
        let is_same = |(_, shown): &(Timestamp, Forecast)| shown.confidence == forecast.confidence && is_same_end(shown, &forecast);
        if !self.shown.iter().any(is_same) {
            self.shown.push((now, forecast.clone()));
        }
        let owed = forecast.owes(told, now);
        if owed.is_some() {
            self.sent.push((now, forecast));
        }
        owed.or(told)
    }

    fn judge(&self, kind: Kind, score: &mut Score) {
        for (_, forecast) in &self.shown {
            score.levels.entry(forecast.confidence).or_default().entry(kind).or_default().add(self.verdict(forecast));
        }
        let of_kind = score.kinds.entry(kind).or_default();
        let mut judged: Vec<&Forecast> = Vec::new();
        for (_, forecast) in &self.sent {
            if !judged.iter().any(|judged| is_same_end(judged, forecast)) {
                of_kind.warnings.add(self.verdict(forecast));
                judged.push(forecast);
            }
        }
        let Some(end) = self.end else { return };
        let is_hit = |(at, forecast): &&(Timestamp, Forecast)| {
            self.verdict(forecast) == Verdict::CameTrue && end.at.duration_since(*at) >= self.notice(&end)
        };
        of_kind.ends += 1;
        match (self.sent.iter().find(is_hit), self.shown.iter().find(is_hit)) {
            (Some(_), _) => of_kind.in_time += 1,
            (None, Some(_)) => of_kind.shown += 1,
            (None, None) => {
                of_kind.missed += 1;
                of_kind.unforeseeable += u32::from(end.cause.is_sudden());
            }
        }
    }

    /// How long before the end a warning is in time.
    fn notice(&self, end: &End) -> SignedDuration {
        let day = SignedDuration::from_hours(24);
        let life = end.at.duration_since(self.signed_in_at);
        if life < day * 2 { life * 9 / 20 } else { day }
    }

    fn verdict(&self, forecast: &Forecast) -> Verdict {
        let tolerance = tolerance(forecast);
        match self.end {
            Some(end) if end.at.duration_since(forecast.ends_at).abs() <= tolerance => Verdict::CameTrue,
            Some(end) if end.at < forecast.ends_at && !is_by(forecast, &end) => Verdict::CutShort,
            None if self.finish.duration_since(forecast.ends_at) <= tolerance => Verdict::Unknown,
            Some(_) | None => Verdict::Wrong,
        }
    }
}

/// What the sync notes of the consenter, where it sees anything.
fn seen(tenant: &Tenant<'_>, life: Life, before: Option<Omen>, now: Timestamp) -> Option<Omen> {
    let sign = Sign::read(&tenant.consenter(life.signed_in_at, now), life.signed_in_at)?;
    before.filter(|omen| omen.sign == sign).or(Some(Omen { sign, seen_at: now }))
}

/// Whether what was forecast is what ended it.
fn is_by(forecast: &Forecast, end: &End) -> bool {
    match forecast.why {
        Why::Limit { .. } => end.cause.is_age(),
        Why::Credential => matches!(end.cause, Cause::Credential),
        Why::Leave => matches!(end.cause, Cause::Left),
        _ => true,
    }
}

fn is_same_end(one: &Forecast, other: &Forecast) -> bool {
    one.ends_at.duration_since(other.ends_at).abs() <= tolerance(one)
}

impl fmt::Display for Score {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "{:<44} {:>7} {:>6} {:>8} {:>6} {:>7} {:>13} {:>6} {:>6} {:>9}",
            "tenants", "number", "ends", "in time", "shown", "missed", "of it sudden", "true", "wrong", "cut short"
        )?;
        for (kind, score) in &self.kinds {
            writeln!(
                out,
                "{:<44} {:>7} {:>6} {:>8} {:>6} {:>7} {:>13} {:>6} {:>6} {:>9}",
                kind.to_string(),
                score.tenants,
                score.ends,
                score.in_time,
                score.shown,
                score.missed,
                score.unforeseeable,
                score.warnings.came_true,
                score.warnings.wrong,
                score.warnings.cut_short
            )?;
        }
        writeln!(out, "\n{:<12} {:>9} {:>6} {:>9} {:>8}   worst kind", "confidence", "true", "wrong", "cut short", "share")?;
        for level in [Confidence::High, Confidence::Medium, Confidence::Low] {
            let (tally, worst) = self.level(level);
            let share = tally.share() * 100.0;
            let name = format!("{level:?}").to_lowercase();
            write!(out, "{name:<12} {:>9} {:>6} {:>9} {share:>6.1} %", tally.came_true, tally.wrong, tally.cut_short)?;
            let worst = worst.map(|(kind, tally)| format!("{:.0} %, {kind}", tally.share() * 100.0));
            writeln!(out, "   {}", worst.unwrap_or_default())?;
        }
        Ok(())
    }
}
