//! Fills a form: asks its questions and keeps the answers, as a part of the conversation.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{FieldError, Form, Step};
use crate::event::{Message, SessionId, UserId};
use crate::handler::phrases::{Language, Phrase, translated};
use crate::handler::{Context, Error, Result};
use crate::message::{Answer, Button, FormAnswer, Keyboard, Offer, Offered};
use crate::store::{MessageRef, Reminder, ReminderId};

/// Name of the payload of reminders that end a form.
const TIMEOUT: &str = "imbot_form";

/// A form that is being filled, as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct Filling {
    form: String,
    version: u32,
    /// The index of the question that waits for its answer.
    step: usize,
    values: Value,
    /// The message with the question.
    question: Option<MessageRef>,
    /// The reminder that ends the form.
    timeout: Option<ReminderId>,
    /// The session of the open channel in which the question was asked.
    session: Option<SessionId>,
}

/// What an answer leads to.
enum Next {
    /// The question with this index is asked, after these words.
    Ask(usize, String),
    Cancelled,
    /// A button of an earlier question was pressed.
    Outdated,
}

impl<S> Context<S> {
    /// Passes a message to a form: the first one begins it, each further one is the answer to a
    /// question. Returns the values after the last answer, otherwise `None`: then the person was
    /// asked or told something.
    ///
    /// An answer that is not of the question's type gets the field's error, and the question again.
    /// In an open channel the question also comes again in the next session, such as after an
    /// operator had the chat.
    ///
    /// # Errors
    /// The store fails, or a question is over a limit of the portal.
    pub async fn fill<F>(&mut self, form: &Form<F>, message: &Message) -> Result<Option<F>>
    where
        F: Default + Serialize + DeserializeOwned + Send,
    {
        let filling = self.filling().await?;
        let filling = match filling {
            Some(filling) if filling.form == form.name => filling,
            other => {
                self.start(form, other.as_ref(), "")?;
                return Ok(None);
            }
        };
        let values = F::deserialize(&filling.values);
        let (Ok(mut values), true) = (values, filling.version == form.version) else {
            let words = Phrase::FormChanged.text(self.words_in());
            self.start(form, Some(&filling), words)?;
            return Ok(None);
        };
        if filling.session != self.session() {
            self.ask(form, Some(&filling), filling.step, &values, "")?;
            return Ok(None);
        }
        let answer = self.answer_to(form, &filling, message);
        let next = match answer {
            Some(answer) => self.next(form, &filling, &mut values, &answer),
            None => Next::Outdated,
        };
        match next {
            Next::Ask(step, words) if step < form.steps.len() => {
                self.ask(form, Some(&filling), step, &values, &words)?;
            }
            Next::Ask(..) => {
                self.end(&filling);
                return Ok(Some(values));
            }
            Next::Cancelled => {
                self.end(&filling);
                self.say(Phrase::FormCancelled.text(self.words_in()));
            }
            Next::Outdated => {
                self.say(Phrase::OutdatedButton.text(self.words_in()));
            }
        }
        Ok(None)
    }

    /// Begins a form, whatever was answered before, such as from a command.
    ///
    /// # Errors
    /// The store fails, or the first question is over a limit of the portal.
    pub async fn begin<F>(&mut self, form: &Form<F>) -> Result
    where
        F: Default + Serialize + Send,
    {
        let before = self.filling().await?;
        self.start(form, before.as_ref(), "")
    }

    /// Returns the name of the form that the sender fills in this chat.
    ///
    /// # Errors
    /// The store fails.
    pub async fn form(&mut self) -> Result<Option<String>> {
        Ok(self.filling().await?.map(|filling| filling.form))
    }

    /// Ends the form that the sender fills, without a word.
    ///
    /// # Errors
    /// The store fails.
    pub async fn end_form(&mut self) -> Result {
        if let Some(filling) = self.filling().await? {
            self.end(&filling);
        }
        Ok(())
    }

    async fn filling(&mut self) -> Result<Option<Filling>> {
        let (parts, name) = (self.parts(), part_of(self.sender()));
        parts.read(&name).await
    }

    /// Returns the answer of a message. `None` if its button belongs to another question.
    fn answer_to<F>(&self, form: &Form<F>, filling: &Filling, message: &Message) -> Option<Answer> {
        let Some(pressed) = &self.context().form_answer else {
            return Some(self.typed_answer(message));
        };
        let FormAnswer {
            form: name,
            version,
            step,
            answer,
        } = pressed;
        let is_current = *name == form.name && *version == form.version && *step == filling.step;
        is_current.then(|| answer.clone())
    }

    fn typed_answer(&self, message: &Message) -> Answer {
        let (text, language) = (message.text.trim(), self.words_in());
        if Phrase::Cancel.is_meant(text, language) {
            Answer::Cancel
        } else if Phrase::Back.is_meant(text, language) {
            Answer::Back
        } else {
            Answer::Text(text.to_owned())
        }
    }

