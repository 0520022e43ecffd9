//! Reading and verifying baselines.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::lines::{EndLine, EntryLine, HeaderLine};
use super::{Baseline, Bound, Header, MAX_BYTES, MAX_VERSIONS, Node, Refused, Signed, Version};
use crate::{Algorithm, Digest, Entry};

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
    let mut state = State::default();
    let blocks = blocks(bytes, &mut state)?;
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
    let whole = Digest::sha256(bytes);
    let versions = blocks.into_iter().map(|block| block.version).collect();
    Ok(Baseline { versions, entries: state.entries, whole, signed })
}

/// Returns where the end of the newest version starts, and its digest.
pub(super) fn newest(bytes: &[u8]) -> Result<(usize, Digest), Refused> {
    let mut state = State::default();
    let blocks = blocks(bytes, &mut state)?;
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
    /// Where the end line starts.
    end_at: usize,
}

#[derive(Default)]
struct State {
    /// Sorted by path.
    entries: Vec<Entry>,
    algorithm: Option<Algorithm>,
}

fn blocks(bytes: &[u8], state: &mut State) -> Result<Vec<Block>, Refused> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Refused::TooLarge);
    }
    let mut blocks = Vec::new();
    let (mut at, mut number) = (0, 0);
    while at < bytes.len() {
        if blocks.len() == MAX_VERSIONS {
            return Err(wrong(number + 1, format!("more than {MAX_VERSIONS} versions")));
        }
        let version = u32::try_from(blocks.len() + 1).unwrap_or(u32::MAX);
        let block = block(bytes, &mut at, &mut number, version, state)?;
        blocks.push(block);
    }
    Ok(blocks)
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
    state: &mut State,
) -> Result<Block, Refused> {
    let start = *at;
    let first = line(bytes, at, number)?.ok_or(Refused::Cut(version))?;
    let header: HeaderLine = serde_json::from_slice(first).map_err(|error| {
        wrong(*number, format!("this is not the header of a baseline: {error}"))
    })?;
    let previous = header.previous.clone();
    let header: Header = header.header().map_err(|why| wrong(*number, why))?;
    let before = (start > 0).then(|| Digest::sha256(&bytes[..start]).to_string());
    if header.version != version || previous != before {
        return Err(Refused::Chain(version));
    }
    // Entries of another hash could not be compared with those of this one.
    if state.algorithm.is_some_and(|before| before != header.algorithm) {
        state.entries.clear();
    }
    state.algorithm = Some(header.algorithm);
    let mut changes: Vec<(Box<[u8]>, Option<Entry>)> = Vec::new();
    loop {
        let line_at = *at;
        let text = line(bytes, at, number)?.ok_or(Refused::Cut(version))?;
        if text.starts_with(b"{\"end\":") {
            let (end, signature) = end(text).map_err(|why| wrong(*number, why))?;
            let digest = Digest::sha256(&bytes[start..line_at]);
            if digest.to_string() != end.end {
                let actual = digest.to_string();
                return Err(Refused::Digest { version, found: end.end, actual });
            }
            let set = changes.iter().filter(|(_, entry)| entry.is_some()).count();
            let changed = (set, changes.len() - set);
            if !merge(&mut state.entries, changes) {
                return Err(wrong(*number, "a path is removed that is not there"));
            }
            let version = Version { header, digest, key: end.key, changed, signature };
            return Ok(Block { version, end_at: line_at });
        }
        let read: EntryLine = serde_json::from_slice(text)
            .map_err(|error| wrong(*number, format!("this is not an entry: {error}")))?;
        let change = read.entry(header.algorithm).map_err(|why| wrong(*number, why))?;
        if changes.last().is_some_and(|(last, _)| *last >= change.0) {
            return Err(wrong(*number, "the paths are not in order"));
        }
        changes.push(change);
        if state.entries.len() + changes.len() > MAX_ENTRIES {
            return Err(wrong(*number, format!("more than {MAX_ENTRIES} entries")));
        }
    }
}

/// Applies changes to entries, both sorted by path. Returns whether all that are removed were there.
fn merge(entries: &mut Vec<Entry>, changes: Vec<(Box<[u8]>, Option<Entry>)>) -> bool {
    let mut old = std::mem::take(entries).into_iter().peekable();
    for (path, entry) in changes {
        while let Some(before) = old.next_if(|before| before.path < path) {
            entries.push(before);
        }
        let was = old.next_if(|before| before.path == path);
        match entry {
            Some(entry) => entries.push(entry),
            None if was.is_none() => return false,
            None => {}
        }
    }
    entries.extend(old);
    true
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
