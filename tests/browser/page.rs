//! The page for tests: waits for an element or a text, then acts.

use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::wd::WindowHandle;
use fantoccini::{Client, Locator};
use imbot::emulator::Emulator;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::chromium::{Chromium, is_skipped};

const PATIENCE: Duration = Duration::from_secs(60);
const GLANCE: Duration = Duration::from_millis(20);

pub(super) const ENTER: &str = "\u{e007}";
pub(super) const TAB: &str = "\u{e004}";

/// An open page of a portal. Dropping it stops the browser.
pub(super) struct Page {
    pub(super) client: Client,
    url: String,
    _chromium: Chromium,
}

impl Page {
    /// Opens the portal in a desktop window; `None` if browser tests are skipped.
    pub(super) async fn open(portal: &Emulator) -> Option<Page> {
        Page::sized(portal, 1280, 800).await
    }

    pub(super) async fn sized(portal: &Emulator, width: u32, height: u32) -> Option<Page> {
        if is_skipped() {
            return None;
        }
        let (chromium, client) = Chromium::start(width, height).await;
        let page = Page {
            client,
            url: portal.url(),
            _chromium: chromium,
        };
        page.goto("/").await;
        Some(page)
    }

    /// Opens an address of the portal, such as `/?as=2#chat5`.
    pub(super) async fn goto(&self, path: &str) {
        let address = format!("{}{path}", self.url);
        self.client.goto(&address).await.expect("the page");
    }

    /// Returns the current window.
    pub(super) async fn window(&self) -> WindowHandle {
        self.client.window().await.expect("a window")
    }

    /// Opens another window and switches to it.
    pub(super) async fn another_window(&self, path: &str) -> WindowHandle {
        let window = self.client.new_window(false).await.expect("a window");
        self.look_at(&window.handle).await;
        self.goto(path).await;
        window.handle
    }

    pub(super) async fn look_at(&self, window: &WindowHandle) {
        let window = window.clone();
        self.client.switch_to_window(window).await.expect("there");
    }

    /// Returns the first element of a selector, once it exists and is visible.
    pub(super) async fn find(&self, selector: &str) -> Element {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Ok(element) = self.client.find(Locator::Css(selector)).await
                && element.is_displayed().await.unwrap_or(false)
            {
                return element;
            }
            assert!(Instant::now() < end, "waited in vain for `{selector}`");
            sleep(GLANCE).await;
        }
    }

    /// Clicks on it. The page may redraw at any time, so a click on a removed element is repeated.
    pub(super) async fn click(&self, selector: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.find(selector).await.click().await {
                Ok(()) => return,
                Err(error) => assert!(Instant::now() < end, "`{selector}`: {error}"),
            }
            sleep(GLANCE).await;
        }
    }

    /// Presses the last button with this label under a message.
    pub(super) async fn press(&self, label: &str) {
        let path = format!("(//*[@data-testid='button'][.='{label}'])[last()]");
        let waits = self.client.wait().at_most(PATIENCE).every(GLANCE);
        let button = waits.for_element(Locator::XPath(&path)).await;
        let button = button.unwrap_or_else(|error| panic!("the button `{label}`: {error}"));
        button.click().await.expect("pressed");
    }

    /// Types into the focused element, key by key.
    pub(super) async fn types(&self, keys: &str) {
        let focused = self.client.active_element().await.expect("a focus");
        focused.send_keys(keys).await.expect("typed");
    }

    /// Writes into the message field and sends it.
    pub(super) async fn says(&self, text: &str) {
        let field = self.find("[data-testid=composer]").await;
        field.send_keys(text).await.expect("typed");
        field.send_keys(ENTER).await.expect("sent");
    }

    /// Waits until the last message of this kind of author (`own`, `other`) contains this text.
    pub(super) async fn sees(&self, kind: &str, text: &str) {
        self.until(&format!(
            "[...document.querySelectorAll('[data-testid=message][data-kind={kind}] [data-testid=message-text]')]
               .at(-1)?.textContent.includes({text:?})"
        ))
        .await;
    }

    /// Waits until an expression of the page is true.
    pub(super) async fn until(&self, expression: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.is(expression).await {
            if Instant::now() >= end {
                let text = self.run("document.body.innerText").await;
                panic!("waited in vain for `{expression}` on this page:\n{text:#}");
            }
            sleep(GLANCE).await;
        }
    }

    /// Whether an expression of the page is true.
    pub(super) async fn is(&self, expression: &str) -> bool {
        self.run(&format!("Boolean({expression})")).await == true
    }

    /// Returns the value of an expression of the page.
    pub(super) async fn run(&self, expression: &str) -> Value {
        let script = format!("return {expression};");
        let result: Result<Value, CmdError> = self.client.execute(&script, vec![]).await;
        result.unwrap_or_else(|error| panic!("`{expression}`: {error}"))
    }
}
