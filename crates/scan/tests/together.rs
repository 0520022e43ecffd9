//! Grouping of findings: what is grouped, what is not, and that nothing is lost.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use pavisade_checks::{Catalog, CheckSet};
use pavisade_judgement::{Baseline, Exception, Judgement, Known, Selector};
use pavisade_model::{Finding, KubernetesVersion, Severity, State};
use pavisade_scan::{Honour, Terms, Timestamp, judge_on, together};
use pavisade_snapshot::{Coverage, Object, Snapshot, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read};

fn parsed(name: &str, text: &str) -> Vec<Object> {
    let docs = read(&Source::new(name, text)).docs;
    let found = docs.iter().flat_map(|doc| objects(doc.root()).sent);
    found.map(|o| Object::new(o.value, o.api_version, o.kind)).collect()
}

fn world(name: &str, kind: WorldKind, text: &str) -> WorldParts {
    let mut world = WorldParts::files(name, kind, parsed(&format!("{name}/all.yaml"), text));
    if kind.is_live() {
        world.default_coverage = Coverage::Complete;
    }
    world
}

/// Judges without grouping, by the checks that are on by default.
fn raw(worlds: Vec<WorldParts>, terms: &Terms) -> Judgement {
    let wanted = |meta: &pavisade_model::Meta| {
        meta.rule.audience == pavisade_model::Audience::Everyone && !meta.needs_images()
    };
    let set =
        CheckSet::new(&Catalog::builtin(), KubernetesVersion::LATEST, wanted, &HashMap::new())
            .unwrap();
    judge_on(&Snapshot::new(worlds, Vec::new()), &set, terms, Timestamp::UNIX_EPOCH)
}

fn joined(worlds: Vec<WorldParts>, terms: &Terms) -> Judgement {
    let mut judgement = raw(worlds, terms);
    together(&mut judgement);
    judgement
}

fn files(text: &str) -> Vec<WorldParts> {
    vec![world("shop", WorldKind::Files, text)]
}

fn everybody() -> Terms {
    Terms { honour: Honour::Everybody, ..Terms::default() }
}

fn deployment(name: &str, annotations: &str, containers: &str) -> String {
    format!(
        "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: shop{annotations}}}\n\
         spec:\n  selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    \
         spec:\n      containers:\n{containers}"
    )
}

fn plain(name: &str, annotations: &str) -> String {
    let two = "        - {name: web, image: 'a.io/web:1'}\n        - {name: proxy, image: 'a.io/proxy:1'}\n";
    deployment(name, annotations, two)
}

fn of<'a>(judgement: &'a Judgement, name: &str) -> Vec<&'a Finding> {
    judgement.of_state(State::Fails).filter(|finding| finding.rule.name == name).collect()
}

/// Returns every failure with all of its data.
fn all<'a>(findings: impl Iterator<Item = &'a Finding>) -> BTreeMap<String, usize> {
    let mut all = BTreeMap::new();
    for finding in findings {
        let Finding { rule, severity, message, stable_path, .. } = finding;
        let what = format!(
            "{} {} {} {stable_path} {message} {:?}",
            rule.id,
            severity.name(),
            finding.subject.label(),
            finding.location.key()
        );
        *all.entry(what).or_insert(0) += 1;
    }
    all
}

