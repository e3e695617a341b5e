//! How the operator's app proves who it is, and that replacing one credential is never an outage.

use std::sync::Arc;

use adapters::clock::Clock;
use adapters::entra::credentials::{
    AUDIENCE, ClientSecret, Credential, Credentials, FederatedIdentity, KeyFile, KmsKey, Signer, SigningCertificate,
};
use domain::ids::TenantId;
use entra_simulator::{Act, App, FederatedCredential, Reach};
use jiff::SignedDuration;
use system_tests::aws::{Aws, ISSUER, Mood, SUBJECT, key_set};
use system_tests::certificates::Certificate;
use system_tests::world::{CLIENT, REDIRECT, SECRET};
use system_tests::{World, log};

const KEY: &str = "alias/certificate";

/// A world with AWS, and an app that Entra knows by all of its credentials.
struct Operator {
    world: World,
    aws: Aws,
    certificate: Certificate,
    app: App,
}

impl Operator {
    async fn new() -> Self {
        let world = World::new().await;
        let aws = Aws::start_at(&world.engine.endpoint, Arc::clone(&world.ports.clock) as Arc<dyn Clock>).await.unwrap();
        let certificate = Certificate::valid(2026, 2027);
        aws.add_signing_key(KEY, &certificate.key);
        let mut app = App::web(CLIENT, "Signatures", REDIRECT, SECRET);
        app.certificates.push(certificate.public.clone());
        let audience = AUDIENCE.to_owned();
        app.federated_credentials.push(FederatedCredential { issuer: ISSUER.into(), subject: SUBJECT.into(), audience, jwks: key_set() });
        world.simulator.add_app(app.clone());
        Self { world, aws, certificate, app }
    }

    fn certificate(&self, signer: Arc<dyn Signer>) -> Credential {
        let public = adapters::entra::credentials::Certificate::from_pem(self.certificate.public.as_bytes()).unwrap();
        Credential::Certificate(SigningCertificate::new(public, signer, Arc::clone(&self.world.ports.entropy)))
    }

    fn with_key_file(&self) -> Credential {
        self.certificate(Arc::new(KeyFile::from_pem(self.certificate.key.as_bytes()).unwrap()))
    }

    fn with_kms(&self) -> Credential {
        let client = aws_sdk_kms::Client::from_conf(self.config().kms());
        self.certificate(Arc::new(KmsKey::new(client, KEY.to_owned())))
    }

    fn federated(&self) -> Credential {
        Credential::Federated(FederatedIdentity::new(aws_sdk_sts::Client::from_conf(self.config().sts()), AUDIENCE.to_owned()))
    }

    fn config(&self) -> adapters::settings::Aws {
        adapters::settings::Aws::stand_in(&self.aws.endpoint)
    }

    /// Entra forgets what `change` takes away.
    fn registers(&mut self, change: impl FnOnce(&mut App)) {
        change(&mut self.app);
        self.world.simulator.add_app(self.app.clone());
    }

    /// How many token requests were made.
    fn token_requests(&self) -> usize {
        self.world.wire.seen().iter().filter(|uri| uri.path().ends_with("/token")).count()
    }
}

fn secret(name: &'static str, value: &str) -> Credential {
    Credential::Secret(ClientSecret { name, value: value.to_owned().into(), ends_at: None })
}

/// Every grant: a code is redeemed, twice a refresh token, and a token of the app itself is fetched.
async fn lives(world: &World) {
    let id = world.connect_and_sync().await;
    for _ in 0..2 {
        assert_eq!(world.check(&id).await, "healthy");
    }
    assert!(world.notices(&id).await.is_empty());
    // The third grant, with nothing but who we are.
    world.work(Act::GrantApplicationPermissions);
    let tokens = world.ports.entra.app_token(TenantId(world.tenant), world.now()).await;
    assert!(world.ports.graph.probe(&tokens.unwrap().access_token, world.now()).await.is_ok());
}

#[tokio::test]
async fn a_certificate_with_a_key_file_proves_who_we_are() {
    let mut operator = Operator::new().await;
    operator.registers(|app| (app.secrets, app.federated_credentials) = Default::default());
    operator.world.authenticate_with(operator.with_key_file().into());
    lives(&operator.world).await;
}

#[tokio::test]
async fn a_certificate_with_a_key_in_kms_proves_who_we_are() {
    let mut operator = Operator::new().await;
    operator.registers(|app| (app.secrets, app.federated_credentials) = Default::default());
    operator.world.authenticate_with(operator.with_kms().into());
    lives(&operator.world).await;
    assert_eq!(operator.aws.asked("Sign"), 4, "one for the code, two for the renewals, one for the app");
}

#[tokio::test]
async fn a_role_in_aws_proves_who_we_are_without_any_secret() {
    let mut operator = Operator::new().await;
    operator.registers(|app| (app.secrets, app.certificates) = Default::default());
    operator.world.authenticate_with(operator.federated().into());
    let id = operator.world.connect().await;
    assert_eq!(operator.aws.asked("GetWebIdentityToken"), 1);
    let soon = |world: &World, seconds| world.pass(SignedDuration::from_secs(seconds));
    for (seconds, tokens) in [(100, 1), (100, 1), (100, 2)] {
        soon(&operator.world, seconds);
        operator.world.ports.store.check_by(&id, operator.world.now()).await.unwrap();
        operator.world.tick().await;
        assert_eq!(operator.world.health(&id).await, "healthy");
        assert_eq!(operator.aws.asked("GetWebIdentityToken"), tokens, "a token is used until shortly before its end");
    }
}

