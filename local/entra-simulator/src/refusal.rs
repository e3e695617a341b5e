//! The error answers of the token endpoint: one table from code to status, `error`, `suberror` and text.
//!
//! Source: <https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes> for the codes and
//! <https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow> for the body. Which `suberror` goes with
//! 50057, 500341, 50078, 700082 and 50105 is an assumption; Microsoft publishes none.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use crate::faults::Quirk;
use crate::moment;

/// One line of the table. In the text, `{name}` stands for a fact of the case.
struct Row {
    code: u32,
    status: u16,
    error: &'static str,
    suberror: Option<&'static str>,
    text: &'static str,
}

const fn row(code: u32, status: u16, error: &'static str, suberror: Option<&'static str>, text: &'static str) -> Row {
    Row { code, status, error, suberror, text }
}

const BAD_TOKEN: Option<&str> = Some("bad_token");
const BASIC_ACTION: Option<&str> = Some("basic_action");

#[rustfmt::skip]
const TABLE: &[Row] = &[
    // The request itself.
    row(900144, 400, "invalid_request", None, "The request body must contain the following parameter: '{parameter}'."),
    row(900561, 400, "invalid_request", None, "The endpoint only accepts POST requests. Received a {method} request."),
    row(9002313, 400, "invalid_grant", None, "Invalid request. Request is malformed or invalid."),
    row(70003, 400, "unsupported_grant_type", None, "The app requested an unsupported grant type '{grant_type}'."),
    row(70011, 400, "invalid_scope", None, "The provided request must include a valid 'scope' input parameter. The scope '{scope}' is not valid."),
    row(50058, 400, "login_required", None, "A silent sign-in request was sent but no user is signed in."),
    row(50117, 400, "invalid_request", None, "The claims parameter of the request is not valid JSON."),
    row(50149, 400, "invalid_request", None, "Invalid Code_Challenge_method parameter."),
    row(501491, 400, "invalid_request", None, "Invalid size of Code_Challenge parameter."),
    row(70005, 400, "unsupported_response_type", None, "The response type is not supported."),
    row(70007, 400, "invalid_request", None, "The response mode is not supported."),
    row(700054, 400, "unsupported_response_type", None, "response_type 'id_token' is not enabled for the application."),
    row(90005, 400, "invalid_request", None, "Unable to complete the request: login_hint cannot be combined with prompt=select_account."),
    row(90013, 400, "invalid_request", None, "Invalid input received from the user."),
    row(90023, 400, "invalid_request", None, "Unsupported 'prompt' value."),
    row(9001023, 400, "invalid_request", None, "The grant type is not supported over the /common or /consumers endpoints. Please use a tenant-specific endpoint."),
    // The tenant.
    row(90002, 400, "invalid_tenant", None, "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator."),
    // The client and its credential.
    row(700016, 400, "unauthorized_client", None, "Application with identifier '{app}' was not found in the directory '{directory}'. This can happen if nobody in the tenant has consented to the application or its administrator has not installed it."),
    row(7000112, 400, "unauthorized_client", None, "Application '{app}'({name}) is disabled."),
    row(7000215, 401, "invalid_client", None, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{app}'."),
    row(7000218, 401, "invalid_client", None, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."),
    row(7000222, 401, "invalid_client", None, "The provided client secret keys for app '{app}' are expired. Create new keys for the app, or use certificate credentials instead."),
    row(700024, 401, "invalid_client", None, "Client assertion is not within its valid time range. Current time: {now}, assertion valid until {until}."),
    row(700027, 401, "invalid_client", None, "The certificate with which the client assertion was signed is not registered for application '{app}', or the signature does not verify."),
    row(50027, 401, "invalid_client", None, "JWT token is invalid or malformed."),
    row(70021, 400, "invalid_request", None, "No matching federated identity record found for presented assertion. Assertion Issuer: '{issuer}'. Assertion Subject: '{subject}'. Assertion Audience: '{audience}'."),
    row(700213, 401, "invalid_client", None, "No matching federated identity record found for presented assertion subject '{subject}'. The match is case-sensitive."),
    // Codes and refresh tokens.
    row(54005, 400, "invalid_grant", None, "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token."),
    row(501481, 400, "invalid_grant", None, "The Code_Verifier does not match the code_challenge supplied in the authorization request."),
    row(50011, 400, "invalid_request", None, "The redirect URI '{redirect}' does not match the one of the authorization request for app '{app}'."),
    row(700005, 400, "invalid_grant", None, "Provided Authorization Code is intended to use against other tenant, thus rejected."),
    row(70000, 400, "invalid_grant", Some("client_mismatch"), "The provided grant was issued to another client."),
    row(70008, 400, "invalid_grant", None, "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource."),
    row(700082, 400, "invalid_grant", BAD_TOKEN, "The refresh token has expired due to inactivity. The token was issued on {issued} and was inactive for {inactive}."),
    row(700084, 400, "invalid_grant", None, "The refresh token was issued to a single page app (SPA), and therefore has a fixed, limited lifetime of 1.00:00:00, which cannot be extended. It is now expired and a new sign in request must be sent by the SPA to the sign in page. The token was issued on {issued}."),
    row(50173, 400, "invalid_grant", BAD_TOKEN, "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password. The grant was issued on '{issued}' and the TokensValidFrom date (before which tokens are not valid) for this user is '{valid_from}'."),
    row(70043, 400, "invalid_grant", Some("token_expired"), "The refresh token has expired or is invalid due to sign-in frequency checks by conditional access. The token was issued on {issued} and the maximum allowed lifetime for this request is {seconds}."),
    row(50196, 400, "invalid_grant", None, "The server terminated an operation because it encountered a client request loop."),
    // The user.
    row(50034, 400, "invalid_grant", BAD_TOKEN, "The user account {user} does not exist in the {directory} directory. To sign into this application, the account must be added to the directory."),
    row(500341, 400, "invalid_grant", None, "The user account {user} has been deleted from the {directory} directory. To sign into this application, the account must be added to the directory."),
    row(50057, 400, "invalid_grant", None, "The user account is disabled."),
    row(50020, 400, "invalid_grant", None, "User account '{user}' from another directory does not exist in tenant '{directory}' and cannot access the application '{app}'({name}) in that tenant."),
    row(50126, 400, "invalid_grant", None, "Error validating credentials due to invalid username or password."),
    // Consent.
    row(50105, 400, "invalid_grant", None, "The administrator has configured the application {name} ('{app}') to block users unless they are specifically granted access. The signed in user '{user}' is blocked because they are not assigned to the application."),
    row(65001, 400, "invalid_grant", Some("consent_required"), "The user or administrator has not consented to use the application with ID '{app}' named '{name}'. Send an interactive authorization request for this user and resource."),
    row(65004, 400, "invalid_grant", None, "User declined to consent to access the app."),
    row(90094, 400, "invalid_grant", None, "{name} needs permission to access resources in your organization that only an admin can grant."),
    // Policies.
    row(53003, 400, "invalid_grant", Some("message_only"), "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance."),
    row(50076, 400, "invalid_grant", BASIC_ACTION, "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access '{resource}'."),
    row(50078, 400, "invalid_grant", BASIC_ACTION, "Presented multi-factor authentication has expired due to policies configured by your administrator, you must refresh your multi-factor authentication to access '{resource}'."),
    // The service.
    row(90055, 429, "temporarily_unavailable", None, "The request has been throttled because there are too many requests for the tenant '{tenant}'."),
];

/// A code the table does not hold.
const UNKNOWN: Row = row(0, 400, "invalid_grant", None, "The request could not be processed.");

/// Codes whose error answers carry no `error_uri`, because the look-up page does not know them.
const WITHOUT_PAGE: &[u32] = &[70043];

/// A refused request, before it is put on the wire.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) code: u32,
    facts: Vec<(&'static str, String)>,
    claims: Option<Value>,
    age: Option<SignedDuration>,
}

impl Refusal {
    /// A refusal with a code of the table, or any other number.
    pub(crate) fn of(code: u32) -> Self {
        Self { code, facts: Vec::new(), claims: None, age: None }
    }

    /// Fills `{name}` of the text.
    pub(crate) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.facts.push((name, value.to_string()));
        self
    }

    /// Adds a claims challenge.
    pub(crate) fn with_claims(mut self, claims: Value) -> Self {
        self.claims = Some(claims);
        self
    }

    /// Adds the age of the presented token, unless one is known already.
    pub(crate) fn with_age(mut self, age: SignedDuration) -> Self {
        self.age.get_or_insert(age);
        self
    }

    /// The sentence for people, with its code in front.
    pub(crate) fn text(&self) -> String {
        let filled = self.facts.iter().fold(self.row().text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value));
        format!("AADSTS{}: {filled}", self.code)
    }

    fn row(&self) -> &'static Row {
        TABLE.iter().find(|row| row.code == self.code).unwrap_or(&UNKNOWN)
    }

    /// The answer on the wire.
    pub(crate) fn response(&self, circumstances: &Circumstances<'_>, quirk: Option<&Quirk>) -> Response {
        let row = self.row();
        let mut body = self.body(circumstances);
        bend(&mut body, self.code, quirk);
        let status = StatusCode::from_u16(row.status).unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = (status, axum::Json(body)).into_response();
        circumstances.write_headers(&mut response, self.code, self.age);
        response
    }

    fn body(&self, circumstances: &Circumstances<'_>) -> Value {
        let row = self.row();
        let at = moment::spaced(circumstances.now);
        let (trace, correlation) = (circumstances.trace_id, circumstances.correlation_id);
        let text = self.text();
        let mut body = json!({
            "error": row.error,
            "error_description": format!("{text}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {at}"),
            "error_codes": [self.code],
            "timestamp": at,
            "trace_id": trace,
            "correlation_id": correlation,
        });
        if !WITHOUT_PAGE.contains(&self.code) && row.code != 0 {
            body["error_uri"] = json!(format!("{}error?code={}", circumstances.login_base, self.code));
        }
        if let Some(suberror) = row.suberror {
            body["suberror"] = json!(suberror);
        }
        if let Some(claims) = &self.claims {
            body["claims"] = json!(claims.to_string());
        }
        body
    }
}

