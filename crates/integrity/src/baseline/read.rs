//! Reading and verifying baselines.

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::lines::{EndLine, EntryLine, HeaderLine};
use super::{Baseline, Bound, Header, MAX_BYTES, MAX_VERSIONS, Node, Refused, Signed, Version};
use crate::{Algorithm, Digest, Entry};

/// What an end line starts with.
const END: &[u8] = b"{\"end\":";
/// The longest line in bytes.
const MAX_LINE: usize = 16 << 20;
/// The largest number of entries.
const MAX_ENTRIES: usize = 10_000_000;

/// Returns the bytes that are signed. The text before the digest prevents a signature of anything
/// else from being used here.
pub(super) fn message(digest: &Digest) -> Vec<u8> {
    format!("pavisade integrity baseline 1\n{digest}\n").into_bytes()
}

/// Returns the baseline if everything that is required of it holds.
///
/// # Errors
/// Anything is malformed, or a digest, the chain, the signature, the expected digest or the node does
/// not hold.
pub fn read(bytes: &[u8], bound: &Bound) -> Result<Baseline, Refused> {
    let (mut blocks, whole) = blocks(bytes)?;
    let last = blocks.last().ok_or(Refused::Empty)?;
    let version = last.version.header.version;
    if let Some(expected) = bound.expect
        && expected != last.version.digest
    {
        let is_older = blocks.iter().any(|block| block.version.digest == expected);
        return Err(Refused::Expected {
            version,
            found: last.version.digest.to_string(),
            expected: expected.to_string(),
            hint: match is_older {
                true => ", which is an older version in this file",
                false => ", which is not in this file: it was replaced, or is out of date",
            },
        });
    }
    let signed = if !bound.keys.is_empty() {
        by_key(last, &bound.keys)?;
        Signed::ByKey
    } else if bound.expect.is_some() {
        Signed::ByDigest
    } else {
        Signed::NotVerified
    };
    if let Some(here) = &bound.node {
        belongs(&last.version.header.node, here)?;
    }
    // Only what is trusted is worth the time to read it.
    let entries = entries(bytes, &mut blocks)?;
    let versions = blocks.into_iter().map(|block| block.version).collect();
    Ok(Baseline { versions, entries, whole, signed })
}

/// Returns where the end of the newest version starts, and its digest.
pub(super) fn newest(bytes: &[u8]) -> Result<(usize, Digest), Refused> {
    let (mut blocks, _) = blocks(bytes)?;
    entries(bytes, &mut blocks)?;
    let last = blocks.last().ok_or(Refused::Empty)?;
    Ok((last.end_at, last.version.digest))
}

fn by_key(last: &Block, keys: &[pavisade_signing::PublicKey]) -> Result<(), Refused> {
    let version = last.version.header.version;
    let (Some(name), Some(_)) = (&last.version.key, &last.version.signature) else {
        return Err(Refused::Unsigned(version));
    };
    let key = keys.iter().find(|key| key.fingerprint() == *name);
    let key = key.ok_or_else(|| Refused::Key { version, found: name.clone() })?;
    match last.version.is_signed_by(key) {
        true => Ok(()),
        false => Err(Refused::Signature(version)),
    }
}

/// A machine without an id matches only a baseline without one: otherwise, removing the file would
/// allow any baseline.
fn belongs(of: &Node, here: &Node) -> Result<(), Refused> {
    if of == here {
        return Ok(());
    }
    let shown = |node: &Node| match node.machine_id.as_str() {
        "" => format!("{} without a machine id", node.name),
        id => format!("{} with the machine id {id}", node.name),
    };
    Err(Refused::Node { of: shown(of), here: shown(here) })
}

struct Block {
    version: Version,
    /// Where the first entry starts, and its line.
    entries_at: usize,
    number: usize,
    /// Where the end line starts.
    end_at: usize,
}

/// Returns the versions without their entries, and the digest of all bytes. Digests and the chain are
/// verified, and each byte is hashed twice, however many versions there are.
fn blocks(bytes: &[u8]) -> Result<(Vec<Block>, Digest), Refused> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Refused::TooLarge);
    }
    let mut blocks = Vec::new();
    let (mut at, mut number) = (0, 0);
    let mut whole = Context::new(&SHA256);
    while at < bytes.len() {
        if blocks.len() == MAX_VERSIONS {
            return Err(wrong(number + 1, format!("more than {MAX_VERSIONS} versions")));
        }
        let version = u32::try_from(blocks.len() + 1).unwrap_or(u32::MAX);
        let start = at;
        let before = (start > 0).then(|| finished(whole.clone()).to_string());
        blocks.push(block(bytes, &mut at, &mut number, version, before)?);
        whole.update(bytes.get(start..at).unwrap_or_default());
    }
    Ok((blocks, finished(whole)))
}

fn finished(context: Context) -> Digest {
    let mut digest = Digest { algorithm: Algorithm::Sha256, bytes: [0; 32] };
    digest.bytes.copy_from_slice(context.finish().as_ref());
    digest
}

