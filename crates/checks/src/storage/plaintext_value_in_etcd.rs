//! PV-D028.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::etcd_facts::{is_required, number, readable, unclear};
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Values in etcd are stored in plain text
///
/// ## Why
/// The stored values show what an encryption configuration only promises: anyone who gets the disk, a
/// snapshot or a backup can read these values without a key. Old revisions and free pages of the file
/// keep plain text after encryption was turned on.
///
/// ## Fix
/// Configure encryption on every API server, and rewrite the objects: `pavisade storage rotate-plan`
/// writes the steps. Then compact and defragment etcd, and delete old backups.
#[check(id = "PV-D028", severity = Critical, scope = Object, on = [ETCD_FACTS])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PlaintextValueInEtcd {
    /// Resources that must be encrypted in addition to `secrets` and to those that the encryption
    /// configuration encrypts: `configmaps`, `deployments.apps`.
    resources: Vec<String>,
}

impl Check for PlaintextValueInEtcd {
    type On = OnObject;

    fn check<'a>(&self, etcd: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let all = etcd.at(&["resources"]).into_iter().flat_map(Value::items);
        let wanted = all.filter(|one| is_required(*one, &self.resources));
        let of_resources = wanted.map(judge);
        Verdict::all(of_resources.chain([readable(etcd)]))
    }
}

fn judge(resource: Value<'_>) -> Verdict<'_> {
    let name = resource.str("resource").unwrap_or_default();
    let (Some(total), Some(plain), Some(encrypted)) =
        (number(resource, "objects"), number(resource, "plaintext"), number(resource, "encrypted"))
    else {
        return Verdict::unknown(resource, format!("the counts of `{name}` are not valid"));
    };
    if plain > 0 {
        let message = format!("{plain} of {total} values of `{name}` are stored in plain text");
        return Claim::fails(resource, message).instance(name).into();
    }
    if encrypted < total {
        let other = total - encrypted;
        let why = format!("{other} of {total} values of `{name}` have no known form");
        return Claim::unknown(resource, why).instance(name).into();
    }
    let (old, free) = (
        number(resource, "oldPlaintext").unwrap_or(0),
        number(resource, "freePlaintext").unwrap_or(0),
    );
    if old + free > 0 {
        let message = format!(
            "all current values of `{name}` are encrypted, but plain text remains in the file: {old} \
             old revisions, {free} values in free pages"
        );
        let advice = "Compact etcd, then run `etcdctl defrag` on each member, and delete old \
                      backups.";
        let claim = Claim::fails(resource, message).severity(Severity::Medium).instance(name);
        return claim.advice(advice).into();
    }
    let unclear = unclear(resource, "oldRevisions") + unclear(resource, "freePages");
    if unclear > 0 {
        let why = format!("{unclear} old values of `{name}` in the file have no known form");
        return Claim::unknown(resource, why).instance(name).into();
    }
    // Without any value, nothing is proven.
    if total == 0 { Verdict::NotApplicable } else { Verdict::Holds }
}
