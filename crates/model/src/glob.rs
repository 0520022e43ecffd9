//! Glob patterns for names and paths, and paths relative to a directory.

use std::path::{Component, Path, PathBuf};

/// Maximum length of a pattern, in bytes.
const MAX_PATTERN: usize = 1024;

/// A glob pattern: `?` matches one character, `*` any number of characters within a name, `**` any
/// number of directories. Everything else matches literally and is case-sensitive.
///
/// Matching takes time proportional to the length of the pattern times that of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Exactly(char),
    /// `?`
    One,
    /// `*`
    InName,
    /// `**`
    Anything,
    /// `**/`: zero or more directories.
    Folders,
}

impl Glob {
    /// Parses a pattern.
    ///
    /// # Errors
    /// The pattern is empty or longer than 1,024 bytes.
    pub fn new(text: &str) -> Result<Self, &'static str> {
        let trimmed = text.strip_prefix("./").unwrap_or(text);
        if trimmed.is_empty() {
            return Err("an empty pattern matches nothing");
        }
        if trimmed.len() > MAX_PATTERN {
            return Err("a pattern has at most 1,024 bytes");
        }
        let (mut parts, mut rest) = (Vec::new(), trimmed);
        while let Some(c) = rest.chars().next() {
            let (part, length) = match c {
                '?' => (Part::One, 1),
                '*' if rest.starts_with("**/") => (Part::Folders, 3),
                '*' if rest.starts_with("**") => (Part::Anything, 2),
                '*' => (Part::InName, 1),
                c => (Part::Exactly(c), c.len_utf8()),
            };
            parts.push(part);
            rest = &rest[length..];
        }
        Ok(Self { text: text.to_owned(), parts })
    }

    /// Returns the pattern as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the only name that the pattern matches, if it has no wildcards.
    pub fn literal(&self) -> Option<String> {
        let exactly = |part: &Part| match part {
            Part::Exactly(c) => Some(*c),
            _ => None,
        };
        self.parts.iter().map(exactly).collect()
    }

    /// Whether the pattern matches a name.
    pub fn matches(&self, name: &str) -> bool {
        self.run(name).1
    }

    /// Whether the pattern matches a path or one of its parent directories.
    pub fn matches_path(&self, path: &str) -> bool {
        let (of_folder, whole) = self.run(path);
        of_folder || whole
    }

    /// Whether the pattern matches a parent directory, and whether it matches the whole text.
    fn run(&self, text: &str) -> (bool, bool) {
        let end = self.parts.len();
        // The active states of the pattern, and those inside a directory that `**/` skips.
        let (mut at, mut inside) = (vec![false; end + 1], vec![false; end + 1]);
        let skip = |at: &mut Vec<bool>| {
            for i in 0..end {
                let empty = matches!(self.parts[i], Part::InName | Part::Anything | Part::Folders);
                at[i + 1] |= at[i] && empty;
            }
        };
        at[0] = true;
        skip(&mut at);
        let mut of_folder = false;
        for c in text.chars() {
            // The pattern `vendor/` also matches the directory itself.
            of_folder |= c == '/' && (at[end] || at[end.saturating_sub(1)] && self.ends_in_slash());
            let (mut next, mut next_inside) = (vec![false; end + 1], vec![false; end + 1]);
            for (i, part) in self.parts.iter().enumerate() {
                if inside[i] {
                    if c == '/' { next[i] = true } else { next_inside[i] = true }
                }
                if !at[i] {
                    continue;
                }
                match part {
                    Part::Exactly(own) => next[i + 1] |= *own == c,
                    Part::One => next[i + 1] |= c != '/',
                    Part::InName => next[i] |= c != '/',
                    Part::Anything => next[i] = true,
                    Part::Folders if c == '/' => next[i] = true,
                    Part::Folders => next_inside[i] = true,
                }
            }
            skip(&mut next);
            (at, inside) = (next, next_inside);
        }
        (of_folder, at[end])
    }

    fn ends_in_slash(&self) -> bool {
        self.parts.last() == Some(&Part::Exactly('/'))
    }
}

/// The directory that patterns are relative to, and the one that file names are relative to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Base {
    /// The directory for patterns, under all its absolute paths.
    pub folders: Vec<PathBuf>,
    /// The directory for file names: absolute.
    pub current: PathBuf,
}

