//! PV-C054.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{WrongType, list};
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// An API server that leaves users, runtime classes or namespaces out of Pod Security.
///
/// ## Why
/// Who is exempt creates privileged pods in every namespace, whatever its labels say. Pods of a
/// workload are created by its controller: to exempt a user frees that user's own pods alone, and to
/// exempt a controller frees everybody who may create workloads.
///
/// ## Fix
/// Remove the exemption and give the namespace that needs it the level `privileged`, where it can be
/// seen.
#[check(
    id = "PV-C054",
    severity = Low,
    scope = Object,
    programs = [ApiServer],
    on = [ADMISSION_CONFIGURATION, POD_SECURITY_CONFIGURATION]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PodSecurityExemption {}

/// Namespaces whose components need the node.
const SYSTEM: [&str; 3] = ["kube-system", "kube-public", "kube-node-lease"];

impl Check for PodSecurityExemption {
    type On = OnObject;

    fn check<'a>(&self, file: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let configuration = if file.kind() == "AdmissionConfiguration" {
            let plugins = file.value().list("plugins");
            let mut of_plugin = plugins.filter(|p| p.str("name") == Some("PodSecurity"));
            of_plugin.next().and_then(|plugin| plugin.get("configuration"))
        } else {
            Some(file.value())
        };
        let Some(configuration) = configuration.filter(|c| !c.is_null()) else {
            return Verdict::NotApplicable;
        };
        judge(configuration).unwrap_or_else(Verdict::from)
    }
}

fn judge(configuration: Value<'_>) -> Result<Verdict<'_>, WrongType<'_>> {
    let mut claims = Vec::new();
    for (field, what) in
        [("usernames", "user"), ("runtimeClasses", "runtime class"), ("namespaces", "namespace")]
    {
        for exempt in list(configuration, &["exemptions", field])? {
            let Some(name) = exempt.as_str() else { continue };
            if field == "namespaces" && SYSTEM.contains(&name) {
                continue;
            }
            let message = format!("{what} `{name}` is exempt from Pod Security");
            claims.push(Claim::fails(exempt, message));
        }
    }
    Ok(Verdict::from_claims(claims))
}
