//! The values of the setting `plan`, and their help.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::portal::Plan;

impl ValueEnum for Plan {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Standard, Self::Enterprise, Self::OnPremise]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self {
            Self::Standard => ("standard", "Two requests a second, fifty at once"),
            Self::Enterprise => (
                "enterprise",
                "Five requests a second, two hundred and fifty at once",
            ),
            Self::OnPremise => ("on-premise", "No limit: the portal is self-hosted"),
        };
        Some(PossibleValue::new(name).help(help))
    }
}
