//! Matches the packages of images against the vulnerability database.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pavisade_images::reference::Reference;
use pavisade_model::{Built, Note, NoteKind};
use pavisade_packages::inventory::Found;
use pavisade_packages::{Distribution, Inventory};
use pavisade_report::instruction;
use pavisade_snapshot::{Image, Inspection, Layer, Matches, Package, Packages};
use pavisade_vulndb::{Ecosystem, Matcher, Target, of_distribution, of_purl_type};

/// Matches images and collects notes.
pub(crate) struct Comparing<'a, 'd> {
    pub notes: Vec<Note>,
    /// The feeds with a record for any matched package.
    pub used: BTreeSet<String>,
    /// `None` if vulnerabilities are not requested.
    matcher: Option<&'a mut Matcher<'d>>,
}

impl<'a, 'd> Comparing<'a, 'd> {
    pub(crate) fn new(matcher: Option<&'a mut Matcher<'d>>) -> Self {
        Self { notes: Vec::new(), used: BTreeSet::new(), matcher }
    }

    /// Adds a note about something that was not read or not matched.
    pub(crate) fn note(&mut self, place: &str, message: impl Into<String>, remedy: &str) {
        let (place, message, remedy) = (place.to_owned(), message.into(), remedy.to_owned());
        self.notes.push(Note { kind: NoteKind::Unread, place, span: None, message, remedy });
    }

    /// Returns the image of an inventory with its vulnerabilities.
    pub(crate) fn compare(
        &mut self,
        found: &Inventory,
        inspection: Option<Inspection>,
        reference: Option<&Arc<str>>,
    ) -> Image {
        self.notes.extend(found.notes.iter().cloned());
        let name = reference.map_or(&*found.name, |reference| &**reference).to_owned();
        // A plain file or directory name is not an image reference that objects use.
        let own = || canonical(&found.name).filter(|_| found.name.contains(['/', ':']));
        let reference = reference.cloned().or_else(|| own().map(Into::into));
        let (mut packages, mut matches) = (Packages::default(), Matches::default());
        let mut apart = Apart::default();
        for (at, one) in found.packages.iter().enumerate() {
            let purl = one.purl.as_ref().map(ToString::to_string).unwrap_or_default();
            packages.push(row(one, &purl));
            // Packages owned by a distribution package are covered by the advisories of the
            // distribution.
            if one.owner.is_some() || self.matcher.is_none() {
                continue;
            }
            // A version other than the bound may be installed.
            if one.package.bound || found.source_tree && one.package.version.is_empty() {
                apart.open.push(one.package.name.clone());
                continue;
            }
            self.find(found, one, at as u32, &mut matches, &mut apart);
        }
        self.tell(&name, apart);
        let layer = |layer: &pavisade_packages::inventory::Layer| Layer {
            digest: layer.digest.as_str().into(),
            instruction: instruction(layer),
        };
        Image {
            name: name.into(),
            source_tree: found.source_tree,
            digest: found.digest.as_str().into(),
            references: reference.into_iter().collect(),
            platform: found.platform.clone(),
            layers: found.layers.iter().map(layer).collect(),
            packages,
            gaps: found.notes.iter().map(|note| note.message.clone()).collect(),
            matches: self.matcher.is_some().then_some(matches),
            inspection,
            signature: None,
        }
    }

