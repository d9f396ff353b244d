//! The widget over HTTP: visitor, bot and operator, reloads and restarts.

use imbot::emulator::Options;
use serde_json::json;

use crate::e2e::stage::until;
use crate::support::site::Site;

#[tokio::test]
async fn a_visitor_talks_to_the_bot_and_then_to_an_operator() {
    let site = Site::new().await;
    let eve = site.visitor('e');
    let mut page = eve.looks(0).await.unwrap();
    let (status, stored) = eve.says("m1", "Are you open?").await;
    assert_eq!(status, 200, "{stored}");
    let own = page.sees_own("Are you open?").await;
    assert_eq!((&own["by"], &own["key"]), (&json!("visitor"), &json!("m1")));
    assert_eq!(own["number"], stored["number"]);
    let mut ticks = eve.looks(0).await.unwrap();
    let taken = ticks.sees_it("taken", "Are you open?").await;
    assert_eq!(taken["number"], own["number"], "a tick changes its message");
    page.sees("Welcome").await;
    let answer = page.sees("heard: Are you open?").await;
    assert_eq!(
        (&answer["by"], &answer["author"]),
        (&json!("line"), &json!("Desk"))
    );

    let message = site.operator_says("Until [b]six[/b], see https://shop.example");
    let seen = page.sees("Until six").await;
    assert_eq!(seen["text"], "Until six, see https://shop.example");
    assert!(seen["author"].as_str().unwrap().starts_with("Boris"));
    until("it to be delivered", || site.state(message) == "delivered").await;
    eve.says("m2", "Thanks").await;
    until("Boris to read it", || {
        let history = site.portal.line_history(site.chat());
        history.iter().any(|message| message["text"] == "Thanks")
    })
    .await;
    let session = site.portal.session(site.chat());
    assert_eq!(session["client"]["name"], "Eve");
}

#[tokio::test]
async fn edits_and_deletions_of_an_operator_are_shown_on_the_page() {
    let site = Site::new().await;
    let eve = site.visitor('e');
    let mut page = eve.looks(0).await.unwrap();
    eve.says("m1", "hi").await;
    page.sees("heard: hi").await;
    let message = site.operator_says("Guten Tag");
    let said = page.sees("Guten Tag").await;
    until("it to be delivered", || site.state(message) == "delivered").await;
    site.portal.edit(2, message, "Good day").unwrap();
    let edited = page.sees_it("edited", "Good day").await;
    assert_eq!(edited["number"], said["number"]);
    site.portal.delete(2, message).unwrap();
    let deleted = page.sees_it("deleted", "").await;
    assert_eq!(
        (&deleted["number"], &deleted["text"]),
        (&said["number"], &json!(""))
    );
}

#[tokio::test]
async fn a_reload_shows_the_whole_chat_and_a_reconnect_only_new_messages() {
    let site = Site::new().await;
    let eve = site.visitor('e');
    let mut page = eve.looks(0).await.unwrap();
    eve.says("m1", "hi").await;
    page.sees("heard: hi").await;
    let last = page.last;
    drop(page);
    let message = site.operator_says("Are you there?");
    until("it to be delivered", || site.state(message) == "delivered").await;
    let mut back = eve.looks(last).await.unwrap();
    let missed = back.next().await.unwrap();
    assert_eq!(
        missed["text"], "Are you there?",
        "and no message that was seen"
    );
    let mut reloaded = eve.looks(0).await.unwrap();
    let mut texts = Vec::new();
    while texts.len() < 4 {
        texts.push(reloaded.next().await.unwrap()["text"].clone());
    }
    for text in ["hi", "Welcome", "heard: hi", "Are you there?"] {
        assert!(texts.contains(&json!(text)), "{texts:?}");
    }
}

