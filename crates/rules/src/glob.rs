//! Glob patterns on bytes, as in fnmatch(3) with `FNM_EXTMATCH` and without special treatment of
//! slashes, and path prefixes.

use rustc_hash::FxHashMap;

/// How many steps a match may take: patterns come from people, but texts from attackers.
const MAX_STEPS: usize = 100_000;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(crate) struct Glob {
    parts: Vec<Part>,
    ignore_case: bool,
}

#[derive(Clone, Debug)]
enum Part {
    Byte(u8),
    Any,
    Many,
    Class {
        negated: bool,
        ranges: Vec<(u8, u8)>,
    },
    /// `@(a|b)`, `?(a)`, `*(a)`, `+(a)`, `!(a)`
    Group(u8, Vec<Vec<Part>>),
}

impl Glob {
    pub(crate) fn new(pattern: &[u8], ignore_case: bool) -> Self {
        let lowered;
        let pattern = if ignore_case {
            lowered = pattern.to_ascii_lowercase();
            &lowered
        } else {
            pattern
        };
        Self { parts: parts(pattern, 0), ignore_case }
    }

    /// Patterns without groups take at most a step for each part and byte, which long texts need.
    fn steps(&self, text: &[u8]) -> usize {
        let has_groups = self.parts.iter().any(|part| matches!(part, Part::Group(..)));
        let plain = self.parts.len().saturating_add(1).saturating_mul(text.len() + 1);
        if has_groups { MAX_STEPS } else { plain.saturating_mul(2) }
    }

    pub(crate) fn matches(&self, text: &[u8]) -> bool {
        let mut steps = self.steps(text);
        if self.ignore_case {
            matches(&self.parts, &text.to_ascii_lowercase(), &mut steps)
        } else {
            matches(&self.parts, text, &mut steps)
        }
    }
}

/// The deepest nesting of groups.
const MAX_DEPTH: usize = 20;

fn parts(pattern: &[u8], depth: usize) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = pattern;
    while let Some((&byte, after)) = rest.split_first() {
        if depth < MAX_DEPTH
            && matches!(byte, b'@' | b'?' | b'*' | b'+' | b'!')
            && after.first() == Some(&b'(')
            && let Some((alternatives, after)) = group(&after[1..], depth)
        {
            parts.push(Part::Group(byte, alternatives));
            rest = after;
            continue;
        }
        rest = after;
        parts.push(match byte {
            b'?' => Part::Any,
            b'*' => Part::Many,
            b'[' => match class(after) {
                Some((part, after)) => {
                    rest = after;
                    part
                }
                None => Part::Byte(byte),
            },
            b'\\' => match after.split_first() {
                Some((&escaped, after)) => {
                    rest = after;
                    Part::Byte(escaped)
                }
                None => Part::Byte(byte),
            },
            byte => Part::Byte(byte),
        });
    }
    parts
}

