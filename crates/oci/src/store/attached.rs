//! Signatures and attestations attached to an image in a store.

use super::{Layout, Store};
use crate::manifest::{Descriptor, Form, Index};
use crate::place::Place;
use crate::registry::{Attached, is_signature};
use crate::{Digest, Refusal};

/// The largest number of manifests of a layout to search for attachments.
const MAX_ATTACHED: usize = 4096;

impl Store {
    /// Returns the signatures and attestations stored with an image: in its registry or in the same
    /// layout, where everything the index refers to is searched.
    ///
    /// # Errors
    /// A place cannot be queried. A missing place is not an error.
    pub fn attached(&self, digest: &Digest) -> Result<Vec<Attached>, Refusal> {
        if let Place::Registry(repository) = &self.place {
            return repository.attached(digest);
        }
        if self.form != Layout::Oci {
            return Ok(Vec::new());
        }
        let index: Index = self.document("index.json")?;
        let mut found = Vec::new();
        let mut left: Vec<(Descriptor, usize)> =
            index.manifests.into_iter().map(|one| (one, 0)).collect();
        let mut count = 0;
        while let Some((descriptor, depth)) = left.pop() {
            count += 1;
            if count > MAX_ATTACHED {
                let what = format!("the index of {}", self.name);
                return Err(Refusal::TooLarge { what, limit: MAX_ATTACHED as u64 });
            }
            // A missing manifest is reported when the image is read.
            let Ok(text) = self.manifest_text(&descriptor) else { continue };
            match Form::read(&text, &format!("the manifest {}", descriptor.digest)) {
                Ok(Form::Index(inner)) if depth < 2 => {
                    left.extend(inner.manifests.into_iter().map(|one| (one, depth + 1)));
                }
                Ok(Form::Manifest(manifest)) => {
                    for layer in manifest.layers {
                        if !is_signature(&layer.media_type) {
                            continue;
                        }
                        found.push(Attached {
                            bytes: self.blob(&layer)?,
                            media_type: layer.media_type,
                            annotations: layer.annotations.unwrap_or_default(),
                            manifest: descriptor.digest.clone(),
                            place: "layout".to_owned(),
                        });
                    }
                }
                _ => {}
            }
        }
        Ok(found)
    }
}
