//! Payloads of CRM: leads, deals, contacts, companies, smart processes and related objects.
//!
//! Pages `api-reference/crm/**/events/*` of the documentation. The event's name says which object
//! it is and what happened: [`Delivery::name`].

use serde::Serialize;

use super::Payload;
use crate::event::{DecodeError, Delivery};

/// A CRM object that was created, changed, moved or removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Item {
    /// Its id among objects of its type.
    pub id: u64,
    /// The id of its type (`entityTypeId`), if several types share an event: smart processes,
    /// documents.
    pub entity_type: Option<u64>,
    /// The pipeline that a deal was moved to.
    pub category: Option<u64>,
    /// The stage that a deal was moved to, such as `C1:NEW`.
    pub stage: Option<String>,
}

/// A document that was made from a template, changed or removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Document {
    /// Its id.
    pub id: u64,
    /// The type of the object it was made for.
    pub entity_type: Option<u64>,
    /// The object it was made for.
    pub entity: Option<u64>,
}

/// A recurring deal or invoice, from which others are made on a schedule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Recurring {
    /// The id of the schedule.
    pub id: u64,
    /// The template: the deal that others are made from.
    pub template: Option<u64>,
    /// The deal that was made.
    pub created: Option<u64>,
}

/// A custom field that was created, changed or removed, or whose list of values changed. A change
/// of values may come as two events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UserField {
    /// Its id.
    pub id: u64,
    /// The type of object that has it, such as `CRM_LEAD`.
    pub entity: Option<String>,
    /// Its name, such as `UF_CRM_1742999523`.
    pub name: Option<String>,
}

/// A currency that was added, changed or removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Currency {
    /// Its code, such as `CHE`.
    pub code: String,
}

/// An address that was added to an object or removed from it. It has no id of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Address {
    /// The kind of address.
    pub kind: u64,
    /// The type of the object that has it: details of a company or contact, or a lead.
    pub entity_type: u64,
    /// The object that has it.
    pub entity: u64,
    /// The type of the company, contact or lead at the top.
    pub anchor_type: Option<u64>,
    /// The company, contact or lead at the top.
    pub anchor: Option<u64>,
}

impl Payload for Item {
    #[rustfmt::skip] // one line per type
    const EVENTS: &'static [&'static str] = &[
        "ONCRMACTIVITYADD", "ONCRMACTIVITYUPDATE", "ONCRMACTIVITYDELETE",
        "ONCRMBANKDETAILADD", "ONCRMBANKDETAILUPDATE", "ONCRMBANKDETAILDELETE",
        "ONCRMCOMPANYADD", "ONCRMCOMPANYUPDATE", "ONCRMCOMPANYDELETE",
        "ONCRMCONTACTADD", "ONCRMCONTACTUPDATE", "ONCRMCONTACTDELETE",
        "ONCRMDEALADD", "ONCRMDEALUPDATE", "ONCRMDEALDELETE", "ONCRMDEALMOVETOCATEGORY",
        "ONCRMDYNAMICITEMADD*", "ONCRMDYNAMICITEMUPDATE*", "ONCRMDYNAMICITEMDELETE*",
        "ONCRMINVOICEADD", "ONCRMINVOICEUPDATE", "ONCRMINVOICEDELETE", "ONCRMINVOICESETSTATUS",
        "ONCRMLEADADD", "ONCRMLEADUPDATE", "ONCRMLEADDELETE",
        "ONCRMPRODUCTADD", "ONCRMPRODUCTUPDATE", "ONCRMPRODUCTDELETE",
        "ONCRMPRODUCTPROPERTYADD", "ONCRMPRODUCTPROPERTYUPDATE", "ONCRMPRODUCTPROPERTYDELETE",
        "ONCRMPRODUCTSECTIONADD", "ONCRMPRODUCTSECTIONUPDATE", "ONCRMPRODUCTSECTIONDELETE",
        "ONCRMQUOTEADD", "ONCRMQUOTEUPDATE", "ONCRMQUOTEDELETE",
        "ONCRMREQUISITEADD", "ONCRMREQUISITEUPDATE", "ONCRMREQUISITEDELETE",
        "ONCRMTYPEADD", "ONCRMTYPEUPDATE", "ONCRMTYPEDELETE",
    ];

    fn read(event: &Delivery) -> Result<Item, DecodeError> {
        let fields = event.fields()?;
        Ok(Item {
            id: fields.required_number("ID")?,
            entity_type: fields.number_at("ENTITY_TYPE_ID")?,
            category: fields.number_at("CATEGORY_ID")?,
            stage: fields.string_at("STAGE_ID"),
        })
    }
}

impl Payload for Document {
    const EVENTS: &'static [&'static str] = &["ONCRMDOCUMENTGENERATORDOCUMENT*"];

    fn read(event: &Delivery) -> Result<Document, DecodeError> {
        let fields = event.fields()?;
        Ok(Document {
            id: fields.required_number("ID")?,
            entity_type: fields.number_at("ENTITY_TYPE_ID")?,
            entity: fields.number_at("ENTITY_ID")?,
        })
    }
}

impl Payload for Recurring {
    const EVENTS: &'static [&'static str] = &["ONCRMDEALRECURRING*", "ONCRMINVOICERECURRING*"];

    fn read(event: &Delivery) -> Result<Recurring, DecodeError> {
        let fields = event.fields()?;
        Ok(Recurring {
            id: fields.required_number("ID")?,
            template: fields.number_at("RECURRING_DEAL_ID")?,
            created: fields.number_at("DEAL_ID")?,
        })
    }
}

impl Payload for UserField {
    const EVENTS: &'static [&'static str] = &[
        "ONCRMCOMPANYUSERFIELD*",
        "ONCRMCONTACTUSERFIELD*",
        "ONCRMDEALUSERFIELD*",
        "ONCRMINVOICEUSERFIELD*",
        "ONCRMLEADUSERFIELD*",
        "ONCRMQUOTEUSERFIELD*",
        "ONCRMREQUISITEUSERFIELD*",
        "ONCRMTYPEUSERFIELD*",
    ];

    fn read(event: &Delivery) -> Result<UserField, DecodeError> {
        let fields = event.fields()?;
        Ok(UserField {
            id: fields.required_number("ID")?,
            entity: fields.string_at("ENTITY_ID"),
            name: fields.string_at("FIELD_NAME"),
        })
    }
}

impl Payload for Currency {
    const EVENTS: &'static [&'static str] = &["ONCRMCURRENCY*"];

    fn read(event: &Delivery) -> Result<Currency, DecodeError> {
        let code = event.fields()?.required_string("ID")?;
        Ok(Currency { code })
    }
}

impl Payload for Address {
    const EVENTS: &'static [&'static str] = &["ONCRMADDRESS*"];

    fn read(event: &Delivery) -> Result<Address, DecodeError> {
        let fields = event.fields()?;
        Ok(Address {
            kind: fields.required_number("TYPE_ID")?,
            entity_type: fields.required_number("ENTITY_TYPE_ID")?,
            entity: fields.required_number("ENTITY_ID")?,
            anchor_type: fields.number_at("ANCHOR_TYPE_ID")?,
            anchor: fields.number_at("ANCHOR_ID")?,
        })
    }
}
