//! How a consent ends. Whatever comes back, a grant that works is not touched until a better one is proved.

use entra_simulator::{Act, Role};
use http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};
use system_tests::engine::Item;
use system_tests::wire::Place;
use system_tests::world::{Begun, PORTAL, person};
use system_tests::{Answer, World};
use url::Url;

use crate::support::grant_items;

/// A connection that works, and a consent begun for it.
async fn begun() -> (World, domain::ids::ConnectionId, Begun, Vec<Item>) {
    let world = World::new().await;
    let id = world.connect().await;
    world.pass(SignedDuration::from_mins(1));
    let begun = world.begin(&id).await;
    let before = grant_items(&world, &id).await;
    (world, id, begun, before)
}

/// The URL that Entra would send the browser to with an error.
fn refusal(begun: &Begun, fields: &[(&str, &str)]) -> Url {
    let mut url = callback(begun);
    url.query_pairs_mut().extend_pairs(fields);
    url
}

fn callback(begun: &Begun) -> Url {
    let state = begun.url.query_pairs().find(|(name, _)| name == "state").map(|(_, value)| value.into_owned());
    let mut url: Url = system_tests::world::REDIRECT.parse().expect("a URL");
    url.query_pairs_mut().append_pair("state", &state.expect("the URL carries state"));
    url
}

/// Follows `url` and expects a failure that changed nothing; answers the attempt's failure.
async fn fails(world: &World, id: &domain::ids::ConnectionId, begun: &Begun, (url, before): (&Url, &[Item])) -> Value {
    let page = world.come_back(url).await;
    assert_eq!(page.status, 200);
    let attempt = world.attempt(&begun.attempt).await;
    assert_eq!(attempt["state"], "failed", "{attempt}");
    let sentence = attempt["failure"]["sentence"].as_str().unwrap_or_default();
    assert!(page.text.contains(&sentence.replace('"', "&quot;")), "the page says it too: {}", page.text);
    assert_eq!(grant_items(world, id).await, before, "{attempt}");
    attempt["failure"].clone()
}

#[tokio::test]
async fn a_declined_consent_changes_nothing() {
    for fields in [
        vec![("error", "access_denied"), ("error_subcode", "cancel"), ("error_description", "AADSTS65004: User declined to consent.")],
        vec![("error", "permission_denied"), ("admin_consent", "True")],
        vec![("error", "access_denied"), ("code", "a-code-that-must-not-be-redeemed")],
    ] {
        let (world, id, begun, before) = begun().await;
        let failure = fails(&world, &id, &begun, (&refusal(&begun, &fields), &before)).await;
        assert_eq!(failure["reason"], "denied", "{fields:?}");
    }
}

#[tokio::test]
async fn what_entra_says_no_with_is_said_in_words() {
    let mut told = Vec::new();
    for fields in [
        [("error", "access_denied"), ("error_description", "AADSTS90094: An administrator must grant the permissions.")],
        [("error", "consent_required"), ("error_description", "AADSTS65001: Not consented.")],
        [("error", "temporarily_unavailable"), ("error_description", "AADSTS90033: A transient error.")],
        [("error", "server_error"), ("error_description", "")],
        [("error", "invalid_request"), ("error_description", "<script>alert(1)</script>")],
    ] {
        let (world, id, begun, before) = begun().await;
        let failure = fails(&world, &id, &begun, (&refusal(&begun, &fields), &before)).await;
        told.push(json!({"error": fields[0].1, "failure": failure}));
    }
    insta::assert_json_snapshot!("said_no", told);
}

#[tokio::test]
async fn nobody_comes_back_and_the_attempt_expires() {
    let (world, id, begun, before) = begun().await;
    assert_eq!(world.attempt(&begun.attempt).await["state"], "pending");
    world.pass(SignedDuration::from_mins(15));
    assert_eq!(world.attempt(&begun.attempt).await["state"], "expired");
    assert_eq!(grant_items(&world, &id).await, before);
}

#[tokio::test]
async fn who_comes_back_too_late_changes_nothing() {
    let (world, id, begun, before) = begun().await;
    world.pass(SignedDuration::from_mins(15));
    let url = world.accept(&begun);
    let page = world.come_back(&url).await;
    assert!(page.text.contains("Too late"), "{}", page.text);
    assert_eq!(world.attempt(&begun.attempt).await["state"], "expired");
    assert_eq!(grant_items(&world, &id).await, before);
    assert_eq!(redemptions(&world), 1, "only the first consent's code was redeemed");
}

fn redemptions(world: &World) -> usize {
    world.simulator.requests().iter().filter(|request| request.grant.as_deref() == Some("authorization_code")).count()
}

