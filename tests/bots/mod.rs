//! The ready-made bots, each in conversation, over real HTTP between our server and the emulator.

mod echo;
mod menu;
mod poll;
mod reception;
mod widget;
mod widget_bad;
