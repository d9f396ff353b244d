//! The portal: the bodies that it posts, and a transport that refuses calls, loses answers, and
//! shows a repeat once.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use imbot::engine::{RepeatId, Transport};
use imbot::event::{DialogId, MessageId, form};
use imbot::portal::{BotClient, Error};
use imbot::store::contract::sample;
use imbot::store::{Call, Installation};
use serde_json::json;

use crate::ledger::{EXPECTED, Ledger, SEEN, chat};
use crate::random::{Random, mix};

const MEMBER: &str = "bac1cd5c8940947a75e0d71b1a84e348";
const TOKEN: &str = "831c76b092f9f135d9b6b36c3a720757";

pub(crate) fn installation() -> Installation {
    sample::installation(MEMBER, TOKEN)
}

/// Returns the bot of a chat, its id and code.
pub(crate) fn bot(chat: usize) -> (u64, &'static str) {
    match chat % 10 {
        0 => (9, "unreadable"),
        1 | 2 => (8, "blocking"),
        _ => (7, "plain"),
    }
}

/// Returns the next event for a chat, and stores in the ledger what it should cause.
pub(crate) fn event(ledger: &Ledger, random: &mut Random, chat: usize) -> Bytes {
    let (id, code) = bot(chat);
    let number = {
        let here = &mut ledger.expected.lock().unwrap()[chat];
        here.sent += 1;
        here.sent
    };
    let behaviour = match random.below(100) {
        _ if code == "unreadable" => "ok".to_owned(),
        0..8 => format!("fail {}", 1 + random.below(2)),
        8..11 => "panic 1".to_owned(),
        11..13 => "hang 1".to_owned(),
        13..15 => "never".to_owned(),
        15..20 => format!("remind {}", random.below(2 * 24 * 60 * 60)),
        20..23 => "forget".to_owned(),
        23..28 => "edit".to_owned(),
        _ => "ok".to_owned(),
    };
    if behaviour == "never" && code == "plain" {
        ledger.sums.lock().unwrap().dead[EXPECTED].add(chat, number);
    } else {
        ledger.expect(chat, number, behaviour == "forget");
    }
    if behaviour.starts_with("remind") {
        ledger.sums.lock().unwrap().reminded[EXPECTED].add(chat, number);
    }
    let is_edit = code != "unreadable" && random.chance(5);
    let name = if is_edit {
        "ONIMBOTMESSAGEUPDATE"
    } else {
        "ONIMBOTMESSAGEADD"
    };
    let body = json!({
        "event": name,
        "data": {
            "BOT": { id.to_string(): { "BOT_ID": id, "BOT_CODE": code } },
            "PARAMS": {
                "MESSAGE": format!("{number} {behaviour}"), "MESSAGE_ID": number * 1_000 + chat as u64,
                "DIALOG_ID": chat, "FROM_USER_ID": 27, "AUTHOR_ID": 27, "CHAT_TYPE": "P",
            },
            "USER": { "ID": 27, "NAME": "Ann Meyer" },
        },
        "ts": 1_771_940_028,
        "auth": { "member_id": MEMBER, "application_token": TOKEN, "domain": "example.bitrix24.com" },
    });
    form::encode(&body).into()
}

/// A transport that shows messages, and sometimes fails.
#[derive(Clone, Debug)]
pub(crate) struct FakePortal(pub(crate) Arc<Ledger>);

impl Transport for FakePortal {
    fn send<'a>(
        &'a self,
        _: &'a BotClient,
        dialog: &'a DialogId,
        call: Call<MessageId>,
        repeat_id: Option<RepeatId>,
    ) -> Pin<Box<dyn Future<Output = Result<Option<MessageId>, Error>> + Send + 'a>> {
        Box::pin(async move {
            let fault = self.0.random.lock().unwrap().below(100);
            tokio::task::yield_now().await;
            if fault < 3 {
                return Err(Error::refusal("QUERY_LIMIT_EXCEEDED", 503));
            }
            let sent = self.show(chat(dialog), &call, repeat_id)?;
            if fault < 6 {
                return Err(Error::refusal("INTERNAL_SERVER_ERROR", 500)); // the answer is lost
            }
            Ok(sent)
        })
    }
}

impl FakePortal {
    /// Shows a message, unless it is a repeat or refused. Returns its id.
    fn show(
        &self,
        chat: usize,
        call: &Call<MessageId>,
        repeat_id: Option<RepeatId>,
    ) -> Result<Option<MessageId>, Error> {
        let Call::Say { params, .. } = call else {
            return Ok(None);
        };
        let text = params["MESSAGE"].as_str().unwrap_or_default();
        let mut shown = self.0.shown.lock().unwrap();
        let here = &mut shown[chat];
        let repeat_id = repeat_id.map(|id| id.uuid());
        let is_repeat = repeat_id.is_some() && repeat_id == here.last;
        let id = MessageId(self.0.random.lock().unwrap().below(1 << 40));
        if is_repeat {
            return Ok(Some(id));
        }
        if let Ok(number) = text.parse() {
            if self.0.is_refused(chat, number) {
                return Err(Error::refusal("ACCESS_DENIED", 403));
            }
            here.said = mix(here.said ^ number);
        } else if let Some(number) = text.strip_prefix("reminded ") {
            let number = number.parse().expect("a number");
            self.0.sums.lock().unwrap().reminded[SEEN].add(chat, number);
        }
        here.last = repeat_id;
        Ok(Some(id))
    }
}
