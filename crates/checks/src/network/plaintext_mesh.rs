//! PV-N041.

use pavisade_macros::check;
use pavisade_model::{Severity, kinds};
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::{map, text};
use crate::{Check, Claim, Cx, OnEvery, Verdict};

/// Meshes that accept connections without TLS.
///
/// ## Why
/// What comes in plain text has no identity: rules by account or namespace do not hold for it, and
/// whoever reaches the pod is let in. `PERMISSIVE` is for the days of a migration.
///
/// ## Fix
/// Set `mtls.mode: STRICT` for the mesh, and for what cannot speak TLS yet a policy for its
/// workload and port alone; with Linkerd, `meshTLS` in place of `unauthenticated`.
#[check(
    id = "PV-N041",
    severity = Medium,
    scope = Object,
    on = [
        PEER_AUTHENTICATION,
        LINKERD_SERVER,
        LINKERD_SERVER_AUTHORIZATION,
        NAMESPACE,
        POD,
        POD_TEMPLATE,
        DEPLOYMENT,
        DAEMON_SET,
        STATEFUL_SET,
        REPLICA_SET,
        REPLICATION_CONTROLLER,
        JOB,
        CRON_JOB,
    ],
    mends = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PlaintextMesh {}

impl Check for PlaintextMesh {
    type On = OnEvery;

    fn check<'a>(&self, object: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        if object.is(kinds::PEER_AUTHENTICATION) {
            return istio(object);
        }
        if object.is(kinds::LINKERD_SERVER) {
            return server(object);
        }
        if object.is(kinds::LINKERD_SERVER_AUTHORIZATION) {
            return authorization(object);
        }
        if object.is(kinds::NAMESPACE) {
            let policy = object.at(&["metadata", "annotations", DEFAULT_POLICY]);
            return policy.map_or(Verdict::NotApplicable, default_policy);
        }
        let policies = object.pods().filter_map(|pod| pod.annotation(DEFAULT_POLICY));
        Verdict::all(policies.map(default_policy))
    }
}

fn istio(policy: &Object) -> Verdict<'_> {
    let whole = judge_mode(policy.value(), &["spec", "mtls", "mode"], &of_whole(policy));
    let ports = match map(policy.value(), &["spec", "portLevelMtls"]) {
        // Of a policy without a selector they do not count.
        Ok(ports) => ports.filter(|_| selects_workload(policy)),
        Err(wrong) => return wrong.into(),
    };
    let ports = ports
        .into_iter()
        .flat_map(Value::entries)
        .map(|(port, mtls)| judge_mode(mtls, &["mode"], &format!("port `{port}` of its workload")));
    // One that says nothing leaves the mode to the policy above it.
    Verdict::all(std::iter::once(whole).chain(ports))
}

fn selects_workload(policy: &Object) -> bool {
    let labels = policy.at(&["spec", "selector", "matchLabels"]);
    labels.is_some_and(|labels| labels.entries().next().is_some())
}

fn of_whole(policy: &Object) -> String {
    match (selects_workload(policy), policy.namespace()) {
        (true, _) => "its workload".to_owned(),
        (false, "istio-system") => "the whole mesh".to_owned(),
        (false, "") => "its namespace".to_owned(),
        (false, namespace) => format!("namespace `{namespace}`"),
    }
}

fn judge_mode<'a>(from: Value<'a>, path: &[&str], what: &str) -> Verdict<'a> {
    match text(from, path) {
        Ok(Some(("STRICT", _))) => Verdict::Holds,
        Ok(Some(("PERMISSIVE", mode))) => {
            Claim::fails(mode, format!("{what} takes plain text beside TLS"))
                .severity(Severity::Low)
                .set("STRICT")
                .into()
        }
        Ok(Some(("DISABLE", mode))) => {
            Claim::fails(mode, format!("{what} takes plain text and no TLS")).set("STRICT").into()
        }
        Ok(Some(("UNSET" | "", _)) | None) => Verdict::NotApplicable,
        Ok(Some((other, mode))) => Verdict::unknown(mode, format!("`{other}` is no such mode")),
        Err(wrong) => wrong.into(),
    }
}

/// Whom Linkerd's proxies let in where no Server says so.
const DEFAULT_POLICY: &str = "config.linkerd.io/default-inbound-policy";

fn default_policy(value: Value<'_>) -> Verdict<'_> {
    let policy = value.as_str().unwrap_or("");
    match policy.strip_suffix("-unauthenticated") {
        Some(whom @ ("all" | "cluster")) => {
            Claim::fails(value, format!("`{policy}` lets in whoever has no identity"))
                .severity(Severity::Low)
                .set(format!("{whom}-authenticated"))
                .into()
        }
        _ => Verdict::Holds,
    }
}

/// `accessPolicy` of Linkerd's Server: who is let in where no authorization says so.
fn server(server: &Object) -> Verdict<'_> {
    match text(server.value(), &["spec", "accessPolicy"]) {
        Ok(Some((policy @ ("all-unauthenticated" | "cluster-unauthenticated"), place))) => {
            Claim::fails(place, format!("`{policy}` lets in whoever has no identity"))
                .severity(Severity::Low)
                .into()
        }
        Ok(Some(_)) => Verdict::Holds,
        Ok(None) => Verdict::NotApplicable,
        Err(wrong) => wrong.into(),
    }
}

/// Clients without identity are let in; where networks are listed, from there alone.
fn authorization(authorization: &Object) -> Verdict<'_> {
    let client = authorization.at(&["spec", "client"]);
    let open = client.and_then(|client| client.get("unauthenticated"));
    let networks = client.map(|client| client.list("networks").count()).unwrap_or(0);
    match open {
        Some(value) if value.as_bool() == Some(true) && networks == 0 => {
            Claim::fails(value, "clients without identity are let in, from any address")
                .severity(Severity::Low)
                .into()
        }
        Some(value) if value.as_bool().is_none() && !value.is_null() => {
            Verdict::unknown(value, "`unauthenticated` is no boolean")
        }
        _ => Verdict::Holds,
    }
}
