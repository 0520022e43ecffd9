//! Serializes what an [`Inspector`] found in a layer, for the cache. It contains no value of a
//! secret.

use pavisade_model::{Confidence, FileId};
use serde::{Deserialize, Serialize};

use super::{Candidate, Inspector};

#[derive(Serialize, Deserialize)]
struct Kept {
    found: Vec<Found>,
    passwd: Option<(u32, Vec<u8>)>,
    gap: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Found {
    entry: u32,
    path: String,
    what: String,
    name: String,
    line: u32,
    confidence: u8,
    value: u64,
}

const CONFIDENCES: [Confidence; 3] = [Confidence::Low, Confidence::Medium, Confidence::High];

impl Inspector {
    /// Serializes the results.
    pub(crate) fn keep(&self) -> Option<Vec<u8>> {
        let confidence = |of: Confidence| CONFIDENCES.iter().position(|known| *known == of);
        let found = |one: &Candidate| Found {
            entry: one.id.entry,
            path: one.path.to_string(),
            what: one.what.clone().into_owned(),
            name: one.name.clone(),
            line: one.line,
            confidence: confidence(one.confidence).unwrap_or_default() as u8,
            value: one.value,
        };
        let kept = Kept {
            found: self.found.iter().map(found).collect(),
            passwd: self.passwd.as_ref().map(|(id, text)| (id.entry, text.clone())),
            gap: self.gap.as_deref().map(str::to_owned),
        };
        serde_json::to_vec(&kept).ok()
    }

    /// Restores the inspector of a layer; `None` if the bytes are invalid.
    pub(crate) fn restored(layer: u16, bytes: &[u8]) -> Option<Self> {
        let Kept { found, passwd, gap } = serde_json::from_slice(bytes).ok()?;
        let one = |found: Found| {
            Some(Candidate {
                id: FileId { layer, entry: found.entry },
                path: found.path.into(),
                what: found.what.into(),
                name: found.name,
                line: found.line,
                confidence: *CONFIDENCES.get(usize::from(found.confidence))?,
                value: found.value,
            })
        };
        Some(Self {
            found: found.into_iter().map(one).collect::<Option<_>>()?,
            passwd: passwd.map(|(entry, text)| (FileId { layer, entry }, text)),
            gap: gap.map(Into::into),
            ..Self::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use pavisade_model::LayerFile;

    use super::*;

    #[test]
    fn what_is_kept_comes_back_under_another_layer() {
        let mut inspector = Inspector::default();
        for (path, text) in [("etc/passwd", "root:x:0:0::/:\n"), ("app/.env", "PASSWORD=hunter2\n")]
        {
            let size = text.len() as u64;
            let file = LayerFile { path, size, mode: 0o644, layer: 3, entry: size as u32 };
            assert!(inspector.wants(&file));
            let mut also = String::new();
            let read = |bytes: &mut dyn std::io::Read| bytes.read_to_string(&mut also).map(drop);
            inspector.take(&file, &mut text.as_bytes(), read).unwrap();
            assert_eq!(also, text);
            // A second one in the same layer replaces the first.
            let again = LayerFile { entry: file.entry + 1, ..file };
            if path == "etc/passwd" {
                inspector.take(&again, &mut &b"a:x:1:1::/:\n"[..], |_| Ok(())).unwrap();
                let (id, text) = inspector.passwd.as_ref().unwrap();
                assert_eq!((id.entry, &**text), (again.entry, &b"a:x:1:1::/:\n"[..]));
            }
        }
        let kept = inspector.keep().unwrap();
        assert!(!String::from_utf8_lossy(&kept).contains("hunter2"));
        let again = Inspector::restored(5, &kept).unwrap();
        assert_eq!(again.keep().unwrap(), kept);
        assert!(again.found.iter().all(|found| found.id.layer == 5));
        assert!(Inspector::restored(5, &kept[1..]).is_none());
    }
}
