//! PV-C010.

use pavisade_macros::check;
use pavisade_snapshot::Pod;
use pavisade_yaml::{Kind, Value};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::field::{Field, Setter, find, map, text};
use crate::{Check, Claim, Cx, OnPod, Verdict};

/// Seccomp is disabled
///
/// ## Why
/// Without a filter, a process in the container can use every system call of the kernel, including
/// those that most kernel exploits need.
///
/// ## Fix
/// Set `seccompProfile: {type: RuntimeDefault}`, or a profile on the node with `type: Localhost`.
#[check(id = "PV-C010", severity = Medium, scope = Object, fixable = Riskily)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnconfinedSeccomp {}

impl Check for UnconfinedSeccomp {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        // Fields replaced annotations in 1.19.
        let judge = if cx.kubernetes().at_least(19) { judge_field } else { judge_annotation };
        Verdict::from_claims(
            Setter::all(pod).filter_map(|s| judge(pod, s).unwrap_or_else(|e| Some(e.into()))),
        )
    }
}

const FIELD: [&str; 2] = ["securityContext", "seccompProfile"];

/// Returns the type of the profile, if it is set. An empty `seccompProfile` has the empty type.
pub(super) fn profile<'a>(setter: Setter<'a>) -> Field<'a, (&'a str, Value<'a>)> {
    let Some(profile) = map(setter.value(), &FIELD)? else { return Ok(None) };
    Ok(Some(text(profile, &["type"])?.unwrap_or(("", profile))))
}

/// Whether a profile of this type filters system calls.
pub(super) fn is_confined(profile: &str) -> bool {
    matches!(profile, "RuntimeDefault" | "Localhost")
}

fn judge_field<'a>(_: Pod<'a>, setter: Setter<'a>) -> Field<'a, Claim<'a>> {
    let bad = profile(setter)?.filter(|(name, _)| !is_confined(name));
    Ok(bad.map(|(name, place)| {
        let message = match name {
            "Unconfined" => format!("{setter} sets seccomp to `Unconfined`"),
            "" => format!("{setter} sets a `seccompProfile` without a type"),
            _ => format!(
                "{setter} sets seccomp to `{name}`; only `RuntimeDefault` and `Localhost` are \
                 valid profiles"
            ),
        };
        let claim = setter.weigh(Claim::fails(place, message), &FIELD);
        // Without a type, the place is the profile itself.
        match place.kind() {
            Kind::Mapping => claim.set(json!({"type": "RuntimeDefault"})),
            _ => claim.set("RuntimeDefault"),
        }
    }))
}

fn judge_annotation<'a>(pod: Pod<'a>, setter: Setter<'a>) -> Field<'a, Claim<'a>> {
    const OF_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";
    let key = match setter {
        Setter::Pod(_) => "seccomp.security.alpha.kubernetes.io/pod".to_owned(),
        Setter::Container(container) => format!("{OF_CONTAINER}{}", container.name()),
    };
    let Some(metadata) = pod.metadata() else { return Ok(None) };
    // A null in a map of strings is the empty string, which is not a profile either.
    let annotations = find(metadata, &["annotations"])?;
    let null = annotations.and_then(|a| a.get(&key)).filter(|value| value.is_null());
    let set = text(metadata, &["annotations", &key])?.or(null.map(|value| ("", value)));
    let confined = |name: &str| {
        matches!(name, "runtime/default" | "docker/default") || name.starts_with("localhost/")
    };
    Ok(set.filter(|(name, _)| !confined(name)).map(|(name, place)| {
        Claim::fails(
            place,
            format!("an annotation sets the seccomp profile of {setter} to `{name}`"),
        )
        .set("runtime/default")
    }))
}
