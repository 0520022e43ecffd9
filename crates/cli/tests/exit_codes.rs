//! Each row of the table in docs/exit-codes.md happens.

use std::fs;
use std::path::Path;

use crate::started::{folder, run, run_with_input};

const BAD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: ns}\nspec:\n  hostPID: true\n  containers:\n  - name: c\n    image: a.example.com/a:1\n    securityContext: {allowPrivilegeEscalation: true}\n";
const GOOD: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: ns}\n";
const REMOTE: &str = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a, namespace: ns}\nspec: {source: {repoURL: 'https://charts.example.com', chart: redis, targetRevision: 1.0.0}}\n";
const LOCAL: &str = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a, namespace: ns}\nspec: {source: {repoURL: 'https://git.example.com/x', path: apps/web}}\n";
const PACKED: &str = "apiVersion: helm.cattle.io/v1\nkind: HelmChart\nmetadata: {name: a, namespace: ns}\nspec: {chartContent: H4sI}\n";
const VULNERABLE: &str = r#"{"bomFormat":"CycloneDX","specVersion":"1.5","components":[{"type":"library","name":"lodash","version":"1.0.0","purl":"pkg:npm/lodash@1.0.0"}]}"#;
const UNKNOWN: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: ns}\nspec: {containers: [{name: c, image: a, securityContext: {privileged: 'x'}}]}\n";
const EXCEPTED: &str =
    "exceptions:\n- {checks: [privilege-escalation], reason: a test, until: 2099-01-01}\n";

const RECORD: &str = "{\"id\":\"GHSA-aaaa-bbbb-cccc\",\"modified\":\"2026-01-01T00:00:00Z\",\"affected\":[{\"package\":{\"ecosystem\":\"npm\",\"name\":\"lodash\"},\"versions\":[\"1.0.0\"]}]}";

const QUIET: &str = "{\"auditID\":\"1\",\"stage\":\"ResponseComplete\",\"verb\":\"get\",\"user\":{\"username\":\"ann\"},\"objectRef\":{\"resource\":\"pods\"}}\n";
const EXEC: &str = "{\"auditID\":\"1\",\"stage\":\"ResponseComplete\",\"verb\":\"create\",\"user\":{\"username\":\"ann\"},\"objectRef\":{\"resource\":\"pods\",\"subresource\":\"exec\"},\"annotations\":{\"authorization.k8s.io/decision\":\"allow\"}}\n";

const SHELL: &str = "{\"evt.type\":\"execve\",\"proc.name\":\"nmap\",\"container.id\":\"3f6a\"}\n";

