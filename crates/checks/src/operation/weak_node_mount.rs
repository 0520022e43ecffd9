//! PV-O070.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::node_system::mounts;
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// File system of a node is mounted without protective options
///
/// ## Why
/// On `/tmp` and in logs, every user and many pods can place files. Without `nosuid` and `nodev`, a file
/// there can be a setuid program or a device.
///
/// ## Fix
/// Mount it with these options; each finding has its command.
#[check(id = "PV-O070", severity = Low, scope = Object, on = [NODE_FACTS], audience = Strict)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WeakNodeMount {}

/// Directories in which others than root place files.
const PLACES: [&str; 2] = ["/tmp", "/var/log"];
const OPTIONS: [&str; 2] = ["nodev", "nosuid"];

impl Check for WeakNodeMount {
    type On = OnObject;

    fn check<'a>(&self, node: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let places = match mounts(node) {
            Ok(places) => places,
            Err(unknown) => return unknown,
        };
        Verdict::all(PLACES.iter().filter_map(|place| Some(judge(place, *places.get(place)?))))
    }
}

fn judge<'a>(place: &str, mount: Value<'a>) -> Verdict<'a> {
    if mount.list("options").next().is_none() {
        let why = format!("the options of the mount on `{place}` are not in the facts");
        return Claim::unknown(mount, why).instance(place).into();
    }
    let has = |option: &str| mount.list("options").any(|found| found.as_str() == Some(option));
    let missing: Vec<_> = OPTIONS.into_iter().filter(|option| !has(option)).collect();
    let list = missing.join(",");
    Verdict::from_claims(missing.iter().map(|option| {
        let message = format!("`{place}` is mounted without `{option}`");
        let advice = format!(
            "Run `mount -o remount,{list} {place}`, and add the options to `/etc/fstab` or to the \
             mount unit."
        );
        let claim = Claim::fails(mount, message).advice(advice);
        claim.instance(format!("{place} {option}"))
    }))
}
