//! Content that objects install from elsewhere: reported, and incomplete if it is in the same
//! repository.

use crate::common::{object, put, run, scan, seen, tree};
use pavisade_model::NoteKind::{self, Unjudged, Unread};
use pavisade_sources::{Purpose, Request, load};

const RELEASE: &str = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: redis}\nspec: {chart: {spec: {chart: redis, version: 18.1.0, sourceRef: {kind: HelmRepository, name: bitnami}}}}\n";
const REPOSITORY: &str = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {name: bitnami}\nspec: {url: 'https://me:secret@charts.example.com/bitnami'}\n";

fn application(name: &str, url: &str, path: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: {name}}}\nspec: {{source: {{repoURL: '{url}', path: '{path}'}}}}\n"
    )
}

#[test]
fn a_chart_of_a_registry_is_named_and_complete() {
    let more = RELEASE.replace("name: redis}", "name: other}").replace("18.1.0", "19.0.0");
    let folder = tree(&[("a.yaml", RELEASE), ("b.yaml", REPOSITORY), ("c.yaml", &more)]);
    let seen = scan(folder.path());
    assert_eq!(seen.notes.len(), 1, "{:#?}", seen.notes);
    let (kind, place, message) = &seen.notes[0];
    assert_eq!((*kind, place.as_str()), (Unjudged, "@/a.yaml"));
    let want = "2 objects of kind HelmRelease install sources that are not among these files: chart `redis` 18.1.0 of https://charts.example.com/bitnami, chart `redis` 19.0.0 of";
    assert!(message.starts_with(want), "{message}");
    assert!(!message.contains("secret"), "{message}");
}

/// Returns the notes about an Application with this path, in a repository with `apps/web` and
/// `old/x`, of which `scanned` is scanned.
fn said(remote: Option<&str>, url: &str, path: &str, scanned: &[&str]) -> Vec<(NoteKind, String)> {
    let folder = tree(&[
        ("argo/app.yaml", &application("web", url, path)),
        ("apps/web/service.yaml", &object("Service", "web")),
        ("old/x/readme.txt", "nothing"),
        (".git/HEAD", "ref: refs/heads/main\n"),
    ]);
    if let Some(remote) = remote {
        let config = format!("[remote \"origin\"]\n\turl = {remote}\n");
        put(folder.path(), ".git/config", config.as_bytes());
    }
    let paths = scanned.iter().map(|path| folder.path().join(path));
    let seen = run(folder.path(), &Request::new(paths));
    seen.notes.into_iter().map(|(kind, _, message)| (kind, message)).collect()
}

#[test]
fn a_folder_of_the_repository_must_have_been_read() {
    let mine = Some("git@git.example.com:me/home.git");
    let url = "https://git.example.com/me/home";
    for (remote, url, path, scanned, want) in [
        // Read with the rest, given in addition, or as part of the whole.
        (mine, url, "apps/web", &["."][..], None),
        (mine, url, "./apps/", &["argo", "apps"], None),
        (None, url, "apps/web", &["."], None),
        // Not scanned.
        (mine, url, "apps/web", &["argo"], Some(Unread)),
        (mine, url, "apps/web", &["argo/app.yaml"], Some(Unread)),
        (None, url, "apps/web", &["argo"], Some(Unread)),
        (mine, url, "apps/{{name}}", &["argo"], Some(Unread)),
        // Exists, but contains nothing that is read.
        (mine, url, "old/x", &["."], Some(Unread)),
        // A fork has another URL but the same name.
        (mine, "https://github.com/they/home.git", "apps/web", &["argo"], Some(Unread)),
        // Of another repository, although the path exists here too.
        (mine, "https://git.example.com/me/other", "apps/web", &["argo"], Some(Unjudged)),
        (mine, "https://git.example.com/me/other", "apps/web", &["."], Some(Unjudged)),
        // Every repository has a root.
        (None, url, ".", &["argo"], Some(Unjudged)),
        (mine, url, "no/such", &["."], Some(Unjudged)),
        (mine, url, "../..", &["."], Some(Unjudged)),
    ] {
        let said = said(remote, url, path, scanned);
        let kinds: Vec<_> = said.iter().map(|(kind, _)| *kind).collect();
        let want: Vec<_> = want.into_iter().collect();
        assert_eq!(kinds, want, "{remote:?} {url} {path} {scanned:?}: {said:#?}");
    }
    let said = said(mine, url, "apps/web", &["argo"]);
    let (_, message) = &said[0];
    assert!(
        message.starts_with(
            "Application `web` installs directories of this repository that were not read"
        ),
        "{message}"
    );
    assert!(message.ends_with("apps/web`"), "{message}");
}

#[test]
fn a_cluster_holds_what_is_installed_and_a_fix_does_not_ask() {
    let folder = tree(&[("a.yaml", RELEASE)]);
    for purpose in [Purpose::Compare, Purpose::Fix] {
        let request = Request { purpose, ..Request::new([folder.path()]) };
        seen(folder.path(), load(&request, std::io::empty(), &())).silent();
    }
}

#[test]
fn a_manifest_in_a_crossplane_object_is_an_object() {
    let holder = "apiVersion: kubernetes.crossplane.io/v1alpha2\nkind: Object\nmetadata: {name: o}\nspec:\n  forProvider:\n    manifest:\n      apiVersion: v1\n      kind: Service\n      metadata: {name: inner}\n";
    let folder = tree(&[("a.yaml", holder)]);
    let seen = scan(folder.path());
    assert_eq!(seen.objects(), ["Object o", "Service inner"]);
    seen.silent();
}

#[test]
fn content_inside_of_an_object_that_is_not_judged_is_not_read() {
    let chart = "apiVersion: helm.cattle.io/v1\nkind: HelmChart\nmetadata: {name: c}\nspec: {chartContent: H4sI}\n";
    let seen = scan(tree(&[("a.yaml", chart)]).path());
    assert_eq!(seen.note("HelmChart `c` installs content").0, Unread);
}

#[test]
fn a_patch_does_not_split_what_it_changes() {
    let deployment = |name: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  selector: {{matchLabels: {{a: b}}}}\n  template: {{metadata: {{labels: {{a: b}}}}, spec: {{containers: [{{name: a, image: i}}]}}}}\n"
        )
    };
    let patch =
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 2}\n";
    let folder = tree(&[
        ("base/web.yaml", &deployment("web")),
        ("policy/service.yaml", &object("Service", "web")),
        ("more/patch.yaml", patch),
    ]);
    let seen = scan(folder.path());
    let worlds: Vec<_> = seen.worlds.iter().map(|(name, _, o)| (name.as_str(), o.len())).collect();
    assert_eq!(worlds, [("@", 2), ("@/more/patch.yaml", 1)]);
    let (kind, place) = seen.note("1 treated as patches for other workloads (Deployment web)");
    assert_eq!((kind, place), (NoteKind::Info, "@/more/patch.yaml"));
}

#[test]
fn many_different_things_are_counted_and_five_of_them_shown() {
    let charts = (0..3000).map(|n| {
        RELEASE
            .replace("name: redis}", &format!("name: r{n}}}"))
            .replace("18.1.0", &format!("{n}.0.0"))
    });
    let all = charts.collect::<Vec<_>>().join("---\n");
    let folder = tree(&[("a.yaml", &format!("{all}---\n{RELEASE}---\n{RELEASE}"))]);
    let seen = scan(folder.path());
    let place = seen.note("chart `redis` 4.0.0 of HelmRepository `bitnami` and 2996 more");
    assert_eq!(place, (Unjudged, "@/a.yaml"));
}
