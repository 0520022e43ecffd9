//! The program as a user starts it: exit codes, messages, outputs.

use std::fs;
use std::path::Path;

use crate::started::{command, finish, folder, run, run_with_input};
use serde_json::Value;

const BAD_POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - name: c\n    image: a\n    securityContext:\n      privileged: true\n";

#[test]
fn findings_exit_with_1_and_point_at_the_line() {
    let folder = folder(&[("pod.yaml", BAD_POD)]);
    let found = run(folder.path(), &["scan"]);
    assert_eq!(found.code, 1, "{}", found.err);
    assert!(found.out.contains("critical[PV-C001]"), "{}", found.out);
    assert!(found.out.contains("pod.yaml:9:7"), "{}", found.out);
    assert!(!found.out.contains('\x1b'), "no colour without a terminal");
    assert_eq!(found.err, "");
}

#[test]
fn fail_on_decides_about_the_exit_code_only() {
    let folder = folder(&[("pod.yaml", BAD_POD)]);
    let never = run(folder.path(), &["scan", "--fail-on", "never"]);
    assert_eq!(never.code, 0);
    assert!(never.out.contains("PV-C001"));
    let only_low = ["scan", "--check", "unpinned-image", "--fail-on", "high"];
    assert_eq!(run(folder.path(), &only_low).code, 0);
}

#[test]
fn what_cannot_be_read_exits_with_3_and_hides_nothing() {
    let folder = folder(&[("pod.yaml", BAD_POD), ("bad.yaml", "apiVersion: v1\nkind: [\n")]);
    let found = run(folder.path(), &["scan"]);
    assert_eq!(found.code, 3);
    assert!(found.out.contains("PV-C001"), "{}", found.out);
    assert!(found.out.contains("bad.yaml"), "{}", found.out);
    let missing = run(folder.path(), &["scan", "nothing-here"]);
    assert_eq!(missing.code, 3);
    assert!(missing.out.contains("nothing-here"), "{}", missing.out);
}

#[test]
fn wrong_usage_exits_with_2_and_says_what_was_meant() {
    let folder = folder(&[]);
    for (args, expected) in [
        (&["scan", "--check", "privileged-contaner"][..], "did you mean `privileged-container`"),
        (&["scan", "--framework", "cjs"], "unknown framework `cjs`"),
        (&["scan", "--kubernetes-version", "2"], "is not a Kubernetes version"),
        (&["scan", "--kubernetes-version", "1.99"], "support Kubernetes up to 1.37"),
        (&["scan", "--helm-values", "nowhere.yaml"], "no such file"),
        (&["scan", "--set", "nothing"], "CHECK.PARAMETER=VALUE"),
        (&["scan", "--set", "PV-C001.colour=1"], "unknown field `colour`"),
        (&["checks", "explain", "PV-X999"], "unknown check `PV-X999`"),
        (&["scan", "--output", "no/such/folder/x"], "writing no/such/folder/x"),
    ] {
        let wrong = run(folder.path(), args);
        assert_eq!(wrong.code, 2, "{args:?}: {}", wrong.out);
        assert!(wrong.err.contains(expected), "{args:?}: {}", wrong.err);
    }
}

#[test]
fn an_empty_folder_is_said_to_be_empty() {
    let empty = folder(&[("values.yaml", "replicas: 1\n")]);
    let done = run(empty.path(), &["scan"]);
    assert_eq!(done.code, 3);
    assert!(done.out.contains("no Kubernetes objects were found"), "{}", done.out);
    assert!(done.out.contains("no Kubernetes objects or Dockerfiles"), "{}", done.out);
}

