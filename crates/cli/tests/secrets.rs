//! No output shows a secret: more than a hundred are planted in files of all kinds, and every
//! command in every format is searched for them.

use std::fs::{self, File};
use std::path::Path;

use crate::started::{Run, folder, run};
use pavisade_scan::Timestamp;
use pavisade_snapshot::file::write;
use pavisade_snapshot::{Coverage, Object, Snapshot, WorldParts};
use pavisade_yaml::{Source, read};

/// Part of every secret; in base64 it may begin at any of three places.
const MARK: [&str; 4] = ["hUn73r", "aFVuNzNy", "hVbjczc", "oVW43M3"];

/// Files in which `§` is a secret, `§b` one in base64, `§g` a GitHub token, `§j` a signed token.
const FILES: [(&str, &str); 10] = [
    ("app.yaml", include_str!("secrets/app.yaml")),
    ("config.yaml", include_str!("secrets/config.yaml")),
    ("secret.yaml", include_str!("secrets/secret.yaml")),
    ("control-plane.yaml", include_str!("secrets/control-plane.yaml")),
    ("kubeconfig", include_str!("secrets/kubeconfig.yaml")),
    ("encryption.yaml", include_str!("secrets/encryption.yaml")),
    ("values.yaml", include_str!("secrets/values.yaml")),
    ("list.json", include_str!("secrets/list.json")),
    ("broken.yaml", include_str!("secrets/broken.yaml")),
    ("Dockerfile", include_str!("secrets/Dockerfile.txt")),
];

/// The files with a secret of its own at each sign, and how many there are.
fn planted() -> (Vec<(&'static str, String)>, usize) {
    let mut count = 0;
    let files = FILES.map(|(name, text)| {
        let mut planted = String::new();
        for (i, part) in text.split('§').enumerate() {
            if i == 0 {
                planted.push_str(part);
                continue;
            }
            count += 1;
            let plain = format!("hUn73r{count:03}xQ9");
            let (secret, rest) = match part.as_bytes().first() {
                Some(b'b') => (base64(&plain), &part[1..]),
                Some(b'g') => (format!("ghp_{plain}Zr0kPn2VxY8sTdL4wJb6MhC1"), &part[1..]),
                Some(b'j') => {
                    let head = base64("{\"alg\":\"RS256\"}");
                    let body = base64(&format!("{{\"iss\":\"{plain}\"}}"));
                    (
                        format!("{head}.{body}.c2lnbmF0dXJlLW9mLWEtdG9rZW4").replace('=', ""),
                        &part[1..],
                    )
                }
                _ => (plain, part),
            };
            planted.push_str(&secret);
            planted.push_str(rest);
        }
        (name, planted)
    });
    (files.into(), count)
}

fn base64(text: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let chunks = text.as_bytes().chunks(3).map(|chunk| {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - chunk.len()));
        let digit = |i: usize| match i <= chunk.len() {
            true => char::from(ALPHABET[(bits >> (18 - 6 * i)) as usize & 63]),
            false => '=',
        };
        (0..4).map(digit).collect::<String>()
    });
    chunks.collect()
}

fn planted_folder() -> tempfile::TempDir {
    let (files, _) = planted();
    folder(&files.iter().map(|(name, text)| (*name, text.as_str())).collect::<Vec<_>>())
}

#[track_caller]
fn silent(what: &[&str], text: &str) {
    let place = |line: &str| MARK.iter().filter_map(|mark| line.find(mark)).min();
    let shown = text.lines().find_map(|line| {
        let at = place(line)?;
        let from = line.floor_char_boundary(at.saturating_sub(120));
        Some(&line[from..line.floor_char_boundary(at + 40)])
    });
    assert_eq!(shown, None, "{what:?} shows a secret");
}

#[track_caller]
fn both(what: &[&str], run: &Run) {
    silent(what, &run.out);
    silent(what, &run.err);
}

#[test]
fn a_hundred_secrets_are_planted_and_the_checks_see_many() {
    let (files, count) = planted();
    assert!(count >= 100, "{count}");
    for (name, text) in files {
        assert!(!text.contains('§'), "{name}");
        assert!(MARK.iter().any(|mark| text.contains(mark)), "{name}");
    }
    let found =
        run(planted_folder().path(), &["scan", "--check", "PV-C024,PV-C025,PV-C027", "-f", "csv"]);
    assert!(found.out.lines().count() > 20, "{}", found.out);
}

#[test]
fn no_format_of_a_scan_shows_a_secret() {
    let folder = planted_folder();
    for format in [
        "terminal", "json", "json-v1", "sarif", "html", "markdown", "csv", "junit", "gitlab",
        "github",
    ] {
        for more in [&[][..], &["--full", "--show-excepted", "--strict", "--with-frameworks"]] {
            let args = [&["scan", "-f", format, "--width", "300"], more].concat();
            let shown = run(folder.path(), &args);
            assert!(shown.out.len() > 2000, "{args:?}: {}", shown.err);
            both(&args, &shown);
        }
    }
}

