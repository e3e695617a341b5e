//! The judge's side of what is outside.

use adapters::transport::{Network, Transport as _};
use anyhow::{Context as _, Result, ensure};
use entra_simulator::Act;
use http::{Method, Request, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::outside::{CLIENT, READINGS, Readings, SECRET, Tenancy};

/// Reaches what is outside.
pub struct Control {
    base: Url,
    network: Network,
}

impl Control {
    /// Of the outside at this URL.
    ///
    /// # Errors
    /// Where the system has no usable TLS roots.
    pub fn of(base: Url) -> Result<Self> {
        Ok(Self { base, network: Network::connect()? })
    }

    /// Lets something happen; returns how many people it touched.
    ///
    /// # Errors
    /// When the simulator refuses.
    pub async fn work(&self, tenancy: &Tenancy, act: &Act) -> Result<u64> {
        let touched: Value = self.json(Method::POST, &format!("/_simulator/tenants/{}/acts", tenancy.tenant), act).await?;
        Ok(touched["users"].as_array().context("an act touches users, or none")?.len() as u64)
    }

    /// What was counted since this was last asked.
    ///
    /// # Errors
    /// When the outside is gone.
    pub async fn take(&self) -> Result<Readings> {
        self.json(Method::GET, READINGS, &json!({})).await
    }

    /// An access token of the tenant's consent.
    ///
    /// # Errors
    /// When the simulator refuses.
    pub async fn access_token(&self, tenancy: &Tenancy) -> Result<String> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "refresh_token").append_pair("refresh_token", &tenancy.refresh_token);
        form.append_pair("client_id", &CLIENT.to_string()).append_pair("client_secret", SECRET);
        let body = ("application/x-www-form-urlencoded", form.finish().into_bytes());
        let answer = self.send(Method::POST, &format!("/{}/oauth2/v2.0/token", tenancy.tenant), body).await?;
        let answer: Value = serde_json::from_slice(&answer)?;
        Ok(answer["access_token"].as_str().context("no access token")?.to_owned())
    }

    async fn json<T: DeserializeOwned>(&self, method: Method, path: &str, body: &impl Serialize) -> Result<T> {
        let answer = self.send(method, path, ("application/json", serde_json::to_vec(body)?)).await?;
        Ok(serde_json::from_slice(&answer)?)
    }

    async fn send(&self, method: Method, path: &str, (kind, body): (&str, Vec<u8>)) -> Result<Vec<u8>> {
        let url = self.base.join(path)?;
        let request = Request::builder().method(method).uri(url.as_str()).header(header::CONTENT_TYPE, kind).body(body)?;
        let answer = self.network.send(request).await?;
        ensure!(answer.status().is_success(), "{path} answers {}: {}", answer.status(), String::from_utf8_lossy(answer.body()));
        Ok(answer.into_body())
    }
}
