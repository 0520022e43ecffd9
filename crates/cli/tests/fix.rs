//! `pavisade fix` as a user meets it: what it changes, what it leaves, and what it says.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use crate::started::{command, finish, folder, mounted, run};

const DEPLOYMENT: &str = "\
# the web shop
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}   # one line
spec:
    template:
        spec:
            containers:
            - name: \"web\"
              image: 'nginx:1.27'

              # needs no more
              securityContext:
                  allowPrivilegeEscalation: true  # why?
            - {name: side, image: b}
---
a: [is no object
---
apiVersion: v1
kind: Pod
metadata:
  name: p
spec:
  containers: [{name: c, image: x}]";

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

#[test]
fn only_what_must_change_changes() {
    let folder = folder(&[("a/web.yaml", DEPLOYMENT)]);
    let fixed = run(folder.path(), &["fix", "--check", "privilege-escalation", "a"]);
    let expected = DEPLOYMENT
        .replace("allowPrivilegeEscalation: true ", "allowPrivilegeEscalation: false ")
        .replace(
            "{name: side, image: b}",
            "{name: side, image: b, securityContext: {allowPrivilegeEscalation: false}}",
        )
        .replace(
            "{name: c, image: x}",
            "{name: c, image: x, securityContext: {allowPrivilegeEscalation: false}}",
        );
    assert_eq!(read(folder.path(), "a/web.yaml"), expected);
    assert!(fixed.out.contains("Fixed 3 findings in 1 file."), "{}", fixed.out);
    assert!(
        fixed.out.contains("After the fix: 3 of 3 findings are gone, none is new."),
        "{}",
        fixed.out
    );
    // One document cannot be read, and that is said.
    assert_eq!(fixed.code, 3, "{}", fixed.err);
    assert!(fixed.err.contains("not read: a/web.yaml:"), "{}", fixed.err);
}

#[test]
fn a_difference_changes_nothing_and_is_one_that_git_takes() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: c\n    image: x";
    let folder = folder(&[("pod.yaml", pod)]);
    let args = ["fix", "--diff", "--check", "PV-C007", "--quiet"];
    let shown = run(folder.path(), &args);
    assert_eq!((shown.code, shown.err.as_str()), (1, ""));
    assert_eq!(read(folder.path(), "pod.yaml"), pod);
    let expected = "\
--- a/pod.yaml
+++ b/pod.yaml
@@ -4,4 +4,6 @@
 spec:
   containers:
   - name: c
-    image: x
\\ No newline at end of file
+    image: x
+    securityContext:
+      allowPrivilegeEscalation: false
\\ No newline at end of file
";
    assert_eq!(shown.out, expected);
    run(folder.path(), &args.map(|a| if a == "--diff" { "--risky" } else { a }));
    let again = run(folder.path(), &args);
    assert_eq!((again.code, again.out.as_str()), (0, ""));
}

#[test]
fn what_may_break_a_program_is_asked_for() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: c\n    image: x\n";
    let folder = folder(&[("pod.yaml", pod)]);
    let fixed = run(folder.path(), &["fix"]);
    assert!(!read(folder.path(), "pod.yaml").contains("allowPrivilegeEscalation"));
    assert!(fixed.out.contains("can be fixed with --risky"), "{}", fixed.out);
    run(folder.path(), &["fix", "--risky"]);
    assert!(read(folder.path(), "pod.yaml").contains("allowPrivilegeEscalation: false"));
}

#[test]
fn a_finding_whose_place_was_taken_away_is_not_new() {
    let server = "\
apiVersion: v1
kind: Pod
metadata: {name: kube-apiserver, namespace: kube-system, labels: {component: kube-apiserver}}
spec:
  containers:
  - name: kube-apiserver
    command:
    - kube-apiserver
    - --enable-admission-plugins=AlwaysAdmit
    image: registry.k8s.io/kube-apiserver:v1.34.2
";
    let folder = folder(&[("kube-apiserver.yaml", server)]);
    let missing = run(folder.path(), &["scan", "--check", "missing-node-restriction"]);
    assert!(missing.out.contains("kube-apiserver.yaml:9"), "{}", missing.out);
    let fixed = run(folder.path(), &["fix"]);
    assert!(!read(folder.path(), "kube-apiserver.yaml").contains("AlwaysAdmit"));
    assert!(fixed.out.contains("are gone, none is new."), "{}", fixed.out);
    assert_eq!(fixed.code, 0, "{}", fixed.out);
}

