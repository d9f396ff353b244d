//! The chat of an open channel, and its sessions.
//!
//! A line's chat describes itself in pipe-separated parts, whose number differs from portal to
//! portal: parts without a type are kept (protocol/open-channels.md 1.1).

use serde::{Deserialize, Serialize};

use super::payload::{Session, Sessions};
use super::{Chat, DecodeError, Delivery, LineId, SessionId, UserId};

/// The chat of an open channel, as far as its events describe it ([`Chat::line`]).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LineChat {
    /// The connector through which the client writes, such as `livechat`.
    pub connector: String,
    /// The line.
    pub line: Option<LineId>,
    /// The chat's id outside, as the connector gave it.
    pub outside_chat: String,
    /// The client, as a user of the portal. Their id outside is in the events of the connector only
    /// (protocol/open-channels.md 1).
    pub client: Option<UserId>,
    /// The current session.
    pub session: Option<SessionId>,
    /// Whether the client is saved in CRM.
    pub in_crm: bool,
    /// The object that the session is recorded in.
    pub recorded_in: Option<CrmObject>,
    /// The client's objects in CRM: a lead, a company, a contact, deals.
    pub crm: Vec<CrmObject>,
    /// The parts of `DATA_1` without a documented meaning, with their positions from 1.
    pub rest: Vec<(usize, String)>,
}

/// A CRM object, as open channels name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CrmObject {
    /// `LEAD`, `DEAL`, `COMPANY`, `CONTACT`.
    pub kind: String,
    /// Its id.
    pub id: u64,
}

impl Chat {
    /// Returns the description of an open channel's chat, if this is one.
    pub fn line(&self) -> Option<LineChat> {
        let entity = self.entity.as_ref().filter(|it| it.kind == "LINES")?;
        let mut id = entity.id.as_deref().unwrap_or_default().splitn(4, '|');
        let mut part = || id.next().unwrap_or_default();
        let mut chat = LineChat {
            connector: part().to_owned(),
            line: part().parse().ok(),
            outside_chat: part().to_owned(),
            client: part().parse().ok(),
            ..LineChat::default()
        };
        let [state, crm, _] = &entity.data;
        chat.read_state(state.as_deref().unwrap_or_default());
        chat.crm = crm_objects(crm.as_deref().unwrap_or_default());
        Some(chat)
    }
}

impl LineChat {
    /// Reads `DATA_1`, such as `Y|LEAD|1205|N|N|321|1773223732|0|0|0`, in which five parts have a
    /// documented meaning.
    fn read_state(&mut self, text: &str) {
        let parts: Vec<&str> = text.split('|').collect();
        let part = |place: usize| parts.get(place - 1).copied().unwrap_or_default();
        self.in_crm = part(1) == "Y";
        self.recorded_in = CrmObject::read(part(2), part(3));
        self.session = part(6).parse().ok().filter(|id| *id != SessionId(0));
        let rest = parts
            .iter()
            .enumerate()
            .map(|(index, text)| (index + 1, *text));
        self.rest = rest
            .filter(|(place, text)| ![1, 2, 3, 6].contains(place) && !text.is_empty())
            .map(|(place, text)| (place, text.to_owned()))
            .collect();
    }
}

impl CrmObject {
    fn read(kind: &str, id: &str) -> Option<CrmObject> {
        let id = id.parse().ok().filter(|id| *id != 0)?;
        let kind = kind.to_owned();
        (!kind.is_empty() && kind != "NONE").then_some(CrmObject { kind, id })
    }
}

/// Reads `DATA_2`, such as `LEAD|7|COMPANY|0|CONTACT|0|DEAL|9`; zero means no object.
fn crm_objects(text: &str) -> Vec<CrmObject> {
    let parts: Vec<&str> = text.split('|').collect();
    let pairs = parts.chunks_exact(2);
    pairs
        .filter_map(|pair| CrmObject::read(pair[0], pair[1]))
        .collect()
}

