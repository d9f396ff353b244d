//! `Command`: with its slash, which registration leaves out.

use serde_json::{Value, json};

use crate::emulator::world::World;
use crate::emulator::world::command::Command;

/// A command as registration and update answer with it.
pub(crate) fn command(command: &Command) -> Value {
    json!({
        "id": command.id,
        "botId": command.bot,
        "command": format!("/{}", command.name),
        "common": command.common,
        "hidden": command.hidden,
        "extranetSupport": command.extranet,
    })
}

/// A command as `imbot.v2.Command.list` shows it: titles in the portal's language, the bot's name as category.
pub(crate) fn listed_command(world: &World, listed: &Command) -> Value {
    let title = listed.title(&world.language);
    let bot = world.users.get(&listed.bot).map(|user| user.name());
    let mut shown = command(listed);
    shown["title"] = title.title.into();
    shown["params"] = title.params.into();
    shown["category"] = bot.into();
    shown["context"] = "".into();
    shown
}