/// Makes the body odd in the ways that have been seen or must be survived.
fn bend(body: &mut Value, code: u32, quirk: Option<&Quirk>) {
    let Some(fields) = body.as_object_mut() else { return };
    match quirk {
        Some(Quirk::MissingErrorCodes) => {
            fields.remove("error_codes");
        }
        Some(Quirk::StringErrorCodes) => {
            fields.insert("error_codes".to_owned(), json!([code.to_string()]));
        }
        Some(Quirk::TwoCodes) => {
            let text = fields["error_description"].as_str().unwrap_or_default();
            let doubled = format!("AADSTS70002: Error validating credentials. {text}");
            fields.insert("error_description".to_owned(), json!(doubled));
            fields.insert("error_codes".to_owned(), json!([70002, code]));
        }
        Some(Quirk::UnknownSuberror) => {
            fields.insert("suberror".to_owned(), json!("future_action"));
        }
        Some(Quirk::Refuse(_) | Quirk::NoRefreshToken) | None => {}
    }
}

/// What every answer of the login host carries besides its content.
pub(crate) struct Circumstances<'a> {
    pub(crate) now: Timestamp,
    pub(crate) trace_id: Uuid,
    pub(crate) correlation_id: Uuid,
    pub(crate) login_base: &'a Url,
}

