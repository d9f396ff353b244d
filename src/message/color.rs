//! Colours of buttons and attachments.

use std::fmt;

use serde::{Serialize, Serializer};

/// A colour by its parts, written `#29619b`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Color(u32);

impl Color {
    /// The colour of red, green and blue.
    pub const fn rgb(red: u8, green: u8, blue: u8) -> Color {
        Color((red as u32) << 16 | (green as u32) << 8 | blue as u32)
    }

    /// The colour of `0x29619b`.
    pub const fn hex(rgb: u32) -> Color {
        Color(rgb & 0x00FF_FFFF)
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:06x}", self.0)
    }
}

impl Serialize for Color {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A colour by its meaning (`COLOR_TOKEN`): it follows the portal's theme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// What is meant to be done.
    Primary,
    /// What may be done instead.
    Secondary,
    /// What warns.
    Alert,
    /// The portal's default.
    Base,
}
