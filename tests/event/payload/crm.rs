//! CRM, its timeline, and units of measure.

use imbot::event::payload::{Measure, crm, timeline};
use serde_json::json;

use super::{check, filled, read};

#[test]
fn crm_objects_are_read_completely() {
    check::<crm::Item>("oncrmleadadd", json!({ "id": 1_000_983 }));
    check::<crm::Item>("oncrmdealadd_app", json!({ "id": 7405 }));
    check::<crm::Item>("oncrmdealadd_outgoing_webhook", json!({ "id": 7405 }));
    check::<crm::Item>("oncrmactivityadd", json!({ "id": 999 }));
    check::<crm::Item>(
        "oncrmdynamicitemadd",
        json!({ "id": 22, "entity_type": 1220 }),
    );
    let of_one_type: crm::Item = read("ONCRMDYNAMICITEMUPDATE_147", "data[FIELDS][ID]=5").unwrap();
    assert_eq!(of_one_type.id, 5);
    let moved = "data[FIELDS][ID]=6675&data[FIELDS][CATEGORY_ID]=1&data[FIELDS][STAGE_ID]=C1:NEW";
    let moved: crm::Item = read("ONCRMDEALMOVETOCATEGORY", moved).unwrap();
    assert_eq!(
        filled(&json!(moved)),
        json!({ "id": 6675, "category": 1, "stage": "C1:NEW" })
    );
}

#[test]
fn objects_related_to_crm_are_read_completely() {
    let recurring = json!({ "id": 9, "template": 6791, "created": 6799 });
    check::<crm::Recurring>("oncrmdealrecurringexpose", recurring);
    let field = json!({ "id": 6977, "entity": "CRM_LEAD", "name": "UF_CRM_1742999523" });
    check::<crm::UserField>("oncrmleaduserfieldsetenumvalues", field);
    let document = json!({ "id": 1869, "entity_type": 1, "entity": 1_000_993 });
    check::<crm::Document>("oncrmdocumentgeneratordocumentadd", document);
    let currency: crm::Currency = read("ONCRMCURRENCYADD", "data[FIELDS][ID]=CHE").unwrap();
    assert_eq!(currency.code, "CHE");
    let address = "data[FIELDS][TYPE_ID]=1&data[FIELDS][ENTITY_TYPE_ID]=8&data[FIELDS][ENTITY_ID]=1\
                   &data[FIELDS][ANCHOR_ID]=17192&data[FIELDS][ANCHOR_TYPE_ID]=3";
    let address: crm::Address = read("onCrmAddressRegister", address).unwrap();
    let expected =
        json!({ "kind": 1, "entity_type": 8, "entity": 1, "anchor_type": 3, "anchor": 17192 });
    assert_eq!(json!(address), expected);
}

#[test]
fn comments_of_the_timeline_and_units_of_measure_are_read() {
    let comment: timeline::Comment = read("ONCRMTIMELINECOMMENTADD", "data[ID]=999").unwrap();
    assert_eq!(comment.id, 999);
    for name in ["ONCRMMEASUREDELETE", "CATALOG.MEASURE.ON.ADD"] {
        let measure: Measure = read(name, "data[FIELDS][ID]=3").unwrap();
        assert_eq!(measure.id, 3);
    }
}

#[test]
fn an_object_without_an_id_is_an_error() {
    for (data, why) in [
        ("ts=1", "`data` is missing"),
        ("data=", "`data[FIELDS]` is missing"),
        ("data[FIELDS]=undefined", "`data[FIELDS]` is missing"),
        ("data[FIELDS][ID]=", "`data[FIELDS][ID]` is missing"),
        (
            "data[FIELDS][ID]=x",
            "`data[FIELDS][ID]`: expected a number, found `x`",
        ),
    ] {
        let error = read::<crm::Item>("ONCRMDEALADD", data).unwrap_err();
        assert_eq!(error.to_string(), why);
    }
}
