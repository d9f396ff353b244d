//! A dialog with a bot, opened through a link that carries something along: page `bot-context.md`.

use serde_json::Value;

use crate::emulator::hit::Hit;
use crate::emulator::refusal::Refusal;

impl Hit<'_> {
    /// Opens the private dialog with a bot and hands it the context of the link; the answer is the dialog's id.
    pub(crate) fn open_with_context(
        &mut self,
        bot: u64,
        context: &Value,
    ) -> Result<String, Refusal> {
        if !self.world.is_bot(bot) {
            return Err(Refusal::new("BOT_NOT_FOUND", "Bot not found"));
        }
        let chat = self.private_chat(bot)?;
        self.announce_context(&chat, bot, context);
        Ok(bot.to_string())
    }
}
