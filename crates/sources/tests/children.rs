//! Helm and kustomize, and what they start, have limits and end with the scan.
#![cfg(unix)]

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::{Seen, object, put, run, script, skip, tool, tree, unshare, with_tools};
use pavisade_model::NoteKind;
use pavisade_sources::{Limits, Request, Tools};

fn kustomization() -> tempfile::TempDir {
    tree(&[("kustomization.yaml", "resources: [a.yaml]\n"), ("a.yaml", &object("Service", "web"))])
}

fn with_limits(folder: &Path, text: &str, limits: Limits) -> Seen {
    let bin = tempfile::tempdir().unwrap();
    let kustomize = Some(script(bin.path(), "kustomize", text));
    let tools = Tools { kustomize, unshare: unshare(), ..Tools::default() };
    run(folder, &Request { limits, ..with_tools(folder, tools) })
}

fn is_alive(process: &str) -> bool {
    let process = rustix::process::Pid::from_raw(process.parse().unwrap()).unwrap();
    rustix::process::test_kill_process(process).is_ok()
}

#[test]
fn what_a_program_started_ends_with_it() {
    let folder = kustomization();
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("processes");
    let note = format!("/bin/sleep 600 & echo $! $$ >{}", file.display());
    let quiet = note.replace("600 &", "600 >/dev/null 2>&1 </dev/null &");
    let limits = Limits { tool_time: Duration::from_millis(1500), ..Limits::default() };
    for (text, said) in [
        (format!("{note}\nwait"), "took longer than 1 s"),
        (format!("{quiet}\nexit 3"), "exit status: 3"),
        (format!("{quiet}\n{}", printed()), ""),
    ] {
        let seen = with_limits(folder.path(), &text, limits);
        if !said.is_empty() {
            seen.note(said);
        }
        let processes = fs::read_to_string(&file).unwrap();
        assert_eq!(processes.split_whitespace().count(), 2);
        for process in processes.split_whitespace() {
            let ended = (0..100).any(|_| {
                std::thread::sleep(Duration::from_millis(20));
                !is_alive(process)
            });
            assert!(ended, "{text}");
        }
    }
}

fn printed() -> &'static str {
    "printf 'apiVersion: v1\\nkind: Started\\nmetadata: {name: x}'"
}

#[test]
fn all_that_is_rendered_has_one_limit_of_time() {
    let mut files = Vec::new();
    for place in 0..6 {
        files.push((format!("{place}/kustomization.yaml"), "resources: [a.yaml]\n".to_owned()));
        files.push((format!("{place}/a.yaml"), object("Service", "web")));
    }
    let files: Vec<_> = files.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let folder = tree(&files);
    let limits = Limits { render_time: Duration::from_millis(700), ..Limits::default() };
    let seen = with_limits(folder.path(), "/bin/sleep 600", limits);
    let (_, place) = seen.note("rendering all charts and kustomizations took longer than 0 s");
    assert_eq!(place, "@/0");
    assert_eq!(seen.stats.kustomizations_unrendered, 6);
    let limits = Limits { render_time: Duration::ZERO, ..Limits::default() };
    let seen = with_limits(folder.path(), printed(), limits);
    assert_eq!(seen.stats.kustomizations_unrendered, 6);
}

#[test]
fn a_program_has_a_limit_of_memory() {
    let folder = kustomization();
    let limits = Limits { tool_memory: 1 << 30, ..Limits::default() };
    let text = "printf 'apiVersion: v1\\nkind: A\\nmetadata: {name: \"%s\"}' $(ulimit -v)";
    let seen = with_limits(folder.path(), text, limits);
    if cfg!(target_os = "linux") {
        assert_eq!(seen.objects(), ["A 1048576"]);
    }
    let text = "echo 'fatal error: runtime: out of memory' >&2\necho 'goroutine 1' >&2\nexit 2";
    let seen = with_limits(folder.path(), text, limits);
    seen.note("kustomize needed more than 1024 MiB of memory");
}

