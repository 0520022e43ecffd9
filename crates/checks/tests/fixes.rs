//! Fixes over all Markdown tests: a claim that says how it is fixed is gone afterwards, nothing
//! else is found instead, and a check says of itself truly whether it is fixable.

use std::collections::{BTreeMap, HashMap};
use std::fs;

use pavisade_checks::{Catalog, CheckSet, Place, Report, Timestamp, Verdict};
use pavisade_model::{Fixable, KubernetesVersion, State};
use pavisade_snapshot::Snapshot;
use pavisade_yaml::{Amendment, Doc, Source, amend};

use crate::worlds::{Block, blocks, files, root, world};

/// What fails: check, object and container, message; and how often.
type Failing = BTreeMap<(String, String, String), usize>;

/// A claim that says how it is fixed.
struct Fixing {
    key: (String, String, String),
    doc: Doc,
    amendments: Vec<Amendment>,
}

struct Scene {
    set: CheckSet,
    now: Timestamp,
}

impl Scene {
    /// All checks, the one whose test it is with the block's parameters.
    fn of(block: &Block, name: &str) -> Self {
        let version = block.settings.get("kubernetes").map(|v| v.parse().unwrap());
        let json = block.settings.get("parameters").map(|json| serde_json::from_str(json).unwrap());
        let parameters: HashMap<_, _> =
            json.into_iter().map(|json| (name.to_owned(), json)).collect();
        let set = CheckSet::new(
            &Catalog::builtin(),
            version.unwrap_or(KubernetesVersion::LATEST),
            |_| true,
            &parameters,
        );
        let now = block.settings.get("now").map(|now| now.parse().unwrap());
        Self { set: set.map_err(|e| e.message).unwrap(), now: now.unwrap_or(Timestamp::UNIX_EPOCH) }
    }

    fn judge(&self, block: &Block, text: &str) -> Result<(Failing, Vec<Fixing>), String> {
        let source = Source::new("test.yaml", text);
        let snapshot = Snapshot::new(vec![world(block, &source)?], Vec::new());
        let (mut failing, mut fixing) = (Failing::new(), Vec::new());
        let mut out = |report: Report<'_>| {
            let Verdict::Fails(claims) = &report.verdict else { return };
            for claim in claims.iter().filter(|claim| claim.state == State::Fails) {
                let subject =
                    format!("{} {:?}", report.subject.label(), report.subject.container());
                let key = (report.rule.name.to_string(), subject, claim.message.clone());
                *failing.entry(key.clone()).or_default() += 1;
                let Some(Place::At(first, _)) = claim.rare().changes.first().map(|c| &c.place)
                else {
                    assert!(claim.rare().changes.is_empty(), "{key:?}: a change without a place");
                    continue;
                };
                let doc = first.doc();
                let changes = claim.rare().changes.iter();
                let amendments = changes.map(|c| c.amendment(doc).unwrap()).collect();
                fixing.push(Fixing { key, doc: doc.clone(), amendments });
            }
        };
        for world in snapshot.worlds() {
            for object in world.objects() {
                self.set.judge_object(world, object, self.now, &mut out);
            }
            self.set.judge_world(world, self.now, &mut out);
        }
        Ok((failing, fixing))
    }
}

#[test]
fn a_fixed_claim_is_gone_and_nothing_comes_instead() {
    let tests = files(&root().join("tests"), "md");
    let (mut problems, mut fixed) = (Vec::new(), BTreeMap::<String, usize>::new());
    for (name, path) in &tests {
        for block in blocks(&fs::read_to_string(path).unwrap()) {
            let place = format!("{}:{} ({})", path.display(), block.line, block.heading);
            let scene = Scene::of(&block, name);
            let Ok((before, fixing)) = scene.judge(&block, &block.text) else { continue };
            for Fixing { key, doc, amendments } in fixing {
                let amended = amend(&doc, &[amendments]);
                let span = doc.span();
                let mut text = doc.source().text().to_owned();
                text.replace_range(span.start as usize..span.end as usize, &amended.text);
                if let Err(why) = &amended.made[0] {
                    problems.push(format!("{place}: {key:?} was not made: {why}"));
                    continue;
                }
                let (after, _) = match scene.judge(&block, &text) {
                    Ok(after) => after,
                    Err(why) => {
                        problems
                            .push(format!("{place}: {key:?} leaves what cannot be read: {why}"));
                        continue;
                    }
                };
                let count = |failing: &Failing, key| failing.get(key).copied().unwrap_or(0);
                if count(&after, &key) >= count(&before, &key) {
                    problems.push(format!("{place}: {key:?} is still there in\n{text}"));
                }
                // A message names what it is about: the same finding may say it in other words.
                let of = |failing: &Failing, key: &(String, String, String)| {
                    let same =
                        |(k, _): &(&(String, String, String), &usize)| k.0 == key.0 && k.1 == key.1;
                    failing.iter().filter(same).map(|(_, n)| *n).sum::<usize>()
                };
                let new = after.iter().filter(|(k, n)| {
                    **n > count(&before, *k) && **k != key && of(&after, k) > of(&before, k)
                });
                for (new, _) in new {
                    problems.push(format!("{place}: {key:?} gives {new:?} in\n{text}"));
                }
                *fixed.entry(key.0).or_default() += 1;
            }
        }
    }
    for entry in Catalog::builtin().entries() {
        let seen = fixed.contains_key(&*entry.rule().name);
        if seen != (entry.rule().fixable != Fixable::Never) {
            problems.push(format!(
                "{} says that it is fixed {}, and its tests show the contrary",
                entry.rule().name,
                entry.rule().fixable.name()
            ));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
