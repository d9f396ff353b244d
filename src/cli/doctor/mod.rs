//! `doctor`: finds out why events do not arrive, and what to do about it.
//!
//! It works while the program runs, and needs no store if portals are reached by inbound webhooks. It changes nothing on
//! a portal. Like any command that calls a portal, it stores renewed tokens and the inbound webhooks of the settings.

mod bots;
mod bound;
mod certificate;
mod check;
mod grants;
mod here;
mod lines;
mod portal;
mod problem;
mod waiting;

use std::sync::Arc;

use clap::Args;
use futures_util::{StreamExt, stream};
use serde_json::json;

use self::check::{Check, CheckStatus};
use super::Done;
use crate::app::App;
use crate::config::Config;
use crate::engine::Engine;
use crate::event::MemberId;
use crate::store::{Memory, Store};

/// Maximum number of portals that are checked at once.
const AT_ONCE: usize = 8;

#[derive(Args)]
pub(super) struct Doctor {
    /// As JSON, for a program: a list of checks with portal, name, status, detail, fix
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    config: Config,
}

/// The checks of one portal, or of the program itself.
struct Report {
    portal: Option<MemberId>,
    checks: Vec<Check>,
}

/// Checks the program and all its portals. Fails if a check failed; warnings do not count.
pub(super) async fn examine(app: App, doctor: Doctor) -> Done {
    let Doctor { json, config } = doctor;
    let place = &config.store;
    let (store, mut checks): (Arc<dyn Store>, _) = match place.attend() {
        Ok(store) => {
            let checks = here::store(place, &store).await;
            (Arc::new(store), checks)
        }
        Err(error) => (
            Arc::new(Memory::new()),
            vec![here::no_store(&config, &error)],
        ),
    };
    let engine = app.shared_store(store).engine(&config)?;
    engine.load_portals().await?;
    checks.extend(here::address(&engine, &config).await);
    let mut portals = engine.portals();
    portals.sort_unstable();
    if portals.is_empty() {
        checks.push(here::no_portals());
    }
    let mut reports = vec![Report {
        portal: None,
        checks,
    }];
    let looks = portals.into_iter().map(|id| look(&engine, &config, id));
    reports.extend(
        stream::iter(looks)
            .buffered(AT_ONCE)
            .collect::<Vec<_>>()
            .await,
    );
    tell(&reports, json)?;
    let failed = reports.iter().flat_map(|report| &report.checks);
    match failed
        .filter(|check| check.status == CheckStatus::Failed)
        .count()
    {
        0 => Ok(()),
        1 => Err("one check failed".into()),
        failed => Err(format!("{failed} checks failed").into()),
    }
}

async fn look(engine: &Engine, config: &Config, id: MemberId) -> Report {
    let checks = match engine.portal(&id) {
        Some(portal) => portal::look(engine, &portal, config).await,
        None => Vec::new(),
    };
    Report {
        portal: Some(id),
        checks,
    }
}

fn tell(reports: &[Report], as_json: bool) -> Done {
    if as_json {
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
        return Ok(());
    }
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
    Ok(())
}
