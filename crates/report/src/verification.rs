//! The result of a signature verification: a summary, step by step, or as JSON.

use std::io::{self, Write};

use pavisade_signing::{
    Clock, Content, Identity, PREDICATES, Refused, Signer, Stage, Step, Verified,
};
use serde_json::{Value, json};

use crate::Options;
use crate::terminal::Page;
use crate::terminal::style::{DIM, GOOD, PLAIN, STRONG, severity};
use crate::text::{clean, cut};

/// The format of the JSON document, including its version.
const FORMAT: &str = "pavisade-verification-1";
/// Maximum number of refused signatures listed.
const NAMED: usize = 5;

/// The result for an artifact.
#[derive(Debug)]
pub struct Verification<'a> {
    /// The name as given by the user.
    pub target: &'a str,
    /// The digest.
    pub digest: &'a str,
    /// Valid signatures, each with its location.
    pub verified: Vec<(String, &'a Verified)>,
    /// Refused signatures, each with its location.
    pub refused: Vec<(String, &'a Refused)>,
    /// Why there may be signatures that were not looked at: sentence parts.
    pub gaps: &'a [String],
    /// Where was looked, in words: `its registry`.
    pub looked: &'a str,
    /// The trust root, as text.
    pub root: &'a str,
}

/// Writes the result for terminals. With `steps`, each step of each signature.
///
/// # Errors
/// Writing to `out` fails.
pub fn verification(
    told: &Verification<'_>,
    steps: bool,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut page = Page::new(options, out);
    let bad = severity(pavisade_model::Severity::High);
    let target = clean(told.target);
    match best(told) {
        Some(best) => {
            page.put(GOOD, "verified").put(PLAIN, ": ").put(STRONG, &target).end();
            signed(&mut page, best);
            row(&mut page, "digest", told.digest);
            row(&mut page, "says", &contents(told));
        }
        None if told.refused.is_empty() => {
            // Nobody can say of a list that is not whole what is not in it.
            let head = if told.gaps.is_empty() { "not signed" } else { "unknown" };
            page.put(bad, head).put(PLAIN, ": ").put(STRONG, &target).end();
            row(&mut page, "digest", told.digest);
            row(&mut page, "looked in", told.looked);
        }
        None => {
            page.put(bad, "not verified").put(PLAIN, ": ").put(STRONG, &target).end();
            row(&mut page, "digest", told.digest);
            for (place, refused) in told.refused.iter().take(NAMED) {
                row(&mut page, "refused", &format!("{} ({}; {place})", refused.why, refused.stage));
                if let Some(claimed) = &refused.claimed
                    && refused.stage != Stage::Policy
                {
                    row(&mut page, "claims", &format!("to be signed by {}", claimed.subject));
                }
            }
            let more = told.refused.len().saturating_sub(NAMED);
            if more > 0 {
                row(&mut page, "refused", &format!("{more} more signatures; --explain shows them"));
            }
        }
    }
    if best(told).is_none() || steps {
        for gap in told.gaps.iter().take(NAMED) {
            row(&mut page, "not read", gap);
        }
        let more = told.gaps.len().saturating_sub(NAMED);
        if more > 0 {
            row(&mut page, "not read", &format!("{more} more; --json has all of them"));
        }
    }
    if steps {
        explain(&mut page, told);
    }
    page.flush()
}

/// Returns the most informative signature: with a certificate rather than a key, and with a source.
fn best<'a>(told: &Verification<'a>) -> Option<&'a Verified> {
    let rank = |one: &Verified| match one.signer() {
        Signer::Identity(identity) => 1 + usize::from(identity.repository.is_some()),
        Signer::Key { .. } => 0,
    };
    told.verified.iter().map(|(_, one)| *one).max_by_key(|one| rank(one))
}

