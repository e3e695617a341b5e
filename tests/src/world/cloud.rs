//! A world whose functions speak to AWS by the cloud's own adapters, over HTTP, so that one service after the other can be away.

use std::sync::Arc;

use adapters::bus::{Bus, EventBridgeBus, Failures};
use adapters::outbox::{CloudOutbox, Hooks, Mailer};
use adapters::queue::{LaneUrls, SqsQueue};
use adapters::settings::Aws as Settings;
use adapters::store::Store;
use adapters::vault::KmsVault;

use super::World;
use crate::aws::{Aws, SEALING_KEY};
use crate::engine::{CONNECTIONS, PEOPLE};

impl World {
    /// Lets every function speak to this stand-in from now on. What was sealed or queued before stays behind.
    pub fn move_to(&mut self, aws: &Aws) {
        let settings = Settings::stand_in(&aws.endpoint);
        let dynamodb = aws_sdk_dynamodb::Client::from_conf(settings.dynamodb());
        let (kms, sqs) = (aws_sdk_kms::Client::from_conf(settings.kms()), aws_sdk_sqs::Client::from_conf(settings.sqs()));
        let url = |name: &str| format!("{}/000000000000/{name}", aws.endpoint);
        self.ports.store = Store::new(dynamodb, CONNECTIONS.to_owned(), PEOPLE.to_owned());
        self.ports.vault = Arc::new(KmsVault::new(kms, SEALING_KEY.to_owned(), Arc::clone(&self.ports.entropy)));
        self.ports.queue = Arc::new(SqsQueue::new(sqs, LaneUrls { quick: url("sync"), bulk: url("bulk") }));
        self.portal.ports = self.ports.clone();
    }

    /// What the function that delivers is given there.
    ///
    /// # Panics
    /// When TLS cannot be set up.
    #[must_use]
    pub fn notify_over(&self, aws: &Aws) -> notify::Desk {
        let mails = aws_sdk_sesv2::Client::from_conf(Settings::stand_in(&aws.endpoint).mails());
        let mailer = Mailer::new(mails, "connections@mail.example.com".to_owned(), "evergrant-dev".to_owned());
        let hooks = Hooks::connect().expect("TLS can be set up");
        notify::Desk { outbox: Arc::new(CloudOutbox::new(Some(mailer), hooks)), bus: self.bus_of(aws), ..self.notify() }
    }

    /// What the function behind the stream is given there.
    #[must_use]
    pub fn desk_over(&self, aws: &Aws) -> change_events::Desk {
        change_events::Desk { bus: self.bus_of(aws), ..self.desk() }
    }

    fn bus_of(&self, aws: &Aws) -> Arc<dyn Bus> {
        let settings = Settings::stand_in(&aws.endpoint);
        let failed = format!("{}/000000000000/failed", aws.endpoint);
        let failures = Failures::new(aws_sdk_sqs::Client::from_conf(settings.sqs()), failed);
        let events = aws_sdk_eventbridge::Client::from_conf(settings.eventbridge());
        Arc::new(EventBridgeBus::new(events, "evergrant".to_owned(), failures, Arc::clone(&self.ports.entropy)))
    }
}
