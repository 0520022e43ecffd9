//! Where an image's blobs are: the folder of an OCI layout, or a tar of one, or what `docker save`
//! writes; and the image that is in there.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use pavisade_model::LayerVisitor;
use rayon::prelude::*;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::digest::Checked;
use crate::manifest::{Configuration, Descriptor, Index, Manifest, Platform};
use crate::{Digest, LayerRead, Limits, Refusal, Tree, read_layer};

/// Where blobs are.
#[derive(Debug)]
enum Place {
    /// The folder of an OCI layout.
    Folder(PathBuf),
    /// A tar: the members by name, with where their bytes begin and how many there are.
    Archive { file: PathBuf, members: HashMap<String, (u64, u64)> },
}

/// An OCI layout or an archive of images.
#[derive(Debug)]
pub struct Store {
    place: Place,
    limits: Limits,
}

/// An image that was found in a store.
#[derive(Debug)]
pub struct Image {
    /// What it is called there; empty where it has no name.
    pub name: String,
    /// The digest of its manifest; of an archive of `docker save`, of its configuration.
    pub digest: Digest,
    /// Its configuration.
    pub configuration: Configuration,
    layers: Vec<Layer>,
}

#[derive(Debug)]
struct Layer {
    /// The blob's digest, where its name is one.
    digest: Option<Digest>,
    /// The name of its file in the store.
    name: String,
    size: Option<u64>,
}

impl Store {
    /// Opens the folder of an OCI layout, or a tar file.
    ///
    /// # Errors
    /// It cannot be read, or is neither.
    pub fn open(path: &Path, limits: Limits) -> Result<Self, Refusal> {
        let io = |error| Refusal::Io { what: path.display().to_string(), error };
        let metadata = path.metadata().map_err(io)?;
        if metadata.is_dir() {
            if !path.join("oci-layout").is_file() {
                let why = format!("{} has no file `oci-layout`", path.display());
                return Err(Refusal::NotAnImage(why));
            }
            return Ok(Self { place: Place::Folder(path.to_owned()), limits });
        }
        let members = members(path, &limits)?;
        Ok(Self { place: Place::Archive { file: path.to_owned(), members }, limits })
    }

    /// The images in it; of one for several machines, that for `platform`.
    ///
    /// # Errors
    /// A document is missing or broken.
    pub fn images(&self, platform: &Platform) -> Result<Vec<Image>, Refusal> {
        if self.has("index.json") {
            let index: Index = self.document("index.json", None)?;
            let chosen = index
                .manifests
                .iter()
                .filter(|d| d.platform.as_ref().is_none_or(|p| fits(p, platform)));
            return chosen.map(|descriptor| self.image(descriptor, platform, 0)).collect();
        }
        if self.has("manifest.json") {
            let saved: Vec<Saved> = self.document("manifest.json", None)?;
            return saved.into_iter().map(|image| self.saved(image)).collect();
        }
        Err(Refusal::NotAnImage(
            "there is neither `index.json` nor `manifest.json` in it".to_owned(),
        ))
    }

    fn image(
        &self,
        descriptor: &Descriptor,
        platform: &Platform,
        depth: usize,
    ) -> Result<Image, Refusal> {
        const NAMES: [&str; 2] = ["io.containerd.image.name", "org.opencontainers.image.ref.name"];
        let name = NAMES.iter().find_map(|key| descriptor.annotation(key)).unwrap_or_default();
        let text = self.blob(descriptor)?;
        let what = format!("the manifest {}", descriptor.digest);
        // An index has `manifests`, a manifest `layers`: media types are left out by some.
        let form: Form = parse(&text, &what)?;
        match form {
            Form::Index(index) if depth < 2 => {
                let fitting =
                    |d: &&Descriptor| d.platform.as_ref().is_none_or(|p| fits(p, platform));
                let found = index.manifests.iter().find(fitting).ok_or_else(|| {
                    let Platform { os, architecture, .. } = platform;
                    Refusal::NotAnImage(format!("there is no image for {os}/{architecture} in it"))
                })?;
                let image = self.image(found, platform, depth + 1)?;
                Ok(Image { name: name.to_owned(), ..image })
            }
            Form::Index(_) => Err(Refusal::NotAnImage("indexes in indexes, too deep".to_owned())),
            Form::Manifest(manifest) => {
                let what = format!("the configuration {}", manifest.config.digest);
                let configuration = parse(&self.blob(&manifest.config)?, &what)?;
                let layers = manifest.layers.iter().map(|layer| Layer {
                    digest: Some(layer.digest.clone()),
                    name: format!("blobs/{}", layer.digest.path()),
                    size: Some(layer.size),
                });
                let digest = descriptor.digest.clone();
                Ok(Image { name: name.to_owned(), digest, configuration, layers: layers.collect() })
            }
        }
    }

