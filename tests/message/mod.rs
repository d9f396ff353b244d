//! Messages of a bot: their JSON for the portal, and the portal's limits.

use imbot::event::{Api, BotId, DialogId, MessageId, SessionId, UserId};
use imbot::message::{
    Attach, AvatarType, Block, Button, Color, Device, Display, Draft, GridCell, Image, ImageSize,
    InvalidDraft, Item, Keyboard, Link, Menu, Person, RICH_BYTES_MAX, RICH_CHARS_MAX,
    TEXT_CHARS_MAX, Text, Tone, split,
};
use proptest::prelude::*;
use serde_json::json;

#[test]
fn a_keyboard_is_serialised_as_the_portals_flat_list() {
    let keyboard = Keyboard::new()
        .row([
            Button::command("Red", "paint", "red")
                .color(Color::hex(0x00df_532d))
                .text_color(Color::rgb(255, 255, 255))
                .block(),
            Button::link("Docs", "https://example.com")
                .tone(Tone::Primary)
                .in_line()
                .width(120),
        ])
        .row([])
        .row([Button::send("Hi", "hello")
            .disabled()
            .only_on(Device::Mobile)]);
    keyboard.check().unwrap();
    let expected = json!({ "BUTTONS": [
        {
            "TEXT": "Red", "COMMAND": "paint", "COMMAND_PARAMS": "red", "BLOCK": "Y", "DISPLAY": "LINE", "BG_COLOR": "#df532d",
            "TEXT_COLOR": "#ffffff",
        },
        { "TEXT": "Docs", "LINK": "https://example.com", "DISPLAY": "LINE", "WIDTH": 120, "BG_COLOR_TOKEN": "primary" },
        { "TYPE": "NEWLINE" },
        { "TEXT": "Hi", "ACTION": "SEND", "ACTION_VALUE": "hello", "DISABLED": "Y", "CONTEXT": "MOBILE" },
    ]});
    assert_eq!(
        json!(Draft::new("x").keyboard(keyboard).params()["KEYBOARD"]),
        expected
    );
}

#[test]
fn an_attachment_can_have_every_kind_of_block() {
    let attach = Attach::new()
        .tone(Tone::Alert)
        .message("[b]Order[/b]")
        .link("Shop", "https://example.com")
        .grid(Display::Row, [("Total", "5"), ("Tax", "1")])
        .delimiter()
        .block(Block::Image(vec![Image {
            link: "/upload/a.png".into(),
            ..Image::default()
        }]));
    attach.check().unwrap();
    let expected = json!({ "COLOR_TOKEN": "alert", "BLOCKS": [
        { "MESSAGE": "[b]Order[/b]" },
        { "LINK": { "LINK": "https://example.com", "NAME": "Shop" } },
        { "GRID": [
            { "DISPLAY": "ROW", "NAME": "Total", "VALUE": "5" },
            { "DISPLAY": "ROW", "NAME": "Tax", "VALUE": "1" },
        ]},
        { "DELIMITER": { "SIZE": 200, "COLOR": "#c6c6c6" } },
        { "IMAGE": [{ "LINK": "/upload/a.png" }] },
    ]});
    assert_eq!(
        json!(Draft::new("x").attach(attach).params()["ATTACH"]),
        expected
    );
}

#[test]
fn a_menu_is_serialised_as_a_list_of_items() {
    let menu = Menu::new()
        .item(Item::command("Again", "again", "7"))
        .item(Item::put("Quote", "> "));
    let expected = json!({ "ITEMS": [
        { "TEXT": "Again", "COMMAND": "again", "COMMAND_PARAMS": "7" },
        { "TEXT": "Quote", "ACTION": "PUT", "ACTION_VALUE": "> " },
    ]});
    assert_eq!(json!(Draft::new("x").menu(menu).params()["MENU"]), expected);
}

