//! Why a change was expected, and on whose word.
//!
//! Every aspect of a change must be explained. A package explains contents, and nothing else: dpkg
//! stores no modes. A checksum that agrees is not enough either: someone who replaces a program can
//! replace its checksum in the same way, so the version of the package must differ from that in the baseline,
//! and even then the records of the node are a weaker [`Basis`] than what was verified elsewhere. A
//! file that gains rights is never explained by them.

use std::collections::{HashMap, HashSet};

use crate::{
    Algorithm, Aspect, Change, ChangeKind, Compared, Content, Digest, Entry, Kind, Records,
};

/// What is known from outside of the baseline.
#[derive(Debug, Default)]
pub struct Facts {
    /// The installed packages of the node.
    pub records: Records,
    /// The packages of the entries of the baseline, with their versions: [`packages`].
    pub before: Versions,
    /// Further digests of the changed files, by path and algorithm.
    pub digests: Digests,
    /// Digests that the user trusts, with the name of a file and of the list.
    pub lists: HashMap<Digest, Vec<(String, String)>>,
    /// Changed files whose first certificate is signed by a certificate in an unchanged file, which is
    /// the value.
    pub issued: HashMap<Box<[u8]>, Box<[u8]>>,
    /// Changed files with a private key, and the changed file with its certificate.
    pub keys: HashMap<Box<[u8]>, Box<[u8]>>,
    /// Those of the issuers whose private key seems to be on the node, where root can use it.
    pub local: HashSet<Box<[u8]>>,
    /// Entries of a tree that the user trusts.
    pub reference: HashMap<Box<[u8]>, Entry>,
    /// The present, in seconds since 1970.
    pub now: i64,
}

/// The versions of packages by name. rpm installs several kernels.
pub type Versions = HashMap<Box<str>, Vec<Box<str>>>;

/// Digests by path and algorithm.
pub type Digests = HashMap<(Box<[u8]>, Algorithm), Digest>;

/// A digest that [`explain`] needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// The path.
    pub path: Box<[u8]>,
    /// The algorithm.
    pub algorithm: Algorithm,
}

/// Whether a change was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing explains it, or not all of it.
    Unexpected,
    /// All of it is explained.
    Expected(Basis),
}

/// On whose word a change was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Basis {
    /// The records of the package manager on the node, which root can change.
    NodeRecords,
    /// Something that the user gave or that the baseline covers.
    Proven,
}

/// What explains a change, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Explanation {
    /// The content is that of a package which was installed or upgraded.
    Package {
        /// The name.
        name: String,
        /// The version that is installed.
        version: String,
        /// The package with its version in the baseline.
        was: Option<String>,
    },
    /// The package which contained the path was removed or upgraded.
    PackageWithout {
        /// The package with its version in the baseline.
        was: String,
        /// The version that is installed.
        now: Option<String>,
    },
    /// The content agrees with a package, but its version is that of the baseline: the file was
    /// repaired, or the records were changed with it. Explains nothing.
    SameVersion {
        /// The name.
        name: String,
        /// The version.
        version: String,
    },
    /// A package lists the path with another checksum. Explains nothing.
    OtherChecksum {
        /// The name.
        name: String,
        /// The version.
        version: String,
    },
    /// The content is in a list that the user gave.
    List {
        /// The name in the list.
        name: String,
        /// The list.
        list: String,
    },
    /// A newer certificate with the same names, signed by a certificate that is unchanged.
    Certificate {
        /// The subject.
        subject: String,
        /// The file with the certificate that signed it.
        by: Box<[u8]>,
    },
    /// A newer certificate with the same names, but nothing that is unchanged proves its issuer.
    /// Explains nothing.
    UnprovenCertificate {
        /// The subject.
        subject: String,
    },
    /// The private key of a certificate that is expected.
    Key {
        /// The file with the certificate.
        certificate: Box<[u8]>,
    },
    /// The same file is in a tree that the user gave.
    Reference,
    /// An empty file or folder of root in the root of a container, as runtimes make for mounts.
    MountPoint,
}

/// A verdict with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The verdict.
    pub verdict: Verdict,
    /// What explains the change, or what seemed to.
    pub explanation: Option<Explanation>,
    /// What remains unexplained although the content is explained.
    pub rest: Vec<Aspect>,
}

/// Returns the packages of entries with their versions.
pub fn packages(entries: &[Entry]) -> Versions {
    let owners = entries.iter().filter_map(|entry| entry.package.as_deref()?.split_once(' '));
    let mut all = Versions::new();
    for (name, version) in owners {
        let known = all.entry(name.into()).or_default();
        if !known.iter().any(|known| &**known == version) {
            known.push(version.into());
        }
    }
    all
}

/// Returns the digests that are needed to explain changes.
pub fn needs(compared: &Compared, facts: &Facts) -> Vec<Need> {
    let mut needs = Vec::new();
    for entry in compared.changes.iter().filter_map(|change| change.is.as_ref()) {
        let Some(digest) = entry.digest() else { continue };
        let mut need = |algorithm| {
            if digest.algorithm != algorithm {
                needs.push(Need { path: entry.path.clone(), algorithm });
            }
        };
        if let Some(listed) = facts.records.file(&entry.path).and_then(|file| file.digest) {
            need(listed.algorithm);
        }
        if !facts.lists.is_empty() {
            need(Algorithm::Sha256);
        }
    }
    needs.sort_by(|a, b| (&a.path, a.algorithm).cmp(&(&b.path, b.algorithm)));
    needs.dedup();
    needs
}

