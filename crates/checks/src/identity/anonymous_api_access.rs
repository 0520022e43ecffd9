//! PV-I021.

use pavisade_macros::check;
use pavisade_model::{Severity, kinds};
use pavisade_snapshot::{Object, Pod};
use pavisade_yaml::{Edit, Kind, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    Change, Check, Claim, Component, Cx, FlagSource, OnControlPlane, Part, Place, Verdict, View,
};

/// Anonymous requests to the API server are allowed
///
/// ## Why
/// Anyone who can reach the port is the user `system:anonymous` and has the permissions of the
/// group `system:unauthenticated`. A single careless binding exposes the cluster to the network,
/// and vulnerabilities of the API server can be exploited without an account.
///
/// ## Fix
/// As of Kubernetes 1.32 (beta; stable in 1.34), use an `AuthenticationConfiguration` with
/// `anonymous.enabled: true` and `conditions` that allow only `/livez`, `/readyz` and `/healthz`.
/// The kubelet probes kubeadm's API server without credentials, so `--anonymous-auth=false` breaks
/// the probes unless you change them too.
#[check(
    id = "PV-I021",
    severity = High,
    scope = Related,
    programs = [ApiServer],
    on = [AUTHENTICATION_CONFIGURATION],
    reads = [AUTHENTICATION_CONFIGURATION],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AnonymousApiAccess {}

impl Check for AnonymousApiAccess {
    type On = OnControlPlane;

    fn check<'a>(&self, part: Part<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        part.judged("kube-apiserver", from_file, |server| from_flags(server, cx))
    }
}

fn anonymous(file: &Object) -> Option<Value<'_>> {
    file.at(&["anonymous"]).filter(|a| !a.is_null())
}

fn from_file(file: &Object) -> Verdict<'_> {
    // If absent, the flag decides.
    let Some(anonymous) = anonymous(file) else { return Verdict::NotApplicable };
    let enabled = match anonymous.get("enabled").filter(|e| !e.is_null()) {
        None => return Verdict::Holds,
        Some(enabled) => enabled,
    };
    match enabled.as_bool() {
        Some(false) => return Verdict::Holds,
        Some(true) => {}
        None => return Verdict::unknown(enabled, "`enabled` is not a boolean"),
    }
    let conditions = anonymous.get("conditions").filter(|c| !c.is_null());
    if let Some(other) = conditions.filter(|c| c.kind() != Kind::Sequence) {
        return Verdict::unknown(other, "`conditions` is not a list");
    }
    let mut paths = conditions.into_iter().flat_map(Value::items).peekable();
    if paths.peek().is_none() {
        let message = "anonymous requests are allowed on every path: no `conditions` restrict them";
        let health = serde_json::json!([
            { "path": "/livez" }, { "path": "/readyz" }, { "path": "/healthz" }
        ]);
        let place = Place::field(anonymous, &["conditions"]);
        return Claim::fails(enabled, message).change(place, Edit::Set(health)).into();
    }
    let limited = conditions
        .into_iter()
        .flat_map(Value::items)
        .any(|condition| condition.str("path").is_some_and(is_public));
    let open = paths.filter_map(|condition| {
        let path = condition.get("path").filter(|p| !is_public(p.as_str().unwrap_or("")))?;
        let message = format!("anonymous requests are allowed on `{}`", path.scalar_text()?);
        let claim = Claim::fails(path, message).severity(Severity::Medium);
        // Without any path, all paths would be open.
        let entry = path.parent().filter(|_| limited);
        Some(match entry {
            Some(entry) => claim.change(entry, Edit::Remove),
            None => claim,
        })
    });
    Verdict::from_claims(open)
}

/// Whether a path is meant for unauthenticated requests: health, version, keys of the service
/// account issuer, and discovery for `kubeadm join`. Paths are compared exactly.
pub(super) fn is_public(path: &str) -> bool {
    let health = ["/healthz", "/livez", "/readyz"].into_iter().any(|root| {
        path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    health
        || matches!(
            path,
            "/version"
                | "/version/"
                | "/.well-known/openid-configuration"
                | "/openid/v1/jwks"
                | "/openid/v1/jwks/"
                | "/api/v1/namespaces/kube-public/configmaps/cluster-info"
        )
}

/// Returns the changes that disable anonymous requests by the flag, unless the kubelet's probes of
/// the server need them (kubeadm's probes have no credentials), or a configuration file may be
/// used, with which the server rejects the flag.
pub(super) fn without_anonymous(server: Component<'_>) -> Vec<Change<'_>> {
    const PROBES: [&str; 3] = ["livenessProbe", "readinessProbe", "startupProbe"];
    let containers = server.object().pods().flat_map(Pod::containers);
    let mut probes =
        containers.flat_map(|container| PROBES.map(|probe| container.value().get(probe)));
    let probed = probes.any(|probe| probe.is_some_and(|probe| !probe.is_null()));
    match server.source() {
        FlagSource::CommandLine if !probed && server.flag("authentication-config").is_none() => {
            server.set_flag("anonymous-auth", "false")
        }
        _ => Vec::new(),
    }
}

/// Whether flags allow anonymous requests, where no file decides.
pub(super) fn by_flags<'a>(server: Component<'a>) -> Result<bool, Claim<'a>> {
    if !server.known_bool(FLAG, true)? {
        return Ok(false);
    }
    // The server switches it off where every request is allowed anyway (PV-I022 says that), which
    // is its default without a mode.
    let modes = server.known_list("authorization-mode")?;
    let always = match modes {
        Some(modes) => modes.iter().any(|mode| mode == "AlwaysAllow"),
        None => server.known("authorization-config")?.is_none(),
    };
    Ok(!always)
}

const FLAG: &str = "anonymous-auth";

fn from_flags<'a>(server: Component<'a>, cx: &View<'a>) -> Result<Verdict<'a>, Claim<'a>> {
    if let Some(config) = server.known("authentication-config")?.filter(|f| !f.value.is_empty()) {
        let files = cx.list(kinds::AUTHENTICATION_CONFIGURATION).objects;
        let deciding = files.iter().filter(|file| anonymous(file).is_some()).count();
        if files.is_empty() || deciding != 0 && deciding != files.len() {
            let where_it_is = match cx.is_live() {
                true => "the API does not expose that file",
                false => "it is not clear which of these files it is",
            };
            let why = format!("`{}` may allow anonymous requests, and {where_it_is}", config.value);
            return Err(Claim::unknown(server.place("authentication-config"), why));
        }
        if deciding != 0 {
            return Ok(Verdict::NotApplicable);
        }
    }
    let set = server.known(FLAG)?.is_some();
    if !by_flags(server)? {
        return Ok(Verdict::Holds);
    }
    let message = if set {
        "`--anonymous-auth=true` allows anonymous requests on every path"
    } else {
        "`--anonymous-auth` is not set and defaults to true: anonymous requests are allowed on \
         every path"
    };
    let claim = Claim::fails(server.place(FLAG), message);
    Ok(claim.changes(without_anonymous(server)).into())
}
