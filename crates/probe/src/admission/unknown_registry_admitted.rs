//! PV-P122.

use pavisade_macros::check;
use serde_json::{Value, json};

use crate::probe::AdmissionProbe;

/// Images from any registry are admitted
///
/// ## Why
/// An attacker can run their own image.
///
/// ## Fix
/// Allow only your registries with a validating admission policy or an admission webhook.
#[check(id = "PV-P122", severity = Medium, scope = World)]
pub(crate) struct UnknownRegistryAdmitted {}

impl AdmissionProbe for UnknownRegistryAdmitted {
    const TECHNIQUES: &'static [&'static str] = &["T1610"];
    const OWASP: &'static str = "K04";
    const DOES: &'static str = "uses an unknown registry";

    fn change(pod: &mut Value) {
        pod["spec"]["containers"][0]["image"] = json!("registry.pavisade-probe.example/canary:1");
    }
}
