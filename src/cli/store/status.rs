//! `store status`: shows how much is stored, and for PostgreSQL which process works on what.

use serde_json::json;

use super::Done;
use crate::config::StoreConfig;
#[cfg(feature = "postgres")]
use crate::store::Operator;
use crate::store::{Clock, Status, Time};

/// Shows the status of the store.
pub(super) async fn show(place: &StoreConfig, as_json: bool) -> Done {
    #[cfg(feature = "postgres")]
    if let crate::config::StorePlace::Postgres(_) = place.place() {
        let store = place.attend_postgres()?;
        let (status, members) = (store.status().await?, store.members().await?);
        return print(&status, as_json, Some(&members));
    }
    let store = place.attend()?;
    print(&store.status().await?, as_json, None)
}

#[cfg(feature = "postgres")]
use members::{Members, print_members, with_members};

#[cfg(not(feature = "postgres"))]
type Members = ();

fn print(status: &Status, as_json: bool, members: Option<&Members>) -> Done {
    if as_json {
        let json = json!(status);
        #[cfg(feature = "postgres")]
        let json = with_members(json, members);
        out!("{}", serde_json::to_string_pretty(&json)?);
        return Ok(());
    }
    print_amounts(status, members.is_some());
    #[cfg(feature = "postgres")]
    if let Some(members) = members {
        print_members(members);
    }
    Ok(())
}

/// Returns the age of what has waited longest.
fn since(oldest: Option<Time>) -> String {
    let now = Clock::default().now();
    oldest.map_or(String::new(), |oldest| {
        format!(
            ", the oldest since {oldest} ({} s)",
            now.since(oldest).as_secs()
        )
    })
}

fn print_amounts(status: &Status, is_database: bool) {
    let last = status.last_event.map_or(String::new(), |last| {
        format!("; the last arrived at {last}")
    });
    let Status {
        portals,
        events,
        calls,
        reminders,
        conversations,
        quarantined,
        dead,
        spooled,
        bytes,
        ..
    } = status;
    out!(
        "\
portals        {portals}
events         {events} waiting{}{last}
calls          {calls} waiting{}
reminders      {reminders} not due yet
conversations  {conversations}, and {quarantined} quarantined states
dead letters   {dead}",
        since(status.oldest_event),
        since(status.oldest_call),
    );
    if !is_database {
        out!("spooled        {spooled} deliveries");
    }
    out!("on the disk    {bytes} bytes");
}

/// The processes on PostgreSQL and their partitions.
#[cfg(feature = "postgres")]
mod members {
    use serde_json::{Value, json};

    use super::since;
    use crate::cli::doctor::span;
    pub(super) use crate::store::Members;
    use crate::store::{MemberStatus, PartitionStatus};

    /// Maximum number of partitions of a kind that are listed.
    const LISTED_MAX: usize = 16;

    /// Adds the processes and partitions to the JSON of a status.
    pub(super) fn with_members(mut status: Value, members: Option<&Members>) -> Value {
        let (Some(members), Some(fields)) = (members, status.as_object_mut()) else {
            return status;
        };
        let list: Vec<_> = members
            .members
            .iter()
            .map(|member| {
                let mut own = json!(member);
                own["renewed_before"] = json!(member.renewed_before.as_millis());
                own
            })
            .collect();
        fields.insert("members".to_owned(), list.into());
        fields.insert("partitions".to_owned(), json!(members.partitions));
        status
    }

    /// Prints a line for each process, and what is unusual about partitions.
    pub(super) fn print_members(members: &Members) {
        out!("processes      {}", members.members.len());
        let width = members.members.iter().map(|own| own.name.chars().count());
        let width = width.max().unwrap_or_default();
        for member in &members.members {
            print_member(member, members, width);
        }
        let name = |id: &Option<String>| {
            let id = id.as_deref().unwrap_or_default();
            let found = members.members.iter().find(|member| member.id == id);
            found.map_or(id.to_owned(), |member| member.name.clone())
        };
        let partitions = || members.partitions.iter();
        let free: Vec<_> = partitions().filter(|own| own.owner.is_none()).collect();
        if !free.is_empty() {
            let (events, portals) = (sum(&free, |own| own.events), sum(&free, |own| own.portals));
            out!(
                "without owner  {} partitions with {portals} portals and {events} waiting events{}: {}",
                free.len(),
                since(free.iter().filter_map(|own| own.oldest_event).min()),
                list(&free, |own| own.id.to_string())
            );
        }
        let wanted: Vec<_> = partitions().filter(|own| own.wanted.is_some()).collect();
        if !wanted.is_empty() {
            let of = |own: &PartitionStatus| format!("{} to {}", own.id, name(&own.wanted));
            out!("moving         {}", list(&wanted, of));
        }
        let pinned: Vec<_> = partitions().filter(|own| own.pinned.is_some()).collect();
        if !pinned.is_empty() {
            let of = |own: &PartitionStatus| {
                format!(
                    "{} to {}",
                    own.id,
                    own.pinned.as_deref().unwrap_or_default()
                )
            };
            out!("assigned       {}", list(&pinned, of));
        }
    }

    fn print_member(member: &MemberStatus, members: &Members, width: usize) {
        let MemberStatus {
            id,
            name,
            program,
            state,
            renewed_before,
            partitions,
            ..
        } = member;
        let own = members.partitions.iter();
        let own: Vec<_> = own
            .filter(|partition| partition.owner.as_ref() == Some(id))
            .collect();
        let (portals, events) = (sum(&own, |own| own.portals), sum(&own, |own| own.events));
        out!(
            "  {name:width$}  {state}, renewed {} ago; version {program}; {partitions} partitions, {portals} portals, {events} events waiting{}",
            span(*renewed_before),
            since(own.iter().filter_map(|own| own.oldest_event).min())
        );
    }

    fn sum(partitions: &[&PartitionStatus], of: impl Fn(&PartitionStatus) -> u64) -> u64 {
        partitions.iter().map(|own| of(own)).sum()
    }

    fn list(partitions: &[&PartitionStatus], of: impl Fn(&PartitionStatus) -> String) -> String {
        let mut shown: Vec<_> = partitions
            .iter()
            .take(LISTED_MAX)
            .map(|own| of(own))
            .collect();
        if partitions.len() > LISTED_MAX {
            shown.push(format!("and {} more", partitions.len() - LISTED_MAX));
        }
        shown.join(", ")
    }
}
