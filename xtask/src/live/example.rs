//! `example`: compares the files of `examples/shop` with the cluster that they were applied to.
//!
//! The findings of an object must be the same in both, except for the rules below. If files and
//! cluster are scanned together, file and line must be the same too. Objects created by controllers
//! must not be reported next to their owners. Findings of the whole world, and of files that cannot
//! be applied (control-plane files, Dockerfiles), are not compared.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::ensure;

use super::Bench;
use super::program::Found;
use super::shop::{self, SHOP};

/// An intended difference of one check.
struct Rule {
    check: &'static str,
    /// The state in the files and in the cluster; `None` if it is not found there.
    states: (Option<&'static str>, Option<&'static str>),
    /// The reason.
    reason: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        check: "unseen-text",
        states: (Some("fails"), None),
        reason: "about the text of a file, of which the cluster knows nothing",
    },
    Rule {
        check: "secret-in-manifest",
        states: (Some("fails"), None),
        reason: "about a value in a file; the values of a cluster's Secrets are not read",
    },
    Rule {
        check: "dangling-role-binding",
        states: (Some("unknown"), Some("fails")),
        reason: "files are a part of a cluster: a role may come from elsewhere",
    },
    Rule {
        check: "vacuous-policy",
        states: (Some("fails"), Some("fails")),
        reason: "other words: pods that files do not have may come from elsewhere",
    },
    Rule {
        check: "missing-disruption-budget",
        states: (Some("unknown"), Some("fails")),
        reason: "files are a part of a cluster: a budget may come from elsewhere",
    },
    Rule {
        check: "missing-disruption-budget",
        states: (None, Some("fails")),
        reason: "an autoscaler has started more pods than the file says",
    },
    Rule {
        check: "powerful-account-workload",
        states: (Some("unknown"), None),
        reason: "files are a part of a cluster: in the cluster, that nothing binds it is known",
    },
    Rule {
        check: "missing-resource-quota",
        states: (Some("unknown"), Some("fails")),
        reason: "files are a part of a cluster: a quota may come from elsewhere",
    },
];