/// What is scanned: files, and standard input.
const FILES: &[(&str, &str)] = &[
    ("bad/a.yaml", BAD),
    ("good/a.yaml", GOOD),
    ("remote/a.yaml", REMOTE),
    ("repo/.git/HEAD", ""),
    ("repo/argo/a.yaml", LOCAL),
    ("repo/apps/web/a.yaml", GOOD),
    ("packed/a.yaml", PACKED),
    ("broken/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: [\n"),
    ("unknown/a.yaml", UNKNOWN),
    ("empty/notes.txt", "nothing"),
    ("values.yaml", "a: 1\n"),
    ("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
    ("chart/templates/a.yaml", GOOD),
    ("kustomization/kustomization.yaml", "resources: [a.yaml]\n"),
    ("kustomization/a.yaml", GOOD),
    ("remote-base/kustomization.yaml", "resources: ['https://example.com/x.yaml', a.yaml]\n"),
    ("remote-base/a.yaml", GOOD),
    ("wrong.yaml", "no-such-field: 1\n"),
    ("excepted.yaml", EXCEPTED),
    ("list-rule.yaml", "- list: a\n  items: [b]\n"),
    ("bad-rule.yaml", "- rule: a\n"),
    ("quiet.log", QUIET),
    ("exec.log", EXEC),
    ("quiet.events", "{\"evt.type\":\"close\"}\n"),
    ("shell.events", SHELL),
    ("passing.yaml", "tests:\n- event: {evt.type: close}\n  alerts: []\n"),
    ("failing.yaml", "tests:\n- event: {evt.type: close}\n  alerts: [Network scan]\n"),
    ("alert.json", "{\"rule\":\"Network scan\",\"output_fields\":{\"proc.cmdline\":\"nmap\"}}\n"),
    ("other", "kind: Pod\n"),
    ("vulnerable.json", VULNERABLE),
    ("image/lib/apk/db/installed", "P:a\nV:1\n\n"),
    ("newer/lib/apk/db/installed", "P:a\nV:2\n\n"),
    ("advisories/npm.jsonl", RECORD),
    ("part/lib/apk/db/installed", "P:a\nV:1\n\nP:b\n\n"),
];

/// The row's last words or the part that tells it, commands, exit code.
const CASES: &[(&str, &[&str], i32)] = &[
    (
        "no findings, or only findings below",
        &["scan good", "comply -F pss good", "scan bad --fail-on never"],
        0,
    ),
    ("findings at or above", &["scan bad", "comply -F pss bad"], 1),
    (
        "that exceptions or `--baseline` cover",
        &["scan bad --check privilege-escalation --exceptions excepted.yaml"],
        0,
    ),
    ("could not be determined", &["scan unknown --check privileged-container"], 0),
    ("from another source: reported", &["scan remote", "comply -F pss remote"], 0),
    (
        "a directory of this repository that was not read",
        &["scan repo/argo", "comply -F pss repo/argo", "pss repo/argo"],
        3,
    ),
    ("contains content that is not checked", &["scan packed", "pss packed"], 3),
    ("a path does not exist", &["scan nowhere", "comply -F pss nowhere", "pss nowhere"], 3),
    ("is not valid YAML", &["scan broken", "comply -F pss broken", "pss broken"], 3),
    ("standard input contains no objects", &["scan -", "comply -F pss -", "pss -"], 3),
    (
        "contains no objects and no Dockerfiles",
        &["scan empty", "comply -F pss empty", "pss empty"],
        3,
    ),
    (
        "a specified file contains no objects",
        &["scan values.yaml", "comply -F pss values.yaml", "pss values.yaml"],
        3,
    ),
    ("a chart was not rendered", &["scan chart", "scan --render never chart", "pss chart"], 3),
    (
        "a kustomization was not rendered",
        &["scan kustomization", "scan --render never kustomization", "pss kustomization"],
        3,
    ),
    ("includes a missing base", &["scan remote-base", "pss remote-base"], 3),
    ("every rule can be loaded", &["runtime rules check list-rule.yaml"], 0),
    ("something is wrong with a rule", &["runtime rules check bad-rule.yaml"], 1),
    ("no rule matched", &["runtime audit quiet.log", "runtime replay quiet.events"], 0),
    ("a rule matched", &["runtime audit exec.log", "runtime replay shell.events"], 1),
    ("a line is not an audit event", &["runtime audit bad/a.yaml", "runtime audit nowhere"], 3),
    (
        "no enabled rule is about audit events",
        &["runtime audit exec.log --only-these-rules --rules list-rule.yaml"],
        2,
    ),
    ("a line is not an event", &["runtime replay bad/a.yaml", "runtime replay nowhere"], 3),
    ("alerts were shown, or there were none", &["runtime tail alert.json --no-follow"], 0),
    ("none of the lines is an alert", &["runtime tail quiet.events --no-follow"], 3),
    ("every case is as expected", &["runtime rules test passing.yaml"], 0),
    ("a case is not as expected", &["runtime rules test failing.yaml"], 1),
    ("a case or a file is wrong", &["runtime rules test missing.yaml"], 2),
    ("exceptions were written", &["runtime suggest-exception alert.json"], 0),
    ("an alert has no field that", &["runtime suggest-exception alert.json --fields fd.name"], 2),
    ("`--patch`, regardless", &["pss --patch bad"], 0),
    (
        "nothing to fix; findings that must",
        &["fix --diff good", "fix kustomization", "fix values.yaml", "fix repo/argo"],
        0,
    ),
    ("something would be fixed", &["fix --diff bad --check privilege-escalation"], 1),
    ("a path was not read, a chart was skipped", &["fix nowhere", "fix chart"], 3),
    (
        "is not a snapshot that this version supports",
        &["snapshot info other", "snapshot diff other other"],
        2,
    ),
    ("all of the image was read", &["image image", "sbom image", "sbom image -f spdx-json"], 0),
    (
        "an image or SBOM, or a part of it",
        &["image nowhere", "image other", "image part", "sbom part", "image diff image part"],
        3,
    ),
    ("vulnerabilities at or above", &["image vulnerable.json --db v.db --fail-on unknown"], 1),
    (
        "exceptions, VEX statements or `--only-fixed`",
        &["image vulnerable.json --db v.db --only-fixed --fail-on unknown"],
        0,
    ),
    (
        "regardless of the answer",
        &[
            "image vulnerable.json --db v.db --explain CVE-1",
            "scan --image vulnerable.json --db v.db --explain CVE-2024-1",
        ],
        0,
    ),
    ("needs a database", &["image image --suggest", "image image -f sarif"], 2),
    ("packages of an ecosystem that", &["image image --db v.db"], 3),
    ("both contain the same packages", &["image diff image image"], 0),
    ("packages were added, removed", &["image diff image newer"], 1),
    (
        "advisories about its packages, could not be retrieved",
        &["scan --image nowhere --db v.db", "scan --image image --db v.db"],
        3,
    ),
    ("all advisories were read", &["db build advisories -o new.db"], 0),
    (
        "a file or directory of advisories could not be read",
        &["db build nowhere -o new.db", "db build good -o new.db", "db build other -o new.db"],
        3,
    ),
    ("the database was read", &["db status v.db"], 0),
    (
        "is not a database that this version supports",
        &["db status other", "scan --image image --db other"],
        2,
    ),
    ("valid or absent", &["config check good", "config show good"], 0),
    (
        "the configuration is not valid",
        &[
            "scan --config wrong.yaml good",
            "pss --config wrong.yaml good",
            "fix --config wrong.yaml good",
            "config check --config wrong.yaml",
        ],
        2,
    ),
    (
        "an option is unknown",
        &["scan --no-such", "pss --kubernetes-version 9.99 good", "scan --probe good"],
        2,
    ),
    (
        "the result could not be written",
        &["scan good -o nowhere/x", "comply -F pss good -o nowhere/x"],
        2,
    ),
];

/// Rows that other tests prove: they need a cluster, a snapshot of one, namespaces, or more findings
/// than a test can afford (`cut_tests` of `scan`).
const ELSEWHERE: &[&str] = &[
    "the pod is cut off",
    "another policy may allow connections",
    "what was quarantined is released",
    "with the label of a quarantine",
    "not all are listed",
    "a part of a cluster could not be read",
    "each namespace enforces",
    "enforces a lower or higher level",
    "a file could not be written",
    "everything that this identity can read was read",
    "a part of the cluster could not be read",
    "the snapshot was read",
    "no differences",
    "objects differ",
    "a part could not be read or compared",
];

fn rows() -> Vec<(String, i32)> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/exit-codes.md");
    let text = fs::read_to_string(page).unwrap();
    let (_, table) = text.split_once("| command | what happened | exit code |").unwrap();
    // Tests of their own run what these commands exit with (network.rs, access.rs, signing.rs,
    // grants.rs, storage.rs, nodes.rs, integrity.rs, probe).
    let elsewhere = [
        "network",
        "rbac",
        "identity",
        "verify",
        "sign",
        "grant",
        "storage",
        "node",
        "integrity",
        "probe",
    ];
    let is_elsewhere =
        |line: &&str| elsewhere.iter().any(|of| line.starts_with(&format!("| `{of}")));
    let rows = table.lines().filter(|line| line.starts_with("| `") || line.starts_with("| every"));
    let rows = rows.filter(|line| !is_elsewhere(line));
    rows.map(|line| {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        (cells[1].to_owned(), cells[2].parse().unwrap())
    })
    .collect()
}

