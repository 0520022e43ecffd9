//! Which images of a scan are signed by whom the configuration names.
//!
//! A signature counts for the image that was judged, and for no other: the digest that is verified must
//! lead to the digest that was read. What was not read from a registry has no such digest.

use std::path::Path;

use pavisade_config::SignatureRule;
use pavisade_oci::{Attachments, Platform, Refusal};
use pavisade_scan::Timestamp;
use pavisade_signing::{Policy, Signer, TrustRoot, Why};
use pavisade_snapshot::{Image, Signature};

use crate::evidence::Found;
use crate::registry::{Meant, Remotes};
use crate::verify::{judge_all, verified};

/// Against what signatures are judged.
pub(crate) struct Judging<'a> {
    pub rules: &'a [SignatureRule],
    pub remotes: &'a Remotes,
    /// The platform that images were read for, where one was asked for.
    pub platform: Option<&'a Platform>,
    pub root: TrustRoot,
    pub now: Timestamp,
}

impl Judging<'_> {
    /// What is known of an image's signatures; `None` where no rule is about it. The first rule that is
    /// counts. `from` is where the image was read.
    pub(crate) fn of(&self, image: &Image, from: &Path) -> Option<Signature> {
        let reference = image.references.first()?;
        let rule = self.rules.iter().find(|rule| rule.is_about(reference))?;
        let Some(policy) = &rule.policy else { return Some(Signature::Exempt) };
        Some(match self.found(image, from) {
            Ok(found) => self.judged(&found, policy),
            Err(why) => Signature::Unknown(why),
        })
    }

    fn judged(&self, found: &Found, policy: &Policy) -> Signature {
        let judged = judge_all(found, &self.root, policy, self.now);
        if let Some(image) = verified(found, &judged) {
            let by = image.signatures().first().map(|one| match one.signer() {
                Signer::Key { fingerprint, .. } => format!("the key {fingerprint}"),
                Signer::Identity(identity) => identity.subject.clone(),
            });
            return Signature::Verified(by.unwrap_or_default());
        }
        if let Some(gap) = found.gaps.first() {
            return Signature::Unknown(format!("not all signatures could be read: {gap}"));
        }
        // A statement about an image is no signature of it.
        let refused = judged.iter().filter_map(|(_, one)| one.as_ref().err());
        let mut refused = refused.filter(|one| !matches!(one.why, Why::OnlyAStatement(_)));
        match refused.next() {
            Some(refused) => Signature::Refused(refused.why.to_string()),
            None => Signature::Unsigned,
        }
    }

    /// What is attached to the image that was read, or why that is not known.
    fn found(&self, image: &Image, from: &Path) -> Result<Found, String> {
        let Meant::Remote(remote) = Meant::of(from) else {
            return Err("the image was not read from its registry, where its signatures are".into());
        };
        let told = |refusal: Refusal| refusal.to_string();
        let store = self.remotes.store(remote);
        let platform = self.platform.cloned().unwrap_or_else(Platform::here);
        let candidate = store.candidates(&platform).map_err(told)?.pop();
        let candidate = candidate.ok_or("the registry names no image")?;
        let digest = candidate.digest.clone().ok_or("the image has no digest")?;
        let leads_to = store.image(&candidate, &platform, false).map_err(told)?.digest;
        if leads_to.is_none_or(|found| found.to_string() != *image.digest) {
            return Err(format!(
                "the registry now has {digest} by this name, which is not the image that was read"
            ));
        }
        let Attachments { found, gaps } = store.attached(&digest).map_err(told)?;
        Ok(Found { digest: digest.to_string(), attached: found, gaps, looked: "its registry" })
    }
}
