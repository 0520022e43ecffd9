//! The steps of an active probe. Pure: what would be sent.

use serde_json::{Value, json};

use crate::RunId;

/// The label of everything that a run creates, with the run's id as its value.
pub const LABEL: &str = "pavisade.dev/probe-run";
/// The annotation with the time after which `revert --expired` removes an object.
pub const EXPIRES: &str = "pavisade.dev/probe-expires";

/// Keeps pods of a run from being scheduled.
const GATE: &str = "pavisade.dev/never";
/// The seconds within which the server stores an object, or never.
pub const STORED_WITHIN: u64 = 5;

/// What the objects of a run have in common.
#[derive(Debug, Clone)]
pub struct Canary {
    /// The run.
    pub run: RunId,
    /// When its objects expire (RFC 3339).
    pub expires: String,
    /// The image of pods. They never start.
    pub image: String,
    /// The name of a node, if there is one, or why nodes cannot be listed.
    pub node: Result<Option<String>, String>,
    /// An image whose entry point is `pavisade`, for pods that run.
    pub program: Option<String>,
}

/// A step of an active probe.
#[derive(Debug, Clone)]
pub enum Step {
    /// Creates an object, after a dry run on the server, and removes it after the probe.
    Create {
        /// The path of the collection.
        collection: String,
        /// The object.
        object: Value,
    },
    /// Sends a request that stores nothing.
    Send {
        /// The method.
        method: &'static str,
        /// Path and query.
        path: String,
        /// A body with its media type.
        body: Option<(&'static str, Value)>,
        /// A text in a response other than 2xx that proves that the request was permitted.
        proof: Option<&'static str>,
    },
    /// Sends a request with the token in the response to the step before.
    WithToken {
        /// The method.
        method: &'static str,
        /// The path.
        path: String,
        /// The body.
        body: Value,
    },
}

impl Canary {
    /// Returns the name of everything that the run creates.
    pub fn name(&self) -> String {
        format!("pavisade-probe-{}", self.run)
    }

    /// Returns the namespace of the run, which contains all its objects that have one.
    pub fn namespace(&self) -> Step {
        let object = self.object("v1", "Namespace", &json!({}));
        Step::Create { collection: "/api/v1/namespaces".to_owned(), object }
    }

    /// Returns a path in the namespace of the run.
    pub(crate) fn within(&self, rest: &str) -> String {
        format!("/api/v1/namespaces/{}/{rest}", self.name())
    }

    /// Returns an object with the label and the expiry of the run.
    pub(crate) fn object(&self, version: &str, kind: &str, rest: &Value) -> Value {
        let mut object = json!({
            "apiVersion": version,
            "kind": kind,
            "metadata": {
                "name": self.name(),
                "labels": {LABEL: self.run.as_str()},
                "annotations": {EXPIRES: self.expires},
            },
        });
        let fields = rest.as_object().into_iter().flatten();
        if let Some(all) = object.as_object_mut() {
            all.extend(fields.map(|(name, value)| (name.clone(), value.clone())));
        }
        object
    }

    /// Returns a step that creates an object in the namespace of the run.
    pub(crate) fn create(&self, plural: &str, kind: &str, rest: &Value) -> Step {
        Step::Create { collection: self.within(plural), object: self.object("v1", kind, rest) }
    }

    /// Returns a pod that runs a program once, in a namespace that may be that of the run.
    pub(super) fn running(&self, namespace: &str, image: &str) -> Value {
        let mut pod = crate::restricted(namespace, image);
        pod["metadata"] = self.object("v1", "Pod", &json!({}))["metadata"].clone();
        pod["metadata"]["namespace"] = json!(namespace);
        pod["spec"]["restartPolicy"] = json!("Never");
        let container = &mut pod["spec"]["containers"][0];
        container["imagePullPolicy"] = json!("IfNotPresent");
        container["resources"] = json!({
            "requests": {"cpu": "10m", "memory": "32Mi"},
            "limits": {"cpu": "500m", "memory": "256Mi"},
        });
        pod
    }

    /// Returns a step that creates a pod which is never scheduled, so that it never runs.
    pub(crate) fn pod(&self, change: impl FnOnce(&mut Value)) -> Step {
        let mut pod = crate::restricted(&self.name(), &self.image);
        pod["metadata"] = self.object("v1", "Pod", &json!({}))["metadata"].clone();
        pod["spec"]["schedulingGates"] = json!([{"name": GATE}]);
        pod["spec"]["activeDeadlineSeconds"] = json!(60);
        change(&mut pod);
        Step::Create { collection: self.within("pods"), object: pod }
    }
}

impl Step {
    /// Returns the path of the object that it creates.
    pub fn path(&self) -> Option<String> {
        let Self::Create { collection, object } = self else { return None };
        let name = object.pointer("/metadata/name")?.as_str()?;
        Some(format!("{collection}/{name}"))
    }

    /// Returns the path of the request that stores an object in a collection.
    pub fn stores(collection: &str) -> String {
        format!("{collection}?timeout={STORED_WITHIN}s")
    }
}

/// Whether an object as the server would store it is a pod that would run.
pub(crate) fn would_run(object: &Value) -> bool {
    let gates = object.pointer("/spec/schedulingGates").and_then(Value::as_array);
    let is_gated = gates.is_some_and(|all| all.iter().any(|gate| gate["name"] == GATE));
    object["kind"] == "Pod" && !is_gated
}

#[cfg(test)]
impl Canary {
    /// Returns a canary for tests.
    pub(super) fn example() -> Self {
        Self {
            run: RunId::new(b""),
            expires: String::new(),
            image: String::new(),
            node: Ok(None),
            program: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_runs_without_its_gate() {
        let canary = Canary { image: "image".to_owned(), ..Canary::example() };
        let Step::Create { object, .. } = canary.pod(|_| {}) else { panic!("it creates a pod") };
        assert!(!would_run(&object));
        for other in [json!(null), json!([]), json!([{"name": "other"}])] {
            let mut object = object.clone();
            object["spec"]["schedulingGates"] = other;
            assert!(would_run(&object), "{object}");
        }
        assert!(!would_run(&json!({"kind": "Namespace"})));
    }
}
