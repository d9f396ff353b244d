//! The application and the portal it is on (`app.info`, `scope`, `server.time`, …). Pages `api-reference/common/system`.

use serde::Deserialize;

/// The application on this portal. A `STATUS` is `F` free, `D` demo, `T` trial, `P` paid, `L` local, `S` subscription.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub struct Info {
    /// Its number.
    pub id: u64,
    /// Its code.
    pub code: String,
    /// Which version of it is installed.
    #[serde(default)]
    pub version: Option<u64>,
    /// How it is paid for, as a letter.
    #[serde(default)]
    pub status: Option<String>,
    /// Whether its installation is finished.
    #[serde(default)]
    pub installed: bool,
    /// `Y` when the paid or trial time is over.
    #[serde(default)]
    pub payment_expired: Option<String>,
    /// Days left of it; negative when it is over.
    #[serde(default)]
    pub days: Option<i64>,
    /// The portal's language, such as `en`.
    #[serde(default)]
    pub language_id: Option<String>,
    /// The portal's plan, such as `en_pro`.
    #[serde(default)]
    pub license: Option<String>,
}

/// Whether there is a method, and whether it may be called.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Known {
    /// Whether the portal has it.
    pub is_existing: bool,
    /// Whether the application has its scope.
    pub is_available: bool,
}

/// Whether the portal has a feature.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Feature {
    /// `Y` or `N`.
    pub value: String,
}

methods! {
    /// Tells what the application is on this portal.
    ///
    /// Errors: `ACCESS_DENIED` outside an application.
    AppInfo "app.info" () [] -> Info;

    /// Tells the scopes that the application has; with `full`, all that there are.
    Scope "scope" () [full: bool = "full"] -> Vec<String>;

    /// Tells whether a method is known and may be called; its name in small letters.
    MethodGet "method.get" (name: String = "name") [] -> Known;

    /// Tells whether the portal has a feature, such as `rest_offline_extended`.
    ///
    /// Errors: `CODE_EMPTY`.
    FeatureGet "feature.get" (code: String = "CODE") [] -> Feature;

    /// Tells the portal's time (ISO 8601).
    ServerTime "server.time" () [] -> String;

    /// Tells the names of access codes such as `U1` and `G2`.
    AccessName "access.name" (access: Vec<String> = "ACCESS") [] -> serde_json::Value;
}

impl Feature {
    /// Whether it has.
    pub fn is_there(&self) -> bool {
        self.value.eq_ignore_ascii_case("Y")
    }
}
