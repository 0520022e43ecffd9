//! Which images of a scan are signed by whom the configuration names.

use pavisade_config::SignatureRule;
use pavisade_scan::Timestamp;
use pavisade_signing::{Signer, TrustRoot};
use pavisade_snapshot::Signature;

use crate::evidence::Found;
use crate::image;
use crate::registry::{self, Remotes};
use crate::verify::{attached, judge_all, verified};

/// What is known of an image's signatures; `None` where no rule is about it. The first rule that is
/// counts.
pub(crate) fn of(
    reference: &str,
    rules: &[SignatureRule],
    remotes: &Remotes,
    root: &TrustRoot,
    now: Timestamp,
) -> Option<Signature> {
    let rule = rules.iter().find(|rule| rule.is_about(reference))?;
    let Some(policy) = &rule.policy else { return Some(Signature::Exempt) };
    let found: Result<Found, image::Fault> = attached(&registry::path(reference), None, remotes);
    let found = match found {
        Ok(found) => found,
        Err(fault) => return Some(Signature::Unknown(fault.to_string())),
    };
    let judged = judge_all(&found, root, policy, now);
    if let Some(image) = verified(&found, &judged) {
        let by = image.signatures().first().map(|one| match one.signer() {
            Signer::Key { fingerprint, .. } => format!("the key {fingerprint}"),
            Signer::Identity(identity) => identity.subject.clone(),
        });
        return Some(Signature::Verified(by.unwrap_or_default()));
    }
    let first = judged.iter().find_map(|(_, one)| one.as_ref().err());
    Some(match first {
        Some(refused) => Signature::Refused(refused.why.to_string()),
        None => Signature::Unsigned,
    })
}
