//! The documentation leads somewhere: links lead to files and headings that exist, every page is in
//! the table of contents, and README counts what there is.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The pages of `docs/`, all folders of it, relative to the root.
fn pages() -> BTreeSet<PathBuf> {
    let mut pages = BTreeSet::new();
    let mut folders = vec![PathBuf::from("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let path = folder.join(entry.unwrap().file_name());
            if root().join(&path).is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "md") {
                pages.insert(path);
            }
        }
    }
    pages
}

fn text(page: &Path) -> String {
    fs::read_to_string(root().join(page)).unwrap()
}

/// The lines outside of fenced code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// What links lead to: `](target)`, code in backticks aside.
fn links(text: &str) -> Vec<&str> {
    let mut links = Vec::new();
    for line in prose(text) {
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("](") {
            let Some((target, behind)) = after.split_once(')') else { break };
            // An odd number of backticks before it: this stands in code.
            let so_far = &line[..line.len() - rest.len() + before.len()];
            if so_far.matches('`').count() % 2 == 0 {
                links.push(target);
            }
            rest = behind;
        }
    }
    links
}

/// The name by which a heading is linked to, as GitHub and mdBook make it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The path that a link of a page names, without `.` and `..`.
fn target(page: &Path, link: &str) -> PathBuf {
    let mut path = PathBuf::new();
    for part in page.parent().unwrap().join(link).components() {
        match part {
            Component::ParentDir => drop(path.pop()),
            Component::CurDir => {}
            other => path.push(other),
        }
    }
    path
}

/// What is wrong with the links of a page.
fn faults(page: &Path, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for link in links(text).into_iter().filter(|link| !link.contains("://")) {
        let (file, heading) = link.split_once('#').unwrap_or((link, ""));
        let target = if file.is_empty() { page.to_owned() } else { target(page, file) };
        if !root().join(&target).exists() {
            faults.push(format!("{}: `{link}` leads to no file", page.display()));
        } else if !heading.is_empty() {
            let led = if file.is_empty() { text.to_owned() } else { self::text(&target) };
            let mut anchors = prose(&led).filter(|line| line.starts_with('#')).map(anchor);
            if !anchors.any(|anchor| anchor == heading) {
                faults.push(format!("{}: `{link}` leads to no heading", page.display()));
            }
        }
    }
    faults
}

#[test]
fn every_link_leads_somewhere() {
    let mut pages = pages();
    pages.extend(["README.md", "CONTRIBUTING.md", "SECURITY.md"].map(PathBuf::from));
    let faults: Vec<_> = pages.iter().flat_map(|page| faults(page, &text(page))).collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn every_page_is_in_the_table_of_contents() {
    let summary = Path::new("docs/SUMMARY.md");
    let text = text(summary);
    let listed: Vec<_> = links(&text).into_iter().map(|link| target(summary, link)).collect();
    let once: BTreeSet<_> = listed.iter().cloned().collect();
    assert_eq!(once.len(), listed.len(), "a page stands twice");
    let mut pages = pages();
    assert!(pages.remove(summary));
    let missing: Vec<_> = pages.difference(&once).collect();
    assert!(missing.is_empty(), "not in docs/SUMMARY.md: {missing:?} (`cargo xtask codegen`?)");
}

#[test]
fn readme_counts_the_checks() {
    let checks = text(Path::new("docs/checks.md"));
    let count = prose(&checks).find_map(|line| line.strip_suffix(" in all.")).unwrap();
    let wanted = format!("[{count} checks](docs/checks.md)");
    assert!(text(Path::new("README.md")).contains(&wanted), "README.md must contain {wanted}");
}

#[test]
fn what_is_wrong_is_found() {
    let page = Path::new("docs/limits.md");
    for (text, wanted) in [
        ("[a](limits.md) [b](../README.md#pavisade) [c](https://example.com/none.md)", 0),
        ("# One two\n[a](#one-two)", 0),
        ("[a](none.md)", 1),
        ("[a](limits.md) and [b](none.md) [c](../docs)", 1),
        ("[a](../docs/../docs/none.md)", 1),
        ("[a](#none)", 1),
        ("```\n# none\n```\n[a](#none)", 1),
        ("[a](limits.md#none)", 1),
        ("```sh\n[a](none.md)\n```\n`[a](none.md)`", 0),
        ("`code` [a](none.md)", 1),
    ] {
        assert_eq!(faults(page, text).len(), wanted, "{text}");
    }
}
