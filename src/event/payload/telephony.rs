//! Payloads of telephony: calls over the portal's lines, and calls that an application has to make.
//!
//! Pages `api-reference/telephony/**/events/*` of the documentation.

use serde::Serialize;

use super::Payload;
use crate::event::{DecodeError, Delivery, UserId};

/// A call is being set up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CallInit {
    /// Its id, which all events of the call share.
    pub call: String,
    /// 1 outgoing, 2 incoming, 3 incoming and forwarded, 4 a callback, 5 informational.
    pub kind: Option<u8>,
    /// The portal's line, such as `reg150908`; for rented numbers and SIP only, and then the
    /// number.
    pub account: Option<String>,
    /// The called number.
    pub phone: Option<String>,
    /// The caller: a number, or a line of the portal.
    pub caller: Option<String>,
    /// The application whose telephony is used.
    pub application: Option<u64>,
}

/// A call was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CallStart {
    /// Its id.
    pub call: String,
    /// The user who answered.
    pub user: Option<UserId>,
}

/// A call that ended and is in the statistics.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CallEnd {
    /// Its id.
    pub call: String,
    /// See [`CallInit::kind`].
    pub kind: Option<u8>,
    /// The number outside.
    pub phone: Option<String>,
    /// The portal's line.
    pub portal_number: Option<String>,
    /// The user who talked, or was called.
    pub user: Option<UserId>,
    /// Its duration, in seconds.
    pub seconds: Option<u64>,
    /// When it started, in the portal's format.
    pub started: Option<String>,
    /// Its cost, in the portal's format.
    pub cost: Option<String>,
    /// The currency of the cost.
    pub currency: Option<String>,
    /// How it ended: `200` success, `304` missed, `603-S` cancelled, ….
    pub code: Option<String>,
    /// The same in words.
    pub reason: Option<String>,
    /// The CRM activity created for it.
    pub activity: Option<u64>,
}

/// A user clicked a number: the application has to call it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ExternalCall {
    /// The call's id, for `telephony.externalCall.*`.
    pub call: String,
    /// The number.
    pub phone: Option<String>,
    /// The same in its international form.
    pub phone_international: Option<String>,
    /// The extension behind it.
    pub extension: Option<String>,
    /// The user who clicked.
    pub user: Option<UserId>,
    /// The list of calls that it belongs to.
    pub call_list: Option<u64>,
    /// The application's line to use.
    pub line: Option<String>,
    /// Whether it was clicked in the mobile application.
    pub is_mobile: Option<bool>,
    /// `CONTACT`, `COMPANY`, `LEAD`: the type of the number's owner.
    pub entity_type: Option<String>,
    /// The id of the number's owner in CRM.
    pub entity: Option<u64>,
}

/// A callback form was submitted: the application has to call both sides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ExternalCallback {
    /// The number.
    pub phone: String,
    /// The text to read to the employee.
    pub text: Option<String>,
    /// The voice, such as `ruinternalfemale`.
    pub voice: Option<String>,
    /// The application's line to use.
    pub line: Option<String>,
    /// `CONTACT`, `COMPANY`, `LEAD`: the type of the submitter.
    pub entity_type: Option<String>,
    /// The submitter's id in CRM.
    pub entity: Option<u64>,
}

impl Payload for CallInit {
    const EVENTS: &'static [&'static str] = &["ONVOXIMPLANTCALLINIT"];

    fn read(event: &Delivery) -> Result<CallInit, DecodeError> {
        let data = event.required_data()?;
        Ok(CallInit {
            call: data.required_string("CALL_ID")?,
            kind: data.number_at("CALL_TYPE")?,
            account: data.string_at("ACCOUNT_SEARCH_ID"),
            phone: data.string_at("PHONE_NUMBER"),
            caller: data.string_at("CALLER_ID"),
            application: data.number_at("REST_APP_ID")?,
        })
    }
}

impl Payload for CallStart {
    const EVENTS: &'static [&'static str] = &["ONVOXIMPLANTCALLSTART"];

    fn read(event: &Delivery) -> Result<CallStart, DecodeError> {
        let data = event.required_data()?;
        Ok(CallStart {
            call: data.required_string("CALL_ID")?,
            user: data.number_at("USER_ID")?,
        })
    }
}

impl Payload for CallEnd {
    const EVENTS: &'static [&'static str] = &["ONVOXIMPLANTCALLEND"];

    fn read(event: &Delivery) -> Result<CallEnd, DecodeError> {
        let data = event.required_data()?;
        Ok(CallEnd {
            call: data.required_string("CALL_ID")?,
            kind: data.number_at("CALL_TYPE")?,
            phone: data.string_at("PHONE_NUMBER"),
            portal_number: data.string_at("PORTAL_NUMBER"),
            user: data.number_at("PORTAL_USER_ID")?,
            seconds: data.number_at("CALL_DURATION")?,
            started: data.string_at("CALL_START_DATE"),
            cost: data.string_at("COST"),
            currency: data.string_at("COST_CURRENCY"),
            code: data.string_at("CALL_FAILED_CODE"),
            reason: data.string_at("CALL_FAILED_REASON"),
            activity: data.number_at("CRM_ACTIVITY_ID")?,
        })
    }
}

impl Payload for ExternalCall {
    const EVENTS: &'static [&'static str] = &["ONEXTERNALCALLSTART"];

    fn read(event: &Delivery) -> Result<ExternalCall, DecodeError> {
        let data = event.required_data()?;
        Ok(ExternalCall {
            call: data.required_string("CALL_ID")?,
            phone: data.string_at("PHONE_NUMBER"),
            phone_international: data.string_at("PHONE_NUMBER_INTERNATIONAL"),
            extension: data.string_at("EXTENSION"),
            user: data.number_at("USER_ID")?,
            call_list: data.number_at("CALL_LIST_ID")?.filter(|id| *id != 0),
            line: data.string_at("LINE_NUMBER"),
            is_mobile: data.flag_at("IS_MOBILE"),
            entity_type: data.string_at("CRM_ENTITY_TYPE"),
            entity: data.number_at("CRM_ENTITY_ID")?,
        })
    }
}

impl Payload for ExternalCallback {
    const EVENTS: &'static [&'static str] = &["ONEXTERNALCALLBACKSTART"];

    fn read(event: &Delivery) -> Result<ExternalCallback, DecodeError> {
        let data = event.required_data()?;
        Ok(ExternalCallback {
            phone: data.required_string("PHONE_NUMBER")?,
            text: data.string_at("TEXT"),
            voice: data.string_at("VOICE"),
            line: data.string_at("LINE_NUMBER"),
            entity_type: data.string_at("CRM_ENTITY_TYPE"),
            entity: data.number_at("CRM_ENTITY_ID")?,
        })
    }
}
