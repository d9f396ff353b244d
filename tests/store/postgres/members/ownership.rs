//! Partitions are shared, handed over and taken over.

use std::sync::Arc;
use std::time::Duration;

use imbot::event::MemberId;
use imbot::store::contract::{self, sample};
use imbot::store::{Ownership, OwnershipChange, Partition, Upkeep};

use super::node::{Node, eventually, may_begin};
use crate::support::postgres::{self, Cluster, Schema};

/// The partition of the portal that samples use.
fn partition(node: &Node) -> Partition {
    node.store.partition(&MemberId::new("portal"))
}

/// Returns the sum of all epochs, which grows with every take-up.
fn epochs(schema: &Schema<'_>) -> String {
    schema.sql("SELECT sum(epoch) FROM partition")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_postgres_store_keeps_the_contract_after_joining() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    contract::verify(async || {
        let store = cluster.schema().try_open().unwrap();
        let mut changes = store.join();
        for number in 0..=u8::MAX {
            let gained = OwnershipChange::Gained(Partition(number));
            assert_eq!(changes.next().await, gained);
        }
        Arc::new(store)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_gets_partitions_from_the_first_one_by_one() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let schema = cluster.schema();
    let (one, two) = Node::pair(&schema).await;
    Node::is_steady(&schema);
    two.until(|seen| seen.owned.len() >= 10).await;
    assert!(!one.has_lost());
    let (one, two) = (one.seen(), two.seen());
    assert!(one.owned.is_disjoint(&two.owned), "{one:?} {two:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_stops_hands_everything_over() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let schema = cluster.schema();
    let one = Node::first(&schema, "one").await;
    let event = sample::append(&*one.store, 1, "27").await;
    let two = Node::start(&schema, "two");
    Node::are_members(&schema, 2).await;
    assert!(!may_begin(&two.store, event).await);
    one.store.leave();
    two.until(|seen| seen.owned.len() == 256).await;
    let wanted = one
        .seen()
        .changes
        .iter()
        .filter(|change| matches!(change, OwnershipChange::Wanted(_)))
        .count();
    assert_eq!(wanted, 256);
    assert_eq!(two.seen().events, [event]);
    assert!(may_begin(&two.store, event).await);
    assert!(!may_begin(&one.store, event).await);
    assert!(!one.store.may_send(partition(&one)));
    assert!(two.store.may_send(partition(&two)));
    one.store.close().await.unwrap();
    assert_eq!(schema.sql("SELECT name FROM member"), "two");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_closed_gives_up_everything_at_once() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let schema = cluster.schema();
    let (one, two) = Node::pair(&schema).await;
    one.store.close().await.unwrap();
    one.store.close().await.unwrap();
    assert_eq!(schema.sql("SELECT name FROM member"), "two");
    two.until(|seen| seen.owned.len() == 256).await;
    assert_eq!(epochs(&schema), "512");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_partitions_of_a_killed_process_are_taken_over_by_the_others() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let schema = cluster.schema();
    let one = Node::first(&schema, "one").await;
    let event = sample::append(&*one.store, 1, "27").await;
    let (two, three) = (Node::start(&schema, "two"), Node::start(&schema, "three"));
    Node::are_members(&schema, 3).await;
    one.kill().await;
    let both = async || two.seen().owned.len() + three.seen().owned.len() == 256;
    assert!(
        eventually(both).await,
        "{:?} {:?}",
        two.seen(),
        three.seen()
    );
    let (own, other) = (two.seen().owned.clone(), three.seen().owned.clone());
    assert!(own.is_disjoint(&other));
    assert!(
        own.len() >= 64 && other.len() >= 64,
        "{} and {}",
        own.len(),
        other.len()
    );
    let sum = two.seen().events.len() + three.seen().events.len();
    assert_eq!(sum, 1, "the event is loaded once");
    let begun = [
        may_begin(&two.store, event).await,
        may_begin(&three.store, event).await,
    ];
    assert!(begun.contains(&true) && begun.contains(&false));
    assert_eq!(
        schema.sql("SELECT state FROM member WHERE name = 'one'"),
        "dead"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_was_paused_too_long_cannot_write_and_learns_its_losses() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let schema = cluster.schema();
    let one = Node::first(&schema, "one").await;
    let event = sample::append(&*one.store, 1, "27").await;
    assert!(may_begin(&one.store, event).await);
    let two = Node::start(&schema, "two");
    one.store.pause_lease(true);
    two.until(|seen| seen.owned.len() == 256).await;
    assert!(one.store.owns(partition(&one)), "it does not know yet");
    assert!(!one.store.may_send(partition(&one)));
    assert!(!may_begin(&one.store, event).await);
    assert!(may_begin(&two.store, event).await);
    assert_eq!(one.seen().owned.len(), 256);
    one.store.pause_lease(false);
    one.until(|seen| seen.owned.is_empty()).await;
    assert!(!one.store.owns(partition(&one)));
    let live = "SELECT count(*) FROM member WHERE state = 'live'";
    assert!(
        eventually(async || schema.sql(live) == "2").await,
        "it joins again"
    );
    assert_eq!(
        schema.sql("SELECT count(*) FROM member WHERE name = 'one'"),
        "2"
    );
    assert!(two.store.may_send(partition(&two)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_the_database_changes_no_owner() {
    if !postgres::is_wanted() {
        return;
    }
    let cluster = Cluster::start("");
    let schema = cluster.schema();
    let (one, two) = Node::pair(&schema).await;
    cluster.control(&["stop", "-m", "fast"]);
    assert!(eventually(async || !one.store.may_send(partition(&one))).await);
    tokio::time::sleep(Duration::from_secs(4)).await; // longer than a silence that evicts
    cluster.control(&["start"]);
    assert!(eventually(async || one.store.may_send(partition(&one))).await);
    let beats = schema.sql("SELECT min(beat) FROM member");
    let went_on = async || schema.sql("SELECT min(beat) FROM member") > beats;
    assert!(eventually(went_on).await);
    assert_eq!(
        schema.sql("SELECT string_agg(state, ' ') FROM member"),
        "live live"
    );
    assert!(!one.has_lost() && !two.has_lost());
    let event = sample::append(&*two.store, 1, "27").await;
    assert!(may_begin(&one.store, event).await || may_begin(&two.store, event).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_moves_a_partition() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let schema = cluster.schema();
    let (one, two) = Node::pair(&schema).await;
    Node::is_steady(&schema);
    let operator =
        imbot::store::Postgres::attend(&schema.url(), std::slice::from_ref(&schema.key)).unwrap();
    assert!(
        !operator
            .move_partition(Partition(7), Some("three"))
            .await
            .unwrap()
    );
    for (to, node) in [("two", &two), ("one", &one), ("two", &two)] {
        assert!(
            operator
                .move_partition(Partition(7), Some(to))
                .await
                .unwrap()
        );
        node.until(|seen| seen.owned.contains(&7)).await;
    }
    let members = operator.members().await.unwrap();
    let row = &members.partitions[7];
    assert_eq!(row.pinned.as_deref(), Some("two"));
    let owner = members
        .members
        .iter()
        .find(|member| Some(&member.id) == row.owner.as_ref());
    assert_eq!(owner.unwrap().name, "two");
    assert!(operator.move_partition(Partition(7), None).await.unwrap());
    assert!(
        operator.members().await.unwrap().partitions[7]
            .pinned
            .is_none()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_members_and_what_waits_are_listed() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let schema = cluster.schema();
    let one = Node::first(&schema, "one").await;
    sample::append(&*one.store, 1, "27").await;
    let members = one.store.members().await.unwrap();
    let [own] = &members.members[..] else {
        panic!("{members:?}");
    };
    assert_eq!(
        (&*own.name, &*own.state, own.partitions),
        ("one", "live", 256)
    );
    assert_eq!(members.partitions.len(), 256);
    let row = &members.partitions[usize::from(partition(&one).0)];
    assert_eq!((row.owner.as_ref(), row.events), (Some(&own.id), 1));
    assert_eq!(row.oldest_event, Some(sample::at(0)));
    assert_eq!((row.epoch, row.wanted.as_ref()), (1, None));
}
