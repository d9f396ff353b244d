//! Answers that grow while they are written, such as those of a language model.

mod place;
mod running;

use std::fmt;
use std::future::{IntoFuture, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, sleep_until};

use super::{Context, Error, Result};
use crate::event::MessageId;
use crate::message::Text;
use place::Place;

pub(crate) use running::RunningAnswers;

/// How long after the first words an answer is shown that has not ended by then. A shorter one is
/// an ordinary message.
const SHOWN_AFTER: Duration = Duration::from_millis(500);

/// Least time between two edits of an answer.
const EDIT_INTERVAL: Duration = Duration::from_secs(1);

/// Longest time between two edits, after the portal has refused some.
const EDIT_INTERVAL_MAX: Duration = Duration::from_secs(16);

/// The end of an answer that grew ([`Context::stream`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GrownAnswer {
    /// The whole text as it came from the stream. After a stop, what had come by then.
    pub text: String,
    /// Whether somebody stopped it: by the button, by words, or because an operator took over.
    pub is_stopped: bool,
}

/// An answer that grows. It is sent when this is awaited ([`Context::stream`]).
#[must_use = "nothing is sent before this is awaited"]
pub struct GrowingAnswer<'t> {
    tokens: BoxStream<'t, Result<String>>,
    place: Place,
    is_markdown: bool,
    words: Vec<String>,
}

impl<S> Context<S> {
    /// Shows an answer while it is written: a stream of texts, each of which is appended to those
    /// before.
    ///
    /// The bot is shown as writing until the first words come. Then they are a message, which is
    /// edited at most once a second with what has come; edits go behind the answers to other
    /// people, and become rarer while the portal refuses them. The end is certain: the whole text
    /// is committed with the turn, as one message or, if it is too long, several. A turn that is
    /// retried continues in the same message, and one that fails for good replaces it by its
    /// apology.
    ///
    /// ```
    /// use futures_util::stream;
    /// use imbot::prelude::*;
    ///
    /// # async fn example(cx: &mut Context<Vec<String>>) -> Result {
    /// let tokens = ["Hello", ", ", "world"].map(|token| Ok::<_, Error>(token.to_owned()));
    /// let answer = cx.stream(stream::iter(tokens)).markdown().stop_button().await?;
    /// cx.state.push(answer.text);
    /// # Ok(()) }
    /// ```
    ///
    /// The word “stop” (in the portal's language or in English) from the person who is answered
    /// ends it, and so does an operator who writes in a chat of an open channel. The stream is
    /// dropped then. The time limit of a turn holds for the whole answer.
    ///
    /// # Errors
    /// That of the stream, or of the store.
    pub fn stream<'t, T, E>(&self, tokens: T) -> GrowingAnswer<'t>
    where
        T: Stream<Item = Result<String, E>> + Send + 't,
        E: Into<Error>,
    {
        GrowingAnswer {
            tokens: tokens.map(|token| token.map_err(E::into)).boxed(),
            place: Place::of(self),
            is_markdown: false,
            words: Vec::new(),
        }
    }
}

