//! PV-N060.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnObject, Verdict};

/// DNS zone transfer is allowed for everyone
///
/// ## Why
/// A zone transfer lists every Service in every namespace, with its ports and addresses, in one
/// response. Otherwise an attacker would have to guess each name.
///
/// ## Fix
/// Remove `transfer` from the Corefile, or list the servers that need the zone instead of `*`.
#[check(id = "PV-N060", severity = Low, scope = Object, on = [CONFIG_MAP])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OpenZoneTransfer {}

impl Check for OpenZoneTransfer {
    type On = OnObject;

    fn check<'a>(&self, map: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let Some(file) = map.at(&["data", "Corefile"]).filter(|file| !file.is_null()) else {
            return Verdict::NotApplicable;
        };
        let Some(text) = file.as_str() else {
            return Verdict::unknown(file, "this is not a string: the API server rejects it");
        };
        match open_block(text) {
            Ok(Some(zones)) => fails(file, &zones),
            Ok(None) => Verdict::Holds,
            Err(()) => Verdict::unknown(file, "its braces are not balanced"),
        }
    }
}

fn fails<'a>(file: Value<'a>, zones: &str) -> Verdict<'a> {
    let message = format!("`transfer to *` allows everyone to list all names in `{zones}`");
    Claim::fails(file, message).into()
}

/// Returns the zones of the first server block for the cluster domain that allows transfers to
/// everyone (coredns.io, *transfer*; before 1.7.0, an option of *kubernetes*).
fn open_block(text: &str) -> Result<Option<String>, ()> {
    // The block of each open brace.
    let mut within: Vec<Vec<&str>> = Vec::new();
    let (mut of_cluster, mut open, mut found) = (false, false, None);
    for line in text.lines() {
        let code = line.split_once(" #").map_or(line, |(code, _)| code);
        let mut words: Vec<_> = code.split_whitespace().collect();
        if words.first().is_some_and(|word| word.starts_with('#')) {
            continue;
        }
        let opens = words.last() == Some(&"{");
        if opens {
            words.pop();
        }
        if words == ["}"] {
            let closed = within.pop().ok_or(())?;
            if within.is_empty() {
                if of_cluster && open && found.is_none() {
                    found = Some(closed.join(" "));
                }
                (of_cluster, open) = (false, false);
            }
            continue;
        }
        let parent = within.last().and_then(|words| words.first()).copied();
        let to = match (within.len(), parent, &words[..]) {
            (2, Some("transfer"), ["to", to @ ..]) => to,
            (2, Some("kubernetes"), ["transfer", "to", to @ ..]) => to,
            _ => &[],
        };
        open |= to.contains(&"*");
        of_cluster |= within.len() == 1 && words.first() == Some(&"kubernetes");
        if opens {
            within.push(words);
        }
    }
    if within.is_empty() { Ok(found) } else { Err(()) }
}
