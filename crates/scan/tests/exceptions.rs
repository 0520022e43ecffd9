//! Exceptions: which findings they cover, for how long, and the notes about them.

use std::collections::HashMap;

use pavisade_checks::{Catalog, CheckSet};
use pavisade_judgement::{Exception, Form, Judgement, Selector, Subjects};
use pavisade_model::{Base, Glob, KubernetesVersion, NoteKind};
use pavisade_scan::{Honour, Terms, judge_on};
use pavisade_snapshot::{Coverage, Object, Snapshot, WorldKind, WorldParts};
use pavisade_yaml::{Source, dockerfile, objects, read};

const CHECKS: [&str; 3] = ["privileged-container", "host-port", "dockerfile-root-user"];

/// Noon of June 1, 2026.
const NOW: &str = "2026-06-01T12:00:00Z";

fn parsed(name: &str, text: &str) -> Vec<Object> {
    let source = Source::new(name, text);
    if name.ends_with("Dockerfile") {
        return vec![Object::new(dockerfile(&source).root(), "pavisade.dev/v1", "Dockerfile")];
    }
    let docs = read(&source).docs;
    let found = docs.iter().flat_map(|doc| objects(doc.root()).sent);
    found.map(|o| Object::new(o.value, o.api_version, o.kind)).collect()
}

fn judged(world: WorldParts, terms: &Terms) -> Judgement {
    let wanted = |meta: &pavisade_model::Meta| CHECKS.contains(&&*meta.rule.name);
    let set =
        CheckSet::new(&Catalog::builtin(), KubernetesVersion::LATEST, wanted, &HashMap::new())
            .unwrap();
    judge_on(&Snapshot::new(vec![world], Vec::new()), &set, terms, NOW.parse().unwrap())
}

fn files(files: &[(&str, &str)]) -> WorldParts {
    let found = files.iter().flat_map(|(name, text)| parsed(name, text)).collect();
    WorldParts::files(".", WorldKind::Files, found)
}

fn everybody() -> Terms {
    Terms { honour: Honour::Everybody, longest: Some(366), ..Terms::default() }
}

/// Returns the findings, the excepted findings, and the notes.
fn told(judgement: &Judgement) -> (Vec<String>, Vec<String>, Vec<String>) {
    let said = |finding: &pavisade_model::Finding| {
        format!("{} {}", finding.rule.name, finding.subject.container().unwrap_or("-"))
    };
    let notes = judgement.notes.iter().map(|note| match &note.span {
        Some((source, start, _)) => {
            format!("{}:{}: {}", note.place, source.line_at(*start), note.message)
        }
        None => format!("{}: {}", note.place, note.message),
    });
    (
        judgement.findings.iter().map(said).collect(),
        judgement.excepted.iter().map(|excepted| said(&excepted.finding)).collect(),
        notes.collect(),
    )
}

fn check(world: WorldParts, terms: &Terms, expect: (&[&str], &[&str], &[&str]), case: &str) {
    let (findings, excepted, notes) = told(&judged(world, terms));
    assert_eq!(findings, expect.0, "{case}: findings");
    assert_eq!(excepted, expect.1, "{case}: excepted");
    assert_eq!(notes, expect.2, "{case}: notes");
}

const A: &str = "privileged-container a";
const B: &str = "privileged-container b";

/// Returns a Deployment with two privileged containers, annotations on it and on its template, and
/// comments at the end of the reported line and above it.
fn deployment(own: &str, template: &str, beside: &str, above: &str) -> String {
    let above = if above.is_empty() { String::new() } else { format!("          {above}\n") };
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  annotations: {{{own}}}\nspec:\n  template:\n    metadata:\n      annotations: {{{template}}}\n    spec:\n      containers:\n      - name: a\n        securityContext:\n          privileged: true {beside}\n      - name: b\n        securityContext:\n{above}          privileged: true\n"
    )
}