#[tokio::test]
async fn a_callback_counts_once_however_often_it_comes() {
    let (world, id, begun, _) = begun().await;
    let url = world.accept(&begun);
    let (first, second) = tokio::join!(world.come_back(&url), world.come_back(&url));
    let third = world.come_back(&url).await;
    let titles = [&first, &second, &third].map(|page| page.text.contains("<h1>Connected</h1>"));
    assert!(titles[2] && (titles[0] || titles[1]), "{titles:?}");
    assert_eq!(redemptions(&world), 2);
    assert_eq!(world.attempt(&begun.attempt).await["state"], "succeeded");
    let after = grant_items(&world, &id).await;
    world.come_back(&url).await;
    assert_eq!(grant_items(&world, &id).await, after);
}

#[tokio::test]
async fn a_callback_that_is_not_ours_leads_nowhere() {
    let (world, id, begun, before) = begun().await;
    let url = world.accept(&begun);
    let query = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default();
    let (state, code) = (query("state"), query("code"));
    let (attempt, secret) = state.split_once('.').expect("an id and a secret");
    for state in [
        String::new(),
        "x".to_owned(),
        attempt.to_owned(),
        format!("{attempt}."),
        format!("{attempt}.{secret}x"),
        format!("{attempt}.{}", "A".repeat(43)),
        format!("att-00000000000000000000000000.{secret}"),
        format!("../../x.{secret}"),
        "\u{0}.\u{0}".to_owned(),
    ] {
        let mut forged: Url = system_tests::world::REDIRECT.parse().unwrap();
        forged.query_pairs_mut().append_pair("code", &code).append_pair("state", &state);
        let page = world.come_back(&forged).await;
        assert_eq!(page.status, 400, "{state}");
        assert!(page.text.contains("leads nowhere"), "{state}");
    }
    let bare: Url = format!("{}?code={code}", system_tests::world::REDIRECT).parse().unwrap();
    assert_eq!(world.come_back(&bare).await.status, 400);
    let twice: Url = format!("{url}&state={state}").parse().unwrap();
    let page = world.come_back(&twice).await;
    assert!(page.status == 400 && page.text.contains("leads nowhere"), "{}", page.text);
    assert_eq!(world.attempt(&begun.attempt).await["state"], "pending");
    assert_eq!(grant_items(&world, &id).await, before);
}

#[tokio::test]
async fn a_callback_without_a_code_fails() {
    let (world, id, begun, before) = begun().await;
    assert_eq!(fails(&world, &id, &begun, (&callback(&begun), &before)).await["reason"], "refused");
}

#[tokio::test]
async fn a_forged_tenant_in_the_query_binds_nothing() {
    let world = World::new().await;
    let id = world.create("acme").await;
    let begun = world.begin(&id).await;
    let mut url = world.accept(&begun);
    let other = uuid::Uuid::from_u128(7).to_string();
    url.query_pairs_mut().append_pair("tenant", &other).append_pair("admin_consent", "True").append_pair("tid", &other);
    world.come_back(&url).await;
    assert_eq!(world.status(&id).await["tenant"]["id"], json!(world.tenant));
}

#[tokio::test]
async fn a_code_that_entra_does_not_know_changes_nothing() {
    let (world, id, begun, before) = begun().await;
    let url = refusal(&begun, &[("code", "made-up")]);
    assert_eq!(fails(&world, &id, &begun, (&url, &before)).await["reason"], "refused");
}

#[tokio::test]
async fn someone_of_another_tenant_is_not_let_in() {
    let (world, id, begun, before) = begun().await;
    let fabrikam = world.simulator.add_tenant("Fabrikam");
    let eve = world.simulator.add_user(fabrikam, person("Eve", Role::Admin));
    world.simulator.accept(&begun.url, (fabrikam, eve)).expect_err("Entra's own page knows whom it is for");
    // Somebody rewrites the URL so that any tenant may sign in.
    let mut open = begun.url.clone();
    open.set_path("/organizations/oauth2/v2.0/authorize");
    let url = world.simulator.accept(&open, (fabrikam, eve)).expect("Eve may sign in somewhere");
    let failure = fails(&world, &id, &begun, (&url, &before)).await;
    assert_eq!(failure["reason"], "wrong-tenant", "Entra does not redeem another tenant's code");
}

