//! Whether the bot or an operator has the chat of an open channel, so that they do not talk over
//! each other.
//!
//! The portal does not report when an operator takes over a chat. It goes on sending the bot what
//! clients and operators write, as long as the bot is in the chat
//! (protocol/server-behaviour.md 3.1). So it is derived from the chat's own events, in order. An
//! operator has the chat from the moment an operator writes, the client asks for one (a text of
//! `0`, at which the portal itself ends the bot's part) or the bot hands the chat over, until the
//! next session begins or an operator adds the bot again.

use serde::{Deserialize, Serialize};

use crate::event::{ChatEventKind, LineChat, SessionChange, SessionId, User, UserId};

/// Text with which a client asks for an operator. The portal passes it on and ends the bot's part.
const TO_OPERATOR: &str = "0";

/// The stored state of an open channel's chat. All of it is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::handler) struct Handover {
    /// The current session, or the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionId>,
    /// The client. Edits carry no user.
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<UserId>,
    /// Whether the bot joined this session.
    #[serde(skip_serializing_if = "is_false")]
    has_joined: bool,
    /// Whether the bot joined again without a session number, so perhaps the next session.
    #[serde(skip_serializing_if = "is_false")]
    may_have_joined_next: bool,
    /// Whether the bot was called for the start of this session.
    #[serde(skip_serializing_if = "is_false")]
    has_begun: bool,
    /// Whether this session has ended.
    #[serde(skip_serializing_if = "is_false")]
    is_over: bool,
    /// Whether an operator has the chat. Stored as `with_people`, its earlier name.
    #[serde(rename = "with_people", skip_serializing_if = "is_false")]
    with_operator: bool,
}

/// The role of a sender in a chat of an open channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// The client, who writes from a messenger.
    Client,
    /// A user of the portal.
    Operator,
    /// A bot, this one or another.
    Bot,
    /// The portal.
    System,
}

/// Why an operator has the chat now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TakenOver {
    /// An operator wrote.
    ByOperator,
    /// The client asked for an operator, with the text `0`.
    ByClient,
}

/// What an event in a chat of an open channel means for the bot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::handler) struct Decision {
    /// A session began, and the bot has not been called for it yet.
    pub(in crate::handler) begins: bool,
    /// An operator took over with this event.
    pub(in crate::handler) taken_over: Option<TakenOver>,
    /// The bot gets the event itself.
    pub(in crate::handler) is_for_bot: bool,
}

impl Decision {
    /// The bot gets nothing.
    const IGNORE: Self = Self {
        begins: false,
        taken_over: None,
        is_for_bot: false,
    };
    /// The bot gets the event, as outside open channels.
    pub(in crate::handler) const PASS: Self = Self {
        is_for_bot: true,
        ..Self::IGNORE
    };

    /// Whether no method of the bot is called.
    pub(in crate::handler) fn is_nothing(self) -> bool {
        self == Self::IGNORE
    }

    fn taken_over(by: TakenOver) -> Self {
        Self {
            taken_over: Some(by),
            ..Self::IGNORE
        }
    }
}

impl Handover {
    /// Whether an operator has the chat.
    pub(in crate::handler) fn is_with_operator(&self) -> bool {
        self.with_operator
    }

    /// Returns the current session, or the last one.
    pub(in crate::handler) fn session(&self) -> Option<SessionId> {
        self.session
    }

    /// The bot hands the chat over.
    pub(in crate::handler) fn give_to_operator(&mut self) {
        self.with_operator = true;
    }

    /// Returns the role of the sender of an event, as far as it is known.
    ///
    /// v1 commands do not say whether a client typed them (protocol/server-behaviour.md 3.3), and
    /// v1 edits carry only a user's number.
    pub(in crate::handler) fn role(
        &self,
        user: Option<&User>,
        sender: Option<UserId>,
        what: &ChatEventKind,
    ) -> Option<Role> {
        if matches!(what, ChatEventKind::Message(message) if message.system == Some(true)) {
            return Some(Role::System);
        }
        let by_number = |number| {
            let is_client = |client| client == number;
            let role = |is_client| {
                if is_client {
                    Role::Client
                } else {
                    Role::Operator
                }
            };
            self.client.map(is_client).map(role)
        };
        match (user, sender) {
            (Some(user), _) if user.is_connector => Some(Role::Client),
            (Some(user), _) if user.is_bot => Some(Role::Bot),
            (Some(user), _) if matches!(what, ChatEventKind::Command(_)) => by_number(user.id),
            (Some(_), _) => Some(Role::Operator),
            (None, Some(UserId(0))) => Some(Role::System),
            (None, Some(sender)) => by_number(sender),
            (None, None) => None,
        }
    }

