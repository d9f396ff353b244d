//! `Bot`, for everybody and for its owner.

use serde_json::{Value, json};

use crate::emulator::world::World;
use crate::emulator::world::bot::{Bot, Command, Mode};
use crate::emulator::world::user::User;

/// Returns a bot as any application sees it; null for a user who is not a bot.
pub(crate) fn bot(world: &World, user: &User) -> Value {
    user.bot
        .as_ref()
        .map_or(Value::Null, |bot| open_part(world, user.id, bot))
}

/// Returns a bot as its owner sees it.
///
/// `countMessage` is "messages sent by the bot" on the pages of the methods and "processed
/// messages" on `b24restdocs: api-reference/chat-bots/chat-bots-v2/entities.md`: it counts those
/// sent. The key `appId` was removed with revision 35.
pub(crate) fn own_bot(world: &World, user: &User) -> Value {
    let Some(bot) = &user.bot else {
        return Value::Null;
    };
    let chats = world.chats.values().filter(|chat| chat.has(user.id));
    let (mut groups, mut people) = (0, 0);
    for chat in chats {
        groups += usize::from(!chat.is_private());
        people += usize::from(chat.is_private());
    }
    let commands = world
        .commands
        .values()
        .filter(|command| command.bot == user.id);
    let mut shown = open_part(world, user.id, bot);
    shown["moduleId"] = "rest".into();
    shown["eventMode"] = match bot.mode {
        Mode::Fetch => "fetch".into(),
        Mode::Webhook => "webhook".into(),
    };
    shown["countMessage"] = bot.sent.into();
    shown["countCommand"] = commands.count().into();
    shown["countChat"] = groups.into();
    shown["countUser"] = people.into();
    shown
}

fn open_part(world: &World, id: u64, bot: &Bot) -> Value {
    json!({
        "id": id,
        "code": bot.code,
        "type": bot.kind.word(),
        "isHidden": bot.hidden,
        "isSupportOpenline": bot.openline,
        "isReactionsEnabled": bot.reactions,
        "backgroundId": bot.background,
        "language": world.language,
    })
}

/// Returns a command as registration and update print it.
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

/// Returns a command as `imbot.v2.Command.list` prints it: titles in the portal's language, the
/// bot's name as category.
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