#[tokio::test]
async fn a_second_tenant_cannot_take_over_what_the_first_proved() {
    let world = World::new().await;
    let id = world.create("acme").await;
    // Both begin before the tenant is known. The later attempt counts; the earlier one is replaced.
    let (first, second) = (world.begin(&id).await, world.begin(&id).await);
    let fabrikam = world.simulator.add_tenant("Fabrikam");
    let eve = world.simulator.add_user(fabrikam, person("Eve", Role::Admin));
    let url = world.simulator.accept(&first.url, (fabrikam, eve)).unwrap();
    assert!(world.come_back(&url).await.text.contains("Replaced"));
    world.come_back(&world.accept(&second)).await;
    assert_eq!(world.attempt(&first.attempt).await["state"], "superseded");
    assert_eq!(world.status(&id).await["tenant"]["id"], json!(world.tenant));
}

#[tokio::test]
async fn a_newer_attempt_replaces_an_older_one() {
    let (world, id, old, before) = begun().await;
    let new = world.begin(&id).await;
    let page = world.come_back(&world.accept(&old)).await;
    assert!(page.text.contains("Replaced"), "{}", page.text);
    assert_eq!(world.attempt(&old.attempt).await["state"], "superseded");
    let without_attempts = grant_items(&world, &id).await;
    assert_eq!(without_attempts, before);
    world.come_back(&world.accept(&new)).await;
    assert_eq!(world.attempt(&new.attempt).await["state"], "succeeded");
}

#[tokio::test]
async fn a_withdrawn_attempt_is_not_carried_out() {
    let (world, id, begun, before) = begun().await;
    let url = world.accept(&begun);
    let path = format!("/v1/reconnect-attempts/{}", begun.attempt);
    let withdrawn = world.call("acme", "DELETE", &path, None).await;
    assert_eq!((withdrawn.status, withdrawn.json()["state"].clone()), (StatusCode::OK, json!("superseded")));
    assert!(world.come_back(&url).await.text.contains("Replaced"));
    assert_eq!(grant_items(&world, &id).await, before);
    assert_eq!(world.call("acme", "DELETE", &path, None).await.json()["state"], "superseded", "twice is once");
}

#[tokio::test]
async fn an_attempt_that_succeeded_cannot_be_withdrawn() {
    let (world, _, begun, _) = begun().await;
    world.come_back(&world.accept(&begun)).await;
    let path = format!("/v1/reconnect-attempts/{}", begun.attempt);
    assert_eq!(world.call("acme", "DELETE", &path, None).await.json()["state"], "succeeded");
}

#[tokio::test]
async fn the_browser_is_led_back_only_into_the_portal() {
    let world = World::new().await;
    let id = world.create("acme").await;
    for url in [
        "https://evil.example/",
        "https://portal.example.evil.example/",
        "https://portal.example@evil.example/",
        "http://portal.example/",
        "https://portal.example:8443/",
        "//portal.example/",
        "/settings",
        "javascript:alert(1)",
        "data:text/html,x",
        "",
    ] {
        let answer = world.post("/v1/reconnect-attempts", &json!({"connection": id, "return_url": url})).await;
        assert_eq!((answer.status.as_u16(), answer.json()["field"].clone()), (422, json!("return_url")), "{url}");
    }
    let begun = world.begin_with(&json!({"connection": id, "return_url": format!("{PORTAL}/settings?tab=entra#now")})).await;
    let answer = world.come_back(&world.accept(&begun)).await;
    assert_eq!(answer.status, 303);
    assert_eq!(answer.header("location"), format!("{PORTAL}/settings?tab=entra&eg_attempt={}#now", begun.attempt));
    assert_eq!(world.attempt(&begun.attempt).await["state"], "succeeded");
}

#[tokio::test]
async fn the_page_that_ends_a_popup_runs_nothing_of_others() {
    let (world, _, begun, _) = begun().await;
    let page = world.come_back(&refusal(&begun, &[("error", "x\"><script>alert(1)</script>"), ("error_description", "<img src=x>")])).await;
    assert!(!page.text.contains("alert(1)") && !page.text.contains("<img"), "{}", page.text);
    assert!(page.header("content-security-policy").starts_with("default-src 'none'; script-src 'self'"));
    assert_eq!((page.header("cache-control"), page.header("referrer-policy")), ("no-store", "no-referrer"));
    assert!(page.text.contains(&format!("data-origin=\"{PORTAL}\"")), "{}", page.text);
}

#[tokio::test]
async fn an_account_that_may_not_read_the_directory_is_no_candidate() {
    for status in [StatusCode::FORBIDDEN, StatusCode::UNAUTHORIZED] {
        let (world, id, begun, before) = begun().await;
        world.wire.bend(move |uri, response| {
            if uri.path() == "/v1.0/users" {
                *response.status_mut() = status;
                *response.body_mut() = br#"{"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges"}}"#.to_vec();
            }
        });
        let failure = fails(&world, &id, &begun, (&world.accept(&begun), &before)).await;
        assert_eq!(failure["reason"], "missing-permission", "{status}");
    }
}

