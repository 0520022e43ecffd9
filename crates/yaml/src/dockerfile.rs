//! Dockerfiles as documents with spans: the stages with FROM, USER and other instructions.
//!
//! ```yaml
//! stages:
//!   - name: build            # FROM … AS build
//!     from: golang:1.26      # of the last stage in the text
//!     user: "10001"          # the last USER of the stage
//! ```
//! Follows the Dockerfile reference (docs.docker.com/reference/dockerfile): continuation by `\` or
//! the escape character of the directive, comments, here-documents, and default values from `ARG`
//! before the first `FROM`. Build arguments given on the command line are not known.

use std::collections::{HashMap, VecDeque};

use crate::arena::{Builder, Form, Key, ROOT_PARENT, Tag};
use crate::doc::{Doc, DocInner, Source};

/// Maximum number of stages read from a file.
pub const MAX_STAGES: usize = 1000;

#[derive(Default)]
struct Stage {
    span: (u32, u32),
    fields: Vec<(&'static str, String, (u32, u32))>,
}

/// Reads a Dockerfile. Lines that are not instructions are skipped.
pub fn dockerfile(source: &Source) -> Doc {
    let mut stages: Vec<Stage> = Vec::new();
    let mut arguments: HashMap<String, String> = HashMap::new();
    let (instructions, comments) = instructions(source.text());
    for instruction in instructions {
        let Instruction { name, rest, span } = instruction;
        match name.as_str() {
            "FROM" if stages.len() < MAX_STAGES => {
                let mut words = rest.split_whitespace().filter(|w| !w.starts_with("--"));
                let image = expand(words.next().unwrap_or(""), &arguments);
                let mut stage = Stage { span, fields: vec![("from", image, span)] };
                if words.next().is_some_and(|w| w.eq_ignore_ascii_case("as"))
                    && let Some(name) = words.next()
                {
                    stage.fields.push(("name", name.to_owned(), span));
                }
                stages.push(stage);
            }
            "ARG" if stages.is_empty() => {
                for word in rest.split_whitespace() {
                    if let Some((name, value)) = word.split_once('=') {
                        arguments.insert(name.to_owned(), unquote(value).to_owned());
                    }
                }
            }
            "USER" => {
                if let Some(stage) = stages.last_mut() {
                    stage.fields.retain(|(field, ..)| *field != "user");
                    stage.fields.push(("user", unquote(rest.trim()).to_owned(), span));
                }
            }
            _ => {}
        }
    }
    build(source, stages, comments)
}

struct Instruction {
    /// In upper case.
    name: String,
    /// Arguments with continuation lines joined.
    rest: String,
    span: (u32, u32),
}

/// Returns the instructions that [`dockerfile`] uses, and the comments: whole lines that begin with
/// `#`.
fn instructions(text: &str) -> (Vec<Instruction>, Vec<(u32, u32)>) {
    let (mut found, mut comments) = (Vec::new(), Vec::new());
    let mut comment = |line: &str, start: usize| {
        let content = line.trim();
        let start = start + (line.len() - line.trim_start().len());
        comments.push((start as u32, (start + content.len()) as u32));
    };
    let escape =
        if text.lines().take(5).any(|l| l.replace(' ', "") == "#escape=`") { '`' } else { '\\' };
    let mut at = 0;
    let mut lines = text.split_inclusive('\n').peekable();
    let mut heredocs: VecDeque<String> = VecDeque::new();
    while let Some(line) = lines.next() {
        let start = at;
        at += line.len();
        if !heredocs.is_empty() {
            if heredocs[0] == line.trim() {
                heredocs.pop_front();
            }
            continue;
        }
        let content = line.trim();
        if content.starts_with('#') {
            comment(line, start);
        }
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let first = start + (line.len() - line.trim_start().len());
        let mut joined = content.to_owned();
        while joined.ends_with(escape) {
            joined.pop();
            // Comments and blank lines between continuation lines do not end the instruction.
            let Some(next) = lines.next() else { break };
            let next_start = at;
            at += next.len();
            if next.trim().starts_with('#') {
                comment(next, next_start);
            }
            let next = next.trim();
            if next.is_empty() || next.starts_with('#') {
                joined.push(escape);
            } else {
                joined.push(' ');
                joined.push_str(next);
            }
        }
        let (name, rest) = joined.split_once(char::is_whitespace).unwrap_or((&joined, ""));
        let name = name.to_ascii_uppercase();
        match name.as_str() {
            "FROM" | "ARG" | "USER" => {}
            "RUN" | "COPY" | "ADD" => {
                heredocs.extend(rest.split_whitespace().filter_map(heredoc));
                continue;
            }
            _ => continue,
        }
        let end = (first + content.len()) as u32;
        let rest = rest.to_owned();
        found.push(Instruction { name, rest, span: (first as u32, end) });
    }
    (found, comments)
}

/// Returns the delimiter if the word starts a here-document.
fn heredoc(word: &str) -> Option<String> {
    let word = word.strip_prefix("<<")?;
    let word = unquote(word.strip_prefix('-').unwrap_or(word));
    let good = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    good.then(|| word.to_owned())
}

fn unquote(text: &str) -> &str {
    let inner = |quote| text.strip_prefix(quote).and_then(|t| t.strip_suffix(quote));
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}

/// Replaces `$NAME` and `${NAME}` with default values. Names without one are kept.
fn expand(text: &str, arguments: &HashMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let tail = &rest[at + 1..];
        let (name, used) = match tail.strip_prefix('{') {
            Some(inner) => match inner.find('}') {
                Some(end) => (&inner[..end], end + 2),
                None => (inner, tail.len()),
            },
            None => {
                let end = tail.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                let end = end.unwrap_or(tail.len());
                (&tail[..end], end)
            }
        };
        let (name, default) = name.split_once(":-").map_or((name, None), |(n, d)| (n, Some(d)));
        match arguments.get(name).map(String::as_str).or(default) {
            Some(value) => out.push_str(value),
            None => out.push_str(&rest[at..at + 1 + used]),
        }
        rest = &tail[used..];
    }
    out.push_str(rest);
    out
}

fn build(source: &Source, stages: Vec<Stage>, comments: Vec<(u32, u32)>) -> Doc {
    let mut builder = Builder::new(0);
    let key = |text: &str, span| Some(Key::Owned { text: text.to_owned(), span });
    let end = source.text().len() as u32;
    let root = builder.push((Tag::Mapping, Form::Exact), None, (0, 0), ROOT_PARENT);
    let stages_key = key("stages", (0, 0));
    let list = builder.push((Tag::Sequence, Form::Exact), stages_key.as_ref(), (0, 0), root);
    for stage in stages {
        let map = builder.push((Tag::Mapping, Form::Exact), None, stage.span, list);
        for (name, text, span) in stage.fields {
            let key = key(name, (span.0, span.0));
            let node = builder.push((Tag::Text, Form::Side), key.as_ref(), span, map);
            builder.set_text(node, &text);
        }
        builder.close(map, stage.span.1);
    }
    builder.close(list, end);
    builder.close(root, end);
    Doc::from_inner(DocInner {
        source: source.clone(),
        nodes: builder.nodes.into_boxed_slice(),
        side: builder.side.into_boxed_slice(),
        comments: comments.into_boxed_slice(),
        span: (0, end),
        json: false,
    })
}
