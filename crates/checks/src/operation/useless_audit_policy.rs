//! PV-O002.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::Edit;
use schemars::JsonSchema;
use serde::Deserialize;

use super::audit::{Level, Requests, Rule, Share, rules};
use crate::{Change, Check, Claim, Cx, OnObject, Place, Verdict};

/// Audit policy omits security-relevant events
///
/// ## Why
/// The first rule that matches a request applies, and requests that no rule matches are not
/// recorded. If a rule with level `None` comes first, or there is no final rule, stolen secrets,
/// new permissions and commands in pods leave no trace.
///
/// ## Fix
/// End the policy with a rule with level `Metadata` without conditions, and restrict rules with
/// level `None` to exactly the users and resources that are too noisy.
#[check(
    id = "PV-O002",
    severity = Medium,
    scope = Object,
    programs = [ApiServer],
    on = [AUDIT_POLICY],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UselessAuditPolicy {}

const PEOPLE: &[&str] = &["system:authenticated"];
const SERVICE_ACCOUNTS: &[&str] = &["system:authenticated", "system:serviceaccounts"];

const fn requests(
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    namespaced: bool,
) -> Requests {
    Requests { verb, group, resource, namespaced, groups: PEOPLE }
}

/// Requests that must be recorded. `kubectl exec` over a WebSocket is a `get`.
const TRACES: [Requests; 13] = [
    requests("get", "", "secrets", true),
    requests("update", "", "secrets", true),
    requests("create", "", "pods", true),
    requests("create", "", "pods/exec", true),
    requests("get", "", "pods/exec", true),
    requests("create", "", "pods/attach", true),
    requests("create", "", "pods/portforward", true),
    requests("patch", "", "pods/ephemeralcontainers", true),
    requests("create", "", "nodes/proxy", false),
    requests("create", "", "serviceaccounts/token", true),
    requests("create", "apps", "deployments", true),
    requests("create", "rbac.authorization.k8s.io", "rolebindings", true),
    requests("create", "rbac.authorization.k8s.io", "clusterrolebindings", false),
];

impl Check for UselessAuditPolicy {
    type On = OnObject;

    fn check<'a>(&self, policy: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        let rules = match rules(policy, cx.kubernetes()) {
            Ok(rules) => rules,
            Err((at, why)) => return Verdict::unknown(at, why),
        };
        if rules.is_empty() {
            let place = Place::field(policy.value(), &["rules"]);
            let claim = Claim::fails(place, "the policy has no rules, so nothing is recorded");
            return claim.changes(last_rule(policy)).into();
        }
        // Requests that are not recorded, by the responsible rule. The last element is for requests
        // without a matching rule.
        let mut lost: Vec<Vec<String>> = vec![Vec::new(); rules.len() + 1];
        for requests in TRACES {
            let people = deciding(&rules, &requests);
            let name = format!("`{} {}`", requests.verb, requests.resource);
            if let Err(index) = people {
                push(&mut lost, index, name);
                continue;
            }
            let accounts = Requests { groups: SERVICE_ACCOUNTS, ..requests };
            if let Err(index) = deciding(&rules, &accounts) {
                push(&mut lost, index, format!("{name} of ServiceAccounts"));
            }
        }
        let claims = lost.into_iter().enumerate().filter(|(_, names)| !names.is_empty());
        Verdict::from_claims(claims.map(|(index, names)| claim(policy, rules.get(index), &names)))
    }
}

fn push(lost: &mut [Vec<String>], index: usize, name: String) {
    if let Some(names) = lost.get_mut(index) {
        names.push(name);
    }
}

/// Whether these requests are recorded. The error is the index of the responsible rule, or one past
/// the last if no rule matches.
fn deciding(rules: &[Rule<'_>], requests: &Requests) -> Result<(), usize> {
    match rules.iter().position(|rule| rule.matches(requests) == Share::All) {
        Some(index) => {
            let recorded = rules.get(index).is_some_and(|r| r.level > Level::None && !r.silenced);
            if recorded { Ok(()) } else { Err(index) }
        }
        None => Err(rules.len()),
    }
}

fn claim<'a>(policy: &'a Object, rule: Option<&Rule<'a>>, names: &[String]) -> Claim<'a> {
    let all = names.len() == TRACES.len();
    let names = if all { "actions of users".to_owned() } else { names.join(", ") };
    match rule {
        Some(rule) if rule.silenced && rule.level > Level::None => Claim::fails(
            Place::field(rule.value, &["level"]),
            format!("{names} are not recorded: all stages are omitted"),
        ),
        Some(rule) => {
            let message = format!("{names} are not recorded: this is the first rule that matches");
            let claim = Claim::fails(Place::field(rule.value, &["level"]), message);
            // This rule drops everything. For others, only the author knows what is noise.
            if rule.is_last_resort() && !omits_all(policy) { claim.set("Metadata") } else { claim }
        }
        None => Claim::fails(
            Place::field(policy.value(), &["rules"]),
            format!("{names} are not recorded: no rule matches all of them"),
        )
        .changes(last_rule(policy)),
    }
}

/// Returns a change that adds a rule for all other requests at the end.
fn last_rule(policy: &Object) -> Option<Change<'_>> {
    let place = Place::field(policy.value(), &["rules"]);
    let rule = Edit::Append(serde_json::json!({ "level": "Metadata" }));
    (!omits_all(policy)).then_some(Change { place, edit: rule })
}

/// Whether the policy itself omits all stages of an ordinary request.
fn omits_all(policy: &Object) -> bool {
    let omits = |stage: &str| {
        let stages = policy.value().list("omitStages");
        stages.filter_map(|s| s.as_str()).any(|s| s == stage)
    };
    omits("RequestReceived") && omits("ResponseComplete")
}
