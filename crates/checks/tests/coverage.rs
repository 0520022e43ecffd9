//! What a check says of a live cluster must stay true whatever the objects say that were not read.
//!
//! Over all checks and many worlds, each taken as a cluster that was read completely: a kind that
//! a check declares is taken away, as if the right to list it were missing. What did not fail then
//! must not fail now, and what failed must not hold.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;

use pavisade_checks::{Catalog, CheckSet, Timestamp, Verdict};
use pavisade_model::{Cause, GroupKind, KubernetesVersion, State};
use pavisade_snapshot::{Coverage, Object, Snapshot, WorldKind, WorldParts};
use pavisade_yaml::Source;

use crate::worlds::{Block, blocks, files, root, world};

/// A world's name and its objects.
type Named = (String, Vec<Object>);

/// Every block of every Markdown test, and the example, each a world.
fn all() -> Vec<Named> {
    let mut found = Vec::new();
    for (name, path) in files(&root().join("tests"), "md") {
        for block in blocks(&fs::read_to_string(path).unwrap()) {
            found.extend(of_block(&format!("{name}:{} {}", block.line, block.heading), &block));
        }
    }
    let example = root().join("../../examples/shop");
    let mut objects = Vec::new();
    for (name, path) in files(&example, "yaml") {
        let text = fs::read_to_string(path).unwrap();
        let block = Block {
            heading: String::new(),
            line: 0,
            language: "yaml".to_owned(),
            settings: Default::default(),
            text,
        };
        objects.extend(of_block(&name, &block).unwrap().1);
    }
    assert!(objects.len() > 50 && found.len() > 500, "{} {}", objects.len(), found.len());
    found.push(("examples/shop".to_owned(), objects));
    found
}

fn of_block(name: &str, block: &Block) -> Option<Named> {
    let source = Source::new(name, block.text.as_str());
    let objects = world(block, &source).ok()?.objects;
    let file = |o: &Object| file_kinds().iter().any(|kind| o.is(*kind));
    Some((name.to_owned(), objects.into_iter().filter(|o| !file(o)).collect()))
}

/// Kinds that no API server holds.
fn file_kinds() -> BTreeSet<GroupKind> {
    let catalog = Catalog::builtin();
    let metas = catalog.entries().iter().map(|entry| entry.meta());
    let kinds = metas.flat_map(|meta| meta.on.iter().copied().chain(meta.reads()));
    kinds.filter(|k| k.resource.is_empty() && *k != pavisade_model::kinds::CLUSTER).collect()
}

/// What was not read of a cluster.
#[derive(Debug, Clone, Copy)]
enum Missing {
    /// No object: the right to list them is missing.
    All,
    /// Every second object: the list broke off.
    Some,
}

/// That world as a cluster, of which some kinds were not read.
fn cluster(objects: &[Object], without: &[GroupKind], missing: Missing) -> Snapshot {
    let mut parts = WorldParts::files("cluster", WorldKind::Cluster, objects.to_vec());
    parts.default_coverage = Coverage::Complete;
    for kind in file_kinds().iter().chain(without) {
        let key = (kind.group.to_owned(), kind.kind.to_owned());
        parts.coverage.insert(key.clone(), Coverage::Unread);
        parts.causes.insert(key, Cause::Forbidden { resource: kind.full_resource() });
    }
    let mut index = 0;
    parts.objects.retain(|object| {
        let hit = without.iter().any(|kind| object.is(*kind));
        index += usize::from(hit);
        !hit || matches!(missing, Missing::Some) && index % 2 == 0
    });
    Snapshot::new(vec![parts], Vec::new())
}

/// A subject: the check, the object, and its place among the check's subjects in the object.
type Key = (String, String, usize);

