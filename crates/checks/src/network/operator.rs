//! Operators in the files, whose pods are not in the files.

use std::collections::HashMap;

use pavisade_model::{GroupKind, kinds};
use pavisade_snapshot::Object;
use pavisade_yaml::Value;

use crate::{Derived, Reads, View};

/// Resources that become pods.
const RESOURCES: [&str; 7] =
    ["pods", "deployments", "daemonsets", "statefulsets", "replicasets", "jobs", "cronjobs"];

const BINDINGS: [GroupKind; 2] = [kinds::ROLE_BINDING, kinds::CLUSTER_ROLE_BINDING];

/// Returns a workload whose account may create pods in a namespace, typically an operator.
pub(super) fn operator<'a>(namespace: &str, cx: &View<'a>) -> Option<&'a Object> {
    let makers = cx.derive::<Makers>();
    // Bindings of the namespace take precedence over those of the cluster.
    let (kind, place) = makers.0.get(namespace).or_else(|| makers.1.as_ref())?;
    cx.nth(*kind, *place)
}

/// A workload by kind and its index among the objects of the kind.
type Place = (GroupKind, usize);

/// The first workload that may create pods, by namespace, and the first that may in all namespaces.
struct Makers(HashMap<String, Place>, Option<Place>);

impl Derived for Makers {
    const READS: Reads = &[&BINDINGS, &[kinds::ROLE, kinds::CLUSTER_ROLE], kinds::WORKLOADS];

    fn make(cx: &View<'_>) -> Self {
        let (mut of_namespace, mut everywhere) = (HashMap::new(), None);
        let accounts = Accounts::of(cx);
        for binding in BINDINGS.into_iter().flat_map(|kind| cx.list(kind).objects) {
            let known = match binding.is(kinds::CLUSTER_ROLE_BINDING) {
                true => everywhere.is_some(),
                false => of_namespace.contains_key(binding.namespace()),
            };
            let makes = || {
                let rules = role(binding, cx).and_then(|role| role.at(&["rules"]));
                rules.into_iter().flat_map(Value::items).any(makes_pods)
            };
            if known || !makes() {
                continue;
            }
            let subjects = binding.at(&["subjects"]).into_iter().flat_map(Value::items);
            let mut subjects = subjects.filter(|s| s.str("kind") == Some("ServiceAccount"));
            let Some(maker) = subjects.find_map(|account| {
                let namespace = account.str("namespace").unwrap_or(binding.namespace());
                accounts.first(namespace, account.str("name")?)
            }) else {
                continue;
            };
            match binding.is(kinds::CLUSTER_ROLE_BINDING) {
                true => everywhere = Some(maker),
                false => {
                    of_namespace.insert(binding.namespace().to_owned(), maker);
                }
            }
        }
        Self(of_namespace, everywhere)
    }
}

/// The first workload of each ServiceAccount in order, by namespace and name.
struct Accounts(HashMap<(String, String), (usize, Place)>);

impl Accounts {
    fn of(cx: &View<'_>) -> Self {
        let (mut accounts, mut count) = (HashMap::new(), 0);
        for &kind in kinds::WORKLOADS {
            for (place, object) in cx.list(kind).objects.into_iter().enumerate() {
                count += 1;
                for pod in object.pods() {
                    let account = pod.service_account().to_owned();
                    let key = (object.namespace().to_owned(), account);
                    accounts.entry(key).or_insert((count, (kind, place)));
                }
            }
        }
        Self(accounts)
    }

    /// In files, a workload without a namespace may be applied to any.
    fn first(&self, namespace: &str, name: &str) -> Option<Place> {
        let of = |namespace: &str| self.0.get(&(namespace.to_owned(), name.to_owned()));
        of(namespace).into_iter().chain(of("")).min_by_key(|found| found.0).map(|found| found.1)
    }
}

fn role<'a>(binding: &Object, cx: &View<'a>) -> Option<&'a Object> {
    let name = binding.at(&["roleRef", "name"])?.as_str()?;
    match binding.at(&["roleRef", "kind"])?.as_str()? {
        "Role" => cx.get(kinds::ROLE, binding.namespace(), name),
        _ => cx.get(kinds::CLUSTER_ROLE, "", name),
    }
}

/// Whether a rule lists such a resource and allows creating it. A wildcard for resources says
/// nothing about what its holder does.
fn makes_pods(rule: Value<'_>) -> bool {
    let names = |field: &str, wanted: &[&str]| {
        rule.list(field).any(|v| v.as_str().is_some_and(|v| wanted.contains(&v)))
    };
    names("verbs", &["create", "*"])
        && names("resources", &RESOURCES)
        && names("apiGroups", &["", "apps", "batch", "extensions", "*"])
}
