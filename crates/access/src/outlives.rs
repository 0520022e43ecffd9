//! What continues after a grant has ended: certificates, tokens, pods and bindings that were made
//! under it, and sessions that were opened.
//!
//! Kubernetes records the maker of a CertificateSigningRequest and of nothing else, so only these are
//! proven here. For the rest, the rules of the role say what could be made, and creation times say
//! what was made meanwhile. The audit log says who made it.

use jiff::Timestamp;
use pavisade_judgement::Outlives;
use pavisade_rbac::{Resource, Rules, account_name};
use pavisade_snapshot::Object;
use pavisade_yaml::{Source, objects, read};
use serde_json::Value;

use crate::api::{Api, Failure, PAGE, escaped};
use crate::grants::{Grant, ROLE_BINDINGS, collection, role_path};

/// The number of objects that are named.
const SHOWN: usize = 20;
/// The number of objects of a kind that are looked at.
const MOST: usize = 5_000;

const PODS: [Resource; 9] = [
    Resource::new("", "pods"),
    Resource::new("", "replicationcontrollers"),
    Resource::new("apps", "deployments"),
    Resource::new("apps", "daemonsets"),
    Resource::new("apps", "statefulsets"),
    Resource::new("apps", "replicasets"),
    Resource::new("batch", "jobs"),
    Resource::new("batch", "cronjobs"),
    Resource::new("", "pods/ephemeralcontainers"),
];
const BINDINGS: [Resource; 2] = [
    Resource::new("rbac.authorization.k8s.io", "rolebindings"),
    Resource::new("rbac.authorization.k8s.io", "clusterrolebindings"),
];
const REQUESTS: [Resource; 1] =
    [Resource::new("certificates.k8s.io", "certificatesigningrequests")];
const SESSIONS: [Resource; 3] = [
    Resource::new("", "pods/exec"),
    Resource::new("", "pods/attach"),
    Resource::new("", "pods/portforward"),
];

/// What was read about the time of a grant. `None` if the caller is not allowed to read it.
#[derive(Debug, Default)]
pub struct Facts {
    /// The role.
    pub role: Option<Value>,
    /// CertificateSigningRequests.
    pub requests: Option<Vec<Value>>,
    /// Pods where the grant applied.
    pub pods: Option<Vec<Value>>,
    /// Bindings where the grant applied.
    pub bindings: Option<Vec<Value>>,
    /// Kinds with more objects than are looked at.
    pub cut: Vec<&'static str>,
}

/// Reads what is needed; what may not be read is missing.
///
/// # Errors
/// The API server does not answer.
pub async fn look(api: &Api, grant: &Grant) -> Result<Facts, Failure> {
    let namespace = &grant.shown.namespace;
    let role = role_path(&grant.role.0, namespace, &grant.role.1);
    let pods = match namespace.as_str() {
        "" => "/api/v1/pods".to_owned(),
        namespace => format!("/api/v1/namespaces/{}/pods", escaped(namespace)),
    };
    let requests = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
    let mut cut = Vec::new();
    let mut bindings = items(api, &collection(namespace), "bindings", &mut cut).await?;
    if namespace.is_empty() {
        let inside = items(api, ROLE_BINDINGS, "bindings", &mut cut).await?;
        bindings = bindings.zip(inside).map(|(mut all, inside)| {
            all.extend(inside);
            all
        });
    }
    Ok(Facts {
        role: permitted(api.get(&role).await)?,
        requests: items(api, requests, "certificate requests", &mut cut).await?,
        pods: items(api, &pods, "pods", &mut cut).await?,
        bindings,
        cut,
    })
}

/// All objects of a list, up to [`MOST`]; of pods, only their metadata.
async fn items(
    api: &Api,
    path: &str,
    kind: &'static str,
    cut: &mut Vec<&'static str>,
) -> Result<Option<Vec<Value>>, Failure> {
    let mut all = Vec::new();
    let take = |mut items: Vec<Value>| {
        if kind == "pods" {
            for item in items.iter_mut().filter_map(Value::as_object_mut) {
                item.remove("spec");
                item.remove("status");
            }
        }
        all.append(&mut items);
    };
    let Some(complete) = permitted(api.pages(path, "", MOST / PAGE, take).await)? else {
        return Ok(None);
    };
    if !complete {
        cut.push(kind);
    }
    Ok(Some(all))
}