#[test]
fn a_result_replaces_nothing_before_there_is_one_and_no_other_result() {
    let folder = folder(&[("pod.yaml", BAD_POD), ("old.json", "old")]);
    let failed =
        run(folder.path(), &["scan", "--cluster", "--kubeconfig", "nope", "-o", "old.json"]);
    assert_eq!(failed.code, 2, "{}", failed.err);
    assert_eq!(fs::read_to_string(folder.path().join("old.json")).unwrap(), "old");
    let twice = run(folder.path(), &["scan", "-o", "x.json", "--also", "sarif=x.json"]);
    assert!(twice.code == 2 && twice.err.contains("x.json is specified twice"), "{}", twice.err);
    let also = run(folder.path(), &["scan", "--also", "sarif=s.json", "--also", "json=j.json"]);
    assert!(also.code == 1 && also.out.contains("PV-C001"), "{}", also.err);
    for (file, says) in [("s.json", "\"runs\""), ("j.json", "pavisade.dev/scan/v2")] {
        assert!(fs::read_to_string(folder.path().join(file)).unwrap().contains(says));
    }
}

#[test]
fn every_format_is_written_beside_the_others() {
    let folder = folder(&[("pod.yaml", BAD_POD)]);
    for (format, says) in [
        ("html", "<!doctype html>"),
        ("markdown", "## Pavisade: "),
        ("csv", "state,severity,"),
        ("junit", "<testsuites "),
        ("gitlab", "\"check_name\": \"privileged-container\""),
        ("github", "::error file=pod.yaml,line=9"),
    ] {
        let also = format!("{format}=result");
        let done = run(folder.path(), &["scan", "pod.yaml", "--also", &also]);
        assert!(done.code == 1 && done.out.contains("PV-C001"), "{format}: {}", done.err);
        let text = fs::read_to_string(folder.path().join("result")).unwrap();
        assert!(text.contains(says), "{format}: {text}");
        let direct = run(folder.path(), &["scan", "pod.yaml", "-f", format]);
        assert!(direct.code == 1 && direct.out.contains(says), "{format}: {}", direct.out);
    }
    // The page filters by framework without being asked.
    let page = run(folder.path(), &["scan", "pod.yaml", "-f", "html"]).out;
    assert!(page.contains("\"pod-security-standards/"), "{page}");
}

/// Each of these secrets is found, by a check of its own, and shown nowhere.
const SECRETS: &str = r#"apiVersion: v1
kind: Pod
metadata:
  name: a
  annotations:
    example.com/api-token: Zk7rQ2vX9tLm4wPb
spec:
  containers:
  - name: c
    image: a
    args: ["--db-password=Hn5sW8yB3dJc6gRf"]
    env:
    - name: DB_PASSWORD
      value: Tq9pM4xV7kZs2hLd
---
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data:
  DB_PASSWORD: Gy3nC8bK5rWj7mQx
---
apiVersion: v1
kind: Secret
metadata: {name: a}
stringData:
  password: Vx6tP2zD9fLs4hNk
---
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [secrets]
  providers:
  - aescbc:
      keys:
      - name: one
        secret: uZ3kV9tQ1xLm7wPb2rHs8yJd4cGf6nKa
---
apiVersion: external-secrets.io/v1
kind: ClusterSecretStore
metadata: {name: a}
spec:
  provider:
    fake:
      data:
      - key: a
        value: Bw4jR7cM2vXt9sKz
"#;

#[test]
fn secrets_are_found_and_no_format_shows_them() {
    let folder = folder(&[("all.yaml", SECRETS)]);
    let found = run(folder.path(), &["scan", "--strict", "-f", "json"]).out;
    for check in ["PV-C024", "PV-C025", "PV-C027", "PV-C056", "PV-D005", "PV-D016", "PV-D024"] {
        assert!(found.contains(&format!("\"rule\": \"{check}\"")), "{check}");
    }
    for format in [
        "terminal", "json", "json-v1", "sarif", "html", "markdown", "csv", "junit", "gitlab",
        "github",
    ] {
        let text = run(folder.path(), &["scan", "--strict", "--full", "-f", format]).out;
        for secret in [
            "Zk7rQ2vX9tLm4wPb",
            "Hn5sW8yB3dJc6gRf",
            "Tq9pM4xV7kZs2hLd",
            "Gy3nC8bK5rWj7mQx",
            "Vx6tP2zD9fLs4hNk",
            "uZ3kV9tQ1xLm7wPb2rHs8yJd4cGf6nKa",
            "Bw4jR7cM2vXt9sKz",
        ] {
            let at = text.find(secret).map(|at| &text[at.saturating_sub(200)..at]);
            assert_eq!(at, None, "{format} shows a secret");
        }
    }
}

