//! Answers to REST methods that a test sets.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::emulator::refusal::Refusal;

/// The answer that a test gives to a call of a REST method.
///
/// It is made from a JSON value, from a [`Refusal`], or from a result of both.
#[derive(Clone, Debug)]
pub struct MethodAnswer(pub(crate) Result<Value, Refusal>);

impl From<Value> for MethodAnswer {
    fn from(result: Value) -> Self {
        Self(Ok(result))
    }
}

impl From<Refusal> for MethodAnswer {
    fn from(refusal: Refusal) -> Self {
        Self(Err(refusal))
    }
}

impl From<Result<Value, Refusal>> for MethodAnswer {
    fn from(answer: Result<Value, Refusal>) -> Self {
        Self(answer)
    }
}

/// Answers a call with these parameters.
pub(crate) type SetAnswer = Arc<dyn Fn(&Value) -> MethodAnswer + Send + Sync>;

/// The methods that a test answers, by name in lower case.
#[derive(Default)]
pub(crate) struct Answers(BTreeMap<String, SetAnswer>);

impl Answers {
    /// Sets the answer to a method, in place of the portal's own.
    pub(crate) fn set(&mut self, method: &str, answer: SetAnswer) {
        self.0.insert(method.to_lowercase(), answer);
    }

    /// Returns the answer to a method, if a test has set it.
    pub(crate) fn of(&self, method: &str) -> Option<&SetAnswer> {
        self.0.get(method)
    }
}