#[test]
fn a_message_over_a_limit_is_refused_with_an_error_that_names_the_limit() {
    let cell = |display| GridCell::new(display, "", "x");
    let large = || "x".repeat(RICH_CHARS_MAX);
    let cases: Vec<(Draft, &str)> = vec![
        (Draft::new(" \n "), "the message has no text"),
        (
            Draft::new("й".repeat(TEXT_CHARS_MAX + 1)),
            "20001 characters long; the portal takes 20000 (`Context::say_long`",
        ),
        (
            Draft::new("x").keyboard(Button::link("x", "tel:+49301234")),
            "`Button::call`",
        ),
        (
            Draft::new("x").forward((0..101).map(MessageId)),
            "more than 100 forwarded messages",
        ),
        (
            Draft::new("x").file("a.txt", "a").reply_to(MessageId(1)),
            "the file has other parts next to it",
        ),
        (Draft::new("x").file("a.txt", ""), "the file has no content"),
        (
            Draft::new("x")
                .menu(Menu::new().item(Item::send("Hi", "hi")))
                .reply_to(MessageId(1)),
            "no method for both",
        ),
        (
            Draft::new("x").keyboard(Keyboard::new()),
            "the keyboard has no button",
        ),
        (
            Draft::new("x").keyboard(Button::link(" ", "https://a")),
            "without text",
        ),
        (
            Draft::new("x").keyboard(Button::link("x", "javascript:alert(1)")),
            "neither http(s):// nor /",
        ),
        (
            Draft::new("x").keyboard(Button::command("x", "/slash", "")),
            "without a slash",
        ),
        (
            Draft::new("x").keyboard(Button::send("x", "")),
            "without a value",
        ),
        (
            Draft::new("x").keyboard(Button::send("x", large())),
            "the keyboard takes",
        ),
        (
            Draft::new("x").attach(Attach::new()),
            "the attachment has no block",
        ),
        (
            Draft::new("x").attach(Attach::new().message(large())),
            "the attachment takes",
        ),
        (
            Draft::new("x").attach(Block::Grid(vec![cell(Display::Row), cell(Display::Line)])),
            "one kind per grid",
        ),
        (Draft::new("x").menu(Menu::new()), "the menu has no item"),
    ];
    for (draft, expected) in cases {
        let error = draft.check().unwrap_err().to_string();
        assert!(
            error.contains(expected),
            "{error:?} does not contain {expected:?}"
        );
    }
    assert_eq!(
        Draft::new("й".repeat(TEXT_CHARS_MAX)).check(),
        Ok::<(), InvalidDraft>(())
    );
}

#[test]
fn the_limits_are_those_of_the_api() {
    let letters = |count| Attach::new().message("й".repeat(count));
    // 16,000 letters are 32,000 bytes.
    let between = Draft::new("x").attach(letters(16_000));
    assert_eq!(between.check_for(Api::V2), Ok(()));
    assert!(matches!(
        between.check_for(Api::V1),
        Err(InvalidDraft::Rich { part: "attachment", bytes }) if bytes > RICH_BYTES_MAX
    ));
    let large = Draft::new("x").attach(letters(RICH_CHARS_MAX));
    assert!(matches!(
        large.check_for(Api::V2),
        Err(InvalidDraft::RichText { .. })
    ));
    let alone = || Draft::new("").attach(Attach::new().message("only this"));
    assert_eq!(alone().check_for(Api::V2), Ok(()));
    assert_eq!(alone().check_for(Api::V1), Err(InvalidDraft::NoText));
    let with_menu = alone().menu(Menu::new().item(Item::send("Hi", "hi")));
    assert_eq!(
        with_menu.check(),
        Err(InvalidDraft::NoText),
        "only v1 takes menus"
    );
    assert_eq!(Draft::new("").forward([MessageId(7)]).check(), Ok(()));
    assert_eq!(Draft::new("").file("a.txt", "a").check(), Ok(()));
}

#[test]
fn every_documented_field_of_a_part_can_be_set_and_others_by_name() {
    let keyboard = Keyboard::from([
        Button::app("App", 7, "a=1"),
        Button::command("Go", "go", "")
            .disabled_color(Color::hex(1))
            .disabled_text_color(Color::hex(2))
            .field("NEW", true),
    ]);
    let menu = Menu::new()
        .item(Item::call("Call", "+49301234"))
        .item(Item::dialog("Chat", "chat7").field("NEW", 1))
        .item(Item::app("App", 7, ""));
    let attach = Attach::new()
        .id(3)
        .description("Order 7")
        .field("NEW", "x")
        .block(Block::Link(Link {
            link: "/a".into(),
            html: Some("<b>a</b>".into()),
            width: Some(10),
            height: Some(20),
            user_id: Some(UserId(5)),
            network_id: Some("n5".into()),
            ..Link::default()
        }))
        .block(Block::RichLink(Link {
            link: "/b".into(),
            ..Link::default()
        }))
        .block(Block::User(Person {
            name: "Echo".into(),
            bot_id: Some(BotId(9)),
            avatar_type: Some(AvatarType::Bot),
            ..Person::default()
        }))
        .block(Block::Delimiter {
            size: 100,
            color: None,
        })
        .block(Block::Other(
            [("FUTURE".to_owned(), json!({ "A": 1 }))]
                .into_iter()
                .collect(),
        ));
    attach.check().unwrap();
    let draft = Draft::new("x")
        .keyboard(keyboard)
        .menu(menu)
        .attach(attach)
        .reply_to(MessageId(4))
        .field("silentConnector", true);
    assert_eq!(
        json!(draft.params()),
        json!({
            "MESSAGE": "x",
            "KEYBOARD": { "BUTTONS": [
                { "TEXT": "App", "APP_ID": 7, "APP_PARAMS": "a=1", "DISPLAY": "LINE" },
                {
                    "TEXT": "Go", "COMMAND": "go", "COMMAND_PARAMS": "", "DISPLAY": "LINE", "OFF_BG_COLOR": "#000001",
                    "OFF_TEXT_COLOR": "#000002", "NEW": true,
                },
            ] },
            "ATTACH": {
                "ID": 3, "DESCRIPTION": "Order 7", "NEW": "x",
                "BLOCKS": [
                    { "LINK": {
                        "LINK": "/a", "HTML": "<b>a</b>", "WIDTH": 10, "HEIGHT": 20, "USER_ID": 5, "NETWORK_ID": "n5",
                    } },
                    { "RICH_LINK": { "LINK": "/b" } },
                    { "USER": { "NAME": "Echo", "BOT_ID": 9, "AVATAR_TYPE": "BOT" } },
                    { "DELIMITER": { "SIZE": 100 } },
                    { "FUTURE": { "A": 1 } },
                ],
            },
            "MENU": { "ITEMS": [
                { "TEXT": "Call", "ACTION": "CALL", "ACTION_VALUE": "+49301234" },
                { "TEXT": "Chat", "ACTION": "DIALOG", "ACTION_VALUE": "chat7", "NEW": 1 },
                { "TEXT": "App", "APP_ID": 7, "APP_PARAMS": "" },
            ] },
            "REPLY_ID": 4,
            "silentConnector": true,
        })
    );
}