fn wrong(line: usize, why: impl Into<String>) -> Refused {
    Refused::Line { line, why: why.into() }
}

/// Returns the next line without its newline.
fn line<'a>(
    bytes: &'a [u8],
    at: &mut usize,
    number: &mut usize,
) -> Result<Option<&'a [u8]>, Refused> {
    let rest = bytes.get(*at..).unwrap_or_default();
    *number += 1;
    let Some(length) = rest.iter().position(|byte| *byte == b'\n') else { return Ok(None) };
    if length > MAX_LINE {
        return Err(wrong(*number, format!("longer than {MAX_LINE} bytes")));
    }
    *at += length + 1;
    Ok(rest.get(..length))
}

fn block(
    bytes: &[u8],
    at: &mut usize,
    number: &mut usize,
    version: u32,
    before: Option<String>,
) -> Result<Block, Refused> {
    let start = *at;
    let first = line(bytes, at, number)?.ok_or(Refused::Cut(version))?;
    let header: HeaderLine = serde_json::from_slice(first).map_err(|error| {
        wrong(*number, format!("this is not the header of a baseline: {error}"))
    })?;
    let previous = header.previous.clone();
    let header: Header = header.header().map_err(|why| wrong(*number, why))?;
    if header.version != version || previous != before {
        return Err(Refused::Chain(version));
    }
    let (entries_at, first) = (*at, *number + 1);
    loop {
        let line_at = *at;
        let text = line(bytes, at, number)?.ok_or(Refused::Cut(version))?;
        if !text.starts_with(END) {
            continue;
        }
        let (end, signature) = end(text).map_err(|why| wrong(*number, why))?;
        let digest = Digest::sha256(&bytes[start..line_at]);
        if digest.to_string() != end.end {
            let actual = digest.to_string();
            return Err(Refused::Digest { version, found: end.end, actual });
        }
        let version = Version { header, digest, key: end.key, changed: (0, 0), signature };
        return Ok(Block { version, entries_at, number: first, end_at: line_at });
    }
}

/// A path that a version sets or removes, with its line.
type Step = (Box<[u8]>, usize, Option<Entry>);

/// Returns the entries of the newest version, and counts those that each version changed.
fn entries(bytes: &[u8], blocks: &mut [Block]) -> Result<Vec<Entry>, Refused> {
    let mut steps: Vec<Step> = Vec::new();
    let mut algorithm = None;
    for block in blocks {
        let of = block.version.header.algorithm;
        // Entries of another hash could not be compared with those of this one.
        if algorithm.is_some_and(|before| before != of) {
            merged(std::mem::take(&mut steps))?;
        }
        algorithm = Some(of);
        let start = steps.len();
        let (mut at, mut number) = (block.entries_at, block.number - 1);
        while at < block.end_at {
            let version = block.version.header.version;
            let text = line(bytes, &mut at, &mut number)?.ok_or(Refused::Cut(version))?;
            let read: EntryLine = serde_json::from_slice(text)
                .map_err(|error| wrong(number, format!("this is not an entry: {error}")))?;
            let (path, entry) = read.entry(of).map_err(|why| wrong(number, why))?;
            let own = steps.get(start..).unwrap_or_default();
            if own.last().is_some_and(|(last, ..)| *last >= path) {
                return Err(wrong(number, "the paths are not in order"));
            }
            if steps.len() == MAX_ENTRIES {
                return Err(wrong(number, format!("more than {MAX_ENTRIES} entries")));
            }
            steps.push((path, number, entry));
        }
        let own = steps.get(start..).unwrap_or_default();
        let set = own.iter().filter(|(.., entry)| entry.is_some()).count();
        block.version.changed = (set, own.len() - set);
    }
    merged(steps)
}

/// Returns what remains of all steps, sorted by path.
fn merged(mut steps: Vec<Step>) -> Result<Vec<Entry>, Refused> {
    // Each version is sorted, which makes this a merge.
    steps.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    let mut entries: Vec<Entry> = Vec::new();
    for (path, number, entry) in steps {
        let was = entries.pop_if(|last| last.path == path);
        match entry {
            Some(entry) => entries.push(entry),
            None if was.is_none() => {
                return Err(wrong(number, "a path is removed that is not there"));
            }
            None => {}
        }
    }
    Ok(entries)
}

/// Reads an end line. It has one spelling, because no signature covers it in the newest version.
fn end(text: &[u8]) -> Result<(EndLine, Option<Vec<u8>>), String> {
    let end: EndLine = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if serde_json::to_vec(&end).ok().as_deref() != Some(text) {
        return Err("this end is not written as pavisade writes it".to_owned());
    }
    let signature = match (&end.key, &end.signature) {
        (None, None) => None,
        (Some(_), Some(signature)) => {
            Some(STANDARD.decode(signature).map_err(|_| "the signature is not base64")?)
        }
        _ => return Err("a key and a signature belong together".to_owned()),
    };
    Ok((end, signature))
}
