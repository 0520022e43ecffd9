//! The sources of images: an OCI layout in a directory or tar archive, the output of `docker save`,
//! a root file system in a directory or tar archive, or a registry.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::candidate::{Candidate, CandidateSource, Saved, fitting, joined};
use crate::digest::Checked;
use crate::document::{Document, parse};
use crate::manifest::{Configuration, Descriptor, Form, Index, Manifest};
use crate::place::{Place, compression};
use crate::registry::{Repository, Slot, failed};
use crate::unpack::Compression;
use crate::{Digest, LayerCache, Limits, Platform, Refusal, Registries, Remote, folder};

mod attached;

/// A source of images.
#[derive(Debug)]
pub struct Store {
    place: Place,
    form: Layout,
    /// The name that the user gave.
    name: String,
    pub(crate) limits: Limits,
    pub(crate) cache: Option<Arc<LayerCache>>,
}

/// The format of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// `index.json` (OCI image layout).
    Oci,
    /// `manifest.json` alone (`docker save` before version 25).
    Docker,
    /// `manifest.json` is the image manifest, and blobs are next to it (`skopeo copy … dir:`).
    Flat,
    /// A root file system.
    Root,
    /// A registry, read by name and digest.
    Registry,
}

/// An image.
#[derive(Debug, Default)]
pub struct Image {
    /// The name in the store; may be empty.
    pub name: String,
    /// The digest of the manifest, or of the configuration for a `docker save` archive. `None` for
    /// a root file system.
    pub digest: Option<Digest>,
    /// Further digests by which it can be named: those of its configuration, and of the index that it
    /// was chosen from.
    pub other_digests: Vec<Digest>,
    /// The configuration; empty for a root file system.
    pub configuration: Configuration,
    /// The layers, bottom first.
    pub layers: Vec<Layer>,
}

/// A layer of an image.
#[derive(Debug)]
pub struct Layer {
    /// The digest of the blob, if known.
    pub digest: Option<Digest>,
    /// The digest of the uncompressed bytes.
    pub diff_id: Option<Digest>,
    /// The instruction that created it.
    pub instruction: Option<String>,
    /// The size of the blob in bytes according to the manifest.
    pub size: Option<u64>,
    pub(crate) source: LayerSource,
}

#[derive(Debug)]
pub(crate) enum LayerSource {
    /// A file of the store.
    File(String),
    /// The archive itself.
    Whole,
    /// A directory.
    Folder(PathBuf),
    /// A blob of a registry.
    Blob(Digest, u64),
}

/// The bytes of a layer.
pub(crate) struct Opened {
    pub(crate) bytes: Box<dyn Read + Send>,
    /// The number of bytes, if known.
    pub(crate) length: Option<u64>,
    /// The registry fault if reading fails.
    pub(crate) slot: Slot,
}

