//! The sites whose pages may have the widget: its own, and those that are allowed.
//!
//! The widget uses no cookies, so a page of another site cannot act for a visitor. The list
//! prevents other sites from showing your chat.

use std::collections::BTreeSet;

/// The sites whose pages may have the widget.
#[derive(Clone, Debug, Default)]
pub(super) struct Sites {
    allowed: BTreeSet<String>,
    are_all_allowed: bool,
}

impl Sites {
    /// Allows a site.
    pub(super) fn add(&mut self, site: &str) {
        self.allowed.insert(normalize(site));
    }

    /// Allows all sites.
    pub(super) fn add_all(&mut self) {
        self.are_all_allowed = true;
    }

    /// Returns true if a page of this origin may have the widget. `host` is the host of the
    /// request, `address` the address of the program; pages of both are allowed.
    pub(super) fn allow(&self, origin: &str, host: Option<&str>, address: Option<&str>) -> bool {
        let origin = normalize(origin);
        let is_same = |host: &str| origin.split_once("://").is_some_and(|(_, own)| own == host);
        self.are_all_allowed
            || self.allowed.contains(&origin)
            || host.is_some_and(is_same)
            || address.is_some_and(|address| origin_of(address) == origin)
    }
}

/// Returns the origin of an address.
fn origin_of(address: &str) -> String {
    let start = address.find("://").map_or(0, |index| index + 3);
    let end = address[start..]
        .find('/')
        .map_or(address.len(), |index| start + index);
    normalize(&address[..end])
}

/// Returns a site in lower case, without a slash at its end.
fn normalize(site: &str) -> String {
    site.trim_end_matches('/').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widgets_own_site_and_allowed_sites_may_have_it() {
        let mut sites = Sites::default();
        sites.add("https://Shop.example.com/");
        let allows = |origin: &str| {
            sites.allow(
                origin,
                Some("10.0.0.7:8080"),
                Some("https://bots.example.com/b/"),
            )
        };
        for origin in [
            "https://shop.example.com",
            "https://bots.example.com",
            "http://10.0.0.7:8080",
        ] {
            assert!(allows(origin), "{origin}");
        }
        for origin in [
            "null",
            "https://evil.example",
            "http://shop.example.com",
            "https://shop.example.com.evil.example",
        ] {
            assert!(!allows(origin), "{origin}");
        }
        sites.add_all();
        assert!(sites.allow("null", None, None));
    }
}
