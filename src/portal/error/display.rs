//! The text of an error: the method, the failure, and advice.

use std::fmt;

use super::reason::Reason;
use super::{Error, Kind};

impl Error {
    /// What the operator can do about it.
    pub(crate) fn advice(&self) -> Option<&'static str> {
        if self.is_wrong_webhook() {
            return Some(
                "create a new inbound webhook on the portal: this one was deleted or mistyped",
            );
        }
        if self.reason() == Some(Reason::UntrustedCertificate) {
            return Some(
                "if the certificate is from an authority of your own, name that authority's certificate with --ca-file",
            );
        }
        if self.is("invalid_client") || self.is("wrong_client") {
            return Some(
                "check the client id and secret; if they are right, install the application on the portal again",
            );
        }
        if self.is_access_revoked() {
            return Some("install the application on the portal again");
        }
        if self.is_unpaid() {
            return Some(
                "the portal's plan or the subscription has ended: its administrator has to pay; waiting messages are sent if that happens within a day",
            );
        }
        match self.code()?.to_ascii_uppercase().as_str() {
            "INVALID_CREDENTIALS" => Some(
                "the user of the token or webhook lacks a right for this method: give them the right, or use a webhook of an administrator",
            ),
            "NO_AUTH_FOUND" => Some(
                "the portal does not accept the credentials: create a new inbound webhook, since this one was deleted or mistyped; or install the application again",
            ),
            "AUTHORIZATION_ERROR" => Some(
                "the user whose rights are used was dismissed or deleted: ask an administrator to install the application again; waiting messages are sent if that happens within a day",
            ),
            "USER_ACCESS_ERROR" => Some(
                "ask an administrator of the portal to allow this user to use the application; waiting messages are sent if that happens within a day",
            ),
            "BOT_OWNERSHIP_ERROR" | "BOT_CODE_ALREADY_TAKEN" => Some(
                "another application or webhook registered the bot with this code: start with the credentials it was registered with, choose another code in the profile, or give the bot up with `unregister` under the old credentials, which removes its private chats",
            ),
            "INSUFFICIENT_SCOPE" => {
                Some("add the scope of this method to the application and install it again")
            }
            "APP_ID_ERROR" => Some(
                "another application has a bot with this code: choose another code in the profile",
            ),
            "WRONG_AUTH_TYPE" => Some("this method needs the tokens of an application"),
            "ERROR_METHOD_NOT_FOUND" if self.method().starts_with("imbot.v2.") => {
                Some("the portal has no v2 bot API: set `.api(Api::V1)` in the bot's profile")
            }
            "ERROR_METHOD_NOT_FOUND" => {
                Some("check the method's name, and whether the portal has this module")
            }
            "OVERLOAD_LIMIT" => {
                Some("Bitrix24's support has stopped the application on this portal: ask them")
            }
            "OPERATION_TIME_LIMIT" => Some(
                "this method has used up its running time: call it less often, or request less data",
            ),
            "QUERY_LIMIT_EXCEEDED" => Some(
                "too many calls from this address; check whether other programs call the portal",
            ),
            "METHOD_CONFIRM_WAITING" => {
                Some("an administrator of the portal has to allow this method")
            }
            "PORTAL_DELETED" => Some(
                "the portal is stopped or deleted: open it in a browser; waiting messages are sent if it is back within a day",
            ),
            _ => None,
        }
    }
}