impl Base {
    /// Returns the path of a file relative to the directory. `None` if the file is elsewhere.
    /// `name` is the name shown to users.
    pub fn relative(&self, name: &str) -> Option<String> {
        let mut parts: Vec<Component<'_>> = Vec::new();
        let whole = self.current.join(name);
        for part in whole.components() {
            match part {
                Component::CurDir => {}
                Component::ParentDir => {
                    if matches!(parts.last(), Some(Component::Normal(_))) {
                        parts.pop();
                    }
                }
                part => parts.push(part),
            }
        }
        let whole: PathBuf = parts.iter().collect();
        self.folders.iter().find_map(|folder| below(&whole, folder))
    }
}

/// Returns a path relative to a directory, with `/` between names.
pub fn below(path: &Path, folder: &Path) -> Option<String> {
    let rest = path.strip_prefix(folder).ok()?;
    let names: Vec<_> = rest.components().map(|c| c.as_os_str().to_string_lossy()).collect();
    Some(names.join("/"))
}

/// Returns the name closest to a misspelled word, if one is close.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Similarity is computed on a bounded prefix: the word may be an entire page of text.
    let word: String = word.chars().take(100).collect::<String>().to_ascii_lowercase();
    let scored = names.into_iter().map(|name| {
        let score = strsim::jaro_winkler(&word, &name.to_ascii_lowercase());
        (score, name)
    });
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(score, _)| *score > 0.8);
    best.map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, path, expect) in [
            ("a.yaml", "a.yaml", true),
            ("a.yaml", "b/a.yaml", false),
            ("*.yaml", "a.yaml", true),
            ("*.yaml", "b/a.yaml", false),
            ("**/*.yaml", "a.yaml", true),
            ("**/*.yaml", "b/c/a.yaml", true),
            ("**/vendor", "a/vendor/b.yaml", true),
            ("**/vendor", "vendor/b.yaml", true),
            ("**/vendor", "avendor/b.yaml", false),
            ("vendor", "vendor/a/b.yaml", true),
            ("vendor/", "vendor/a/b.yaml", true),
            ("vendor", "vendors/a.yaml", false),
            ("vendor/**", "vendor/a/b.yaml", true),
            ("vendor/**", "vendor", false),
            ("a/**/b.yaml", "a/b.yaml", true),
            ("a/**/b.yaml", "a/x/y/b.yaml", true),
            ("a/**/b.yaml", "a/xb.yaml", false),
            ("./k8s", "k8s/a.yaml", true),
            ("a?c", "abc", true),
            ("a?c", "a/c", false),
            ("**", "a/b", true),
            ("*", "", true),
        ] {
            assert_eq!(Glob::new(pattern).unwrap().matches_path(path), expect, "{pattern} {path}");
        }
        assert!(Glob::new("node-*").unwrap().matches("node-exporter"));
        assert!(!Glob::new("node").unwrap().matches("node/exporter"));
        assert!(Glob::new("").is_err() && Glob::new(&"a".repeat(2000)).is_err());
    }

    #[test]
    fn a_pattern_of_stars_takes_no_age() {
        let glob = Glob::new(&"*a".repeat(500)).unwrap();
        assert!(!glob.matches(&"a".repeat(400)));
    }

    #[test]
    fn names_are_taken_from_where_the_user_stands() {
        let folders = vec!["/real/shop".into(), "/w/shop".into()];
        let base = Base { folders, current: "/w/shop/k8s".into() };
        for (name, expect) in [
            ("a.yaml", Some("k8s/a.yaml")),
            ("../b/a.yaml", Some("b/a.yaml")),
            ("../../c/a.yaml", None),
            ("/w/shop/x.yaml", Some("x.yaml")),
            ("/real/shop/x.yaml", Some("x.yaml")),
            ("/etc/x.yaml", None),
            ("..", Some("")),
        ] {
            assert_eq!(base.relative(name).as_deref(), expect, "{name}");
        }
    }

    #[test]
    fn a_name_is_suggested_only_where_it_is_near() {
        assert_eq!(nearest("exlude", ["include", "exclude"]), Some("exclude"));
        assert_eq!(nearest("colour", ["include", "exclude"]), None);
    }
}
