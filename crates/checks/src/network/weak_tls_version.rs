//! PV-N020.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::kubelet;
use crate::component::components;
use crate::{Check, Claim, Cx, OnEvery, Place, Verdict};

/// Components that accept TLS older than 1.2.
///
/// ## Why
/// TLS 1.0 and 1.1 are broken (RFC 8996): who sits between a client and the component may read
/// tokens, or pretend to be one of them.
///
/// ## Fix
/// Remove the setting, which leaves 1.2, or set `--tls-min-version=VersionTLS13` (`TLS1.3` for
/// etcd, `tlsMinVersion` in the kubelet's file).
#[check(
    id = "PV-N020",
    severity = Medium,
    scope = Object,
    programs = [ApiServer, ControllerManager, Scheduler, Etcd, Kubelet],
    on = [POD],
    mends = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WeakTlsVersion {}

const FLAG: &str = "tls-min-version";

impl Check for WeakTlsVersion {
    type On = OnEvery;

    fn check<'a>(&self, object: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        if object.is(kinds::KUBELET_CONFIGURATION) {
            return kubelet_setting(object.at(&["tlsMinVersion"]));
        }
        if object.is(kinds::KUBEADM_INIT_CONFIGURATION)
            || object.is(kinds::KUBEADM_JOIN_CONFIGURATION)
        {
            return match kubelet::argument(object, FLAG) {
                Some(version) => kubelet_setting(Some(version)),
                None => Verdict::NotApplicable,
            };
        }
        Verdict::all(components(object).into_iter().map(|component| {
            // All of them begin with 1.2 by default.
            let Some(flag) = component.flag(FLAG) else { return Verdict::Holds };
            let verdict = judge(flag.place, &flag.value, component.name());
            let newer = if component.name() == "etcd" { "TLS1.2" } else { "VersionTLS12" };
            mended(verdict, |claim| claim.changes(component.set_flag(FLAG, newer)))
        }))
    }
}

fn kubelet_setting(version: Option<Value<'_>>) -> Verdict<'_> {
    match version {
        Some(value) if !value.is_null() => {
            let verdict = judge(value, &value.scalar_text().unwrap_or_default(), "the kubelet");
            mended(verdict, |claim| claim.set("VersionTLS12"))
        }
        _ => Verdict::Holds,
    }
}

fn mended<'a>(verdict: Verdict<'a>, mend: impl Fn(Claim<'a>) -> Claim<'a>) -> Verdict<'a> {
    match verdict {
        Verdict::Fails(claims) => Verdict::Fails(claims.into_iter().map(mend).collect()),
        other => other,
    }
}

/// Go's names for the versions in Kubernetes (component-base), shorter ones in etcd.
fn judge<'a>(place: impl Into<Place<'a>>, version: &str, who: &str) -> Verdict<'a> {
    match version {
        "" | "VersionTLS12" | "VersionTLS13" | "TLS1.2" | "TLS1.3" => Verdict::Holds,
        "VersionTLS10" | "TLS1.0" => Verdict::fails(place, format!("{who} accepts TLS 1.0")),
        "VersionTLS11" | "TLS1.1" => Verdict::fails(place, format!("{who} accepts TLS 1.1")),
        other => {
            Verdict::unknown(place, format!("`{other}` is no version of TLS that {who} knows"))
        }
    }
}
