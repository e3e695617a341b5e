//! A forecast in words that an administrator can act on.

use jiff::{SignedDuration, Timestamp};

use super::{Evidence, Forecast, Lifetime, Limit, Omen, Sign, Why};
use crate::api::{Confidence, FactView, ForecastView};

impl Forecast {
    /// The forecast in words.
    #[must_use]
    pub fn view(&self) -> ForecastView {
        let evidence = self.evidence.iter().flat_map(facts).collect();
        ForecastView { ends_at: self.ends_at, confidence: self.confidence, reason: self.reason(), evidence }
    }

    fn reason(&self) -> String {
        const REFUSED_NEXT: &str = "Microsoft will refuse the connection when it is next used.";
        match self.why {
            Why::Limit { limit, length } => self.limit_in_words(limit, length),
            Why::Inactivity => "Microsoft ends a connection that is not used for 90 days.".to_owned(),
            Why::Credential => "Our own credential for Microsoft ends then. There is nothing for you to do.".to_owned(),
            Why::Revoked => format!("The sessions of the account that connected were revoked. {REFUSED_NEXT}"),
            Why::PasswordReset => {
                format!("The password of the account that connected was reset, and its sessions were revoked. {REFUSED_NEXT}")
            }
            Why::Disabled => format!("The account that connected is disabled in your tenant. {REFUSED_NEXT}"),
            Why::Deleted => format!("The account that connected was deleted from your tenant. {REFUSED_NEXT}"),
            Why::Leave => "Your directory says that the person who connected leaves then. Accounts of people who left are usually \
                           disabled, and the connection ends with them."
                .to_owned(),
        }
    }

    fn limit_in_words(&self, limit: Limit, length: SignedDuration) -> String {
        let length = in_words(length);
        let showed = match self.evidence.iter().filter(|evidence| matches!(evidence, Evidence::Ended(_))).count() {
            0 => return format!("Microsoft gave this sign-in a fixed life of {length}, which use does not lengthen."),
            1 => "an earlier sign-in".to_owned(),
            count => format!("{count} earlier sign-ins"),
        };
        let is_guess = self.confidence == Confidence::Low;
        match (limit, is_guess) {
            (Limit::Token, _) => format!("Microsoft gives the sign-ins of this connection a fixed life of {length}, as {showed} showed."),
            (Limit::SignInFrequency, false) => {
                format!("A sign-in frequency policy of your tenant lets a sign-in last {length}, as {showed} of this connection showed.")
            }
            (Limit::SecondFactor, false) => {
                format!("Your tenant asks for multi-factor authentication again after {length}, as {showed} of this connection showed.")
            }
            (Limit::SignInFrequency, true) => {
                format!("Your tenant may ask for a new sign-in after {length}: {showed} of this connection was refused at about that age.")
            }
            (Limit::SecondFactor, true) => format!(
                "Your tenant may ask for multi-factor authentication again after {length}: {showed} of this connection was refused at \
                 about that age."
            ),
        }
    }
}

fn facts(evidence: &Evidence) -> Vec<FactView> {
    match evidence {
        Evidence::Ended(lifetime) => vec![ended(lifetime)],
        Evidence::SignedIn(at) => vec![fact("Last sign-in", *at)],
        Evidence::Used(at) => vec![fact("Last used", *at)],
        Evidence::Told(at) => vec![fact("End that Microsoft told", *at)],
        Evidence::Credential(at) => vec![fact("Our credential ends", *at)],
        Evidence::Seen(omen) => seen(omen),
    }
}

fn ended(lifetime: &Lifetime) -> FactView {
    let label = match lifetime.stated {
        Some(length) => format!("Microsoft stated a limit of {}", in_words(length)),
        None => format!("A sign-in was refused after {}", in_words(lifetime.ended_at.duration_since(lifetime.signed_in_at))),
    };
    fact(&label, lifetime.ended_at)
}

fn seen(omen: &Omen) -> Vec<FactView> {
    let noticed = |label: &str, at| vec![fact(label, at), fact("Noticed in your directory", omen.seen_at)];
    match omen.sign {
        Sign::Deleted => vec![fact("Account missing from your directory since", omen.seen_at)],
        Sign::Disabled => vec![fact("Account disabled in your directory since", omen.seen_at)],
        Sign::Revoked { valid_from, is_reset: true } => noticed("Password reset", valid_from),
        Sign::Revoked { valid_from, is_reset: false } => noticed("Sessions revoked", valid_from),
        Sign::Leave { at } => noticed("Last day", at),
    }
}

fn fact(label: &str, at: Timestamp) -> FactView {
    FactView { label: label.to_owned(), text: None, at: Some(at) }
}

fn in_words(length: SignedDuration) -> String {
    let hours = (length.as_secs() + 1800) / 3600;
    match (hours / 24, hours) {
        (days, _) if days >= 2 => format!("{} days", (hours + 12) / 24),
        (_, 1) => "1 hour".to_owned(),
        (_, hours) => format!("{hours} hours"),
    }
}
