//! Which authorizers an API server asks, and in which order.
//!
//! The first that allows or denies decides; one without an opinion leaves it to the next. RBAC, Node,
//! ABAC and AlwaysDeny never deny in that sense. A webhook may answer anything, so what comes behind
//! one is never certain.

use pavisade_model::kinds;
use pavisade_snapshot::{Object, View};
use pavisade_yaml::Value;

/// One authorizer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// What kubelets may do.
    Node,
    /// Roles and bindings.
    Rbac,
    /// A server that is asked, by its name.
    Webhook(String),
    /// A file of policies, which is not read.
    Abac,
    /// Everything is allowed that nothing before it denies.
    AlwaysAllow,
    /// Nothing; no opinion, in fact.
    AlwaysDeny,
    /// A mode that is not known here.
    Other(String),
}

impl Step {
    fn read(mode: &str, name: &str) -> Self {
        match mode {
            "Node" => Self::Node,
            "RBAC" => Self::Rbac,
            "Webhook" => Self::Webhook(name.to_owned()),
            "ABAC" => Self::Abac,
            "AlwaysAllow" => Self::AlwaysAllow,
            "AlwaysDeny" => Self::AlwaysDeny,
            other => Self::Other(other.to_owned()),
        }
    }

    /// What users call it.
    pub fn name(&self) -> String {
        match self {
            Self::Node => "Node".to_owned(),
            Self::Rbac => "RBAC".to_owned(),
            Self::Webhook(name) if name.is_empty() => "Webhook".to_owned(),
            Self::Webhook(name) => format!("Webhook {name}"),
            Self::Abac => "ABAC".to_owned(),
            Self::AlwaysAllow => "AlwaysAllow".to_owned(),
            Self::AlwaysDeny => "AlwaysDeny".to_owned(),
            Self::Other(mode) => mode.clone(),
        }
    }

    /// Why it cannot be said what it answers; `None` where it can.
    pub(crate) fn doubt(&self) -> Option<String> {
        let why = match self {
            Self::Webhook(_) => "what the server behind it answers is not known",
            Self::Abac => "its policy file is not read",
            Self::Other(_) => "this authorizer is not known here",
            Self::Node | Self::Rbac | Self::AlwaysAllow | Self::AlwaysDeny => return None,
        };
        Some(format!("authorizer {} is asked too, and {why}", self.name()))
    }

    /// Whether it may deny what a later one would allow. ABAC allows or has no opinion.
    pub(crate) fn may_deny(&self) -> bool {
        matches!(self, Self::Webhook(_) | Self::Other(_))
    }
}

/// The authorizers of one API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// In their order.
    pub steps: Vec<Step>,
    /// Where it is said; `None` where nothing says it, and the usual Node and RBAC are assumed.
    pub said_in: Option<String>,
}

impl Default for Chain {
    fn default() -> Self {
        Self { steps: vec![Step::Node, Step::Rbac], said_in: None }
    }
}

impl Chain {
    /// What a world says of its API server: a static pod's `--authorization-mode`, or the
    /// AuthorizationConfiguration that its flag names or, where no API server was read, that is there.
    /// Of several that differ nothing follows.
    pub(crate) fn of(view: &View<'_>) -> Self {
        let files = view.list(kinds::AUTHORIZATION_CONFIGURATION).objects;
        let files: Vec<_> = files.into_iter().filter_map(Self::of_file).collect();
        let pods = view.list(kinds::POD).objects;
        let mut said: Vec<Self> =
            pods.into_iter().flat_map(|pod| Self::of_pod(pod, &files)).collect();
        if said.is_empty() {
            said = files;
        }
        let Some(first) = said.first().cloned() else { return Self::default() };
        match said.iter().all(|other| other.steps == first.steps) {
            true => first,
            false => {
                let mode = "chain, which is said in different ways".to_owned();
                Self { steps: vec![Step::Other(mode)], said_in: first.said_in }
            }
        }
    }

    /// Whether roles and bindings count.
    pub fn has_rbac(&self) -> bool {
        self.steps.contains(&Step::Rbac)
    }

    /// Whether everything is allowed to everybody, whatever roles and bindings say: AlwaysAllow is
    /// asked, and nothing before it denies.
    pub fn allows_everything(&self) -> bool {
        let mut before = self.steps.iter().take_while(|step| **step != Step::AlwaysAllow);
        self.steps.contains(&Step::AlwaysAllow) && !before.any(Step::may_deny)
    }

    fn of_file(file: &Object) -> Option<Self> {
        let steps = file.value().list("authorizers").map(|one| {
            Step::read(one.str("type").unwrap_or_default(), one.str("name").unwrap_or_default())
        });
        let steps: Vec<_> = steps.collect();
        let said_in = Some(file.doc().source().shown().into_owned());
        (!steps.is_empty()).then_some(Self { steps, said_in })
    }

