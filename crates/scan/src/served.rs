//! API versions that a cluster serves and a later Kubernetes removes.

use std::collections::BTreeMap;

use pavisade_checks::removed_in;
use pavisade_model::{Note, NoteKind};
use pavisade_snapshot::{ClusterFacts, Served, World};

/// Returns a single note for all of them: it matters only for an upgrade.
pub(crate) fn note(world: &World) -> Option<Note> {
    let facts = ClusterFacts::of(world)?;
    let own = facts.kubernetes()?;
    let mut ends: BTreeMap<(u32, String), Vec<&str>> = BTreeMap::new();
    for Served { group, version, kind } in facts.served() {
        if let Some(minor) = removed_in(group, version, kind).filter(|minor| *minor > own.minor) {
            ends.entry((minor, format!("{group}/{version}"))).or_default().push(kind);
        }
    }
    let of = ends.into_iter().map(|((minor, version), mut kinds)| {
        kinds.sort_unstable();
        format!("`{version}` of {} until 1.{minor}", kinds.join(", "))
    });
    let all: Vec<_> = of.collect();
    (!all.is_empty()).then(|| Note {
        kind: NoteKind::Info,
        place: world.name().to_string(),
        span: None,
        message: format!(
            "the API server serves versions that an upgrade removes: {}",
            all.join("; ")
        ),
        remedy: "Before upgrading, look for clients that still use them.".into(),
    })
}

#[cfg(test)]
mod tests {
    use pavisade_snapshot::{Object, Snapshot, WorldParts};
    use pavisade_yaml::{Source, read};

    use super::*;

    #[test]
    fn versions_end_with_a_later_kubernetes_only() {
        let said = |version: &str| {
            let text = format!(
                "version: {{gitVersion: {version}}}\nserved:\n\
                 - {{group: policy, version: v1beta1, kind: PodDisruptionBudget}}\n\
                 - {{group: policy, version: v1, kind: PodDisruptionBudget}}\n\
                 - {{group: flowcontrol.apiserver.k8s.io, version: v1beta3, kind: FlowSchema}}\n"
            );
            let doc = read(&Source::new("f", text)).docs.remove(0);
            let mut parts = WorldParts::cluster("c");
            parts.objects = vec![Object::new(doc.root(), "pavisade.dev/v1", "Cluster")];
            let snapshot = Snapshot::new(vec![parts], Vec::new());
            note(&snapshot.worlds()[0]).map(|note| note.message)
        };
        let flow = "`flowcontrol.apiserver.k8s.io/v1beta3` of FlowSchema until 1.32";
        let start = "the API server serves versions that an upgrade removes: ";
        assert_eq!(
            said("v1.24.1").unwrap(),
            format!("{start}`policy/v1beta1` of PodDisruptionBudget until 1.25; {flow}")
        );
        assert_eq!(said("v1.30.2-eks-1").unwrap(), format!("{start}{flow}"));
        assert_eq!(said("v1.32.0"), None);
    }
}