#[test]
fn a_chart_that_takes_too_much_memory_is_told() {
    let Some(helm) = tool("helm") else { return skip("no helm was built") };
    let folder = tree(&[
        ("Chart.yaml", "apiVersion: v2\nname: a\nversion: 1.0.0\n"),
        ("templates/a.yaml", "{{ repeat 9000000000 \"a\" | len }}\n"),
    ]);
    let tools = Tools { helm: Some(helm), ..Tools::default() };
    let seen = run(folder.path(), &with_tools(folder.path(), tools));
    assert_eq!(seen.note("helm needed more than 4096 MiB of memory").0, NoteKind::Unread);
}

/// Starts a local server that counts its connections.
fn server() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let asked = count.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            asked.fetch_add(1, Ordering::SeqCst);
            drop(stream);
        }
    });
    (address, count)
}

/// With and without a network namespace.
fn networks() -> impl Iterator<Item = Option<PathBuf>> {
    let own = unshare().map(Some);
    own.into_iter().chain([None])
}

#[test]
fn a_schema_asks_no_address() {
    let Some(helm) = tool("helm") else { return skip("no helm was built") };
    let (address, count) = server();
    let schemas = [
        format!("{{\"$ref\": \"{address}/a.json\"}}"),
        format!("{{\"$schema\": \"{address}/a.json\"}}"),
        format!("{{\"$id\": \"{address}/\", \"properties\": {{\"a\": {{\"$ref\": \"b.json\"}}}}}}"),
        "{\"$ref\": \"file:///etc/passwd\"}".to_owned(),
    ];
    for schema in &schemas {
        let folder = tree(&[
            ("Chart.yaml", "apiVersion: v2\nname: a\nversion: 1.0.0\n"),
            ("values.yaml", "a: 1\n"),
            ("values.schema.json", schema),
            ("templates/a.yaml", &object("Service", "web")),
            ("charts/b/Chart.yaml", "apiVersion: v2\nname: b\nversion: 1.0.0\n"),
            ("charts/b/values.schema.json", schema),
        ]);
        for unshare in networks() {
            let tools = Tools { helm: Some(helm.clone()), unshare, ..Tools::default() };
            let seen = run(folder.path(), &with_tools(folder.path(), tools));
            assert_eq!(seen.objects(), ["Service web"], "{schema}: {:#?}", seen.notes);
        }
    }
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[test]
fn an_older_helm_that_asks_for_schemas_is_told_none() {
    let old = "case \"$*\" in *--skip-schema-validation*) \
               echo 'Error: unknown flag: --skip-schema-validation' >&2; exit 1;; esac\n";
    let bin = tempfile::tempdir().unwrap();
    let helm = script(bin.path(), "helm", &format!("{old}{}", printed()));
    let folder = tree(&[("Chart.yaml", "apiVersion: v2\nname: a\nversion: 1.0.0\n")]);
    let with = |unshare| {
        let tools = Tools { helm: Some(helm.clone()), unshare, ..Tools::default() };
        run(folder.path(), &with_tools(folder.path(), tools))
    };
    assert_eq!(with(None).objects(), ["Started x"]);
    put(folder.path(), "values.schema.json", b"{}");
    assert_eq!(with(None).note("use Helm 3.16 or later").0, NoteKind::Unread);
    fs::remove_file(folder.path().join("values.schema.json")).unwrap();
    put(folder.path(), "charts/b-1.tgz", b"");
    assert_eq!(with(None).note("use Helm 3.16 or later").0, NoteKind::Unread);
}

#[test]
fn a_kustomization_asks_no_address() {
    let builtin = |kind: &str, rest: &str| {
        format!("apiVersion: builtin\nkind: {kind}\nmetadata: {{name: x}}\n{rest}\n")
    };
    let (address, count) = server();
    let url = format!("{address}/x.yaml");
    let upper = url.replace("http", "HTTP");
    let texts = [
        "resources: [URL]",
        "bases: [URL]",
        "components: [URL]",
        "crds: [URL]",
        "configurations: [URL]",
        "generators: [URL]",
        "transformers: [URL]",
        "validators: [URL]",
        "patches: [{path: URL}]",
        "patches: [URL]",
        "patchesStrategicMerge: [URL]",
        "patchesJson6902: [{path: URL, target: {kind: Service, name: web, version: v1}}]",
        "replacements: [{path: URL}]",
        "openapi: {path: URL}",
        "configMapGenerator: [{name: a, files: [URL]}]",
        "configMapGenerator: [{name: a, files: [key=URL]}]",
        "configMapGenerator: [{name: a, envs: [URL]}]",
        "secretGenerator: [{name: a, env: URL}]",
        "helmCharts: [{name: a, repo: ADDRESS, version: 1.0.0}]",
        "helmCharts: [{name: a, valuesFile: URL}]",
        "Resources: [URL]",
        "re\u{17f}ources: [URL]",
        "configMapGenerator: [{name: a, Files: [URL]}]",
        "PATCHES: [{Path: URL}]",
        "openAPI: {PATH: URL}",
        "\"\\x72esources\": [URL]",
        "x: &a {path: URL}\npatches: [*a]",
        "generators: [gen.yaml]",
        "generators: [gen/]",
        "transformers: [patch.yaml]",
        "transformers: [patches.yaml]",
        "validators: [patch.yaml]",
        "transformers: [replace.yaml]",
        "generators:\n- |-\n  GEN",
        "generators: ['{apiVersion: builtin, kind: ConfigMapGenerator, metadata: {name: x}, files: [URL]}']",
    ];
    let config = "files: [\"a=URL\"]";
    let gen_text = builtin("ConfigMapGenerator", config);
    let inputs = [
        ("gen.yaml", gen_text.clone()),
        ("gen/kustomization.yaml", "resources: [gen.yaml]\n".to_owned()),
        ("gen/gen.yaml", gen_text.clone()),
        ("patch.yaml", builtin("PatchTransformer", "path: URL\ntarget: {kind: Service}")),
        ("patches.yaml", builtin("PatchStrategicMergeTransformer", "paths: [URL]")),
        ("replace.yaml", builtin("ReplacementTransformer", "replacements: [{path: URL}]")),
        // A path on disk with the name of a URL.
        (&url, object("Service", "trap")),
    ];
    let mut tools = Vec::new();
    for network in networks() {
        for (kustomize, kubectl) in [(tool("kustomize"), None), (None, tool("kubectl"))] {
            let unshare = network.clone();
            tools.push(Tools { kustomize, kubectl, unshare, ..Tools::default() });
        }
    }
    tools.retain(|tools| tools.kustomize.is_some() || tools.kubectl.is_some());
    if tools.is_empty() {
        return skip("neither kustomize nor kubectl was built");
    }
    for text in texts {
        for url in [&url, &upper] {
            let fill = |text: &str| {
                let text = text.replace("GEN", &gen_text.replace('\n', "\n  "));
                text.replace("URL", url).replace("ADDRESS", &address)
            };
            let folder = tree(&[("a.yaml", &object("Service", "web"))]);
            for (name, input) in &inputs {
                put(folder.path(), &format!("k/{name}"), fill(input).as_bytes());
            }
            let whole = format!("{}\n", fill(text));
            put(folder.path(), "k/kustomization.yaml", whole.as_bytes());
            for tools in &tools {
                let only = folder.path().join("k/kustomization.yaml");
                let request = Request { tools: tools.clone(), ..Request::new([&only]) };
                let seen = run(folder.path(), &request);
                let told = seen.notes.iter().any(|note| note.0 == NoteKind::Unread);
                assert!(told, "{whole}: {:#?}", seen.notes);
            }
        }
        assert_eq!(count.load(Ordering::SeqCst), 0, "{text}");
    }
}