fn signed(page: &mut Page<'_>, best: &Verified) {
    match best.signer() {
        Signer::Key { fingerprint, kind } => {
            let kind = kind.to_string();
            let kind = kind.strip_prefix("ECDSA ").unwrap_or(&kind);
            row(page, "signed by", &format!("{kind} key {fingerprint}"));
        }
        Signer::Identity(identity) => {
            let Identity { subject, issuer, .. } = &**identity;
            row(page, "signed by", &format!("{subject}, identified by {issuer}"));
            if let Some(source) = source(identity) {
                row(page, "built from", &source);
            }
        }
    }
    let mut logs: Vec<_> = best.logs().iter().collect();
    let mut times = Vec::new();
    for time in best.times() {
        // The log that provides the time also has the entry.
        match logs.iter().position(|log| log.log == time.by) {
            Some(at) => times.push(format!("{}, its entry {}", clock(time), logs.remove(at).index)),
            None => times.push(clock(time)),
        }
    }
    if times.is_empty() {
        times.push("a time that only the signer knows: there is no timestamp".to_owned());
    }
    times.extend(logs.iter().map(|log| format!("entry {} of {}", log.index, log.log)));
    row(page, "signed at", &times.join("; "));
}

fn source(identity: &Identity) -> Option<String> {
    let mut text = identity.repository.clone()?;
    if let Some(reference) = &identity.reference {
        text = format!("{text}, {reference}");
    }
    if let Some(commit) = &identity.commit {
        text = format!("{text} at {}", commit.get(..12).unwrap_or(commit));
    }
    let details: Vec<_> =
        [&identity.trigger, &identity.runner].into_iter().flatten().map(String::as_str).collect();
    if !details.is_empty() {
        text = format!("{text} ({})", details.join(", "));
    }
    Some(text)
}

fn clock(clock: &Clock) -> String {
    format!("{} by the clock of {}", clock.at, clock.by)
}

/// Returns the short name of a predicate type, if it has one.
fn kind(uri: &str) -> String {
    let name = match uri {
        "https://slsa.dev/provenance/v1" => "SLSA provenance 1",
        "https://slsa.dev/provenance/v0.2" => "SLSA provenance 0.2",
        "https://cyclonedx.org/bom" => "CycloneDX SBOM",
        "https://spdx.dev/Document" => "SPDX SBOM",
        "https://cosign.sigstore.dev/attestation/vuln/v1" => "vulnerability report",
        "https://openvex.dev/ns" => "OpenVEX statements",
        "https://slsa.dev/verification_summary/v1" => "SLSA verification summary",
        other if PREDICATES.iter().any(|(name, uri)| *name == "sign" && *uri == other) => {
            "signature"
        }
        other => return other.to_owned(),
    };
    name.to_owned()
}

fn content(one: &Verified) -> String {
    match one.content() {
        Content::Artifact | Content::Image { .. } => "signature".to_owned(),
        Content::Statement { predicate_type, .. } => kind(predicate_type),
    }
}

fn contents(told: &Verification<'_>) -> String {
    let mut all: Vec<_> = told.verified.iter().map(|(_, one)| content(one)).collect();
    all.sort();
    all.dedup();
    let mut text = all.join(", ");
    if !told.refused.is_empty() {
        text = format!("{text} ({} more not accepted)", told.refused.len());
    }
    text
}

fn explain(page: &mut Page<'_>, told: &Verification<'_>) {
    page.end();
    page.wrapped(DIM, &format!("trust root: {}", told.root), 0, 2);
    for (place, one) in &told.verified {
        page.put(GOOD, "accepted").put(PLAIN, &format!(": {} ({place})", content(one))).end();
        for step in one.steps() {
            page.put(mark(step).0, mark(step).1);
            page.wrapped(PLAIN, &clean(&self::step(step)), 6, 6);
        }
    }
    for (place, refused) in &told.refused {
        let bad = severity(pavisade_model::Severity::High);
        page.put(bad, "refused").put(PLAIN, &format!(": {place}")).end();
        for step in &refused.steps {
            page.put(mark(step).0, mark(step).1);
            page.wrapped(PLAIN, &clean(&self::step(step)), 6, 6);
        }
        page.put(bad, "  no  ");
        page.wrapped(PLAIN, &clean(&format!("{}: {}", refused.stage, refused.why)), 6, 6);
    }
}

/// What was left out is not shown as if it held.
fn mark(step: &Step) -> (anstyle::Style, &'static str) {
    match step {
        Step::UnknownAuthority | Step::UnknownLog | Step::NoTime => (DIM, "  --  "),
        _ => (GOOD, "  ok  "),
    }
}

