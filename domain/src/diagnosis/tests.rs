//! The table, and what is made of it.

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;
use crate::refusal::{self, Answer, ErrorBody, Failure};

fn refusal(error: &str, suberror: Option<&str>, code: u32) -> Refusal {
    refusal_with(error, suberror, vec![code])
}

fn refusal_with(error: &str, suberror: Option<&str>, error_codes: Vec<u32>) -> Refusal {
    let (error, suberror) = (error.to_owned(), suberror.map(str::to_owned));
    let body = ErrorBody { error, suberror, error_codes, ..ErrorBody::default() };
    match refusal::read(Answer { status: 400, body: Some(body), ..Answer::default() }) {
        Failure::Refused(refusal) => *refusal,
        Failure::Unclear(unclear) => panic!("{unclear:?}"),
    }
}

/// Every number of the table.
fn codes() -> Vec<u32> {
    table::rows().flat_map(|row| row.codes).copied().collect()
}

const ERRORS: [&str; 9] = [
    "invalid_grant",
    "interaction_required",
    "consent_required",
    "unauthorized_client",
    "invalid_client",
    "invalid_request",
    "invalid_tenant",
    "access_denied",
    "new_error",
];
const SUBERRORS: [Option<&str>; 12] = [
    None,
    Some("bad_token"),
    Some("token_expired"),
    Some("basic_action"),
    Some("additional_action"),
    Some("message_only"),
    Some("consent_required"),
    Some("user_password_expired"),
    Some("client_mismatch"),
    Some("device_authentication_failed"),
    Some("protection_policy_required"),
    Some("new_suberror"),
];

/// Every error with every suberror and every number, and with none of the table.
fn every_combination() -> impl Iterator<Item = Refusal> {
    let codes: Vec<u32> = codes().into_iter().chain([1]).collect();
    let pairs = ERRORS.into_iter().flat_map(|error| SUBERRORS.into_iter().map(move |suberror| (error, suberror)));
    pairs.flat_map(move |(error, suberror)| codes.clone().into_iter().map(move |code| refusal(error, suberror, code)))
}

#[test]
fn each_known_death_is_told_apart() {
    use Action::{BlameOperator, Bury, Suspend, Wait};
    for (error, suberror, code, expected, cause) in [
        ("invalid_grant", Some("bad_token"), 50173, Bury, "sessions-revoked"),
        ("invalid_grant", Some("token_expired"), 70043, Bury, "sign-in-frequency"),
        ("invalid_grant", Some("basic_action"), 50076, Bury, "mfa-required"),
        ("invalid_grant", Some("basic_action"), 50078, Bury, "mfa-too-old"),
        ("invalid_grant", Some("basic_action"), 50079, Bury, "mfa-not-set-up"),
        ("invalid_grant", Some("consent_required"), 65001, Bury, "consent-withdrawn"),
        ("invalid_grant", Some("user_password_expired"), 50055, Bury, "password-expired"),
        ("invalid_grant", Some("bad_token"), 700_082, Bury, "unused-too-long"),
        ("invalid_grant", None, 700_084, Bury, "sign-in-lasts-one-day"),
        ("invalid_grant", None, 500_341, Bury, "account-deleted"),
        ("invalid_grant", Some("message_only"), 53003, Suspend, "blocked-by-policy"),
        ("invalid_grant", Some("basic_action"), 53000, Suspend, "device-required"),
        ("invalid_grant", None, 50057, Suspend, "account-disabled"),
        ("invalid_grant", None, 50105, Suspend, "assignment-required"),
        ("unauthorized_client", None, 700_016, Suspend, "app-missing"),
        ("unauthorized_client", None, 7_000_112, Suspend, "app-disabled"),
        ("invalid_tenant", None, 90002, Bury, "tenant-gone"),
        ("invalid_client", None, 7_000_222, BlameOperator, "operator-secret-expired"),
        ("invalid_client", None, 7_000_215, BlameOperator, "operator-secret-wrong"),
        ("invalid_request", None, 70021, BlameOperator, "operator-federation-mismatch"),
        ("invalid_grant", None, 50196, Wait, "too-many-requests"),
        ("invalid_grant", None, 9_002_313, BlameOperator, "operator-request-malformed"),
        ("invalid_grant", None, 1, Bury, "refused"),
        ("invalid_grant", Some("brand_new"), 1, Suspend, "refused"),
        ("brand_new", None, 1, Suspend, "refused"),
    ] {
        let refusal = refusal(error, suberror, code);
        assert_eq!(action(&refusal), expected, "{error} {suberror:?} {code}");
        assert_eq!(diagnose(&refusal).cause, cause, "{error} {suberror:?} {code}");
    }
}

