//! Fingerprints: the identity of findings across scans.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use crate::{
    Finding, OPEN_POLICY, Severity, State, Subject, Together, UNHARDENED, kinds, repository,
};

/// The identity of a finding over time: rule, subject (or its owner if a controller created it),
/// field and instance; never a file, index, line, message or API version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint {
    version: Version,
    digest: [u8; 16],
}

/// The fingerprint algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Version {
    /// Uses objects and worlds only, without distinguishing the two.
    One,
    /// Includes the variant of the subject.
    Two,
}

/// The hashed parts of a fingerprint, each prefixed with its length.
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
            // The name of a world, a cluster or an artifact is a path or an address, which may
            // change.
            Subject::World { .. } if version == Version::One => self.add("world"),
            // The first version represented these facts as an object of a Pavisade kind.
            Subject::Cluster { name } if version == Version::One => {
                for text in [kinds::CLUSTER.group, kinds::CLUSTER.kind, "", name, ""] {
                    self.add(text);
                }
            }
            Subject::World { .. } | Subject::Cluster { .. } | Subject::Artifact { .. } => {}
            // Each build has a different digest but is the same image.
            Subject::Image { name, .. } => self.add(repository(name)),
            // Package URLs differ by architecture and by version.
            Subject::Package { holder, name, version: number, purl } => {
                self.add(if purl.is_empty() { name } else { purl });
                self.add(number);
                self.subject(holder, version);
            }
            Subject::File { holder, path } => {
                self.add(path);
                self.subject(holder, version);
            }
            Subject::Endpoint { component, address } => {
                self.add(component);
                self.add(address);
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
    /// Returns the fingerprint of the finding.
    pub fn fingerprint(&self) -> Fingerprint {
        Parts::of(self, Version::Two)
    }

    /// Returns the fingerprint by the first version of the algorithm.
    pub fn first_fingerprint(&self) -> Fingerprint {
        Parts::of(self, Version::One)
    }

    /// Returns the subject of the group this finding is shown in. `None` if it is not about an
    /// object.
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

    /// Whether it may be shown as part of a group. It must fail, and must not be of high or
    /// critical severity, except in groups by namespace or image: those are fixed in one place
    /// whatever their severity.
    pub fn joins(&self) -> bool {
        let one_thing = matches!(self.rule.together, Together::Namespace | Together::Image);
        self.state == State::Fails && (one_thing || self.severity <= Severity::Medium)
    }

    /// Returns the name of its image if findings are grouped by image, or an empty string.
    pub fn shared_image(&self) -> &str {
        match self.rule.together {
            Together::Image => self.detail().evidence.first().map_or("", String::as_str),
            Together::Object | Together::Namespace | Together::Policy | Together::Hardening => "",
        }
    }

    /// Distinguishes groups of the same rule and subject. Includes the severity, so that an
    /// exception for a low one does not cover a high one.
    pub fn shared_instance(&self) -> String {
        format!("{} {}", self.severity.name(), self.shared_image())
    }

    /// Returns the fingerprints of the groups it may be shown in. Exceptions may refer to them.
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