/// Returns a verdict for each change, in their order.
pub fn explain(compared: &Compared, facts: &Facts) -> Vec<Explained> {
    let mut all: Vec<_> = compared.changes.iter().map(|change| one(change, facts)).collect();
    // A key is expected if its certificate is.
    let expected: HashMap<&[u8], Basis> = compared
        .changes
        .iter()
        .zip(&all)
        .filter_map(|(change, found)| match (&found.verdict, &found.explanation) {
            (Verdict::Expected(basis), Some(Explanation::Certificate { .. })) => {
                Some((change.path(), *basis))
            }
            _ => None,
        })
        .collect();
    let mut keys = Vec::new();
    for (at, change) in compared.changes.iter().enumerate() {
        // An added file is not explained by a key that it contains.
        if change.kind == ChangeKind::Changed
            && let Some(certificate) = facts.keys.get(change.path())
            && let Some(basis) = expected.get(&**certificate)
        {
            let explanation = Explanation::Key { certificate: certificate.clone() };
            keys.push((at, judged(change, explanation, *basis)));
        }
    }
    for (at, found) in keys {
        all[at] = found;
    }
    all
}

fn one(change: &Change, facts: &Facts) -> Explained {
    let nothing =
        |explanation| Explained { verdict: Verdict::Unexpected, explanation, rest: Vec::new() };
    match (change.kind, &change.was, &change.is) {
        (ChangeKind::Removed, Some(was), _) => match without(was, facts) {
            Some(explanation) => judged(change, explanation, Basis::NodeRecords),
            None => nothing(None),
        },
        (ChangeKind::Renamed, Some(was), Some(is)) => {
            let found = content(change, is, facts);
            match (found, without(was, facts)) {
                (Ok((explanation, _)), Some(_)) => judged(change, explanation, Basis::NodeRecords),
                (Ok((explanation, _)), None) => nothing(Some(explanation)),
                (Err(hint), _) => nothing(hint),
            }
        }
        (_, _, Some(is)) => match content(change, is, facts) {
            Ok((explanation, basis)) => judged(change, explanation, basis),
            Err(hint) => nothing(hint),
        },
        _ => nothing(None),
    }
}

/// Returns the verdict on a change whose content is explained: the rest of it must be explained too.
fn judged(change: &Change, explanation: Explanation, basis: Basis) -> Explained {
    if explanation == Explanation::Reference {
        let verdict = Verdict::Expected(basis);
        return Explained { verdict, explanation: Some(explanation), rest: Vec::new() };
    }
    // Another link keeps a program that an upgrade would replace.
    let links = |entry: &Option<Entry>| entry.as_ref().and_then(|entry| entry.links);
    let has_more_links = links(&change.is) > links(&change.was);
    let is_unexplained = |aspect: &&Aspect| match aspect {
        Aspect::Content | Aspect::Target => false,
        Aspect::Links => has_more_links,
        _ => true,
    };
    let mut rest: Vec<_> = change.aspects.iter().filter(is_unexplained).cloned().collect();
    if change.kind == ChangeKind::Added
        && let Some(is) = &change.is
    {
        if is.uid != 0 {
            rest.push(Aspect::Owner);
        }
        if is.gid != 0 {
            rest.push(Aspect::Group);
        }
        if is.flags != (false, false) {
            rest.push(Aspect::Flags);
        }
        let names = is.attributes.iter().flatten().map(|(name, _)| Aspect::of_attribute(name));
        rest.extend(names.filter(|aspect| *aspect == Aspect::Acl).take(1));
        if change.gains_rights() {
            rest.push(if is.mode & 0o6002 != 0 { Aspect::Mode } else { Aspect::Capabilities });
        }
    }
    let verdict = match rest.is_empty() {
        true => Verdict::Expected(basis),
        false => Verdict::Unexpected,
    };
    Explained { verdict, explanation: Some(explanation), rest }
}

/// Returns why a path is not there any more.
fn without(was: &Entry, facts: &Facts) -> Option<Explanation> {
    let package = was.package.as_deref()?;
    let (name, version) = package.split_once(' ')?;
    let now: Vec<_> = facts.records.versions(name).collect();
    let is_listed = facts.records.file(&was.path).is_some();
    // What could not be read may list it.
    let is_complete = !facts.records.is_empty() && facts.records.problems.is_empty();
    (!is_listed && is_complete && !now.contains(&version)).then(|| Explanation::PackageWithout {
        was: package.to_owned(),
        now: (!now.is_empty()).then(|| now.join(", ")),
    })
}

