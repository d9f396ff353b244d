//! One event as it was delivered, by webhook or by polling: its envelope, and the way to what is in it.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use siphasher::sip128::SipHasher13;

use super::escape::unescape;
use super::form::{Pairs, Raw};
use super::inbound::is_inbound;
use super::tree::Node;
use super::{
    AppEvent, Auth, BotRef, Category, ChatEvent, ConnectorEvent, DecodeError, Inbound,
    SessionChange, Tree, catalogue, v1, v2,
};

/// One event as it was delivered. Cheap to clone.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Delivery {
    /// The event's name, upper case, such as `ONIMBOTMESSAGEADD`.
    pub name: Cow<'static, str>,
    /// What it is about.
    pub category: Category,
    /// How it came.
    pub source: Source,
    /// The number of the subscription, not of the occurrence.
    pub handler_id: Option<u64>,
    /// The number of the occurrence, where there is one: polled events, and some of open channels.
    pub event_id: Option<u64>,
    /// When the portal queued it, in Unix seconds (webhook).
    pub ts: Option<u64>,
    /// When it happened, as the portal writes times (polling).
    pub date: Option<String>,
    content: Arc<Content>,
}

/// What came, and the tree and the digest of it once somebody asks for them.
struct Content {
    body: Body,
    tree: OnceLock<Tree>,
    digest: OnceLock<u128>,
    /// The portal's id, with its escapes.
    member_id: Bytes,
    /// The token of the installation, with its escapes.
    token: Bytes,
    /// The portal's host, with its escapes.
    domain: Bytes,
}

/// What came.
enum Body {
    /// A posted form, or a query string.
    Form(Pairs),
    /// One item of a poll, as JSON.
    Item(Bytes),
}

impl fmt::Debug for Content {
    /// Nothing: it holds tokens and what people wrote.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// How an event came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The portal posted it.
    Webhook,
    /// It was fetched (`imbot.v2.Event.get`, `event.offline.get`).
    Fetch,
}

/// A generation of the bot platform.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Api {
    /// `imbot.*`, with its events by webhook only. Portals on a server of their owner may have no other.
    V1,
    /// `imbot.v2.*` and `im.v2.*`, with events by webhook or by polling.
    #[default]
    V2,
}

/// What a delivery says.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub enum Event {
    /// Something happened in a chat.
    Chat(Box<ChatEvent>),
    /// A bot was removed from the portal.
    Removed(BotRef),
    /// The application was installed, updated, paid or removed.
    App(AppEvent),
    /// A session of an open channel began or ended.
    Session(Box<SessionChange>),
    /// Something happened to a connector of the application, or is to be carried outside by it.
    Connector(Box<ConnectorEvent>),
    /// What a client wrote outside, on its way to a line.
    Inbound(Box<Inbound>),
    /// Any other event, known or not: its data are in [`Delivery::data`].
    Other,
}

impl Delivery {
    /// Reads the envelope of a posted form, or of a query string.
    ///
    /// # Errors
    /// The body is over a limit of the decoder, or names no event.
    pub fn from_form(body: impl Into<Bytes>) -> Result<Delivery, DecodeError> {
        let pairs = Pairs::read(body.into())?;
        Envelope::read(&pairs)?.open(Source::Webhook, Body::Form(pairs), OnceLock::new())
    }

    /// Reads what [`body`](Delivery::body) told: a form, or an item of a poll.
    ///
    /// # Errors
    /// As of [`from_form`](Delivery::from_form).
    pub fn from_body(body: impl Into<Bytes>) -> Result<Delivery, DecodeError> {
        let body = body.into();
        // A form that names an event begins with a key, and the portal writes braces in keys as `%7B`.
        if body.first() == Some(&b'{') {
            Delivery::from_item(body)
        } else {
            Delivery::from_form(body)
        }
    }

