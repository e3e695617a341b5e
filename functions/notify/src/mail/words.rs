//! Everything that mails say of their own, a row each with {gaps}. A language is a column.

use domain::api::{Actor, HealthWord};
use domain::notice::audience::Language;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A text in every language.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    en: &'static str,
}

impl Row {
    /// The text in a language, its gaps filled. What fills a gap is never looked at for gaps.
    pub(super) fn say(self, language: Language, gaps: &[(&str, &str)]) -> String {
        let mut rest = match language {
            Language::En => self.en,
        };
        let mut said = String::new();
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            said.push_str(before);
            said.push_str(gaps.iter().find(|(gap, _)| *gap == name).map_or("", |(_, value)| value));
            rest = after;
        }
        said + rest
    }
}

/// A text for one and one for more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    one: Row,
    other: Row,
}

impl Counted {
    /// The text for a count, which fills the gap {count}.
    pub(super) fn say(self, language: Language, count: u64) -> String {
        let row = match (language, count) {
            (Language::En, 1) => self.one,
            (Language::En, _) => self.other,
        };
        row.say(language, &[("count", &count.to_string())])
    }
}

/// A day, as a reader writes it.
pub(super) fn day(at: Timestamp, zone: &TimeZone, language: Language) -> String {
    match language {
        Language::En => at.to_zoned(zone.clone()).strftime("%-d %B %Y").to_string(),
    }
}

/// A day and time of day, with the zone's name where it has one.
pub(super) fn moment(at: Timestamp, zone: &TimeZone, language: Language) -> String {
    let clock = match language {
        Language::En => at.to_zoned(zone.clone()).strftime("%-d %B %Y, %H:%M").to_string(),
    };
    let name = zone.iana_name().map(str::to_owned).unwrap_or_else(|| at.to_zoned(zone.clone()).strftime("%Z").to_string());
    format!("{clock} ({name})")
}

/// Health in a word or two, as the widget says it.
pub(super) fn health(word: HealthWord) -> Row {
    match word {
        HealthWord::AwaitingConsent => Row { en: "Waiting for consent" },
        HealthWord::Healthy => Row { en: "Healthy" },
        HealthWord::Expiring => Row { en: "Expiring" },
        HealthWord::Suspended => Row { en: "Suspended" },
        HealthWord::Dead => Row { en: "Needs reconnecting" },
        HealthWord::OperatorFault => Row { en: "Problem on our side" },
        HealthWord::Disconnected => Row { en: "Disconnected" },
    }
}

/// Who must act.
pub(super) fn who(actor: Actor) -> Row {
    match actor {
        Actor::CustomerAdmin => Row { en: "An administrator of {name}" },
        Actor::SignedInPerson => Row { en: "The person who connected it, or another administrator" },
        Actor::Operator => Row { en: "{operator}; there is nothing for you to do" },
        Actor::Nobody => Row { en: "Nobody: it passes by itself" },
    }
}

const fn row(en: &'static str) -> Row {
    Row { en }
}

const fn counted(one: &'static str, other: &'static str) -> Counted {
    Counted { one: row(one), other: row(other) }
}

pub(super) const UNNAMED: Row = row("your Microsoft 365 directory");
pub(super) const REMINDER: Row = row("Reminder: {subject}");

pub(super) const DEAD_SUBJECT: Row = row("Action needed: the connection to {name} has stopped");
pub(super) const DEAD_HEADLINE: Row = row("Microsoft has ended the connection to {name}");
pub(super) const SUSPENDED_SUBJECT: Row = row("Microsoft refuses the connection to {name} for now");
pub(super) const SUSPENDED_HEADLINE: Row = row("Microsoft refuses the connection to {name} for now");
pub(super) const SUSPENDED_MEANING: Row = row("{operator} keeps trying, and says so when it works again.");
pub(super) const EXPIRING_SUBJECT: Row = row("The connection to {name} is likely to stop on {day}, in {left}");
pub(super) const EXPIRING_HEADLINE: Row = row("The connection to {name} is likely to stop in {left}");
pub(super) const OVERDUE_SUBJECT: Row = row("The connection to {name} may stop at any time");
pub(super) const OVERDUE_HEADLINE: Row = row("The connection to {name} may stop at any time");
pub(super) const EXPIRING_MEANING: Row =
    row("Nothing has stopped yet. A renewed consent before that day keeps people’s attributes up to date without a break.");
pub(super) const OVERDUE_MEANING: Row =
    row("Nothing has stopped yet. A renewed consent keeps people’s attributes up to date without a break.");
pub(super) const EXPIRING_STEP: Row =
    row("Open the portal, choose “Renew consent”, and sign in at Microsoft as an administrator of {name}. It takes a minute.");
pub(super) const RECOVERED_SUBJECT: Row = row("The connection to {name} works again");
pub(super) const RECOVERED_MEANING: Row = row("Changes in the directory arrive by themselves again. There is nothing to do.");
pub(super) const SPARE_USED_SUBJECT: Row = row("The backup consent for {name} took over");
pub(super) const SPARE_USED_WHAT: Row =
    row("Microsoft ended the consent that was in use. The backup consent took its place at once, and nothing was missed.");
pub(super) const SPARE_USED_MEANING: Row = row("There is no backup any more: if this consent stops as well, the connection stops with it.");
pub(super) const SPARE_LOST_SUBJECT: Row = row("The backup consent for {name} has stopped");
pub(super) const SPARE_LOST_WHAT: Row =
    row("Microsoft no longer accepts the backup consent. The consent that is in use works, and nothing has stopped.");
pub(super) const SPARE_STEP: Row =
    row("Open the portal, choose “Add a backup consent”, and let another administrator of {name} sign in at Microsoft.");
