//! Calls to the API: as a portal user of a customer, as the operator's server, or as they are.

use axum::body::Body;
use axum::http::Request;
use portal_api::{Buckets, Rates};
use serde_json::Value;

use super::{CUSTOMER, PORTAL, World};
use crate::answer::Answer;
use crate::caller::{ALL_SCOPES, SERVER_SCOPES};

impl World {
    /// Sends a request to the API as it is.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        Answer::of(portal_api::router(self.portal.clone()), request).await
    }

    /// Calls the API for a customer, with every scope.
    ///
    /// # Panics
    /// When method or path are none.
    pub async fn call(&self, customer: &str, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let token = self.backend.token(customer, ALL_SCOPES, self.now());
        self.call_as(&token, method, path, body).await
    }

    /// Calls the API as the operator's server, for a customer.
    ///
    /// # Panics
    /// When method or path are none.
    pub async fn call_from_server(&self, customer: &str, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let token = self.servers.token(customer, SERVER_SCOPES, self.now());
        self.call_as(&token, method, path, body).await
    }

    async fn call_as(&self, token: &str, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {token}"));
        let request = request.header("origin", PORTAL);
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(Body::from(body.to_string())),
            None => request.body(Body::empty()),
        };
        self.send(request.expect("a request")).await
    }

    /// Lets callers ask no more often than so.
    pub fn limit(&mut self, rates: Rates) {
        self.portal.buckets = Buckets::full(rates);
    }

    /// Reads from the API for the customer.
    pub async fn get(&self, path: &str) -> Answer {
        self.call(CUSTOMER, "GET", path, None).await
    }

    /// Posts to the API for the customer.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(CUSTOMER, "POST", path, Some(body)).await
    }
}
