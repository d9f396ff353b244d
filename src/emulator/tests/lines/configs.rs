//! Lines through REST: `imopenlines.config.*`, and methods without a file of their own.

use serde_json::{Value, json};

use super::{BORIS, TestPortal};

#[tokio::test]
async fn a_line_is_made_read_changed_and_deleted() {
    let test = TestPortal::new().await;
    let queue = json!([{ "ENTITY_TYPE": "user", "ENTITY_ID": BORIS }]);
    let params =
        json!({ "PARAMS": { "LINE_NAME": "Sales", "WELCOME_BOT_TIME": 30, "QUEUE": queue } });
    let line = test.result("imopenlines.config.add", params).await;
    let at = json!({ "CONFIG_ID": line });
    let read = test.result("imopenlines.config.get", at.clone()).await;
    assert_eq!(read["ID"], line.to_string());
    assert_eq!(
        [&read["LINE_NAME"], &read["WELCOME_BOT_TIME"]],
        ["Sales", "30"]
    );
    assert_eq!(read["QUEUE"], json!([BORIS.to_string()]));
    assert_eq!(read["DATE_CREATE"], json!({}));
    let change = json!({ "CONFIG_ID": line, "PARAMS": { "ACTIVE": "N" } });
    assert_eq!(test.result("imopenlines.config.update", change).await, true);
    let read = test.result("imopenlines.config.get", at.clone()).await;
    assert_eq!([&read["ACTIVE"], &read["LINE_NAME"]], ["N", "Sales"]);
    for expected in [true, false] {
        let gone = test.result("imopenlines.config.delete", at.clone()).await;
        assert_eq!(gone, expected);
    }
    assert_eq!(
        test.result("imopenlines.config.get", at.clone()).await,
        false
    );
    assert_eq!(test.result("imopenlines.config.update", at).await, false);
    let missing = test.refusal("imopenlines.config.get", json!({})).await;
    assert_eq!(missing, (400, "CONFIG_ID_EMPTY".to_owned()));
}

#[tokio::test]
async fn lines_are_listed_by_filter_and_in_order() {
    let test = TestPortal::new().await;
    for name in ["B", "A", "C"] {
        let params = json!({ "PARAMS": { "LINE_NAME": name, "QUEUE": [BORIS] } });
        test.result("imopenlines.config.add", params).await;
    }
    let names = async |params: Value, options: Value| {
        let params = json!({ "PARAMS": params, "OPTIONS": options });
        let listed = test.result("imopenlines.config.list.get", params).await;
        listed.as_array().expect("a list").clone()
    };
    let ordered = json!({ "select": ["LINE_NAME"], "order": { "LINE_NAME": "desc" }, "limit": 2 });
    let listed = names(ordered, json!({})).await;
    assert_eq!(listed[0], json!({ "ID": "3", "LINE_NAME": "C" }));
    assert_eq!(listed.len(), 2);
    let filtered = json!({ "filter": { "LINE_NAME": "A" } });
    let listed = names(filtered, json!({ "QUEUE": "Y" })).await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["QUEUE"], json!([BORIS]), "numbers here");
    let wrong = json!({ "PARAMS": { "filter": "x" } });
    assert_eq!(
        test.refusal("imopenlines.config.list.get", wrong).await,
        (400, "INVALID_FORMAT".to_owned())
    );
}

#[tokio::test]
async fn other_portals_lines_are_not_found() {
    let test = TestPortal::new().await;
    let code = "0123456789abcdef0123456789abcdef";
    let join = |code: &str| json!({ "CODE": code });
    let method = "imopenlines.network.join";
    for (code, expected) in [(code, "NOT_FOUND"), ("x", "CODE")] {
        assert_eq!(
            test.refusal(method, join(code)).await,
            (400, expected.to_owned())
        );
    }
    let path = test.result("imopenlines.config.path.get", json!({})).await;
    assert_eq!(path["PUBLIC_PATH"], "/online/");
    let revision = test.result("imopenlines.revision.get", json!({})).await;
    assert!(revision["rest"].is_u64());
}
