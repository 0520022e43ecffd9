//! PV-D029.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::etcd_facts::{number, readable};
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Values in etcd are encrypted with an old key
///
/// ## Why
/// A key that is rotated because it is known to others, or weak, still decrypts every object that was
/// not written since. If it is removed from the configuration, these objects cannot be read any more.
///
/// ## Fix
/// Rewrite the objects: `pavisade storage rotate-plan` writes the steps.
#[check(id = "PV-D029", severity = Medium, scope = Object, on = [ETCD_FACTS])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StaleValueInEtcd {}

impl Check for StaleValueInEtcd {
    type On = OnObject;

    fn check<'a>(&self, etcd: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let all = etcd.at(&["resources"]).into_iter().flat_map(Value::items);
        let of_resources = all.filter_map(|resource| {
            let (stale, encrypted) = (number(resource, "stale")?, number(resource, "encrypted")?);
            let newest = resource.at(&["newest", "form"]).and_then(Value::as_str);
            let expected = resource.str("writer").or(newest).unwrap_or_default();
            let plain = ["plain text", "identity", "no entry"];
            // Without encryption there is no current key.
            if encrypted == 0 || plain.iter().any(|start| expected.starts_with(start)) {
                return None;
            }
            let name = resource.str("resource").unwrap_or_default();
            if expected.starts_with("unclear") {
                let why = format!(
                    "it is not known how values of `{name}` should be encrypted: {expected}"
                );
                return Some(Claim::unknown(resource, why).instance(name).into());
            }
            // Plain text is PV-D028.
            let plaintext = number(resource, "plaintext").unwrap_or(0);
            let old = stale.saturating_sub(plaintext).clamp(0, encrypted);
            if old == 0 {
                return Some(Verdict::Holds);
            }
            let message = format!(
                "{old} values of `{name}` are not written with `{expected}`, the current key"
            );
            Some(Claim::fails(resource, message).instance(name).into())
        });
        Verdict::all(of_resources.chain([readable(etcd)]))
    }
}
