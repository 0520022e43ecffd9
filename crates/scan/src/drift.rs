//! Where a cluster has an object otherwise than the file that it comes from.

use pavisade_drift::{Difference, DifferenceKind, Mode, drift};
use pavisade_model::{Note, NoteKind, kinds};
use pavisade_snapshot::{Coverage, Object, ObjectId, World};
use pavisade_yaml::Value;

/// Characters of a value that are shown.
const SHOWN: usize = 60;

/// A note for each difference, in the order of the files.
pub(crate) fn notes(world: &World) -> Vec<Note> {
    let mut written: Vec<_> = world.all_written().collect();
    written.sort_by_key(|(_, object)| {
        (object.doc().source().name().to_owned(), object.value().span().start)
    });
    written.into_iter().flat_map(|(id, object)| of_object(world, id, object)).collect()
}

fn of_object(world: &World, id: &ObjectId, written: &Object) -> Vec<Note> {
    let stored = world.find(id);
    let label = stored.unwrap_or(written).subject(None).label();
    let note = |kind, at: Value<'_>, message: String| {
        let (source, span) = (written.doc().source(), at.key_span().unwrap_or(at.span()));
        Note {
            kind,
            place: source.name().into(),
            span: Some((source.clone(), span.start, span.end)),
            message,
            remedy: String::new(),
        }
    };
    let Some(stored) = stored else {
        // Files that only look like objects are in no cluster.
        if is_file(id) {
            return Vec::new();
        }
        let unserved = || format!(", which does not serve {}", type_of(written));
        let why = match world.coverage_of(&id.group, &id.kind) {
            Coverage::NotServed => unserved(),
            Coverage::Complete if !serves(world, written) => unserved(),
            Coverage::Complete => String::new(),
            Coverage::Partial | Coverage::Unread => {
                let why = world.gap_of(&id.group, &id.kind);
                let message = format!("{label} was not compared with the cluster: {why}");
                return vec![note(NoteKind::Info, written.value(), message)];
            }
        };
        let message = format!("{label} is not in the cluster{why}");
        return vec![note(NoteKind::Drift, written.value(), message)];
    };
    let found = drift(written.value(), stored.value(), &id.group, &id.kind, Mode::Written);
    let of = found.differences.iter().map(|difference| {
        let at = difference.written.unwrap_or_else(|| nearest(written, &difference.path));
        note(NoteKind::Drift, at, format!("{label}: {}", sentence(difference)))
    });
    of.collect()
}

fn sentence(difference: &Difference<'_, '_>) -> String {
    let Difference { path, kind, written, stored, known_field, secret } = difference;
    let shown = |value: &Option<Value<'_>>| value.map_or_else(String::new, |v| show(v, *secret));
    match kind {
        DifferenceKind::Changed => {
            format!("`{path}` is {} in the cluster, {} here", shown(stored), shown(written))
        }
        DifferenceKind::Added => {
            format!("`{path}` is {} in the cluster, absent here", shown(stored))
        }
        DifferenceKind::Missing if *known_field => {
            format!("`{path}` is absent in the cluster, {} here", shown(written))
        }
        DifferenceKind::Missing => {
            format!("`{path}` is no field of this kind: the cluster dropped it")
        }
    }
}

fn show(value: Value<'_>, secret: bool) -> String {
    if secret {
        return "another value".to_owned();
    }
    match value.scalar_text() {
        Some(text) if text.chars().count() > SHOWN => {
            format!("`{}…`", text.chars().take(SHOWN).collect::<String>())
        }
        Some(text) => format!("`{text}`"),
        None if value.items().next().is_some() => format!("a list of {}", value.items().count()),
        None if value.entries().next().is_some() => "a map".to_owned(),
        None => "empty".to_owned(),
    }
}

/// The deepest field of a path that the file has.
fn nearest<'o>(written: &'o Object, path: &str) -> Value<'o> {
    let mut at = written.value();
    for step in path.split(['.', '[']) {
        match at.get(step) {
            Some(next) => at = next,
            None => break,
        }
    }
    at
}

/// Whether the API server serves the very version of a file.
fn serves(world: &World, object: &Object) -> bool {
    let Some(served) = world.of_kind(kinds::CLUSTER).next().and_then(|c| c.at(&["served"])) else {
        return true;
    };
    served.items().any(|one| {
        let is = |field, want| one.str(field) == Some(want);
        is("kind", object.kind()) && is("group", object.group()) && is("version", object.version())
    })
}

fn type_of(object: &Object) -> String {
    match object.group() {
        "" => format!("{} {}", object.version(), object.kind()),
        group => format!("{group}/{} {}", object.version(), object.kind()),
    }
}

/// Configuration files and our own kinds, which no API server stores.
fn is_file(id: &ObjectId) -> bool {
    id.name.is_empty()
        || id.group.ends_with(".config.k8s.io")
        || matches!(&*id.group, "pavisade.dev" | "kubeadm.k8s.io" | "audit.k8s.io")
        || id.group.is_empty() && matches!(&*id.kind, "Config" | "EncryptionConfig")
}
