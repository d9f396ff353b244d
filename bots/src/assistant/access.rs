//! With whose rights a tool calls the portal: only with those of the person who asks.

use imbot::portal::methods::{profile, user};
use imbot::portal::{self, Portal};
use imbot::prelude::*;
use serde_json::json;

use super::talk::Talk;

/// Why a tool does not call the portal. The sentences are for the model.
pub(super) type Refusal = &'static str;

const OUTSIDE: Refusal =
    "This person is not a user of the portal, so nothing can be read for them.";
const NOT_CONFIRMED: Refusal =
    "The portal does not confirm who asks, so nothing can be read. The person may write again.";
const NO_EMPLOYEE: Refusal =
    "The portal does not list this person as an employee, so nothing can be read for them.";
const NOT_ALLOWED: Refusal =
    "The portal does not allow to check what this person may see, so nothing can be read.";

/// A way to call the portal for a person.
#[derive(Debug)]
pub(super) struct Access {
    /// A client with the person's own rights, or one that is used only for what every employee may
    /// do.
    pub(super) portal: Portal,
    /// The person, as the portal has confirmed them.
    pub(super) person: UserId,
}

/// Returns how to call the portal for the person of this turn.
///
/// An event of an application has a token of the person: with it, the portal itself decides what
/// they may see. A polled event has none; its calls have the rights of the user of the inbound
/// webhook. So the person must be an active employee, and tools ask only for the person's own
/// things and for names that all employees may read.
pub(super) async fn of(cx: &Context<Talk>) -> Result<Result<Access, Refusal>> {
    let is_client = cx.user().is_some_and(|user| user.is_connector);
    if cx.line().is_some() || is_client {
        return Ok(Err(OUTSIDE));
    }
    let Some(person) = cx.verified_sender().await?.verified() else {
        return Ok(Err(NOT_CONFIRMED));
    };
    let token = match cx.delivery() {
        Some(delivery) => delivery.auth()?.access_token,
        None => None,
    };
    let Some(token) = token else {
        return of_employee(cx.portal(), person).await;
    };
    let own = cx.portal().with_token(token);
    match own.run(profile::Get::new()).await {
        Ok(me) if me.id == person => Ok(Ok(Access {
            portal: own,
            person,
        })),
        Ok(_) => Ok(Err(NOT_CONFIRMED)),
        Err(error) => refusal(error).map(Err),
    }
}

/// Returns the program's own access, if the person is an active employee.
async fn of_employee(portal: &Portal, person: UserId) -> Result<Result<Access, Refusal>> {
    let found = match portal
        .run(user::Get::new().filter(json!({ "ID": person })))
        .await
    {
        Ok(found) => found,
        Err(error) => return refusal(error).map(Err),
    };
    let is_employee = |user: &user::User| {
        let kind = user.more.get("USER_TYPE").and_then(|kind| kind.as_str());
        user.id == person && user.active == Some(true) && kind == Some("employee")
    };
    if !found.iter().any(is_employee) {
        return Ok(Err(NO_EMPLOYEE));
    }
    let portal = portal.clone();
    Ok(Ok(Access { portal, person }))
}

/// Returns the sentence for a call that the portal has refused. Other failures pass, so the turn is
/// tried again.
fn refusal(error: portal::Error) -> Result<Refusal> {
    if error.code().is_none() {
        return Err(error.into());
    }
    tracing::debug!(%error, "the portal does not say what a person may see");
    Ok(NOT_ALLOWED)
}