#[tokio::test]
async fn a_chat_outlives_the_program_and_its_stream_goes_on() {
    let site = Site::new().await;
    let eve = site.visitor('e');
    let mut page = eve.looks(0).await.unwrap();
    eve.says("m1", "before").await;
    page.sees("heard: before").await;
    let site = site.restarted().await;
    while page.next().await.is_some() {}
    let mut page = eve.looks(0).await.unwrap();
    page.sees("heard: before").await;
    assert_eq!(eve.says("m1", "before").await.0, 200, "a repeat");
    eve.says("m2", "after").await;
    page.sees("heard: after").await;
    site.operator_says("still here");
    page.sees("still here").await;
    let texts = |text: &str| {
        let history = site.portal.line_history(site.chat());
        history.iter().filter(|it| it["text"] == text).count()
    };
    assert_eq!((texts("before"), texts("after")), (1, 1));
}

#[tokio::test]
async fn a_visitor_sends_a_file_and_the_portal_can_fetch_it() {
    let site = Site::new().await;
    let eve = site.visitor('e');
    let mut page = eve.looks(0).await.unwrap();
    let bytes = b"<script>alert(1)</script>".to_vec();
    let (status, stored) = eve.sends("f1", "../Grüße.html", bytes.clone()).await;
    assert_eq!(status, 200, "{stored}");
    let entry = page.sees_own("").await;
    let file = &entry["files"][0];
    assert_eq!(
        (&file["name"], &file["bytes"]),
        (&json!("Grüße.html"), &json!(25))
    );
    let url = file["url"].as_str().unwrap();
    assert!(url.starts_with(&format!("{}/file/", site.url)), "{url}");
    until("the portal to receive the file", || {
        let traffic = site.portal.traffic_log();
        traffic
            .iter()
            .any(|it| it["name"] == "imconnector.send.messages" && it.to_string().contains(url))
    })
    .await;

    let given = reqwest::get(url).await.unwrap();
    let header = |name: &str| given.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/octet-stream");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(
        header("content-security-policy"),
        "default-src 'none'; sandbox"
    );
    assert!(header("content-disposition").starts_with("attachment; filename*=UTF-8''Gr%C3%BC"));
    assert_eq!(given.bytes().await.unwrap(), bytes);
    let again = eve.sends("f1", "other.txt", b"x".to_vec()).await;
    assert_eq!(again.1["number"], stored["number"], "a repeat");
}

#[tokio::test]
async fn only_pages_of_allowed_sites_may_have_it() {
    let site = Site::with(Options::default(), |widget| {
        widget.site("https://shop.example")
    })
    .await;
    let client = reqwest::Client::new();
    let preflight = async |origin: &str| {
        let address = format!("{}/say?line={}", site.url, site.line);
        let request = client.request(reqwest::Method::OPTIONS, address);
        let answer = request.header("origin", origin).send().await.unwrap();
        let allowed = answer.headers().get("access-control-allow-origin").cloned();
        let allowed = allowed.map(|origin| origin.to_str().unwrap().to_owned());
        (answer.status().as_u16(), allowed)
    };
    let shop = "https://shop.example";
    assert_eq!(preflight(shop).await, (204, Some(shop.to_owned())));
    let own = site.url.trim_end_matches("/widget");
    assert_eq!(preflight(own).await.0, 204);
    assert_eq!(preflight("https://evil.example").await.0, 403);
    assert_eq!(preflight("null").await.0, 403);
}

#[tokio::test]
async fn it_serves_a_demo_page() {
    let site = Site::new().await;
    for (address, script) in [
        ("/", "\"./widget.js\""),
        ("?line=7", "\"widget/widget.js\""),
    ] {
        let page = reqwest::get(format!("{}{address}", site.url))
            .await
            .unwrap();
        let page = page.text().await.unwrap();
        assert!(page.contains(script), "{page}");
    }
    let script = reqwest::get(format!("{}/widget.js", site.url))
        .await
        .unwrap();
    assert!(
        script.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/javascript")
    );
    let nothing = reqwest::get(format!("{}/nothing", site.url)).await.unwrap();
    assert_eq!(nothing.status(), 404);
}
