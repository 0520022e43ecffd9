//! Nothing outside of the repository, or else of the given path, is read.
#![cfg(unix)]

use std::fs;
use std::path::Path;

use crate::common::{Seen, different, link, object, put, run, scan, script, tree, with_tools};
use pavisade_model::NoteKind;
use pavisade_sources::{Request, Tools};

/// Scans with programs that report that they were started.
fn with_scripts(folder: &Path) -> Seen {
    let bin = tempfile::tempdir().unwrap();
    let text = "printf 'apiVersion: v1\\nkind: Started\\nmetadata: {name: x}'";
    let [helm, kustomize] = ["helm", "kustomize"].map(|name| Some(script(bin.path(), name, text)));
    run(folder, &with_tools(folder, Tools { helm, kustomize, ..Tools::default() }))
}

#[test]
fn a_chart_whose_name_leads_elsewhere_is_not_copied() {
    for name in ["..", ".", "a/../..", "/tmp/x", "\"a\\nb\"", "\"a\\0b\"", "'-'", "a\\b"] {
        let folder = tree(&[
            ("c/Chart.yaml", &format!("apiVersion: v2\nname: {name}\nversion: 1.0.0\n")),
            ("c/evil.yaml", "x: 1\n"),
        ]);
        let seen = with_scripts(folder.path());
        assert_eq!(seen.note("no valid `name`"), (NoteKind::Unread, "@/c"), "{name}");
        assert!(seen.objects().is_empty(), "{name}");
    }
    let seen = with_scripts(tree(&[("c/Chart.yaml", "name: a..b\nversion: 1.0.0\n")]).path());
    assert_eq!(seen.objects(), ["Started x"]);
}

#[test]
fn a_dependency_whose_name_leads_elsewhere_is_not_copied() {
    for name in ["..", "../../x", "/tmp/x", "\"a\\0b\"", "."] {
        let need = format!("dependencies: [{{name: {name}, repository: 'file://../b'}}]\n");
        let folder = tree(&[
            ("a/Chart.yaml", &format!("name: a\nversion: 1.0.0\n{need}")),
            ("b/Chart.yaml", "name: b\nversion: 1.0.0\n"),
        ]);
        let seen = with_scripts(folder.path());
        assert_eq!(seen.note("a dependency has the name"), (NoteKind::Unread, "@/a"), "{name}");
    }
    // The name of the referenced chart is what matters.
    let need = "dependencies: [{name: b, alias: ../../x, repository: 'file://../b'}]\n";
    let folder = tree(&[
        ("a/Chart.yaml", &format!("name: a\nversion: 1.0.0\n{need}")),
        ("b/Chart.yaml", "name: ..\nversion: 1.0.0\n"),
    ]);
    let seen = with_scripts(folder.path());
    assert_eq!(seen.notes.iter().filter(|note| note.2.contains("no valid `name`")).count(), 2);
}

#[test]
fn a_dependency_outside_is_not_read() {
    for address in ["file://../../own", "file://link", "''"] {
        let need = format!("dependencies: [{{name: own, repository: {address}}}]\n");
        let folder = tree(&[
            ("own/Chart.yaml", "name: own\nversion: 1.0.0\n"),
            ("given/a/Chart.yaml", &format!("name: a\nversion: 1.0.0\n{need}")),
        ]);
        link("../../own", &folder.path().join("given/a/link"));
        link("../own", &folder.path().join("given/own"));
        let seen = with_scripts(&folder.path().join("given"));
        assert!(seen.objects().is_empty(), "{address}");
        assert!(seen.notes.iter().any(|n| n.0 == NoteKind::Unread && n.1 == "@/a"), "{address}");
    }
}

