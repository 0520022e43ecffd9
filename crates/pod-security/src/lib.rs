//! Pod Security by namespace: the strictest level that its content meets, the violations of the
//! next level, and the labels to set.
//!
//! The levels are defined in `frameworks/pod-security-standards.toml`; `cargo xtask live` compares
//! their checks with the API server's admission. A level is met only if it is proven: unread or
//! unknown data makes it unknown. All pods count, including those of the control plane, because
//! admission exempts none. Completed pods and objects of earlier rollouts do not count.
//!
//! Out of scope: the requirements for pods (`checks`), and rendering (`report`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use pavisade_checks::{Catalog, CheckSet, is_fragment};
use pavisade_compliance::builtin;
use pavisade_judgement::{Doubt, Labels, Level, NamespaceSecurity, PodSecurity, Reason, Standing};
use pavisade_model::{Finding, KubernetesVersion, Note, NoteKind, State, Subject, kinds};
pub use pavisade_scan::Timestamp;
use pavisade_scan::{judge_all_pods, public};
use pavisade_snapshot::{Object, ObjectId, Snapshot, World};

use exempt::exempt;

mod exempt;

/// Returns the checks for the levels. With `labels`, also the check that reads namespaces.
pub fn pod_security_checks(kubernetes: KubernetesVersion, labels: bool) -> CheckSet {
    let levels = levels();
    let wanted = |id: &str| levels.contains_key(id) || labels && id == "PV-C029";
    let Ok(set) = CheckSet::new(
        &Catalog::builtin(),
        kubernetes,
        |meta| wanted(&meta.rule.id),
        &HashMap::new(),
    ) else {
        unreachable!("checks without parameters are built from their defaults")
    };
    set
}

/// Returns the lowest level at which each check applies, by id.
fn levels() -> BTreeMap<&'static str, Level> {
    let mut levels = BTreeMap::new();
    let standard = builtin().iter().find(|f| f.id == "pod-security-standards");
    for control in standard.into_iter().flat_map(|f| &f.controls) {
        let Some(level) = control.level.as_deref().and_then(Level::read) else { continue };
        for check in &control.checks {
            let first = levels.entry(check.as_str()).or_insert(level);
            *first = level.min(*first);
        }
    }
    levels
}

/// Maximum number of findings per check. If some are dropped, no level is proven.
const MAX_FINDINGS: usize = 250_000;

/// Judges all namespaces of all worlds by the levels of a Kubernetes version.
pub fn pod_security(
    snapshot: &Snapshot,
    kubernetes: KubernetesVersion,
    now: Timestamp,
) -> PodSecurity {
    pod_security_within(snapshot, kubernetes, now, MAX_FINDINGS)
}

/// Like [`pod_security`], with a limit in place of [`MAX_FINDINGS`].
fn pod_security_within(
    snapshot: &Snapshot,
    kubernetes: KubernetesVersion,
    now: Timestamp,
    limit: usize,
) -> PodSecurity {
    let (mut namespaces, mut cut) = at_version(snapshot, kubernetes, now, limit);
    // A namespace with a pinned version is compared with the levels of that version.
    let pinned = namespaces.iter().filter_map(|n| n.labels.as_ref()?.enforced_minor);
    let pinned: BTreeSet<_> =
        pinned.map(KubernetesVersion::minor).filter(|version| *version < kubernetes).collect();
    let mut older = BTreeMap::new();
    for version in pinned {
        let (of_version, note) = at_version(snapshot, version, now, limit);
        older.insert(version, of_version);
        cut = cut.or(note);
    }
    for (index, namespace) in namespaces.iter_mut().enumerate() {
        let minor = namespace.labels.as_ref().and_then(|labels| labels.enforced_minor);
        let then = minor.map(KubernetesVersion::minor).and_then(|version| older.get(&version));
        let then = then.and_then(|all| all.get(index));
        let (met, possible) =
            then.map_or((namespace.met, namespace.possible), |n| (n.met, n.possible));
        namespace.standing = standing(namespace, met, possible);
    }
    let world = |name: &str| snapshot.worlds().iter().find(|world| **world.name() == *name);
    for namespace in &mut namespaces {
        if world(&namespace.world).is_some_and(|world| exempt(world, &namespace.name)) {
            namespace.standing = Standing::Exempt;
        }
    }
    let notes = snapshot.notes().iter().cloned().chain(cut).map(public).collect();
    PodSecurity { namespaces, notes, kubernetes }
}

