//! The images that objects refer to: in containers, volumes, environment variables, flags, and
//! fields of custom resources.
//!
//! Only documented places are read: variables by OLM's convention, and flags and fields that their
//! projects document. Names are not used to guess.

pub mod reference;
mod support;
mod trigger;
mod wants;

use std::fmt;

use pavisade_model::{GroupKind, kinds};
use pavisade_snapshot::{Container, Object, Pod};
use pavisade_yaml::{Kind, Value};

use crate::reference::{self as image, Image};

pub use support::{Support, releases, support};
pub use wants::{Naming, READS, Want, Wanted, Wants, wants};

/// A reference to an image in an object.
#[derive(Debug, Clone, Copy)]
pub struct NamedImage<'a> {
    object: &'a Object,
    value: Value<'a>,
    text: &'a str,
    origin: Origin<'a>,
}

/// Where the reference is.
#[derive(Debug, Clone, Copy)]
enum Origin<'a> {
    Container(Container<'a>),
    /// A volume, by name.
    Volume(&'a str),
    /// An environment variable of a container.
    Variable(Container<'a>, &'a str),
    /// A flag of a container.
    Flag(Container<'a>, &'static str),
    /// A field of a custom resource.
    Field(&'static str),
}

impl<'a> NamedImage<'a> {
    /// Returns the object that contains the reference.
    pub fn object(self) -> &'a Object {
        self.object
    }

    /// Returns the value with the reference, or where it would be.
    pub fn place(self) -> Value<'a> {
        self.value
    }

    /// Returns the reference as written. Empty if there is none.
    pub fn text(self) -> &'a str {
        self.text
    }

    /// Parses the reference.
    pub fn image(self) -> Image<'a> {
        match self.origin {
            Origin::Container(container) => image::of(container),
            _ if self.text.is_empty() => Image::Absent,
            _ => image::read(self.text),
        }
    }

    /// Returns registry and repository, even if the tag is filled in later.
    pub fn name(self) -> Option<String> {
        image::name(self.text)
    }

    /// Whether it is built from local sources, and so not pulled from a registry.
    pub fn is_built_here(self) -> bool {
        self.text.starts_with("ko://")
    }

    /// Returns the container that runs the image or refers to it.
    pub fn subject_container(self) -> Option<&'a str> {
        match self.origin {
            Origin::Container(c) | Origin::Variable(c, _) | Origin::Flag(c, _) => Some(c.name()),
            Origin::Volume(_) | Origin::Field(_) => None,
        }
    }

    /// Whether the reference is the whole value, not a part of a flag.
    pub fn is_whole(self) -> bool {
        !matches!(self.origin, Origin::Flag(..))
    }

    /// Returns a description of the place: `container `a``.
    pub fn of(self) -> String {
        match self.origin {
            Origin::Container(container) => format!("container `{}`", container.name()),
            Origin::Volume(name) => format!("volume `{name}`"),
            Origin::Variable(container, name) => {
                format!("variable `{name}` of container `{}`", container.name())
            }
            Origin::Flag(container, flag) => {
                format!("flag `{flag}` of container `{}`", container.name())
            }
            Origin::Field(field) => format!("`{field}`"),
        }
    }
}

impl fmt::Display for NamedImage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "image `{}` of {}", self.text, self.of())
    }
}

