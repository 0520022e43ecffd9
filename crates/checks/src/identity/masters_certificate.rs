//! PV-I077.

use pavisade_macros::check;
use pavisade_snapshot::{ClusterFacts, Object};
use schemars::JsonSchema;
use serde::Deserialize;

use super::kubeconfig::{entries, is_kubeconfig};
use crate::certificate::{Validity, read_bundle, read_der};
use crate::{Check, Claim, Cx, OnObject, Place, Verdict};

/// Client certificate in group system:masters
///
/// ## Why
/// Its owner bypasses RBAC and authorization webhooks until the certificate expires. It cannot be
/// revoked, except by replacing the certificate authority of the cluster.
///
/// ## Fix
/// Store a single such certificate (kubeadm's `super-admin.conf`) in a safe place for emergencies.
/// For daily work, use an identity that logs in and expires, and bind its group to a role.
#[check(id = "PV-I077", severity = Medium, scope = Object, on = [KUBECONFIG, CLUSTER])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MastersCertificate {}

impl Check for MastersCertificate {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        if let Some(cluster) = ClusterFacts::read(object) {
            let all = cluster.certificates().into_iter().flat_map(|(_, all)| all);
            return Verdict::all(all.filter_map(|presented| {
                let of = presented.of.filter(|of| of.starts_with("kubeconfig "))?;
                let read = presented.chain().next()?.map(read_der)?;
                Some(judge(read, presented.value.into(), of, cx))
            }));
        }
        if !is_kubeconfig(object) {
            return Verdict::NotApplicable;
        }
        Verdict::all(entries(object, "users", "user").filter_map(|(name, user)| {
            const FIELD: &str = "client-certificate-data";
            let data = user.get(FIELD)?.as_str()?;
            let read = read_bundle(data).and_then(|bundle| {
                bundle.into_iter().next().ok_or_else(|| "it contains no certificate".to_owned())
            });
            let place = Place::At(user, FIELD.into());
            Some(judge(read, place, &format!("user {name}"), cx))
        }))
    }
}

fn judge<'a>(
    read: Result<Validity, String>,
    place: Place<'a>,
    whose: &str,
    cx: &Cx<'a>,
) -> Verdict<'a> {
    let certificate = match read {
        Ok(certificate) => certificate,
        Err(error) => {
            let why = format!("the certificate of `{whose}` cannot be parsed: {error}");
            return Claim::unknown(place, why).instance(whose).into();
        }
    };
    let masters =
        certificate.subject.split([',', '+']).any(|part| part.trim() == "O=system:masters");
    if !masters || certificate.until <= cx.now() {
        return Verdict::Holds;
    }
    let until = certificate.until.strftime("%Y-%m-%d");
    let message =
        format!("`{whose}` has a certificate in `system:masters` that is valid until {until}");
    Claim::fails(place, message).instance(whose).into()
}