#[test]
fn what_the_containers_of_a_workload_lack_is_one_finding_of_its_parts() {
    let text = plain("web", "");
    let judgement = joined(files(&text), &Terms::default());
    let found = of(&judgement, "unhardened-container");
    assert_eq!(found.len(), 1);
    let parts: BTreeSet<_> = found[0].members.iter().map(|part| &*part.rule.name).collect();
    let six = [
        "privilege-escalation",
        "root-user-possible",
        "undropped-capability",
        "unlimited-memory",
        "unset-seccomp",
        "writable-root-filesystem",
    ];
    assert_eq!(parts.into_iter().collect::<Vec<_>>(), six);
    assert_eq!(found[0].severity, Severity::Medium);
    assert!(
        found[0].message.starts_with("containers `web`, `proxy` are not hardened: "),
        "{}",
        found[0].message
    );
    assert!(found[0].advice.contains("allowPrivilegeEscalation: false"), "{}", found[0].advice);
    // Nothing is lost or duplicated.
    let before = raw(files(&text), &Terms::default());
    let each = judgement.findings.iter().flat_map(Finding::each);
    assert_eq!(all(each), all(before.findings.iter()));
    // What has all settings but adds a capability needs other advice.
    let added = "        - {name: web, image: 'a.io/web:1', resources: {limits: {memory: 1Gi}}, securityContext: \
        {allowPrivilegeEscalation: false, runAsNonRoot: true, capabilities: {drop: [ALL], add: [KILL]}, \
        seccompProfile: {type: RuntimeDefault}}}\n";
    let judgement = joined(files(&deployment("web", "", added)), &Terms::default());
    let found = of(&judgement, "unhardened-container");
    let advice = "Set `readOnlyRootFilesystem: true` in the `securityContext` of the containers. Remove \
                  `KILL` from `capabilities.add`, if it is not needed.";
    assert_eq!(found[0].advice, advice);
    // A single part stays a finding of its own check.
    let hardened = "        - {name: web, image: 'a.io/web:1', resources: {limits: {memory: 1Gi}}, securityContext: \
        {allowPrivilegeEscalation: false, runAsNonRoot: true, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}}\n";
    let judgement = joined(files(&deployment("web", "", hardened)), &Terms::default());
    assert_eq!(of(&judgement, "unhardened-container").len(), 0);
    assert_eq!(of(&judgement, "unset-seccomp").len(), 1);
}

#[test]
fn grave_findings_are_never_joined_with_others() {
    let volumes = "        - {name: web, image: 'a.io/web:1', securityContext: {privileged: true}, volumeMounts: \
        [{name: a, mountPath: /a}, {name: b, mountPath: /b}]}\n      volumes:\n        - {name: a, hostPath: {path: /etc}}\n        \
        - {name: b, hostPath: {path: /var/lib}}\n";
    let text = deployment("web", "", volumes);
    let (before, after) =
        (raw(files(&text), &Terms::default()), joined(files(&text), &Terms::default()));
    let grave = |judgement: &Judgement| {
        all(judgement.findings.iter().filter(|finding| finding.severity >= Severity::High))
    };
    assert_eq!(grave(&after), grave(&before));
    assert!(grave(&after).len() >= 3, "{:?}", grave(&after));
    assert!(after.findings.len() < before.findings.len());
}

#[test]
fn a_namespace_without_a_policy_is_told_once() {
    let shop = ["a", "b", "c"].map(|name| plain(name, "")).concat();
    let text = format!("{shop}{}", plain("d", "").replace("namespace: shop", "namespace: other"));
    let judgement = joined(files(&text), &Terms::default());
    let found = of(&judgement, "unrestricted-ingress");
    let told: Vec<_> = found.iter().map(|f| (f.subject.label(), f.members.len())).collect();
    // The only workload of the other namespace is reported itself.
    assert_eq!(told, [("Namespace shop".to_owned(), 3), ("Deployment other/d".to_owned(), 0)]);
    assert!(found[0].message.contains("`a`, `b` and `c`"), "{}", found[0].message);
    assert_eq!(found[0].related.len(), 2, "the other workloads are further places");
}

#[test]
fn an_image_is_told_once() {
    let latest = |name: &str, image: &str| {
        deployment(name, "", &format!("        - {{name: web, image: {image}}}\n"))
    };
    let text = [latest("a", "a.io/web"), latest("b", "a.io/web"), latest("c", "a.io/web:latest")];
    let judgement = joined(files(&text.concat()), &Terms::default());
    let told: Vec<_> =
        of(&judgement, "mutable-image-tag").iter().map(|f| f.members.len()).collect();
    assert_eq!(told, [2, 0], "an image by another name is another one");
}

