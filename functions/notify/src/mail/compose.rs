//! From an occasion to a letter: which words, in which order.

use domain::api::{Actor, Confidence, DiagnosisView, ForecastView, HealthWord};
use jiff::Timestamp;

use super::letter::{Letter, Link, List, Tone, one_line};
use super::words::{self, Row};
use super::{News, Occasion, ReaderKind, SUBJECT_CHARS_MAX, Troubled};

/// How much of a name from outside is repeated, in characters.
const NAME_CHARS_MAX: usize = 60;
/// How much of a sentence from outside is repeated, in characters.
const SENTENCE_CHARS_MAX: usize = 600;
/// How many connections the digest lists.
const LISTED_MAX: usize = 50;

/// Writes the letter for an occasion.
pub(super) fn compose(occasion: &Occasion<'_>) -> Letter {
    let pen = Pen { occasion, name: name(occasion), operator: one_line(occasion.operator.name, NAME_CHARS_MAX) };
    let letter = match &occasion.news {
        News::Dead { diagnosis, since } => pen.dead(diagnosis, *since),
        News::Suspended { diagnosis, since } => pen.suspended(diagnosis, *since),
        News::Expiring { forecast, days_left } => pen.expiring(forecast, *days_left),
        News::Recovered { since, stopped_at } => pen.recovered(*since, *stopped_at),
        News::SwitchedToSpare { at, consented_by } => pen.switched(*at, *consented_by),
        News::SpareLost { at } => pen.spare_lost(*at),
        News::DeletionsHeld { people, of, since } => pen.held((*people, *of), *since),
        News::EndpointDisabled { place, why, since } => pen.endpoint(place, why, *since),
        News::NobodyReached { customer, health, since } => pen.nobody(customer, *health, *since),
        News::OperatorFault { diagnosis, customer, since } => pen.fault(diagnosis, customer, *since),
        News::Incident { cause, opened_at, ended_at } => pen.incident(cause, *opened_at, *ended_at),
        News::Digest { troubled } => pen.digest(troubled),
    };
    pen.finish(letter)
}

fn name(occasion: &Occasion<'_>) -> String {
    let named = occasion.connection.map(|name| one_line(name, NAME_CHARS_MAX)).filter(|name| !name.is_empty());
    named.unwrap_or_else(|| words::UNNAMED.say(occasion.reader.language, &[]))
}

/// Writes in one reader's language about one connection.
struct Pen<'a> {
    occasion: &'a Occasion<'a>,
    name: String,
    operator: String,
}

