//! What authors write: a [`Bot`], a [`Connector`], and [`Hook`]s for all other events.
//!
//! A handler runs as one **turn**: [`Context::state`] is loaded, the handler changes it and sends
//! messages, and when it returns `Ok`, the state and the messages are committed together. After an
//! error or a panic nothing of the turn is kept. [`Context::say`] therefore neither waits nor
//! fails: the message is sent after the commit, and retried if the portal is away.
//!
//! JSON in signatures is [`serde_json::Value`], and state, payloads and results are types of
//! `serde`: use these two crates in the same major version.

mod args;
mod bot;
mod broadcast;
mod command;
mod connector;
mod context;
mod error;
mod form;
mod forward;
mod hook;
mod hook_bot;
mod middleware;
mod once;
mod open_channel;
mod or_tell;
mod pause;
mod phrases;
mod press;
mod profile;
mod request_error;
mod sender_check;
mod stream;
mod turn;

pub use args::{Arg, Args, ArgsError, Rest};
pub use bot::{Bot, State};
pub use broadcast::{Audience, BROADCAST_NAME_MAX, BROADCASTS_MAX, Broadcast};
pub(crate) use broadcast::{BroadcastNames, BroadcastOrder, Progress, check_name};
pub use command::CommandSpec;
pub use connector::*;
pub(crate) use connector::{AnyConnector, ConnectorGateway, ErasedConnector, Joined};
pub use context::{Context, FileUpload, RestCall, Showing, When};
pub use error::{Error, Result, tell};
pub use form::{Field, FieldError, Form};
pub(crate) use forward::Forward;
pub use hook::{Hook, HookEvent, Pattern};
pub use hook_bot::HookBot;
pub(crate) use hook_bot::HookRequests;
pub(crate) use middleware::AnyMiddleware;
pub use middleware::{Middleware, Next, RATE_LIMIT_USERS_MAX, RateLimit, Turn, TurnKind};
pub use open_channel::TransferTo;
pub(crate) use open_channel::hand_to_operator;
pub use or_tell::{FailureExt, OrTell};
pub use pause::Until;
pub(crate) use phrases::{Language, Phrase};
pub(crate) use press::Signer;
pub use press::{PRESSED_MAX, Press, Pressed};
pub use profile::{BotBackground, BotColor, BotKind, EventMode, Gender, Profile};
pub use request_error::RequestError;
pub use sender_check::{Contradiction, SenderCheck, Unverifiable};
pub(crate) use stream::RunningAnswers;
pub use stream::{GrowingAnswer, GrownAnswer};
pub(crate) use turn::context::{Attempt, EventContext, Trigger, TurnResult, TurnServices};
pub(crate) use turn::effects::EARLY_CALLS_MAX;
pub use turn::effects::MessageHandle;
pub use turn::handover::{Role, TakenOver};
pub(crate) use turn::stored_row::{is_open_channel, is_with_operator};
pub(crate) use turn::{AnyBot, Erased, guarded};