#[test]
fn text_has_every_documented_code() {
    let text = Text::new()
        .call("us", "+49301234")
        .context("there", &DialogId::from("chat7"), MessageId(8))
        .everybody("all")
        .open_channel(SessionId(5), "session")
        .size(40, "large")
        .image(ImageSize::Small, "https://a.example/i.png")
        .icon("https://a.example/i.png", 20, "a [sign]")
        .disk_file(12)
        .timestamp(1_700_000_000, "SHORT_TIME_FORMAT");
    assert_eq!(
        text.to_string(),
        "[call=+49301234]us[/call][context=chat7/8]there[/context][USER=all]all[/USER]\
         [CHAT=imol|5]session[/CHAT][size=30]large[/size][img size=small]https://a.example/i.png [/img]\
         [icon=https://a.example/i.png size=20 title=a %5Bsign%5D][disk=12]\
         [timestamp=1700000000 format=SHORT_TIME_FORMAT]"
    );
}

#[test]
fn a_draft_that_is_too_long_becomes_several_that_are_not() {
    let keyboard = || Keyboard::from(Button::send("Yes", "yes"));
    let text = "One sentence. ".repeat(3_000);
    let draft = Draft::new(format!("[b]{}[/b]", text.trim_end()))
        .keyboard(keyboard())
        .whisper()
        .reply_to(MessageId(4));
    let drafts = draft.split();
    assert_eq!(drafts.len(), 3);
    for (index, draft) in drafts.iter().enumerate() {
        let (params, is_last) = (draft.params(), index == 2);
        assert_eq!(draft.check(), Ok(()));
        assert!(draft.is_whisper());
        assert!(draft.text().starts_with("[b]One") && draft.text().ends_with("sentence.[/b]"));
        assert_eq!(params.contains_key("REPLY_ID"), index == 0);
        assert_eq!(params.contains_key("KEYBOARD"), is_last);
    }
    let short = Draft::new("short").keyboard(keyboard());
    assert_eq!(short.clone().split(), [short]);
}

/// Names of BB codes of the portal.
const CODES: &[&str] = &["b", "/b", "url", "USER=1", "put", "img", "code", "*"];

proptest! {
    #[test]
    fn typed_text_never_becomes_a_bb_code(pieces in prop::collection::vec(prop_oneof![
        prop::sample::select(CODES).prop_map(|code| format!("[{code}]")),
        Just("\n>>".to_owned()), Just("\n/help".to_owned()), Just("------\n".to_owned()), any::<String>(),
    ], 0..12)) {
        let typed = pieces.concat();
        let text = String::from(Text::new().plain(&typed));
        for code in CODES {
            let code = format!("[{code}");
            prop_assert!(!text.contains(&code), "{text:?} contains {code}");
        }
        let begins = |mark: &str| text.lines().any(|line| line.starts_with(mark));
        prop_assert!(!begins(">>") && !begins("------") && !begins("/"), "{:?}", text);
        prop_assert_eq!(text.replace('\u{2060}', ""), typed.replace('\u{2060}', ""), "nothing is lost");
    }

    #[test]
    fn parts_of_a_text_fit_and_have_all_its_words(pieces in prop::collection::vec(prop_oneof![
        prop::sample::select(CODES).prop_map(|code| format!("[{code}]")),
        Just("\n\n".to_owned()), Just("\n>>".to_owned()), Just("\n------\n".to_owned()), Just("a. ".to_owned()),
        "[a-z]{1,20}( [a-z]{1,5}){0,5}", any::<String>(),
    ], 0..40), chars_max in 1..80_usize) {
        let text = pieces.concat();
        let parts = split(&text, chars_max);
        for part in &parts {
            prop_assert!(part.chars().count() <= chars_max, "{part:?}");
            prop_assert!(!part.trim().is_empty());
        }
        // No code with an end has a digit, so none is repeated.
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        prop_assert_eq!(digits(&parts.concat()), digits(&text));
    }
}
