//! Who has the floor in a line's chat, so that a bot and people do not talk over each other.
//!
//! The portal tells nobody when an operator takes a chat over; it goes on sending the bot what clients and operators write
//! for as long as the bot is in the chat (server-behaviour, section 3.1). So it is worked out here, from the chat's own
//! events in their order: people have the floor from the moment an operator speaks, the client asks for one (a text of `0`,
//! on which the portal itself ends the bot's part) or the bot hands the chat over, until another session begins or an
//! operator brings the bot in again.

use serde::{Deserialize, Serialize};

use crate::event::{ChatEventKind, LineChat, SessionChange, SessionId, User, UserId};

/// What a client writes to reach people: the portal passes it on and ends the bot's part by itself.
const TO_PEOPLE: &str = "0";

/// What is remembered of a line's chat. Nothing of it is needed; what is not known stays away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::handler) struct Handover {
    /// The session that is under way, or was the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionId>,
    /// The client: edits do not say who they are by.
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<UserId>,
    /// Whether the bot came into this session.
    #[serde(skip_serializing_if = "is_no")]
    has_joined: bool,
    /// Whether the bot came in once more and was not told into which session: perhaps into the next.
    #[serde(skip_serializing_if = "is_no")]
    may_have_joined_next: bool,
    /// Whether the bot was told that this session has begun.
    #[serde(skip_serializing_if = "is_no")]
    has_begun: bool,
    /// Whether this session is known to be over.
    #[serde(skip_serializing_if = "is_no")]
    is_over: bool,
    /// Whether people have the floor.
    #[serde(rename = "with_people", skip_serializing_if = "is_no")]
    with_operator: bool,
}

/// Who writes in a line's chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The client, from outside.
    Client,
    /// A person of the portal.
    Operator,
    /// A bot, this one or another.
    Bot,
    /// The portal.
    System,
}

/// How people came to have the floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TakenOver {
    /// An operator wrote.
    ByOperator,
    /// The client asked for an operator: `0`.
    AtClientsWish,
}

/// What an event of a line's chat means for the bot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::handler) struct Decision {
    /// A session began that the bot has not been told of.
    pub(in crate::handler) begins: bool,
    /// People took over just now.
    pub(in crate::handler) taken_over: Option<TakenOver>,
    /// The bot is handed the event itself.
    pub(in crate::handler) is_for_bot: bool,
}

impl Decision {
    /// It is not the bot's business.
    const NOTHING: Decision = Decision {
        begins: false,
        taken_over: None,
        is_for_bot: false,
    };
    /// It is as any other event.
    pub(in crate::handler) const ANY: Decision = Decision {
        is_for_bot: true,
        ..Decision::NOTHING
    };

    fn taken_over(by: TakenOver) -> Decision {
        let taken_over = Some(by);
        Decision {
            taken_over,
            ..Decision::NOTHING
        }
    }
}

impl Handover {
    /// Whether people have the floor.
    pub(in crate::handler) fn is_with_operator(&self) -> bool {
        self.with_operator
    }

    /// The session that is under way, or was the last.
    pub(in crate::handler) fn session(&self) -> Option<SessionId> {
        self.session
    }

    /// The bot gives the floor away.
    pub(in crate::handler) fn give_away(&mut self) {
        self.with_operator = true;
    }

    /// Who did something in a line's chat, as far as anybody knows.
    ///
    /// With a command the first generation does not say whether a client typed it (server-behaviour, section 3.3), and with
    /// an edit it says nothing but a number.
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
            let role = |yes| if yes { Role::Client } else { Role::Operator };
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

