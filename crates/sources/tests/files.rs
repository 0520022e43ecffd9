//! Files, directories and standard input.

use std::fs;
use std::path::Path;

use crate::common::{different, object, put, run, scan, seen, skip, tree};
use pavisade_model::NoteKind;
use pavisade_snapshot::WorldKind;
use pavisade_sources::{Limits, Purpose, Request, Skip, load};
use pavisade_yaml::Origin;

#[test]
fn kubernetes_files_count_and_others_are_counted_with_their_reason() {
    let folder = tree(&[
        ("b/web.yaml", &object("Service", "web")),
        ("a.json", r#"{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}"#),
        ("values.yaml", "image: nginx\n"),
        ("mentions.yaml", "extra: {apiVersion: v1}\n"),
        ("package.json", "{\"name\": \"x\"}"),
        ("broken-values.yaml", "a: [\n"),
        ("main.go", "package main"),
        ("a.yaml.tmpl", "{{ .Values }}"),
        ("Dockerfile", "FROM nginx:1\nUSER 1\n"),
        ("Dockerfile.empty", "# nothing\n"),
        ("admin.conf", "apiVersion: v1\nkind: Config\n"),
        ("nginx.conf", "apiVersion kind\n"),
        (".hidden/x.yaml", &object("Service", "hidden")),
    ]);
    put(folder.path(), "binary.yaml", b"\0apiVersion: v1\0kind: Service\n");
    let seen = scan(folder.path());
    assert_eq!(seen.note("1 hidden file or directory was not scanned"), (NoteKind::Info, "@"));
    assert_eq!(seen.notes.len(), 1);
    assert_eq!(seen.world_names(), ["@"]);
    assert_eq!(seen.objects(), ["Config ", "Dockerfile ", "Secret s", "Service web"]);
    assert_eq!(seen.sources(), ["@/Dockerfile", "@/a.json", "@/admin.conf", "@/b/web.yaml"]);
    let skipped: Vec<_> = seen.stats.skipped.iter().map(|(why, count)| (*why, *count)).collect();
    assert_eq!(
        skipped,
        [
            (Skip::OtherName, 1),
            (Skip::NotKubernetes, 6),
            (Skip::Hidden, 1),
            (Skip::Binary, 1),
            (Skip::Template, 1)
        ]
    );
    assert_eq!((seen.stats.files, seen.stats.objects), (4, 4));
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_no_utf8_hides_no_object() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = tree(&[]);
    let name = std::ffi::OsStr::from_bytes(b"p\xff.yaml");
    std::fs::write(folder.path().join(name), object("Service", "web")).unwrap();
    let seen = scan(folder.path());
    assert_eq!(seen.objects(), ["Service web"]);
    assert_eq!(seen.sources(), ["@/p\u{fffd}.yaml"]);
}

#[test]
fn what_is_named_directly_is_read_or_explained() {
    let folder = tree(&[
        ("objects.txt", &object("Service", "web")),
        ("values.yaml", "a: 1\n"),
        ("empty.yaml", "\n"),
        ("config", "apiVersion: v1\nkind: Config\n"),
    ]);
    put(folder.path(), "binary.yaml", b"\0\0");
    let at = |name: &str| folder.path().join(name);
    let names = ["objects.txt", "values.yaml", "empty.yaml", "config", "binary.yaml", "absent"];
    let seen = run(folder.path(), &Request::new(names.map(at)));
    assert_eq!(seen.objects(), ["Config ", "Service web"]);
    assert_eq!(seen.note("no document in this file has"), (NoteKind::Unread, "@/values.yaml"));
    assert_eq!(seen.note("this file is empty"), (NoteKind::Unread, "@/empty.yaml"));
    assert_eq!(seen.note("binary"), (NoteKind::Unread, "@/binary.yaml"));
    assert_eq!(seen.note("no such file"), (NoteKind::Unread, "@/absent"));
    // For a fix, users pass all changed files, most of which have no objects.
    let purpose = Purpose::Fix;
    let seen = run(folder.path(), &Request { purpose, ..Request::new([at("values.yaml")]) });
    assert_eq!(seen.note("no document in this file has"), (NoteKind::Info, "@/values.yaml"));
}

#[test]
fn an_empty_folder_says_so() {
    let folder = tree(&[]);
    assert_eq!(scan(folder.path()).note("no Kubernetes object"), (NoteKind::Unread, "@"));
}

#[test]
fn files_named_one_by_one_are_joined_with_those_beside_them() {
    let folder = tree(&[
        ("a/1.yaml", &object("Service", "one")),
        ("a/2.yaml", &object("Service", "two")),
        ("b/3.yaml", &object("Service", "three")),
    ]);
    let at = |name: &str| folder.path().join(name);
    let names = ["a/1.yaml", "b/3.yaml", "a/2.yaml", "a/1.yaml"];
    let seen = run(folder.path(), &Request::new(names.map(at)));
    assert_eq!(seen.world_names(), ["@/a", "@/b/3.yaml"]);
    assert_eq!(seen.worlds[0].2.len(), 2);
}

#[test]
fn ignore_files_count_without_git_and_only_below() {
    let folder = tree(&[
        (".gitignore", "*.yaml\n"),
        ("in/.gitignore", "built/\n"),
        ("in/.pavisadeignore", "tests/\n"),
        ("in/built/a.yaml", &object("Service", "built")),
        ("in/tests/a.yaml", &object("Service", "test")),
        ("in/web.yaml", &object("Service", "web")),
    ]);
    let inside = folder.path().join("in");
    assert_eq!(scan(&inside).objects(), ["Service web"]);
    fs::create_dir(folder.path().join(".git")).unwrap();
    assert_eq!(scan(&inside).objects(), [] as [&str; 0]);
}

#[cfg(unix)]
#[test]
fn links_are_followed_inside_and_loops_survived() {
    use std::os::unix::fs::symlink;
    let folder = tree(&[
        ("in/web.yaml", &object("Service", "web")),
        ("in/.data/hidden.yaml", &object("Service", "hidden")),
        ("secret/admin.yaml", &object("Secret", "outside")),
    ]);
    let at = |name: &str| folder.path().join(name);
    symlink("..", at("in/loop")).unwrap();
    symlink(".", at("in/self")).unwrap();
    symlink("web.yaml", at("in/again.yaml")).unwrap();
    symlink(".data/hidden.yaml", at("in/shown.yaml")).unwrap();
    symlink("nowhere", at("in/broken.yaml")).unwrap();
    symlink("nowhere", at("in/broken.txt")).unwrap();
    symlink("../secret/admin.yaml", at("in/admin.yaml")).unwrap();
    let seen = scan(&at("in"));
    assert_eq!(seen.objects(), ["Service hidden", "Service web"]);
    assert_eq!(seen.sources(), ["@/shown.yaml", "@/web.yaml"]);
    assert_eq!(seen.note("does not exist"), (NoteKind::Unread, "@/broken.yaml"));
    let outside = seen.notes.iter().filter(|(kind, _, message)| {
        *kind == NoteKind::Unread && message.contains("outside the scanned directory")
    });
    let places: Vec<_> = outside.map(|(_, place, _)| place.as_str()).collect();
    assert_eq!(places, ["@/admin.yaml", "@/loop"]);
    // Within a repository, links may lead anywhere.
    fs::create_dir(at(".git")).unwrap();
    assert_eq!(scan(&at("in")).objects(), ["Secret outside", "Service hidden", "Service web"]);
}

#[cfg(unix)]
#[test]
fn what_may_not_be_read_is_noted_and_the_rest_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tree(&[
        ("closed.yaml", &object("Service", "closed")),
        ("shut/a.yaml", &object("Service", "shut")),
        ("web.yaml", &object("Service", "web")),
    ]);
    let set = |name: &str, mode| {
        fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    set("closed.yaml", 0);
    set("shut", 0);
    let root = fs::read(folder.path().join("closed.yaml")).is_ok();
    let seen = scan(folder.path());
    set("shut", 0o755);
    if root {
        return skip("root may read every file");
    }
    assert_eq!(seen.objects(), ["Service web"]);
    let places: Vec<_> = seen.notes.iter().map(|(kind, place, _)| (*kind, &**place)).collect();
    assert_eq!(places, [(NoteKind::Unread, "@/shut"), (NoteKind::Unread, "@/closed.yaml")]);
}

#[test]
fn kubectl_strictness_is_told_and_does_not_stop_us() {
    let text = format!(
        "{}---\nkind: [\n---\n{}--- {{apiVersion: v1, kind: Pod, metadata: {{name: z}}}}\n",
        object("Service", "one"),
        object("Service", "two")
    );
    let wrong = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {a: 1}}\n";
    let unseen = "apiVersion: v1\nkind: Pod\nmetadata: {name: q, name: r}\n...\nmore: x\n";
    let foreign = format!("{}---\na: 1\n", object("Service", "three"));
    let folder = tree(&[
        ("a.yaml", &text),
        ("b.yaml", wrong),
        ("c.yaml", unseen),
        ("d.yaml", &foreign),
        ("e.yaml", &format!("a: \"{{{{ .X }}}}\"\n---\n{{{{ if .Y }}}}\n{}", object("Pod", "t"))),
    ]);
    let loaded = load(&Request::new([folder.path()]), std::io::empty(), &());
    let world = &loaded.snapshot.worlds()[0];
    let with_unseen = world.objects().find(|object| object.name() == "r").unwrap();
    assert_eq!(with_unseen.unseen().len(), 2);
    assert!(world.objects().filter(|o| o.name() != "r").all(|o| o.unseen().is_empty()));
    let seen = seen(folder.path(), loaded);
    assert_eq!(
        seen.objects(),
        ["Pod p", "Pod r", "Pod z", "Service one", "Service three", "Service two"]
    );
    assert_eq!(seen.note("kubectl stops here").0, NoteKind::Unread);
    assert_eq!(seen.note("text after a document separator").0, NoteKind::Warning);
    assert_eq!(seen.note("kubectl rejects this").0, NoteKind::Warning);
    assert_eq!(seen.note("no `apiVersion` and `kind`"), (NoteKind::Info, "@/d.yaml"));
    assert_eq!(seen.note("appears to be a template"), (NoteKind::Unread, "@/e.yaml"));
}