pub(super) const HELD_SUBJECT: Row = row("The removal of {people} people of {name} waits for your approval");
pub(super) const HELD_HEADLINE: Row = row("{people} of {of} people are gone from the directory of {name} at once");
pub(super) const HELD_MEANING: Row =
    row("That many at once is rather a mistake than true, so nobody was removed. They stay in use until somebody approves or rejects.");
pub(super) const HELD_STEPS: [Row; 2] = [
    row("If it is right, approve the removal in the portal. It cannot be undone."),
    row("If it is a mistake, reject it, and look into the directory: rejected people stay until the next full reading, which asks again."),
];
pub(super) const ENDPOINT_SUBJECT: Row = row("The webhook to {place} is switched off");
pub(super) const ENDPOINT_WHAT: Row = row("It failed for too long, so it is called no more. What it was to be told of is not sent again.");
pub(super) const ENDPOINT_STEPS: [Row; 2] = [
    row("Repair the receiver, so that it answers every request with a status of 200 to 299 within a few seconds."),
    row("Switch the webhook on again in the portal."),
];
pub(super) const NOBODY_SUBJECT: Row = row("Nobody at {customer} could be told: {health}");
pub(super) const NOBODY_WHAT: Row = row("No contact of this customer could be reached, so nobody there knows of it yet.");
pub(super) const NOBODY_STEPS: [Row; 2] = [
    row("Tell an administrator of the customer by other means."),
    row("Correct the customer’s contacts, or let its administrator do so in the portal."),
];
pub(super) const FAULT_SUBJECT: Row = row("Microsoft refuses our own sign-in or registration: {headline}");
pub(super) const FAULT_MEANING: Row = row("No customer was told to do anything. Attributes stay as they are until it is repaired.");
pub(super) const INCIDENT_SUBJECT: Row = row("Incident: many connections fail alike ({cause})");
pub(super) const INCIDENT_WHAT: Row = row(
    "Many connections are refused for the same cause at once, so the cause is Microsoft’s or ours. Their health is frozen, and no customer is told.",
);
pub(super) const INCIDENT_STEPS: [Row; 2] = [
    row("Look at Microsoft’s service health, and at our app registration and its credentials in Entra."),
    row("The runbook’s paragraph on incidents says what else to look at."),
];
pub(super) const INCIDENT_OVER_SUBJECT: Row = row("Incident over ({cause})");
pub(super) const INCIDENT_OVER_WHAT: Row = row("Verdicts count again: whatever still fails is each customer’s own, and is told to them.");
pub(super) const DIGEST_SUBJECT: Counted = counted("{count} connection needs attention", "{count} connections need attention");
pub(super) const DIGEST_WELL: Row = row("Every connection is well");
pub(super) const DIGEST_WHAT: Row = row("This is every connection with trouble that is not over and that nobody has acknowledged.");
pub(super) const DIGEST_LIST: Row = row("Not well");
pub(super) const DIGEST_LINE: Row = row("{customer}, {name}: {health} since {day}");
pub(super) const DIGEST_MORE: Counted = counted("and {count} more", "and {count} more");

pub(super) const DAYS: Counted = counted("{count} day", "{count} days");

pub(super) const DATA: Row = row("People’s attributes stay in use as they were on {moment}, and change no more until it is repaired.");
pub(super) const NO_DATA: Row = row("No people were read yet.");

pub(super) const STOPPED: Row = row("Stopped");
pub(super) const SINCE: Row = row("Since");
pub(super) const WORKS_SINCE: Row = row("Works since");
pub(super) const ENDED: Row = row("Ended");
pub(super) const EXPECTED: Row = row("Expected end");
pub(super) const CONFIDENCE: Row = row("Confidence");
pub(super) const WHO: Row = row("Who can repair it");
pub(super) const IN_USE: Row = row("Consent in use now");
pub(super) const AS_OF: Row = row("Attributes as of");
pub(super) const ANSWER: Row = row("Last answer");
pub(super) const CUSTOMER: Row = row("Customer");
pub(super) const HEALTH: Row = row("Health");
pub(super) const SUPPORT: Row = row("For Microsoft’s support");

pub(super) const LOW: Row = row("low");
pub(super) const MEDIUM: Row = row("medium");
pub(super) const HIGH: Row = row("high");

pub(super) const STEPS: Row = row("What to do");
pub(super) const FORWARD: Row = row(
    "Does somebody else have to do it? Forward this mail. The link only opens the portal; nothing starts before somebody signs in there.",
);
pub(super) const MORE: Row = row("What Microsoft says about it");

pub(super) const RECONNECT: Row = row("Reconnect in the portal");
pub(super) const RENEW: Row = row("Renew consent in the portal");
pub(super) const BACKUP: Row = row("Add a backup consent");
pub(super) const DECIDE: Row = row("Look at it and decide");
pub(super) const SWITCH_ON: Row = row("Open the webhook’s settings");
pub(super) const SEE: Row = row("See the connection");
pub(super) const SEE_ALL: Row = row("Open the portal");

pub(super) const WHY: Row = row(
    "You get this mail because this address is listed at {operator} for notices about {name}. Its administrators change that in the portal.",
);
pub(super) const WHY_OPERATOR: Row = row("You get this mail because this address is listed for notices to the operator, {operator}.");
pub(super) const DECLINE: Row = row("No more warnings and reminders to this address");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fills_a_gap_opens_none() {
        let said = row("{a} and {b}, {nobody}!").say(Language::En, &[("a", "{b}"), ("b", "2")]);
        assert_eq!(said, "{b} and 2, !");
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!((DAYS.say(Language::En, 1), DAYS.say(Language::En, 7)), ("1 day".to_owned(), "7 days".to_owned()));
    }
}
