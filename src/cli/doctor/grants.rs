//! Checks what this program may do on a portal: the rights of its user, the installation and the
//! payment of the application, and the scopes.

use super::check::Check;
use crate::config::Config;
use crate::engine::Requirement;
use crate::event::UserId;
use crate::portal::methods::app::Info;
use crate::portal::methods::profile::Profile;

/// Remaining paid time from which on to warn, in days.
const DAYS_WARNING: i64 = 7;

/// Checks whose rights the calls have. Without those of an administrator, an application binds and
/// sees only its own user's handlers (protocol/events.md 2), and cannot have been installed by that
/// user (protocol/auth.md 4).
pub(super) fn rights(owner: &Profile, is_application: bool) -> Check {
    let id = owner.id;
    match (owner.admin, is_application) {
        (true, _) => Check::ok(
            "rights",
            format!("calls are made as user {id}, an administrator"),
        ),
        (false, false) => Check::ok(
            "rights",
            format!("calls are made as user {id}, not an administrator; bots do not need one"),
        ),
        (false, true) => Check::warning(
            "rights",
            format!(
                "calls are made as user {id}, not an administrator: other users' events are not bound"
            ),
            "ask an administrator to install the application again",
        ),
    }
}

/// Reports that calls are made with the tokens of this administrator, because those of the person
/// who installed the application are refused (protocol/auth.md 4).
pub(super) fn spare(user: UserId) -> Check {
    Check::warning(
        "installer",
        format!(
            "the portal refuses the tokens of the user who installed the application, who was probably dismissed; \
             calls are made with those of user {user}, an administrator who opened it"
        ),
        "ask an administrator to install the application again",
    )
}

/// Checks that the installation is finished: until then the portal sends no events
/// (protocol/auth.md 4).
pub(super) fn application(info: &Info, config: &Config) -> Check {
    if info.installed {
        return Check::ok(
            "application",
            "it is installed, and the installation is finished",
        );
    }
    let page = config.public_url.as_deref().unwrap_or("IMBOT_PUBLIC_URL/");
    Check::failed(
        "application",
        "the installation is not finished: until then the portal sends no events",
        format!(
            "open the application on the portal as an administrator; its initial installation path must be {}/install, \
             a page that finishes the installation",
            page.trim_end_matches('/')
        ),
    )
}

/// Checks that the application's time is paid: after its end the portal sends no events
/// (protocol/server-behaviour.md 1.3).
pub(super) fn payment(info: &Info) -> Check {
    let status = info.status.as_deref().unwrap_or_default();
    let kind = match status {
        "L" => "a local application",
        "F" => "a free application",
        "D" => "a demo",
        "T" => "a trial",
        "P" => "a paid application",
        "S" => "a subscription",
        other => other,
    };
    let fix = "ask the portal's administrator to pay for the application or its subscription";
    match info.days {
        _ if info.payment_expired => Check::failed(
            "payment",
            format!("{kind}, and its time has ended: the portal sends no events"),
            fix,
        ),
        Some(days) if days <= DAYS_WARNING && !matches!(status, "L" | "F") => Check::warning(
            "payment",
            format!("{kind}, whose time ends in {days} days"),
            fix,
        ),
        Some(days) => Check::ok("payment", format!("{kind}, {days} days are left")),
        None => Check::ok("payment", kind),
    }
}

/// Checks the scopes. Every method for bots needs `imbot`; `im` and the others are for calls that a
/// bot makes itself. Binding an event needs the scope of the event's module (protocol/events.md 1).
pub(super) fn scopes(
    granted: &[String],
    requirements: &[Requirement],
    has_connectors: bool,
    is_application: bool,
) -> Check {
    let has = |scope: &str| granted.iter().any(|own| own.eq_ignore_ascii_case(scope));
    let list = granted.join(", ");
    let fix = |scope: &str| {
        if is_application {
            format!("add the scope {scope} to the application, and install it again")
        } else {
            format!(
                "create an inbound webhook with the scope {scope}, and set its address as IMBOT_PORTAL"
            )
        }
    };
    if !has("imbot") {
        let detail =
            format!("imbot is not among the granted scopes ({list}): bots cannot be registered");
        return Check::failed("scopes", detail, fix("imbot"));
    }
    let serves_open_channels = requirements.iter().any(|need| need.serves_open_channels);
    if serves_open_channels && !has("imopenlines") {
        let detail = format!(
            "imopenlines is not among the granted scopes ({list}), and a bot serves open channels"
        );
        return Check::warning("scopes", detail, fix("imopenlines"));
    }
    let missing = ["imopenlines", "imconnector"]
        .into_iter()
        .find(|scope| !has(scope));
    if let (true, Some(scope)) = (has_connectors, missing) {
        let detail = format!(
            "{scope} is not among the granted scopes ({list}), and this program has a connector"
        );
        return Check::failed("scopes", detail, fix(scope));
    }
    let without = if has("im") {
        ""
    } else {
        "; im is not, which only bots that call im.* need"
    };
    Check::ok("scopes", format!("granted are {list}{without}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::cli::doctor::check::CheckStatus;
    use crate::cli::doctor::grants::*;

    #[test]
    fn installation_payment_and_scopes_are_checked() {
        let app_info = |installed: bool, status: &str, expired: &str, days: Value| {
            let fields = json!({
                "ID": "7", "CODE": "local.1", "INSTALLED": installed, "STATUS": status, "PAYMENT_EXPIRED": expired,
                "DAYS": days,
            });
            serde_json::from_value::<Info>(fields).unwrap()
        };
        let info = |status, expired, days| app_info(true, status, expired, days);
        assert_eq!(
            payment(&info("L", "N", Value::Null)).status,
            CheckStatus::Ok
        );
        let config = Config {
            public_url: Some("https://bots.example.com/b/".into()),
            ..Config::default()
        };
        assert_eq!(
            application(&info("L", "N", Value::Null), &config).status,
            CheckStatus::Ok
        );
        let unfinished = application(&app_info(false, "L", "N", Value::Null), &config);
        assert_eq!(unfinished.status, CheckStatus::Failed);
        assert!(
            unfinished
                .fix
                .is_some_and(|fix| fix.contains("https://bots.example.com/b/install"))
        );
        assert_eq!(
            payment(&info("T", "N", json!(3))).status,
            CheckStatus::Warning
        );
        assert_eq!(
            payment(&info("P", "N", json!("90"))).status,
            CheckStatus::Ok
        );
        assert_eq!(
            payment(&info("S", "Y", json!(-2))).status,
            CheckStatus::Failed
        );
        let need = |serves_open_channels| Requirement {
            code: "a".into(),
            mode: None,
            serves_open_channels,
        };
        let status = |granted: &[&str], open| {
            let granted: Vec<String> = granted.iter().map(|scope| (*scope).to_owned()).collect();
            scopes(&granted, &[need(open)], false, true).status
        };
        assert_eq!(status(&["im", "crm"], false), CheckStatus::Failed);
        assert_eq!(status(&["imbot"], false), CheckStatus::Ok);
        assert_eq!(status(&["IMBOT"], true), CheckStatus::Warning);
        assert_eq!(status(&["imbot", "imopenlines"], true), CheckStatus::Ok);
        let granted = ["imbot", "imopenlines"].map(str::to_owned);
        let with_connector = scopes(&granted, &[need(true)], true, true);
        assert!(with_connector.has_failed() && with_connector.detail.contains("imconnector"));
    }
}