/// Returns the images in an object's pods and its own fields. Pods for which `skip` is true are
/// left out.
pub fn images<'a>(object: &'a Object, skip: impl Fn(Pod<'a>) -> bool) -> Vec<NamedImage<'a>> {
    let mut found = Vec::new();
    for pod in object.pods().filter(|pod| !skip(*pod)) {
        for container in pod.containers() {
            let value = container.at(&["image"]).unwrap_or(container.value());
            let origin = Origin::Container(container);
            found.push(NamedImage { object, value, text: container.image(), origin });
            of_container(object, container, &mut found);
        }
        for volume in pod.volumes() {
            if let Some(value) = volume.at(&["image", "reference"])
                && let Some(text) = value.as_str()
            {
                let origin = Origin::Volume(volume.str("name").unwrap_or(""));
                found.push(NamedImage { object, value, text, origin });
            }
        }
    }
    for (_, field) in fields(object.group(), object.kind()) {
        let path: Vec<_> = field.split('.').collect();
        walk(object.value(), &path, &mut |value| {
            if let Some(text) = value.as_str() {
                found.push(NamedImage { object, value, text, origin: Origin::Field(field) });
            }
        });
    }
    found
}

/// Reads environment variables by which OLM passes images to operators, and flags with an image.
fn of_container<'a>(object: &'a Object, container: Container<'a>, found: &mut Vec<NamedImage<'a>>) {
    for entry in container.value().list("env") {
        let name = entry.str("name").unwrap_or("");
        if name.starts_with("RELATED_IMAGE_")
            && let Some(value) = entry.get("value")
            && let Some(text) = value.as_str()
        {
            let origin = Origin::Variable(container, name);
            found.push(NamedImage { object, value, text, origin });
        }
    }
    for value in container.value().list("args") {
        let Some((flag, text)) = value.as_str().and_then(|word| word.split_once('=')) else {
            continue;
        };
        if let Some(flag) = FLAGS.iter().find(|known| **known == flag) {
            let origin = Origin::Flag(container, flag);
            found.push(NamedImage { object, value, text, origin });
        }
    }
}

/// Flags of cert-manager and the Prometheus operator.
const FLAGS: [&str; 3] = [
    "--acme-http01-solver-image",
    "--prometheus-config-reloader",
    "--prometheus-default-base-image",
];

/// Visits values at a path, in which `name[]` stands for each element of a list.
fn walk<'a>(value: Value<'a>, path: &[&str], each: &mut dyn FnMut(Value<'a>)) {
    let [step, rest @ ..] = path else { return each(value) };
    match step.strip_suffix("[]") {
        Some(list) => {
            let items = value.get(list).filter(|v| v.kind() == Kind::Sequence);
            items.into_iter().flat_map(Value::items).for_each(|item| walk(item, rest, each));
        }
        None => {
            if let Some(next) = value.get(step) {
                walk(next, rest, each);
            }
        }
    }
}

/// Whether the kind has fields with images.
pub fn has_fields(object: &Object) -> bool {
    object.group().contains('.') && !fields(object.group(), object.kind()).is_empty()
}

/// Returns the fields of a kind, which are contiguous in the table.
fn fields(group: &str, kind: &str) -> &'static [(GroupKind, &'static str)] {
    let same = |(k, _): &(GroupKind, &str)| k.group == group && k.kind == kind;
    let Some(start) = FIELDS.iter().position(same) else { return &[] };
    let rest = &FIELDS[start..];
    &rest[..rest.iter().take_while(|entry| same(entry)).count()]
}

/// Returns the kinds of custom resources with images in their fields.
pub fn kinds() -> impl Iterator<Item = GroupKind> {
    FIELDS.iter().map(|(kind, _)| *kind)
}