    /// An image of `docker save` (Docker image specification 1.2, "Combined Image JSON").
    fn saved(&self, saved: Saved) -> Result<Image, Refusal> {
        let text = self.whole(&saved.config)?;
        let layers = saved.layers.into_iter().map(|name| Layer { digest: None, name, size: None });
        Ok(Image {
            name: saved.repo_tags.into_iter().flatten().next().unwrap_or_default(),
            digest: Digest::of(&text),
            configuration: parse(&text, &saved.config)?,
            layers: layers.collect(),
        })
    }

    fn has(&self, name: &str) -> bool {
        match &self.place {
            Place::Folder(folder) => folder.join(name).is_file(),
            Place::Archive { members, .. } => members.contains_key(name),
        }
    }

    /// The bytes of a file of the store, and how many there are.
    fn open_file(&self, name: &str) -> Result<(Box<dyn Read + Send>, u64), Refusal> {
        let io = |error| Refusal::Io { what: name.to_owned(), error };
        match &self.place {
            Place::Folder(folder) => {
                let file = File::open(folder.join(name)).map_err(io)?;
                let metadata = file.metadata().map_err(io)?;
                if !metadata.is_file() {
                    return Err(io(io::Error::other("not a regular file")));
                }
                Ok((Box::new(file), metadata.len()))
            }
            Place::Archive { file, members } => {
                let (at, length) =
                    members.get(name).copied().ok_or_else(|| io(io::ErrorKind::NotFound.into()))?;
                let mut file = File::open(file).map_err(io)?;
                file.seek(SeekFrom::Start(at)).map_err(io)?;
                Ok((Box::new(file.take(length)), length))
            }
        }
    }

    fn whole(&self, name: &str) -> Result<Vec<u8>, Refusal> {
        let limit = self.limits.document_bytes;
        let (from, length) = self.open_file(name)?;
        let mut bytes = Vec::with_capacity(length.min(limit) as usize);
        let io = |error| Refusal::Io { what: name.to_owned(), error };
        from.take(limit + 1).read_to_end(&mut bytes).map_err(io)?;
        if bytes.len() as u64 > limit {
            return Err(Refusal::TooLarge { what: name.to_owned(), limit });
        }
        Ok(bytes)
    }

    fn document<T: DeserializeOwned>(&self, name: &str, what: Option<&str>) -> Result<T, Refusal> {
        parse(&self.whole(name)?, what.unwrap_or(name))
    }

