//! What the functions are given in a world, and how they prove who they are.

use std::sync::Arc;

use adapters::Ports;
use adapters::clock::Clock;
use adapters::entra::credentials::Credentials;
use adapters::entra::{Entra, Registration};
use adapters::entropy::Entropy;
use adapters::graph::Graph;
use adapters::queue::Queue;
use adapters::transport::Transport;
use adapters::vault::LocalVault;
use domain::cloud::Endpoints;
use secrecy::SecretString;

use super::{CLIENT, REDIRECT, SECRET, World};
use crate::chance::{HandClock, Seeded};
use crate::engine::Engine;
use crate::tasks::Tasks;
use crate::wire::Wire;

impl World {
    /// Lets every function prove with these credentials who it is, instead of with the secret.
    pub fn authenticate_with(&mut self, credentials: Credentials) {
        self.ports.entra = entra(credentials, &self.wire);
        self.portal.ports = self.ports.clone();
    }
}

/// Where Entra and Graph are.
pub(super) fn endpoints() -> Endpoints {
    Endpoints {
        login: "https://login.microsoftonline.com/".parse().expect("a URL"),
        graph: "https://graph.microsoft.com/".parse().expect("a URL"),
    }
}

fn entra(credentials: Credentials, wire: &Arc<Wire>) -> Entra {
    let redirect_url = REDIRECT.parse().expect("a URL");
    let registration = Registration { client_id: CLIENT.to_string(), credentials, redirect_url };
    Entra::new(endpoints(), registration, Arc::clone(wire) as Arc<dyn Transport>)
}

pub(super) fn ports(engine: &Engine, seed: u64, (clock, wire, tasks): (&Arc<HandClock>, &Arc<Wire>, &Arc<Tasks>)) -> Ports {
    let entropy: Arc<dyn Entropy> = Arc::new(Seeded::new(seed));
    Ports {
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        store: engine.store(),
        entra: entra(SecretString::from(SECRET).into(), wire),
        graph: Graph::new(endpoints(), Arc::clone(wire) as Arc<dyn Transport>),
        vault: Arc::new(LocalVault::new([7; 32], Arc::clone(&entropy))),
        queue: Arc::clone(tasks) as Arc<dyn Queue>,
        entropy,
    }
}
