//! PV-I059.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::Object;
use pavisade_yaml::{Kind, Source, Value, read};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Cloud identity with administrator permissions
///
/// ## Why
/// These roles have full access to the account or project, or can grant it to themselves. Anyone
/// who compromises the pod, node or ServiceAccount that uses one can take over everything outside
/// the cluster too.
///
/// ## Fix
/// Write a policy with only the actions and resources that the program uses.
#[check(
    id = "PV-I059",
    severity = High,
    scope = Object,
    on = [
        EKSCTL_CLUSTER_CONFIG,
        ACK_IAM_ROLE,
        CROSSPLANE_ROLE_POLICY_ATTACHMENT,
        GCP_IAM_POLICY_MEMBER,
        GCP_IAM_PARTIAL_POLICY,
        GCP_IAM_POLICY
    ]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CloudAdministratorIdentity {}

/// Managed policies of AWS with full access to an account, directly or by escalation.
const AWS: [&str; 3] = ["AdministratorAccess", "IAMFullAccess", "PowerUserAccess"];

/// Roles of Google Cloud with full access to a project, directly or by escalation.
const GOOGLE: [&str; 5] = [
    "roles/editor",
    "roles/iam.securityAdmin",
    "roles/iam.serviceAccountTokenCreator",
    "roles/owner",
    "roles/resourcemanager.projectIamAdmin",
];

impl Check for CloudAdministratorIdentity {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let claims: Vec<_> = if object.is(kinds::EKSCTL_CLUSTER_CONFIG) {
            eksctl(object)
        } else if object.is(kinds::ACK_IAM_ROLE) {
            let policies = object.at(&["spec", "policies"]).into_iter().flat_map(Value::items);
            let inline = object.at(&["spec", "inlinePolicies"]);
            let inline = inline.into_iter().flat_map(Value::entries);
            policies
                .filter_map(managed)
                .chain(inline.filter_map(|(_, text)| written(text)))
                .collect()
        } else if object.is(kinds::CROSSPLANE_ROLE_POLICY_ATTACHMENT) {
            let policy = object.at(&["spec", "forProvider", "policyArn"]);
            policy.and_then(managed).into_iter().collect()
        } else {
            google(object)
        };
        Verdict::from_claims(claims)
    }
}

fn managed(policy: Value<'_>) -> Option<Claim<'_>> {
    let (owner, name) = policy.as_str()?.rsplit_once(":policy/")?;
    let name = name.rsplit('/').next().filter(|name| AWS.contains(name))?;
    // AWS's own policies. Others may have the same name.
    let own = owner.ends_with("::aws");
    own.then(|| Claim::fails(policy, format!("`{name}` grants full access to the AWS account")))
}

fn eksctl(object: &Object) -> Vec<Claim<'_>> {
    let items = |path: &[&str]| object.at(path).into_iter().flat_map(Value::items);
    let mut found = Vec::new();
    let pods = items(&["iam", "podIdentityAssociations"]);
    for item in pods.chain(items(&["iam", "serviceAccounts"])) {
        let arns = item.list("permissionPolicyARNs").chain(item.list("attachPolicyARNs"));
        found.extend(arns.filter_map(managed));
        let inline = ["attachPolicy", "permissionPolicy"].iter().filter_map(|f| item.get(f));
        found.extend(inline.flat_map(statements));
    }
    for group in items(&["managedNodeGroups"]).chain(items(&["nodeGroups"])) {
        let iam = group.get("iam");
        found.extend(iam.into_iter().flat_map(|i| i.list("attachPolicyARNs")).filter_map(managed));
        found.extend(iam.and_then(|i| i.get("attachPolicy")).into_iter().flat_map(statements));
    }
    found
}

/// Returns statements that allow all actions on all resources.
fn statements(policy: Value<'_>) -> Vec<Claim<'_>> {
    // A list of statements, or a single one.
    let one = policy.get("Statement").filter(|s| s.kind() == Kind::Mapping);
    let statements = policy.list("Statement").chain(one).filter_map(|statement| {
        let action = any(statement, "Action")?;
        any(statement, "Resource")?;
        let allows = statement.str("Effect") == Some("Allow");
        let limited = statement.get("Condition").is_some();
        let message = "this statement allows every action on every AWS resource";
        (allows && !limited).then(|| Claim::fails(action, message))
    });
    statements.collect()
}

/// Returns the claim for a policy as JSON text.
fn written(text: Value<'_>) -> Option<Claim<'_>> {
    let documents = read(&Source::new("policy", text.as_str()?));
    let policy = documents.docs.first()?;
    let message = statements(policy.root()).first()?.message.clone();
    Some(Claim::fails(text, message))
}

/// Returns the element of a field, a string or a list of strings, that matches everything.
fn any<'a>(statement: Value<'a>, field: &str) -> Option<Value<'a>> {
    let value = statement.get(field)?;
    let all = |value: &Value<'a>| matches!(value.as_str(), Some("*" | "*:*"));
    match value.kind() {
        Kind::Sequence => value.items().find(all),
        _ => Some(value).filter(all),
    }
}

fn google(object: &Object) -> Vec<Claim<'_>> {
    let spec = object.at(&["spec"]);
    let one = spec.and_then(|spec| Some((spec, spec.get("role")?)));
    let many = spec.into_iter().flat_map(|spec| spec.list("bindings"));
    let many = many.filter_map(|binding| Some((binding, binding.get("role")?)));
    // On a single service account or bucket, a role has no wider effect.
    let project = spec.and_then(|spec| spec.at(&["resourceRef", "kind"])).and_then(Value::as_str);
    if !matches!(project, Some("Project" | "Folder" | "Organization")) {
        return Vec::new();
    }
    let claims = one.into_iter().chain(many).filter_map(|(binding, role)| {
        let name = role.as_str().filter(|name| GOOGLE.contains(name))?;
        let conditional = binding.get("condition").is_some_and(|c| !c.is_null());
        let place = project.unwrap_or("Project").to_lowercase();
        let message = format!("`{name}` grants full access to the Google Cloud {place}");
        (!conditional).then(|| Claim::fails(role, message))
    });
    claims.collect()
}
