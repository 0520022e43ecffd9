//! Every image that an object names: of containers and volumes, and where a program starts what a
//! variable, a flag or a field of a custom resource names.
//!
//! Only places that surely hold an image: variables by OLM's convention, flags and fields that
//! their projects document. Nothing is guessed from a name.

use std::fmt;

use pavisade_model::GroupKind;
use pavisade_snapshot::{Container, Object, Pod};
use pavisade_yaml::{Kind, Value};

use crate::image::{self, Image};

/// An image that an object names.
#[derive(Debug, Clone, Copy)]
pub struct NamedImage<'a> {
    object: &'a Object,
    value: Value<'a>,
    text: &'a str,
    origin: Origin<'a>,
}

/// Where it is named.
#[derive(Debug, Clone, Copy)]
enum Origin<'a> {
    Container(Container<'a>),
    /// A volume's name.
    Volume(&'a str),
    /// A variable of a container.
    Variable(Container<'a>, &'a str),
    /// A flag of a container.
    Flag(Container<'a>, &'static str),
    /// A field of a custom resource.
    Field(&'static str),
}

impl<'a> NamedImage<'a> {
    /// The object that names it.
    pub(crate) fn object(self) -> &'a Object {
        self.object
    }

    /// Where its name stands, or would stand.
    pub(crate) fn place(self) -> Value<'a> {
        self.value
    }

    /// The image as it is written; empty where there is none.
    pub(crate) fn text(self) -> &'a str {
        self.text
    }

    /// What stands there.
    pub(crate) fn image(self) -> Image<'a> {
        match self.origin {
            Origin::Container(container) => image::of(container),
            _ if self.text.is_empty() => Image::Absent,
            _ => image::read(self.text),
        }
    }

    /// Registry and repository, also where the tag is filled in later.
    pub(crate) fn name(self) -> Option<String> {
        image::name(self.text)
    }

    /// Whether it is built from the sources beside it, and so comes from nowhere else.
    pub(crate) fn is_built_here(self) -> bool {
        self.text.starts_with("ko://")
    }

    /// The container that it is the image of, or that names it.
    pub(crate) fn subject_container(self) -> Option<&'a str> {
        match self.origin {
            Origin::Container(c) | Origin::Variable(c, _) | Origin::Flag(c, _) => Some(c.name()),
            Origin::Volume(_) | Origin::Field(_) => None,
        }
    }

    /// Whether its value is the whole of what stands at its place.
    pub(crate) fn is_whole(self) -> bool {
        !matches!(self.origin, Origin::Flag(..))
    }

    /// What names it: `container `a``.
    pub(crate) fn of(self) -> String {
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

/// The images that an object's pods and its own fields name. `skip` leaves pods out.
pub(crate) fn images<'a>(
    object: &'a Object,
    skip: impl Fn(Pod<'a>) -> bool,
) -> Vec<NamedImage<'a>> {
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

/// Variables by which OLM tells operators their images, and flags that take one.
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

/// Values at a path in which `name[]` stands for each element of a list.
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

/// Whether fields of the kind name images.
pub(crate) fn has_fields(object: &Object) -> bool {
    object.group().contains('.') && !fields(object.group(), object.kind()).is_empty()
}

/// The fields of a kind: those of one stand together.
fn fields(group: &str, kind: &str) -> &'static [(GroupKind, &'static str)] {
    let same = |(k, _): &(GroupKind, &str)| k.group == group && k.kind == kind;
    let Some(start) = FIELDS.iter().position(same) else { return &[] };
    let rest = &FIELDS[start..];
    &rest[..rest.iter().take_while(|entry| same(entry)).count()]
}

/// The custom resources among whose fields are images.
pub(crate) fn kinds() -> impl Iterator<Item = GroupKind> {
    FIELDS.iter().map(|(kind, _)| *kind)
}

const PROMETHEUS: GroupKind = GroupKind::new("monitoring.coreos.com", "Prometheus", "prometheuses");
const AGENT: GroupKind =
    GroupKind::new("monitoring.coreos.com", "PrometheusAgent", "prometheusagents");
const ALERTMANAGER: GroupKind =
    GroupKind::new("monitoring.coreos.com", "Alertmanager", "alertmanagers");
const THANOS_RULER: GroupKind =
    GroupKind::new("monitoring.coreos.com", "ThanosRuler", "thanosrulers");
const KAFKA: GroupKind = GroupKind::new("kafka.strimzi.io", "Kafka", "kafkas");
const KAFKA_CONNECT: GroupKind =
    GroupKind::new("kafka.strimzi.io", "KafkaConnect", "kafkaconnects");
const ELASTICSEARCH: GroupKind =
    GroupKind::new("elasticsearch.k8s.elastic.co", "Elasticsearch", "elasticsearches");
const KIBANA: GroupKind = GroupKind::new("kibana.k8s.elastic.co", "Kibana", "kibanas");
const CNPG: GroupKind = GroupKind::new("postgresql.cnpg.io", "Cluster", "clusters");
const ZALANDO: GroupKind = GroupKind::new("acid.zalan.do", "postgresql", "postgresqls");
const CRUNCHY: GroupKind =
    GroupKind::new("postgres-operator.crunchydata.com", "PostgresCluster", "postgresclusters");
const CEPH: GroupKind = GroupKind::new("ceph.rook.io", "CephCluster", "cephclusters");
const MINIO: GroupKind = GroupKind::new("minio.min.io", "Tenant", "tenants");
const RABBITMQ: GroupKind = GroupKind::new("rabbitmq.com", "RabbitmqCluster", "rabbitmqclusters");
const KEYCLOAK: GroupKind = GroupKind::new("k8s.keycloak.org", "Keycloak", "keycloaks");
const COLLECTOR: GroupKind =
    GroupKind::new("opentelemetry.io", "OpenTelemetryCollector", "opentelemetrycollectors");