#[test]
fn what_kubectl_refuses_in_a_list_is_judged_all_the_same() {
    let list = "apiVersion: v1\nkind: List\nitems:\n\
                - {apiVersion: v1, kind: Pod, metadata: {name: good}}\n\
                - {kind: Pod, metadata: {name: typeless}}\n\
                - {apiVersion: v1, kind: Pod, metadata: {name: other}}\n\
                - 5\n";
    let folder = tree(&[("list.yaml", list)]);
    let seen = scan(folder.path());
    assert_eq!(seen.objects(), ["Pod good", "Pod other"]);
    assert_eq!(seen.note("kubectl rejects this").0, NoteKind::Warning);
}

#[test]
fn encodings_are_read_as_kubectl_reads_them() {
    let folder = tree(&[]);
    let wide = |mark: &[u8], text: &str, unit: fn(u16) -> [u8; 2]| {
        let units = text.encode_utf16().flat_map(unit);
        mark.iter().copied().chain(units).collect::<Vec<u8>>()
    };
    let text = object("Service", "little");
    put(folder.path(), "a.yaml", &wide(b"\xFF\xFE", &text, u16::to_le_bytes));
    let text = format!("{}---\nä: [\n", object("Service", "big"));
    put(folder.path(), "b.yaml", &wide(b"\xFE\xFF", &text, u16::to_be_bytes));
    put(folder.path(), "values.yaml", &wide(b"\xFE\xFF", "a: 1\n", u16::to_be_bytes));
    put(folder.path(), "bare.yaml", &wide(b"", &object("Service", "bare"), u16::to_le_bytes));
    let mut latin = object("Service", "latin").into_bytes();
    latin.extend(b"# caf\xE9\n");
    put(folder.path(), "c.yaml", &latin);
    let seen = scan(folder.path());
    assert_eq!(seen.objects(), ["Service big", "Service latin", "Service little"]);
    assert_eq!(seen.note("invalid UTF-8 here"), (NoteKind::Warning, "@/c.yaml"));
    assert_eq!(seen.note("did not find expected node content"), (NoteKind::Unread, "@/b.yaml"));
    let unread = seen.raw.iter().find(|note| note.kind == NoteKind::Unread).unwrap();
    let (source, start, _) = unread.span.as_ref().unwrap();
    assert_eq!(source.line(source.line_at(*start)).unwrap().1, "ä: [");
    assert_eq!(seen.stats.skipped[&Skip::Binary], 1);
    assert_eq!(seen.stats.skipped[&Skip::NotKubernetes], 1);
}

