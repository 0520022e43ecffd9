//! `role`: tests the ClusterRole of `pavisade scan --print-rbac` with a ServiceAccount.
//!
//! It must be sufficient: the scan finds the same as with the administrator's rights. And it must
//! be minimal: without any one entry, some verdict is unknown because of that missing right.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use pavisade_yaml::{Source, read, to_json};
use serde_json::{Value, json};

use super::Bench;
use super::api::Call;
use super::program::Found;
use super::shop;

/// The text of messages about a missing right.
const MISSING: &str = "permission to list `";

/// A resource that no current cluster serves, so that no scan requests it.
const NOT_SERVED: (&str, &str) = ("extensions", "ingresses");

/// Compares with and without Secrets.
pub(super) fn run(bench: &Bench<'_>) -> anyhow::Result<()> {
    // Create objects of many kinds, and all kinds that the role names.
    shop::apply(bench)?;
    // It grants everyone rights, including some of the role.
    bench.cluster.get(&["delete", "clusterrolebinding", "support"])?;
    let namespace = bench.own("role");
    bench.cluster.get(&["create", "namespace", &namespace])?;
    for secrets in [false, true] {
        let also: &[&str] = if secrets { &["--secrets"] } else { &[] };
        let printed = if secrets {
            bench.program.text(&["--print-rbac", "--cluster", "--secrets"])?
        } else {
            bench.program.text(&["--print-rbac"])?
        };
        let role = Role::read(&printed)?;
        suffices(bench, &namespace, &role, also)?;
        needed(bench, &namespace, &role, also)?;
    }
    Ok(())
}

/// The printed role.
struct Role {
    object: Value,
    /// Group and resource of each entry.
    entries: Vec<(String, String)>,
}

impl Role {
    fn read(text: &str) -> anyhow::Result<Self> {
        let documents = read(&Source::new("role", text));
        let document = documents.docs.first().context("--print-rbac printed no document")?;
        let object: Value = serde_json::from_str(&to_json(document.root()))?;
        let mut entries = Vec::new();
        for rule in object["rules"].as_array().context("the role has no rules")? {
            ensure!(rule["verbs"] == json!(["list"]), "another right than to list: {rule}");
            let texts = |field: &str| {
                let list = rule[field].as_array().into_iter().flatten();
                list.filter_map(|value| value.as_str().map(str::to_owned)).collect::<Vec<_>>()
            };
            for group in texts("apiGroups") {
                entries.extend(texts("resources").into_iter().map(|r| (group.clone(), r)));
            }
        }
        ensure!(entries.len() > 20, "the role has {} entries only", entries.len());
        Ok(Self { object, entries })
    }

    /// Returns the role under another name, without one of its entries.
    fn without(&self, name: &str, gone: &(String, String)) -> Value {
        let kept = self.entries.iter().filter(|entry| *entry != gone);
        let rule = |(group, resource): &(String, String)| json!({"apiGroups": [group], "resources": [resource], "verbs": ["list"]});
        self.named(name, kept.map(rule).collect())
    }

    fn named(&self, name: &str, rules: Vec<Value>) -> Value {
        let mut object = self.object.clone();
        object["metadata"]["name"] = name.into();
        if !rules.is_empty() {
            object["rules"] = rules.into();
        }
        object
    }
}

/// Checks that a scan with only the role finds the same as with the administrator's rights.
fn suffices(bench: &Bench<'_>, namespace: &str, role: &Role, also: &[&str]) -> anyhow::Result<()> {
    let account = if also.is_empty() { "scan" } else { "scan-secrets" };
    let name = bench.own(account);
    give(bench, namespace, &[(account.to_owned(), role.named(&name, Vec::new()))])?;
    let file = tempfile::NamedTempFile::new()?;
    fs::write(file.path(), kubeconfig(bench, &bench.cluster.token_for(namespace, account)?)?)?;
    let scan = |kubeconfig: &Path| {
        let path = kubeconfig.display().to_string();
        bench.program.scan(&[&["--cluster", "--kubeconfig", &path][..], also].concat())
    };
    // This check is about the credential of the scan itself, which differs here.
    let own = |found: &Found| found.check == "masters-certificate";
    let others = |found: Vec<Found>| found.into_iter().filter(|f| !own(f)).collect::<Vec<_>>();
    let with_role = others(scan(file.path())?);
    let as_admin = others(scan(&bench.cluster.kubeconfig())?);
    let missing: Vec<_> = with_role.iter().filter(|found| missing(found)).collect();
    ensure!(missing.is_empty(), "the role lacks a right: {missing:?}");
    let differences: Vec<_> = with_role
        .iter()
        .filter(|found| !as_admin.contains(found))
        .chain(as_admin.iter().filter(|found| !with_role.contains(found)))
        .collect();
    ensure!(differences.is_empty(), "the administrator's scan says otherwise: {differences:#?}");
    println!(
        "{account}: {} entries suffice: {} findings as the administrator's scan",
        role.entries.len(),
        with_role.len()
    );
    Ok(())
}

