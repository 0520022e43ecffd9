//! Which authorizers an API server asks, and in which order.
//!
//! The first that allows or denies decides; one without an opinion leaves it to the next. RBAC, Node
//! and AlwaysDeny never deny in that sense. A webhook or an ABAC file may answer anything, so what
//! comes behind one is never certain.

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
    /// What a world says of its API server: an AuthorizationConfiguration, or a static pod's
    /// `--authorization-mode`. Of several that differ nothing follows.
    pub(crate) fn of(view: &View<'_>) -> Self {
        let files = view.list(kinds::AUTHORIZATION_CONFIGURATION).objects;
        let pods = view.list(kinds::POD).objects;
        let mut said: Vec<Self> = files.into_iter().filter_map(Self::of_file).collect();
        if said.is_empty() {
            said = pods.into_iter().filter_map(Self::of_pod).collect();
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

    fn of_file(file: &Object) -> Option<Self> {
        let steps = file.value().list("authorizers").map(|one| {
            Step::read(one.str("type").unwrap_or_default(), one.str("name").unwrap_or_default())
        });
        let steps: Vec<_> = steps.collect();
        let said_in = Some(file.doc().source().shown().into_owned());
        (!steps.is_empty()).then_some(Self { steps, said_in })
    }

    fn of_pod(pod: &Object) -> Option<Self> {
        if pod.namespace() != "kube-system" {
            return None;
        }
        let containers = pod.at(&["spec", "containers"]).into_iter().flat_map(Value::items);
        let words = containers.flat_map(|c| c.list("command").chain(c.list("args")));
        let words: Vec<_> = words.filter_map(Value::as_str).collect();
        if !words.first()?.ends_with("kube-apiserver") {
            return None;
        }
        let flag = |name: &str| words.iter().rev().find_map(|word| word.strip_prefix(name));
        // Its file is elsewhere; what is in it is not known.
        if let Some(path) = flag("--authorization-config=") {
            let steps = vec![Step::Other(format!("configuration {path}"))];
            return Some(Self { steps, said_in: Some(format!("Pod {}", pod.name())) });
        }
        // Without the flag the API server allows everything.
        let modes = flag("--authorization-mode=").unwrap_or("AlwaysAllow");
        let steps = modes.split(',').map(|mode| Step::read(mode.trim(), "")).collect();
        Some(Self { steps, said_in: Some(format!("Pod {}", pod.name())) })
    }
}
