//! The face of a connection: which words, shape, colour and buttons belong to which status. Pure, and where the product's tone lives.

use domain::api::{Actor, Confidence, ConnectionStatus, ForecastView, HealthWord, SyncWord};

use crate::moment::Moment;
use crate::words::{Line, Slot};

/// What the card shows of one status.
#[derive(Debug, Clone, PartialEq)]
pub struct Face {
    /// Health as a word.
    pub word: Line,
    /// Health as a colour.
    pub tone: Tone,
    /// Health as a shape.
    pub shape: Shape,
    /// What is going on, in a few words.
    pub headline: Line,
    /// What is going on, in a sentence or two.
    pub explanation: Option<Line>,
    /// Who must act, where somebody must.
    pub who: Option<Line>,
    /// The button that starts a consent.
    pub consent: Option<Consent>,
    /// Whether a sync can be asked for.
    pub can_sync: bool,
}

/// Health as a colour: the colour never stands alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// All is well.
    Ok,
    /// Look at it in the next days.
    Warn,
    /// It does not work.
    Danger,
    /// Something to know or to begin.
    Info,
    /// At rest.
    Neutral,
}

impl Tone {
    /// The tone's class name.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Danger => "danger",
            Self::Info => "info",
            Self::Neutral => "neutral",
        }
    }
}

/// Health as a shape, told apart without colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A disc with a tick.
    Tick,
    /// A clock.
    Clock,
    /// A rounded square with two bars.
    Pause,
    /// An octagon with a cross.
    Stop,
    /// A spanner.
    Spanner,
    /// A dashed ring with a plus.
    Plus,
    /// A ring with a bar across.
    Barred,
}

/// The button that starts a consent.
#[derive(Debug, Clone, PartialEq)]
pub struct Consent {
    /// What the button says.
    pub label: Line,
    /// Whether it is what the reader should do now.
    pub is_prominent: bool,
    /// Whether another account can be chosen instead of the one that consented last.
    pub offers_other_account: bool,
    /// Who must sign in, and where.
    pub hint: Line,
}

/// What the host of the element allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permits {
    /// A consent may be started.
    pub reconnect: bool,
    /// A sync may be asked for.
    pub sync: bool,
    /// It may be decided about held deletions.
    pub decide: bool,
}

/// The word for a health.
#[must_use]
pub fn word(health: HealthWord) -> Line {
    match health {
        HealthWord::AwaitingConsent => Line::of("health.awaiting-consent"),
        HealthWord::Healthy => Line::of("health.healthy"),
        HealthWord::Expiring => Line::of("health.expiring"),
        HealthWord::Suspended => Line::of("health.suspended"),
        HealthWord::Dead => Line::of("health.dead"),
        HealthWord::OperatorFault => Line::of("health.operator-fault"),
        HealthWord::Disconnected => Line::of("health.disconnected"),
    }
}

/// What the connection is called: the tenant's name, else its GUID.
#[must_use]
pub fn name(status: &ConnectionStatus) -> Line {
    match &status.tenant {
        Some(tenant) => match &tenant.name {
            Some(name) => Line::plain(name),
            None => Line::Plain(tenant.id.to_string()),
        },
        None => Line::of("card.unnamed"),
    }
}

/// Reads a status into what the card shows of it.
#[must_use]
pub fn read(status: &ConnectionStatus, permits: Permits, now: Moment) -> Face {
    let (tone, shape) = look(status.health);
    Face {
        word: word(status.health),
        tone,
        shape,
        headline: headline(status, now),
        explanation: explanation(status),
        who: who(status),
        consent: consent(status, permits),
        can_sync: permits.sync && can_sync(status),
    }
}

fn look(health: HealthWord) -> (Tone, Shape) {
    match health {
        HealthWord::AwaitingConsent => (Tone::Info, Shape::Plus),
        HealthWord::Healthy => (Tone::Ok, Shape::Tick),
        HealthWord::Expiring => (Tone::Warn, Shape::Clock),
        HealthWord::Suspended => (Tone::Warn, Shape::Pause),
        HealthWord::Dead => (Tone::Danger, Shape::Stop),
        HealthWord::OperatorFault => (Tone::Info, Shape::Spanner),
        HealthWord::Disconnected => (Tone::Neutral, Shape::Barred),
    }
}

