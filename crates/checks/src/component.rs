//! Control plane components and their flags, from static pods and kubeadm configurations.

mod command;
mod edit;
mod flags;
mod kubeadm;
mod listening;

use std::borrow::Cow;

use pavisade_model::{Gap, GroupKind, Program, kinds};
use pavisade_snapshot::{Object, Pod, WorldKind};
use pavisade_yaml::{Kind, Value};

use crate::field::go_bool;
use crate::{Claim, Place, Verdict, View, Why};

use flags::{command_flags, kubeadm_flags};
pub use listening::{Listening, listening};

/// The source of a component's flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagSource {
    /// The command line of a pod. It has all flags; others have the component's defaults.
    CommandLine,
    /// A kubeadm configuration. kubeadm adds its own flags, which are known.
    Kubeadm,
}

/// A control plane component or a kubelet, with its flags.
#[derive(Debug, Clone, Copy)]
pub struct Component<'a> {
    object: &'a Object,
    name: &'static str,
    flags: Flags<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Flags<'a> {
    /// The container's `command` and `args`.
    Container(Value<'a>),
    /// A map or list at a path in kubeadm's configuration.
    Kubeadm(Value<'a>, &'static [&'static str]),
}

/// A flag that is set.
#[derive(Debug, Clone)]
pub struct Flag<'a> {
    /// The value, or `true` for a flag without one.
    pub value: Cow<'a, str>,
    /// Where it is set. For kubeadm's own flags, its configuration.
    pub place: Value<'a>,
    /// Whether it is written as `--flag value`, which boolean flags do not support.
    apart: bool,
}

impl Flag<'_> {
    /// Returns the value, unless it contains variables or templates.
    pub fn text(&self) -> Option<&str> {
        let open = ["$(", "${", "`", "{{"].iter().any(|mark| self.value.contains(mark));
        (!open && !self.value.starts_with('$')).then_some(&*self.value)
    }

    /// Returns the value of a boolean flag, parsed like Go's `strconv.ParseBool`.
    pub fn bool(&self) -> Option<bool> {
        self.text().filter(|_| !self.apart).and_then(go_bool)
    }
}

/// Whether it is a control plane pod as in kubeadm's static pods: on the host network, with only
/// components. A pod with further access to the node is checked like any other, and so is a pod in
/// a cluster that is not from a kubelet.
pub(crate) fn is_control_plane(pod: Pod<'_>, world: WorldKind) -> bool {
    let on = |field: &str| pod.at(&[field]).and_then(Value::as_bool) == Some(true);
    let privileged = |c: &pavisade_snapshot::Container<'_>| {
        c.security(&["privileged"]).and_then(Value::as_bool) == Some(true)
    };
    let runs_component = |c: pavisade_snapshot::Container<'_>| {
        command::read(c.value()).is_some_and(|command| command.program != "kubelet")
    };
    let adds = |c: &pavisade_snapshot::Container<'_>| {
        c.security(&["capabilities", "add"]).is_some_and(|added| {
            added.items().any(|a| a.as_str().is_none_or(|a| a != "NET_BIND_SERVICE"))
        })
    };
    let mounts = |volume: Value<'_>| {
        volume.get("hostPath").filter(|source| !source.is_null()).is_some_and(|source| {
            source.str("path").is_none_or(|path| WHOLE.contains(&path.trim_end_matches('/')))
                || source.str("path").is_some_and(|path| path.ends_with(".sock"))
        })
    };
    pod.object().kind() == "Pod"
        && (!world.is_live() || pod.object().is_mirror_pod())
        && pod.object().namespace() == "kube-system"
        && (on("hostNetwork") && !on("hostPID") && !on("hostIPC"))
        && pod.containers().next().is_some()
        && pod.containers().all(|c| runs_component(c) && !privileged(&c) && !adds(&c))
        && !pod.volumes().any(mounts)
}

/// Directories of a node that no component needs completely.
const WHOLE: [&str; 24] = [
    "",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/home",
    "/lib",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/usr/bin",
    "/usr/local",
    "/usr/local/bin",
    "/var",
    "/var/lib",
    "/var/lib/containerd",
    "/var/lib/docker",
    "/var/lib/kubelet",
    "/var/lib/kubelet/pods",
    "/var/run",
];

