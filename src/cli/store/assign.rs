//! `store assign` and `store unassign`: an operator decides which process works on a portal.

use super::Done;
use crate::config::StoreConfig;
use crate::event::MemberId;
use crate::store::{Ownership, Partition, Portals, Postgres, host_of};

/// Assigns a partition to the process of a name, or ends its assignment.
pub(super) async fn assign(place: &StoreConfig, what: &str, process: Option<&str>) -> Done {
    let store = place.attend_postgres()?;
    let partition = partition(&store, what).await?;
    if !store.move_partition(partition, process).await? {
        let members = store.members().await?.members;
        let live = members.iter().filter(|member| member.state == "live");
        let names: Vec<_> = live.map(|member| member.name.as_str()).collect();
        let names = if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        };
        let process = process.unwrap_or_default();
        return Err(format!(
            "no process with the name {process} works on the store; the names are: {names}"
        )
        .into());
    }
    let of_partition = portals(&store, partition).await?;
    match process {
        Some(process) => {
            out!(
                "Partition {partition} ({of_partition}) goes to {process}, and stays there as long as a process of this name lives. `store unassign {partition}` undoes this."
            );
        }
        None => {
            out!(
                "Partition {partition} ({of_partition}) goes where all processes have a fair share."
            );
        }
    }
    Ok(())
}

/// Returns the partition of a number, or of a portal by its id or host.
async fn partition(store: &Postgres, what: &str) -> Result<Partition, Box<dyn std::error::Error>> {
    if let Ok(number) = what.parse() {
        return Ok(Partition(number));
    }
    let portals = store.portals().await?;
    let is_it = |id: &MemberId, endpoint: &str| id.as_str() == what || host_of(endpoint) == what;
    let found = portals.iter().find(|own| is_it(&own.portal, &own.endpoint));
    match found {
        Some(own) => Ok(store.partition(&own.portal)),
        None => Err(format!(
            "{what} is neither a portal of this store (its id or its host) nor a partition, which is a number from 0 to 255"
        )
        .into()),
    }
}

/// Returns the portals of a partition, for people.
async fn portals(
    store: &Postgres,
    partition: Partition,
) -> Result<String, Box<dyn std::error::Error>> {
    let portals = store.portals().await?;
    let hosts: Vec<_> = portals
        .iter()
        .filter(|own| store.partition(&own.portal) == partition)
        .map(|own| host_of(&own.endpoint))
        .collect();
    Ok(match hosts.as_slice() {
        [] => "no portals".to_owned(),
        [host] => format!("portal {host}"),
        [first, .., last] if hosts.len() <= 3 => format!("portals {first} to {last}"),
        [first, ..] => format!("{first} and {} more portals", hosts.len() - 1),
    })
}
