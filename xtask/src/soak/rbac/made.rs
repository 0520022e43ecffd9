//! Random roles, bindings and questions, chosen so that they nearly match.

use pavisade_rbac::{Ask, Authorizer, Identity, ResourceAsk};
use serde_json::{Value, json};

use crate::random::Random;

const NAMESPACES: [&str; 4] = ["ns-a", "ns-b", "ns-c", "kube-system"];
const VERBS: [&str; 16] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "*",
    "impersonate",
    "bind",
    "escalate",
    "use",
    "approve",
    "proxy",
    "impersonate:user-info",
];
const GROUPS: [&str; 8] = [
    "",
    "apps",
    "batch",
    "rbac.authorization.k8s.io",
    "*",
    "example.com",
    "coordination.k8s.io",
    "storage.k8s.io",
];
const RESOURCES: [&str; 24] = [
    "pods",
    "pods/exec",
    "pods/log",
    "pods/status",
    "pods/eviction",
    "secrets",
    "configmaps",
    "deployments",
    "deployments/scale",
    "*",
    "*/scale",
    "*/status",
    "*/*",
    "pods/*",
    "nodes",
    "nodes/proxy",
    "serviceaccounts",
    "serviceaccounts/token",
    "leases",
    "widgets",
    "widgets/scale",
    "roles",
    "csinodes",
    "nodes/status",
];
const NAMES: [&str; 5] = ["a", "b", "web", "node-1", ""];
const PATHS: [&str; 10] = [
    "/metrics",
    "/healthz",
    "/healthz/*",
    "/api/*",
    "/apis",
    "/apis/*",
    "*",
    "/api/*/*",
    "/version",
    "/logs/**",
];
const ASKED_PATHS: [&str; 12] = [
    "/metrics",
    "/healthz",
    "/healthz/etcd",
    "/api",
    "/api/v1",
    "/apis",
    "/apis/apps",
    "/version",
    "/",
    "/logs/a/b",
    "/openapi/v2",
    "/api/v1/x",
];
/// Interesting default roles.
const DEFAULTS: [&str; 9] = [
    "view",
    "edit",
    "admin",
    "cluster-admin",
    "system:node",
    "system:discovery",
    "system:monitoring",
    "system:kube-scheduler",
    "system:basic-user",
];
const LABELS: [&str; 3] = ["one", "two", "three"];

/// All objects created so far.
#[derive(Default)]
pub(super) struct Made {
    objects: Vec<Value>,
}

impl Made {
    pub(super) fn objects(&self) -> &[Value] {
        &self.objects
    }

    pub(super) fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Returns the number of roles and of bindings.
    pub(super) fn counts(&self) -> (usize, usize) {
        let of = |suffix: &str| {
            self.objects
                .iter()
                .filter(|o| o["kind"].as_str().is_some_and(|k| k.ends_with(suffix)))
                .count()
        };
        (of("Role"), of("Binding"))
    }