/// Whether an object configures components.
pub(crate) fn configures(object: &Object) -> bool {
    if object.is(kinds::NODE_FACTS) {
        object.value().list("processes").any(|process| command::read(process).is_some())
    } else if object.has_pods() {
        object.pods().flat_map(Pod::containers).any(|c| command::read(c.value()).is_some())
    } else {
        kubeadm::is_kubeadm(object)
    }
}

/// Returns the program that a configuration file is for.
pub(crate) fn configured_by(file: &Object) -> Option<Program> {
    Some(match file.kind() {
        "KubeletConfiguration" => Program::Kubelet,
        "KubeSchedulerConfiguration" => Program::Scheduler,
        "AuthenticationConfiguration"
        | "AuthorizationConfiguration"
        | "AdmissionConfiguration"
        | "EncryptionConfiguration"
        | "EncryptionConfig"
        | "Policy" => Program::ApiServer,
        _ => return None,
    })
}

/// Returns the components that an object configures.
pub fn components(object: &Object) -> Vec<Component<'_>> {
    if kubeadm::is_kubeadm(object) {
        let sections = kubeadm::sections(object).into_iter();
        let of = sections.map(|section| Component {
            object,
            name: section.program,
            flags: Flags::Kubeadm(section.base, section.path),
        });
        return of.collect();
    }
    let of = |value| {
        let name = command::read(value)?.program;
        Some(Component { object, name, flags: Flags::Container(value) })
    };
    // The processes in the facts about a node have the fields of a container.
    if object.is(kinds::NODE_FACTS) {
        return object.value().list("processes").filter_map(of).collect();
    }
    object.pods().flat_map(Pod::containers).filter_map(|container| of(container.value())).collect()
}

