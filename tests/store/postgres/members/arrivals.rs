//! What one process appends or changes, the others learn.

use imbot::event::MemberId;
use imbot::store::contract::sample;
use imbot::store::{Inbox, Notice, Operator, Ownership, Portals, Postgres, Turns};

use super::node::{Node, eventually};
use crate::support::postgres::{self, Cluster, Schema};

fn attend(schema: &Schema<'_>) -> Postgres {
    Postgres::attend(&schema.url(), std::slice::from_ref(&schema.key)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_any_process_appends_reach_their_owner_once() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let schema = cluster.schema();
    let (one, two) = Node::pair(&schema).await;
    let (mut own, mut others) = (Vec::new(), Vec::new());
    for occurrence in 0..200_u128 {
        let (node, known) = if occurrence % 4 == 0 {
            (&one, &mut own)
        } else {
            (&two, &mut others)
        };
        known.push(sample::append(&*node.store, occurrence, "27").await);
    }
    one.until(|seen| seen.events.len() >= others.len()).await;
    // One more from each, so that all reads before have ended.
    own.push(sample::append(&*one.store, 1_000, "27").await);
    others.push(sample::append(&*two.store, 1_001, "27").await);
    one.until(|seen| seen.events.ends_with(&others[others.len() - 1..]))
        .await;
    let mut events = one.seen().events.clone();
    events.sort_unstable();
    assert_eq!(events, others, "none twice, and none of its own");
    assert!(two.seen().events.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_become_visible_out_of_order_are_reported_once() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let schema = cluster.schema();
    let (one, two) = Node::pair(&schema).await;
    let partition = one.store.partition(&MemberId::new("portal")).0;
    let key = "SELECT ordering_key FROM event LIMIT 1";
    let first = sample::append(&*one.store, 1, "27").await;
    let key = schema.sql(key);

    let client = schema.connect().await;
    client
        .batch_execute("BEGIN; SELECT pg_current_xact_id()")
        .await
        .unwrap();
    let sql = format!(
        "INSERT INTO event (partition, id, ordering_key, at, reminder)
         SELECT {partition}, nextval('event_number') * 256 + {partition}, '{key}', 0, '{{}}'
         RETURNING id"
    );
    let held: i64 = client.query_one(&sql, &[]).await.unwrap().get(0);

    let mut later = Vec::new();
    for occurrence in 2..6 {
        later.push(sample::append(&*two.store, occurrence, "27").await);
        let count = later.len();
        one.until(|seen| seen.events.len() == count).await;
        // Full reads come and go while the transaction runs.
        let before = schema.sql("SELECT beat FROM member WHERE name = 'one'");
        let next = async || {
            schema.sql(&format!(
                "SELECT beat > {before} + 3 FROM member WHERE name = 'one'"
            )) == "t"
        };
        assert!(eventually(next).await);
    }
    assert!(
        later
            .iter()
            .all(|id| id.0 > u64::try_from(held).unwrap() && *id > first)
    );
    client.batch_execute("COMMIT").await.unwrap();
    one.until(|seen| seen.events.len() == 5).await;
    let last = sample::append(&*two.store, 9, "27").await;
    one.until(|seen| seen.events.ends_with(&[last])).await;
    let events = one.seen().events.clone();
    assert_eq!(events[..4], later);
    assert_eq!(events[4].0, u64::try_from(held).unwrap());
    assert_eq!(events.len(), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_processes_learn_of_changed_portals() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let schema = cluster.schema();
    let (one, two) = Node::pair(&schema).await;
    let portal = MemberId::new("portal");
    two.store
        .install(sample::installation("portal", "first"))
        .await
        .unwrap();
    one.until(|seen| seen.portals == [portal.clone()]).await;
    assert!(one.store.portal(&portal).await.unwrap().is_some());
    one.store.uninstall(&portal, false).await.unwrap();
    two.until(|seen| seen.portals.len() >= 2).await;
    one.until(|seen| seen.portals.len() >= 2).await;
    assert!(two.store.portal(&portal).await.unwrap().is_none());
    let operator = attend(&schema);
    operator
        .install(sample::installation("other", "second"))
        .await
        .unwrap();
    for node in [&one, &two] {
        node.until(|seen| seen.portals.contains(&MemberId::new("other")))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_learns_of_a_revived_event_once() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let schema = cluster.schema();
    let (one, _two) = Node::pair(&schema).await;
    let event = sample::append(&*one.store, 1, "27").await;
    one.store.begin(event, None).await.unwrap();
    one.store.commit(sample::dead(event, true)).await.unwrap();
    let operator = attend(&schema);
    let letter = operator.dead_letters(None, 1).await.unwrap().remove(0);
    assert!(operator.revive(letter.id).await.unwrap());
    one.until(|seen| seen.events == [event]).await;
    one.store.commit(sample::dead(event, true)).await.unwrap();
    let letter = operator.dead_letters(None, 1).await.unwrap().remove(0);
    assert!(operator.drop_dead_letter(letter.id).await.unwrap());
    one.until(|seen| seen.others == [Notice::Unblocked(sample::chat("27"))])
        .await;
    assert_eq!(one.seen().events, [event]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_appended_while_partitions_move_are_not_lost() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let schema = cluster.schema();
    let (one, two) = Node::pair(&schema).await;
    Node::is_steady(&schema);
    let operator = attend(&schema);
    let partition = one.store.partition(&MemberId::new("portal"));
    let mut sent = Vec::new();
    for round in 0..6_u128 {
        let (to, node) = if round % 2 == 0 {
            ("two", &two)
        } else {
            ("one", &one)
        };
        operator.move_partition(partition, Some(to)).await.unwrap();
        let mut occurrence = round * 1_000;
        while !node.seen().owned.contains(&partition.0) {
            occurrence += 1;
            sent.push(sample::append(&operator, occurrence, "27").await);
        }
    }
    let last = one.store.waiting(None, None, 10_000).await.unwrap();
    assert_eq!(last.len(), sent.len());
    // The last owner has all of them: each was loaded at its gain, or reported since.
    let all = async || {
        let seen = one.seen();
        sent.iter().all(|id| seen.events.contains(id))
    };
    assert!(eventually(all).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_arrive_once_and_owners_stay_when_all_sessions_end() {
    if !postgres::is_wanted() {
        return;
    }
    let cluster = Cluster::start("");
    let schema = cluster.schema();
    let (one, two) = Node::pair(&schema).await;
    let mut sent = Vec::new();
    for round in 0..4_u128 {
        for occurrence in 0..5 {
            sent.push(sample::append(&*two.store, round * 100 + occurrence, "27").await);
        }
        cluster.sql(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE application_name = 'imbot'",
        );
    }
    sent.push(sample::append(&*two.store, 1_000, "27").await);
    one.until(|seen| seen.events.len() >= sent.len()).await;
    let mut events = one.seen().events.clone();
    events.sort_unstable();
    assert_eq!(events, sent);
    assert!(!one.has_lost() && !two.has_lost());
}
