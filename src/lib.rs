//! The framework for Bitrix24 chatbots.
pub mod event;
pub mod message;
pub mod portal;
pub mod store;