fn standing(namespace: &NamespaceSecurity, met: Level, possible: Level) -> Standing {
    let Some(labels) = &namespace.labels else { return Standing::Unread };
    if labels.invalid {
        return Standing::Invalid;
    }
    if namespace.workloads == 0 {
        return Standing::Empty;
    }
    let enforced = labels.enforce.unwrap_or(Level::Privileged);
    if enforced > possible {
        Standing::Stricter
    } else if enforced > met {
        Standing::Unproven
    } else if enforced < namespace.met {
        if *namespace.name == *"kube-system" { Standing::System } else { Standing::Weaker }
    } else {
        Standing::Fits
    }
}

/// The content of a namespace.
#[derive(Default)]
struct Contents {
    workloads: usize,
    breaks: Vec<(Level, Finding)>,
    doubts: Vec<Doubt>,
}

/// Returns all namespaces by the levels of one version, and a note if findings were dropped.
fn at_version(
    snapshot: &Snapshot,
    kubernetes: KubernetesVersion,
    now: Timestamp,
    limit: usize,
) -> (Vec<NamespaceSecurity>, Option<Note>) {
    let (checks, levels) = (pod_security_checks(kubernetes, false), levels());
    let (findings, cut) = judge_all_pods(snapshot, &checks, now, limit);
    let unread = snapshot.notes().iter().filter(|note| note.kind == NoteKind::Unread);
    let unread: Vec<_> =
        unread.map(|n| format!("{} was not read: {}", n.place, n.message)).collect();
    let mut all = Vec::new();
    for world in snapshot.worlds() {
        let mut contents = contents(world);
        let mut of_world = Vec::new();
        let doubt =
            |why: &String| Doubt { level: Level::Baseline, why: Reason::Missing(why.clone()) };
        if !world.is_live() {
            of_world.extend(unread.iter().map(doubt));
        }
        // A dropped finding may be in any namespace.
        of_world.extend(cut.iter().map(|note| doubt(&note.message)));
        for finding in findings.iter().filter(|f| f.world() == &**world.name()) {
            let level = levels.get(&*finding.rule.id).copied().unwrap_or(Level::Restricted);
            let doubt = || Doubt { level, why: Reason::Finding(Arc::new(finding.clone())) };
            let Subject::Object { namespace, .. } = &finding.subject else {
                of_world.push(doubt());
                continue;
            };
            if object(world, &finding.subject).is_some_and(has_ended) {
                continue;
            }
            let contents = contents.entry(namespace.clone()).or_default();
            match finding.state {
                State::Fails => contents.breaks.push((level, finding.clone())),
                State::Unknown => contents.doubts.push(doubt()),
            }
        }
        all.extend(contents.into_iter().map(|(name, mut contents)| {
            contents.doubts.extend(of_world.iter().cloned());
            conclude(world, name, contents)
        }));
    }
    (all, cut)
}

/// Returns the object that a finding is about.
fn object<'a>(world: &'a World, subject: &Subject) -> Option<&'a Object> {
    let Subject::Object { group, kind, namespace, name, .. } = subject else { return None };
    world.find(&ObjectId {
        group: group.clone(),
        kind: kind.clone(),
        namespace: namespace.clone(),
        name: name.clone(),
    })
}

/// Returns the namespaces of a world: those with workloads, and those with a Namespace object.
fn contents(world: &World) -> BTreeMap<Arc<str>, Contents> {
    let mut contents = BTreeMap::<Arc<str>, Contents>::new();
    for object in world.objects() {
        if object.is(kinds::NAMESPACE) {
            contents.entry(object.name().into()).or_default();
            continue;
        }
        let makes_pods = kinds::WORKLOADS.iter().any(|kind| object.is(*kind));
        if !(makes_pods || object.has_pods()) || has_ended(object) {
            continue;
        }
        let of = contents.entry(object.namespace().into()).or_default();
        of.workloads += 1;
        let missing = if !object.has_pods() {
            "its pod template could not be read"
        } else if is_fragment(object) {
            "the file contains only a part of it, to be merged with the rest"
        } else {
            continue;
        };
        let why = Reason::Object(object.subject(None), missing);
        of.doubts.push(Doubt { level: Level::Baseline, why });
    }
    contents
}

/// Whether it will not create pods again: a completed pod, or a ReplicaSet of an earlier rollout.
fn has_ended(object: &Object) -> bool {
    let text = |path: &[&str]| object.at(path).and_then(|v| v.as_str());
    let owned = object.at(&["metadata", "ownerReferences"]).is_some();
    let none = object.at(&["spec", "replicas"]).and_then(|v| v.as_i64()) == Some(0);
    object.is(kinds::POD) && matches!(text(&["status", "phase"]), Some("Succeeded" | "Failed"))
        || object.is(kinds::REPLICA_SET) && owned && none
}

