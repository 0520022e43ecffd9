//! What stays the same while a finding is the same.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use crate::{Finding, Subject, kinds, repository};

/// Identity of a finding over time: rule, subject (of what a controller made, its owner), field and
/// instance; never a file, an index, a line, a message or an API version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint {
    version: Version,
    digest: [u8; 16],
}

/// How a fingerprint was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Version {
    /// Of objects and worlds only; it does not say which of them.
    One,
    /// With the variant of the subject.
    Two,
}

/// The parts of a fingerprint, each with its length before it.
struct Parts(Sha256);

impl Parts {
    fn add(&mut self, text: &str) {
        self.0.update((text.len() as u64).to_le_bytes());
        self.0.update(text.as_bytes());
    }

    fn subject(&mut self, subject: &Subject, version: Version) {
        if version == Version::Two {
            self.add(subject.word());
        }
        match subject {
            Subject::Object { group, kind, namespace, name, container } => {
                for text in [group, kind, namespace, name] {
                    self.add(text);
                }
                self.add(container.as_deref().unwrap_or(""));
            }
            // The name of a world, a cluster or an artifact is a path or an address: it may change.
            Subject::World { .. } if version == Version::One => self.add("world"),
            // The first version had these facts as an object with a kind of our own.
            Subject::Cluster { name } if version == Version::One => {
                for text in [kinds::CLUSTER.group, kinds::CLUSTER.kind, "", name, ""] {
                    self.add(text);
                }
            }
            Subject::World { .. } | Subject::Cluster { .. } | Subject::Artifact { .. } => {}
            // Every build has another digest, and is the same image all the same.
            Subject::Image { name, .. } => self.add(repository(name)),
            // Two architectures of a package have two package URLs, and so have two versions.
            Subject::Package { holder, name, version: number, purl } => {
                self.add(if purl.is_empty() { name } else { purl });
                self.add(number);
                self.subject(holder, version);
            }
            Subject::File { holder, path } => {
                self.add(path);
                self.subject(holder, version);
            }
        }
    }

    fn of(finding: &Finding, version: Version) -> Fingerprint {
        let mut parts = Self(Sha256::new());
        parts.add(&finding.rule.id);
        parts.subject(finding.owner.as_deref().unwrap_or(&finding.subject), version);
        parts.add(&finding.stable_path);
        parts.add(&finding.instance);
        let digest = parts.0.finalize();
        Fingerprint { version, digest: std::array::from_fn(|i| digest[i]) }
    }
}

impl Finding {
    /// What stays the same while the finding is the same.
    pub fn fingerprint(&self) -> Fingerprint {
        Parts::of(self, Version::Two)
    }

    /// The fingerprint that the first version of Pavisade's results gave it.
    pub fn first_fingerprint(&self) -> Fingerprint {
        Parts::of(self, Version::One)
    }
}

impl FromStr for Fingerprint {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "a fingerprint is `v2:` or `v1:` and 32 hexadecimal digits";
        let (version, digits) = match text.split_once(':') {
            Some(("v1", digits)) => (Version::One, digits),
            Some(("v2", digits)) => (Version::Two, digits),
            _ => return Err(WRONG),
        };
        if digits.len() != 32 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(WRONG);
        }
        let number = u128::from_str_radix(digits, 16).map_err(|_| WRONG)?;
        Ok(Self { version, digest: number.to_be_bytes() })
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = String::with_capacity(35);
        text.push_str(match self.version {
            Version::One => "v1:",
            Version::Two => "v2:",
        });
        for byte in self.digest {
            for half in [byte >> 4, byte & 15] {
                text.push(char::from(DIGITS[usize::from(half)]));
            }
        }
        f.write_str(&text)
    }
}
