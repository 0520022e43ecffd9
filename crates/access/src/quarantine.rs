//! Quarantine: a pod without connections, until an end.
//!
//! A NetworkPolicy that allows nothing selects one pod by a label with the pod's UID. The policy is
//! created before the label is set, and removed after it, so the label alone starts and ends the
//! quarantine. Policies add up: what another policy allows stays open, which is reported.
//!
//! Out of scope: whether the network plugin enforces policies, and connections that already exist.

use jiff::{SignedDuration, Timestamp};
use pavisade_netpol::{Direction, Policy};
use pavisade_snapshot::{Label, Object, Selects};
use pavisade_yaml::{Source, read};
use serde_json::{Value, json};

use crate::api::{Api, Failure, escaped};
use crate::make::{end_after, valid_time};

/// The label of the pod and its policy, with the UID of the pod.
pub const LABEL: &str = "pavisade.dev/quarantine";
const POD: &str = "pavisade.dev/quarantined-pod";
const EXPIRES_AT: &str = "pavisade.dev/expires-at";
const REASON: &str = "pavisade.dev/reason";
const PREFIX: &str = "pavisade-quarantine-";
const API_VERSION: &str = "networking.k8s.io/v1";
/// The maximum number of pages of a list.
const PAGES: usize = 200;

/// A quarantined pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantine {
    /// The namespace.
    pub namespace: String,
    /// The name of the pod.
    pub pod: String,
    /// The name of the NetworkPolicy.
    pub policy: String,
    /// When it ends. `None` if that cannot be read.
    pub end: Option<Timestamp>,
    uid: String,
    /// The UID of the policy.
    own: String,
}

/// Another policy that selects the pod, and may allow connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowing {
    /// Its name.
    pub policy: String,
    /// `ingress`, `egress`, or both.
    pub directions: Vec<&'static str>,
}

/// Cuts a pod off. Returns also which other policies may allow connections.
///
/// # Errors
/// It is not possible, or the API server refuses it.
pub async fn quarantine(
    api: &Api,
    (namespace, pod): (&str, &str),
    time: SignedDuration,
    reason: &str,
) -> Result<(Quarantine, Vec<Allowing>), Failure> {
    valid_time("a quarantine", time)?;
    let path = pod_path(namespace, pod);
    let found = match api.get(&path).await {
        Err(failure) if failure.code() == 404 => {
            return wrong(format!(
                "pod `{pod}` was not found in the namespace `{namespace}`: check the name, and set \
                 the namespace with --namespace"
            ));
        }
        other => other?,
    };
    let text = |path: &str| found.pointer(path).and_then(Value::as_str).unwrap_or_default();
    if found.pointer("/spec/hostNetwork").and_then(Value::as_bool) == Some(true) {
        return wrong(format!(
            "the pod `{pod}` uses the network of its node, to which NetworkPolicies do not apply: \
             delete the pod, or isolate the node"
        ));
    }
    if matches!(text("/status/phase"), "Succeeded" | "Failed") {
        return wrong(format!("the pod `{pod}` has ended: it has no connections"));
    }
    if found.pointer("/metadata/labels").is_some_and(|labels| labels.get(LABEL).is_some()) {
        return wrong(format!(
            "the pod `{pod}` is quarantined already: release it first with `pavisade runtime \
             release {pod} -n {namespace}`"
        ));
    }
    let uid = text("/metadata/uid").to_owned();
    let end = end_after(api, time)?;
    let policy = json!({
        "apiVersion": API_VERSION,
        "kind": "NetworkPolicy",
        "metadata": {
            "name": format!("{PREFIX}{uid}"),
            "namespace": namespace,
            "labels": {LABEL: uid},
            "annotations": {POD: pod, EXPIRES_AT: end.to_string(), REASON: reason},
        },
        "spec": spec(&uid),
    });
    let made = match api.post(&policies(Some(namespace)), &policy).await {
        Err(failure) if failure.code() == 409 => {
            return wrong(format!(
                "the NetworkPolicy `{PREFIX}{uid}` exists already: `pavisade runtime release {pod} \
                 -n {namespace}` removes it if Pavisade made it"
            ));
        }
        made => made?,
    };
    let Some(made) = Quarantine::read(&made) else {
        return wrong(format!(
            "the API server changed the NetworkPolicy `{PREFIX}{uid}`, so the pod was not \
             quarantined: delete the policy"
        ));
    };
    // The UID in the patch makes sure that it is still the same pod.
    let label = json!({"metadata": {"uid": uid, "labels": {LABEL: uid}}});
    if let Err(failure) = api.patch(&path, &label).await {
        // The answer may be lost although the pod has the label. Without it, the policy selects
        // nothing.
        match api.get(&path).await {
            Ok(now) if has_label(&now, &uid) => return compared(api, made, &found).await,
            Ok(_) => {}
            Err(error) if error.code() == 404 => {}
            Err(error) => {
                return wrong(format!(
                    "{failure}; whether the pod is quarantined is not known ({error}), so the \
                     NetworkPolicy `{}` is left: run the command again, or `pavisade runtime \
                     release {pod} -n {namespace}`",
                    made.policy
                ));
            }
        }
        let removed = delete(api, &made).await;
        return match removed {
            Ok(()) => Err(failure),
            Err(other) => wrong(format!(
                "{failure}; the NetworkPolicy `{}` is left, but selects nothing: {other}",
                made.policy
            )),
        };
    }
    compared(api, made, &found).await
}

