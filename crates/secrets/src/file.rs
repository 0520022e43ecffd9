//! Secrets in the files of a file system: which files are read, and what is reported in them.
//!
//! Files that are part of a language's package or documentation are public: keys in them are for
//! tests. Only tokens of known issuers are reported there. Files of a distribution's packages must
//! be filtered by the caller, who knows them.

use std::borrow::Cow;
use std::path::Path;

use pavisade_model::Confidence;

use crate::text::{Hit, Syntax, find};
use crate::{Found, tokens, values};

/// Maximum size of a file that is read, in bytes. Larger files are data.
pub const MAX_FILE: u64 = 1 << 20;
/// Maximum number of secrets reported per file.
pub const MAX_HITS: usize = 20;
/// Minimum size of a file that is read, in bytes.
const MIN_FILE: u64 = 8;

/// A secret in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InFile<'t> {
    /// The line, from 1.
    pub line: u32,
    /// The name of the setting. Empty if it was recognized by its format alone.
    pub name: Cow<'t, str>,
    /// The type of secret.
    pub found: Found,
    /// The confidence that it is a secret.
    pub confidence: Confidence,
}

/// What is reported in a file, by its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing.
    Nowhere,
    /// Only tokens of known issuers.
    Public,
    /// Everything, with lower confidence in examples and tests.
    Own { test: bool },
}

/// Whether a file is read. `path` has no leading slash.
pub fn is_worth_reading(path: &str, size: u64) -> bool {
    (MIN_FILE..=MAX_FILE).contains(&size) && place(path) != Place::Nowhere
}

/// Returns the secrets in a file. Empty if it is not text.
pub fn find_in_file<'t>(path: &str, bytes: &'t [u8]) -> Vec<InFile<'t>> {
    let place = place(path);
    // Text does not contain NUL, while binaries do.
    if place == Place::Nowhere || memchr::memchr(0, &bytes[..bytes.len().min(8192)]).is_some() {
        return Vec::new();
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => in_text(path, place, text),
        // Invalid UTF-8 must not hide secrets. Lines and offsets stay the same.
        Err(_) => {
            let owned = |hit: InFile<'_>| InFile { name: hit.name.into_owned().into(), ..hit };
            in_text(path, place, &plain(bytes)).into_iter().map(owned).collect()
        }
    }
}

/// Returns the text with each invalid byte replaced with `?`.
fn plain(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '?'));
    }
    text
}

fn in_text<'t>(path: &str, place: Place, text: &'t str) -> Vec<InFile<'t>> {
    let bytes = text.as_bytes();
    let name = path.rsplit('/').next().unwrap_or(path);
    let mut hits = match place {
        Place::Nowhere => Vec::new(),
        Place::Public => public(text),
        Place::Own { .. } => find(text, Syntax::of(name, text)),
    };
    if let Place::Own { .. } = place {
        special(name, text, &mut hits);
    }
    let is_test = place == Place::Own { test: true };
    let (mut line, mut seen) = (1, 0);
    let mut found = Vec::new();
    for Hit { at, name, found: what } in hits {
        line += memchr::memchr_iter(b'\n', &bytes[seen..at]).count() as u32;
        seen = at;
        // A name and its value on two lines of code are found twice.
        let again =
            |other: &InFile<'_>| (other.line, &*other.name, other.found) == (line, name, what);
        if found.iter().any(again) {
            continue;
        }
        let confidence = if is_test { Confidence::Low } else { what.confidence() };
        found.push(InFile { line, name: name.into(), found: what, confidence });
        if found.len() == MAX_HITS {
            break;
        }
    }
    found
}

/// Returns tokens of known issuers, for public files. Keys, URLs and signed tokens there are for
/// tests and documentation.
fn public(text: &str) -> Vec<Hit<'_>> {
    let mut hits = Vec::new();
    tokens::find(text, &mut |token| {
        if token.issued && hits.len() < MAX_HITS {
            hits.push(Hit { at: token.at, name: "", found: Found::Form(token.what) });
        }
    });
    hits.sort_by_key(|hit| hit.at);
    hits
}

