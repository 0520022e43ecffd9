//! Random pods that vary what the Pod Security Standards check.
//!
//! Most start from one that meets the restricted level, so that a single change is decisive. Values
//! are those in the standards, similar ones, and absent, null or empty ones.

use serde_json::{Map, Value, json};

use super::fields::{Field, GENERAL, OF_CONTAINER, OF_POD, PROBES, VOLUMES};
use crate::random::Random;

/// Returns a pod with that name.
pub(super) fn pod(random: &mut Random, name: &str) -> Value {
    let windows = random.once_in(8);
    let strict = !random.once_in(4);
    let mut spec = Map::new();
    if windows {
        spec.insert("os".into(), json!({"name": "windows"}));
    } else if random.once_in(4) {
        spec.insert("os".into(), json!({"name": "linux"}));
    }
    if strict {
        spec.insert("securityContext".into(), of_strict_pod(random, windows));
    }
    let mut names = Vec::new();
    for (list, most) in [("containers", 2), ("initContainers", 2)] {
        let count = if list == "containers" { 1 } else { 0 } + random.below(most);
        let containers: Vec<Value> = (0..count)
            .map(|index| {
                let name = format!("{}{index}", &list[..1]);
                let container = container(random, &name, strict, windows, list != "containers");
                names.push(name);
                container
            })
            .collect();
        if !containers.is_empty() || random.once_in(20) {
            spec.insert(list.into(), containers.into());
        }
    }
    if windows && random.once_in(3) {
        // Validation accepts it only on the host network.
        spec.insert("hostNetwork".into(), true.into());
        spec.insert("securityContext".into(), json!({"windowsOptions": {"hostProcess": true}}));
    }
    let mut annotations = Map::new();
    for _ in 0..random.below(3) {
        match random.below(if windows { 4 } else { 6 }) {
            0 => volume(random, &mut spec),
            1 => annotate(random, &mut annotations, &names),
            2 => set(random, &mut spec, GENERAL),
            _ => set(random, &mut spec, OF_POD),
        }
    }
    let mut metadata = json!({"name": name});
    if !annotations.is_empty() {
        metadata["annotations"] = annotations.into();
    }
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
}

/// Returns ephemeral containers for a pod that has a container `c0`.
pub(super) fn ephemeral(random: &mut Random) -> Vec<Value> {
    let one = |(random, index): (&mut Random, usize)| {
        let strict = !random.once_in(3);
        let mut container = bare(&format!("e{index}"));
        if strict {
            container.insert("securityContext".into(), of_strict_container(random, false));
        }
        for _ in 0..random.below(3) {
            set(random, &mut container, OF_CONTAINER);
        }
        container.remove("ports");
        Value::from(container)
    };
    (0..=random.below(2)).map(|index| one((&mut *random, index))).collect()
}

/// Returns a pod that meets the level apart from fields of `spec`.
pub(super) fn strict_pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "securityContext": {
                "runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [{
                "name": "c0",
                "image": "registry.example.com/a:1",
                "securityContext": {
                    "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
                },
            }],
        },
    })
}

fn bare(name: &str) -> Map<String, Value> {
    let container = json!({"name": name, "image": "registry.example.com/a:1"});
    container.as_object().cloned().unwrap_or_default()
}

fn container(random: &mut Random, name: &str, strict: bool, windows: bool, init: bool) -> Value {
    let mut container = bare(name);
    if strict {
        container.insert("securityContext".into(), of_strict_container(random, windows));
    }
    let sidecar = init && random.once_in(2);
    if sidecar {
        container.insert("restartPolicy".into(), "Always".into());
    }
    for _ in 0..random.below(3) {
        match random.below(4) {
            0 if !init || sidecar || random.once_in(10) => set(random, &mut container, PROBES),
            _ if windows && !random.once_in(10) => {}
            _ => set(random, &mut container, OF_CONTAINER),
        }
    }
    container.into()
}

/// Returns mostly what the restricted level requires of a pod, sometimes with a part missing.
fn of_strict_pod(random: &mut Random, windows: bool) -> Value {
    let mut context = Map::new();
    if !random.once_in(5) {
        context.insert("runAsNonRoot".into(), true.into());
    }
    if !windows && !random.once_in(5) {
        context.insert("seccompProfile".into(), json!({"type": "RuntimeDefault"}));
    }
    context.into()
}

fn of_strict_container(random: &mut Random, windows: bool) -> Value {
    let mut context = Map::new();
    if !windows {
        if !random.once_in(12) {
            context.insert("allowPrivilegeEscalation".into(), false.into());
        }
        if !random.once_in(12) {
            context.insert("capabilities".into(), json!({"drop": ["ALL"]}));
        }
    }
    if random.once_in(3) {
        context.insert("runAsNonRoot".into(), true.into());
    }
    if !windows && random.once_in(3) {
        context.insert("seccompProfile".into(), json!({"type": "RuntimeDefault"}));
    }
    context.into()
}

/// Sets a random field to one of its values.
fn set(random: &mut Random, into: &mut Map<String, Value>, fields: &[Field]) {
    let (path, values) = random.pick(fields);
    let text = random.pick(values);
    let value: Value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(*text));
    let Some((last, parents)) = path.split_last() else { return };
    let mut at = into;
    for parent in parents {
        let next = at.entry(*parent).or_insert_with(|| json!({}));
        if !next.is_object() {
            *next = json!({});
        }
        let Some(next) = next.as_object_mut() else { return };
        at = next;
    }
    at.insert((*last).into(), value);
}

fn volume(random: &mut Random, spec: &mut Map<String, Value>) {
    let volumes = spec.entry("volumes").or_insert_with(|| json!([]));
    let Some(volumes) = volumes.as_array_mut() else { return };
    let text = random.pick(VOLUMES);
    let mut volume: Value = serde_json::from_str(text).unwrap_or_default();
    volume["name"] = format!("v{}", volumes.len()).into();
    volumes.push(volume);
}

/// Sets seccomp and AppArmor profiles in the old annotations.
fn annotate(random: &mut Random, into: &mut Map<String, Value>, containers: &[String]) {
    let other = "other".to_owned();
    let container = if random.once_in(6) { &other } else { random.pick(containers) };
    let key = match random.below(4) {
        0 => "seccomp.security.alpha.kubernetes.io/pod".to_owned(),
        1 => format!("container.seccomp.security.alpha.kubernetes.io/{container}"),
        _ => format!("container.apparmor.security.beta.kubernetes.io/{container}"),
    };
    let values =
        ["runtime/default", "docker/default", "localhost/a", "localhost/", "unconfined", "", "x"];
    into.insert(key, (*random.pick(&values)).into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::fields;

    #[test]
    fn values_are_json() {
        for (path, values) in fields::all() {
            for text in *values {
                assert!(serde_json::from_str::<Value>(text).is_ok(), "{path:?}: {text}");
            }
        }
        for text in VOLUMES {
            assert!(serde_json::from_str::<Value>(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_seed_makes_the_same_pods_again() {
        let pods = |seed| {
            let mut random = Random(seed);
            (0..20).map(|_| pod(&mut random, "a").to_string()).collect::<Vec<_>>()
        };
        assert_eq!(pods(7), pods(7));
        assert_ne!(pods(7), pods(8));
    }
}