/// Returns a quarantine with other policies that select its pod.
async fn compared(
    api: &Api,
    made: Quarantine,
    pod: &Value,
) -> Result<(Quarantine, Vec<Allowing>), Failure> {
    let mut all = Vec::new();
    let path = policies(Some(&made.namespace));
    match api.pages(&path, "", PAGES, |page| all.extend(page)).await {
        Ok(true) => {}
        Ok(false) => {
            return wrong(
                "the pod is quarantined, but there are too many policies to compare".into(),
            );
        }
        Err(failure) => {
            return wrong(format!(
                "the pod is quarantined, but whether other policies allow connections is not \
                 known: {failure}"
            ));
        }
    }
    let labels = pod.pointer("/metadata/labels").and_then(Value::as_object);
    let mut labels = labels.cloned().unwrap_or_default();
    labels.insert(LABEL.to_owned(), json!(made.uid));
    all.retain(|other| other.pointer("/metadata/uid").and_then(Value::as_str) != Some(&made.own));
    Ok((made, allowing(&all, &labels.into())))
}

/// Whether it is the pod with that UID, and has its label.
fn has_label(pod: &Value, uid: &str) -> bool {
    let label = pod.pointer("/metadata/labels").and_then(|all| all.get(LABEL)?.as_str());
    pod.pointer("/metadata/uid").and_then(Value::as_str) == Some(uid) && label == Some(uid)
}

/// Ends the quarantine of a pod, which may be gone. Returns what was ended.
///
/// # Errors
/// The pod has no quarantine that Pavisade made, or the API server refuses it.
pub async fn release(api: &Api, namespace: &str, pod: &str) -> Result<Vec<Quarantine>, Failure> {
    let (mut own, foreign) = labelled(api, Some(namespace)).await?;
    own.retain(|one| one.pod == pod);
    if own.is_empty() {
        let other = foreign.first().map_or_else(String::new, |name| {
            format!(
                "; the NetworkPolicy `{name}` has the label of a quarantine, but Pavisade did not \
                 make it, or it was changed: delete it yourself"
            )
        });
        return wrong(format!(
            "the pod `{pod}` in the namespace `{namespace}` has no quarantine that Pavisade \
             made{other}"
        ));
    }
    for one in &own {
        end(api, one).await?;
    }
    Ok(own)
}

/// Ends all quarantines whose end has passed, in one or all namespaces. Returns what was ended, and
/// other policies with the label, each with the reason why it is left.
///
/// # Errors
/// The API server refuses it.
pub async fn release_expired(
    api: &Api,
    namespace: Option<&str>,
) -> Result<(Vec<Quarantine>, Vec<String>), Failure> {
    let (mut own, mut foreign) = labelled(api, namespace).await?;
    let now = api.now()?;
    let endless = own.iter().filter(|one| one.end.is_none());
    foreign.extend(endless.map(|one| format!("{}/{}", one.namespace, one.policy)));
    own.retain(|one| one.end.is_some_and(|end| end <= now));
    const WHY: &str = "Pavisade did not make it, it was changed, or its end cannot be read";
    let mut left: Vec<String> = foreign.iter().map(|name| format!("{name}: {WHY}")).collect();
    let mut ended = Vec::new();
    for one in own {
        match end(api, &one).await {
            Ok(()) => ended.push(one),
            // One that cannot be ended must not keep the others.
            Err(failure) => left.push(format!("{}/{}: {failure}", one.namespace, one.policy)),
        }
    }
    Ok((ended, left))
}

