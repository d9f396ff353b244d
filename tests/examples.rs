//! The tests of the examples, which stand in their files.

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
#[path = "../examples/keyboard.rs"]
mod keyboard;
#[allow(dead_code, reason = "its main function")]
#[path = "../examples/open_line.rs"]
mod open_line;
#[allow(dead_code, reason = "its main function")]
#[path = "../examples/reminder.rs"]
mod reminder;
#[allow(dead_code, reason = "its main function")]
#[path = "../examples/state.rs"]
mod state;
#[allow(dead_code, reason = "its main function")]
#[path = "../examples/verified.rs"]
mod verified;
