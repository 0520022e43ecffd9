//! Detection of patches: files with only the changed part of a workload.
//!
//! Patches that a kustomization refers to are known. Others are in separate files, applied by a
//! tool or from another repository. The fields they lack are in another file.

use pavisade_yaml::Value;

use crate::{Object, Pod};

/// Keys that control merging in a patch (strategic merge patch of the API conventions).
const MARKS: [&str; 4] =
    ["$patch", "$retainKeys", "$setElementOrder/", "$deleteFromPrimitiveList/"];

/// Maps with user-defined keys, in which these keys have no special meaning.
const FREE: [&str; 7] =
    ["annotations", "data", "labels", "matchLabels", "nodeSelector", "options", "volumeAttributes"];

/// OpenShift sets the images of its containers.
const TRIGGERS: &str = "image.openshift.io/triggers";

/// Whether a file contains only a part of a workload: it lacks what the API server requires
/// (k8s.io/kubernetes/pkg/apis/apps/validation): selector, labels, images. Merge keys decide if
/// only some of these are missing.
///
/// If there is a selector, a container without an image is not sufficient: a mesh may add the
/// image, and a mistake must not hide the other findings.
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
        // An empty value is filled in later, by a template that YAML treats as a comment:
        // `image: #@ data.values.image`.
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
    // `$` is rare. A script may contain these words too.
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
            // Typical patches for kustomize.
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
            // Without a selector it is rejected by the API server, but it is a complete workload.
            "spec: {template: {spec: {containers: [{name: a, image: i}]}}}",
            &format!(
                "spec: {{{whole}, template: {{metadata: {{labels: {{a: b}}}}, spec: {{containers: [{{name: a, image: i}}]}}}}}}"
            ),
            // A mesh sets the image of its proxy.
            &format!(
                "spec: {{{whole}, template: {{spec: {{containers: [{{name: a, image: i}}, {{name: istio-proxy}}]}}}}}}"
            ),
            // A template sets a value that is empty in YAML.
            "spec: {template: {spec: {containers: [{name: a, image: }]}}}",
            "spec: {selector: , template: {spec: {containers: [{name: a}]}}}",
            // A script that contains the word.
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
        // A complete workload with a merge key is not a patch.
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
