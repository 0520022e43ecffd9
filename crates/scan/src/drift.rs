//! Differences between objects in a cluster and the files they come from.

use pavisade_drift::{Difference, DifferenceKind, Mode, drift};
use pavisade_model::{Note, NoteKind};
use pavisade_snapshot::{ClusterFacts, Coverage, Object, ObjectId, Served, World};
use pavisade_yaml::Value;

/// Maximum number of characters shown of a value.
const SHOWN: usize = 60;

/// Returns a note for each difference, in the order of the files.
pub(crate) fn notes(world: &World) -> Vec<Note> {
    let mut written: Vec<_> = world.all_written().collect();
    // One text may be several objects: a static pod is one on each node.
    written.sort_by_key(|(id, object)| {
        let source = object.doc().source().name().to_owned();
        (source, object.value().span().start, (*id).clone())
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
            place: source.shown().into_owned(),
            span: Some((source.clone(), span.start, span.end)),
            message,
            remedy: String::new(),
        }
    };
    let Some(stored) = stored else {
        // Configuration files are not in a cluster.
        if written.is_file() {
            return Vec::new();
        }
        let unserved = || format!(", which does not serve {}", type_of(written));
        let why = match world.coverage_of(&id.group, &id.kind) {
            Coverage::NotServed => unserved(),
            Coverage::Complete if !serves(world, written) => unserved(),
            Coverage::Complete => String::new(),
            Coverage::Partial | Coverage::Unread => {
                let why = world.cause_of(&id.group, &id.kind);
                let message = format!("{label} was not compared with the cluster: {why}");
                return vec![note(NoteKind::Info, written.value(), message)];
            }
        };
        let message = format!("{label} is not in the cluster{why}");
        return vec![note(NoteKind::Drift, written.value(), message)];
    };
    let found = drift(written.value(), stored.value(), &id.group, &id.kind, Mode::Written);
    // The kubelet appends the node's name to a static pod and adds tolerations.
    let by_kubelet = |difference: &&Difference<'_, '_>| {
        let added = difference.kind == DifferenceKind::Added;
        difference.path == "metadata.name"
            || added && difference.path.starts_with("spec.tolerations")
    };
    let mirror = stored.is_mirror_pod();
    let own = found.differences.iter().filter(|d| !(mirror && by_kubelet(d)));
    let of = own.map(|difference| {
        let at = difference.written.unwrap_or_else(|| nearest(written, &difference.path));
        note(NoteKind::Drift, at, format!("{label}: {}", sentence(difference)))
    });
    of.collect()
}

fn sentence(difference: &Difference<'_, '_>) -> String {
    let Difference { path, kind, written, stored, known_field, secret } = difference;
    let shown =
        |value: &Option<Value<'_>>| (*value).filter(|_| !secret).and_then(|v| show(v, path));
    match (kind, shown(stored), shown(written)) {
        (DifferenceKind::Changed, Some(stored), Some(written)) => {
            format!("`{path}` is {stored} in the cluster, {written} here")
        }
        (DifferenceKind::Changed, ..) => format!("`{path}` differs"),
        (DifferenceKind::Added, Some(stored), _) => {
            format!("`{path}` is {stored} in the cluster, absent here")
        }
        (DifferenceKind::Added, None, _) => format!("`{path}` is set in the cluster, absent here"),
        (DifferenceKind::Missing, ..) if !known_field => {
            format!("`{path}` is not a field of this kind: the cluster dropped it")
        }
        (DifferenceKind::Missing, _, Some(written)) => {
            format!("`{path}` is absent in the cluster, {written} here")
        }
        (DifferenceKind::Missing, _, None) => {
            format!("`{path}` is absent in the cluster, set here")
        }
    }
}

