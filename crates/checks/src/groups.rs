//! Rules without a check: each groups the findings of several checks, and its name refers to these
//! checks.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use pavisade_model::{
    Area, Audience, Confidence, Fixable, Glob, Rule, Severity, Together, UNHARDENED,
};

use crate::registry::{Catalog, Entry};

/// Returns the rule for groups of [`Together::Hardening`] findings about one workload.
pub fn unhardened_container() -> &'static Arc<Rule> {
    static RULE: LazyLock<Arc<Rule>> = LazyLock::new(|| {
        Arc::new(Rule {
            id: Cow::Borrowed(UNHARDENED),
            name: Cow::Borrowed("unhardened-container"),
            title: Cow::Borrowed("Unhardened container"),
            why: Cow::Borrowed(
                "A container that keeps the defaults runs with more privileges than almost any \
                 program needs: an attacker who gets into it can become root, write to its file \
                 system and use more of the node's kernel.",
            ),
            advice: Cow::Borrowed(
                "Set `allowPrivilegeEscalation: false`, `capabilities: {drop: [\"ALL\"]}`, \
                 `runAsNonRoot: true`, `readOnlyRootFilesystem: true` and `seccompProfile: {type: \
                 RuntimeDefault}` in the `securityContext` of every container, and a memory limit. Each part is a separate check \
                 with its own reason and fix.",
            ),
            severity: Severity::Medium,
            confidence: Confidence::High,
            audience: Audience::Everyone,
            area: Area::Container,
            fixable: Fixable::Riskily,
            secret: false,
            parts: Cow::Borrowed(&[]),
            together: Together::Object,
        })
    });
    &RULE
}

/// Returns the container setting, usually in its `securityContext`, that a part of
/// `unhardened-container` requires.
pub fn hardening_setting(id: &str) -> Option<&'static str> {
    Some(match id {
        "PV-C006" => "capabilities: {drop: [\"ALL\"]}",
        "PV-C007" => "allowPrivilegeEscalation: false",
        "PV-C008" => "runAsNonRoot: true",
        "PV-C011" => "seccompProfile: {type: RuntimeDefault}",
        "PV-C021" => "resources: {limits: {memory: …}}",
        "PV-C020" => "readOnlyRootFilesystem: true",
        _ => return None,
    })
}

impl Catalog {
    /// Returns the checks that a word refers to: one by its id or name, or those that
    /// [`unhardened_container`] groups.
    pub fn meant(&self, word: &str) -> Vec<&Entry> {
        if let Some(entry) = self.named(word) {
            return vec![entry];
        }
        let group = unhardened_container();
        if group.id.eq_ignore_ascii_case(word) || group.name.eq_ignore_ascii_case(word) {
            return self.of(|rule| rule.together == Together::Hardening);
        }
        Vec::new()
    }

    /// Like [`Catalog::meant`], for selecting several checks: also supports an area (`network`,
    /// `supply-chain`), a severity (`severity:high`: this and higher), and a pattern (`etcd-*`,
    /// `PV-N0*`).
    pub fn matching(&self, word: &str) -> Vec<&Entry> {
        let meant = self.meant(word);
        if !meant.is_empty() {
            return meant;
        }
        let area = Area::ALL.into_iter().find(|area| {
            let name = area.name();
            name.eq_ignore_ascii_case(word) || name.replace(' ', "-").eq_ignore_ascii_case(word)
        });
        if let Some(area) = area {
            return self.of(|rule| rule.area == area);
        }
        if let Some(least) = word.strip_prefix("severity:") {
            let least = least.parse::<Severity>();
            return least
                .map_or_else(|_| Vec::new(), |least| self.of(move |rule| rule.severity >= least));
        }
        if !word.contains(['*', '?']) {
            return Vec::new();
        }
        let Ok(glob) = Glob::new(&word.to_ascii_lowercase()) else { return Vec::new() };
        let fits = |text: &str| glob.matches(&text.to_ascii_lowercase());
        self.of(|rule| fits(&rule.id) || fits(&rule.name))
    }

    fn of(&self, wanted: impl Fn(&Rule) -> bool) -> Vec<&Entry> {
        self.entries().iter().filter(|entry| wanted(entry.rule())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_has_a_name_of_its_own_and_a_setting_for_each_part() {
        let catalog = Catalog::builtin();
        let group = unhardened_container();
        assert!(catalog.named(&group.id).is_none() && catalog.named(&group.name).is_none());
        let parts = catalog.meant("unhardened-container");
        assert_eq!(parts.len(), 6);
        for part in &parts {
            assert!(hardening_setting(&part.rule().id).is_some(), "{}", part.rule().id);
        }
        // Rules of high severity must not be hidden in a group.
        assert!(parts.iter().all(|part| part.rule().severity <= group.severity));
        assert_eq!(catalog.meant("PV-c063").len(), 6);
        assert!(catalog.meant("unhardened").is_empty());
    }

    #[test]
    fn areas_severities_and_patterns_mean_many_checks() {
        let catalog = Catalog::builtin();
        let ids = |word: &str| {
            let found = catalog.matching(word);
            found.iter().map(|entry| entry.rule().id.to_string()).collect::<Vec<_>>()
        };
        assert!(ids("network").iter().all(|id| id.starts_with("PV-N")));
        assert_eq!(ids("supply-chain"), ids("supply chain"));
        assert!(ids("Supply-Chain").contains(&"PV-S001".to_owned()));
        assert_eq!(ids("host-path-volume"), ["PV-C003"]);
        assert!(ids("etcd-*").len() >= 3, "{:?}", ids("etcd-*"));
        assert!(ids("pv-c00*").len() == 9, "{:?}", ids("pv-c00*"));
        assert!(ids("severity:critical").contains(&"PV-C001".to_owned()));
        assert!(!ids("severity:critical").contains(&"PV-C003".to_owned()));
        assert!(ids("severity:high").contains(&"PV-C003".to_owned()));
        for nothing in ["severity:grave", "nothing-*", "net", "*nothing*"] {
            assert!(ids(nothing).is_empty(), "{nothing}");
        }
    }
}