impl Store {
    /// Opens a directory or a tar file, which may be compressed as a whole.
    ///
    /// # Errors
    /// The path cannot be read or contains no image.
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
                        "{name} contains no image (`index.json`, `manifest.json`), no root file \
                         system, and no lock file of a source tree"
                    );
                    return Err(Refusal::NotAnImage(why));
                }
            };
            return Ok(Self { place, form, name, limits, cache: None });
        }
        // The path may be a pipe.
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

    /// Reads an archive from a stream into a temporary file.
    ///
    /// # Errors
    /// The stream cannot be read or contains no image.
    pub fn read(name: &str, mut from: impl Read, limits: Limits) -> Result<Self, Refusal> {
        let place = Place::archive(name, &mut from, None, &limits)?;
        Self::of_archive(name.to_owned(), place, limits)
    }

    /// Returns a store for an image in a registry without sending a request.
    pub fn fetch(registries: &Registries, remote: Remote, limits: Limits) -> Self {
        let name = remote.to_string();
        let place = Place::Registry(Repository::new(registries, remote));
        Self { place, form: Layout::Registry, name, limits, cache: None }
    }

    /// Sets the cache in which layers are looked up and stored.
    #[must_use]
    pub fn with_cache(mut self, cache: Option<Arc<LayerCache>>) -> Self {
        self.cache = cache;
        self
    }

    fn of_archive(name: String, place: Place, limits: Limits) -> Result<Self, Refusal> {
        let form = match Layout::of(&place) {
            Some(form) => form,
            None if place.has_root() => Layout::Root,
            None => {
                let why = format!(
                    "{name} is a tar archive, but contains no image (`index.json`, \
                     `manifest.json`) and no root file system"
                );
                return Err(Refusal::NotAnImage(why));
            }
        };
        Ok(Self { place, form, name, limits, cache: None })
    }

    /// Returns the images of the store. If they state platforms, only those for `platform` are
    /// returned.
    ///
    /// # Errors
    /// The list of images is invalid, or none matches the platform.
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
                    // Docker's image ID. If the configuration cannot be read, that is reported
                    // later.
                    digest: self.whole(&saved.config).ok().map(|text| Digest::of(&text)),
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
            Layout::Registry => {
                let Place::Registry(repository) = &self.place else { return Ok(Vec::new()) };
                let wanted = &repository.remote.wanted;
                let (text, digest) = repository.manifest(wanted, self.limits.document_bytes)?;
                let source = CandidateSource::Manifest(text);
                Ok(vec![Candidate { names: vec![self.name.clone()], digest: Some(digest), source }])
            }
            Layout::Root => {
                let source = CandidateSource::Root;
                Ok(vec![Candidate { names: Vec::new(), digest: None, source }])
            }
        }
    }

    /// Reads the documents of an image. `platform` selects one of several images; with `strict`, a
    /// single image must match it too.
    ///
    /// # Errors
    /// A document is missing or invalid, or the image is for another platform.
    pub fn image(
        &self,
        candidate: &Candidate,
        platform: &Platform,
        strict: bool,
    ) -> Result<Image, Refusal> {
        let image = match &candidate.source {
            CandidateSource::Descriptor(descriptor) => {
                let text = self.manifest_text(descriptor)?;
                self.of_text(&text, descriptor.digest.clone(), platform)?
            }
            CandidateSource::Manifest(text) => self.of_text(text, Digest::of(text), platform)?,
            CandidateSource::Saved(saved) => self.saved(saved)?,
            CandidateSource::Root => self.root(),
        };
        let found = image.configuration.platform();
        // Some configurations do not state a platform.
        if strict && !found.os.is_empty() && !platform.takes(&found) {
            return Err(Refusal::Platform {
                what: self.name.clone(),
                asked: platform.to_string(),
                there: vec![found.to_string()],
            });
        }
        Ok(Image { name: candidate.names.first().cloned().unwrap_or_default(), ..image })
    }

    /// Reads the documents of an image from its manifest, or an index.
    fn of_text(&self, text: &[u8], named: Digest, platform: &Platform) -> Result<Image, Refusal> {
        let (manifest, digest) = self.manifest(text, named.clone(), platform, 0)?;
        let mut image = self.of_manifest(&manifest, digest)?;
        if image.digest.as_ref() != Some(&named) {
            image.other_digests.push(named);
        }
        Ok(image)
    }

    /// Returns a manifest, or the matching one of an index.
    fn manifest(
        &self,
        text: &[u8],
        digest: Digest,
        platform: &Platform,
        depth: usize,
    ) -> Result<(Manifest, Digest), Refusal> {
        /// The deepest nesting of indexes.
        const MAX_DEPTH: usize = 2;
        match Form::read(text, &format!("the manifest {digest}"))? {
            Form::Manifest(manifest) => Ok((*manifest, digest)),
            Form::Index(_) if depth >= MAX_DEPTH => {
                Err(Refusal::NotAnImage(format!("{}: too many nested indexes", self.name)))
            }
            Form::Index(index) => {
                let fitting = fitting(&index, platform, &self.name)?;
                let first = fitting
                    .first()
                    .ok_or_else(|| Refusal::NotAnImage(format!("the index {digest} is empty")))?;
                self.manifest(
                    &self.manifest_text(first)?,
                    first.digest.clone(),
                    platform,
                    depth + 1,
                )
            }
        }
    }

    /// Returns whether layers are read over a network.
    pub(crate) fn is_far(&self) -> bool {
        self.form == Layout::Registry
    }

    /// Returns the file name of a blob.
    fn file(&self, digest: &Digest) -> String {
        match self.form {
            Layout::Flat => digest.hex().to_owned(),
            _ => format!("blobs/{}", digest.path()),
        }
    }

    fn source(&self, layer: &Descriptor) -> LayerSource {
        match self.form {
            Layout::Registry => LayerSource::Blob(layer.digest.clone(), layer.size),
            _ => LayerSource::File(self.file(&layer.digest)),
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
            .map(|layer| (Some(layer.digest.clone()), Some(layer.size), self.source(layer)));
        let layers = paired(&configuration, layers.collect())?;
        let other_digests = vec![manifest.config.digest.clone()];
        let digest = Some(digest);
        Ok(Image { digest, other_digests, configuration, layers, ..Image::default() })
    }

    /// Reads an image of `docker save` (Docker image specification 1.2, "Combined Image JSON").
    fn saved(&self, saved: &Saved) -> Result<Image, Refusal> {
        let text = self.whole(&saved.config)?;
        let configuration: Configuration = parse(&text, &saved.config)?;
        let layers = saved.layers.iter().map(|name| (None, None, LayerSource::File(name.clone())));
        let layers = paired(&configuration, layers.collect())?;
        let digest = Some(Digest::of(&text));
        Ok(Image { digest, configuration, layers, ..Image::default() })
    }

    fn root(&self) -> Image {
        let source = match &self.place {
            Place::Folder(folder) => LayerSource::Folder(folder.clone()),
            Place::Archive { .. } | Place::Registry(_) => LayerSource::Whole,
        };
        let layer = Layer { digest: None, diff_id: None, instruction: None, size: None, source };
        Image { layers: vec![layer], ..Image::default() }
    }

    /// Opens a layer.
    pub(crate) fn open_layer(&self, layer: &Layer) -> Result<Opened, Refusal> {
        let (bytes, length) = match (&layer.source, &self.place) {
            (LayerSource::Blob(digest, size), Place::Registry(repository)) => {
                let (blob, slot) = repository.blob(digest, *size);
                return Ok(Opened { bytes: Box::new(blob), length: None, slot });
            }
            (LayerSource::File(name), place) => {
                if let (Some(digest), false) = (&layer.digest, place.has(name)) {
                    return Err(Refusal::Missing(digest.clone()));
                }
                let (bytes, length) = place.open(name)?;
                (bytes, Some(length))
            }
            (_, place) => match place.whole() {
                Some(bytes) => (bytes, None),
                None => {
                    return Err(Refusal::NotAnImage(format!("{} is not an archive", self.name)));
                }
            },
        };
        Ok(Opened { bytes, length, slot: Slot::default() })
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

    fn document<T: Document>(&self, name: &str) -> Result<T, Refusal> {
        parse(&self.whole(name)?, name)
    }

    /// Reads a manifest or an index and verifies its digest.
    fn manifest_text(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Refusal> {
        let Place::Registry(repository) = &self.place else { return self.blob(descriptor) };
        let limit = self.limits.document_bytes;
        let (text, _) = repository.manifest(&descriptor.digest.clone().into(), limit)?;
        sized(text, descriptor)
    }

    /// Reads a document and verifies its digest.
    fn blob(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Refusal> {
        let Descriptor { digest, size, .. } = descriptor;
        let bytes = match &self.place {
            Place::Registry(repository) => {
                let what = format!("the blob {digest}");
                let limit = self.limits.document_bytes;
                if *size > limit {
                    return Err(Refusal::TooLarge { what, limit });
                }
                let (mut blob, slot) = repository.blob(digest, *size);
                let mut bytes = Vec::new();
                let read = blob.read_to_end(&mut bytes);
                read.map_err(|error| failed(&slot, Refusal::Io { what, error }))?;
                bytes
            }
            place => {
                let name = self.file(digest);
                if !place.has(&name) {
                    return Err(Refusal::Missing(digest.clone()));
                }
                self.whole(&name)?
            }
        };
        let bytes = sized(bytes, descriptor)?;
        match Checked::new(&*bytes, digest.clone()).verify() {
            Ok((_, Err(found))) => {
                let what = format!("the blob {digest}");
                Err(Refusal::Digest { what, wanted: digest.clone(), found })
            }
            _ => Ok(bytes),
        }
    }
}

/// Checks that the size matches the descriptor.
fn sized(bytes: Vec<u8>, descriptor: &Descriptor) -> Result<Vec<u8>, Refusal> {
    let (wanted, found) = (descriptor.size, bytes.len() as u64);
    if wanted != found {
        let what = format!("the blob {}", descriptor.digest);
        return Err(Refusal::Size { what, wanted, found });
    }
    Ok(bytes)
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

/// Combines layers with their fields in the configuration.
fn paired(
    configuration: &Configuration,
    layers: Vec<(Option<Digest>, Option<u64>, LayerSource)>,
) -> Result<Vec<Layer>, Refusal> {
    let ids = &configuration.rootfs.diff_ids;
    if ids.len() != layers.len() {
        let why =
            format!("the configuration has {} layers and the manifest {}", ids.len(), layers.len());
        return Err(Refusal::NotAnImage(why));
    }
    let said = ids.iter().zip(configuration.instructions());
    let layers =
        layers.into_iter().zip(said).map(|((digest, size, source), (id, instruction))| Layer {
            digest,
            diff_id: Some(id.clone()),
            instruction: instruction.map(str::to_owned),
            size,
            source,
        });
    Ok(layers.collect())
}
