//! The names of the portal's events, and what each is about.
//!
//! From the documentation's event pages and the mission's list. A name that is not here is an event all the same:
//! portals grow new ones.

use std::borrow::Cow;

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Category {
    /// The application's own life: installed, updated, paid, removed.
    Application,
    /// Bookings and their resources.
    Booking,
    /// The bot platform, both versions.
    Bots,
    /// The calendar.
    Calendar,
    /// The product catalogue.
    Catalog,
    /// Connectors of open channels.
    Connectors,
    /// CRM: leads, deals, contacts, companies, smart processes, activities, the timeline, measurement units, ….
    Crm,
    /// The messenger, as a user polls it.
    Messenger,
    /// The news feed.
    NewsFeed,
    /// Open channels and their sessions.
    OpenChannels,
    /// The online store.
    Sale,
    /// Electronic signatures.
    Sign,
    /// Tasks and their comments.
    Tasks,
    /// Telephony.
    Telephony,
    /// The portal's users.
    Users,
    /// Workgroups.
    Workgroups,
    /// Something that this catalogue does not know.
    Unknown,
}

/// The name of an event: upper case, as portals send it.
pub(super) fn name(text: &str) -> (Cow<'static, str>, Category) {
    let upper = if text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        Cow::Owned(text.to_ascii_uppercase())
    } else {
        Cow::Borrowed(text)
    };
    match find(&upper) {
        Some((known, category)) => (Cow::Borrowed(known), category),
        None => (Cow::Owned(upper.clone().into_owned()), suffixed(&upper)),
    }
}

/// What the event of this name is about; letter case does not matter.
pub fn category(text: &str) -> Category {
    name(text).1
}

/// All documented names with what they are about, in alphabetical order.
pub fn names() -> impl Iterator<Item = (&'static str, Category)> {
    NAMES.iter().copied()
}

fn find(upper: &str) -> Option<(&'static str, Category)> {
    NAMES
        .binary_search_by_key(&upper, |(name, _)| name)
        .ok()
        .map(|at| NAMES[at])
}

/// Events of a smart process end in its type, such as `ONCRMDYNAMICITEMADD_147`.
fn suffixed(upper: &str) -> Category {
    let stem = upper.rsplit_once('_').and_then(|(stem, _)| find(stem));
    stem.map_or(Category::Unknown, |(_, category)| category)
}