#[test]
fn a_scan_that_fails_leaves_no_file_that_was_not_there() {
    let folder = folder(&[("pod.yaml", BAD_POD), ("old.json", "old")]);
    let files = || {
        let all = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name());
        all.count()
    };
    let failed =
        ["scan", "--cluster", "--kubeconfig", "nope", "-o", "new.json", "--also", "html=h"];
    for args in [
        &failed[..],
        &["scan", "-o", "new.json", "--also", "html=no/such/folder/x"],
        &["scan", "--cluster", "--kubeconfig", "nope", "-o", "old.json"],
    ] {
        let done = run(folder.path(), args);
        assert_eq!((done.code, files()), (2, 2), "{args:?}: {}", done.err);
    }
    assert_eq!(fs::read_to_string(folder.path().join("old.json")).unwrap(), "old");
    let written = run(folder.path(), &["scan", "pod.yaml", "-o", "new.json"]);
    assert_eq!((written.code, files()), (1, 3), "{}", written.err);
}

#[cfg(unix)]
#[test]
fn a_reader_that_had_enough_is_no_error() {
    let folder = folder(&[("pod.yaml", BAD_POD)]);
    // The findings stand: a pipeline with `pipefail` must not turn green by `head`.
    for (args, code) in
        [(&["scan"][..], 1), (&["checks", "list"], 0), (&["completions", "bash"], 0), (&["man"], 0)]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let done = finish(command(folder.path(), args).stdout(writer).output().unwrap());
        assert_eq!((done.code, done.err.as_str()), (code, ""), "{args:?}");
    }
}

#[test]
fn sarif_names_absolute_paths_below_the_working_folder_by_what_is_below() {
    let folder = folder(&[("k8s/pod.yaml", BAD_POD)]);
    let path = folder.path().canonicalize().unwrap().join("k8s");
    let done = run(folder.path(), &["scan", "-f", "sarif", path.to_str().unwrap()]);
    assert!(done.out.contains("\"uri\": \"k8s/pod.yaml\""), "{}", done.out);
}

#[test]
fn standard_input_is_read() {
    let folder = folder(&[]);
    let found = run_with_input(folder.path(), &["scan", "-"], BAD_POD);
    assert_eq!(found.code, 1);
    assert!(found.out.contains("PV-C001"), "{}", found.out);
}

#[test]
fn a_chart_without_helm_is_said_not_to_be_rendered() {
    let folder = folder(&[
        ("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        ("web/templates/pod.yaml", "apiVersion: v1\nkind: {{ .Values.kind }}\n"),
    ]);
    let found = run(folder.path(), &["scan"]);
    assert_eq!(found.code, 3, "{}", found.out);
    assert!(found.out.contains("helm"), "{}", found.out);
}

#[test]
fn json_and_sarif_go_to_a_file() {
    let folder = folder(&[("pod.yaml", BAD_POD)]);
    for (format, key) in [("json", "findings"), ("sarif", "runs")] {
        let file = format!("out.{format}");
        let done = run(folder.path(), &["scan", "pod.yaml", "--format", format, "-o", &file]);
        assert_eq!((done.code, done.out.as_str()), (1, ""));
        let text = fs::read_to_string(folder.path().join(file)).unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        assert!(document[key].as_array().is_some_and(|list| !list.is_empty()), "{format}");
    }
}

#[test]
fn equal_input_gives_equal_bytes() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let args = ["scan", "shop", "--format", "json", "--render", "never"];
    let first = run(&examples, &args);
    for threads in ["1", "2", "7"] {
        let mut again = command(&examples, &args);
        let again = finish(again.env("RAYON_NUM_THREADS", threads).output().unwrap());
        assert!(first.out == again.out, "with {threads} threads");
    }
}

