//! Patterns of names and paths, and paths relative to a folder.

use std::path::{Component, Path, PathBuf};

/// Bytes of a pattern that are taken.
const MAX_PATTERN: usize = 1024;

/// A pattern: `?` is one character, `*` any number of them within a name, `**` any number of
/// folders. Everything else stands for itself; case counts.
///
/// Matching takes time in proportion to pattern times text, whatever the pattern.
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
    /// `**/`: no folder, or some.
    Folders,
}

impl Glob {
    /// The pattern that is written so.
    ///
    /// # Errors
    /// It is empty or longer than 1,024 bytes.
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

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The only name that is of this pattern, where there is one.
    pub fn literal(&self) -> Option<String> {
        let exactly = |part: &Part| match part {
            Part::Exactly(c) => Some(*c),
            _ => None,
        };
        self.parts.iter().map(exactly).collect()
    }

    /// Whether a name is of this pattern.
    pub fn matches(&self, name: &str) -> bool {
        self.run(name).1
    }

    /// Whether a path, or a folder that it is in, is of this pattern.
    pub fn matches_path(&self, path: &str) -> bool {
        let (of_folder, whole) = self.run(path);
        of_folder || whole
    }

    /// Whether a folder on the way, and the whole text are of this pattern.
    fn run(&self, text: &str) -> (bool, bool) {
        let end = self.parts.len();
        // A place in the pattern, and the same within a folder that `**/` passes over.
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
            // `vendor/` is the folder's own pattern too.
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

/// The folder that patterns are relative to, and the one that names of files are relative to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Base {
    /// Patterns: absolute; the one folder by all names that it has.
    pub folders: Vec<PathBuf>,
    /// Names: absolute.
    pub current: PathBuf,
}

impl Base {
    /// The path below the folder of a file that users know by `name`; `None` where it is elsewhere.
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

/// The way from a folder down to a path, with `/` between names.
pub fn below(path: &Path, folder: &Path) -> Option<String> {
    let rest = path.strip_prefix(folder).ok()?;
    let names: Vec<_> = rest.components().map(|c| c.as_os_str().to_string_lossy()).collect();
    Some(names.join("/"))
}

/// The name that a misspelt word most likely means, if one is near.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Whoever writes a page for a name does not want to know which one it is like.
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
