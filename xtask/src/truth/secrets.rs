//! `secrets`: what gitleaks' rules find in texts, beside what we find.
//!
//! Their verdicts are per rule: `secrets.toml` maps each to what we call it, and names with a reason
//! those that are out of scope. Loading their rules would test an engine only. Both must hold by
//! themselves: that what is wanted is found (recall), and that what is not wanted is not (silence).
//!
//! Where we differ, and stay:
//! - `jwt`: random letters behind `ey` are no JSON, so no token (RFC 7519).
//! - `snyk-api-token`, `sonar-api-token`: `12345678-ABCD-…` and `12345678ABCDEFH…` are made up.
//! - `discord-client-secret`: 32 digits are a number.
//! - `sidekiq-secret`: `cafebabe:deadbeef` under a name that says nothing.
//! - `curl-auth-header`, `curl-auth-user`: a password that is empty, a scheme `Token`.
//! - `cloudflare-global-api-key`, `cisco-meraki-api-key`, `nuget-config-password`,
//!   `hashicorp-tf-password`, `generic-api-key`: a name says secret and the value looks like one, of
//!   whatever length.
//!
//! Cases of detect-secrets are counted apart: per line, without its plugins of entropy and addresses.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};
use pavisade_secrets::{Found, Syntax, find_in_text, find_in_words};
use serde::Deserialize;

use super::Outcome;

/// Cases of the shared half, all and those in scope.
const ALL: usize = 3_250;
const IN_SCOPE: usize = 3_038;
/// Of what is wanted, and of what is not.
const LEAST: f64 = 0.95;

#[derive(Deserialize)]
struct Map {
    /// Rules that are out of scope, and why.
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
    // Agreed and all, of what is wanted and of what is not.
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
    // The scope cannot shrink unseen.
    let cases = outcome.total + outcome.left_out;
    ensure!(cases != ALL || outcome.total == IN_SCOPE, "{} cases in scope", outcome.total);
    apart(&read("detect-secrets.jsonl")?)?;
    Ok(outcome)
}

impl Ours {
    /// Whether something is found that says what the rule says, and all that is found.
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

/// detect-secrets' lines, by whether anything is found: its plugins are no rules of ours.
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