fn headline(status: &ConnectionStatus, now: Moment) -> Line {
    match (&status.health, &status.diagnosis, &status.forecast) {
        (HealthWord::Suspended | HealthWord::Dead | HealthWord::OperatorFault, Some(diagnosis), _) => Line::plain(&diagnosis.headline),
        (HealthWord::Expiring, _, Some(forecast)) => stops(forecast, now),
        (HealthWord::AwaitingConsent, ..) => Line::of("headline.awaiting-consent"),
        (HealthWord::Healthy, ..) if status.data.stale_since.is_some() => Line::of("headline.healthy_stale"),
        (HealthWord::Healthy, ..) if status.data.deletions_held.is_some() => Line::of("headline.healthy_held"),
        (HealthWord::Healthy, ..) if status.data.as_of.is_none() => Line::of("headline.healthy_first"),
        (HealthWord::Healthy, ..) => Line::of("headline.healthy"),
        (HealthWord::Expiring, ..) => Line::of("headline.expiring"),
        (HealthWord::Suspended, ..) => Line::of("headline.suspended"),
        (HealthWord::Dead, ..) => Line::of("headline.dead"),
        (HealthWord::OperatorFault, ..) => Line::of("headline.operator-fault"),
        (HealthWord::Disconnected, ..) => Line::of("headline.disconnected"),
    }
}

/// When a forecast says that the grant stops.
#[must_use]
pub fn stops(forecast: &ForecastView, now: Moment) -> Line {
    if Moment::from(forecast.ends_at) <= now {
        return Line::of("forecast.overdue").with("day", Slot::Day(forecast.ends_at.into()));
    }
    Line::of("forecast.stops").with("day", Slot::Day(forecast.ends_at.into())).with("distance", Slot::Distance(forecast.ends_at.into()))
}

/// How sure a forecast is.
#[must_use]
pub fn confidence(confidence: Confidence) -> Line {
    match confidence {
        Confidence::Low => Line::of("confidence.low"),
        Confidence::Medium => Line::of("confidence.medium"),
        Confidence::High => Line::of("confidence.high"),
    }
}

fn explanation(status: &ConnectionStatus) -> Option<Line> {
    if let (HealthWord::Healthy, None, Some(held)) = (status.health, status.data.stale_since, &status.data.deletions_held) {
        let line = Line::of("explanation.healthy_held").with("people", Slot::Number(held.people));
        return Some(line.with("of", Slot::Number(held.of)));
    }
    match (&status.health, &status.diagnosis, &status.forecast) {
        (HealthWord::Suspended | HealthWord::Dead | HealthWord::OperatorFault, Some(diagnosis), _) => {
            Some(Line::plain(&diagnosis.explanation))
        }
        (HealthWord::Expiring, _, Some(forecast)) => Some(Line::plain(&forecast.reason)),
        (HealthWord::AwaitingConsent, ..) => Some(Line::of("explanation.awaiting-consent")),
        (HealthWord::Healthy, ..) if status.data.stale_since.is_some() => Some(Line::of("explanation.healthy_stale")),
        (HealthWord::Healthy, ..) if status.data.as_of.is_none() => Some(Line::of("explanation.healthy_first")),
        (HealthWord::Healthy, ..) => Some(Line::of("explanation.healthy")),
        (HealthWord::Disconnected, ..) => Some(Line::of("explanation.disconnected")),
        _ => None,
    }
}