fn permitted<T>(result: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(failure) if matches!(failure.code(), 403 | 404) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// What continues after the grant, which ended at `end`.
pub fn outlives(grant: &Grant, end: Timestamp, facts: &Facts) -> Vec<Outlives> {
    let mut found = certificates(grant, end, facts);
    let role = facts.role.as_ref().and_then(object);
    let rules = role.as_ref().map(Rules::of);
    // A role that could not be read may allow everything.
    let may = |verbs: &[&'static str], on: &[Resource]| {
        rules.as_ref().is_none_or(|rules| {
            !rules.broken.is_empty() || rules.grant_any(verbs, on.iter().copied()).is_some()
        })
    };
    let during = |item: &Value| {
        let created = item.pointer("/metadata/creationTimestamp").and_then(Value::as_str);
        let created: Option<Timestamp> = created.and_then(|text| text.parse().ok());
        created.is_some_and(|at| grant.shown.created.is_none_or(|from| at >= from) && at <= end)
    };
    let mut made = |kind: &str, items: Option<&Vec<Value>>, remedy: &str| {
        let Some(items) = items else {
            let text = format!("{kind}s that were made during the grant: not allowed to list them");
            return found.push(Outlives { proven: false, text, remedy: remedy.to_owned() });
        };
        let own = &grant.uid;
        let is_own =
            |item: &&Value| item.pointer("/metadata/uid").and_then(Value::as_str) == Some(own);
        let mut all: Vec<_> = items.iter().filter(|item| during(item) && !is_own(item)).collect();
        all.retain(|item| Grant::read("", item).is_none());
        let rest = all.len().saturating_sub(SHOWN);
        for item in all.iter().take(SHOWN) {
            let text = |path: &str| item.pointer(path).and_then(Value::as_str).unwrap_or_default();
            let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
            let slash = if namespace.is_empty() { "" } else { "/" };
            let text = format!("{kind} {namespace}{slash}{name} was made during the grant");
            found.push(Outlives { proven: false, text, remedy: remedy.to_owned() });
        }
        if rest > 0 {
            let text = format!("{rest} more {kind}s were made during the grant");
            found.push(Outlives { proven: false, text, remedy: remedy.to_owned() });
        }
    };
    if may(&["create", "patch", "update"], &PODS) {
        made("pod", facts.pods.as_ref(), "the audit log says who made it; delete it if in doubt");
    }
    if may(&["create", "patch", "update"], &BINDINGS) {
        made(
            "binding",
            facts.bindings.as_ref(),
            "the audit log says who made it; delete it if in doubt",
        );
    }
    let mut possible = |text: &str, remedy: &str| {
        found.push(Outlives { proven: false, text: text.to_owned(), remedy: remedy.to_owned() });
    };
    if may(&["update", "patch"], &BINDINGS) {
        possible(
            "the role allowed changing bindings, so subjects may have been added to those that \
             existed",
            "the audit log says which bindings were changed",
        );
    }
    if facts.requests.is_none() {
        possible(
            "client certificates: not allowed to list the requests for them",
            "the audit log says whether there were any",
        );
    }
    if may(&["create"], &REQUESTS) {
        possible(
            "the role allowed requesting client certificates; Kubernetes deletes requests an hour \
             after they were issued",
            "the audit log says whether there were any",
        );
    }
    for kind in &facts.cut {
        possible(
            &format!("there are more than {MOST} {kind}, and only the first ones were checked"),
            "the audit log says what was made",
        );
    }
    if may(&["create"], &[Resource::new("", "serviceaccounts/token")]) {
        possible(
            "the role allowed making tokens of ServiceAccounts, which stay valid until they expire",
            "delete and recreate the ServiceAccount to revoke its tokens",
        );
    }
    if may(&["get", "list", "watch"], &[Resource::new("", "secrets")]) {
        possible(
            "the role allowed reading Secrets, so their values may be known",
            "rotate what was read; the audit log says what",
        );
    }
    if may(&["create", "get"], &SESSIONS) {
        possible(
            "the role allowed sessions in pods (exec, attach, port-forward), which continue until \
             they are closed, and tokens in these pods may be known",
            "restart the pods",
        );
    }
    found
}

fn certificates(grant: &Grant, end: Timestamp, facts: &Facts) -> Vec<Outlives> {
    let remedy = "a client certificate cannot be revoked: remove the permissions of the name in it";
    let text = |item: &Value, path: &str| {
        item.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let named = |request: &&Value| {
        let groups = request.pointer("/spec/groups").and_then(Value::as_array);
        grant.subjects.iter().any(|subject| match &*text(subject, "/kind") {
            "Group" => groups.is_some_and(|all| all.contains(&subject["name"])),
            "ServiceAccount" => {
                let (namespace, name) = (text(subject, "/namespace"), text(subject, "/name"));
                text(request, "/spec/username") == account_name(&namespace, &name)
            }
            _ => text(request, "/spec/username") == text(subject, "/name"),
        })
    };
    let requests = facts.requests.iter().flatten().filter(named);
    let signed = requests.filter_map(|request| {
        let created: Timestamp = text(request, "/metadata/creationTimestamp").parse().ok()?;
        let during = grant.shown.created.is_none_or(|from| created >= from) && created <= end;
        let issued = !text(request, "/status/certificate").is_empty();
        (during && issued).then(|| {
            let seconds = request.pointer("/spec/expirationSeconds").and_then(Value::as_i64);
            let length = seconds.map_or("up to a year".to_owned(), |s| format!("{s} seconds"));
            Outlives {
                proven: true,
                text: format!(
                    "certificate of the request `{}` by {}, valid for {length}",
                    text(request, "/metadata/name"),
                    text(request, "/spec/username"),
                ),
                remedy: remedy.to_owned(),
            }
        })
    });
    signed.collect()
}

/// A role as the engine reads it.
fn object(role: &Value) -> Option<Object> {
    let documents = read(&Source::new("role.json", role.to_string()));
    let sent = documents.docs.iter().flat_map(|doc| objects(doc.root()).sent);
    sent.map(|one| Object::new(one.value, one.api_version, one.kind)).next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn grant() -> Grant {
        Grant::read(
            "RoleBinding",
            &json!({
                "metadata": {
                    "name": "pavisade-grant-a1", "namespace": "shop", "uid": "own",
                    "resourceVersion": "1", "creationTimestamp": "2030-01-01T10:00:00Z",
                    "labels": {"pavisade.dev/grant": "a1"},
                    "annotations": {"pavisade.dev/expires-at": "2030-01-01T11:00:00Z"},
                },
                "roleRef": {"kind": "ClusterRole", "name": "r"},
                "subjects": [{"kind": "User", "name": "ann"}],
            }),
        )
        .unwrap()
    }

    fn role(rules: Value) -> Option<Value> {
        Some(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": "r"}, "rules": rules,
        }))
    }

    fn item(name: &str, at: &str) -> Value {
        json!({"metadata": {
            "name": name, "namespace": "shop", "uid": name,
            "creationTimestamp": format!("2030-01-01T{at}:00Z"),
        }})
    }

    fn found(facts: &Facts) -> Vec<String> {
        let end = "2030-01-01T11:00:00Z".parse().unwrap();
        outlives(&grant(), end, facts).into_iter().map(|one| one.text).collect()
    }

    #[test]
    fn only_what_the_role_could_make_in_its_time() {
        let pods = vec![item("old", "09:59"), item("new", "10:30"), item("later", "11:01")];
        let rules =
            json!([{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["create"]}]);
        let none = || Some(Vec::new());
        let facts =
            Facts { role: role(rules), pods: Some(pods), requests: none(), ..Facts::default() };
        assert_eq!(found(&facts), ["pod shop/new was made during the grant"]);
        // A role that only reads leaves nothing, whatever others made meanwhile.
        let rules = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]);
        assert!(found(&Facts { role: role(rules), ..facts }).is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_not_taken_for_nothing() {
        let told = found(&Facts::default());
        assert!(told.iter().any(|text| text.contains("not allowed to list")), "{told:?}");
        assert!(told.iter().any(|text| text.contains("tokens of ServiceAccounts")), "{told:?}");
    }

    #[test]
    fn what_leaves_no_trace_is_possible() {
        let told = |group: &str, resource: &str, verb: &str| {
            let rules = json!([{"apiGroups": [group], "resources": [resource], "verbs": [verb]}]);
            let none = || Some(Vec::new());
            let (pods, bindings, requests) = (none(), none(), none());
            found(&Facts { role: role(rules), pods, requests, bindings, cut: Vec::new() })
                .join("; ")
        };
        let rbac = "rbac.authorization.k8s.io";
        assert!(told(rbac, "rolebindings", "patch").contains("subjects may have been added"));
        assert_eq!(told(rbac, "rolebindings", "create"), "");
        let requests = "certificatesigningrequests";
        assert!(told("certificates.k8s.io", requests, "create").contains("an hour"));
        assert_eq!(told("certificates.k8s.io", requests, "list"), "");
        // A role that only reads, with requests that may not be listed, or a list that was cut.
        let facts = Facts { role: role(json!([])), cut: vec!["pods"], ..Facts::default() };
        let told = found(&facts);
        assert!(told[0].contains("not allowed to list"), "{told:?}");
        assert!(told[1].contains("more than 5000 pods"), "{told:?}");
    }

    #[test]
    fn certificates_are_those_of_the_subject_that_were_issued() {
        let request = |name: &str, user: &str, at: &str, certificate: &str| {
            let mut one = item(name, at);
            one["spec"] = json!({"username": user, "expirationSeconds": 600});
            one["status"] = json!({"certificate": certificate});
            one
        };
        let requests = vec![
            request("hers", "ann", "10:10", "x"),
            request("pending", "ann", "10:10", ""),
            request("before", "ann", "09:10", "x"),
            request("of another", "bob", "10:10", "x"),
        ];
        let facts = Facts { role: role(json!([])), requests: Some(requests), ..Facts::default() };
        let told = found(&facts);
        assert_eq!(told, ["certificate of the request `hers` by ann, valid for 600 seconds"]);
    }
}