/// Formats of specific files: `machine … password …`, `host:port:database:user:password`.
fn special<'t>(name: &str, text: &'t str, hits: &mut Vec<Hit<'t>>) {
    let before = hits.len();
    match name {
        ".netrc" | "_netrc" => {
            let mut words = text.split_ascii_whitespace();
            while let Some(word) = words.next() {
                if let ("password", Some(value)) = (word, words.clone().next())
                    && values::is_filled_in(value)
                {
                    let at = value.as_ptr() as usize - text.as_ptr() as usize;
                    hits.push(Hit { at, name: "password", found: Found::Named });
                }
            }
        }
        ".pgpass" => {
            for line in text.lines().filter(|line| !line.starts_with('#')) {
                if let Some(value) = line.splitn(5, ':').nth(4)
                    && values::is_filled_in(value)
                {
                    let at = value.as_ptr() as usize - text.as_ptr() as usize;
                    hits.push(Hit { at, name: "password", found: Found::Named });
                }
            }
        }
        _ => {}
    }
    if hits.len() > before {
        hits.sort_by_key(|hit| hit.at);
    }
}

fn place(path: &str) -> Place {
    let name = path.rsplit('/').next().unwrap_or(path);
    if NOWHERE.iter().any(|start| path.starts_with(start)) || !may_be_text(name) {
        return Place::Nowhere;
    }
    // A well-known test key of Debian.
    if name == "ssl-cert-snakeoil.key" {
        return Place::Nowhere;
    }
    let starts = PUBLIC.iter().any(|start| path.starts_with(start));
    let mut public = starts || path.contains("/pkg/mod/");
    let mut test = false;
    for part in path.split('/') {
        public |= PUBLIC_FOLDERS.contains(&part);
        test |= TEST_FOLDERS.contains(&part);
    }
    if public { Place::Public } else { Place::Own { test } }
}

/// Databases, caches, documentation, translations.
const NOWHERE: [&str; 28] = [
    "dev/",
    "etc/nsswitch.conf",
    "etc/pam.d/",
    "lib/apk/db/",
    "proc/",
    "sys/",
    "usr/include/",
    "usr/lib/apk/db/",
    "usr/lib/locale/",
    "usr/lib/python3/dist-packages/test/",
    "usr/share/bash-completion/",
    "usr/share/common-licenses/",
    "usr/share/doc/",
    "usr/share/fonts/",
    "usr/share/help/",
    "usr/share/i18n/",
    "usr/share/icons/",
    "usr/share/info/",
    "usr/share/licenses/",
    "usr/share/locale/",
    "usr/share/man/",
    "usr/share/mime/",
    "usr/share/perl/",
    "usr/share/zoneinfo/",
    "var/cache/",
    "var/lib/apt/",
    "var/lib/dpkg/",
    "var/lib/rpm/",
];

/// Files of distributions and runtimes.
const PUBLIC: [&str; 8] =
    ["bin/", "lib/", "lib64/", "sbin/", "usr/bin/", "usr/lib/", "usr/sbin/", "usr/share/"];

/// Directories of language packages and of runtimes' own files.
const PUBLIC_FOLDERS: [&str; 15] = [
    ".cargo",
    ".m2",
    ".npm",
    "dist-packages",
    "gems",
    "jvm",
    "node_modules",
    "python2.7",
    "python3",
    "python3.10",
    "python3.11",
    "python3.12",
    "python3.13",
    "python3.9",
    "site-packages",
];

const TEST_FOLDERS: [&str; 11] = [
    "__tests__",
    "doc",
    "docs",
    "example",
    "examples",
    "fixtures",
    "sample",
    "samples",
    "test",
    "testdata",
    "tests",
];

