//! Many calls in one request, each in reach of the results before it.
//!
//! Page `batch.md`: at most fifty commands; they run one after another, and count as one request for the limit. A command
//! may refer to an earlier one's result, which the portal puts in its place.

use std::fmt::Display;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::portal::schedule::batching;
use crate::portal::schedule::queue::{BATCH_BYTES_MAX, BATCH_MAX};
use crate::portal::{Error, Portal};

/// Calls that are made with one request. Made by [`Portal::batch`].
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
#[must_use = "a batch is made when it is sent"]
pub struct Batch {
    portal: Portal,
    /// Begins the keys, so that nobody can write a reference who does not know it.
    key: String,
    commands: Vec<(String, Value)>,
    halts: bool,
}

/// One command of a batch, and the way to its answer. `T` is what its method returns.
#[derive(Debug)]
pub struct Command<T> {
    key: String,
    method: String,
    result: PhantomData<fn() -> T>,
}

/// What the commands of a batch have answered.
#[derive(Debug)]
pub struct Answers(batching::Answers);

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
    /// Stops at the first command that fails; those after it are not run. Default: every command is run. With
    /// [references](Command::at) one wants it, since a reference to a command that failed is sent as it is written.
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

    /// How many calls it holds; at most [`BATCH_MAX`] can be sent.
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// Makes the calls. An empty batch is not sent.
    ///
    /// # Errors
    /// The batch as a whole was refused; or it cannot be sent: it holds more than [`BATCH_MAX`] commands or a megabyte,
    /// or a parameter that is no reference reads like one (`$result…`), or is null or empty, which a command cannot tell.
    /// What a single command fails with is told by [`Answers::take`].
    pub async fn send(self) -> Result<Answers, Error> {
        if self.is_empty() {
            return Ok(Answers(batching::Answers::default()));
        }
        self.check()?;
        let access = self.portal.access().await;
        let command = |(n, (method, params)): (usize, &(String, Value))| {
            let command = batching::command(method, params, &access);
            (format!("{}n{n}", self.key), Value::from(command))
        };
        let commands: Map<String, Value> = self.commands.iter().enumerate().map(command).collect();
        let params = batching::batch(commands, self.halts);
        let answer = self.portal.answer("batch", &params).await?;
        Ok(Answers(batching::Answers::of(answer.result)))
    }

    fn check(&self) -> Result<(), Error> {
        if self.len() > BATCH_MAX {
            let why = format!("a batch holds at most {BATCH_MAX} commands");
            return Err(Error::forbidden("batch", why));
        }
        let mut bytes = 0;
        for (method, params) in &self.commands {
            let mut params = params.clone();
            self.forget_references(&mut params);
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

    /// Makes our own references plain: they alone begin with this batch's key.
    fn forget_references(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                *text = text.replace(&format!("$result[{}", self.key), "");
            }
            Value::Array(items) => items
                .iter_mut()
                .for_each(|item| self.forget_references(item)),
            Value::Object(fields) => {
                fields
                    .values_mut()
                    .for_each(|field| self.forget_references(field));
            }
            _ => {}
        }
    }
}

impl<T> Command<T> {
    /// Stands for a part of this command's result in the parameters of a later one: `at(["CONTACT_ID"])`, or `at([0, 5])`
    /// in lists. Without a path it is the whole result.
    ///
    /// A part that is not there does not fail: the portal takes the deepest that is.
    pub fn at<S: Display>(&self, path: impl IntoIterator<Item = S>) -> Reference {
        let path: String = path.into_iter().map(|step| format!("[{step}]")).collect();
        Reference(format!("$result[{}]{path}", self.key))
    }
}

/// A part of an earlier command's result, to be given as a parameter.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Reference(String);

impl Answers {
    /// The answer of a command.
    ///
    /// # Errors
    /// The command was refused, was not run since one before it failed, or answered something else than `T`.
    pub fn take<T: DeserializeOwned>(&mut self, command: Command<T>) -> Result<T, Error> {
        let Command { key, method, .. } = command;
        match self.0.take(&key, &method) {
            Some(Ok(answer)) => serde_json::from_value(answer.result)
                .map_err(|source| Error::answer(&method, source)),
            Some(Err(error)) => Err(error),
            None => Err(Error::unusable(
                &method,
                "a command before it in the batch failed",
            )),
        }
    }
}
