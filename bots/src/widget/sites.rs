//! On whose pages the widget may be: its own, and those of sites that are named.
//!
//! No cookie is involved, so a page elsewhere could do nothing in a visitor's name. The list keeps others from putting your
//! operators on their pages.

use std::collections::BTreeSet;

/// The sites whose pages may have the widget.
#[derive(Clone, Debug, Default)]
pub(super) struct Sites {
    named: BTreeSet<String>,
    is_any: bool,
}

impl Sites {
    pub(super) fn add(&mut self, site: &str) {
        self.named.insert(normal(site));
    }

    pub(super) fn any(&mut self) {
        self.is_any = true;
    }

    /// Whether a page of this origin may have it, where the request went to this host and the program has this address.
    pub(super) fn take(&self, origin: &str, host: Option<&str>, address: Option<&str>) -> bool {
        let origin = normal(origin);
        let same = |host: &str| origin.split_once("://").is_some_and(|(_, own)| own == host);
        self.is_any
            || self.named.contains(&origin)
            || host.is_some_and(same)
            || address.is_some_and(|address| of(address) == origin)
    }
}

/// The origin of an address.
fn of(address: &str) -> String {
    let start = address.find("://").map_or(0, |place| place + 3);
    let end = address[start..]
        .find('/')
        .map_or(address.len(), |place| start + place);
    normal(&address[..end])
}

fn normal(site: &str) -> String {
    site.trim_end_matches('/').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_of_a_site_that_is_named_or_of_the_widgets_own() {
        let mut sites = Sites::default();
        sites.add("https://Shop.example.com/");
        let takes = |origin: &str| {
            sites.take(
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
            assert!(takes(origin), "{origin}");
        }
        for origin in [
            "null",
            "https://evil.example",
            "http://shop.example.com",
            "https://shop.example.com.evil.example",
        ] {
            assert!(!takes(origin), "{origin}");
        }
        sites.any();
        assert!(sites.take("null", None, None));
    }
}
