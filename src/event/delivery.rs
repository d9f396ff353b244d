//! One delivered event, by webhook or by polling: its envelope, and access to its content.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use siphasher::sip128::SipHasher13;

use super::escape::unescape;
use super::form::{Pairs, Raw};
use super::inbound::is_inbound;
use super::request::is_request;
use super::tree::Node;
use super::{
    AppEvent, Auth, BotRef, Category, ChatEvent, ConnectorEvent, DecodeError, Inbound, Request,
    SessionChange, Tree, UserId, catalogue, form, posted_json, v1, v2,
};

/// One delivered event. Cheap to clone.
///
/// ```
/// use imbot::event::{Delivery, Event};
///
/// let delivery = Delivery::from_form("event=ONCRMDEALADD&data[FIELDS][ID]=7")?;
/// assert_eq!(delivery.name, "ONCRMDEALADD");
/// assert!(matches!(delivery.events()?[..], [Event::Other]));
///
/// let id = delivery.at(&["data", "FIELDS", "ID"]).and_then(|id| id.text());
/// assert_eq!(id.as_deref(), Some("7"));
/// # Ok::<(), imbot::event::DecodeError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Delivery {
    /// The event's name in upper case, such as `ONIMBOTMESSAGEADD`.
    pub name: Cow<'static, str>,
    /// The subject of the event.
    pub category: Category,
    /// How it was delivered.
    pub source: Source,
    /// The id of the subscription, not of the occurrence.
    pub handler_id: Option<u64>,
    /// The id of the occurrence, if it has one: polled events, and some of open channels.
    pub event_id: Option<u64>,
    /// When the portal queued it, in Unix seconds (webhook).
    pub ts: Option<u64>,
    /// When it happened, in the portal's format (polling).
    pub date: Option<String>,
    /// The user of the binding that it was posted for, 0 for the one who caused it; `None` if that
    /// is not known.
    pub(crate) bound_for: Option<UserId>,
    content: Arc<Content>,
}

/// The body, with its tree and digest once they were needed.
struct Content {
    body: Body,
    tree: OnceLock<Tree>,
    digest: OnceLock<u128>,
    /// The portal's id, still escaped.
    member_id: Bytes,
    /// The installation's token, still escaped.
    token: Bytes,
    /// The portal's host, still escaped.
    domain: Bytes,
}

/// The body as it was delivered.
enum Body {
    /// A posted form, or a query string.
    Form(Pairs),
    /// One item of a poll, as JSON.
    Item(Bytes),
}

impl fmt::Debug for Content {
    /// Prints nothing: the content has tokens and people's messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// How an event was delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// The portal posted it.
    Webhook,
    /// It was fetched (`imbot.v2.Event.get`, `event.offline.get`).
    Fetch,
}

/// A version of the bot platform's API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Api {
    /// `imbot.*`, with events by webhook only. A portal on its owner's server may have no other.
    V1,
    /// `imbot.v2.*` and `im.v2.*`, with events by webhook or by polling.
    #[default]
    V2,
}

/// The decoded content of a delivery.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub enum Event {
    /// An event in a chat.
    Chat(Box<ChatEvent>),
    /// A bot was removed from the portal.
    Removed(BotRef),
    /// The application was installed, updated, paid or removed.
    App(AppEvent),
    /// A session of an open channel started or ended.
    Session(Box<SessionChange>),
    /// An event of one of the application's connectors.
    Connector(Box<ConnectorEvent>),
    /// A client's message from outside, to be passed to a line.
    Inbound(Box<Inbound>),
    /// What the program itself asks of a chat.
    Request(Box<Request>),
    /// Any other event, known or not. Its data are in [`Delivery::data`].
    Other,
}

impl Delivery {
    /// Reads the envelope of a posted form, or of a query string.
    ///
    /// # Errors
    /// - [`DecodeError::TooLong`], [`TooManyKeys`](DecodeError::TooManyKeys) or
    ///   [`TooDeep`](DecodeError::TooDeep): the body exceeds a limit.
    /// - [`DecodeError::Missing`]: it contains no event's name.
    /// - [`DecodeError::Unexpected`]: a number of the envelope is not a number.
    pub fn from_form(body: impl Into<Bytes>) -> Result<Delivery, DecodeError> {
        let pairs = Pairs::read(body.into())?;
        Envelope::read(&pairs)?.open(Source::Webhook, Body::Form(pairs), OnceLock::new())
    }

