//! Configuration files of the components, as they use them.
//!
//! The kubelet merges its file, its drop-in files and its flags; a flag wins over a drop-in, a later
//! drop-in over an earlier one, and any drop-in over the file (KEP-3983).

use pavisade_yaml::{Source, read, to_json};
use serde_json::{Map, Value, json};

use crate::Notes;
use crate::files::Kubelet;
use crate::process::{Process, public};
use crate::root::Root;

/// The largest number of drop-in files.
const MAX_DROP_INS: usize = 500;

/// What is in the place of a key.
const REMOVED: &str = "${REMOVED}";

/// The kind of the kubelet's configuration.
const KUBELET: &str = "KubeletConfiguration";

/// The files of other components: program, flag, and the kinds that the file may have.
const FILES: [(&str, &str, &[&str]); 7] = [
    ("kube-apiserver", "audit-policy-file", &["Policy"]),
    (
        "kube-apiserver",
        "encryption-provider-config",
        &["EncryptionConfiguration", "EncryptionConfig"],
    ),
    ("kube-apiserver", "admission-control-config-file", &["AdmissionConfiguration"]),
    ("kube-apiserver", "authentication-config", &["AuthenticationConfiguration"]),
    ("kube-apiserver", "authorization-config", &["AuthorizationConfiguration"]),
    ("kube-scheduler", "config", &["KubeSchedulerConfiguration"]),
    ("kube-proxy", "config", &["KubeProxyConfiguration"]),
];

/// Flags of the kubelet, and the field that each sets.
const FLAGS: [(&str, &[&str], Type); 24] = [
    ("address", &["address"], Type::Text),
    ("anonymous-auth", &["authentication", "anonymous", "enabled"], Type::Bool),
    ("authentication-token-webhook", &["authentication", "webhook", "enabled"], Type::Bool),
    ("authorization-mode", &["authorization", "mode"], Type::Text),
    ("cgroup-driver", &["cgroupDriver"], Type::Text),
    ("client-ca-file", &["authentication", "x509", "clientCAFile"], Type::Text),
    ("enable-debugging-handlers", &["enableDebuggingHandlers"], Type::Bool),
    ("event-qps", &["eventRecordQPS"], Type::Number),
    ("fail-swap-on", &["failSwapOn"], Type::Bool),
    ("healthz-bind-address", &["healthzBindAddress"], Type::Text),
    ("make-iptables-util-chains", &["makeIPTablesUtilChains"], Type::Bool),
    ("pod-manifest-path", &["staticPodPath"], Type::Text),
    ("pod-max-pids", &["podPidsLimit"], Type::Number),
    ("protect-kernel-defaults", &["protectKernelDefaults"], Type::Bool),
    ("read-only-port", &["readOnlyPort"], Type::Number),
    ("rotate-certificates", &["rotateCertificates"], Type::Bool),
    ("rotate-server-certificates", &["serverTLSBootstrap"], Type::Bool),
    ("seccomp-default", &["seccompDefault"], Type::Bool),
    ("streaming-connection-idle-timeout", &["streamingConnectionIdleTimeout"], Type::Text),
    ("tls-cert-file", &["tlsCertFile"], Type::Text),
    ("tls-cipher-suites", &["tlsCipherSuites"], Type::List),
    ("tls-min-version", &["tlsMinVersion"], Type::Text),
    ("tls-private-key-file", &["tlsPrivateKeyFile"], Type::Text),
    ("allowed-unsafe-sysctls", &["allowedUnsafeSysctls"], Type::List),
];

#[derive(Clone, Copy)]
enum Type {
    Bool,
    Number,
    Text,
    List,
}

