//! Objects are found regardless of the style and location of their files.

use crate::common::{different, object, put, run, scan, tree};
use pavisade_model::NoteKind;
use pavisade_sources::{Request, Skip};

/// Scans a directory with only this file and checks the objects.
fn check(name: &str, text: &[u8], expect: &[&str]) {
    let folder = tree(&[]);
    put(folder.path(), name, text);
    let seen = scan(folder.path());
    assert_eq!(seen.objects(), expect, "{}: {:?}", String::from_utf8_lossy(text), seen.notes);
}

#[test]
fn an_escaped_key_hides_no_object() {
    for text in [
        "\"\\x61piVersion\": v1\nkind: Pod\nmetadata: {name: p}\n",
        "\"api\\u0056ersion\": v1\n\"\\U0000006bind\": Pod\nmetadata: {name: p}\n",
        "? \"api\\\n  Version\"\n: v1\nkind: Pod\nmetadata: {name: p}\n",
        "{\"\\u0061piVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"p\"}}",
    ] {
        check("a.yaml", text.as_bytes(), &["Pod p"]);
        check("a.json", text.as_bytes(), &["Pod p"]);
    }
    let list = "\"\\x61piVersion\": v1\nkind: List\n\"\\x69tems\":\n\
                - {\"\\x61piVersion\": v1, kind: Pod, metadata: {name: p}}\n";
    check("a.yaml", list.as_bytes(), &["Pod p"]);
}

#[test]
fn a_merge_an_alias_or_a_tag_hides_no_object() {
    for text in [
        "x: &a {\"\\x61piVersion\": v1, kind: Pod}\n<<: *a\nmetadata: {name: p}\n",
        "<<: {!!binary YXBpVmVyc2lvbg==: v1, !!binary a2luZA==: Pod}\nmetadata: {name: p}\n",
        "!!binary YXBpVmVyc2lvbg==: v1\nkind: Pod\nmetadata: {name: p}\n",
        "!<tag:yaml.org,2002:binary> YXBpVmVyc2lvbg==: v1\nkind: Pod\nmetadata: {name: p}\n",
        "x: &k apiVersion\n*k : v1\nkind: Pod\nmetadata: {name: p}\n",
        "!!str apiVersion: v1\n! kind: Pod\nmetadata: {name: p}\n",
    ] {
        check("a.yaml", text.as_bytes(), &["Pod p"]);
    }
}

#[test]
fn an_escaped_kind_hides_no_kubeconfig() {
    let escaped = "\"\\x61piVersion\": v1\n\"\\x6bind\": \"Conf\\x69g\"\n";
    check("admin.conf", escaped.as_bytes(), &["Config "]);
    check("admin.conf", b"apiVersion: v1\nlocation: \\.php$\n", &[]);
}

#[test]
fn a_nul_byte_in_a_later_document_hides_none_before_it() {
    let folder = tree(&[]);
    let text = format!("{}---\na: \"\0\"\n---\n{}", object("Pod", "p"), object("Pod", "q"));
    put(folder.path(), "a.yaml", text.as_bytes());
    put(folder.path(), "b.yaml", b"!\0\x01\x02\\");
    put(folder.path(), "c.json", b"\xFF\x00\x00\x00");
    let seen = scan(folder.path());
    assert_eq!(seen.objects(), ["Pod p", "Pod q"]);
    assert_eq!(seen.note("control characters"), (NoteKind::Unread, "@/a.yaml"));
    assert_eq!(seen.stats.skipped[&Skip::Binary], 2);
    let (source, start, _) = seen.raw[0].span.as_ref().unwrap();
    assert_eq!(source.line_column(*start), (6, 5));
}

#[test]
fn a_byte_order_mark_hides_no_second_json_value() {
    let value = |name| {
        format!("{{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{{\"name\":\"{name}\"}}}}")
    };
    let text = format!("\u{feff}{}{}", value("a"), value("b"));
    check("a.json", text.as_bytes(), &["Pod a", "Pod b"]);
    let text = format!("\u{feff}---\n{}---\n{}", object("Pod", "a"), object("Pod", "b"));
    check("a.yaml", text.as_bytes(), &["Pod a", "Pod b"]);
}

#[test]
fn limits_of_our_own_are_told_where_no_type_is_at_a_lines_start() {
    let many = "x, ".repeat(400);
    let aliases = "*a, ".repeat(20);
    let text = format!(
        "\"apiVersion\": v1\nkind: Pod\nmetadata: {{name: p}}\na: &a [{many}]\nb: [{aliases}]\n"
    );
    let folder = tree(&[("a.yaml", &text)]);
    assert_eq!(scan(folder.path()).note("aliasing"), (NoteKind::Unread, "@/a.yaml"));
}

