//! Reactions. A user has one reaction to a message; a new one replaces it, without an event for the
//! old one.
//!
//! As in the portal's source, `modules/im/lib/V2/Message/Reaction/ReactionService.php`. A like is
//! the reaction `like`, of v1 as well; v1 bots get no events about reactions.

use crate::emulator::refusal::Refusal;
use crate::emulator::transaction::Transaction;
use crate::emulator::world::message::{CODES, LIKE, Reaction};

/// A change to a like.
#[derive(Clone, Debug, Copy, PartialEq, Eq)]
pub(crate) enum Like {
    /// Sets it if it is not set, removes it otherwise.
    Toggle,
    On,
    Off,
}

impl Like {
    /// Reads the `ACTION` of `imbot.message.like`.
    pub(crate) fn from_action(action: &str) -> Self {
        match action {
            "plus" => Like::On,
            "minus" => Like::Off,
            _ => Like::Toggle,
        }
    }
}

impl Transaction<'_> {
    /// Sets or removes a like.
    pub(crate) fn like(&mut self, id: u64, like: Like) -> Result<(), Refusal> {
        let liked = self.has_reacted(id, LIKE)?;
        let wanted = match like {
            Like::Toggle => !liked,
            Like::On => true,
            Like::Off => false,
        };
        match (wanted, liked) {
            (true, false) => self.react(id, LIKE),
            (false, true) => self.unreact(id, LIKE),
            _ => Err(Refusal::new("WITHOUT_CHANGES", "Status not changed")),
        }
    }

    /// Whether the acting user has set this reaction.
    pub(crate) fn has_reacted(&self, id: u64, code: &str) -> Result<bool, Refusal> {
        let (_, message) = self.message_in_reach(id)?;
        let user = self.user;
        let mut set = message.reactions.iter();
        Ok(set.any(|set| set.user == user && set.code == code))
    }

    /// Sets a reaction and removes the acting user's earlier one.
    pub(crate) fn react(&mut self, id: u64, code: &str) -> Result<(), Refusal> {
        if !CODES.contains(&code) {
            return Err(not_found());
        }
        if self.has_reacted(id, code)? {
            return Err(Refusal::new("REACTION_ALREADY_SET", "Reaction already set"));
        }
        self.set_reaction(id, code, true)
    }

    /// Removes a reaction.
    pub(crate) fn unreact(&mut self, id: u64, code: &str) -> Result<(), Refusal> {
        if self.has_reacted(id, code)? {
            self.set_reaction(id, code, false)
        } else {
            Err(not_found())
        }
    }

    fn set_reaction(&mut self, id: u64, code: &str, is_set: bool) -> Result<(), Refusal> {
        let (chat, mut message) = self.message_in_reach(id)?;
        let user = self.user;
        message.reactions.retain(|set| set.user != user);
        if is_set {
            let code = code.to_owned();
            message.reactions.push(Reaction { code, user });
        }
        self.show_edit(&message);
        self.announce_reaction(&chat, &message, code, is_set);
        self.world.messages.insert(id, message);
        Ok(())
    }
}

fn not_found() -> Refusal {
    Refusal::new("REACTION_NOT_FOUND", "Reaction not found")
}