/// Returns the merged configuration of a kubelet, if it has a file, and the files that it names.
pub(crate) fn kubelet(
    root: &Root,
    process: Option<&Process>,
    name: &str,
    notes: &mut Notes,
) -> (Option<Value>, Kubelet) {
    let mut files = Kubelet::default();
    let flag = |name: &str| {
        let process = process?;
        Some(process.absolute(process.flag(name).filter(|path| !path.is_empty())?))
    };
    let place = |path: &str| process.map_or_else(|| path.to_owned(), |one| one.place(root, path));
    let usual = "/var/lib/kubelet/config.yaml";
    let drop_ins = flag("config-dir");
    let path = match (process, flag("config")) {
        (_, Some(path)) => Some(place(&path)),
        (Some(_), None) if drop_ins.is_some() => None,
        // Without these flags, a running kubelet reads no file.
        (Some(_), None) => {
            files.client_ca = flag("client-ca-file");
            files.static_pods = flag("pod-manifest-path").filter(|path| path.starts_with('/'));
            return (None, files);
        }
        (None, None) if root.exists(usual) => Some(usual.to_owned()),
        (None, None) => return (None, files),
    };
    let mut merged = match path {
        Some(path) => {
            files.configs.push(path.clone());
            match document(root, &path) {
                Ok(value) => value,
                Err(why) => {
                    notes.unread(
                        &[KUBELET],
                        format!("the kubelet configuration {path} cannot be read: {why}"),
                    );
                    return (None, files);
                }
            }
        }
        // Drop-ins are merged over the defaults of flags (`applyLegacyDefaults`), which differ.
        None => json!({
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": KUBELET,
            "authentication": { "anonymous": { "enabled": true }, "webhook": { "enabled": false } },
            "authorization": { "mode": "AlwaysAllow" },
            "readOnlyPort": 10255,
        }),
    };
    if let Some(folder) = drop_ins.map(|folder| place(&folder)) {
        // Without them the merged settings are not those of the kubelet.
        let names = match drop_ins_in(root, &folder) {
            Ok(names) => names,
            Err(why) => {
                notes.unread(
                    &[KUBELET],
                    format!("the drop-in directory {folder} cannot be read: {why}"),
                );
                return (None, files);
            }
        };
        for path in names {
            files.configs.push(path.clone());
            match document(root, &path) {
                Ok(value) => merge(&mut merged, value),
                Err(why) => {
                    notes.unread(&[KUBELET], format!("the drop-in {path} cannot be read: {why}"));
                    return (None, files);
                }
            }
        }
    }
    if let Some(process) = process {
        for (flag, field, kind) in FLAGS {
            if let Some(text) = process.flag(flag) {
                set(&mut merged, field, value(text, kind));
            }
        }
        if let Some(gates) = process.flag("feature-gates") {
            for (gate, on) in gates.split(',').filter_map(|gate| gate.split_once('=')) {
                set(&mut merged, &["featureGates", gate.trim()], value(on.trim(), Type::Bool));
            }
        }
    }
    let text = |path: &str| merged.pointer(path).and_then(Value::as_str).map(str::to_owned);
    files.static_pods = text("/staticPodPath").filter(|path| path.starts_with('/'));
    files.client_ca = text("/authentication/x509/clientCAFile");
    // Headers, and parts of a URL, may authenticate.
    if let Some(fields) = merged.as_object_mut() {
        fields.remove("staticPodURLHeader");
        if let Some(Value::String(url)) = fields.get_mut("staticPodURL") {
            *url = public(url);
        }
    }
    (Some(named_document(merged, name)), files)
}

/// Returns the drop-ins in a directory and below it, in the order in which they are merged.
fn drop_ins_in(root: &Root, folder: &str) -> Result<Vec<String>, String> {
    root.entries(folder).map_err(|error| error.to_string())?;
    let mut found = Vec::new();
    for (path, why) in root.below(folder) {
        if let Some(why) = why {
            return Err(format!("{path}: {why}"));
        }
        if path.ends_with(".conf") && !root.is_dir(&path) {
            found.push(path);
        }
    }
    if found.len() > MAX_DROP_INS {
        return Err(format!("it has more than {MAX_DROP_INS} drop-ins"));
    }
    // As a tree is walked: `a/1.conf` is before `a.conf`.
    found.sort_by(|one, other| one.split('/').cmp(other.split('/')));
    Ok(found)
}

