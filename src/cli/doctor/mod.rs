//! `doctor`: finds out why events do not arrive, and what to do about it.
//!
//! It works while the program runs, and needs no store if portals are reached by inbound webhooks.
//! It changes nothing on a portal. Like any command that calls a portal, it stores renewed tokens
//! and the inbound webhooks of the settings.

mod bindings;
mod bots;
mod certificate;
mod check;
#[cfg(feature = "postgres")]
mod database;
mod grants;
mod lines;
mod portal;
mod problem;
mod program;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use futures_util::{StreamExt, stream};
use serde_json::json;

use self::check::Check;
#[cfg(feature = "postgres")]
pub(super) use self::check::span;
use self::problem::Problem;
use super::Done;
use crate::app::App;
use crate::config::{Config, StoreConfig, StoreConfigError};
use crate::engine::Engine;
use crate::event::MemberId;
use crate::portal::Error;
use crate::store::{Memory, Store};

/// Maximum number of portals that are checked at once.
const AT_ONCE: usize = 8;

/// Time limit of one question to a portal. Default of `--timeout`.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Args)]
pub(super) struct Doctor {
    /// Print JSON for programs: a list of checks with portal, name, status, detail, fix
    #[arg(long)]
    json: bool,

    /// Seconds to wait for the answer to one question
    #[arg(long, default_value_t = ANSWER_TIMEOUT.as_secs(), value_name = "SECONDS")]
    timeout: u64,

    #[command(flatten)]
    config: Config,
}

/// What every check of a portal needs.
struct Inspection<'i> {
    engine: &'i std::sync::Arc<Engine>,
    config: &'i Config,
    /// Time limit of one question.
    timeout: Duration,
}

/// The checks of one portal, or of the program itself.
struct Report {
    portal: Option<MemberId>,
    checks: Vec<Check>,
}

impl Inspection<'_> {
    /// Waits for the answer to a question, within the time limit.
    async fn ask<T>(&self, question: impl Future<Output = Result<T, Error>>) -> Result<T, Problem> {
        match tokio::time::timeout(self.timeout, question).await {
            Ok(answer) => answer.map_err(Problem::from),
            Err(_) => Err(Problem::timed_out(self.timeout)),
        }
    }

    /// Checks one portal.
    async fn report(&self, id: MemberId) -> Report {
        let checks = match self.engine.portal(&id) {
            Some(portal) => portal::checks(self, &portal).await,
            None => Vec::new(),
        };
        Report {
            portal: Some(id),
            checks,
        }
    }
}

/// Checks the program and all its portals. Fails if a check failed; warnings do not count.
pub(super) async fn examine(app: App, doctor: Doctor) -> Done {
    let Doctor {
        json,
        timeout,
        config,
    } = doctor;
    let (store, mut checks): (Arc<dyn Store>, _) = match open_store(&config.store).await {
        Ok(opened) => opened,
        Err(error) => (
            Arc::new(Memory::new()),
            vec![program::no_store(&config, &error)],
        ),
    };
    let engine = app.shared_store(store).engine(&config)?;
    engine.load_portals().await?;
    let inspection = Inspection {
        engine: &engine,
        config: &config,
        timeout: Duration::from_secs(timeout),
    };
    checks.extend(program::address(&inspection).await);
    checks.extend(program::refused_events(&inspection).await);
    let mut portals = engine.portals();
    portals.sort_unstable();
    if portals.is_empty() {
        checks.push(program::no_portals());
    }
    let mut reports = vec![Report {
        portal: None,
        checks,
    }];
    let of_portals = portals.into_iter().map(|id| inspection.report(id));
    let of_portals = stream::iter(of_portals).buffered(AT_ONCE);
    reports.extend(of_portals.collect::<Vec<_>>().await);
    if json {
        print_json(&reports)?;
    } else {
        print(&reports);
    }
    let checks = reports.iter().flat_map(|report| &report.checks);
    match checks.filter(|check| check.has_failed()).count() {
        0 => Ok(()),
        1 => Err("one check failed".into()),
        failed => Err(format!("{failed} checks failed").into()),
    }
}

/// Opens the store, and checks it.
async fn open_store(place: &StoreConfig) -> Result<(Arc<dyn Store>, Vec<Check>), StoreConfigError> {
    #[cfg(feature = "postgres")]
    if let crate::config::StorePlace::Postgres(_) = place.place() {
        let store = place.attend_postgres()?;
        let mut checks = program::store(place, &store).await;
        checks.extend(database::checks(&store).await);
        return Ok((Arc::new(store), checks));
    }
    let store = place.attend()?;
    let checks = program::store(place, &*store).await;
    Ok((store, checks))
}

fn print_json(reports: &[Report]) -> Done {
    let all: Vec<_> = reports
        .iter()
        .flat_map(|Report { portal, checks }| {
            checks.iter().map(move |check| {
                let Check { name, status, detail, fix } = check;
                json!({ "portal": portal, "name": name, "status": status, "detail": detail, "fix": fix })
            })
        })
        .collect();
    out!("{}", serde_json::to_string_pretty(&all)?);
    Ok(())
}

/// Prints the reports for people, a line for each check.
fn print(reports: &[Report]) {
    let names = reports.iter().flat_map(|report| &report.checks);
    let width = names.map(|check| check.name.chars().count()).max();
    let width = width.unwrap_or_default();
    for Report { portal, checks } in reports {
        match portal {
            Some(portal) => out!("{portal}"),
            None => out!("this program"),
        }
        for Check {
            name,
            status,
            detail,
            fix,
        } in checks
        {
            let status = status.word();
            let fix = fix
                .as_ref()
                .map_or(String::new(), |fix| format!(" → {fix}"));
            out!("  {status:7}  {name:width$}  {detail}{fix}");
        }
    }
}
