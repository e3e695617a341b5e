//! What keeps a function from starting, each time all of it in one line; and every way to prove who it is.

use std::process::{Command, Output};

use entra_simulator::{App, FederatedCredential};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use system_tests::aws::{ISSUER, Mood, SUBJECT, key_set};
use system_tests::certificates::Certificate;

use crate::main_job::{CLIENT, Place};
use crate::{Function, binary, schedule};

const KEY: &str = "alias/certificate";

type Variables = Vec<(&'static str, String)>;

/// Starts a function that must not start; answers what it tells.
async fn refused(place: &Place, name: &'static str, own: Variables) -> String {
    let environment = place.environment().into_iter().chain(own);
    let mut command = Command::new(binary(name));
    command.env_clear().envs(environment).env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1");
    let run = tokio::task::spawn_blocking(move || -> Output { command.output().expect("the function starts") });
    let output = run.await.expect("the run ends");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains("the configuration has"), "{name}: {told}");
    assert_eq!(told.lines().count(), 1, "{name}: {told}");
    told
}

fn in_kms(certificate: &Certificate) -> Variables {
    vec![
        ("EVERGRANT_CREDENTIALS", "certificate".to_owned()),
        ("EVERGRANT_CERTIFICATE", certificate.public.clone()),
        ("EVERGRANT_CERTIFICATE_KEY_ID", KEY.to_owned()),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_of_configuration_and_keys_is_told_in_one_error() {
    let place = Place::set_up().await;
    let mut variables = in_kms(&Certificate::valid(2020, 2021));
    variables.extend([
        ("EVERGRANT_CREDENTIALS", "certificate,password".to_owned()),
        ("EVERGRANT_KEY_ID", "alias/nobody".to_owned()),
        ("EVERGRANT_CLIENT_ID", String::new()),
        ("EVERGRANT_LOGIN_URL", String::new()),
        ("EVERGRANT_GRAPH_URL", String::new()),
        ("EVERGRANT_CLOUD", "germany".to_owned()),
    ]);
    for name in ["token-check", "attribute-sync", "photo-sync", "portal-api"] {
        let told = refused(&place, name, variables.clone()).await;
        for part in [
            "6 fault(s)",
            "EVERGRANT_CLIENT_ID is missing",
            "EVERGRANT_CLOUD: cloud must be one of",
            "EVERGRANT_CREDENTIALS: \"password\" is none of",
            "EVERGRANT_CERTIFICATE: it ended at 2021-01-01T00:00:00Z",
            "EVERGRANT_KEY_ID: KMS key alias/nobody: refused (NotFoundException",
            "EVERGRANT_CERTIFICATE_KEY_ID: KMS key alias/certificate: refused (NotFoundException",
        ] {
            assert!(told.contains(part), "{name} does not tell {part}: {told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_kms_that_is_no_use_is_told() {
    let place = Place::set_up().await;
    let (certificate, other) = (Certificate::valid(2020, 2100), Certificate::valid(2020, 2100));
    place.aws.add_signing_key(KEY, &other.key);
    let told = refused(&place, "token-check", in_kms(&certificate)).await;
    assert!(told.contains("its public key is not that of the private key"), "{told}");
    let told = refused(&place, "token-check", vec![("EVERGRANT_KEY_ID", KEY.to_owned())]).await;
    assert!(told.contains("EVERGRANT_KEY_ID: KMS key alias/certificate: it is not a symmetric key"), "{told}");
    place.aws.set_mood(Mood::Denying);
    let told = refused(&place, "token-check", in_kms(&other)).await;
    for variable in ["EVERGRANT_KEY_ID: ", "EVERGRANT_CERTIFICATE_KEY_ID: "] {
        assert!(told.contains(variable) && told.contains("refused (AccessDeniedException: not authorized)"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_is_no_use_is_told() {
    let place = Place::set_up().await;
    for name in ["photo-sync", "portal-api"] {
        let told = refused(&place, name, vec![("EVERGRANT_PHOTO_BUCKET", "another".to_owned())]).await;
        assert!(told.contains("1 fault(s)") && told.contains("EVERGRANT_PHOTO_BUCKET: could not list bucket another"), "{name}: {told}");
        assert!(told.contains("NoSuchBucket"), "{name}: {told}");
        let told = refused(&place, name, vec![("EVERGRANT_PHOTO_BUCKET", "Another".to_owned())]).await;
        assert!(told.contains("EVERGRANT_PHOTO_BUCKET must be 3 to 63 characters"), "{name}: {told}");
    }
    place.aws.set_mood(Mood::Denying);
    let told = refused(&place, "photo-sync", Variables::new()).await;
    assert!(told.contains("EVERGRANT_PHOTO_BUCKET: could not list bucket evergrant-photos") && told.contains("AccessDenied"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kms_that_does_not_answer_is_told_in_time() {
    let place = Place::set_up().await;
    place.aws.set_mood(Mood::Silent);
    let told = refused(&place, "token-check", Variables::new()).await;
    assert!(told.contains("EVERGRANT_KEY_ID: KMS gave no answer within 6 seconds"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_in_kms_or_the_role_itself_proves_who_the_function_is() {
    let place = Place::set_up().await;
    let certificate = Certificate::valid(2020, 2100);
    place.aws.add_signing_key(KEY, &certificate.key);
    let mut app = App::web(CLIENT, "Letterhead", "https://api.example/v1/consent/callback", "");
    app.secrets.clear();
    app.certificates.push(certificate.public.clone());
    let audience = "api://evergrant".to_owned();
    app.federated_credentials.push(FederatedCredential { issuer: ISSUER.into(), subject: SUBJECT.into(), audience, jwks: key_set() });
    place.simulator.add_app(app);
    let federated = vec![("EVERGRANT_CREDENTIALS", "federated".to_owned()), ("EVERGRANT_FEDERATED_AUDIENCE", "api://evergrant".to_owned())];
    for own in [in_kms(&certificate), federated] {
        place.hasten_check().await;
        // The simulator's clock stands; an assertion must not seem to come from the future.
        place.simulator.set_now(Timestamp::now() + SignedDuration::from_mins(2));
        let environment = place.environment().into_iter().chain(own).collect();
        let mut function = Function::start_with("token-check", environment).await;
        let (kind, report) = function.ask(schedule()).await;
        assert_eq!((kind.as_str(), report), ("response", json!({"outcomes": {"healthy": 1}, "faults": 0, "left": 0})));
    }
    assert_eq!((place.aws.asked("Sign"), place.aws.asked("GetWebIdentityToken")), (1, 1));
}

impl Place {
    async fn hasten_check(&self) {
        self.ports.store.check_by(&self.id, Timestamp::UNIX_EPOCH).await.expect("the check can be hastened");
    }
}
