//! Requests and limits of containers: their own, those of the pod, and defaults from LimitRanges.

use pavisade_images::reference as image;
use pavisade_model::{Confidence, kinds};
use pavisade_snapshot::{Container, ContainerKind, Coverage, Object, Pod};
use pavisade_yaml::Value;

use super::field::find;
use crate::{Claim, Place, Verdict, View};

/// A required resource setting.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    /// `limits` or `requests`.
    pub section: &'static str,
    /// `memory`, `cpu`, `ephemeral-storage`.
    pub resource: &'static str,
    /// The name for messages: `memory limit`.
    pub name: &'static str,
    /// Whether the pod's own `resources` may set it for all containers (KEP-2837).
    pub of_pod: bool,
}

/// Checks whether a container has the setting.
pub(super) fn judge<'a>(container: Container<'a>, cx: &View<'a>, asked: Asked) -> Verdict<'a> {
    if container.kind() == ContainerKind::Ephemeral {
        // The API server rejects resources of ephemeral containers.
        return Verdict::NotApplicable;
    }
    let Asked { section, resource, name: what, of_pod: for_pod } = asked;
    let path = ["resources", section, resource];
    let limit = ["resources", "limits", resource];
    let name = container.name();
    let own = find(container.value(), &path);
    // The default of a request is the limit.
    let own = match own {
        Ok(None) if section == "requests" => find(container.value(), &limit),
        own => own,
    };
    let of_pod = if for_pod { find(container.pod().spec(), &path) } else { Ok(None) };
    // The same applies to the pod if no container has a request
    // (k8s.io/kubernetes/pkg/apis/core/v1, defaultPodRequests).
    let of_pod = match of_pod {
        Ok(None) if for_pod && section == "requests" && !asks(container.pod(), resource) => {
            find(container.pod().spec(), &limit)
        }
        of_pod => of_pod,
    };
    let (own, of_pod) = match (own, of_pod) {
        (Ok(own), Ok(of_pod)) => (own, of_pod),
        (Err(wrong), _) | (_, Err(wrong)) => return wrong.into(),
    };
    if let Some(value) = own {
        return match amount(value) {
            Amount::Some => Verdict::Holds,
            Amount::Zero => {
                let message = format!(
                    "the {what} of container `{name}` is 0, which means that there is none"
                );
                Claim::fails(value, message).evidence("0").into()
            }
            Amount::Unclear => {
                Verdict::unknown(value, format!("the {what} is not a valid quantity"))
            }
        };
    }
    let place = Place::field(container.value(), &path);
    // Pod-level resources: KEP-2837, alpha in 1.32, enabled by default since 1.34.
    match of_pod.map(|v| (v, amount(v))) {
        Some((_, Amount::Some)) if cx.kubernetes().at_least(34) => return Verdict::Holds,
        Some((_, Amount::Some)) if cx.kubernetes().at_least(32) => {
            let word = section.trim_end_matches('s');
            let why = format!(
                "the {word} of the pod applies only if the feature gate PodLevelResources is \
                 enabled"
            );
            return Verdict::unknown(place, why);
        }
        Some((value, Amount::Unclear)) => {
            return Verdict::unknown(value, format!("the {what} is not a valid quantity"));
        }
        _ => {}
    }
    if image::is_injected(container) {
        let why = "Istio's injection webhook sets the resources of this container";
        return Verdict::unknown(place, why);
    }
    let object = container.pod().object();
    let ranges = cx.list_in(kinds::LIMIT_RANGE, object.namespace());
    // A running pod already has the defaults of a LimitRange.
    let is_running = object.is(kinds::POD) && ranges.coverage == Coverage::Complete;
    if !is_running {
        if ranges.objects.iter().any(|range| gives(range, section, resource)) {
            return Verdict::Holds;
        }
        if let Some(why) = ranges.gap() {
            return Verdict::unknown(place, why);
        }
    }
    let claim = Claim::fails(place, format!("container `{name}` has no {what}"));
    match ranges.coverage {
        Coverage::Complete | Coverage::NotServed => claim,
        _ => claim.confidence(Confidence::Medium),
    }
    .into()
}

/// Whether a container of the pod has a request or limit of a resource.
fn asks(pod: Pod<'_>, resource: &str) -> bool {
    let sections = ["requests", "limits"];
    let has = |container: Container<'_>, section| {
        container.at(&["resources", section, resource]).is_some_and(|v| !v.is_null())
    };
    pod.containers().any(|container| sections.into_iter().any(|section| has(container, section)))
}

/// Whether a LimitRange sets it for containers: a limit from `default`, otherwise `max`; a request
/// from `defaultRequest`, otherwise that limit, otherwise `min`
/// (k8s.io/kubernetes/pkg/apis/core/v1, SetDefaults_LimitRangeItem).
fn gives(range: &Object, section: &str, resource: &str) -> bool {
    let fields: &[&str] = match section {
        "limits" => &["default", "max"],
        _ => &["defaultRequest", "default", "max", "min"],
    };
    let items = range.at(&["spec", "limits"]);
    let mut of_containers = items
        .into_iter()
        .flat_map(Value::items)
        .filter(|item| item.str("type") == Some("Container"));
    of_containers.any(|item| {
        let given = |field: &&str| item.at(&[field, resource]).filter(|v| !v.is_null());
        fields.iter().find_map(given).is_some_and(|v| matches!(amount(v), Amount::Some))
    })
}

/// The amount of a quantity: zero or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Amount {
    Some,
    Zero,
    Unclear,
}

/// Reads a quantity (k8s.io/apimachinery/pkg/api/resource).
pub(super) fn amount(value: Value<'_>) -> Amount {
    const SUFFIXES: [&str; 16] =
        ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    let Some(text) = value.scalar_text() else { return Amount::Unclear };
    let text = text.strip_prefix('+').unwrap_or(&text);
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let exponent = suffix.strip_prefix(['e', 'E']).is_some_and(|e| e.parse::<i32>().is_ok());
    let dots = number.bytes().filter(|b| *b == b'.').count();
    if number.len() == dots || dots > 1 || !(exponent || SUFFIXES.contains(&suffix)) {
        Amount::Unclear
    } else if number.bytes().all(|b| matches!(b, b'0' | b'.')) {
        Amount::Zero
    } else {
        Amount::Some
    }
}