fn who(status: &ConnectionStatus) -> Option<Line> {
    let diagnosis = status.diagnosis.as_ref();
    match status.health {
        HealthWord::Healthy | HealthWord::Disconnected => None,
        HealthWord::OperatorFault => Some(Line::of("who.operator")),
        HealthWord::AwaitingConsent | HealthWord::Expiring => Some(administrator(status)),
        HealthWord::Suspended | HealthWord::Dead => Some(match diagnosis.map(|diagnosis| diagnosis.who) {
            Some(Actor::SignedInPerson) => match &status.consented_by {
                Some(person) => Line::of("who.named_person").with("person", Slot::Text(person.clone())),
                None => Line::of("who.signed-in-person"),
            },
            Some(Actor::Operator) => Line::of("who.operator"),
            Some(Actor::Nobody) => Line::of("who.nobody"),
            Some(Actor::CustomerAdmin) | None => administrator(status),
        }),
    }
}

fn administrator(status: &ConnectionStatus) -> Line {
    match tenant_name(status) {
        Some(name) => Line::of("who.customer-admin_of").with("tenant", Slot::Text(name)),
        None => Line::of("who.customer-admin"),
    }
}

fn tenant_name(status: &ConnectionStatus) -> Option<String> {
    let tenant = status.tenant.as_ref()?;
    Some(tenant.name.clone().unwrap_or_else(|| tenant.id.to_string()))
}

fn consent(status: &ConnectionStatus, permits: Permits) -> Option<Consent> {
    if !permits.reconnect || status.health == HealthWord::OperatorFault {
        return None;
    }
    let (label, is_prominent) = match status.health {
        HealthWord::AwaitingConsent => (Line::of("action.connect"), true),
        HealthWord::Healthy => (Line::of("action.renew"), false),
        _ => (Line::of("action.reconnect"), true),
    };
    let hint = match tenant_name(status) {
        Some(name) => Line::of("hint.sign_in_of").with("tenant", Slot::Text(name)),
        None => Line::of("hint.sign_in"),
    };
    Some(Consent { label, is_prominent, offers_other_account: status.health != HealthWord::AwaitingConsent, hint })
}

fn can_sync(status: &ConnectionStatus) -> bool {
    let is_working = matches!(status.health, HealthWord::Healthy | HealthWord::Expiring);
    is_working && matches!(status.sync.state, SyncWord::Idle | SyncWord::Failing)
}

/// How many things wait for the portal's user, for a badge in the portal's navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Demand {
    /// Things to do.
    pub total: u32,
    /// Those of them that keep the connection from working.
    pub blocking: u32,
    /// Whole days until the grant is expected to stop.
    pub days_left: Option<u64>,
}

