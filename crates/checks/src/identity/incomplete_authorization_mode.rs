//! PV-I070.

use pavisade_macros::check;
use pavisade_model::{Severity, kinds};
use pavisade_snapshot::Object;
use pavisade_yaml::{Kind, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Component, Cx, OnControlPlane, Part, Place, Verdict, View};

/// API server without RBAC or Node authorization
///
/// ## Why
/// Without `Node`, kubelets need access to all Secrets and pods, so a single compromised node can
/// read all of them. Without `RBAC`, roles and bindings have no effect, and authorization is
/// configured outside the cluster: in an ABAC file on each control plane node, or in a webhook.
///
/// ## Fix
/// Use `--authorization-mode=Node,RBAC` (optionally with a webhook), or both in the
/// `AuthorizationConfiguration`. Migrate ABAC rules to roles first.
#[check(
    id = "PV-I070",
    severity = Medium,
    scope = Related,
    programs = [ApiServer],
    parts = ["RBAC", "Node"],
    on = [AUTHORIZATION_CONFIGURATION],
    reads = [AUTHORIZATION_CONFIGURATION]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct IncompleteAuthorizationMode {}

impl Check for IncompleteAuthorizationMode {
    type On = OnControlPlane;

    fn check<'a>(&self, part: Part<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        part.judged("kube-apiserver", from_file, |server| from_flags(server, cx))
    }
}

fn judge<'a>(modes: &[&str], place: Place<'a>) -> Verdict<'a> {
    // Reported by PV-I022.
    if modes.is_empty() || modes.contains(&"AlwaysAllow") {
        return Verdict::NotApplicable;
    }
    let mut claims = Vec::new();
    if !modes.contains(&"RBAC") {
        let (decides, severity) = match modes.contains(&"ABAC") {
            true => ("an ABAC file on the control plane decides", Severity::High),
            false => ("authorization is configured outside the cluster", Severity::Medium),
        };
        let message = format!("`RBAC` is not enabled: {decides}");
        let claim = Claim::fails(place.clone(), message).severity(severity);
        claims.push(claim.part("RBAC").instance("RBAC"));
    }
    if !modes.contains(&"Node") {
        let message = "`Node` is not enabled: kubelets are not limited to the pods on their own \
                       nodes";
        claims.push(Claim::fails(place, message).part("Node").instance("Node"));
    }
    Verdict::from_claims(claims)
}

fn from_file(file: &Object) -> Verdict<'_> {
    let Some(list) = file.at(&["authorizers"]).filter(|l| l.kind() == Kind::Sequence) else {
        let place = Place::field(file.value(), &["authorizers"]);
        return Verdict::unknown(place, "there is no list of authorizers");
    };
    let types = list.items().filter_map(|item| item.get("type").and_then(Value::as_str));
    judge(&types.collect::<Vec<_>>(), list.into())
}

fn from_flags<'a>(server: Component<'a>, cx: &View<'a>) -> Result<Verdict<'a>, Claim<'a>> {
    const FLAG: &str = "authorization-mode";
    let file = kinds::AUTHORIZATION_CONFIGURATION;
    if let Some(verdict) = server.left_to_file("authorization-config", file, cx) {
        return Ok(verdict);
    }
    let modes = server.known_list(FLAG)?.unwrap_or_default();
    Ok(judge(&modes.iter().map(String::as_str).collect::<Vec<_>>(), server.place(FLAG)))
}