/// Returns the quarantines that Pavisade made, and the names of other policies with the label.
async fn labelled(
    api: &Api,
    namespace: Option<&str>,
) -> Result<(Vec<Quarantine>, Vec<String>), Failure> {
    let (mut own, mut foreign) = (Vec::new(), Vec::new());
    let query = format!("labelSelector={}", escaped(LABEL));
    let take = |page: Vec<Value>| {
        for policy in page {
            match Quarantine::read(&policy) {
                Some(one) => own.push(one),
                None => {
                    let of = |path: &str| policy.pointer(path).and_then(Value::as_str);
                    let (space, name) = (of("/metadata/namespace"), of("/metadata/name"));
                    foreign.push([space, name].map(Option::unwrap_or_default).join("/"));
                }
            }
        }
    };
    match api.pages(&policies(namespace), &query, PAGES, take).await? {
        true => Ok((own, foreign)),
        false => wrong("there are too many quarantines".into()),
    }
}

async fn end(api: &Api, one: &Quarantine) -> Result<(), Failure> {
    let path = pod_path(&one.namespace, &one.pod);
    match api.get(&path).await {
        Ok(pod) => {
            // Another pod may have the name now.
            if has_label(&pod, &one.uid) {
                let patch = json!({"metadata": {"uid": one.uid, "labels": {LABEL: null}}});
                api.patch(&path, &patch).await?;
            }
        }
        Err(failure) if failure.code() == 404 => {}
        Err(failure) => return Err(failure),
    }
    delete(api, one).await
}

async fn delete(api: &Api, one: &Quarantine) -> Result<(), Failure> {
    let path = format!("{}/{}", policies(Some(&one.namespace)), escaped(&one.policy));
    let options = json!({
        "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": one.own},
    });
    match api.delete(&path, &options).await {
        Err(failure) if failure.code() == 404 => Ok(()),
        other => other.map(drop),
    }
}

impl Quarantine {
    /// Reads a policy. `None` if Pavisade did not make it, or it was changed.
    fn read(policy: &Value) -> Option<Self> {
        let of = |path: &str| policy.pointer(path).and_then(Value::as_str).map(str::to_owned);
        let note = |name: &str| {
            let notes = policy.pointer("/metadata/annotations")?;
            notes.get(name)?.as_str().map(str::to_owned)
        };
        let uid = policy.pointer("/metadata/labels")?.get(LABEL)?.as_str()?.to_owned();
        let name = of("/metadata/name")?;
        if name != format!("{PREFIX}{uid}") || *policy.get("spec")? != spec(&uid) {
            return None;
        }
        Some(Self {
            namespace: of("/metadata/namespace")?,
            pod: note(POD)?,
            policy: name,
            end: note(EXPIRES_AT).and_then(|end| end.parse().ok()),
            own: of("/metadata/uid")?,
            uid,
        })
    }
}

fn spec(uid: &str) -> Value {
    json!({
        "podSelector": {"matchLabels": {LABEL: uid}},
        "policyTypes": ["Ingress", "Egress"],
    })
}

/// Returns the policies that select a pod with these labels and allow something. A selector that
/// cannot be read may select it.
fn allowing(policies: &[Value], labels: &Value) -> Vec<Allowing> {
    let label = |key: &str| match labels.get(key).and_then(Value::as_str) {
        Some(value) => Label::Is(value),
        None => Label::Absent,
    };
    let one = |policy: &Value| {
        let name = policy.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        let is_read = policy.get("spec").is_some_and(Value::is_object);
        let documents = read(&Source::new(name, policy.to_string())).docs;
        let document = documents.into_iter().next().filter(|_| is_read);
        let object = document.map(|doc| Object::new(doc.root(), API_VERSION, "NetworkPolicy"));
        let policy = object.map(|object| Policy::network(&object, ""));
        // One that cannot be read may allow everything.
        let allows = |way: &Direction| {
            policy.as_ref().is_none_or(|of| of.of(*way).is_some_and(|rules| !rules.is_empty()))
        };
        let directions: Vec<_> =
            Direction::BOTH.into_iter().filter(allows).map(Direction::field).collect();
        let selects = policy.as_ref().is_none_or(|of| of.subject.selects(label) != Selects::No);
        (selects && !directions.is_empty())
            .then(|| Allowing { policy: name.to_owned(), directions })
    };
    policies.iter().filter_map(one).collect()
}

