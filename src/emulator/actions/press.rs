//! Presses a button or a menu item with a command: protocol/server-behaviour.md 7.2.
//!
//! The portal does not block a second press, and no message appears. An unknown command does
//! nothing.

use serde_json::Value;

use crate::emulator::events::audience::CommandCall;
use crate::emulator::refusal::Refusal;
use crate::emulator::transaction::Transaction;

impl Transaction<'_> {
    /// Presses the button at this index of a keyboard; line breaks count.
    pub(crate) fn press(&mut self, message: u64, button: usize) -> Result<(), Refusal> {
        let (_, found) = self.message_in_reach(message)?;
        let item = found
            .rich
            .keyboard
            .as_ref()
            .and_then(|keyboard| keyboard["BUTTONS"].get(button))
            .cloned();
        self.press_item(message, found.author, item)
    }

    /// Presses the item at this index of a message's menu.
    pub(crate) fn pick(&mut self, message: u64, item: usize) -> Result<(), Refusal> {
        let (_, found) = self.message_in_reach(message)?;
        let item = found
            .rich
            .menu
            .as_ref()
            .and_then(|menu| menu["ITEMS"].get(item))
            .cloned();
        self.press_item(message, found.author, item)
    }

    fn press_item(
        &mut self,
        message: u64,
        author: u64,
        item: Option<Value>,
    ) -> Result<(), Refusal> {
        let refusal = || {
            Refusal::new(
                "COMMAND_ERROR",
                "There is no button with a command at this place",
            )
        };
        let item = item.ok_or_else(refusal)?;
        let command = item["COMMAND"].as_str().ok_or_else(refusal)?;
        let bot = item["BOT_ID"].as_u64().unwrap_or(author);
        self.run_command(
            message,
            bot,
            command,
            item["COMMAND_PARAMS"].as_str().unwrap_or_default(),
        )
    }

    /// Runs a bot's command on a message: `im.message.command`, and every press.
    pub(crate) fn run_command(
        &mut self,
        message: u64,
        bot: u64,
        name: &str,
        params: &str,
    ) -> Result<(), Refusal> {
        let (chat, _) = self.message_in_reach(message)?;
        let name = name.trim_start_matches('/');
        let found = self
            .world
            .commands
            .values()
            .find(|command| command.bot == bot && command.name == name);
        if let Some(id) = found.map(|command| command.id) {
            let called = CommandCall {
                command: id,
                params: params.to_owned(),
            };
            self.announce_press(&chat, message, self.user, called);
        }
        Ok(())
    }
}
