//! Reading of configurations, and errors with their locations.

use pavisade_checks::Catalog;
use pavisade_config::{Config, Exceptions, read, read_exceptions, schema};
use pavisade_model::{Base, Severity};
use pavisade_signing::{Contents, SIGN};
use pavisade_yaml::{Source, to_json};

fn base() -> Base {
    Base { folders: vec!["/w".into()], current: "/w".into() }
}

fn of(text: &str) -> (Config, Vec<String>) {
    let (config, problems) = read(&Source::new("c", text), &base(), &Catalog::builtin());
    let problems = problems.iter().map(|note| {
        let (line, column) =
            note.span.as_ref().map_or((0, 0), |(source, start, _)| source.line_column(*start));
        let remedy = if note.remedy.is_empty() { "" } else { " | " };
        format!("{line}:{column} {}{remedy}{}", note.message, note.remedy)
    });
    (config, problems.collect())
}

const WHOLE: &str = "\
# All there is.
enable: [writable-root-filesystem]
disable:
  - PV-C028
  - Host-Port
strict: true
checks:
  untrusted-registry:
    severity: high
    parameters: {allowed: [registry.example.com]}
  PV-C001: {severity: low}
frameworks: [pod-security-standards, ../Own.toml]
paths:
  include: [k8s/**]
  exclude: [\"**/vendor\"]
worlds:
  - name: prod
    paths: [base, overlays/prod]
kubernetes-version: 1.30
fail-on: high
helm-values: [values-prod.yaml]
max-exception-days: 90
exceptions:
  - checks: [host-path-volume]
    reason: reads logs
    until: 2027-01-31
    subjects:
      - {kind: DaemonSet, namespace: monitoring, name: 'node-*', container: '*'}
    paths: [monitoring/**]
  - fingerprints: ['v1:000102030405060708090a0b0c0d0e0f']
    reason: looked at
    until: '2027-01-31'
";

#[test]
fn everything_is_read() {
    let (config, problems) = of(WHOLE);
    assert_eq!(problems, [""; 0]);
    assert_eq!(config.enable[0].name, "writable-root-filesystem");
    assert_eq!(
        config.disable.iter().map(|rule| &*rule.name).collect::<Vec<_>>(),
        ["secret-as-env", "host-port"]
    );
    assert_eq!(config.strict, Some(true));
    assert_eq!(config.severities.get("PV-C001"), Some(&Severity::Low));
    assert_eq!(config.parameters["untrusted-registry"]["allowed"][0], "registry.example.com");
    let frameworks: Vec<_> = config.frameworks.iter().map(|(word, _)| word.as_str()).collect();
    assert_eq!(frameworks, ["pod-security-standards", "../Own.toml"]);
    assert!(config.include[0].matches_path("k8s/a.yaml"));
    assert_eq!((config.worlds[0].name.as_str(), config.worlds[0].paths.len()), ("prod", 2));
    assert_eq!(config.kubernetes_version.unwrap().to_string(), "1.30", "and not 1.3");
    assert_eq!(config.fail_on, Some(Some(Severity::High)));
    assert_eq!(config.helm_values[0].0, "values-prod.yaml");
    assert_eq!(config.max_exception_days, Some(90));
    assert_eq!(config.exceptions.count(), 2);
    assert_eq!(config.exceptions.findings[0].until.to_string(), "2027-01-31");
    assert_eq!(config.exceptions.findings[0].reason, "reads logs");
    assert_eq!(config.lines["fail-on"], 20);
    assert_eq!(config.lines["checks.untrusted-registry.parameters.allowed"], 10);
    assert_eq!(
        config.restrictions(&Catalog::builtin()),
        [
            "disables `secret-as-env`, `host-port`",
            "runs only checks that are mapped to pod-security-standards, ../Own.toml",
            "reads only `k8s/**`",
            "excludes `**/vendor`",
            "lowers the severity of `privileged-container`",
            "sets parameters of `untrusted-registry`",
            "fails only on high or higher",
            "contains 2 exceptions",
        ]
    );
}

#[test]
fn what_is_empty_says_nothing() {
    for text in
        ["", "# nothing\n", "{}", "disable:\nchecks:\nworlds: []\nexceptions:\n", "paths: {}"]
    {
        let (config, problems) = of(text);
        assert_eq!(problems, [""; 0], "{text}");
        assert_eq!(config.restrictions(&Catalog::builtin()), [""; 0], "{text}");
    }
}

#[test]
fn mistakes_are_told_where_they_are() {
    for (text, expect) in [
        ("disabel: []", "1:1 a configuration has no field `disabel` | Did you mean `disable`?"),
        ("disable: host-port", "1:10 this is text, but must be a list"),
        ("disable: [host-prot]", "1:11 unknown check `host-prot` | Did you mean `host-port`?"),
        ("disable: [1]", "1:11 this is a number, but must be a string | Add quotes"),
        (
            "disable: [on]",
            "1:11 this is a boolean, but must be a string | Add quotes: without them, YAML reads it as a boolean.",
        ),
        ("strict: 'yes'", "1:9 this is text, but must be true or false"),
        ("- a", "1:1 this is a list, but must be a map"),
        ("a: [", "1:5 "),
        ("strict: true\nstrict: false", "1:1 the key `strict` is defined again below"),
        ("strict: true\n---\nstrict: false", "3:1 a second document"),
        ("enable: [host-port]\ndisable: [PV-C004]", "2:1 `host-port` is both enabled and disabled"),
        (
            "checks:\n  host-prot: {severity: low}",
            "2:3 unknown check `host-prot` | Did you mean `host-port`?",
        ),
        (
            "checks: {host-port: {severty: low}}",
            "1:22 a check has no field `severty` | Did you mean `severity`?",
        ),
        (
            "checks: {host-port: {severity: hgih}}",
            "1:32 unknown severity `hgih` | Did you mean `high`?",
        ),
        (
            "checks: {untrusted-registry: {parameters: {allow: [a]}}}",
            "1:44 `untrusted-registry` has no parameter `allow` | Did you mean `allowed`?",
        ),
        (
            "checks:\n  untrusted-registry:\n    parameters:\n      allowed: [1]",
            "4:7 `allowed`: invalid type: integer `1`, expected a string",
        ),
        ("checks: {host-port: {parameters: {x: 1}}}", "1:35 `host-port` has no parameter `x`"),
        (
            "checks: {host-port: {severity: low}, PV-C004: {severity: low}}",
            "1:38 `host-port` is listed twice, by name and by ID",
        ),
        ("frameworks: [cis]", "1:14 unknown framework `cis` | "),
        ("paths: {includes: []}", "1:9 `paths` has no field `includes` | Did you mean `include`?"),
        ("paths: {exclude: ['']}", "1:19 an empty pattern matches nothing"),
        ("paths: {exclude: [../x]}", "1:19 a path must be relative to the directory of this file"),
        ("paths: {exclude: [/etc]}", "1:19 a path must be relative to the directory of this file"),
        ("worlds: [{paths: [a]}]", "1:10 a world needs a `name`"),
        ("worlds: [{name: a}]", "1:10 a world needs `paths`"),
        (
            "worlds: [{name: a, paths: [x]}, {name: a, paths: [z]}]",
            "1:33 two worlds have the name `a`",
        ),
        ("kubernetes-version: 2", "1:21 "),
        ("kubernetes-version: '1.99'", "1:21 the checks support Kubernetes up to 1.37, not 1.99"),
        ("fail-on: hi", "1:10 unknown severity `hi`"),
        (
            "signatures: [{images: [a]}]",
            "1:14 a rule about signatures needs either `accept` or `unsigned: allow`",
        ),
        ("signatures: [{unsigned: allow}]", "1:14 a rule about signatures needs `images`"),
        ("signatures: [{images: [a], unsigned: 'yes'}]", "1:38 "),
        ("max-exception-days: soon", "1:21 it is not a number of days from 1 to 36,500"),
        ("max-exception-days: 0", "1:21 it is not a number of days from 1 to 36,500"),
        (
            "exceptions: [{checks: [host-port], until: 2027-01-31}]",
            "1:14 an exception needs a `reason`",
        ),
        (
            "exceptions: [{checks: [host-port], reason: x}]",
            "1:14 an exception needs an end date: `until`",
        ),
        (
            "exceptions: [{reason: x, until: 2027-01-31}]",
            "1:14 an exception needs `checks`, `vulnerabilities`, `fingerprints`, or `rules` for alerts",
        ),
        (
            "exceptions: [{checks: [host-port], reason: x, until: 31.1.2027}]",
            "1:54 `31.1.2027` is not a date | Use `2027-01-31`.",
        ),
        ("exceptions: [{checks: [a], reason: x, until: 2027-01-31}]", "1:24 unknown check `a` | "),
        (
            "exceptions: [{checks: [host-port], reason: x, until: 2027-01-31, subjects: [{}]}]",
            "1:66 a subject is empty, and would match everything",
        ),
        (
            "exceptions: [{fingerprints: ['v1:1'], reason: x, until: 2027-01-31}]",
            "1:30 a fingerprint is `v2:` or `v1:` and 32 hexadecimal digits | ",
        ),
    ] {
        let (config, problems) = of(text);
        assert!(problems.len() == 1 && problems[0].starts_with(expect), "{text}: {problems:#?}");
        assert_eq!(config.exceptions.count(), 0, "{text}");
    }
}

#[test]
fn all_mistakes_are_told_at_once_and_in_order() {
    let text = "fail-on: x\nexceptions:\n  - until: 2027-01-31\ndisable: [nope-nope]\n";
    let (_, problems) = of(text);
    let places: Vec<_> = problems.iter().map(|p| p.split(' ').next().unwrap()).collect();
    assert_eq!(places, ["1:10", "3:5", "3:5", "4:11"], "{problems:#?}");
    let many = format!("disable: [{}]", "x-x, ".repeat(500));
    assert_eq!(of(&many).1.len(), 101);
    let one = "{checks: [host-port], reason: x, until: 2027-01-31}, ";
    let (config, problems) = of(&format!("exceptions: [{}]", one.repeat(2_001)));
    assert_eq!((config.exceptions.count(), problems.len()), (2_000, 1));
}

#[test]
fn an_exception_that_lost_its_selector_does_not_become_one_for_everything() {
    for selector in [
        "subjects: []",
        "subjects: [null]",
        "subjects: [{nmae: a}]",
        "paths: []",
        "paths: [/a]",
        "fingerprints: []",
        "checks: []",
    ] {
        let checks = if selector.starts_with("checks") { "" } else { "checks: [host-port], " };
        let text = format!("exceptions: [{{{checks}{selector}, reason: x, until: 2027-01-31}}]");
        assert_eq!(of(&text).0.exceptions.count(), 0, "{text}");
    }
}

#[test]
fn a_mistake_at_the_very_end_is_in_the_text() {
    for text in ["worldlds: [{paths:s: [{paths: [a]}]", "!WW", "a: b\n---\n!WW"] {
        let source = Source::new("c", text);
        let problems = read(&source, &base(), &Catalog::builtin()).1;
        assert!(!problems.is_empty(), "{text}");
        for note in problems {
            let (source, start, end) = note.span.unwrap();
            assert!(source.text().get(start as usize..end as usize).is_some(), "{start}..{end}");
        }
    }
}

#[test]
fn a_policy_file_has_exceptions_alone() {
    let source = Source::new(
        "p",
        "disable: [host-port]\nexceptions: [{checks: [host-port], reason: x, until: 2027-01-31}]\n",
    );
    let (exceptions, problems) = read_exceptions(&source, &base(), &Catalog::builtin());
    assert_eq!(exceptions.count(), 1);
    assert_eq!(problems[0].message, "a policy file has no field `disable`");
}

#[test]
fn exceptions_for_alerts_stand_beside_those_for_findings() {
    let (config, problems) = of("exceptions:\n\
         - {checks: [host-port], reason: x, until: 2027-01-31}\n\
         - {rules: [PV-R001], condition: ka.user.name = ann, reason: why, until: 2027-01-31}\n\
         - {rules: [PV-R001], condition: ka.user.nam = ann, reason: z, until: 2027-01-31}\n");
    let Exceptions { findings, alerts } = &config.exceptions;
    assert_eq!((findings.len(), alerts.len()), (1, 1), "{problems:?}");
    assert_eq!((alerts[0].reason.as_str(), alerts[0].place.as_str()), ("why", "c:3"));
    let [problem] = &problems[..] else { panic!("{problems:?}") };
    assert!(problem.contains("nonexistent field ka.user.nam"), "{problem}");
}

#[test]
fn the_schema_agrees() {
    let schema = schema(&Catalog::builtin());
    let validator = jsonschema::validator_for(&schema).unwrap();
    let value = |text: &str| -> serde_json::Value {
        let docs = pavisade_yaml::read(&Source::new("c", text)).docs;
        docs.first().map_or(serde_json::Value::Null, |doc| {
            serde_json::from_str(&to_json(doc.root())).unwrap()
        })
    };
    // Names are case-insensitive here, but not in the schema.
    let whole = WHOLE.replace("Host-Port", "host-port");
    for good in [whole.as_str(), "", "disable:\nchecks:\nexceptions:\n"] {
        let errors: Vec<_> = validator.iter_errors(&value(good)).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{good}: {errors:#?}");
    }
    for bad in [
        "disabel: []",
        "disable: host-port",
        "disable: [host-prot]",
        "checks: {host-prot: {}}",
        "checks: {host-port: {severity: hgih}}",
        "checks: {untrusted-registry: {parameters: {allow: [a]}}}",
        "checks: {untrusted-registry: {parameters: {allowed: [1]}}}",
        "worlds: [{name: a}]",
        "fail-on: hi",
        "exceptions: [{checks: [host-port], until: 2027-01-31}]",
        "exceptions: [{reason: x, until: 2027-01-31}]",
        "exceptions: [{checks: [host-port], reason: x, until: 2027-01-31, subjects: [{}]}]",
        "exceptions: [{rules: [], reason: x, until: 2027-01-31}]",
        "exceptions: [{rules: [PV-R001], until: 2027-01-31}]",
        "exceptions: [{rules: [PV-R001], condition: '', reason: x, until: 2027-01-31}]",
    ] {
        assert!(!validator.is_valid(&value(bad)), "{bad}");
        assert!(!of(bad).1.is_empty(), "{bad}");
    }
    // Every check and all of its parameters are in the schema.
    for entry in Catalog::builtin().entries() {
        let own = serde_json::to_value(entry.schema()).unwrap();
        let here = &schema["properties"]["checks"]["properties"][&*entry.rule().name]["properties"]
            ["parameters"]["properties"];
        let names = |value: &serde_json::Value| -> Vec<String> {
            value.as_object().map(|map| map.keys().cloned().collect()).unwrap_or_default()
        };
        assert_eq!(names(&own["properties"]), names(here), "{}", entry.rule().name);
    }
}

#[test]
fn rules_about_signatures_name_images_and_signers() {
    let (config, problems) = of("\
signatures:
  - images: [registry.example/team/**]
    without-log: true
    accept:
      - issuer: https://login.example
        identity-pattern: .*@acme.example
  - images: ['**/base']
    unsigned: allow
");
    assert!(problems.is_empty(), "{problems:#?}");
    let about =
        |reference: &str| config.signatures.iter().position(|rule| rule.is_about(reference));
    for (reference, rule) in [
        ("registry.example/team/app:1", Some(0)),
        ("registry.example/team/a/b@sha256:00", Some(0)),
        ("registry.example:5000/other/base", Some(1)),
        ("registry.example/base:1@sha256:00", Some(1)),
        ("registry.example/teams/app:1", None),
        ("evil.example/registry.example/team/app:1", None),
    ] {
        assert_eq!(about(reference), rule, "{reference}");
    }
    let first = config.signatures[0].policy.as_ref().unwrap();
    assert!(!first.log && first.certificate_log && first.accept.len() == 1);
    assert!(config.signatures[1].policy.is_none());
    // An incomplete signer is ignored, and the rule accepts no signer.
    for wrong in [
        "{identity: a}",
        "{issuer: a}",
        "{key: a}",
        "{identity-pattern: '(', issuer: a}",
        "{repository: a}",
        "{identity: a, identity-pattern: a, issuer: b}",
        "{identity: a, issuer: b, issuer-pattern: b}",
        "{identity: '', issuer: b}",
    ] {
        let (config, problems) = of(&format!("signatures: [{{images: [a], accept: [{wrong}]}}]"));
        assert!(!problems.is_empty(), "{wrong}");
        let policy = config.signatures[0].policy.as_ref().unwrap();
        assert!(policy.accept.is_empty(), "{wrong}");
    }
}

/// Without types, signatures count alone; with types that are not known, nothing does.
#[test]
fn rules_about_signatures_name_types_of_statements() {
    let signatures = Contents::Signatures;
    let types = |all: &[&str]| Contents::Types(all.iter().map(|&one| one.to_owned()).collect());
    let slsa = "https://slsa.dev/provenance/v1";
    let own = "https://acme.example/reviewed/v1";
    for (written, expect, told) in [
        ("", signatures, false),
        ("types: [slsa, sign], ", types(&[slsa, SIGN]), false),
        ("types: ['https://acme.example/reviewed/v1'], ", types(&[own]), false),
        ("types: [salsa], ", types(&[]), true),
        ("types: [slsa, salsa], ", types(&[slsa]), true),
        ("types: [], ", types(&[]), true),
        ("types: {a: b}, ", types(&[]), true),
    ] {
        let signer = "accept: [{identity: a, issuer: b}]";
        let (config, problems) = of(&format!("signatures: [{{images: [a], {written}{signer}}}]"));
        assert_eq!(!problems.is_empty(), told, "{written}: {problems:#?}");
        let policy = config.signatures[0].policy.as_ref().unwrap();
        assert_eq!(policy.contents, expect, "{written}");
    }
}
