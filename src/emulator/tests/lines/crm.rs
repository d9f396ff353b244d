//! Chats of open channels in CRM.

use serde_json::json;

use super::{BORIS, CLARA, CONNECTOR, TestPortal, support};

#[tokio::test]
async fn a_session_becomes_a_lead_automatically_or_by_its_operator() {
    let test = TestPortal::new().await;
    let line = test.line(support()).await;
    let chat = test.receive(line, "ext-1", "hello").await;
    let at = json!({ "CHAT_ID": chat });
    assert_eq!(
        test.refusal("imopenlines.crm.lead.create", at.clone())
            .await,
        (400, "ERROR_USER_NOT_OPERATOR".to_owned())
    );
    test.portal.answer(1, chat).expect("answered");
    test.result("imopenlines.crm.lead.create", at).await;
    let lead = test.portal.session(chat)["lead"].as_u64().expect("a lead");
    let code = format!("{CONNECTOR}|{line}|channel-123|ext-user-42");
    let dialog = test
        .result("imopenlines.dialog.get", json!({ "USER_CODE": code }))
        .await;
    let data = format!("LEAD|{lead}|COMPANY|0|CONTACT|0|DEAL|0");
    assert_eq!(dialog["entity_data_2"], data.as_str());
    assert!(
        dialog["entity_data_1"]
            .as_str()
            .is_some_and(|data| data.starts_with(&format!("Y|LEAD|{lead}|")))
    );
    test.portal
        .set_line(line, "CRM_CREATE", "lead")
        .expect("set");
    test.portal.finish(1, chat).expect("finished");
    test.receive(line, "ext-2", "again").await;
    assert_eq!(test.portal.session(chat)["lead"], lead + 1);
}

#[tokio::test]
async fn the_chats_of_a_lead_are_found_and_written_into() {
    let test = TestPortal::new().await;
    let line = test.line(support().set("CRM_CREATE", "lead")).await;
    let chat = test.receive(line, "ext-1", "hello").await;
    let lead = test.portal.session(chat)["lead"].clone();
    let entity = json!({ "CRM_ENTITY_TYPE": "lead", "CRM_ENTITY": lead });
    let with = |name: &str, value: u64| {
        let mut params = entity.clone();
        params[name] = value.into();
        params
    };
    let chats = test
        .result("imopenlines.crm.chat.get", entity.clone())
        .await;
    let listed = json!([{
        "CHAT_ID": chat.to_string(),
        "CONNECTOR_ID": CONNECTOR,
        "CONNECTOR_TITLE": "My messenger",
    }]);
    assert_eq!(chats, listed);
    let last = "imopenlines.crm.chat.getLastId";
    assert_eq!(test.result(last, entity.clone()).await, chat);
    let (add, delete) = (
        "imopenlines.crm.chat.user.add",
        "imopenlines.crm.chat.user.delete",
    );
    assert_eq!(test.result(add, with("USER_ID", CLARA)).await, chat);
    assert_eq!(test.result(add, with("USER_ID", CLARA)).await, 0);
    let mut say = with("USER_ID", CLARA);
    (say["CHAT_ID"], say["MESSAGE"]) = (chat.into(), "from CRM".into());
    let said = test
        .result("imopenlines.crm.message.add", say.clone())
        .await;
    assert!(said.is_u64());
    assert_eq!(test.state(chat)["state"], "sending");
    say["USER_ID"] = 4.into();
    assert_eq!(
        test.refusal("imopenlines.crm.message.add", say).await,
        (400, "CANCELED".to_owned())
    );
    assert_eq!(test.result(delete, with("USER_ID", CLARA)).await, chat);
    assert_eq!(test.result(delete, with("USER_ID", CLARA)).await, 0);
    test.portal.finish(BORIS, chat).expect("finished");
    let active = test
        .result("imopenlines.crm.chat.get", entity.clone())
        .await;
    assert_eq!(active, json!([]));
    let mut all = entity;
    all["ACTIVE_ONLY"] = "N".into();
    assert_eq!(test.result("imopenlines.crm.chat.get", all).await, listed);
    let other = json!({ "CRM_ENTITY_TYPE": "lead", "CRM_ENTITY": 1 });
    assert_eq!(
        test.refusal(last, other).await,
        (400, "CRM_CHAT_EMPTY_CRM_DATA".to_owned())
    );
    assert_eq!(
        test.refusal(last, json!({ "CRM_ENTITY_TYPE": "x" })).await,
        (400, "ERROR_ARGUMENT".to_owned())
    );
}