    fn find(
        &mut self,
        image: &Inventory,
        found: &Found,
        at: u32,
        matches: &mut Matches,
        apart: &mut Apart,
    ) {
        let Some(ecosystem) = ecosystem(found, image.distribution.as_ref()) else {
            *apart.unknown.entry(found.ecosystem().to_owned()).or_default() += 1;
            return;
        };
        let package = &found.package;
        let Some(matcher) = &mut self.matcher else { return };
        match matcher.covers(&ecosystem) {
            Ok(true) => {}
            Ok(false) => {
                *apart.unknown.entry(ecosystem.as_str().to_owned()).or_default() += 1;
                return;
            }
            Err(error) => {
                apart.undecided.push((package.name.clone(), error.to_string()));
                return;
            }
        }
        match matcher.find(target(package, &ecosystem)) {
            Ok(answer) => {
                apart
                    .undecided
                    .extend(answer.undecided.into_iter().map(|record| (record.record, record.why)));
                let built = (!answer.hits.is_empty()).then(|| built(package)).flatten();
                for hit in answer.hits {
                    let feeds = hit.reasons.into_iter().map(|reason| reason.feed);
                    self.used.extend(feeds);
                    matches.push(at, hit.advisory, hit.fix, hit.severity);
                    matches.built_from(built.clone());
                }
            }
            Err(error) => apart.undecided.push((package.name.clone(), error.to_string())),
        }
    }

    fn tell(&mut self, name: &str, apart: Apart) {
        for (ecosystem, count) in apart.unknown {
            let packages = if count == 1 { "package was" } else { "packages were" };
            let message = format!(
                "{count} {packages} not matched: the database has no advisories for `{ecosystem}`"
            );
            self.note(name, message, "Add a feed for it to the database (`pavisade db build`).");
        }
        if let Some(first) = apart.open.first() {
            let count = apart.open.len();
            let packages = if count == 1 { "package has" } else { "packages have" };
            let message = format!(
                "{count} {packages} no exact version, such as `{first}`, and could not be matched"
            );
            self.note(name, message, "Add a lock file next to the manifest.");
        }
        if let Some((record, why)) = apart.undecided.first() {
            let count = apart.undecided.len();
            let message =
                format!("{count} advisories could not be evaluated, such as {record}: {why}");
            self.note(name, message, "");
        }
    }
}

/// Packages without a result.
#[derive(Default)]
struct Apart {
    /// The number of packages by ecosystem that the database does not cover.
    unknown: BTreeMap<String, usize>,
    /// Packages of manifests without a fixed version.
    open: Vec<String>,
    /// Advisories that could not be decided, with the reason.
    undecided: Vec<(String, String)>,
}

/// Returns what to look up for a package.
pub(crate) fn target<'t>(
    package: &'t pavisade_packages::Package,
    ecosystem: &'t Ecosystem,
) -> Target<'t> {
    let source = package.source.as_ref().map(|s| (s.name.as_str(), s.version.as_str()));
    Target { ecosystem, name: &package.name, version: &package.version, source }
}

/// Returns the source package of a distribution package.
fn built(package: &pavisade_packages::Package) -> Option<Arc<Built>> {
    let own = (&package.name, &package.version);
    let (name, version) = package.source.as_ref().map_or(own, |s| (&s.name, &s.version));
    let built = || Built { name: name.clone(), version: version.clone() };
    package.kind.is_of_system().then(|| Arc::new(built()))
}

/// Returns the ecosystem whose advisories apply to a package.
pub(crate) fn ecosystem(found: &Found, distribution: Option<&Distribution>) -> Option<Ecosystem> {
    if found.package.kind.is_of_system() {
        // A system in a directory of the image has its own distribution.
        let named = found.purl.as_ref().and_then(|purl| purl.qualifier("distro"));
        let own = named.and_then(|named| named.rsplit_once('-'));
        if let Some(own) = own.and_then(|(id, version)| of_distribution(id, version)) {
            return Some(own);
        }
        let distribution = distribution?;
        return of_distribution(&distribution.id, &distribution.version);
    }
    of_purl_type(found.ecosystem())
}

fn row<'a>(found: &'a Found, purl: &'a str) -> Package<'a> {
    Package {
        name: &found.package.name,
        version: &found.package.version,
        purl,
        path: found.places.first().map_or("", |place| &place.path),
        layer: found.layer().map(u32::from),
    }
}

/// Returns the canonical reference of an image.
pub(crate) fn canonical(name: &str) -> Option<String> {
    Reference::parse(name).map(Reference::canonical)
}