impl GrowingAnswer<'_> {
    /// Takes the texts as Markdown ([`Text::markdown`]). Default: text with BB codes, as
    /// [`say`](Context::say) takes it.
    pub fn markdown(mut self) -> Self {
        self.is_markdown = true;
        self
    }

    /// Shows a button under the growing answer with which the person who is answered ends it.
    /// Default: none.
    pub fn stop_button(mut self) -> Self {
        self.place.has_button = true;
        self
    }

    /// Adds a word or words that end it if the person who is answered writes nothing else, whatever
    /// the case of the letters. Default: “stop”.
    pub fn stops_at(mut self, words: impl Into<String>) -> Self {
        self.words.push(words.into());
        self
    }

    async fn run(self) -> Result<GrownAnswer> {
        let Self {
            mut tokens,
            place,
            is_markdown,
            words,
        } = self;
        let running = place.begin(words);
        let codes = |text: &str| match is_markdown {
            true => Text::new().markdown(text).into(),
            false => text.to_owned(),
        };
        let place = Arc::new(place);
        let mut growth = Growth::new(place.shown_before().await?);
        let mut writing = Some(place.show_writing());
        let mut answer = GrownAnswer::default();
        loop {
            let next = growth.next_edit(answer.text.len());
            tokio::select! {
                biased;
                () = running.stopped() => {
                    answer.is_stopped = true;
                    break;
                }
                shown = growth.edited() => growth.on_edited(shown),
                () = until(next) => {
                    writing = None;
                    growth.edit(&place, codes(&answer.text), answer.text.len());
                }
                token = tokens.next() => match token {
                    Some(token) => {
                        answer.text.push_str(&token?);
                        growth.has_words |= !answer.text.trim().is_empty();
                    }
                    None => break,
                },
            }
        }
        drop((tokens, writing));
        let shown = growth.edited_at_last().await;
        place.finish(&codes(&answer.text), shown);
        Ok(answer)
    }
}

impl<'t> IntoFuture for GrowingAnswer<'t> {
    type Output = Result<GrownAnswer>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 't>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl fmt::Debug for GrowingAnswer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrowingAnswer")
            .field("is_markdown", &self.is_markdown)
            .field("words", &self.words)
            .finish_non_exhaustive()
    }
}

/// The call that shows what has come, and returns the message.
type Edit = Pin<Box<dyn Future<Output = Result<MessageId>> + Send>>;

/// What is shown of an answer, and when it is shown next.
struct Growth {
    message: Option<MessageId>,
    /// Whether there is anything to show.
    has_words: bool,
    /// The length of the text that is shown.
    len: usize,
    /// The running call.
    edit: Option<Edit>,
    /// The earliest time of the next one.
    next: Option<Instant>,
    interval: Duration,
}

impl Growth {
    fn new(message: Option<MessageId>) -> Self {
        Self {
            message,
            has_words: false,
            len: 0,
            edit: None,
            next: None,
            interval: EDIT_INTERVAL,
        }
    }

    /// Returns when a text of this length shall be shown, if it is not yet.
    fn next_edit(&mut self, len: usize) -> Option<Instant> {
        if !self.has_words || self.edit.is_some() || len == self.len {
            return None;
        }
        Some(
            *self
                .next
                .get_or_insert_with(|| Instant::now() + SHOWN_AFTER),
        )
    }

    /// Begins to show a text.
    fn edit(&mut self, place: &Arc<Place>, codes: String, len: usize) {
        self.len = len;
        let (place, message) = (Arc::clone(place), self.message);
        self.edit = Some(Box::pin(async move { place.show(message, &codes).await }));
    }

    /// Waits until the running call has ended.
    async fn edited(&mut self) -> Result<MessageId> {
        match &mut self.edit {
            Some(edit) => edit.await,
            None => pending().await,
        }
    }

    /// Notes the end of a call. One that failed is not made again, but the next one comes later.
    fn on_edited(&mut self, shown: Result<MessageId>) {
        self.edit = None;
        match shown {
            Ok(message) => {
                self.message = Some(message);
                self.interval = EDIT_INTERVAL;
            }
            Err(error) => {
                self.interval = (self.interval * 2).min(EDIT_INTERVAL_MAX);
                self.len = 0; // what it had is not shown
                tracing::debug!(%error, pause = ?self.interval, "a growing answer cannot be shown now");
            }
        }
        self.next = Some(Instant::now() + self.interval);
    }

    /// Waits for a running call, and returns the message that is shown.
    async fn edited_at_last(mut self) -> Option<MessageId> {
        if self.edit.is_some() {
            let shown = self.edited().await;
            self.on_edited(shown);
        }
        self.message
    }
}

/// Waits until a time, or for ever.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}