/// Whether the file may be text, by its extension: excludes images, archives, programs and
/// generated files.
fn may_be_text(name: &str) -> bool {
    const ENDINGS: [&str; 44] = [
        "a", "avif", "bin", "br", "bz2", "class", "css", "dat", "db", "dll", "dylib", "eot", "exe",
        "gif", "gmo", "gz", "ico", "jar", "jpeg", "jpg", "lock", "map", "md", "mo", "mp4", "o",
        "otf", "pack", "pdf", "po", "png", "pyc", "pyo", "rst", "so", "svg", "tar", "ttf", "wasm",
        "webp", "whl", "woff", "woff2", "zip",
    ];
    let ending = Path::new(name).extension().and_then(|ending| ending.to_str()).unwrap_or("");
    !ENDINGS.contains(&ending) && !name.contains(".so.") && !name.contains(".min.")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "ghp_q7Zr0kPn2VxY8sTdL4wJb6MhC1eFgA9uRvX5";

    fn told(path: &str, text: &str) -> Vec<(u32, String, Confidence)> {
        let found = find_in_file(path, text.as_bytes()).into_iter();
        found
            .map(|hit| (hit.line, format!("{} {}", hit.found.what(), hit.name), hit.confidence))
            .collect()
    }

    #[test]
    fn what_counts_depends_on_the_place() {
        let key = "-----BEGIN RSA PRIVATE KEY-----\nMIIEq7Zr0kPn2VxY8sTdL4wJb6MhC1eFgA9uRvX5tQ3iKoSzDyNcBm7Hp0\n";
        let token = format!("# a\ntoken: {TOKEN}\n");
        let password = "user: me\npassword: hunter2\n";
        for (path, text, expect) in [
            ("root/.ssh/id_rsa", key, &[(1, "a private key ", Confidence::High)][..]),
            ("app/config.yaml", &token, &[(2, "a GitHub token ", Confidence::High)]),
            ("app/config.yaml", password, &[(2, "a secret password", Confidence::Medium)]),
            ("app/tests/config.yaml", password, &[(2, "a secret password", Confidence::Low)]),
            // Test keys and examples of a package are public.
            ("app/node_modules/a/test/key.pem", key, &[]),
            ("app/node_modules/a/config.yaml", password, &[]),
            ("app/node_modules/a/config.js", &token, &[(2, "a GitHub token ", Confidence::High)]),
            ("usr/share/doc/a/examples/key.pem", key, &[]),
            ("etc/ssl/private/ssl-cert-snakeoil.key", key, &[]),
            ("etc/ssh/ssh_host_rsa_key", key, &[(1, "a private key ", Confidence::High)]),
            ("app/logo.png", &token, &[]),
            (
                "root/.netrc",
                "machine a\nlogin b\npassword q7Zr0kPn\n",
                &[(3, "a secret password", Confidence::Medium)],
            ),
            ("root/.netrc", "machine a login b password <password>", &[]),
            (
                "root/.pgpass",
                "# a:b:c:d:e\ndb:5432:*:me:q7Zr:0k\n",
                &[(2, "a secret password", Confidence::Medium)],
            ),
        ] {
            let expect: Vec<_> = expect
                .iter()
                .map(|(line, what, sure)| (*line, (*what).to_owned(), *sure))
                .collect();
            assert_eq!(told(path, text), expect, "{path}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_passed_over() {
        assert!(find_in_file("app/a", format!("\0{TOKEN}").as_bytes()).is_empty());
        assert!(find_in_file("app/a", &[0xFF, b'=', 0xFE]).is_empty());
        // Latin-1 in a comment, before and on a line with a secret, and a character that is cut off
        // at the end.
        for (before, line) in
            [(&b"# caf\xE9\n"[..], 2), (b"\xFF ", 1), (b"a: \xE2\x82\nb: \xC3\x28\n", 3)]
        {
            let bytes = [before, b"password: hunter2\n# \xE2\x82"].concat();
            let found = find_in_file("app/a.yaml", &bytes);
            let told: Vec<_> = found.iter().map(|hit| (hit.line, &*hit.name)).collect();
            assert_eq!(told, [(line, "password")], "{before:?}");
            assert_eq!(plain(&bytes).len(), bytes.len());
        }
        let many = format!("{TOKEN}\n").repeat(1000);
        assert_eq!(find_in_file("app/a", many.as_bytes()).len(), MAX_HITS);
        assert!(is_worth_reading("app/.env", 20) && !is_worth_reading("app/.env", MAX_FILE + 1));
        assert!(!is_worth_reading("app/.env", 3) && !is_worth_reading("usr/share/doc/a", 99));
    }
}