    fn next<F>(&self, form: &Form<F>, filling: &Filling, values: &mut F, answer: &Answer) -> Next {
        let step = filling.step;
        let text = match answer {
            Answer::Cancel => return Next::Cancelled,
            Answer::Back => return Next::Ask(step.saturating_sub(1), String::new()),
            Answer::Text(text) => text,
        };
        let set = |step: &Step<F>| (step.set)(values, text);
        match form.steps.get(step).map_or(Ok(()), set) {
            Ok(()) => Next::Ask(step + 1, String::new()),
            Err(wrong) => Next::Ask(step, FieldError::text(&wrong, self.words_in())),
        }
    }

    /// Asks the first question.
    fn start<F>(&mut self, form: &Form<F>, before: Option<&Filling>, words: &str) -> Result
    where
        F: Default + Serialize,
    {
        if form.steps.is_empty() {
            let why = format!("the form `{}` has no question", form.name);
            return Err(Error::permanent(why));
        }
        self.ask(form, before, 0, &F::default(), words)
    }

    /// Asks a question, after some words.
    fn ask<F: Serialize>(
        &self,
        form: &Form<F>,
        before: Option<&Filling>,
        step: usize,
        values: &F,
        words: &str,
    ) -> Result {
        if let Some(before) = before {
            self.forget_question(before);
        }
        let question = &form.steps[step].question;
        let question = match words {
            "" => question.clone(),
            words => question
                .clone()
                .with_text(format!("{words}\n{}", question.text())),
        };
        let mut filling = Filling::new(form, &serde_json::to_value(values)?);
        filling.step = step;
        filling.session = self.session();
        filling.question = Some(
            self.say(question.keyboard(self.keyboard(form, step)))
                .reference(),
        );
        if let Some(timeout) = form.timeout {
            let payload = json!({ TIMEOUT: part_of(self.sender()) });
            filling.timeout = Some(self.remind(timeout, payload)?);
        }
        self.parts().set(&part_of(self.sender()), &filling)
    }

    /// Returns the buttons under a question.
    fn keyboard<F>(&self, form: &Form<F>, step: usize) -> Keyboard {
        let language = self.words_in();
        let button = |label: &str, answer| {
            let mut offer = Offer::new(Offered::Answer(FormAnswer {
                form: form.name.to_owned(),
                version: form.version,
                step,
                answer,
            }));
            offer.only_for = self.sender();
            Button::offer(label, offer)
        };
        let choices = form.steps[step].choices.iter().map(|choice| {
            let label = translated(choice, language);
            button(label, Answer::Text(choice.clone()))
        });
        let choices: Vec<Button> = choices.collect();
        let keyboard = Keyboard::new();
        let keyboard = if choices.is_empty() {
            keyboard
        } else {
            keyboard.row(choices)
        };
        let mut moves = Vec::new();
        if step > 0 {
            moves.push(button(Phrase::Back.text(language), Answer::Back));
        }
        moves.push(button(Phrase::Cancel.text(language), Answer::Cancel));
        keyboard.row(moves)
    }

    fn end(&self, filling: &Filling) {
        self.forget_question(filling);
        self.parts().remove(&part_of(self.sender()));
    }

    /// Removes the buttons of the question that was asked before, and the reminder.
    fn forget_question(&self, filling: &Filling) {
        if let Some(question) = filling.question {
            self.message(question).without_keyboard();
        }
        if let Some(timeout) = filling.timeout {
            self.cancel(timeout);
        }
    }

    fn words_in(&self) -> Language {
        Language::of(self.language())
    }
}

impl Filling {
    fn new<F>(form: &Form<F>, values: &Value) -> Self {
        Self {
            form: form.name.to_owned(),
            version: form.version,
            step: 0,
            values: values.clone(),
            question: None,
            timeout: None,
            session: None,
        }
    }
}

/// Returns the name of the part that holds the form of a person.
fn part_of(sender: Option<UserId>) -> String {
    format!("form/{}", sender.unwrap_or_default())
}

/// Returns the part of the form that a reminder ends, if it is such a reminder.
pub(in crate::handler) fn form_of(reminder: &Reminder) -> Option<&str> {
    reminder.payload.get(TIMEOUT)?.as_str()
}

/// Ends a form whose question has waited too long, and tells the person.
pub(in crate::handler) async fn end_form<S>(
    cx: &mut Context<S>,
    part: &str,
    reminder: ReminderId,
) -> Result {
    let parts = cx.parts();
    let filling: Option<Filling> = parts.read(part).await?;
    let Some(filling) = filling.filter(|filling| filling.timeout == Some(reminder)) else {
        return Ok(()); // the question was answered meanwhile
    };
    if let Some(question) = filling.question {
        cx.message(question).without_keyboard();
    }
    parts.remove(part);
    if !cx.effects().is_with_operator() {
        cx.say(Phrase::FormTimedOut.text(cx.words_in()));
    }
    Ok(())
}
