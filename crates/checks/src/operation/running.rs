//! Which container facts are about: the one that runs, or an earlier one of the same name.

use jiff::Timestamp;
use pavisade_snapshot::Object;
use pavisade_yaml::{Kind, Value};

use super::compared::list;

/// How facts about a container relate to a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum About {
    /// They are about the container that runs.
    Running,
    /// The container does not run any longer, or was started after the comparison.
    Ended,
    /// It is not known whether they are about the container that runs, with the reason.
    Unknown(String),
}

/// Returns whether facts are about a container of a pod that runs.
pub(crate) fn about(facts: &Object, pod: &Object) -> About {
    let text = |path: &[&str]| facts.at(path).and_then(Value::as_str);
    let Some(status) = text(&["container"]).and_then(|name| status(pod, name)) else {
        return match pod.at(&["status", "phase"]).and_then(Value::as_str) {
            Some("Succeeded" | "Failed") => About::Ended,
            _ => About::Unknown("the status of the pod does not contain the container".to_owned()),
        };
    };
    if has_ended(status) {
        return About::Ended;
    }
    // Snapshots of earlier versions do not contain it.
    let started = status.at(&["state", "running", "startedAt"]).and_then(Value::as_str);
    let started = started.and_then(|time| time.parse::<Timestamp>().ok());
    let Some(started) = started else {
        return About::Unknown("it is not known when the container was started".to_owned());
    };
    let verified = text(&["verified"]).and_then(|time| time.parse::<Timestamp>().ok());
    if let Some(verified) = verified {
        if verified < started {
            return About::Ended;
        }
        // The kubelet cuts off the fraction, so an earlier container may have been compared.
        if verified.duration_since(started).as_secs() < 1 {
            return About::Unknown("it was started in the second of the comparison".to_owned());
        }
    }
    let (Some(runs), Some(own)) = (image(status), text(&["image", "digest"])) else {
        return About::Running;
    };
    let others = list(facts, &["image", "otherDigests"]);
    match others.filter_map(|digest| digest.as_str()).chain([own]).any(|digest| digest == runs) {
        true => About::Running,
        false => About::Unknown(format!(
            "the container runs the image `{runs}`, but was compared with `{own}`"
        )),
    }
}

/// Whether a container of a pod runs, as far as its status says.
pub(crate) fn may_run(pod: &Object, name: &str) -> bool {
    !status(pod, name).is_some_and(has_ended)
}

/// Returns the status of a container of any kind.
fn status<'a>(pod: &'a Object, name: &str) -> Option<Value<'a>> {
    let lists = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"];
    let all = lists.into_iter().filter_map(|list| pod.at(&["status", list]));
    all.flat_map(Value::items).find(|status| status.str("name") == Some(name))
}

/// Whether a container has ended, or waits to be started.
fn has_ended(status: Value<'_>) -> bool {
    let state = status.get("state").filter(|state| state.kind() == Kind::Mapping);
    state.is_some_and(|state| {
        state.get("running").is_none()
            && ["waiting", "terminated"].iter().any(|name| state.get(name).is_some())
    })
}

/// Returns the digest of the image that runs. The runtime decides whether it is that of a manifest, an
/// index or a configuration.
fn image(status: Value<'_>) -> Option<&str> {
    let id = status.str("imageID")?;
    let digest = id.rsplit_once('@').map_or(id, |(_, digest)| digest);
    let digest = digest.rsplit_once("//").map_or(digest, |(_, digest)| digest);
    digest.starts_with("sha256:").then_some(digest)
}
