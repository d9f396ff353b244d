//! An answer that grows while it is written, and that the person can stop.
//!
//! ```text
//! Ann     Tell me a story.
//! Teller  Once upon a time there
//!           [Stop]
//! Teller  (the same message, a second later) Once upon a time there was a bot
//!           [Stop]
//! Ann     (presses Stop)
//! Teller  (the same message) Once upon a time there was a bot
//! ```
//!
//! A stream of texts, such as those of a language model, is shown in one message, which is edited
//! at most once a second. Its end is committed with the state: what the person saw is what the bot
//! remembers. The ready-made bot `assistant` does this with a real model.
//!
//! Run it with `cargo run --example streaming`.

use std::time::Duration;

use futures_util::{Stream, stream};
use imbot::prelude::*;

/// The stories that were told, as far as they were told.
type Told = Vec<String>;

struct Teller;

impl Bot<Told> for Teller {
    async fn message(&self, cx: &mut Context<Told>, _: Message) -> Result {
        let answer = cx.stream(story()).markdown().stop_button().await?;
        cx.state.push(answer.text);
        Ok(())
    }
}

/// Returns a story, a word every 200 ms.
fn story() -> impl Stream<Item = Result<String>> {
    const STORY: &str = "Once upon a time there was a *bot* that told stories word by word until somebody pressed **Stop**.";
    let words = STORY.split_inclusive(' ');
    stream::unfold(words, async |mut words| {
        let word = words.next()?;
        tokio::time::sleep(Duration::from_millis(200)).await;
        Some((Ok(word.to_owned()), words))
    })
}

fn main() -> ExitCode {
    imbot::run(Teller)
}

#[cfg(test)]
mod tests {
    use imbot::testing::TestPortal;

    use super::*;

    #[tokio::test]
    async fn a_story_grows_in_one_message_until_it_is_stopped() {
        let app = || App::new().bot(Teller);
        let portal = TestPortal::with_settings(app, |settings| {
            settings.handler_time = Duration::from_millis(1); // the clock goes on while it is told
        })
        .await;
        let mut ann = portal.private("Ann", "teller");
        let begun = ann.says("Tell me a story.").sees("Once upon").await;
        let more = ann.sees("there was").await;
        ann.presses(&more, "Stop");
        let ended = ann.sees("Once upon").await;
        assert_eq!((ended.id, ended.buttons.len()), (begun.id, 0));
        assert!(!ended.text.contains("somebody"), "{}", ended.text);
    }
}
