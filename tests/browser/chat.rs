//! What people can do in the web chat.

use imbot::prelude::*;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::page::{ENTER, Page, TAB};
use crate::support::Desk;

async fn desk() -> Desk {
    let app = App::new().bot(bots::Echo).bot(bots::Menu::office());
    Desk::with(app).await
}

#[tokio::test]
async fn a_bot_answers_a_person_who_clicks_its_card_and_writes() {
    let desk = desk().await;
    let Some(page) = Page::open(&desk.portal).await else {
        return;
    };
    page.click("[data-testid=bot-card][data-code=echo]").await;
    page.sees("other", "I am Echo").await;
    page.says("Good morning").await;
    page.sees("own", "Good morning").await;
    page.sees("other", "Good morning").await;
}

#[tokio::test]
async fn a_pressed_button_edits_its_message() {
    let desk = desk().await;
    let Some(page) = Page::open(&desk.portal).await else {
        return;
    };
    page.click("[data-testid=bot-card][data-code=menu]").await;
    page.sees("other", "What do you need?").await;
    page.press("1 Lunch").await;
    page.sees("other", "What would you like?").await;
    assert!(page.is("document.querySelector('.edited')").await);
    let messages = "document.querySelectorAll('[data-testid=message][data-kind=other]').length";
    assert_eq!(page.run(messages).await, 1);
}

#[tokio::test]
async fn two_people_see_the_same_messages_in_a_group() {
    let desk = desk().await;
    let (ann, boris) = (
        desk.user("Ann"),
        desk.portal.state(2).unwrap()["me"].clone(),
    );
    let members = [ann, boris.as_u64().unwrap(), desk.bot("echo")];
    let group = desk.portal.group(ann, "Lunch", &members).unwrap();
    let Some(page) = Page::open(&desk.portal).await else {
        return;
    };
    page.goto(&format!("/?as=1#{group}")).await;
    page.sees("other", "Hello, everybody").await;
    let hers = page.window().await;
    let his = page.another_window(&format!("/?as=2#{group}")).await;
    page.sees("other", "Hello, everybody").await;
    page.look_at(&hers).await;
    page.click("[data-testid=composer]").await;
    page.types("@Ec").await;
    page.find("[data-testid=suggest]").await;
    page.types(TAB).await;
    page.types("are you there").await;
    page.types(ENTER).await;
    page.sees("other", "are you there").await;
    let texts = "JSON.stringify([...document.querySelectorAll('[data-testid=message-text]')].map((node) => node.textContent))";
    let seen = page.run(texts).await;
    page.look_at(&his).await;
    page.until(&format!("{texts} === {seen}")).await;
}

#[tokio::test]
async fn a_slash_suggests_commands_and_enter_gives_one() {
    let desk = desk().await;
    let Some(page) = Page::open(&desk.portal).await else {
        return;
    };
    page.click("[data-testid=bot-card][data-code=echo]").await;
    page.sees("other", "I am Echo").await;
    page.find("[data-testid=composer]").await;
    page.types("/").await;
    page.find("[data-testid=suggest][data-value='/colors']")
        .await;
    let hidden = "document.querySelector('[data-value=\"/page\"]')";
    assert!(!page.is(hidden).await, "a hidden command is suggested");
    page.types("col").await;
    page.types(ENTER).await; // completes it
    page.until("document.querySelector('[data-testid=composer]').value.startsWith('/colors')")
        .await;
    page.types(ENTER).await; // gives it
    page.sees("other", "Colours").await;
    assert_eq!(desk.calls("imbot.v2.chat.message.send").len(), 2);
}

#[tokio::test]
async fn the_traffic_log_shows_the_event_and_the_call_with_its_answer() {
    let desk = desk().await;
    let Some(page) = Page::open(&desk.portal).await else {
        return;
    };
    page.click("[data-testid=bot-card][data-code=echo]").await;
    page.sees("other", "I am Echo").await;
    page.says("In the log").await;
    page.sees("other", "In the log").await;
    for (name, words) in [
        ("ONIMBOTV2MESSAGEADD", ["In the log", "authorId"]),
        ("imbot.v2.chat.message.send", ["In the log", "result"]),
    ] {
        let entry = format!("[data-testid=traffic-entry][data-name='{name}']");
        let last = format!("[...document.querySelectorAll(\"{entry}\")].at(-1)");
        page.until(&last).await;
        page.run(&format!("{last}.querySelector('summary').click()"))
            .await;
        for word in words {
            page.until(&format!("{last}.textContent.includes({word:?})"))
                .await;
        }
    }
    page.run(
        "document.querySelectorAll('.traffic-list details').forEach((part) => { part.open = true; })",
    )
    .await;
    page.until("document.querySelector('.raw pre')").await;
    let installation = desk.engine.store().portals().await.unwrap().remove(0);
    let tokens = installation.access.tokens().unwrap();
    for secret in [
        tokens.access.clone(),
        tokens.refresh.clone(),
        installation.application_token,
    ] {
        let shown = format!(
            "document.documentElement.innerHTML.includes({:?})",
            secret.expose_secret()
        );
        assert!(!page.is(&shown).await, "a token is shown");
    }
}

