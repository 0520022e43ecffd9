//! PV-C039.

use pavisade_macros::check;
use pavisade_snapshot::Pod;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{list, text};
use crate::{Check, Claim, Cx, OnPod, Verdict};

/// Pod overrides DNS with `hostAliases`
///
/// ## Why
/// `hostAliases` are written to `/etc/hosts` and take precedence over DNS. Anyone who can change
/// the workload can redirect its traffic, and an outdated address stays in use.
///
/// ## Fix
/// Use DNS: a Service of type `ExternalName`, or an entry in the cluster's DNS server.
#[check(id = "PV-C039", severity = Low, audience = Strict, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HostAlias {}

impl Check for HostAlias {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let aliases = match list(pod.spec(), &["hostAliases"]) {
            Ok(aliases) => aliases,
            Err(wrong) => return wrong.into(),
        };
        Verdict::from_claims(aliases.filter(|alias| !alias.is_null()).map(|alias| {
            match text(alias, &["ip"]) {
                Ok(Some((address, place))) => {
                    let names = alias.list("hostnames").filter_map(|name| name.as_str());
                    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
                    let message = format!("the pod resolves {} to `{address}`", names.join(", "));
                    Claim::fails(place, message)
                }
                Ok(None) => Claim::unknown(alias, "an entry of `hostAliases` has no address"),
                Err(wrong) => wrong.into(),
            }
        }))
    }
}
