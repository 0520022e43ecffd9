//! PV-I037.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_rbac::Resource;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::table::{Names, Reach, Row, judge_table};
use crate::{Check, Cx, OnObject, Verdict};

/// Role can disable admission policies
///
/// ## Why
/// Anyone who can delete or change admission policies, webhooks or their bindings can run what they
/// would reject. A mutating policy can change every object that is written.
///
/// ## Fix
/// Only administrators or the GitOps controller should manage ValidatingAdmissionPolicies,
/// MutatingAdmissionPolicies and their bindings, and delete webhook configurations. If a policy
/// engine manages its own, limit its permission with `resourceNames`.
#[check(
    id = "PV-I037",
    severity = High,
    scope = Related,
    on = [ROLE, CLUSTER_ROLE, CLUSTER_ROLE_BINDING],
    reads = [ROLE_BINDING]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AdmissionPolicyPermission {}

const TABLE: &[Row] = &[
    Row {
        verbs: &["create", "update", "patch"],
        on: &[
            Resource::new("admissionregistration.k8s.io", "mutatingadmissionpolicies"),
            Resource::new("admissionregistration.k8s.io", "mutatingadmissionpolicybindings"),
        ],
        names: Names::Excuse,
        gives: "change every object that is written",
        severity: Severity::High,
        reach: Reach::Cluster,
    },
    Row {
        verbs: &["update", "patch", "delete", "deletecollection"],
        on: &[
            Resource::new("admissionregistration.k8s.io", "validatingadmissionpolicies"),
            Resource::new("admissionregistration.k8s.io", "validatingadmissionpolicybindings"),
        ],
        names: Names::Excuse,
        gives: "disable admission policies",
        severity: Severity::High,
        reach: Reach::Cluster,
    },
    Row {
        verbs: &["delete", "deletecollection"],
        on: &[
            Resource::new("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
            Resource::new("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
            Resource::new("admissionregistration.k8s.io", "mutatingadmissionpolicies"),
            Resource::new("admissionregistration.k8s.io", "mutatingadmissionpolicybindings"),
        ],
        names: Names::Excuse,
        gives: "disable admission webhooks",
        severity: Severity::High,
        reach: Reach::Cluster,
    },
];

impl Check for AdmissionPolicyPermission {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        judge_table(object, cx, TABLE)
    }
}
