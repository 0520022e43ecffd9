//! What stays the same while a finding is the same.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use crate::{
    Finding, OPEN_POLICY, Severity, State, Subject, Together, UNHARDENED, kinds, repository,
};

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
        let subject = finding.owner.as_deref().unwrap_or(&finding.subject);
        Self::digest(&finding.rule.id, subject, [&finding.stable_path, &finding.instance], version)
    }

    fn digest(rule: &str, subject: &Subject, rest: [&str; 2], version: Version) -> Fingerprint {
        let mut parts = Self(Sha256::new());
        parts.add(rule);
        parts.subject(subject, version);
        for text in rest {
            parts.add(text);
        }
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

    /// What the finding is about in which it is shown with others; `None` where it is about no object.
    pub fn shared_subject(&self) -> Option<Subject> {
        let own = self.owner.as_deref().unwrap_or(&self.subject);
        let Subject::Object { group, kind, namespace, name, .. } = own else { return None };
        let object = || Subject::Object {
            group: group.clone(),
            kind: kind.clone(),
            namespace: namespace.clone(),
            name: name.clone(),
            container: None,
        };
        match self.rule.together {
            Together::Object | Together::Policy | Together::Hardening => Some(object()),
            Together::Namespace if !namespace.is_empty() => Some(Subject::Object {
                group: "".into(),
                kind: "Namespace".into(),
                namespace: "".into(),
                name: namespace.clone(),
                container: None,
            }),
            Together::Namespace | Together::Image => {
                Some(Subject::World { name: self.world.clone()? })
            }
        }
    }

    /// Whether it may be shown as a part of another finding: it fails, and is not a grave one about an
    /// object. What all workloads of a namespace lack, or what is said of an image, is one thing to do
    /// however grave it is.
    pub fn joins(&self) -> bool {
        let one_thing = matches!(self.rule.together, Together::Namespace | Together::Image);
        self.state == State::Fails && (one_thing || self.severity <= Severity::Medium)
    }

    /// The name of the image that it is about, where findings about one image are shown together.
    pub fn shared_image(&self) -> &str {
        match self.rule.together {
            Together::Image => self.detail().evidence.first().map_or("", String::as_str),
            Together::Object | Together::Namespace | Together::Policy | Together::Hardening => "",
        }
    }

    /// What tells findings apart that are shown together, beside rule and subject: the severity too,
    /// so that nobody who excepts a mild one excepts a grave one.
    pub fn shared_instance(&self) -> String {
        format!("{} {}", self.severity.name(), self.shared_image())
    }

    /// The fingerprints of findings in which it may be shown with others: an exception may name them.
    pub fn shared_fingerprints(&self) -> Vec<Fingerprint> {
        let Some(subject) = self.shared_subject() else { return Vec::new() };
        let instance = self.shared_instance();
        let is_open = self.state == State::Fails && *self.rule.id == *OPEN_POLICY;
        let mut shown: Vec<(&str, &str)> = Vec::new();
        match self.rule.together {
            Together::Hardening if self.joins() => shown.push((UNHARDENED, "")),
            Together::Policy if self.joins() => {
                shown.extend([(OPEN_POLICY, ""), (&*self.rule.id, &*instance)]);
            }
            _ if self.joins() => shown.push((&*self.rule.id, &*instance)),
            _ => {}
        }
        if is_open {
            shown.push((OPEN_POLICY, ""));
        }
        let of = |(rule, instance)| Parts::digest(rule, &subject, ["", instance], Version::Two);
        shown.into_iter().map(of).collect()
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
