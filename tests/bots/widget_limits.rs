//! Limits of the widget for each address: secrets are free, so a flood comes with a new one each
//! time.

use bots::widget::{
    ADDRESS_CHATS_A_MINUTE_MAX, ADDRESS_KILOBYTES_A_DAY_MAX, ADDRESS_MESSAGES_A_MINUTE_MAX,
    FILE_BYTES_MAX, LINE_CHATS_A_MINUTE_MAX, MESSAGES_A_MINUTE_MAX,
};
use tokio::time::{Instant, timeout};

use crate::support::PATIENCE;
use crate::support::site::{Site, Visitor};

/// Sends with a new secret each time until one is refused, and returns how many were not.
///
/// On a slow machine some of the limit comes back meanwhile, so the number is at least the limit.
async fn flood(visitor: &Visitor, first: usize) -> usize {
    let flood = async {
        let mut sent = 0;
        loop {
            let (status, why) = visitor.with_secret(first + sent).says("m1", "hello").await;
            if status == 429 {
                let why = why["error"].as_str().unwrap();
                assert!(why.contains("try again"), "{why}");
                return sent;
            }
            assert_eq!(status, 200, "{why}");
            sent += 1;
        }
    };
    timeout(PATIENCE, flood).await.expect("refused at last")
}

#[tokio::test]
async fn an_address_begins_few_chats_and_others_may_still_write() {
    let site = Site::new().await;
    let known = site.visitor('e');
    assert_eq!(known.says("m1", "hi").await.0, 200);
    let begun = flood(&known, 0).await;
    assert!(begun + 1 >= ADDRESS_CHATS_A_MINUTE_MAX as usize, "{begun}");
    assert!(begun < LINE_CHATS_A_MINUTE_MAX as usize, "{begun}");
    // A chat that exists goes on, and another address begins one.
    assert_eq!(known.says("m2", "still here").await.0, 200);
    let elsewhere = site.visitor('a').at_address(2);
    assert_eq!(elsewhere.says("m1", "hi").await.0, 200);
}

#[tokio::test]
async fn a_line_is_protected_from_a_flood_from_many_addresses() {
    let site = Site::new().await;
    let mut begun = 0;
    for last in 2..=u8::MAX {
        let before = begun;
        begun += flood(&site.visitor('e').at_address(last), begun).await;
        if begun == before {
            assert!(begun >= LINE_CHATS_A_MINUTE_MAX as usize, "{begun}");
            return;
        }
    }
    panic!("the line is not protected: {begun}");
}

#[tokio::test]
async fn the_messages_of_an_address_are_limited_whatever_the_secret() {
    let site = Site::new().await;
    let visitors = ADDRESS_MESSAGES_A_MINUTE_MAX as usize / MESSAGES_A_MINUTE_MAX + 2;
    let end = Instant::now() + PATIENCE;
    let mut sent = 0;
    for number in (0..usize::MAX).take_while(|_| Instant::now() < end) {
        let visitor = site.visitor('e').with_secret(number % visitors);
        match visitor.says(&format!("m{number}"), "hello").await.0 {
            200 => sent += 1,
            status => {
                assert_eq!(status, 429);
                assert!(sent >= ADDRESS_MESSAGES_A_MINUTE_MAX, "{sent}");
                return;
            }
        }
    }
    panic!("{sent} messages, and none was refused");
}

#[tokio::test]
async fn an_address_cannot_fill_the_disk_for_others() {
    let site = Site::new().await;
    let eve = site.visitor('e');
    let file = vec![0; FILE_BYTES_MAX as usize];
    let files = ADDRESS_KILOBYTES_A_DAY_MAX as usize / (file.len() / 1_000);
    for number in 0..files {
        let (status, why) = eve
            .sends(&format!("f{number}"), "a.bin", file.clone())
            .await;
        assert_eq!(status, 200, "{why}");
    }
    let (status, why) = eve.sends("more", "a.bin", file.clone()).await;
    assert_eq!(status, 429, "{why}");
    let stored = std::fs::read_dir(site.folder.path().join("files")).unwrap();
    assert_eq!(stored.count(), files, "the refused file is deleted");
    let elsewhere = site.visitor('a').at_address(2);
    assert_eq!(elsewhere.sends("f1", "a.bin", file).await.0, 200);
}