    /// Decides about an event in the chat.
    pub(in crate::handler) fn on_chat_event(
        &mut self,
        line: &LineChat,
        role: Option<Role>,
        event: &LineEvent<'_>,
    ) -> Decision {
        let is_late = line.session.is_some() && line.session < self.session;
        self.advance(line.session);
        match (event.what, role) {
            (ChatEventKind::Join(_), _) => self.joined(line.session),
            (_, Some(Role::Operator)) if is_late => Decision::IGNORE,
            (ChatEventKind::Message(_), Some(Role::Operator)) if event.is_whisper => {
                Decision::IGNORE
            }
            (ChatEventKind::Message(_), Some(Role::Operator)) => {
                self.take_over(TakenOver::ByOperator)
            }
            (ChatEventKind::Message(message), Some(Role::Client) | None)
                if message.raw_text().trim() == TO_OPERATOR =>
            {
                self.take_over(TakenOver::ByClient)
            }
            (ChatEventKind::Message(_), Some(Role::Client)) => {
                self.client = event.sender.or(self.client);
                self.client_wrote()
            }
            (ChatEventKind::Command(_), Some(Role::Client) | None) => self.client_wrote(),
            (_, Some(Role::Operator | Role::Bot | Role::System)) => Decision::IGNORE,
            (_, Some(Role::Client) | None) => Decision {
                is_for_bot: !self.with_operator,
                ..Decision::IGNORE
            },
        }
    }

    /// Decides about the start or the end of a session. Ignores it if the bot was never in the
    /// chat.
    pub(in crate::handler) fn on_session_event(&mut self, change: &SessionChange) -> Decision {
        if *self == Handover::default() {
            return Decision::IGNORE;
        }
        let session = change.session().id;
        let is_old = session.is_some() && session < self.session;
        match change {
            // Later events show whether the bot is in it: a line may have its bot in a client's
            // first session only (`WELCOME_BOT_JOIN`), and an operator may begin one alone.
            SessionChange::Started(_) => {
                self.advance(session);
                Decision::IGNORE
            }
            SessionChange::Finished(_) if is_old => Decision::IGNORE,
            SessionChange::Finished(_) => {
                // The number is kept, so that a late event does not begin the session again.
                *self = Handover {
                    session: self.session.or(session),
                    client: self.client,
                    has_begun: true,
                    is_over: true,
                    ..Handover::default()
                };
                Decision::PASS
            }
        }
    }

    /// Goes on to a later session, which begins without an operator. An earlier one changes
    /// nothing.
    fn advance(&mut self, session: Option<SessionId>) {
        if session <= self.session {
            return;
        }
        if self.session.is_some() || self.is_over {
            *self = Handover {
                client: self.client,
                has_joined: self.may_have_joined_next,
                ..Handover::default()
            };
        }
        self.session = session;
    }

    /// Decides about a join of the bot. The first one of a session belongs to its start, and may be
    /// late. A further one means that somebody added the bot again.
    ///
    /// v1 does not say which session the bot joins (protocol/server-behaviour.md 3.5). It is the
    /// next one if this one has ended.
    fn joined(&mut self, session: Option<SessionId>) -> Decision {
        if session.is_none() && self.is_over {
            *self = Handover {
                client: self.client,
                ..Handover::default()
            };
        }
        let is_first = !std::mem::replace(&mut self.has_joined, true);
        if !is_first {
            self.with_operator = false;
            self.may_have_joined_next |= session.is_none();
            return Decision::IGNORE;
        }
        Decision {
            is_for_bot: !self.with_operator,
            begins: self.begin(),
            ..Decision::IGNORE
        }
    }

    fn take_over(&mut self, by: TakenOver) -> Decision {
        if std::mem::replace(&mut self.with_operator, true) {
            Decision::IGNORE
        } else {
            Decision::taken_over(by)
        }
    }

