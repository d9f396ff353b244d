//! Creates groups and changes their members and titles.
//!
//! The chat reports each change in a system message, which is not sent to bots.

use crate::emulator::refusal::{Refusal, no_access, no_user};
use crate::emulator::transaction::Transaction;
use crate::emulator::updates::Update;
use crate::emulator::world::chat::{Chat, ChatType};

use super::{Author, Draft};

/// A group to be created.
#[derive(Clone, Debug)]
pub(crate) struct NewChat {
    pub(crate) kind: ChatType,
    pub(crate) title: String,
    pub(crate) members: Vec<u64>,
}

impl Transaction<'_> {
    /// Creates a group owned by the acting user, and notifies every other bot in it that it joined.
    pub(crate) fn create_group(&mut self, new: NewChat) -> Result<Chat, Refusal> {
        let mut members = vec![self.user];
        for id in new.members {
            self.check_user(id)?;
            if !members.contains(&id) {
                members.push(id);
            }
        }
        let title = if new.title.trim().is_empty() {
            self.names(&members)
        } else {
            new.title.trim().to_owned()
        };
        let chat = self.new_chat(new.kind, title, self.user, members);
        self.updates.push(Update::Dialog { chat: chat.id });
        let text = format!(
            "{} created the chat \"{}\"",
            self.tag(self.user),
            chat.title
        );
        self.say(chat.id, Draft::text(Author::System, text));
        for member in chat.members.iter().skip(1) {
            self.announce_join(&chat, *member, self.user);
        }
        Ok(chat)
    }

    /// Adds users to a group; users who are already in it are skipped.
    pub(crate) fn invite(&mut self, chat: u64, users: &[u64]) -> Result<(), Refusal> {
        let chat = self.my_group(chat)?;
        for id in users.iter().filter(|id| !chat.has(**id)) {
            self.check_user(*id)?;
            if let Some(chat) = self.world.chats.get_mut(&chat.id) {
                chat.members.push(*id);
            }
            let text = format!("{} invited {}", self.tag(self.user), self.tag(*id));
            self.updates.push(Update::Dialog { chat: chat.id });
            self.say(chat.id, Draft::text(Author::System, text));
            let chat = self.my_chat(chat.id)?;
            self.announce_join(&chat, *id, self.user);
        }
        Ok(())
    }

    /// Removes a user from a group: the acting user, or another user if the acting user is a
    /// manager.
    pub(crate) fn remove_member(&mut self, chat: u64, user: u64) -> Result<(), Refusal> {
        let chat = self.my_group(chat)?;
        if !chat.has(user) || (user != self.user && !chat.is_manager(self.user)) {
            return Err(no_access());
        }
        let text = if user == self.user {
            format!("{} left the chat", self.tag(user))
        } else {
            format!("{} excluded {}", self.tag(self.user), self.tag(user))
        };
        self.say(chat.id, Draft::text(Author::System, text));
        if let Some(chat) = self.world.chats.get_mut(&chat.id) {
            chat.members.retain(|member| *member != user);
            chat.managers.remove(&user);
            if chat.owner == user {
                chat.owner = chat.members.first().copied().unwrap_or(0);
            }
        }
        self.updates.push(Update::Left {
            chat: chat.id,
            user,
        });
        self.updates.push(Update::Dialog { chat: chat.id });
        self.leave_session(chat.id, user);
        Ok(())
    }

    /// Changes the title of a group.
    pub(crate) fn rename(&mut self, chat: u64, title: &str) -> Result<(), Refusal> {
        let chat = self.my_group(chat)?;
        self.change_chat(chat.id, |chat| title.trim().clone_into(&mut chat.title));
        let text = format!(
            "{} renamed the chat to \"{}\"",
            self.tag(self.user),
            title.trim()
        );
        self.say(chat.id, Draft::text(Author::System, text));
        Ok(())
    }

    /// Changes a chat and shows the change on the pages.
    pub(crate) fn change_chat(&mut self, id: u64, change: impl FnOnce(&mut Chat)) {
        if let Some(chat) = self.world.chats.get_mut(&id) {
            change(chat);
        }
        self.updates.push(Update::Dialog { chat: id });
    }

    /// Returns a group of the acting user; fails for a private dialog.
    pub(crate) fn my_group(&self, id: u64) -> Result<Chat, Refusal> {
        self.my_chat(id).and_then(|chat| {
            if chat.is_private() {
                Err(no_access())
            } else {
                Ok(chat)
            }
        })
    }

    fn check_user(&self, id: u64) -> Result<(), Refusal> {
        self.world
            .users
            .get(&id)
            .map(|_| ())
            .ok_or_else(|| no_user(id))
    }

    /// Returns the tag that names a user in a text.
    fn tag(&self, id: u64) -> String {
        let name = self
            .world
            .users
            .get(&id)
            .map(|user| user.name())
            .unwrap_or_default();
        format!("[USER={id}]{name}[/USER]")
    }

    fn names(&self, members: &[u64]) -> String {
        let names = members
            .iter()
            .filter_map(|id| Some(self.world.users.get(id)?.first_name.clone()));
        names.collect::<Vec<_>>().join(", ")
    }
}
