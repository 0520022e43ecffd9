//! PV-O068.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::compared::{age, changes, doubt, list, none, unread};
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Files of a node changed unexpectedly
///
/// ## Why
/// Someone who changed programs, libraries, static pods or certificates of a node controls it, and
/// stays there after their access was removed.
///
/// ## Fix
/// Find out who made each change. If it is intended, add a version to the baseline (`pavisade integrity
/// baseline --append`) and sign it on another machine. Otherwise, take the node out of service and
/// replace it.
#[check(id = "PV-O068", severity = High, scope = Object, on = [INTEGRITY_FACTS])]
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnexpectedFileChange {
    /// The maximum age of a comparison in days.
    days: u32,
    /// The sets of paths that a baseline must cover.
    presets: Vec<String>,
}

impl Default for UnexpectedFileChange {
    fn default() -> Self {
        // Those of `pavisade integrity baseline`.
        let presets = [
            "accounts",
            "certificates",
            "cron",
            "kubernetes",
            "libraries",
            "loader",
            "modules",
            "packages",
            "programs",
            "runtime",
            "systemd",
        ];
        Self { days: 7, presets: presets.map(str::to_owned).into() }
    }
}

impl Check for UnexpectedFileChange {
    type On = OnObject;

    fn check<'a>(&self, facts: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        if let Some(refused) = facts.at(&["refused"]) {
            let why = refused.scalar_text().unwrap_or_default();
            let message = format!("the baseline of this node was refused: {why}");
            return Claim::fails(refused, message).into();
        }
        let version = facts.at(&["baseline", "version"]).and_then(Value::as_i64);
        let of = version.map_or_else(String::new, |number| format!("version {number} of "));
        let mut claims = changes(facts, &format!(" since {of}the baseline"));
        claims.extend(unread(facts, "baseline"));
        claims.extend(trusting(facts));
        claims.extend(age(facts, self.days, cx.now()));
        let covered: Vec<_> = list(facts, &["covers", "presets"]).collect();
        let is_missing = |name: &&str| !covered.iter().any(|found| found.as_str() == Some(*name));
        let missing: Vec<_> = self.presets.iter().map(String::as_str).filter(is_missing).collect();
        if !missing.is_empty() {
            let why = format!("the baseline does not cover {}", missing.join(", "));
            claims.push(doubt(facts, "covers", why));
        }
        Verdict::from_claims(claims)
    }
}

/// Returns doubts if the result depends on what root of the node can change.
fn trusting(facts: &Object) -> impl Iterator<Item = Claim<'_>> {
    let is_newest = facts.at(&["baseline", "newest"]).and_then(Value::as_bool) == Some(true);
    let older = || {
        let why = "an older baseline with a valid signature would have been accepted: use \
                   `--expect`, `--expect-file` or `--expect-config-map`";
        doubt(facts, "baseline", why)
    };
    let unread = "files were not read, because of `--trust-ctime`";
    let records = "changes are expected only by records on the node, which root can change: use \
                   `--strict`, `--digests` or `--reference`, or add a version to the baseline";
    [
        none(facts, "trusted", unread),
        none(facts, "expectedByRecords", records),
        (!is_newest).then(older),
    ]
    .into_iter()
    .flatten()
}
