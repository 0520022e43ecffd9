//! PV-I030.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_snapshot::{ClusterFacts, Object};
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::anonymous_api_access::is_public;
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// API server answers anonymous requests
///
/// ## Why
/// Anyone who can reach the port of the API server gets this answer. This result does not come from
/// settings: the request was sent, and the server answered it. Health endpoints, the version and
/// the ServiceAccount issuer's keys are public on purpose (Kubernetes binds
/// `system:public-info-viewer` to `system:unauthenticated`) and are not reported.
///
/// ## Fix
/// Remove bindings to `system:anonymous` and `system:unauthenticated`. Restrict anonymous requests
/// to health endpoints with an `AuthenticationConfiguration`, or set `--anonymous-auth=false`. If
/// there is a proxy in front of the API server, the proxy may be adding credentials.
#[check(id = "PV-I030", severity = High, scope = Object, on = [CLUSTER])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AnonymousRequestAnswered {}

impl Check for AnonymousRequestAnswered {
    type On = OnObject;

    fn check<'a>(&self, cluster: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        match ClusterFacts::read(cluster).and_then(ClusterFacts::anonymous) {
            Some(requests) => Verdict::all(requests.map(judge)),
            None => Verdict::unknown(cluster.value(), "no anonymous request was sent"),
        }
    }
}

fn judge(request: Value<'_>) -> Verdict<'_> {
    let path = request.str("path").unwrap_or("");
    if path.is_empty() || is_public(path) {
        return Verdict::NotApplicable;
    }
    if let Some(error) = request.str("error") {
        let why = format!("an anonymous request to `{path}` failed: {error}");
        return Claim::unknown(request, why).instance(path).into();
    }
    let status = request.get("status").and_then(Value::scalar_text).unwrap_or_default();
    match status.parse::<u16>() {
        Ok(401 | 403) => Verdict::Holds,
        Ok(200..=299) => {
            let (severity, what) = worth(path);
            let message = format!("an anonymous request to `{path}` is answered: {what}");
            Claim::fails(request, message).severity(severity).instance(path).into()
        }
        _ => {
            let why = format!(
                "an anonymous request to `{path}` returned status `{status}`, which does not show \
                 whether it was allowed"
            );
            Claim::unknown(request, why).instance(path).into()
        }
    }
}

/// Returns the severity of a response at a path, and what it exposes.
fn worth(path: &str) -> (Severity, &'static str) {
    let path = path.split('?').next().unwrap_or(path).trim_end_matches('/');
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
    // `/api/v1/…`, `/apis/GROUP/VERSION/…`
    let resources = match parts.as_slice() {
        ["api", _, rest @ ..] | ["apis", _, _, rest @ ..] => rest,
        ["metrics", ..] => {
            return (Severity::Medium, "metrics expose names of objects and of their users");
        }
        ["logs" | "debug", ..] => return (Severity::High, "logs and memory of the server"),
        ["openapi", ..] => {
            return (Severity::Low, "the schema of every kind, including custom resources");
        }
        ["api" | "apis", ..] => &[],
        _ => return (Severity::Medium, "this path is not public by default"),
    };
    let resource = match resources {
        [] => return (Severity::Medium, "the APIs that the cluster serves"),
        ["namespaces", _, resource, ..] | [resource, ..] => *resource,
    };
    match resource {
        "secrets" => (Severity::Critical, "anyone can read Secrets"),
        "pods" | "configmaps" | "nodes" => {
            (Severity::High, "anyone can read objects that contain settings and addresses")
        }
        _ => (Severity::High, "anyone can read objects"),
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
