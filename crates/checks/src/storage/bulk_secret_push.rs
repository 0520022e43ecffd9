//! PV-D027.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::{WrongType, is_empty_selector, list, map};
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// PushSecret with an empty selector
///
/// ## Why
/// An empty selector matches everything. Every Secret in the namespace leaves the cluster,
/// including future ones and tokens; or every namespace writes to the same place in the store, so
/// anyone who can write a Secret in one of them controls what the others read.
///
/// ## Fix
/// Set the name of the Secret (`selector.secret.name`) and of the stores, and use selectors with
/// the labels of the intended ones.
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
            let message = "this selects every namespace: the Secret of each is pushed and \
                           overwrites the others";
            Claim::fails(selector, message)
        }));
        spec = map(push.value(), &["spec", "pushSecretSpec"])?;
    }
    let Some(spec) = spec else { return Ok(claims) };
    if let Some(selector) = map(spec, &["selector", "secret", "selector"])?
        && is_empty_selector(selector)
    {
        let message = "this selects every Secret in the namespace, including tokens";
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
