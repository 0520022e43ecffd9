//! `cargo xtask differential`: compares kubectl and Pavisade on generated texts.
//!
//! Texts are generated from the cases of `yaml-values` and the fragments below with a seed, so that
//! a difference can be reproduced. kubectl takes about 60 ms per text.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::ensure;
use serde_json::Value;

use crate::kubectl::{canonical, objects_of_text};
use crate::ours::as_kubectl;
use crate::random::Random;
use crate::shared::shared;
use crate::tools::tool;

/// Arguments of `cargo xtask differential`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The number of texts.
    #[arg(long, default_value_t = 1000)]
    cases: u32,
    /// The seed of the generator.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Fragments of texts: indicators, blanks, unusual scalars, every kind of quoting.
const FRAGMENTS: &[&str] = &[
    " ",
    "  ",
    "\t",
    "\n",
    "\r\n",
    "\r",
    "\n  ",
    "\n    ",
    "\n\n",
    "- ",
    "-",
    "? ",
    "?",
    ": ",
    ":",
    ",",
    "[",
    "]",
    "{",
    "}",
    "#",
    " # c",
    "&a ",
    "*a",
    "&b",
    "*b ",
    "!",
    "!!str ",
    "!!int ",
    "!!float ",
    "!!binary ",
    "!x ",
    "!<y> ",
    "|",
    "|-",
    "|+",
    "|2",
    ">",
    ">-",
    ">+1",
    "'",
    "''",
    "\"",
    "\\\"",
    "\\n",
    "\\x41",
    "\\\n",
    "\\q",
    "%",
    "%YAML 1.1\n",
    "@",
    "`",
    "---",
    "\n---\n",
    "\n--- # c\n",
    "--- a",
    "\n...\n",
    "...",
    "<<: ",
    "<<: *a",
    "<<: [*a, *b]",
    "\"<<\": ",
    "~",
    "null",
    "y",
    "Yes",
    "off",
    "014",
    "0o7",
    "0x1F",
    "0b11",
    "1_000",
    "1e3",
    ".5",
    "5.",
    "1.10",
    ".inf",
    "-.INF",
    ".nan",
    "08",
    "1:30",
    "2001-01-01",
    "=",
    "é",
    "\u{2028}",
    "\u{85}",
    "\u{feff}",
    "\u{a0}",
    "v: 1",
    "w: x y",
    "a: {b: c}",
    "a: &a {b: c}",
    "b: &b [1, 2]",
    "- a",
    "items: ",
    "kind: List\n",
    "metadata: {name: a}",
    "{\"a\": 1}",
    "\"a\": 1",
    "[a, b]",
    "{a: }",
    "{a:}",
    "[a, ]",
    "{? a}",
    "x: |\n   a\n  b\n",
    "x: >\n  a\n\n   b\n  c\n",
    "x: 'a\n  b'",
    "x: \"a\n  b\\\n  c\"",
    "x: a\n  b\n  # c\n",
];

const HEAD: &str = "apiVersion: x.y/v1\nkind: K\nmetadata: {name: a}\n";

/// Compares generated texts; fails if any differs.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    soak(args.cases, args.seed)
}

/// Compares `cases` texts, starting at `seed`.
pub(crate) fn soak(cases: u32, seed: u64) -> anyhow::Result<()> {
    compare(&tool("kubectl")?, cases, seed)
}

fn compare(kubectl: &Path, cases: u32, seed: u64) -> anyhow::Result<()> {
    let mut seeds = vec![HEAD.to_owned()];
    if let Some(path) = shared("truth/yaml-values.jsonl") {
        for line in fs::read_to_string(path)?.lines() {
            let case: Value = serde_json::from_str(line)?;
            seeds.extend(case["input"].as_str().map(str::to_owned));
        }
    }
    let (next, agreed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let cases = cases as usize;
    let work = || -> anyhow::Result<()> {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= cases {
                return Ok(());
            }
            let text = Generator(Random(seed.wrapping_add(index as u64))).text(&seeds);
            let theirs = objects_of_text(kubectl, text.as_bytes())?;
            let ours = as_kubectl(&text)?;
            let want = (canonical(&Value::Array(theirs.objects)), theirs.error.is_some());
            let got = (canonical(&Value::Array(ours.objects)), ours.refused);
            if want == got {
                agreed.fetch_add(1, Ordering::Relaxed);
            } else {
                let error = theirs.error.unwrap_or_default();
                println!("{text:?}\n  want {want:?} {error}\n  got  {got:?}");
            }
        }
    };
    std::thread::scope(|scope| {
        let workers = [scope.spawn(work), scope.spawn(work)];
        for worker in workers {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        anyhow::Ok(())
    })?;
    let agreed = agreed.into_inner();
    println!("agreed {agreed} of {cases}");
    ensure!(agreed == cases, "{} texts differ", cases - agreed);
    Ok(())
}

struct Generator(Random);

impl Generator {
    fn text(&mut self, seeds: &[String]) -> String {
        let mut text = match self.0.below(4) {
            0 => HEAD.to_owned() + "v: ",
            _ => self.0.pick(seeds).clone(),
        };
        for _ in 0..=self.0.below(5) {
            let fragment = *self.0.pick(FRAGMENTS);
            // Mostly after the header, where the values are.
            let from = if self.0.below(5) > 0 && text.len() > HEAD.len() { HEAD.len() } else { 0 };
            let mut at = from + self.0.below(text.len() - from + 1);
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            match self.0.below(6) {
                0 => {
                    let mut end = (at + 1 + self.0.below(4)).min(text.len());
                    while !text.is_char_boundary(end) {
                        end += 1;
                    }
                    text.replace_range(at..end, "");
                }
                1 => text.push_str(fragment),
                _ => text.insert_str(at, fragment),
            }
        }
        text
    }
}
