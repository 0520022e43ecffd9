//! Edits of a component's flags, for fixes.
//!
//! A flag is in an element of `command` or `args` (`--flag=value`, or with the value in the next
//! element), in kubeadm's `extraArgs` (a map or a list, depending on the version), or for etcd in a
//! variable. A flag in a shell script is not edited.

use pavisade_model::kinds;
use pavisade_yaml::{Edit, Kind, Value};
use serde_json::json;

use super::flags::{is_flag, same_name, trim_quotes};
use super::{Component, Flags, command};
use crate::{Change, Place};

/// A flag in a command line.
struct Written<'a> {
    /// The element with its name.
    name: Value<'a>,
    /// The text before `=`, or the whole element: `--tls_min_version`.
    head: String,
    /// The next element, if it is the value.
    value: Option<Value<'a>>,
    /// Whether these are separate elements, not parts of a script.
    alone: bool,
}

impl<'a> Component<'a> {
    /// Returns the changes that set a flag to this value only. Empty if the text is not a list of
    /// flags or the value is from elsewhere.
    pub fn set_flag(self, name: &str, value: &str) -> Vec<Change<'a>> {
        if self.object.is(kinds::NODE_FACTS) {
            return Vec::new();
        }
        match self.flags {
            Flags::Container(container) => self.set_on_command(container, name, value),
            Flags::Kubeadm(base, path) => self.set_for_kubeadm(base, path, name, value),
        }
    }

    /// Returns the changes that remove a flag everywhere. Empty if that is not possible.
    pub fn remove_flag(self, name: &str) -> Vec<Change<'a>> {
        if self.object.is(kinds::NODE_FACTS) {
            return Vec::new();
        }
        let gone = |place: Value<'a>| Change { place: place.into(), edit: Edit::Remove };
        match self.flags {
            Flags::Container(container) => {
                let written = written(container, name);
                if written.iter().any(|flag| !flag.alone) {
                    return Vec::new();
                }
                let values = written.into_iter().flat_map(|flag| [Some(flag.name), flag.value]);
                values.flatten().map(gone).collect()
            }
            Flags::Kubeadm(base, path) => {
                entries(base.at(path), name).into_iter().map(|(entry, _)| gone(entry)).collect()
            }
        }
    }

    /// Returns the changes that set a list to exactly these elements. Without elements, the flag is
    /// removed.
    pub fn set_list(self, name: &str, elements: &[String]) -> Vec<Change<'a>> {
        if elements.is_empty() {
            return self.remove_flag(name);
        }
        self.set_flag(name, &elements.join(","))
    }

    fn set_on_command(self, container: Value<'a>, name: &str, value: &str) -> Vec<Change<'a>> {
        let mut written = written(container, name);
        if written.iter().any(|flag| !flag.alone) {
            return Vec::new();
        }
        let set = |place: Value<'a>, text: String| Change {
            place: place.into(),
            edit: Edit::Set(json!(text)),
        };
        let Some(last) = written.pop() else {
            if let Some(variable) = self.environment(container, name) {
                // If the place is the entry itself, the value is from a ConfigMap or Secret.
                let own = variable.place.kind() != Kind::Mapping;
                return own.then(|| set(variable.place, value.to_owned())).into_iter().collect();
            }
            return append(container, format!("--{name}={value}"));
        };
        let mut changes = vec![set(last.name, format!("{}={value}", last.head))];
        // `--flag value` becomes one element, because the other form is invalid for booleans.
        let gone = written.into_iter().flat_map(|flag| [Some(flag.name), flag.value]);
        let gone = gone.chain([last.value]).flatten();
        changes.extend(gone.map(|place| Change { place: place.into(), edit: Edit::Remove }));
        changes
    }

    fn set_for_kubeadm(
        self,
        base: Value<'a>,
        path: &[&str],
        name: &str,
        value: &str,
    ) -> Vec<Change<'a>> {
        let arguments = base.at(path).filter(|arguments| !arguments.is_null());
        let mut entries = entries(arguments, name);
        if let Some((_, place)) = entries.pop() {
            let mut changes = vec![Change { place, edit: Edit::Set(json!(value)) }];
            let gone = entries.into_iter().map(|(entry, _)| entry);
            changes.extend(gone.map(|place| Change { place: place.into(), edit: Edit::Remove }));
            return changes;
        }
        let is_list = match arguments {
            Some(arguments) => arguments.kind() == Kind::Sequence,
            // kubeadm v1beta4, and Cluster API v1beta2, which follows it.
            None => matches!(
                (self.object.group(), self.object.version()),
                ("kubeadm.k8s.io", "v1beta4")
                    | ("controlplane.cluster.x-k8s.io" | "bootstrap.cluster.x-k8s.io", "v1beta2")
            ),
        };
        if is_list {
            let element = json!({ "name": name, "value": value });
            return vec![Change { place: Place::field(base, path), edit: Edit::Append(element) }];
        }
        let mut path = path.to_vec();
        path.push(name);
        vec![Change { place: Place::field(base, &path), edit: Edit::Set(json!(value)) }]
    }
}

/// Appends an element.
fn append(container: Value<'_>, element: String) -> Vec<Change<'_>> {
    let Some(command) = command::read(container) else { return Vec::new() };
    if command.is_script || command.words.iter().any(|word| word.text == "--") {
        return Vec::new();
    }
    let filled = |list: &&str| container.list(list).next().is_some();
    let Some(list) = ["args", "command"].into_iter().find(filled) else { return Vec::new() };
    vec![Change { place: Place::field(container, &[list]), edit: Edit::Append(json!(element)) }]
}

/// Returns every occurrence of a flag in a command line, like `command_flags`.
fn written<'a>(container: Value<'a>, name: &str) -> Vec<Written<'a>> {
    let Some(command) = command::read(container) else { return Vec::new() };
    let is_element =
        |word: &command::Word<'a>| word.place.scalar_text().is_some_and(|t| t == word.text);
    let mut found = Vec::new();
    let mut words = command.words.into_iter().peekable();
    while let Some(word) = words.next() {
        let text = trim_quotes(&word.text);
        if text == "--" {
            break;
        }
        let bare = text.strip_prefix("--").or_else(|| text.strip_prefix('-'));
        let Some(bare) = bare else { continue };
        let joined = bare.contains('=');
        let head = bare.split('=').next().unwrap_or(bare);
        if !same_name(head, name) {
            continue;
        }
        let next = if joined { None } else { words.next_if(|next| !is_flag(&next.text)) };
        let alone = is_element(&word) && next.as_ref().is_none_or(is_element);
        let head = text.split('=').next().unwrap_or(text).to_owned();
        found.push(Written { name: word.place, head, value: next.map(|n| n.place), alone });
    }
    found
}

/// Returns the entries of `extraArgs` that are removed with a flag, and the place of its value.
fn entries<'a>(arguments: Option<Value<'a>>, name: &str) -> Vec<(Value<'a>, Place<'a>)> {
    let Some(arguments) = arguments else { return Vec::new() };
    if arguments.kind() == Kind::Sequence {
        let named = |item: &Value<'a>| item.str("name").is_some_and(|n| same_name(n, name));
        let found = arguments.items().filter(named);
        return found.map(|item| (item, Place::field(item, &["value"]))).collect();
    }
    let named = arguments.entries().filter(|(written, _)| same_name(written, name));
    named.map(|(_, value)| (value, value.into())).collect()
}
