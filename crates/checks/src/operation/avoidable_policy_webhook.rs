//! PV-O024.

use pavisade_macros::check;
use pavisade_snapshot::{Object, Selector};
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::fail_open_webhook::enforces;
use crate::field::map;
use crate::{Check, Cx, OnObject, Verdict};

/// Object labels can bypass a policy webhook
///
/// ## Why
/// `objectSelector` matches the labels of the object that is evaluated. Whoever creates the object
/// chooses its labels, and so whether the policy engine is called.
///
/// ## Fix
/// Remove `objectSelector`. To exempt objects, use `namespaceSelector` or `matchConditions` (for a
/// user or a group).
#[check(
    id = "PV-O024",
    severity = Medium,
    confidence = Medium,
    scope = Object,
    on = [VALIDATING_WEBHOOK_CONFIGURATION]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AvoidablePolicyWebhook {}

impl Check for AvoidablePolicyWebhook {
    type On = OnObject;

    fn check<'a>(&self, configuration: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let webhooks = configuration.at(&["webhooks"]).into_iter().flat_map(Value::items);
        // For others (a mutating sidecar injector, an operator's own settings), opting out by label
        // is intended.
        let guards = webhooks.filter(|webhook| {
            enforces(webhook.str("name").unwrap_or("")) || enforces(configuration.name())
        });
        Verdict::all(guards.map(judge))
    }
}

fn judge(webhook: Value<'_>) -> Verdict<'_> {
    let selector = match map(webhook, &["objectSelector"]) {
        Ok(Some(selector)) => selector,
        Ok(None) => return Verdict::Holds,
        Err(wrong) => return wrong.into(),
    };
    match Selector::read(selector) {
        Ok(read) if read.is_empty() => Verdict::Holds,
        Ok(_) => {
            let name = webhook.str("name").unwrap_or("");
            let message =
                format!("the labels of an object determine whether webhook `{name}` is called");
            Verdict::fails(selector, message)
        }
        Err(error) => Verdict::unknown(selector, error),
    }
}
