//! Judges what is known beside the objects, and joins it with the workloads.

use std::collections::HashMap;
use std::sync::Arc;

use pavisade_checks::{Catalog, CheckSet, Report, Verdict};
use pavisade_images::{Naming, wants};
use pavisade_model::{Fact, Meta, Note, NoteKind, Paths, State, Workload};
use pavisade_snapshot::{Facts, Image, Images, Object, Snapshot};
use rayon::prelude::*;

use crate::part::Part;
use crate::{Timestamp, locate, masked};

/// The workloads of each image, in the order of the images.
type Joined = Vec<Option<Arc<[Workload]>>>;

/// Judges every image once; its findings hang on the workloads that run it.
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
    let mut joined: Vec<Vec<Workload>> = images.all().iter().map(|_| Vec::new()).collect();
    let mut paths = Paths::default();
    let mut standing = Standing::new(checks, now);
    for want in wants(snapshot).images {
        let Some(Ok(index)) = images.find(&want.reference) else { continue };
        joined[index].extend(want.named_by.iter().map(|naming| {
            let place = &naming.value.into();
            Workload {
                world: naming.world.name().clone(),
                subject: naming.subject(),
                location: locate(naming.world, Some(naming.object), place, &mut paths).0,
                exposed: standing.of(naming, EXPOSED),
                privileged: standing.of(naming, PRIVILEGED),
            }
        }));
    }
    let shared = |workloads: Vec<Workload>| (!workloads.is_empty()).then(|| workloads.into());
    joined.into_iter().map(shared).collect()
}

/// Checks that say what leads to a workload from outside of its cluster: `exposed-workload`.
const EXPOSED: &[&str] = &["PV-N055"];
/// Checks that say that a workload has power over its node: `privileged-container`,
/// `host-namespace`, `runtime-socket-mount`, `escape-capability`.
const PRIVILEGED: &[&str] = &["PV-C001", "PV-C002", "PV-C022", "PV-C030"];

/// What checks say of workloads, each asked once. What they cannot tell is not said: it lowers no
/// priority.
struct Standing {
    checks: Option<CheckSet>,
    now: Timestamp,
    /// By the object's address: check, container and message of each failure.
    known: HashMap<*const Object, Vec<Failure>>,
}

/// Check, container and message.
type Failure = (Arc<str>, Option<String>, Arc<str>);

impl Standing {
    fn new(checks: &CheckSet, now: Timestamp) -> Self {
        let wanted = |meta: &Meta| [EXPOSED, PRIVILEGED].concat().contains(&&*meta.rule.id);
        let none = HashMap::new();
        let checks = CheckSet::new(&Catalog::builtin(), checks.kubernetes(), wanted, &none);
        Self { checks: checks.ok(), now, known: HashMap::new() }
    }

    /// What one of these checks says of the object, or of the container, that names an image.
    fn of(&mut self, naming: &Naming<'_>, ids: &[&str]) -> Option<Arc<str>> {
        let Self { checks, now, known } = self;
        let failures = known.entry(std::ptr::from_ref(naming.object)).or_insert_with(|| {
            let mut failures = Vec::new();
            let out = &mut |report: Report<'_>| {
                let Verdict::Fails(claims) = report.verdict else { return };
                let container = report.subject.container().map(str::to_owned);
                let fails = claims.into_iter().filter(|claim| claim.state == State::Fails);
                failures.extend(fails.map(|claim| {
                    (
                        report.rule.id.as_ref().into(),
                        container.clone(),
                        masked(claim.message).into(),
                    )
                }));
            };
            if let Some(checks) = checks {
                checks.judge_object(naming.world, naming.object, *now, out);
            }
            failures
        });
        let is_meant = |(id, container, _): &&Failure| {
            ids.contains(&&**id)
                && (container.is_none() || container.as_deref() == naming.container)
        };
        failures.iter().find(is_meant).map(|(.., message)| message.clone())
    }
}

/// That checks did not run since nobody asked for what they look at.
pub(crate) fn note(checks: &CheckSet, facts: &Facts) -> Option<Note> {
    let unasked = checks.unasked(facts);
    let (first, fact) = unasked.first()?;
    let others = match unasked.len() {
        1 => String::new(),
        more => format!(" and {} more", more - 1),
    };
    let where_to = match fact {
        Fact::Images => "",
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
