//! A bot inside your own poem application: events arrive below `/bitrix`.
//!
//! ```text
//! GET /           My own page. Greeter has said hello 1 times.
//! Ann             hello
//! Greeter         Hello, Ann!
//! ```
//!
//! It starts an emulated portal, so it runs without settings: `cargo run --example nested`. For a
//! real portal, fill `Config` with the values from the application's card; the handler address is
//! `https://…/bitrix/`.

use std::error::Error;
use std::io::{Write, stderr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use imbot::emulator::{Emulator, NewApp, Options};
use imbot::prelude::*;
use imbot::{Config, serve};
use poem::listener::TcpListener;
use poem::{EndpointExt, Route, Server, get, handler, web::Data};

struct Greeter(Arc<AtomicU32>);

impl Bot for Greeter {
    async fn message(&self, cx: &mut Context, _: Message) -> Result {
        let name = cx.user().map_or("stranger", |user| &user.name);
        cx.say(Text::new().plain(format_args!("Hello, {name}!")));
        self.0.fetch_add(1, Relaxed);
        Ok(())
    }
}

#[handler]
fn page(Data(hellos): Data<&Arc<AtomicU32>>) -> String {
    let hellos = hellos.load(Relaxed);
    format!("My own page. Greeter has said hello {hellos} times.\n")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let portal = Emulator::start(Options::default()).await?;
    let handler = "http://127.0.0.1:8080/bitrix/";
    let credentials = portal.register_app(NewApp::new("nested", handler));
    let config = Config::emulated(&portal, &credentials, handler);

    let hellos = Arc::new(AtomicU32::new(0));
    let engine = App::new().bot(Greeter(hellos.clone())).engine(&config)?;
    engine.start().await?;
    let routes = Route::new()
        .at("/", get(page))
        .nest("/bitrix", serve::endpoint(engine.clone()))
        .data(hellos);

    let install = async {
        let installed = portal.install(&credentials.client_id).await;
        let _ = writeln!(
            stderr(),
            "Talk to Greeter at {}: {installed:?}",
            portal.url()
        );
        serve::stop_signal().await;
    };
    Server::new(TcpListener::bind("127.0.0.1:8080"))
        .run_with_graceful_shutdown(routes, install, Some(config.stop_timeout()))
        .await?;
    engine.stop(config.stop_timeout()).await;
    Ok(())
}