/// The verdict's name, and the places that fail with what was said.
type Said = (&'static str, BTreeMap<String, String>);

fn verdicts(snapshot: &Snapshot, set: &CheckSet) -> BTreeMap<Key, Said> {
    let mut said = BTreeMap::<Key, Said>::new();
    let world = &snapshot.worlds()[0];
    let mut take = |object: Option<&Object>, report: pavisade_checks::Report<'_>| {
        if let Verdict::Fails(claims) | Verdict::Unknown(claims) = &report.verdict {
            for claim in claims {
                let of_files =
                    ["these files", "this file"].iter().any(|w| claim.message.contains(w));
                assert!(!of_files, "{} in a cluster: {}", report.rule.name, claim.message);
            }
        }
        let id = object.map_or("world".to_owned(), |o| format!("{o:?} {}", o.version()));
        let mut key = (report.rule.name.to_string(), id, 0);
        while said.contains_key(&key) {
            key.2 += 1;
        }
        let name = match &report.verdict {
            Verdict::Holds => "holds",
            Verdict::Fails(_) => "fails",
            Verdict::Unknown(_) => "unknown",
            Verdict::NotApplicable => "not applicable",
        };
        let mut failing = BTreeMap::new();
        if let Verdict::Fails(claims) = &report.verdict {
            for claim in claims.iter().filter(|c| c.state == State::Fails) {
                let place = format!("{:?} {}", claim.place.span(), claim.instance);
                failing.insert(place, claim.message.clone());
            }
        }
        said.insert(key, (name, failing));
    };
    for object in world.objects() {
        set.judge_object(world, object, Timestamp::UNIX_EPOCH, &mut |r| take(Some(object), r));
    }
    set.judge_world(world, Timestamp::UNIX_EPOCH, &mut |r| take(None, r));
    said
}

/// The checks that read all of these kinds: others do not see them.
fn readers(kinds: &[GroupKind]) -> CheckSet {
    let all = CheckSet::all(KubernetesVersion::LATEST);
    let of = all.needs().filter(|needs| kinds.iter().all(|kind| needs.reads.contains(kind)));
    let ids: BTreeSet<_> = of.map(|needs| needs.rule.id.to_string()).collect();
    let set = CheckSet::new(
        &Catalog::builtin(),
        KubernetesVersion::LATEST,
        |meta| ids.contains(&*meta.rule.id),
        &HashMap::new(),
    );
    set.map_err(|error| error.message).unwrap()
}

#[test]
fn a_kind_that_was_not_read_makes_no_verdict_wrong() {
    let all_checks = CheckSet::all(KubernetesVersion::LATEST);
    let kinds: BTreeSet<_> = all_checks.needs().flat_map(|needs| needs.reads).collect();
    let mut sets = HashMap::new();
    let (mut problems, mut compared) = (BTreeMap::<_, Vec<String>>::new(), 0);
    for (name, objects) in all() {
        let before = verdicts(&cluster(&objects, &[], Missing::All), &all_checks);
        let held = |kind: &&GroupKind| objects.iter().any(|object| object.is(**kind));
        let held: Vec<_> = kinds.iter().filter(held).copied().collect();
        let one = kinds.iter().map(|kind| (vec![*kind], Missing::All));
        let half = held.iter().map(|kind| (vec![*kind], Missing::Some));
        let pairs = held
            .iter()
            .enumerate()
            .flat_map(|(i, a)| held[i + 1..].iter().map(|b| (vec![*a, *b], Missing::All)));
        for (without, missing) in one.chain(half).chain(pairs) {
            let set = sets.entry(without.clone()).or_insert_with(|| readers(&without));
            for (key, (after, failing)) in verdicts(&cluster(&objects, &without, missing), set) {
                let Some((was, failed)) = before.get(&key) else { continue };
                compared += 1;
                let new = failing.keys().find(|place| !failed.contains_key(*place));
                let wrong = *was != "fails" && after == "fails"
                    || *was == "fails" && matches!(after, "holds" | "not applicable")
                    || new.is_some();
                if wrong {
                    let text = format!(
                        "{name} ({missing:?}): {key:?}: {was} {failed:?} -> {after} {failing:?}"
                    );
                    problems.entry((key.0, without.clone())).or_default().push(text);
                }
            }
        }
    }
    let problems: Vec<_> = problems
        .into_iter()
        .map(|((check, kinds), texts)| {
            format!("{check} without {kinds:?}: {} times, as in\n  {}", texts.len(), texts[0])
        })
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(compared > 20_000, "{compared}");
}
