//! Patches: workloads of which a file holds only the part that it changes.
//!
//! A kustomization that names a patch tells it apart by itself; others stand alone, to be applied
//! by a tool or another repository. What such a file leaves out is in another file.

use pavisade_yaml::Value;

use crate::{Object, Pod};

/// Keys by which a patch says how it is merged (the API conventions' strategic merge patch).
const MARKS: [&str; 4] =
    ["$patch", "$retainKeys", "$setElementOrder/", "$deleteFromPrimitiveList/"];

/// Maps whose keys are up to their users, so that a mark in them means nothing.
const FREE: [&str; 7] =
    ["annotations", "data", "labels", "matchLabels", "nodeSelector", "options", "volumeAttributes"];

/// The images of its containers are filled in by OpenShift.
const TRIGGERS: &str = "image.openshift.io/triggers";

/// Whether a file holds only a part of a workload: it says how it is merged, or it lacks what the
/// API server requires (k8s.io/kubernetes/pkg/apis/apps/validation): selector, labels, images.
///
/// A container without image is not enough where there is a selector: a mesh may add the image, and
/// a mistake must not hide the rest.
pub(crate) fn is_patch(object: &Object) -> bool {
    let apps = object.group() == "apps"
        && object.version() == "v1"
        && matches!(object.kind(), "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet");
    let jobs = object.group() == "batch" && matches!(object.kind(), "Job" | "CronJob");
    if !apps && !jobs {
        return false;
    }
    let (mut all, mut without) = (0, 0);
    for container in object.pods().flat_map(Pod::containers) {
        all += 1;
        // What stands there and is empty is filled in later, by a template that YAML takes for a
        // comment: `image: #@ data.values.image`.
        without += usize::from(container.at(&["image"]).is_none());
    }
    let selector = object.at(&["spec", "selector"]).is_some();
    let labels = object.pods().any(|pod| pod.labels().next().is_some());
    if selector && labels && all > 0 && without == 0 {
        return false;
    }
    if is_marked(object) {
        return true;
    }
    if object.annotation(TRIGGERS).is_some() {
        return false;
    }
    if jobs {
        return all > 0 && without == all;
    }
    !selector && (without > 0 || all == 0 && !labels)
}

fn is_marked(object: &Object) -> bool {
    let (value, span) = (object.value(), object.value().span());
    let text = object.doc().source().text();
    let text = text.get(span.start as usize..span.end as usize).unwrap_or("");
    // A `$` is rare, and a script may hold such words as well.
    text.contains('$')
        && MARKS.iter().any(|mark| text.contains(mark))
        && value.descendants().any(|value| value.key().is_some_and(is_mark) && !is_free(value))
}

fn is_mark(key: &str) -> bool {
    MARKS.iter().any(|mark| key == *mark || mark.ends_with('/') && key.starts_with(mark))
}

fn is_free(value: Value<'_>) -> bool {
    let mut around = std::iter::successors(value.parent(), |value| value.parent());
    around.any(|map| map.key().is_some_and(|key| FREE.contains(&key)))
}

#[cfg(test)]
mod tests {
    use pavisade_yaml::{Source, read};

    use super::*;

    fn patch(version: &str, kind: &str, rest: &str) -> bool {
        let text =
            format!("{{apiVersion: {version}, kind: {kind}, metadata: {{name: a}}, {rest}}}");
        let doc = read(&Source::new("f", text)).docs.remove(0);
        Object::new(doc.root(), version, kind).is_patch()
    }

    #[test]
    fn a_patch_is_told_by_its_marks_and_by_what_is_missing() {
        for spec in [
            // What kustomize's users write.
            "spec: {replicas: 2}",
            "spec: {template: {spec: {affinity: {}}}}",
            "spec: {template: {spec: {containers: [{name: a, resources: {$patch: delete}}, {name: b, image: i}]}}}",
            "spec: {template: {spec: {containers: [{name: a, env: []}, {name: b, image: i}]}}}",
            "spec: {template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a}]}}}",
            "spec: {strategy: {$retainKeys: [type], type: Recreate}, template: {spec: {containers: [{name: b, image: i}]}}}",
        ] {
            assert!(patch("apps/v1", "Deployment", spec), "{spec}");
        }
        assert!(patch(
            "batch/v1",
            "CronJob",
            "spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: a}]}}}}}"
        ));
    }

