//! The fields of a call of version 2: flags in many shapes, texts, and pictures.

use serde_json::{Map, Value};

use crate::emulator::rest::call::Call;
use crate::emulator::rest::params::as_text;

/// A text that is not blank.
pub(super) fn text(fields: &Map<String, Value>, name: &str) -> Option<String> {
    let text = fields.get(name).and_then(as_text);
    text.filter(|text| !text.trim().is_empty())
}

/// A flag, if it was sent: `true`, `"Y"` for clients without JSON, `"1"` out of a form.
pub(super) fn flag(fields: &Map<String, Value>, name: &str) -> Option<bool> {
    is_on(fields.get(name)?)
}

/// A flag beside the fields, if it was sent.
pub(super) fn flag_at(call: &Call<'_, '_>, name: &str) -> Option<bool> {
    is_on(call.params.exact(name)?)
}

/// Whether a flag is on; none for what is no flag.
fn is_on(value: &Value) -> Option<bool> {
    match as_text(value)?.as_str() {
        "1" | "Y" | "true" => Some(true),
        "0" | "N" | "false" | "" => Some(false),
        _ => None,
    }
}

/// The map under a name.
pub(super) fn map(fields: &Map<String, Value>, name: &str) -> Map<String, Value> {
    let map = fields.get(name).and_then(Value::as_object);
    map.cloned().unwrap_or_default()
}
