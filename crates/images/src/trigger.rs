//! Images that OpenShift sets when an ImageStream changes.
//!
//! A DeploymentConfig has triggers for this; other workloads have an annotation. The image in the
//! file is replaced with the image of the ImageStream's tag, so the file says nothing about it.

use pavisade_snapshot::{Container, Object};
use pavisade_yaml::Value;

/// Whether a trigger sets the container's image.
pub(crate) fn fills_in(container: Container<'_>) -> bool {
    let object = container.pod().object();
    if object.kind() == "DeploymentConfig" {
        return by_field(object, container);
    }
    object.annotation("image.openshift.io/triggers").is_some_and(|list| by_text(list, container))
}

fn by_field(object: &Object, container: Container<'_>) -> bool {
    let triggers = object.at(&["spec", "triggers"]).into_iter().flat_map(Value::items);
    let mut images = triggers
        .filter(|trigger| trigger.str("type") == Some("ImageChange"))
        .filter_map(|trigger| trigger.get("imageChangeParams"));
    images.any(|image| {
        // A trigger that is not automatic only sets an empty image.
        (image.bool("automatic") == Some(true) || container.image().trim().is_empty())
            && image.list("containerNames").any(|name| name.as_str() == Some(container.name()))
    })
}

/// The annotation is a JSON list (openshift/api, `image/docker10`).
fn by_text(list: &str, container: Container<'_>) -> bool {
    let Ok(triggers) = serde_json::from_str::<Vec<serde_json::Value>>(list) else { return false };
    let place = container.value();
    let index = place.parent().and_then(|all| all.items().position(|one| one.id() == place.id()));
    let of_list = place.parent().and_then(|list| list.key()).unwrap_or("containers");
    let by_name = format!("{of_list}[?(@.name==\"{}\")].image", container.name());
    let by_index = format!("{of_list}[{}].image", index.unwrap_or(0));
    triggers.iter().any(|trigger| {
        let path = trigger.get("fieldPath").and_then(|path| path.as_str()).unwrap_or("");
        let end = |field: &str| path.strip_suffix(field).is_some_and(|p| p.ends_with("spec."));
        let paused =
            trigger.get("paused").is_some_and(|paused| *paused == true || *paused == "true");
        !paused && (end(&by_name) || end(&by_index))
    })
}
