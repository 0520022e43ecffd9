//! What an image is read from: the folder or the tar of an OCI layout, what `docker save` writes, or
//! a root file system in a folder or a tar; and the images that are in there.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::digest::Checked;
use crate::manifest::{Configuration, Descriptor, Form, Index, Manifest, parse};
use crate::place::{Place, compression};
use crate::unpack::Compression;
use crate::{Digest, Limits, Platform, Refusal, folder};

/// Where images are.
#[derive(Debug)]
pub struct Store {
    place: Place,
    form: Layout,
    /// What users call it.
    name: String,
    pub(crate) limits: Limits,
}

/// How images are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// `index.json` (OCI image layout).
    Oci,
    /// `manifest.json` alone (`docker save` before version 25).
    Docker,
    /// `manifest.json` is the manifest, and blobs are beside it (`skopeo copy … dir:`).
    Flat,
    /// A root file system.
    Root,
}

/// An image that a store names.
#[derive(Debug)]
pub struct Candidate {
    /// What it is called there; none where it has no name.
    pub names: Vec<String>,
    /// The digest that it is named by, where it is.
    pub digest: Option<Digest>,
    source: CandidateSource,
}

#[derive(Debug)]
enum CandidateSource {
    Descriptor(Descriptor),
    Manifest(Vec<u8>),
    Saved(Saved),
    Root,
}

/// An image.
#[derive(Debug)]
pub struct Image {
    /// What it is called in its store; empty where it has no name.
    pub name: String,
    /// The digest of its manifest; of an archive of `docker save`, of its configuration. A root file
    /// system has none.
    pub digest: Option<Digest>,
    /// Its configuration; of a root file system an empty one.
    pub configuration: Configuration,
    /// Its layers, the lowest first.
    pub layers: Vec<Layer>,
}

/// A layer of an image.
#[derive(Debug)]
pub struct Layer {
    /// The digest of its blob, where it is named by one.
    pub digest: Option<Digest>,
    /// The digest of its uncompressed bytes.
    pub diff_id: Option<Digest>,
    /// The instruction that made it.
    pub instruction: Option<String>,
    /// Bytes of its blob, as the manifest says.
    pub size: Option<u64>,
    pub(crate) source: LayerSource,
}

#[derive(Debug)]
pub(crate) enum LayerSource {
    /// A file of the store.
    File(String),
    /// The archive itself.
    Whole,
    /// A folder.
    Folder(PathBuf),
}

impl Store {
    /// Opens a folder or a tar file, which may be compressed as a whole.
    ///
    /// # Errors
    /// It cannot be read, or holds no image.
    pub fn open(path: &Path, limits: Limits) -> Result<Self, Refusal> {
        let name = path.display().to_string();
        let io = |error| Refusal::Io { what: name.clone(), error };
        if path.metadata().map_err(io)?.is_dir() {
            let folder = fs::canonicalize(path).map_err(io)?;
            let place = Place::Folder(folder.clone());
            let form = match Layout::of(&place) {
                Some(form) => form,
                None if folder::is_root(&folder) => Layout::Root,
                None => {
                    let why = format!(
                        "{name} holds neither an image (`index.json`, `manifest.json`) nor a root \
                         file system, nor a lock file of a source tree"
                    );
                    return Err(Refusal::NotAnImage(why));
                }
            };
            return Ok(Self { place, form, name, limits });
        }
        // What the user names may be a pipe.
        let mut file = File::open(path).map_err(io)?;
        if !file.metadata().map_err(io)?.is_file() {
            return Self::read(&name, file, limits);
        }
        match compression(&mut file).map_err(io)? {
            Compression::None => {
                let place = Place::archive(&name, &mut io::empty(), Some(file), &limits)?;
                Self::of_archive(name, place, limits)
            }
            _ => Self::read(&name, file, limits),
        }
    }

    /// Reads an archive from a stream, by way of a temporary file.
    ///
    /// # Errors
    /// It cannot be read, or holds no image.
    pub fn read(name: &str, mut from: impl Read, limits: Limits) -> Result<Self, Refusal> {
        let place = Place::archive(name, &mut from, None, &limits)?;
        Self::of_archive(name.to_owned(), place, limits)
    }

