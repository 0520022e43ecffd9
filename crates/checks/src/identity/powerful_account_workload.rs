//! PV-I047.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use pavisade_macros::check;
use pavisade_model::{Confidence, Gap, GroupKind, Severity, kinds};
use pavisade_rbac::{Resource, Rules, Subject, builtin};
use pavisade_snapshot::{Coverage, Object, Pod};
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::public::{Bound, Worth};
use super::workload_creation_permission::WORKLOADS;
use crate::{Check, Claim, Cx, Derived, OnPod, Place, Reads, Verdict, View, Why};

/// Workload can take over the cluster
///
/// ## Why
/// The token is a file in every container: a single vulnerability that allows an attacker to run
/// commands or read files gives the attacker all permissions of the ServiceAccount.
///
/// ## Fix
/// Bind a role with only the permissions that the program uses. If it does not use the API, set
/// `automountServiceAccountToken: false`.
#[check(
    id = "PV-I047",
    severity = High,
    audience = Strict,
    scope = Related,
    reads = [SERVICE_ACCOUNT, ROLE_BINDING, CLUSTER_ROLE_BINDING, CLUSTER_ROLE, ROLE]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PowerfulAccountWorkload {}

/// How a ServiceAccount can take over the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Power {
    Takeover(&'static str),
    Everything,
}

/// A binding that grants power.
#[derive(Debug, Clone)]
struct Given {
    binding: String,
    power: Power,
}

impl Given {
    /// Of several with the same power, the last is used.
    fn into_place(self, place: Entry<'_, String, Self>) {
        match place {
            Entry::Vacant(place) => {
                place.insert(self);
            }
            Entry::Occupied(mut known) if known.get().power <= self.power => {
                known.insert(self);
            }
            Entry::Occupied(_) => {}
        }
    }
}

/// The bindings that grant power, by ServiceAccount.
#[derive(Debug, Default)]
struct Powerful {
    /// The most powerful, by name and namespace.
    accounts: HashMap<String, HashMap<String, Given>>,
    /// The most powerful for a ServiceAccount with that name in any namespace.
    anywhere: HashMap<String, Given>,
    /// The most powerful for all ServiceAccounts of a namespace, or for all.
    groups: HashMap<String, Given>,
    /// ServiceAccounts with known bindings, powerful or not: namespace and name.
    bound: HashSet<(String, String)>,
    /// ServiceAccounts bound to a role that was not read, where it would matter, and why.
    open: HashMap<Subject, Why>,
}

impl Derived for Powerful {
    const READS: Reads =
        &[&[kinds::ROLE_BINDING, kinds::CLUSTER_ROLE_BINDING, kinds::CLUSTER_ROLE, kinds::ROLE]];

    fn make(cx: &View<'_>) -> Self {
        let mut found = Self::default();
        // Cached by role: a role may be bound many times.
        let mut powers = HashMap::new();
        let mut add = |binding: &Object| {
            let Some(bound) = Bound::read(binding) else { return };
            let key =
                (bound.kind.to_owned(), bound.name.to_owned(), bound.namespace.map(str::to_owned));
            let power = *powers.entry(key).or_insert_with(|| power(&bound, cx));
            let Some(power) = power else {
                if let Some(why) = unseen(&bound, cx) {
                    let subjects = bound.subjects.into_iter().map(|(_, subject)| subject);
                    found.open.extend(subjects.map(|subject| (subject, why.clone())));
                }
                return;
            };
            for (_, subject) in bound.subjects {
                let binding = format!("{} `{}`", binding.kind(), binding.name());
                match subject {
                    Subject::ServiceAccount { namespace, name } => {
                        let given = Given { binding, power };
                        given.clone().into_place(found.anywhere.entry(name.clone()));
                        let of_name = found.accounts.entry(name).or_default();
                        given.into_place(of_name.entry(namespace));
                    }
                    Subject::Group(group) => {
                        let Some(rest) = group.strip_prefix("system:serviceaccounts") else {
                            continue;
                        };
                        let namespace = rest.trim_start_matches(':').to_owned();
                        Given { binding, power }.into_place(found.groups.entry(namespace));
                    }
                    Subject::User(_) => {}
                }
            }
        };
        let clusters = cx.list(kinds::CLUSTER_ROLE_BINDING).objects;
        clusters.iter().copied().for_each(&mut add);
        // Full access to `kube-system` means full access to the cluster.
        cx.list_in(kinds::ROLE_BINDING, "kube-system").objects.into_iter().for_each(&mut add);
        let bindings = clusters.into_iter().chain(cx.list(kinds::ROLE_BINDING).objects);
        for bound in bindings.filter_map(Bound::read) {
            found.bound.extend(bound.subjects.into_iter().filter_map(|(_, s)| match s {
                Subject::ServiceAccount { namespace, name } => Some((namespace, name)),
                Subject::User(_) | Subject::Group(_) => None,
            }));
        }
        found
    }
}

