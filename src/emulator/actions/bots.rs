//! Removal of a bot, together with its dialogs and commands.

use crate::emulator::transaction::Transaction;
use crate::emulator::updates::Update;

impl Transaction<'_> {
    /// Removes a bot from the portal and notifies its application.
    ///
    /// Its event log is deleted at once, so a bot that fetches events never reads about its
    /// removal.
    pub(crate) fn remove_bot(&mut self, id: u64) {
        let Some(bot) = self.world.users.get(&id).and_then(|user| user.bot.clone()) else {
            return;
        };
        self.announce_removal(id, &bot);
        self.world.log.purge(id);
        self.world.users.remove(&id);
        self.world.commands.retain(|_, command| command.bot != id);
        self.close_private_dialogs(id);
        for chat in self.world.chats.values_mut().filter(|chat| chat.has(id)) {
            chat.members.retain(|member| *member != id);
            self.updates.push(Update::Dialog { chat: chat.id });
        }
        self.leave_sessions_of(id);
        self.updates.push(Update::Bots);
    }

    fn close_private_dialogs(&mut self, id: u64) {
        let mine: Vec<u64> = self
            .world
            .chats
            .values()
            .filter(|chat| chat.is_private() && chat.has(id))
            .map(|chat| chat.id)
            .collect();
        for chat in mine {
            let Some(gone) = self.world.chats.remove(&chat) else {
                continue;
            };
            self.world.private.retain(|_, open| *open != chat);
            self.world
                .messages
                .retain(|_, message| message.chat != chat);
            for user in gone.members {
                self.updates.push(Update::Gone {
                    dialog_id: id.to_string(),
                    user,
                });
            }
        }
    }
}