#[test]
fn the_shop_has_findings_and_its_mended_twin_has_none() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    assert_eq!(run(&examples, &["scan", "shop"]).code, 1);
    let mended = run(&examples, &["scan", "shop-mended"]);
    assert_eq!(mended.code, 0, "{}", mended.out);
}

#[test]
fn pss_says_the_level_of_each_namespace_and_its_labels() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let said = run(&examples, &["pss", "shop", "--json"]);
    let document: Value = serde_json::from_str(&said.out).unwrap();
    let all = document["namespaces"].as_array().unwrap();
    let find = |name: &str| all.iter().find(|n| n["name"] == name).unwrap();
    assert_eq!(find("shop")["meets"], "privileged");
    assert_eq!(find("shop")["next"], "baseline");
    let breaks = find("shop")["breaks"].as_array().unwrap();
    assert!(breaks.iter().any(|b| b["check"] == "PV-C001" && b["line"].is_u64()), "{breaks:?}");
    assert_eq!(find("kube-system")["meets"], "privileged");

    let mended = run(&examples, &["pss", "shop-mended", "--json"]);
    let document: Value = serde_json::from_str(&mended.out).unwrap();
    let all = document["namespaces"].as_array().unwrap();
    let shop = all.iter().find(|n| n["name"] == "shop").unwrap();
    assert_eq!((&shop["meets"], &shop["standing"]), (&"restricted".into(), &"fits".into()));
}

#[test]
fn the_patch_of_pss_is_what_kubectl_applies_and_settles_it() {
    let text = format!(
        "apiVersion: v1\nkind: Namespace\nmetadata: {{name: web}}\n---\n{}",
        BAD_POD
            .replace("{name: a}", "{name: a, namespace: web}")
            .replace("privileged: true", "privileged: false")
    );
    let folder = folder(&[("all.yaml", &text)]);
    let said = run(folder.path(), &["pss"]);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert!(said.out.contains("web        baseline  nothing"), "{}", said.out);
    let patch = run(folder.path(), &["pss", "--patch"]);
    assert_eq!(patch.code, 0);
    for line in [
        "kind: Namespace",
        "  name: web",
        "    pod-security.kubernetes.io/enforce: baseline",
        "    pod-security.kubernetes.io/enforce-version: v1.37",
        "    pod-security.kubernetes.io/warn: restricted",
    ] {
        assert!(patch.out.lines().any(|l| l == line), "{line} in {}", patch.out);
    }
    // With the patch in place of the namespace nothing is left to do.
    let pod = text.split("---\n").nth(1).unwrap();
    fs::write(folder.path().join("all.yaml"), format!("{}---\n{pod}", patch.out)).unwrap();
    let again = run(folder.path(), &["pss"]);
    assert_eq!(again.code, 0, "{}{}", again.out, again.err);
    assert!(run(folder.path(), &["pss", "--patch", "--json"]).code == 2);
    assert!(run(folder.path(), &["pss", "--help"]).out.contains("Exit codes:"));
}

#[test]
fn help_names_the_exit_codes_and_completions_and_man_are_made() {
    let folder = folder(&[]);
    assert!(run(folder.path(), &["scan", "--help"]).out.contains("Exit codes:"));
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(folder.path(), &["completions", shell]).out.contains("pavisade"));
    }
    let page = run(folder.path(), &["man"]).out;
    assert!(page.starts_with(".ie"));
    let fix = "with \\-\\-diff, something to fix";
    for part in ["\"PAVISADE SCAN\"", "\\-\\-fail\\-on", ".SH \"EXIT STATUS\"", fix] {
        assert!(page.contains(part), "{part}");
    }
    assert!(run(folder.path(), &["checks", "list"]).out.contains("PV-C001"));
    assert!(run(folder.path(), &["checks", "explain", "privileged-container"]).out.contains("Why"));
}