#[test]
fn links_and_permissions_stay() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - {name: c, image: x}\n";
    let folder = folder(&[("real/pod.yaml", pod)]);
    let (real, link) = (folder.path().join("real/pod.yaml"), folder.path().join("pod.yaml"));
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    symlink(&real, &link).unwrap();
    run(folder.path(), &["fix", "--check", "PV-C007", "pod.yaml"]);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(read(folder.path(), "real/pod.yaml").contains("allowPrivilegeEscalation: false"));
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn templates_are_left_alone() {
    let template = "apiVersion: v1\nkind: Pod\nmetadata: {name: {{ .Release.Name }}}\n";
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - {name: c, image: x}\n";
    let folder = folder(&[
        ("Chart.yaml", "apiVersion: v2\nname: a\nversion: 1.0.0\n"),
        ("templates/a.yaml", template),
        ("templates/b.yaml", pod),
    ]);
    let fixed = run(folder.path(), &["fix", "--risky"]);
    assert_eq!(read(folder.path(), "templates/a.yaml"), template);
    assert_eq!(read(folder.path(), "templates/b.yaml"), pod);
    assert!(fixed.out.contains("Nothing to fix"), "{}", fixed.out);
}

#[test]
fn what_hides_behind_an_anchor_is_refused_with_the_reason() {
    let pods = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: p}\n  spec:\n    containers:\n    - &c {name: c, image: x}\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: q}\n  spec:\n    containers: [*c]\n";
    let folder = folder(&[("pods.yaml", pods)]);
    let fixed = run(folder.path(), &["fix", "--check", "PV-C007"]);
    assert_eq!(read(folder.path(), "pods.yaml"), pods);
    assert!(fixed.out.contains("an anchor, a merge or a style"), "{}", fixed.out);
}

#[test]
fn standard_input_has_no_place() {
    let folder = folder(&[]);
    let fixed = run(folder.path(), &["fix", "-"]);
    assert_eq!(fixed.code, 2);
    assert!(fixed.err.contains("standard input cannot be edited in place"), "{}", fixed.err);
}

/// The API server refuses user namespaces beside block devices (`validateHostUsers`).
#[test]
fn no_user_namespace_is_set_beside_a_block_device() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: c\n    \
               image: x\n    volumeDevices: [{name: d, devicePath: /dev/x}]\n";
    let folder = folder(&[("a.yaml", pod)]);
    let fixed = run(folder.path(), &["fix", "--check", "host-user-namespace", "a.yaml"]);
    assert_eq!(read(folder.path(), "a.yaml"), pod, "{}", fixed.out);
}

/// The API server refuses an annotation of AppArmor that says other than the field.
#[test]
fn an_annotation_of_apparmor_changes_with_the_field_beside_it() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  annotations:\n    \
               container.apparmor.security.beta.kubernetes.io/c: unconfined\nspec:\n  containers:\n  \
               - name: c\n    image: x\n    securityContext:\n      appArmorProfile:\n        type: Unconfined\n";
    let folder = folder(&[("a.yaml", pod)]);
    let fixed = run(folder.path(), &["fix", "--check", "unconfined-apparmor", "a.yaml"]);
    let expected =
        pod.replace("unconfined", "runtime/default").replace("Unconfined", "RuntimeDefault");
    assert_eq!(read(folder.path(), "a.yaml"), expected, "{}", fixed.out);
}

#[test]
fn a_last_line_without_an_end_stays_so_in_json() {
    let list = "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [\n{\"apiVersion\": \"v1\", \
                \"kind\": \"Pod\", \"metadata\": {\"name\": \"p\"}, \"spec\": {\"containers\": [{\"name\": \
                \"c\", \"image\": \"x\"}]}}\n]\n}";
    let folder = folder(&[("a.json", list)]);
    let fixed = run(folder.path(), &["fix", "--check", "privilege-escalation", "a.json"]);
    let text = read(folder.path(), "a.json");
    assert!(
        text.contains("\"allowPrivilegeEscalation\": false") && text.ends_with("]\n}"),
        "{text}"
    );
    assert_eq!(fixed.code, 0, "{}", fixed.err);
}

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - {name: c, image: x}\n";

