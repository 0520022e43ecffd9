//! PV-I030.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_snapshot::{ClusterFacts, Object};
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::anonymous_api_access::is_public;
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// An API server that answers requests without any credential.
///
/// ## Why
/// Everybody who reaches the server's port gets the answer, from the internet too where it is
/// exposed. This is no reading of settings: the request was sent, and answered. Health, the version
/// and the keys of the ServiceAccounts' issuer are made for callers without an account (Kubernetes
/// binds `system:public-info-viewer` to `system:unauthenticated`), so an answer there is none of it.
///
/// ## Fix
/// Remove bindings to `system:anonymous` and `system:unauthenticated`; limit anonymous requests to
/// health paths with an `AuthenticationConfiguration`, or set `--anonymous-auth=false`. If a proxy
/// stands in front of the server, it may be the proxy that adds a credential.
#[check(id = "PV-I030", severity = High, scope = Object, on = [CLUSTER])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AnonymousRequestAnswered {}

impl Check for AnonymousRequestAnswered {
    type On = OnObject;

    fn check<'a>(&self, cluster: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        match ClusterFacts::read(cluster).and_then(ClusterFacts::anonymous) {
            Some(requests) => Verdict::all(requests.map(judge)),
            None => Verdict::unknown(cluster.value(), "no request without a credential was sent"),
        }
    }
}

fn judge(request: Value<'_>) -> Verdict<'_> {
    let path = request.str("path").unwrap_or("");
    if path.is_empty() || is_public(path) {
        return Verdict::NotApplicable;
    }
    if let Some(error) = request.str("error") {
        let why = format!("a request without a credential to `{path}` got no answer: {error}");
        return Claim::unknown(request, why).instance(path).into();
    }
    let status = request.get("status").and_then(Value::scalar_text).unwrap_or_default();
    match status.parse::<u16>() {
        Ok(401 | 403) => Verdict::Holds,
        Ok(200..=299) => {
            let (severity, what) = worth(path);
            let message =
                format!("a request without any credential to `{path}` is answered: {what}");
            Claim::fails(request, message).severity(severity).instance(path).into()
        }
        _ => {
            let why = format!(
                "a request without a credential to `{path}` was answered with status `{status}`, \
                 which does not tell whether it was allowed"
            );
            Claim::unknown(request, why).instance(path).into()
        }
    }
}

/// How bad an answer at a path is, and what it gives.
fn worth(path: &str) -> (Severity, &'static str) {
    let path = path.split('?').next().unwrap_or(path).trim_end_matches('/');
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
    // `/api/v1/…`, `/apis/GROUP/VERSION/…`
    let resources = match parts.as_slice() {
        ["api", _, rest @ ..] | ["apis", _, _, rest @ ..] => rest,
        ["metrics", ..] => return (Severity::Medium, "metrics name objects and who uses them"),
        ["logs" | "debug", ..] => return (Severity::High, "the server's own logs and memory"),
        ["openapi", ..] => return (Severity::Low, "the form of every kind, custom ones included"),
        ["api" | "apis", ..] => &[],
        _ => return (Severity::Medium, "it is no path that is open by default"),
    };
    let resource = match resources {
        [] => return (Severity::Medium, "which APIs the cluster serves"),
        ["namespaces", _, resource, ..] | [resource, ..] => *resource,
    };
    match resource {
        "secrets" => (Severity::Critical, "everybody reads Secrets"),
        "pods" | "configmaps" | "nodes" => {
            (Severity::High, "everybody reads objects that hold settings and addresses")
        }
        _ => (Severity::High, "everybody reads objects"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_answered_decides_how_bad_it_is() {
        use Severity::{Critical, High, Low, Medium};
        for (path, expected) in [
            ("/api/v1/secrets", Critical),
            ("/api/v1/namespaces/default/secrets", Critical),
            ("/api/v1/namespaces/kube-system/secrets/token?x=y", Critical),
            ("/api/v1/namespaces/default/pods", High),
            ("/api/v1/namespaces", High),
            ("/apis/apps/v1/deployments", High),
            ("/apis/example.com/v1/namespaces/a/secrets", Critical),
            ("/api", Medium),
            ("/api/v1", Medium),
            ("/apis", Medium),
            ("/apis/apps", Medium),
            ("/apis/apps/v1/", Medium),
            ("/metrics", Medium),
            ("/logs/", High),
            ("/debug/pprof/heap", High),
            ("/openapi/v3", Low),
            ("/", Medium),
        ] {
            assert_eq!(worth(path).0, expected, "{path}");
        }
    }
}
