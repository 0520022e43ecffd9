//! Checkpoints of logs: signed notes with the size and the root of a tree (C2SP tlog-checkpoint and
//! signed-note).

use crate::hash::Hash;
use crate::result::Why;
use crate::root::Log;
use crate::text::base64;

/// Bytes and signatures of a checkpoint.
const MAX_BYTES: usize = 64 << 10;
const MAX_SIGNATURES: usize = 32;

/// What a log signed.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    pub(crate) size: u64,
    pub(crate) root: Vec<u8>,
}

impl Checkpoint {
    /// Reads a checkpoint and verifies that the log signed it. Signatures of others, as of
    /// witnesses, are not looked at.
    pub(crate) fn verify(text: &str, log: &Log) -> Result<Self, Why> {
        let wrong = |what| Err(Why::Checkpoint(what));
        if text.len() > MAX_BYTES {
            return wrong("it is too long");
        }
        let Some(split) = text.rfind("\n\n") else { return wrong("it has no signature") };
        let (body, signatures) = (&text[..=split], &text[split + 2..]);
        let mut lines = body.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return wrong("a line is missing");
        };
        let Some(size) = number(size) else { return wrong("its size is not a number") };
        let Some(root) = base64(root).filter(|root| root.len() == 32) else {
            return wrong("its root is not a digest");
        };
        if origin.is_empty() {
            return wrong("it names no log");
        }
        let mut is_named = false;
        for line in signatures.lines().take(MAX_SIGNATURES) {
            let Some((name, signature)) =
                line.strip_prefix("\u{2014} ").and_then(|rest| rest.split_once(' '))
            else {
                return wrong("a line of its signatures is broken");
            };
            let Some(signature) = base64(signature) else {
                return wrong("a line of its signatures is broken");
            };
            if !is_of(log, origin, name) {
                continue;
            }
            let Some((hint, signature)) = signature.split_at_checked(4) else { continue };
            if !log.id.starts_with(hint) {
                continue;
            }
            is_named = true;
            if log.key.verifies(body.as_bytes(), signature) {
                return Ok(Self { size, root });
            }
        }
        wrong(if is_named { "the log did not sign it" } else { "it has no signature of the log" })
    }
}

/// Whether a signature's name, and the first line, are of the log. Rekor 1 writes the number of its
/// tree behind its name, and the name of a private one need not be its address; its id is the digest of
/// its key, which that of Rekor 2 is not.
fn is_of(log: &Log, origin: &str, name: &str) -> bool {
    let origin = origin.split_once(" - ").map_or(origin, |(name, _)| name);
    let is_first = log.id == Hash::Sha256.of(log.key.spki());
    origin == name && (is_first || name == log.host())
}

fn number(text: &str) -> Option<u64> {
    let is_plain = text == "0" || !text.starts_with('0');
    (is_plain && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}