/// Fields whose values are never secret. Any other text may be one.
const HARMLESS: [&str; 40] = [
    "apiGroup",
    "cidr",
    "clusterIP",
    "concurrencyPolicy",
    "containerPort",
    "cpu",
    "dnsPolicy",
    "effect",
    "externalTrafficPolicy",
    "failurePolicy",
    "host",
    "image",
    "imagePullPolicy",
    "ingressClassName",
    "kind",
    "level",
    "matchPolicy",
    "maxSurge",
    "maxUnavailable",
    "memory",
    "mountPath",
    "name",
    "namespace",
    "operator",
    "path",
    "pathType",
    "podManagementPolicy",
    "port",
    "priorityClassName",
    "protocol",
    "provisioner",
    "reclaimPolicy",
    "restartPolicy",
    "runtimeClassName",
    "schedule",
    "serviceAccountName",
    "storage",
    "storageClassName",
    "targetPort",
    "type",
];

/// Returns a value for display, if it cannot be a secret.
fn show(value: Value<'_>, path: &str) -> Option<String> {
    // An argument, an entry of a ConfigMap or an annotation may contain anything.
    let open = ["data", "stringData", "binaryData", "annotations"];
    let inside = |step: &str| path.split(['.', '[']).any(|part| part == step);
    let text = value.scalar_text()?;
    let last = value.key().unwrap_or_default();
    let harmless = HARMLESS.contains(&last) && !open.iter().any(|step| inside(step));
    let free = value.as_str().is_none() || harmless || inside("labels");
    free.then(|| match text.chars().count() > SHOWN {
        true => format!("`{}…`", text.chars().take(SHOWN).collect::<String>()),
        false => format!("`{text}`"),
    })
}

/// Returns the deepest field of a path that is in the file.
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

/// Whether the API server serves the exact version of a file.
fn serves(world: &World, object: &Object) -> bool {
    let facts = ClusterFacts::of(world).filter(|facts| facts.knows_served());
    let (group, version, kind) = (object.group(), object.version(), object.kind());
    facts.is_none_or(|facts| facts.served().any(|one| one == Served { group, version, kind }))
}

fn type_of(object: &Object) -> String {
    match object.group() {
        "" => format!("{} {}", object.version(), object.kind()),
        group => format!("{group}/{} {}", object.version(), object.kind()),
    }
}

#[cfg(test)]
mod tests {
    use pavisade_yaml::{Source, read};

    use super::*;

    /// Returns the message for the only difference between two objects.
    fn said(kind: &str, written: &str, stored: &str) -> String {
        let doc = |text: &str| read(&Source::new("f", text)).docs.remove(0);
        let (written, stored) = (doc(written), doc(stored));
        let found = drift(written.root(), stored.root(), "", kind, Mode::Written);
        let all: Vec<_> = found.differences.iter().map(sentence).collect();
        all.join("; ")
    }

    #[test]
    fn values_are_shown_only_where_they_cannot_be_secret() {
        let pod = |rest: &str| {
            format!("apiVersion: v1\nkind: Pod\nspec: {{containers: [{{name: a, {rest}}}]}}\n")
        };
        for (written, stored, want) in [
            (
                "image: a:1",
                "image: a:2",
                "`spec.containers[name=a].image` is `a:2` in the cluster, `a:1` here",
            ),
            (
                "env: [{name: PASSWORD, value: HUNTER1}]",
                "env: [{name: PASSWORD, value: HUNTER2}]",
                "`spec.containers[name=a].env[name=PASSWORD].value` differs",
            ),
            ("args: [HUNTER1]", "args: [HUNTER2]", "`spec.containers[name=a].args` differs"),
            (
                "tty: true",
                "stdin: true, tty: true",
                "`spec.containers[name=a].stdin` is `true` in the cluster, absent here",
            ),
        ] {
            let said = said("Pod", &pod(written), &pod(stored));
            assert!(said.starts_with(want), "{said}");
            assert!(!said.contains("HUNTER"), "{said}");
        }
        let map = |value: &str| {
            format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{annotations: {{a: '{value}'}}}}\ndata: {{password: {value}}}\n"
            )
        };
        let said = said("ConfigMap", &map("HUNTER1"), &map("HUNTER2"));
        assert!(said.contains("`data.password` differs") && !said.contains("HUNTER"), "{said}");
    }
}