#[test]
fn without_a_known_number_the_words_still_tell_causes_apart() {
    for (error, suberror, cause) in [
        ("invalid_grant", Some("bad_token"), "sign-in-invalid"),
        ("invalid_grant", Some("token_expired"), "sign-in-frequency"),
        ("invalid_grant", Some("basic_action"), "sign-in-again"),
        ("invalid_grant", Some("consent_required"), "consent-withdrawn"),
        ("invalid_grant", Some("user_password_expired"), "password-expired"),
        ("invalid_grant", Some("message_only"), "blocked-by-policy"),
        ("invalid_grant", Some("device_authentication_failed"), "device-required"),
        ("invalid_grant", Some("protection_policy_required"), "approved-app-required"),
        ("unauthorized_client", Some("protection_policy_required"), "approved-app-required"),
        ("unauthorized_client", None, "app-not-allowed"),
        ("login_required", None, "not-signed-in"),
        ("consent_required", None, "consent-withdrawn"),
        ("access_denied", None, "consent-declined"),
        ("invalid_tenant", None, "tenant-gone"),
        ("invalid_resource", None, "service-missing"),
        ("invalid_client", None, "operator-credential-refused"),
        ("invalid_scope", None, "operator-request-malformed"),
        ("unsupported_response_type", None, "operator-request-malformed"),
    ] {
        assert_eq!(diagnose(&refusal(error, suberror, 1)).cause, cause, "{error} {suberror:?}");
    }
}

#[test]
fn each_denial_of_graph_is_told_apart() {
    for (status, code, expected, cause) in [
        (403, "Authorization_RequestDenied", Action::Suspend, "consent-withdrawn"),
        (403, "Authorization_IdentityNotFound", Action::Suspend, "app-missing"),
        (403, "Authorization_IdentityDisabled", Action::Suspend, "app-disabled"),
        (401, "InvalidAuthenticationToken", Action::Wait, "access-token-refused"),
        (403, "something_new", Action::Suspend, "refused"),
        (403, "", Action::Suspend, "refused"),
        (503, "Authorization_RequestDenied", Action::Wait, "outage"),
    ] {
        let refusal = refusal::from_graph(status, code, Some("1"));
        let diagnosis = diagnose(&refusal);
        assert_eq!((action(&refusal), diagnosis.cause.as_str()), (expected, cause), "{status} {code}");
        assert_eq!(diagnosis.steps.is_empty(), expected == Action::Wait, "{status} {code}");
        assert_eq!(diagnosis.support.and_then(|support| support.trace_id).as_deref(), Some("1"));
    }
}

#[test]
fn a_number_never_makes_a_verdict_harsher() {
    let severity = |refusal: &Refusal| match action(refusal) {
        Action::Wait => 0,
        Action::BlameOperator => 1,
        Action::Suspend => 2,
        Action::Bury => 3,
    };
    for with in every_combination() {
        let without = Refusal { codes: Vec::new(), ..with.clone() };
        assert!(severity(&with) <= severity(&without), "{with:?}");
    }
}

#[test]
fn bad_token_is_not_taken_back_by_any_number() {
    for code in codes() {
        assert_eq!(action(&refusal("invalid_grant", Some("bad_token"), code)), Action::Bury);
    }
}

#[test]
fn only_bad_token_is_unmistakable() {
    for suberror in SUBERRORS {
        assert_eq!(is_unmistakable(&refusal("invalid_grant", suberror, 50173)), suberror == Some("bad_token"), "{suberror:?}");
    }
}