/// Ways to refer to a directory or a file in a kustomization.
const FOLDERS: [&str; 8] = [
    "resources: [PATH]",
    "bases: [PATH]",
    "components: [PATH]",
    "generators: [PATH]",
    "transformers: [PATH]",
    "validators: [PATH]",
    "Resources: [PATH]",
    "re\u{17f}ources: [PATH]",
];
const FILES: [&str; 19] = [
    "crds: [PATH]",
    "configurations: [PATH]",
    "generators: [PATH]",
    "transformers: [PATH]",
    "validators: [PATH]",
    "patches: [{path: PATH}]",
    "patches: [{PATH: PATH}]",
    "patches: [PATH]",
    "patchesStrategicMerge: [PATH]",
    "patchesJson6902: [{path: PATH}]",
    "replacements: [{path: PATH}]",
    "openapi: {path: PATH}",
    "configMapGenerator: [{name: a, files: [PATH]}]",
    "configMapGenerator: [{name: a, files: [key=PATH]}]",
    "configMapGenerator: [{name: a, Envs: [PATH]}]",
    "configMapGenerator: [{name: a, env: PATH}]",
    "secretGenerator: [{name: a, files: [PATH]}]",
    "secretGenerator: [{name: a, envs: [PATH]}]",
    "helmCharts: [{name: a, valuesFile: PATH}]",
];

#[test]
fn what_a_kustomization_names_outside_is_not_read() {
    for (ways, path) in [(&FOLDERS[..], "../own/base"), (&FILES, "../own/base/secret.yaml")] {
        for path in [path.to_owned(), path.replace("..", "link/../link"), "odd/x".to_owned()] {
            for way in ways {
                let text = way.replace("{PATH:", "{Path:").replace("PATH", &path);
                let folder = tree(&[
                    ("own/base/kustomization.yaml", "resources: [secret.yaml]\n"),
                    ("own/base/secret.yaml", &object("Secret", "own")),
                    ("given/kustomization.yaml", &format!("{text}\n")),
                ]);
                let given = folder.path().join("given");
                link("..", &given.join("link"));
                let target = if ways.len() == FILES.len() { "base/secret.yaml" } else { "base" };
                link(folder.path().join("own").join(target), &given.join("odd/x"));
                let seen = with_scripts(&given);
                assert!(seen.objects().is_empty(), "{text}: {:?}", seen.objects());
                let told = |n: &(NoteKind, String, String)| {
                    n.0 == NoteKind::Unread && n.2.contains("outside the scanned directory")
                };
                assert!(seen.notes.iter().any(told), "{text}: {:#?}", seen.notes);
                assert!(scan(&given).objects().is_empty(), "{text}");
            }
        }
    }
}

#[test]
fn a_kustomization_in_an_archive_leads_to_nothing_beside_it() {
    let folder = tree(&[("own/kustomization.yaml", "resources: [secret.yaml]\n")]);
    put(folder.path(), "own/secret.yaml", object("Secret", "own").as_bytes());
    let own = folder.path().join("own").display().to_string();
    let up = "../".repeat(20);
    for path in [own.clone(), format!("{}{}", up.trim_end_matches('/'), own)] {
        let mut archive = tar::Builder::new(Vec::new());
        for (name, text) in [
            ("k/kustomization.yaml", format!("resources: [{path}]\n")),
            (".git/HEAD", String::new()),
        ] {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, name, text.as_bytes()).unwrap();
        }
        let file = folder.path().join("a.tar");
        fs::write(&file, archive.into_inner().unwrap()).unwrap();
        let seen = run(folder.path(), &Request::new([&file]));
        assert!(seen.objects().is_empty());
        assert_eq!(seen.note("outside the scanned directory").0, NoteKind::Unread);
    }
}

#[test]
fn kustomize_goes_from_where_a_link_leads_to() {
    // By the walked path, `../../base` is inside. But kustomize resolves the link first.
    let folder = tree(&[
        ("base/kustomization.yaml", "resources: [secret.yaml]\n"),
        ("base/secret.yaml", &object("Secret", "own")),
        ("given/.hidden/kustomization.yaml", "resources: [../../base]\n"),
        ("given/base/kustomization.yaml", "resources: []\n"),
    ]);
    let given = folder.path().join("given");
    link("../../.hidden", &given.join("a/b/link"));
    fs::rename(given.join("base"), given.join("a/base")).unwrap();
    let seen = with_scripts(&given);
    assert_eq!(seen.note("outside the scanned directory").0, NoteKind::Unread);
    assert_eq!(seen.objects(), ["Started x"], "of a/base alone");
    assert_eq!(seen.stats.kustomizations_rendered, 1);
}