impl Delivery {
    /// Returns true if the message is a note between operators: by the `COMPONENT_ID` of its
    /// parameters (protocol/bots-v1.md 2.2.1), or by a flag that keeps it from the connector
    /// (protocol/server-behaviour.md 3.3).
    pub fn is_whisper(&self) -> bool {
        const PLACES: [(&[&str], &str); 4] = [
            (
                &["data", "PARAMS", "PARAMS", "COMPONENT_ID"],
                "HiddenMessage",
            ),
            (
                &["data", "message", "params", "COMPONENT_ID"],
                "HiddenMessage",
            ),
            (&["data", "PARAMS", "SILENT_CONNECTOR"], "Y"),
            (&["data", "PARAMS", "SKIP_CONNECTOR"], "Y"),
        ];
        let is = |(path, value): &(&[&str], &str)| {
            let found = self.at(path).and_then(|node| node.text());
            found.is_some_and(|found| found == *value)
        };
        PLACES.iter().any(is)
    }
}

/// The start or the end of an open channel's session (`ONSESSIONSTART`, `ONSESSIONFINISH`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum SessionChange {
    /// It started.
    Started(Session),
    /// It ended.
    Finished(Session),
}

impl SessionChange {
    /// The session.
    pub fn session(&self) -> &Session {
        match self {
            SessionChange::Started(session) | SessionChange::Finished(session) => session,
        }
    }

    /// Decodes one item for each session; empty for other events.
    pub(super) fn decode(event: &Delivery) -> Result<Vec<SessionChange>, DecodeError> {
        let change = match event.name.as_ref() {
            "ONSESSIONSTART" => SessionChange::Started,
            "ONSESSIONFINISH" => SessionChange::Finished,
            _ => return Ok(Vec::new()),
        };
        let Sessions { sessions } = event.read()?;
        Ok(sessions.into_iter().map(change).collect())
    }
}

#[cfg(test)]
mod tests {
    use crate::event::Entity;
    use crate::event::line::*;

    fn chat(id: &str, data: [&str; 2]) -> LineChat {
        let [state, crm] = data.map(|text| Some(text.to_owned()));
        let entity = Entity {
            kind: "LINES".to_owned(),
            id: Some(id.to_owned()),
            data: [state, crm, None],
        };
        let chat = Chat {
            entity: Some(entity),
            ..Chat::default()
        };
        chat.line().unwrap()
    }

    #[test]
    fn the_parts_of_a_lines_chat_are_read_whatever_their_number() {
        let crm = "LEAD|1205|COMPANY|0|CONTACT|0|DEAL|9";
        let long = chat(
            "livechat|22|1761|587",
            ["Y|LEAD|1205|N|N|321|1773223732|0|0|0", crm],
        );
        let short = chat("livechat|22|1761|587", ["Y|LEAD|1205|N|N|321", crm]);
        for chat in [&long, &short] {
            assert_eq!(
                (chat.connector.as_str(), chat.line),
                ("livechat", Some(LineId(22)))
            );
            assert_eq!(
                (chat.outside_chat.as_str(), chat.client),
                ("1761", Some(UserId(587)))
            );
            assert_eq!((chat.in_crm, chat.session), (true, Some(SessionId(321))));
            assert_eq!(chat.recorded_in.as_ref().unwrap().id, 1205);
            let kinds: Vec<_> = chat.crm.iter().map(|object| object.kind.as_str()).collect();
            assert_eq!(kinds, ["LEAD", "DEAL"]);
        }
        assert_eq!(long.rest.last(), Some(&(10, "0".to_owned())));
    }

    #[test]
    fn no_part_is_required_and_an_outside_id_may_contain_a_pipe() {
        assert_eq!(chat("", ["", ""]), LineChat::default());
        let odd = chat("mine|7|a|b|c", ["N|NONE|0|N|N|0", "LEAD"]);
        assert_eq!(
            (
                odd.outside_chat.as_str(),
                odd.client,
                odd.session,
                odd.in_crm
            ),
            ("a", None, None, false)
        );
        assert!(odd.crm.is_empty() && odd.recorded_in.is_none());
    }
}
