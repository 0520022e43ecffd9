//! Charts and kustomizations, rendered or not.

use std::path::Path;
use std::time::Duration;

use crate::common::{different, object, run, scan, skip, tool, tree, with_tools};
use pavisade_model::NoteKind;
use pavisade_snapshot::WorldKind;
use pavisade_sources::{Limits, Render, Request, Skip, Tools};

const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.0.0\n";
const TEMPLATE: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-{{ .Values.suffix }}\n  labels: {v: {{ .Capabilities.KubeVersion.Minor | quote }}}\n";

fn chart() -> tempfile::TempDir {
    tree(&[
        ("charts/web/Chart.yaml", CHART),
        ("charts/web/values.yaml", "suffix: a\napiVersion: v1\nkind: X\n"),
        ("charts/web/templates/c.yaml", TEMPLATE),
        ("charts/web/templates/plain.yaml", &object("Secret", "in-template")),
        ("charts/web/crds/x.yaml", &object("CustomResourceDefinition", "x")),
        ("charts/web/charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 1.0.0\n"),
        ("charts/web/charts/sub/templates/s.yaml", &object("ConfigMap", "sub")),
        ("lib/Chart.yaml", "apiVersion: v2\nname: lib\nversion: 1.0.0\ntype: library\n"),
        ("lib/templates/_x.yaml", "{{ define \"x\" }}{{ end }}"),
        ("other.yaml", &object("Service", "other")),
        ("prod-values.yaml", "suffix: prod\n"),
    ])
}

#[test]
fn templates_are_never_read_as_yaml() {
    let folder = chart();
    let seen = scan(folder.path());
    assert_eq!(seen.objects(), ["CustomResourceDefinition x", "Service other"]);
    assert_eq!(seen.worlds[1].0, "@/charts/web");
    assert_eq!(seen.worlds[1].1, WorldKind::Chart);
    assert_eq!(seen.note("this chart was not rendered"), (NoteKind::Unread, "@/charts/web"));
    assert_eq!(seen.stats.charts_unrendered, 1);
    assert_eq!(seen.stats.skipped[&Skip::PartOfChart], 8);
    for inside in ["charts/web/templates", "charts/web/templates/plain.yaml"] {
        let seen = scan(&folder.path().join(inside));
        assert_eq!(seen.note("templates of the Helm chart").0, NoteKind::Unread);
        assert!(seen.worlds.is_empty());
    }
}

#[test]
fn charts_are_rendered_with_values_and_version() {
    let Some(helm) = tool("helm") else { return skip("no helm was built") };
    let folder = chart();
    let tools = Tools { helm: Some(helm), ..Tools::default() };
    let mut request = with_tools(folder.path(), tools);
    request.kubernetes = "1.30".parse().unwrap();
    let seen = run(folder.path(), &request);
    seen.silent();
    assert_eq!(
        seen.objects(),
        [
            "ConfigMap sub",
            "ConfigMap web-a",
            "CustomResourceDefinition x",
            "Secret in-template",
            "Service other"
        ]
    );
    assert_eq!(
        seen.sources(),
        [
            "@/charts/web/charts/sub/templates/s.yaml (rendered)",
            "@/charts/web/crds/x.yaml (rendered)",
            "@/charts/web/templates/c.yaml (rendered)",
            "@/charts/web/templates/plain.yaml (rendered)",
            "@/other.yaml"
        ]
    );
    request.helm_values = vec![folder.path().join("prod-values.yaml"), "absent.yaml".into()];
    request.paths = vec![folder.path().join("charts/web/Chart.yaml")];
    let seen = run(folder.path(), &request);
    assert!(seen.objects().contains(&"ConfigMap web-prod"));
    assert!(!seen.objects().contains(&"Service other"));
    assert_eq!(seen.note("no such file"), (NoteKind::Unread, "absent.yaml"));
    request.render = Render::Never;
    assert_eq!(run(folder.path(), &request).note("was not rendered").0, NoteKind::Unread);
}