    /// A document's bytes, checked.
    fn blob(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Refusal> {
        let Descriptor { digest, size, .. } = descriptor;
        let name = format!("blobs/{}", digest.path());
        if !self.has(&name) {
            return Err(Refusal::Missing(digest.clone()));
        }
        let bytes = self.whole(&name)?;
        let what = || format!("the blob {digest}");
        if bytes.len() as u64 != *size {
            let (wanted, found) = (*size, bytes.len() as u64);
            return Err(Refusal::Size { what: what(), wanted, found });
        }
        match Checked::new(&*bytes, digest.clone()).verify() {
            Ok(Err(found)) => Err(Refusal::Digest { what: what(), wanted: digest.clone(), found }),
            _ => Ok(bytes),
        }
    }

    /// Streams the layers of an image, each once and all cores at a time, and applies them to one
    /// another. `visitor` makes the visitor of a layer; they are given back in the layers' order.
    ///
    /// # Errors
    /// A layer is missing, broken, not what its digest says, or more than the limits allow.
    pub fn read<V: LayerVisitor + Send>(
        &self,
        image: &Image,
        visitor: impl Fn(u16) -> V + Sync,
    ) -> Result<(Tree, Vec<V>), Refusal> {
        let count = image.layers.len();
        if count > self.limits.layers {
            return Err(Refusal::TooManyLayers(self.limits.layers));
        }
        let layers: Vec<_> = image.layers.iter().zip(0_u16..).collect();
        let read = layers.into_par_iter().with_max_len(1).map(|(layer, number)| {
            let mut visitor = visitor(number);
            let read = self.layer(image, layer, number, &mut visitor)?;
            Ok::<_, Refusal>((read, visitor))
        });
        let read: Vec<_> = read.collect();
        let mut tree = Tree::new(self.limits.names);
        let mut visitors = Vec::with_capacity(count);
        for (layer, number) in read.into_iter().zip(0_u16..) {
            let (layer, visitor) = layer?;
            layer.each(number, |id, path, mode, said| tree.apply(id, path, mode, said))?;
            visitors.push(visitor);
        }
        Ok((tree, visitors))
    }

    fn layer(
        &self,
        image: &Image,
        layer: &Layer,
        number: u16,
        visitor: &mut dyn LayerVisitor,
    ) -> Result<LayerRead, Refusal> {
        if let (Some(digest), false) = (&layer.digest, self.has(&layer.name)) {
            return Err(Refusal::Missing(digest.clone()));
        }
        let what = || format!("layer {number}");
        let (from, found) = self.open_file(&layer.name)?;
        if let Some(wanted) = layer.size
            && wanted != found
        {
            return Err(Refusal::Size { what: what(), wanted, found });
        }
        let diff_id = image.configuration.rootfs.diff_ids.get(usize::from(number));
        let Some(digest) = &layer.digest else {
            return read_layer(from, number, diff_id, &self.limits, visitor);
        };
        let mut checked = Checked::new(from, digest.clone());
        let read = read_layer(&mut checked, number, diff_id, &self.limits, visitor)?;
        match checked.verify().map_err(|error| Refusal::Io { what: what(), error })? {
            Ok(()) => Ok(read),
            Err(found) => Err(Refusal::Digest { what: what(), wanted: digest.clone(), found }),
        }
    }
}

/// One image in `manifest.json` of `docker save`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Form {
    Index(Index),
    Manifest(Manifest),
}

fn parse<T: DeserializeOwned>(text: &[u8], what: &str) -> Result<T, Refusal> {
    let wrong = |error: serde_json::Error| Refusal::Document {
        what: what.to_owned(),
        error: error.to_string(),
    };
    serde_json::from_slice(text).map_err(wrong)
}

/// Whether an image is for a machine. Attestations are marked `unknown/unknown`.
fn fits(image: &Platform, machine: &Platform) -> bool {
    let variant = machine.variant.as_ref();
    image.os == machine.os
        && image.architecture == machine.architecture
        && variant.is_none_or(|wanted| image.variant.as_ref() == Some(wanted))
}

/// The members of a tar file that is not compressed.
fn members(path: &Path, limits: &Limits) -> Result<HashMap<String, (u64, u64)>, Refusal> {
    let what = || path.display().to_string();
    let io = |error| Refusal::Io { what: what(), error };
    let mut file = File::open(path).map_err(io)?;
    let mut head = [0; 4];
    let count = file.read(&mut head).map_err(io)?;
    if head[..count].starts_with(&[0x1F, 0x8B]) || head[..count] == [0x28, 0xB5, 0x2F, 0xFD] {
        let why = format!("{} is compressed; unpack it first", what());
        return Err(Refusal::NotAnImage(why));
    }
    file.rewind().map_err(io)?;
    let not = |error: io::Error| Refusal::NotAnImage(format!("{} is not a tar: {error}", what()));
    let mut archive = tar::Archive::new(file);
    let mut members = HashMap::new();
    for entry in archive.entries_with_seek().map_err(not)? {
        let entry = entry.map_err(not)?;
        if members.len() >= limits.names {
            return Err(Refusal::TooManyNames(limits.names));
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let name = name.trim_start_matches("./").to_owned();
        if entry.header().entry_type().is_file() {
            members.insert(name, (entry.raw_file_position(), entry.size()));
        }
    }
    Ok(members)
}