/// Returns the configuration files that other components use, without the keys in them.
pub(crate) fn others(
    root: &Root,
    processes: &[Process],
    node: &str,
    notes: &mut Notes,
) -> Vec<Value> {
    let mut found = Vec::new();
    for process in processes {
        for (_, flag, kinds) in FILES.iter().filter(|(name, ..)| *name == process.name) {
            let Some(path) = process.flag(flag).filter(|path| !path.is_empty()) else { continue };
            let path = process.place(root, path);
            let read = document(root, &path);
            match read {
                Ok(mut value) => {
                    let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default();
                    if kinds.contains(&kind) {
                        remove_keys(&mut value);
                        found.push(named_document(value, node));
                    } else {
                        let why = format!("{path} of {} has another kind", process.name);
                        notes.unread(kinds, why);
                    }
                }
                Err(why) => {
                    let why = format!("{path} of {} cannot be read: {why}", process.name);
                    notes.unread(kinds, why);
                }
            }
        }
    }
    found
}

/// Reads the first document of a file.
fn document(root: &Root, path: &str) -> Result<Value, String> {
    let text = root.text(path).map_err(|error| error.to_string())?;
    let documents = read(&Source::new(path, text));
    // Messages of the parser may quote a key.
    let doc = documents.docs.first().ok_or("it is not valid YAML")?;
    serde_json::from_str(&to_json(doc.root())).map_err(|_| "it is not valid YAML".to_owned())
}

fn named_document(mut value: Value, node: &str) -> Value {
    if let Some(fields) = value.as_object_mut() {
        let labels = json!({ "pavisade.dev/from-node": node });
        fields.insert("metadata".to_owned(), json!({ "name": node, "labels": labels }));
    }
    value
}

/// Merges maps; other values replace.
fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                match into.get_mut(&key) {
                    Some(old) => merge(old, value),
                    None => {
                        into.insert(key, value);
                    }
                }
            }
        }
        (into, from) => *into = from,
    }
}

fn set(value: &mut Value, path: &[&str], to: Value) {
    let Some((first, rest)) = path.split_first() else {
        *value = to;
        return;
    };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    if let Some(fields) = value.as_object_mut() {
        set(fields.entry(*first).or_insert(Value::Null), rest, to);
    }
}

fn value(text: &str, kind: Type) -> Value {
    match kind {
        Type::Bool => match text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => json!(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => json!(false),
            other => json!(other),
        },
        Type::Number => text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number)),
        Type::Text => json!(text),
        Type::List => json!(text.split(',').map(str::trim).collect::<Vec<_>>()),
    }
}

