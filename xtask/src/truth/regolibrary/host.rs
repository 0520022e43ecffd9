//! Unwraps the objects of kubescape's sensor.
//!
//! The sensor wraps what it reads on a node into objects of group `hostdata.kubescape.cloud`: the
//! command line of a process, and files in base64. A command line is converted to the `command` of
//! a static pod, and a file is decoded, so that the checks get the forms they know. Other
//! information is ignored (owners and modes of files are not an input).
//!
//! The flags and the file of a kubelet belong together: without `--config` it reads no file, and a
//! flag overrides the field in the file (Kubernetes, Set Kubelet Parameters Via A Configuration
//! File). So the values of the flags are written into the file, like the kubelet does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pavisade_snapshot::Object;
use pavisade_yaml::{Source, Value, read, to_json};
use serde_json::json;

use super::subject::Key;

/// The content of a sensor object, and its name.
pub(super) struct Unwrapped {
    pub(super) objects: Vec<Object>,
    pub(super) origin: Key,
}

/// The components in a `ControlPlaneInfo`, with their program names.
const COMPONENTS: [(&str, &str); 4] = [
    ("APIServerInfo", "kube-apiserver"),
    ("controllerManagerInfo", "kube-controller-manager"),
    ("schedulerInfo", "kube-scheduler"),
    ("etcdInfo", "etcd"),
];

/// Files in an `APIServerInfo` that checks read, by field.
const FILES: [(&str, &str, &str); 2] = [
    ("auditPolicyFile", "audit.k8s.io/v1", "Policy"),
    ("encryptionProviderConfigFile", "apiserver.config.k8s.io/v1", "EncryptionConfiguration"),
];

/// Returns the files and flags in a sensor object; `None` for other objects.
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
        // A single component, as in newer rules.
        "APIServerInfo" => objects.extend(component(data.str("cmdLine"), "kube-apiserver")),
        "KubeletInfo" => {
            const VERSION: &str = "kubelet.config.k8s.io/v1beta1";
            let line = data.str("cmdLine").unwrap_or("");
            objects.extend(component(Some(line), "kubelet"));
            let config = data.get("configFile").filter(|_| line.is_empty() || reads_file(line));
            let config = config.and_then(|f| file(f, VERSION, "KubeletConfiguration"));
            objects.extend(config.map(|file| with_flags(file, line)));
        }
        _ => {}
    }
    Some(Unwrapped { objects, origin: Key::new(kind, "", name) })
}

/// Converts a command line to a static pod.
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

fn reads_file(line: &str) -> bool {
    flag(line, "config").is_some()
}

/// Returns the value of a flag, joined to it or after it; `true` if it has none.
fn flag<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let mut words = line.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let Some(rest) = word.strip_prefix("--").and_then(|word| word.strip_prefix(name)) else {
            continue;
        };
        match (rest.strip_prefix('='), words.peek()) {
            (Some(value), _) => return Some(value.trim_matches(['"', '\''])),
            (None, Some(value)) if rest.is_empty() && !value.starts_with("--") => {
                return Some(value);
            }
            (None, _) if rest.is_empty() => return Some("true"),
            _ => {}
        }
    }
    None
}

/// Kubelet flags and the corresponding fields of its file.
const FLAGS: [(&str, &[&str]); 15] = [
    ("anonymous-auth", &["authentication", "anonymous", "enabled"]),
    ("authorization-mode", &["authorization", "mode"]),
    ("client-ca-file", &["authentication", "x509", "clientCAFile"]),
    ("event-qps", &["eventRecordQPS"]),
    ("make-iptables-util-chains", &["makeIPTablesUtilChains"]),
    ("pod-max-pids", &["podPidsLimit"]),
    ("protect-kernel-defaults", &["protectKernelDefaults"]),
    ("read-only-port", &["readOnlyPort"]),
    ("rotate-certificates", &["rotateCertificates"]),
    ("rotate-server-certificates", &["serverTLSBootstrap"]),
    ("streaming-connection-idle-timeout", &["streamingConnectionIdleTimeout"]),
    ("tls-cert-file", &["tlsCertFile"]),
    ("tls-min-version", &["tlsMinVersion"]),
    ("tls-private-key-file", &["tlsPrivateKeyFile"]),
    ("feature-gates", &["featureGates"]),
];

/// Returns the file of a kubelet with the values of its flags.
fn with_flags(file: Object, line: &str) -> Object {
    let Ok(mut json) = serde_json::from_str::<serde_json::Value>(&to_json(file.value())) else {
        return file;
    };
    let mut changed = false;
    for (name, path) in FLAGS {
        let Some(value) = flag(line, name) else { continue };
        let mut at = &mut json;
        for key in path {
            if !at[*key].is_object() && Some(key) != path.last() {
                at[*key] = json!({});
            }
            at = &mut at[*key];
        }
        if name == "feature-gates" {
            for (gate, on) in value.split(',').filter_map(|pair| pair.split_once('=')) {
                at[gate] = json!(on == "true");
            }
        } else {
            // A duration stays a string; numbers and booleans are converted.
            let number = value.parse::<i64>().ok().filter(|_| !name.ends_with("timeout"));
            let truth = value.parse::<bool>().ok();
            *at = number.map(|n| json!(n)).or(truth.map(|t| json!(t))).unwrap_or(json!(value));
        }
        changed = true;
    }
    let version = format!("{}/{}", file.group(), file.version());
    let made = changed.then(|| object(&json.to_string(), &version, file.kind())).flatten();
    made.unwrap_or(file)
}

/// Decodes a file in base64. Its field determines its type, even if the file does not state it.
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

/// Decodes base64; `None` if it is invalid.
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

    /// Returns a kubelet with `rotateCertificates: true` in its file, and a command line.
    fn kubelet(line: &str) -> Vec<Object> {
        let text = r#"{"apiVersion": "hostdata.kubescape.cloud/v1beta0", "kind": "KubeletInfo",
            "metadata": {"name": "n"}, "data": {"cmdLine": "/usr/bin/kubelet LINE",
            "configFile": {"content": "cm90YXRlQ2VydGlmaWNhdGVzOiB0cnVl"}}}"#;
        let documents = read(&Source::new("case", text.replace("LINE", line)));
        let root = documents.docs[0].root();
        let found = unwrap(root, root.str("apiVersion").unwrap(), "KubeletInfo").unwrap();
        assert_eq!(found.origin, Key::new("KubeletInfo", "", "n"));
        assert!(unwrap(root, "v1", "Pod").is_none());
        found.objects
    }

    #[test]
    fn flags_count_before_the_file_that_the_kubelet_reads() {
        for (line, want) in [
            ("--v=2", None),
            ("--config=/a", Some(r#"{"rotateCertificates":true}"#)),
            ("--config /a --rotate-certificates=false", Some(r#"{"rotateCertificates":false}"#)),
            (
                "--config=/a --anonymous-auth --pod-max-pids 22 --feature-gates=A=true,B=false",
                Some(
                    r#"{"authentication":{"anonymous":{"enabled":true}},"featureGates":{"A":true,"B":false},"podPidsLimit":22,"rotateCertificates":true}"#,
                ),
            ),
            (
                "--streaming-connection-idle-timeout=0 --config=/a",
                Some(r#"{"rotateCertificates":true,"streamingConnectionIdleTimeout":"0"}"#),
            ),
        ] {
            let objects = kubelet(line);
            assert_eq!(objects[0].kind(), "Pod");
            let file = objects.get(1).map(|file| to_json(file.value()));
            assert_eq!(file.as_deref(), want, "{line}");
        }
    }
}
