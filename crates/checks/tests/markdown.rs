//! Every check's Markdown test, and what must be true of all checks.
//!
//! A test file `tests/AREA/NAME.md` holds fenced YAML blocks below headings that begin with
//! `Found`, `Silent`, `Tricky` or `Unknown`. Each block is a world of its own. A comment
//! `# finding: NAME` (or `# unknown: NAME`) beside a line says that the check must report that
//! very line; where a finding has no place, the comment stands alone as `# finding-nowhere: NAME`.
//! Nothing else may be reported by the check. Words after the language set the scene:
//! `kubernetes=1.30`, `coverage=complete|partial|forbidden`, `world=chart|cluster`,
//! `now=2026-11-25T00:00:00Z`, `confidence=low|medium|high` (of all that is reported),
//! `parameters={"allowed":["a"]}` (JSON without blanks). A block of language `image` is an image
//! (`worlds/image.rs`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use pavisade_checks::{Catalog, CheckSet, Claim, Timestamp, Verdict};
use pavisade_model::{Confidence, KubernetesVersion, State};
use pavisade_snapshot::Snapshot;
use pavisade_yaml::Source;

use crate::worlds::{Block, blocks, files, image, root, world};

/// What is to be reported: line (0 for nowhere) and whether it is unknown.
type Reported = BTreeMap<(usize, State), usize>;

fn expected(block: &Block, name: &str) -> Reported {
    let mut reported = Reported::new();
    for (index, line) in block.text.lines().enumerate() {
        for (mark, state, nowhere) in [
            ("# finding: ", State::Fails, false),
            ("# unknown: ", State::Unknown, false),
            ("# finding-nowhere: ", State::Fails, true),
            ("# unknown-nowhere: ", State::Unknown, true),
        ] {
            let Some(at) = line.find(mark) else { continue };
            let names = line[at + mark.len()..].split("# ").next().unwrap_or("");
            let count = names.split([',', ' ']).filter(|n| *n == name).count();
            if count > 0 {
                *reported.entry((if nowhere { 0 } else { index + 1 }, state)).or_default() += count;
            }
        }
    }
    reported
}

fn reported(block: &Block, name: &str) -> Result<(Reported, String), String> {
    let source = Source::new("test.yaml", block.text.as_str());
    let image = image(block).transpose()?;
    let worlds = if image.is_some() { Vec::new() } else { vec![world(block, &source)?] };
    let snapshot = Snapshot::new(worlds, Vec::new());
    let version = match block.settings.get("kubernetes") {
        Some(version) => version.parse()?,
        None => KubernetesVersion::LATEST,
    };
    let mut parameters = HashMap::new();
    if let Some(json) = block.settings.get("parameters") {
        parameters.insert(name.to_owned(), serde_json::from_str(json).map_err(|e| e.to_string())?);
    }
    let now = match block.settings.get("now") {
        Some(now) => now.parse().map_err(|_| format!("`{now}` is no time"))?,
        None => Timestamp::UNIX_EPOCH,
    };
    let set =
        CheckSet::new(&Catalog::builtin(), version, |meta| meta.rule.name == name, &parameters)
            .map_err(|error| error.message)?;
    let (mut reported, mut messages) = (Reported::new(), String::new());
    let wanted = block.settings.get("confidence");
    let mut unlike = None;
    let mut claim = |claim: &Claim<'_>, own: Confidence| {
        let line = claim.place.span().map_or(0, |span| source.line_column(span.start).0 as usize);
        let _ = writeln!(messages, "    line {line}: {:?}: {}", claim.state, claim.message);
        *reported.entry((line, claim.state)).or_default() += 1;
        let confidence = claim.confidence.unwrap_or(own).name();
        if wanted.is_some_and(|wanted| *wanted != confidence) {
            unlike = Some(format!("line {line} is of {confidence} confidence"));
        }
    };
    let mut out = |report: pavisade_checks::Report<'_>| {
        if let Verdict::Fails(claims) | Verdict::Unknown(claims) = report.verdict {
            claims.iter().for_each(|c| claim(c, report.rule.confidence));
        }
    };
    for world in snapshot.worlds() {
        for object in world.objects() {
            set.judge_object(world, object, now, &mut out);
        }
        set.judge_world(world, now, &mut out);
    }
    if let Some(image) = &image {
        set.judge_image(image, now, &mut out);
    }
    unlike.map_or(Ok((reported, messages)), Err)
}

