//! Faults caused on the page: the portal refuses calls of a bot.

use imbot::App;

use super::page::Page;
use crate::support::Desk;

#[tokio::test]
async fn the_bot_recovers_from_faults_caused_on_the_page() {
    let desk = Desk::with(App::new().bot(bots::Echo)).await;
    let Some(page) = Page::open(&desk.portal).await else {
        return;
    };
    page.click("[data-testid=bot-card][data-code=echo]").await;
    page.sees("other", "I am Echo").await;
    page.click("[data-testid=faults]").await;
    page.run("document.querySelector('[data-testid=fault-times]').value = 2")
        .await;
    page.click("[data-testid=fault-send]").await;
    page.until("document.body.innerText.includes('Refuse the next calls: done.')")
        .await;
    page.says("is anybody there?").await;
    page.sees("other", "is anybody there?").await;
    let refused = desk.portal.traffic_log().into_iter();
    let refused = refused.filter(|entry| entry["answer"]["error"] == "QUERY_LIMIT_EXCEEDED");
    assert_eq!(refused.count(), 2);
}
