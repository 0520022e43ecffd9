//! PV-C012.

use pavisade_macros::check;
use pavisade_snapshot::Pod;
use pavisade_yaml::{Edit, Kind, Value};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::field::{Field, Setter, map, text};
use crate::{Check, Claim, Cx, OnPod, Verdict};

/// AppArmor is disabled
///
/// ## Why
/// The default profile of container runtimes denies mounts and writes to sensitive parts of `/proc`
/// and `/sys`. Without it, root in the container is less confined.
///
/// ## Fix
/// Remove the setting, or use `RuntimeDefault` or a profile on the node (`Localhost`).
#[check(id = "PV-C012", severity = Medium, scope = Object, fixable = Riskily)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnconfinedApparmor {}

/// Before 1.30, annotations were the only way. They are still supported.
const ANNOTATION: &str = "container.apparmor.security.beta.kubernetes.io/";

impl Check for UnconfinedApparmor {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let fields = Setter::all(pod)
            .filter(|setter| !is_copied(*setter, pod))
            .filter_map(|setter| judge_field(setter).unwrap_or_else(|wrong| Some(wrong.into())));
        let annotations = pod.annotations().filter_map(|(key, value)| {
            let container = key.strip_prefix(ANNOTATION)?;
            let claim = judge_annotation(container, value)?;
            // The API server rejects an annotation that differs from the field.
            let same = pod.containers().find(|c| c.name() == container);
            let same =
                same.and_then(|c| c.value().at(&["securityContext", "appArmorProfile", "type"]));
            Some(match same.filter(|field| field.as_str() == Some("Unconfined")) {
                Some(field) => claim.change(field, Edit::Set(json!("RuntimeDefault"))),
                None => claim,
            })
        });
        Verdict::from_claims(fields.chain(annotations))
    }
}

/// Whether the field duplicates the annotation of the container: the API server copies the
/// annotation to the field in pods, but not in templates. Only one of them is reported.
fn is_copied(setter: Setter<'_>, pod: Pod<'_>) -> bool {
    let Setter::Container(container) = setter else { return false };
    let annotation = pod.annotation(&format!("{ANNOTATION}{}", container.name()));
    let field = setter.value().at(&["securityContext", "appArmorProfile", "type"]);
    annotation.and_then(Value::as_str) == Some("unconfined")
        && field.and_then(Value::as_str) == Some("Unconfined")
}

fn judge_field(setter: Setter<'_>) -> Field<'_, Claim<'_>> {
    let path = ["securityContext", "appArmorProfile"];
    let Some(profile) = map(setter.value(), &path)? else { return Ok(None) };
    let (name, place) = text(profile, &["type"])?.unwrap_or(("", profile));
    let message = match name {
        "RuntimeDefault" | "Localhost" => return Ok(None),
        "Unconfined" => format!("{setter} sets AppArmor to `Unconfined`"),
        "" => format!("{setter} sets an `appArmorProfile` without a type"),
        _ => format!(
            "{setter} sets AppArmor to `{name}`; only `RuntimeDefault` and `Localhost` are valid \
             profiles"
        ),
    };
    let claim = setter.weigh(Claim::fails(place, message), &path);
    // Without a type, the place is the profile itself.
    Ok(Some(match place.kind() {
        Kind::Mapping => claim.set(json!({"type": "RuntimeDefault"})),
        _ => claim.set("RuntimeDefault"),
    }))
}

fn judge_annotation<'a>(container: &str, value: Value<'a>) -> Option<Claim<'a>> {
    if value.is_null() {
        return None;
    }
    let Some(profile) = value.as_str() else {
        return Some(Claim::unknown(value, format!("{ANNOTATION}{container} is not a string")));
    };
    let allowed = matches!(profile, "" | "runtime/default") || profile.starts_with("localhost/");
    (!allowed).then(|| {
        Claim::fails(
            value,
            format!(
                "an annotation sets the AppArmor profile of container `{container}` to `{profile}`"
            ),
        )
        .set("runtime/default")
    })
}
