//! What a binding grants to everyone: nothing sensitive, read access, or power.

use pavisade_model::{Gap, kinds};
use pavisade_rbac::{Access, Resource, Rule, Rules, Subject, builtin, is_aggregated, is_own_group};
use pavisade_snapshot::{Coverage, Object};
use pavisade_yaml::Value;

use crate::field::{WrongType, list, text};
use crate::{Claim, View, Why};

/// What a role grants, in increasing order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Worth {
    /// Public data: versions, health, the API schema, self reviews.
    Nothing,
    /// Reading listed objects.
    ReadNamed,
    /// Reading objects.
    Read,
    /// Changing objects of API groups other than those of Kubernetes.
    ChangeCustom,
    /// Changing objects of Kubernetes, or access to Secrets.
    Power,
    Everything,
}

impl Worth {
    /// Describes what a holder of the role may do. A role that was not read may allow anything.
    pub(super) fn words(worth: Option<Self>) -> &'static str {
        match worth {
            Some(Self::Nothing) => "see public information",
            Some(Self::ReadNamed) => "read the listed objects",
            Some(Self::Read) => "read objects",
            Some(Self::ChangeCustom) => "create or change custom resources",
            Some(Self::Power) => "read Secrets or change built-in resources",
            Some(Self::Everything) => "do everything",
            None => "use the permissions of a role that is not defined here",
        }
    }
}

/// A binding.
#[derive(Debug)]
pub(super) struct Bound<'a> {
    pub(super) subjects: Vec<(Value<'a>, Subject)>,
    /// The kind of the role: `ClusterRole`, `Role`.
    pub(super) kind: &'a str,
    pub(super) name: &'a str,
    /// The namespace of a RoleBinding.
    pub(super) namespace: Option<&'a str>,
    /// A subject of the wrong type, if any.
    refused: Option<WrongType<'a>>,
}

impl<'a> Bound<'a> {
    /// Reads a binding. `None` if it has no role, because the API server rejects it.
    pub(super) fn read(binding: &'a Object) -> Option<Self> {
        let role = binding.at(&["roleRef"])?;
        let (subjects, refused) = match list(binding.value(), &["subjects"]) {
            Ok(subjects) => (subjects.collect(), None),
            Err(wrong) => (Vec::new(), Some(wrong)),
        };
        let wrong = |subject: &Value<'a>| {
            ["kind", "name", "namespace"].iter().find_map(|field| text(*subject, &[field]).err())
        };
        let refused = refused.or_else(|| subjects.iter().find_map(wrong));
        let namespace = binding.is(kinds::ROLE_BINDING).then(|| binding.namespace());
        let home = namespace.unwrap_or("");
        let subjects = subjects.into_iter().filter_map(|v| Some((v, Subject::read(v, home)?)));
        Some(Self {
            refused,
            subjects: subjects.collect(),
            kind: role.str("kind")?,
            name: role.str("name")?,
            namespace,
        })
    }

    /// Returns the claim if its subjects cannot be read.
    pub(super) fn refused(&self) -> Option<Claim<'a>> {
        self.refused.map(Claim::from)
    }

    /// Returns ` in namespace x`, or ` in all namespaces`.
    pub(super) fn extent(&self) -> String {
        match self.namespace {
            None => " in all namespaces".to_owned(),
            Some("") => " in its namespace".to_owned(),
            Some(namespace) => format!(" in namespace `{namespace}`"),
        }
    }

    /// Returns the rules of its role. `None` if it is neither in this world nor built-in.
    pub(super) fn rules(&self, cx: &View<'a>) -> Option<Rules<'a>> {
        if self.kind == "Role" {
            return cx.get(kinds::ROLE, self.namespace?, self.name).map(Rules::of);
        }
        let access = Access::of(cx);
        let Some(role) = access.cluster_role(cx, self.name) else {
            return builtin::rules(self.name).map(Rules::read);
        };
        let mut rules = Rules::of(role);
        if is_aggregated(role) {
            let from = access.aggregated_from(self.name).into_iter();
            for other in from.filter_map(|name| access.cluster_role(cx, name)) {
                let more = Rules::of(other);
                rules.rules.extend(more.rules);
                rules.broken.extend(more.broken);
            }
        }
        Some(rules)
    }

    /// Returns the reason why its role is not known: roles could not be listed, and it was not
    /// read. The built-in role with that name proves nothing, since it may have been changed. Or it
    /// aggregates roles that are not in these files.
    pub(super) fn unseen(&self, cx: &View<'a>) -> Option<Why> {
        let (kind, role) = match self.kind {
            "Role" => (kinds::ROLE, cx.get(kinds::ROLE, self.namespace.unwrap_or(""), self.name)),
            _ => (kinds::CLUSTER_ROLE, Access::of(cx).cluster_role(cx, self.name)),
        };
        let why = match role {
            None => cx.gap(kind)?,
            Some(role) => {
                let empty = is_aggregated(role)
                    && cx.coverage(kind) == Coverage::Partial
                    && Rules::of(role).is_empty()
                    && !Access::of(cx).has_parts(self.name);
                let why = "these files contain none of the roles that it aggregates";
                empty.then(|| Why::of(Gap::object(kind.kind, "", ""), why))?
            }
        };
        let tell = |why: &str| {
            format!("the permissions of {} `{}` are not known: {why}", self.kind, self.name)
        };
        Some(why.told(tell))
    }

    /// Returns the claim if the rules of its role cannot be read completely.
    pub(super) fn unreadable(&self, place: Value<'a>, rules: &Rules<'_>) -> Option<Claim<'a>> {
        let why = format!(
            "rules of {} `{}` have the wrong type, so its permissions cannot be evaluated",
            self.kind, self.name
        );
        (!rules.broken.is_empty()).then(|| Claim::unknown(place, why))
    }

    /// Returns what its role grants in the scope of the binding.
    pub(super) fn worth(&self, rules: &Rules<'_>, cx: &View<'_>) -> Worth {
        let of = |rule: &Rule<'_>| worth(*rule, self.namespace, cx);
        rules.rules.iter().map(of).max().unwrap_or(Worth::Nothing)
    }
}

