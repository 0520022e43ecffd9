//! PV-I057.

use pavisade_macros::check;
use pavisade_snapshot::Container;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnContainer, Verdict};

/// Static cloud access key
///
/// ## Why
/// The key works from anywhere until it is revoked, and it is copied to Secrets, backups and dumps.
/// A workload identity provides credentials that expire, and only to these pods.
///
/// ## Fix
/// Use IAM Roles for Service Accounts or EKS Pod Identity, Workload Identity Federation for GKE, or
/// Azure Workload Identity. Elsewhere, use federation with the issuer of the cluster.
#[check(id = "PV-I057", severity = Low, audience = Strict, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StaticCloudKey {}

/// Variables from which SDKs read a key, by cloud.
const VARIABLES: [(&str, &str); 6] = [
    ("AWS_SECRET_ACCESS_KEY", "AWS"),
    ("AZURE_CLIENT_SECRET", "Azure"),
    ("ARM_CLIENT_SECRET", "Azure"),
    ("GOOGLE_APPLICATION_CREDENTIALS", "Google Cloud"),
    ("GOOGLE_CREDENTIALS", "Google Cloud"),
    ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "Alibaba Cloud"),
];

/// Variables for other stores with the Amazon S3 protocol, which have no workload identity.
const ENDPOINTS: [&str; 8] = [
    "AWS_ENDPOINT",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_S3_ENDPOINT",
    "AWS_S3_ENDPOINT_URL",
    "MLFLOW_S3_ENDPOINT_URL",
    "S3_ENDPOINT",
    "S3_ENDPOINT_URL",
];

impl Check for StaticCloudKey {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let env = || container.value().list("env");
        let elsewhere =
            env().filter_map(|env| env.str("name")).any(|name| ENDPOINTS.contains(&name));
        let claims = env().filter_map(|variable| {
            let name = variable.get("name")?;
            let text = name.as_str()?;
            let (_, cloud) = VARIABLES.iter().find(|(known, _)| *known == text)?;
            if *cloud == "AWS" && elsewhere {
                return None;
            }
            let filled = variable.get("value").and_then(Value::as_str).is_some_and(|v| {
                // The configuration of a federation is not a key.
                !v.is_empty() && !v.contains("workload-identity") && !v.contains("/azwi")
            });
            let from = variable.at(&["valueFrom", "secretKeyRef"]).is_some();
            let message = format!("`{text}` is a {cloud} key that does not expire");
            (filled || from).then(|| Claim::fails(name, message).instance(text))
        });
        Verdict::from_claims(claims)
    }
}
