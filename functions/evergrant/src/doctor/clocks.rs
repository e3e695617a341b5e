//! The clocks: tokens of ours and of Entra's count by them, and so does every request to AWS.

use adapters::transport::Transport as _;
use http::Request;
use http::header::DATE;
use jiff::{SignedDuration, Timestamp};

use super::{Finding, Ward};

/// AWS refuses requests beyond five minutes, and assertions of ours are valid from a minute before on.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>
const WRONG: SignedDuration = SignedDuration::from_secs(60);
const DOUBTFUL: SignedDuration = SignedDuration::from_secs(5);
const SET: &str = "set this machine's clock by NTP; the functions have AWS's own";

pub(super) async fn look(ward: &Ward<'_>) -> Vec<Finding> {
    let mut servers = vec![("AWS", ward.aws.address("dynamodb"))];
    if let Ok(settings) = &ward.settings {
        let login = settings.endpoints.login.as_str().trim_end_matches('/');
        servers.push(("Entra", format!("{login}/organizations/v2.0/.well-known/openid-configuration")));
    }
    let mut findings = Vec::new();
    for (name, url) in servers {
        findings.push(one(ward, name, &url).await);
    }
    findings
}

async fn one(ward: &Ward<'_>, name: &str, url: &str) -> Finding {
    let Ok(request) = Request::get(url).body(Vec::new()) else {
        return Finding::skipped("clock", format!("{url} is no URL"));
    };
    let before = ward.desk.clock.now();
    let answer = match ward.network.send(request).await {
        Ok(answer) => answer,
        Err(error) => return Finding::skipped("clock", format!("{name} does not tell the time: {}", crate::told(&error))),
    };
    let after = ward.desk.clock.now();
    let date = answer.headers().get(DATE).and_then(|date| date.to_str().ok());
    let date = date.and_then(|date| jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok());
    match date {
        Some(date) => judge(name, apart(date, (before, after))),
        None => Finding::skipped("clock", format!("{name} does not tell the time")),
    }
}

/// How far a time in whole seconds, told between two of ours, is outside of them.
fn apart(told: Timestamp, (before, after): (Timestamp, Timestamp)) -> SignedDuration {
    let second = SignedDuration::from_secs(1);
    let (early, late) = (before.duration_since(told) - second, told.duration_since(after));
    early.max(late).max(SignedDuration::ZERO)
}

fn judge(name: &str, apart: SignedDuration) -> Finding {
    let seconds = apart.as_secs();
    match apart {
        apart if apart > WRONG => Finding::wrong("clock", format!("this machine is {seconds} s away from {name}"), SET),
        apart if apart > DOUBTFUL => Finding::warning("clock", format!("this machine is {seconds} s away from {name}"), SET),
        _ => Finding::ok("clock", format!("this machine and {name} agree")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_clock_is_judged_by_how_far_it_is_away_whichever_way() {
        for (told, state) in [
            (100, State::Ok),
            (99, State::Ok),
            (107, State::Ok),
            (108, State::Warning),
            (93, State::Warning),
            (162, State::Warning),
            (163, State::Wrong),
            (38, State::Wrong),
        ] {
            assert_eq!(judge("AWS", apart(at(told), (at(100), at(102)))).state, state, "{told}");
        }
    }
}
