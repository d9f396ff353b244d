//! `User`: a person or a bot.

use serde_json::{Value, json};

use crate::emulator::clock::iso;
use crate::emulator::world::World;
use crate::emulator::world::color;

/// Returns a user; null for an unknown id, such as the 0 of system messages.
///
/// Everybody is online and was active just now. Events leave out `network`, `botData` and
/// `avatarHr`, as the samples of the methods do.
pub(crate) fn user(world: &World, id: u64) -> Value {
    let Some(user) = world.users.get(&id) else {
        return Value::Null;
    };
    let (is_bot, guest) = (user.bot.is_some(), user.guest.as_ref());
    let phones = guest.filter(|guest| !guest.phone.is_empty());
    json!({
        "id": user.id,
        "active": !user.is_dismissed,
        "name": user.name(),
        "firstName": user.first_name,
        "lastName": user.last_name,
        "workPosition": user.position,
        "color": color::hex(&user.color),
        "avatar": "",
        "gender": user.gender,
        "birthday": "",
        "extranet": guest.is_some(),
        "bot": is_bot,
        "connector": guest.is_some(),
        "externalAuthId": match guest {
            Some(_) => "imconnector",
            None if is_bot => "bot",
            None => "default",
        },
        "status": "online",
        "idle": false,
        "lastActivityDate": iso(world.clock.now()),
        "mobileLastDate": false,
        "desktopLastDate": false,
        "absent": false,
        "departments": if guest.is_some() { json!([]) } else { json!([1]) },
        "phones": phones.map_or(json!(false), |guest| json!({ "personalMobile": guest.phone })),
        "website": "",
        "email": guest.map_or("", |guest| &guest.email),
        "type": match guest {
            Some(_) => "extranet",
            None if is_bot => "bot",
            None => "employee",
        },
    })
}