#[tokio::test]
async fn an_ordinary_person_is_stopped_at_entras_page() {
    let (world, _, begun, _) = begun().await;
    let member = world.simulator.add_user(world.tenant, person("Max", Role::Member));
    world.work(Act::WithdrawConsent);
    world.simulator.accept(&begun.url, (world.tenant, member)).expect_err("only an administrator may accept");
}

#[tokio::test]
async fn an_outage_during_the_consent_changes_nothing() {
    for path in ["/token", "/discovery/v2.0/keys", "/v1.0/users", "/v1.0/organization"] {
        let (world, id, begun, before) = begun().await;
        let url = world.accept(&begun);
        world.wire.lose(path, system_tests::wire::Lost::Answer);
        let failure = fails(&world, &id, &begun, (&url, &before)).await;
        assert_eq!(failure["reason"], "unavailable", "{path}");
    }
}

#[tokio::test]
async fn a_grant_without_lasting_access_is_no_candidate() {
    let (world, id, begun, before) = begun().await;
    let url = world.accept(&begun);
    world.work(Act::NoRefreshToken { times: 1 });
    assert_eq!(fails(&world, &id, &begun, (&url, &before)).await["reason"], "missing-permission");
}

#[tokio::test]
async fn a_check_in_flight_is_overtaken_by_a_consent() {
    let world = World::new().await;
    let id = world.connect().await;
    world.set_now(world.stored(&id).await.check_at.unwrap());
    let begun = world.begin(&id).await;
    let url = world.accept(&begun);
    let mut held = world.wire.hold("/token", Place::Inbound);
    let consent = async {
        held.arrived().await;
        world.come_back(&url).await;
        let after = world.engine.item(&format!("connection#{id}"), "connection").await;
        held.release();
        after
    };
    let (report, after) = tokio::join!(world.tick(), consent);
    assert_eq!((report.outcomes.get("overtaken"), report.faults), (Some(&1), 0), "{report:?}");
    assert_eq!(world.engine.item(&format!("connection#{id}"), "connection").await, after);
    assert_eq!(world.attempt(&begun.attempt).await["state"], "succeeded");
    assert_eq!(world.verdict(&id).await, "healthy");
}

#[tokio::test]
async fn the_last_account_is_suggested_unless_it_is_gone_or_another_is_wanted() {
    let world = World::new().await;
    let id = world.create("acme").await;
    let asked = |url: &Url, name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let first = world.begin(&id).await;
    assert_eq!((asked(&first.url, "login_hint"), asked(&first.url, "prompt")), (None, Some("select_account".to_owned())));
    world.come_back(&world.accept(&first)).await;
    let again = world.begin(&id).await;
    assert_eq!((asked(&again.url, "login_hint"), asked(&again.url, "prompt")), (Some("ada@contoso.example".to_owned()), None));
    let other = world.begin_with(&json!({"connection": id, "choose_account": true})).await;
    assert_eq!((asked(&other.url, "login_hint"), asked(&other.url, "prompt")), (None, Some("select_account".to_owned())));
    world.work(Act::DeleteUser { user: world.admin });
    assert_eq!(world.verdict(&id).await, "dead");
    let gone = world.begin(&id).await;
    assert_eq!(asked(&gone.url, "login_hint"), None);
}

#[tokio::test]
async fn the_sign_in_page_is_told_no_secret() {
    let (world, _, begun, _) = begun().await;
    let pairs: Vec<(String, String)> = begun.url.query_pairs().into_owned().collect();
    let names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    for wanted in ["client_id", "code_challenge", "code_challenge_method", "nonce", "redirect_uri", "response_type", "scope", "state"] {
        assert!(names.contains(&wanted), "{wanted} in {names:?}");
    }
    assert_eq!(pairs.iter().find(|(name, _)| name == "code_challenge_method").map(|(_, value)| value.as_str()), Some("S256"));
    world.come_back(&world.accept(&begun)).await;
    let told: String = begun.url.to_string() + &world.attempt(&begun.attempt).await.to_string();
    for secret in world.wire.secrets() {
        assert!(!told.contains(&secret), "{secret}");
    }
}

#[tokio::test]
async fn another_customer_does_not_see_an_attempt() {
    let (world, _, begun, _) = begun().await;
    for method in ["GET", "DELETE"] {
        let answer: Answer = world.call("globex", method, &format!("/v1/reconnect-attempts/{}", begun.attempt), None).await;
        assert_eq!(answer.status, 404, "{method}");
    }
    assert_eq!(world.attempt(&begun.attempt).await["state"], "pending");
}
