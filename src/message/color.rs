//! Colours of buttons and attachments.

use std::fmt;

use serde::{Serialize, Serializer};

/// An RGB colour, such as `#29619b`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Color(u32);

impl Color {
    /// Returns the colour of these red, green and blue parts.
    pub const fn rgb(red: u8, green: u8, blue: u8) -> Self {
        Self((red as u32) << 16 | (green as u32) << 8 | blue as u32)
    }

    /// Returns the colour of a number such as `0x29619b`.
    pub const fn hex(rgb: u32) -> Self {
        Self(rgb & 0x00FF_FFFF)
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

/// A colour by its meaning (`COLOR_TOKEN`). It follows the portal's theme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Tone {
    /// The main action.
    Primary,
    /// An alternative action.
    Secondary,
    /// A warning.
    Alert,
    /// The portal's default.
    Base,
}
