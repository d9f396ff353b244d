//! Attachments: blocks of known kinds in full form.

use serde_json::{Map, Value};

use super::params::{as_number, is_list, items};

/// The kinds of blocks.
#[rustfmt::skip]
const BLOCKS: [&str; 9] =
    ["MESSAGE", "LINK", "RICH_LINK", "USER", "GRID", "IMAGE", "FILE", "DELIMITER", "HTML"];

/// Returns `{ID, COLOR_TOKEN, COLOR, BLOCKS}` from that form, a list of blocks, or a single block;
/// `None` if no block is of a known kind.
pub(super) fn attach(value: &Value) -> Option<Value> {
    let fields = value.as_object().filter(|fields| !is_list(fields));
    let list = match fields {
        Some(fields) if fields.contains_key("BLOCKS") => items(&fields["BLOCKS"]),
        Some(_) => vec![value.clone()],
        None => items(value),
    };
    let blocks: Vec<Value> = list.into_iter().filter(is_block).collect();
    if blocks.is_empty() {
        return None;
    }
    let field = |name: &str| fields.and_then(|fields| fields.get(name)).cloned();
    let mut full = Map::new();
    let mut put = |name: &str, value: Value| full.insert(name.to_owned(), value);
    put(
        "ID",
        field("ID").map_or(Value::from(1), |id| as_number(&id)),
    );
    put(
        "COLOR_TOKEN",
        field("COLOR_TOKEN").unwrap_or_else(|| "base".into()),
    );
    put(
        "COLOR",
        field("COLOR").unwrap_or_else(|| "transparent".into()),
    );
    if let Some(description) = field("DESCRIPTION") {
        put("DESCRIPTION", description);
    }
    put("BLOCKS", blocks.into());
    Some(full.into())
}

fn is_block(block: &Value) -> bool {
    block
        .as_object()
        .is_some_and(|fields| fields.keys().any(|key| BLOCKS.contains(&key.as_str())))
}