#[test]
fn an_object_with_template_actions_before_a_broken_document_is_not_passed_over() {
    let text = "\"apiVersion\": v1\nkind: Pod\nmetadata: {name: '{{p}}'}\n---\na: [\n";
    let folder = tree(&[("a.yaml", text), ("values.yaml", "a: '{{ b }}'\n---\n{{ c }}\n")]);
    let seen = scan(folder.path());
    assert_eq!(seen.note("appears to be a template"), (NoteKind::Unread, "@/a.yaml"));
    assert_eq!(seen.notes.len(), 1);
}

#[test]
fn a_kustomization_file_hides_no_object_that_is_none() {
    let pod = object("Pod", "p");
    let kustomization = "kind: Kustomization\napiVersion: kustomize.config.k8s.io/v1beta1\n";
    for text in [
        pod.clone(),
        format!("resources: [web.yaml]\n---\n{pod}"),
        format!("{kustomization}resources: [web.yaml]\n---\n{pod}"),
        format!("{pod}---\nresources: [web.yaml]\n"),
        format!("apiVersion: v1\nkind: List\nitems:\n- {}", pod.trim_end().replace('\n', "\n  ")),
    ] {
        let folder =
            tree(&[("kustomization.yaml", &text), ("web.yaml", &object("Service", "web"))]);
        assert_eq!(scan(folder.path()).objects(), ["Pod p", "Service web"], "{text}");
        let file = folder.path().join("kustomization.yaml");
        let seen = run(folder.path(), &Request::new([file]));
        assert!(seen.objects().contains(&"Pod p"), "{text}");
    }
    let text = format!("{kustomization}resources: []\n---\na: 1\n");
    let folder = tree(&[("kustomization.yaml", &text)]);
    let seen = scan(folder.path());
    assert_eq!(seen.objects(), [] as [&str; 0]);
    assert_eq!(seen.stats.skipped[&Skip::PartOfKustomization], 1);
}

#[test]
fn a_kustomization_that_names_its_folder_hides_no_object() {
    for kind in ["Kustomization", "Component"] {
        for field in [
            "configurations: [.]",
            "crds: [.]",
            "patches: [{path: .}]",
            "patchesStrategicMerge: [.]",
            "openapi: {path: .}",
            "configMapGenerator: [{name: a, files: [.]}]",
        ] {
            let folder = tree(&[
                ("k/kustomization.yaml", &format!("kind: {kind}\n{field}\n")),
                ("k/pod.yaml", &object("Pod", "p")),
                ("k/more/pod.yaml", &object("Pod", "q")),
            ]);
            let seen = scan(folder.path());
            assert_eq!(seen.objects(), ["Pod p", "Pod q"], "{kind} {field}");
            let note = seen.note("`.` is a directory, but kustomize accepts only files here");
            assert_eq!(note, (NoteKind::Unread, "@/k/kustomization.yaml"), "{kind} {field}");
        }
    }
    // Generators may be created by another kustomization.
    let folder = tree(&[
        ("kustomization.yaml", "kind: Component\ngenerators: [gen]\n"),
        ("gen/kustomization.yaml", "resources: []\n"),
        ("gen/pod.yaml", &object("Pod", "p")),
    ]);
    let seen = scan(folder.path());
    assert_eq!(seen.objects(), ["Pod p"]);
    assert!(seen.notes.iter().all(|note| !note.2.contains("is a directory")), "{:?}", seen.notes);
}

#[test]
fn data_of_a_kustomization_hides_no_object() {
    let text = "kind: Component\nresources: [web.yaml]\npatches: [{path: patch.yaml}]\n\
                configurations: [names.yaml, configured.yaml]\n\
                configMapGenerator: [{name: a, files: [pod.yaml, b=web.yaml, plain.yaml]}]\n";
    let folder = tree(&[
        ("k/kustomization.yaml", text),
        ("k/web.yaml", &different("Service", "web", "1")),
        ("k/patch.yaml", &object("Pod", "patched")),
        ("k/pod.yaml", &object("Pod", "p")),
        ("k/configured.yaml", &object("Pod", "q")),
        ("k/plain.yaml", "apiVersion: v1\nkind: Values\n"),
        ("k/names.yaml", "nameReference: [{kind: Pod, version: v1}]\n"),
        ("pod.yaml", &different("Pod", "p", "2")),
    ]);
    let seen = scan(folder.path());
    assert_eq!(seen.objects(), ["Pod p", "Pod p", "Pod q", "Service web"]);
    // Data does not split other worlds.
    assert_eq!(seen.world_names(), ["@", "@/k", "@/k (data)"]);
    assert_eq!(seen.stats.skipped[&Skip::PartOfKustomization], 4);
}