/// Checks that without any one entry, a verdict is unknown and names it.
fn needed(bench: &Bench<'_>, namespace: &str, role: &Role, also: &[&str]) -> anyhow::Result<()> {
    let kind = if also.is_empty() { "without" } else { "secrets-without" };
    let served =
        |(group, resource): &&(String, String)| (group.as_str(), resource.as_str()) != NOT_SERVED;
    // Secrets make no difference for the other entries.
    let tried: Vec<_> = role
        .entries
        .iter()
        .filter(served)
        .filter(|(_, resource)| also.is_empty() || resource == "secrets")
        .collect();
    ensure!(!tried.is_empty(), "the role with Secrets does not name them");
    let accounts: Vec<_> = tried
        .iter()
        .enumerate()
        .map(|(index, entry)| {
            let account = format!("{kind}-{index}");
            let role = role.without(&bench.own(&account), entry);
            (account, role)
        })
        .collect();
    give(bench, namespace, &accounts)?;
    let admin = bench.cluster.kubeconfig().display().to_string();
    let mut idle = Vec::new();
    for ((account, _), (group, resource)) in accounts.iter().zip(&tried) {
        let user = format!("system:serviceaccount:{namespace}:{account}");
        let args = ["--cluster", "--no-probe", "--kubeconfig", &admin, "--as", &user];
        let args = [&args[..], also].concat();
        let found = bench.program.scan(&args)?;
        let named: Vec<_> = found.iter().filter(|found| missing(found)).collect();
        let dot = if group.is_empty() { "" } else { "." };
        let wanted = format!("{MISSING}{resource}{dot}{group}`");
        if named.is_empty() || !named.iter().all(|found| found.message.contains(&wanted)) {
            let messages: BTreeSet<_> = named.iter().map(|found| &found.message).collect();
            idle.push(format!("{resource} of group {group:?}: {messages:?}"));
        }
    }
    let (total, idle_count) = (tried.len(), idle.len());
    println!("agreed {} of {total}: what the entry gives is missed without it", total - idle_count);
    ensure!(idle.is_empty(), "entries that no verdict wants:\n{}", idle.join("\n"));
    Ok(())
}

fn missing(found: &Found) -> bool {
    found.state == "unknown" && found.message.contains(MISSING)
}

/// Creates ServiceAccounts with a ClusterRole each, and waits until the API server uses them.
fn give(bench: &Bench<'_>, namespace: &str, roles: &[(String, Value)]) -> anyhow::Result<()> {
    let mut items = Vec::new();
    for (account, role) in roles {
        let name = &role["metadata"]["name"];
        items.push(json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": account, "namespace": namespace},
        }));
        items.push(role.clone());
        items.push(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
        }));
    }
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
    bench.cluster.apply(&list.to_string())?;
    let ask = |(account, role): &(String, Value)| {
        // No role lacks both, so one of them shows whether the API server uses the role.
        let has_pods = role["rules"].to_string().contains("\"pods\"");
        let resource = if has_pods { "pods" } else { "nodes" };
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": format!("system:serviceaccount:{namespace}:{account}"),
                "resourceAttributes": {"verb": "list", "resource": resource},
            },
        });
        Call::post("/apis/authorization.k8s.io/v1/subjectaccessreviews", &review)
    };
    let start = Instant::now();
    loop {
        let answers = bench.api.send_all(roles.iter().map(ask).collect())?;
        if answers.iter().all(|answer| answer.body["status"]["allowed"] == true) {
            return Ok(());
        }
        ensure!(start.elapsed() < Duration::from_secs(60), "roles never came to count");
    }
}

/// Writes a kubeconfig with only a token.
fn kubeconfig(bench: &Bench<'_>, token: &str) -> anyhow::Result<String> {
    let file = bench.cluster.kubeconfig();
    let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    let mut config: Value = serde_json::from_str(&text)?;
    for user in config["users"].as_array_mut().into_iter().flatten() {
        user["user"] = json!({"token": token});
    }
    Ok(config.to_string())
}
