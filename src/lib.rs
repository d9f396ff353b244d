//! The framework for Bitrix24 chatbots.
pub mod emulator;
pub mod event;
pub mod message;
