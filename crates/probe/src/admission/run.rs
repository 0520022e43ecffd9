//! Sends the pods of admission probes as dry runs. Nothing is stored.

use pavisade_model::Subject;
use pavisade_sources::Api;
use serde_json::{Value, json};

use crate::probe::Kind;
use crate::shape::short;
use crate::{Closed, Gate, Outcome, Registered, Verdict, agent};

/// A pod that every policy should admit, apart from its image.
pub fn restricted(namespace: &str, image: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "pavisade-probe",
            "namespace": namespace,
            "labels": {"app.kubernetes.io/managed-by": "pavisade-probe"},
        },
        "spec": {
            "automountServiceAccountToken": false,
            "securityContext": {
                "runAsNonRoot": true,
                "runAsUser": 65534,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [{
                "name": "probe",
                "image": image,
                "resources": {
                    "requests": {"cpu": "1m", "memory": "1Mi"},
                    "limits": {"cpu": "10m", "memory": "16Mi"},
                },
                "securityContext": {
                    "allowPrivilegeEscalation": false,
                    "readOnlyRootFilesystem": true,
                    "capabilities": {"drop": ["ALL"]},
                },
            }],
        },
    })
}

/// Tries the pods of all admission probes in a namespace. Each request is a dry run on the server.
pub async fn dry_runs(
    gate: &Gate,
    api: &Api,
    namespace: &str,
    image: &str,
    probes: &[&'static Registered],
) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let ours: Vec<_> =
        probes.iter().filter(|probe| matches!(probe.kind, Kind::Admission { .. })).collect();
    if ours.is_empty() {
        return outcomes;
    }
    let path = format!("/api/v1/namespaces/{namespace}/pods?dryRun=All");
    let base = send(gate, api, &gate.agent(), (&path, &restricted(namespace, image))).await;
    for probe in ours {
        let Kind::Admission { does, change } = &probe.kind else { continue };
        let verdict = match &base {
            Sent::Admitted => {
                let mut pod = restricted(namespace, image);
                change(&mut pod);
                judge(send(gate, api, &agent(gate, probe), (&path, &pod)).await, does, namespace)
            }
            Sent::Rejected(why) => Verdict::Unknown(format!(
                "a restricted pod is rejected too, so a rejection proves nothing: {why}"
            )),
            Sent::Unknown(why) => Verdict::Unknown(why.clone()),
        };
        let subject = Subject::Object {
            group: "".into(),
            kind: "Namespace".into(),
            namespace: "".into(),
            name: namespace.into(),
            container: None,
        };
        let audited = vec![("POST".to_owned(), path.clone())];
        outcomes.push(Outcome { probe, subject, verdict, exchanges: Vec::new(), audited });
    }
    outcomes
}

enum Sent {
    Admitted,
    Rejected(String),
    Unknown(String),
}

async fn send(gate: &Gate, api: &Api, agent: &str, (path, pod): (&str, &Value)) -> Sent {
    let what = json!({"method": "POST", "path": path, "body": pod});
    if let Err(withheld) = gate.pass_cluster(&api.server, "dry-run", &what).await {
        return Sent::Unknown(format!("not sent: {withheld}"));
    }
    let body = Some(("application/json", pod.to_string().into_bytes()));
    match api.send("POST", path, agent, body).await {
        Ok((status, body)) => read(status, &body),
        Err(why) => Sent::Unknown(why),
    }
}

/// Reads the response to a dry run. A lack of permission is not a rejection by admission.
fn read(status: u16, body: &[u8]) -> Sent {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let message = body.get("message").and_then(Value::as_str).unwrap_or_default();
    let message = short(message, 300);
    let no_permission = message.contains("cannot create resource");
    match status {
        200 | 201 if body.get("kind").and_then(Value::as_str) == Some("Pod") => Sent::Admitted,
        403 if no_permission => {
            Sent::Unknown(format!("the identity may not create pods: {message}"))
        }
        400 | 403 | 422 => Sent::Rejected(message),
        _ => Sent::Unknown(format!("status {status}: {message}")),
    }
}

fn judge(sent: Sent, does: &str, namespace: &str) -> Verdict {
    match sent {
        Sent::Admitted => Verdict::Open {
            message: format!("a pod that {does} is admitted in the namespace {namespace}"),
            proof: "dry run: 201".to_owned(),
        },
        Sent::Rejected(why) => Verdict::Closed(Closed::Admission, why),
        Sent::Unknown(why) => Verdict::Unknown(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(status: u16, body: &str) -> &'static str {
        judge(read(status, body.as_bytes()), "is privileged", "shop").word()
    }

    #[test]
    fn only_a_rejection_by_admission_is_closed() {
        let said = |message: &str| json!({"kind": "Status", "message": message}).to_string();
        for (status, body, expect) in [
            (201, r#"{"kind":"Pod"}"#.to_owned(), "open"),
            (201, "{}".to_owned(), "unknown"),
            (403, said("pods \"x\" is forbidden: violates PodSecurity"), "closed"),
            (422, said("ValidatingAdmissionPolicy 'p' denied request"), "closed"),
            (400, said("admission webhook \"w\" denied the request: no"), "closed"),
            // A near miss: the identity lacks a permission.
            (403, said("pods is forbidden: User \"u\" cannot create resource \"pods\""), "unknown"),
            (401, said("Unauthorized"), "unknown"),
            (404, said("namespaces \"shop\" not found"), "unknown"),
            (500, said("failed calling webhook"), "unknown"),
            (200, "<html>".to_owned(), "unknown"),
        ] {
            assert_eq!(word(status, &body), expect, "{status} {body}");
        }
    }

    #[test]
    fn each_probe_changes_the_pod() {
        for probe in crate::REGISTRY {
            let Kind::Admission { change, .. } = &probe.kind else { continue };
            let before = restricted("shop", "registry.k8s.io/pause:3.10");
            let mut after = before.clone();
            change(&mut after);
            assert_ne!(before, after, "{}", probe.id());
        }
    }

    #[test]
    fn a_port_of_a_registry_is_not_a_tag() {
        for (id, expect) in [("PV-P121", "registry:5000/a:latest"), ("PV-P123", "registry:5000/a@")]
        {
            let probe = crate::REGISTRY.iter().find(|probe| probe.id() == id).unwrap();
            let Kind::Admission { change, .. } = &probe.kind else { panic!("{id}") };
            for image in ["registry:5000/a", "registry:5000/a:1", "registry:5000/a:1@sha256:0"] {
                let mut pod = restricted("shop", image);
                change(&mut pod);
                let changed = pod["spec"]["containers"][0]["image"].as_str().unwrap();
                assert!(changed.starts_with(expect), "{image}: {changed}");
            }
        }
    }
}