/// Replaces keys of encryption providers. Whatever is not a name in `keys` may be one, also below a
/// field that is spelled wrong.
fn remove_keys(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match name.to_lowercase().as_str() {
                    "keys" => remove_all_but_names(value),
                    "secret" => *value = json!(REMOVED),
                    _ => remove_keys(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(remove_keys),
        _ => {}
    }
}

fn remove_all_but_names(keys: &mut Value) {
    let Value::Array(keys) = keys else {
        *keys = json!(REMOVED);
        return;
    };
    for key in keys {
        let name = key.get("name").filter(|name| name.is_string()).cloned();
        let secret = key.get("secret").map(|_| REMOVED);
        *key = json!({});
        for (field, value) in [("name", name), ("secret", secret.map(Into::into))] {
            if let Some(value) = value {
                key[field] = value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::process::components;
    use crate::root::put;

    #[test]
    fn nothing_of_a_key_is_in_facts() {
        let folder = tempfile::tempdir().unwrap();
        let line = "kube-apiserver\0--encryption-provider-config=/e\0";
        put(folder.path(), "proc/1/cmdline", line);
        let root = Root::new(folder.path()).unwrap();
        let (processes, _) = components(&root);
        for keys in [
            "[{name: a, secret: hidden}]",
            "[{name: a, secret: 1234567890123456}]",
            "[{name: a, secret: [hidden]}]",
            "[{name: a, Secret: hidden}]",
            "[{name: a, key: hidden}]",
            "[{name: a, hidden: }]",
            "[hidden, {name: a}]",
            "{name: a, secret: hidden}",
            "hidden",
        ] {
            let provider = format!("{{aescbc: {{keys: {keys}}}}}");
            let text = format!(
                "kind: EncryptionConfiguration\nresources: [{{providers: [{provider}]}}]\n"
            );
            put(folder.path(), "e", &text);
            let found = others(&root, &processes, "n", &mut Notes::default());
            let text = json!(found).to_string();
            assert!(found.len() == 1 && text.contains("aescbc"), "{keys}: {text}");
            let secret = text.contains("hidden") || text.contains("123456");
            assert!(!secret, "{keys}: {text}");
        }
    }

    #[test]
    fn an_empty_path_is_none() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "proc/1/cmdline", "kubelet\0--config=\0--client-ca-file=\0");
        symlink("/", folder.path().join("proc/1/cwd")).unwrap();
        let root = Root::new(folder.path()).unwrap();
        let (processes, _) = components(&root);
        let (merged, files) = kubelet(&root, processes.first(), "n", &mut Notes::default());
        assert_eq!((merged, files.configs, files.client_ca), (None, vec![], None));
    }

    #[test]
    fn a_relative_path_starts_from_the_directory_of_its_process() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "proc/1/cmdline", "kubelet\0--config=k.yaml\0");
        put(folder.path(), "srv/k.yaml", "kind: KubeletConfiguration\nreadOnlyPort: 1\n");
        let root = Root::new(folder.path()).unwrap();
        let merged = |root: &Root| {
            let (processes, _) = components(root);
            let mut notes = Notes::default();
            let (merged, files) = kubelet(root, processes.first(), "n", &mut notes);
            (merged.map(|merged| merged["readOnlyPort"].clone()), files.configs, notes.0.len())
        };
        // Without it, the file is not known, whatever the audit's own directory contains.
        assert_eq!(merged(&root), (None, vec!["k.yaml".to_owned()], 1));
        symlink("/srv", folder.path().join("proc/1/cwd")).unwrap();
        assert_eq!(merged(&root), (Some(json!(1)), vec!["/srv/k.yaml".to_owned()], 0));
    }

    #[test]
    fn drop_ins_are_merged_over_the_defaults_of_flags_also_below_directories() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "proc/1/cmdline", "kubelet\0--config-dir=/d\0");
        put(folder.path(), "d/b.conf", "readOnlyPort: 1\nmaxPods: 7\n");
        put(folder.path(), "d/b/1.conf", "readOnlyPort: 2\nmaxPods: 5\n");
        put(folder.path(), "d/c.yaml", "readOnlyPort: 3\n");
        put(folder.path(), "var/lib/kubelet/config.yaml", "readOnlyPort: 4\n");
        let root = Root::new(folder.path()).unwrap();
        let (processes, _) = components(&root);
        let (merged, files) = kubelet(&root, processes.first(), "n", &mut Notes::default());
        let merged = merged.unwrap();
        assert_eq!((&merged["readOnlyPort"], &merged["maxPods"]), (&json!(1), &json!(7)));
        assert_eq!(merged["authentication"]["anonymous"]["enabled"], json!(true));
        assert_eq!(files.configs, ["/d/b/1.conf", "/d/b.conf"]);
    }

    #[test]
    fn a_kubelet_with_its_own_root_reads_its_own_file() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "proc/1/cmdline", "kubelet\0--config=/k\0");
        put(folder.path(), "k", "readOnlyPort: 1\n");
        let own = "proc/1/root";
        put(folder.path(), &format!("{own}/k"), "readOnlyPort: 2\n");
        let root = Root::new(folder.path()).unwrap();
        let (processes, _) = components(&root);
        let (merged, _) = kubelet(&root, processes.first(), "n", &mut Notes::default());
        assert_eq!(merged.unwrap()["readOnlyPort"], json!(2));
    }
}