/// Compares; fails on a difference without a rule, and on a rule without a difference.
pub(super) fn run(bench: &Bench<'_>) -> anyhow::Result<()> {
    let objects: BTreeSet<_> = shop::apply(bench)?.into_iter().collect();
    let kubeconfig = bench.cluster.kubeconfig().display().to_string();
    let live = ["--cluster", "--secrets", "--kubeconfig", &kubeconfig];
    let files = bench.program.scan(&[SHOP])?;
    let mut wrong = Vec::new();
    for (what, args, with_place) in [
        ("cluster", live.to_vec(), false),
        ("cluster with files", [&live[..], &[SHOP]].concat(), true),
    ] {
        let cluster = bench.program.scan(&args)?;
        let made = cluster.iter().filter(|found| is_made_by_controllers(found, &objects));
        wrong.extend(made.map(|found| format!("{what}: beside its owner: {found:?}")));
        let of = |found: &[Found]| sorted(found, &objects, with_place);
        let (compared, differences) = compare(&of(&files), &of(&cluster));
        let explained = differences.iter().filter(|(rule, _)| rule.is_some()).count();
        println!(
            "{what}: agreed {} of {compared}, and {explained} differ by a rule",
            compared - differences.len()
        );
        for rule in RULES {
            let count = differences.iter().filter(|(of, _)| *of == Some(rule.check)).count();
            println!("  {count} {}: {}", rule.check, rule.reason);
            if count == 0 {
                wrong.push(format!("{what}: the rule for {} explains nothing", rule.check));
            }
        }
        let unexplained = differences.into_iter().filter(|(rule, _)| rule.is_none());
        wrong.extend(unexplained.map(|(_, text)| format!("{what}: {text}")));
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// Returns whether a finding in a namespace of the example is of an object that is not in the
/// example. The ServiceAccount `default` of each namespace is not in files.
fn is_made_by_controllers(found: &Found, objects: &BTreeSet<[String; 3]>) -> bool {
    if found.check == "default-account-automount" {
        return false;
    }
    let inside = |namespace: &str| ["shop", "monitoring", "ci"].contains(&namespace);
    found.object.as_ref().is_some_and(|object| inside(&object[1]) && !objects.contains(object))
}

/// Returns the findings of these objects in a form that files and clusters share.
fn sorted(found: &[Found], objects: &BTreeSet<[String; 3]>, with_place: bool) -> Vec<Found> {
    let ours = |found: &&Found| found.object.as_ref().is_some_and(|o| objects.contains(o));
    let mut sorted: Vec<_> = found.iter().filter(ours).cloned().collect();
    for found in &mut sorted {
        found.message =
            found.message.replace("in these files", "here").replace("in this cluster", "here");
        if !with_place {
            found.place = None;
        }
    }
    sorted.sort();
    sorted
}

/// Identifies a finding regardless of its message.
type Key = (String, Option<[String; 3]>, String, String);

fn key(found: &Found) -> Key {
    let Found { check, object, container, path, .. } = found.clone();
    (check, object, container, path)
}

/// Returns the number of findings in either, and the differences with the check of their rule.
fn compare(files: &[Found], cluster: &[Found]) -> (usize, Vec<(Option<&'static str>, String)>) {
    let mut both: BTreeMap<Key, (Vec<&Found>, Vec<&Found>)> = BTreeMap::new();
    for found in files {
        both.entry(key(found)).or_default().0.push(found);
    }
    for found in cluster {
        both.entry(key(found)).or_default().1.push(found);
    }
    let mut compared = 0;
    let mut differences = Vec::new();
    for (files, cluster) in both.values() {
        for index in 0..files.len().max(cluster.len()) {
            compared += 1;
            let pair = (files.get(index).copied(), cluster.get(index).copied());
            if pair.0 != pair.1 {
                differences
                    .push((rule(pair), format!("files: {:?}, cluster: {:?}", pair.0, pair.1)));
            }
        }
    }
    (compared, differences)
}

/// Returns the check of the rule that explains a difference. Severity and location must be equal.
fn rule((file, cluster): (Option<&Found>, Option<&Found>)) -> Option<&'static str> {
    let state = |found: Option<&Found>| found.map(|found| found.state.clone());
    let (in_files, in_cluster) = (state(file), state(cluster));
    let same = |a: &Found, b: &Found| (&a.severity, &a.place) == (&b.severity, &b.place);
    let fits = |rule: &&Rule| {
        file.or(cluster).is_some_and(|found| found.check == rule.check)
            && rule.states == (in_files.as_deref(), in_cluster.as_deref())
            && file.zip(cluster).is_none_or(|(file, cluster)| same(file, cluster))
    };
    RULES.iter().find(fits).map(|rule| rule.check)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(check: &str, state: &str, line: u64) -> Found {
        Found {
            check: check.to_owned(),
            object: Some(["Pod", "shop", "a"].map(str::to_owned)),
            container: String::new(),
            path: "spec".to_owned(),
            state: state.to_owned(),
            severity: "low".to_owned(),
            message: String::new(),
            place: Some(("a.yaml".to_owned(), line)),
        }
    }

    #[test]
    fn only_a_rule_explains_a_difference() {
        let unknown = found("dangling-role-binding", "unknown", 1);
        let fails = found("dangling-role-binding", "fails", 1);
        for (file, cluster, wanted) in [
            (Some(&unknown), Some(&fails), Some("dangling-role-binding")),
            (Some(&fails), Some(&unknown), None),
            (Some(&unknown), None, None),
            (None, Some(&fails), None),
            (Some(&unknown), Some(&found("dangling-role-binding", "fails", 2)), None),
            (Some(&found("host-port", "unknown", 1)), Some(&found("host-port", "fails", 1)), None),
        ] {
            assert_eq!(rule((file, cluster)), wanted, "{file:?} {cluster:?}");
            let list = |found: Option<&Found>| found.into_iter().cloned().collect::<Vec<_>>();
            let (compared, differences) = compare(&list(file), &list(cluster));
            assert_eq!((compared, differences.len()), (1, 1));
        }
        let same = std::slice::from_ref(&fails);
        assert!(compare(same, same).1.is_empty());
    }
}
