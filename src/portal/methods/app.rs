//! The application and its portal (`app.info`, `scope`, `server.time`, …). Pages
//! `api-reference/common/system`.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::portal::http::answer::number_or_text;

/// The application on this portal.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub struct Info {
    /// Its id.
    #[serde(deserialize_with = "number_or_text")]
    pub id: u64,
    /// Its code.
    pub code: String,
    /// The installed version.
    #[serde(default)]
    pub version: Option<u64>,
    /// `F` free, `D` demo, `T` trial, `P` paid, `L` local, `S` subscription.
    #[serde(default)]
    pub status: Option<String>,
    /// Whether its installation is finished.
    #[serde(default, deserialize_with = "yes")]
    pub installed: bool,
    /// Whether the paid or trial time has ended.
    #[serde(default, deserialize_with = "yes")]
    pub payment_expired: bool,
    /// Days left of that time; negative after its end.
    #[serde(default, deserialize_with = "days")]
    pub days: Option<i64>,
    /// The portal's language, such as `en`.
    #[serde(default)]
    pub language_id: Option<String>,
    /// The portal's plan, such as `en_pro`.
    #[serde(default)]
    pub license: Option<String>,
}

/// Whether a method exists and may be called.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MethodInfo {
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
    /// Returns the application on this portal.
    ///
    /// Errors: `ACCESS_DENIED` without an application.
    AppInfo "app.info" () [] -> Info;

    /// Returns the application's scopes; with `full`, all scopes that exist.
    Scope "scope" () [full: bool = "full"] -> Vec<String>;

    /// Returns whether a method exists and may be called. The name is in lower case.
    MethodGet "method.get" (name: String = "name") [] -> MethodInfo;

    /// Returns whether the portal has a feature, such as `rest_offline_extended`.
    ///
    /// Errors: `CODE_EMPTY`.
    FeatureGet "feature.get" (code: String = "CODE") [] -> Feature;

    /// Returns the portal's time (ISO 8601).
    ServerTime "server.time" () [] -> String;

    /// Returns the names of access codes such as `U1` and `G2`.
    AccessName "access.name" (access: Vec<String> = "ACCESS") [] -> serde_json::Value;
}

/// Reads a boolean or `Y`: `app.info` has both.
fn yes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(value == true || value == "Y")
}

/// Reads a number, also one written as text.
fn days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(value.as_i64().or_else(|| value.as_str()?.parse().ok()))
}

impl Feature {
    /// Whether the portal has the feature.
    pub fn is_enabled(&self) -> bool {
        self.value.eq_ignore_ascii_case("Y")
    }
}