const NAMES: &[(&str, Category)] = &[
    ("CATALOG.MEASURE.ON.ADD", Category::Catalog),
    ("CATALOG.MEASURE.ON.DELETE", Category::Catalog),
    ("CATALOG.MEASURE.ON.UPDATE", Category::Catalog),
    ("CATALOG.PRICE.ON.ADD", Category::Catalog),
    ("CATALOG.PRICE.ON.DELETE", Category::Catalog),
    ("CATALOG.PRICE.ON.UPDATE", Category::Catalog),
    ("CATALOG.PRICE.TYPE.ON.ADD", Category::Catalog),
    ("CATALOG.PRICE.TYPE.ON.DELETE", Category::Catalog),
    ("CATALOG.PRICE.TYPE.ON.UPDATE", Category::Catalog),
    ("CATALOG.PRODUCT.ON.ADD", Category::Catalog),
    ("CATALOG.PRODUCT.ON.DELETE", Category::Catalog),
    ("CATALOG.PRODUCT.ON.UPDATE", Category::Catalog),
    ("CATALOG.ROUNDING.ON.ADD", Category::Catalog),
    ("CATALOG.ROUNDING.ON.DELETE", Category::Catalog),
    ("CATALOG.ROUNDING.ON.UPDATE", Category::Catalog),
    ("ONAPPINSTALL", Category::Application),
    ("ONAPPMETHODCONFIRM", Category::Application),
    ("ONAPPPAYMENT", Category::Application),
    ("ONAPPTEST", Category::Application),
    ("ONAPPUNINSTALL", Category::Application),
    ("ONAPPUPDATE", Category::Application),
    ("ONBOOKINGADD", Category::Booking),
    ("ONBOOKINGDELETE", Category::Booking),
    ("ONBOOKINGRESOURCEADD", Category::Booking),
    ("ONBOOKINGRESOURCEDELETE", Category::Booking),
    ("ONBOOKINGRESOURCETYPEADD", Category::Booking),
    ("ONBOOKINGRESOURCETYPEDELETE", Category::Booking),
    ("ONBOOKINGRESOURCETYPEUPDATE", Category::Booking),
    ("ONBOOKINGRESOURCEUPDATE", Category::Booking),
    ("ONBOOKINGUPDATE", Category::Booking),
    ("ONBOOKINGWAITLISTITEMADD", Category::Booking),
    ("ONBOOKINGWAITLISTITEMDELETE", Category::Booking),
    ("ONBOOKINGWAITLISTITEMUPDATE", Category::Booking),
    ("ONCALENDARENTRYADD", Category::Calendar),
    ("ONCALENDARENTRYDELETE", Category::Calendar),
    ("ONCALENDARENTRYUPDATE", Category::Calendar),
    ("ONCALENDARSECTIONADD", Category::Calendar),
    ("ONCALENDARSECTIONDELETE", Category::Calendar),
    ("ONCALENDARSECTIONUPDATE", Category::Calendar),
    ("ONCRMACTIVITYADD", Category::Crm),
    ("ONCRMACTIVITYDELETE", Category::Crm),
    ("ONCRMACTIVITYUPDATE", Category::Crm),
    ("ONCRMADDRESSREGISTER", Category::Crm),
    ("ONCRMADDRESSUNREGISTER", Category::Crm),
    ("ONCRMBANKDETAILADD", Category::Crm),
    ("ONCRMBANKDETAILDELETE", Category::Crm),
    ("ONCRMBANKDETAILUPDATE", Category::Crm),
    ("ONCRMCOMPANYADD", Category::Crm),
    ("ONCRMCOMPANYDELETE", Category::Crm),
    ("ONCRMCOMPANYUPDATE", Category::Crm),
    ("ONCRMCOMPANYUSERFIELDADD", Category::Crm),
    ("ONCRMCOMPANYUSERFIELDDELETE", Category::Crm),
    ("ONCRMCOMPANYUSERFIELDSETENUMVALUES", Category::Crm),
    ("ONCRMCOMPANYUSERFIELDUPDATE", Category::Crm),
    ("ONCRMCONTACTADD", Category::Crm),
    ("ONCRMCONTACTDELETE", Category::Crm),
    ("ONCRMCONTACTUPDATE", Category::Crm),
    ("ONCRMCONTACTUSERFIELDADD", Category::Crm),
    ("ONCRMCONTACTUSERFIELDDELETE", Category::Crm),
    ("ONCRMCONTACTUSERFIELDSETENUMVALUES", Category::Crm),
    ("ONCRMCONTACTUSERFIELDUPDATE", Category::Crm),
    ("ONCRMCURRENCYADD", Category::Crm),
    ("ONCRMCURRENCYDELETE", Category::Crm),
    ("ONCRMCURRENCYUPDATE", Category::Crm),
    ("ONCRMDEALADD", Category::Crm),
    ("ONCRMDEALDELETE", Category::Crm),
    ("ONCRMDEALMOVETOCATEGORY", Category::Crm),
    ("ONCRMDEALRECURRINGADD", Category::Crm),
    ("ONCRMDEALRECURRINGDELETE", Category::Crm),
    ("ONCRMDEALRECURRINGEXPOSE", Category::Crm),
    ("ONCRMDEALRECURRINGUPDATE", Category::Crm),
    ("ONCRMDEALUPDATE", Category::Crm),
    ("ONCRMDEALUSERFIELDADD", Category::Crm),
    ("ONCRMDEALUSERFIELDDELETE", Category::Crm),
    ("ONCRMDEALUSERFIELDSETENUMVALUES", Category::Crm),
    ("ONCRMDEALUSERFIELDUPDATE", Category::Crm),
    ("ONCRMDOCUMENTGENERATORDOCUMENTADD", Category::Crm),
    ("ONCRMDOCUMENTGENERATORDOCUMENTDELETE", Category::Crm),
    ("ONCRMDOCUMENTGENERATORDOCUMENTUPDATE", Category::Crm),
    ("ONCRMDYNAMICITEMADD", Category::Crm),
    ("ONCRMDYNAMICITEMDELETE", Category::Crm),
    ("ONCRMDYNAMICITEMUPDATE", Category::Crm),
    ("ONCRMINVOICEADD", Category::Crm),
    ("ONCRMINVOICEDELETE", Category::Crm),
    ("ONCRMINVOICERECURRINGADD", Category::Crm),
    ("ONCRMINVOICERECURRINGDELETE", Category::Crm),
    ("ONCRMINVOICERECURRINGEXPOSE", Category::Crm),
    ("ONCRMINVOICERECURRINGUPDATE", Category::Crm),
    ("ONCRMINVOICESETSTATUS", Category::Crm),
    ("ONCRMINVOICEUPDATE", Category::Crm),
    ("ONCRMINVOICEUSERFIELDADD", Category::Crm),
    ("ONCRMINVOICEUSERFIELDDELETE", Category::Crm),
    ("ONCRMINVOICEUSERFIELDSETENUMVALUES", Category::Crm),
    ("ONCRMINVOICEUSERFIELDUPDATE", Category::Crm),
    ("ONCRMLEADADD", Category::Crm),
    ("ONCRMLEADDELETE", Category::Crm),
    ("ONCRMLEADUPDATE", Category::Crm),
    ("ONCRMLEADUSERFIELDADD", Category::Crm),
    ("ONCRMLEADUSERFIELDDELETE", Category::Crm),
    ("ONCRMLEADUSERFIELDSETENUMVALUES", Category::Crm),
    ("ONCRMLEADUSERFIELDUPDATE", Category::Crm),
    ("ONCRMMEASUREADD", Category::Crm),
    ("ONCRMMEASUREDELETE", Category::Crm),
    ("ONCRMMEASUREUPDATE", Category::Crm),
    ("ONCRMPRODUCTADD", Category::Crm),
    ("ONCRMPRODUCTDELETE", Category::Crm),
    ("ONCRMPRODUCTPROPERTYADD", Category::Crm),
    ("ONCRMPRODUCTPROPERTYDELETE", Category::Crm),
    ("ONCRMPRODUCTPROPERTYUPDATE", Category::Crm),
    ("ONCRMPRODUCTSECTIONADD", Category::Crm),
    ("ONCRMPRODUCTSECTIONDELETE", Category::Crm),
    ("ONCRMPRODUCTSECTIONUPDATE", Category::Crm),
    ("ONCRMPRODUCTUPDATE", Category::Crm),
    ("ONCRMQUOTEADD", Category::Crm),
    ("ONCRMQUOTEDELETE", Category::Crm),
    ("ONCRMQUOTEUPDATE", Category::Crm),
    ("ONCRMQUOTEUSERFIELDADD", Category::Crm),
    ("ONCRMQUOTEUSERFIELDDELETE", Category::Crm),
    ("ONCRMQUOTEUSERFIELDSETENUMVALUES", Category::Crm),
    ("ONCRMQUOTEUSERFIELDUPDATE", Category::Crm),
    ("ONCRMREQUISITEADD", Category::Crm),
    ("ONCRMREQUISITEDELETE", Category::Crm),
    ("ONCRMREQUISITEUPDATE", Category::Crm),
    ("ONCRMREQUISITEUSERFIELDADD", Category::Crm),
    ("ONCRMREQUISITEUSERFIELDDELETE", Category::Crm),
    ("ONCRMREQUISITEUSERFIELDSETENUMVALUES", Category::Crm),
    ("ONCRMREQUISITEUSERFIELDUPDATE", Category::Crm),
    ("ONCRMTIMELINECOMMENTADD", Category::Crm),
    ("ONCRMTIMELINECOMMENTDELETE", Category::Crm),
    ("ONCRMTIMELINECOMMENTUPDATE", Category::Crm),
    ("ONCRMTYPEADD", Category::Crm),
    ("ONCRMTYPEDELETE", Category::Crm),
    ("ONCRMTYPEUPDATE", Category::Crm),
    ("ONCRMTYPEUSERFIELDADD", Category::Crm),
    ("ONCRMTYPEUSERFIELDDELETE", Category::Crm),
    ("ONCRMTYPEUSERFIELDSETENUMVALUES", Category::Crm),
    ("ONCRMTYPEUSERFIELDUPDATE", Category::Crm),
    ("ONEXTERNALCALLBACKSTART", Category::Telephony),
    ("ONEXTERNALCALLSTART", Category::Telephony),
    ("ONIMBOTCONTEXTGET", Category::Bots),
    ("ONIMBOTDELETE", Category::Bots),
    ("ONIMBOTJOINCHAT", Category::Bots),
    ("ONIMBOTMESSAGEADD", Category::Bots),
    ("ONIMBOTMESSAGEDELETE", Category::Bots),
    ("ONIMBOTMESSAGEUPDATE", Category::Bots),
    ("ONIMBOTV2COMMANDADD", Category::Bots),
    ("ONIMBOTV2CONTEXTGET", Category::Bots),
    ("ONIMBOTV2DELETE", Category::Bots),
    ("ONIMBOTV2JOINCHAT", Category::Bots),
    ("ONIMBOTV2MESSAGEADD", Category::Bots),
    ("ONIMBOTV2MESSAGEDELETE", Category::Bots),
    ("ONIMBOTV2MESSAGEUPDATE", Category::Bots),
    ("ONIMBOTV2REACTIONCHANGE", Category::Bots),
    ("ONIMCOMMANDADD", Category::Bots),
    ("ONIMCONNECTORDIALOGFINISH", Category::Connectors),
    ("ONIMCONNECTORDIALOGSTART", Category::Connectors),
    ("ONIMCONNECTORLINEDELETE", Category::Connectors),
    ("ONIMCONNECTORMESSAGEADD", Category::Connectors),
    ("ONIMCONNECTORMESSAGEDELETE", Category::Connectors),
    ("ONIMCONNECTORMESSAGEUPDATE", Category::Connectors),
    ("ONIMCONNECTORSTATUSDELETE", Category::Connectors),
    ("ONIMV2JOINCHAT", Category::Messenger),
    ("ONIMV2MESSAGEADD", Category::Messenger),
    ("ONIMV2MESSAGEDELETE", Category::Messenger),
    ("ONIMV2MESSAGEUPDATE", Category::Messenger),
    ("ONIMV2REACTIONCHANGE", Category::Messenger),
    ("ONLIVEFEEDPOSTADD", Category::NewsFeed),
    ("ONLIVEFEEDPOSTDELETE", Category::NewsFeed),
    ("ONLIVEFEEDPOSTUPDATE", Category::NewsFeed),
    ("ONOFFLINEEVENT", Category::Application),
    ("ONOPENLINEMESSAGEADD", Category::OpenChannels),
    ("ONOPENLINEMESSAGEDELETE", Category::OpenChannels),
    ("ONOPENLINEMESSAGEUPDATE", Category::OpenChannels),
    ("ONORDERDELETED", Category::Sale),
    ("ONORDERENTITYSAVED", Category::Sale),
    ("ONPAYMENTDELETED", Category::Sale),
    ("ONPAYMENTENTITYSAVED", Category::Sale),
    ("ONPROPERTYVALUEDELETED", Category::Sale),
    ("ONPROPERTYVALUEENTITYSAVED", Category::Sale),
    ("ONSALEBEFOREORDERDELETE", Category::Sale),
    ("ONSALEORDERSAVED", Category::Sale),
    ("ONSESSIONFINISH", Category::OpenChannels),
    ("ONSESSIONSTART", Category::OpenChannels),
    ("ONSHIPMENTDELETED", Category::Sale),
    ("ONSHIPMENTENTITYSAVED", Category::Sale),
    ("ONSIGNB2EDOCUMENTSTATUSCHANGED", Category::Sign),
    ("ONSIGNB2EMEMBERSTATUSCHANGED", Category::Sign),
    ("ONSIGNHCMLINKB2EDOCUMENTSIGNED", Category::Sign),
    ("ONSONETGROUPADD", Category::Workgroups),
    ("ONSONETGROUPDELETE", Category::Workgroups),
    ("ONSONETGROUPSUBJECTADD", Category::Workgroups),
    ("ONSONETGROUPSUBJECTDELETE", Category::Workgroups),
    ("ONSONETGROUPSUBJECTUPDATE", Category::Workgroups),
    ("ONSONETGROUPUPDATE", Category::Workgroups),
    ("ONTASKADD", Category::Tasks),
    ("ONTASKCOMMENTADD", Category::Tasks),
    ("ONTASKCOMMENTDELETE", Category::Tasks),
    ("ONTASKCOMMENTUPDATE", Category::Tasks),
    ("ONTASKDELETE", Category::Tasks),
    ("ONTASKUPDATE", Category::Tasks),
    ("ONUSERADD", Category::Users),
    ("ONVOXIMPLANTCALLEND", Category::Telephony),
    ("ONVOXIMPLANTCALLINIT", Category::Telephony),
    ("ONVOXIMPLANTCALLSTART", Category::Telephony),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_sorted_so_that_it_can_be_searched() {
        assert!(NAMES.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn names_are_known_in_any_case_and_with_a_type_at_the_end() {
        assert_eq!(category("onCrmDealAdd"), Category::Crm);
        assert_eq!(category("ONCRMDYNAMICITEMADD_147"), Category::Crm);
        assert_eq!(category("ONSOMETHINGNEW"), Category::Unknown);
    }
}
