//! Judges a snapshot: [`judge`].
//!
//! Everything that runs checks calls it: the command line, the server, admission, the controller.
//! It is pure: no files, no clock, no network. The same snapshot gives the same bytes, independent
//! of the number of threads.

mod alike;
mod baseline;
mod coverage;
#[cfg(test)]
mod cut_tests;
mod drift;
mod exception;
mod facts;
mod owner;
mod part;
mod served;
mod terms;
mod together;
mod vex;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub use jiff::Timestamp;
use pavisade_checks::{CheckSet, Claim, Place, Rare, Report, Verdict};
use pavisade_judgement::{Cluster, Judgement, RuleTally, Tally};
use pavisade_model::{
    Finding, Fix, Location, Note, Path, Paths, Related, Subject, counterpart, kinds,
};
use pavisade_secrets::{mask, mask_field};
use pavisade_snapshot::{Object, Snapshot, World};
use rayon::prelude::*;
pub use terms::{Honour, Terms};
pub use together::{keep, together};

use crate::coverage::Blind;
use crate::exception::Settled;
use crate::owner::Sorted;
use crate::part::{Part, Room, cut};
use crate::vex::Said;

/// Number of objects, or worlds, per task.
const CHUNK: usize = 64;
/// Maximum number of findings kept per rule on single objects. Others are only counted.
pub const MAX_FINDINGS: usize = 25_000;

