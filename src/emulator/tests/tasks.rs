//! The list of tasks: filters, order, and visibility.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::TestPortal;
use crate::emulator::NewTask;

#[tokio::test]
async fn tasks_are_found_by_deadline_and_status() {
    let test = TestPortal::new().await;
    let hours = |hours: u64| Duration::from_secs(3600 * hours);
    let now = SystemTime::now();
    let late = NewTask::new("late", 1).deadline(now - hours(1));
    let later = NewTask::new("later", 1).deadline(now - hours(2));
    let soon = NewTask::new("soon", 1).deadline(now + hours(1));
    let others = NewTask::new("another's", 2).deadline(now - hours(1));
    for task in [late, later, soon, others, NewTask::new("some day", 1)] {
        test.portal.add_task(task);
    }
    let done = NewTask::new("done", 1).deadline(now - hours(3));
    test.portal.complete_task(test.portal.add_task(done));
    let titles = async |filter: Value, order: Value| {
        let params = json!({ "filter": filter, "order": order, "select": ["TITLE", "STATUS"] });
        let answer = test.result("tasks.task.list", params).await;
        let tasks = answer["tasks"].as_array().expect("a list").clone();
        let title = |task: Value| task["title"].as_str().expect("a title").to_owned();
        tasks.into_iter().map(title).collect::<Vec<_>>()
    };
    let before = jiff::Timestamp::now().to_string();
    let filter = json!({ "RESPONSIBLE_ID": 1, "<DEADLINE": before, "!REAL_STATUS": 5 });
    assert_eq!(
        titles(filter, json!({ "DEADLINE": "asc" })).await,
        ["later", "late"]
    );
    let overdue = json!({ "STATUS": -1 });
    assert_eq!(
        titles(overdue, json!({})).await,
        ["another's", "later", "late"]
    );
}

#[tokio::test]
async fn a_task_is_added_for_a_person_and_refused_without_title_or_person() {
    let test = TestPortal::new().await;
    let fields =
        json!({ "TITLE": "Chairs", "RESPONSIBLE_ID": 2, "DEADLINE": "2026-12-01T18:00:00" });
    let added = test.result("tasks.task.add", json!({ "fields": fields }));
    let added = added.await["task"].clone();
    assert_eq!(added["title"], "Chairs");
    assert_eq!(
        (&added["responsibleId"], &added["createdBy"]),
        (&json!("2"), &json!("1"))
    );
    assert_eq!(added["deadline"], "2026-12-01T18:00:00+00:00");
    let list = test.result(
        "tasks.task.list",
        json!({ "filter": { "RESPONSIBLE_ID": 2 } }),
    );
    assert_eq!(list.await["tasks"][0]["id"], added["id"]);
    for (fields, why) in [
        (json!({ "TITLE": " ", "RESPONSIBLE_ID": 2 }), "title"),
        (json!({ "TITLE": "Chairs" }), "Assignee not specified"),
        (
            json!({ "TITLE": "Chairs", "RESPONSIBLE_ID": 999 }),
            "not found",
        ),
    ] {
        let fields = json!({ "fields": fields });
        let (status, answer) = test.call_as(test.token(), "tasks.task.add", fields).await;
        assert_eq!((status, &answer["error"]), (400, &json!("ERROR_CORE")));
        let text = answer["error_description"].to_string();
        assert!(text.contains(why), "{text}");
    }
}