#[test]
fn copies_of_an_object_are_told_once_and_objects_of_clusters_are_not() {
    let text = plain("web", "");
    let told = |kind: WorldKind, other: &str| {
        let worlds = vec![world("base", kind, &text), world("prod", kind, other)];
        let judgement = joined(worlds, &Terms::default());
        let found = of(&judgement, "unhardened-container");
        found
            .iter()
            .map(|f| (f.members.len(), f.related.iter().filter(|r| r.label == "also here").count()))
            .collect::<Vec<_>>()
    };
    let one = joined(files(&text), &Terms::default());
    let parts = of(&one, "unhardened-container")[0].members.len();
    assert_eq!(told(WorldKind::Files, &text), [(2 * parts, 1)]);
    assert_eq!(told(WorldKind::Cluster, &text).len(), 2, "each cluster is something to fix");
    let hardened = text
        .replace("'a.io/web:1'", "'a.io/web:1', securityContext: {readOnlyRootFilesystem: true}");
    assert_eq!(told(WorldKind::Files, &hardened).len(), 2, "another content is no copy");
    let elsewhere = text.replace("namespace: shop", "namespace: other");
    assert_eq!(told(WorldKind::Files, &elsewhere).len(), 2);
}

#[test]
fn a_policy_that_allows_everything_is_told_once() {
    let policy = |egress: &str| {
        format!(
            "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p, namespace: shop}}\n\
             spec: {{podSelector: {{}}, policyTypes: [Egress], egress: [{egress}]}}\n"
        )
    };
    let told = |egress: &str| {
        let judgement = joined(files(&policy(egress)), &Terms::default());
        let network = judgement.of_state(State::Fails).filter(|f| f.rule.id.starts_with("PV-N0"));
        let network = network.filter(|f| f.rule.id != "PV-N004");
        network.map(|f| format!("{} {}", f.rule.name, f.members.len())).collect::<Vec<_>>()
    };
    assert_eq!(told("{}"), ["allow-all-policy 2"]);
    // A policy that does not allow everything may still allow the metadata service.
    assert_eq!(told("{ports: [{port: 80}]}"), ["metadata-reachable 0"]);
}

#[test]
fn exceptions_and_baselines_of_single_checks_count_as_before() {
    let text = plain("web", "");
    let before = raw(files(&text), &Terms::default());
    let known = |finding: &Finding| Known {
        fingerprint: finding.fingerprint().to_string(),
        check: finding.rule.id.to_string(),
        state: finding.state,
        severity: finding.severity,
        world: finding.world().to_owned(),
        subject: finding.subject.label(),
        message: finding.message.clone(),
        file: String::new(),
        line: 0,
    };
    let entries = before.findings.iter().map(known).collect();
    let baseline = Some(Baseline { place: "old.json".into(), entries });
    let judgement = joined(files(&text), &Terms { baseline, ..Terms::default() });
    assert_eq!((judgement.findings.len(), judgement.baseline.unwrap().gone.len()), (0, 0));

    let allow = |words: &str| {
        format!(", annotations: {{pavisade.dev/allow: '{words} until 1970-06-01: why'}}")
    };
    let judgement = joined(files(&plain("web", &allow("privilege-escalation"))), &everybody());
    let parts: BTreeSet<_> =
        of(&judgement, "unhardened-container")[0].members.iter().map(|p| &*p.rule.id).collect();
    assert!(parts.len() == 5 && !parts.contains("PV-C007"), "{parts:?}");
    assert_eq!(judgement.excepted.len(), 2);
}

