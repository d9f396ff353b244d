//! A message from an HTTP endpoint: a person is informed that their order was shipped.
//!
//! ```text
//! (another program)  POST /shipped/1/7
//! Shop               Order 7 was shipped.
//! (the same again, since it did not see the answer)
//! ```
//!
//! The message is an event in the person's chat: durable when the endpoint answers, ordered with
//! what is said there, retried while the portal is away, and said once for each key.
//!
//! Run it with `cargo run --example endpoint`, and in another terminal, with the address that it
//! prints for events:
//!
//! ```text
//! curl -X POST http://127.0.0.1:8072/shipped/1/7
//! ```

use imbot::prelude::*;
use poem::error::ServiceUnavailable;
use poem::web::{Data, Path};
use poem::{EndpointExt, Route, handler, post};

struct Shop;

impl Bot for Shop {}

#[handler]
async fn shipped(
    Data(shop): Data<&Handle>,
    Path((user, order)): Path<(u64, u64)>,
) -> poem::Result<()> {
    let chat = shop.bot("shop").chat(UserId(user));
    let said = chat.say(format!("Order {order} was shipped.")).key(order);
    said.await.map_err(ServiceUnavailable)?;
    Ok(())
}

fn app() -> App {
    let app = App::new().bot(Shop);
    let routes = Route::new().at("/:user/:order", post(shipped));
    let routes = routes.data(app.handle());
    app.nest("/shipped", routes)
}

fn main() -> ExitCode {
    app().run()
}

#[cfg(test)]
mod tests {
    use imbot::testing::TestPortal;

    use super::*;

    #[tokio::test]
    async fn an_order_that_is_reported_twice_is_announced_once() {
        let portal = TestPortal::with(app).await;
        let mut ann = portal.private("Ann", "shop");
        for _ in 0..2 {
            let (status, _) = portal.post("/shipped/1/7", "text/plain", "").await;
            assert_eq!(status, 200);
        }
        ann.sees("Order 7 was shipped.").await;
        ann.sees_nothing_more().await;
    }
}
