//! Messages of a bot: their JSON for the portal, and the portal's limits.

use imbot::message::{
    Attach, Block, Button, Color, Device, Display, Draft, GridCell, Image, Item, Keyboard, Menu,
    Oversized, RICH_BYTES_MAX, TEXT_CHARS_MAX, Text, Tone,
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
    let cell = |display| GridCell {
        display,
        name: None,
        value: Some("x".into()),
        width: None,
        color: None,
        link: None,
    };
    let large = || "x".repeat(RICH_BYTES_MAX);
    let cases: Vec<(Draft, &str)> = vec![
        (Draft::new(" \n "), "the message has no text"),
        (
            Draft::new("й".repeat(TEXT_CHARS_MAX + 1)),
            "20001 characters long; the portal takes 20000",
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
        Ok::<(), Oversized>(())
    );
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
}
