//! `secrets`: compares secrets found in texts with gitleaks' rules.
//!
//! The verdicts are per rule: `secrets.toml` maps each to a name here, or gives the reason why it
//! is out of scope. Loading the rules themselves would only test a regex engine. Recall and silence
//! must each be met: expected secrets are found, and nothing else is.
//!
//! Intended differences:
//! - `jwt`: random letters after `ey` are not JSON, so not a token (RFC 7519).
//! - `snyk-api-token`, `sonar-api-token`: `12345678-ABCD-…` and `12345678ABCDEFH…` are made up.
//! - `discord-client-secret`: 32 digits are a number.
//! - `sidekiq-secret`: `cafebabe:deadbeef` under a name that is not specific.
//! - `curl-auth-header`, `curl-auth-user`: an empty password, a scheme `Token`.
//! - `cloudflare-global-api-key`, `cisco-meraki-api-key`, `nuget-config-password`,
//!   `hashicorp-tf-password`, `generic-api-key`: the name says secret and the value looks like one,
//!   of any length.
//!
//! Cases of detect-secrets are counted separately: per line, without its plugins for entropy and
//! addresses.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};
use pavisade_secrets::{Found, Syntax, find_in_text, find_in_words};
use serde::Deserialize;

use super::Outcome;

/// The number of cases in the shared half, and of those in scope.
const ALL: usize = 3_250;
const IN_SCOPE: usize = 3_038;
/// The minimum for both recall and silence.
const LEAST: f64 = 0.95;

#[derive(Deserialize)]
struct Map {
    /// Rules out of scope, with the reason.
    out: BTreeMap<String, String>,
    rules: BTreeMap<String, Ours>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Ours {
    forms: Vec<String>,
    names: Vec<String>,
    words: bool,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    rule: String,
    text: String,
    want: bool,
}

#[derive(Deserialize)]
struct Line {
    plugin: String,
    text: String,
    want: bool,
    #[serde(default)]
    ext: Option<String>,
}

pub(super) fn run(folder: &Path) -> anyhow::Result<Outcome> {
    let map: Map = toml::from_str(include_str!("secrets.toml")).context("reading secrets.toml")?;
    let read = |name: &str| {
        let path = folder.join(name);
        fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
    };
    let mut outcome = Outcome::default();
    // Agreed and total cases, for expected and unexpected secrets.
    let mut counts = [(0_usize, 0_usize); 2];
    let text = read("gitleaks.jsonl")?;
    for line in text.lines() {
        let case: Case = serde_json::from_str(line)?;
        if map.out.contains_key(&case.rule) {
            outcome.left_out += 1;
            continue;
        }
        let ours = map.rules.get(&case.rule);
        let ours = ours.with_context(|| format!("secrets.toml does not name `{}`", case.rule))?;
        let (found, told) = ours.find(&case.text);
        let agreed = found == case.want;
        let (right, all) = &mut counts[usize::from(!case.want)];
        (*right, *all) = (*right + usize::from(agreed), *all + 1);
        outcome.count(agreed, || {
            let wanted = if case.want { "found" } else { "silent" };
            let shown: String = case.text.chars().take(60).collect();
            format!("{}: wanted {wanted}, we say [{}]: {shown:?}", case.id, told.join(", "))
        });
    }
    for (name, (right, all)) in ["recall", "silence"].into_iter().zip(counts) {
        println!("{name}: {right} of {all}");
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 cases")]
        let share = right as f64 / all.max(1) as f64;
        ensure!(share >= LEAST, "{name} is {share:.4}, below {LEAST}");
    }
    // The scope must not shrink unnoticed.
    let cases = outcome.total + outcome.left_out;
    ensure!(cases != ALL || outcome.total == IN_SCOPE, "{} cases in scope", outcome.total);
    apart(&read("detect-secrets.jsonl")?)?;
    Ok(outcome)
}

impl Ours {
    /// Returns whether a secret of the rule is found, and all that is found.
    fn find(&self, text: &str) -> (bool, Vec<String>) {
        let (mut found, mut told) = (false, Vec::new());
        let mut add = |name: &str, what: Found, of_words: bool| {
            let by_form = self.forms.iter().any(|form| form == what.what());
            let name_of = name.to_ascii_lowercase();
            let by_name = !matches!(what, Found::Form(_))
                && self.names.iter().any(|word| name_of.contains(word.as_str()));
            found |= if of_words { self.words } else { by_form || by_name };
            told.push(format!("{} {name}", what.what()).trim_end().to_owned());
        };
        for hit in find_in_text(text, Syntax::Settings) {
            add(hit.name, hit.found, false);
        }
        if self.words {
            find_in_words(&["sh", "-c", text], &mut |_, name, what| add(name, what, true));
        }
        (found, told)
    }
}

/// Counts detect-secrets' lines by whether anything is found, since its plugins have no
/// counterpart.
fn apart(text: &str) -> anyhow::Result<()> {
    let (mut agreed, mut all) = (0, 0);
    for line in text.lines() {
        let case: Line = serde_json::from_str(line)?;
        if matches!(&*case.plugin, "Base64HighEntropyString" | "HexHighEntropyString" | "IPPublic")
        {
            continue;
        }
        let name =
            format!("file.{}", case.ext.as_deref().unwrap_or("yaml").trim_start_matches('.'));
        let found = !find_in_text(&case.text, Syntax::of(&name, &case.text)).is_empty();
        all += 1;
        agreed += usize::from(found == case.want);
    }
    println!("detect-secrets, apart: {agreed} of {all}");
    Ok(())
}
