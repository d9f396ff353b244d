//! The plan of the portals as a setting: its values and their help.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::portal::Plan;

impl ValueEnum for Plan {
    fn value_variants<'a>() -> &'a [Self] {
        &[Plan::Standard, Plan::Enterprise, Plan::OnPremise]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self {
            Plan::Standard => ("standard", "Two requests a second, fifty at once"),
            Plan::Enterprise => (
                "enterprise",
                "Five requests a second, two hundred and fifty at once",
            ),
            Plan::OnPremise => (
                "on-premise",
                "No limit: the portal runs on a server of its owner",
            ),
        };
        Some(PossibleValue::new(name).help(help))
    }
}
