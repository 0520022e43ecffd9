//! Locations of findings for formats other than the terminal.

use std::borrow::Cow;
use std::collections::HashMap;

use pavisade_judgement::Judgement;
use pavisade_model::{Finding, Location, Subject};
use pavisade_yaml::{Origin, Source};

use crate::json::all_findings;
use crate::region::{Region, Regions};
use crate::text::number;
use crate::{Options, message};

/// Files and lines of the findings of a result.
pub(crate) struct Places<'a> {
    homes: HashMap<&'a str, &'a str>,
    regions: Regions,
    root: Option<&'a str>,
}

/// A location for code hosts, which is always in a file.
pub(crate) struct InFile<'a> {
    /// The file, or one that a text was rendered from, relative to the root.
    pub file: Cow<'a, str>,
    /// `None` if the lines are those of a rendered text, or there are none.
    pub region: Option<Region>,
}

impl<'a> Places<'a> {
    pub(crate) fn new(judgement: &'a Judgement, options: &'a Options) -> Self {
        Self {
            homes: homes(judgement),
            regions: Regions::new(all_findings(judgement)),
            root: options.root.as_deref(),
        }
    }

    /// Returns a location for code hosts, which require one for every finding. Without one, it is
    /// the world's directory, or the first known file of the world.
    pub(crate) fn in_file(&self, finding: &'a Finding) -> InFile<'a> {
        let (name, region) = match &finding.location {
            Location::Text { source, .. } if is_rendered(source) => (file_of(source), None),
            Location::Text { source, span, .. } => {
                (source.name(), Some(self.regions.get(source, span)))
            }
            Location::Field { .. } | Location::Layer { .. } | Location::None => {
                if let Some(named) = self.named_by(finding) {
                    return named;
                }
                let whole = whole(finding);
                let world = finding.world.as_deref().unwrap_or(&whole);
                let home = self.homes.get(world).copied().unwrap_or("pavisade");
                // A world is usually a directory, which code hosts cannot link to.
                let none = matches!(world, "" | "." | "-") || self.homes.contains_key(world);
                let name = if none { home } else { world };
                return InFile {
                    file: relative(name, self.root).into_owned().into(),
                    region: None,
                };
            }
        };
        InFile { file: relative(name, self.root), region }
    }

    /// Returns the first line that refers to the image of a finding.
    fn named_by(&self, finding: &'a Finding) -> Option<InFile<'a>> {
        let mut workloads = finding.workloads.iter().flat_map(|all| all.iter());
        workloads.find_map(|workload| match &workload.location {
            Location::Text { source, span, .. } => {
                let region = (!is_rendered(source)).then(|| self.regions.get(source, span));
                Some(InFile { file: relative(file_of(source), self.root), region })
            }
            Location::Field { .. } | Location::Layer { .. } | Location::None => None,
        })
    }

    /// Returns the full name of the file and the lines in it, also for a rendered text.
    pub(crate) fn text(&self, finding: &'a Finding) -> Option<(Cow<'a, str>, Region)> {
        let Location::Text { source, span, .. } = &finding.location else { return None };
        let name = match source.shown() {
            Cow::Borrowed(name) => relative(name, self.root),
            Cow::Owned(name) => Cow::Owned(relative(&name, self.root).into_owned()),
        };
        Some((name, self.regions.get(source, span)))
    }

    /// Returns lines, columns and secrets of the texts.
    pub(crate) fn regions(&self) -> &Regions {
        &self.regions
    }

    /// Returns the location for display: `apps/web.yaml:3:5`, the object in a cluster, or
    /// `all of shop`.
    pub(crate) fn shown(&self, finding: &'a Finding) -> String {
        match (self.text(finding), &finding.location, finding.world()) {
            (Some((file, region)), ..) => format!("{file}:{}:{}", region.line, region.column),
            (None, Location::Field { .. }, _) => finding.subject.label(),
            (None, Location::Layer { image, path, .. }, _) => format!("{image}:/{path}"),
            _ if finding.world.is_none() => finding.subject.whole().label(),
            (None, _, "" | ".") => "everything here".to_owned(),
            (None, _, world) => format!("all of {world}"),
        }
    }

    /// Returns the first line of a finding.
    pub(crate) fn line(&self, finding: &Finding) -> Option<u32> {
        let Location::Text { source, span, .. } = &finding.location else { return None };
        Some(self.regions.start(source, span).0)
    }
}

/// Returns the holder of a finding's subject without a world. For a source tree, the file that
/// lists it.
pub(crate) fn whole(finding: &Finding) -> String {
    let whole = finding.subject.whole();
    match (whole, finding.related.first().map(|related| &related.location)) {
        (Subject::Artifact { name }, Some(Location::Layer { path, .. })) if !path.is_empty() => {
            format!("{}/{path}", name.trim_end_matches('/'))
        }
        _ => whole.name(),
    }
}

/// Returns the workloads of a finding: `Deployment shop/web, CronJob shop/report`.
pub(crate) fn workloads(finding: &Finding) -> String {
    /// Maximum number of workloads.
    const SHOWN: usize = 3;
    let all = finding.workloads.as_deref().unwrap_or_default();
    let mut names: Vec<_> = all.iter().take(SHOWN).map(|one| one.subject.label()).collect();
    if all.len() > SHOWN {
        names.push(format!("{} more", number(all.len() - SHOWN)));
    }
    names.join(", ")
}

/// Returns the field of a finding, or an empty string.
pub(crate) fn field(finding: &Finding) -> &str {
    finding.location.field()
}

/// Returns kind, name and container of a finding's subject, and its world if there are several.
pub(crate) fn subject(finding: &Finding, worlds: bool) -> String {
    label(finding, worlds, true)
}

/// Like [`subject`], for use next to the message, which usually contains the container.
pub(crate) fn beside_message(finding: &Finding, worlds: bool) -> String {
    let named = finding
        .subject
        .container()
        .is_none_or(|name| name.len() < 256 && message::of(finding).contains(&format!("`{name}`")));
    label(finding, worlds, !named)
}

fn label(finding: &Finding, worlds: bool, container: bool) -> String {
    let mut label = finding.subject.label();
    if let Some(name) = finding.subject.container().filter(|_| container) {
        label = format!("{label} · container {name}");
    }
    if worlds && !matches!(finding.world(), "" | ".") && label != finding.world() {
        label = format!("{label} · in {}", finding.world());
    }
    label
}

/// Returns the first file with a finding in each world.
pub(crate) fn homes(judgement: &Judgement) -> HashMap<&str, &str> {
    let mut homes = HashMap::<&str, &str>::new();
    for finding in all_findings(judgement) {
        if let Location::Text { source, .. } = &finding.location {
            let home = homes.entry(finding.world()).or_insert(file_of(source));
            *home = (*home).min(file_of(source));
        }
    }
    homes
}

/// Returns the file on disk that a text is from, or was rendered from.
pub(crate) fn file_of(source: &Source) -> &str {
    match source.origin() {
        Origin::Rendered { file: Some(file), .. } => file,
        _ => source.name(),
    }
}

/// Percent-encodes everything but unreserved characters and `/` (RFC 3986).
pub(crate) fn encode(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/') {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

/// Whether the text was rendered, so that its lines are not those of the file with its name.
pub(crate) fn is_rendered(source: &Source) -> bool {
    matches!(source.origin(), Origin::Rendered { .. })
}

/// Returns a file's name, relative to the root if it is below it, with `/` as the separator.
pub(crate) fn relative<'a>(name: &'a str, root: Option<&str>) -> Cow<'a, str> {
    if cfg!(windows) && name.contains('\\') {
        let name = name.replace('\\', "/");
        return Cow::Owned(below(&name, &root.unwrap_or("").replace('\\', "/")).to_owned());
    }
    Cow::Borrowed(below(name, root.unwrap_or("")))
}

fn below<'a>(name: &'a str, root: &str) -> &'a str {
    let root = root.trim_end_matches('/');
    let below = name.strip_prefix(root).filter(|rest| !root.is_empty() && rest.starts_with('/'));
    let mut name = below.map_or(name, |rest| rest.trim_start_matches('/'));
    while let Some(rest) = name.strip_prefix("./") {
        name = rest.trim_start_matches('/');
    }
    name
}