    /// Reads a record of `event.offline.get`, as an item of a poll.
    ///
    /// # Errors
    /// It has no name.
    pub fn from_offline(record: &serde_json::Value) -> Result<Delivery, DecodeError> {
        let item = serde_json::json!({
            "type": record["EVENT_NAME"],
            "date": record["TIMESTAMP_X"],
            "data": record["EVENT_DATA"],
            "additional": record["EVENT_ADDITIONAL"],
            "messageId": record["MESSAGE_ID"],
        });
        Delivery::from_item(item.to_string().into())
    }

    /// Reads one item of a poll.
    pub(super) fn from_item(item: Bytes) -> Result<Delivery, DecodeError> {
        let tree = Tree::from_json(&item)?;
        let text = |key| {
            tree.root()
                .get(key)
                .and_then(Node::filled)
                .map(String::from)
        };
        let number = |key| {
            tree.root()
                .get(key)
                .map_or(Ok(None), |node: Node<'_>| node.number())
        };
        let root = Envelope {
            event: text("type").map(|name| catalogue::name(&name)),
            event_id: number("eventId")?,
            date: text("date"),
            ..Envelope::default()
        };
        root.open(Source::Fetch, Body::Item(item), OnceLock::from(tree))
    }

    /// Decodes what is in it: an event for each bot or command that it concerns.
    ///
    /// # Errors
    /// A key is missing without which the event has no meaning, or holds something else than the portal documents.
    pub fn events(&self) -> Result<Vec<Event>, DecodeError> {
        match (self.api(), &self.content.body) {
            (Some(Api::V1), Body::Form(pairs)) => v1::decode(&self.name, pairs),
            (Some(Api::V2), _) => v2::decode(&self.name, self.root()).map(|event| vec![event]),
            (None, Body::Item(item)) if is_inbound(self) => {
                Ok(vec![Event::Inbound(Box::new(Inbound::decode(item)?))])
            }
            _ if self.category == Category::Connectors => {
                let events = ConnectorEvent::decode(self)?.into_iter();
                let events = events.map(|event| Event::Connector(Box::new(event)));
                Ok([Event::Other].into_iter().chain(events).collect())
            }
            _ if self.category == Category::OpenChannels => {
                let sessions = SessionChange::decode(self)?;
                let sessions = sessions.into_iter();
                let sessions = sessions.map(|change| Event::Session(Box::new(change)));
                Ok([Event::Other].into_iter().chain(sessions).collect())
            }
            _ => Ok(vec![
                AppEvent::decode(&self.name, self.root())?.map_or(Event::Other, Event::App),
            ]),
        }
    }

    /// The generation of the bot platform that this event belongs to, if it is one of the bot platform.
    pub fn api(&self) -> Option<Api> {
        match self.name.as_ref() {
            name if v1::NAMES.contains(&name) => Some(Api::V1),
            name if v2::NAMES.contains(&name) => Some(Api::V2),
            _ => None,
        }
    }

    /// The body, as it came: of a polled event its item. [`Delivery::from_body`] reads it again.
    pub fn body(&self) -> Bytes {
        match &self.content.body {
            Body::Form(pairs) => pairs.body().clone(),
            Body::Item(item) => item.clone(),
        }
    }

    /// What tells the body from all others, the same in every program. Reckoned once: every hook asks for it, twice.
    pub(crate) fn digest(&self) -> u128 {
        let digest = &self.content.digest;
        *digest.get_or_init(|| SipHasher13::new().hash(&self.body()).as_u128())
    }

    /// What the event shows for itself: the portal's id and the token of the installation, empty if missing.
    pub fn proof(&self) -> (Cow<'_, str>, Cow<'_, str>) {
        let Content {
            member_id, token, ..
        } = &*self.content;
        (unescape(member_id), unescape(token))
    }

    /// The portal's host as the event tells it, empty if missing.
    pub fn domain(&self) -> Cow<'_, str> {
        unescape(&self.content.domain)
    }