#[test]
fn limits_refuse_with_a_note() {
    let folder = tree(&[
        ("big.yaml", &format!("{}# {}\n", object("Service", "big"), "x".repeat(2000))),
        ("small.yaml", &object("Service", "small")),
        ("third.yaml", &object("Service", "third")),
    ]);
    let with = |limits| run(folder.path(), &Request { limits, ..Request::new([folder.path()]) });
    let seen = with(Limits { file_bytes: 1000, ..Limits::default() });
    assert_eq!(seen.objects(), ["Service small", "Service third"]);
    assert_eq!(seen.note("larger than 1000 bytes"), (NoteKind::Unread, "@/big.yaml"));
    let seen = with(Limits { files: 2, ..Limits::default() });
    assert_eq!(seen.note("more than 2 files; 1"), (NoteKind::Unread, "@"));
    let seen = with(Limits { total_bytes: 2120, ..Limits::default() });
    assert_eq!(seen.objects(), ["Service big", "Service small"]);
    assert_eq!(seen.note("larger than 2 KiB in total; 1"), (NoteKind::Unread, "@"));
}

#[test]
fn hostile_texts_are_refused_and_bounded() {
    let mut laughs =
        "apiVersion: v1\nkind: ConfigMap\na0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let list = vec![format!("*a{}", level - 1); 9].join(", ");
        laughs.push_str(&format!("a{level}: &a{level} [{list}]\n"));
    }
    let deep =
        format!("apiVersion: v1\nkind: X\na: {}{}\n", "[".repeat(10_000), "]".repeat(10_000));
    let folder = tree(&[
        ("laughs.yaml", &laughs),
        ("deep.yaml", &deep),
        ("web.yaml", &object("Service", "web")),
    ]);
    let seen = scan(folder.path());
    assert_eq!(seen.objects(), ["Service web"]);
    let places: Vec<_> = seen.notes.iter().map(|(kind, place, _)| (*kind, &**place)).collect();
    assert_eq!(places, [(NoteKind::Unread, "@/deep.yaml"), (NoteKind::Unread, "@/laughs.yaml")]);
}

