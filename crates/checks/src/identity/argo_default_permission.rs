//! PV-I062.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Argo CD grants write access to every user
///
/// ## Why
/// With `role:admin`, every account of the identity provider can deploy to every cluster that Argo
/// CD manages: `policy.default` applies to every user who logs in, in addition to the other
/// policies.
///
/// ## Fix
/// Leave `policy.default` empty or set it to `role:readonly`, and assign roles to groups in
/// `policy.csv`.
#[check(id = "PV-I062", severity = High, scope = Object, on = [CONFIG_MAP], fixable = Riskily)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ArgoDefaultPermission {}

impl Check for ArgoDefaultPermission {
    type On = OnObject;

    fn check<'a>(&self, map: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        if map.name() != "argocd-rbac-cm" {
            return Verdict::NotApplicable;
        }
        let Some(policy) = map.at(&["data", "policy.default"]) else { return Verdict::Holds };
        let role = match policy.as_str().map(str::trim) {
            Some("") => return Verdict::Holds,
            Some(role) => role,
            None if policy.is_null() => return Verdict::Holds,
            None => return Verdict::unknown(policy, "`policy.default` is not a string"),
        };
        match gives(role, map) {
            Gives::Everything => {
                Claim::fails(policy, "every user who logs in to Argo CD is an administrator")
                    .set("")
                    .into()
            }
            Gives::Change(what) => {
                let message = format!(
                    "every user who logs in to Argo CD can change it: `{role}` allows `{what}`"
                );
                Claim::fails(policy, message).set("").into()
            }
            Gives::Reading => Verdict::Holds,
            Gives::Unclear(why) => {
                let message = format!(
                    "the permissions that `{role}` grants to everyone are not evaluated: {why}"
                );
                Verdict::unknown(policy, message)
            }
        }
    }
}

/// What a role allows.
enum Gives {
    Everything,
    /// Changing every object of a kind. Contains the policy line.
    Change(String),
    Reading,
    Unclear(&'static str),
}

/// Resources that allow deploying anything if all of them can be changed.
const POWERFUL: [&str; 8] = [
    "*",
    "applications",
    "applicationsets",
    "clusters",
    "projects",
    "repositories",
    "accounts",
    "exec",
];

/// Returns what the role allows according to `policy.csv` and `policy.NAME.csv`, which Argo CD
/// joins (argo-cd.readthedocs.io, *RBAC Configuration*), and the two built-in roles.
fn gives(role: &str, map: &Object) -> Gives {
    let data = map.at(&["data"]).into_iter().flat_map(Value::entries);
    let policies = data.filter(|(key, _)| key.starts_with("policy.") && key.ends_with(".csv"));
    let mut lines = Vec::new();
    for (_, policy) in policies {
        let Some(text) = policy.as_str() else { return Gives::Unclear("a policy is not a string") };
        if text.contains("{{") || text.contains("${") {
            return Gives::Unclear("a policy is set later");
        }
        let kept = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
        lines.extend(kept.map(|line| {
            let fields = line.split(',').map(|field| field.trim().trim_matches('"'));
            (line, fields.collect::<Vec<_>>())
        }));
    }
    let mut roles = vec![role];
    let mut at = 0;
    while let Some(own) = roles.get(at).copied() {
        at += 1;
        let inherited = lines.iter().filter_map(|(_, fields)| match fields[..] {
            ["g", subject, role] if subject == own => Some(role),
            _ => None,
        });
        for role in inherited {
            if !roles.contains(&role) {
                roles.push(role);
            }
        }
    }
    if roles.contains(&"role:admin") {
        return Gives::Everything;
    }
    let regex = map.at(&["data", "policy.matchMode"]).and_then(Value::as_str) == Some("regex");
    let all = |pattern: &str| match regex {
        true => matches!(pattern, ".*" | "^.*$" | ".*/.*"),
        false => matches!(pattern, "*" | "*/*"),
    };
    let own = lines.iter().filter(|(_, fields)| {
        fields.first() == Some(&"p") && fields.get(1).is_some_and(|subject| roles.contains(subject))
    });
    let mut known = roles.contains(&"role:readonly");
    let (mut everything, mut change, mut unclear) = (false, None, None);
    for (line, fields) in own {
        known = true;
        match fields[..] {
            // A deny rule leaves the rest allowed. What remains is not evaluated.
            ["p", _, _, _, _, "deny"] => return Gives::Unclear("it also contains a deny rule"),
            ["p", _, _, "get", _, "allow"] => {}
            ["p", _, resource, action, object, "allow"] => {
                let powerful = POWERFUL.contains(&resource) || all(resource);
                let changes = all(action) || matches!(action, "create" | "update" | "delete");
                match all(resource) && all(action) && all(object) {
                    true => everything = true,
                    false if powerful && changes && all(object) => change = Some(*line),
                    false => unclear = Some("it allows more than `get`, but not everywhere"),
                }
            }
            _ => unclear = Some("a line of the policy cannot be parsed"),
        }
    }
    match (change, unclear) {
        _ if everything => Gives::Everything,
        (Some(line), _) => Gives::Change(line.to_owned()),
        (None, Some(why)) => Gives::Unclear(why),
        (None, None) if known => Gives::Reading,
        (None, None) => Gives::Unclear("no line of the policy applies to it"),
    }
}
