//! Container probes.

use pavisade_images::reference as image;
use pavisade_snapshot::{Container, ContainerKind, Pod};
use pavisade_yaml::Value;

use super::field::{Field, WrongType, integer, map};
use crate::{Claim, Place, Verdict};

/// Whether the pod runs indefinitely. Pods of a Job terminate, and so do pods that are not
/// restarted.
pub(super) fn lasts(pod: Pod<'_>) -> bool {
    let object = pod.object();
    let restarts = pod.at(&["restartPolicy"]).and_then(Value::as_str);
    let task = matches!(object.kind(), "Job" | "CronJob") && object.group() == "batch";
    !task && !matches!(restarts, Some("Never" | "OnFailure"))
}

/// Checks whether a container of an indefinitely running pod has a probe.
pub(super) fn judge_missing<'a>(
    container: Container<'a>,
    probe: &'static str,
    without: &str,
) -> Verdict<'a> {
    if container.kind() != ContainerKind::Main || !lasts(container.pod()) {
        return Verdict::NotApplicable;
    }
    match map(container.value(), &[probe]) {
        Ok(Some(_)) => Verdict::Holds,
        Ok(None) => {
            let place = Place::field(container.value(), &[probe]);
            if image::is_injected(container) {
                let why = "Istio's injection webhook sets the probes of this container";
                return Claim::unknown(place, why).into();
            }
            Verdict::fails(place, format!("container `{}` {without}", container.name()))
        }
        Err(wrong) => wrong.into(),
    }
}

/// Returns how long a probe must fail before it has an effect, in seconds
/// (k8s.io/kubernetes/pkg/apis/core/v1, SetDefaults_Probe).
pub(super) fn patience(probe: Value<'_>) -> Result<i64, WrongType<'_>> {
    let number = |field, default| {
        let set: Field<'_, _> = integer(probe, &[field]);
        Ok(set?.map(|(number, _)| number).filter(|n| *n > 0).unwrap_or(default))
    };
    Ok(number("periodSeconds", 10)?.saturating_mul(number("failureThreshold", 3)?))
}