/// What a status asks of the portal's user.
#[must_use]
pub fn demand(status: &ConnectionStatus, now: Moment) -> Demand {
    const DAY_SECONDS: u64 = 86_400;
    let is_theirs = status.diagnosis.as_ref().is_none_or(|diagnosis| matches!(diagnosis.who, Actor::CustomerAdmin | Actor::SignedInPerson));
    let is_asked = status.data.deletions_held.as_ref().is_some_and(|held| held.may_decide);
    let days_left = status.forecast.as_ref().map(|forecast| Moment::from(forecast.ends_at).since(now).as_secs() / DAY_SECONDS);
    match status.health {
        HealthWord::Expiring => Demand { total: 1, blocking: 0, days_left },
        HealthWord::AwaitingConsent | HealthWord::Dead => Demand { total: 1, blocking: 1, days_left: None },
        HealthWord::Suspended if is_theirs => Demand { total: 1, blocking: 1, days_left: None },
        HealthWord::Healthy if is_asked => Demand { total: 1, blocking: 0, days_left },
        _ => Demand { days_left, ..Demand::default() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    const ALL: Permits = Permits { reconnect: true, sync: true, decide: true };

    fn face_of(health: &str) -> Face {
        read(&samples::status(health), ALL, samples::now())
    }

    #[test]
    fn no_two_healths_share_a_shape_or_a_word() {
        let faces: Vec<Face> = samples::HEALTHS.iter().map(|health| face_of(health)).collect();
        for (place, face) in faces.iter().enumerate() {
            for other in &faces[place + 1..] {
                assert_ne!(face.shape, other.shape);
                assert_ne!(face.word, other.word);
            }
        }
    }

    #[test]
    fn the_consent_button_fits_the_health() {
        let table = [
            ("awaiting-consent", Some(("action.connect", true, false))),
            ("healthy", Some(("action.renew", false, true))),
            ("expiring", Some(("action.reconnect", true, true))),
            ("suspended", Some(("action.reconnect", true, true))),
            ("dead", Some(("action.reconnect", true, true))),
            ("operator-fault", None),
            ("disconnected", Some(("action.reconnect", true, true))),
        ];
        for (health, wanted) in table {
            let consent = face_of(health).consent;
            let wanted = wanted.map(|(key, prominent, other)| (Line::of(key), prominent, other));
            let got = consent.map(|consent| (consent.label, consent.is_prominent, consent.offers_other_account));
            assert_eq!(got, wanted, "{health}");
        }
    }

    #[test]
    fn a_fault_of_the_operator_is_never_the_customers_to_repair() {
        let face = face_of("operator-fault");
        assert_eq!(face.who, Some(Line::of("who.operator")));
        assert_eq!(face.consent, None);
        assert_eq!(demand(&samples::status("operator-fault"), samples::now()).total, 0);
    }

    #[test]
    fn the_diagnosis_speaks_only_while_the_grant_does_not_work() {
        let mut status = samples::status("dead");
        assert_eq!(read(&status, ALL, samples::now()).headline, Line::plain("The administrator's password was reset"));
        status.health = HealthWord::Healthy;
        status.data.stale_since = None;
        assert_eq!(read(&status, ALL, samples::now()).headline, Line::of("headline.healthy"));
    }

    #[test]
    fn a_forecast_gives_day_and_distance_until_it_has_passed() {
        let status = samples::status("expiring");
        let forecast = status.forecast.expect("the sample has a forecast");
        let ahead = Line::of("forecast.stops")
            .with("day", Slot::Day(forecast.ends_at.into()))
            .with("distance", Slot::Distance(forecast.ends_at.into()));
        assert_eq!(stops(&forecast, samples::now()), ahead);
        let overdue = Line::of("forecast.overdue").with("day", Slot::Day(forecast.ends_at.into()));
        assert_eq!(stops(&forecast, forecast.ends_at.into()), overdue);
    }

    #[test]
    fn who_must_act_names_the_tenant_or_the_person() {
        let mut status = samples::status("dead");
        let named = Line::of("who.named_person").with("person", Slot::Text("maria.keller@contoso.example".to_owned()));
        assert_eq!(read(&status, ALL, samples::now()).who, Some(named));
        status.consented_by = None;
        assert_eq!(read(&status, ALL, samples::now()).who, Some(Line::of("who.signed-in-person")));
        let tenant = Line::of("who.customer-admin_of").with("tenant", Slot::Text("Contoso Ltd".to_owned()));
        assert_eq!(face_of("expiring").who, Some(tenant));
    }

    #[test]
    fn a_host_can_take_the_buttons_away() {
        let none = Permits { reconnect: false, sync: false, decide: false };
        for health in samples::HEALTHS {
            let face = read(&samples::status(health), none, samples::now());
            assert_eq!((face.consent, face.can_sync), (None, false), "{health}");
        }
    }

    #[test]
    fn a_sync_can_be_asked_for_only_where_it_could_begin() {
        let mut status = samples::status("healthy");
        for (state, wanted) in [(SyncWord::Idle, true), (SyncWord::Failing, true), (SyncWord::Running, false), (SyncWord::Waiting, false)] {
            status.sync.state = state;
            assert_eq!(read(&status, ALL, samples::now()).can_sync, wanted, "{state:?}");
        }
        assert!(!face_of("dead").can_sync);
    }

    #[test]
    fn a_demand_counts_what_waits_for_the_portals_user() {
        let table = [
            ("healthy", 0, 0, None),
            ("expiring", 1, 0, Some(6)),
            ("dead", 1, 1, None),
            ("suspended", 1, 1, None),
            ("awaiting-consent", 1, 1, None),
        ];
        for (health, total, blocking, days_left) in table {
            let wanted = Demand { total, blocking, days_left };
            assert_eq!(demand(&samples::status(health), samples::now()), wanted, "{health}");
        }
    }
}
