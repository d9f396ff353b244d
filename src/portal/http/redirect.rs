//! Follows portals that have moved.
//!
//! Page `b24restdocs: settings/how-to-call-rest-api/change-domen.md`: a call to an old address is
//! answered with 302. The same POST is sent to the new one, with method, body and port kept, and
//! the new address is stored; the portal's `member_id` stays.

use reqwest::{Response, StatusCode, Url};

use super::answer::Answer;
use crate::portal::Error;
use crate::portal::error::Forbidden;

/// Maximum number of redirects of one call.
pub const HOPS_MAX: u32 = 3;

/// An answer, or a redirect.
#[derive(Debug)]
pub(in crate::portal) enum Hop {
    Answer(Answer),
    Redirect(Redirect),
}

/// The target of a redirect.
#[derive(Debug)]
pub(in crate::portal) struct Redirect(Url);

impl Redirect {
    /// Returns the target if the response is a redirect.
    pub(in crate::portal) fn from_response(response: &Response) -> Option<Redirect> {
        let is_moved = matches!(
            response.status(),
            StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT
        );
        let location = response.headers().get("location").filter(|_| is_moved)?;
        let url = response.url().join(location.to_str().ok()?).ok()?;
        Some(Redirect(url))
    }

    /// Returns the new address of the REST methods that were at `endpoint`.
    ///
    /// # Errors
    /// The target is not an address of REST methods: a portal, or a gateway in front of it, also
    /// redirects to a login or maintenance page. The call was not run, and may be answered later.
    pub(in crate::portal) fn follow(&self, method: &str, endpoint: &str) -> Result<String, Error> {
        let old = Url::parse(endpoint).map_err(|error| Error::answer(method, error))?;
        let Redirect(new) = self;
        // Errors name the host only: the rest may contain a webhook's secret.
        let host = new.host_str().unwrap_or_default();
        if !new.path().starts_with(old.path()) {
            let host = host.to_owned();
            return Err(Error::forbidden(
                method,
                Forbidden::ElsewhereRedirect { host },
            ));
        }
        if old.scheme() == "https" && new.scheme() != "https" {
            let host = host.to_owned();
            return Err(Error::forbidden(
                method,
                Forbidden::PlainHttpRedirect { host },
            ));
        }
        Ok(format!(
            "{}{}",
            new.origin().ascii_serialization(),
            old.path()
        ))
    }
}

#[cfg(test)]
mod tests {
    use crate::portal::http::redirect::*;

    #[test]
    fn only_a_redirect_to_rest_methods_is_followed() {
        let follow = |to: &str, from| Redirect(Url::parse(to).unwrap()).follow("profile", from);
        let old = "https://old.bitrix24.com/rest/";
        for (to, new) in [
            (
                "https://new.bitrix24.com/rest/1/secret/profile.json",
                "https://new.bitrix24.com/rest/",
            ),
            (
                "https://new.example.com:8443/rest/profile.json",
                "https://new.example.com:8443/rest/",
            ),
        ] {
            assert_eq!(follow(to, old).unwrap(), new);
        }
        for to in [
            "https://new.bitrix24.com/login/?backurl=/rest/1/secret/",
            "http://new.bitrix24.com/rest/1/secret/profile.json",
        ] {
            let error = follow(to, old).unwrap_err();
            assert!(
                error.was_not_run()
                    && error.may_pass_later()
                    && !error.to_string().contains("secret"),
                "{error}"
            );
        }
        let local = follow(
            "http://127.0.0.1:2/rest/profile.json",
            "http://127.0.0.1:1/rest/",
        );
        assert_eq!(local.unwrap(), "http://127.0.0.1:2/rest/");
    }
}