    fn of_archive(name: String, place: Place, limits: Limits) -> Result<Self, Refusal> {
        let form = match Layout::of(&place) {
            Some(form) => form,
            None if place.has_root() => Layout::Root,
            None => {
                let why = format!(
                    "{name} is a tar archive, but holds neither an image (`index.json`, \
                     `manifest.json`) nor a root file system"
                );
                return Err(Refusal::NotAnImage(why));
            }
        };
        Ok(Self { place, form, name, limits })
    }

    /// The images in it; of those that are said to be for some machine, the ones for `platform`.
    ///
    /// # Errors
    /// The list of images is broken, or none is for the platform.
    pub fn candidates(&self, platform: &Platform) -> Result<Vec<Candidate>, Refusal> {
        match self.form {
            Layout::Oci => {
                let index: Index = self.document("index.json")?;
                Ok(joined(fitting(&index, platform, &self.name)?))
            }
            Layout::Docker => {
                let saved: Vec<Saved> = self.document("manifest.json")?;
                let all = saved.into_iter().map(|saved| Candidate {
                    names: saved.repo_tags.clone().unwrap_or_default(),
                    digest: None,
                    source: CandidateSource::Saved(saved),
                });
                Ok(all.collect())
            }
            Layout::Flat => {
                let text = self.whole("manifest.json")?;
                let digest = Some(Digest::of(&text));
                let source = CandidateSource::Manifest(text);
                Ok(vec![Candidate { names: Vec::new(), digest, source }])
            }
            Layout::Root => {
                let source = CandidateSource::Root;
                Ok(vec![Candidate { names: Vec::new(), digest: None, source }])
            }
        }
    }

    /// Reads the documents of an image. `platform` chooses where there are images for several
    /// machines; with `strict` it must be that one also where there is one.
    ///
    /// # Errors
    /// A document is missing or broken, or it is for another machine.
    pub fn image(
        &self,
        candidate: &Candidate,
        platform: &Platform,
        strict: bool,
    ) -> Result<Image, Refusal> {
        let image = match &candidate.source {
            CandidateSource::Descriptor(descriptor) => {
                let text = self.blob(descriptor)?;
                let digest = descriptor.digest.clone();
                let (manifest, digest) = self.manifest(&text, digest, platform, 0)?;
                self.of_manifest(&manifest, digest)?
            }
            CandidateSource::Manifest(text) => {
                let (manifest, digest) = self.manifest(text, Digest::of(text), platform, 0)?;
                self.of_manifest(&manifest, digest)?
            }
            CandidateSource::Saved(saved) => self.saved(saved)?,
            CandidateSource::Root => self.root(),
        };
        let found = image.configuration.platform();
        // Some configurations say nothing of it.
        if strict && !found.os.is_empty() && !platform.takes(&found) {
            return Err(Refusal::Platform {
                what: self.name.clone(),
                asked: platform.to_string(),
                there: vec![found.to_string()],
            });
        }
        Ok(Image { name: candidate.names.first().cloned().unwrap_or_default(), ..image })
    }

    /// A manifest, or the one that an index for several machines leads to.
    fn manifest(
        &self,
        text: &[u8],
        digest: Digest,
        platform: &Platform,
        depth: usize,
    ) -> Result<(Manifest, Digest), Refusal> {
        /// Indexes in one another.
        const MAX_DEPTH: usize = 2;
        match Form::read(text, &format!("the manifest {digest}"))? {
            Form::Manifest(manifest) => Ok((*manifest, digest)),
            Form::Index(_) if depth >= MAX_DEPTH => {
                Err(Refusal::NotAnImage(format!("{}: too many indexes in one another", self.name)))
            }
            Form::Index(index) => {
                let fitting = fitting(&index, platform, &self.name)?;
                let first = fitting
                    .first()
                    .ok_or_else(|| Refusal::NotAnImage(format!("the index {digest} is empty")))?;
                self.manifest(&self.blob(first)?, first.digest.clone(), platform, depth + 1)
            }
        }
    }

    /// The file of a blob.
    fn file(&self, digest: &Digest) -> String {
        match self.form {
            Layout::Flat => digest.hex().to_owned(),
            _ => format!("blobs/{}", digest.path()),
        }
    }

