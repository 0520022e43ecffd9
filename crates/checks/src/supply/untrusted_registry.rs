//! PV-S006.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Cx, NamedImage, OnImage, Verdict};
use pavisade_images::reference::{Image, Reference, is_registry};

/// Untrusted image registry
///
/// ## Why
/// An image from an arbitrary registry can contain anything. This check reports nothing until the
/// parameter `allowed` lists trusted registries, or `denied` lists untrusted ones.
///
/// ## Fix
/// Use an image from an allowed registry, or mirror it there.
#[check(id = "PV-S006", severity = Medium, together = Image, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UntrustedRegistry {
    /// Allowed registries or repositories: `registry.example.com`, `ghcr.io/acme`,
    /// `*.dkr.ecr.eu-west-1.amazonaws.com`. Docker Hub is `docker.io`, and its official images are
    /// in `docker.io/library`.
    allowed: Vec<String>,
    /// Denied registries or repositories, in the same format; they take precedence over `allowed`.
    denied: Vec<String>,
}

impl Check for UntrustedRegistry {
    type On = OnImage;

    fn check<'a>(&self, named: NamedImage<'a>, _: &Cx<'a>) -> Verdict<'a> {
        if self.allowed.is_empty() && self.denied.is_empty() {
            return Verdict::NotApplicable;
        }
        let place = named.place();
        match named.image() {
            Image::Reference(reference) => {
                let is_in = |list: &[String]| list.iter().any(|entry| covers(entry, reference));
                let why = if is_in(&self.denied) {
                    "is denied"
                } else if self.allowed.is_empty() || is_in(&self.allowed) {
                    return Verdict::Holds;
                } else {
                    "is not allowed"
                };
                let registry = reference.registry();
                Verdict::fails(place, format!("{named} comes from `{registry}`, which {why}"))
            }
            Image::Absent => Verdict::NotApplicable,
            Image::Unclear(why) => Verdict::unknown(place, why),
        }
    }
}

/// Whether an entry of the list matches an image: whole parts only, so that `ghcr.io/acme` does not
/// match `ghcr.io/acme-evil`. As in an image's name, a first part that is not a host is a user of
/// Docker Hub.
pub(super) fn covers(entry: &str, reference: Reference<'_>) -> bool {
    let entry = entry.trim_end_matches("/*").trim_end_matches('/');
    let (first, rest) = entry.split_once('/').unwrap_or((entry, ""));
    let (host, path) = if is_registry(first) { (first, rest) } else { ("docker.io", entry) };
    let host = if host == "index.docker.io" { "docker.io" } else { host }.to_ascii_lowercase();
    let registry = reference.registry();
    let host_fits = match host.strip_prefix('*') {
        Some(end) if end.starts_with('.') => registry.len() > end.len() && registry.ends_with(end),
        _ => registry == host,
    };
    let rest = reference.repository();
    let below = rest.strip_prefix(path);
    host_fits && below.is_some_and(|r| path.is_empty() || r.is_empty() || r.starts_with('/'))
}
