//! Paged lists, as a stream.
//!
//! Page `b24restdocs: settings/how-to-call-rest-api/list-methods-pecularities.md`: most methods
//! return `next` next to the result and accept it as `start`; those of v2 return `hasNextPage` in
//! the result and accept `offset`. The answer shows which it is.

use futures_util::Stream;
use futures_util::stream::try_unfold;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::portal::http::answer::Answer;
use crate::portal::{Error, Portal};

/// The start of the next page.
#[derive(Clone, Copy)]
enum Next {
    First,
    Start(u64),
    Offset(u64),
    None,
}

impl Portal {
    /// Returns the pages of a list; each is requested when it is polled. `list` is the list's name
    /// in the result (`"bots"`), or empty if the result is the list.
    ///
    /// ```no_run
    /// # async fn example(portal: imbot::portal::Portal) -> Result<(), imbot::portal::Error> {
    /// use std::pin::pin;
    ///
    /// use futures_util::TryStreamExt;
    /// use serde_json::{Value, json};
    ///
    /// let params = json!({ "select": ["ID"] });
    /// let mut pages = pin!(portal.in_bulk().pages::<Value>("crm.deal.list", params, ""));
    /// while let Some(deals) = pages.try_next().await? { /* fifty at a time */ }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// - Those of [`call`](Portal::call).
    /// - The result has no list of this name; the text of the error contains its keys.
    /// - A page does not advance.
    ///
    /// The stream ends with the first error.
    pub fn pages<T: DeserializeOwned + Send>(
        &self,
        method: &str,
        params: Value,
        list: &str,
    ) -> impl Stream<Item = Result<Vec<T>, Error>> + Send + use<T> {
        let (portal, method, list) = (self.clone(), method.to_owned(), list.to_owned());
        try_unfold((Next::First, params), move |(next, mut params)| {
            let (portal, method, list) = (portal.clone(), method.clone(), list.clone());
            async move {
                match next {
                    Next::None => return Ok(None),
                    Next::First => {}
                    Next::Start(start) => params["start"] = start.into(),
                    Next::Offset(offset) => params["offset"] = offset.into(),
                }
                let mut answer = portal.answer(&method, &params).await?;
                let items = if list.is_empty() {
                    answer.result.take()
                } else {
                    let items = answer.result.get_mut(&list);
                    items.map(Value::take).unwrap_or_default()
                };
                if !items.is_array() {
                    let why = not_a_list(&answer.result, &items, &list);
                    return Err(Error::not_a_list(&method, why));
                }
                let items: Vec<T> = serde_json::from_value(items)
                    .map_err(|source| Error::answer(&method, source))?;
                let next = after(&method, next, &answer, items.len())?;
                Ok(Some((items, (next, params))))
            }
        })
    }
}

/// Returns why there is no list in a result, with the names that it has.
fn not_a_list(result: &Value, taken: &Value, list: &str) -> String {
    let wanted = match list {
        "" => "the result is not a list".to_owned(),
        list => format!("`{list}` of the result is not a list"),
    };
    let within = if list.is_empty() { taken } else { result };
    match within.as_object() {
        Some(fields) => {
            let names: Vec<String> = fields.keys().map(|key| format!("`{key}`")).collect();
            format!(
                "{wanted}; it has {}: name the one with the list",
                names.join(", ")
            )
        }
        None => wanted,
    }
}

/// Returns the start of the page after one with this many items.
fn after(method: &str, page: Next, answer: &Answer, items: usize) -> Result<Next, Error> {
    let begin = match page {
        Next::Start(begin) | Next::Offset(begin) => begin,
        Next::First | Next::None => 0,
    };
    let next = match answer.next {
        Some(start) => Next::Start(start),
        None if answer.result["hasNextPage"] == true => Next::Offset(begin + items as u64),
        None => return Ok(Next::None),
    };
    match next {
        Next::Start(next) | Next::Offset(next) if next <= begin => {
            Err(Error::answer(method, "the pages do not advance"))
        }
        next => Ok(next),
    }
}
