//! v2 of the bot platform, for an application and for a webhook with a `botToken`.

mod bots;
mod chats;
mod commands;
mod fetch;
mod files;
mod messages;
mod reactions;
mod reading;
mod subscriptions;
mod user_events;
mod webhook;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::TestPortal;

/// The token of bots registered through the webhook.
const TOKEN: &str = "my token";

impl TestPortal {
    /// Calls a method through the inbound webhook.
    pub(super) async fn by_webhook(&self, method: &str, params: Value) -> (u16, Value) {
        let url = self.portal.webhook_url();
        let path = &url[self.portal.url().len()..];
        self.post(&format!("{path}{method}"), params).await
    }

    /// Registers a bot of the application that fetches its events, with changed fields.
    pub(super) async fn bot_v2(&self, code: &str, more: Value) -> u64 {
        let mut fields = json!({ "code": code, "properties": { "name": code } });
        extend(&mut fields, more);
        let answer = self
            .result("imbot.v2.Bot.register", json!({ "fields": fields }))
            .await;
        answer["bot"]["id"].as_u64().expect("an id")
    }

    /// The same, but its events are posted.
    pub(super) async fn posted(&self, code: &str, more: Value) -> u64 {
        let mut fields = json!({ "eventMode": "webhook", "webhookUrl": self.handler });
        extend(&mut fields, more);
        self.bot_v2(code, fields).await
    }

    async fn update(&self, bot: u64, fields: Value) {
        let params = json!({ "botId": bot, "fields": fields });
        self.result("imbot.v2.Bot.update", params).await;
    }

    /// Returns the subscriptions to v2 events, with their addresses.
    fn subscribed(&self) -> Vec<(String, String)> {
        self.portal.portal.read(|world| {
            let rows = world.subscriptions.values();
            let of_v2 = rows.filter(|row| row.event.contains("V2"));
            of_v2
                .map(|row| (row.event.clone(), row.url.clone()))
                .collect()
        })
    }

    /// Returns the stored events of a bot, without confirming them.
    pub(super) async fn waiting(&self, bot: u64) -> Vec<Value> {
        let answer = self
            .result("imbot.v2.Event.get", json!({ "botId": bot }))
            .await;
        answer["events"].as_array().expect("a list").clone()
    }

    /// Returns the only stored event of this name of a bot.
    pub(super) async fn fetched(&self, bot: u64, name: &str) -> Value {
        let mut events = self.waiting(bot).await;
        events.retain(|event| event["type"] == name);
        assert_eq!(events.len(), 1, "{name}: {events:#?}");
        events.remove(0)
    }
}

/// Adds the fields of one object to another.
fn extend(object: &mut Value, more: Value) {
    let (Value::Object(object), Value::Object(more)) = (object, more) else {
        panic!("two objects")
    };
    object.extend(more);
}

/// Returns the keys of an object and of nested objects.
fn keys(tree: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut todo = vec![(String::new(), tree)];
    while let Some((path, tree)) = todo.pop() {
        for (key, value) in tree.as_object().into_iter().flatten() {
            let path = format!("{path}.{key}");
            todo.push((path.clone(), value));
            found.insert(path);
        }
    }
    found
}