fn policies(namespace: Option<&str>) -> String {
    const GROUP: &str = "/apis/networking.k8s.io/v1";
    match namespace {
        Some(namespace) => format!("{GROUP}/namespaces/{}/networkpolicies", escaped(namespace)),
        None => format!("{GROUP}/networkpolicies"),
    }
}

fn pod_path(namespace: &str, pod: &str) -> String {
    format!("/api/v1/namespaces/{}/pods/{}", escaped(namespace), escaped(pod))
}

fn wrong<T>(why: String) -> Result<T, Failure> {
    Err(Failure::Other(why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> Value {
        json!({
            "metadata": {
                "name": "pavisade-quarantine-u1", "namespace": "shop", "uid": "p1",
                "labels": {LABEL: "u1"},
                "annotations": {POD: "web-1", EXPIRES_AT: "2026-06-01T00:00:00Z", REASON: "x"},
            },
            "spec": spec("u1"),
        })
    }

    #[test]
    fn a_policy_that_was_changed_or_copied_is_not_ours() {
        let read = Quarantine::read(&policy()).unwrap();
        assert_eq!((&*read.pod, read.end.is_some()), ("web-1", true));
        for (path, value) in [
            ("/metadata/name", json!("other")),
            ("/metadata/labels", json!({LABEL: "u2"})),
            ("/metadata/annotations", json!({})),
            ("/spec/podSelector", json!({})),
            ("/spec/policyTypes", json!(["Ingress"])),
        ] {
            let mut other = policy();
            *other.pointer_mut(path).unwrap() = value;
            assert_eq!(Quarantine::read(&other), None, "{path}");
        }
        let mut open = policy();
        open["spec"]["egress"] = json!([{}]);
        assert_eq!(Quarantine::read(&open), None);
        // If the end cannot be read, the quarantine is still returned, so it can be released.
        let mut endless = policy();
        endless["metadata"]["annotations"][EXPIRES_AT] = json!("soon");
        assert_eq!(Quarantine::read(&endless).unwrap().end, None);
    }

    #[test]
    fn what_other_policies_allow_is_found() {
        let policy = |name: &str, spec: Value| json!({"metadata": {"name": name}, "spec": spec});
        let all = [
            policy("deny", json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})),
            policy("dns", json!({"podSelector": {}, "egress": [{"ports": [{"port": 53}]}]})),
            policy(
                "web",
                json!({
                    "podSelector": {"matchLabels": {"app": "web"}}, "ingress": [{}], "egress": [{}],
                }),
            ),
            policy(
                "other",
                json!({"podSelector": {"matchLabels": {"app": "db"}}, "ingress": [{}]}),
            ),
            // Rules of a direction that the policy is not about have no effect.
            policy(
                "typed",
                json!({
                    "podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}], "egress": [{}],
                }),
            ),
            policy("idle", json!({"podSelector": {}, "policyTypes": ["Ingress"], "egress": [{}]})),
            policy(
                "odd",
                json!({
                    "podSelector": {"matchExpressions": [{"key": "app", "operator": "Like"}]},
                    "ingress": [{}],
                }),
            ),
        ];
        let found = allowing(&all, &json!({"app": "web", LABEL: "u1"}));
        let found: Vec<_> = found.iter().map(|one| (&*one.policy, &*one.directions)).collect();
        assert_eq!(
            found,
            [
                ("dns", &["egress"][..]),
                ("web", &["ingress", "egress"]),
                ("typed", &["ingress"]),
                ("odd", &["ingress"]),
            ]
        );
        // Policies that cannot be read.
        for broken in [json!(42), json!(null), json!([]), json!({}), policy("x", json!("y"))] {
            let found = allowing(std::slice::from_ref(&broken), &json!({"app": "web"}));
            assert!(matches!(&found[..], [one] if one.directions.len() == 2), "{broken}");
        }
    }
}
