//! PV-O068.

use jiff::{SignedDuration, Timestamp};
use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

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
        let mut claims = changes(facts);
        claims.extend(unknown(facts));
        claims.extend(self.age(facts, cx.now()));
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

impl UnexpectedFileChange {
    fn age<'a>(&self, facts: &'a Object, now: Timestamp) -> Option<Claim<'a>> {
        let time = facts.at(&["verified"]).and_then(Value::as_str);
        let Some(time) = time.and_then(|time| time.parse::<Timestamp>().ok()) else {
            return Some(doubt(facts, "verified", "it is not known when the files were compared"));
        };
        let age = now.duration_since(time);
        if age > SignedDuration::from_hours(24 * i64::from(self.days)) {
            let why =
                format!("the files were last compared at {time}, more than {} days ago", self.days);
            return Some(doubt(facts, "verified", why));
        }
        // Clocks may differ.
        (age < SignedDuration::from_hours(-24)).then(|| {
            let why = format!("the files were compared at {time}, which is in the future");
            doubt(facts, "verified", why)
        })
    }
}

fn list<'a>(facts: &'a Object, path: &[&str]) -> impl Iterator<Item = Value<'a>> {
    facts.at(path).into_iter().flat_map(Value::items)
}

fn number(facts: &Object, field: &str) -> Option<i64> {
    facts.at(&[field]).and_then(Value::as_i64).filter(|number| *number >= 0)
}

fn doubt<'a>(facts: &'a Object, field: &str, why: impl Into<String>) -> Claim<'a> {
    let place = facts.at(&[field]).unwrap_or_else(|| facts.value());
    Claim::unknown(place, why.into()).instance(field)
}

/// Returns a failure for each unexpected change that is listed, and one for all others.
fn changes(facts: &Object) -> Vec<Claim<'_>> {
    let version = facts.at(&["baseline", "version"]).and_then(Value::as_i64);
    let since = version.map_or_else(String::new, |number| format!(" since version {number}"));
    let claim = |change| failed(change, &since);
    let mut claims: Vec<_> = list(facts, &["changes"]).map(claim).collect();
    let listed = i64::try_from(claims.len()).unwrap_or(i64::MAX);
    if let Some(count) = number(facts, "unexpected").filter(|count| *count > listed) {
        let place = facts.at(&["unexpected"]).unwrap_or_else(|| facts.value());
        let more = count - listed;
        let message = match listed {
            0 => format!("{more} paths changed unexpectedly{since} of the baseline"),
            _ => format!("{more} further paths changed unexpectedly{since} of the baseline"),
        };
        claims.push(Claim::fails(place, message).instance("more"));
    }
    claims
}

fn failed<'a>(change: Value<'a>, since: &str) -> Claim<'a> {
    let path = change.get("path").and_then(Value::scalar_text).unwrap_or_default();
    let what = change.str("change").unwrap_or("changed");
    let gains = change.bool("gainsRights") == Some(true);
    let more = if gains { ", and has new rights" } else { "" };
    let message = format!("`{path}` was {what} unexpectedly{since} of the baseline{more}");
    let claim = Claim::fails(change, message).instance(path);
    if gains { claim.severity(Severity::Critical) } else { claim }
}

/// Returns why it is not proven that all other paths are unchanged.
fn unknown(facts: &Object) -> Vec<Claim<'_>> {
    let mut claims = Vec::new();
    for (field, is_bad, why) in [
        ("unexpected", false, ""),
        ("unchanged", false, ""),
        ("unknown", true, "paths could not be read"),
        ("trusted", true, "files were not read, because of `--trust-ctime`"),
        (
            "expectedByRecords",
            true,
            "changes are expected only by records on the node, which root can change: use \
             `--strict`, `--digests` or `--reference`, or add a version to the baseline",
        ),
    ] {
        match number(facts, field) {
            None => claims.push(doubt(facts, field, format!("the facts have no valid `{field}`"))),
            Some(0) if field == "unchanged" => {
                claims.push(doubt(facts, field, "no path is as in the baseline"));
            }
            Some(0) => {}
            Some(count) if is_bad => claims.push(doubt(facts, field, format!("{count} {why}"))),
            Some(_) => {}
        }
    }
    let first = list(facts, &["unknownPaths"]).next();
    if let Some(first) = first.filter(|_| number(facts, "unknown") == Some(0)) {
        claims.push(Claim::unknown(first, "a path could not be read".to_owned()));
    }
    if facts.at(&["baseline", "newest"]).and_then(Value::as_bool) != Some(true) {
        let why = "an older baseline with a valid signature would have been accepted: use \
                   `--expect`, `--expect-file` or `--expect-config-map`";
        claims.push(doubt(facts, "baseline", why));
    }
    claims
}