    fn of_manifest(&self, manifest: &Manifest, digest: Digest) -> Result<Image, Refusal> {
        if let Some(kind) = manifest.artifact() {
            let why =
                format!("{digest} is not a container image but an artifact of the type {kind}");
            return Err(Refusal::NotAnImage(why));
        }
        let what = format!("the configuration {}", manifest.config.digest);
        let configuration: Configuration = parse(&self.blob(&manifest.config)?, &what)?;
        let layers = manifest
            .layers
            .iter()
            .map(|layer| (Some(layer.digest.clone()), Some(layer.size), self.file(&layer.digest)));
        let layers = paired(&configuration, layers.collect())?;
        Ok(Image { name: String::new(), digest: Some(digest), configuration, layers })
    }

    /// An image of `docker save` (Docker image specification 1.2, "Combined Image JSON").
    fn saved(&self, saved: &Saved) -> Result<Image, Refusal> {
        let text = self.whole(&saved.config)?;
        let configuration = parse(&text, &saved.config)?;
        let layers = saved.layers.iter().map(|name| (None, None, name.clone()));
        let layers = paired(&configuration, layers.collect())?;
        let digest = Some(Digest::of(&text));
        Ok(Image { name: String::new(), digest, configuration, layers })
    }

    fn root(&self) -> Image {
        let source = match &self.place {
            Place::Folder(folder) => LayerSource::Folder(folder.clone()),
            Place::Archive { .. } => LayerSource::Whole,
        };
        let layer = Layer { digest: None, diff_id: None, instruction: None, size: None, source };
        Image {
            name: String::new(),
            digest: None,
            configuration: Configuration::default(),
            layers: vec![layer],
        }
    }

    /// The bytes of a layer, and how many there are where that is known.
    pub(crate) fn open_layer(
        &self,
        layer: &Layer,
    ) -> Result<(Box<dyn Read + Send>, Option<u64>), Refusal> {
        match &layer.source {
            LayerSource::File(name) => {
                if let (Some(digest), false) = (&layer.digest, self.place.has(name)) {
                    return Err(Refusal::Missing(digest.clone()));
                }
                let (bytes, length) = self.place.open(name)?;
                Ok((bytes, Some(length)))
            }
            LayerSource::Whole | LayerSource::Folder(_) => match self.place.whole() {
                Some(bytes) => Ok((bytes, None)),
                None => Err(Refusal::NotAnImage(format!("{} is a folder", self.name))),
            },
        }
    }

    fn whole(&self, name: &str) -> Result<Vec<u8>, Refusal> {
        let limit = self.limits.document_bytes;
        let (from, length) = self.place.open(name)?;
        let mut bytes = Vec::with_capacity(length.min(limit) as usize);
        let io = |error| Refusal::Io { what: name.to_owned(), error };
        from.take(limit + 1).read_to_end(&mut bytes).map_err(io)?;
        if bytes.len() as u64 > limit {
            return Err(Refusal::TooLarge { what: name.to_owned(), limit });
        }
        Ok(bytes)
    }

    fn document<T: DeserializeOwned>(&self, name: &str) -> Result<T, Refusal> {
        parse(&self.whole(name)?, name)
    }

