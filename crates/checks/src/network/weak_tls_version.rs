//! PV-N020.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Component, Cx, OnControlPlane, Part, Place, Verdict, View};

/// Component accepts old TLS versions
///
/// ## Why
/// TLS 1.0 and 1.1 are broken (RFC 8996): an attacker between a client and the component may read
/// tokens or impersonate one of them.
///
/// ## Fix
/// Remove the setting, which defaults to 1.2, or set `--tls-min-version=VersionTLS13` (`TLS1.3` for
/// etcd, `tlsMinVersion` in the kubelet configuration file).
#[check(
    id = "PV-N020",
    severity = Medium,
    scope = Related,
    programs = [ApiServer, ControllerManager, Scheduler, Etcd, Kubelet],
    on = [KUBELET_CONFIGURATION],
    reads = [KUBELET_CONFIGURATION],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WeakTlsVersion {}

const FLAG: &str = "tls-min-version";

impl Check for WeakTlsVersion {
    type On = OnControlPlane;

    fn check<'a>(&self, part: Part<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        match part {
            Part::File(file) => from_file(file),
            Part::Component(component) => from_flag(component, cx).unwrap_or_else(Verdict::from),
        }
    }
}

fn from_file(file: &Object) -> Verdict<'_> {
    match file.at(&["tlsMinVersion"]).filter(|version| !version.is_null()) {
        Some(value) => {
            let verdict = judge(value, &value.scalar_text().unwrap_or_default(), "the kubelet");
            verdict.fixed(|claim| claim.set("VersionTLS12"))
        }
        None => Verdict::Holds,
    }
}

fn from_flag<'a>(component: Component<'a>, cx: &View<'a>) -> Result<Verdict<'a>, Claim<'a>> {
    let Some(flag) = component.known(FLAG)? else {
        let file = (component.name() == "kubelet").then(|| component.kubelet_file(cx)).flatten();
        // The default of all components is 1.2.
        return Ok(file.unwrap_or(Verdict::Holds));
    };
    let verdict = judge(flag.place, &flag.value, component.name());
    let newer = if component.name() == "etcd" { "TLS1.2" } else { "VersionTLS12" };
    Ok(verdict.fixed(|claim| claim.changes(component.set_flag(FLAG, newer))))
}

/// Go's names for the versions in Kubernetes (component-base), and shorter ones in etcd.
fn judge<'a>(place: impl Into<Place<'a>>, version: &str, who: &str) -> Verdict<'a> {
    match version {
        "" | "VersionTLS12" | "VersionTLS13" | "TLS1.2" | "TLS1.3" => Verdict::Holds,
        "VersionTLS10" | "TLS1.0" => Verdict::fails(place, format!("{who} accepts TLS 1.0")),
        "VersionTLS11" | "TLS1.1" => Verdict::fails(place, format!("{who} accepts TLS 1.1")),
        other => {
            Verdict::unknown(place, format!("`{other}` is not a TLS version that {who} supports"))
        }
    }
}
