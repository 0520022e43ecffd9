//! PV-I075.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use super::lifetime::seconds;
use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// Client certificates are valid for too long
///
/// ## Why
/// A client certificate cannot be revoked: anyone with a copy of its key can act as that user or
/// node until it expires.
///
/// ## Fix
/// Remove `--cluster-signing-duration`, which defaults to a year, or set a shorter duration.
/// Kubelets renew their certificates automatically.
#[check(
    id = "PV-I075",
    severity = Low,
    scope = Object,
    programs = [ControllerManager],
    fixable = Riskily
)]
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LongCertificateDuration {
    /// The maximum lifetime of a certificate, in hours.
    most_hours: i64,
}

impl Default for LongCertificateDuration {
    fn default() -> Self {
        Self { most_hours: 366 * 24 }
    }
}

impl Check for LongCertificateDuration {
    type On = OnComponent;

    fn check<'a>(&self, component: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        component.judged("kube-controller-manager", |component| self.judge(component))
    }
}

/// The flag, and its name up to 1.19. Both default to a year.
const FLAGS: [&str; 2] = ["cluster-signing-duration", "experimental-cluster-signing-duration"];
const DEFAULT_HOURS: i64 = 365 * 24;

impl LongCertificateDuration {
    fn judge<'a>(&self, manager: Component<'a>) -> Result<Verdict<'a>, Claim<'a>> {
        for name in FLAGS {
            let Some(flag) = manager.known(name)? else { continue };
            let Some(lives) = seconds(&flag.value) else {
                let why = format!("`{}` is not a duration that can be parsed here", flag.value);
                return Ok(Verdict::unknown(manager.place(name), why));
            };
            if lives <= self.most_hours.saturating_mul(3600) {
                return Ok(Verdict::Holds);
            }
            let message = format!("certificates are valid for {} days", lives / 86_400);
            let claim = Claim::fails(manager.place(name), message);
            let fixed = DEFAULT_HOURS <= self.most_hours;
            let claim = if fixed { claim.changes(manager.remove_flag(name)) } else { claim };
            return Ok(claim.into());
        }
        Ok(match DEFAULT_HOURS <= self.most_hours {
            true => Verdict::Holds,
            false => Verdict::fails(
                manager.place("cluster-signing-duration"),
                "certificates are valid for a year, which is the default",
            ),
        })
    }
}