/// The first credential stops working; nobody notices but the log.
async fn survives(
    first: impl FnOnce(&Operator) -> Credential,
    second: impl FnOnce(&Operator) -> Credential,
    loss: impl FnOnce(&mut Operator),
) {
    let mut operator = Operator::new().await;
    let (first, second) = (first(&operator), second(&operator));
    operator.world.authenticate_with(Credentials::from(first).then(second));
    let id = operator.world.connect_and_sync().await;
    loss(&mut operator);
    let before = operator.token_requests();
    let asked = operator.aws.asked("Sign") + operator.aws.asked("GetWebIdentityToken");
    assert_eq!(operator.world.check(&id).await, "healthy");
    let tries = operator.token_requests() - before + operator.aws.asked("Sign") + operator.aws.asked("GetWebIdentityToken") - asked;
    assert!(tries >= 2, "the first one was tried");
    let attempt = operator.world.consent(&id).await;
    assert_eq!(attempt["state"], "succeeded", "a code is good for the second try: {attempt}");
    assert!(operator.world.notices(&id).await.is_empty());
}

#[tokio::test]
async fn an_expired_secret_gives_way_to_a_certificate() {
    survives(
        |_| secret("secret", SECRET),
        Operator::with_key_file,
        |operator| {
            let now = operator.world.now();
            operator.registers(|app| app.secrets[0].expires_at = Some(now));
        },
    )
    .await;
}

#[tokio::test]
async fn a_certificate_that_was_taken_away_gives_way_to_a_secret() {
    survives(Operator::with_kms, |_| secret("secret", SECRET), |operator| operator.registers(|app| app.certificates.clear())).await;
}

#[tokio::test]
async fn a_role_that_is_not_trusted_any_more_gives_way_to_a_certificate() {
    survives(Operator::federated, Operator::with_key_file, |operator| operator.registers(|app| app.federated_credentials.clear())).await;
    survives(Operator::federated, Operator::with_key_file, |operator| {
        operator.registers(|app| app.federated_credentials[0].subject = "arn:aws:iam::000000000000:role/other".to_owned());
    })
    .await;
}

#[tokio::test]
async fn a_key_service_that_fails_gives_way_to_a_secret() {
    survives(Operator::with_kms, |_| secret("secret", SECRET), |operator| operator.aws.set_mood(Mood::Failing)).await;
    survives(Operator::with_kms, |_| secret("secret", SECRET), |operator| operator.aws.set_mood(Mood::Denying)).await;
    let denies = |operator: &mut Operator| {
        operator.world.pass(SignedDuration::from_mins(10));
        operator.aws.set_mood(Mood::Denying);
    };
    survives(Operator::federated, |_| secret("secret", SECRET), denies).await;
}

#[tokio::test]
async fn an_old_secret_gives_way_to_a_new_one() {
    survives(
        |_| secret("secret", SECRET),
        |_| secret("secret-2", "the-new-one"),
        |operator| {
            operator.registers(|app| app.secrets[0].value = "the-new-one".to_owned());
        },
    )
    .await;
}

#[tokio::test]
async fn where_all_are_refused_it_is_the_operators_fault_alone() {
    let mut operator = Operator::new().await;
    let credentials = Credentials::from(operator.federated()).then(secret("secret", SECRET));
    operator.world.authenticate_with(credentials.then(operator.with_key_file()));
    let id = operator.world.connect_and_sync().await;
    operator.registers(|app| app.federated_credentials.clear());
    operator.world.work(Act::ExpireSecret { reach: Reach::Everywhere });
    let before = operator.token_requests();
    assert_eq!(operator.world.check(&id).await, "operator-fault");
    assert_eq!(operator.token_requests() - before, 3, "each is tried once");
    operator.world.work(Act::RestoreSecret { reach: Reach::Everywhere });
    assert_eq!(operator.world.check(&id).await, "healthy");
}

#[tokio::test]
async fn where_no_credential_can_be_made_nothing_is_concluded() {
    let mut operator = Operator::new().await;
    operator.world.authenticate_with(operator.with_kms().into());
    let id = operator.world.connect_and_sync().await;
    operator.aws.set_mood(Mood::Failing);
    let before = operator.token_requests();
    assert_eq!(operator.world.check(&id).await, "healthy");
    assert_eq!(operator.token_requests(), before, "nothing was sent");
    assert!(operator.world.notices(&id).await.is_empty());
}

#[tokio::test]
async fn a_credential_that_fails_is_logged_once_and_by_name_alone() {
    log::keep();
    let mut operator = Operator::new().await;
    operator.world.authenticate_with(Credentials::from(secret("secret", SECRET)).then(operator.with_key_file()));
    let id = operator.world.connect().await;
    let count = |text: &str| log::kept().matches(text).count();
    let now = operator.world.now();
    operator.registers(|app| app.secrets[0].expires_at = Some(now));
    for _ in 0..3 {
        assert_eq!(operator.world.check(&id).await, "healthy");
    }
    assert_eq!(count("our credential does not work"), 1);
    assert!(log::kept().contains(r#"credential="secret" why="refused (invalid_client [7000222])""#), "{}", log::kept());
    operator.registers(|app| app.secrets[0].expires_at = None);
    operator.world.pass(SignedDuration::from_hours(1));
    assert_eq!(operator.world.check(&id).await, "healthy");
    assert_eq!(count("our credential is accepted again"), 1);
    let log = log::kept();
    assert!(operator.world.wire.secrets().iter().all(|secret| !log.contains(secret.as_str())));
}
