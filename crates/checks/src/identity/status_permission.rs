//! PV-I082.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_rbac::{Grant, Resource, Rules};
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::judged::judge;
use super::power::Power;
use crate::{Check, Cx, OnObject, Verdict};

/// Role can write status of Services, pods or ResourceClaims
///
/// ## Why
/// Controllers and kubelets report state there, and the cluster trusts it. Addresses in
/// `services/status` are treated as load balancer addresses: nodes send traffic for any address in
/// it to the Service (CVE-2020-8554). Addresses in `pods/status` become endpoints of Services. The
/// allocation in `resourceclaims/status` assigns devices to pods.
///
/// ## Fix
/// Remove these subresources from roles for people and applications. Grant them only to the load
/// balancer controller, kubelets, the scheduler and device drivers. As of Kubernetes 1.36, a driver
/// needs `associated-node:update` on `resourceclaims/driver`, limited to its own name.
#[check(
    id = "PV-I082",
    severity = Medium,
    audience = Strict,
    scope = Related,
    on = [ROLE, CLUSTER_ROLE, CLUSTER_ROLE_BINDING],
    reads = [ROLE_BINDING]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StatusPermission {}

const WRITE: &[&str] = &["update", "patch"];
const SERVICES: Resource = Resource::new("", "services/status");
const PODS: Resource = Resource::new("", "pods/status");
const CLAIMS: Resource = Resource::new("resource.k8s.io", "resourceclaims/status");
const BINDING: Resource = Resource::new("resource.k8s.io", "resourceclaims/binding");
const DRIVER: Resource = Resource::new("resource.k8s.io", "resourceclaims/driver");

impl Check for StatusPermission {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        let granular = cx.kubernetes().at_least(36);
        judge(object, cx, |rules: &Rules<'a>| {
            let addresses = "intercept traffic for any address, by setting it as a load balancer \
                             address";
            let endpoints = "receive traffic for Services, by changing addresses of pods";
            let services = listed(rules, WRITE, SERVICES);
            let services = services.map(|g| Power::new(&g, Severity::Medium, addresses));
            let pods = listed(rules, WRITE, PODS);
            let pods = pods.map(|g| Power::new(&g, Severity::Low, endpoints));
            let claims = if granular { split(rules) } else { whole(rules) };
            services.or(pods).or(claims).into_iter().collect()
        })
    }
}

/// Returns the grant of a rule that lists the resource. PV-I003 reports rules for all resources.
fn listed<'a>(rules: &Rules<'a>, verbs: &[&'static str], on: Resource) -> Option<Grant<'a>> {
    rules.grant(verbs, on).filter(|grant| grant.resource.as_str() != Some("*"))
}

const ALLOCATE: &str = "assign devices to pods by allocating ResourceClaims";

/// Up to 1.35, one subresource contains the whole status.
fn whole<'a>(rules: &Rules<'a>) -> Option<Power<'a>> {
    let grant = listed(rules, WRITE, CLAIMS)?;
    Some(Power::new(&grant, Severity::Medium, ALLOCATE))
}

/// Since 1.36, the allocation and the reports of drivers need separate permissions, in addition to
/// that on the status (feature gate `DRAResourceClaimGranularStatusAuthorization`). Both are
/// cluster-scoped. The name is that of a driver, or empty.
fn split<'a>(rules: &Rules<'a>) -> Option<Power<'a>> {
    rules.grant(WRITE, CLAIMS)?;
    let binds = listed(rules, WRITE, BINDING).filter(|grant| !grant.rule.is_named());
    let binds = binds.map(|g| Power::new(&g, Severity::Medium, ALLOCATE));
    // The driver on a node has the verbs `associated-node:…`, which the server limits to that node.
    let anywhere = ["arbitrary-node:update", "arbitrary-node:patch"];
    let reports = || {
        let grant = listed(rules, &anywhere, DRIVER)?;
        let gives = "change the device status that drivers report on every node";
        Some(Power::new(&grant, Severity::Low, gives))
    };
    Some(binds.or_else(reports)?.cluster_scoped())
}
