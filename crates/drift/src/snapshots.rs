//! Differences between two snapshots of one cluster.

use std::collections::BTreeSet;
use std::sync::Arc;

use pavisade_judgement::{Comparison, ObjectChange, What};
use pavisade_model::{Cause, kinds};
use pavisade_secrets::mask;
use pavisade_snapshot::{Coverage, Object, ObjectId, Snapshot, World};
use rayon::prelude::*;

use crate::{Mode, drift};

/// Compares two snapshots. Worlds are matched by name; if each has only one world, these are
/// matched regardless of their names. Objects of kinds that were not read are not compared.
pub fn compare(before: &Snapshot, after: &Snapshot) -> Comparison {
    let mut comparison = Comparison::default();
    if let ([a], [b]) = (before.worlds(), after.worlds()) {
        worlds(a, b, &mut comparison);
        return comparison;
    }
    for (ours, theirs, which) in [(before, after, "second"), (after, before, "first")] {
        for world in ours.worlds() {
            let same = |other: &&Arc<World>| other.name() == world.name();
            match theirs.worlds().iter().find(same) {
                Some(other) if which == "second" => worlds(world, other, &mut comparison),
                Some(_) => {}
                None => {
                    let message = format!("{} is not in the {which} snapshot", world.name());
                    comparison.uncompared.push(message);
                }
            }
        }
    }
    comparison
}

fn worlds(a: &World, b: &World, out: &mut Comparison) {
    let name = b.name();
    let change = |id: &ObjectId, what| ObjectChange { world: name.clone(), id: id.clone(), what };
    let mut changes = Vec::new();
    for object in a.objects().filter(|object| b.find(object.id()).is_none()) {
        if cause(b, object.group(), object.kind()).is_none() {
            changes.push(change(object.id(), What::Removed));
        }
    }
    for object in b.objects().filter(|object| a.find(object.id()).is_none()) {
        if cause(a, object.group(), object.kind()).is_none() {
            changes.push(change(object.id(), What::Added));
        }
    }
    let both: Vec<_> =
        a.objects().filter_map(|object| Some((object, b.find(object.id())?))).collect();
    let changed = both.par_iter().filter_map(|(a, b)| {
        let paths = fields(a, b);
        (!paths.is_empty()).then(|| change(b.id(), What::Changed(paths)))
    });
    changes.par_extend(changed);
    changes.sort_by(|a, b| a.id.cmp(&b.id));
    out.changes.extend(changes);
    gaps(a, b, out);
}

/// Returns the reason why a kind was not read completely, if so.
fn cause<'a>(world: &'a World, group: &str, kind: &str) -> Option<&'a Cause> {
    // Every snapshot of a cluster has its facts.
    let unread =
        !kinds::CLUSTER.is(group, kind) && world.coverage_of(group, kind) == Coverage::Unread;
    unread.then(|| world.cause_of(group, kind))
}

/// Reports kinds that were not completely read in either snapshot, even without objects.
fn gaps(a: &World, b: &World, out: &mut Comparison) {
    let covered: Vec<_> = [a, b].map(World::parts).into_iter().flat_map(|p| p.coverage).collect();
    let covered = covered.iter().map(|((group, kind), _)| (kind.as_str(), group.as_str()));
    let objects = a.objects().chain(b.objects()).map(|object| (object.kind(), object.group()));
    let all: BTreeSet<_> = covered.chain(objects).collect();
    for (kind, group) in all {
        let name = match group {
            "" => kind.to_owned(),
            group => format!("{kind}.{group}"),
        };
        let say = |which: &str, why: &Cause| {
            format!("{name} was not read completely for {which} snapshot: {why}")
        };
        match (cause(a, group, kind), cause(b, group, kind)) {
            (Some(Cause::SecretsNotAsked), Some(Cause::SecretsNotAsked)) => {
                out.unasked.push(say("either", &Cause::SecretsNotAsked));
            }
            (Some(a), Some(b)) if a == b => out.uncompared.push(say("either", a)),
            (a, b) => {
                out.uncompared.extend(a.map(|why| say("the first", why)));
                out.uncompared.extend(b.map(|why| say("the second", why)));
            }
        }
    }
}

/// Returns the paths of the fields that differ.
fn fields(a: &Object, b: &Object) -> Vec<String> {
    if text(a).is_some() && text(a) == text(b) {
        return Vec::new();
    }
    let found = drift(a.value(), b.value(), b.group(), b.kind(), Mode::Stored);
    let mut paths: Vec<_> =
        found.differences.into_iter().map(|d| mask(&d.path).into_owned()).collect();
    // The facts about the cluster include the time of the snapshot.
    paths.retain(|path| !(b.is(kinds::CLUSTER) && path == "readAt"));
    paths.dedup();
    paths
}

fn text(object: &Object) -> Option<&str> {
    let span = object.value().span();
    object.doc().source().text().get(span.start as usize..span.end as usize)
}
