//! Statements that are sent in one go, and their results.

use std::pin::Pin;

use futures_util::{TryStreamExt, poll};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

use super::fault::Fault;
use super::session::Session;

/// A statement with its parameters.
pub(super) struct Step<'a> {
    pub(super) sql: &'static str,
    pub(super) params: Vec<Box<dyn ToSql + Sync + Send + 'a>>,
}

impl Step<'_> {
    /// Runs the statement alone. Returns its rows.
    pub(super) async fn run(&self, db: &Session) -> Result<Vec<Row>, Fault> {
        let statement = db.prepared(self.sql).await?;
        send(db, &statement, self).await.map_err(Fault::from)
    }
}

/// Makes a [`Step`] of a statement and its parameters.
macro_rules! step {
    ($sql:expr $(, $param:expr)* $(,)?) => {
        $crate::store::postgres::step::Step { sql: $sql, params: vec![$(Box::new($param)),*] }
    };
}
pub(super) use step;

type Answer<'a> =
    Pin<Box<dyn Future<Output = Result<Vec<Row>, tokio_postgres::Error>> + Send + 'a>>;

async fn send(
    db: &Session,
    statement: &Statement,
    step: &Step<'_>,
) -> Result<Vec<Row>, tokio_postgres::Error> {
    let params = step
        .params
        .iter()
        .map(|param| &**param as &(dyn ToSql + Sync));
    let rows = db.client().query_raw(statement, params).await?;
    rows.try_collect().await
}

/// Sends BEGIN, the steps and COMMIT in one go. Returns the rows of each step when the transaction
/// is committed.
///
/// The steps after the first must not work outside of the transaction: if the server cancels the
/// BEGIN, each would be a transaction of its own.
pub(super) async fn commit(db: &Session, steps: &[Step<'_>]) -> Result<Vec<Vec<Row>>, Fault> {
    let mut statements = Vec::with_capacity(steps.len());
    for step in steps {
        statements.push(db.prepared(step.sql).await?);
    }
    let before = db.warnings();
    let command = |sql: &'static str| -> Answer<'_> {
        Box::pin(async move {
            db.client().batch_execute(sql).await?;
            Ok(Vec::new())
        })
    };
    let mut answers = vec![command("BEGIN")];
    for (step, statement) in steps.iter().zip(&statements) {
        answers.push(Box::pin(send(db, statement, step)));
    }
    answers.push(command("COMMIT"));

    // The first poll of each sends it, in this order.
    let mut polled = Vec::with_capacity(answers.len());
    for answer in &mut answers {
        polled.push(poll!(answer));
    }
    let (mut results, mut failed) = (Vec::with_capacity(answers.len()), None);
    for (answer, polled) in answers.into_iter().zip(polled) {
        let result = match polled {
            std::task::Poll::Ready(result) => result,
            std::task::Poll::Pending => answer.await,
        };
        match result {
            Ok(rows) => results.push(rows),
            // The errors behind the first only say that the transaction has failed.
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    if let Some(error) = failed {
        return Err(error.into());
    }
    db.check_warnings(before)?;
    results.pop();
    results.remove(0);
    Ok(results)
}