impl<'a> Component<'a> {
    /// Judges the component if it has this name. A check does not apply to others.
    pub(crate) fn judged(
        self,
        name: &str,
        judge: impl FnOnce(Self) -> Result<Verdict<'a>, Claim<'a>>,
    ) -> Verdict<'a> {
        match self.name() == name {
            true => judge(self).unwrap_or_else(Verdict::from),
            false => Verdict::NotApplicable,
        }
    }

    /// Returns the object that configures it.
    pub fn object(self) -> &'a Object {
        self.object
    }

    /// Returns `kube-apiserver`, `kube-controller-manager`, `kube-scheduler`, `etcd` or `kubelet`.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// Returns the source of its flags.
    pub fn source(self) -> FlagSource {
        match self.flags {
            Flags::Container(_) => FlagSource::CommandLine,
            Flags::Kubeadm(..) => FlagSource::Kubeadm,
        }
    }

    /// Returns a flag by its name without dashes. Of a repeated flag the last applies, as in the
    /// component. For kubeadm's own flags, returns kubeadm's value.
    pub fn flag(self, name: &str) -> Option<Flag<'a>> {
        self.own_flags(name).pop().or_else(|| match self.flags {
            Flags::Container(container) => self.environment(container, name),
            Flags::Kubeadm(base, _) => self.kubeadm_default(base, name),
        })
    }

    /// Returns the elements of a comma-separated flag. Repeated flags are concatenated (pflag's
    /// `StringSlice`). Empty if absent.
    pub fn flag_list(self, name: &str) -> Vec<String> {
        let mut flags = self.own_flags(name);
        if flags.is_empty() {
            flags.extend(self.flag(name));
        }
        let values = flags.iter().flat_map(|f| f.value.split(','));
        values.map(|v| v.trim().to_owned()).filter(|v| !v.is_empty()).collect()
    }

    /// Returns every occurrence of a flag, in order.
    pub fn flags(self, name: &str) -> Vec<Flag<'a>> {
        let own = self.own_flags(name);
        if own.is_empty() { self.flag(name).into_iter().collect() } else { own }
    }

    /// Returns the location of a flag, or where it would be.
    pub fn place(self, name: &str) -> Place<'a> {
        match (self.own_flags(name).pop(), self.flags) {
            (Some(flag), _) => flag.place.into(),
            (None, Flags::Kubeadm(base, path)) => match self.of_external_etcd(base, name) {
                Some((external, field)) => Place::field(external, &[field]),
                None => Place::field(base, path),
            },
            (None, Flags::Container(container)) => {
                let list = ["command", "args"].iter().find_map(|list| container.get(list));
                Place::At(list.unwrap_or(container), format!("--{name}").into())
            }
        }
    }

    /// Returns the reason why the absence of a flag proves nothing, if so.
    pub fn hidden_flags(self) -> Option<String> {
        let Flags::Container(container) = self.flags else { return None };
        let words = command::read(container)?.words;
        let open = |w: &&command::Word<'_>| w.text.starts_with(['$', '`']) || w.text.contains("{{");
        if let Some(word) = words.iter().find(open) {
            return Some(format!("`{}` may contain more flags", word.text));
        }
        if self.name == "etcd" && container.list("envFrom").next().is_some() {
            return Some(
                "etcd also reads flags from environment variables, and `envFrom` may contain more"
                    .to_owned(),
            );
        }
        // OpenShift's API server reads its settings only from this file.
        let file = self.flag("openshift-config")?;
        Some(format!("its settings are in `{}`, which was not read", file.value))
    }

    /// Returns a claim if etcd reads a configuration file, with which it ignores all flags and
    /// variables.
    pub(crate) fn hidden_by_file(self) -> Option<Claim<'a>> {
        if self.name != "etcd" {
            return None;
        }
        let file = self.flag(CONFIG_FILE).filter(|file| !file.value.is_empty())?;
        let why = format!("etcd reads its settings from the file `{}`", file.value);
        Some(Claim::unknown(file.place, self.settings(why)))
    }

    /// Creates the reason that settings of this program are not known.
    fn settings(self, why: String) -> Why {
        match Program::named(self.name) {
            Some(program) => Why::of(Gap::Settings(program), why),
            None => why.into(),
        }
    }

    /// Returns a flag with a known value, or `None` if it is proven to be absent.
    ///
    /// # Errors
    /// A claim if it cannot be determined.
    pub fn known(self, name: &str) -> Result<Option<Flag<'a>>, Claim<'a>> {
        if name != CONFIG_FILE
            && let Some(claim) = self.hidden_by_file()
        {
            return Err(claim);
        }
        let flags = self.flags(name);
        if let Some(flag) = flags.iter().find(|flag| flag.text().is_none()) {
            let why = format!("the value of `--{name}` is `{}`, set elsewhere", flag.value);
            return Err(Claim::unknown(self.place(name), Why::of(Gap::Value, why)));
        }
        match flags.into_iter().next_back() {
            Some(flag) => Ok(Some(flag)),
            None => match self.hidden_flags() {
                Some(hidden) => {
                    let why = self.settings(format!("`--{name}` was not found: {hidden}"));
                    Err(Claim::unknown(self.place(name), why).evidence(hidden))
                }
                None => Ok(None),
            },
        }
    }

    /// Returns a boolean flag, or its default if it is proven to be absent.
    ///
    /// # Errors
    /// A claim if it cannot be determined.
    pub fn known_bool(self, name: &str, default: bool) -> Result<bool, Claim<'a>> {
        let Some(flag) = self.known(name)? else { return Ok(default) };
        flag.bool().ok_or_else(|| {
            let why = if flag.apart {
                format!("`--{name} {}` does not set a boolean: write it with `=`", flag.value)
            } else {
                format!("`--{name}={}` is not a boolean", flag.value)
            };
            Claim::unknown(self.place(name), Why::of(Gap::Form, why))
        })
    }

    /// Returns a list like [`Component::flag_list`], or `None` if it is proven to be absent.
    ///
    /// # Errors
    /// A claim if it cannot be determined.
    pub fn known_list(self, name: &str) -> Result<Option<Vec<String>>, Claim<'a>> {
        Ok(self.known(name)?.map(|_| self.flag_list(name)))
    }

    /// Returns the verdict on a setting in a file that a flag refers to. The file is checked
    /// itself, so this does not apply if a file of its kind was read, and is unknown otherwise.
    /// `None` if the flag is absent.
    pub(crate) fn left_to_file(
        self,
        name: &str,
        kind: GroupKind,
        cx: &View<'a>,
    ) -> Option<Verdict<'a>> {
        let flag = match self.known(name) {
            Ok(flag) => flag.filter(|flag| !flag.value.is_empty())?,
            Err(claim) => return Some(claim.into()),
        };
        if self.has_file(kind, cx) {
            return Some(Verdict::NotApplicable);
        }
        let why = match cx.is_live() {
            true => format!(
                "`--{name}` refers to `{}`, a file on the node, which the API does not expose",
                flag.value
            ),
            false => format!(
                "`--{name}` refers to `{}`, and these files contain no matching {}",
                flag.value, kind.kind
            ),
        };
        Some(Verdict::unknown(self.place(name), self.settings(why)))
    }

    /// Returns the node that it runs on, if that is known.
    pub(crate) fn node(self) -> Option<&'a str> {
        match self.object.is(kinds::NODE_FACTS) {
            true => Some(self.object.name()),
            false => self.object.at(&["spec", "nodeName"]).and_then(Value::as_str),
        }
    }

    /// Whether a file of a kind was read that may be this component's: one from a node is only that
    /// of components on the same node.
    pub(crate) fn has_file(self, kind: GroupKind, cx: &View<'a>) -> bool {
        let node = self.node();
        let mut files = cx.list(kind).objects.into_iter();
        files.any(|file| file.from_node().is_none_or(|of| Some(of) == node))
    }

    /// Returns the verdict if a kubelet reads settings without a flag from a file, whose defaults
    /// are safe: kubeadm and `--config` provide one. `None` if the unsafe defaults of flags apply.
    pub(crate) fn kubelet_file(self, cx: &View<'a>) -> Option<Verdict<'a>> {
        match self.source() {
            FlagSource::Kubeadm => Some(Verdict::NotApplicable),
            FlagSource::CommandLine => {
                let file = self.left_to_file("config", kinds::KUBELET_CONFIGURATION, cx);
                file.or_else(|| self.left_to_file("config-dir", kinds::KUBELET_CONFIGURATION, cx))
            }
        }
    }

    /// Returns every occurrence of a flag in the text.
    fn own_flags(self, name: &str) -> Vec<Flag<'a>> {
        match self.flags {
            Flags::Container(container) => command_flags(container, name),
            Flags::Kubeadm(base, path) => {
                base.at(path).map(|arguments| kubeadm_flags(arguments, name)).unwrap_or_default()
            }
        }
    }

    /// etcd reads `ETCD_…` variables for flags that are not set.
    fn environment(self, container: Value<'a>, name: &str) -> Option<Flag<'a>> {
        if self.name != "etcd" {
            return None;
        }
        let variable = format!("ETCD_{}", name.to_ascii_uppercase().replace('-', "_"));
        // An empty variable is not set.
        let is_empty = |entry: &Value<'_>| entry.str("value") == Some("");
        let entry =
            container.list("env").filter(|e| e.str("name") == Some(variable.as_str())).last();
        let entry = entry.filter(|entry| !is_empty(entry))?;
        match entry.get("value").filter(|v| !v.is_null()) {
            Some(value) => Some(Flag { value: value.scalar_text()?, place: value, apart: false }),
            // From a ConfigMap or Secret.
            None => {
                Some(Flag { value: format!("$({variable})").into(), place: entry, apart: false })
            }
        }
    }

    fn kubeadm_default(self, base: Value<'a>, name: &str) -> Option<Flag<'a>> {
        // kubeadm omits the mode if the file is set, because the two are mutually exclusive.
        let replaced =
            name == "authorization-mode" && !self.own_flags("authorization-config").is_empty();
        if let Some((external, field)) = self.of_external_etcd(base, name) {
            let place = external.get(field).filter(|value| !value.is_null())?;
            let value = match place.kind() {
                Kind::Sequence => place
                    .items()
                    .filter_map(Value::scalar_text)
                    .collect::<Vec<_>>()
                    .join(",")
                    .into(),
                _ => place.scalar_text()?,
            };
            return (!value.is_empty()).then_some(Flag { value, place, apart: false });
        }
        let value = kubeadm::default(self.name, name).filter(|_| !replaced)?;
        Some(Flag { value: value.into(), place: base, apart: false })
    }

    fn of_external_etcd(self, base: Value<'a>, name: &str) -> Option<(Value<'a>, &'static str)> {
        (self.name == "kube-apiserver").then(|| kubeadm::of_external_etcd(base, name)).flatten()
    }
}

/// The flag for the file with all settings of etcd.
const CONFIG_FILE: &str = "config-file";

#[cfg(test)]
mod tests;
