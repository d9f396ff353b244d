//! Open channels, as a connector's application, a bot and an operator see them.

mod bots;
mod clients;
mod configs;
mod connectors;
mod crm;
mod operators;
mod outgoing;
mod page;
mod samples;

use serde_json::{Value, json};

use super::TestPortal;
use crate::emulator::NewLine;

/// The connector that tests register.
const CONNECTOR: &str = "myconnector";

/// Operators who are in no queue by default.
const BORIS: u64 = 2;
const CLARA: u64 = 3;

impl TestPortal {
    /// Creates a line with the application's connector, a queue and further settings.
    async fn line(&self, line: NewLine) -> u64 {
        let line = self.portal.add_line(line);
        self.register(json!({})).await;
        self.join(line).await;
        line
    }

    /// Registers the connector, with more parameters.
    async fn register(&self, more: Value) {
        let mut params = json!({
            "ID": CONNECTOR,
            "NAME": "My messenger",
            "ICON": { "DATA_IMAGE": "data:image/svg+xml,%3Csvg/%3E" },
            "PLACEMENT_HANDLER": self.handler,
        });
        for (name, value) in more.as_object().expect("an object") {
            params[name] = value.clone();
        }
        let result = self.result("imconnector.register", params).await;
        assert_eq!(result, json!({ "result": true }));
    }

    /// Switches the connector on.
    async fn join(&self, line: u64) {
        let on = json!({ "CONNECTOR": CONNECTOR, "LINE": line, "ACTIVE": 1 });
        self.result("imconnector.activate", on).await;
        let data = json!({ "ID": "page", "NAME": "Our page", "URL": "https://page.test/" });
        let set = json!({ "CONNECTOR": CONNECTOR, "LINE": line, "DATA": data });
        self.result("imconnector.connector.data.set", set).await;
    }

    /// Binds events to the handler.
    async fn bind(&self, events: &[&str]) {
        for event in events {
            let params = json!({ "event": event, "handler": self.handler });
            self.result("event.bind", params).await;
        }
    }

    /// Sends a client's message and returns the only element of the result.
    async fn outside(&self, method: &str, line: u64, id: &str, text: &str) -> Value {
        let element = json!({
            "user": { "id": "ext-user-42", "name": "Klaus", "last_name": "Weber", "phone": "+491" },
            "message": { "id": id, "date": 1_773_759_000, "text": text },
            "chat": { "id": "channel-123", "url": "https://page.test/123" },
        });
        let params = json!({ "CONNECTOR": CONNECTOR, "LINE": line, "MESSAGES": [element] });
        let mut answer = self.result(method, params).await;
        assert_eq!(answer["SUCCESS"], true);
        answer["DATA"]["RESULT"][0].take()
    }

    /// Sends a client's message and returns the chat.
    async fn receive(&self, line: u64, id: &str, text: &str) -> u64 {
        let element = self
            .outside("imconnector.send.messages", line, id, text)
            .await;
        assert_eq!(element["SUCCESS"], true, "{element}");
        let chat = element["session"]["CHAT_ID"].as_str().expect("a chat");
        chat.parse().expect("a number")
    }

    /// Confirms a message with these ids outside.
    async fn confirm(&self, line: u64, message: u64, ids: Value) -> Value {
        let element = json!({
            "im": { "chat_id": 1, "message_id": message },
            "message": { "id": ids, "date": 1_773_759_001 },
            "chat": { "id": "channel-123" },
        });
        let params = json!({ "CONNECTOR": CONNECTOR, "LINE": line, "MESSAGES": [element] });
        self.result("imconnector.send.status.delivery", params)
            .await
    }

    /// Registers a v1 bot for open channels.
    async fn line_bot(&self, code: &str) -> u64 {
        self.bot(code, "O").await
    }

    /// Returns the state outside of the last message of a chat.
    fn state(&self, chat: u64) -> Value {
        let last = self.portal.line_history(chat).pop().expect("a message");
        last["outside"].clone()
    }
}

/// A line with Boris in its queue.
fn support() -> NewLine {
    NewLine::new("Support").queue(&[BORIS])
}