#[test]
fn no_other_command_shows_a_secret() {
    let folder = planted_folder();
    for args in [
        &["fix", "--diff", "--risky"][..],
        &["fix", "--diff", "--risky", "--json"],
        &["pss", "--full"],
        &["pss", "--json"],
        &["pss", "--patch"],
        &["config", "show"],
        &["scan", "nowhere.yaml", "broken.yaml"],
    ] {
        both(args, &run(folder.path(), args));
    }
    for format in ["terminal", "json", "csv", "markdown"] {
        let args = ["comply", "-F", "nsa,cis-1.12,pci", "--full", "-f", format];
        let shown = run(folder.path(), &args);
        assert!(shown.out.len() > 500, "{format}: {}", shown.err);
        both(&args, &shown);
    }
    let differs = run(folder.path(), &["fix", "--diff", "--risky"]);
    assert!(differs.out.contains("+++ b/app.yaml"), "{}{}", differs.out, differs.err);
    // Last, since it changes the files.
    both(&["fix"], &run(folder.path(), &["fix", "--risky"]));
}

#[test]
fn a_cluster_and_its_files_show_no_secret() {
    let folder = planted_folder();
    let text = fs::read_to_string(folder.path().join("app.yaml")).unwrap()
        + "---\n"
        + &fs::read_to_string(folder.path().join("config.yaml")).unwrap();
    save(&folder.path().join("a"), &text);
    save(&folder.path().join("b"), &text.replace("hUn73r", "hUn73r8"));
    for args in [
        &["scan", "--snapshot", "a", "--full"][..],
        &["scan", "--snapshot", "a", "-f", "html"],
        &["scan", "--snapshot", "a", "-f", "json"],
        &["scan", "--snapshot", "b", "--full", "app.yaml", "config.yaml"],
        &["scan", "--snapshot", "b", "-f", "json", "app.yaml", "config.yaml"],
        &["snapshot", "info", "a"],
        &["snapshot", "diff", "a", "b"],
        &["snapshot", "diff", "a", "b", "--json"],
    ] {
        let shown = run(folder.path(), args);
        assert!(shown.out.len() > 100, "{args:?}: {}", shown.err);
        both(args, &shown);
    }
}

fn save(file: &Path, text: &str) {
    let mut world = WorldParts::cluster("prod");
    for kind in ["Pod", "ConfigMap"] {
        world.coverage.insert(("".into(), kind.into()), Coverage::Complete);
    }
    for doc in read(&Source::new("cluster", text)).docs {
        let root = doc.root();
        if let (Some(version), Some(kind)) = (root.str("apiVersion"), root.str("kind")) {
            world.objects.push(Object::new(root, version, kind));
        }
    }
    let snapshot = Snapshot::new(vec![world], Vec::new());
    write(File::create(file).unwrap(), &snapshot, "pavisade 0", Timestamp::UNIX_EPOCH).unwrap();
}

#[test]
fn what_is_masked_still_says_what_it_is() {
    let folder = folder(&[(
        "pod.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: c\n    image: me:hUn73r@registry.internal/a:latest\n    env:\n    - {name: DB_PASSWORD, value: hUn73r}\n",
    )]);
    let shown = run(folder.path(), &["scan", "--full", "--strict"]);
    both(&["scan"], &shown);
    for says in ["DB_PASSWORD", "••••@registry.internal/a:latest"] {
        assert!(shown.out.contains(says), "{says}: {}", shown.out);
    }
}

#[test]
fn a_difference_beside_a_secret_leaves_its_line_out_and_still_applies() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\nspec:\n  containers:\n  - name: c\n    env:\n    - name: DB_PASSWORD\n      value: hUn73r\n    securityContext:\n      allowPrivilegeEscalation: true\n    image: x\n    ports: []\n";
    let folder = folder(&[("pod.yaml", pod)]);
    let shown = run(folder.path(), &["fix", "--diff", "--check", "PV-C007"]);
    both(&["fix", "--diff"], &shown);
    let expected = "\
--- a/pod.yaml
+++ b/pod.yaml
@@ -11,4 +11,4 @@
     securityContext:
-      allowPrivilegeEscalation: true
+      allowPrivilegeEscalation: false
     image: x
     ports: []
";
    assert_eq!(shown.out, expected, "{}", shown.err);
    // What holds a secret itself is masked, and that is said.
    let flow = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - {name: c, image: x, env: [{name: DB_PASSWORD, value: hUn73r}]}\n";
    fs::write(folder.path().join("pod.yaml"), flow).unwrap();
    let shown = run(folder.path(), &["fix", "--diff", "--check", "PV-C007"]);
    both(&["fix", "--diff"], &shown);
    assert!(shown.err.contains("lines that contain secrets: "), "{}", shown.err);
    assert!(shown.out.contains("value: ••••"), "{}", shown.out);
}
