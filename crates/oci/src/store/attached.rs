//! Signatures and attestations attached to an image in a store.

use super::{Layout, Store};
use crate::manifest::{Descriptor, Form, Index};
use crate::place::Place;
use crate::registry::{Attached, Attachments, is_signature};
use crate::{Digest, Refusal};

/// The largest number of manifests of a layout to search for attachments.
const MAX_ATTACHED: usize = 4096;

impl Store {
    /// Returns the signatures and attestations stored with an image: in its registry or in the same
    /// layout, where everything the index refers to is searched.
    ///
    /// # Errors
    /// The place could not be asked, or is of a form that holds no signatures. What is not there is no
    /// error, and what cannot be read is a gap.
    pub fn attached(&self, digest: &Digest) -> Result<Attachments, Refusal> {
        if let Place::Registry(repository) = &self.place {
            return repository.attached(digest);
        }
        if self.form != Layout::Oci {
            let form = match self.form {
                Layout::Docker => "an archive of `docker save`",
                Layout::Flat => "a folder of `skopeo copy`",
                _ => "a root file system",
            };
            return Err(Refusal::NotAnImage(format!(
                "{} is {form}, which holds no signatures: only the image's registry or an OCI \
                 layout shows whether it is signed",
                self.name
            )));
        }
        let index: Index = self.document("index.json")?;
        let mut all = Attachments::default();
        let mut left: Vec<(Descriptor, usize)> =
            index.manifests.into_iter().map(|one| (one, 0)).collect();
        let mut count = 0;
        while let Some((descriptor, depth)) = left.pop() {
            count += 1;
            if count > MAX_ATTACHED {
                all.gaps.push(format!("{} has more than {MAX_ATTACHED} manifests", self.name));
                break;
            }
            let text = match self.manifest_text(&descriptor) {
                Ok(text) => text,
                // Images for other machines are often left out.
                Err(_) if descriptor.platform.as_ref().is_some_and(|it| !it.is_none()) => continue,
                Err(refusal) => {
                    all.gaps.push(refusal.to_string());
                    continue;
                }
            };
            match Form::read(&text, &format!("the manifest {}", descriptor.digest)) {
                Ok(Form::Index(inner)) if depth < 2 => {
                    left.extend(inner.manifests.into_iter().map(|one| (one, depth + 1)));
                }
                Ok(Form::Manifest(manifest)) => {
                    for layer in manifest.layers {
                        if !is_signature(&layer.media_type) {
                            continue;
                        }
                        let bytes = match self.blob(&layer) {
                            Ok(bytes) => bytes,
                            Err(refusal) => {
                                all.gaps.push(refusal.to_string());
                                continue;
                            }
                        };
                        all.found.push(Attached {
                            bytes,
                            media_type: layer.media_type,
                            annotations: layer.annotations.unwrap_or_default(),
                            manifest: descriptor.digest.clone(),
                            place: "layout".to_owned(),
                        });
                    }
                }
                Ok(Form::Index(_)) => {
                    all.gaps.push(format!("{} is an index in too many others", descriptor.digest));
                }
                Err(refusal) => all.gaps.push(refusal.to_string()),
            }
        }
        Ok(all)
    }
}
