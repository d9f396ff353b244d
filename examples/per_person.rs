//! A state for each person of a group: two people play at once, and nobody's answer counts for
//! another.
//!
//! ```text
//! Ann    @Guess go
//! Guess  Ann, think of a number from 1 to 100. Is it 50?
//! Boris  @Guess go
//! Guess  Boris, think of a number from 1 to 100. Is it 50?
//! Ann    @Guess less
//! Guess  Ann, is it 25?
//! Boris  @Guess more
//! Guess  Boris, is it 75?
//! ```
//!
//! Run it with `cargo run --example per_person`, make a group with the bot, and mention it.

use imbot::prelude::*;
use serde::{Deserialize, Serialize};

/// What a person's number can still be.
#[derive(Serialize, Deserialize)]
struct Range {
    from: u32,
    to: u32,
}

impl Range {
    fn middle(&self) -> u32 {
        (self.from + self.to) / 2
    }
}

struct Guess;

impl Bot<Option<Range>> for Guess {
    fn profile(&self) -> Profile {
        Profile::new("guess", "Guess").state_per_person()
    }

    async fn message(&self, cx: &mut Context<Option<Range>>, message: Message) -> Result {
        let name = cx.user().map_or("You", |user| &user.name).to_owned();
        let Some(range) = &mut cx.state else {
            let range = cx.state.insert(Range { from: 1, to: 100 });
            let first = range.middle();
            let text = format_args!("{name}, think of a number from 1 to 100. Is it {first}?");
            cx.say(Text::new().plain(text));
            return Ok(());
        };
        match message.text.as_str() {
            "less" => range.to = range.middle() - 1,
            "more" => range.from = range.middle() + 1,
            "yes" => cx.state = None,
            _ => return Err(tell("“less”, “more” or “yes”, please.")),
        }
        let text = match &cx.state {
            Some(range) if range.from <= range.to => {
                format!("{name}, is it {}?", range.middle())
            }
            Some(_) => format!("{name}, that cannot be."),
            None => format!("{name}, that was fun."),
        };
        cx.say(Text::new().plain(text));
        Ok(())
    }
}

fn main() -> ExitCode {
    imbot::run(Guess)
}

#[cfg(test)]
mod tests {
    use imbot::testing::TestPortal;

    use super::*;

    #[tokio::test]
    async fn two_people_of_a_group_play_at_once() {
        let portal = TestPortal::with(|| App::new().bot(Guess)).await;
        let [mut ann, mut boris] = portal.group(["Ann", "Boris"], &["guess"]);
        ann.tells("guess", "go").sees("Is it 50?").await;
        boris.tells("guess", "go").sees("Boris").await;
        ann.tells("guess", "less").sees("is it 25?").await;
        boris.tells("guess", "more").sees("is it 75?").await;
        ann.tells("guess", "yes").sees("that was fun").await;
    }
}
