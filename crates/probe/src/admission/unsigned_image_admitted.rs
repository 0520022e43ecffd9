//! PV-P123.

use pavisade_macros::check;
use pavisade_model::repository;
use serde_json::{Value, json};

use crate::probe::AdmissionProbe;

/// Unsigned images are admitted
///
/// ## Why
/// An image without a signature may have been changed before it arrives.
///
/// ## Fix
/// Verify signatures at admission.
#[check(id = "PV-P123", severity = Low, scope = World)]
pub(crate) struct UnsignedImageAdmitted {}

impl AdmissionProbe for UnsignedImageAdmitted {
    const TECHNIQUES: &'static [&'static str] = &["T1610"];
    const OWASP: &'static str = "K04";
    const DOES: &'static str = "uses an image without a signature";

    fn change(pod: &mut Value) {
        let image = &mut pod["spec"]["containers"][0]["image"];
        let name = repository(image.as_str().unwrap_or_default());
        let digest = "0123456789abcdef".repeat(4);
        *image = json!(format!("{name}@sha256:{digest}"));
    }
}