    /// A document's bytes, checked.
    fn blob(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Refusal> {
        let Descriptor { digest, size, .. } = descriptor;
        let name = self.file(digest);
        if !self.place.has(&name) {
            return Err(Refusal::Missing(digest.clone()));
        }
        let bytes = self.whole(&name)?;
        let what = || format!("the blob {digest}");
        if bytes.len() as u64 != *size {
            let (wanted, found) = (*size, bytes.len() as u64);
            return Err(Refusal::Size { what: what(), wanted, found });
        }
        match Checked::new(&*bytes, digest.clone()).verify() {
            Ok((_, Err(found))) => {
                Err(Refusal::Digest { what: what(), wanted: digest.clone(), found })
            }
            _ => Ok(bytes),
        }
    }
}

impl Layout {
    /// Newer versions of `docker save` write both lists.
    fn of(place: &Place) -> Option<Self> {
        let is_oci = place.has("index.json") || place.has("oci-layout");
        if is_oci {
            return Some(Self::Oci);
        }
        let (mut from, _) = place.open("manifest.json").ok()?;
        let mut first = [0];
        from.read_exact(&mut first).ok()?;
        Some(if first == *b"{" { Self::Flat } else { Self::Docker })
    }
}

impl Candidate {
    /// Whether it is called that, or named by that digest. Names are written in full in layouts, and
    /// without the registry by people.
    pub fn is(&self, name: &str) -> bool {
        let ends = |full: &String| full.strip_suffix(name).is_some_and(|rest| rest.ends_with('/'));
        let digest = self.digest.as_ref().is_some_and(|digest| digest.to_string() == name);
        digest || self.names.iter().any(|full| full == name || ends(full))
    }
}

/// Images of an index. One that has several names is listed by each of them, and one for several
/// variants of a machine by the best first.
fn joined(descriptors: Vec<&Descriptor>) -> Vec<Candidate> {
    const NAMES: [&str; 2] = ["io.containerd.image.name", "org.opencontainers.image.ref.name"];
    let mut joined: Vec<(Candidate, bool)> = Vec::new();
    for descriptor in descriptors {
        let name = NAMES.iter().find_map(|key| descriptor.annotation(key));
        let names: Vec<_> = name.map(str::to_owned).into_iter().collect();
        let has_platform = descriptor.platform.is_some();
        let same = |(other, of_platform): &&mut (Candidate, bool)| {
            let is_variant = has_platform && *of_platform && other.names == names;
            is_variant || other.digest.as_ref() == Some(&descriptor.digest)
        };
        if let Some((first, _)) = joined.iter_mut().find(same) {
            first.names.extend(
                names.into_iter().filter(|name| !first.names.contains(name)).collect::<Vec<_>>(),
            );
            continue;
        }
        let digest = Some(descriptor.digest.clone());
        let source = CandidateSource::Descriptor(descriptor.clone());
        joined.push((Candidate { names, digest, source }, has_platform));
    }
    joined.into_iter().map(|(candidate, _)| candidate).collect()
}

/// The images of an index that are for a machine, or do not say for which.
fn fitting<'a>(
    index: &'a Index,
    platform: &Platform,
    what: &str,
) -> Result<Vec<&'a Descriptor>, Refusal> {
    let is_image = |descriptor: &&Descriptor| {
        let attests = descriptor.annotation("vnd.docker.reference.type").is_some();
        !attests && !descriptor.platform.as_ref().is_some_and(Platform::is_none)
    };
    let images: Vec<_> = index.manifests.iter().filter(is_image).collect();
    let fits = |descriptor: &&&Descriptor| {
        descriptor.platform.as_ref().is_none_or(|found| platform.takes(found))
    };
    let mut fitting: Vec<_> = images.iter().filter(fits).copied().collect();
    fitting.sort_by_key(|descriptor| {
        !descriptor.platform.as_ref().is_some_and(|found| platform.is_same(found))
    });
    if fitting.is_empty() && !images.is_empty() {
        let there = images.iter().filter_map(|descriptor| descriptor.platform.as_ref());
        let mut there: Vec<_> = there.map(Platform::to_string).collect();
        there.sort();
        there.dedup();
        return Err(Refusal::Platform {
            what: what.to_owned(),
            asked: platform.to_string(),
            there,
        });
    }
    Ok(fitting)
}

/// Layers with what the configuration says of them.
fn paired(
    configuration: &Configuration,
    layers: Vec<(Option<Digest>, Option<u64>, String)>,
) -> Result<Vec<Layer>, Refusal> {
    let ids = &configuration.rootfs.diff_ids;
    if ids.len() != layers.len() {
        let why =
            format!("the configuration has {} layers and the manifest {}", ids.len(), layers.len());
        return Err(Refusal::NotAnImage(why));
    }
    let said = ids.iter().zip(configuration.instructions());
    let layers =
        layers.into_iter().zip(said).map(|((digest, size, file), (id, instruction))| Layer {
            digest,
            diff_id: Some(id.clone()),
            instruction: instruction.map(str::to_owned),
            size,
            source: LayerSource::File(file),
        });
    Ok(layers.collect())
}

/// One image in `manifest.json` of `docker save`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}