    /// Everything as it came, nested as the portal nests it.
    pub fn root(&self) -> Node<'_> {
        self.tree().root()
    }

    fn tree(&self) -> &Tree {
        let Content { body, tree, .. } = &*self.content;
        tree.get_or_init(|| match body {
            Body::Form(pairs) => pairs.tree(),
            Body::Item(_) => Tree::default(), // never: its tree is there from the beginning
        })
    }

    /// The event's own part: a map, sometimes a single text, sometimes missing.
    pub fn data(&self) -> Option<Node<'_>> {
        self.root().get("data")
    }

    /// The value under a path of keys, such as `["data", "FIELDS", "ID"]`.
    pub fn at(&self, path: &[&str]) -> Option<Node<'_>> {
        self.tree().at(path)
    }

    /// The portal, the acting user and the tokens that came with it.
    ///
    /// # Errors
    /// A number in it is none.
    pub fn auth(&self) -> Result<Auth, DecodeError> {
        self.root()
            .get("auth")
            .map_or_else(|| Ok(Auth::default()), Auth::read)
    }

    /// The tokens that came for a bot, acting as that bot; none for bots of an inbound webhook.
    ///
    /// # Errors
    /// A number in it is none.
    pub fn bot_auth(&self, bot: &BotRef) -> Result<Option<Auth>, DecodeError> {
        let data = self.data();
        let id = bot.id.to_string();
        let v1 = || data?.get("BOT")?.get(&id);
        let command = || {
            data?
                .get("COMMAND")?
                .values()
                .find(|item| item.get("BOT_ID").and_then(Node::text).as_deref() == Some(&id))
        };
        let v2 = || data?.get("bot")?.get("auth");
        let auth = v1()
            .or_else(command)
            .or_else(v2)
            .map(Auth::read)
            .transpose()?;
        Ok(auth.filter(|auth| auth.access_token.is_some()))
    }
}

/// The top-level keys of an event.
#[derive(Default)]
struct Envelope {
    event: Option<(Cow<'static, str>, Category)>,
    handler_id: Option<u64>,
    event_id: Option<u64>,
    ts: Option<u64>,
    date: Option<String>,
    member_id: Bytes,
    token: Bytes,
    domain: Bytes,
}

impl Envelope {
    fn read(pairs: &Pairs) -> Result<Envelope, DecodeError> {
        let mut root = Envelope::default();
        for map in pairs.maps() {
            match map.path().each_ref().map(|name| &**name) {
                [b"", ..] => {
                    for (key, value) in map.fields() {
                        root.put(&key, value)?;
                    }
                }
                [b"auth", b"", ..] => {
                    for (key, value) in map.fields() {
                        root.prove(&key, pairs.body(), value);
                    }
                }
                _ => {} // the event's own part, which nobody reads before the event is proven
            }
        }
        Ok(root)
    }

    /// Notes what an event shows for itself.
    fn prove(&mut self, key: &[u8], body: &Bytes, value: Raw<'_>) {
        match key {
            b"member_id" => self.member_id = body.slice_ref(value.bytes()),
            b"application_token" => self.token = body.slice_ref(value.bytes()),
            b"domain" => self.domain = body.slice_ref(value.bytes()),
            _ => {}
        }
    }

    fn put(&mut self, key: &[u8], value: Raw<'_>) -> Result<(), DecodeError> {
        match key {
            b"event" => self.event = value.filled().map(|name| catalogue::name(&name)),
            b"event_handler_id" => self.handler_id = value.number()?,
            b"eventId" | b"event_id" => self.event_id = value.number()?,
            b"ts" => self.ts = value.number()?,
            _ => {}
        }
        Ok(())
    }

    fn open(
        self,
        source: Source,
        body: Body,
        tree: OnceLock<Tree>,
    ) -> Result<Delivery, DecodeError> {
        let content = Content {
            body,
            tree,
            digest: OnceLock::new(),
            member_id: self.member_id,
            token: self.token,
            domain: self.domain,
        };
        let missing = || DecodeError::Missing {
            key: "event".to_owned(),
        };
        let (name, category) = self.event.ok_or_else(missing)?;
        let Envelope {
            handler_id,
            event_id,
            ts,
            date,
            ..
        } = self;
        Ok(Delivery {
            name,
            category,
            source,
            handler_id,
            event_id,
            ts,
            date,
            content: Arc::new(content),
        })
    }
}
