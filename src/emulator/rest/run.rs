//! Runs a method by its name: the whole request, or one command of a batch.

use super::auth::{self, Caller};
use super::call::{Answer, Call, Reply};
use super::params::{Params, as_text};
use super::table;
use crate::emulator::transaction::{Origin, Transaction};

/// Checks scope and operating time, then runs a method.
pub(super) fn run(
    tx: &mut Transaction<'_>,
    caller: &Caller,
    name: &str,
    mut params: Params,
) -> Answer {
    if let Some(answer) = tx.world.answers.of(name) {
        return answer(&params.to_value()).0.map(Reply::from);
    }
    let method = table::find(name)?;
    auth::check_scope(tx.world, caller, method.scope)?;
    let now = tx.world.clock.unix();
    tx.world.operating.check(&caller.key(), name, now)?;
    tx.user = caller.user;
    let source = params.take("AUTH_CONNECTOR").as_ref().and_then(as_text);
    let outer = tx.origin.clone();
    tx.origin = Origin {
        app: caller.app.clone(),
        source: source.unwrap_or_else(|| outer.source.clone()),
    };
    let answer = (method.run)(&mut Call {
        tx: &mut *tx,
        params,
        caller: caller.clone(),
    });
    tx.origin = outer;
    let mut reply = answer?;
    reply.operating = tx.world.operating.spent(&caller.key(), name, now);
    Ok(reply)
}