    #[test]
    fn what_a_cluster_would_take_is_not_a_patch() {
        let whole = "selector: {matchLabels: {a: b}}";
        for spec in [
            // Without selector it is refused today, and it is a whole program all the same.
            "spec: {template: {spec: {containers: [{name: a, image: i}]}}}",
            &format!(
                "spec: {{{whole}, template: {{metadata: {{labels: {{a: b}}}}, spec: {{containers: [{{name: a, image: i}}]}}}}}}"
            ),
            // A mesh fills in the image of its proxy.
            &format!(
                "spec: {{{whole}, template: {{spec: {{containers: [{{name: a, image: i}}, {{name: istio-proxy}}]}}}}}}"
            ),
            // A template fills in what YAML sees as nothing.
            "spec: {template: {spec: {containers: [{name: a, image: }]}}}",
            "spec: {selector: , template: {spec: {containers: [{name: a}]}}}",
            // A script that holds the word.
            &format!(
                "spec: {{{whole}, template: {{spec: {{containers: [{{name: a, image: i, args: ['echo $patch']}}]}}}}}}"
            ),
        ] {
            assert!(!patch("apps/v1", "Deployment", spec), "{spec}");
        }
        assert!(!patch(
            "batch/v1",
            "Job",
            "spec: {template: {spec: {containers: [{name: a, image: }]}}}"
        ));
        // A mark changes nothing of a whole program.
        assert!(!patch(
            "apps/v1",
            "Deployment",
            &format!(
                "spec: {{{whole}, strategy: {{$patch: replace}}, template: {{metadata: {{labels: {{a: b}}}}, spec: {{containers: [{{name: a, image: i}}]}}}}}}"
            )
        ));
        let triggers = "annotations: {image.openshift.io/triggers: '[]'}";
        let text = format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: a, {triggers}}}, spec: {{{whole}, template: {{spec: {{containers: [{{name: a}}]}}}}}}}}"
        );
        let doc = read(&Source::new("f", text)).docs.remove(0);
        assert!(!Object::new(doc.root(), "apps/v1", "Deployment").is_patch());
        assert!(!patch("v1", "Pod", "spec: {containers: [{name: a}]}"));
    }

    #[test]
    fn a_mark_in_a_map_of_free_keys_makes_no_patch() {
        let template = |metadata: &str, spec: &str| {
            format!(
                "{{metadata: {{{metadata}}}, spec: {{containers: [{{name: a, image: i}}]{spec}}}}}"
            )
        };
        for (metadata, spec) in [
            ("", ", volumes: [{name: v, csi: {driver: d, volumeAttributes: {$patch: x}}}]"),
            ("", ", volumes: [{name: v, flexVolume: {driver: d, options: {$patch: x}}}]"),
            ("", ", nodeSelector: {$patch: x}"),
            ("labels: {$patch: x}", ""),
            ("annotations: {$setElementOrder/a: x}", ""),
        ] {
            let template = template(metadata, spec);
            let deployment = format!("spec: {{template: {template}}}");
            assert!(!patch("apps/v1", "Deployment", &deployment), "{deployment}");
            let job = format!("spec: {{template: {template}}}");
            assert!(!patch("batch/v1", "Job", &job), "{job}");
        }
        assert!(!patch(
            "batch/v1",
            "Job",
            &format!("data: {{$patch: x}}, spec: {{template: {}}}", template("", ""))
        ));
        let marked = format!(
            "spec: {{template: {}}}",
            template("", ", volumes: [{name: v, $patch: delete}]")
        );
        assert!(patch("batch/v1", "Job", &marked));
    }
}
