//! Checks open channels: that bots which serve them are on a line, and that connectors are joined
//! to one.
//!
//! Registering a bot puts it on no line. Somebody has to choose it in the line's settings, or it
//! gets no client's messages (protocol/bots-v2.md 1.1.1).

use serde_json::{Value, json};

use super::Inspection;
use super::check::Check;
use crate::engine::Requirement;
use crate::event::LineId;
use crate::portal::methods::{imbot_v2, imconnector, imopenlines};
use crate::portal::{Portal, number};

/// Maximum number of lines that are checked: one page of the portal.
const LINES_MAX: usize = 200;

/// Checks the lines of a portal, if this program serves open channels or has connectors.
pub(super) async fn checks(inspection: &Inspection<'_>, portal: &Portal) -> Vec<Check> {
    let requirements = inspection.engine.requirements();
    let connectors = inspection.engine.connectors();
    let is_served = requirements.iter().any(|need| need.serves_open_channels);
    if !is_served && connectors.is_empty() {
        return Vec::new();
    }
    let list = imopenlines::ConfigListGet::new().params(json!({ "limit": LINES_MAX }));
    let lines = match inspection.ask(portal.run(list)).await {
        Ok(lines) => lines,
        Err(problem) => return vec![problem.into_check("lines")],
    };
    let mut checks = Vec::new();
    for need in requirements.iter().filter(|need| need.serves_open_channels) {
        checks.extend(bot(inspection, portal, need, &lines).await);
    }
    for id in connectors {
        checks.push(connector(inspection, portal, &id, &lines).await);
    }
    checks
}

/// Checks that a bot is on a line. Returns nothing if the bot is not found, which another check
/// reports.
async fn bot(
    inspection: &Inspection<'_>,
    portal: &Portal,
    need: &Requirement,
    lines: &[Value],
) -> Option<Check> {
    let name = format!("bot {} on lines", need.code);
    let find = imbot_v2::BotFind::new(need.code.as_str());
    let id = inspection.ask(portal.run(find)).await.ok()?.bot.id;
    let id = id.to_string();
    let has_bot = |line: &&Value| {
        text(&line["WELCOME_BOT_ID"]) == id && text(&line["WELCOME_BOT_ENABLE"]) != "N"
    };
    let served: Vec<_> = lines.iter().filter(has_bot).map(title).collect();
    Some(if served.is_empty() {
        Check::warning(
            &name,
            format!(
                "none of the portal's {} lines has this bot, so no client reaches it",
                lines.len()
            ),
            "choose it in the settings of a line, under chat bots",
        )
    } else {
        Check::ok(&name, format!("it serves {}", served.join(", ")))
    })
}

/// Checks that a connector is joined to a line, and has no error there.
async fn connector(
    inspection: &Inspection<'_>,
    portal: &Portal,
    id: &str,
    lines: &[Value],
) -> Check {
    let name = format!("connector {id}");
    let mut batch = portal.batch();
    let asked: Vec<_> = lines
        .iter()
        .filter_map(|line| Some((title(line), number(&line["ID"]).map(LineId)?)))
        .map(|(title, line)| (title, batch.push(imconnector::Status::new(id, line))))
        .collect();
    let mut answers = match inspection.ask(batch.send()).await {
        Ok(answers) => answers,
        Err(problem) => return problem.into_check(&name),
    };
    let (mut joined, mut with_error) = (Vec::new(), Vec::new());
    for (title, state) in asked {
        match answers.take(state) {
            Ok(state) if state.has_error => with_error.push(title),
            Ok(state) if state.is_on => joined.push(title),
            _ => {}
        }
    }
    if !with_error.is_empty() {
        return Check::failed(
            &name,
            format!(
                "it has an error on {}: it could not deliver a message, and the portal sends it no more",
                with_error.join(", ")
            ),
            "see what it could not deliver (`dead list`), then open its settings on that line again",
        );
    }
    if joined.is_empty() {
        let fix = "open its settings among the connectors of a line: that joins it";
        return Check::warning(&name, "it is not joined to any line", fix);
    }
    Check::ok(&name, format!("it is joined to {}", joined.join(", ")))
}

/// Returns the name and the id of a line, for people.
fn title(line: &Value) -> String {
    let name = text(&line["LINE_NAME"]);
    let id = text(&line["ID"]);
    if name.is_empty() {
        format!("line {id}")
    } else {
        format!("{name} ({id})")
    }
}

/// Returns a text, or a number as text: the portal uses both.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}
