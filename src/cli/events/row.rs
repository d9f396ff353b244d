//! One event in the list of events, for people and for programs.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::word;
use crate::event::{MemberId, UserId, catalogue};
use crate::portal::Binding;
use crate::store::Arrived;

/// An event with its bindings and its count.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) bound: Vec<Bound>,
    pub(super) arrived: Option<Arrived>,
}

/// A binding of an event.
pub(super) struct Bound {
    pub(super) portal: MemberId,
    pub(super) binding: Binding,
    /// Whether the event comes to this program.
    pub(super) is_ours: bool,
}

impl Row {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            bound: Vec::new(),
            arrived: None,
        }
    }

    pub(super) fn print(&self, as_json: bool) {
        if as_json {
            out!("{}", self.json());
            return;
        }
        let entry = catalogue::entry(&self.name);
        let about = entry.map_or("not in the catalogue", |entry| entry.about);
        let webhook = match entry.and_then(|entry| entry.by_webhook) {
            Some(true) => "webhook",
            Some(false) => "-",
            None => "?",
        };
        let category = word(catalogue::category(&self.name));
        out!("{:<38} {category:<12} {webhook:<8} {about}", self.name);
        for bound in &self.bound {
            out!("    bound {}", bound.text());
        }
        if let Some(Arrived { count, last, .. }) = &self.arrived {
            out!("    arrived {count}×, last {last}");
        }
    }

    fn json(&self) -> Value {
        let category = catalogue::category(&self.name);
        let entry = catalogue::entry(&self.name);
        let arrived = self.arrived.as_ref();
        let arrived = arrived.map(|it| json!({ "count": it.count, "last": it.last.to_string() }));
        json!({
            "event": self.name,
            "category": word(category),
            "scope": category.scope(),
            "by_webhook": entry.and_then(|entry| entry.by_webhook),
            "about": entry.map(|entry| entry.about),
            "bound": self.bound.iter().map(Bound::json).collect::<Value>(),
            "arrived": arrived,
        })
    }
}

impl Bound {
    fn text(&self) -> String {
        let Bound {
            portal,
            binding,
            is_ours,
        } = self;
        if binding.offline == 1 {
            return format!("on {portal}, kept until this program fetches it");
        }
        let whose = if *is_ours { "" } else { " (another program)" };
        format!(
            "on {portal} to {}{whose}, as {}",
            without_query(&binding.handler),
            acting_user(binding.user)
        )
    }

    fn json(&self) -> Value {
        json!({
            "portal": self.portal,
            "handler": without_query(&self.binding.handler),
            "ours": self.is_ours,
            "offline": self.binding.offline == 1,
            "as_user": (self.binding.user != UserId(0)).then_some(self.binding.user),
        })
    }
}

/// Returns the user whose rights the event comes with.
fn acting_user(user: UserId) -> Cow<'static, str> {
    match user {
        UserId(0) => "the user who caused it".into(),
        user => format!("user {user}").into(),
    }
}

/// Returns an address without its query, which may contain a secret.
fn without_query(address: &str) -> &str {
    address
        .split_once('?')
        .map_or(address, |(address, _)| address)
}
