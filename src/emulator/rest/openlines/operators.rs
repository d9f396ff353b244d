//! `imopenlines.operator.*`: what the user of a token does with a session.

use super::super::call::{Answer, Call, yes};
use super::super::table::{Method, method};
use super::{chat, target};

pub(super) const METHODS: &[Method] = &[
    method("imopenlines.operator.answer", "imopenlines", answer),
    method("imopenlines.operator.finish", "imopenlines", finish),
    method("imopenlines.operator.another.finish", "imopenlines", finish),
    method("imopenlines.operator.spam", "imopenlines", finish),
    method("imopenlines.operator.skip", "imopenlines", skip),
    method("imopenlines.operator.transfer", "imopenlines", transfer),
];

fn answer(call: &mut Call<'_, '_>) -> Answer {
    let chat = chat(call)?;
    call.hit.answer_session(chat)?;
    yes()
}

/// Ends a session, whoever has it. Spam is an end as well; what the portal keeps of it is not documented.
fn finish(call: &mut Call<'_, '_>) -> Answer {
    let chat = chat(call)?;
    call.hit.finish_session(chat)?;
    yes()
}

fn skip(call: &mut Call<'_, '_>) -> Answer {
    let chat = chat(call)?;
    call.hit.skip(chat)?;
    yes()
}

fn transfer(call: &mut Call<'_, '_>) -> Answer {
    let chat = call.chat_id()?;
    let target = target(|name| call.params.text(name))?;
    call.hit.transfer(chat, target)?;
    yes()
}