/// The failure and the advice; the alternate form (`{:#}`) omits the advice.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.method)?;
        match &*self.kind {
            Kind::Refused {
                code,
                description,
                status,
                ..
            } => {
                match code.as_str() {
                    "" => write!(f, "the portal refused without a code ({status})")?,
                    code => write!(f, "the portal refused with {code} ({status})")?,
                }
                if !description.is_empty() {
                    write!(f, ": {description}")?;
                }
            }
            Kind::Answer(_) => f.write_str("the answer is not of the expected type")?,
            Kind::NotAList(why) => f.write_str(why)?,
            Kind::NotJson { status, excerpt } => match excerpt.as_deref() {
                Some("") => write!(f, "the answer ({status}) is empty")?,
                Some(excerpt) => write!(f, "the answer ({status}) is not JSON: {excerpt}")?,
                None => write!(f, "the answer ({status}) is not JSON")?,
            },
            Kind::TooLarge(limit) => write!(f, "the answer is larger than {limit} bytes")?,
            Kind::Unreachable {
                was_sent: false, ..
            } => f.write_str("the portal could not be reached")?,
            Kind::Unreachable { .. } => {
                f.write_str("no answer arrived; the call may have been run")?
            }
            Kind::Forbidden(why) => write!(f, "not called: {why}")?,
            Kind::QueueFull(waiting) => write!(f, "not called: {waiting} calls wait already")?,
            Kind::NotOwner => f.write_str("not called: another process may own the portal")?,
            Kind::NoAnswer(limit) => {
                write!(f, "no answer within {limit:?}; the call may have been run")?
            }
            Kind::Store(_) => f.write_str("the new tokens could not be stored")?,
        }
        match self.advice().filter(|_| !f.alternate()) {
            Some(advice) => write!(f, " ({advice})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::portal::error::display::*;

    #[test]
    fn an_unpaid_plan_is_distinguished_from_a_missing_right() {
        let refused =
            |code, words, status| Error::refused("imbot.v2.Bot.get", code, words, status, None);
        for closed in [
            refused("PORTAL_DELETED", "", 403),
            refused("PORTAL_DELETED", "", 500),
            refused("PAYMENT_REQUIRED", "Subscription has been ended", 401),
            refused("ACCESS_DENIED", "", 401),
            refused(
                "ACCESS_DENIED",
                "REST API is available only on commercial plans",
                403,
            ),
            refused(
                "ACCESS_DENIED",
                "REST is available only by subscription",
                403,
            ),
        ] {
            assert!(
                closed.is_portal_closed() && closed.may_pass_later(),
                "{closed}"
            );
            assert!(closed.was_not_run() && !closed.may_have_run(), "{closed}");
            assert!(closed.to_string().contains("within a day"), "{closed}");
        }
        let denied = refused("ACCESS_DENIED", "Access denied!", 403);
        assert!(
            !denied.is_portal_closed() && !denied.may_pass_later(),
            "{denied}"
        );
    }

    #[test]
    fn the_status_decides_between_the_meanings_of_invalid_credentials() {
        let refused =
            |status| Error::refused("imbot.v2.Bot.get", "INVALID_CREDENTIALS", "", status, None);
        let wrong = refused(401);
        assert!(wrong.is_access_revoked() && !wrong.is_access_denied());
        assert!(wrong.to_string().contains("new inbound webhook"), "{wrong}");
        for status in [403, 200] {
            let denied = refused(status); // 200 in a batch, which the webhook was allowed to send
            assert!(denied.is_access_denied() && !denied.is_access_revoked());
            assert!(denied.to_string().contains("lacks a right"), "{denied}");
        }
    }

    #[test]
    fn refusals_met_while_following_the_guide_have_advice() {
        let text = |code| Error::refused("m", code, "", 400, None).to_string();
        for code in ["BOT_OWNERSHIP_ERROR", "BOT_CODE_ALREADY_TAKEN"] {
            assert!(text(code).contains("`unregister`"), "{code}");
        }
        assert!(text("NO_AUTH_FOUND").contains("new inbound webhook"));
        assert!(text("authorization_error").contains("within a day"));
        let wrong = text("invalid_client");
        assert!(
            wrong.contains("client id and secret") && wrong.contains("install"),
            "{wrong}"
        );
    }

    #[test]
    fn the_portals_own_words_are_returned_and_an_empty_code_leaves_no_gap() {
        let error = Error::refused("m", "", "Not found", 400, None);
        assert_eq!(
            error.to_string(),
            "m: the portal refused without a code (400): Not found"
        );
        assert_eq!(
            (error.code(), error.description()),
            (Some(""), Some("Not found"))
        );
        assert_eq!(Error::refusal("X", 400).description(), None);
        assert_eq!(Error::unusable("m", "why").description(), None);
    }

    #[test]
    fn the_error_of_a_portal_without_v2_advises_v1() {
        let text =
            |method| Error::refused(method, "ERROR_METHOD_NOT_FOUND", "", 404, None).to_string();
        assert!(text("imbot.v2.Bot.get").contains("Api::V1"));
        assert!(text("crm.deal.gett").contains("check the method's name"));
    }
}