    /// Reads the envelope of a posted event: a form, or a JSON object of the same shape, as some
    /// pages of the documentation show it (protocol/bots-v2.md 4). JSON becomes a form: numbers and
    /// flags become text, and nulls and empty lists are left out.
    ///
    /// # Errors
    /// Those of [`from_form`](Delivery::from_form); [`DecodeError::NotJson`] for a body that begins
    /// with a brace and is not JSON.
    pub fn from_posted(body: impl Into<Bytes>) -> Result<Delivery, DecodeError> {
        let body = body.into();
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Delivery::from_form(body);
        }
        let event = posted_json::read(&body)?;
        Delivery::from_form(form::encode_within(&event, form::BODY_BYTES_MAX)?)
    }

    /// Reads a body returned by [`body`](Delivery::body): a form, or an item of a poll.
    ///
    /// # Errors
    /// Those of [`from_form`](Delivery::from_form); [`DecodeError::NotJson`] for an item of a poll.
    pub fn from_body(body: impl Into<Bytes>) -> Result<Delivery, DecodeError> {
        let body = body.into();
        // A form that names an event begins with a key, and the portal writes braces in keys as
        // `%7B`.
        if body.first() == Some(&b'{') {
            Delivery::from_item(body)
        } else {
            Delivery::from_form(body)
        }
    }

    /// Reads a record of `event.offline.get`, like an item of a poll.
    ///
    /// # Errors
    /// [`DecodeError::Missing`]: the record has no event's name.
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

    /// Returns this polled event with the bot that it was polled for, if it is one of a v2 bot and
    /// does not name its bot.
    ///
    /// # Errors
    /// [`DecodeError::Missing`]: the event has no name.
    pub fn for_polled_bot(&self, bot: &BotRef) -> Result<Delivery, DecodeError> {
        let Body::Item(item) = &self.content.body else {
            return Ok(self.clone());
        };
        let named = |key: &str| self.at(&["data", "bot", key]).and_then(Node::filled);
        let is_complete = named("id").is_some() && named("code").is_some();
        if is_complete || !self.name.starts_with("ONIMBOTV2") {
            return Ok(self.clone());
        }
        let mut event: serde_json::Value = serde_json::from_slice(item)
            .map_err(|error| DecodeError::NotJson(error.to_string()))?;
        if !event["data"].is_object() {
            event["data"] = serde_json::json!({});
        }
        event["data"]["bot"] = serde_json::json!(bot);
        Delivery::from_item(event.to_string().into())
    }

    /// Decodes the content: one event for each bot or command that it concerns.
    ///
    /// # Errors
    /// - [`DecodeError::Missing`]: a key that the event needs is missing.
    /// - [`DecodeError::Unexpected`]: a value is not of the documented type.
    pub fn events(&self) -> Result<Vec<Event>, DecodeError> {
        match (self.api(), &self.content.body) {
            (Some(Api::V1), Body::Form(pairs)) => v1::decode(&self.name, pairs),
            (Some(Api::V2), _) => v2::decode(&self.name, self.root()).map(|event| vec![event]),
            (None, Body::Item(item)) if is_inbound(self) => {
                Ok(vec![Event::Inbound(Box::new(Inbound::decode(item)?))])
            }
            (None, Body::Item(item)) if is_request(self) => {
                Ok(vec![Event::Request(Box::new(Request::decode(item)?))])
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

    /// Returns the API that this event belongs to, or `None` if it is not an event of the bot
    /// platform.
    pub fn api(&self) -> Option<Api> {
        match self.name.as_ref() {
            name if v1::NAMES.contains(&name) => Some(Api::V1),
            name if v2::is_known(name) => Some(Api::V2),
            _ => None,
        }
    }

    /// Returns the body as it was delivered; for a polled event, its item. [`Delivery::from_body`]
    /// reads it.
    pub fn body(&self) -> Bytes {
        match &self.content.body {
            Body::Form(pairs) => pairs.body().clone(),
            Body::Item(item) => item.clone(),
        }
    }

    /// Returns a hash of the body, the same in every process. Computed once: each hook needs it
    /// twice.
    pub(crate) fn digest(&self) -> u128 {
        let digest = &self.content.digest;
        *digest.get_or_init(|| SipHasher13::new().hash(&self.body()).as_u128())
    }

    /// Returns the portal's id and the installation's token, which prove the event; empty if
    /// missing.
    pub fn proof(&self) -> (Cow<'_, str>, Cow<'_, str>) {
        let Content {
            member_id, token, ..
        } = &*self.content;
        (unescape(member_id), unescape(token))
    }

    /// Returns the portal's host as stated by the event, empty if missing.
    pub fn domain(&self) -> Cow<'_, str> {
        unescape(&self.content.domain)
    }

    /// The root of the whole content, nested as the portal nests it.
    pub fn root(&self) -> Node<'_> {
        self.tree().root()
    }

    fn tree(&self) -> &Tree {
        let Content { body, tree, .. } = &*self.content;
        tree.get_or_init(|| match body {
            Body::Form(pairs) => pairs.tree(),
            Body::Item(_) => Tree::default(), // not reached: an item's tree is built when it is read
        })
    }

    /// The event's data: a map, sometimes a single text, sometimes missing.
    pub fn data(&self) -> Option<Node<'_>> {
        self.root().get("data")
    }

    /// Returns the value at a path of keys, such as `["data", "FIELDS", "ID"]`.
    pub fn at(&self, path: &[&str]) -> Option<Node<'_>> {
        self.tree().at(path)
    }

    /// Reads the portal, the acting user and the tokens of the event.
    ///
    /// # Errors
    /// [`DecodeError::Unexpected`]: a number in it is not a number.
    pub fn auth(&self) -> Result<Auth, DecodeError> {
        self.root()
            .get("auth")
            .map_or_else(|| Ok(Auth::default()), Auth::read)
    }

    /// Reads the tokens for a bot, which act as that bot; `None` for bots of an inbound webhook.
    ///
    /// # Errors
    /// [`DecodeError::Unexpected`]: a number in it is not a number.
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
                        root.put_proof(&key, pairs.body(), value);
                    }
                }
                _ => {} // the event's data, which are not read before the event is proven
            }
        }
        Ok(root)
    }

    /// Stores a value that proves the event.
    fn put_proof(&mut self, key: &[u8], body: &Bytes, value: Raw<'_>) {
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
            bound_for: None,
            content: Arc::new(content),
        })
    }
}