#[test]
fn checks_show_whether_they_are_fixable() {
    let folder = folder(&[]);
    let list = |args: &[&str]| -> Vec<(String, String)> {
        let all = run(folder.path(), &[&["checks", "list", "--json"], args].concat()).out;
        let all: Vec<Value> = serde_json::from_str(&all).unwrap();
        let text = |check: &Value, field: &str| check[field].as_str().unwrap().to_owned();
        all.iter().map(|check| (text(check, "name"), text(check, "mends"))).collect()
    };
    let all = list(&[]);
    let of = |how: &str| all.iter().filter(|(_, mends)| mends == how).cloned().collect::<Vec<_>>();
    for (how, words) in [
        ("never", "never: "),
        ("safely", "safely: `pavisade fix`"),
        ("riskily", "riskily: only `pavisade fix --risky`"),
    ] {
        let (check, _) = &of(how)[0];
        if how != "never" {
            assert_eq!(list(&[&format!("--fixable={how}")]), of(how));
        }
        let json = run(folder.path(), &["checks", "explain", check, "--json"]).out;
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["mends"], how, "{check}");
        let text = run(folder.path(), &["checks", "explain", check]).out;
        assert!(text.contains(&format!("  fixable     {words}")), "{text}");
    }
    assert_eq!(list(&["--fixable"]).len(), of("safely").len() + of("riskily").len());
}

const OWN: &str = "id = \"own\"\ntitle = \"Own\"\n[[controls]]\nid = \"1\"\ntitle = \"No power over \
                   nodes\"\nchecks = [\"privileged-container\"]\n[[controls]]\nid = \"2\"\ntitle = \
                   \"Training\"\nby_hand = \"training\"\n";

#[test]
fn comply_says_what_holds_and_what_fails() {
    let good = BAD_POD.replace("privileged: true", "privileged: false");
    let folder = folder(&[("bad/pod.yaml", BAD_POD), ("good/pod.yaml", &good), ("own.toml", OWN)]);
    let told = run(folder.path(), &["comply", "-F", "own.toml", "bad"]);
    assert_eq!(told.code, 1, "{}", told.err);
    assert!(told.out.contains("fails: 1 control\n  1  No power over nodes"), "{}", told.out);
    assert!(told.out.contains("--> bad/pod.yaml:9:7"), "{}", told.out);
    assert!(
        told.out.contains("1 of 2 controls assessed by checks; 1 cannot be assessed"),
        "{}",
        told.out
    );
    let told = run(folder.path(), &["comply", "-F", "own.toml", "good"]);
    assert_eq!(told.code, 0, "{}{}", told.out, told.err);
    assert!(told.out.contains("holds: 1 control"), "{}", told.out);
    // What was not read is not known, and what was left out neither.
    fs::write(folder.path().join("good/broken.yaml"), "apiVersion: v1\nkind: [\n").unwrap();
    let told = run(folder.path(), &["comply", "-F", "own.toml", "good"]);
    assert_eq!(told.code, 3);
    assert!(!told.out.contains("holds: 1 control"), "{}", told.out);
    let skip = ["comply", "-F", "own.toml", "good/pod.yaml", "--skip", "PV-C001"];
    assert!(run(folder.path(), &skip).out.contains("PV-C001 did not run"));
    // Several, in every format, to a file.
    for (format, begin) in
        [("json", "{"), ("csv", "framework,control"), ("markdown", "# "), ("terminal", "PCI DSS")]
    {
        let args =
            ["comply", "-F", "pci,own.toml", "-F", "pci-dss", "bad", "-f", format, "-o", "out"];
        assert_eq!(run(folder.path(), &args).code, 1);
        let text = fs::read_to_string(folder.path().join("out")).unwrap();
        assert!(text.starts_with(begin), "{text}");
        assert!(text.contains("own"), "{text}");
    }
    let never = ["comply", "-F", "pci", "bad", "--fail-on", "never"];
    assert_eq!(run(folder.path(), &never).code, 0);
}