/// Fields with an image, according to the API references of the projects.
#[rustfmt::skip]
const FIELDS: &[(GroupKind, &str)] = &[
    (kinds::PROMETHEUS, "spec.image"),
    (kinds::PROMETHEUS, "spec.thanos.image"),
    (kinds::PROMETHEUS, "spec.containers[].image"),
    (kinds::PROMETHEUS, "spec.initContainers[].image"),
    (kinds::PROMETHEUS_AGENT, "spec.image"),
    (kinds::PROMETHEUS_AGENT, "spec.containers[].image"),
    (kinds::PROMETHEUS_AGENT, "spec.initContainers[].image"),
    (kinds::ALERTMANAGER, "spec.image"),
    (kinds::ALERTMANAGER, "spec.containers[].image"),
    (kinds::ALERTMANAGER, "spec.initContainers[].image"),
    (kinds::THANOS_RULER, "spec.image"),
    (kinds::THANOS_RULER, "spec.containers[].image"),
    (kinds::THANOS_RULER, "spec.initContainers[].image"),
    (kinds::KAFKA, "spec.kafka.image"),
    (kinds::KAFKA, "spec.zookeeper.image"),
    (kinds::KAFKA, "spec.entityOperator.topicOperator.image"),
    (kinds::KAFKA, "spec.entityOperator.userOperator.image"),
    (kinds::KAFKA, "spec.cruiseControl.image"),
    (kinds::KAFKA, "spec.kafkaExporter.image"),
    (kinds::KAFKA_CONNECT, "spec.image"),
    (kinds::ELASTICSEARCH, "spec.image"),
    (kinds::KIBANA, "spec.image"),
    (kinds::CNPG_CLUSTER, "spec.imageName"),
    (kinds::ZALANDO_POSTGRESQL, "spec.dockerImage"),
    (kinds::CRUNCHY_POSTGRES_CLUSTER, "spec.image"),
    (kinds::CEPH_CLUSTER, "spec.cephVersion.image"),
    (kinds::MINIO_TENANT, "spec.image"),
    (kinds::RABBITMQ_CLUSTER, "spec.image"),
    (kinds::KEYCLOAK, "spec.image"),
    (kinds::OPEN_TELEMETRY_COLLECTOR, "spec.image"),
    (kinds::SPARK_APPLICATION, "spec.image"),
    (kinds::SPARK_APPLICATION, "spec.driver.image"),
    (kinds::SPARK_APPLICATION, "spec.executor.image"),
    (kinds::CATALOG_SOURCE, "spec.image"),
    (kinds::CROSSPLANE_PROVIDER, "spec.package"),
    (kinds::CROSSPLANE_FUNCTION, "spec.package"),
    (kinds::CROSSPLANE_CONFIGURATION, "spec.package"),
    (kinds::VIRTUAL_MACHINE, "spec.template.spec.volumes[].containerDisk.image"),
    (kinds::TEKTON_TASK, "spec.steps[].image"),
    (kinds::TEKTON_TASK, "spec.sidecars[].image"),
    (kinds::TEKTON_TASK, "spec.stepTemplate.image"),
    (kinds::TEKTON_CLUSTER_TASK, "spec.steps[].image"),
    (kinds::TEKTON_CLUSTER_TASK, "spec.sidecars[].image"),
    (kinds::TEKTON_CLUSTER_TASK, "spec.stepTemplate.image"),
    (kinds::TEKTON_PIPELINE, "spec.tasks[].taskSpec.steps[].image"),
    (kinds::TEKTON_PIPELINE, "spec.finally[].taskSpec.steps[].image"),
    (kinds::ARGO_WORKFLOW, "spec.templates[].container.image"),
    (kinds::ARGO_WORKFLOW, "spec.templates[].script.image"),
    (kinds::ARGO_WORKFLOW, "spec.templates[].sidecars[].image"),
    (kinds::ARGO_WORKFLOW, "spec.templates[].initContainers[].image"),
    (kinds::ARGO_WORKFLOW, "spec.templates[].containerSet.containers[].image"),
    (kinds::ARGO_WORKFLOW_TEMPLATE, "spec.templates[].container.image"),
    (kinds::ARGO_WORKFLOW_TEMPLATE, "spec.templates[].script.image"),
    (kinds::ARGO_WORKFLOW_TEMPLATE, "spec.templates[].sidecars[].image"),
    (kinds::ARGO_WORKFLOW_TEMPLATE, "spec.templates[].initContainers[].image"),
    (kinds::ARGO_WORKFLOW_TEMPLATE, "spec.templates[].containerSet.containers[].image"),
    (kinds::ARGO_CLUSTER_WORKFLOW_TEMPLATE, "spec.templates[].container.image"),
    (kinds::ARGO_CLUSTER_WORKFLOW_TEMPLATE, "spec.templates[].script.image"),
    (kinds::ARGO_CLUSTER_WORKFLOW_TEMPLATE, "spec.templates[].sidecars[].image"),
    (kinds::ARGO_CLUSTER_WORKFLOW_TEMPLATE, "spec.templates[].initContainers[].image"),
    (kinds::ARGO_CRON_WORKFLOW, "spec.workflowSpec.templates[].container.image"),
    (kinds::ARGO_CRON_WORKFLOW, "spec.workflowSpec.templates[].script.image"),
    (kinds::ARGO_CRON_WORKFLOW, "spec.workflowSpec.templates[].sidecars[].image"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn fields_of_one_kind_stand_together() {
        let mut seen = BTreeSet::new();
        let mut last = None;
        for (kind, _) in FIELDS {
            assert!(last == Some(*kind) || seen.insert(*kind), "{kind} stands in two places");
            last = Some(*kind);
        }
        let of_all: usize = seen.iter().map(|k| fields(k.group, k.kind).len()).sum();
        assert_eq!(of_all, FIELDS.len());
    }
}