    /// Creates more objects; the first time namespaces too.
    pub(super) fn more(&mut self, random: &mut Random, round: usize) -> Vec<Value> {
        let mut new = Vec::new();
        if round == 1 {
            let names = NAMESPACES.iter().filter(|name| **name != "kube-system");
            new.extend(names.map(
                |name| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}),
            ));
        }
        for number in 0..40 {
            let mut role = object("ClusterRole", "", &format!("cr-{round}-{number}"));
            role["rules"] = rules(random, true);
            let mut labels = serde_json::Map::new();
            if random.once_in(3) {
                labels.insert("part".to_owned(), json!(random.pick(&LABELS)));
            }
            if random.once_in(8) {
                let to = random.pick(&["view", "edit", "admin"]);
                labels
                    .insert(format!("rbac.authorization.k8s.io/aggregate-to-{to}"), json!("true"));
            }
            role["metadata"]["labels"] = Value::Object(labels);
            if random.once_in(6) {
                let selector = match random.below(3) {
                    0 => json!({"matchLabels": {"part": random.pick(&LABELS)}}),
                    1 => {
                        json!({"matchExpressions": [{"key": "part", "operator": "In", "values": [random.pick(&LABELS), "x"]}]})
                    }
                    _ => {
                        json!({"matchLabels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}})
                    }
                };
                role["aggregationRule"] = json!({"clusterRoleSelectors": [selector]});
            }
            new.push(role);
        }
        for number in 0..40 {
            let mut role =
                object("Role", random.pick::<&str>(&NAMESPACES), &format!("r-{round}-{number}"));
            role["rules"] = rules(random, false);
            new.push(role);
        }
        let cluster_role = |random: &mut Random| match random.below(12) {
            0 => "cr-missing".to_owned(),
            1 | 2 => (*random.pick(&DEFAULTS)).to_owned(),
            _ => format!("cr-{}-{}", 1 + random.below(round), random.below(40)),
        };
        for number in 0..50 {
            let mut binding = object("ClusterRoleBinding", "", &format!("crb-{round}-{number}"));
            binding["roleRef"] = reference("ClusterRole", &cluster_role(random));
            binding["subjects"] = subjects(random);
            new.push(binding);
        }
        let roles: Vec<(String, String)> = self
            .objects
            .iter()
            .chain(&new)
            .filter(|o| o["kind"] == "Role")
            .map(|o| (text(&o["metadata"]["namespace"]), text(&o["metadata"]["name"])))
            .collect();
        for number in 0..80 {
            let name = format!("rb-{round}-{number}");
            let binding = if random.once_in(2) {
                let (namespace, role) = random.pick(&roles).clone();
                // Sometimes one of another namespace, which does not exist.
                let namespace = if random.once_in(10) {
                    (*random.pick(&NAMESPACES)).to_owned()
                } else {
                    namespace
                };
                let mut binding = object("RoleBinding", &namespace, &name);
                binding["roleRef"] = reference("Role", &role);
                binding
            } else {
                let mut binding = object("RoleBinding", random.pick::<&str>(&NAMESPACES), &name);
                binding["roleRef"] = reference("ClusterRole", &cluster_role(random));
                binding
            };
            let mut binding = binding;
            binding["subjects"] = subjects(random);
            new.push(binding);
        }
        self.objects.extend(new.iter().cloned());
        new
    }

    /// Returns a question: often one that a rule of the cluster allows, with one part changed.
    pub(super) fn question(&self, random: &mut Random, live: &Authorizer<'_>) -> (Identity, Ask) {
        let bindings: Vec<_> =
            live.bindings().filter(|(_, b)| b.role.is_some() && !b.subjects.is_empty()).collect();
        let (_, binding) = random.pick(&bindings);
        let near = !random.once_in(4);
        let rules = binding.role.map(|role| &live.role(role).rules[..]).unwrap_or_default();
        let mut who = match (near, random.pick(&binding.subjects)) {
            (true, (subject, _)) if !random.once_in(6) => Identity::of(subject, &[]),
            _ => somebody(random),
        };
        match random.below(40) {
            0 => who.groups.push("system:masters".to_owned()),
            1 => who.groups.clear(),
            2 => who.name = "system:serviceaccount:ns-a:".to_owned(),
            _ => {}
        }
        let mut ask = anything(random);
        if near && !rules.is_empty() {
            let rule = random.pick(rules).rule;
            let one = |field: &str, random: &mut Random| {
                let all: Vec<_> = rule.texts(field).collect();
                if all.is_empty() { String::new() } else { (*random.pick(&all)).to_owned() }
            };
            let verb = one("verbs", random).replace('*', "get");
            let path = one("nonResourceURLs", random);
            ask = if !path.is_empty() && random.once_in(2) {
                let path = if path.ends_with('*') { path.replace('*', "x") } else { path };
                Ask::Path {
                    verb,
                    path: if path.starts_with('/') { path } else { format!("/{path}") },
                }
            } else {
                let resource = one("resources", random);
                let resource = if resource == "*" {
                    "pods".to_owned()
                } else {
                    resource.replace("*/", "things/")
                };
                let (resource, sub) = resource.split_once('/').unwrap_or((&resource, ""));
                let namespace = match binding.namespace {
                    Some(namespace) => namespace.to_owned(),
                    None => {
                        if random.once_in(2) {
                            String::new()
                        } else {
                            (*random.pick(&NAMESPACES)).to_owned()
                        }
                    }
                };
                Ask::Resource(ResourceAsk {
                    verb,
                    group: one("apiGroups", random).replace('*', "apps"),
                    resource: resource.to_owned(),
                    subresource: sub.to_owned(),
                    namespace,
                    name: one("resourceNames", random),
                })
            };
            if random.once_in(2) {
                change(&mut ask, random);
            }
        }
        // A review without a resource or path is rejected.
        if let Ask::Resource(ask) = &mut ask
            && ask.resource.is_empty()
        {
            ask.resource = "pods".to_owned();
        }
        if who.name.is_empty() && who.groups.is_empty() {
            who.name = "nobody".to_owned();
        }
        (who, ask)
    }
}

