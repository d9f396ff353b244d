//! The framework for Bitrix24 chatbots.