impl Powerful {
    /// Returns the reason why the permissions of a ServiceAccount are not fully known.
    fn open(&self, namespace: &str, name: &str) -> Option<&Why> {
        let account =
            Subject::ServiceAccount { namespace: namespace.to_owned(), name: name.to_owned() };
        let group = |name: String| Subject::Group(name);
        let groups = ["".to_owned(), format!(":{namespace}")];
        let groups = groups.into_iter().map(|end| group(format!("system:serviceaccounts{end}")));
        [account].into_iter().chain(groups).find_map(|subject| self.open.get(&subject))
    }

    /// Returns the most powerful binding of a ServiceAccount. Files may omit a pod's namespace, in
    /// which case `default` could be any account.
    fn of(&self, namespace: &str, name: &str) -> Option<&Given> {
        let own = match namespace.is_empty() && name != "default" {
            true => self.anywhere.get(name),
            false => self.accounts.get(name).and_then(|by| by.get(namespace)),
        };
        let of_group = |group: &str| self.groups.get(group).into_iter();
        let of_namespace = of_group(namespace).filter(|_| !namespace.is_empty());
        own.into_iter().chain(of_namespace).chain(of_group("")).max_by_key(|given| given.power)
    }
}

/// Returns the power that a binding grants.
fn power<'a>(bound: &Bound<'a>, cx: &View<'a>) -> Option<Power> {
    let rules = bound.rules(cx).or_else(|| shipped(bound));
    match rules {
        _ if (bound.kind, bound.name) == ("ClusterRole", "cluster-admin") => {
            Some(Power::Everything)
        }
        Some(rules) if bound.worth(&rules, cx) == Worth::Everything => Some(Power::Everything),
        Some(rules) => takeover(&rules, bound.namespace.is_none()).map(Power::Takeover),
        None => None,
    }
}

/// Returns the rules of a built-in role, unless it only reads non-secret data.
fn shipped(bound: &Bound<'_>) -> Option<Rules<'static>> {
    let role = match bound.kind {
        "Role" => format!("{}/{}", bound.namespace?, bound.name),
        _ => bound.name.to_owned(),
    };
    builtin::shipped_as(&role).map(Rules::read)
}

/// Returns the reason why the permissions of a binding's role are not known: it is not in these
/// files.
fn unseen<'a>(bound: &Bound<'a>, cx: &View<'a>) -> Option<Why> {
    bound.unseen(cx).or_else(|| {
        let kind = if bound.kind == "Role" { kinds::ROLE } else { kinds::CLUSTER_ROLE };
        let absent = bound.rules(cx).is_none()
            && shipped(bound).is_none()
            && cx.coverage(kind) == Coverage::Partial;
        absent.then(|| {
            let gap = Gap::object(bound.kind, bound.namespace.unwrap_or(""), bound.name);
            Why::of(gap, format!("{} `{}` is not in these files", bound.kind, bound.name))
        })
    })
}

