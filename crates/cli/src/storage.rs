//! `pavisade storage`.

mod facts;
mod live;
mod open;
mod plan;
mod show;

use std::collections::BTreeSet;

use anyhow::anyhow;
use pavisade_storage::{Expected, Options, Proof, Tally, Writer};

use crate::args::storage::{Databases, EtcdArgs, Form, StorageArgs, StorageCommand};
use crate::{Outcome, bounded, terminal};

/// The largest EncryptionConfiguration in bytes.
const MAX_CONFIG: u64 = 4 << 20;

pub(crate) fn run(args: &StorageArgs) -> anyhow::Result<Outcome> {
    match &args.command {
        StorageCommand::Etcd(args) => etcd(args),
        StorageCommand::RotatePlan(args) => plan::run(args),
    }
}

/// A database and what it stores.
pub(crate) struct Member {
    /// The path or URL.
    pub(crate) name: String,
    pub(crate) proof: Proof,
}

impl Member {
    /// Whether everything was read, and it is known how each value should be written.
    pub(crate) fn is_known(&self) -> bool {
        let mut tallies = self.proof.resources.values();
        self.proof.complete && !tallies.any(|tally| is_unclear(tally.writer.as_ref()))
    }
}

/// Whether the configuration for a resource cannot be understood.
pub(crate) fn is_unclear(writer: Option<&Writer>) -> bool {
    matches!(writer, Some(Writer::Unclear(_)))
}

/// The result for all databases.
pub(crate) struct Read {
    pub(crate) members: Vec<Member>,
    /// How control plane nodes or members differ.
    pub(crate) drift: Vec<String>,
    /// Whether the data of all members was compared.
    pub(crate) compared: bool,
    pub(crate) expected: Option<Expected>,
}

impl Read {
    /// Why the API server refuses the whole configuration.
    fn refused(&self) -> Option<&str> {
        self.expected.as_ref()?.refused()
    }

    /// Whether the configuration is unclear for what this writer writes, and not as a whole.
    fn is_unclear_for(&self, writer: Option<&Writer>) -> bool {
        is_unclear(writer) && self.refused().is_none()
    }
}

fn etcd(args: &EtcdArgs) -> anyhow::Result<Outcome> {
    let read = read(&args.databases)?;
    match args.format {
        Form::Terminal => {
            let color = terminal::color(args.color, false);
            let text = show::text(&read, &args.require, args.full, color);
            crate::print(text.as_bytes())?;
        }
        Form::Json => {
            let mut text = serde_json::to_string_pretty(&facts::list(&read))?;
            text.push('\n');
            crate::print(text.as_bytes())?;
            // The facts are about what is stored, so they do not say why the exit code is 3.
            terminal::tell(&show::nothing_proven(&read, &args.require));
        }
    }
    Ok(outcome(&read, &args.require))
}

fn outcome(read: &Read, require: &[String]) -> Outcome {
    let unknown = |member: &Member| {
        member.proof.resources.iter().any(|(resource, tally)| {
            required(resource, tally, require) && verdict(&member.proof, tally) == Proven::Unknown
        })
    };
    if !read.members.iter().all(Member::is_known)
        || !absent(read, require).is_empty()
        || read.members.iter().any(unknown)
    {
        return Outcome::Incomplete;
    }
    let bad = |proof: &Proof| {
        proof.resources.iter().any(|(resource, tally)| {
            let proven = [Proven::Encrypted, Proven::Nothing].contains(&verdict(proof, tally));
            required(resource, tally, require) && !proven || has_stale(tally)
        })
    };
    match !read.drift.is_empty() || read.members.iter().any(|member| bad(&member.proof)) {
        true => Outcome::Findings,
        false => Outcome::Clean,
    }
}

/// Whether it is known how the values of a resource should be written: by the configuration, or because
/// some are encrypted.
pub(crate) fn is_expected(tally: &Tally) -> bool {
    tally.writer.is_some() || tally.encrypted().values > 0
}

/// Returns a number with its noun.
fn counted(number: u64, one: &str, many: &str) -> String {
    pavisade_report::count(usize::try_from(number).unwrap_or(usize::MAX), one, many)
}

/// Whether objects must be rewritten.
fn has_stale(tally: &Tally) -> bool {
    is_expected(tally) && tally.stale > 0
}

/// Whether a resource must be encrypted.
pub(crate) fn required(resource: &str, tally: &Tally, require: &[String]) -> bool {
    require.iter().any(|name| name == resource)
        || matches!(tally.writer, Some(Writer::Encrypts(..)))
}

