//! PV-C051.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Cx, OnEvery, Place, Verdict};

/// Object in the `default` namespace
///
/// ## Why
/// Permissions, quotas, NetworkPolicies and Pod Security levels apply per namespace. Unrelated
/// objects in `default` share all of them.
///
/// ## Fix
/// Move the object to a namespace for its application.
#[check(
    id = "PV-C051",
    severity = Low,
    audience = Strict,
    scope = Object,
    on = [POD, DEPLOYMENT, DAEMON_SET, STATEFUL_SET, REPLICA_SET, REPLICATION_CONTROLLER, JOB, CRON_JOB, POD_TEMPLATE, SERVICE, CONFIG_MAP, SECRET, SERVICE_ACCOUNT, ROLE, ROLE_BINDING, INGRESS, NETWORK_POLICY]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DefaultNamespace {}

impl Check for DefaultNamespace {
    type On = OnEvery;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        if object.namespace().is_empty() && !cx.is_live() {
            // The namespace depends on how the file is applied.
            return Verdict::NotApplicable;
        }
        if object.namespace() != "default" {
            return Verdict::Holds;
        }
        // Built-in objects of every cluster.
        let is_own = object.name() == "kubernetes"
            && ["Service", "EndpointSlice", "Endpoints"].contains(&object.kind())
            || object.is(kinds::SERVICE_ACCOUNT) && object.name() == "default"
            || object.is(kinds::CONFIG_MAP) && object.name() == "kube-root-ca.crt"
            || object.kind() == "Event";
        if is_own || object.is_file() {
            return Verdict::NotApplicable;
        }
        let place = Place::field(object.value(), &["metadata", "namespace"]);
        Verdict::fails(
            place,
            format!("{} `{}` is in the namespace `default`", object.kind(), object.name()),
        )
    }
}
