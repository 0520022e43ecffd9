//! What the API server knows of the pods of this node: labels, owners and ServiceAccounts.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::Value;

/// The most pods that are remembered; a node has 110 by default.
const MOST: usize = 4096;

/// A pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodInfo {
    /// The labels, ordered by name.
    pub labels: Vec<(String, String)>,
    /// Kind and name of the controller that created it.
    pub owner: Option<(String, String)>,
    /// The ServiceAccount.
    pub service_account: String,
}

/// The pods by UID. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Pods(Arc<RwLock<HashMap<String, Arc<PodInfo>>>>);

impl Pods {
    /// Returns a pod, if it is known.
    pub fn get(&self, uid: &str) -> Option<Arc<PodInfo>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(uid).cloned()
    }

    /// Replaces all pods by those of a list. Objects that are not pods are left out.
    pub fn replace(&self, list: &[Value]) {
        let all = list.iter().take(MOST).filter_map(PodInfo::read).collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = all;
    }

    /// Adds or changes a pod. One that was deleted stays until the next list: its last events may
    /// come later.
    pub fn put(&self, pod: &Value) {
        let Some((uid, info)) = PodInfo::read(pod) else { return };
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() < MOST || all.contains_key(&uid) {
            all.insert(uid, info);
        }
    }
}

impl PodInfo {
    fn read(pod: &Value) -> Option<(String, Arc<Self>)> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let metadata = pod.get("metadata")?;
        let uid = text(metadata.get("uid")?)?;
        let labels = metadata.get("labels").and_then(Value::as_object).into_iter().flatten();
        let mut labels: Vec<_> =
            labels.filter_map(|(name, value)| Some((name.clone(), text(value)?))).collect();
        labels.sort_unstable();
        let owners = metadata.get("ownerReferences").and_then(Value::as_array);
        let mut owners = owners.into_iter().flatten();
        let owner = owners.find(|owner| owner["controller"] == true);
        let owner = owner.and_then(|owner| Some((text(&owner["kind"])?, text(&owner["name"])?)));
        let service_account = text(&pod["spec"]["serviceAccountName"]).unwrap_or_default();
        Some((uid, Arc::new(Self { labels, owner, service_account })))
    }

    /// Returns the value of a label.
    pub fn label(&self, name: &str) -> Option<&str> {
        let found = self.labels.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Returns all labels as rules see them: `app:web, tier:front`.
    pub fn all_labels(&self) -> String {
        let all = self.labels.iter().map(|(name, value)| format!("{name}:{value}"));
        all.collect::<Vec<_>>().join(", ")
    }

    /// Returns the ReplicaSet that owns it.
    pub fn replica_set(&self) -> Option<&str> {
        self.owner.as_ref().filter(|(kind, _)| kind == "ReplicaSet").map(|(_, name)| name.as_str())
    }

    /// Returns the Deployment that owns its ReplicaSet: the controller names that after the
    /// Deployment and the hash in this label.
    pub fn deployment(&self) -> Option<&str> {
        let hash = self.label("pod-template-hash")?;
        self.replica_set()?.strip_suffix(hash)?.strip_suffix('-')
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn labels_and_owners_are_read() {
        let pods = Pods::default();
        pods.replace(&[
            json!({
                "metadata": {
                    "uid": "u1",
                    "labels": {"pod-template-hash": "5d4f", "app": "web"},
                    "ownerReferences": [
                        {"kind": "Other", "name": "x"},
                        {"kind": "ReplicaSet", "name": "web-front-5d4f", "controller": true},
                    ],
                },
                "spec": {"serviceAccountName": "front"},
            }),
            json!({"metadata": {}}),
            json!(1),
        ]);
        let pod = pods.get("u1").unwrap();
        assert_eq!(pod.all_labels(), "app:web, pod-template-hash:5d4f");
        assert_eq!(pod.deployment(), Some("web-front"));
        assert_eq!((pod.label("app"), &*pod.service_account), (Some("web"), "front"));
        // A ReplicaSet that no Deployment made, and one whose name only looks like it.
        for (kind, name, hash) in [
            ("ReplicaSet", "web", "5d4f"),
            ("ReplicaSet", "5d4f", "5d4f"),
            ("Job", "a-5d4f", "5d4f"),
        ] {
            pods.put(&json!({"metadata": {
                "uid": "u2", "labels": {"pod-template-hash": hash},
                "ownerReferences": [{"kind": kind, "name": name, "controller": true}],
            }}));
            assert_eq!(pods.get("u2").unwrap().deployment(), None, "{kind} {name}");
        }
        for number in 0..5000 {
            pods.put(&json!({"metadata": {"uid": format!("n{number}")}}));
        }
        assert!(pods.get("n4999").is_none() && pods.get("u1").is_some());
        pods.replace(&[]);
        assert_eq!(pods.get("u1"), None);
    }
}
