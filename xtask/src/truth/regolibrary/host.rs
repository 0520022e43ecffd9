//! The sensor's objects as what they were read from.
//!
//! kubescape's sensor wraps what it read on a node into objects of group `hostdata.kubescape.cloud`:
//! a process's command line, and files in base64. A command line with its flags is what a static pod
//! says in `command`, and a file is that file: both are given to the checks in the form in which they
//! know them. Nothing else of these objects is (owners and modes of files are no input of ours).

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pavisade_snapshot::Object;
use pavisade_yaml::{Source, Value, read};
use serde_json::json;

use super::subject::Key;

/// What an object of the sensor holds, and what it is called.
pub(super) struct Unwrapped {
    pub(super) objects: Vec<Object>,
    pub(super) origin: Key,
}

/// Components in a `ControlPlaneInfo`, and what each is.
const COMPONENTS: [(&str, &str); 4] = [
    ("APIServerInfo", "kube-apiserver"),
    ("controllerManagerInfo", "kube-controller-manager"),
    ("schedulerInfo", "kube-scheduler"),
    ("etcdInfo", "etcd"),
];

/// Files in an `APIServerInfo` that checks read, by their field.
const FILES: [(&str, &str, &str); 2] = [
    ("auditPolicyFile", "audit.k8s.io/v1", "Policy"),
    ("encryptionProviderConfigFile", "apiserver.config.k8s.io/v1", "EncryptionConfiguration"),
];

/// The files and flags in an object of the sensor; nothing where it is another object.
pub(super) fn unwrap(value: Value<'_>, api_version: &str, kind: &str) -> Option<Unwrapped> {
    let group = api_version.split('/').next().unwrap_or("");
    let ours = matches!(group, "hostdata.kubescape.cloud" | "hostdata.armo.cloud");
    if !ours {
        return None;
    }
    let name = value.at(&["metadata", "name"]).and_then(Value::as_str).unwrap_or("");
    let data = value.get("data").unwrap_or(value);
    let mut objects = Vec::new();
    match kind {
        "ControlPlaneInfo" => {
            for (field, program) in COMPONENTS {
                let Some(info) = data.get(field) else { continue };
                objects.extend(component(info.str("cmdLine"), program));
                for (file, api_version, kind) in FILES {
                    objects.extend(info.get(file).and_then(|f| self::file(f, api_version, kind)));
                }
            }
        }
        // Of one component, as newer rules take it.
        "APIServerInfo" => objects.extend(component(data.str("cmdLine"), "kube-apiserver")),
        "KubeletInfo" => {
            const VERSION: &str = "kubelet.config.k8s.io/v1beta1";
            let config = data.get("configFile");
            let config = config.and_then(|f| file(f, VERSION, "KubeletConfiguration"));
            let mut line = data.str("cmdLine").unwrap_or("").to_owned();
            if config.is_some() && !line.is_empty() && !line.contains("--config") {
                // The file is the one that this kubelet reads: so says the sensor.
                let _ = write!(line, " --config=/var/lib/kubelet/config.yaml");
            }
            objects.extend(component(Some(&line), "kubelet"));
            objects.extend(config);
        }
        _ => {}
    }
    Some(Unwrapped { objects, origin: Key::new(kind, "", name) })
}

/// A command line as the static pod that has it.
fn component(line: Option<&str>, program: &str) -> Option<Object> {
    let words: Vec<_> = line?.split_whitespace().collect();
    if words.is_empty() {
        return None;
    }
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": format!("{program}-of-the-sensor"), "namespace": "kube-system"},
        "spec": {"hostNetwork": true, "containers": [{"name": program, "command": words}]},
    });
    object(&pod.to_string(), "v1", "Pod")
}

/// A file in base64. Its field says what it is, also where it does not say so itself.
fn file(wrapped: Value<'_>, api_version: &str, kind: &str) -> Option<Object> {
    let text = decode(wrapped.str("content")?)?;
    object(&String::from_utf8_lossy(&text), api_version, kind)
}

fn object(text: &str, api_version: &str, kind: &str) -> Option<Object> {
    let documents = read(&Source::new("sensor", text));
    let root = documents.docs.first()?.root();
    let written = root.str("apiVersion").unwrap_or(api_version);
    Some(Object::new(root, written, kind))
}

/// Base64; nothing where it is none.
fn decode(text: &str) -> Option<Vec<u8>> {
    let text: String = text.split_whitespace().collect();
    STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read() {
        for (text, want) in [
            ("", Some("")),
            ("aGk=", Some("hi")),
            ("aGkh", Some("hi!")),
            ("aG\nkhPw==", Some("hi!?")),
            ("a*", None),
        ] {
            let got = decode(text).map(|bytes| String::from_utf8(bytes).unwrap());
            assert_eq!(got.as_deref(), want, "{text}");
        }
    }

    #[test]
    fn flags_and_files_are_unwrapped() {
        let text = r#"{"apiVersion": "hostdata.kubescape.cloud/v1beta0", "kind": "KubeletInfo",
            "metadata": {"name": "n"}, "data": {"cmdLine": "/usr/bin/kubelet --v=2",
            "configFile": {"content": "cm90YXRlQ2VydGlmaWNhdGVzOiB0cnVl"}}}"#;
        let documents = read(&Source::new("case", text));
        let root = documents.docs[0].root();
        let found = unwrap(root, root.str("apiVersion").unwrap(), "KubeletInfo").unwrap();
        assert_eq!(found.origin, Key::new("KubeletInfo", "", "n"));
        let kinds: Vec<_> = found.objects.iter().map(|o| o.kind().to_owned()).collect();
        assert_eq!(kinds, ["Pod", "KubeletConfiguration"]);
        assert_eq!(found.objects[1].value().bool("rotateCertificates"), Some(true));
        assert!(unwrap(root, "v1", "Pod").is_none());
    }
}
