//! Judges what is known beside the objects, and joins it with the workloads.

use std::sync::Arc;

use pavisade_checks::CheckSet;
use pavisade_images::wants;
use pavisade_model::{Fact, Note, NoteKind, Paths, Workload};
use pavisade_snapshot::{Facts, Image, Images, Snapshot};
use rayon::prelude::*;

use crate::part::Part;
use crate::{Timestamp, locate};

/// The workloads of each image, in the order of the images.
type Joined = Vec<Option<Arc<[Workload]>>>;

/// Judges every image once; its findings hang on the workloads that run it.
pub(crate) fn judge(snapshot: &Snapshot, checks: &CheckSet, now: Timestamp) -> Vec<Part> {
    let Some(images) = &snapshot.facts().images else { return Vec::new() };
    let joined = join(snapshot, images);
    let one = |(image, workloads): (&Image, &Option<Arc<[Workload]>>)| {
        let mut part = Part::new(checks);
        checks.judge_image(image, now, &mut |report| part.take_fact(report, workloads.as_ref()));
        part
    };
    images.all().par_iter().zip(&joined).with_max_len(1).map(one).collect()
}

fn join(snapshot: &Snapshot, images: &Images) -> Joined {
    let mut joined: Vec<Vec<Workload>> = images.all().iter().map(|_| Vec::new()).collect();
    let mut paths = Paths::default();
    for want in wants(snapshot).images {
        let Some(Ok(index)) = images.find(&want.reference) else { continue };
        joined[index].extend(want.named_by.iter().map(|naming| Workload {
            world: naming.world.name().clone(),
            subject: naming.subject(),
            location: locate(naming.world, Some(naming.object), &naming.value.into(), &mut paths).0,
        }));
    }
    let shared = |workloads: Vec<Workload>| (!workloads.is_empty()).then(|| workloads.into());
    joined.into_iter().map(shared).collect()
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
            "`{}`{others} did not run{where_to}: {} were not looked at",
            first.rule.name,
            fact.name()
        ),
        remedy: String::new(),
    })
}
