//! Types that are told apart by their `kind`.

use std::collections::BTreeMap;

use utoipa::openapi::schema::{AdditionalProperties, Schema};
use utoipa::openapi::{Object, RefOr};

const SCHEMAS: &str = "#/components/schemas/";

/// Writes out each kind as an object of its own. A kind that is "all of this type, and `kind`" is nothing at all if the type
/// lets nothing be said that it does not name: as `kind` is not named by it.
pub(super) fn write_out(schemas: &mut BTreeMap<String, RefOr<Schema>>) {
    let types = schemas.clone();
    for schema in schemas.values_mut() {
        let RefOr::T(Schema::OneOf(one_of)) = schema else {
            continue;
        };
        for kind in &mut one_of.items {
            if let Some(whole) = whole(kind, &types) {
                *kind = RefOr::T(Schema::Object(whole));
            }
        }
    }
}

/// A type that lets nothing else be said, and its kind.
fn whole(kind: &RefOr<Schema>, types: &BTreeMap<String, RefOr<Schema>>) -> Option<Object> {
    let RefOr::T(Schema::AllOf(all_of)) = kind else {
        return None;
    };
    let [RefOr::Ref(of), RefOr::T(Schema::Object(tag))] = all_of.items.as_slice() else {
        return None;
    };
    let RefOr::T(Schema::Object(of)) = types.get(of.ref_location.strip_prefix(SCHEMAS)?)? else {
        return None;
    };
    let is_closed = matches!(
        of.additional_properties.as_deref(),
        Some(AdditionalProperties::FreeForm(false))
    );
    is_closed.then(|| {
        let mut whole = of.clone();
        whole.properties.extend(tag.properties.clone());
        whole.required.extend(tag.required.clone());
        whole
    })
}