#[test]
fn a_file_of_several_names_is_changed_once_and_keeps_them() {
    let folder = folder(&[("a/pod.yaml", POD), ("b/none.txt", ""), ("c/none.txt", "")]);
    let at = |name: &str| folder.path().join(name);
    fs::hard_link(at("a/pod.yaml"), at("b/hard.yaml")).unwrap();
    fs::hard_link(at("a/pod.yaml"), at("c/unseen.yaml")).unwrap();
    symlink("a/pod.yaml", at("soft.yaml")).unwrap();
    let args = [
        "fix",
        "--check",
        "PV-C007",
        "soft.yaml",
        "b/hard.yaml",
        "a/pod.yaml",
        "a",
        "a/../a/pod.yaml",
    ];
    let shown = run(folder.path(), &[&["fix", "--diff"], &args[1..]].concat());
    assert_eq!(shown.out.matches("+++ ").count(), 1, "{}", shown.out);
    let fixed = run(folder.path(), &args);
    assert!(fixed.out.contains("Fixed 1 finding in 1 file."), "{}", fixed.out);
    assert!(fixed.out.contains("1 of 1 findings are gone, none is new."), "{}", fixed.out);
    assert!(fixed.err.contains(": changed once"), "{}", fixed.err);
    assert!(fixed.err.contains("has 1 more name on its disk"), "{}", fixed.err);
    let text = read(folder.path(), "a/pod.yaml");
    assert_eq!(text.matches("allowPrivilegeEscalation: false").count(), 1, "{text}");
    // Still one file, and the link is one.
    let inode = |name: &str| fs::metadata(at(name)).unwrap().ino();
    assert_eq!(inode("a/pod.yaml"), inode("b/hard.yaml"));
    assert!(fs::symlink_metadata(at("soft.yaml")).unwrap().is_symlink());
    assert_eq!(read(folder.path(), "c/unseen.yaml"), POD);
    assert_eq!(fs::read_dir(at("b")).unwrap().count(), 2);
}

#[test]
fn a_last_line_of_json_keeps_its_one_end() {
    let pod = "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"p\"}, \"spec\": \
               {\"containers\": [{\"name\": \"c\", \"image\": \"x\"}]}}\n";
    let folder = folder(&[("a.json", pod)]);
    run(folder.path(), &["fix", "--check", "privilege-escalation", "a.json"]);
    let expected =
        pod.replace("\"x\"", "\"x\", \"securityContext\": {\"allowPrivilegeEscalation\": false}");
    assert_eq!(read(folder.path(), "a.json"), expected);
}

/// `before` and what `--check privilege-escalation` makes of it.
#[track_caller]
fn fixed(name: &str, before: &str, after: &str) {
    let folder = folder(&[(name, before)]);
    let said = run(folder.path(), &["fix", "--check", "privilege-escalation", name]);
    assert_eq!(read(folder.path(), name), after, "{}{}", said.out, said.err);
}

#[test]
fn a_byte_order_mark_stays() {
    let marked = format!("\u{feff}{}", POD.replace('\n', "\r\n"));
    let after = marked
        .replace("image: x}", "image: x, securityContext: {allowPrivilegeEscalation: false}}");
    fixed("a.yaml", &marked, &after);
}

/// Equal objects of a world are judged once, in one of their files.
#[test]
fn a_file_in_utf16_is_scanned_and_left_alone() {
    let folder = folder(&[]);
    let text = format!("\u{feff}{}", DEPLOYMENT.replace("a: [is no object", "a: 1"));
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(folder.path().join("wide.yaml"), &bytes).unwrap();
    let fixed = run(folder.path(), &["fix", "--check", "privilege-escalation", "."]);
    assert_eq!(fs::read(folder.path().join("wide.yaml")).unwrap(), bytes);
    assert!(!fixed.out.contains("Fixed"), "{}", fixed.out);
    let scanned = run(folder.path(), &["scan", "--check", "privilege-escalation", "."]);
    assert!(scanned.out.contains("wide.yaml:14:19"), "{}", scanned.out);
}

