//! Field paths, from a value's parents.

use pavisade_yaml::{Kind, Value, to_json};
use sha2::{Digest as _, Sha256};

/// Keys by which Kubernetes merges list elements, in the order in which they are tried.
const MERGE_KEYS: [&str; 7] =
    ["name", "mountPath", "devicePath", "containerPort", "port", "key", "host"];

/// The path of a value below `root`, list elements by their merge key or index:
/// `spec.containers[name=web].ports[0]`.
pub fn display_path(root: Value<'_>, value: Value<'_>) -> String {
    path(root, value, |element, index| merge_key(element).unwrap_or_else(|| index.to_string()))
}

/// The path of a value below `root` that survives reordering: list elements by their merge key,
/// or by a hash of their content where they have none.
pub fn stable_path(root: Value<'_>, value: Value<'_>) -> String {
    path(root, value, |element, _| {
        merge_key(element).unwrap_or_else(|| {
            let hash = Sha256::digest(to_json(element));
            hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
        })
    })
}

fn path(root: Value<'_>, value: Value<'_>, element: impl Fn(Value<'_>, usize) -> String) -> String {
    let mut steps = Vec::new();
    let mut at = value;
    while at.id() != root.id() {
        let Some(parent) = at.parent() else { break };
        steps.push(match parent.kind() {
            Kind::Sequence => {
                let index = parent.items().position(|item| item.id() == at.id()).unwrap_or(0);
                format!("[{}]", element(at, index))
            }
            _ => at.key().unwrap_or("").to_owned(),
        });
        at = parent;
    }
    let mut path = String::new();
    for step in steps.iter().rev() {
        if step.starts_with('[') {
            path.push_str(step);
        } else {
            push_field(&mut path, step);
        }
    }
    path
}

/// Appends a field's name: `.name`, or `["odd name"]`.
fn push_field(path: &mut String, name: &str) {
    let plain = !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '$'));
    if !plain {
        path.push_str(&format!("[{name:?}]"));
    } else {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(name);
    }
}

fn merge_key(element: Value<'_>) -> Option<String> {
    if element.kind() != Kind::Mapping {
        return None;
    }
    MERGE_KEYS.iter().find_map(|key| {
        let value = element.get(key)?.scalar_text()?;
        Some(format!("{key}={value}"))
    })
}