    fn client_wrote(&mut self) -> Decision {
        Decision {
            begins: self.begin(),
            is_for_bot: !self.with_operator,
            ..Decision::IGNORE
        }
    }

    /// Returns true if the bot is to be called now for the start of the session.
    fn begin(&mut self) -> bool {
        !self.with_operator && !std::mem::replace(&mut self.has_begun, true)
    }
}

/// An event in a chat of an open channel.
pub(in crate::handler) struct LineEvent<'e> {
    pub(in crate::handler) what: &'e ChatEventKind,
    pub(in crate::handler) sender: Option<UserId>,
    /// Whether it is a note that only operators see.
    pub(in crate::handler) is_whisper: bool,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests {
    use crate::event::{Join, Message, Session};
    use crate::handler::turn::handover::*;

    const CLIENT: UserId = UserId(31);
    const OPERATOR: UserId = UserId(5);

    impl Handover {
        /// Passes in a message of a sender, or the bot's join if there is no sender.
        fn receives(&mut self, session: Option<u64>, by: Option<UserId>) -> Decision {
            let line = LineChat {
                session: session.map(SessionId),
                ..LineChat::default()
            };
            let (what, role) = match by {
                Some(CLIENT) => (
                    ChatEventKind::Message(Message::default()),
                    Some(Role::Client),
                ),
                Some(_) => (
                    ChatEventKind::Message(Message::default()),
                    Some(Role::Operator),
                ),
                None => (ChatEventKind::Join(Join::default()), Some(Role::System)),
            };
            let event = LineEvent {
                what: &what,
                sender: by,
                is_whisper: false,
            };
            self.on_chat_event(&line, role, &event)
        }

        fn begins(&mut self, session: Option<u64>, by: Option<UserId>) -> bool {
            self.receives(session, by).begins
        }
    }

    fn session(id: u64) -> Session {
        Session {
            id: Some(SessionId(id)),
            ..Session::default()
        }
    }

    /// A session in which an operator took over, with v1 events: the join has no session number.
    fn after_a_session() -> Handover {
        let mut handover = Handover::default();
        assert!(handover.begins(None, None));
        assert!(!handover.begins(Some(1), Some(CLIENT)));
        let taken_over = handover.receives(Some(1), Some(OPERATOR)).taken_over;
        assert_eq!(taken_over, Some(TakenOver::ByOperator));
        handover
    }

    /// Whether the bot has the chat again after an operator has added it again.
    fn is_given_back(mut handover: Handover) -> bool {
        handover.receives(Some(2), Some(OPERATOR));
        assert!(handover.is_with_operator());
        handover.receives(None, None);
        !handover.is_with_operator()
    }

    #[test]
    fn the_bot_joins_the_next_session_before_its_number_is_known() {
        let mut handover = after_a_session();
        handover.on_session_event(&SessionChange::Finished(session(1)));
        assert!(handover.begins(None, None), "the session before has ended");
        assert!(!handover.begins(Some(2), Some(CLIENT)));
        assert!(is_given_back(handover));
    }

    #[test]
    fn the_bot_joins_the_next_session_without_an_event_for_the_end_of_the_last() {
        let mut handover = after_a_session();
        assert!(
            !handover.begins(None, None),
            "it may have joined the same session"
        );
        assert!(handover.begins(Some(2), Some(CLIENT)));
        assert!(is_given_back(handover));
    }

    #[test]
    fn a_session_begins_for_the_bot_once_it_has_joined() {
        let mut handover = after_a_session();
        handover.on_session_event(&SessionChange::Finished(session(1)));
        let started = SessionChange::Started(session(2));
        assert!(!handover.on_session_event(&started).begins);
        assert!(!handover.is_with_operator());
        assert!(handover.begins(Some(2), Some(CLIENT)));
    }

    #[test]
    fn late_events_neither_begin_a_session_nor_take_over() {
        let mut handover = after_a_session();
        handover.on_session_event(&SessionChange::Finished(session(1)));
        assert!(!handover.begins(Some(1), Some(CLIENT)));
        assert!(handover.begins(Some(2), Some(CLIENT)));
        assert_eq!(handover.receives(Some(1), Some(OPERATOR)).taken_over, None);
        assert!(!handover.is_with_operator());
    }
}
