//! The framework's own sentences to people, on portals in other languages.

use imbot::Config;
use imbot::emulator::{Emulator, NewApp, NewLine, Options};
use imbot::prelude::*;
use tokio::net::TcpListener;

use super::stage::{ANN, Setup, serve_in_background, texts, until};

/// Fails on every message, and has a command with a number.
struct Clumsy;

impl Bot for Clumsy {
    fn commands(&self) -> Vec<CommandSpec> {
        vec![CommandSpec::new("order", "Orders").params("<quantity>")]
    }

    async fn message(&self, _: &mut Context, _: Message) -> Result {
        Err(Error::failed("the oven is cold"))
    }

    async fn command(&self, cx: &mut Context, command: Command) -> Result {
        let (quantity,): (u32,) = command.args()?;
        cx.say(quantity.to_string());
        Ok(())
    }
}

async fn portal_in(language: &str) -> Emulator {
    let options = Options {
        listen: ([127, 0, 0, 1], 0).into(),
        language: language.to_owned(),
        ..Options::default()
    };
    Emulator::start(options).await.unwrap()
}

async fn clumsy_in(language: &str) -> Setup {
    let portal = portal_in(language).await;
    let app = App::new().bot(Clumsy);
    Setup::with_settings_at(portal, app, |config, _| config.attempts = 1).await
}

#[tokio::test]
async fn a_failed_turn_is_excused_in_the_portals_language() {
    for (language, sentence) in [
        ("ru", "К сожалению, не получилось. Ошибка записана."),
        (
            "la",
            "Lo siento, no ha funcionado. El error ha quedado registrado.",
        ),
        ("ja", "Sorry, that did not work. The error has been noted."),
    ] {
        let setup = clumsy_in(language).await;
        setup.write("clumsy", "bake");
        setup.receives("clumsy", &[sentence]).await;
    }
}

#[tokio::test]
async fn the_installation_page_is_in_the_language_of_the_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let handler = format!("http://{}/", listener.local_addr().unwrap());
    let portal = portal_in("de").await;
    let mut app = NewApp::new("bots", &handler);
    (app.interface, app.install) = (true, format!("{handler}install"));
    let credentials = portal.register_app(app);
    let config = Config::emulated(&portal, &credentials, &handler);
    let engine = App::new().bot(Clumsy).engine(&config).unwrap();
    serve_in_background(&engine, listener);
    let opened = portal.open_app(ANN, &credentials.client_id).await;
    let (status, page) = opened.unwrap();
    assert_eq!(status, 200);
    assert!(
        page.contains("<h1>Die Anwendung wird installiert</h1>"),
        "{page}"
    );
    assert_eq!(engine.portals().len(), 1);
}

#[tokio::test]
async fn wrong_arguments_are_explained_in_the_portals_language() {
    let setup = clumsy_in("de").await;
    setup.write("clumsy", "/order zwei");
    until("the answer", || setup.messages_of("clumsy").len() == 1).await;
    let messages = setup.messages_of("clumsy");
    let text = texts(&messages)[0];
    assert!(
        text.starts_with("Erwartet wird eine ganze Zahl ab null, nicht „zwei“."),
        "{text}"
    );
    assert!(text.contains("Aufruf: "), "{text}");
}

/// A messenger that delivers nothing.
struct Blocked;

impl Connector for Blocked {
    async fn outbound(&self, _: &Channel, _: OutboundMessage) -> Result<Receipt> {
        Err(tell("gesperrt"))
    }

    async fn run(&self, mut channels: Channels) {
        while channels.all().is_empty() {
            channels.changed().await;
        }
        let message = InboundMessage::new("loft", Client::new("eve"), 1).text("hi");
        channels.all()[0].inbound(message).await.unwrap();
    }
}

#[tokio::test]
async fn settings_and_notices_of_a_connector_are_in_the_portals_language() {
    let portal = portal_in("de").await;
    let app = App::new().connector(Blocked);
    let setup = Setup::with_settings_at(portal, app, |_, _| {}).await;
    let line = setup.portal.add_line(NewLine::new("Support").queue(&[2]));
    let page = setup.portal.open_settings(1, "blocked", line).await;
    let page = page.unwrap().body;
    assert!(
        page.contains(&format!("Mit dem Kanal {line} verbunden.")),
        "{page}"
    );
    let chat = || setup.portal.line_chat("blocked", line, "loft", "eve");
    until("the client", || chat().is_some()).await;
    let chat = chat().unwrap();
    until("the operator to take the chat", || {
        setup.portal.answer(2, chat).is_ok()
    })
    .await;
    setup
        .portal
        .send(2, &format!("chat{chat}"), "Guten Tag")
        .unwrap();
    let is_told = || {
        let history = setup.portal.line_history(chat);
        let notice = "Nicht an den Kunden zugestellt: gesperrt";
        history.iter().any(|message| message["text"] == notice)
    };
    until("the notice", is_told).await;
}