fn change(ask: &mut Ask, random: &mut Random) {
    match ask {
        Ask::Path { path, .. } if random.once_in(2) => {
            *path = (*random.pick(&ASKED_PATHS)).to_owned()
        }
        Ask::Path { verb, .. } => *verb = (*random.pick(&["get", "post", "put"])).to_owned(),
        Ask::Resource(ask) => match random.below(6) {
            0 => ask.verb = (*random.pick(&VERBS)).to_owned(),
            1 => ask.group = (*random.pick(&GROUPS)).to_owned(),
            2 => {
                ask.resource =
                    (*random.pick(&["pods", "secrets", "nodes", "deployments", "widgets"]))
                        .to_owned()
            }
            3 => {
                ask.subresource =
                    (*random.pick(&["", "scale", "status", "exec", "token"])).to_owned()
            }
            4 => {
                ask.namespace =
                    (*random.pick(&["", "ns-a", "ns-b", "kube-system", "default"])).to_owned()
            }
            _ => ask.name = (*random.pick(&NAMES)).to_owned(),
        },
    }
}

fn anything(random: &mut Random) -> Ask {
    if random.once_in(8) {
        let verb = (*random.pick(&["get", "post", "*"])).to_owned();
        return Ask::Path { verb, path: (*random.pick(&ASKED_PATHS)).to_owned() };
    }
    let resource = random.pick(&RESOURCES);
    let (resource, sub) = resource.split_once('/').unwrap_or((resource, ""));
    Ask::Resource(ResourceAsk {
        verb: (*random.pick(&VERBS)).to_owned(),
        group: (*random.pick(&GROUPS)).to_owned(),
        resource: resource.to_owned(),
        subresource: sub.to_owned(),
        namespace: if random.once_in(3) {
            String::new()
        } else {
            (*random.pick(&NAMESPACES)).to_owned()
        },
        name: if random.once_in(2) { String::new() } else { (*random.pick(&NAMES)).to_owned() },
    })
}

fn somebody(random: &mut Random) -> Identity {
    let groups = |random: &mut Random| {
        let all =
            ["g0", "g1", "g2", "system:authenticated", "system:nodes", "system:serviceaccounts"];
        all.iter().filter(|_| random.once_in(3)).map(|g| (*g).to_owned()).collect()
    };
    let name = match random.below(8) {
        0 => "system:anonymous".to_owned(),
        1 => return Identity::exactly("system:node:node-1", vec!["system:nodes".to_owned()]),
        2 => format!("system:serviceaccount:{}:s{}", random.pick(&NAMESPACES), random.below(3)),
        3 => String::new(),
        _ => format!("u{}", random.below(6)),
    };
    Identity::exactly(name, groups(random))
}

fn object(kind: &str, namespace: &str, name: &str) -> Value {
    let mut object = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": name}});
    if !namespace.is_empty() {
        object["metadata"]["namespace"] = json!(namespace);
    }
    object
}

fn reference(kind: &str, name: &str) -> Value {
    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name})
}

fn subjects(random: &mut Random) -> Value {
    let one = |random: &mut Random| {
        let group = "rbac.authorization.k8s.io";
        match random.below(5) {
            0 => {
                json!({"kind": "Group", "apiGroup": group, "name": random.pick(&["g0", "g1", "g2", "system:serviceaccounts:ns-a", "system:unauthenticated"])})
            }
            1 => {
                json!({"kind": "User", "apiGroup": group, "name": random.pick(&["u0", "u1", "system:serviceaccount:ns-b:s1", "system:node:node-1", "system:anonymous"])})
            }
            2 | 3 => {
                let name = format!("s{}", random.below(3));
                json!({"kind": "ServiceAccount", "name": name, "namespace": random.pick(&NAMESPACES)})
            }
            _ => {
                json!({"kind": "User", "apiGroup": group, "name": format!("u{}", random.below(6))})
            }
        }
    };
    let count = random.below(4);
    Value::Array((0..count).map(|_| one(random)).collect())
}

fn rules(random: &mut Random, paths: bool) -> Value {
    let some = |random: &mut Random, all: &[&str]| -> Vec<String> {
        (0..1 + random.below(3)).map(|_| (*random.pick(all)).to_owned()).collect()
    };
    let one = |random: &mut Random| {
        if paths && random.once_in(7) {
            let verbs = some(random, &["get", "post", "*"]);
            return json!({"nonResourceURLs": some(random, &PATHS), "verbs": verbs});
        }
        let mut rule = json!({
            "apiGroups": some(random, &GROUPS),
            "resources": some(random, &RESOURCES),
            "verbs": some(random, &VERBS),
        });
        if random.once_in(3) {
            rule["resourceNames"] = json!(some(random, &NAMES));
        }
        rule
    };
    Value::Array((0..random.below(4)).map(|_| one(random)).collect())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