#[test]
fn dependencies_come_from_this_disk_or_are_named() {
    let Some(helm) = tool("helm") else { return skip("no helm was built") };
    let need = |name: &str, rest: &str| {
        format!("dependencies:\n- {{name: {name}, version: 1.x.x, repository: {rest}}}\n")
    };
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Chart.Name }}'}\n";
    let chart =
        |name: &str, more: &str| format!("apiVersion: v2\nname: {name}\nversion: 1.0.0\n{more}");
    let folder = tree(&[
        ("c/beside/Chart.yaml", &chart("beside", &need("base", "'oci://x/y'"))),
        ("c/beside/templates/a.yaml", template),
        ("c/base/Chart.yaml", &chart("base", "")),
        ("c/base/templates/a.yaml", template),
        ("far/Chart.yaml", &chart("far", &need("base", "'file://../c/base'"))),
        ("far/templates/a.yaml", template),
        ("none/Chart.yaml", &chart("none", &need("db", "'https://x', condition: db.enabled"))),
        ("none/values.yaml", "db: {enabled: false}\n"),
        ("none/templates/a.yaml", template),
        ("lost/Chart.yaml", &chart("lost", &need("db", "'https://x', condition: db.enabled"))),
        ("lost/values.yaml", "db: {enabled: true}\n"),
        ("bad/Chart.yaml", "name: [\n"),
        ("fails/Chart.yaml", &chart("fails", "")),
        ("fails/templates/a.yaml", "{{ fail \"give me a name\" }}\n"),
    ]);
    let seen = run(
        folder.path(),
        &with_tools(folder.path(), Tools { helm: Some(helm), ..Tools::default() }),
    );
    let worlds: Vec<_> = seen.worlds.iter().map(|(n, _, o)| (n.as_str(), o.len())).collect();
    assert_eq!(worlds, [("@/c/base", 1), ("@/c/beside", 2), ("@/far", 2), ("@/none", 1)]);
    assert_eq!(seen.note("from neighboring directories").0, NoteKind::Info);
    assert_eq!(seen.note("dependencies are missing: db (https://x)"), (NoteKind::Unread, "@/lost"));
    assert_eq!(seen.note("the chart was not rendered"), (NoteKind::Unread, "@/bad/Chart.yaml"));
    assert_eq!(seen.note("give me a name"), (NoteKind::Unread, "@/fails"));
    assert_eq!((seen.stats.charts_rendered, seen.stats.charts_unrendered), (4, 3));
}

fn overlays() -> tempfile::TempDir {
    let overlay = "resources: [../../base, own.yaml]\npatches: [{path: patch.yaml}]\n";
    let patch = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared}\ndata: {a: patched}\n";
    tree(&[
        ("k/base/kustomization.yaml", "resources: [a.yaml]\n"),
        ("k/base/a.yaml", &different("ConfigMap", "shared", "base")),
        ("k/overlays/dev/kustomization.yaml", overlay),
        ("k/overlays/dev/own.yaml", &object("Secret", "dev")),
        ("k/overlays/dev/patch.yaml", patch),
        ("k/overlays/prod/kustomization.yml", overlay),
        ("k/overlays/prod/own.yaml", &object("Secret", "prod")),
        ("k/overlays/prod/patch.yaml", patch),
        ("k/overlays/prod/loose.yaml", &object("Service", "loose")),
    ])
}

#[test]
fn overlays_that_are_not_rendered_share_their_base_as_a_world_of_its_own() {
    let folder = overlays();
    let seen = scan(folder.path());
    let worlds: Vec<_> = seen.worlds.iter().map(|(n, k, o)| (n.as_str(), *k, o.len())).collect();
    assert_eq!(
        worlds,
        [
            ("@", WorldKind::Files, 1),
            ("@/k/base", WorldKind::Kustomization, 1),
            ("@/k/overlays/dev", WorldKind::Kustomization, 1),
            ("@/k/overlays/prod", WorldKind::Kustomization, 1)
        ]
    );
    let (kind, _) = seen.note("2 kustomizations");
    assert_eq!((kind, seen.notes.len()), (NoteKind::Unread, 1));
    // A single overlay includes its base if both are in one repository.
    let prod = folder.path().join("k/overlays/prod");
    let seen = scan(&prod);
    assert_eq!(seen.note("`../../base` is outside").0, NoteKind::Unread);
    assert_eq!(seen.objects(), ["Secret prod", "Service loose"]);
    std::fs::create_dir(folder.path().join(".git")).unwrap();
    let seen = scan(&prod);
    let worlds: Vec<_> = seen.worlds.iter().map(|(_, k, o)| (*k, o.len())).collect();
    assert_eq!(worlds, [(WorldKind::Files, 1), (WorldKind::Kustomization, 2)]);
    let seen = scan(&prod.join("kustomization.yml"));
    assert_eq!(seen.objects(), ["ConfigMap shared", "Secret prod"]);
}

