//! The reception on a line: a client is welcomed, answered, and handed over.

use bots::Reception;
use imbot::App;
use imbot::emulator::{Client, NewLine};

use crate::support::Desk;

#[tokio::test]
async fn it_welcomes_clients_answers_and_fetches_people() {
    let desk = Desk::with(App::new().bot(Reception::office())).await;
    let line = NewLine::new("Support").queue(&[2]);
    let eve = Client {
        line: desk.portal.add_line(line.bot(desk.bot("reception"))),
        id: "eve".to_owned(),
        name: "Eve".to_owned(),
    };
    let says = |text: &str| desk.portal.client_says(&eve, text).expect("said").chat;
    let sees = async |text: &str| {
        let is_there = |desk: &Desk| {
            let seen = desk.portal.client_sees(&eve);
            let mut texts = seen.iter().filter_map(|it| it["text"].as_str());
            texts.any(|it| it.contains(text))
        };
        desk.until(text, is_there).await;
    };
    let chat = says("hello");
    sees("Welcome!").await;
    sees("beyond me").await;
    let seen = desk.portal.client_sees(&eve);
    let welcomes = seen.iter().filter(|it| it.to_string().contains("Welcome!"));
    assert_eq!(welcomes.count(), 1, "{seen:#?}");
    says("What are your Hours?");
    sees("nine to six").await;
    says("people, please");
    sees("I call somebody").await;
    desk.until("Boris to be asked", |desk| {
        desk.portal.session(chat)["operator"] == 2
    })
    .await;
}
