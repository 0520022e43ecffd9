//! User-facing text is plain English: no phrase of `tests/banned-phrases.txt` occurs in a page, in
//! the README, in a framework, or in a string of the program.
//!
//! `crates/cli/tests/english.rs` checks the help of every command. Comments are not checked.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const LIST: &str = include_str!("../../tests/banned-phrases.txt");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Returns each phrase with its replacement.
fn banned() -> Vec<(&'static str, &'static str)> {
    let lines = LIST.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once(" => ").unwrap()).collect()
}

/// Converts text to lower case with single blanks between words, so that phrases are found across
/// line breaks. Code (`in backticks`) and format arguments are removed.
fn normal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push(' ');
    let mut is_code = false;
    let mut depth = 0;
    for c in text.chars() {
        match c {
            '`' => is_code = !is_code,
            '\n' => (is_code, depth) = (false, 0),
            '{' if !is_code => depth += 1,
            '}' => depth = (depth - 1).max(0),
            _ => {}
        }
        if (is_code || depth > 0) && !c.is_whitespace() {
            continue;
        }
        let is_blank = !(c.is_alphanumeric() || c == '\'');
        match is_blank {
            // Punctuation ends a phrase, but emphasis and quotes do not.
            true if c.is_whitespace() => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            true if "*_".contains(c) => {}
            true => out.push_str(if out.ends_with(' ') { "| " } else { " | " }),
            false => out.extend(c.to_lowercase()),
        }
    }
    out.push(' ');
    out
}

fn faults(what: &str, text: &str) -> Vec<String> {
    let text = normal(text);
    let places = banned().into_iter().filter_map(|(phrase, instead)| {
        let places =
            text.match_indices(&format!(" {phrase} ")).map(|(at, _)| at).collect::<Vec<_>>();
        // "There is no map" is good English.
        let at = places.into_iter().find(|at| !text[..*at].ends_with(" there"))?;
        Some((phrase, instead, at))
    });
    places
        .map(|(phrase, instead, at)| {
            let start = text.floor_char_boundary(at.saturating_sub(50));
            let end = text.ceil_char_boundary((at + 60).min(text.len()));
            format!("{what}: \"{phrase}\" (write: {instead}) in \"…{}…\"", &text[start..end])
        })
        .collect()
}

fn files(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, extension, found);
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
}

/// Returns the string literals of Rust code, without its tests, attributes and comments.
fn strings(code: &str) -> Vec<String> {
    let code = code.find("#[cfg(test)]\nmod ").map_or(code, |end| &code[..end]);
    let bytes = code.as_bytes();
    let (mut found, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let rest = &code[at..];
        if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if let Some(text) = rest.strip_prefix("r#\"") {
            at += text.find("\"#").unwrap() + 5;
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\") {
            at += 2 + rest[2..].find('\'').unwrap() + 1;
        } else if rest.starts_with('"') {
            let mut end = 1;
            while bytes[at + end] != b'"' {
                end += if bytes[at + end] == b'\\' { 2 } else { 1 };
            }
            // The reason of a lint attribute is a comment.
            let before = code[..at].trim_end();
            if (!before.ends_with("reason =") || before.ends_with("let reason ="))
                && !before.ends_with("include_str!(")
            {
                found.push(rest[1..end].replace("\\\n", " ").replace("\\n", "\n"));
            }
            at += end + 1;
        } else {
            at += rest.chars().next().unwrap().len_utf8();
        }
    }
    found
}

fn fail_on(faults: &[String]) {
    let mut text = String::new();
    for fault in faults {
        let _ = writeln!(text, "{fault}");
    }
    assert!(faults.is_empty(), "{} banned phrases:\n{text}", faults.len());
}

#[test]
fn pages_and_frameworks() {
    let mut pages = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "action.yml"]
        .map(|name| root().join(name))
        .to_vec();
    files(&root().join("docs"), "md", &mut pages);
    files(&root().join("frameworks"), "toml", &mut pages);
    let all: Vec<_> = pages
        .iter()
        .flat_map(|page| faults(&page.display().to_string(), &fs::read_to_string(page).unwrap()))
        .collect();
    fail_on(&all);
}

#[test]
fn strings_of_the_program() {
    let mut code = Vec::new();
    files(&root().join("crates"), "rs", &mut code);
    let is_test = |path: &Path| {
        let text = path.to_string_lossy();
        let name = path.file_name().unwrap().to_string_lossy();
        text.contains("/tests/")
            || name.contains("test")
            || ["fixture.rs", "hostile.rs", "benches.rs"].contains(&&*name)
            || text.contains("/hostile/")
            // Advisories are quoted as published.
            || text.contains("checks/src/advisories/kubernetes.rs")
    };
    code.retain(|path| !is_test(path));
    let mut all = Vec::new();
    for path in &code {
        // A single word is the name of a field or an option.
        let strings = strings(&fs::read_to_string(path).unwrap());
        for string in strings.iter().filter(|string| string.contains(' ')) {
            all.extend(faults(&path.display().to_string(), string));
        }
    }
    fail_on(&all);
}

/// The texts of a check are in its doc comment instead of a string.
#[test]
fn check_texts() {
    let mut all = Vec::new();
    for entry in pavisade_checks::Catalog::builtin().entries() {
        let rule = entry.rule();
        all.extend(faults(&rule.name, &format!("{}\n{}\n{}", rule.title, rule.why, rule.advice)));
        assert!(
            !rule.title.ends_with('.'),
            "{}: a title is a noun phrase without a period",
            rule.name
        );
        assert!(rule.title.len() <= 70, "{}: the title is too long", rule.name);
    }
    fail_on(&all);
}

#[test]
fn phrases_are_found_as_whole_words_and_across_lines() {
    let found = |text: &str| faults("x", text).len();
    assert_eq!(found("A path that gives\naway the node"), 1);
    assert_eq!(found("It **gives away** secrets"), 1);
    assert_eq!(found("recommended, amended"), 0);
    assert_eq!(found("it gives. Away from home"), 0);
    assert_eq!(found("there is no map"), 0);
    assert_eq!(found("`webhooks` is no map"), 1);
    assert_eq!(
        strings("let a = \"x \\\"y\"; // \"no\"\nlet c = '\"'; let d = \"z\";"),
        ["x \\\"y", "z"]
    );
}