#[test]
fn in_the_object() {
    let allow = |what: &str| format!("pavisade.dev/allow: '{what} until 2026-12-31: why'");
    let all = allow("privileged-container");
    for (case, own, template, expect) in [
        ("no annotation", String::new(), String::new(), (&[A, B][..], &[][..])),
        ("of the workload", all.clone(), String::new(), (&[], &[A, B])),
        ("of the pod template", String::new(), all.clone(), (&[], &[A, B])),
        ("of one container", allow("privileged-container in b"), String::new(), (&[A], &[B])),
        ("by id", allow("PV-C001"), String::new(), (&[], &[A, B])),
        ("with others", allow("host-port, privileged-container in a").replace("host-port, ", ""), String::new(), (&[B], &[A])),
        (
            "another key",
            "pavisade.dev/allowed: 'privileged-container until 2026-12-31: why'".into(),
            String::new(),
            (&[A, B], &[]),
        ),
        (
            "several",
            "pavisade.dev/allow.a: 'PV-C001 in a until 2026-12-31: x', pavisade.dev/allow.b: 'PV-C001 in b until 2026-12-31: y'".into(),
            String::new(),
            (&[], &[A, B]),
        ),
        (
            "several lines",
            r#"pavisade.dev/allow: "PV-C001 in a until 2026-12-31: x\n\nPV-C001 in b until 2026-12-31: y\n""#.into(),
            String::new(),
            (&[], &[A, B]),
        ),
    ] {
        let text = deployment(&own, &template, "", "");
        check(files(&[("web.yaml", &text)]), &everybody(), (expect.0, expect.1, &[]), case);
    }
}

#[test]
fn an_annotation_is_about_its_own_object() {
    let excepted = "pavisade.dev/allow: 'privileged-container until 2026-12-31: why'";
    let one = deployment(excepted, "", "", "");
    for other in [
        deployment("", "", "", "").replace("name: web", "name: other"),
        deployment("", "", "", "").replace("kind: Deployment", "kind: DaemonSet"),
        deployment("", "", "", "").replace("name: web", "name: web\n  namespace: x"),
    ] {
        let world = files(&[("a.yaml", &one), ("b.yaml", &other)]);
        check(world, &everybody(), (&[A, B], &[A, B], &[]), &other);
    }
    // Neither has a name: they are distinguished by location.
    let pod = |annotations: &str, container: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{generateName: x-, annotations: {{{annotations}}}}}\nspec: {{containers: [{{name: {container}, securityContext: {{privileged: true}}}}]}}\n"
        )
    };
    let both = format!("{}---\n{}", pod("", "a"), pod(excepted, "b"));
    check(files(&[("x.yaml", &both)]), &everybody(), (&[A], &[B], &[]), "generateName");
}

#[test]
fn a_template_of_several_speaks_for_itself() {
    let text = "apiVersion: example.com/v1\nkind: Twins\nmetadata: {name: x}\nspec:\n  first:\n    metadata:\n      annotations:\n        pavisade.dev/allow: 'PV-C001 until 2026-12-31: why'\n    spec:\n      containers: [{name: a, image: i, securityContext: {privileged: true}}]\n  firsts:\n    spec:\n      containers: [{name: b, image: i, securityContext: {privileged: true}}]\n";
    check(files(&[("x.yaml", text)]), &everybody(), (&[B], &[A], &[]), "two templates");
}

