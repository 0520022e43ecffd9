//! PV-O076.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::{Coverage, Object};
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::compared::{age, changes, doubt, list, unread};
use super::running::{About, about};
use crate::{Check, Cx, OnObject, Verdict};

/// Files of a running container differ from its image
///
/// ## Why
/// Someone who runs commands in a container can add programs and change those of the image. What runs is
/// then not what was scanned and signed.
///
/// Types, modes, contents and targets of links are compared, owners and extended attributes (such as
/// capabilities) are not.
///
/// ## Fix
/// Find out which process made each change, and delete the pod. Set `readOnlyRootFilesystem: true`, and
/// use an `emptyDir` for files that the application writes.
#[check(id = "PV-O076", severity = High, scope = Object, on = [CONTAINER_FACTS], reads = [POD])]
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ChangedContainerFile {
    /// The maximum age of a comparison in days.
    days: u32,
    /// Paths that may be left out of a comparison, or be hidden by something that is mounted over them.
    excluded: Vec<String>,
}

impl Default for ChangedContainerFile {
    fn default() -> Self {
        Self { days: 7, excluded: Vec::new() }
    }
}

impl Check for ChangedContainerFile {
    type On = OnObject;

    fn check<'a>(&self, facts: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        match of_running(facts, cx) {
            About::Running => {}
            About::Ended => return Verdict::NotApplicable,
            About::Unknown(why) => return doubt(facts, "image", why).into(),
        }
        let mut claims = changes(facts, " compared with the image");
        claims.extend(unread(facts, "image"));
        claims.extend(age(facts, self.days, cx.now()));
        for (field, what) in [
            ("exclude", "left out of the comparison"),
            ("mounted", "files of the image are hidden by what is mounted there"),
        ] {
            let more: Vec<_> = list(facts, &[field])
                .filter_map(Value::scalar_text)
                .filter(|path| !self.excluded.iter().any(|allowed| *allowed == **path))
                .collect();
            if !more.is_empty() {
                claims.push(doubt(facts, field, format!("{what}: {}", more.join(", "))));
            }
        }
        Verdict::from_claims(claims)
    }
}

/// Returns whether facts are about a container that runs. Files do not say what runs.
fn of_running<'a>(facts: &'a Object, cx: &Cx<'a>) -> About {
    let name = facts.at(&["pod"]).and_then(Value::as_str).filter(|_| cx.is_live());
    let Some(name) = name else { return About::Running };
    match cx.get(kinds::POD, facts.namespace(), name) {
        Some(pod) => about(facts, pod),
        None if cx.coverage(kinds::POD) == Coverage::Complete => About::Ended,
        None => About::Running,
    }
}
