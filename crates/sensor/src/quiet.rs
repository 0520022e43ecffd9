//! Openings of files that no rule can match.
//!
//! Most files that programs open are libraries and the like, and rules ask about few files. What the
//! kernel reports of an opening (the call, its flags, the file, the path that was given) is enough to
//! decide most rules. If no rule can match, for any process, the kernel does not report this opening
//! any more.

use std::collections::HashMap;

use pavisade_rules::{FieldRef, RuleSet};

use crate::decode::tag;
use crate::fields::{Name, name_of};
use crate::seen::Seen;

/// An opening as the kernel compares it (`struct opening`).
pub type Opening = [u8; 128];

/// How many openings are remembered.
const MAX_OPENINGS: usize = 8192;

/// Which openings were seen.
#[derive(Debug, Default)]
pub struct Quiet {
    known: HashMap<Opening, Known>,
    news: Vec<Opening>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Once,
    /// A rule may match.
    Loud,
    Silenced,
}

impl Quiet {
    /// Takes an event. One that happens only once, such as that of a temporary file, is not worth
    /// an entry in the kernel.
    pub fn take(&mut self, rules: &RuleSet, seen: &Seen<'_>) {
        let item = seen.raw.item(tag::OPENING);
        let Some(opening) = item.and_then(|item| Opening::try_from(item).ok()) else { return };
        if self.known.len() >= MAX_OPENINGS {
            self.known.clear();
        }
        let known = match self.known.get(&opening) {
            Some(Known::Loud) => return,
            Some(Known::Once) if can_match(rules, seen) => Known::Loud,
            Some(Known::Once) => {
                self.news.push(opening);
                Known::Silenced
            }
            // The kernel forgot it, or has not heard of it yet.
            None | Some(Known::Silenced) => Known::Once,
        };
        self.known.insert(opening, known);
    }

    /// Openings that no rule can match, found since the last call.
    pub fn news(&mut self) -> Vec<Opening> {
        std::mem::take(&mut self.news)
    }
}

/// Whether a rule can match an opening of the same file by any process.
fn can_match(rules: &RuleSet, seen: &Seen<'_>) -> bool {
    let real = seen.by_real_path();
    let all = || [Some(seen), real.as_ref()].into_iter().flatten();
    let mut asked = rules.rules().iter().filter(|rule| rule.event_types.contains(seen.kind()));
    asked.any(|rule| all().any(|seen| rule.filter.can_match(seen, &is_known)))
}

/// Whether all openings that look the same have the same value of a field; `sign` is whether only
/// its sign matters.
fn is_known(field: &FieldRef, sign: bool) -> bool {
    use Name::*;
    let Some(name) = name_of(field.slot) else { return true };
    match name {
        FdNum | EvtRawRes => sign,
        EvtArg => matches!(field.argument.as_deref(), Some(b"name" | b"flags" | b"res")),
        EvtType | EvtDir | EvtSource | Node | EvtFailed | EvtRes | IsOpenRead | IsOpenWrite
        | FdPath | FdNameRaw | FdDirectory | FdFilename | FdType | FdTypeChar | FdL4Proto
        | FdIp | FdPort | FdNet | FdClientIp | FdServerIp | FdClientPort | FdServerPort
        | FdLocalIp | FdRemoteIp | FdLocalPort | FdRemotePort | FdClientNet | FdServerNet
        | FdLocalNet | FdRemoteNet | FdSockFamily | FdIsServer | FdConnected => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
