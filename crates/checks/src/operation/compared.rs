//! Facts about a comparison of files: with a baseline, or with an image.

use jiff::{SignedDuration, Timestamp};
use pavisade_model::Severity;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;

use crate::Claim;

pub(super) fn list<'a>(facts: &'a Object, path: &[&str]) -> impl Iterator<Item = Value<'a>> {
    facts.at(path).into_iter().flat_map(Value::items)
}

fn number(facts: &Object, field: &str) -> Option<i64> {
    facts.at(&[field]).and_then(Value::as_i64).filter(|number| *number >= 0)
}

pub(super) fn doubt<'a>(facts: &'a Object, field: &str, why: impl Into<String>) -> Claim<'a> {
    let place = facts.at(&[field]).unwrap_or_else(|| facts.value());
    Claim::unknown(place, why.into()).instance(field)
}

/// Returns a doubt if a number is missing, or if it is not 0.
pub(super) fn none<'a>(facts: &'a Object, field: &str, why: &str) -> Option<Claim<'a>> {
    match number(facts, field) {
        None => Some(doubt(facts, field, format!("the facts have no valid `{field}`"))),
        Some(0) => None,
        Some(count) => Some(doubt(facts, field, format!("{count} {why}"))),
    }
}

/// Returns why it is not proven that all paths without a change are as they should be.
pub(super) fn unread<'a>(facts: &'a Object, with: &str) -> Vec<Claim<'a>> {
    let mut claims = Vec::new();
    for (field, least) in [("unexpected", 0), ("unchanged", 1)] {
        match number(facts, field) {
            None => claims.push(doubt(facts, field, format!("the facts have no valid `{field}`"))),
            Some(count) if count < least => {
                claims.push(doubt(facts, field, format!("no path is as in the {with}")));
            }
            Some(_) => {}
        }
    }
    claims.extend(none(facts, "unknown", "paths could not be read"));
    let first = list(facts, &["unknownPaths"]).next();
    if let Some(first) = first.filter(|_| number(facts, "unknown") == Some(0)) {
        claims.push(Claim::unknown(first, "a path could not be read".to_owned()));
    }
    claims
}

/// Returns a doubt if the comparison is older than some days, or from the future.
pub(super) fn age(facts: &Object, days: u32, now: Timestamp) -> Option<Claim<'_>> {
    let time = facts.at(&["verified"]).and_then(Value::as_str);
    let Some(time) = time.and_then(|time| time.parse::<Timestamp>().ok()) else {
        return Some(doubt(facts, "verified", "it is not known when the files were compared"));
    };
    let age = now.duration_since(time);
    if age > SignedDuration::from_hours(24 * i64::from(days)) {
        let why = format!("the files were last compared at {time}, more than {days} days ago");
        return Some(doubt(facts, "verified", why));
    }
    // Clocks may differ.
    (age < SignedDuration::from_hours(-24)).then(|| {
        let why = format!("the files were compared at {time}, which is in the future");
        doubt(facts, "verified", why)
    })
}

/// Returns a failure for each unexpected change that is listed, and one for all others. `than` ends the
/// message: what the files were compared with.
pub(super) fn changes<'a>(facts: &'a Object, than: &str) -> Vec<Claim<'a>> {
    let claim = |change| failed(change, than);
    let mut claims: Vec<_> = list(facts, &["changes"]).map(claim).collect();
    let listed = i64::try_from(claims.len()).unwrap_or(i64::MAX);
    if let Some(count) = number(facts, "unexpected").filter(|count| *count > listed) {
        let place = facts.at(&["unexpected"]).unwrap_or_else(|| facts.value());
        let more = count - listed;
        let further = if listed == 0 { "" } else { "further " };
        let message = format!("{more} {further}paths changed unexpectedly{than}");
        claims.push(Claim::fails(place, message).instance("more"));
    }
    claims
}

fn failed<'a>(change: Value<'a>, than: &str) -> Claim<'a> {
    let path = change.get("path").and_then(Value::scalar_text).unwrap_or_default();
    let what = change.str("change").unwrap_or("changed");
    let gains = change.bool("gainsRights") == Some(true);
    let more = if gains { ", and has new rights" } else { "" };
    let message = format!("`{path}` was {what} unexpectedly{than}{more}");
    let claim = Claim::fails(change, message).instance(path);
    if gains { claim.severity(Severity::Critical) } else { claim }
}