/// Paths without secrets, which are public by default or may be made public so that others can
/// verify the cluster's tokens.
const PUBLIC_PATHS: [&str; 11] = [
    "/healthz",
    "/livez",
    "/readyz",
    "/version",
    "/api",
    "/apis",
    "/openapi",
    "/openid/v1/jwks",
    "/.well-known/openid-configuration",
    "/swaggerapi",
    "/swagger.json",
];

fn is_public_path(path: &str) -> bool {
    PUBLIC_PATHS.iter().any(|public| {
        path.strip_prefix(public)
            .is_some_and(|rest| matches!(rest, "" | "*" | "/" | "/*") || rest.starts_with('/'))
    })
}

/// Whether a request only returns information about the user itself.
fn is_self_review(group: &str, resource: &str) -> bool {
    matches!(
        (group, resource),
        ("authorization.k8s.io", "selfsubjectaccessreviews" | "selfsubjectrulesreviews")
            | ("authentication.k8s.io", "selfsubjectreviews")
    )
}

fn worth(rule: Rule<'_>, namespace: Option<&str>, cx: &View<'_>) -> Worth {
    if rule.texts("verbs").next().is_none() {
        return Worth::Nothing;
    }
    if rule.is_everything() {
        return Worth::Everything;
    }
    let reads = rule.texts("verbs").all(|v| matches!(v, "get" | "list" | "watch" | "head"));
    // A RoleBinding grants no paths.
    let paths = namespace.is_none() && !rule.texts("nonResourceURLs").all(is_public_path);
    let paths = match (paths, reads) {
        (false, _) => Worth::Nothing,
        (true, true) => Worth::Read,
        (true, false) => Worth::Power,
    };
    let groups: Vec<_> = rule.texts("apiGroups").collect();
    let pairs = groups.iter().flat_map(|g| rule.texts("resources").map(move |r| (*g, r)));
    let mut worst = paths;
    for (group, resource) in pairs {
        let gone = resource == "podsecuritypolicies" && cx.kubernetes().at_least(25);
        // kubeadm makes the data for joining nodes public.
        let discovery = resource == "configmaps"
            && rule.texts("resourceNames").eq(["cluster-info"])
            && namespace == Some("kube-public");
        // CA certificates, which Kubernetes makes public since 1.33.
        let authorities = (group, resource) == ("certificates.k8s.io", "clustertrustbundles");
        if gone || is_self_review(group, resource) || (discovery || authorities) && reads {
            continue;
        }
        worst = worst.max(match (reads, is_own_group(group)) {
            (true, true) if is_sensitive(rule, cx) => Worth::Power,
            (true, _) if rule.is_named() => Worth::ReadNamed,
            (true, _) => Worth::Read,
            (false, true) => Worth::Power,
            (false, false) => Worth::ChangeCustom,
        });
    }
    worst
}

/// Whether reading alone exposes credentials or allows running commands.
fn is_sensitive(rule: Rule<'_>, cx: &View<'_>) -> bool {
    let always = [Resource::new("", "secrets"), Resource::new("", "nodes/proxy")];
    // A WebSocket needs `get`. Since 1.35, the API server requires `create` too.
    let up_to_34 = [Resource::new("", "pods/exec"), Resource::new("", "pods/attach")];
    let up_to_34 = up_to_34.into_iter().filter(|_| !cx.kubernetes().at_least(35));
    always.into_iter().chain(up_to_34).any(|resource| rule.covering(resource).is_some())
}
