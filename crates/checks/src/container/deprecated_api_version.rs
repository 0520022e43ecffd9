//! PV-C055.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::operation::removed_api_version::{removed_in, successor};
use crate::{Check, Cx, OnEvery, Place, Verdict};

/// Deprecated API version
///
/// ## Why
/// After the upgrade that removes this version, the API server rejects the object. It cannot be
/// created or changed from this file until the file is rewritten.
///
/// ## Fix
/// Migrate the object to the newer API version. `kubectl convert` helps.
#[check(id = "PV-C055", severity = Low, scope = Object, files_only = true)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DeprecatedApiVersion {}

/// The number of releases for which a deprecated API version is still served (deprecation policy).
const NOTICE: u32 = 3;

/// APIs that versions after the newest known one will remove: group, version, kinds, the minor
/// version, and the replacement (APILifecycleRemoved in k8s.io/api v0.37).
#[rustfmt::skip]
const ANNOUNCED: [(&str, &str, &[&str], u32, &str); 8] = [
    ("admissionregistration.k8s.io", "v1alpha1", MUTATING, 38, "admissionregistration.k8s.io/v1"),
    ("admissionregistration.k8s.io", "v1beta1", MUTATING, 40, "admissionregistration.k8s.io/v1"),
    ("certificates.k8s.io", "v1beta1", &["ClusterTrustBundle", "PodCertificateRequest"], 40, "certificates.k8s.io/v1"),
    ("coordination.k8s.io", "v1alpha2", &["LeaseCandidate"], 38, "coordination.k8s.io/v1beta1"),
    ("resource.k8s.io", "v1beta1", DEVICES, 38, "resource.k8s.io/v1"),
    ("resource.k8s.io", "v1beta2", DEVICES, 39, "resource.k8s.io/v1"),
    ("resource.k8s.io", "v1alpha3", &["DeviceTaintRule"], 39, "resource.k8s.io/v1beta2"),
    ("storagemigration.k8s.io", "v1beta1", &["StorageVersionMigration"], 40, "storagemigration.k8s.io/v1"),
];

const MUTATING: &[&str] = &["MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"];
const DEVICES: &[&str] =
    &["DeviceClass", "ResourceClaim", "ResourceClaimTemplate", "ResourceSlice"];

impl Check for DeprecatedApiVersion {
    type On = OnEvery;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        let (group, version, kind) = (object.group(), object.version(), object.kind());
        if !version.contains("alpha") && !version.contains("beta") {
            return Verdict::Holds;
        }
        let announced = ANNOUNCED
            .iter()
            .find(|(g, v, kinds, ..)| *g == group && *v == version && kinds.contains(&kind));
        let end = announced.map(|(.., minor, instead)| (*minor, *instead));
        let end = end.or_else(|| {
            Some((removed_in(group, version, kind)?, successor(group, version, kind).unwrap_or("")))
        });
        let now = cx.kubernetes();
        // PV-O007 reports removed versions.
        let Some((minor, instead)) = end.filter(|(minor, _)| !now.at_least(*minor)) else {
            return Verdict::Holds;
        };
        if !now.at_least(minor.saturating_sub(NOTICE)) {
            return Verdict::Holds;
        }
        let instead = match instead {
            "" => "there is no replacement".to_owned(),
            instead => format!("use `{instead}`"),
        };
        Verdict::fails(
            Place::field(object.value(), &["apiVersion"]),
            format!(
                "{kind} of `{group}/{version}` is not served as of Kubernetes 1.{minor}: {instead}"
            ),
        )
    }
}
