//! The table of methods on the emulated portal: parameters arrive, and answers have the listed
//! types.

use std::pin::pin;

use ::imbot::event::{BotId, DialogId, MessageId, UserId};
use ::imbot::portal::methods::{
    Method, Success, app, event, im, im_v2, imbot, imbot_v2, profile, user,
};
use ::imbot::portal::{BotInfo, Portal};
use ::imbot::prelude::*;
use futures_util::TryStreamExt;
use serde_json::{Value, json};

use super::stage::{ANN, Echo, Setup};

async fn setup() -> (Setup, Portal) {
    let setup = Setup::installed(App::new().bot(bots::Poll).bot(Echo)).await;
    let id = setup.engine.portals().remove(0);
    let portal = setup.engine.portal(&id).unwrap();
    (setup, portal)
}

/// The answers of a method called alone and in a batch.
async fn both<M: Method + Clone>(portal: &Portal, method: M) -> [M::Answer; 2] {
    let mut batch = portal.batch();
    let command = batch.push(method.clone());
    let in_batch = batch.send().await.unwrap().take(command);
    let alone = portal.run(method).await;
    [alone, in_batch].map(|answer| answer.unwrap_or_else(|error| panic!("{error:?}")))
}

#[tokio::test]
async fn user_application_and_portal_are_returned() {
    let (setup, portal) = setup().await;
    for me in both(&portal, profile::Get::new()).await {
        assert_eq!((me.id, me.admin), (UserId(ANN), true));
    }
    for me in both(&portal, user::Current::new()).await {
        assert_eq!(me.id, UserId(ANN));
    }
    for found in both(&portal, user::Get::new().filter(json!({ "ID": ANN }))).await {
        assert!(found.iter().any(|person| person.id == UserId(ANN)));
    }
    for info in both(&portal, app::AppInfo::new()).await {
        assert!(info.installed);
    }
    for scopes in both(&portal, app::Scope::new()).await {
        assert!(scopes.iter().any(|scope| scope == "imbot"));
    }
    for known in both(&portal, app::MethodGet::new("im.message.add")).await {
        assert!(known.is_existing && known.is_available);
    }
    both(&portal, app::ServerTime::new()).await;
    both(&portal, app::FeatureGet::new("rest_auth_connector")).await;
    both(&portal, event::Events::new()).await;
    let bind = || event::Bind::new("ONAPPTEST").handler(setup.handler.clone());
    assert_eq!(portal.run(bind()).await.unwrap(), Success(true));
    for bound in both(&portal, event::Get::new()).await {
        assert!(bound.iter().any(|binding| binding.event == "ONAPPTEST"));
    }
    let unbind = event::Unbind::new("ONAPPTEST", setup.handler.clone());
    assert_eq!(portal.run(unbind).await.unwrap().count, 1);
}

#[tokio::test]
async fn chats_and_messages_work_in_v1_and_v2() {
    let (setup, portal) = setup().await;
    let bot = BotId(setup.portal.bot("echo").unwrap());
    let chat = portal
        .run(im::ChatAdd::new().title("Deal").users([UserId(ANN)]))
        .await
        .unwrap();
    let dialog = DialogId::from(chat);
    portal
        .run(im::ChatUserAdd::new(chat, [UserId::from(bot)]))
        .await
        .unwrap();
    portal
        .run(im::MessageAdd::new(dialog.clone(), "from Ann"))
        .await
        .unwrap();
    for answer in both(&portal, im::DialogGet::new(dialog.clone())).await {
        assert_eq!(answer["name"], "Deal");
    }
    for answer in both(
        &portal,
        im::DialogMessagesGet::new(dialog.clone()).limit(5_u64),
    )
    .await
    {
        assert!(answer["messages"].to_string().contains("from Ann"));
    }
    let first = imbot::MessageAdd::new(bot, dialog.clone(), "from the bot").url_preview(false);
    for id in both(&portal, first).await {
        let like = imbot::MessageLike::new(bot, id).action("plus");
        portal.run(like).await.unwrap();
        portal
            .run(imbot::MessageDelete::new(bot, id).complete(true))
            .await
            .unwrap();
    }
    for people in both(&portal, imbot::ChatUserList::new(bot, chat)).await {
        assert!(people.contains(&UserId(ANN)));
    }
    for answer in both(&portal, imbot::BotList::new()).await {
        assert_eq!(answer[bot.to_string()]["CODE"], "echo");
    }
    let second = imbot_v2::MessageSend::new(bot, dialog.clone())
        .message("again")
        .url_preview(false);
    for sent in both(&portal, second).await {
        assert!(sent.id > MessageId(0));
        let add = imbot_v2::ReactionAdd::new(bot, sent.id, "like");
        assert_eq!(portal.run(add).await.unwrap(), Success(true));
        let update = imbot_v2::MessageUpdate::new(bot, sent.id)
            .message("changed")
            .url_preview(true);
        assert_eq!(portal.run(update).await.unwrap(), Success(true));
    }
    for read in both(&portal, imbot_v2::MessageRead::new(bot, dialog.clone())).await {
        assert_eq!(read.chat_id, chat);
        assert!(read.viewed_messages.is_empty(), "all are the bot's own");
    }
    for answer in both(&portal, imbot_v2::ChatGet::new(bot, dialog)).await {
        assert_eq!(answer.chat["name"], "Deal");
    }
    for BotInfo {
        id,
        kind,
        language,
        is_reactions_enabled,
        count_message,
        ..
    } in both(&portal, imbot_v2::BotFind::new("echo"))
        .await
        .map(|found| found.bot)
    {
        assert_eq!((id, kind.as_deref()), (bot, Some("bot")));
        assert!(language.is_some() && is_reactions_enabled.is_some() && count_message.is_some());
    }
    for revision in both(&portal, imbot_v2::RevisionGet::new()).await {
        assert!(
            revision.rest > 0 && revision.web > 0 && revision.mobile > 0 && revision.desktop > 0
        );
    }
    let upload = imbot_v2::FileUpload::new(bot, DialogId::new(ANN.to_string()), "a.TXT", "YQ==");
    let sent = portal.run(upload).await.unwrap();
    assert_eq!(sent.dialog_id, Some(DialogId::new(ANN.to_string())));
    assert_eq!((sent.file.chat_id, sent.file.size), (sent.chat_id, Some(1)));
    assert_eq!(sent.file.extension.as_deref(), Some("txt"));
    assert_eq!(sent.file.kind.as_deref(), Some("file"));
    both(&portal, imbot_v2::CommandList::new(bot)).await;
    let made = imbot_v2::ChatAdd::new(bot)
        .title("The bot's")
        .users([UserId(ANN)]);
    portal.run(made).await.unwrap();
    portal.run(im_v2::EventSubscribe::new()).await.unwrap();
    both(&portal, im_v2::EventGet::new().limit(10_u64)).await;
    portal.run(im_v2::EventUnsubscribe::new()).await.unwrap();
}

#[tokio::test]
async fn a_list_is_returned_page_by_page() {
    let (setup, portal) = setup().await;
    let pages = portal.pages::<BotInfo>("imbot.v2.Bot.list", json!({ "limit": 1 }), "bots");
    let pages: Vec<Vec<BotInfo>> = pages.try_collect().await.unwrap();
    let codes: Vec<&str> = pages.iter().map(|page| &page[0].code[..]).collect();
    assert_eq!(codes, ["poll", "echo"]);
    assert_eq!(setup.traffic("imbot.v2.bot.list").len(), 2);
    let mut refused = pin!(portal.pages::<Value>("no.such.list", json!({}), ""));
    assert!(refused.try_next().await.is_err());
}
