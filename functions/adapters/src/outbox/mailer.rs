//! Mails by Amazon SES.
//!
//! SES knows no double by itself, so the client tries once: whatever leaves it unclear whether SES took the mail is told as unclear, and
//! SES's own event says which it was.
//! Source: <https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html>

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::error::{BuildError, ProvideErrorMetadata as _, SdkError};
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message, MessageHeader, MessageTag};
use domain::notice::ledger::Sending;

use super::Letter;

const CHARSET: &str = "UTF-8";
/// What SES says of a mail that it will never take.
/// Source: <https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html#API_SendEmail_Errors>
const REFUSES: [&str; 2] = ["MessageRejected", "BadRequestException"];

/// Sends mails by SES.
#[derive(Debug, Clone)]
pub struct Mailer {
    client: Client,
    from: String,
    configuration_set: String,
}

impl Mailer {
    /// Sends as `from`, by the configuration set whose events tell what became of each mail.
    #[must_use]
    pub fn new(client: Client, from: String, configuration_set: String) -> Self {
        Self { client, from, configuration_set }
    }

    /// Sends one mail.
    pub async fn post(&self, letter: &Letter) -> Sending {
        let (content, tags) = match (content(letter), tags(letter)) {
            (Ok(content), Ok(tags)) => (content, tags),
            (Err(error), _) | (_, Err(error)) => return Sending::Refused(format!("the mail cannot be put together: {error}")),
        };
        let request = self.client.send_email().from_email_address(&self.from).configuration_set_name(&self.configuration_set);
        let request = request.destination(Destination::builder().to_addresses(letter.to.as_str()).build());
        match request.content(content).set_email_tags(Some(tags)).send().await {
            Ok(_) => Sending::Taken,
            Err(error) => judge(&error),
        }
    }
}

fn content(letter: &Letter) -> Result<EmailContent, BuildError> {
    let text = |data: &str| Content::builder().data(data).charset(CHARSET).build();
    let body = Body::builder().text(text(&letter.text)?).html(text(&letter.html)?).build();
    let header = |(name, value): &(String, String)| MessageHeader::builder().name(name).value(value).build();
    let headers: Vec<MessageHeader> = letter.headers.iter().map(header).collect::<Result<_, _>>()?;
    let message = Message::builder().subject(text(&letter.subject)?).body(body).set_headers(Some(headers)).build();
    Ok(EmailContent::builder().simple(message).build())
}

fn tags(letter: &Letter) -> Result<Vec<MessageTag>, BuildError> {
    letter.tags.iter().map(|(name, value)| MessageTag::builder().name(*name).value(value).build()).collect()
}

/// What a failure says about the mail: refused for good, not taken now, or nobody knows.
fn judge(error: &SdkError<SendEmailError>) -> Sending {
    match error {
        SdkError::ConstructionFailure(_) => Sending::Refused("the request to SES cannot be put together".to_owned()),
        SdkError::ServiceError(answer) => {
            let code = answer.err().code().unwrap_or("an error without a code");
            let said = format!("SES: {code}: {}", answer.err().message().unwrap_or_default());
            match answer.raw().status().is_client_error() {
                true if REFUSES.contains(&code) => Sending::Refused(said),
                true => Sending::Again(said),
                false => Sending::Unclear,
            }
        }
        _ => Sending::Unclear,
    }
}