#[test]
fn files_of_charts_that_helm_does_not_render_hide_no_object() {
    let templated = "{{ define \"x\" }}\napiVersion: v1\nkind: Pod\n{{ end }}\n";
    let folder = tree(&[
        ("lib/Chart.yaml", "apiVersion: v2\nname: lib\nversion: 1.0.0\ntype: library\n"),
        ("lib/templates/pod.yaml", &object("Pod", "in-library")),
        ("lib/templates/part.yaml", templated),
        ("app/Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.0.0\n"),
        ("app/values.yaml", "apiVersion: apps/v1\nkind: Deployment\na: \"\\\\d\"\n"),
        ("app/values-pod.yaml", &object("Pod", "in-values")),
        ("app/files/a/pod.yaml", &different("Pod", "in-files", "1")),
        ("app/files/b/pod.yaml", &different("Pod", "in-files", "2")),
        ("a/web.yaml", &object("Service", "web")),
        ("b/web.yaml", &object("Service", "other")),
        ("app/templates/pod.yaml", &object("Pod", "in-template")),
    ]);
    let seen = scan(folder.path());
    let pods = ["Pod in-files", "Pod in-files", "Pod in-library", "Pod in-values"];
    assert_eq!(seen.objects(), [&pods[..], &["Service other", "Service web"]].concat());
    assert_eq!(seen.note("this chart was not rendered"), (NoteKind::Unread, "@/app"));
    assert_eq!(seen.stats.skipped[&Skip::PartOfChart], 5);
    // Duplicates in a chart split only its own world.
    let services = seen.worlds.iter().find(|(name, ..)| name == "@").unwrap();
    assert_eq!(services.2.len(), 2);
}

#[test]
fn hidden_and_ignored_entries_are_counted() {
    let pod = object("Pod", "p");
    let folder = tree(&[
        ("web.yaml", &object("Service", "web")),
        (".x/pod.yaml", &pod),
        (".pod.yaml", &pod),
        (".editorconfig", ""),
        (".pavisade.yaml", "fail-on: never\n"),
        (".git/config.yaml", &pod),
        ("a/.pavisadeignore", "b.yaml\n"),
        ("a/b.yaml", &pod),
        (".ignore", "notes.txt\n"),
        ("notes.txt", ""),
        (".gitignore", "node_modules\n!.kept.yaml\n"),
        (".kept.yaml", &object("Service", "kept")),
        ("node_modules/a/b.yaml", &pod),
        ("node_modules/c/d.yaml", &pod),
    ]);
    let message = "2 hidden and 2 ignored files and directories were not scanned";
    let seen = scan(folder.path());
    assert_eq!(seen.objects(), ["Service kept", "Service web"]);
    assert_eq!(seen.note(message), (NoteKind::Info, "@"));
    assert_eq!(seen.stats.skipped[&Skip::Hidden], 2);
    assert_eq!(seen.stats.skipped[&Skip::Ignored], 2);
    // Links change the walk.
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("web.yaml", folder.path().join("again.yaml")).unwrap();
        std::os::unix::fs::symlink("nothing", folder.path().join("broken.yaml")).unwrap();
        let seen = scan(folder.path());
        assert_eq!(seen.note(message), (NoteKind::Info, "@"));
    }
}

#[test]
fn only_the_templates_of_real_charts_are_left_to_helm() {
    let chart = |name: &str| format!("apiVersion: v2\nname: {name}\nversion: 1.0.0\n");
    let folder = tree(&[
        ("app/Chart.yaml", &chart("app")),
        ("app/charts/sub/Chart.yaml", &chart("sub")),
        ("app/charts/sub/charts/deep/Chart.yaml", &chart("deep")),
        ("app/charts/_off/Chart.yaml", &chart("off")),
        // Rendered by Helm.
        ("app/templates/pod.yaml", &object("Pod", "a")),
        ("app/templates/charts/pod.yaml", &object("Pod", "b")),
        ("app/charts/sub/templates/x/pod.yaml", &object("Pod", "c")),
        ("app/charts/sub/charts/deep/templates/pod.yaml", &object("Pod", "d")),
        // Not rendered by anything.
        ("app/files/templates/pod.yaml", &object("Pod", "p")),
        ("app/charts/sub/files/templates/pod.yaml", &object("Pod", "q")),
        ("app/charts/none/templates/pod.yaml", &object("Pod", "r")),
        ("app/charts/_off/templates/pod.yaml", &object("Pod", "s")),
        ("app/charts/templates/pod.yaml", &object("Pod", "t")),
    ]);
    let objects = ["Pod p", "Pod q", "Pod r", "Pod s", "Pod t"];
    assert_eq!(scan(folder.path()).objects(), objects);
}
