//! PV-D027.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::{WrongType, is_empty_selector, list, map};
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Secrets that are pushed into a store by an empty selector.
///
/// ## Why
/// An empty selector selects all: every Secret of the namespace leaves the cluster, those to come
/// and tokens among them, or every namespace writes to the same place in the store, and whoever may
/// write a Secret in one of them decides what the others read back.
///
/// ## Fix
/// Name the Secret (`selector.secret.name`) and the stores, and give selectors the labels of those
/// that are meant.
#[check(
    id = "PV-D027",
    severity = Medium,
    confidence = High,
    scope = Object,
    on = [PUSH_SECRET, CLUSTER_PUSH_SECRET]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct BulkSecretPush {}

impl Check for BulkSecretPush {
    type On = OnObject;

    fn check<'a>(&self, push: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        match judge(push) {
            Ok(claims) => Verdict::from_claims(claims),
            Err(wrong) => wrong.into(),
        }
    }
}

fn judge(push: &Object) -> Result<Vec<Claim<'_>>, WrongType<'_>> {
    let mut claims = Vec::new();
    let mut spec = map(push.value(), &["spec"])?;
    if push.is(kinds::CLUSTER_PUSH_SECRET) {
        let selectors = list(push.value(), &["spec", "namespaceSelectors"])?;
        claims.extend(selectors.filter(|selector| is_empty_selector(*selector)).map(|selector| {
            let message = "this selects every namespace: the Secret of each is pushed, one over \
                           the other";
            Claim::fails(selector, message)
        }));
        spec = map(push.value(), &["spec", "pushSecretSpec"])?;
    }
    let Some(spec) = spec else { return Ok(claims) };
    if let Some(selector) = map(spec, &["selector", "secret", "selector"])?
        && is_empty_selector(selector)
    {
        let message = "this selects every Secret of the namespace, tokens among them";
        claims.push(Claim::fails(selector, message));
    }
    for store in list(spec, &["secretStoreRefs"])? {
        if let Some(selector) = map(store, &["labelSelector"])?
            && store.get("name").is_none_or(|name| name.is_null() || name.as_str() == Some(""))
            && is_empty_selector(selector)
        {
            claims.push(Claim::fails(selector, "this selects every store: each gets the value"));
        }
    }
    Ok(claims)
}
