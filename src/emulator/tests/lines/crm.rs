//! Chats of open channels in CRM.

use serde_json::json;

use super::{BORIS, CLARA, CONNECTOR, Desk, support};

#[tokio::test]
async fn a_session_becomes_a_lead_by_itself_or_by_its_operator() {
    let desk = Desk::new().await;
    let line = desk.line(support()).await;
    let chat = desk.hear(line, "ext-1", "hello").await;
    let at = json!({ "CHAT_ID": chat });
    assert_eq!(
        desk.refusal("imopenlines.crm.lead.create", at.clone())
            .await,
        (400, "ERROR_USER_NOT_OPERATOR".to_owned())
    );
    desk.portal.answer(1, chat).expect("answered");
    desk.result("imopenlines.crm.lead.create", at).await;
    let lead = desk.portal.session(chat)["lead"].as_u64().expect("a lead");
    let code = format!("{CONNECTOR}|{line}|channel-123|ext-user-42");
    let dialog = desk
        .result("imopenlines.dialog.get", json!({ "USER_CODE": code }))
        .await;
    let data = format!("LEAD|{lead}|COMPANY|0|CONTACT|0|DEAL|0");
    assert_eq!(dialog["entity_data_2"], data.as_str());
    assert!(
        dialog["entity_data_1"]
            .as_str()
            .is_some_and(|data| data.starts_with(&format!("Y|LEAD|{lead}|")))
    );
    desk.portal
        .set_line(line, "CRM_CREATE", "lead")
        .expect("set");
    desk.portal.finish(1, chat).expect("finished");
    desk.hear(line, "ext-2", "again").await;
    assert_eq!(desk.portal.session(chat)["lead"], lead + 1);
}

#[tokio::test]
async fn the_chats_of_a_lead_are_found_and_written_into() {
    let desk = Desk::new().await;
    let line = desk.line(support().set("CRM_CREATE", "lead")).await;
    let chat = desk.hear(line, "ext-1", "hello").await;
    let lead = desk.portal.session(chat)["lead"].clone();
    let entity = json!({ "CRM_ENTITY_TYPE": "lead", "CRM_ENTITY": lead });
    let with = |name: &str, value: u64| {
        let mut params = entity.clone();
        params[name] = value.into();
        params
    };
    let chats = desk
        .result("imopenlines.crm.chat.get", entity.clone())
        .await;
    let listed = json!([{
        "CHAT_ID": chat.to_string(),
        "CONNECTOR_ID": CONNECTOR,
        "CONNECTOR_TITLE": "My messenger",
    }]);
    assert_eq!(chats, listed);
    let last = "imopenlines.crm.chat.getLastId";
    assert_eq!(desk.result(last, entity.clone()).await, chat);
    let (add, delete) = (
        "imopenlines.crm.chat.user.add",
        "imopenlines.crm.chat.user.delete",
    );
    assert_eq!(desk.result(add, with("USER_ID", CLARA)).await, chat);
    assert_eq!(desk.result(add, with("USER_ID", CLARA)).await, 0);
    let mut say = with("USER_ID", CLARA);
    (say["CHAT_ID"], say["MESSAGE"]) = (chat.into(), "from CRM".into());
    let said = desk
        .result("imopenlines.crm.message.add", say.clone())
        .await;
    assert!(said.is_u64());
    assert_eq!(desk.passage(chat)["state"], "sending");
    say["USER_ID"] = 4.into();
    assert_eq!(
        desk.refusal("imopenlines.crm.message.add", say).await,
        (400, "CANCELED".to_owned())
    );
    assert_eq!(desk.result(delete, with("USER_ID", CLARA)).await, chat);
    assert_eq!(desk.result(delete, with("USER_ID", CLARA)).await, 0);
    desk.portal.finish(BORIS, chat).expect("finished");
    let active = desk
        .result("imopenlines.crm.chat.get", entity.clone())
        .await;
    assert_eq!(active, json!([]));
    let mut all = entity;
    all["ACTIVE_ONLY"] = "N".into();
    assert_eq!(desk.result("imopenlines.crm.chat.get", all).await, listed);
    let other = json!({ "CRM_ENTITY_TYPE": "lead", "CRM_ENTITY": 1 });
    assert_eq!(
        desk.refusal(last, other).await,
        (400, "CRM_CHAT_EMPTY_CRM_DATA".to_owned())
    );
    assert_eq!(
        desk.refusal(last, json!({ "CRM_ENTITY_TYPE": "x" })).await,
        (400, "ERROR_ARGUMENT".to_owned())
    );
}
