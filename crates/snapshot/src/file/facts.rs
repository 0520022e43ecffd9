//! The serialized form of facts about images: one line per image, with columns.

use std::collections::HashMap;
use std::sync::Arc;

use pavisade_model::{Advisory, Built, Epss, Exploited, FixState, Score};
use serde::{Deserialize, Serialize};

use super::wire::Rating;
use crate::{Image, Layer, Matches, Package, Packages, Signature};

/// `{"image":{…}}`.
#[derive(Serialize, Deserialize)]
pub(super) struct ImageLine {
    pub(super) image: Wire,
}

/// `{"missing":[["nginx:1","it was refused"]]}`: requested images that could not be read.
#[derive(Serialize, Deserialize)]
pub(super) struct MissingLine {
    pub(super) missing: Vec<(String, String)>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Wire {
    name: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    source_tree: bool,
    digest: String,
    references: Vec<String>,
    platform: String,
    /// Digest and instruction of each layer.
    layers: Vec<(String, String)>,
    packages: Columns,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    gaps: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    matches: Option<Table>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inspection: Option<super::inspection::Wire>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signature: Option<WireSignature>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireSignature {
    Exempt,
    Verified(String),
    Unsigned,
    Refused(String),
    Unknown(String),
}

impl From<&Signature> for WireSignature {
    fn from(signature: &Signature) -> Self {
        match signature {
            Signature::Exempt => Self::Exempt,
            Signature::Verified(by) => Self::Verified(by.clone()),
            Signature::Unsigned => Self::Unsigned,
            Signature::Refused(why) => Self::Refused(why.clone()),
            Signature::Unknown(why) => Self::Unknown(why.clone()),
        }
    }
}

impl From<WireSignature> for Signature {
    fn from(wire: WireSignature) -> Self {
        match wire {
            WireSignature::Exempt => Self::Exempt,
            WireSignature::Verified(by) => Self::Verified(by),
            WireSignature::Unsigned => Self::Unsigned,
            WireSignature::Refused(why) => Self::Refused(why),
            WireSignature::Unknown(why) => Self::Unknown(why),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Columns {
    name: Vec<String>,
    version: Vec<String>,
    purl: Vec<String>,
    path: Vec<String>,
    layer: Vec<Option<u32>>,
}

#[derive(Serialize, Deserialize)]
struct Table {
    advisories: Vec<WireAdvisory>,
    package: Vec<u32>,
    /// Indexes in `advisories`.
    advisory: Vec<u32>,
    fix: Vec<Fix>,
    severity: Vec<Rating>,
    /// Name and version of the source package of each match. Absent if the whole table has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    built: Vec<Option<(String, String)>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Fix {
    Fixed(String),
    NotFixed,
    #[serde(rename = "wont-fix")]
    Refused,
    Unknown,
}

#[derive(Serialize, Deserialize)]
struct WireAdvisory {
    id: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    title: String,
    /// Source, vector and score of each score.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    scores: Vec<(String, String, f32)>,
    /// Probability and percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    epss: Option<(f32, f32)>,
    /// The date, and whether ransomware uses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exploited: Option<(String, bool)>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    url: String,
}

/// Deduplicates advisories across images.
#[derive(Default)]
pub(super) struct Shared(HashMap<String, Vec<Arc<Advisory>>>);

impl Shared {
    fn get(&mut self, advisory: Advisory) -> Arc<Advisory> {
        let same_id = self.0.entry(advisory.id.clone()).or_default();
        if let Some(known) = same_id.iter().find(|known| ***known == advisory) {
            return known.clone();
        }
        let new = Arc::new(advisory);
        same_id.push(new.clone());
        new
    }
}

impl From<&Advisory> for WireAdvisory {
    fn from(advisory: &Advisory) -> Self {
        let score = |s: &Score| (s.source.clone(), s.vector.clone(), s.score);
        Self {
            id: advisory.id.clone(),
            aliases: advisory.aliases.clone(),
            title: advisory.title.clone(),
            scores: advisory.scores.iter().map(score).collect(),
            epss: advisory.epss.map(|epss| (epss.probability, epss.percentile)),
            exploited: advisory.exploited.clone().map(|kev| (kev.added, kev.ransomware)),
            url: advisory.url.clone(),
        }
    }
}

impl From<WireAdvisory> for Advisory {
    fn from(wire: WireAdvisory) -> Self {
        let score = |(source, vector, score)| Score { source, vector, score };
        Self {
            id: wire.id,
            aliases: wire.aliases,
            title: wire.title,
            scores: wire.scores.into_iter().map(score).collect(),
            epss: wire.epss.map(|(probability, percentile)| Epss { probability, percentile }),
            exploited: wire.exploited.map(|(added, ransomware)| Exploited { added, ransomware }),
            url: wire.url,
        }
    }
}

impl From<&Image> for Wire {
    fn from(image: &Image) -> Self {
        let text = |pick: fn(Package<'_>) -> &str| -> Vec<String> {
            image.packages.iter().map(|package| pick(package).to_owned()).collect()
        };
        let matches = image.matches.as_ref().map(|matches| {
            let mut places: HashMap<*const Advisory, u32> = HashMap::new();
            let mut table = Table {
                advisories: Vec::new(),
                package: Vec::with_capacity(matches.len()),
                advisory: Vec::with_capacity(matches.len()),
                fix: Vec::with_capacity(matches.len()),
                severity: Vec::with_capacity(matches.len()),
                built: Vec::new(),
            };
            if matches.built().any(|built| built.is_some()) {
                let of = |built: &Arc<Built>| (built.name.clone(), built.version.clone());
                table.built = matches.built().map(|built| built.map(of)).collect();
            }
            for (package, advisory, fix, severity) in matches.rows() {
                table.severity.push(severity.into());
                let place = *places.entry(Arc::as_ptr(advisory)).or_insert_with(|| {
                    table.advisories.push((&**advisory).into());
                    table.advisories.len() as u32 - 1
                });
                table.package.push(package);
                table.advisory.push(place);
                table.fix.push(match fix {
                    FixState::Fixed(version) => Fix::Fixed(version.to_string()),
                    FixState::NotFixed => Fix::NotFixed,
                    FixState::WontFix => Fix::Refused,
                    FixState::Unknown => Fix::Unknown,
                });
            }
            table
        });
        let layers = image.layers.iter();
        Self {
            name: image.name.to_string(),
            source_tree: image.source_tree,
            digest: image.digest.to_string(),
            references: image.references.iter().map(ToString::to_string).collect(),
            platform: image.platform.clone(),
            layers: layers.map(|l| (l.digest.to_string(), l.instruction.clone())).collect(),
            packages: Columns {
                name: text(|package| package.name),
                version: text(|package| package.version),
                purl: text(|package| package.purl),
                path: text(|package| package.path),
                layer: image.packages.iter().map(|package| package.layer).collect(),
            },
            gaps: image.gaps.clone(),
            matches,
            inspection: image.inspection.as_ref().map(Into::into),
            signature: image.signature.as_ref().map(Into::into),
        }
    }
}

impl Wire {
    /// Returns the number of rows of the image and its tables.
    pub(super) fn rows(&self) -> usize {
        let of_advisory =
            |advisory: &WireAdvisory| 1 + advisory.aliases.len() + advisory.scores.len();
        let of_table = |table: &Table| {
            table.package.len() + table.advisories.iter().map(of_advisory).sum::<usize>()
        };
        let lists = [self.references.len(), self.layers.len(), self.gaps.len()];
        let rows = self.packages.name.len() + self.matches.as_ref().map_or(0, of_table);
        let inspected = self.inspection.as_ref().map_or(0, super::inspection::Wire::rows);
        1 + lists.iter().sum::<usize>() + rows + inspected
    }

    /// Converts to the image. The error says which columns have different lengths.
    pub(super) fn image(self, shared: &mut Shared) -> Result<Image, &'static str> {
        let Columns { name, version, purl, path, layer } = self.packages;
        let rows = name.len();
        if [version.len(), purl.len(), path.len(), layer.len()].iter().any(|len| *len != rows) {
            return Err("columns of packages have unequal lengths");
        }
        let mut packages = Packages::default();
        for at in 0..rows {
            packages.push(Package {
                name: &name[at],
                version: &version[at],
                purl: &purl[at],
                path: &path[at],
                layer: layer[at],
            });
        }
        let matches = self.matches.map(|table| table.matches(rows, shared)).transpose()?;
        let inspection = self.inspection.map(TryInto::try_into).transpose()?;
        let layer =
            |(digest, instruction): (String, _)| Layer { digest: digest.into(), instruction };
        Ok(Image {
            name: self.name.into(),
            source_tree: self.source_tree,
            digest: self.digest.into(),
            references: self.references.into_iter().map(Arc::from).collect(),
            platform: self.platform,
            layers: self.layers.into_iter().map(layer).collect(),
            packages,
            gaps: self.gaps,
            matches,
            inspection,
            signature: self.signature.map(Into::into),
        })
    }
}

impl Table {
    fn matches(self, packages: usize, shared: &mut Shared) -> Result<Matches, &'static str> {
        let Self { advisories, package, advisory, fix, severity, built } = self;
        let rows = [advisory.len(), fix.len(), severity.len()];
        let no_columns = !built.is_empty() && built.len() != package.len();
        if no_columns || rows.iter().any(|len| *len != package.len()) {
            return Err("columns of vulnerabilities have unequal lengths");
        }
        let advisories = advisories.into_iter();
        let advisories: Vec<_> = advisories.map(|wire| shared.get(wire.into())).collect();
        let mut matches = Matches::default();
        let mut built = built.into_iter();
        let mut known: HashMap<(String, String), Arc<Built>> = HashMap::new();
        let rows = package.into_iter().zip(advisory).zip(fix).zip(severity);
        for (((package, place), fix), severity) in rows {
            if package as usize >= packages {
                return Err("a vulnerability refers to a package that does not exist");
            }
            let advisory = advisories.get(place as usize).cloned();
            let advisory =
                advisory.ok_or("a vulnerability refers to an advisory that does not exist")?;
            let fix = match fix {
                Fix::Fixed(version) => FixState::Fixed(version.into()),
                Fix::NotFixed => FixState::NotFixed,
                Fix::Refused => FixState::WontFix,
                Fix::Unknown => FixState::Unknown,
            };
            matches.push(package, advisory, fix, severity.into());
            let built = built.next().flatten().map(|(name, version)| {
                let key = (name.clone(), version.clone());
                known.entry(key).or_insert_with(|| Arc::new(Built { name, version })).clone()
            });
            matches.built_from(built);
        }
        Ok(matches)
    }
}
