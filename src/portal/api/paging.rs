//! Lists that come by page, as a stream.
//!
//! Page `list-methods-pecularities.md`: most methods tell `next` beside the result and take it as `start`; those of the
//! second generation tell `hasNextPage` in the result and take `offset`. Both are told apart by the answer.

use futures_util::Stream;
use futures_util::stream::try_unfold;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::portal::http::answer::Answer;
use crate::portal::{Error, Portal};

/// Where the next page begins.
#[derive(Clone, Copy)]
enum Next {
    First,
    Start(u64),
    Offset(u64),
    None,
}

impl Portal {
    /// The pages of a list, each asked for when it is wanted. `list` names the list in the result (`"bots"`); where the
    /// result is the list it is empty.
    ///
    /// ```no_run
    /// # async fn example(portal: imbot::portal::Portal) -> Result<(), imbot::portal::Error> {
    /// use std::pin::pin;
    ///
    /// use futures_util::TryStreamExt;
    /// use serde_json::{Value, json};
    ///
    /// let mut pages = pin!(portal.in_bulk().pages::<Value>("crm.deal.list", json!({ "select": ["ID"] }), ""));
    /// while let Some(deals) = pages.try_next().await? { /* fifty at a time */ }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Those of [`call`](Portal::call); the stream ends with the first. A portal whose pages do not go forward is one.
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
                    answer.result[&list].take()
                };
                let items: Vec<T> = serde_json::from_value(items)
                    .map_err(|source| Error::answer(&method, source))?;
                let next = after(&method, next, &answer, items.len())?;
                Ok(Some((items, (next, params))))
            }
        })
    }
}

/// What comes after a page of so many items.
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
            Err(Error::answer(method, "the pages do not go forward"))
        }
        next => Ok(next),
    }
}
