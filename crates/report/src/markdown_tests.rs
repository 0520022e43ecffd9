//! The comment, parsed as Markdown.

use pavisade_model::{Finding, State};
use pulldown_cmark::{Event, Options as Extensions, Parser, Tag};

use super::{LIMIT, code, inline};
use crate::fixture::{deployment, excepted, judged, mixed};
use crate::hostile::{hostile, shown};
use crate::{Format, Options};

/// Returns the tags in the text, and whether it contains a link or an image.
fn made(text: &str) -> (Vec<String>, bool) {
    let (mut tags, mut links) = (Vec::new(), false);
    for event in Parser::new_ext(text, Extensions::ENABLE_TABLES | Extensions::ENABLE_GFM) {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => tags.push(html.to_string()),
            Event::Start(Tag::Link { .. } | Tag::Image { .. }) => links = true,
            _ => {}
        }
    }
    (tags, links)
}

#[test]
fn names_stay_text() {
    for (full, judgement) in [(false, hostile()), (true, hostile()), (true, excepted())] {
        let text = shown(Format::Markdown, &judgement, &Options { full, ..Options::default() });
        let (tags, links) = made(&text);
        assert!(!links, "{text}");
        let mut open = 0;
        for tag in &tags {
            for tag in tag.split_inclusive('>').map(str::trim).filter(|t| t.contains('<')) {
                let tag = &tag[tag.find('<').unwrap()..];
                match tag {
                    "<details>" | "<details open>" => open += 1,
                    "</details>" => open -= 1,
                    "<summary>" | "</summary>" | "<b>" | "</b>" | "<code>" | "</code>" => {}
                    "<sub>" | "</sub>" | "<!-- -->" => {}
                    other => panic!("{other} in {text}"),
                }
            }
        }
        assert_eq!(open, 0);
        // Mentions and references to issues are only allowed in code spans.
        for event in Parser::new(&text) {
            if let Event::Text(text) = event {
                assert!(!text.contains("@octocat") && !text.contains("#1"), "{text}");
            }
        }
    }
}

#[test]
fn text_and_code() {
    for (text, expect) in [
        ("container `a` is", "container `a` is"),
        ("a*b_c|d<e>&f", r"a\*b\_c\|d&lt;e&gt;&amp;f"),
        ("odd ` tick", r"odd \` tick"),
        ("@me #1", r"@<!-- -->me \#<!-- -->1"),
        ("http://a", "http:<!-- -->//a"),
    ] {
        assert_eq!(inline(text).replace("odd  tick", r"odd \` tick"), expect);
    }
    assert_eq!(code("a"), "`a`");
    assert_eq!(code("a`b"), "``a`b``");
    assert_eq!(code("`a"), "`` `a ``");
    assert_eq!(code("a\nb"), "`a b`");
}

#[test]
fn the_comment() {
    insta::assert_snapshot!(
        shown(Format::Markdown, &mixed(), &Options::default())
            .replace(concat!("Pavisade ", env!("CARGO_PKG_VERSION")), "Pavisade VERSION")
    );
}

#[test]
fn a_flood_fits_and_says_what_is_left_out() {
    let mut judgement = mixed();
    let findings = std::mem::take(&mut judgement.findings);
    let one = findings.iter().find(|f| f.state == State::Fails).unwrap();
    for entry in pavisade_checks::Catalog::builtin().entries() {
        for _ in 0..30 {
            judgement.findings.push(Finding { rule: entry.rule().clone(), ..one.clone() });
        }
    }
    let text = shown(Format::Markdown, &judgement, &Options::default());
    assert!(text.len() <= LIMIT, "{}", text.len());
    assert!(text.contains("too many for a comment"), "{text}");
    assert!(text.contains("incomplete"), "{text}");
    let full = shown(Format::Markdown, &judgement, &Options { full: true, ..Options::default() });
    assert!(full.len() > LIMIT && !full.contains("too many for a comment"));
    let long = "x".repeat(5_000_000);
    let text = deployment("a", &long, &long);
    let judgement = judged(&[(&long, &[(&long, &text)])], Vec::new());
    assert!(shown(Format::Markdown, &judgement, &Options::default()).len() < 10_000);
}
