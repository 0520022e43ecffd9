//! Components of the control plane and their flags, from static pods and kubeadm's files.

use std::borrow::Cow;

use pavisade_snapshot::{Object, Pod};
use pavisade_yaml::{Kind, Value};

use crate::Place;

/// Where a component's flags were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagSource {
    /// A pod's command line: all flags are here, the rest has the component's own defaults.
    CommandLine,
    /// kubeadm's configuration: it adds flags of its own to these.
    Kubeadm,
}

/// A component of the control plane with its flags.
#[derive(Debug, Clone, Copy)]
pub struct Component<'a> {
    object: &'a Object,
    name: &'static str,
    source: FlagSource,
    /// The container, or kubeadm's section for the component.
    value: Value<'a>,
}

/// One flag that is set.
#[derive(Debug, Clone)]
pub struct Flag<'a> {
    /// Its value; `true` for a flag without one.
    pub value: Cow<'a, str>,
    /// Where it is set.
    pub place: Value<'a>,
}

const COMPONENTS: [&str; 4] =
    ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"];

/// Sections of kubeadm's `ClusterConfiguration` with the component that each configures.
const KUBEADM_SECTIONS: [(&[&str], &str); 4] = [
    (&["apiServer"], "kube-apiserver"),
    (&["controllerManager"], "kube-controller-manager"),
    (&["scheduler"], "kube-scheduler"),
    (&["etcd", "local"], "etcd"),
];

/// Whether it is a component of the control plane as kubeadm's static pods run it: in the node's
/// network, and nothing but components. What asks for more of the node is judged as any pod.
pub(crate) fn is_control_plane(pod: Pod<'_>) -> bool {
    let on = |field: &str| pod.at(&[field]).and_then(Value::as_bool) == Some(true);
    let privileged = |c: &pavisade_snapshot::Container<'_>| {
        c.security(&["privileged"]).and_then(Value::as_bool) == Some(true)
    };
    pod.object().kind() == "Pod"
        && pod.object().namespace() == "kube-system"
        && (on("hostNetwork") && !on("hostPID") && !on("hostIPC"))
        && pod.containers().next().is_some()
        && pod.containers().all(|c| component_name(c.value()).is_some() && !privileged(&c))
}

/// The components that an object configures.
pub(crate) fn components(object: &Object) -> Vec<Component<'_>> {
    if object.kind() == "ClusterConfiguration" && object.group() == "kubeadm.k8s.io" {
        let sections = KUBEADM_SECTIONS.iter();
        let of = sections.map(|&(path, name)| Component {
            object,
            name,
            source: FlagSource::Kubeadm,
            value: object.at(path).unwrap_or_else(|| object.value()),
        });
        // Without a section for a local etcd there may be an external one.
        return of
            .filter(|c| c.name != "etcd" || object.at(&["etcd", "local"]).is_some())
            .collect();
    }
    let containers = object.pods().flat_map(Pod::containers);
    let of = containers.filter_map(|container| {
        let name = component_name(container.value())?;
        let source = FlagSource::CommandLine;
        Some(Component { object, name, source, value: container.value() })
    });
    of.collect()
}

/// The component that a container runs, by its program (or the first words of a shell's line).
fn component_name(container: Value<'_>) -> Option<&'static str> {
    let words = command_line(container).take(8).flat_map(|(word, _)| word.split_whitespace());
    for word in words.filter(|w| !w.starts_with('-')) {
        let program = word.rsplit('/').next().unwrap_or(word);
        if let Some(name) = COMPONENTS.into_iter().find(|name| *name == program) {
            return Some(name);
        }
    }
    None
}

fn command_line(container: Value<'_>) -> impl Iterator<Item = (&str, Value<'_>)> {
    ["command", "args"]
        .into_iter()
        .flat_map(move |list| container.list(list))
        .filter_map(|value| Some((value.as_str()?, value)))
}

impl<'a> Component<'a> {
    /// The object that configures it.
    pub fn object(self) -> &'a Object {
        self.object
    }

    /// `kube-apiserver`, `kube-controller-manager`, `kube-scheduler` or `etcd`.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// Where its flags were read.
    pub fn source(self) -> FlagSource {
        self.source
    }

    /// A flag by its name without dashes; of one that is repeated, the last, as the component
    /// takes it.
    pub fn flag(self, name: &str) -> Option<Flag<'a>> {
        match self.source {
            FlagSource::CommandLine => self.command_flag(name),
            FlagSource::Kubeadm => self.kubeadm_flag(name),
        }
    }

    /// The elements of a flag that is a list with commas.
    pub fn flag_list(self, name: &str) -> Vec<String> {
        let flag = self.flag(name);
        let values = flag.iter().flat_map(|f| f.value.split(','));
        values.map(|v| v.trim().to_owned()).filter(|v| !v.is_empty()).collect()
    }

    /// Where a flag stands, or where it would stand.
    pub fn place(self, name: &str) -> Place<'a> {
        match (self.flag(name), self.source) {
            (Some(flag), _) => flag.place.into(),
            (None, FlagSource::Kubeadm) => Place::field(self.value, &["extraArgs"]),
            (None, FlagSource::CommandLine) => {
                let list = ["command", "args"].iter().find_map(|list| self.value.get(list));
                Place::At(list.unwrap_or(self.value), format!("--{name}").into())
            }
        }
    }

    fn command_flag(self, name: &str) -> Option<Flag<'a>> {
        let words: Vec<_> = command_line(self.value).collect();
        let mut found = None;
        for (i, &(word, place)) in words.iter().enumerate() {
            // A shell's line holds many words in one element; a flag's value may hold blanks.
            let shell = word.contains('\n')
                || word.split_whitespace().nth(1).is_some_and(|w| w.starts_with('-'));
            let parts: Vec<_> = if shell { word.split_whitespace().collect() } else { vec![word] };
            for (j, part) in parts.iter().enumerate() {
                let Some(rest) = part.strip_prefix("--").or_else(|| part.strip_prefix('-')) else {
                    continue;
                };
                let Some(rest) = rest.strip_prefix(name) else { continue };
                let value = match rest.strip_prefix('=') {
                    Some(value) => value,
                    None if rest.is_empty() => {
                        let next = parts.get(j + 1).copied();
                        let next = next.or_else(|| words.get(i + 1).map(|(word, _)| *word));
                        next.filter(|w| !w.starts_with('-')).unwrap_or("true")
                    }
                    None => continue,
                };
                let value = value.trim_matches(['"', '\'', '\\']);
                found = Some(Flag { value: value.into(), place });
            }
        }
        found
    }

    /// `extraArgs`: a map up to v1beta3, a list of name and value from v1beta4 on.
    fn kubeadm_flag(self, name: &str) -> Option<Flag<'a>> {
        let arguments = self.value.get("extraArgs")?;
        let value = match arguments.kind() {
            Kind::Sequence => {
                let named = arguments.items().filter(|i| i.str("name") == Some(name));
                named.last()?.get("value")?
            }
            _ => arguments.get(name)?,
        };
        Some(Flag { value: value.scalar_text()?, place: value })
    }
}
