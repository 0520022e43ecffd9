//! What checks need to read from a live cluster: kinds, and the minimal permissions to list them.
//!
//! Out of scope: whether a cluster serves a kind (see discovery), and custom resources with pods
//! (their kinds are only known to the cluster).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pavisade_images as images;
use pavisade_model::{GroupKind, Program, Rule, kinds};

use crate::set::Registered;
use crate::{CheckSet, Dispatch};

/// The kinds that a check reads from an API server.
#[derive(Debug)]
pub struct Needs {
    /// The check.
    pub rule: Arc<Rule>,
    /// The kinds of its subjects.
    pub subjects: Vec<GroupKind>,
    /// Further kinds that it reads.
    pub reads: Vec<GroupKind>,
    /// Kinds that only explain why there is nothing to judge.
    pub hints: Vec<GroupKind>,
}

impl CheckSet {
    /// Returns the needs of each check, in the order of [`CheckSet::metas`].
    pub fn needs(&self) -> impl Iterator<Item = Needs> + '_ {
        self.checks.iter().map(needs)
    }

    /// Returns all kinds that checks read from an API server, ordered by group and kind.
    /// Configuration files are not included.
    pub fn kinds(&self) -> Vec<GroupKind> {
        let all: BTreeSet<_> = self
            .needs()
            .flat_map(|needs| [needs.subjects, needs.reads, needs.hints])
            .flatten()
            .collect();
        all.into_iter().collect()
    }

    /// Returns the minimal ClusterRole for [`CheckSet::kinds`], as YAML. It includes Secrets only
    /// if `secrets` is set and a check reads them.
    pub fn role(&self, secrets: bool) -> String {
        let kinds = self.kinds();
        let with_secrets = secrets && kinds.contains(&kinds::SECRET);
        let mut groups: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for kind in kinds.iter().filter(|kind| with_secrets || **kind != kinds::SECRET) {
            groups.entry(kind.group).or_default().insert(kind.resource);
        }
        let mut lines = vec![made_for(self)];
        lines.push(SYSTEM_DISCOVERY.to_owned());
        lines.push(if with_secrets {
            WITH_SECRETS.to_owned()
        } else if kinds.contains(&kinds::SECRET) {
            let of: Vec<_> = self
                .needs()
                .filter(|needs| {
                    [&needs.subjects, &needs.reads].iter().any(|of| of.contains(&kinds::SECRET))
                })
                .map(|needs| format!("`{}`", needs.rule.name))
                .collect();
            format!(
                "There is no permission to list Secrets, so this stays unknown: {}.",
                of.join(", ")
            )
        } else {
            "There is no permission to list Secrets: these checks do not need it.".to_owned()
        });
        let mut text: String = lines.iter().map(|line| comment(line)).collect();
        text.push_str(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  \
             name: pavisade-scan\n",
        );
        text.push_str(if groups.is_empty() { "rules: []\n" } else { "rules:\n" });
        for (group, resources) in groups {
            text.push_str(&format!("  - apiGroups: [\"{group}\"]\n    resources:\n"));
            text.extend(resources.iter().map(|resource| format!("      - {resource}\n")));
            text.push_str("    verbs: [list]\n");
        }
        text
    }
}

const SYSTEM_DISCOVERY: &str = "Discovery (`/api`, `/apis`, `/version`) needs no permission here: \
                                Kubernetes binds `system:discovery` and \
                                `system:public-info-viewer` to every identity.";

const WITH_SECRETS: &str = "WARNING: permission to list Secrets exposes every credential in the \
                            cluster. `list` returns their values, including tokens of other \
                            ServiceAccounts: anyone with this role can impersonate almost any \
                            identity.";

/// Maximum number of checks listed in a role.
const NAMED: usize = 12;

/// Describes the checks that a role is for.
fn made_for(set: &CheckSet) -> String {
    let names: Vec<_> = set.metas().map(|meta| &*meta.rule.name).collect();
    // Checks of images do not read the cluster.
    let all = set.catalog().entries().iter().filter(|entry| !entry.meta().needs_images()).count();
    if names.len() == all {
        return format!("The minimal role for all {} checks.", names.len());
    }
    let what = if names.len() == 1 { "this check" } else { "these checks" };
    if names.len() > NAMED {
        return format!(
            "The minimal role for {} of {} checks (`pavisade checks list`).",
            names.len(),
            all
        );
    }
    format!("The minimal role for {what}: {}.", names.join(", "))
}

