//! PV-N041.

use pavisade_macros::check;
use pavisade_model::{Severity, kinds};
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::{boolean, list, map, text};
use crate::{Check, Claim, Cx, OnEvery, Verdict};

/// Mesh accepts plaintext traffic
///
/// ## Why
/// Plaintext connections have no identity: rules for ServiceAccounts or namespaces do not apply to
/// them, and everyone who can reach the pod can connect. `PERMISSIVE` is meant only for migration.
///
/// ## Fix
/// Set `mtls.mode: STRICT` for the mesh, with an exception only for workloads and ports that do not
/// support TLS yet. With Linkerd, use `meshTLS` instead of `unauthenticated`; with Consul,
/// `mutualTLSMode: strict`.
#[check(
    id = "PV-N041",
    severity = Medium,
    scope = Object,
    on = [
        PEER_AUTHENTICATION,
        LINKERD_SERVER,
        LINKERD_SERVER_AUTHORIZATION,
        CONSUL_MESH,
        CONSUL_PROXY_DEFAULTS,
        CONSUL_SERVICE_DEFAULTS,
        KUMA_MESH,
        KUMA_TLS,
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
    fixable = Riskily
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
        if object.group() == kinds::CONSUL_MESH.group {
            return consul(object);
        }
        if object.is(kinds::KUMA_MESH) {
            return kuma(object);
        }
        if object.is(kinds::KUMA_TLS) {
            return kuma_tls(object);
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
        // Without a selector, they are ignored.
        Ok(ports) => ports.filter(|_| selects_workload(policy)),
        Err(wrong) => return wrong.into(),
    };
    let ports = ports
        .into_iter()
        .flat_map(Value::entries)
        .map(|(port, mtls)| judge_mode(mtls, &["mode"], &format!("port `{port}` of its workload")));
    // An unset mode is inherited from the policy above.
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
            Claim::fails(mode, format!("{what} accepts plaintext in addition to TLS"))
                .severity(Severity::Low)
                .set("STRICT")
                .into()
        }
        Ok(Some(("DISABLE", mode))) => {
            Claim::fails(mode, format!("{what} accepts only plaintext, not TLS"))
                .set("STRICT")
                .into()
        }
        Ok(Some(("UNSET" | "", _)) | None) => Verdict::NotApplicable,
        Ok(Some((other, mode))) => Verdict::unknown(mode, format!("`{other}` is not a valid mode")),
        Err(wrong) => wrong.into(),
    }
}

/// Who Linkerd's proxies allow by default, without a Server.
const DEFAULT_POLICY: &str = "config.linkerd.io/default-inbound-policy";

fn default_policy(value: Value<'_>) -> Verdict<'_> {
    let policy = value.as_str().unwrap_or("");
    match policy.strip_suffix("-unauthenticated") {
        Some(whom @ ("all" | "cluster")) => {
            Claim::fails(value, format!("`{policy}` allows clients without an identity"))
                .severity(Severity::Low)
                .set(format!("{whom}-authenticated"))
                .into()
        }
        _ => Verdict::Holds,
    }
}

/// Checks the `accessPolicy` of a Linkerd Server: who is allowed without an authorization.
fn server(server: &Object) -> Verdict<'_> {
    match text(server.value(), &["spec", "accessPolicy"]) {
        Ok(Some((policy @ ("all-unauthenticated" | "cluster-unauthenticated"), place))) => {
            Claim::fails(place, format!("`{policy}` allows clients without an identity"))
                .severity(Severity::Low)
                .into()
        }
        Ok(Some(_)) => Verdict::Holds,
        Ok(None) => Verdict::NotApplicable,
        Err(wrong) => wrong.into(),
    }
}