fn conclude(world: &World, name: Arc<str>, contents: Contents) -> NamespaceSecurity {
    let Contents { workloads, breaks, doubts } = contents;
    let broken = breaks.iter().map(|(level, _)| *level).min();
    let doubtful = doubts.iter().map(|doubt| doubt.level).min();
    let below = |level: Option<Level>| match level {
        Some(Level::Privileged | Level::Baseline) => Level::Privileged,
        Some(Level::Restricted) => Level::Baseline,
        None => Level::Restricted,
    };
    let possible = below(broken);
    let met = possible.min(below(doubtful));
    let mut breaks: Vec<_> = breaks
        .into_iter()
        .filter_map(|(level, finding)| (Some(level) == broken).then_some(finding))
        .collect();
    breaks.sort_by(|a, b| key(a).cmp(&key(b)));
    let doubts = doubts.into_iter().filter(|doubt| doubt.level <= possible).collect();
    let labels = world.get(kinds::NAMESPACE, "", &name).map(Labels::of);
    NamespaceSecurity {
        world: world.name().clone(),
        live: world.is_live(),
        name,
        workloads,
        met,
        possible,
        breaks,
        doubts,
        labels,
        standing: Standing::Unread,
    }
}

fn key(finding: &Finding) -> impl Ord + '_ {
    (
        &*finding.rule.id,
        &finding.subject,
        finding.location.key(),
        &finding.stable_path,
        &finding.instance,
    )
}

/// If there are too many findings to keep, nothing is proven about the dropped ones.
#[cfg(test)]
mod tests {
    use pavisade_snapshot::{Coverage, WorldKind, WorldParts};
    use pavisade_yaml::{Source, objects, read};

    use super::*;

    fn pod(namespace: &str, metadata: &str, rest: &str) -> String {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: p, namespace: {namespace}, {metadata}}}\n\
             spec: {{{rest}}}\n"
        )
    }

    fn snapshot(text: &str, kind: WorldKind) -> Snapshot {
        let docs = read(&Source::new("all.yaml", text)).docs;
        let found = docs.iter().flat_map(|doc| objects(doc.root()).sent);
        let found = found.map(|o| Object::new(o.value, o.api_version, o.kind)).collect();
        let mut world = WorldParts::files("w", kind, found);
        if kind.is_live() {
            world.default_coverage = Coverage::Complete;
        }
        Snapshot::new(vec![world], Vec::new())
    }

    #[test]
    fn a_namespace_whose_findings_were_cut_meets_no_level() {
        let plain = "containers: [{name: c, image: i}]";
        let text = ["a", "z"].map(|namespace| pod(namespace, "", plain)).concat();
        let labels = "{pod-security.kubernetes.io/enforce: restricted, \
                      pod-security.kubernetes.io/enforce-version: v1.25}";
        let text = format!(
            "{text}---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: z, labels: {labels}}}\n"
        );
        for kind in [WorldKind::Files, WorldKind::Cluster] {
            let snapshot = snapshot(&text, kind);
            let said = |limit| {
                let now = Timestamp::UNIX_EPOCH;
                let said = pod_security_within(&snapshot, KubernetesVersion::LATEST, now, limit);
                (said.namespaces, said.notes)
            };
            let (whole, notes) = said(1_000);
            assert!(notes.is_empty(), "{notes:?}");
            for namespace in &whole {
                let levels = (namespace.met, namespace.possible);
                assert_eq!(levels, (Level::Baseline, Level::Baseline), "{namespace:?}");
            }
            assert_eq!(whole[1].standing, Standing::Stricter);

            let (cut, notes) = said(1);
            let [note] = &notes[..] else { panic!("{notes:?}") };
            let why = &note.message;
            assert!(why.starts_with("there are more findings than are listed"), "{why}");
            for namespace in &cut {
                assert_eq!(namespace.met, Level::Privileged, "{namespace:?}");
                let said = |doubt: &Doubt| matches!(&doubt.why, Reason::Missing(said) if said == why.as_str());
                assert!(namespace.doubts.iter().any(said), "{namespace:?}");
            }
            assert_eq!((cut[1].possible, cut[1].standing), (Level::Restricted, Standing::Unproven));
        }
    }
}