#[test]
fn a_framework_that_is_not_there_is_told_with_what_there_is() {
    let broken = OWN.replace("privileged-container", "privileged-kontainer");
    let same = OWN.replace("id = \"own\"", "id = \"cis-1.12\"");
    let folder = folder(&[("pod.yaml", BAD_POD), ("bad.toml", &broken), ("same.toml", &same)]);
    #[rustfmt::skip]
    let cases: [(&[&str], &str); 8] = [
        (&["comply"], "specify a framework, for example --framework pci-dss"),
        (&["comply", "-F", "hippa"], "unknown framework `hippa`; did you mean `hipaa`?"),
        (&["comply", "-F", "nist"], "may refer to `nist-800-190`, `nist-800-53r5`: specify which"),
        (&["comply", "-F", "no.toml"], "reading the framework no.toml"),
        (&["comply", "-F", "bad.toml"], "bad.toml:6:11: unknown check `privileged-kontainer`; did you mean `privileged-container`?"),
        (&["comply", "-F", "cis,same.toml"], "same.toml: another framework has the ID `cis-1.12`"),
        (&["comply", "-F", "cis", "--context", "x"], "--context requires a live cluster"),
        (&["scan", "--framework", "hippa"], "did you mean `hipaa`?"),
    ];
    for (args, expect) in cases {
        let told = run(folder.path(), args);
        assert_eq!(told.code, 2, "{args:?}\n{}", told.out);
        assert!(told.err.contains(expect), "{args:?}\n{}", told.err);
        assert_eq!(told.out, "");
    }
    assert_eq!(run(folder.path(), &["scan", "--framework", "pss", "pod.yaml"]).code, 1);
}

#[test]
fn frameworks_are_listed_and_shown() {
    let folder = folder(&[("own.toml", OWN)]);
    let list = run(folder.path(), &["frameworks", "list"]);
    assert_eq!(list.code, 0);
    for id in ["cis-1.12", "pci-dss-4.0.1", "iso-27001-2022", "mitre-attack-containers"] {
        assert!(list.out.contains(id), "{}", list.out);
    }
    let json = run(folder.path(), &["frameworks", "list", "--json"]).out;
    let cards: Value = serde_json::from_str(&json).unwrap();
    assert!(cards.as_array().unwrap().iter().all(|card| card["controls"].as_u64() > Some(0)));
    let shown = run(folder.path(), &["frameworks", "show", "cis"]).out;
    assert!(shown.contains("PV-C002 host-namespace (hostPID)"), "{shown}");
    assert!(run(folder.path(), &["frameworks", "show", "own.toml"]).out.contains("No power"));
    assert!(run(folder.path(), &["frameworks", "topics"]).out.contains("node-isolation"));
}

#[test]
fn comply_heeds_the_configuration() {
    let config = "frameworks: [pod-security-standards]\ndisable: [privileged-container]\n";
    let folder = folder(&[("pod.yaml", BAD_POD), (".pavisade.yaml", config)]);
    let told = run(folder.path(), &["comply", "--fail-on", "never"]);
    assert!(told.out.starts_with("Kubernetes Pod Security"), "{}{}", told.out, told.err);
    let unknown =
        "baseline/privileged\n    Containers are not privileged\n      PV-C001 did not run";
    assert!(told.out.contains(unknown), "{}", told.out);
    assert_eq!(told.code, 0, "{}", told.out);
    // Whoever reads the result sees that something was left out, and by what.
    let says = "by .pavisade.yaml, which sets a check off, one framework";
    assert!(told.out.contains(says), "{}", told.out);
    let page = run(folder.path(), &["comply", "-f", "markdown"]).out;
    assert!(page.contains("which sets a check off, one framework."), "{page}");
}
