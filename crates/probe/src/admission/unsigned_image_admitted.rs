//! PV-P123.

use pavisade_macros::check;
use serde_json::{Value, json};

use crate::probe::AdmissionProbe;

/// Unsigned images are admitted
///
/// ## Why
/// An image that nobody signed may have been changed before it arrives.
///
/// ## Fix
/// Verify signatures at admission.
#[check(id = "PV-P123", severity = Low, scope = World)]
pub(crate) struct UnsignedImageAdmitted {}

impl AdmissionProbe for UnsignedImageAdmitted {
    const TECHNIQUES: &'static [&'static str] = &["T1610"];
    const OWASP: &'static str = "K04";
    const DOES: &'static str = "uses an image that nobody can have signed";

    fn change(pod: &mut Value) {
        let image = pod["spec"]["containers"][0]["image"].as_str().unwrap_or_default().to_owned();
        let name = image.split('@').next().unwrap_or_default();
        let name = name.rsplit_once(':').map_or(name, |(name, _)| name);
        let digest = "0123456789abcdef".repeat(4);
        pod["spec"]["containers"][0]["image"] = json!(format!("{name}@sha256:{digest}"));
    }
}
