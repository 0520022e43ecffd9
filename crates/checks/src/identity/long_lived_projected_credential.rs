//! PV-I050.

use pavisade_macros::check;
use pavisade_snapshot::Pod;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::{WrongType, integer, list, map};
use crate::{Check, Claim, Cx, OnPod, Verdict};

/// Long-lived projected token or certificate
///
/// ## Why
/// A copy is valid until it expires, although the kubelet rotates the pod's own credential much
/// earlier: tokens after 80 % of their lifetime, and at the latest after a day. A long lifetime
/// helps only an attacker.
///
/// ## Fix
/// Remove `expirationSeconds` and `maxExpirationSeconds` (the default is an hour for tokens and a
/// day for certificates), and let the program reload the file, which the kubelet updates.
#[check(id = "PV-I050", severity = Low, scope = Object, fixable = Riskily)]
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LongLivedProjectedCredential {
    /// The maximum lifetime of a token or certificate, in seconds.
    most_seconds: i64,
}

impl Default for LongLivedProjectedCredential {
    fn default() -> Self {
        Self { most_seconds: 24 * 3600 }
    }
}

impl Check for LongLivedProjectedCredential {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, _: &Cx<'a>) -> Verdict<'a> {
        Verdict::all(pod.volumes().map(|volume| match self.volume(volume) {
            Ok(verdict) => verdict,
            Err(wrong) => wrong.into(),
        }))
    }
}

impl LongLivedProjectedCredential {
    fn volume<'a>(&self, volume: Value<'a>) -> Result<Verdict<'a>, WrongType<'a>> {
        let (mut claims, mut any) = (Vec::new(), false);
        for source in list(volume, &["projected", "sources"])? {
            for (of, field, what) in [
                ("serviceAccountToken", "expirationSeconds", "token"),
                ("podCertificate", "maxExpirationSeconds", "certificate"),
            ] {
                let Some(credential) = map(source, &[of])? else { continue };
                any = true;
                let Some((seconds, place)) = integer(credential, &[field])? else { continue };
                if seconds > self.most_seconds {
                    let message =
                        format!("the {what} of these pods is valid for {}", life(seconds));
                    claims.push(Claim::fails(place, message).remove());
                }
            }
        }
        Ok(if any { Verdict::from_claims(claims) } else { Verdict::NotApplicable })
    }
}

fn life(seconds: i64) -> String {
    match (seconds / 86_400, seconds % 86_400) {
        (days, 0) if days > 1 => format!("{days} days"),
        _ => format!("{seconds} seconds"),
    }
}
