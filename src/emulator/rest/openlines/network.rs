//! `imopenlines.network.*`: open lines of other portals, of which a desk knows none.

use super::super::call::{Answer, Call};
use super::super::table::{Method, method};
use crate::emulator::refusal::Refusal;

pub(super) const METHODS: &[Method] = &[
    method("imopenlines.network.join", "imopenlines", join),
    method("imopenlines.network.message.add", "imopenlines", send),
];

/// The length of the code of a line.
const CODE_CHARS: usize = 32;

fn join(call: &mut Call<'_, '_>) -> Answer {
    Err(not_found(call))
}

fn send(call: &mut Call<'_, '_>) -> Answer {
    call.user_id()?;
    let text = call.params.text("MESSAGE").unwrap_or_default();
    if text.trim().is_empty() {
        return Err(Refusal::new("MESSAGE_EMPTY", "Message can't be empty"));
    }
    Err(not_found(call))
}

/// No code means a line here; one of another length cannot be one anywhere.
fn not_found(call: &Call<'_, '_>) -> Refusal {
    let code = call.params.text("CODE").unwrap_or_default();
    if code.chars().count() == CODE_CHARS {
        Refusal::new("NOT_FOUND", "Open line not found")
    } else {
        Refusal::new("CODE", "Code is not correct")
    }
}