/// Parses the rest after `@(`. Returns the alternatives and the text after the closing parenthesis.
fn group(text: &[u8], depth: usize) -> Option<(Vec<Vec<Part>>, &[u8])> {
    let mut alternatives = Vec::new();
    let (mut open, mut start, mut at) = (0_usize, 0, 0);
    loop {
        match *text.get(at)? {
            b'\\' => at += 1,
            b'(' => open += 1,
            b')' if open > 0 => open -= 1,
            end @ (b')' | b'|') if open == 0 => {
                alternatives.push(parts(&text[start..at], depth + 1));
                start = at + 1;
                if end == b')' {
                    return Some((alternatives, &text[start..]));
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// Parses the rest after `[`.
fn class(text: &[u8]) -> Option<(Part, &[u8])> {
    let negated = matches!(text.first(), Some(b'!' | b'^'));
    let mut at = usize::from(negated);
    let mut ranges = Vec::new();
    let first = at;
    loop {
        let mut low = *text.get(at)?;
        at += 1;
        if low == b']' && at > first + 1 {
            return Some((Part::Class { negated, ranges }, &text[at..]));
        }
        if low == b'[' && text.get(at) == Some(&b':') {
            let end = memchr::memmem::find(&text[at + 1..], b":]")?;
            ranges.extend(named(&text[at + 1..at + 1 + end])?);
            at += end + 3;
            continue;
        }
        if low == b'\\' {
            low = *text.get(at)?;
            at += 1;
        }
        let mut high = low;
        if text.get(at) == Some(&b'-') && text.get(at + 1).is_some_and(|byte| *byte != b']') {
            high = text[at + 1];
            at += 2;
            if high == b'\\' {
                high = *text.get(at)?;
                at += 1;
            }
        }
        ranges.push((low, high));
    }
}

/// Returns a POSIX character class, limited to ASCII.
pub(crate) fn named(name: &[u8]) -> Option<Vec<(u8, u8)>> {
    Some(match name {
        b"alnum" => vec![(b'0', b'9'), (b'A', b'Z'), (b'a', b'z')],
        b"alpha" => vec![(b'A', b'Z'), (b'a', b'z')],
        b"ascii" => vec![(0, 0x7f)],
        b"blank" => vec![(b'\t', b'\t'), (b' ', b' ')],
        b"cntrl" => vec![(0, 0x1f), (0x7f, 0x7f)],
        b"digit" => vec![(b'0', b'9')],
        b"graph" => vec![(b'!', b'~')],
        b"lower" => vec![(b'a', b'z')],
        b"print" => vec![(b' ', b'~')],
        b"punct" => vec![(b'!', b'/'), (b':', b'@'), (b'[', b'`'), (b'{', b'~')],
        b"space" => vec![(b'\t', b'\r'), (b' ', b' ')],
        b"upper" => vec![(b'A', b'Z')],
        b"word" => vec![(b'0', b'9'), (b'A', b'Z'), (b'_', b'_'), (b'a', b'z')],
        b"xdigit" => vec![(b'0', b'9'), (b'A', b'F'), (b'a', b'f')],
        _ => return None,
    })
}

fn matches(parts: &[Part], text: &[u8], steps: &mut usize) -> bool {
    let (mut parts, mut text) = (parts, text);
    // The last `*`, and where its match may end next.
    let mut retry: Option<(&[Part], &[u8])> = None;
    loop {
        if *steps == 0 {
            return false;
        }
        *steps -= 1;
        let matched = match (parts.split_first(), text.split_first()) {
            (None, None) => return true,
            (Some((Part::Many, after)), _) => {
                parts = after;
                retry = Some((after, text));
                continue;
            }
            (Some((Part::Group(kind, alternatives), after)), _) => {
                if grouped(*kind, alternatives, after, text, steps) {
                    return true;
                }
                None
            }
            (Some((part, after)), Some((&byte, rest))) => one(part, byte).then_some((after, rest)),
            (None, Some(_)) | (Some(_), None) => None,
        };
        match (matched, retry) {
            (Some(next), _) => (parts, text) = next,
            (None, Some((after, [_, rest @ ..]))) => {
                retry = Some((after, rest));
                (parts, text) = (after, rest);
            }
            (None, _) => return false,
        }
    }
}

fn one(part: &Part, byte: u8) -> bool {
    match part {
        Part::Byte(wanted) => *wanted == byte,
        Part::Any => true,
        Part::Class { negated, ranges } => {
            ranges.iter().any(|(low, high)| (*low..=*high).contains(&byte)) != *negated
        }
        Part::Many | Part::Group(..) => false,
    }
}

/// Matches a group, then the rest of the pattern.
fn grouped(
    kind: u8,
    alternatives: &[Vec<Part>],
    after: &[Part],
    text: &[u8],
    steps: &mut usize,
) -> bool {
    let hit = |taken: &[u8], steps: &mut usize| {
        alternatives.iter().any(|parts| matches(parts, taken, steps))
    };
    if kind == b'!' {
        return (0..=text.len())
            .any(|end| !hit(&text[..end], steps) && matches(after, &text[end..], steps));
    }
    // Where the group may end after any permitted number of repetitions.
    let mut ends = vec![false; text.len() + 1];
    let mut starts = vec![0];
    let mut rounds = 0;
    while let Some(start) = starts.pop().filter(|_| *steps > 0) {
        if rounds > 0 && !matches!(kind, b'*' | b'+') {
            break;
        }
        rounds += 1;
        for end in start..=text.len() {
            if !ends[end] && hit(&text[start..end], steps) {
                ends[end] = true;
                starts.push(end);
            }
        }
    }
    ends[0] |= matches!(kind, b'?' | b'*');
    (0..=text.len()).any(|end| ends[end] && matches(after, &text[end..], steps))
}

/// Paths, and what is below them: a tree of their components.
#[derive(Clone, Debug, Default)]
pub(crate) struct PathPrefixes {
    /// A path ends here.
    ends: bool,
    names: FxHashMap<Vec<u8>, PathPrefixes>,
    globs: Vec<(Glob, PathPrefixes)>,
}

impl PathPrefixes {
    pub(crate) fn new(paths: &[Vec<u8>]) -> Self {
        let mut tree = Self::default();
        for path in paths {
            let mut below = &mut tree;
            for part in components(path) {
                if part.iter().any(|byte| b"*?[\\!+@".contains(byte)) {
                    below.globs.push((Glob::new(part, false), Self::default()));
                    let last = below.globs.len() - 1;
                    below = &mut below.globs[last].1;
                } else {
                    below = below.names.entry(part.to_vec()).or_default();
                }
            }
            below.ends = true;
        }
        tree
    }

    /// Returns the paths, with single slashes. `None` if one has a pattern or is the root.
    pub(crate) fn literals(&self) -> Option<Vec<Vec<u8>>> {
        if self.ends {
            return None;
        }
        let mut paths = Vec::new();
        let mut next = vec![(Vec::new(), self)];
        while let Some((path, tree)) = next.pop() {
            if !tree.globs.is_empty() {
                return None;
            }
            for (name, below) in &tree.names {
                let path = [&path[..], b"/", name].concat();
                if below.ends {
                    paths.push(path.clone());
                }
                next.push((path, below));
            }
        }
        Some(paths)
    }

    /// Returns whether the set contains the path or one of its ancestors. A path without components
    /// is an ancestor of all paths.
    pub(crate) fn matches(&self, text: &[u8]) -> bool {
        self.ends || {
            let Some(start) = text.iter().position(|byte| *byte != b'/') else { return false };
            let text = &text[start..];
            let end = memchr::memchr(b'/', text).unwrap_or(text.len());
            let (part, rest) = text.split_at(end);
            self.names.get(part).is_some_and(|below| below.matches(rest))
                || self.globs.iter().any(|(glob, below)| glob.matches(part) && below.matches(rest))
        }
    }
}

pub(crate) fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_fnmatch_does() {
        for (pattern, text, want) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abb", false),
            ("/opt/*", "/opt/a/b", true),
            ("a?c", "abc", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]]x", "]x", true),
            ("[[:digit:]]*", "7a", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("[a", "[a", true),
            ("@(a|b)c", "bc", true),
            ("@(a|b)c", "abc", false),
            ("*(ab)c", "ababc", true),
            ("+(ab)c", "c", false),
            ("?(ab)c", "c", true),
            ("!(a)c", "bc", true),
            ("!(a)c", "ac", false),
            ("@(a|@(b|c))d", "cd", true),
            ("@(a", "@(a", true),
        ] {
            assert_eq!(
                Glob::new(pattern.as_bytes(), false).matches(text.as_bytes()),
                want,
                "{pattern} {text}"
            );
        }
        assert!(Glob::new(b"/TMP/*", true).matches(b"/tmp/A"));
    }

    #[test]
    fn a_long_text_is_searched_to_its_end() {
        let text = [&[b'a'; 300_000][..], b"secret"].concat();
        assert!(Glob::new(b"*secret", false).matches(&text));
        assert!(Glob::new(b"*a*secret*", false).matches(&text));
        assert!(!Glob::new(b"*secrets*", false).matches(&text));
    }

    #[test]
    fn a_hostile_text_ends() {
        let glob = Glob::new(b"*(a|*(a|aa))b", false);
        assert!(!glob.matches(&[b'a'; 4096]));
    }

    #[test]
    fn prefixes_end_at_slashes() {
        let prefixes = |path: &str| PathPrefixes::new(&[path.as_bytes().to_vec()]);
        assert!(prefixes("/opt").matches(b"/opt/dir/file"));
        assert!(prefixes("/opt/").matches(b"/opt"));
        assert!(!prefixes("/op").matches(b"/opt"));
        assert!(!prefixes("/opt/dir/file/x").matches(b"/opt/dir/file"));
        assert!(prefixes("/").matches(b"/anything"));
    }
}
