//! One mail of every kind and step, with its name.

use domain::api::{Confidence, DiagnosisView, FactView, ForecastView, HealthWord};
use domain::diagnosis::{diagnose, diagnose_for_operator};
use domain::notice::audience::Language;
use domain::refusal::{self, Answer, ErrorBody, Failure};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};
use notify::mail::{Mail, News, Occasion, Operator, Reader, ReaderKind, Troubled, write};
use url::Url;

/// Names that try to be more than names.
pub const HOSTILE: &str = "Contoso\r\nBcc: all@contoso.com <script>alert(1)</script> \u{202e}\"&'";

fn refusal(error: &str, suberror: &str, text: &str) -> refusal::Refusal {
    let body = ErrorBody {
        error: error.to_owned(),
        suberror: Some(suberror.to_owned()),
        error_description: Some(text.to_owned()),
        trace_id: Some("0d5e5d0e-7f2a-4f0c-9f77-2f1d3f0a0100".to_owned()),
        correlation_id: Some("4b8c2f5e-1c1d-4c5e-8f5a-6f1b2c3d4e5f".to_owned()),
        ..ErrorBody::default()
    };
    match refusal::read(Answer { status: 400, body: Some(body), ..Answer::default() }) {
        Failure::Refused(refusal) => *refusal,
        Failure::Unclear(unclear) => panic!("{unclear:?}"),
    }
}

/// Everything that news borrow from.
pub struct Sources {
    now: Timestamp,
    portal: Url,
    zone: TimeZone,
    revoked: DiagnosisView,
    blocked: DiagnosisView,
    secret: DiagnosisView,
    forecast: ForecastView,
    troubled: Vec<Troubled>,
}

impl Sources {
    /// Of one company in Berlin, in May.
    pub fn of_may() -> Self {
        let now: Timestamp = "2026-05-12T07:30:00Z".parse().expect("a time");
        let revoked = "AADSTS50173: The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might \
                       have changed or reset their password. The grant was issued on '2026-03-02T09:12:44.0000000Z' and the TokensValidFrom \
                       date (before which tokens are not valid) for this user is '2026-05-11T21:58:00.0000000Z'.";
        Self {
            now,
            portal: "https://portal.example/settings/directory".parse().expect("a URL"),
            zone: TimeZoneDatabase::bundled().get("Europe/Berlin").expect("a time zone"),
            revoked: diagnose(&refusal("invalid_grant", "bad_token", revoked)),
            blocked: diagnose(&refusal(
                "invalid_grant",
                "message_only",
                "AADSTS53003: Access has been blocked by Conditional Access policies.",
            )),
            secret: diagnose_for_operator(&refusal("invalid_client", "", "AADSTS7000222: The provided client secret keys are expired.")),
            forecast: ForecastView {
                ends_at: now + SignedDuration::from_hours(7 * 24),
                confidence: Confidence::High,
                reason: "A sign-in frequency policy of your tenant lets a sign-in last 14 days, as 2 earlier sign-ins of this connection \
                         showed."
                    .to_owned(),
                evidence: vec![FactView {
                    label: "Last sign-in".to_owned(),
                    text: None,
                    at: Some(now - SignedDuration::from_hours(7 * 24)),
                }],
            },
            troubled: vec![
                troubled("harbor-finch", HealthWord::Dead, Some("Password reset or sessions revoked")),
                troubled("globex", HealthWord::Expiring, None),
            ],
        }
    }

