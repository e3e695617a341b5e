//! One click that ends warnings and reminders: from a mail, without signing in.
//!
//! A mail program posts by itself when its reader asks it to (RFC 8058). Whoever follows the link in the mail's text gets a page with a
//! button, because programs that look at links before people do only get, and a get changes nothing.

use adapters::store::StoreError;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::ids::{ContactId, CustomerId};
use domain::notice::audience::Contact;
use serde::Deserialize;

use crate::pages::{self, BUSY, Message, escape};
use crate::{Portal, Shared};

/// What the link in a mail says.
#[derive(Deserialize)]
pub(crate) struct Link {
    customer: CustomerId,
    contact: ContactId,
    key: String,
}

/// Shows a page with a button that declines. Nothing is changed by it, and it says nothing about whether the link is good.
#[utoipa::path(get, path = "/v1/notices/decline", tag = "notices", params(
    ("customer" = String, Query, description = "Whose contact"),
    ("contact" = String, Query, description = "Which contact"),
    ("key" = String, Query, description = "Proof that the link comes out of a mail to that contact"),
), responses(
    (status = 200, description = "A page with a button", content_type = "text/html"),
    (status = 400, description = "A page that says that the link leads nowhere", content_type = "text/html"),
))]
pub(crate) async fn ask(link: Result<Query<Link>, QueryRejection>) -> Response {
    match link {
        Ok(Query(link)) => page(StatusCode::OK, ASK, &form(&link)),
        Err(_) => page(StatusCode::BAD_REQUEST, LOST, ""),
    }
}

/// Declines warnings and reminders for one contact. It may be asked as often as anybody likes.
#[utoipa::path(post, path = "/v1/notices/decline", tag = "notices", params(
    ("customer" = String, Query, description = "Whose contact"),
    ("contact" = String, Query, description = "Which contact"),
    ("key" = String, Query, description = "Proof that the link comes out of a mail to that contact"),
), responses(
    (status = 200, description = "A page that says that it is done", content_type = "text/html"),
    (status = 400, description = "A page that says that the link leads nowhere", content_type = "text/html"),
))]
pub(crate) async fn decline(State(portal): State<Shared>, link: Result<Query<Link>, QueryRejection>) -> Response {
    let Ok(Query(link)) = link else {
        return page(StatusCode::BAD_REQUEST, LOST, "");
    };
    match carry_out(&portal, &link).await {
        Ok(true) => page(StatusCode::OK, DONE, ""),
        Ok(false) => page(StatusCode::BAD_REQUEST, LOST, ""),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "not declined");
            page(StatusCode::SERVICE_UNAVAILABLE, BUSY, "")
        }
    }
}

/// Whether the link is good. A contact that is gone, and a key that is wrong, are told alike.
async fn carry_out(portal: &Portal, link: &Link) -> Result<bool, StoreError> {
    let now = portal.ports.clock.now();
    let change = |contact: &mut Contact| {
        if contact.decline_key.is(&link.key) {
            contact.decline(now);
        }
    };
    let contact = portal.ports.store.change_contact(&link.customer, &link.contact, change).await?;
    let is_good = contact.is_some_and(|contact| contact.decline_key.is(&link.key));
    if is_good {
        tracing::info!(customer = %link.customer, contact = %link.contact, "warnings and reminders declined");
    }
    Ok(is_good)
}

const ASK: Message<'_> = Message {
    title: "No more warnings and reminders?",
    sentence: "This address will still be told when a connection stops, and when it works again. An administrator can turn everything else \
               on again in the portal.",
};
const DONE: Message<'_> = Message {
    title: "Done",
    sentence: "This address gets no more warnings and reminders. It will still be told when a connection stops. You can close this page.",
};
const LOST: Message<'_> = Message {
    title: "This link leads nowhere",
    sentence: "It is incomplete, or too old. Nothing was changed. Contacts are kept in the portal.",
};

/// A form that posts to the page's own address.
fn form(Link { customer, contact, key }: &Link) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("customer", customer.as_str()).append_pair("contact", contact.as_str()).append_pair("key", key);
    let action = escape(&format!("/v1/notices/decline?{}", query.finish()));
    format!(
        r#"<form method="post" action="{action}"><input type="hidden" name="List-Unsubscribe" value="One-Click"><button type="submit">No more warnings and reminders</button></form>"#
    )
}

fn page(status: StatusCode, message: Message<'_>, form: &str) -> Response {
    let html = message.fill(include_str!("declines/page.html")).replace("{{form}}", form);
    let policy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
    pages::answer(status, policy, html)
}
