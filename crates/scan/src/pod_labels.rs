//! Labels by which a namespace asks for a Pod Security level, and those that it should have.

use pavisade_checks::components;
use pavisade_model::{KubernetesVersion, kinds};
use pavisade_snapshot::{Object, World};
use pavisade_yaml::Value;

use crate::pod_security::{Level, NamespaceSecurity, Standing};

const PREFIX: &str = "pod-security.kubernetes.io/";

/// What a namespace's labels say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels {
    /// `enforce`.
    pub enforce: Option<Level>,
    /// `enforce-version`, where it pins a version.
    pub enforced_minor: Option<u32>,
    /// `audit`.
    pub audit: Option<Level>,
    /// `warn`.
    pub warn: Option<Level>,
    /// One of them is no level or no version.
    pub invalid: bool,
}

impl Labels {
    pub(crate) fn of(namespace: &Object) -> Self {
        let mut labels = Self::default();
        let all = namespace.at(&["metadata", "labels"]);
        for (key, value) in all.into_iter().flat_map(Value::entries) {
            let Some(mode) = key.strip_prefix(PREFIX) else { continue };
            let text = value.as_str().unwrap_or("");
            let level = Level::read(text);
            match mode {
                "enforce" => labels.enforce = level,
                "audit" => labels.audit = level,
                "warn" => labels.warn = level,
                "enforce-version" => labels.enforced_minor = minor(text),
                _ => {}
            }
            let bad = match mode {
                "enforce" | "audit" | "warn" => level.is_none(),
                "enforce-version" | "audit-version" | "warn-version" => {
                    text != "latest" && minor(text).is_none()
                }
                _ => false,
            };
            labels.invalid |= bad;
        }
        labels
    }
}

fn minor(version: &str) -> Option<u32> {
    let minor = version.strip_prefix("v1.")?;
    let good = minor == "0" || !minor.starts_with(['0', '+']);
    good.then(|| minor.parse().ok()).flatten()
}

/// The flag by which an API server reads the configuration of its admission.
const CONFIGURATION: &str = "admission-control-config-file";

/// Whether every API server of the files is known to read no configuration of admission. Where none
/// is among the files, the one that reads them is elsewhere.
fn is_idle(world: &World) -> bool {
    let servers = world.objects().flat_map(components).filter(|c| c.name() == "kube-apiserver");
    let mut servers =
        servers.map(|server| matches!(server.known(CONFIGURATION), Ok(None))).peekable();
    servers.peek().is_some() && servers.all(|idle| idle)
}

/// Whether a file of the API server's admission exempts the namespace.
pub(crate) fn exempt(world: &World, namespace: &str) -> bool {
    let named = |configuration: Value<'_>| {
        let names = configuration.at(&["exemptions", "namespaces"]);
        names.is_some_and(|names| names.items().any(|name| name.as_str() == Some(namespace)))
    };
    let plugins =
        world.of_kind(kinds::ADMISSION_CONFIGURATION).flat_map(|file| file.value().list("plugins"));
    let mut of_plugins = plugins
        .filter(|plugin| plugin.str("name") == Some("PodSecurity"))
        .filter_map(|plugin| plugin.get("configuration"));
    let mut own = world.of_kind(kinds::POD_SECURITY_CONFIGURATION).map(Object::value);
    (of_plugins.any(named) || own.any(named)) && !is_idle(world)
}

impl NamespaceSecurity {
    /// The labels to set, with their values; none where there is nothing to set: what is enforced
    /// is never weakened, and nothing is enforced that is not proven to be met.
    pub fn wanted(&self, kubernetes: KubernetesVersion) -> Vec<(String, String)> {
        let takes = match self.standing {
            Standing::Weaker | Standing::Fits => true,
            // Files need not write their namespaces down; of a cluster's nothing is known then.
            Standing::Unread => !self.live,
            // What will run in a namespace without workloads is not known.
            Standing::Stricter
            | Standing::Unproven
            | Standing::Invalid
            | Standing::Exempt
            | Standing::System
            | Standing::Empty => false,
        };
        if !takes || !is_label(&self.name) {
            return Vec::new();
        }
        let labels = self.labels.clone().unwrap_or_default();
        let mut wanted = Vec::new();
        let mut set = |mode: &str, level: Level| {
            wanted.push((format!("{PREFIX}{mode}"), level.name().to_owned()));
            wanted.push((format!("{PREFIX}{mode}-version"), format!("v{kubernetes}")));
        };
        if labels.enforce.unwrap_or(Level::Privileged) < self.met {
            set("enforce", self.met);
        }
        // What the next level would refuse is told before it is refused.
        if let Some(next) = self.met.next() {
            for (mode, level) in [("audit", labels.audit), ("warn", labels.warn)] {
                if level.is_none_or(|level| level < next) {
                    set(mode, next);
                }
            }
        }
        wanted
    }
}

/// Whether it can be the name of a namespace (RFC 1123), and is no template.
fn is_label(name: &str) -> bool {
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&name.len())
        && name.bytes().all(good)
        && !name.starts_with('-')
        && !name.ends_with('-')
}
