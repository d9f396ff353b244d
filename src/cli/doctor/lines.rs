//! Open channels: whether the bots that serve them are on a line, and the connectors joined to one.
//!
//! Registering a bot puts it on no line: somebody has to choose it in the line's settings, or it never hears of a
//! client (protocol/bots-v2.md 1.1.1).

use serde_json::{Value, json};

use super::check::Check;
use super::problem::ask;
use crate::engine::{Engine, Requirement};
use crate::event::LineId;
use crate::portal::methods::{imbot_v2, imconnector, imopenlines};
use crate::portal::{Portal, number};

/// The most lines that are looked at: what the portal tells at once.
const LINES_MAX: usize = 200;

/// Looks at the lines of a portal, if this program has anything to do with them.
pub(super) async fn look(engine: &Engine, portal: &Portal) -> Vec<Check> {
    let requirements = engine.requirements();
    let connectors = engine.connectors();
    let is_served = requirements.iter().any(|need| need.serves_open_channels);
    if !is_served && connectors.is_empty() {
        return Vec::new();
    }
    let list = imopenlines::ConfigListGet::new().params(json!({ "limit": LINES_MAX }));
    let lines = match ask(portal.run(list)).await {
        Ok(lines) => lines,
        Err(problem) => return vec![problem.of("lines")],
    };
    let mut checks = Vec::new();
    for need in requirements.iter().filter(|need| need.serves_open_channels) {
        checks.extend(bot(portal, need, &lines).await);
    }
    for id in connectors {
        checks.push(connector(portal, &id, &lines).await);
    }
    checks
}

/// Whether a bot is on a line.
async fn bot(portal: &Portal, need: &Requirement, lines: &[Value]) -> Option<Check> {
    let name = format!("bot {} on lines", need.code);
    let own = imbot_v2::BotFind::new(need.code.as_str());
    let own = match ask(portal.run(own)).await {
        Ok(own) => own.bot.id.to_string(),
        Err(_) => return None, // the checks of the bots tell
    };
    let serves = |line: &&Value| {
        text(&line["WELCOME_BOT_ID"]) == own && text(&line["WELCOME_BOT_ENABLE"]) != "N"
    };
    let served: Vec<_> = lines.iter().filter(serves).map(title).collect();
    Some(match served.is_empty() {
        false => Check::ok(&name, format!("it serves {}", served.join(", "))),
        true => Check::warning(
            &name,
            format!(
                "it is on none of the portal's {} lines, so no client reaches it",
                lines.len()
            ),
            "choose it in the settings of a line, under chat bots",
        ),
    })
}

/// Whether a connector is joined to a line, and without an error there.
async fn connector(portal: &Portal, id: &str, lines: &[Value]) -> Check {
    let name = format!("connector {id}");
    let mut batch = portal.batch();
    let asked: Vec<_> = lines
        .iter()
        .filter_map(|line| Some((title(line), number(&line["ID"]).map(LineId)?)))
        .map(|(title, line)| (title, batch.push(imconnector::Status::new(id, line))))
        .collect();
    let mut answers = match ask(batch.send()).await {
        Ok(answers) => answers,
        Err(problem) => return problem.of(&name),
    };
    let (mut joined, mut ill) = (Vec::new(), Vec::new());
    for (title, state) in asked {
        match answers.take(state) {
            Ok(state) if state.has_error => ill.push(title),
            Ok(state) if state.is_on => joined.push(title),
            _ => {}
        }
    }
    let fix = "open its settings among the connectors of a line: that joins it";
    match (ill.is_empty(), joined.is_empty()) {
        (false, _) => Check::failed(
            &name,
            format!(
                "it has an error on {}: it gave a message up, and the portal passes nothing on any more",
                ill.join(", ")
            ),
            "see what it could not deliver (dead list), then open its settings on that line again",
        ),
        (true, false) => Check::ok(&name, format!("it is joined to {}", joined.join(", "))),
        (true, true) => Check::warning(&name, "it is joined to no line", fix),
    }
}

/// A line as people know it.
fn title(line: &Value) -> String {
    let name = text(&line["LINE_NAME"]);
    let id = text(&line["ID"]);
    match name.is_empty() {
        true => format!("line {id}"),
        false => format!("{name} ({id})"),
    }
}

/// Numbers come as texts, too.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}