#[test]
fn whoever_must_act_is_told_how_and_nobody_else_is_told_to_act() {
    for refusal in every_combination() {
        let (action, told, known) = (action(&refusal), diagnose(&refusal), diagnose_for_operator(&refusal));
        let says = |words: &str| told.steps.iter().any(|step| step.contains(words));
        match action {
            Action::Bury => {
                assert!(matches!(told.who, Actor::CustomerAdmin | Actor::SignedInPerson), "{refusal:?}");
                assert!(says("Reconnect") || told.cause == "tenant-gone", "{refusal:?}");
                assert!(!says("by itself"), "{refusal:?}");
            }
            Action::Suspend => assert_ne!(told.who, Actor::Operator, "{refusal:?}"),
            Action::BlameOperator => assert_eq!(told.who, Actor::Operator, "{refusal:?}"),
            Action::Wait => assert_eq!(told.who, Actor::Nobody, "{refusal:?}"),
        }
        let must_customer_act = matches!(told.who, Actor::CustomerAdmin | Actor::SignedInPerson);
        assert_eq!(told.steps.is_empty(), !must_customer_act, "{refusal:?}");
        assert_eq!(known.steps.is_empty(), known.who == Actor::Nobody, "{refusal:?}");
    }
}

#[test]
fn a_fault_of_the_operators_is_told_without_blame_or_details() {
    for refusal in every_combination() {
        let told = diagnose(&refusal);
        assert_eq!(told.who == Actor::Operator, told.cause.starts_with("operator-"), "{refusal:?}");
        if told.who == Actor::Operator {
            assert_eq!(DiagnosisView { cause: "operator-fault".to_owned(), ..told }, diagnose_operator_fault());
            assert!(diagnose_for_operator(&refusal).support.is_some());
        }
    }
}

#[test]
fn every_row_is_short_whole_and_names_its_source() {
    for row in table::rows() {
        let words = row.words;
        assert!((2..=8).contains(&words.headline.split(' ').count()), "{}", words.headline);
        assert!(words.headline.len() <= 60 && !words.headline.ends_with('.'), "{}", words.headline);
        assert!(words.explanation.ends_with('.') && words.explanation.len() <= 240, "{}", words.explanation);
        assert!(words.steps.len() <= 4, "{}", words.headline);
        for step in words.steps {
            assert!(step.ends_with('.') && step.len() <= 180, "{step}");
        }
        let is_kebab = |letter: char| letter.is_ascii_lowercase() || letter == '-';
        assert!(words.cause.chars().all(is_kebab), "{}", words.cause);
        assert!(row.source.starts_with("https://"), "{}", row.source);
        let expected = match row.milder {
            Milder::Operator => words.who == Actor::Operator,
            Milder::Wait => words.who == Actor::Nobody,
            Milder::No => matches!(words.who, Actor::CustomerAdmin | Actor::SignedInPerson),
            Milder::Suspend => words.who != Actor::Operator,
        };
        assert!(expected, "{:?} does not fit {:?} of {}", row.milder, words.who, words.cause);
    }
}

#[test]
fn no_two_rows_have_one_code() {
    let mut sorted = codes();
    sorted.sort_unstable();
    let twice: Vec<u32> = sorted.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    assert_eq!(twice, Vec::<u32>::new());
}

#[test]
fn no_two_groups_of_numbers_are_told_in_the_same_words() {
    let mut told: Vec<(&str, &str)> = table::rows().map(|row| (row.words.headline, row.words.explanation)).collect();
    told.sort_unstable();
    told.dedup();
    let outages = table::rows().filter(|row| row.words.cause == "outage").count();
    assert_eq!(told.len(), table::rows().count() - (outages - 1), "numbers with the same words share a row, but for outages");
}

#[test]
fn of_several_numbers_the_most_telling_known_one_speaks() {
    for (codes, expected) in [
        (vec![1, 50173], 50173),
        (vec![50173, 1], 50173),
        (vec![70002, 70008], 70008),
        (vec![70002, 50173], 50173),
        (vec![70000, 50076], 50076),
        (vec![50173, 70002], 50173),
        (vec![70008, 700_082], 700_082),
        (vec![700_082, 70008], 700_082),
        (vec![50034, 500_341], 500_341),
        (vec![70001, 7_000_112], 7_000_112),
        (vec![50173, 50076], 50173),
        (vec![1, 2], 1),
    ] {
        let support = diagnose_for_operator(&refusal_with("invalid_grant", None, codes.clone())).support.unwrap();
        assert_eq!(support.code, Some(expected), "{codes:?}");
    }
}

#[test]
fn an_unknown_number_leads_to_microsofts_page_about_it() {
    let told = diagnose(&refusal("invalid_grant", None, 99_999));
    assert_eq!(told.learn_more.as_deref(), Some("https://login.microsoftonline.com/error?code=99999"));
    assert_eq!(diagnose(&refusal_with("invalid_grant", None, Vec::new())).learn_more, None);
}