#[test]
fn a_copy_in_another_file_is_named() {
    let folder = folder(&[("a.yaml", POD), ("b.yaml", &format!("# a copy\n{POD}"))]);
    let args = ["fix", "--check", "privilege-escalation"];
    let first = run(folder.path(), &args);
    assert!(
        first.out.contains("a copy is in ./b.yaml: run again")
            || first.out.contains("a copy is in b.yaml: run again"),
        "{}",
        first.out
    );
    let second = run(folder.path(), &args);
    assert_eq!(second.code, 0, "{}", second.out);
    for name in ["a.yaml", "b.yaml"] {
        assert!(read(folder.path(), name).contains("allowPrivilegeEscalation: false"), "{name}");
    }
}

#[test]
fn a_named_pipe_cannot_be_changed_and_hangs_nothing() {
    let folder = folder(&[("a.yaml", POD)]);
    let made = Command::new("mkfifo").arg(folder.path().join("p")).status().unwrap();
    assert!(made.success());
    // Nothing opens the pipe, with which a run that reads it waits.
    let fixed = run(folder.path(), &["fix", "--risky", "a.yaml", "p"]);
    assert_eq!(fixed.code, 2, "{}", fixed.out);
    assert!(fixed.err.contains("p cannot be changed: it is not a regular file"), "{}", fixed.err);
    assert_eq!(read(folder.path(), "a.yaml"), POD);
}

/// All names are tried before the first one is replaced.
#[test]
fn a_hard_link_that_cannot_be_replaced_changes_nothing() {
    let folder = folder(&[("a.yaml", POD)]);
    let at = |name: &str| folder.path().join(name);
    fs::hard_link(at("a.yaml"), at("b.yaml")).unwrap();
    fs::create_dir(at("other")).unwrap();
    // The same folder by another mount: hard links do not cross mounts.
    let mounts = "mount --bind . other && exec \"$0\" fix --check PV-C007 a.yaml other/b.yaml";
    let Some(fixed) = mounted(folder.path(), mounts) else { return };
    assert_eq!(fixed.code, 2, "{}", fixed.out);
    assert!(fixed.err.contains("no other file was changed before"), "{}", fixed.err);
    assert_eq!(read(folder.path(), "a.yaml"), POD);
    assert_eq!(read(folder.path(), "b.yaml"), POD);
}

/// A mounted file cannot be replaced, which shows only when it is tried.
#[test]
fn a_hard_link_that_stays_the_old_file_is_told() {
    let folder = folder(&[("a.yaml", POD), ("b/none.txt", "")]);
    let at = |name: &str| folder.path().join(name);
    fs::hard_link(at("a.yaml"), at("b/b.yaml")).unwrap();
    let mounts = "mount --bind b/b.yaml b/b.yaml && exec \"$0\" fix --check PV-C007 a.yaml b";
    let Some(fixed) = mounted(folder.path(), mounts) else { return };
    assert_eq!(fixed.code, 2, "{}", fixed.out);
    assert!(fixed.err.contains("a.yaml is changed, but "), "{}", fixed.err);
    assert!(fixed.err.contains("b.yaml still has the old content: "), "{}", fixed.err);
    assert!(read(folder.path(), "a.yaml").contains("allowPrivilegeEscalation: false"));
    assert_eq!(read(folder.path(), "b/b.yaml"), POD);
    assert_eq!(fs::read_dir(at("b")).unwrap().count(), 2);
}

#[test]
fn a_file_that_may_not_be_written_is_left_alone() {
    let folder = folder(&[("a.yaml", POD)]);
    let file = folder.path().join("a.yaml");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
    let mut fix = command(folder.path(), &["fix", "--check", "PV-C007", "a.yaml"]);
    if OpenOptions::new().write(true).open(&file).is_ok() {
        // The administrator may write everything: as another user.
        for path in [folder.path(), &file] {
            chown(path, Some(65534), Some(65534)).unwrap();
        }
        fix.uid(65534).gid(65534);
    }
    let fixed = finish(fix.output().unwrap());
    assert_eq!(fixed.code, 2, "{}", fixed.out);
    assert!(fixed.err.contains("no other file was changed before"), "{}", fixed.err);
    assert_eq!(read(folder.path(), "a.yaml"), POD);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
