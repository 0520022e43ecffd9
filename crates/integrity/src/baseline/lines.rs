//! The lines of a baseline as JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{FORMAT, Header, Node, Scope};
use crate::entry::{from_hex, hex};
use crate::{Algorithm, Certificate, Content, Digest, Entry, Kind, Time, escaped, unescaped};

pub(super) const MARK: &str = "integrity-baseline";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HeaderLine {
    pavisade: String,
    format: u32,
    version: u32,
    /// The digest of all bytes before this line; none in the first version.
    pub previous: Option<String>,
    node: NodeLine,
    made: String,
    hash: String,
    paths: Vec<String>,
    exclude: Vec<String>,
    one_file_system: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NodeLine {
    name: String,
    machine_id: String,
}

impl HeaderLine {
    pub(super) fn of(header: &Header, previous: Option<Digest>) -> Self {
        let Header { version, node, made, algorithm, scope } = header;
        let texts = |paths: &[Box<[u8]>]| paths.iter().map(|path| escaped(path)).collect();
        Self {
            pavisade: MARK.to_owned(),
            format: FORMAT,
            version: *version,
            previous: previous.map(|digest| digest.to_string()),
            node: NodeLine { name: node.name.clone(), machine_id: node.machine_id.clone() },
            made: made.clone(),
            hash: algorithm.name().to_owned(),
            paths: texts(&scope.paths),
            exclude: texts(&scope.exclude),
            one_file_system: scope.one_file_system,
        }
    }

    pub(super) fn header(self) -> Result<Header, String> {
        if self.pavisade != MARK {
            return Err("this is not a baseline of `pavisade integrity`".to_owned());
        }
        if self.format != FORMAT {
            return Err(format!(
                "format {} is not supported, only {FORMAT}: use a newer pavisade",
                self.format
            ));
        }
        let algorithm = Algorithm::named(&self.hash).filter(|hash| *hash != Algorithm::Md5);
        let algorithm =
            algorithm.ok_or_else(|| format!("`{}` is not a hash of baselines", self.hash))?;
        Ok(Header {
            version: self.version,
            node: Node { name: self.node.name, machine_id: self.node.machine_id },
            made: self.made,
            algorithm,
            scope: Scope {
                paths: paths(&self.paths)?,
                exclude: paths(&self.exclude)?,
                one_file_system: self.one_file_system,
            },
        })
    }
}

fn paths(texts: &[String]) -> Result<Vec<Box<[u8]>>, String> {
    texts.iter().map(|text| path(text)).collect()
}

fn path(text: &str) -> Result<Box<[u8]>, String> {
    let path = unescaped(text).filter(|path| is_path(path));
    path.ok_or_else(|| format!("`{text}` is not a path"))
}

/// Returns whether a path starts with `/` and has no empty name, `.` or `..`.
fn is_path(path: &[u8]) -> bool {
    let Some(names) = path.strip_prefix(b"/") else { return false };
    let is_name = |name: &[u8]| !name.is_empty() && name != b"." && name != b"..";
    path.len() < 1 << 16
        && !path.contains(&0)
        && (names.is_empty() || names.split(|byte| *byte == b'/').all(is_name))
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndLine {
    /// The digest of the header and the entries.
    pub end: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EntryLine {
    path: String,
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    gone: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mode: Option<String>,
    #[serde(default, skip_serializing_if = "is_zero")]
    uid: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    gid: u32,
    #[serde(default, skip_serializing_if = "is_empty")]
    size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device: Option<(u32, u32)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unread: Option<String>,
    #[serde(default)]
    mtime: (i64, u32),
    #[serde(default)]
    ctime: (i64, u32),
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inode: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    links: Option<u32>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    xattrs: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    xattrs_unread: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    package: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certificate: Option<CertificateLine>,
    #[serde(default, skip_serializing_if = "is_false")]
    immutable: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    append_only: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CertificateLine {
    subject: String,
    issuer: String,
    validity: (i64, i64),
    #[serde(default, skip_serializing_if = "String::is_empty")]
    profile: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_empty(value: &u64) -> bool {
    *value == 0
}

impl EntryLine {
    pub(super) fn gone(path: &[u8]) -> Self {
        let mut line = Self::of(&Entry::new(path, Kind::File));
        (line.gone, line.kind, line.mode) = (true, None, None);
        line
    }

    pub(super) fn of(entry: &Entry) -> Self {
        let (mut digest, mut target, mut device, mut unread) = (None, None, None, None);
        match &entry.content {
            Content::Digest(found) => digest = Some(found.hex()),
            Content::Target(found) => target = Some(escaped(found)),
            Content::Device(major, minor) => device = Some((*major, *minor)),
            Content::Unread(why) => unread = Some(why.to_string()),
            Content::Nothing => {}
        }
        let (mut xattrs, mut xattrs_unread) = (BTreeMap::new(), None);
        match &entry.attributes {
            Ok(all) => {
                xattrs.extend(all.iter().map(|(name, value)| (name.to_string(), hex(value))))
            }
            Err(why) => xattrs_unread = Some(why.to_string()),
        }
        Self {
            path: escaped(&entry.path),
            kind: Some(entry.kind.name().to_owned()),
            gone: false,
            mode: Some(format!("{:04o}", entry.mode)),
            uid: entry.uid,
            gid: entry.gid,
            size: entry.size,
            digest,
            target,
            device,
            unread,
            mtime: (entry.mtime.0, entry.mtime.1),
            ctime: (entry.ctime.0, entry.ctime.1),
            inode: entry.inode,
            links: entry.links,
            xattrs,
            xattrs_unread,
            package: entry.package.as_deref().map(str::to_owned),
            certificate: entry.certificate.as_ref().map(|found| CertificateLine {
                subject: found.subject.clone(),
                issuer: found.issuer.clone(),
                validity: (found.not_before, found.not_after),
                profile: found.profile.clone(),
            }),
            immutable: entry.flags.0,
            append_only: entry.flags.1,
        }
    }

    /// Returns the path, and its entry unless it is gone.
    pub(super) fn entry(self, algorithm: Algorithm) -> Result<(Box<[u8]>, Option<Entry>), String> {
        let at = path(&self.path)?;
        if self.gone {
            let has_more = self.kind.is_some() || self.mode.is_some() || self.digest.is_some();
            return if has_more {
                Err("a removed path has values".to_owned())
            } else {
                Ok((at, None))
            };
        }
        let kind = self
            .kind
            .as_deref()
            .and_then(|name| Kind::ALL.into_iter().find(|kind| kind.name() == name));
        let kind = kind.ok_or("the type is missing or not known")?;
        let content = match (self.digest, self.target, self.device, self.unread) {
            (Some(digest), None, None, None) if kind == Kind::File => Content::Digest(
                Digest::from_hex(algorithm, &digest).ok_or("the digest has a wrong form")?,
            ),
            (None, Some(target), None, None) if kind == Kind::Link => {
                Content::Target(unescaped(&target).ok_or("the target has a wrong form")?)
            }
            (None, None, Some((major, minor)), None)
                if matches!(kind, Kind::Block | Kind::Character) =>
            {
                Content::Device(major, minor)
            }
            (None, None, None, Some(why)) => Content::Unread(why.into()),
            (None, None, None, None)
                if matches!(kind, Kind::Directory | Kind::Fifo | Kind::Socket) =>
            {
                Content::Nothing
            }
            _ => return Err(format!("the content does not fit the type `{}`", kind.name())),
        };
        let mode = self.mode.as_deref().filter(|mode| mode.len() == 4);
        let mode = mode
            .and_then(|mode| u16::from_str_radix(mode, 8).ok())
            .ok_or("the mode has a wrong form")?;
        let attributes = match self.xattrs_unread {
            Some(why) => Err(why.into()),
            None => {
                let one =
                    |(name, value): (String, String)| Some((name.into(), from_hex(&value)?.into()));
                let all: Option<_> = self.xattrs.into_iter().map(one).collect();
                Ok(all.ok_or("an extended attribute has a wrong form")?)
            }
        };
        let entry = Entry {
            path: at.clone(),
            kind,
            mode,
            uid: self.uid,
            gid: self.gid,
            size: self.size,
            mtime: Time(self.mtime.0, self.mtime.1),
            ctime: Time(self.ctime.0, self.ctime.1),
            inode: self.inode,
            links: self.links,
            content,
            attributes,
            flags: (self.immutable, self.append_only),
            package: self.package.map(Into::into),
            certificate: self.certificate.map(|line| {
                Box::new(Certificate {
                    subject: line.subject,
                    issuer: line.issuer,
                    not_before: line.validity.0,
                    not_after: line.validity.1,
                    profile: line.profile,
                })
            }),
            trusted: false,
        };
        Ok((at, Some(entry)))
    }
}