fn step(step: &Step) -> String {
    match step {
        Step::Form(form) => format!("form: {form}"),
        Step::Signature { kind, digest } => {
            format!("signature: matches its {kind} key, over {digest}")
        }
        Step::Timestamp(at) => format!("timestamp: {}", clock(at)),
        Step::Promise(at) => format!("transparency log: promised at {}", clock(at)),
        Step::Inclusion(place) => {
            format!(
                "transparency log: {} has it as entry {} of its signed tree",
                place.log, place.index
            )
        }
        Step::UnknownAuthority => {
            "timestamp: one of an authority that the trust root does not know was not used".into()
        }
        Step::UnknownLog => {
            "transparency log: an entry of an unknown log was not checked, as the policy allows"
                .into()
        }
        Step::Entry { kind } => format!("log entry: {kind}, about this signature, key and content"),
        Step::Chain { authority, from, until } => {
            format!("certificate: from {authority}, valid from {from} until {until}")
        }
        Step::Sct { log } => format!("certificate log: recorded by {log}"),
        Step::Accepted { rule } => format!("policy: rule {} accepts the signer", rule + 1),
        Step::NoTime => "time: nobody but the signer vouches for it, which keys do not need".into(),
    }
}

fn row(page: &mut Page<'_>, name: &str, text: &str) {
    let text = cut(&clean(text), 600).into_owned();
    page.put(DIM, &format!("  {name:<10} "));
    page.wrapped(PLAIN, &text, 13, 13);
}

/// Writes the result as JSON.
///
/// # Errors
/// Writing to `out` fails.
pub fn verification_json(told: &Verification<'_>, out: &mut dyn Write) -> io::Result<()> {
    let verified: Vec<_> = told
        .verified
        .iter()
        .map(|(place, one)| {
            let mut value = json!({
                "place": place,
                "form": one.form().to_string(),
                "signer": signer(one.signer()),
                "times": one.times().iter().map(clock_json).collect::<Vec<_>>(),
                "logs": one
                    .logs()
                    .iter()
                    .map(|log| json!({"log": log.log, "index": log.index}))
                    .collect::<Vec<_>>(),
                "steps": one.steps().iter().map(step).collect::<Vec<_>>(),
            });
            match one.content() {
                Content::Statement { predicate_type, payload } => {
                    value["predicateType"] = predicate_type.clone().into();
                    value["statement"] = serde_json::from_slice(payload).unwrap_or(Value::Null);
                }
                Content::Image { name: Some(name) } => value["name"] = name.clone().into(),
                Content::Image { name: None } | Content::Artifact => {}
            }
            value
        })
        .collect();
    let refused: Vec<_> = told
        .refused
        .iter()
        .map(|(place, refused)| {
            json!({
                "place": place,
                "stage": refused.stage.to_string(),
                "why": refused.why.to_string(),
                "steps": refused.steps.iter().map(step).collect::<Vec<_>>(),
                "claimed": refused.claimed.as_deref().map(identity),
            })
        })
        .collect();
    let document = json!({
        "format": FORMAT,
        "target": told.target,
        "digest": told.digest,
        "verified": !verified.is_empty(),
        "trustRoot": told.root,
        "signatures": verified,
        "refused": refused,
        "notRead": told.gaps,
    });
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn clock_json(clock: &Clock) -> Value {
    json!({
        "at": clock.at.to_string(),
        "by": clock.by,
        "kind": if clock.is_authority { "timestamp-authority" } else { "log" },
    })
}

fn signer(signer: &Signer) -> Value {
    match signer {
        Signer::Key { fingerprint, kind } => {
            json!({"key": fingerprint, "kind": kind.to_string()})
        }
        Signer::Identity(one) => identity(one),
    }
}

fn identity(one: &Identity) -> Value {
    json!({
        "subject": one.subject,
        "issuer": one.issuer,
        "repository": one.repository,
        "workflow": one.workflow,
        "reference": one.reference,
        "commit": one.commit,
        "trigger": one.trigger,
        "runner": one.runner,
        "run": one.run,
        "authority": one.authority,
    })
}