/// Returns the date of a time (UTC).
pub fn day(now: Timestamp) -> pavisade_judgement::Date {
    now.to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// Runs all checks on all worlds as of `now`, without exceptions.
pub fn judge(snapshot: &Snapshot, checks: &CheckSet, now: Timestamp) -> Judgement {
    judge_on(snapshot, checks, &Terms::default(), now)
}

/// Runs all checks on all worlds as of `now`, which matters for expired certificates and
/// exceptions.
pub fn judge_on(
    snapshot: &Snapshot,
    checks: &CheckSet,
    terms: &Terms,
    now: Timestamp,
) -> Judgement {
    judge_within(snapshot, checks, terms, now, MAX_FINDINGS)
}

/// Returns the findings for all pods, including those of the control plane and those with
/// exceptions, because admission ignores both. If there are more than `limit` findings, also
/// returns a note that some are missing.
pub fn judge_all_pods(
    snapshot: &Snapshot,
    checks: &CheckSet,
    now: Timestamp,
    limit: usize,
) -> (Vec<Finding>, Option<Note>) {
    let judged = judge_within(snapshot, checks, &Terms::default(), now, limit);
    let (mut findings, cut) = (judged.findings, judged.cut);
    for world in snapshot.worlds() {
        let mut paths = Paths::default();
        for object in world.objects() {
            checks.judge_control_plane_pods(world, object, now, &mut |report| {
                if let Verdict::Fails(claims) | Verdict::Unknown(claims) = &report.verdict {
                    let claims = claims.iter().cloned();
                    findings.extend(claims.map(|claim| finding(world, &report, claim, &mut paths)));
                }
            });
        }
    }
    (findings, cut)
}

/// Like [`judge_on`], with a limit in place of [`MAX_FINDINGS`].
fn judge_within(
    snapshot: &Snapshot,
    checks: &CheckSet,
    terms: &Terms,
    now: Timestamp,
    limit: usize,
) -> Judgement {
    let worlds = snapshot.worlds();
    let seen: Vec<_> =
        worlds.iter().map(|world| Seen { world, blind: Blind::of(world, checks) }).collect();
    let sorted: Vec<_> = worlds.iter().map(|world| owner::sort(world)).collect();
    let (mut objects, mut groups) = (Vec::new(), Vec::new());
    for (seen, Sorted { alone, groups: made }) in seen.iter().zip(&sorted) {
        objects.extend(alone.iter().map(|object| (seen, *object)));
        groups.extend(made.iter().map(|group| (seen, group)));
    }
    // Each chunk is a separate task, so that no thread waits long for the last one.
    let judge_chunk = |chunk: &[(&Seen<'_>, &Object)], room: Room| {
        let (mut part, mut paths) = (Part { room, ..Part::new(checks) }, Paths::default());
        for (seen, object) in chunk {
            let out = &mut |report: Report<'_>| part.take(seen, report, &mut paths);
            checks.judge_object(seen.world, object, now, out);
        }
        part
    };
    let kept = part::counters(checks);
    let chunks = objects.par_chunks(CHUNK).with_max_len(1);
    let of_objects = chunks.map(|chunk| judge_chunk(chunk, Room::Shared(kept.clone(), limit)));
    let of_groups = groups.par_iter().map(|(seen, group)| group.judge(seen, checks, now));
    let of_worlds = seen.par_chunks(CHUNK).with_max_len(1).map(|chunk| {
        let (mut part, mut paths) = (Part::new(checks), Paths::default());
        for seen in chunk {
            let before = part.findings.len();
            checks.judge_world(seen.world, now, &mut |report| part.take(seen, report, &mut paths));
            part.add_unseen(seen, checks, before);
        }
        part
    });
    let mut parts: Vec<_> = of_objects.chain(of_groups).chain(of_worlds).collect();
    parts.extend(facts::judge(snapshot, checks, now));
    // Which findings were kept depends on the threads. Keep those of the first objects instead.
    let told: Vec<_> = kept.iter().map(|told| told.load(Ordering::Relaxed)).collect();
    if told.iter().any(|told| *told > limit) {
        let chunks: Vec<_> = objects.chunks(CHUNK).collect();
        cut(&mut parts, &chunks, &told, limit, judge_chunk);
    }

    let tallies = checks.metas().zip(checks.rules()).map(|(meta, rule)| RuleTally {
        rule: rule.clone(),
        programs: meta.programs,
        tally: Tally::default(),
        by_program: BTreeMap::new(),
    });
    let mut tallies: Vec<_> = tallies.collect();
    let mut found = Vec::with_capacity(parts.iter().map(|part| part.findings.len()).sum());
    for part in parts {
        for ((index, program), tally) in part.by_program {
            tallies[index].by_program.entry(program).or_default().add(tally);
        }
        for (total, tally) in tallies.iter_mut().zip(part.tallies) {
            total.tally.add(tally);
        }
        found.extend(part.findings);
    }
    let mut notes = snapshot.notes().to_vec();
    let place = worlds.first().map_or(String::new(), |world| world.name().to_string());
    let cut = part::cut_note(checks, &told, limit, place);
    notes.extend(cut.clone());
    notes.extend(facts::note(checks, snapshot));
    let clusters = || worlds.iter().filter(|world| world.is_live());
    notes.extend(clusters().flat_map(|world| drift::notes(world)));
    notes.extend(clusters().filter_map(|world| served::note(world)));
    for finding in &mut found {
        if let Some(severity) = terms.severities.get(&*finding.rule.id) {
            finding.severity = *severity;
        }
    }
    let Said { findings, dismissed, notes: of_statements } =
        vex::apply(in_order(found), &terms.vex);
    notes.extend(of_statements);
    // A dismissed finding is not a failure of its check.
    for finding in &dismissed {
        if let Some(of) = tallies.iter_mut().find(|of| of.rule.id == finding.rule.id) {
            of.tally.fails = of.tally.fails.saturating_sub(1);
            of.tally.not_applicable += 1;
        }
    }
    let settled = exception::settle(snapshot, checks, terms, now, findings, cut.is_some());
    let Settled { findings, excepted, baseline, notes: of_exceptions } = settled;
    notes.extend(of_exceptions);
    let notes = notes.into_iter().map(public).collect();
    let known = || snapshot.facts().images.iter().flat_map(|images| images.all());
    Judgement {
        findings,
        cut,
        excepted,
        dismissed,
        baseline,
        tallies,
        unasked: checks.unasked_rules(snapshot),
        notes,
        worlds: worlds.len(),
        // The facts about a cluster are not one of its objects.
        objects: worlds.iter().map(|w| w.objects().len() - w.of_kind(kinds::CLUSTER).count()).sum(),
        images: known().filter(|image| !image.source_tree).count(),
        source_trees: known().filter(|image| image.source_tree).count(),
        kubernetes: checks.kubernetes(),
        clusters: clusters().filter_map(|world| Cluster::of(world)).collect(),
    }
}

/// Sorts findings. They are large, so indexes are sorted and each finding moves once.
fn in_order(mut findings: Vec<Finding>) -> Vec<Finding> {
    let mut places: Vec<usize> = (0..findings.len()).collect();
    places.par_sort_by(|a, b| order(&findings[*a]).cmp(&order(&findings[*b])));
    // The finding for a place that was filled before is where that one was moved to.
    for at in 0..places.len() {
        let mut from = places[at];
        while from < at {
            from = places[from];
        }
        places[at] = from;
        findings.swap(at, from);
    }
    findings
}

/// The sort key: failures before unknown results, highest severity first, then a stable order.
/// Equal findings keep their order.
fn order(finding: &Finding) -> impl Ord + '_ {
    let (source, start) = finding.location.key();
    (
        finding.state,
        std::cmp::Reverse(finding.severity),
        &*finding.rule.id,
        finding.world(),
        source,
        start,
        &finding.subject,
        &finding.stable_path,
        &finding.detail().gaps,
    )
}

/// A world, and what the checks could not read in it.
struct Seen<'a> {
    world: &'a World,
    blind: Blind,
}

fn finding(world: &World, report: &Report<'_>, claim: Claim<'_>, paths: &mut Paths) -> Finding {
    let (location, stable_path) = locate(world, report.object, &claim.place, paths);
    finding_at(Some(world), report, claim, (location, stable_path))
}

