//! Reads a scope file.

use jiff::civil::Date;
use pavisade_model::{Note, NoteKind, nearest};
use pavisade_yaml::{Kind, Source, Value};

use super::{Consent, Limits, Scope, namespace};
use crate::{IN_POD, Registered, SEGMENTATION};

/// Decides whether a consent can name something.
///
/// # Errors
/// What it could name.
fn consented(word: &str) -> Result<(), String> {
    let all = || crate::REGISTRY.iter().filter(|probe| probe.is_active());
    let known = [IN_POD, SEGMENTATION].into_iter().chain(all().map(Registered::name));
    if word == "*" || known.clone().any(|name| name == word) || all().any(|one| one.id() == word) {
        return Ok(());
    }
    Err(match nearest(word, known) {
        Some(name) => format!("Did you mean `{name}`?"),
        None => "`pavisade probe list` shows them.".to_owned(),
    })
}

pub(super) struct Reader<'a> {
    pub(super) source: &'a Source,
    pub(super) notes: Vec<Note>,
}

impl Reader<'_> {
    pub(super) fn push(&mut self, (start, end): (u32, u32), message: String, remedy: &str) {
        let length = self.source.text().len() as u32;
        let start = start.min(length);
        self.notes.push(Note {
            kind: NoteKind::Unread,
            place: self.source.name().to_owned(),
            span: Some((self.source.clone(), start, end.max(start + 1).min(length.max(start)))),
            message,
            remedy: remedy.to_owned(),
        });
    }

    fn wrong(&mut self, at: Value<'_>, message: impl Into<String>, remedy: &str) {
        let span = at.span();
        self.push((span.start, span.end), message.into(), remedy);
    }

    /// Returns the entries of a map whose keys are known; reports the others.
    fn map<'d>(&mut self, value: Value<'d>, known: &[&str]) -> Vec<(&'d str, Value<'d>)> {
        if value.kind() != Kind::Mapping {
            self.wrong(value, format!("this is {}, but must be a map", value.kind().name()), "");
            return Vec::new();
        }
        let (good, bad): (Vec<_>, Vec<_>) =
            value.entries().partition(|(key, _)| known.contains(key));
        for (key, value) in bad {
            let remedy = match nearest(key, known.iter().copied()) {
                Some(name) => format!("Did you mean `{name}`?"),
                None => format!("There are {}.", known.join(", ")),
            };
            let span = value.key_span().unwrap_or_else(|| value.span());
            let short: String = key.chars().take(80).collect();
            self.push((span.start, span.end), format!("unknown field `{short}`"), &remedy);
        }
        good
    }

    fn texts<'d>(&mut self, value: Value<'d>) -> Vec<(Value<'d>, String)> {
        if value.kind() != Kind::Sequence {
            self.wrong(value, format!("this is {}, but must be a list", value.kind().name()), "");
            return Vec::new();
        }
        let mut texts = Vec::new();
        for item in value.items() {
            match item.as_str() {
                Some(text) => texts.push((item, text.to_owned())),
                None => self.wrong(item, "this must be a text", ""),
            }
        }
        texts
    }

    fn flag(&mut self, value: Value<'_>) -> bool {
        value.as_bool().unwrap_or_else(|| {
            self.wrong(value, "this must be true or false", "");
            false
        })
    }

    fn number(&mut self, value: Value<'_>, range: std::ops::RangeInclusive<i64>) -> Option<u64> {
        let number = value.as_i64().filter(|number| range.contains(number));
        if number.is_none() {
            let (low, high) = (range.start(), range.end());
            self.wrong(value, format!("this must be a number from {low} to {high}"), "");
        }
        number.map(i64::unsigned_abs)
    }

    pub(super) fn scope(&mut self, root: Value<'_>, scope: &mut Scope) {
        const FIELDS: [&str; 8] = [
            "apiVersion",
            "kind",
            "addresses",
            "cluster",
            "namespaces",
            "consent",
            "limits",
            "ownNetwork",
        ];
        for (key, value) in self.map(root, &FIELDS) {
            match key {
                "addresses" => {
                    for (at, text) in self.texts(value) {
                        let given = match text.as_str() {
                            "cluster" => Err("this is not an address: set `cluster: true`".into()),
                            text if text.starts_with("namespace=") => {
                                Err("this is not an address: list it in `namespaces`".into())
                            }
                            text => scope.add(text),
                        };
                        if let Err(why) = given {
                            self.wrong(at, why, "");
                        }
                    }
                }
                "cluster" => scope.cluster = self.flag(value),
                "ownNetwork" => scope.own_network = self.flag(value),
                "namespaces" => {
                    for (at, text) in self.texts(value) {
                        match namespace(&text) {
                            Ok(name) => scope.namespaces.push(name),
                            Err(why) => self.wrong(at, why, ""),
                        }
                    }
                }
                "consent" => scope.consent = self.consent(value),
                "limits" => self.limits(value, &mut scope.limits),
                _ => {}
            }
        }
        let kind = root.str("kind");
        if kind.is_some_and(|kind| kind != "ProbeScope") {
            self.wrong(root, "the kind is not ProbeScope", "Set `kind: ProbeScope`.");
        }
        if scope.is_empty() && self.notes.is_empty() {
            self.wrong(root, "the scope names nothing", "Set `addresses` or `cluster: true`.");
        }
    }

    fn consent(&mut self, value: Value<'_>) -> Option<Consent> {
        let (mut by, mut server, mut until, mut probes) = (None, None, None, Vec::new());
        for (key, value) in self.map(value, &["by", "server", "until", "probes"]) {
            match key {
                "by" => {
                    by = value.as_str().filter(|name| !name.trim().is_empty()).map(str::to_owned);
                    if by.is_none() {
                        self.wrong(value, "this must be the name of a person", "");
                    }
                }
                "server" => {
                    let is = |url: &&str| url.starts_with("https://") && url.len() > 8;
                    server = value.as_str().filter(is).map(str::to_owned);
                    if server.is_none() {
                        let remedy = "Write https://HOST:PORT, as in the kubeconfig.";
                        self.wrong(value, "this must be the URL of an API server", remedy);
                    }
                }
                "until" => {
                    let date = value.scalar_text().and_then(|text| text.parse::<Date>().ok());
                    until = date;
                    if date.is_none() {
                        self.wrong(value, "this must be a date", "Write YYYY-MM-DD.");
                    }
                }
                _ => {
                    for (at, text) in self.texts(value) {
                        if let Err(remedy) = consented(&text) {
                            self.wrong(at, format!("there is no active probe `{text}`"), &remedy);
                        }
                        probes.push(text);
                    }
                }
            }
        }
        match (by, server, until) {
            (Some(by), Some(server), Some(until)) => {
                if probes.is_empty() {
                    self.wrong(value, "the consent names no probes", "List ids in `probes`.");
                }
                Some(Consent { by, server, until, probes })
            }
            _ => {
                if self.notes.is_empty() {
                    let remedy = "Set `by` (who), `server` (a URL), `until` (a date) and `probes`.";
                    self.wrong(value, "the consent is incomplete", remedy);
                }
                None
            }
        }
    }

    fn limits(&mut self, value: Value<'_>, limits: &mut Limits) {
        for (key, value) in self.map(value, &["rate", "perHost", "deadline"]) {
            match key {
                "rate" => {
                    let rate = self.number(value, 1..=10_000);
                    limits.rate = rate.and_then(|rate| rate.try_into().ok()).unwrap_or(limits.rate);
                }
                "perHost" => {
                    let count = self.number(value, 1..=10_000);
                    limits.per_host =
                        count.and_then(|n| n.try_into().ok()).unwrap_or(limits.per_host);
                }
                _ => {
                    limits.deadline = self.number(value, 1..=86_400).unwrap_or(limits.deadline);
                }
            }
        }
    }
}