/// Returns what explains the content, or what only seems to.
fn content(
    change: &Change,
    is: &Entry,
    facts: &Facts,
) -> Result<(Explanation, Basis), Option<Explanation>> {
    if facts.reference.get(&is.path).is_some_and(|trusted| is_same(trusted, is, change)) {
        return Ok((Explanation::Reference, Basis::Proven));
    }
    let digest = |algorithm| match is.digest() {
        Some(digest) if digest.algorithm == algorithm => Some(digest),
        _ => facts.digests.get(&(is.path.clone(), algorithm)).copied(),
    };
    // A copy of a listed program at another place is not the program that the list is about.
    if change.kind == ChangeKind::Changed
        && let Some(named) = digest(Algorithm::Sha256).and_then(|digest| facts.lists.get(&digest))
    {
        let name = is.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        // The digest of a program must not explain another program.
        if let Some((name, list)) = named.iter().find(|(listed, _)| listed.as_bytes() == name) {
            let (name, list) = (name.clone(), list.clone());
            return Ok((Explanation::List { name, list }, Basis::Proven));
        }
    }
    match certificate(change, is, facts) {
        Some(Ok(found)) => return Ok(found),
        Some(Err(hint)) => return Err(Some(hint)),
        None => {}
    }
    package(change, is, facts, digest)
}

/// Returns whether a trusted file equals one. A copy may have fewer links, and no flags where nothing
/// changed them.
fn is_same(trusted: &Entry, is: &Entry, change: &Change) -> bool {
    let has_more_links = trusted.links.is_some() && is.links > trusted.links;
    let had = change.was.as_ref().map(|was| was.flags);
    if has_more_links || is.flags != trusted.flags && Some(is.flags) != had {
        return false;
    }
    let properties = |entry: &Entry| (entry.kind, entry.mode, entry.uid, entry.gid);
    properties(trusted) == properties(is)
        && trusted.content == is.content
        && !matches!(is.content, Content::Unread(_))
        && matches!((&trusted.attributes, &is.attributes), (Ok(a), Ok(b)) if a == b)
}

fn certificate(
    change: &Change,
    is: &Entry,
    facts: &Facts,
) -> Option<Result<(Explanation, Basis), Explanation>> {
    let new = is.certificate.as_ref()?;
    let old = change.was.as_ref()?.certificate.as_ref()?;
    let same_names = new.subject == old.subject && new.issuer == old.issuer;
    let is_newer = new.not_before > old.not_before && new.not_after > old.not_after;
    let is_valid = new.not_before <= facts.now && facts.now < new.not_after;
    if !same_names || !is_newer || !is_valid {
        return None;
    }
    let subject = new.subject.clone();
    let has_same_uses = !new.profile.is_empty() && new.profile == old.profile;
    Some(match facts.issued.get(&is.path).filter(|_| has_same_uses) {
        Some(by) => {
            let basis = match facts.local.contains(by) {
                true => Basis::NodeRecords,
                false => Basis::Proven,
            };
            Ok((Explanation::Certificate { subject, by: by.clone() }, basis))
        }
        None => Err(Explanation::UnprovenCertificate { subject }),
    })
}

fn package(
    change: &Change,
    is: &Entry,
    facts: &Facts,
    digest: impl Fn(Algorithm) -> Option<Digest>,
) -> Result<(Explanation, Basis), Option<Explanation>> {
    let file = facts.records.file(&is.path).ok_or(None)?;
    let (name, version) = facts.records.package(file);
    let (name, version) = (name.to_owned(), version.to_owned());
    // Otherwise an invented package could explain any file.
    let owner = change.was.as_ref().map(|was| was.package.as_deref()?.split(' ').next());
    if change.kind == ChangeKind::Changed && owner != Some(Some(&*name)) {
        return Err(None);
    }
    let agrees = match is.kind {
        Kind::File => match file.digest {
            Some(listed) => digest(listed.algorithm) == Some(listed),
            None => return Err(None),
        },
        Kind::Directory => true,
        // dpkg stores no targets: one within the same package is as good as its files.
        Kind::Link => points_into(is, &name, facts),
        _ => return Err(None),
    };
    if !agrees {
        let hint = (is.kind == Kind::File).then_some(Explanation::OtherChecksum { name, version });
        return Err(hint);
    }
    // This also refuses a new file that was added to the list of an installed package.
    let before = facts.before.get(&*name).map_or(&[][..], Vec::as_slice);
    if before.iter().any(|before| **before == *version) {
        return Err(Some(Explanation::SameVersion { name, version }));
    }
    let was = (!before.is_empty()).then(|| format!("{name} {}", before.join(", ")));
    Ok((Explanation::Package { name, version, was }, Basis::NodeRecords))
}

/// Returns whether a link points to a file of a package.
fn points_into(link: &Entry, name: &str, facts: &Facts) -> bool {
    let Content::Target(target) = &link.content else { return false };
    let mut path: Vec<&[u8]> = Vec::new();
    if !target.starts_with(b"/") {
        path.extend(link.path.split(|byte| *byte == b'/').skip(1));
        path.pop();
    }
    for part in target.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                path.pop();
            }
            name => path.push(name),
        }
    }
    let path = [b"/", &*path.join(&b'/')].concat();
    let file = facts.records.file(&path);
    file.is_some_and(|file| facts.records.package(file).0 == name)
}
