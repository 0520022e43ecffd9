//! Settings of nodes that a cluster stores in a ConfigMap.
//!
//! kubeadm stores the initial `KubeletConfiguration` of nodes in the ConfigMap `kubelet-config` in
//! `kube-system` (before 1.24 `kubelet-config-1.23`). It is converted to an object of its own.
//! Later changes on a node are not known.

use pavisade_model::kinds;
use pavisade_snapshot::Object;
use pavisade_yaml::{Source, Value, objects, read, to_json};
use serde_json::{Value as Json, json};

use super::list::parsed;

/// Returns the kubelet configurations in ConfigMaps.
pub(crate) fn kubelet_configurations(all: &[Object]) -> Vec<Object> {
    all.iter().filter(|object| is_kubelets(object)).filter_map(kubelet_configuration).collect()
}

fn is_kubelets(object: &Object) -> bool {
    let name = object.name();
    object.is(kinds::CONFIG_MAP)
        && object.namespace() == "kube-system"
        && (name == "kubelet-config" || name.starts_with("kubelet-config-1."))
}

fn kubelet_configuration(map: &Object) -> Option<Object> {
    let text = map.at(&["data", "kubelet"]).and_then(Value::as_str)?;
    let documents = read(&Source::new("kubelet", text));
    let root = documents.docs.first()?.root();
    let found = objects(root).sent.into_iter().next()?;
    if found.kind != kinds::KUBELET_CONFIGURATION.kind {
        return None;
    }
    let mut fields: serde_json::Map<String, Json> = serde_json::from_str(&to_json(root)).ok()?;
    // It has no name, so it gets that of the ConfigMap.
    fields
        .insert("metadata".to_owned(), json!({ "namespace": map.namespace(), "name": map.name() }));
    let api_version = found.api_version.to_owned();
    let doc = parsed(Json::Object(fields).to_string())?;
    Some(Object::new(doc.root(), &api_version, found.kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubeadms_config_map_is_a_configuration() {
        let map = |namespace: &str, name: &str, text: &str| {
            let map = json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"namespace": namespace, "name": name},
                "data": {"kubelet": text},
            });
            Object::new(parsed(map.to_string()).unwrap().root(), "v1", "ConfigMap")
        };
        let text = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n\
                    readOnlyPort: 10255\n";
        let all = [
            map("kube-system", "kubelet-config", text),
            map("kube-system", "kubelet-config-1.23", text),
            map("default", "kubelet-config", text),
            map("kube-system", "other", text),
            map("kube-system", "kubelet-config", "readOnlyPort: 10255"),
            map("kube-system", "kubelet-config", "kind: ["),
        ];
        let found = kubelet_configurations(&all);
        let names: Vec<_> = found.iter().map(Object::name).collect();
        assert_eq!(names, ["kubelet-config", "kubelet-config-1.23"]);
        assert!(found[0].is(kinds::KUBELET_CONFIGURATION));
        let port = found[0].at(&["readOnlyPort"]).and_then(Value::as_i64);
        assert_eq!(port, Some(10255));
    }
}
