//! SES: whether mails may be sent, to anybody, from our domain.

use aws_sdk_sesv2::Client;

use super::{Finding, Ward};

const DKIM: &str = "enter the DKIM records of the SES console where the domain is served";
/// Source: <https://docs.aws.amazon.com/ses/latest/dg/request-production-access.html>
const SANDBOX: &str = "ask AWS for production access: https://docs.aws.amazon.com/ses/latest/dg/request-production-access.html";

pub(super) async fn look(ward: &Ward<'_>) -> Vec<Finding> {
    let Some(domain) = ward.desk.variable("EVERGRANT_MAIL_DOMAIN") else {
        return vec![Finding::skipped("mail", "EVERGRANT_MAIL_DOMAIN is not set: this stage sends no mail")];
    };
    let client = Client::from_conf(ward.aws.sesv2());
    let mut findings = vec![account(ward, &client).await];
    findings.push(match client.get_email_identity().email_identity(domain).send().await {
        Ok(identity) if identity.verified_for_sending_status => Finding::ok("mail", format!("{domain} is verified")),
        Ok(_) => Finding::wrong("mail", format!("{domain} is not verified: no mail leaves"), DKIM),
        Err(error) => ward.failed("mail", &format!("identity {domain}"), &error, "set MailDomain in the stage's parameters, and deploy"),
    });
    findings
}

async fn account(ward: &Ward<'_>, client: &Client) -> Finding {
    match client.get_account().send().await {
        Ok(account) if !account.sending_enabled => {
            Finding::wrong("mail", "SES sends nothing for this account: it was paused", "see the account's status in the SES console")
        }
        Ok(account) if !account.production_access_enabled => {
            Finding::wrong("mail", "SES is in the sandbox: mails reach verified addresses only", SANDBOX)
        }
        Ok(_) => Finding::ok("mail", "SES sends to anybody"),
        Err(error) => ward.failed("mail", "the account of SES", &error, SANDBOX),
    }
}