    /// By each API server of a pod.
    fn of_pod(pod: &Object, files: &[Self]) -> Vec<Self> {
        if pod.namespace() != "kube-system" {
            return Vec::new();
        }
        let containers = pod.at(&["spec", "containers"]).into_iter().flat_map(Value::items);
        let said_in = Some(format!("Pod {}", pod.name()));
        let of = |flags: Vec<String>| {
            // Its file is elsewhere, unless there is one.
            if let Some(path) = values(&flags, "authorization-config").pop()
                && !path.is_empty()
            {
                return files.first().cloned().unwrap_or_else(|| Self {
                    steps: vec![Step::Other(format!("configuration {path}"))],
                    said_in: said_in.clone(),
                });
            }
            // Repeated ones add up (pflag's `StringSlice`).
            let mut modes = values(&flags, "authorization-mode").join(",");
            if modes.is_empty() {
                let hidden = flags.iter().find(|word| is_hidden(word));
                // Without the flag the API server allows everything.
                modes = hidden.cloned().unwrap_or_else(|| "AlwaysAllow".to_owned());
            }
            let steps = modes.split(',').map(|mode| Step::read(mode.trim(), "")).collect();
            Self { steps, said_in: said_in.clone() }
        };
        let several = files.len() > 1 && files.iter().any(|file| file.steps != files[0].steps);
        let of = |flags| match (of(flags), several) {
            // Which of them it is is not known.
            (chain, true) if files.contains(&chain) => {
                let mode = "chain, which several files set in different ways".to_owned();
                Self { steps: vec![Step::Other(mode)], said_in: chain.said_in }
            }
            (chain, _) => chain,
        };
        containers.filter_map(arguments).map(of).collect()
    }
}

/// The words behind `kube-apiserver` in a container's command, also behind a wrapper or in the script of
/// a shell; `None` where it is not run.
fn arguments(container: Value<'_>) -> Option<Vec<String>> {
    /// Words of wrappers and of their options.
    const BEFORE: usize = 24;
    let is_server = |word: &str| word.rsplit('/').next() == Some("kube-apiserver");
    let words = container.list("command").chain(container.list("args"));
    let words: Vec<&str> = words.filter_map(Value::as_str).collect();
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    // Other programs take the name as an argument.
    let runs = |own: &[&str]| own.iter().any(|word| is_flag(word)).then(|| owned(own));
    match words.iter().take(BEFORE).position(|word| is_server(word)) {
        Some(0) => return Some(owned(&words[1..])),
        Some(at) => return runs(&words[at + 1..]),
        None => {}
    }
    let script: Vec<_> = words.iter().flat_map(|word| word.split_whitespace()).collect();
    if let Some(at) = script.iter().position(|word| is_server(word)) {
        let own = &script[at + 1..];
        let ends = |word: &&str| matches!(*word, ";" | "&&" | "||" | "|" | "&");
        return runs(&own[..own.iter().position(ends).unwrap_or(own.len())]);
    }
    // The image's own entry point runs with these arguments.
    let image = container.str("image").unwrap_or_default();
    let name = image.rsplit('/').next().and_then(|name| name.split([':', '@']).next());
    let own = words.first().is_some_and(|word| word.starts_with('-'));
    (own && name == Some("kube-apiserver")).then(|| owned(&words))
}

/// Whether only the API server has such a flag, or what the word stands for is not known.
fn is_flag(word: &str) -> bool {
    const FLAGS: [&str; 6] = [
        "--authorization-",
        "--etcd-servers",
        "--service-account-",
        "--service-cluster-ip-range",
        "--client-ca-file",
        "--kubelet-client-",
    ];
    let plain = word.trim_start_matches(['"', '\'']).replace('_', "-");
    is_hidden(word) || FLAGS.iter().any(|flag| plain.starts_with(flag))
}

/// Whether a word is filled in by a shell or a template.
fn is_hidden(word: &str) -> bool {
    word.trim_start_matches(['"', '\'']).starts_with(['$', '`']) || word.contains("{{")
}

/// The values of a flag: `--flag=value`, `--flag value`, with quotes or `_`, and each time that it is
/// given.
fn values(words: &[String], name: &str) -> Vec<String> {
    let plain = |text: &str| text.trim_matches(['"', '\'']).to_owned();
    let mut found = Vec::new();
    let mut words = words.iter().map(|word| plain(word)).peekable();
    while let Some(word) = words.next() {
        let Some(rest) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else {
            continue;
        };
        let (written, joined) = match rest.split_once('=') {
            Some((written, value)) => (written, Some(plain(value))),
            None => (rest, None),
        };
        if written.replace('_', "-") == name {
            found.extend(joined.or_else(|| words.next_if(|next| !next.starts_with('-'))));
        }
    }
    found
}
