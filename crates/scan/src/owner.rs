//! Judges objects created by a controller once, at their owner.
//!
//! For each distinct shape of an owner's pods, one pod is judged as well. Its findings are kept if
//! the owner does not have them: a debug container, an injected sidecar, a revision that still
//! runs, a pod that was edited or only claims its owner. Objects that do not run (completed pods,
//! ReplicaSets without replicas) are covered by the owner, except for what is in the object itself:
//! a secret.
//!
//! Static pods have no owner in this sense.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use pavisade_checks::{CheckSet, Report, Verdict};
use pavisade_model::{Paths, Subject, kinds};
use pavisade_snapshot::{Object, ObjectId, Pod, World};
use pavisade_yaml::{Kind, Value, to_json};
use rayon::prelude::*;

use crate::alike::{Known, relative, value};
use crate::{Part, Seen, Timestamp, finding};

/// Maximum number of steps from a pod to its topmost owner. A longer chain is a cycle.
const MAX_STEPS: usize = 8;

/// Labels whose values are unique to each pod or revision. If a policy selects by one of them, the
/// pods are different.
const LABELS: [&str; 9] = [
    "pod-template-hash",
    "controller-revision-hash",
    "pod-template-generation",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "job-name",
    "controller-uid",
    "batch.kubernetes.io/job-name",
    "batch.kubernetes.io/controller-uid",
];

/// Annotations that affect how a pod runs. Others (its address, its checksum) are unique to each
/// pod.
const ANNOTATIONS: [&str; 4] = [
    "container.apparmor.security.beta.kubernetes.io/",
    "seccomp.security.alpha.kubernetes.io/",
    "container.seccomp.security.alpha.kubernetes.io/",
    "istio.io/",
];

/// The objects of a world, by how they are judged.
pub(crate) struct Sorted<'a> {
    /// Objects that are judged individually.
    pub(crate) alone: Vec<&'a Object>,
    /// Owners with the objects created from them.
    pub(crate) groups: Vec<Group<'a>>,
}

/// The objects with the same topmost owner.
pub(crate) struct Group<'a> {
    /// The owner as referenced by its objects.
    name: Owner<'a>,
    /// The owner, if it is in the world and has a pod template.
    owner: Option<&'a Object>,
    shapes: Vec<Shape<'a>>,
}

/// Objects with equivalent pod specifications.
struct Shape<'a> {
    first: &'a Object,
    /// The number of pods among them.
    pods: usize,
    /// Whether they run, or create pods that run.
    runs: bool,
}

/// An owner as referenced by its objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Owner<'a> {
    group: &'a str,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
    /// The UID of an owner that is not in the world, otherwise empty.
    uid: &'a str,
}

/// Sorts the objects of a world by how they are judged.
pub(crate) fn sort(world: &World) -> Sorted<'_> {
    let objects: Vec<_> = world.objects().collect();
    if !world.is_live() {
        return Sorted { alone: objects, groups: Vec::new() };
    }
    let tops: Vec<_> = objects.par_iter().map(|object| top(world, object)).collect();
    let mut places = HashMap::new();
    let mut members: Vec<(Owner<'_>, Option<&Object>, Vec<&Object>)> = Vec::new();
    let mut alone = Vec::new();
    for (object, top) in objects.into_iter().zip(tops) {
        let Some((key, owner)) = top else {
            alone.push(object);
            continue;
        };
        let place = *places.entry(key).or_insert_with(|| {
            members.push((key, owner, Vec::new()));
            members.len() - 1
        });
        members[place].2.push(object);
    }
    let owners: HashSet<&ObjectId> =
        members.iter().filter_map(|(_, owner, _)| Some((*owner)?.id())).collect();
    alone.retain(|object| !owners.contains(object.id()));
    let named = named_labels(world);
    let group = |(name, owner, members): (_, Option<_>, _)| {
        // Without the owner, its objects must be judged even if they do not run.
        let runs = |object: &Object| owner.is_none() || runs(object);
        Group { name, owner, shapes: shapes(members, runs, &named) }
    };
    Sorted { alone, groups: members.into_par_iter().map(group).collect() }
}

impl Owner<'_> {
    fn subject(&self, container: Option<&str>) -> Subject {
        Subject::Object {
            group: self.group.into(),
            kind: self.kind.into(),
            namespace: self.namespace.into(),
            name: self.name.into(),
            container: container.map(Into::into),
        }
    }
}

/// Returns the topmost owner of an object created by a controller, and its object if it has a pod
/// template.
fn top<'a>(world: &'a World, object: &'a Object) -> Option<(Owner<'a>, Option<&'a Object>)> {
    if object.is(kinds::POD) && object.annotation("kubernetes.io/config.mirror").is_some() {
        return None;
    }
    let mut at = object;
    for _ in 0..MAX_STEPS {
        let Some(reference) = is_made(at).then(|| controller(at)).flatten() else {
            let owner = Owner {
                group: at.group(),
                kind: at.kind(),
                namespace: at.namespace(),
                name: at.name(),
                uid: "",
            };
            return (!std::ptr::eq(at, object)).then_some((owner, Some(at)));
        };
        let owner = named(reference, at.namespace())?;
        if owner.kind == "Node" && owner.group.is_empty() {
            return None;
        }
        match find(world, &owner) {
            Some(found) => at = found,
            None => return Some((owner, None)),
        }
    }
    None
}

