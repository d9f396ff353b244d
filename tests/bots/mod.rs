//! The ready-made bots, by the test kit, and over real HTTP between our server and the emulator.

mod assistant;
mod echo;
mod frontdesk;
mod menu;
mod overdue;
mod poll;
mod widget;
mod widget_errors;
mod widget_limits;