/// Microsoft's reference of the numbers, and those that others have seen.
/// Source: <https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes>
#[rustfmt::skip]
const REFERENCE: &[u32] = &[
    // Token and session lifetime.
    50173, 70000, 70008, 700_082, 700_081, 700_084, 70043, 70044, 50078, 50089, 50132, 50133, 50085, 50139, 50058, 70019, 54005, 81010, 50196,
    // Passwords.
    50055, 50144, 50125, 50126, 50056, 50135, 50137, 50142, 50064,
    120_000, 120_001, 120_002, 120_003, 120_004, 120_005, 120_006, 120_007, 120_008, 120_009, 120_010,
    120_011, 120_012, 120_013, 120_014, 120_015, 120_016, 120_017, 120_018, 120_019, 120_020, 120_021,
    // Multi-factor authentication.
    50076, 50079, 50072, 50074, 50158, 50087, 50086, 50088, 53004, 53010, 500_121, 50140, 50199, 50157, 50160,
    // Consent and the app's state.
    65001, 65004, 65005, 650_052, 650_054, 650_056, 650_057, 650_059, 90008, 90094, 90095, 90099, 50150, 9_002_341, 50105, 700_016, 700_011,
    70001, 7_000_112, 1_000_031, 500_011, 500_014, 50001, 50013, 500_133, 7_000_114, 7_005_006,
    // The operator's credential.
    7_000_215, 7_000_222, 70002, 7_000_218, 700_025, 700_027, 700_024, 700_030, 50012, 50027, 50098, 50099, 50048, 7_000_214, 7_000_277,
    1_000_502, 7_000_274, 7_005_003, 7_005_004, 7_005_005, 70021, 700_213, 700_211, 700_212, 70025, 700_229,
    // The account.
    50057, 500_571, 50034, 500_341, 51004, 50053, 53011, 530_034, 50014, 16003, 54000, 50015, 50197,
    // Policies, risk and devices.
    53003, 530_032, 530_035, 50131, 50005, 50097, 50155, 50187, 50129, 53000, 53001, 53002, 530_003, 50127, 135_011, 130_007, 700_003,
    500_212, 500_213, 500_021, 500_022, 50002,
    // Tenant, cloud and account mix-ups.
    90002, 5_000_224, 90055, 90038, 90043, 90051, 900_432, 900_382, 50020, 16000, 16001, 500_207, 500_208, 50059, 50128, 90019, 50194,
    9_001_023, 90130, 90124, 700_005, 9_002_332, 90072,
    // What passes, and other identity providers.
    50000, 50033, 90006, 90012, 90024, 90033, 90090, 90091, 90036, 90092, 51005, 40010, 40008, 40009, 40015,
    80001, 80002, 80005, 80007, 80014, 80012, 80013, 20001, 20012, 20033, 50008, 50107, 230_109,
    // Our own requests.
    50011, 70004, 900_971, 50147, 501_491, 50149, 50148, 501_481, 70003, 70005, 70007, 70011, 28002, 28003, 700_022, 700_023, 700_054,
    900_144, 90014, 9_002_313, 90004, 90013, 90023, 90100, 90102, 90112, 90117, 90015, 90005, 90056, 900_561, 901_002, 50117, 51001,
];

#[test]
fn every_code_of_the_reference_has_a_row() {
    let (mut known, mut reference) = (codes(), REFERENCE.to_vec());
    known.sort_unstable();
    reference.sort_unstable();
    assert_eq!(known, reference);
}