#[test]
fn a_long_stream_is_read_whole_and_its_notes_are_few() {
    let mut text = String::new();
    for n in 0..3000 {
        text.push_str(&different("ConfigMap", &format!("c{n}"), "x"));
        text.push_str(if n % 10 == 0 { "---\nkind: [\n---\n" } else { "---\n" });
    }
    let folder = tree(&[("stream.yaml", &text)]);
    let seen = scan(folder.path());
    assert_eq!(seen.objects().len(), 3000);
    assert_eq!(seen.notes.len(), 21);
    assert_eq!(seen.note("280 more notes").0, NoteKind::Unread);
}

#[test]
fn worlds_are_split_where_an_object_stands_twice_and_differs() {
    let folder = tree(&[
        ("dev/a.yaml", &different("ConfigMap", "c", "dev")),
        ("dev/same.yaml", &object("ServiceAccount", "s")),
        ("prod/a.yaml", &different("ConfigMap", "c", "prod")),
        ("prod/same.yaml", &object("ServiceAccount", "s")),
        ("both/1.yaml", &different("ConfigMap", "d", "1")),
        ("both/2.yaml", &different("ConfigMap", "d", "2")),
        (
            "both/3.yaml",
            &format!(
                "{}---\n{}",
                different("ConfigMap", "e", "1"),
                different("ConfigMap", "e", "2")
            ),
        ),
        ("top.yaml", &object("Namespace", "n")),
    ]);
    let seen = scan(folder.path());
    assert_eq!(
        seen.world_names(),
        ["@", "@/both/1.yaml", "@/both/2.yaml", "@/both/3.yaml", "@/dev", "@/prod"]
    );
    assert_eq!(seen.worlds[4].2.len(), 2);
    assert_eq!(seen.worlds[5].2.len(), 2);
    assert_eq!(seen.note("checked separately"), (NoteKind::Info, "@"));
    assert_eq!(seen.note("is defined again below"), (NoteKind::Warning, "@/both/3.yaml"));

    let folder =
        tree(&[("a/x.yaml", &object("Service", "web")), ("b/x.yaml", &object("Service", "web"))]);
    let seen = scan(folder.path());
    seen.silent();
    assert_eq!(seen.world_names(), ["@"]);
    assert_eq!(seen.sources(), ["@/a/x.yaml"]);
}

