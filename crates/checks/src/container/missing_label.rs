//! PV-C062.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnEvery, Place, Verdict};

/// Missing required label
///
/// ## Why
/// Labels identify the owner of a workload and the application that it belongs to, and policies
/// select by them. This check reports nothing until the parameter `labels` lists the required
/// labels.
///
/// ## Fix
/// Add the label to the metadata of the object.
#[check(
    id = "PV-C062",
    severity = Low,
    audience = Strict,
    scope = Object,
    on = [POD, DEPLOYMENT, DAEMON_SET, STATEFUL_SET, REPLICATION_CONTROLLER, JOB, CRON_JOB]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MissingLabel {
    /// Required labels, such as `app.kubernetes.io/name`; `a|b` requires one of the two.
    labels: Vec<String>,
}

impl Check for MissingLabel {
    type On = OnEvery;

    fn check<'a>(&self, object: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let owners = object.at(&["metadata", "ownerReferences"]);
        let made = owners.is_some_and(|owners| owners.items().next().is_some());
        if self.labels.is_empty() || !object.has_pods() || made {
            return Verdict::NotApplicable;
        }
        Verdict::from_claims(self.labels.iter().filter_map(|asked| {
            let has = |key: &str| object.label(key).is_some_and(|value| !value.is_empty());
            if asked.split('|').any(|key| has(key.trim())) {
                return None;
            }
            let place = Place::field(object.value(), &["metadata", "labels", asked]);
            Some(
                Claim::fails(place, format!("required label `{asked}` is missing")).instance(asked),
            )
        }))
    }
}
