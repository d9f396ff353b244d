//! The web chat, driven in a real Chromium as a person drives it.
//!
//! Without Chromium these tests fail with a hint how to install it; `IMBOT_TEST_BROWSER=skip` skips
//! them.

mod chat;
mod chromium;
mod faults;
mod installer;
mod page;
mod picture;
mod widget;
