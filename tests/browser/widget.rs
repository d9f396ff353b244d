//! The widget in one window and the operators' page in another.

use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::wd::WindowHandle;

use super::page::{ENTER, Page};
use crate::support::site::Site;

const ESCAPE: &str = "\u{e00c}";
const ROOT: &str = "document.querySelector('imbot-widget').shadowRoot";

/// A visitor's window and an operator's, in one browser.
struct Windows {
    page: Page,
    visitor: WindowHandle,
    desk: WindowHandle,
}

impl Windows {
    /// Opens the operators' page as Boris, and the widget's page with the chat open.
    async fn open(site: &Site) -> Option<Windows> {
        let page = Page::open(&site.portal).await?;
        page.goto("/?as=2").await;
        let desk = page.window().await;
        let visitor = page.another_window("/").await;
        let windows = Windows {
            page,
            visitor,
            desk,
        };
        windows.load(site).await;
        windows
            .page
            .run(&format!("{ROOT}.querySelector('.bubble').click()"))
            .await;
        Some(windows)
    }

    /// Loads or reloads the widget's page.
    async fn load(&self, site: &Site) {
        let address = format!("{}/?line={}", site.url, site.line);
        self.page.client.goto(&address).await.expect("the page");
    }

    async fn at_desk(&self) -> &Page {
        self.page.look_at(&self.desk).await;
        &self.page
    }

    async fn at_visitor(&self) -> &Page {
        self.page.look_at(&self.visitor).await;
        &self.page
    }

    /// Presses keys in the focused element.
    async fn types(&self, keys: &str) {
        let press = |key: char| [KeyAction::Down { value: key }, KeyAction::Up { value: key }];
        let keys = keys.chars().flat_map(press);
        let keys = keys.fold(KeyActions::new("keys".to_owned()), InputSource::then);
        self.page.client.perform_actions(keys).await.expect("typed");
    }

    /// Waits until the widget shows a message with this text and state.
    async fn shows(&self, kind: &str, state: &str, text: &str) {
        let selector = format!(".message.{kind}[data-state={state}]");
        self.page
            .until(&format!(
                "[...{ROOT}.querySelectorAll({selector:?})].some((it) => it.textContent.includes({text:?}))"
            ))
            .await;
    }
}

#[tokio::test]
async fn a_visitor_and_an_operator_talk_and_a_reload_keeps_the_chat() {
    let site = Site::new().await;
    let Some(windows) = Windows::open(&site).await else {
        return;
    };
    windows.at_visitor().await;
    windows.types("Are you open?").await;
    windows.types(ENTER).await;
    windows.shows("visitor", "taken", "Are you open?").await;
    windows.shows("line", "kept", "heard: Are you open?").await;

    let desk = windows.at_desk().await;
    desk.click("[data-testid=session]").await;
    desk.click("[data-testid=desk-answer]").await;
    desk.says("Until six, see https://shop.example/hours").await;
    desk.until("document.querySelector('[data-testid=passage][data-state=delivered]')")
        .await;

    let page = windows.at_visitor().await;
    windows.shows("line", "kept", "Until six").await;
    let link = format!("{ROOT}.querySelector('.message a').href");
    assert_eq!(page.run(&link).await, "https://shop.example/hours");
    windows.types("Thank you").await;
    windows.types(ENTER).await;
    windows.at_desk().await.sees("other", "Thank you").await;

    windows.at_visitor().await;
    windows.load(&site).await;
    for (kind, state, text) in [
        ("visitor", "taken", "Are you open?"),
        ("line", "kept", "heard: Are you open?"),
        ("line", "kept", "Until six"),
        ("visitor", "taken", "Thank you"),
    ] {
        windows.shows(kind, state, text).await;
    }
    let order = format!(
        "[...{ROOT}.querySelectorAll('.message')].at(-1).textContent.includes('Thank you')"
    );
    assert!(page.is(&order).await);
}

#[tokio::test]
async fn messages_are_never_html_and_run_no_script() {
    let site = Site::new().await;
    let Some(windows) = Windows::open(&site).await else {
        return;
    };
    let page = windows.at_visitor().await;
    windows.types("<img src=x onerror='window.bad=1'>").await;
    windows.types(ENTER).await;
    windows.shows("line", "kept", "heard: <img").await;
    site.operator_says("<script>window.bad=1</script> javascript:alert(1)");
    windows.shows("line", "kept", "<script>").await;
    let is_clean = format!("!window.bad && !{ROOT}.querySelector('img, script, .message a')");
    assert!(page.is(&is_clean).await);
}

#[tokio::test]
async fn a_closed_chat_counts_what_is_unread_and_the_keyboard_is_enough() {
    let site = Site::new().await;
    let Some(windows) = Windows::open(&site).await else {
        return;
    };
    let page = windows.at_visitor().await;
    windows.types("hi").await;
    windows.types(ENTER).await;
    windows.shows("line", "kept", "heard: hi").await;
    windows.types(ESCAPE).await;
    page.until(&format!("{ROOT}.querySelector('.panel').hidden"))
        .await;
    site.operator_says("Are you there?");
    let badge = format!("{ROOT}.querySelector('.badge')");
    page.until(&format!("!{badge}.hidden && {badge}.textContent === '1'"))
        .await;
    windows.load(&site).await;
    page.until(&format!("!{badge}.hidden && {badge}.textContent === '1'"))
        .await;
    page.run(&format!("{ROOT}.querySelector('.bubble').focus()"))
        .await;
    windows.types(ENTER).await;
    page.until(&format!("{badge}.hidden")).await;
    windows.shows("line", "kept", "Are you there?").await;
}

#[tokio::test]
async fn a_message_written_while_the_program_is_down_is_sent_later() {
    let site = Site::new().await;
    let Some(windows) = Windows::open(&site).await else {
        return;
    };
    windows.at_visitor().await;
    windows.types("hi").await;
    windows.types(ENTER).await;
    windows.shows("line", "kept", "heard: hi").await;
    let away = site.leaves().await;
    windows.types("are you back?").await;
    windows.types(ENTER).await;
    windows.shows("visitor", "waiting", "are you back?").await;
    let site = away.returns().await;
    windows.shows("visitor", "taken", "are you back?").await;
    windows.shows("line", "kept", "heard: are you back?").await;
    let history = site.portal.line_history(site.chat());
    let said = history.iter().filter(|it| it["text"] == "are you back?");
    assert_eq!(said.count(), 1);
}

#[tokio::test]
async fn the_widget_reports_a_file_that_is_too_large_before_sending_it() {
    let site = Site::new().await;
    let Some(windows) = Windows::open(&site).await else {
        return;
    };
    let page = windows.at_visitor().await;
    let chooses = |name: &str, bytes: usize| {
        format!(
            "(() => {{ const files = new DataTransfer();
               files.items.add(new File([new Uint8Array({bytes})], {name:?}));
               const chooser = {ROOT}.querySelector('input[type=file]');
               chooser.files = files.files;
               chooser.dispatchEvent(new Event('change')); }})()"
        )
    };
    page.run(&chooses("large.bin", 10_000_001)).await;
    page.until(&format!(
        "{ROOT}.querySelector('.notice').textContent.includes('at most 10 MB')"
    ))
    .await;
    page.run(&chooses("small.txt", 5)).await;
    windows.shows("visitor", "taken", "small.txt").await;
    let address = page
        .run(&format!("{ROOT}.querySelector('.file a').href"))
        .await;
    let given = reqwest::get(address.as_str().expect("an address"))
        .await
        .unwrap();
    assert_eq!(given.bytes().await.unwrap().len(), 5);
}
