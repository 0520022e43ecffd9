//! PV-P121.

use pavisade_macros::check;
use pavisade_model::repository;
use serde_json::{Value, json};

use crate::probe::AdmissionProbe;

/// Images with the tag latest are admitted
///
/// ## Why
/// What runs changes without a change of the manifest, and cannot be verified afterwards.
///
/// ## Fix
/// Reject the tag `latest` and images without a tag with a validating admission policy.
#[check(id = "PV-P121", severity = Low, scope = World)]
pub(crate) struct LatestTagAdmitted {}

impl AdmissionProbe for LatestTagAdmitted {
    const TECHNIQUES: &'static [&'static str] = &["T1610"];
    const OWASP: &'static str = "K04";
    const DOES: &'static str = "uses the tag latest";

    fn change(pod: &mut Value) {
        let image = &mut pod["spec"]["containers"][0]["image"];
        let name = repository(image.as_str().unwrap_or_default());
        *image = json!(format!("{name}:latest"));
    }
}
