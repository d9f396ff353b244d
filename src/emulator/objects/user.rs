//! `User`: a person or a bot.

use serde_json::{Value, json};

use crate::emulator::clock::iso;
use crate::emulator::world::World;
use crate::emulator::world::color;

/// A user; null for an id that nobody has, such as the 0 of system messages.
///
/// Everybody is online and was active just now. Events leave out `network`, `botData` and `avatarHr`, and so do the
/// samples of the methods.
pub(crate) fn user(world: &World, id: u64) -> Value {
    let Some(user) = world.users.get(&id) else {
        return Value::Null;
    };
    let is_bot = user.bot.is_some();
    json!({
        "id": user.id,
        "active": true,
        "name": user.name(),
        "firstName": user.first_name,
        "lastName": user.last_name,
        "workPosition": user.position,
        "color": color::hex(&user.color),
        "avatar": "",
        "gender": user.gender,
        "birthday": "",
        "extranet": false,
        "bot": is_bot,
        "connector": false,
        "externalAuthId": if is_bot { "bot" } else { "default" },
        "status": "online",
        "idle": false,
        "lastActivityDate": iso(world.clock.now()),
        "mobileLastDate": false,
        "desktopLastDate": false,
        "absent": false,
        "departments": [1],
        "phones": false,
        "website": "",
        "email": "",
        "type": if is_bot { "bot" } else { "employee" },
    })
}