impl Circumstances<'_> {
    /// Adds the headers of the token endpoint; `age` is the presented token's.
    pub(crate) fn write_headers(&self, response: &mut Response, code: u32, age: Option<SignedDuration>) {
        let headers = response.headers_mut();
        for (name, value) in FIXED_HEADERS {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers.insert("content-type", HeaderValue::from_static("application/json; charset=utf-8"));
        let age = age.map(|age| format!("{:.4}", age.as_secs_f64() * 1000.0)).unwrap_or_default();
        let own = [("x-ms-request-id", self.trace_id.to_string()), ("x-ms-clitelem", format!("1,{code},0,{age},"))];
        for (name, value) in own {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
    }
}

const FIXED_HEADERS: &[(&str, &str)] = &[
    ("cache-control", "no-store, no-cache"),
    ("pragma", "no-cache"),
    ("expires", "-1"),
    ("strict-transport-security", "max-age=31536000; includeSubDomains"),
    ("x-content-type-options", "nosniff"),
    ("p3p", "CP=\"DSP CUR OTPi IND OTRi ONL FIN\""),
    ("x-ms-ests-server", "2.1.0 - SIM ProdSlices"),
    ("set-cookie", "fpc=simulator; path=/; secure; HttpOnly; SameSite=None"),
    ("set-cookie", "x-ms-gateway-slice=estsfd; path=/; secure; HttpOnly"),
    ("set-cookie", "stsservicecookie=estsfd; path=/; secure; HttpOnly"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_stands_in_the_table_twice() {
        let mut codes: Vec<_> = TABLE.iter().map(|row| row.code).collect();
        codes.sort_unstable();
        let count = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), count);
    }
}
