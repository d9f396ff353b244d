//! Likes. Version 1 of the bot platform tells nobody about them.

use crate::emulator::hit::Hit;
use crate::emulator::refusal::Refusal;
use crate::emulator::world::message::{LIKE, Reaction};

/// What a like is to become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Like {
    /// The other of what it is.
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

impl Hit<'_> {
    /// Likes a message, or no longer.
    pub(crate) fn like(&mut self, id: u64, like: Like) -> Result<(), Refusal> {
        let (_, mut message) = self.message_in_reach(id)?;
        let liked = message.likes().contains(&self.user);
        let wanted = match like {
            Like::Toggle => !liked,
            Like::On => true,
            Like::Off => false,
        };
        if wanted == liked {
            return Err(Refusal::new("WITHOUT_CHANGES", "Status not changed"));
        }
        let user = self.user;
        if wanted {
            let code = LIKE.to_owned();
            message.reactions.push(Reaction { code, user });
        } else {
            message
                .reactions
                .retain(|set| set.user != user || set.code != LIKE);
        }
        self.show_edit(&message);
        self.world.messages.insert(id, message);
        Ok(())
    }
}
