//! Several calls in one request, which may use the results of earlier ones.
//!
//! Page `b24restdocs: settings/how-to-call-rest-api/batch.md`: at most fifty commands; they run one
//! after another, and count as one request for the limit. A command may refer to an earlier one's
//! result, which the portal inserts.

use std::fmt::Display;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::portal::methods::Method;
use crate::portal::schedule::batching;
use crate::portal::schedule::queue::{BATCH_BYTES_MAX, BATCH_MAX};
use crate::portal::{Error, Portal};

/// Calls that are sent in one request. Created by [`Portal::batch`].
///
/// ```no_run
/// # async fn example(portal: imbot::portal::Portal) -> Result<(), imbot::portal::Error> {
/// use serde_json::{Value, json};
///
/// let mut batch = portal.batch().halting();
/// let deal = batch.add::<Value>("crm.deal.get", json!({ "ID": 7 }));
/// let person = batch.add::<Value>("crm.contact.get", json!({ "ID": deal.at(["CONTACT_ID"]) }));
/// let mut answers = batch.send().await?;
/// let (deal, person) = (answers.take(deal)?, answers.take(person)?);
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "a batch does nothing until it is sent"]
pub struct Batch {
    portal: Portal,
    /// The random beginning of all keys, so that only this batch can write references to them.
    key: String,
    commands: Vec<(String, Value)>,
    halts: bool,
}

/// A command of a batch, to be exchanged for its answer. `T` is the type that its method returns.
#[derive(Debug)]
pub struct Command<T> {
    key: String,
    method: String,
    result: PhantomData<fn() -> T>,
}

/// The answers of a batch's commands.
#[derive(Debug)]
pub struct Answers(batching::BatchAnswers);

impl Portal {
    /// An empty batch.
    pub fn batch(&self) -> Batch {
        Batch {
            portal: self.clone(),
            key: format!("c{:08x}", Uuid::new_v4().as_fields().0),
            commands: Vec::new(),
            halts: false,
        }
    }
}

impl Batch {
    /// Stops at the first command that fails; the commands after it are not run. Default: every
    /// command is run. Useful with [references](Command::at), since a reference to a failed command
    /// is sent as plain text.
    pub fn halting(mut self) -> Batch {
        self.halts = true;
        self
    }

    /// Adds a call.
    pub fn add<T>(&mut self, method: &str, params: Value) -> Command<T> {
        let command = Command {
            key: format!("{}n{}", self.key, self.commands.len()),
            method: method.to_owned(),
            result: PhantomData,
        };
        self.commands.push((method.to_owned(), params));
        command
    }

    /// Adds a call of the [table](crate::portal::methods).
    pub fn push<M: Method>(&mut self, method: M) -> Command<M::Answer> {
        self.add(M::NAME, method.params())
    }

    /// Returns the number of calls; at most [`BATCH_MAX`] can be sent.
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// Whether the batch has no calls.
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// Sends the calls. An empty batch is not sent.
    ///
    /// # Errors
    /// - The batch as a whole was refused.
    /// - It has more than [`BATCH_MAX`] commands, or more than a megabyte.
    /// - A parameter is null or empty, which a command cannot express, or is a text that reads like
    ///   a reference (`$result…`).
    ///
    /// The error of a single command is returned by [`Answers::take`].
    pub async fn send(self) -> Result<Answers, Error> {
        if self.is_empty() {
            return Ok(Answers(batching::BatchAnswers::default()));
        }
        self.check()?;
        let access = self.portal.access().await;
        let command = |(n, (method, params)): (usize, &(String, Value))| {
            let command = batching::command(method, params, &access);
            (format!("{}n{n}", self.key), Value::from(command))
        };
        let commands: Map<String, Value> = self.commands.iter().enumerate().map(command).collect();
        let params = batching::params(commands, self.halts);
        let answer = self.portal.answer("batch", &params).await?;
        Ok(Answers(batching::BatchAnswers::from_result(answer.result)))
    }

    fn check(&self) -> Result<(), Error> {
        if self.len() > BATCH_MAX {
            let why = format!("a batch holds at most {BATCH_MAX} commands");
            return Err(Error::forbidden("batch", why));
        }
        let mut bytes = 0;
        for (method, params) in &self.commands {
            let mut params = params.clone();
            self.strip_references(&mut params);
            bytes += batching::size(method, &params).ok_or_else(|| {
                let why = format!(
                    "{method} cannot go in a batch: it is one for files, too large, or a parameter is null, empty or reads \
                     like a reference"
                );
                Error::forbidden("batch", why)
            })?;
        }
        if bytes > BATCH_BYTES_MAX {
            let why = format!("a batch holds at most {BATCH_BYTES_MAX} bytes");
            return Err(Error::forbidden("batch", why));
        }
        Ok(())
    }

    /// Removes our own references from a text: only they begin with this batch's key.
    fn strip_references(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                *text = text.replace(&format!("$result[{}", self.key), "");
            }
            Value::Array(items) => items
                .iter_mut()
                .for_each(|item| self.strip_references(item)),
            Value::Object(fields) => {
                fields
                    .values_mut()
                    .for_each(|field| self.strip_references(field));
            }
            _ => {}
        }
    }
}

impl<T> Command<T> {
    /// A placeholder for a part of this command's result in the parameters of a later command:
    /// `at(["CONTACT_ID"])`, or `at([0, 5])` in lists. Without a path it is the whole result.
    ///
    /// A part that does not exist is not an error: the portal inserts the deepest part that does.
    pub fn at<S: Display>(&self, path: impl IntoIterator<Item = S>) -> Reference {
        let path: String = path.into_iter().map(|step| format!("[{step}]")).collect();
        Reference(format!("$result[{}]{path}", self.key))
    }
}

/// A part of an earlier command's result, used as a parameter.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Reference(String);

impl Answers {
    /// Takes the answer of a command.
    ///
    /// # Errors
    /// - The command was refused.
    /// - It was not run, because an earlier command failed.
    /// - Its answer is not a `T`.
    pub fn take<T: DeserializeOwned>(&mut self, command: Command<T>) -> Result<T, Error> {
        let Command { key, method, .. } = command;
        match self.0.take(&key, &method) {
            Some(Ok(answer)) => serde_json::from_value(answer.result)
                .map_err(|source| Error::answer(&method, source)),
            Some(Err(error)) => Err(error),
            None => Err(Error::unusable(
                &method,
                "not run: an earlier command of the batch failed",
            )),
        }
    }
}
