//! Collects exceptions from the scanned input: annotations, and comments on lines.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

use pavisade_checks::Catalog;
use pavisade_judgement::{ANNOTATION, Exception, Form, InObject, Scope};
use pavisade_model::{Note, NoteKind, Paths};
use pavisade_snapshot::{Object, Snapshot, World};
use pavisade_yaml::{Doc, Source, Value};
use rayon::prelude::*;

use super::parse::{Fault, Said, parse};

/// Maximum number of reported invalid exceptions.
const MAX_FAULTS: usize = 200;
/// Number of objects per task.
const MANY: usize = 256;

/// Exceptions, and notes about invalid ones.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub exceptions: Vec<Exception>,
    pub notes: Vec<Note>,
    /// The location, start and message of each note, for deduplication.
    told: HashSet<(String, Option<u32>, String)>,
}

/// Collects all exceptions of a snapshot.
pub(super) fn gather(snapshot: &Snapshot, catalog: &Catalog) -> Gathered {
    let mut gathered = Gathered::default();
    let worlds = snapshot.worlds().iter();
    let own: Vec<_> =
        worlds.flat_map(|world| world.objects().map(move |object| (world, object))).collect();
    // Most objects have no annotation for Pavisade. Only this test runs in parallel.
    let marked = own.par_iter().with_min_len(MANY).filter(|(_, object)| is_marked(object));
    for (world, object) in marked.collect::<Vec<_>>() {
        gathered.annotations(world, object, catalog);
    }
    gathered.comments(snapshot, catalog);
    gathered
}

fn is_ours(key: &str) -> bool {
    key.strip_prefix(ANNOTATION).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Returns the metadata of an object and of its pods, those with their template.
fn metadata(object: &Object) -> impl Iterator<Item = (Option<Value<'_>>, Value<'_>)> {
    let own = object.at(&["metadata"]).map(|metadata| (None, metadata));
    let of_pods = object.pods().filter_map(|pod| Some((pod.spec().parent(), pod.metadata()?)));
    // The metadata of a Pod is that of its object.
    let own_id = own.map(|(_, metadata)| metadata.id());
    own.into_iter().chain(of_pods.filter(move |(_, metadata)| Some(metadata.id()) != own_id))
}

fn ours<'a>(metadata: Value<'a>) -> impl Iterator<Item = (&'a str, Value<'a>)> {
    let annotations = metadata.get("annotations").into_iter().flat_map(Value::entries);
    annotations.filter(|(key, _)| is_ours(key))
}

fn is_marked(object: &Object) -> bool {
    metadata(object).any(|(_, metadata)| ours(metadata).next().is_some())
}

impl Gathered {
    fn annotations(&mut self, world: &World, object: &Object, catalog: &Catalog) {
        let several = object.pods().nth(1).is_some();
        let in_cluster = world.is_live();
        // An object created by a controller has the annotations of its template.
        let owners = object.at(&["metadata", "ownerReferences"]);
        let echo = in_cluster && owners.is_some_and(|owners| owners.items().next().is_some());
        for (template, metadata) in metadata(object) {
            for (key, value) in ours(metadata) {
                let (place, span) = match in_cluster {
                    true => (object.subject(None).label(), None),
                    false => {
                        let source = object.doc().source().clone();
                        let start = value.key_span().unwrap_or_else(|| value.span()).start;
                        let end = value.span().end.max(start + 1);
                        (source.shown().into_owned(), Some((source, start, end)))
                    }
                };
                let text = value.as_str().unwrap_or("");
                let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
                let scope = |container| {
                    let root = object.value();
                    let template = template.filter(|_| several);
                    Scope::Object(Box::new(InObject {
                        world: Arc::clone(world.name()),
                        id: object.id().clone(),
                        container,
                        template: template.map(|at| Paths::default().of(root, at).stable),
                        bytes: object
                            .at(&["metadata", "name"])
                            .is_none()
                            .then(|| (object.doc().source().clone(), root.span())),
                    }))
                };
                // A value that is empty or not a string is invalid.
                for line in if lines.is_empty() { vec![""] } else { lines } {
                    match parse(line, catalog, self.notes.len() < MAX_FAULTS) {
                        Ok(said) => {
                            let form = Form::Annotation;
                            self.add(said, form, (place.clone(), span.clone()), echo, scope);
                        }
                        Err(_) if echo => {}
                        Err(fault) => {
                            let what =
                                format!("the exception in the annotation `{key}` does not apply");
                            self.fault((place.clone(), span.clone()), &what, fault);
                        }
                    }
                }
            }
        }
    }

    fn fault(
        &mut self,
        (place, span): (String, Option<(Source, u32, u32)>),
        what: &str,
        Fault { message, remedy }: Fault,
    ) {
        // A file in two worlds is read twice.
        let start = span.as_ref().map(|span| span.1);
        let more = self.notes.len() > MAX_FAULTS;
        if more || !self.told.insert((place.clone(), start, message.clone())) {
            return;
        }
        let note = |message, remedy| Note { kind: NoteKind::Warning, place, span, message, remedy };
        match self.notes.len().cmp(&MAX_FAULTS) {
            Ordering::Less => self.notes.push(note(format!("{what}: {message}"), remedy)),
            Ordering::Equal => {
                let message = "further exceptions that do not apply are not shown";
                self.notes.push(note(message.to_owned(), String::new()));
            }
            Ordering::Greater => {}
        }
    }

