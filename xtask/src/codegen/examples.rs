//! The examples of a check page, and its links into the Kubernetes documentation.
//!
//! The examples are blocks of the Markdown test of the check: the first one below a heading `Found`,
//! and the one below `Silent` that resembles it most. Checks for images, whose tests are not files that
//! a user writes, have theirs in `examples.toml`. Links are in `links.toml`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use pavisade_model::Rule;
use serde::Deserialize;

use crate::shared::root;

/// The longest example: where all blocks are longer, the shortest one is shown.
const LONGEST: usize = 40;

/// Parts of check pages that do not come from the check itself.
pub(super) struct Extras {
    pages: Vec<Page>,
    written: Vec<Written>,
}

#[derive(Deserialize)]
struct Links {
    pages: Vec<Page>,
}

/// A page of the Kubernetes documentation, and the checks whose pages link to it.
#[derive(Deserialize)]
struct Page {
    title: String,
    path: String,
    /// Whether the path is outside the documentation section of the site.
    #[serde(default)]
    site: bool,
    checks: Vec<String>,
}

#[derive(Deserialize)]
struct Examples {
    examples: Vec<Written>,
}

/// A pair of examples that no test contains.
#[derive(Deserialize)]
struct Written {
    check: String,
    language: String,
    bad: String,
    good: String,
}

struct Block {
    heading: String,
    language: String,
    text: String,
}

impl Extras {
    pub(super) fn read() -> anyhow::Result<Self> {
        let Links { pages } = toml::from_str(include_str!("links.toml"))?;
        let Examples { examples } = toml::from_str(include_str!("examples.toml"))?;
        Ok(Self { pages, written: examples })
    }

    /// The sections `Examples` and `Kubernetes documentation` of a check page.
    pub(super) fn of(&self, rule: &Rule) -> anyhow::Result<String> {
        let mut text = self.examples(rule)?;
        let pages: Vec<_> =
            self.pages.iter().filter(|p| p.checks.iter().any(|c| *c == *rule.name)).collect();
        ensure!(!pages.is_empty(), "no page in links.toml is about `{}`", rule.name);
        text.push_str("\n## Kubernetes documentation\n\n");
        for Page { title, path, site, .. } in pages {
            let docs = if *site { "" } else { "docs/" };
            let _ = writeln!(text, "- [{title}](https://kubernetes.io/{docs}{path})");
        }
        Ok(text)
    }

    fn examples(&self, rule: &Rule) -> anyhow::Result<String> {
        if let Some(written) = self.written.iter().find(|w| w.check == *rule.name) {
            let Written { language, bad, good, .. } = written;
            return Ok(section(language, bad, language, good));
        }
        let file = test_of(&rule.name)?;
        let test =
            fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        let blocks = blocks(&test);
        let of = |kind: &str| -> Vec<&Block> {
            blocks.iter().filter(|b| b.heading.starts_with(kind)).collect()
        };
        let lines = |block: &Block| block.text.lines().count();
        let found = of("Found");
        let bad = found.iter().find(|b| lines(b) <= LONGEST);
        let bad = bad.or_else(|| found.iter().min_by_key(|b| lines(b)));
        let bad = bad.with_context(|| format!("{} has no example", rule.name))?;
        // The example most similar to the bad one: the same kinds, and not much longer.
        let wanted = kinds(&bad.text);
        let good = of("Silent").into_iter().max_by_key(|block| {
            let same = kinds(&block.text).intersection(&wanted).count();
            (same, std::cmp::Reverse(lines(block)))
        });
        let good = good.with_context(|| format!("{} has no good example", rule.name))?;
        let name = &rule.name;
        Ok(section(
            &bad.language,
            &shown(&bad.text, name),
            &good.language,
            &shown(&good.text, name),
        ))
    }
}

/// The Markdown test of a check, in the directory of its area.
fn test_of(name: &str) -> anyhow::Result<PathBuf> {
    let file = format!("{}.md", name.replace('-', "_"));
    for area in fs::read_dir(root().join("crates/checks/tests"))? {
        let path = area?.path().join(&file);
        if path.is_file() {
            return Ok(path);
        }
    }
    bail!("{name} has no Markdown test")
}

fn section(bad_language: &str, bad: &str, good_language: &str, good: &str) -> String {
    format!(
        "\n## Examples\n\nReported:\n\n```{bad_language}\n{}\n```\n\nNot reported:\n\n\
         ```{good_language}\n{}\n```\n",
        bad.trim_end(),
        good.trim_end()
    )
}

/// Returns the text of a test without the marks of other checks; `# reported` marks the line of a
/// finding.
fn shown(text: &str, name: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let marks = ["# finding: ", "# unknown: ", "# finding-nowhere: ", "# unknown-nowhere: "];
        let at = marks.iter().filter_map(|mark| line.find(mark)).min();
        let Some(at) = at else {
            out.push_str(line);
            out.push('\n');
            continue;
        };
        let (before, mark) = line.split_at(at);
        if before.trim().is_empty() {
            continue;
        }
        let mark = mark.strip_prefix("# finding: ").unwrap_or("");
        let is_reported = mark.split([',', ' ']).any(|word| word == name);
        out.push_str(before.trim_end());
        out.push_str(if is_reported { "  # reported\n" } else { "\n" });
    }
    out
}

fn kinds(text: &str) -> BTreeSet<&str> {
    text.lines().filter_map(|line| line.trim().strip_prefix("kind: ")).collect()
}

fn blocks(markdown: &str) -> Vec<Block> {
    let (mut blocks, mut heading) = (Vec::new(), String::new());
    let mut lines = markdown.lines();
    while let Some(line) = lines.next() {
        if let Some(title) = line.strip_prefix("## ") {
            title.clone_into(&mut heading);
        } else if let Some(info) = line.strip_prefix("```") {
            let language = info.split(' ').next().unwrap_or("").to_owned();
            let body: Vec<_> = lines.by_ref().take_while(|line| !line.starts_with("```")).collect();
            blocks.push(Block { heading: heading.clone(), language, text: body.join("\n") });
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use pavisade_checks::Catalog;

    use super::*;

    #[test]
    fn every_check_has_examples_and_a_link() {
        let extras = Extras::read().unwrap();
        for entry in Catalog::builtin().entries() {
            let text = extras.of(entry.rule()).unwrap();
            assert!(text.contains("https://kubernetes.io/"), "{text}");
            assert!(!text.contains("# finding"), "{text}");
        }
        let catalog = Catalog::builtin();
        let names: BTreeSet<_> = catalog.names().map(|(_, name)| name).collect();
        for page in &extras.pages {
            for check in &page.checks {
                assert!(names.contains(check.as_str()), "links.toml: no check `{check}`");
            }
        }
    }

    #[test]
    fn only_the_finding_of_the_check_is_marked() {
        let text = "a: 1  # finding: host-port\nb: 2  # finding: other, host-port\nc: 3  # unknown: x\n# finding-nowhere: host-port\n";
        assert_eq!(shown(text, "host-port"), "a: 1  # reported\nb: 2  # reported\nc: 3\n");
        assert_eq!(shown(text, "other"), "a: 1\nb: 2  # reported\nc: 3\n");
    }
}