/// Whether objects of the kind are created from an owner's template.
fn is_made(object: &Object) -> bool {
    matches!(
        (object.group(), object.kind()),
        ("", "Pod" | "ReplicationController")
            | ("apps" | "extensions", "ReplicaSet")
            | ("batch" | "extensions", "Job")
    )
}

/// Returns the reference to the controller of an object.
fn controller(object: &Object) -> Option<Value<'_>> {
    let references = object.at(&["metadata", "ownerReferences"])?;
    references.items().find(|reference| reference.bool("controller") == Some(true))
}

fn named<'a>(reference: Value<'a>, namespace: &'a str) -> Option<Owner<'a>> {
    let version = reference.str("apiVersion")?;
    let (group, _) = version.rsplit_once('/').unwrap_or(("", version));
    let (kind, name) = (reference.str("kind")?, reference.str("name")?);
    Some(Owner { group, kind, namespace, name, uid: reference.str("uid").unwrap_or("") })
}

/// Returns the referenced object, if it has a pod template. An object with the same name and
/// another UID was recreated and is not the owner.
fn find<'a>(world: &'a World, owner: &Owner<'_>) -> Option<&'a Object> {
    let id = ObjectId {
        group: owner.group.into(),
        kind: owner.kind.into(),
        namespace: owner.namespace.into(),
        name: owner.name.into(),
    };
    let found = world.find(&id).filter(|found| found.has_pods())?;
    let uid = found.at(&["metadata", "uid"]).and_then(Value::as_str).unwrap_or("");
    (uid.is_empty() || owner.uid.is_empty() || uid == owner.uid).then_some(found)
}

/// Whether it runs, or creates pods that run.
fn runs(object: &Object) -> bool {
    if object.is(kinds::POD) {
        let phase = object.at(&["status", "phase"]).and_then(Value::as_str);
        return !matches!(phase, Some("Succeeded" | "Failed"));
    }
    let replicas = object.at(&["spec", "replicas"]).and_then(Value::as_i64);
    object.is(kinds::JOB) || replicas != Some(0)
}

/// Returns those of [`LABELS`] that NetworkPolicies select pods by, by namespace. Policies of other
/// kinds are not considered.
fn named_labels(world: &World) -> HashMap<&str, Vec<&str>> {
    let mut named: HashMap<&str, Vec<&str>> = HashMap::new();
    for policy in world.of_kind(kinds::NETWORK_POLICY) {
        let Some(selector) = policy.at(&["spec", "podSelector"]) else { continue };
        let labels = selector.get("matchLabels").into_iter().flat_map(Value::entries);
        let keys = labels.map(|(key, _)| key);
        let expressions = selector.list("matchExpressions").filter_map(|e| e.str("key"));
        for key in keys.chain(expressions).filter(|key| LABELS.contains(key)) {
            let of_namespace = named.entry(policy.namespace()).or_default();
            if !of_namespace.contains(&key) {
                of_namespace.push(key);
            }
        }
    }
    named
}

fn shapes<'a>(
    members: Vec<&'a Object>,
    runs: impl Fn(&Object) -> bool,
    named: &HashMap<&str, Vec<&str>>,
) -> Vec<Shape<'a>> {
    let mut places = HashMap::new();
    let mut shapes: Vec<Shape<'_>> = Vec::new();
    for object in members {
        let named = named.get(object.namespace()).map_or(&[][..], Vec::as_slice);
        let runs = runs(object);
        let place = *places.entry((runs, shape(object, named))).or_insert_with(|| {
            shapes.push(Shape { first: object, pods: 0, runs });
            shapes.len() - 1
        });
        shapes[place].pods += usize::from(object.is(kinds::POD));
    }
    // Findings are reported for a running object, if there is one.
    shapes.sort_by_key(|shape| !shape.runs);
    shapes
}

/// Returns what checks read of an object's pods, without what differs between pods of one template.
/// Labels in `named` are included.
fn shape(object: &Object, named: &[&str]) -> String {
    let mut out = String::with_capacity(object.value().span().len());
    let counts = |key: &str| !LABELS.contains(&key) || named.contains(&key);
    for pod in object.pods() {
        for (key, value) in pod.labels().filter(|(key, _)| counts(key)) {
            // Writing to a String cannot fail.
            let _ = write!(out, "{key:?}={value:?},");
        }
        for (key, value) in pod.annotations() {
            if ANNOTATIONS.iter().any(|part| key.contains(part)) {
                push_field(&mut out, key, value);
            }
        }
        push_spec(&mut out, pod);
    }
    out
}