    /// Hears what happened in the chat.
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
            (_, Some(Role::Operator)) if is_late => Decision::NOTHING,
            (ChatEventKind::Message(_), Some(Role::Operator)) if event.is_whisper => {
                Decision::NOTHING
            }
            (ChatEventKind::Message(_), Some(Role::Operator)) => self.operator_speaks(),
            (ChatEventKind::Message(message), Some(Role::Client) | None)
                if message.text.trim() == TO_PEOPLE =>
            {
                self.client_leaves()
            }
            (ChatEventKind::Message(_), Some(Role::Client)) => {
                self.client = event.sender.or(self.client);
                self.client_speaks()
            }
            (ChatEventKind::Command(_), Some(Role::Client) | None) => self.client_speaks(),
            (_, Some(Role::Operator | Role::Bot | Role::System)) => Decision::NOTHING,
            (_, Some(Role::Client) | None) => Decision {
                is_for_bot: !self.with_operator,
                ..Decision::NOTHING
            },
        }
    }

    /// Hears of the beginning or the end of a session. One of a chat that the bot was never in means nothing.
    pub(in crate::handler) fn on_session_event(&mut self, change: &SessionChange) -> Decision {
        if *self == Handover::default() {
            return Decision::NOTHING;
        }
        let session = change.session().id;
        let is_old = session.is_some() && session < self.session;
        match change {
            // Whether the bot is in it the chat itself will tell: a line may have its bot in a client's first session
            // only (`WELCOME_BOT_JOIN`), and an operator may begin one alone.
            SessionChange::Started(_) => {
                self.advance(session);
                Decision::NOTHING
            }
            SessionChange::Finished(_) if is_old => Decision::NOTHING,
            SessionChange::Finished(_) => {
                // The number stays, so that what comes late does not begin the session again.
                *self = Handover {
                    session: self.session.or(session),
                    client: self.client,
                    has_begun: true,
                    is_over: true,
                    ..Handover::default()
                };
                Decision::ANY
            }
        }
    }

    /// Another session has the floor given anew. What comes late of an older one changes nothing.
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

    /// The first time belongs to the session's beginning, and may come late; after that somebody brought the bot in again.
    ///
    /// The first generation does not say which session the bot comes into (server-behaviour, section 3.5): into the next, if
    /// this one is over.
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
            return Decision::NOTHING;
        }
        Decision {
            is_for_bot: !self.with_operator,
            begins: self.begin(),
            ..Decision::NOTHING
        }
    }

    fn operator_speaks(&mut self) -> Decision {
        match std::mem::replace(&mut self.with_operator, true) {
            true => Decision::NOTHING,
            false => Decision::taken_over(TakenOver::ByOperator),
        }
    }

    fn client_leaves(&mut self) -> Decision {
        match std::mem::replace(&mut self.with_operator, true) {
            true => Decision::NOTHING,
            false => Decision::taken_over(TakenOver::AtClientsWish),
        }
    }

    fn client_speaks(&mut self) -> Decision {
        Decision {
            begins: self.begin(),
            is_for_bot: !self.with_operator,
            ..Decision::NOTHING
        }
    }

    /// Whether the bot is to be told now that the session has begun.
    fn begin(&mut self) -> bool {
        !self.with_operator && !std::mem::replace(&mut self.has_begun, true)
    }
}

/// What is heard, and what of it only the whole event tells.
pub(in crate::handler) struct LineEvent<'e> {
    pub(in crate::handler) what: &'e ChatEventKind,
    pub(in crate::handler) sender: Option<UserId>,
    /// Whether it is a note among operators.
    pub(in crate::handler) is_whisper: bool,
}

fn is_no(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests {
    use crate::event::{Join, Message, Session};
    use crate::handler::turn::handover::*;

    const CLIENT: UserId = UserId(31);
    const OPERATOR: UserId = UserId(5);

    impl Handover {
        /// Hears a message of somebody, or nobody's: that the bot comes in.
        fn hears(&mut self, session: Option<u64>, by: Option<UserId>) -> Decision {
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
            let heard = LineEvent {
                what: &what,
                sender: by,
                is_whisper: false,
            };
            self.on_chat_event(&line, role, &heard)
        }

        fn begins(&mut self, session: Option<u64>, by: Option<UserId>) -> bool {
            self.hears(session, by).begins
        }
    }

    fn session(id: u64) -> Session {
        Session {
            id: Some(SessionId(id)),
            ..Session::default()
        }
    }

    /// A session in which people took over, as the first generation tells it: a join has no number.
    fn after_a_session() -> Handover {
        let mut handover = Handover::default();
        assert!(handover.begins(None, None));
        assert!(!handover.begins(Some(1), Some(CLIENT)));
        let taken_over = handover.hears(Some(1), Some(OPERATOR)).taken_over;
        assert_eq!(taken_over, Some(TakenOver::ByOperator));
        handover
    }

    /// Whether an operator gives the floor back who brings the bot in again.
    fn is_given_back(mut handover: Handover) -> bool {
        handover.hears(Some(2), Some(OPERATOR));
        assert!(handover.is_with_operator());
        handover.hears(None, None);
        !handover.is_with_operator()
    }

    #[test]
    fn the_bot_comes_into_the_next_session_before_its_number_is_known() {
        let mut handover = after_a_session();
        handover.on_session_event(&SessionChange::Finished(session(1)));
        assert!(handover.begins(None, None), "the one before is over");
        assert!(!handover.begins(Some(2), Some(CLIENT)));
        assert!(is_given_back(handover));
    }

    #[test]
    fn the_same_where_nobody_tells_that_a_session_is_over() {
        let mut handover = after_a_session();
        assert!(
            !handover.begins(None, None),
            "it may be in the same session"
        );
        assert!(handover.begins(Some(2), Some(CLIENT)));
        assert!(is_given_back(handover));
    }

    #[test]
    fn a_session_begins_for_the_bot_when_it_is_in_it() {
        let mut handover = after_a_session();
        handover.on_session_event(&SessionChange::Finished(session(1)));
        let started = SessionChange::Started(session(2));
        assert!(!handover.on_session_event(&started).begins);
        assert!(!handover.is_with_operator());
        assert!(handover.begins(Some(2), Some(CLIENT)));
    }

    #[test]
    fn what_comes_late_neither_begins_nor_takes_over() {
        let mut handover = after_a_session();
        handover.on_session_event(&SessionChange::Finished(session(1)));
        assert!(!handover.begins(Some(1), Some(CLIENT)));
        assert!(handover.begins(Some(2), Some(CLIENT)));
        assert_eq!(handover.hears(Some(1), Some(OPERATOR)).taken_over, None);
        assert!(!handover.is_with_operator());
    }
}