/// Checks whether clients without identity are allowed, from listed networks or from anywhere.
fn authorization(authorization: &Object) -> Verdict<'_> {
    let client = authorization.at(&["spec", "client"]);
    let open = client.and_then(|client| client.get("unauthenticated"));
    let networks = client.map(|client| client.list("networks").count()).unwrap_or(0);
    match open {
        Some(value) if value.as_bool() == Some(true) && networks == 0 => {
            Claim::fails(value, "clients without an identity are allowed, from any address")
                .severity(Severity::Low)
                .into()
        }
        Some(value) if value.as_bool().is_none() && !value.is_null() => {
            Verdict::unknown(value, "`unauthenticated` is not a boolean")
        }
        _ => Verdict::Holds,
    }
}

/// Checks Consul's entries: plaintext in the whole mesh or for one service, or whether services may
/// request it.
fn consul(entry: &Object) -> Verdict<'_> {
    if entry.is(kinds::CONSUL_MESH) {
        let path = &["spec", "allowEnablingPermissiveMutualTLS"];
        return match boolean(entry.value(), path) {
            Ok(Some((true, place))) => Claim::fails(
                place,
                "services may request plaintext, to which intentions do not apply",
            )
            .severity(Severity::Low)
            .into(),
            Ok(_) => Verdict::Holds,
            Err(wrong) => wrong.into(),
        };
    }
    let of = match entry.is(kinds::CONSUL_PROXY_DEFAULTS) {
        true => "the whole mesh".to_owned(),
        false => format!("service `{}`", entry.name()),
    };
    match text(entry.value(), &["spec", "mutualTLSMode"]) {
        Ok(Some(("permissive", place))) => {
            let message = format!(
                "{of} accepts plaintext in addition to TLS, to which intentions do not apply"
            );
            let claim = Claim::fails(place, message).set("strict");
            match entry.is(kinds::CONSUL_PROXY_DEFAULTS) {
                true => claim.into(),
                false => claim.severity(Severity::Low).into(),
            }
        }
        Ok(Some(("strict", _))) => Verdict::Holds,
        Ok(Some(("", _)) | None) => Verdict::NotApplicable,
        Ok(Some((other, place))) => {
            Verdict::unknown(place, format!("`{other}` is not a valid mode"))
        }
        Err(wrong) => wrong.into(),
    }
}

/// Checks the backend of a Kuma mesh. Without one, another object determines what is encrypted.
fn kuma(mesh: &Object) -> Verdict<'_> {
    let (used, place) = match text(mesh.value(), &["spec", "mtls", "enabledBackend"]) {
        Ok(Some((used, place))) if !used.is_empty() => (used, place),
        Ok(_) => return Verdict::NotApplicable,
        Err(wrong) => return wrong.into(),
    };
    let backends = match list(mesh.value(), &["spec", "mtls", "backends"]) {
        Ok(mut backends) => backends.find(|backend| backend.str("name") == Some(used)),
        Err(wrong) => return wrong.into(),
    };
    match backends.map(|backend| text(backend, &["mode"])) {
        Some(Ok(Some(("PERMISSIVE", place)))) => {
            let message = format!("mesh `{}` accepts plaintext in addition to TLS", mesh.name());
            Claim::fails(place, message).severity(Severity::Low).set("STRICT").into()
        }
        Some(Err(wrong)) => wrong.into(),
        Some(Ok(_)) => Verdict::Holds,
        None => Verdict::unknown(place, format!("backend `{used}` does not exist")),
    }
}

fn kuma_tls(policy: &Object) -> Verdict<'_> {
    let modes = ["from", "rules"].map(|field| match list(policy.value(), &["spec", field]) {
        Ok(rules) => Verdict::all(rules.map(|rule| {
            match text(rule, &["default", "mode"]) {
                Ok(Some(("Permissive", place))) => {
                    Claim::fails(place, "its proxies accept plaintext in addition to TLS")
                        .severity(Severity::Low)
                        .set("Strict")
                        .into()
                }
                Ok(Some(_)) => Verdict::Holds,
                Ok(None) => Verdict::NotApplicable,
                Err(wrong) => wrong.into(),
            }
        })),
        Err(wrong) => wrong.into(),
    });
    Verdict::all(modes)
}
