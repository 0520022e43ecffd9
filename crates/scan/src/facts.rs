//! Judges facts in addition to the objects, and joins them with the workloads.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use pavisade_checks::{Catalog, CheckSet, Report, Verdict};
use pavisade_images::{Naming, Wants};
use pavisade_model::{Fact, Meta, Note, NoteKind, Paths, State, Workload};
use pavisade_snapshot::{Image, Images, Object, Snapshot, World};
use rayon::prelude::*;

use crate::part::Part;
use crate::{Timestamp, locate, masked};

/// The workloads of each image, in the order of the images.
type Joined = Vec<Option<Arc<[Workload]>>>;

/// Judges every image once. Its findings have the workloads that run it.
pub(crate) fn judge(snapshot: &Snapshot, checks: &CheckSet, now: Timestamp) -> Vec<Part> {
    let Some(images) = &snapshot.facts().images else { return Vec::new() };
    let joined = join(snapshot, images, checks, now);
    let one = |(image, workloads): (&Image, &Option<Arc<[Workload]>>)| {
        let mut part = Part::new(checks);
        checks.judge_image(image, now, &mut |report| part.take_fact(report, workloads.as_ref()));
        part
    };
    images.all().par_iter().zip(&joined).with_max_len(1).map(one).collect()
}

fn join(snapshot: &Snapshot, images: &Images, checks: &CheckSet, now: Timestamp) -> Joined {
    let wants = Wants::of(snapshot);
    let wanted = wants.images();
    let found = wanted.iter().filter_map(|(reference, named_by)| {
        let index = images.find(reference)?.ok()?;
        Some((index, named_by))
    });
    let found: Vec<_> = found.collect();
    let namings = found.iter().flat_map(|(_, named_by)| named_by.iter().copied());
    let standing = Standing::of(namings, checks, now);
    let mut joined: Vec<Vec<Workload>> = images.all().iter().map(|_| Vec::new()).collect();
    let mut paths = Paths::default();
    for (index, named_by) in found {
        joined[index].extend(named_by.iter().map(|(world, naming)| {
            let place = &naming.value().into();
            Workload {
                world: world.name().clone(),
                subject: naming.subject(),
                location: locate(world, Some(&naming.object), place, &mut paths).0,
                exposed: standing.says(naming, EXPOSED),
                privileged: standing.says(naming, PRIVILEGED),
            }
        }));
    }
    let shared = |workloads: Vec<Workload>| (!workloads.is_empty()).then(|| workloads.into());
    joined.into_iter().map(shared).collect()
}

/// Checks for workloads that are reachable from outside the cluster: `exposed-workload`.
const EXPOSED: &[&str] = &["PV-N055"];
/// Checks for workloads with privileges on their nodes: `privileged-container`, `host-namespace`,
/// `runtime-socket-mount`, `escape-capability`.
const PRIVILEGED: &[&str] = &["PV-C001", "PV-C002", "PV-C022", "PV-C030"];

/// The failures of these checks for workloads, computed once each. Unknown results are left out:
/// they do not lower a priority.
struct Standing(HashMap<usize, Vec<Failure>>);

/// The check, container and message of a failure.
type Failure = (Arc<str>, Option<String>, Arc<str>);

impl Standing {
    fn of<'a>(
        namings: impl Iterator<Item = (&'a Arc<World>, &'a Naming)>,
        checks: &CheckSet,
        now: Timestamp,
    ) -> Self {
        let wanted = |meta: &Meta| [EXPOSED, PRIVILEGED].concat().contains(&&*meta.rule.id);
        let none = HashMap::new();
        let checks = CheckSet::new(&Catalog::builtin(), checks.kubernetes(), wanted, &none);
        let Ok(checks) = checks else { return Self(HashMap::new()) };
        let mut seen = HashSet::new();
        let objects: Vec<_> = namings.filter(|(_, naming)| seen.insert(address(naming))).collect();
        let judged = objects.par_iter().map(|(world, naming)| {
            (address(naming), failures(&checks, world, &naming.object, now))
        });
        Self(judged.collect())
    }

    /// Returns the failure of one of these checks for the object, or the container, that refers to
    /// an image.
    fn says(&self, naming: &Naming, ids: &[&str]) -> Option<Arc<str>> {
        let is_meant = |(id, container, _): &&Failure| {
            ids.contains(&&**id)
                && (container.is_none() || container.as_deref() == naming.container.as_deref())
        };
        let failures = self.0.get(&address(naming))?;
        failures.iter().find(is_meant).map(|(.., message)| message.clone())
    }
}

/// Objects do not move while a snapshot is judged.
fn address(naming: &Naming) -> usize {
    Arc::as_ptr(&naming.object).addr()
}

fn failures(checks: &CheckSet, world: &World, object: &Object, now: Timestamp) -> Vec<Failure> {
    let mut failures = Vec::new();
    let out = &mut |report: Report<'_>| {
        let Verdict::Fails(claims) = report.verdict else { return };
        let container = report.subject.container().map(str::to_owned);
        let fails = claims.into_iter().filter(|claim| claim.state == State::Fails);
        failures.extend(fails.map(|claim| {
            let id = report.rule.id.as_ref().into();
            (id, container.clone(), masked(claim.message).into())
        }));
    };
    checks.judge_object(world, object, now, out);
    failures
}

/// Returns a note about checks that did not run because their facts were not requested.
pub(crate) fn note(checks: &CheckSet, snapshot: &Snapshot) -> Option<Note> {
    let mut unasked = checks.unasked(snapshot);
    // No option requests the other facts: they are files among others.
    unasked.retain(|(meta, _)| meta.needs_images());
    let (first, fact) = unasked.first()?;
    let others = match unasked.len() {
        1 => String::new(),
        more => format!(" and {} more", more - 1),
    };
    let where_to = match fact {
        Fact::Images | Fact::Usage | Fact::Probes => "",
        Fact::Vulnerabilities => " on every image",
    };
    Some(Note {
        kind: NoteKind::Info,
        place: String::new(),
        span: None,
        message: format!(
            "`{}`{others} did not run{where_to}: {} were not scanned",
            first.rule.name,
            fact.name()
        ),
        remedy: String::new(),
    })
}
