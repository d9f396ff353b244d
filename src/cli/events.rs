//! `events`: lists a portal's events, where each is bound, and how often it has arrived.

mod follow;
mod row;

use std::collections::BTreeMap;
use std::error::Error;

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::{Done, register, with_causes};
use crate::app::App;
use crate::config::Config;
use crate::event::{Category, catalogue};
use crate::handler::Pattern;
use crate::portal::Binding;
use crate::store::Arrived;

use row::{Bound, Row};

#[derive(Args)]
pub(super) struct Events {
    /// Only events of these names; with a star at the end, of names that begin so, such as
    /// 'ONTASK*'
    names: Vec<String>,

    /// Only events of this category; may be repeated
    #[arg(long, value_parser = PossibleValuesParser::new(categories()), ignore_case = true)]
    category: Vec<String>,

    /// Print new events as they arrive, until Ctrl-C, instead of a list
    #[arg(long)]
    follow: bool,

    /// Print JSON for programs, one line each
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    config: Config,
}

impl Events {
    pub(super) async fn run(self, app: App) -> Done {
        if self.follow {
            return follow::follow(&self).await;
        }
        let names = catalogue::names().map(|(name, _)| (name.to_owned(), Row::new(name)));
        let mut rows: BTreeMap<String, Row> = names.collect();
        let warn = |what: &str, error: Box<dyn Error>| {
            tracing::warn!("{what} is unknown: {}", with_causes(&*error));
        };
        match self.bound(app).await {
            Ok(bound) => {
                for bound in bound {
                    let row = row(&mut rows, &bound.binding.event);
                    row.bound.push(bound);
                }
            }
            Err(error) => warn("the list of bindings", error),
        }
        match self.arrived().await {
            Ok(arrived) => {
                for arrived in arrived {
                    let row = row(&mut rows, &arrived.name);
                    row.arrived = Some(arrived);
                }
            }
            Err(error) => warn("the count of arrived events", error),
        }
        for row in rows.values().filter(|row| self.wants(&row.name)) {
            row.print(self.json);
        }
        Ok(())
    }

    /// Returns true if the event passes the filters of the command line.
    fn wants(&self, name: &str) -> bool {
        let category = catalogue::category(name);
        let is_of_category = |wanted: &String| wanted.eq_ignore_ascii_case(&word(category));
        let is_named = |wanted: &String| Pattern::from(wanted.as_str()).matches(name, category);
        (self.category.is_empty() || self.category.iter().any(is_of_category))
            && (self.names.is_empty() || self.names.iter().any(is_named))
    }

    /// Returns the bindings on the portals. Logs the portals that do not answer.
    async fn bound(&self, app: App) -> Result<Vec<Bound>, Box<dyn Error>> {
        let engine = register::idle_engine(app, &self.config).await?;
        let mut all = Vec::new();
        for id in engine.portals() {
            let Some(portal) = engine.portal(&id) else {
                continue;
            };
            let is_ours =
                |binding: &Binding| binding.offline == 1 || engine.is_own_address(&binding.handler);
            match portal.bindings().await {
                Ok(bound) => all.extend(bound.into_iter().map(|binding| Bound {
                    portal: id.clone(),
                    is_ours: is_ours(&binding),
                    binding,
                })),
                Err(error) => tracing::warn!(portal = %id, "the bindings cannot be read: {error}"),
            }
        }
        Ok(all)
    }

    /// Returns the counts of arrived events, which the running program keeps.
    async fn arrived(&self) -> Result<Vec<Arrived>, Box<dyn Error>> {
        Ok(self.config.store.attend()?.arrived(Vec::new()).await?)
    }
}

/// Returns the row of an event, which is added if the catalogue does not have the event.
fn row<'r>(rows: &'r mut BTreeMap<String, Row>, name: &str) -> &'r mut Row {
    let row = || Row::new(name);
    rows.entry(name.to_owned()).or_insert_with(row)
}

/// Returns a category as one word.
fn word(category: Category) -> String {
    format!("{category:?}").to_lowercase()
}

fn categories() -> Vec<String> {
    let mut words: Vec<String> = catalogue::names()
        .map(|(_, category)| word(category))
        .collect();
    words.sort();
    words.dedup();
    words.push(word(Category::Unknown));
    words
}