#[test]
fn beside_the_line() {
    let allow = "# pavisade: allow privileged-container until 2026-12-31: why";
    let crlf = deployment("", "", allow, "").replace('\n', "\r\n");
    let flow = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [\n  {name: a, securityContext: {privileged: true}}, # pavisade: allow PV-C001 until 2026-12-31: why\n  {name: b, securityContext: {privileged: true}}]}";
    for (case, text, expect) in [
        ("at the end", deployment("", "", allow, ""), (&[B][..], &[A][..])),
        ("above", deployment("", "", "", allow), (&[A], &[B])),
        ("two above", deployment("", "", "", &format!("{allow}\n          # more")), (&[A], &[B])),
        ("both", deployment("", "", allow, allow), (&[], &[A, B])),
        ("line ends of Windows", crlf, (&[B], &[A])),
        ("a flow list", flow.to_owned(), (&[B], &[A])),
        (
            "the last line",
            format!("---\n{} {allow}", deployment("", "", "", "").trim_end()),
            (&[A], &[B]),
        ),
        (
            "no blank behind the sign",
            deployment("", "", "#pavisade:allow PV-C001 until 2026-12-31:why", ""),
            (&[B], &[A]),
        ),
        (
            "in a quoted text",
            deployment("note: '# pavisade: allow PV-C001 until 2026-12-31: why'", "", "", ""),
            (&[A, B], &[]),
        ),
        (
            "of a container",
            deployment("", "", "# pavisade: allow PV-C001 in a until 2026-12-31: why", ""),
            (&[B], &[A]),
        ),
    ] {
        check(files(&[("web.yaml", &text)]), &everybody(), (expect.0, expect.1, &[]), case);
    }
    // The exception is for another container than the line.
    let other = deployment("", "", "# pavisade: allow PV-C001 in b until 2026-12-31: why", "");
    let note = "web.yaml:14: the exception for `privileged-container` covers no finding";
    check(files(&[("web.yaml", &other)]), &everybody(), (&[A, B], &[], &[note]), "other container");
    // A comment elsewhere, or above a blank line, applies to no line.
    let elsewhere = format!("{allow}\n\n{}", deployment("", "", "", ""));
    let note = "web.yaml:1: the exception for `privileged-container` covers no finding";
    check(files(&[("web.yaml", &elsewhere)]), &everybody(), (&[A, B], &[], &[note]), "elsewhere");
}

#[test]
fn in_a_dockerfile() {
    let allow = "# pavisade: allow dockerfile-root-user until 2026-12-31: why\n";
    let bad = "FROM a\nUSER root\n";
    let (found, none) = (&["dockerfile-root-user -"][..], &[][..]);
    for (text, expect) in [
        (bad.to_owned(), (found, none)),
        (format!("FROM a\n{allow}USER root\n"), (none, found)),
        (format!("FROM a\nRUN a \\\n{allow} b\n"), (found, none)),
    ] {
        let (findings, excepted, _) = told(&judged(files(&[("Dockerfile", &text)]), &everybody()));
        assert_eq!(
            (&findings[..], &excepted[..]),
            (
                &expect.0.iter().map(ToString::to_string).collect::<Vec<_>>()[..],
                &expect.1.iter().map(ToString::to_string).collect::<Vec<_>>()[..]
            ),
            "{text}"
        );
    }
}

#[test]
fn what_does_not_count_is_said() {
    for (said, expect) in [
        ("privileged-container until 2026-12-31", "it has no reason"),
        ("privileged-container: why", "it has no end date"),
        ("privileged-contaner until 2026-12-31: why", "unknown check `privileged-contaner`"),
        ("* until 2026-12-31: why", "it names no check: an exception cannot cover everything"),
        ("until 2026-12-31: why", "it names no check"),
    ] {
        let note = format!("web.yaml:14: this comment does not cover any finding: {expect}");
        let text = deployment("", "", &format!("# pavisade: allow {said}"), "");
        check(files(&[("web.yaml", &text)]), &everybody(), (&[A, B], &[], &[&note]), said);
        let note = format!(
            "web.yaml:5: the exception in the annotation `pavisade.dev/allow` does not apply: {expect}"
        );
        let text = deployment(&format!("pavisade.dev/allow: '{said}'"), "", "", "");
        check(files(&[("web.yaml", &text)]), &everybody(), (&[A, B], &[], &[&note]), said);
    }
    let text = deployment("pavisade.dev/allow: ''", "", "", "");
    let judgement = judged(files(&[("web.yaml", &text)]), &everybody());
    assert_eq!(judgement.notes[0].kind, NoteKind::Warning);
    assert!(!judgement.notes[0].remedy.is_empty());
}

#[test]
fn a_file_that_is_read_twice_is_told_of_once() {
    let wrong = "# pavisade: allow privileged-container until 2026-12-31";
    let unused = "# pavisade: allow host-port until 2026-12-31: why";
    let text = deployment("", "", wrong, unused);
    let both = ["dev", "prod"].map(|world| {
        WorldParts::files(world, WorldKind::Kustomization, parsed("base/web.yaml", &text))
    });
    let wanted = |meta: &pavisade_model::Meta| CHECKS.contains(&&*meta.rule.name);
    let set =
        CheckSet::new(&Catalog::builtin(), KubernetesVersion::LATEST, wanted, &HashMap::new())
            .unwrap();
    let snapshot = Snapshot::new(both.to_vec(), Vec::new());
    let judgement = judge_on(&snapshot, &set, &everybody(), NOW.parse().unwrap());
    assert_eq!((judgement.findings.len(), judgement.notes.len()), (4, 2));
}

#[test]
fn an_exception_ends() {
    for (until, excepted, note) in [
        ("2026-06-01", true, None),
        (
            "2026-05-31",
            false,
            Some(
                "the exception for `privileged-container` ended on 2026-05-31: the findings that it covered are reported",
            ),
        ),
        ("2027-06-02", true, None),
        (
            "2027-06-03",
            true,
            Some(
                "the exception for `privileged-container` lasts until 2027-06-03, beyond 2027-06-02",
            ),
        ),
        (
            "9999-12-31",
            true,
            Some(
                "the exception for `privileged-container` lasts until 9999-12-31, beyond 2027-06-02",
            ),
        ),
    ] {
        let text = deployment("", "", &format!("# pavisade: allow PV-C001 until {until}: why"), "");
        let judgement = judged(files(&[("web.yaml", &text)]), &everybody());
        assert_eq!(judgement.excepted.len(), usize::from(excepted), "{until}");
        let said: Vec<_> = judgement.notes.iter().map(|note| note.message.as_str()).collect();
        assert_eq!(said, note.into_iter().collect::<Vec<_>>(), "{until}");
        let ended = judgement.findings.iter().find_map(|f| f.detail().excepted_until);
        assert_eq!(ended.map(|day| day.to_string()), (!excepted).then(|| until.to_owned()));
    }
    // A newer exception on the same line applies.
    let both = "pavisade.dev/allow: 'PV-C001 until 2026-12-31: why'";
    let text = deployment(both, "", "# pavisade: allow PV-C001 until 2026-01-31: why", "");
    let (findings, excepted, _) = told(&judged(files(&[("web.yaml", &text)]), &everybody()));
    assert_eq!((findings.len(), excepted.len()), (0, 2));
}

#[test]
fn what_excepts_nothing_is_said_unless_its_check_did_not_run() {
    let annotation = "pavisade.dev/allow: 'host-port, unset-seccomp until 2026-12-31: why'";
    let text = deployment(annotation, "", "", "");
    let note = "web.yaml:5: the exception for `host-port` covers no finding";
    check(files(&[("web.yaml", &text)]), &everybody(), (&[A, B], &[], &[note]), "unused");
    // Two lines of one annotation that differ only in the container.
    let both = r#"pavisade.dev/allow: "PV-C001 in a until 2026-12-31: x\nPV-C001 in c until 2026-12-31: x""#;
    let text = deployment(both, "", "", "");
    let note = "web.yaml:5: the exception for `privileged-container` covers no finding";
    check(files(&[("web.yaml", &text)]), &everybody(), (&[B], &[A], &[note]), "one of two");
}

#[test]
fn ten_thousand_mistakes_are_told_two_hundred_times() {
    let comments = "# pavisade: allow privileged-contaner until 2026-12-31: why\n".repeat(10_000);
    let text = format!("{}{comments}a: b\n", deployment("", "", "", ""));
    assert_eq!(judged(files(&[("web.yaml", &text)]), &everybody()).notes.len(), 201);
}

fn policy(checks: &[&str], until: &str, selector: Selector) -> Exception {
    let checks = checks
        .iter()
        .map(|check| Catalog::builtin().named(check).unwrap().rule().clone())
        .collect();
    let source = Source::new("policy.yaml", "exceptions:\n- x\n");
    Exception::policy(checks, (until.parse().unwrap(), "why".into()), selector, (source, 12, 15))
}

#[test]
fn of_a_policy_file() {
    let text = deployment("", "", "", "").replace("name: web", "name: web\n  namespace: shop");
    let glob = |text: &str| Some(Glob::new(text).unwrap());
    let of = |subjects: Subjects| Selector { subjects: vec![subjects], ..Selector::default() };
    let paths = |path: &str| Selector {
        paths: vec![Glob::new(path).unwrap()],
        base: Base { folders: vec!["/w".into()], current: "/w/k8s".into() },
        ..Selector::default()
    };
    let prints: Vec<_> = judged(files(&[("a/web.yaml", &text)]), &Terms::default())
        .findings
        .iter()
        .map(|finding| finding.fingerprint())
        .collect();
    let print = Selector { fingerprints: vec![prints[0]], ..Selector::default() };
    let both = Selector { fingerprints: vec![prints[0]], ..paths("other") };
    let (all, none): (&[&str], &[&str]) = (&[A, B], &[]);
    for (case, selector, excepted) in [
        ("the check alone", Selector::default(), all),
        ("kind", of(Subjects { kind: glob("Deploy*"), ..Subjects::default() }), all),
        ("another kind", of(Subjects { kind: glob("Pod"), ..Subjects::default() }), none),
        (
            "namespace and name",
            of(Subjects { namespace: glob("sho?"), name: glob("w*"), ..Subjects::default() }),
            all,
        ),
        (
            "namespace, and another name",
            of(Subjects { namespace: glob("shop"), name: glob("api"), ..Subjects::default() }),
            none,
        ),
        ("container", of(Subjects { container: glob("b"), ..Subjects::default() }), &[B]),
        ("path", paths("k8s/a"), all),
        ("another path", paths("a/**"), none),
        ("fingerprint", print, &[A]),
        ("fingerprint elsewhere", both, none),
    ] {
        let exceptions = vec![policy(&["PV-C001"], "2026-12-31", selector)];
        for honour in [Honour::Policy, Honour::Everybody] {
            let terms =
                Terms { exceptions: exceptions.clone(), honour, whole: true, ..everybody() };
            let rest: Vec<_> = all.iter().copied().filter(|f| !excepted.contains(f)).collect();
            let note = "policy.yaml:2: the exception for `privileged-container` covers no finding";
            let notes = if excepted.is_empty() { vec![note] } else { vec![] };
            check(files(&[("a/web.yaml", &text)]), &terms, (&rest, excepted, &notes), case);
        }
    }
    // No warning if only a part was read.
    let exceptions = vec![policy(&["PV-C001"], "2026-12-31", paths("a/**"))];
    let judgement = judged(files(&[("a/web.yaml", &text)]), &Terms { exceptions, ..everybody() });
    assert_eq!(judgement.notes[0].kind, NoteKind::Info);
}

#[test]
fn whoever_writes_an_object_does_not_exempt_himself_where_only_policy_counts() {
    let annotation = "pavisade.dev/allow: 'privileged-container in a until 2026-12-31: why'";
    let comment = "# pavisade: allow privileged-container until 2026-12-31: why";
    let text = deployment(annotation, annotation, comment, comment);
    let terms = Terms { honour: Honour::Policy, ..everybody() };
    let note = "web.yaml:5: exceptions in objects or comments (4): only policy files apply here";
    check(files(&[("web.yaml", &text)]), &terms, (&[A, B], &[], &[note]), "policy");
    // By default, no exceptions apply, and there are no notes.
    check(files(&[("web.yaml", &text)]), &Terms::default(), (&[A, B], &[], &[]), "nobody");
    let exceptions = vec![policy(&["PV-C001"], "2026-12-31", Selector::default())];
    let terms = Terms { exceptions, ..Terms::default() };
    check(files(&[("web.yaml", &text)]), &terms, (&[A, B], &[], &[]), "nobody, with a file");
}

#[test]
fn in_a_cluster_and_in_the_files_beside_it() {
    let annotation = "pavisade.dev/allow: 'privileged-container in a until 2026-12-31: why'";
    let bad = "pavisade.dev/allow: 'privileged-container: why'";
    let live = |annotations: &str| {
        let text = deployment(annotations, annotations, "", "");
        let mut world = WorldParts::cluster("prod");
        world.default_coverage = Coverage::Complete;
        world.objects = parsed("cluster", &text);
        world
    };
    let (findings, excepted, notes) = told(&judged(live(annotation), &everybody()));
    assert_eq!((&*findings, &*excepted), (&[B.to_owned()][..], &[A.to_owned()][..]), "{notes:?}");
    let (_, _, notes) = told(&judged(live(bad), &everybody()));
    let says =
        "Deployment web: the exception in the annotation `pavisade.dev/allow` does not apply";
    assert!(notes.iter().any(|note| note.starts_with(says)), "{notes:?}");

    let comment = "# pavisade: allow privileged-container until 2026-12-31: why";
    let written = parsed("web.yaml", &deployment("", "", comment, ""));
    let snapshot = Snapshot::new(vec![live("")], Vec::new()).with_written(&written);
    let set = |meta: &pavisade_model::Meta| meta.rule.name == "privileged-container";
    let set = CheckSet::new(&Catalog::builtin(), KubernetesVersion::LATEST, set, &HashMap::new())
        .unwrap();
    let judgement = judge_on(&snapshot, &set, &everybody(), NOW.parse().unwrap());
    let (findings, excepted, _) = told(&judgement);
    assert_eq!((&*findings, &*excepted), (&[B.to_owned()][..], &[A.to_owned()][..]));
    assert_eq!(judgement.excepted[0].exception.form, Form::Comment);
}

#[test]
fn nothing_is_lost_and_the_counts_of_checks_stay() {
    let plain = judged(files(&[("web.yaml", &deployment("", "", "", ""))]), &everybody());
    let annotation = "pavisade.dev/allow: 'privileged-container in a until 2026-12-31: why'";
    let text = deployment(annotation, "", "", "");
    let excepted = judged(files(&[("web.yaml", &text)]), &everybody());
    assert_eq!(plain.findings.len(), excepted.findings.len() + excepted.excepted.len());
    for (a, b) in plain.tallies.iter().zip(&excepted.tallies) {
        assert_eq!(a.tally, b.tally);
    }
}
