//! Forms: questions that are asked one after another, with typed answers.

mod field;
mod fill;

use std::fmt;
use std::time::Duration;

use crate::message::Draft;

pub use field::{Field, FieldError};
pub(super) use fill::{end_form, form_of};

/// Questions that a person answers one after another, and the values that come of it.
///
/// ```
/// use std::time::Duration;
///
/// use imbot::handler::{Field, FieldError, Form};
/// use imbot::prelude::*;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Default, Serialize, Deserialize)]
/// struct Order {
///     name: String,
///     pieces: u32,
///     is_gift: bool,
/// }
///
/// fn order() -> Form<Order> {
///     Form::new("order", 1)
///         .ask("What is your name?", |order: &mut Order, name| order.name = name)
///         .ask("How many?", |order, pieces| order.pieces = pieces)
///         .ask("Is it a gift?", |order, is_gift| order.is_gift = is_gift)
///         .times_out_after(Duration::from_secs(3600))
/// }
///
/// struct Shop;
///
/// impl Bot for Shop {
///     async fn message(&self, cx: &mut Context, message: Message) -> Result {
///         if let Some(order) = cx.fill(&order(), &message).await? {
///             cx.say(format!("{} × for {}.", order.pieces, order.name));
///         }
///         Ok(())
///     }
/// }
/// ```
///
/// Each person of a group fills a form of their own. What was answered is stored with the turn, so
/// it survives a restart, and a turn that is retried asks nothing twice. Under each question are
/// buttons for the [choices](Field::choices), to go back and to cancel; the words work as well.
pub struct Form<F> {
    name: &'static str,
    version: u32,
    steps: Vec<Step<F>>,
    timeout: Option<Duration>,
}

/// A question of a form.
struct Step<F> {
    question: Draft,
    choices: Vec<String>,
    set: Box<Set<F>>,
}

/// Reads an answer, and sets the value that it is.
type Set<F> = dyn Fn(&mut F, &str) -> Result<(), FieldError> + Send + Sync;

impl<F> Form<F> {
    /// Returns a form without questions. The name is unique among the forms of a bot. Raise the
    /// version when the questions or the type of the values change: a form that was begun with
    /// another version starts again, and the person is told.
    pub fn new(name: &'static str, version: u32) -> Self {
        Self {
            name,
            version,
            steps: Vec::new(),
            timeout: None,
        }
    }

    /// Adds a question, and what to do with its answer.
    #[must_use]
    pub fn ask<T: Field>(
        mut self,
        question: impl Into<Draft>,
        set: impl Fn(&mut F, T) + Send + Sync + 'static,
    ) -> Self {
        self.steps.push(Step {
            question: question.into(),
            choices: T::choices(),
            set: Box::new(move |values, answer| {
                set(values, T::read(answer)?);
                Ok(())
            }),
        });
        self
    }

    /// Ends the form if a question has waited this long for its answer, and tells the person.
    /// Default: it waits for ever.
    #[must_use]
    pub fn times_out_after(mut self, time: Duration) -> Self {
        self.timeout = Some(time);
        self
    }
}

impl<F> fmt::Debug for Form<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let questions = self.steps.iter().map(|step| step.question.text());
        f.debug_struct("Form")
            .field("name", &self.name)
            .field("version", &self.version)
            .field("questions", &questions.collect::<Vec<_>>())
            .field("timeout", &self.timeout)
            .finish()
    }
}