impl Pen<'_> {
    fn say(&self, row: Row) -> String {
        self.fill(row, &[])
    }

    fn fill(&self, row: Row, gaps: &[(&str, &str)]) -> String {
        let own = [("name", self.name.as_str()), ("operator", self.operator.as_str())];
        let gaps: Vec<_> = gaps.iter().copied().chain(own).collect();
        row.say(self.occasion.reader.language, &gaps)
    }

    fn fact(&self, name: Row, value: impl Into<String>) -> (String, String) {
        (self.say(name), value.into())
    }

    fn moment(&self, at: Timestamp) -> String {
        words::moment(at, self.occasion.reader.zone, self.occasion.reader.language)
    }

    fn day(&self, at: Timestamp) -> String {
        words::day(at, self.occasion.reader.zone, self.occasion.reader.language)
    }

    fn link(&self, label: Row) -> Link {
        Link { label: self.say(label), url: self.occasion.operator.portal.clone() }
    }

    fn steps(&self, lines: Vec<String>) -> Option<List> {
        (!lines.is_empty()).then(|| List { heading: self.say(words::STEPS), lines })
    }

    /// A letter with only what each has.
    fn letter(&self, (subject, headline): (String, String), tone: Tone, button: Row) -> Letter {
        Letter {
            language: self.occasion.reader.language.tag(),
            sender: self.operator.clone(),
            subject,
            headline,
            tone,
            paragraphs: Vec::new(),
            facts: Vec::new(),
            list: None,
            steps: None,
            button: self.link(button),
            forward: None,
            more: None,
            why: match self.occasion.reader.kind {
                ReaderKind::Customer => self.say(words::WHY),
                ReaderKind::Operator => self.say(words::WHY_OPERATOR),
            },
            decline: None,
        }
    }

    /// What holds for every letter: later tellings are reminders, a subject is bounded, and one click declines what may be declined.
    fn finish(&self, letter: Letter) -> Letter {
        let subject = match self.occasion.step {
            0 => letter.subject,
            _ => self.fill(words::REMINDER, &[("subject", &letter.subject)]),
        };
        let decline = self.occasion.reader.decline.clone().map(|url| Link { label: self.say(words::DECLINE), url });
        Letter { subject: one_line(&subject, SUBJECT_CHARS_MAX), decline, ..letter }
    }

    /// What a stop means for the data.
    fn data(&self) -> String {
        match self.occasion.as_of {
            Some(at) => self.fill(words::DATA, &[("moment", &self.moment(at))]),
            None => self.say(words::NO_DATA),
        }
    }

    fn dead(&self, diagnosis: &DiagnosisView, since: Timestamp) -> Letter {
        let titles = (self.say(words::DEAD_SUBJECT), self.say(words::DEAD_HEADLINE));
        let letter = self.letter(titles, Tone::Grave, words::RECONNECT);
        let facts = vec![self.fact(words::STOPPED, self.moment(since))];
        Letter { forward: Some(self.say(words::FORWARD)), ..self.diagnosed(letter, diagnosis, facts, self.data()) }
    }

    fn suspended(&self, diagnosis: &DiagnosisView, since: Timestamp) -> Letter {
        let titles = (self.say(words::SUSPENDED_SUBJECT), self.say(words::SUSPENDED_HEADLINE));
        let letter = self.letter(titles, Tone::Grave, words::SEE);
        let meaning = format!("{} {}", self.data(), self.say(words::SUSPENDED_MEANING));
        let facts = vec![self.fact(words::SINCE, self.moment(since))];
        let forward = matches!(diagnosis.who, Actor::CustomerAdmin | Actor::SignedInPerson).then(|| self.say(words::FORWARD));
        Letter { forward, ..self.diagnosed(letter, diagnosis, facts, meaning) }
    }

    /// A letter with what a diagnosis says: what happened, who must act, what to do, and what Microsoft's support asks for.
    fn diagnosed(&self, letter: Letter, diagnosis: &DiagnosisView, mut facts: Vec<(String, String)>, meaning: String) -> Letter {
        let sentence = |text: &str| one_line(text, SENTENCE_CHARS_MAX);
        let happened = format!("{}. {}", diagnosis.headline.trim_end_matches('.'), diagnosis.explanation);
        // The operator's people read only of what they must repair themselves.
        if self.occasion.reader.kind == ReaderKind::Customer {
            facts.push(self.fact(words::WHO, self.say(words::who(diagnosis.who))));
        }
        for told in &diagnosis.facts {
            let value = told.at.map(|at| self.moment(at)).or_else(|| told.text.as_deref().map(sentence));
            facts.extend(value.map(|value| (sentence(&told.label), value)));
        }
        facts.extend(support(diagnosis).map(|support| self.fact(words::SUPPORT, support)));
        let more = diagnosis.learn_more.as_deref().and_then(|url| url.parse().ok());
        Letter {
            paragraphs: vec![sentence(&happened), meaning],
            facts,
            steps: self.steps(diagnosis.steps.iter().map(|step| sentence(step)).collect()),
            more: more.map(|url| Link { label: self.say(words::MORE), url }),
            ..letter
        }
    }

    fn expiring(&self, forecast: &ForecastView, days_left: u16) -> Letter {
        let left = words::DAYS.say(self.occasion.reader.language, u64::from(days_left));
        let day = self.day(forecast.ends_at);
        let gaps = [("left", left.as_str()), ("day", day.as_str())];
        let titles = match days_left {
            0 => (self.say(words::OVERDUE_SUBJECT), self.say(words::OVERDUE_HEADLINE)),
            _ => (self.fill(words::EXPIRING_SUBJECT, &gaps), self.fill(words::EXPIRING_HEADLINE, &gaps)),
        };
        let meaning = if days_left == 0 { words::OVERDUE_MEANING } else { words::EXPIRING_MEANING };
        let confidence = match forecast.confidence {
            Confidence::Low => words::LOW,
            Confidence::Medium => words::MEDIUM,
            Confidence::High => words::HIGH,
        };
        let mut facts = vec![self.fact(words::EXPECTED, self.moment(forecast.ends_at)), self.fact(words::CONFIDENCE, self.say(confidence))];
        for seen in &forecast.evidence {
            facts.extend(seen.at.map(|at| (one_line(&seen.label, SENTENCE_CHARS_MAX), self.moment(at))));
        }
        Letter {
            paragraphs: vec![one_line(&forecast.reason, SENTENCE_CHARS_MAX), self.say(meaning)],
            facts,
            steps: self.steps(vec![self.say(words::EXPIRING_STEP)]),
            forward: Some(self.say(words::FORWARD)),
            ..self.letter(titles, Tone::Warning, words::RENEW)
        }
    }

    fn recovered(&self, since: Timestamp, stopped_at: Option<Timestamp>) -> Letter {
        let title = self.say(words::RECOVERED_SUBJECT);
        let mut facts = vec![self.fact(words::WORKS_SINCE, self.moment(since))];
        facts.extend(stopped_at.map(|at| self.fact(words::STOPPED, self.moment(at))));
        facts.extend(self.occasion.as_of.map(|at| self.fact(words::AS_OF, self.moment(at))));
        let paragraphs = vec![self.say(words::RECOVERED_MEANING)];
        Letter { paragraphs, facts, ..self.letter((title.clone(), title), Tone::Good, words::SEE) }
    }

    fn switched(&self, at: Timestamp, consented_by: Option<&str>) -> Letter {
        let title = self.say(words::SPARE_USED_SUBJECT);
        let mut facts = vec![self.fact(words::SINCE, self.moment(at))];
        facts.extend(consented_by.map(|person| self.fact(words::IN_USE, one_line(person, SENTENCE_CHARS_MAX))));
        Letter {
            paragraphs: vec![self.say(words::SPARE_USED_WHAT), self.say(words::SPARE_USED_MEANING)],
            facts,
            steps: self.steps(vec![self.say(words::SPARE_STEP)]),
            ..self.letter((title.clone(), title), Tone::Warning, words::BACKUP)
        }
    }

    fn spare_lost(&self, at: Timestamp) -> Letter {
        let title = self.say(words::SPARE_LOST_SUBJECT);
        Letter {
            paragraphs: vec![self.say(words::SPARE_LOST_WHAT), self.say(words::SPARE_USED_MEANING)],
            facts: vec![self.fact(words::SINCE, self.moment(at))],
            steps: self.steps(vec![self.say(words::SPARE_STEP)]),
            ..self.letter((title.clone(), title), Tone::Warning, words::BACKUP)
        }
    }

    fn held(&self, (people, of): (u64, u64), since: Timestamp) -> Letter {
        let (people, of) = (people.to_string(), of.to_string());
        let gaps = [("people", people.as_str()), ("of", of.as_str())];
        let titles = (self.fill(words::HELD_SUBJECT, &gaps), self.fill(words::HELD_HEADLINE, &gaps));
        Letter {
            paragraphs: vec![self.say(words::HELD_MEANING)],
            facts: vec![self.fact(words::SINCE, self.moment(since))],
            steps: self.steps(words::HELD_STEPS.map(|row| self.say(row)).into()),
            ..self.letter(titles, Tone::Warning, words::DECIDE)
        }
    }

    fn endpoint(&self, place: &str, why: &str, since: Timestamp) -> Letter {
        let title = self.fill(words::ENDPOINT_SUBJECT, &[("place", &one_line(place, NAME_CHARS_MAX))]);
        Letter {
            paragraphs: vec![self.say(words::ENDPOINT_WHAT)],
            facts: vec![self.fact(words::SINCE, self.moment(since)), self.fact(words::ANSWER, one_line(why, SENTENCE_CHARS_MAX))],
            steps: self.steps(words::ENDPOINT_STEPS.map(|row| self.say(row)).into()),
            ..self.letter((title.clone(), title), Tone::Grave, words::SWITCH_ON)
        }
    }

    fn nobody(&self, customer: &str, health: HealthWord, since: Timestamp) -> Letter {
        let health = self.say(words::health(health));
        let title = self.fill(words::NOBODY_SUBJECT, &[("customer", &one_line(customer, NAME_CHARS_MAX)), ("health", &health)]);
        Letter {
            paragraphs: vec![self.say(words::NOBODY_WHAT)],
            facts: vec![
                self.fact(words::CUSTOMER, one_line(customer, SENTENCE_CHARS_MAX)),
                self.fact(words::HEALTH, health),
                self.fact(words::SINCE, self.moment(since)),
            ],
            steps: self.steps(words::NOBODY_STEPS.map(|row| self.say(row)).into()),
            ..self.letter((title.clone(), title), Tone::Grave, words::SEE_ALL)
        }
    }

    fn fault(&self, diagnosis: &DiagnosisView, customer: &str, since: Timestamp) -> Letter {
        let title = self.fill(words::FAULT_SUBJECT, &[("headline", &one_line(&diagnosis.headline, NAME_CHARS_MAX))]);
        let facts = vec![self.fact(words::SINCE, self.moment(since)), self.fact(words::CUSTOMER, one_line(customer, SENTENCE_CHARS_MAX))];
        let letter = self.letter((title.clone(), title), Tone::Grave, words::SEE_ALL);
        self.diagnosed(letter, diagnosis, facts, self.say(words::FAULT_MEANING))
    }

    fn incident(&self, cause: &str, opened_at: Timestamp, ended_at: Option<Timestamp>) -> Letter {
        let cause = one_line(cause, NAME_CHARS_MAX);
        let (subject, what, tone) = match ended_at {
            None => (words::INCIDENT_SUBJECT, words::INCIDENT_WHAT, Tone::Grave),
            Some(_) => (words::INCIDENT_OVER_SUBJECT, words::INCIDENT_OVER_WHAT, Tone::Good),
        };
        let title = self.fill(subject, &[("cause", &cause)]);
        let mut facts = vec![self.fact(words::SINCE, self.moment(opened_at))];
        facts.extend(ended_at.map(|at| self.fact(words::ENDED, self.moment(at))));
        let steps = match ended_at {
            None => words::INCIDENT_STEPS.map(|row| self.say(row)).into(),
            Some(_) => Vec::new(),
        };
        let letter = self.letter((title.clone(), title), tone, words::SEE_ALL);
        Letter { paragraphs: vec![self.say(what)], facts, steps: self.steps(steps), ..letter }
    }

    fn digest(&self, troubled: &[Troubled]) -> Letter {
        let language = self.occasion.reader.language;
        let count = u64::try_from(troubled.len()).unwrap_or(u64::MAX);
        let (title, tone) = match count {
            0 => (self.say(words::DIGEST_WELL), Tone::Good),
            _ => (words::DIGEST_SUBJECT.say(language, count), Tone::Warning),
        };
        let mut lines: Vec<String> = troubled.iter().take(LISTED_MAX).map(|one| self.digest_line(one)).collect();
        let more = count.saturating_sub(u64::try_from(lines.len()).unwrap_or(u64::MAX));
        if more > 0 {
            lines.push(words::DIGEST_MORE.say(language, more));
        }
        Letter {
            paragraphs: vec![self.say(words::DIGEST_WHAT)],
            list: (!lines.is_empty()).then(|| List { heading: self.say(words::DIGEST_LIST), lines }),
            ..self.letter((title.clone(), title), tone, words::SEE_ALL)
        }
    }

    fn digest_line(&self, troubled: &Troubled) -> String {
        let short = |text: &str| one_line(text, NAME_CHARS_MAX);
        let (customer, name) = (short(&troubled.customer), short(&troubled.connection));
        let (health, day) = (self.say(words::health(troubled.health)), self.day(troubled.since));
        let gaps = [("customer", customer.as_str()), ("name", name.as_str()), ("health", health.as_str()), ("day", day.as_str())];
        let line = self.fill(words::DIGEST_LINE, &gaps);
        match &troubled.headline {
            Some(headline) => format!("{line}. {}", short(headline)),
            None => line,
        }
    }
}

/// What Microsoft's support asks for, on one line.
fn support(diagnosis: &DiagnosisView) -> Option<String> {
    let support = diagnosis.support.as_ref()?;
    let code = support.code.map(|code| format!("AADSTS{code}"));
    let trace = support.trace_id.as_ref().map(|id| format!("Trace ID {id}"));
    let correlation = support.correlation_id.as_ref().map(|id| format!("Correlation ID {id}"));
    let parts: Vec<String> = code.into_iter().chain(trace).chain(correlation).collect();
    (!parts.is_empty()).then(|| one_line(&parts.join(", "), SENTENCE_CHARS_MAX))
}
