//! Links do not hide objects.
#![cfg(unix)]

use crate::common::{link, object, scan, tree};
use pavisade_model::NoteKind;
use pavisade_sources::Skip;

#[test]
fn a_link_with_a_name_that_counts_is_read_though_its_target_has_none() {
    let pod = object("Pod", "p");
    let folder = tree(&[("pod.txt", &pod)]);
    link("pod.txt", &folder.path().join("pod.yaml"));
    assert_eq!(scan(folder.path()).objects(), ["Pod p"]);
    // The first link by name must not claim the target for a name that is not read.
    let folder = tree(&[(".hidden/pod", &pod)]);
    for name in ["a.txt", "b.yaml", "c.yaml"] {
        link(".hidden/pod", &folder.path().join(name));
    }
    let seen = scan(folder.path());
    assert_eq!(seen.sources(), ["@/b.yaml"]);
    assert_eq!(seen.stats.skipped[&Skip::Link], 1);
    // A Dockerfile is read as such, and as a manifest through a link with such a name.
    let folder = tree(&[("Dockerfile", &pod)]);
    link("Dockerfile", &folder.path().join("pod.yaml"));
    assert_eq!(scan(folder.path()).objects(), ["Pod p"]);
}

#[test]
fn a_link_that_makes_its_folder_a_chart_or_kustomization_is_kept() {
    let chart = "apiVersion: v2\nname: c\nversion: 1.0.0\n";
    let template = ("a/templates/x.yaml", "{{ .X }}\napiVersion: v1\nkind: Pod\n");
    let folder = tree(&[("a/c.txt", chart), template, ("b/Chart.yaml", chart)]);
    link("c.txt", &folder.path().join("a/Chart.yaml"));
    link("../b/Chart.yaml", &folder.path().join("c/Chart.yaml"));
    // A different path to the same chart is not another chart.
    link("a", &folder.path().join("again"));
    let seen = scan(folder.path());
    assert_eq!(seen.note("3 charts (@/a, @/b, @/c) were not rendered").0, NoteKind::Unread);
    assert_eq!(seen.notes.len(), 1);

    for name in ["kustomization.yaml", "kustomization.yml", "Kustomization"] {
        let folder = tree(&[
            ("k/k.yaml", "resources: [web.txt]\n"),
            ("k/web.txt", &object("Service", "web")),
        ]);
        link("k.yaml", &folder.path().join("k").join(name));
        assert_eq!(scan(folder.path()).objects(), ["Service web"], "{name}");
    }
}

#[test]
fn a_link_that_cannot_be_followed_is_told_whatever_its_name() {
    let folder = tree(&[("web.yaml", &object("Service", "web"))]);
    link("circle", &folder.path().join("circle"));
    link("nothing", &folder.path().join("broken"));
    let seen = scan(folder.path());
    assert_eq!(seen.notes.len(), 1);
    assert_eq!((seen.notes[0].0, seen.notes[0].1.as_str()), (NoteKind::Unread, "@/circle"));
    assert_eq!(seen.stats.skipped[&Skip::Link], 1);
}
