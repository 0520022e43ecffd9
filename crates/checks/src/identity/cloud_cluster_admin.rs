//! PV-I058.

use pavisade_macros::check;
use pavisade_model::{Severity, kinds};
use pavisade_snapshot::Object;
use pavisade_yaml::{Kind, Source, Value, read};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Cloud identity has cluster-admin access
///
/// ## Why
/// Anyone who can use this role or user of the cloud, from a laptop or a build, controls the
/// cluster. RBAC does not show this: members of `system:masters` bypass it, and access policies are
/// separate from it.
///
/// ## Fix
/// Map the identity to a dedicated group and bind the roles that it needs, or use an access policy
/// for the namespaces that it needs. Keep one role for emergencies, and alert on its use.
#[check(
    id = "PV-I058",
    severity = Medium,
    scope = Object,
    on = [
        CONFIG_MAP,
        EKSCTL_CLUSTER_CONFIG,
        ACK_ACCESS_ENTRY,
        CROSSPLANE_ACCESS_POLICY_ASSOCIATION
    ]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CloudClusterAdmin {}

const MASTERS: &str = "system:masters";

impl Check for CloudClusterAdmin {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        if object.is(kinds::CONFIG_MAP) {
            return match (object.name(), object.namespace()) {
                ("aws-auth", "kube-system" | "") => aws_auth(object),
                _ => Verdict::NotApplicable,
            };
        }
        Verdict::from_claims(groups(object).into_iter().chain(policies(object)))
    }
}

/// The lists in the ConfigMap, which are YAML text.
fn aws_auth(map: &Object) -> Verdict<'_> {
    const LISTS: [(&str, &str, Severity); 2] = [
        ("mapRoles", "rolearn", Severity::Medium),
        // IAM users have keys that do not expire.
        ("mapUsers", "userarn", Severity::High),
    ];
    let parts =
        LISTS.iter().filter_map(|(list, arn, severity)| {
            let place = map.at(&["data", list])?;
            let Some(text) = place.as_str() else {
                return Some(Verdict::unknown(place, format!("`{list}` is not a string")));
            };
            let documents = read(&Source::new("aws-auth", text));
            let Some(document) = documents.docs.first() else {
                return text.trim().is_empty().then_some(Verdict::Holds).or_else(|| {
                    Some(Verdict::unknown(place, format!("`{list}` cannot be parsed")))
                });
            };
            if !matches!(document.root().kind(), Kind::Sequence | Kind::Null) {
                return Some(Verdict::unknown(place, format!("`{list}` does not contain a list")));
            }
            let claims = document.root().items().filter_map(|entry| {
                entry.list("groups").find(|group| group.as_str() == Some(MASTERS))?;
                let who = entry.str(arn).unwrap_or("").to_owned();
                let message = format!(
                    "`{who}` is a member of `{MASTERS}` and so has full control of the cluster"
                );
                Some(Claim::fails(place, message).severity(*severity).instance(who))
            });
            Some(Verdict::from_claims(claims.collect::<Vec<_>>()))
        });
    Verdict::all(parts)
}

/// eksctl: mappings to groups, and groups of access entries. EKS rejects `system:` names in the
/// latter.
fn groups(object: &Object) -> Vec<Claim<'_>> {
    let mappings = object.at(&["iamIdentityMappings"]).into_iter().flat_map(Value::items);
    let claims = mappings.filter_map(|mapping| {
        let group = mapping.list("groups").find(|group| group.as_str() == Some(MASTERS))?;
        let who = mapping.str("arn").unwrap_or("this identity");
        Some(Claim::fails(group, format!("`{who}` is a member of `{MASTERS}`")))
    });
    claims.collect()
}

/// Returns access policies of EKS for the whole cluster.
fn policies(object: &Object) -> Vec<Claim<'_>> {
    let mut found = Vec::new();
    let entries = object.at(&["accessConfig", "accessEntries"]).into_iter().flat_map(Value::items);
    for entry in entries {
        let who = entry.str("principalARN").unwrap_or("");
        for policy in entry.list("accessPolicies") {
            found.extend(admin(who, policy.get("policyARN"), policy.get("accessScope")));
        }
    }
    if object.is(kinds::ACK_ACCESS_ENTRY) {
        let who = object.at(&["spec", "principalARN"]).and_then(Value::as_str).unwrap_or("");
        let policies = object.at(&["spec", "accessPolicies"]).into_iter().flat_map(Value::items);
        found.extend(
            policies.filter_map(|policy| {
                admin(who, policy.get("policyARN"), policy.get("accessScope"))
            }),
        );
    }
    if object.is(kinds::CROSSPLANE_ACCESS_POLICY_ASSOCIATION)
        && let Some(provider) = object.at(&["spec", "forProvider"])
    {
        let who = provider.str("principalArn").unwrap_or("");
        // A map, or in older versions a list with one map.
        let scope = provider.get("accessScope");
        let scope = scope.map(|scope| scope.items().next().unwrap_or(scope));
        found.extend(admin(who, provider.get("policyArn"), scope));
    }
    found
}

fn admin<'a>(who: &str, policy: Option<Value<'a>>, scope: Option<Value<'a>>) -> Option<Claim<'a>> {
    let policy = policy?;
    if policy.as_str()?.rsplit('/').next() != Some("AmazonEKSClusterAdminPolicy") {
        return None;
    }
    let limited = scope.and_then(|scope| scope.str("type")) == Some("namespace");
    let (what, severity) = match limited {
        true => ("the namespaces that it lists", Severity::Low),
        false => ("the cluster", Severity::Medium),
    };
    let who = if who.is_empty() { "the identity".to_owned() } else { format!("`{who}`") };
    let message = format!("this access policy gives {who} full control of {what}");
    Some(Claim::fails(policy, message).severity(severity))
}
