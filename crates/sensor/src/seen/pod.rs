//! Fields of the pod, from the API server.

use std::sync::Arc;

use pavisade_rules::{FieldRef, Value};

use super::{Seen, text};
use crate::fields::Name;
use crate::pods::PodInfo;

impl Seen<'_> {
    /// What the API server knows of the pod.
    pub fn pod(&self) -> Option<Arc<PodInfo>> {
        self.pods.get(self.container()?.pod_uid.as_deref()?)
    }

    /// Fields of the pod; nothing if it is another field.
    pub(super) fn of_pod(&self, name: Name, field: &FieldRef) -> Option<Option<Value<'_>>> {
        let get: fn(&PodInfo, &str) -> Option<String> = match name {
            Name::PodLabel => |pod, label| pod.label(label).map(str::to_owned),
            Name::PodLabels => |pod, _| (!pod.labels.is_empty()).then(|| pod.all_labels()),
            Name::ReplicaSet => |pod, _| pod.replica_set().map(str::to_owned),
            Name::Deployment => |pod, _| pod.deployment().map(str::to_owned),
            _ => return None,
        };
        let argument = field.argument.as_deref().and_then(|name| std::str::from_utf8(name).ok());
        let value = self.pod().and_then(|pod| get(&pod, argument.unwrap_or_default()));
        Some(value.map(text))
    }
}