#[test]
fn a_generator_that_is_a_kustomization_leads_to_nothing_outside() {
    let folder = tree(&[
        ("own/kustomization.yaml", "resources: [secret.yaml]\n"),
        ("own/secret.yaml", &object("Secret", "own")),
        ("given/a/kustomization.yaml", "generators: [../gen]\n"),
        ("given/gen/kustomization.yaml", "resources: [../../own]\n"),
    ]);
    let seen = with_scripts(&folder.path().join("given"));
    assert!(seen.objects().is_empty(), "{:?}", seen.objects());
}

#[test]
fn a_file_that_is_found_by_its_name_and_leads_outside_is_not_read() {
    let folder = tree(&[
        ("own/x.yaml", "name: own\nversion: 1.0.0\nresources: [/etc/passwd]\n"),
        ("given/old/Chart.yaml", "name: old\nversion: 1.0.0\n"),
        ("given/around/Chart.yaml", "name: around\nversion: 1.0.0\ndependencies: [{name: own}]\n"),
        ("given/k/kustomization.yaml", "resources: [../.k]\n"),
        ("given/pod.yaml", &object("Service", "web")),
    ]);
    let given = folder.path().join("given");
    let own = folder.path().join("own/x.yaml");
    link(&own, &given.join("old/requirements.yaml"));
    link(&own, &given.join("around/charts/dir/Chart.yaml"));
    link(&own, &given.join("own/Chart.yaml"));
    link(&own, &given.join(".k/kustomization.yaml"));
    let seen = with_scripts(&given);
    assert_eq!(seen.objects(), ["Service web"]);
    for place in ["@/old/requirements.yaml", "@/.k/kustomization.yaml", "@/own/Chart.yaml"] {
        let told = |n: &&(NoteKind, String, String)| {
            n.1 == place && n.2.contains("outside the scanned directory")
        };
        assert_eq!(seen.notes.iter().find(told).unwrap().0, NoteKind::Unread, "{place}");
    }
    assert_eq!(seen.note("dependencies are missing: own").0, NoteKind::Unread);
}

#[test]
fn values_outside_do_not_switch_a_dependency_off() {
    let folder = tree(&[
        ("own.yaml", "db: {enabled: false}\n"),
        (
            "given/Chart.yaml",
            "name: a\nversion: 1.0.0\ndependencies: [{name: db, condition: db.enabled}]\n",
        ),
    ]);
    let given = folder.path().join("given");
    link("../own.yaml", &given.join("values.yaml"));
    let seen = with_scripts(&given);
    assert_eq!(seen.note("dependencies are missing: db").0, NoteKind::Unread);
    // A values file inside the chart is applied.
    fs::remove_file(given.join("values.yaml")).unwrap();
    fs::rename(folder.path().join("own.yaml"), given.join("values.yaml")).unwrap();
    assert_eq!(with_scripts(&given).objects(), ["Started x"]);
}

#[test]
fn an_ignore_file_outside_hides_nothing() {
    for name in [".gitignore", ".ignore", ".pavisadeignore", ".git/info/exclude"] {
        let folder = tree(&[("own", "*.yaml\n"), ("given/a.yaml", &object("Service", "web"))]);
        let given = folder.path().join("given");
        link(folder.path().join("own"), &given.join(name));
        let seen = scan(&given);
        assert_eq!(seen.objects(), ["Service web"]);
        assert_eq!(seen.note("this ignore file is not applied").0, NoteKind::Warning, "{name}");
        // A link that stays inside is applied, and so is a file.
        fs::rename(folder.path().join("own"), given.join("own")).unwrap();
        fs::remove_file(given.join(name)).unwrap();
        link(given.join("own"), &given.join(name));
        assert!(scan(&given).objects().is_empty(), "{name}");
    }
}

#[test]
fn ignore_files_above_the_repository_do_not_count() {
    let folder = tree(&[
        (".gitignore", "a.yaml\n"),
        ("repo/.git/HEAD", ""),
        ("repo/.gitignore", "/x/b.yaml\n"),
        ("repo/x/a.yaml", &object("Service", "a")),
        ("repo/x/b.yaml", &object("Service", "b")),
        ("repo/x/c.yaml", &different("Service", "c", "1")),
        ("repo/x/.ignore", "*.yaml\n!c.yaml\n!.d.yaml\n!a.yaml\n"),
        ("repo/x/.d.yaml", &object("Service", "d")),
    ]);
    assert_eq!(
        scan(&folder.path().join("repo/x")).objects(),
        ["Service a", "Service c", "Service d"]
    );
}