#[test]
fn overlays_are_rendered_each_as_a_world() {
    for (name, program) in [("kustomize", tool("kustomize")), ("kubectl", tool("kubectl"))] {
        let Some(program) = program else { return skip(&format!("no {name} was built")) };
        let tools = match name {
            "kustomize" => Tools { kustomize: Some(program), ..Tools::default() },
            _ => Tools { kubectl: Some(program), ..Tools::default() },
        };
        let folder = overlays();
        let seen = run(folder.path(), &with_tools(folder.path(), tools));
        seen.silent();
        let worlds: Vec<_> = seen.worlds.iter().map(|(n, _, o)| (n.as_str(), o.len())).collect();
        assert_eq!(worlds, [("@", 1), ("@/k/overlays/dev", 2), ("@/k/overlays/prod", 2)]);
        assert_eq!(
            seen.sources(),
            [
                "@/k/overlays/dev (kustomize)",
                "@/k/overlays/prod (kustomize)",
                "@/k/overlays/prod/loose.yaml"
            ]
        );
    }
}

#[test]
fn what_a_kustomization_names_and_is_not_here_is_said() {
    let kustomization = "resources: [a.yaml, absent.yaml, 'https://example.com/x.yaml', 'github.com/a/b?ref=v1']\nconfigMapGenerator: [{name: c, files: [data.yaml]}]\n";
    let folder = tree(&[
        ("kustomization.yaml", kustomization),
        ("a.yaml", &object("Service", "web")),
        ("data.yaml", &object("Secret", "is-data")),
        ("circle/a/kustomization.yaml", "resources: [../b]\n"),
        ("circle/b/kustomization.yaml", "resources: [../a, x.yaml]\n"),
        ("circle/b/x.yaml", &object("Service", "x")),
        ("outside/kustomization.yaml", "resources: [/etc/hostname]\n"),
        ("bad/kustomization.yaml", "resources: [\n"),
    ]);
    let seen = scan(folder.path());
    assert_eq!(seen.objects(), ["Secret is-data", "Service web", "Service x"]);
    assert_eq!(seen.note("`absent.yaml` is neither").0, NoteKind::Unread);
    assert_eq!(seen.note("https://example.com").0, NoteKind::Unread);
    assert_eq!(seen.note("github.com/a/b").0, NoteKind::Unread);
    assert_eq!(seen.note("the kustomization is not applied").0, NoteKind::Unread);
    if Path::new("/etc/hostname").exists() {
        assert_eq!(seen.note("outside the scanned directory").0, NoteKind::Unread);
    }
}

#[cfg(unix)]
#[test]
fn tools_run_bounded_and_without_the_users_environment() {
    let folder = tree(&[
        ("kustomization.yaml", "resources: [a.yaml]\n"),
        ("a.yaml", &object("Service", "web")),
    ]);
    let bin = tempfile::tempdir().unwrap();
    let with = |text: &str| {
        let kustomize = Some(crate::common::script(bin.path(), "kustomize", text));
        let limits = Limits {
            tool_time: Duration::from_millis(1500),
            tool_bytes: 10_000,
            ..Limits::default()
        };
        let tools = Tools { kustomize, ..Tools::default() };
        run(folder.path(), &Request { limits, ..with_tools(folder.path(), tools) })
    };
    let seen = with(
        "printf 'apiVersion: v1\\nkind: A\\nmetadata: {name: \"%s %s %s\"}' \
         \"$CARGO_PKG_NAME\" \"$HTTPS_PROXY\" \"$1\"",
    );
    assert_eq!(seen.objects(), ["A  http://127.0.0.1:9 build"]);
    for (text, words) in [
        ("while :; do :; done", "took longer"),
        ("while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done", "printed more than 9 KiB"),
        ("echo 'Error: no good' >&2; exit 3", "kustomize: no good"),
        ("echo \"E1125 22:17:26.123456   $$ f.go:1] in $HOME/x\" >&2; exit 3", "kustomize: in ~/x"),
        ("exit 3", "exit status: 3"),
    ] {
        let seen = with(text);
        assert_eq!(seen.note(words).0, NoteKind::Unread);
        assert_eq!(seen.objects(), ["Service web"]);
    }
}

#[cfg(unix)]
#[test]
fn a_program_with_many_warnings_lives_to_its_end() {
    let folder = tree(&[("kustomization.yaml", "resources: [a.yaml]\n"), ("a.yaml", "a: 1\n")]);
    let bin = tempfile::tempdir().unwrap();
    // 256 KiB: more than is kept, and more than fits in a pipe.
    let text = "line=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; i=0\n\
                while [ $i -lt 8192 ]; do echo $line >&2 || exit 1; i=$((i+1)); done\n\
                printf 'apiVersion: v1\\nkind: Pod\\nmetadata: {name: p}'";
    let kustomize = Some(crate::common::script(bin.path(), "kustomize", text));
    let seen =
        run(folder.path(), &with_tools(folder.path(), Tools { kustomize, ..Tools::default() }));
    seen.silent();
    assert_eq!(seen.objects(), ["Pod p"]);
}
