//! Events of the application itself: `ONAPP*`, and the notice that offline events wait.
//!
//! Pages `api-reference/common/events/*` and `api-reference/events/*` of the documentation.

use secrecy::SecretString;
use serde::Serialize;

use super::DecodeError;
use super::tree::Node;

/// The application was installed, updated, paid, tested or removed.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub enum AppEvent {
    /// `ONAPPINSTALL`: the portal installed the application and sends its first tokens.
    Installed {
        /// The version, such as `1.0.0` or `1`.
        version: String,
        /// Whether the application is active.
        active: Option<bool>,
        /// Whether the installation is finished. An application with an interface has to finish it.
        installed: Option<bool>,
        /// The portal's language.
        language: Option<String>,
    },
    /// `ONAPPUPDATE`: the portal changed to another version and sends new tokens.
    Updated {
        /// The new version.
        version: String,
        /// The previous version.
        previous: String,
        /// The portal's language.
        language: Option<String>,
    },
    /// `ONAPPUNINSTALL`: the application was removed. Its tokens no longer work.
    Uninstalled {
        /// Whether the administrator asked to delete its settings and data.
        clean: bool,
        /// The portal's language.
        language: Option<String>,
    },
    /// `ONAPPPAYMENT`: it was paid, or its paid time changed. It carries no token, so the portal is
    /// called to confirm it.
    Payment {
        /// The application's code.
        code: String,
        /// The version.
        version: Option<u64>,
        /// `F` free, `D` demo, `T` trial, `P` paid, `L` local, `S` subscription.
        status: String,
        /// Whether the paid time has ended.
        expired: Option<bool>,
        /// Days left; negative after the end.
        days: Option<i64>,
        /// The portal's language.
        language: Option<String>,
    },
    /// `ONAPPMETHODCONFIRM`: an administrator decided about a method that needs consent.
    MethodConfirm {
        /// The access token of the waiting call.
        #[serde(skip)]
        token: Option<SecretString>,
        /// The method.
        method: String,
        /// Whether the method may be called with that token.
        confirmed: bool,
        /// The portal's language.
        language: Option<String>,
    },
    /// `ONAPPTEST`: `event.test` was called, to check that events arrive.
    Tested {
        /// The value it was called with.
        query: serde_json::Value,
    },
    /// `ONAPPSETTINGSINSTALL`, `ONAPPSETTINGSCHANGE` and `ONAPPSETTINGSDISPLAY`: the portal asks
    /// for the form of the application's settings, at the address `URL_SETTINGS`
    /// (protocol/events.md 4.4). The answer must be that form, so serve this address yourself
    /// ([`nest`](crate::serve::EventEndpoint::nest)) and read the event there.
    Settings {
        /// Why the form is shown.
        reason: SettingsReason,
        /// The values that the form has now, by the names of its fields.
        values: serde_json::Value,
    },
    /// `ONOFFLINEEVENT`: offline events wait to be fetched.
    OfflineWaiting,
}

/// Why the portal shows the form of the application's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum SettingsReason {
    /// The application was just installed.
    Installed,
    /// The settings were opened.
    Opened,
    /// A field was changed that changes the form.
    Changed,
}

impl AppEvent {
    /// Decodes an event of this name; `None` if it is not an event of the application.
    pub(super) fn decode(name: &str, root: Node<'_>) -> Result<Option<AppEvent>, DecodeError> {
        let data = root.get("data");
        let value = |key| data.and_then(|data| data.get(key));
        let text = |key| {
            value(key)
                .and_then(Node::text)
                .unwrap_or_default()
                .into_owned()
        };
        let flag = |key| value(key).and_then(Node::flag);
        let language = value("LANGUAGE_ID")
            .and_then(Node::filled)
            .map(String::from);
        Ok(Some(match name {
            "ONAPPINSTALL" => AppEvent::Installed {
                version: text("VERSION"),
                active: flag("ACTIVE"),
                installed: flag("INSTALLED"),
                language,
            },
            "ONAPPUPDATE" => AppEvent::Updated {
                version: text("VERSION"),
                previous: text("PREVIOUS_VERSION"),
                language,
            },
            "ONAPPUNINSTALL" => AppEvent::Uninstalled {
                clean: flag("CLEAN").unwrap_or(false),
                language,
            },
            "ONAPPPAYMENT" => AppEvent::Payment {
                code: text("CODE"),
                version: value("VERSION").map_or(Ok(None), Node::number)?,
                status: text("STATUS"),
                expired: flag("PAYMENT_EXPIRED"),
                days: value("DAYS").map_or(Ok(None), Node::number)?,
                language,
            },
            "ONAPPMETHODCONFIRM" => AppEvent::MethodConfirm {
                token: value("TOKEN")
                    .and_then(Node::filled)
                    .map(|token| SecretString::from(token.into_owned())),
                method: text("METHOD"),
                confirmed: flag("CONFIRMED").unwrap_or(false),
                language,
            },
            "ONAPPTEST" => AppEvent::Tested {
                query: value("QUERY").map_or(serde_json::Value::Null, Node::to_json),
            },
            "ONAPPSETTINGSINSTALL" => AppEvent::settings(SettingsReason::Installed, data),
            "ONAPPSETTINGSDISPLAY" => AppEvent::settings(SettingsReason::Opened, data),
            "ONAPPSETTINGSCHANGE" => AppEvent::settings(SettingsReason::Changed, data),
            "ONOFFLINEEVENT" => AppEvent::OfflineWaiting,
            _ => return Ok(None),
        }))
    }

    fn settings(reason: SettingsReason, data: Option<Node<'_>>) -> AppEvent {
        let values = data.map_or(serde_json::Value::Null, Node::to_json);
        AppEvent::Settings { reason, values }
    }
}
