//! The portal: bodies as it posts them, and a transport that refuses, loses answers and shows a repeat once.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use imbot::engine::{RepeatId, Transport};
use imbot::event::{DialogId, MemberId, MessageId, form};
use imbot::portal::{BotClient, Error};
use imbot::store::{Access, Call, Installation, Tokens};
use serde_json::json;

use crate::ledger::{EXPECTED, Ledger, SEEN, chat};
use crate::random::{Random, mix};

const MEMBER: &str = "bac1cd5c8940947a75e0d71b1a84e348";
const TOKEN: &str = "831c76b092f9f135d9b6b36c3a720757";

pub(crate) fn installation() -> Installation {
    Installation {
        portal: MemberId::new(MEMBER),
        endpoint: "https://example.bitrix24.com/rest/".into(),
        application_token: TOKEN.to_owned().into(),
        access: Access::Tokens(Tokens {
            access: "access".to_owned().into(),
            refresh: "refresh".to_owned().into(),
        }),
    }
}

/// The bot of a chat: most are clerks'.
pub(crate) fn bot(chat: usize) -> (u64, &'static str) {
    match chat % 10 {
        0 => (9, "fickle"),
        1 | 2 => (8, "strict"),
        _ => (7, "clerk"),
    }
}

/// The next event for a chat; the ledger notes what should come of it.
pub(crate) fn event(ledger: &Ledger, random: &mut Random, chat: usize) -> Bytes {
    let (id, code) = bot(chat);
    let number = {
        let here = &mut ledger.expected.lock().unwrap()[chat];
        here.sent += 1;
        here.sent
    };
    let fate = match random.below(100) {
        _ if code == "fickle" => "ok".to_owned(),
        0..8 => format!("fail {}", 1 + random.below(2)),
        8..11 => "panic 1".to_owned(),
        11..13 => "hang 1".to_owned(),
        13..15 => "never".to_owned(),
        15..20 => format!("remind {}", random.below(2 * 24 * 60 * 60)),
        20..23 => "forget".to_owned(),
        23..28 => "edit".to_owned(),
        _ => "ok".to_owned(),
    };
    if fate == "never" && code == "clerk" {
        ledger.sums.lock().unwrap().buried[EXPECTED].add(chat, number);
    } else {
        ledger.expect(chat, number, fate == "forget");
    }
    if fate.starts_with("remind") {
        ledger.sums.lock().unwrap().reminded[EXPECTED].add(chat, number);
    }
    let is_edit = code != "fickle" && random.chance(5);
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
                "MESSAGE": format!("{number} {fate}"), "MESSAGE_ID": number * 1_000 + chat as u64,
                "DIALOG_ID": chat, "FROM_USER_ID": 27, "AUTHOR_ID": 27, "CHAT_TYPE": "P",
            },
            "USER": { "ID": 27, "NAME": "Ann Meyer" },
        },
        "ts": 1_771_940_028,
        "auth": { "member_id": MEMBER, "application_token": TOKEN, "domain": "example.bitrix24.com" },
    });
    form::encode(&body).into()
}

/// Shows messages, and makes trouble.
#[derive(Clone, Debug)]
pub(crate) struct Screen(pub(crate) Arc<Ledger>);

impl Transport for Screen {
    fn send<'a>(
        &'a self,
        _: &'a BotClient,
        dialog: &'a DialogId,
        call: Call<MessageId>,
        repeat_id: Option<RepeatId>,
    ) -> Pin<Box<dyn Future<Output = Result<Option<MessageId>, Error>> + Send + 'a>> {
        Box::pin(async move {
            let trouble = self.0.random.lock().unwrap().below(100);
            tokio::task::yield_now().await;
            if trouble < 3 {
                return Err(Error::refusal("QUERY_LIMIT_EXCEEDED", 503));
            }
            let made = self.show(chat(dialog), &call, repeat_id)?;
            if trouble < 6 {
                return Err(Error::refusal("INTERNAL_SERVER_ERROR", 500)); // the answer is lost
            }
            Ok(made)
        })
    }
}

impl Screen {
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
        let mut heard = self.0.heard.lock().unwrap();
        let here = &mut heard[chat];
        let repeat_id = repeat_id.map(|id| id.uuid());
        let is_repeat = repeat_id.is_some() && repeat_id == here.last;
        let made = MessageId(self.0.random.lock().unwrap().below(1 << 40));
        if is_repeat {
            return Ok(Some(made));
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
        Ok(Some(made))
    }
}
