//! What has arrived is added up by name, and only so many names are kept.

use imbot::store::{ARRIVED_MAX, Arrived};

use super::{at, every_store};

fn arrived(name: &str, count: u64, last: u64) -> Arrived {
    Arrived {
        name: name.to_owned(),
        count,
        last: at(last),
    }
}

#[tokio::test]
async fn arrivals_are_added_up_by_name() {
    for subject in every_store() {
        let (name, store) = (subject.name, &*subject.store);
        assert_eq!(store.arrived(Vec::new()).await.unwrap(), [], "{name}");
        let first = vec![arrived("ONTASKADD", 1, 0), arrived("ONCRMDEALADD", 2, 5)];
        assert_eq!(store.arrived(first.clone()).await.unwrap(), first, "{name}");
        let more = vec![arrived("ONTASKADD", 3, 9), arrived("ONCRMDEALADD", 1, 4)];
        store.arrived(more).await.unwrap();
        let all = [arrived("ONTASKADD", 4, 9), arrived("ONCRMDEALADD", 3, 5)];
        assert_eq!(store.arrived(Vec::new()).await.unwrap(), all, "{name}");
    }
}

#[tokio::test]
async fn names_that_did_not_come_for_the_longest_time_are_forgotten_first() {
    for subject in every_store() {
        let (name, store) = (subject.name, &*subject.store);
        let many =
            (0..ARRIVED_MAX as u64).map(|number| arrived(&number.to_string(), 1, number + 1));
        store.arrived(many.collect()).await.unwrap();
        let all = store.arrived(vec![arrived("NEW", 1, 5000)]).await.unwrap();
        let has = |name: &str| all.iter().any(|arrived| arrived.name == name);
        assert_eq!(all.len(), ARRIVED_MAX, "{name}");
        assert!(has("NEW") && has("1") && !has("0"), "{name}");
    }
}