/// Returns the first way in which rules allow taking over the cluster.
fn takeover(rules: &Rules<'_>, everywhere: bool) -> Option<&'static str> {
    const RBAC: &str = "rbac.authorization.k8s.io";
    const WRITE: &[&str] = &["create", "update", "patch"];
    const READ: &[&str] = &["get", "list", "watch"];
    const CREATE: &[&str] = &["create"];
    const IMPERSONATE: &[&str] = &["impersonate"];
    const ESCALATE: &[&str] = &["escalate", "bind"];
    let rows: [(&[&'static str], &[Resource], bool, &'static str); 8] = [
        (WRITE, &WORKLOADS, true, "run pods as any ServiceAccount"),
        (READ, &[Resource::new("", "secrets")], true, "read all Secrets"),
        (CREATE, &[Resource::new("", "pods/exec")], true, "run commands in every pod"),
        (CREATE, &[Resource::new("", "serviceaccounts/token")], true, "act as any ServiceAccount"),
        (
            IMPERSONATE,
            &[Resource::new("", "serviceaccounts")],
            true,
            "impersonate any ServiceAccount",
        ),
        (
            IMPERSONATE,
            &[Resource::new("", "users"), Resource::new("", "groups")],
            false,
            "impersonate any user",
        ),
        (
            ESCALATE,
            &[Resource::new(RBAC, "clusterroles"), Resource::new(RBAC, "roles")],
            true,
            "grant itself any permission",
        ),
        (
            &["get", "create"],
            &[Resource::new("", "nodes/proxy")],
            false,
            "run commands through every kubelet",
        ),
    ];
    let given = |verbs: &[&'static str], on: &[Resource]| {
        let grant = rules.grant_any(verbs, on.iter().copied());
        grant.is_some_and(|grant| !grant.rule.is_named())
    };
    let mut rows = rows.into_iter().filter(|(_, _, namespaced, _)| everywhere || *namespaced);
    rows.find(|(verbs, on, _, _)| given(verbs, on)).map(|(_, _, _, gives)| gives)
}

const MOUNT: &str = "automountServiceAccountToken";

/// Whether all bindings of a ServiceAccount are known. Files that bind it are assumed to be
/// complete.
fn bindings_known(powerful: &Powerful, namespace: &str, name: &str, cx: &View<'_>) -> bool {
    let complete = |kind| matches!(cx.coverage(kind), Coverage::Complete | Coverage::NotServed);
    [kinds::CLUSTER_ROLE_BINDING, kinds::ROLE_BINDING].into_iter().all(complete)
        || powerful.bound.contains(&(namespace.to_owned(), name.to_owned()))
}

impl Check for PowerfulAccountWorkload {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        // Admission does not mount tokens in static pods.
        if pod.object().is_mirror_pod() {
            return Verdict::NotApplicable;
        }
        let powerful = cx.derive::<Powerful>();
        let (namespace, name) = (pod.object().namespace(), pod.service_account());
        let place = Place::field(pod.spec(), &["serviceAccountName"]);
        let Some(given) = powerful.of(namespace, name) else {
            const READ: [GroupKind; 4] = [
                kinds::CLUSTER_ROLE_BINDING,
                kinds::CLUSTER_ROLE,
                kinds::ROLE_BINDING,
                kinds::ROLE,
            ];
            let unmounted = !projects_token(pod) && pod.spec().bool(MOUNT) == Some(false);
            return match READ.into_iter().find_map(|kind| cx.gap(kind)) {
                Some(why) => Verdict::unknown(place, why),
                None if unmounted => Verdict::NotApplicable,
                None if let Some(why) = powerful.open(namespace, name) => {
                    let tell =
                        |why: &str| format!("ServiceAccount `{name}` has a binding, and {why}");
                    Verdict::unknown(place, why.clone().told(tell))
                }
                None if bindings_known(&powerful, namespace, name, cx) => Verdict::Holds,
                None => {
                    let why = format!("these files contain no binding of ServiceAccount `{name}`");
                    Verdict::unknown(place, Why::of(Gap::object("RoleBinding", namespace, ""), why))
                }
            };
        };
        let mut confidence = Confidence::High;
        if !projects_token(pod) {
            match pod.spec().bool(MOUNT) {
                Some(false) => return Verdict::NotApplicable,
                Some(true) => {}
                None => match cx.get(kinds::SERVICE_ACCOUNT, namespace, name) {
                    Some(account)
                        if account.at(&[MOUNT]).and_then(Value::as_bool) == Some(false) =>
                    {
                        return Verdict::NotApplicable;
                    }
                    Some(_) => {}
                    None if cx.coverage(kinds::SERVICE_ACCOUNT) == Coverage::Unread => {
                        return Verdict::unknown(place, cx.unread(kinds::SERVICE_ACCOUNT));
                    }
                    None => confidence = Confidence::Medium,
                },
            }
        }
        let (severity, may) = match given.power {
            Power::Everything => (Severity::High, "do everything"),
            Power::Takeover(what) => (Severity::Medium, what),
        };
        let message = format!(
            "these pods have the token of ServiceAccount `{name}`, which {} allows to {may}",
            given.binding
        );
        Claim::fails(place, message).severity(severity).confidence(confidence).into()
    }
}

/// Whether a volume contains the token, regardless of automounting.
fn projects_token(pod: Pod<'_>) -> bool {
    let sources = pod.volumes().filter_map(|volume| volume.get("projected"));
    let mut sources = sources.flat_map(|projected| projected.list("sources"));
    sources.any(|source| source.get("serviceAccountToken").is_some_and(|token| !token.is_null()))
}