fn push_spec(out: &mut String, pod: Pod<'_>) {
    for (key, field) in pod.spec().entries() {
        match key {
            // Set by the scheduler, or by DaemonSets and StatefulSets.
            "nodeName" | "hostname" | "affinity" => {}
            "containers" | "initContainers" | "ephemeralContainers" | "volumes"
                if field.kind() == Kind::Sequence =>
            {
                let _ = write!(out, "{key}[");
                for item in field.items() {
                    match key {
                        "volumes" => push_volume(out, item),
                        _ => push_container(out, item),
                    }
                }
                out.push(']');
            }
            _ => push_field(out, key, field),
        }
    }
}

/// Writes a volume. Claims of a StatefulSet's pods and names of token volumes are unique to each
/// pod.
fn push_volume(out: &mut String, volume: Value<'_>) {
    for (key, field) in volume.entries() {
        match key {
            "name" if is_token(field) => out.push_str("token,"),
            "persistentVolumeClaim" => out.push_str("claim,"),
            _ => push_field(out, key, field),
        }
    }
    out.push(';');
}

fn push_container(out: &mut String, container: Value<'_>) {
    for (key, field) in container.entries() {
        if key != "volumeMounts" || field.kind() != Kind::Sequence {
            push_field(out, key, field);
            continue;
        }
        out.push_str("mounts[");
        for (key, field) in field.items().flat_map(Value::entries) {
            match key {
                "name" if is_token(field) => out.push_str("token,"),
                _ => push_field(out, key, field),
            }
        }
        out.push(']');
    }
    out.push(';');
}

fn is_token(name: Value<'_>) -> bool {
    name.as_str().is_some_and(|name| name.starts_with("kube-api-access-"))
}

fn push_field(out: &mut String, key: &str, value: Value<'_>) {
    let _ = write!(out, "{key:?}:");
    let span = value.span();
    match value.doc().source().text().get(span.start as usize..span.end as usize) {
        Some(text) if value.doc().is_json() => out.push_str(text),
        _ => out.push_str(&to_json(value)),
    }
    out.push(',');
}

impl<'a> Group<'a> {
    /// Judges the owner, then its pods, keeping what the owner does not have.
    pub(crate) fn judge(&self, seen: &Seen<'a>, checks: &CheckSet, now: Timestamp) -> Part {
        let (mut part, mut paths) = (Part::new(checks), Paths::default());
        let mut known = Known::default();
        let mut shapes = self.shapes.iter();
        let lead = match self.owner {
            Some(owner) => Some((owner, None)),
            None => shapes.next().map(|shape| (shape.first, Some(shape.pods))),
        };
        let Some((lead, pods)) = lead else { return part };
        let mut values = Vec::new();
        checks.judge_object(seen.world, lead, now, &mut |report| {
            if let Verdict::Fails(claims) | Verdict::Unknown(claims) = &report.verdict {
                values.extend(claims.iter().map(value));
            }
            part.take(seen, report, &mut paths);
        });
        let template = template(lead, &mut paths);
        for (place, (finding, value)) in part.findings.iter().zip(values).enumerate() {
            known.add(finding, value, &template, pods.map(|pods| (place, pods)));
        }
        let mut firsts = vec![lead; part.findings.len()];
        for shape in shapes {
            let template = self::template(shape.first, &mut paths);
            let out = &mut |report: Report<'_>| {
                let (Verdict::Fails(claims) | Verdict::Unknown(claims)) = &report.verdict else {
                    return;
                };
                let before = part.findings.len();
                for claim in claims {
                    let finding = finding(seen.world, &report, claim.clone(), &mut paths);
                    let value = value(claim);
                    if known.count(&finding, &value, &template, shape.pods) {
                        continue;
                    }
                    let kept = Some((part.findings.len(), shape.pods));
                    known.add(&finding, value, &template, kept);
                    part.findings.push(finding);
                    firsts.push(shape.first);
                }
                if part.findings.len() > before {
                    part.count(&report);
                }
            };
            match shape.runs {
                true => checks.judge_object(seen.world, shape.first, now, out),
                false => checks.judge_at_rest(seen.world, shape.first, now, out),
            }
        }
        for (place, pods) in known.of_pods() {
            let others = pods.saturating_sub(usize::from(firsts[place].is(kinds::POD)));
            if others > 0 {
                part.findings[place].detail_mut().more_pods = others;
            }
        }
        let own = self.owner.map_or(0, |owner| {
            firsts.iter().take_while(|first| std::ptr::eq(**first, owner)).count()
        });
        let mut times: HashMap<_, usize> = HashMap::new();
        for (finding, first) in part.findings.iter_mut().zip(&firsts).skip(own) {
            finding.owner = Some(Box::new(self.name.subject(finding.subject.container())));
            let template = self::template(first, &mut paths);
            // The owner itself has no field with such a path.
            finding.stable_path = format!("pod:{}", relative(&finding.stable_path, &template));
            // Pods may differ at the same location.
            let before = times.entry(finding.fingerprint()).or_default();
            if *before > 0 {
                let _ = write!(finding.stable_path, "#{before}");
            }
            *before += 1;
        }
        part
    }
}

/// Returns the path of an object's pod template.
fn template(object: &Object, paths: &mut Paths) -> String {
    let template = object.pods().next().and_then(|pod| pod.spec().parent());
    template.map_or_else(String::new, |template| paths.of(object.value(), template).stable)
}