#[test]
fn encrypted_and_substituted_documents_are_kept_and_said() {
    let sops = format!(
        "{}data: {{p: 'ENC[AES256_GCM,data:x]'}}\nsops: {{mac: 'ENC[AES256_GCM,data:y]'}}\n",
        object("Secret", "s")
    );
    let flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps}\nspec: {postBuild: {substitute: {A: b}}}\n";
    let variable = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"c-${A}\"}\n";
    let folder = tree(&[("s.yaml", &sops), ("kustomization.yaml", flux), ("c.yaml", variable)]);
    let seen = scan(folder.path());
    assert_eq!(seen.objects(), ["ConfigMap c-${A}", "Kustomization apps", "Secret s"]);
    assert_eq!(seen.note("not checked: 1").0, NoteKind::Info);
    assert_eq!(seen.note("1 documents contain variables").0, NoteKind::Info);
    let folder = tree(&[("c.yaml", variable)]);
    scan(folder.path()).silent();
}

#[test]
fn standard_input_is_a_text() {
    let text = object("Service", "web");
    let loaded = load(&Request::new(["-"]), text.as_bytes(), &());
    let object = loaded.snapshot.worlds()[0].objects().next().unwrap().clone();
    assert_eq!(*object.doc().source().origin(), Origin::Input);
    let seen = seen(Path::new("/"), loaded);
    assert_eq!(seen.worlds[0].1, WorldKind::Files);
    assert_eq!(seen.sources(), ["<stdin>"]);
    let loaded = load(&Request::new(["-"]), "".as_bytes(), &());
    // The program before the pipe may have failed: not a clean result.
    assert_eq!(loaded.snapshot.notes()[0].kind, NoteKind::Unread);
}

#[cfg(unix)]
#[test]
fn links_that_double_at_each_step_are_followed_once() {
    let folder = tree(&[("f49/web.yaml", &object("Service", "web"))]);
    for i in 0..49 {
        let at = folder.path().join(format!("f{i}"));
        std::fs::create_dir(&at).unwrap();
        for link in ["a", "b"] {
            std::os::unix::fs::symlink(format!("../f{}", i + 1), at.join(link)).unwrap();
        }
    }
    assert_eq!(scan(folder.path()).objects().len(), 1);
}

#[test]
fn what_takes_too_much_memory_is_the_last_that_is_read() {
    // A part has files of up to 16 MiB in total, so the third file is in the next part.
    let large = object("Service", "web") + &"# comment\n".repeat(900_000);
    let large = |name: &str| large.replace("web", name);
    let folder = tree(&[("a.yaml", &large("a")), ("b.yaml", &large("b")), ("c.yaml", &large("c"))]);
    let limits = Limits { memory: 1 << 20, ..Limits::default() };
    let request = Request { limits, ..Request::new([folder.path()]) };
    let seen = run(folder.path(), &request);
    assert_eq!(seen.objects(), ["Service a"]);
    let (kind, place) = seen.note("the files use more than 1 MiB of memory");
    assert_eq!((kind, place), (NoteKind::Unread, "@/b.yaml"));
    assert_eq!(scan(folder.path()).objects(), ["Service a", "Service b", "Service c"]);
}

#[test]
fn a_list_of_too_many_objects_is_not_read() {
    let item = "- {apiVersion: v1, kind: A}\n";
    let list = format!("apiVersion: v1\nkind: List\nitems:\n{}", item.repeat(500_001));
    let folder = tree(&[("list.yaml", &list), ("web.yaml", &object("Service", "web"))]);
    let seen = scan(folder.path());
    assert_eq!(seen.objects(), ["Service web"]);
    let (kind, place) = seen.note("more than 500000 objects");
    assert_eq!((kind, place), (NoteKind::Unread, "@/list.yaml"));
}

#[test]
fn a_dockerfile_of_too_many_stages_is_not_read_in_full() {
    let folder = tree(&[("Dockerfile", &"FROM a:1\n".repeat(1001))]);
    assert_eq!(scan(folder.path()).note("1000 build stages or more").0, NoteKind::Unread);
}
