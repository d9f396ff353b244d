//! The text of an error: the method, the failure, and advice.

use std::fmt;

use super::{Error, Kind};

impl Error {
    /// What the operator can do about it.
    pub(crate) fn advice(&self) -> Option<&'static str> {
        if self.is("INVALID_CREDENTIALS") {
            return Some(
                "create a new inbound webhook on the portal: this one was deleted or mistyped",
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
                write!(f, "the portal refused with {code} ({status})")?;
                if !description.is_empty() {
                    write!(f, ": {description}")?;
                }
            }
            Kind::Answer(_) => f.write_str("the answer is not of the expected type")?,
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
    fn the_error_of_a_portal_without_v2_advises_v1() {
        let text =
            |method| Error::refused(method, "ERROR_METHOD_NOT_FOUND", "", 404, None).to_string();
        assert!(text("imbot.v2.Bot.get").contains("Api::V1"));
        assert!(text("crm.deal.gett").contains("check the method's name"));
    }
}
