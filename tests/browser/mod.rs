//! The web chat, driven in a real Chromium as a person drives it.
//!
//! Where Chromium is missing these tests fail, and say what installs it; `IMBOT_TEST_BROWSER=skip` leaves them out.

mod chat;
mod chromium;
mod faults;
mod installer;
mod page;
mod picture;
mod widget;
