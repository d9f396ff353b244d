//! `batch`: many calls in one, each with access to earlier results. See
//! protocol/server-behaviour.md 5.3.

use serde_json::{Map, Value, json};

use super::call::{Answer, Call, Method, Reply, method};
use super::envelope;
use super::params::{Params, items, php_array};
use super::reference::resolve;
use super::request::form_params;
use super::run::run;
use crate::emulator::refusal::Refusal;

pub(super) const METHODS: &[Method] = &[method("batch", "", batch)];

/// Maximum number of commands in a batch; each further one is refused.
const COMMANDS_MAX: usize = 50;

/// Methods that a batch must not contain.
const NOT_INSIDE: [&str; 3] = ["batch", "download", "upload"];

/// The results so far, by the key of each command.
#[derive(Default)]
struct Results {
    result: Map<String, Value>,
    error: Map<String, Value>,
    total: Map<String, Value>,
    next: Map<String, Value>,
    time: Map<String, Value>,
}

fn batch(call: &mut Call<'_, '_>) -> Answer {
    let halt = call
        .params
        .text("HALT")
        .is_some_and(|halt| !["", "0", "false", "N"].contains(&halt.as_str()));
    let commands = commands(call.params.get("CMD"));
    let mut results = Results::default();
    for (place, (key, command)) in commands.into_iter().enumerate() {
        if place >= COMMANDS_MAX {
            let text = "Max batch length exceeded";
            results.fail(&key, &Refusal::new("ERROR_BATCH_LENGTH_EXCEEDED", text));
        } else {
            let started = call.tx.world.clock.now();
            let answer = one(call, &command, &results);
            let finished = call.tx.world.clock.now();
            match answer {
                Ok(reply) => {
                    results
                        .time
                        .insert(key.clone(), envelope::time(&reply, started, finished));
                    results.keep(&key, reply);
                }
                Err(refusal) => results.fail(&key, &refusal),
            }
        }
        if halt && !results.error.is_empty() {
            break;
        }
    }
    Ok(results.print().into())
}

/// Returns the commands with their keys; items that are not texts are skipped.
fn commands(cmd: Option<&Value>) -> Vec<(String, String)> {
    let keyed: Vec<(String, Value)> = match cmd {
        Some(Value::Object(fields)) => fields.clone().into_iter().collect(),
        Some(list) => items(list)
            .into_iter()
            .enumerate()
            .map(|(place, item)| (place.to_string(), item))
            .collect(),
        None => Vec::new(),
    };
    keyed
        .into_iter()
        .filter_map(|(key, item)| Some((key, item.as_str()?.to_owned())))
        .collect()
}

/// Runs one command: `method?query`.
fn one(call: &mut Call<'_, '_>, command: &str, results: &Results) -> Answer {
    let (name, query) = command.split_once('?').unwrap_or((command, ""));
    let name = name.trim().trim_matches('/').to_lowercase();
    if NOT_INSIDE.contains(&name.as_str()) {
        let text = "Method is not allowed for batch usage";
        return Err(Refusal::new("ERROR_BATCH_METHOD_NOT_ALLOWED", text).status(405));
    }
    let params = resolve(
        &form_params(query.as_bytes()).to_value(),
        &results.as_value(),
    );
    let Value::Object(fields) = params else {
        return Err(super::request::not_found());
    };
    let mut params = Params::default();
    if let Some(client_id) = call.params.text("CLIENT_ID") {
        params.merge(Params::new(
            [("CLIENT_ID".to_owned(), client_id.into())]
                .into_iter()
                .collect(),
        ));
    }
    params.merge(Params::new(fields));
    run(call.tx, &call.caller, &name, params)
}

impl Results {
    fn keep(&mut self, key: &str, reply: Reply) {
        self.result.insert(key.to_owned(), reply.result);
        if let Some(total) = reply.total {
            self.total.insert(key.to_owned(), total.into());
        }
        if let Some(next) = reply.next {
            self.next.insert(key.to_owned(), next.into());
        }
    }

    fn fail(&mut self, key: &str, refusal: &Refusal) {
        self.error
            .insert(key.to_owned(), envelope::failure(refusal));
    }

    /// Returns the tree that references read from.
    fn as_value(&self) -> Value {
        json!({
            "result": self.result,
            "error": self.error,
            "total": self.total,
            "next": self.next,
            "time": self.time,
        })
    }

    fn print(self) -> Value {
        json!({
            "result": php_array(self.result),
            "result_error": php_array(self.error),
            "result_total": php_array(self.total),
            "result_next": php_array(self.next),
            "result_time": php_array(self.time),
        })
    }
}
