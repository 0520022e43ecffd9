//! Attaches something to an image in a registry (OCI distribution specification 1.1, "Pushing
//! manifests with subject"): pushes a manifest with one layer and, if the registry has no referrers
//! API, updates the index under the fallback tag.

use serde_json::{Value, json};

use super::http::{self, Body};
use super::{Cause, Endpoint, Fault, Registries, Remote, Repository};
use crate::manifest::Form;
use crate::{Digest, Refusal};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// Something to attach to an image.
#[derive(Debug, Clone)]
pub struct Attachment<'a> {
    /// The media type.
    pub media_type: &'a str,
    /// The content.
    pub bytes: &'a [u8],
    /// The annotations to show in lists.
    pub annotations: &'a [(&'a str, String)],
}

/// Where something was attached.
#[derive(Debug, Clone)]
pub struct Placed {
    /// The digest of the manifest.
    pub manifest: Digest,
    /// The fallback tag, if the registry has no referrers API.
    pub tag: Option<String>,
}

impl Registries {
    /// Attaches something to the image with that digest.
    ///
    /// # Errors
    /// The image does not exist, or the registry rejects the upload.
    pub fn attach(
        &self,
        remote: &Remote,
        digest: &Digest,
        attachment: &Attachment<'_>,
    ) -> Result<Placed, Refusal> {
        let mut repository = Repository::new(self, remote.clone());
        repository.endpoint.writes = true;
        let missing = || Refusal::Missing(digest.clone());
        let (subject, _) = repository.optional(&digest.to_string())?.ok_or_else(missing)?;
        let kind = match Form::read(&subject, &format!("the manifest {digest}"))? {
            Form::Index(_) => said(&subject).unwrap_or_else(|| INDEX.to_owned()),
            Form::Manifest(_) => said(&subject).unwrap_or_else(|| MANIFEST.to_owned()),
        };
        repository.push_blob(b"{}")?;
        repository.push_blob(attachment.bytes)?;
        let annotations: serde_json::Map<String, Value> = attachment
            .annotations
            .iter()
            .map(|(key, value)| ((*key).to_owned(), Value::String(value.clone())))
            .collect();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": attachment.media_type,
            "config": {"mediaType": EMPTY, "digest": Digest::of(b"{}").to_string(), "size": 2},
            "layers": [{
                "mediaType": attachment.media_type,
                "digest": Digest::of(attachment.bytes).to_string(),
                "size": attachment.bytes.len(),
            }],
            "subject": {"mediaType": kind, "digest": digest.to_string(), "size": subject.len()},
            "annotations": annotations,
        });
        let text = manifest.to_string();
        let own = Digest::of(text.as_bytes());
        // What no list names would never be found, so that an answer alone is not enough.
        let keeps = repository.push_manifest(&own.to_string(), MANIFEST, text.as_bytes())?
            || repository.lists(digest, &own)?;
        if keeps {
            return Ok(Placed { manifest: own, tag: None });
        }
        let tag = digest.to_string().replacen(':', "-", 1);
        let entry = json!({
            "mediaType": MANIFEST,
            "artifactType": attachment.media_type,
            "digest": own.to_string(),
            "size": text.len(),
            "annotations": annotations,
        });
        repository.list(&tag, &own, entry)?;
        Ok(Placed { manifest: own, tag: Some(tag) })
    }
}

/// Returns the `mediaType` field of a document.
fn said(text: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(text).ok()?;
    Some(value.get("mediaType")?.as_str()?.to_owned()).filter(|kind| !kind.is_empty())
}

impl Repository {
    /// Adds an entry to the index under a tag, which may already exist.
    fn list(&self, tag: &str, own: &Digest, entry: Value) -> Result<(), Refusal> {
        let wrong = |error: &str| Refusal::Document {
            what: format!("the index `{tag}`"),
            error: error.to_owned(),
        };
        let mut index = match self.optional(tag)? {
            Some((text, _)) => {
                serde_json::from_slice(&text).map_err(|error| wrong(&error.to_string()))?
            }
            None => json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}),
        };
        let manifests = index.get_mut("manifests").and_then(Value::as_array_mut);
        let manifests = manifests.ok_or_else(|| wrong("it is not an index"))?;
        let own = own.to_string();
        if !manifests.iter().any(|one| one.get("digest").and_then(Value::as_str) == Some(&own)) {
            manifests.push(entry);
        }
        self.push_manifest(tag, INDEX, index.to_string().as_bytes())?;
        Ok(())
    }

    fn push_blob(&self, bytes: &[u8]) -> Result<(), Refusal> {
        let endpoint = &self.endpoint;
        let digest = Digest::of(bytes);
        let begin = Body { posts: true, kind: "application/octet-stream", bytes: b"" };
        let first = endpoint.address("blobs/uploads/")?;
        let answer =
            self.registries.ask(endpoint, &first, "blobs/uploads/", &[], None, Some(begin))?;
        let to = http::text(answer.headers(), reqwest::header::LOCATION).unwrap_or_default();
        let mut url = first.join(to).map_err(|_| self.odd("names no address for a blob"))?;
        url.query_pairs_mut().append_pair("digest", &digest.to_string());
        let put = Body { posts: false, kind: "application/octet-stream", bytes };
        self.registries.ask(endpoint, &url, "blobs/uploads/", &[], None, Some(put))?;
        Ok(())
    }

    /// Pushes a manifest. Returns whether the registry supports the referrers API.
    fn push_manifest(&self, name: &str, kind: &str, bytes: &[u8]) -> Result<bool, Refusal> {
        let rest = format!("manifests/{name}");
        let url = self.endpoint.address(&rest)?;
        let put = Body { posts: false, kind, bytes };
        let answer = self.registries.ask(&self.endpoint, &url, &rest, &[], None, Some(put))?;
        Ok(answer.headers().contains_key("oci-subject"))
    }

    fn odd(&self, what: &str) -> Fault {
        let Endpoint { key, .. } = &self.endpoint;
        Fault::new(Cause::Answer, format!("{key} {what}"))
    }
}