/// What is proven for a resource of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proven {
    /// Every value, also of old revisions and in free pages, is encrypted.
    Encrypted,
    /// All current values are encrypted, but plain text remains in old revisions or free pages.
    Remains,
    /// Current values are in plain text.
    Plain,
    /// Not all values could be read, or some have no known form.
    Unknown,
    /// There are no values, so nothing is proven.
    Nothing,
}

pub(crate) fn verdict(proof: &Proof, tally: &Tally) -> Proven {
    let total = tally.total().values;
    if tally.plain().values > 0 {
        Proven::Plain
    } else if !proof.complete || tally.encrypted().values < total {
        Proven::Unknown
    } else if tally.old_plain().values + tally.free_plain().values > 0 {
        Proven::Remains
    } else if tally.unclear_remains() > 0 {
        Proven::Unknown
    } else if total == 0 {
        Proven::Nothing
    } else {
        Proven::Encrypted
    }
}

/// Reads all databases and configurations.
pub(crate) fn read(databases: &Databases) -> anyhow::Result<Read> {
    let mut drift = Vec::new();
    let expected = expected(databases, &mut drift)?;
    let several = databases.paths.len() + databases.live.endpoints.len() > 1;
    let options = Options { expected: expected.as_ref(), digest: several, up_to: None };
    let mut members = Vec::new();
    for path in &databases.paths {
        let proof = open::prove_path(path, options)?;
        members.push(Member { name: path.display().to_string(), proof });
    }
    let mut streamed = live::snapshots(&databases.live)?;
    for snapshot in &mut streamed {
        let proof = snapshot.prove(options)?;
        members.push(Member { name: snapshot.name.clone(), proof });
    }
    // Members are at different revisions: compare all at the lowest one. What was not read completely
    // differs without meaning.
    let whole = || members.iter().enumerate().filter(|(_, member)| member.proof.complete);
    let lowest = whole().map(|(_, member)| member.proof.revision).min().unwrap_or(0);
    let mut digests = Vec::new();
    for (index, member) in whole().filter(|_| several) {
        let compacted = member.proof.compacted.unwrap_or(0);
        if compacted > lowest {
            drift.push(format!(
                "{} is compacted up to revision {compacted}, past revision {lowest} of another \
                 member: their data cannot be compared",
                member.name
            ));
            continue;
        }
        let at = Options { up_to: Some(lowest), ..options };
        let again = match (member.proof.revision == lowest, databases.paths.get(index)) {
            (true, _) => member.proof.digest,
            (false, Some(path)) => Some(open::prove_path(path, at)?).and_then(digest),
            (false, None) => {
                let streamed = streamed.get(index - databases.paths.len());
                streamed.map(|s| s.prove(at)).transpose()?.and_then(digest)
            }
        };
        digests.extend(again.map(|again| (&member.name, again)));
    }
    let compared = digests.len() == members.len();
    if let Some((first, digest)) = digests.first() {
        for (name, _) in digests.iter().skip(1).filter(|(_, d)| d != digest) {
            drift.push(format!("{first} and {name} differ at revision {lowest}"));
        }
    }
    Ok(Read { members, drift, compared, expected })
}

fn digest(proof: Proof) -> Option<[u8; 32]> {
    proof.digest.filter(|_| proof.complete)
}

/// Reads the configurations, and compares them.
fn expected(databases: &Databases, drift: &mut Vec<String>) -> anyhow::Result<Option<Expected>> {
    let mut first: Option<(String, Expected)> = None;
    for path in &databases.configs {
        let name = path.display().to_string();
        let text = bounded::text(path, MAX_CONFIG)?;
        let read = Expected::read(&name, &text).map_err(|why| anyhow!("reading {name}: {why}"))?;
        match &first {
            Some((other, expected)) if *expected != read => {
                drift.push(format!("{other} and {name} do not have the same providers and keys"));
            }
            Some(_) => {}
            None => first = Some((name, read)),
        }
    }
    Ok(first.map(|(_, expected)| expected))
}

/// Returns the resources that must be encrypted but are not in a database.
pub(crate) fn absent<'a>(read: &'a Read, require: &'a [String]) -> BTreeSet<&'a str> {
    let has = |name: &str| {
        let mut of = read.members.iter().filter_map(|m| m.proof.resources.get(name));
        of.any(|tally| tally.total().values > 0)
    };
    require.iter().map(String::as_str).filter(|name| !has(name)).collect()
}