    fn occasion<'a>(&'a self, news: News<'a>, step: u16) -> Occasion<'a> {
        let is_operators =
            matches!(news, News::NobodyReached { .. } | News::OperatorFault { .. } | News::Incident { .. } | News::Digest { .. });
        let may_decline = step > 0
            || matches!(
                news,
                News::Expiring { .. }
                    | News::SpareLost { .. }
                    | News::SwitchedToSpare { .. }
                    | News::DeletionsHeld { .. }
                    | News::EndpointDisabled { .. }
            );
        let decline = "https://api.example/v1/notices/decline?customer=harbor-finch&contact=who-0&key=key-0";
        Occasion {
            news,
            step,
            connection: Some("Contoso Ltd"),
            as_of: Some(self.now - SignedDuration::from_hours(10)),
            operator: Operator { name: "Signature Cloud", portal: &self.portal },
            reader: Reader {
                kind: if is_operators { ReaderKind::Operator } else { ReaderKind::Customer },
                language: Language::En,
                zone: &self.zone,
                decline: (may_decline && !is_operators).then(|| decline.parse().expect("a URL")),
            },
            now: self.now,
        }
    }

    /// Every occasion, with its name.
    pub fn occasions(&self) -> Vec<(&'static str, Occasion<'_>)> {
        let since = self.now - SignedDuration::from_mins(4);
        let hour = SignedDuration::from_hours(1);
        let dead = News::Dead { diagnosis: &self.revoked, since };
        let suspended = News::Suspended { diagnosis: &self.blocked, since };
        let expiring = |days_left| News::Expiring { forecast: &self.forecast, days_left };
        let held = News::DeletionsHeld { people: 312, of: 1284, since };
        let fault = News::OperatorFault { diagnosis: &self.secret, customer: "harbor-finch", since };
        let incident = |ended_at| News::Incident { cause: "conditional-access", opened_at: self.now - hour, ended_at };
        let why = "503 Service Unavailable, and for 24 hours nothing better";
        [
            ("dead", dead.clone(), 0),
            ("dead-again", dead, 2),
            ("suspended", suspended.clone(), 0),
            ("suspended-again", suspended, 1),
            ("expiring-7", expiring(7), 0),
            ("expiring-1", expiring(1), 0),
            ("expiring-0", expiring(0), 0),
            ("expiring-again", expiring(3), 1),
            ("recovered", News::Recovered { since, stopped_at: Some(self.now - hour * 30) }, 0),
            ("switched-to-spare", News::SwitchedToSpare { at: since, consented_by: Some("maria.keller@contoso.example") }, 0),
            ("spare-lost", News::SpareLost { at: since }, 0),
            ("deletions-held", held.clone(), 0),
            ("deletions-held-again", held, 1),
            ("endpoint-disabled", News::EndpointDisabled { place: "hooks.contoso.example:8443", why, since }, 0),
            ("nobody-reached", News::NobodyReached { customer: "harbor-finch", health: HealthWord::Dead, since }, 0),
            ("operator-fault", fault.clone(), 0),
            ("operator-fault-again", fault, 1),
            ("incident", incident(None), 0),
            ("incident-over", incident(Some(self.now)), 0),
            ("digest", News::Digest { troubled: &self.troubled }, 0),
            ("digest-well", News::Digest { troubled: &[] }, 0),
        ]
        .into_iter()
        .map(|(name, news, step)| (name, self.occasion(news, step)))
        .collect()
    }

    /// Every mail, with its name: each occasion as it is, and one whose tenant's name is hostile and long.
    pub fn mails(&self) -> Vec<(String, Mail)> {
        let occasions = self.occasions();
        let mut mails: Vec<(String, Mail)> = occasions.iter().map(|(name, occasion)| ((*name).to_owned(), write(occasion))).collect();
        let long = format!("{HOSTILE} {}", "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft".repeat(2));
        let hostile = Occasion { connection: Some(&long), ..occasions[0].1.clone() };
        mails.push(("hostile-name".to_owned(), write(&hostile)));
        mails.push(("unnamed".to_owned(), write(&Occasion { connection: None, as_of: None, ..occasions[0].1.clone() })));
        mails
    }
}

fn troubled(customer: &str, health: HealthWord, headline: Option<&str>) -> Troubled {
    Troubled {
        customer: customer.to_owned(),
        connection: "Contoso Ltd".to_owned(),
        health,
        since: "2026-05-11T22:00:00Z".parse().expect("a time"),
        headline: headline.map(str::to_owned),
    }
}
