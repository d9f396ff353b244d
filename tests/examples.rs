//! The tests of the examples, which stand in their files, and the table of how long they are.

#[allow(dead_code, reason = "its main function")]
#[path = "../examples/broadcast.rs"]
mod broadcast;
#[allow(dead_code, reason = "its main function")]
#[path = "../examples/buttons.rs"]
mod buttons;
#[allow(dead_code, reason = "its main function")]
#[path = "../examples/command.rs"]
mod command;
#[allow(dead_code, reason = "its main function")]
#[path = "../examples/echo.rs"]
mod echo;
#[allow(dead_code, reason = "its main function")]
#[path = "../examples/endpoint.rs"]
mod endpoint;
#[allow(dead_code, reason = "its main function")]
#[path = "../examples/form.rs"]
mod form;
#[allow(dead_code, reason = "its main function")]
#[path = "../examples/keyboard.rs"]
mod keyboard;
#[allow(dead_code, reason = "its main function")]
#[path = "../examples/open_line.rs"]
mod open_line;
#[allow(dead_code, reason = "its main function")]
#[path = "../examples/per_person.rs"]
mod per_person;
#[allow(dead_code, reason = "its main function")]
#[path = "../examples/reminder.rs"]
mod reminder;
#[allow(dead_code, reason = "its main function")]
#[path = "../examples/schedule.rs"]
mod schedule;
#[allow(dead_code, reason = "its main function")]
#[path = "../examples/state.rs"]
mod state;
#[allow(dead_code, reason = "its main function")]
#[path = "../examples/streaming.rs"]
mod streaming;
#[allow(dead_code, reason = "its main function")]
#[path = "../examples/verified.rs"]
mod verified;

#[test]
fn the_guide_says_how_long_each_example_is() {
    let table = include_str!("../src/guide/examples.md");
    let rows = table.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
        let name = cells.next()?.trim_end_matches('`');
        Some(format!("{name} {}", cells.nth(1)?))
    });
    let mut rows: Vec<String> = rows.collect();
    rows.sort();
    let counted = std::process::Command::new("tests/lines")
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output();
    let counted = String::from_utf8(counted.unwrap().stdout).unwrap();
    let counted = counted.lines().map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.join(" ")
    });
    assert_eq!(rows, counted.collect::<Vec<_>>());
}