#[tokio::test]
async fn a_phone_shows_one_pane_at_a_time() {
    let desk = desk().await;
    let Some(page) = Page::sized(&desk.portal, 500, 800).await else {
        return;
    };
    let panes = "[...document.querySelectorAll('.pane')].filter((pane) => pane.offsetParent !== null && pane.getBoundingClientRect().width > 0).map((pane) => pane.id).join()";
    page.click("[data-testid=bot-card][data-code=echo]").await;
    page.sees("other", "I am Echo").await;
    page.until(&format!("({panes}) === 'chat'")).await;
    page.click("[data-testid=back]").await;
    page.until(&format!("({panes}) === 'list'")).await;
    page.click("[data-testid=tab-traffic]").await;
    page.until(&format!("({panes}) === 'traffic'")).await;
    let fits = "document.documentElement.scrollWidth <= window.innerWidth";
    assert!(page.is(fits).await, "the page is wider than the phone");
}

/// Sends hostile text.
struct Hostile;

const PICTURE: &str = "<img src=x onerror=\"window.harmed=1\">";
const LINKS: &str = "[url=javascript:window.harmed=1]a link[/url] [url]javascript:window.harmed=1[/url] \
                     [img]javascript:window.harmed=1[/img] [url=data:text/html,<script>window.harmed=1</script>]data[/url]";

impl Bot for Hostile {
    async fn message(&self, cx: &mut Context, _: Message) -> Result {
        // Not with `say`, which would refuse some of it.
        let link = "javascript:window.harmed=1";
        cx.call::<Value>("imbot.message.add")
            .with("BOT_ID", cx.bot().id)
            .with("DIALOG_ID", cx.dialog())
            .with("MESSAGE", format!("{PICTURE} {LINKS}"))
            .with(
                "ATTACH",
                json!([{ "MESSAGE": PICTURE }, { "LINK": { "NAME": "a link", "LINK": link } }]),
            )
            .with("KEYBOARD", json!([{ "TEXT": "a key", "LINK": link }]))
            .await?;
        cx.say("<script>window.harmed=1</script> the end");
        Ok(())
    }
}

#[tokio::test]
async fn hostile_text_runs_nothing() {
    let desk = Desk::with(App::new().bot(Hostile)).await;
    let bot = desk.bot("hostile");
    let group = desk
        .portal
        .group(1, &format!("{PICTURE} group"), &[1, bot])
        .unwrap();
    desk.portal.send(1, &group, PICTURE).unwrap();
    let Some(page) = Page::open(&desk.portal).await else {
        return;
    };
    page.click("[data-testid=dialog]").await;
    page.sees("own", "onerror").await;
    page.goto(&format!("/?as=1#{bot}")).await;
    desk.portal
        .send(1, &bot.to_string(), &format!("{PICTURE} {LINKS}"))
        .unwrap();
    page.until("document.body.innerText.includes('the end')")
        .await;
    let doors =
        "document.querySelectorAll('.log a, .log [data-testid=button], .log button.link').length";
    let open = "document.querySelectorAll('[src=x], a[href^=javascript], a[href^=data], .log script').length";
    assert_eq!(page.run(open).await, 0);
    page.run("document.querySelectorAll('.log a, .log [data-testid=button]').forEach((door) => door.click())")
        .await;
    page.says("after all doors").await;
    page.sees("own", "after all doors").await;
    assert_eq!(
        page.run("window.harmed ?? null").await,
        Value::Null,
        "{} doors",
        page.run(doors).await
    );
}

#[tokio::test]
async fn the_keyboard_alone_is_enough() {
    const TABS_MAX: usize = 40;
    let desk = desk().await;
    let Some(page) = Page::open(&desk.portal).await else {
        return;
    };
    page.find("[data-testid=bot-card][data-code=echo]").await;
    let mut tabs = 0;
    while !page
        .is("document.activeElement.matches('[data-testid=bot-card][data-code=echo]')")
        .await
    {
        page.types(TAB).await;
        tabs += 1;
        assert!(tabs < TABS_MAX, "the card is not reached by Tab");
    }
    page.types(ENTER).await;
    page.sees("other", "I am Echo").await;
    page.until("document.activeElement.matches('[data-testid=composer]')")
        .await;
    page.types("By hand").await;
    page.types(ENTER).await;
    page.sees("other", "By hand").await;
}