const SPARK: GroupKind =
    GroupKind::new("sparkoperator.k8s.io", "SparkApplication", "sparkapplications");
const CATALOG: GroupKind =
    GroupKind::new("operators.coreos.com", "CatalogSource", "catalogsources");
const PROVIDER: GroupKind = GroupKind::new("pkg.crossplane.io", "Provider", "providers");
const FUNCTION: GroupKind = GroupKind::new("pkg.crossplane.io", "Function", "functions");
const CONFIGURATION: GroupKind =
    GroupKind::new("pkg.crossplane.io", "Configuration", "configurations");
const VM: GroupKind = GroupKind::new("kubevirt.io", "VirtualMachine", "virtualmachines");
const TASK: GroupKind = GroupKind::new("tekton.dev", "Task", "tasks");
const CLUSTER_TASK: GroupKind = GroupKind::new("tekton.dev", "ClusterTask", "clustertasks");
const PIPELINE: GroupKind = GroupKind::new("tekton.dev", "Pipeline", "pipelines");
const WORKFLOW: GroupKind = GroupKind::new("argoproj.io", "Workflow", "workflows");
const WORKFLOW_TEMPLATE: GroupKind =
    GroupKind::new("argoproj.io", "WorkflowTemplate", "workflowtemplates");
const CLUSTER_WORKFLOW_TEMPLATE: GroupKind =
    GroupKind::new("argoproj.io", "ClusterWorkflowTemplate", "clusterworkflowtemplates");
const CRON_WORKFLOW: GroupKind = GroupKind::new("argoproj.io", "CronWorkflow", "cronworkflows");

/// Fields that hold an image, by the projects' own API references.
#[rustfmt::skip]
static FIELDS: &[(GroupKind, &str)] = &[
    (PROMETHEUS, "spec.image"),
    (PROMETHEUS, "spec.thanos.image"),
    (PROMETHEUS, "spec.containers[].image"),
    (PROMETHEUS, "spec.initContainers[].image"),
    (AGENT, "spec.image"),
    (AGENT, "spec.containers[].image"),
    (AGENT, "spec.initContainers[].image"),
    (ALERTMANAGER, "spec.image"),
    (ALERTMANAGER, "spec.containers[].image"),
    (ALERTMANAGER, "spec.initContainers[].image"),
    (THANOS_RULER, "spec.image"),
    (THANOS_RULER, "spec.containers[].image"),
    (THANOS_RULER, "spec.initContainers[].image"),
    (KAFKA, "spec.kafka.image"),
    (KAFKA, "spec.zookeeper.image"),
    (KAFKA, "spec.entityOperator.topicOperator.image"),
    (KAFKA, "spec.entityOperator.userOperator.image"),
    (KAFKA, "spec.cruiseControl.image"),
    (KAFKA, "spec.kafkaExporter.image"),
    (KAFKA_CONNECT, "spec.image"),
    (ELASTICSEARCH, "spec.image"),
    (KIBANA, "spec.image"),
    (CNPG, "spec.imageName"),
    (ZALANDO, "spec.dockerImage"),
    (CRUNCHY, "spec.image"),
    (CEPH, "spec.cephVersion.image"),
    (MINIO, "spec.image"),
    (RABBITMQ, "spec.image"),
    (KEYCLOAK, "spec.image"),
    (COLLECTOR, "spec.image"),
    (SPARK, "spec.image"),
    (SPARK, "spec.driver.image"),
    (SPARK, "spec.executor.image"),
    (CATALOG, "spec.image"),
    (PROVIDER, "spec.package"),
    (FUNCTION, "spec.package"),
    (CONFIGURATION, "spec.package"),
    (VM, "spec.template.spec.volumes[].containerDisk.image"),
    (TASK, "spec.steps[].image"),
    (TASK, "spec.sidecars[].image"),
    (TASK, "spec.stepTemplate.image"),
    (CLUSTER_TASK, "spec.steps[].image"),
    (CLUSTER_TASK, "spec.sidecars[].image"),
    (CLUSTER_TASK, "spec.stepTemplate.image"),
    (PIPELINE, "spec.tasks[].taskSpec.steps[].image"),
    (PIPELINE, "spec.finally[].taskSpec.steps[].image"),
    (WORKFLOW, "spec.templates[].container.image"),
    (WORKFLOW, "spec.templates[].script.image"),
    (WORKFLOW, "spec.templates[].sidecars[].image"),
    (WORKFLOW, "spec.templates[].initContainers[].image"),
    (WORKFLOW, "spec.templates[].containerSet.containers[].image"),
    (WORKFLOW_TEMPLATE, "spec.templates[].container.image"),
    (WORKFLOW_TEMPLATE, "spec.templates[].script.image"),
    (WORKFLOW_TEMPLATE, "spec.templates[].sidecars[].image"),
    (WORKFLOW_TEMPLATE, "spec.templates[].initContainers[].image"),
    (WORKFLOW_TEMPLATE, "spec.templates[].containerSet.containers[].image"),
    (CLUSTER_WORKFLOW_TEMPLATE, "spec.templates[].container.image"),
    (CLUSTER_WORKFLOW_TEMPLATE, "spec.templates[].script.image"),
    (CLUSTER_WORKFLOW_TEMPLATE, "spec.templates[].sidecars[].image"),
    (CLUSTER_WORKFLOW_TEMPLATE, "spec.templates[].initContainers[].image"),
    (CRON_WORKFLOW, "spec.workflowSpec.templates[].container.image"),
    (CRON_WORKFLOW, "spec.workflowSpec.templates[].script.image"),
    (CRON_WORKFLOW, "spec.workflowSpec.templates[].sidecars[].image"),
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