    fn add(
        &mut self,
        said: Said,
        form: Form,
        (place, span): (String, Option<(Source, u32, u32)>),
        echo: bool,
        scope: impl FnOnce(Option<String>) -> Scope,
    ) {
        let Said { checks, container, until, reason } = said;
        let scope = scope(container);
        self.exceptions.push(Exception { checks, until, reason, form, place, span, scope, echo });
    }

    /// Collects the comments of every document that contains an object, once each.
    fn comments(&mut self, snapshot: &Snapshot, catalog: &Catalog) {
        let mut docs: Vec<&Doc> = Vec::new();
        for world in snapshot.worlds() {
            // Objects from a cluster are JSON; files for it have comments.
            let own = world.objects().filter(|object| !object.doc().is_json());
            let written = world.all_written().map(|(_, object)| object);
            docs.extend(own.chain(written).map(Object::doc));
        }
        // The objects of a list share its document.
        let mut seen = HashSet::new();
        docs.retain(|doc| seen.insert((doc.source().id(), doc.span().start)));
        let with_any = docs.par_iter().with_min_len(MANY).filter(|doc| {
            let text = doc.source().text();
            doc.comments().any(|span| {
                text.get(span.start as usize..span.end as usize)
                    .is_some_and(|c| directive(c).is_some())
            })
        });
        for doc in with_any.collect::<Vec<_>>() {
            self.comments_of(doc, catalog);
        }
    }

    fn comments_of(&mut self, doc: &Doc, catalog: &Catalog) {
        let source = doc.source();
        let text = source.text();
        for span in doc.comments() {
            let comment = text.get(span.start as usize..span.end as usize).unwrap_or("");
            let Some(words) = directive(comment) else { continue };
            let place = source.shown().into_owned();
            let place = (place, Some((source.clone(), span.start, span.end)));
            let suggest = self.notes.len() < MAX_FAULTS;
            match words.and_then(|words| parse(words, catalog, suggest)) {
                Ok(said) => {
                    let line = beside(source, span.start);
                    self.add(said, Form::Comment, place, false, |container| match line {
                        Some(line) => Scope::Line { line, container },
                        None => Scope::Nothing,
                    });
                }
                Err(fault) => self.fault(place, "this comment does not cover any finding", fault),
            }
        }
    }
}

/// Returns the text after `# pavisade: allow`. `None` if a comment is not a directive.
fn directive(comment: &str) -> Option<Result<&str, Fault>> {
    let rest = comment.trim_start_matches('#').trim_start();
    let head = rest.get(.."pavisade".len()).filter(|h| h.eq_ignore_ascii_case("pavisade"))?;
    let rest = rest[head.len()..].trim_start().strip_prefix(':')?.trim();
    let (verb, words) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    if verb.eq_ignore_ascii_case("allow") {
        return Some(Ok(words));
    }
    Some(Err(Fault {
        message: "`allow` is the only supported word after `pavisade:`".into(),
        remedy: "Use `# pavisade: allow host-path-volume until 2027-01-31: why`.".into(),
    }))
}

/// Returns the line that a comment applies to: its own line, or for a comment on its own line the
/// next line that is not a comment. `None` if that is blank.
fn beside(source: &Source, at: u32) -> Option<u32> {
    let own = source.line_at(at);
    let (start, _) = source.line(own)?;
    if !source.text().get(start as usize..at as usize)?.trim().is_empty() {
        return Some(own);
    }
    let mut next = own + 1;
    loop {
        let (_, line) = source.line(next)?;
        match line.trim_start() {
            "" => return None,
            line if line.starts_with('#') => next += 1,
            _ => return Some(next),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_that_are_for_us() {
        for (comment, expect) in [
            ("# pavisade: allow x until y: z", Some("x until y: z")),
            ("#pavisade:allow x", Some("x")),
            ("## Pavisade : Allow\tx", Some("x")),
            ("# pavisade: allow", Some("")),
            ("# pavisade: allowed x", Some("!")),
            ("# pavisade: ignore", Some("!")),
            ("# pavisade is a scanner", None),
            ("# see pavisade: allow x", None),
            ("# pavisadé: allow x", None),
            ("#", None),
        ] {
            let found = directive(comment).map(|words| words.unwrap_or("!"));
            assert_eq!(found, expect, "{comment}");
        }
    }

    #[test]
    fn the_line_beside_a_comment() {
        for (text, expect) in [
            ("a: b # c\nd: e\n", Some(1)),
            ("# c\na: b\n", Some(2)),
            ("  # c\n  # more\n  - a\n", Some(3)),
            ("# c\n\na: b\n", None),
            ("# c\n", None),
            ("a: b\n# c", None),
        ] {
            let at = text.find("# c").unwrap() as u32;
            assert_eq!(beside(&Source::new("f", text), at), expect, "{text}");
        }
    }
}