/// A JSON value of any kind, often one that means something to us.
fn any_json() -> impl Strategy<Value = Value> {
    let words = ERRORS.into_iter().chain(SUBERRORS.into_iter().flatten()).chain(["", "AADSTS50173: ", "50173", "AADSTS"]).map(Value::from);
    let leaf = prop_oneof![
        3 => proptest::sample::select(words.collect::<Vec<_>>()),
        1 => proptest::sample::select(REFERENCE).prop_map(Value::from),
        1 => any::<String>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec(("[a-z]{1,3}", inner), 0..4).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// An answer's body whose every field may be missing or of any kind.
fn any_body() -> impl Strategy<Value = Map<String, Value>> {
    const FIELDS: [&str; 8] =
        ["error", "suberror", "error_description", "error_codes", "claims", "trace_id", "correlation_id", "timestamp"];
    let error = prop_oneof![proptest::sample::select(ERRORS.as_slice()).prop_map(Value::from), any_json()];
    let rest = proptest::collection::vec(proptest::option::of(any_json()), FIELDS.len() - 1);
    (proptest::option::weighted(0.9, error), rest).prop_map(|(error, rest)| {
        let named = FIELDS.into_iter().zip([error].into_iter().chain(rest));
        named.filter_map(|(name, value)| value.map(|value| (name.to_owned(), value))).collect()
    })
}

/// What `error` and `suberror` say about burying, read from the wire by a second, plainer reader.
fn may_bury(status: u16, body: &Map<String, Value>) -> bool {
    const BURYING: [&str; 6] = ["", "bad_token", "token_expired", "basic_action", "consent_required", "user_password_expired"];
    let is_burying = match body.get("suberror") {
        None | Some(Value::Null) => true,
        Some(Value::String(word)) => BURYING.contains(&word.as_str()),
        Some(_) => false,
    };
    let is_refusal = (400..500).contains(&status) && ![408, 423, 429].contains(&status);
    let by_error = match body.get("error").and_then(Value::as_str) {
        Some("consent_required" | "login_required" | "invalid_tenant") => true,
        Some("invalid_grant" | "interaction_required") => is_burying,
        _ => false,
    };
    is_refusal && by_error
}

fn read(status: u16, headers: (&str, &str), bytes: &[u8]) -> Option<Refusal> {
    let body = serde_json::from_slice::<ErrorBody>(bytes).ok();
    let answer = Answer { status, retry_after: None, request_id: Some(headers.0), telemetry: Some(headers.1), body };
    match refusal::read(answer) {
        Failure::Refused(refusal) => Some(*refusal),
        Failure::Unclear(_) => None,
    }
}

/// A status of any kind, mostly one that can be a refusal.
fn any_status() -> impl Strategy<Value = u16> {
    prop_oneof![6 => Just(400_u16), 1 => 400_u16..500, 1 => proptest::sample::select(vec![200, 408, 423, 429, 500]), 1 => any::<u16>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_answer_buries_unless_its_words_say_so(status in any_status(), headers in any::<(String, String)>(), body in any_body()) {
        let bytes = serde_json::to_vec(&body).unwrap();
        let refusal = read(status, (&headers.0, &headers.1), &bytes);
        let is_buried = refusal.as_ref().is_some_and(|refusal| action(refusal) == Action::Bury);
        prop_assert!(!is_buried || may_bury(status, &body));
        if let Some(refusal) = refusal {
            let is_known = table::most_telling(&refusal.codes).is_some();
            prop_assert!(is_buried || is_known || !may_bury(status, &body), "an unknown number softens nothing");
            let told = diagnose(&refusal);
            prop_assert!(!told.headline.is_empty() && told.facts.len() <= 20);
            let stored = serde_json::to_string(&refusal).unwrap();
            prop_assert_eq!(serde_json::from_str::<Refusal>(&stored).unwrap(), refusal);
        }
    }

    #[test]
    fn no_bytes_make_reading_panic(status in any_status(), bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(read(status, ("", ""), &bytes).is_none(), "noise is no refusal");
    }

    #[test]
    fn a_body_that_breaks_off_is_no_refusal(body in any_body(), share in 0.0..1.0_f64) {
        let bytes = serde_json::to_vec(&body).unwrap();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in a short text")]
        let end = (bytes.len() as f64 * share) as usize;
        prop_assert_eq!(read(400, ("", ""), &bytes[..end]), None);
    }

    #[test]
    fn a_flipped_byte_never_makes_reading_panic(body in any_body(), place in any::<proptest::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = serde_json::to_vec(&body).unwrap();
        *place.get_mut(&mut bytes) = byte;
        if let Some(refusal) = read(400, ("", ""), &bytes) {
            prop_assert!(!diagnose(&refusal).headline.is_empty());
        }
    }

    #[test]
    fn no_denial_of_graph_buries(status in any::<u16>(), code in any::<String>(), request_id in any::<Option<String>>()) {
        for code in [code.as_str(), "invalid_grant", "consent_required", "invalid_tenant", "Authorization_RequestDenied"] {
            let refusal = refusal::from_graph(status, code, request_id.as_deref());
            prop_assert!(matches!(action(&refusal), Action::Suspend | Action::Wait));
            prop_assert_eq!(diagnose(&refusal).steps.is_empty(), action(&refusal) == Action::Wait);
        }
    }
}
