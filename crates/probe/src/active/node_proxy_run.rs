//! PV-P163.

use pavisade_macros::check;
use serde_json::{Value, json};

use super::running::{NAME, Running};
use super::session::Session;
use crate::probe::Kind;
use crate::shape::short;
use crate::{Closed, Described, Registered, Verdict};

/// Identity can run commands in containers through kubelets
///
/// ## Why
/// With `nodes/proxy`, an attacker runs commands in every pod of a node, past admission and rules for
/// `pods/exec`. The probe runs its own program in a canary pod, which prints the name of the pod.
///
/// ## Fix
/// Do not permit `nodes/proxy`. Remove the permission from identities that do not need it, and
/// alert on the audit event.
#[check(id = "PV-P163", severity = High, scope = World)]
pub(crate) struct NodeProxyRun {}

/// Registers it. Its pod is in `running_pods.rs`.
pub(crate) const fn registered() -> Registered {
    Registered {
        meta: const { &<NodeProxyRun as Described>::META },
        techniques: &["T1609"],
        owasp: "K02",
        kind: Kind::Running(Running::NodeProxy),
    }
}

/// Returns the path of the request. `pod` is the canary, as it runs.
pub(super) fn path(pod: &Value) -> String {
    let text = |path: &str| pod.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let (node, namespace) = (text("/spec/nodeName"), text("/metadata/namespace"));
    let name = text("/metadata/name");
    // Process 1 is the program, wherever the image has it.
    format!(
        "/api/v1/nodes/{node}/proxy/run/{namespace}/{name}/probe?cmd=/proc/1/exe%20probe%20show%20{NAME}"
    )
}

/// Runs the command.
pub(super) async fn run(
    session: &Session<'_>,
    pod: &Value,
    said: &str,
    audited: &mut Vec<(String, String)>,
) -> Verdict {
    let path = path(pod);
    audited.push(("POST".to_owned(), path.clone()));
    let what = json!({"method": "POST", "path": path});
    if let Err(why) = session.gate.pass_cluster(&session.api.server, "request", &what).await {
        return Verdict::Unknown(format!("not sent: {why}"));
    }
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    match session.api.send("POST", &path, &session.agent, None).await {
        Ok((status, body)) => judge(status, &String::from_utf8_lossy(&body), name, said),
        Err(why) => Verdict::Unknown(why),
    }
}

/// Judges the response. A server that repeats the path of the request, which contains the name, proves nothing:
/// the output must be the name alone.
fn judge(status: u16, body: &str, name: &str, said: &str) -> Verdict {
    let shown = || short(body, 300);
    match status {
        200 if body.trim_end() == name && !name.is_empty() => Verdict::Open {
            message: said.to_owned(),
            proof: format!("the kubelet runs a command in a pod, which prints its name: {name}"),
        },
        401 => Verdict::Closed(Closed::Authorization, "status 401".to_owned()),
        // The API server denies the request, or the kubelet denies it to the API server.
        403 if body.contains("cannot create resource") || body.contains("Forbidden (user=") => {
            Verdict::Closed(Closed::Authorization, format!("status 403: {}", shown()))
        }
        _ => Verdict::Unknown(format!("status {status}: {}", shown())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_output_of_the_command_is_proof() {
        let denied = r#"{"message":"nodes \"n\" is forbidden: User \"u\" cannot create resource \"nodes/proxy\""}"#;
        for (status, body, expect) in [
            (200, "c-server\n", "open"),
            // A server that repeats the request, and one that responds to everything.
            (200, "POST /api/v1/nodes/n/proxy/run/c/c-server/probe", "unknown"),
            (200, "c-server-2\n", "unknown"),
            (200, "", "unknown"),
            (403, denied, "closed"),
            (403, "Forbidden (user=kube-apiserver, verb=create, resource=nodes)", "closed"),
            (403, "a proxy says no", "unknown"),
            (401, "Unauthorized", "closed"),
            (500, "command terminated with exit code 1: c-server", "unknown"),
            (404, "pod does not exist", "unknown"),
        ] {
            assert_eq!(judge(status, body, "c-server", "m").word(), expect, "{status} {body}");
        }
        assert_eq!(judge(200, "", "", "m").word(), "unknown");
    }

    #[test]
    fn the_command_runs_in_the_canary() {
        let pod = json!({"metadata": {"namespace": "a", "name": "b"}, "spec": {"nodeName": "n"}});
        let expect = "/api/v1/nodes/n/proxy/run/a/b/probe?cmd=/proc/1/exe%20probe%20show%20";
        assert_eq!(path(&pod), format!("{expect}{NAME}"));
    }
}