fn test_file(path: &Path, name: &str) -> Vec<String> {
    let markdown = fs::read_to_string(path).unwrap();
    let mut problems = Vec::new();
    let mut headings = BTreeMap::<&str, usize>::new();
    for block in blocks(&markdown) {
        let place = format!("{}:{} ({})", path.display(), block.line, block.heading);
        let expected = expected(&block, name);
        let Some(kind) = ["Found", "Silent", "Tricky", "Unknown"]
            .into_iter()
            .find(|kind| block.heading.starts_with(kind))
        else {
            problems.push(format!("{place}: heading is none of Found, Silent, Tricky, Unknown"));
            continue;
        };
        *headings.entry(kind).or_default() += 1;
        if kind == "Found" && !expected.keys().any(|(_, state)| *state == State::Fails) {
            problems.push(format!("{place}: nothing is expected to be found"));
        }
        if kind == "Silent" && !expected.is_empty() {
            problems.push(format!("{place}: a silent block expects something"));
        }
        match reported(&block, name) {
            Ok((reported, _)) if reported == expected => {}
            Ok((reported, messages)) => problems.push(format!(
                "{place}:\n  expected {expected:?}\n  reported {reported:?}\n{messages}"
            )),
            Err(error) => problems.push(format!("{place}: {error}")),
        }
    }
    for kind in ["Found", "Silent", "Tricky"] {
        if !headings.contains_key(kind) {
            problems.push(format!("{}: no block below a heading `{kind}`", path.display()));
        }
    }
    problems
}

#[test]
fn markdown_tests_pass() {
    let tests = files(&root().join("tests"), "md");
    let mut problems = Vec::new();
    for entry in Catalog::builtin().entries() {
        // There is no YAML of advisories: what is about them is tested in facts.rs.
        if entry.meta().facts.contains(&pavisade_model::Fact::Vulnerabilities) {
            continue;
        }
        match tests.get(&*entry.rule().name) {
            Some(path) => problems.extend(test_file(path, &entry.rule().name)),
            None => problems.push(format!("{} has no Markdown test", entry.rule().name)),
        }
    }
    let catalog = Catalog::builtin();
    let names: BTreeSet<_> = catalog.names().map(|(_, name)| name).collect();
    let orphans = tests.keys().filter(|name| !names.contains(name.as_str()));
    problems.extend(orphans.map(|name| format!("the test of `{name}` belongs to no check")));
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_check_file_is_in_the_registry_under_its_own_name() {
    let catalog = Catalog::builtin();
    let names: BTreeSet<_> = catalog.names().map(|(_, name)| name).collect();
    let with_check: Vec<_> = files(&root().join("src"), "rs")
        .into_iter()
        .filter(|(_, path)| fs::read_to_string(path).unwrap().contains("#[check("))
        .map(|(name, _)| name)
        .collect();
    let missing: Vec<_> = with_check.iter().filter(|n| !names.contains(n.as_str())).collect();
    assert!(missing.is_empty(), "not in the registry: {missing:?}");
    assert_eq!(with_check.len(), names.len(), "one file, one check");
}

#[test]
fn ids_and_names_are_unique_and_in_order() {
    let catalog = Catalog::builtin();
    let ids: Vec<_> = catalog.names().map(|(id, _)| id).collect();
    let areas = ["PV-C", "PV-I", "PV-N", "PV-S", "PV-D", "PV-O"];
    let rank = |id: &str| (areas.iter().position(|a| id.starts_with(a)), id.to_owned());
    let mut sorted = ids.clone();
    sorted.sort_by_key(|id| rank(id));
    sorted.dedup();
    assert_eq!(ids, sorted);
    let names: BTreeSet<_> = catalog.names().map(|(_, name)| name).collect();
    assert_eq!(names.len(), ids.len());
    assert!(ids.iter().all(|id| rank(id).0.is_some()));
}

#[test]
fn defaults_build_every_check() {
    let catalog = Catalog::builtin();
    let all = CheckSet::new(&catalog, KubernetesVersion::LATEST, |_| true, &HashMap::new());
    assert_eq!(all.unwrap().metas().len(), catalog.entries().len());
    let of_objects = catalog.entries().iter().filter(|entry| !entry.meta().needs_images());
    assert_eq!(CheckSet::all(KubernetesVersion::LATEST).metas().len(), of_objects.count());
}