#[test]
fn every_row_of_the_table_happens() {
    let rows = rows();
    let folder = folder(FILES);
    let built = run(folder.path(), &["db", "build", "advisories", "-o", "v.db"]);
    assert_eq!(built.code, 0, "{}", built.err);
    for (row, commands, code) in CASES {
        let named: Vec<_> = rows.iter().filter(|(text, _)| text.contains(row)).collect();
        assert!(matches!(&named[..], [(_, said)] if said == code), "{row}: {named:?}");
        for command in *commands {
            let args: Vec<_> = command.split(' ').collect();
            let done = match args.contains(&"-") {
                true => run_with_input(folder.path(), &args, "# nothing\n"),
                false => run(folder.path(), &args),
            };
            assert_eq!(done.code, *code, "{command}: {}{}", done.out, done.err);
        }
    }
    for (row, _) in &rows {
        let by = |known: &&str| row.contains(*known);
        let case = CASES.iter().any(|(known, ..)| by(known));
        assert!(case || ELSEWHERE.iter().any(by), "no test runs the row: {row}");
    }
}

#[test]
fn what_is_installed_from_elsewhere_is_said_and_counted() {
    let folder = folder(FILES);
    let remote = run(folder.path(), &["scan", "remote"]);
    let counted = "1 kind of object installs content that was not checked";
    assert!(remote.out.contains(counted), "{}", remote.out);
    let json = run(folder.path(), &["scan", "remote", "-f", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["summary"]["notes"]["unjudged"], 1);
    assert_eq!(json["notes"][0]["kind"], "unjudged");
    let message = json["notes"][0]["message"].as_str().unwrap();
    assert!(message.contains("chart `redis` 1.0.0 of https://charts.example.com"), "{message}");
    let local = run(folder.path(), &["scan", "repo/argo"]);
    assert!(local.out.contains("`repo/apps/web`"), "{}", local.out);
}

#[test]
fn csv_promises_a_fix_only_where_there_is_one() {
    let folder = folder(FILES);
    let args = ["scan", "-f", "csv", "--check", "privilege-escalation"];
    let written = run(folder.path(), &[&args[..], &["bad"]].concat());
    assert!(
        written.out.contains(",riskily,") || written.out.contains(",safely,"),
        "{}",
        written.out
    );
    // Standard input is not a file that `fix` changes.
    let piped = run_with_input(folder.path(), &[&args[..], &["-"]].concat(), BAD);
    assert!(piped.out.contains("privilege-escalation"), "{}", piped.out);
    assert!(!piped.out.contains(",riskily,") && !piped.out.contains(",safely,"), "{}", piped.out);
}

#[test]
fn a_copy_of_a_repository_is_known_by_where_the_scan_starts() {
    let folder = folder(&[("argo/a.yaml", LOCAL), ("apps/web/a.yaml", GOOD)]);
    let part = run(folder.path(), &["scan", "argo"]);
    assert_eq!(part.code, 3, "{}", part.out);
    assert!(
        part.out.contains("`argo/../apps/web`") || part.out.contains("`apps/web`"),
        "{}",
        part.out
    );
    assert_eq!(run(folder.path(), &["scan", "argo", "apps"]).code, 0);
}
