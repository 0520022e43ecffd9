//! PV-P162.

use pavisade_macros::check;
use serde_json::Value;

use super::running::Running;
use super::session::Session;
use crate::probe::Kind;
use crate::shape::short;
use crate::{Described, Registered, Verdict};

/// Identity can read files of nodes by a host path
///
/// ## Why
/// A pod with a host path reads credentials of the node and the logs of all its pods. The pod of the
/// probe reads, and cannot write, the directory of the logs of a canary pod, and nothing else.
///
/// ## Fix
/// Enforce the Pod Security level `baseline` in every namespace, also in new ones. Remove the
/// permission to create pods from identities that do not need it, and alert on the audit event.
#[check(id = "PV-P162", severity = High, scope = World)]
pub(crate) struct HostPathRead {}

/// Registers it. Its pods are in `running_pods.rs`.
pub(crate) const fn registered() -> Registered {
    Registered {
        meta: const { &<HostPathRead as Described>::META },
        techniques: &["T1611"],
        owasp: "K01",
        kind: Kind::Running(Running::HostPath),
    }
}

/// Reads the log of the pod with the host path. It belongs to the proof, but what an audit log must
/// show is that the pod was created.
pub(super) async fn read(session: &Session<'_>, path: &str, first: &Value, said: &str) -> Verdict {
    let name = first["metadata"]["name"].as_str().unwrap_or_default();
    match session.gate.get(session.api, path, &session.agent).await {
        Ok((status, body)) => judge(status, &String::from_utf8_lossy(&body), name, said),
        Err(why) => Verdict::Unknown(why),
    }
}

/// Judges the log. It must have a line as it is on the disk of the node: errors of the kubelet are
/// logs too, and name the pod.
fn judge(status: u16, body: &str, name: &str, said: &str) -> Verdict {
    let line = format!(" stdout F {name}");
    let found = body.lines().find(|text| text.ends_with(&line) && !name.is_empty());
    match (status, found) {
        (200, Some(found)) => Verdict::Open {
            message: said.to_owned(),
            proof: format!("a pod shows a file of the node: {found}"),
        },
        _ => {
            let shown = short(body, 300);
            Verdict::Unknown(format!("the log does not show the file: status {status}: {shown}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_line_of_the_file_is_proof() {
        for (status, body, expect) in [
            (200, "2026-01-01T00:00:00.5Z stdout F c-server\n", "open"),
            (200, "x\n2026-01-01T00:00:00.5Z stdout F c-server\ny\n", "open"),
            // The log of the wrong pod, that of another run, and errors of the kubelet.
            (200, "c-server\n", "unknown"),
            (200, "2026-01-01T00:00:00.5Z stdout F d-server\n", "unknown"),
            (200, "failed to open /var/log/pods/c_c-server_1/probe/0.log", "unknown"),
            (200, "", "unknown"),
            (403, "cannot get resource \"pods/log\"", "unknown"),
            (500, "1 stdout F c-server", "unknown"),
        ] {
            assert_eq!(judge(status, body, "c-server", "m").word(), expect, "{body}");
        }
        assert_eq!(judge(200, "1 stdout F ", "", "m").word(), "unknown");
    }
}
