//! PV-I056.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::{Pod, Selector};
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::cloud::CloudAccounts;
use crate::network::backend::Entries;
use crate::{Check, Claim, Cx, OnPod, Place, Verdict, View, Why};

/// Exposed or privileged pod has a cloud identity
///
/// ## Why
/// A vulnerability that allows an attacker to read files or run commands in such a pod also exposes
/// the permissions of its cloud identity, beyond the cluster. A privileged container can also use
/// the identities of other pods on its node.
///
/// ## Fix
/// Grant the identity only the actions and resources that it needs. Separate the part of the
/// program that is exposed from the part that uses the cloud.
#[check(
    id = "PV-I056",
    severity = Medium,
    audience = Strict,
    scope = Related,
    reads = [
        SERVICE_ACCOUNT,
        ACK_POD_IDENTITY_ASSOCIATION,
        CROSSPLANE_POD_IDENTITY_ASSOCIATION,
        EKSCTL_CLUSTER_CONFIG,
        GCP_IAM_POLICY_MEMBER,
        SERVICE,
        ..ENTRIES,
        ..ISTIO_ROUTES,
        ..WORKLOADS,
    ]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ExposedCloudIdentity {}

impl Check for ExposedCloudIdentity {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        let account = pod.service_account();
        let accounts = cx.derive::<CloudAccounts>();
        let place = Place::field(pod.spec(), &["serviceAccountName"]);
        if !accounts.has(pod.object().namespace(), account) {
            return match CloudAccounts::gap(cx) {
                Some(why) => Verdict::unknown(place, why),
                None => Verdict::NotApplicable,
            };
        }
        let privileged = pod.containers().find(|container| {
            container.security(&["privileged"]).and_then(Value::as_bool) == Some(true)
        });
        let exposed = || match exposed(pod, cx) {
            Some(Ok(by)) => Some(Ok(format!("{by} exposes them outside the cluster"))),
            other => other,
        };
        let why = privileged
            .map(|container| Ok(format!("container `{}` is privileged", container.name())));
        match why.or_else(exposed) {
            Some(Err(why)) => Verdict::unknown(place, why),
            Some(Ok(why)) => {
                let message = format!(
                    "these pods have the cloud identity of ServiceAccount `{account}`, and {why}"
                );
                Claim::fails(place, message).evidence(account).evidence(why).into()
            }
            None => match [&kinds::SERVICE]
                .into_iter()
                .chain(kinds::ENTRIES)
                .chain(kinds::ISTIO_ROUTES)
                .find_map(|kind| cx.gap(*kind))
            {
                Some(why) => Verdict::unknown(place, why),
                None => Verdict::Holds,
            },
        }
    }
}

/// Returns how pods are reachable from outside, or why that is not known.
fn exposed<'a>(pod: Pod<'a>, cx: &View<'a>) -> Option<Result<String, Why>> {
    let entries = cx.derive::<Entries>();
    let namespace = pod.object().namespace();
    let services = cx.list_in(kinds::SERVICE, namespace).objects.into_iter();
    let found = services.filter_map(|service| {
        let kind = service.at(&["spec", "type"]).and_then(Value::as_str);
        let open = matches!(kind, Some("LoadBalancer" | "NodePort"))
            .then(|| format!("Service `{}`", service.name()));
        let entry = || entries.to(service).map(|(kind, name)| format!("{kind} `{name}`"));
        let unknown = || entries.unknown(service).cloned().map(Err);
        let by = open.or_else(entry).map(Ok).or_else(unknown)?;
        let selector = service.at(&["spec", "selector"])?;
        let selector = Selector::labels(selector).ok().filter(|selector| !selector.is_empty())?;
        let label = |key: &str| pod.labels().find(|(own, _)| *own == key).map(|(_, value)| value);
        selector.matches(label).then_some(by)
    });
    found.min_by_key(Result::is_err)
}
