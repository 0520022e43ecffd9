//! PV-N054.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::{Source, Value, read};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnObject, Place, Verdict};

/// Pod network is not encrypted
///
/// ## Why
/// Traffic between pods crosses the network between nodes unencrypted. In a shared data centre, or
/// between two data centres, others may read it. This check does not consider a service mesh.
///
/// ## Fix
/// Enable encryption in the network plugin: `enable-wireguard: "true"` for Cilium, the backend
/// `wireguard` for Flannel.
#[check(
    id = "PV-N054",
    severity = Low,
    audience = Strict,
    scope = Object,
    on = [CONFIG_MAP],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnencryptedPodNetwork {}

impl Check for UnencryptedPodNetwork {
    type On = OnObject;

    fn check<'a>(&self, map: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        match map.name() {
            "cilium-config" => cilium(map),
            "kube-flannel-cfg" => flannel(map),
            _ => Verdict::NotApplicable,
        }
    }
}

fn cilium(map: &Object) -> Verdict<'_> {
    let on = |key: &str| {
        let value = map.at(&["data", key]).and_then(Value::as_str);
        value.is_some_and(|text| text.eq_ignore_ascii_case("true"))
    };
    if ["enable-wireguard", "enable-ipsec"].into_iter().any(on) {
        return Verdict::Holds;
    }
    let place = Place::field(map.value(), &["data", "enable-wireguard"]);
    Claim::fails(place, "Cilium sends traffic between nodes unencrypted").set("true").into()
}

fn flannel(map: &Object) -> Verdict<'_> {
    let Some(text) = map.at(&["data", "net-conf.json"]) else { return Verdict::NotApplicable };
    let documents = read(&Source::new("config", text.as_str().unwrap_or("")));
    let root = documents.docs.first().map(|doc| doc.root());
    let backend = root.and_then(|root| root.at(&["Backend", "Type"])).and_then(Value::as_str);
    match backend {
        Some("wireguard" | "ipsec") => Verdict::Holds,
        Some(other) => Verdict::fails(
            text,
            format!("Flannel with the backend `{other}` sends traffic unencrypted"),
        ),
        None => Verdict::unknown(text, "the Flannel backend cannot be determined here"),
    }
}