/// Wraps a comment.
fn comment(text: &str) -> String {
    const WIDTH: usize = 98;
    let (mut out, mut width) = (String::from("#"), 1);
    for word in text.split(' ') {
        if width + 1 + word.len() > WIDTH {
            out.push_str("\n#");
            width = 1;
        }
        out.push(' ');
        out.push_str(word);
        width += 1 + word.len();
    }
    out.push('\n');
    out
}

fn needs(of_set: &Registered) -> Needs {
    let Registered { check, rule } = of_set;
    let meta = check.meta();
    let (subjects, reads, hints) = (Vec::new(), Vec::new(), Vec::new());
    let mut needs = Needs { rule: rule.clone(), subjects, reads, hints };
    if meta.files_only {
        return needs;
    }
    needs.subjects.extend(&*meta.on);
    needs.reads.extend(meta.reads());
    match check.dispatch() {
        Dispatch::Pods | Dispatch::Images => {
            needs.subjects.extend(kinds::WORKLOADS);
            needs.subjects.push(kinds::POD_TEMPLATE);
            if check.dispatch() == Dispatch::Images {
                needs.subjects.extend(images::kinds());
            }
        }
        Dispatch::Components => needs.subjects.push(kinds::POD),
        Dispatch::Kinds | Dispatch::Every | Dispatch::Worlds | Dispatch::ImageFacts => {}
    }
    if meta.programs.iter().any(|program| *program != Program::Kubelet) {
        // Static pods contain flags. Nodes show the distribution, and so whether there can be
        // static pods.
        needs.hints.extend([kinds::POD, kinds::NODE]);
    }
    if meta.on.contains(&kinds::NODE_FACTS) || meta.on.contains(&kinds::INTEGRITY_FACTS) {
        // Facts from some nodes prove nothing about the others.
        needs.hints.push(kinds::NODE);
    }
    for list in [&mut needs.subjects, &mut needs.reads, &mut needs.hints] {
        list.retain(|kind| !kind.resource.is_empty());
        list.sort_unstable();
        list.dedup();
    }
    let Needs { subjects, reads, .. } = &mut needs;
    reads.retain(|kind| !subjects.contains(kind));
    needs
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use pavisade_model::{KubernetesVersion, Meta};

    use super::*;
    use crate::Catalog;

    fn set(names: &[&str]) -> CheckSet {
        let wanted = |meta: &Meta| names.contains(&&*meta.rule.name);
        CheckSet::new(&Catalog::builtin(), KubernetesVersion::LATEST, wanted, &HashMap::new())
            .unwrap()
    }

    #[test]
    fn a_role_lists_what_its_checks_look_at_and_nothing_else() {
        let role = set(&["long-lived-token", "ingress-without-tls"]).role(false);
        let (comment, rules) = role.split_once("rules:\n").unwrap();
        assert_eq!(
            rules,
            "  - apiGroups: [\"extensions\"]
    resources:
      - ingresses
    verbs: [list]
  - apiGroups: [\"networking.k8s.io\"]
    resources:
      - ingresses
    verbs: [list]
"
        );
        assert!(comment.starts_with(
            "# The minimal role for these checks: long-lived-token, \
             ingress-without-tls.\n"
        ));
        assert!(comment.contains("system:discovery"));
        assert!(comment.contains("stays unknown: `long-lived-token`."), "{comment}");
    }

    #[test]
    fn secrets_are_listed_only_when_asked_for_and_needed() {
        let all = CheckSet::all(KubernetesVersion::LATEST);
        assert!(!all.role(false).contains("- secrets\n"));
        assert!(all.role(true).contains("- secrets\n"));
        assert!(all.role(true).contains("# WARNING: permission to list Secrets exposes every"));
        let other = set(&["host-port"]);
        assert!(!other.role(true).contains("- secrets\n"));
        assert!(!other.role(true).contains("WARNING"));
    }

    #[test]
    fn checks_of_files_need_nothing() {
        assert_eq!(
            set(&["unseen-text", "secret-in-manifest", "kubeconfig-skips-tls-verification"])
                .kinds(),
            []
        );
        assert!(set(&["unseen-text"]).role(true).ends_with("rules: []\n"));
    }

    #[test]
    fn checks_of_pods_need_every_maker_of_pods() {
        let kinds = set(&["host-port"]).kinds();
        assert!(kinds::WORKLOADS.iter().all(|kind| kinds.contains(kind)));
        assert!(kinds.contains(&kinds::POD_TEMPLATE));
    }

    #[test]
    fn lines_of_comments_are_short() {
        let role = CheckSet::all(KubernetesVersion::LATEST).role(true);
        assert!(role.lines().all(|line| line.len() <= 98), "{role}");
    }
}
