//! The way to the simulated Graph, by a name that outlives a change of ports.
//!
//! Delta links are stored, and the product follows only those that lead to Graph's own origin. So Graph has a constant origin here, and
//! requests to it are sent to the port on which the simulator listens today.

use adapters::transport::{Network, Transport, TransportError};
use async_trait::async_trait;
use http::uri::{Authority, Uri};
use http::{Request, Response};
use url::Url;

/// Where Graph is, as the product knows it.
pub const GRAPH_ORIGIN: &str = "http://graph.localhost/";
const GRAPH_HOST: &str = "graph.localhost";

/// [`Transport`] that leads [`GRAPH_ORIGIN`] to the simulator.
pub struct Detour {
    network: Network,
    simulator: Option<Authority>,
}

impl Detour {
    /// A detour to the simulator at this address.
    #[must_use]
    pub fn new(network: Network, simulator: &Url) -> Self {
        Self { network, simulator: simulator.authority().parse().ok() }
    }

    fn lead(&self, address: &Uri) -> Option<Uri> {
        let mut parts = address.clone().into_parts();
        parts.authority = Some(self.simulator.clone()?);
        Uri::from_parts(parts).ok().filter(|_| address.host() == Some(GRAPH_HOST))
    }
}

#[async_trait]
impl Transport for Detour {
    async fn send(&self, mut request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        if let Some(address) = self.lead(request.uri()) {
            *request.uri_mut() = address;
        }
        self.network.send(request).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_graph_is_led_elsewhere() {
        let detour = Detour::new(Network::connect().unwrap(), &"http://localhost:8302/".parse().unwrap());
        let lead = |address: &'static str| detour.lead(&Uri::from_static(address)).map(|uri| uri.to_string());
        assert_eq!(lead("http://graph.localhost/v1.0/users/delta?a=b").as_deref(), Some("http://localhost:8302/v1.0/users/delta?a=b"));
        assert_eq!(lead("http://localhost:8302/organizations/oauth2/v2.0/token"), None);
    }
}
