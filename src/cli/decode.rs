//! `decode`: shows an event body as JSON without its tokens.

use std::error::Error;
use std::io::Read;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::Done;
use crate::event::{Delivery, Page};

pub(super) fn decode(file: Option<PathBuf>) -> Done {
    let mut body = Vec::new();
    match file {
        Some(file) => {
            let opened = std::fs::File::open(&file)
                .map_err(|error| format!("{}: {error}", file.display()))?;
            std::io::BufReader::new(opened).read_to_end(&mut body)?;
        }
        None => {
            std::io::stdin().read_to_end(&mut body)?;
        }
    }
    let body = body.trim_ascii();
    let is_posted = body.starts_with(b"{") && Delivery::from_posted(body.to_vec()).is_ok();
    let shown = if body.starts_with(b"{") && !is_posted {
        let page = Page::from_json(body)?;
        let events: Result<Vec<Value>, _> = page.events.iter().map(show).collect();
        json!({ "next_offset": page.next_offset, "has_more": page.has_more, "events": events? })
    } else {
        show(&Delivery::from_posted(body.to_vec())?)?
    };
    out!("{}", serde_json::to_string_pretty(&shown)?);
    Ok(())
}

fn show(delivery: &Delivery) -> Result<Value, Box<dyn Error>> {
    let events = serde_json::to_value(delivery.events()?)?;
    let mut raw = delivery.root().to_json();
    hide_tokens(&mut raw);
    Ok(
        json!({ "event": delivery.name, "category": format!("{:?}", delivery.category), "events": events, "raw": raw }),
    )
}

/// Shortens all values whose key ends with `token`, at any depth.
pub(super) fn hide_tokens(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                match field {
                    Value::String(text) if key.to_ascii_lowercase().ends_with("token") => {
                        *text = text.chars().take(4).chain(['…']).collect();
                    }
                    field => hide_tokens(field),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide_tokens),
        _ => {}
    }
}
