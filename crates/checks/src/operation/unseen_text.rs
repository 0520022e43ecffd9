//! PV-O006.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnEvery, Place, Verdict};

/// Ignored YAML content
///
/// ## Why
/// For duplicate keys, only the last value applies, and content after the end of a document (`...`)
/// is silently ignored. A reviewer may approve something that never reaches the cluster: a security
/// context that is overridden below, or a policy that is never applied.
///
/// ## Fix
/// Remove the key that is ignored, or start a new document with `---`.
#[check(id = "PV-O006", severity = Medium, scope = Object, files_only = true)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnseenText {}

impl Check for UnseenText {
    type On = OnEvery;

    fn check<'a>(&self, object: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        Verdict::from_claims(object.unseen().iter().map(|unseen| {
            let place = Place::Bytes(object.value(), unseen.span);
            let message = unseen.message.clone();
            let claim = match of_template(object, unseen.span.0) {
                true => Claim::unknown(
                    place,
                    format!("{message}, unless ytt processes this file first"),
                ),
                false => Claim::fails(place, message.clone()),
            };
            claim.instance(message)
        }))
    }
}

/// Whether a directive of ytt (`#@ if`, `#@ template.replace(…)`) is next to or directly above this
/// key: rendering determines what happens to equal keys.
fn of_template(object: &Object, at: u32) -> bool {
    let source = object.value().doc().source();
    let line = source.line_column(at).0;
    let text = |line| source.line(line).map_or("", |(_, text)| text);
    let above = line.checked_sub(1).map_or("", text).trim_start();
    above.starts_with("#@") || text(line).contains(" #@")
}