/// Creates a finding that is not about an object of a world.
fn fact_finding(report: &Report<'_>, claim: Claim<'_>) -> Finding {
    let location = match &claim.place {
        Place::Layer(location) => Location::clone(location),
        _ => Location::None,
    };
    let mut finding = finding_at(None, report, claim, (location, String::new()));
    // A finding at a file of an image is about that file.
    if let Location::Layer { path, .. } = &finding.location {
        let holder = Arc::new(finding.subject);
        finding.subject = Subject::File { holder, path: path.clone() };
    }
    finding
}

fn finding_at(
    world: Option<&World>,
    report: &Report<'_>,
    mut claim: Claim<'_>,
    (location, stable_path): (Location, String),
) -> Finding {
    let rule = report.rule;
    if claim.rare().detail.programs.is_empty() && !report.programs.is_empty() {
        claim.rare_mut().detail.programs.clone_from(&report.programs);
    }
    let (related, vulnerability, detail) = match claim.take_rare() {
        Some(Rare { related, vulnerability, detail, .. }) => {
            (related, vulnerability, detail.boxed())
        }
        None => Default::default(),
    };
    Finding {
        rule: rule.clone(),
        state: claim.state,
        severity: claim.severity.unwrap_or(rule.severity),
        confidence: claim.confidence.unwrap_or(rule.confidence),
        world: world.map(|world| Arc::clone(world.name())),
        subject: report.subject.clone(),
        owner: None,
        location,
        related: related.into_iter().map(public_place).collect(),
        workloads: None,
        vulnerability,
        message: masked(claim.message),
        advice: masked(claim.advice),
        stable_path,
        instance: claim.instance,
        fix: None,
        detail,
        members: Vec::new(),
    }
}

/// Returns a text with its secrets masked. All texts derived from the input go through here or
/// through [`public`], so that outputs need not handle secrets. Only source lines are masked where
/// they are rendered.
fn masked(text: String) -> String {
    if text.is_empty() {
        return text;
    }
    match mask(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(masked) => masked,
    }
}

/// Whether a path consists of field names and short names, which cannot be secrets.
fn is_plain(path: &str) -> bool {
    let is_short = |part: &str| {
        let is_field = part.starts_with(|c: char| c.is_ascii_lowercase()) && part.len() <= 40;
        let letters = |b: u8| b.is_ascii_alphabetic();
        let name = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        is_field && part.bytes().all(letters) || part.len() < 16 && part.bytes().all(name)
    };
    path.split(['.', '[', ']']).all(|part| {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        // The text after a second `=` may be the value of a setting.
        is_short(key) && is_short(value)
    })
}

fn public_place(related: Related) -> Related {
    let label = match related.label {
        Cow::Owned(label) => Cow::Owned(masked(label)),
        own => own,
    };
    Related { label, ..related }
}

/// Masks secrets in a note: errors of parsers and programs quote their input.
pub fn public(note: Note) -> Note {
    Note { message: masked(note.message), remedy: masked(note.remedy), ..note }
}

/// Converts the changes of a claim to edits of its document. `None` if one of them cannot be
/// converted.
fn fix(claim: &Claim<'_>) -> Option<Box<Fix>> {
    let changes = &claim.rare().changes;
    let Place::At(first, _) = &changes.first()?.place else { return None };
    let doc = first.doc();
    let amendments: Option<_> = changes.iter().map(|change| change.amendment(doc)).collect();
    Some(Box::new(Fix { doc: doc.clone(), amendments: amendments? }))
}

fn locate(
    world: &World,
    object: Option<&Object>,
    place: &Place<'_>,
    paths: &mut Paths,
) -> (Location, String) {
    let none = (Location::None, String::new());
    let Some(span) = place.span() else { return none };
    let (value, missing) = match place {
        Place::At(value, missing) => (value, &**missing),
        Place::Bytes(value, _) => (value, ""),
        Place::Layer(_) | Place::Nowhere => return none,
    };
    let root = match object {
        Some(object) if std::ptr::eq(object.doc(), value.doc()) => object.value(),
        _ => value.doc().root(),
    };
    let Path { shown, stable } = paths.of(root, *value);
    let (path, stable) = (joined(shown, missing), joined(stable, missing));
    let path = if is_plain(&path) { path } else { masked(path) };
    if !world.is_live() {
        return (Location::Text { source: value.doc().source().clone(), span, path }, stable);
    }
    if let Some(written) = object.and_then(|object| world.written(object.id())) {
        let (found, lacking) = counterpart(root, *value, written.value());
        let place = Place::At(found, joined(lacking, missing).into());
        if let Some(span) = place.span() {
            return (Location::Text { source: found.doc().source().clone(), span, path }, stable);
        }
    }
    let value = value.scalar_text().filter(|_| missing.is_empty());
    let value = value.map(|value| mask_field(&path, &value).into_owned());
    (Location::Field { path, value }, stable)
}

/// Returns a path with the names of missing fields appended.
fn joined(path: String, missing: &str) -> String {
    match (path.as_str(), missing) {
        (_, "") => path,
        ("", missing) => missing.to_owned(),
        (path, missing) => format!("{path}.{missing}"),
    }
}