#[test]
fn an_exception_may_name_what_is_shown() {
    let hardened = "        - {name: web, image: 'a.io/web:1', securityContext: {runAsNonRoot: true, capabilities: {drop: [ALL]}}}\n";
    let text = deployment(
        "web",
        ", annotations: {pavisade.dev/allow: 'unhardened-container until 1970-06-01: why'}",
        hardened,
    );
    let judgement = joined(files(&text), &everybody());
    assert_eq!(of(&judgement, "unhardened-container").len(), 0);
    assert_eq!(judgement.excepted.len(), 4);
    let said: Vec<_> = judgement.notes.iter().map(|note| &*note.message).collect();
    assert!(!said.iter().any(|message| message.contains("excepts nothing")), "{said:?}");

    // By the fingerprint in a result.
    let text = [plain("web", ""), plain("api", "")].concat();
    let shown = joined(files(&text), &Terms::default());
    for name in ["unhardened-container", "unrestricted-ingress"] {
        let print = of(&shown, name)[0].fingerprint();
        let selector = Selector { fingerprints: vec![print], ..Selector::default() };
        let source = Source::new("policy.yaml", "x\n");
        let until = "1970-06-01".parse().unwrap();
        let exception =
            Exception::policy(Vec::new(), (until, "why".into()), selector, (source, 0, 1));
        let terms =
            Terms { exceptions: vec![exception], honour: Honour::Policy, ..Terms::default() };
        let judgement = joined(files(&text), &terms);
        assert_eq!(of(&judgement, name).len(), of(&shown, name).len() - 1, "{name}");
    }
}

#[test]
fn an_exception_for_mild_findings_does_not_cover_a_grave_one_that_comes_later() {
    let of_user = |has_root: bool| {
        let container = |name: &str, user: u32, mounts: &str| {
            format!(
                "        - {{name: {name}, image: 'a.io/web:1', securityContext: {{runAsUser: {user}, runAsNonRoot: {}}}, volumeMounts: [{mounts}]}}\n",
                user > 0
            )
        };
        let log = container("log", 1000, "{name: a, mountPath: /a}, {name: b, mountPath: /b}");
        let root = container("agent", 0, "{name: c, mountPath: /c}");
        let volume =
            |name: &str, path: &str| format!("{{name: {name}, hostPath: {{path: {path}}}}}");
        let volumes = [volume("a", "/etc"), volume("b", "/var/lib/kubelet"), volume("c", "/")];
        let root = if has_root { root } else { String::new() };
        deployment("web", "", &format!("{log}{root}      volumes: [{}]\n", volumes.join(", ")))
    };
    let name = "sensitive-host-path";
    let shown = joined(files(&of_user(false)), &Terms::default());
    let [one] = &of(&shown, name)[..] else { panic!("{:?}", shown.findings) };
    assert!(one.severity <= Severity::Medium && one.members.len() == 2, "{one:?}");
    let selector = Selector { fingerprints: vec![one.fingerprint()], ..Selector::default() };
    let source = Source::new("policy.yaml", "x\n");
    let until = "1970-06-01".parse().unwrap();
    let exception = Exception::policy(Vec::new(), (until, "why".into()), selector, (source, 0, 1));
    let terms = Terms { exceptions: vec![exception], honour: Honour::Policy, ..Terms::default() };
    let later = joined(files(&of_user(true)), &terms);
    let left = of(&later, name);
    assert!(left.iter().any(|finding| finding.severity > Severity::Medium), "{left:?}");
    assert_eq!(later.excepted.len(), 2);
}

#[test]
fn objects_whose_names_are_still_to_be_completed_are_not_one() {
    let job = |container: &str| {
        format!(
            "---\napiVersion: batch/v1\nkind: Job\nmetadata: {{generateName: run-, namespace: shop}}\n\
             spec: {{template: {{spec: {{restartPolicy: Never, containers: [{{name: {container}, image: 'a.io/x:1'}}]}}}}}}\n"
        )
    };
    let judgement = joined(files(&(job("main") + &job("other"))), &Terms::default());
    assert!(of(&judgement, "unhardened-container").is_empty(), "{:?}", judgement.findings);
}

#[test]
fn workloads_of_one_name_are_counted_each() {
    let job = "---\napiVersion: batch/v1\nkind: Job\nmetadata: {name: web, namespace: shop}\nspec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: 'a.io/x:1'}]}}}\n";
    let judgement = joined(files(&(plain("web", "") + job)), &Terms::default());
    let [one] = &of(&judgement, "unrestricted-ingress")[..] else { panic!() };
    assert!(one.message.contains("2 workloads (`web`)"), "{}", one.message);
}
