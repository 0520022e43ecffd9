//! Facts that are not Kubernetes objects, in all outputs: the vulnerabilities of an image, with two
//! workloads and alone.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use pavisade_checks::{Catalog, CheckSet};
use pavisade_judgement::{Exception, Form, Judgement, Scope as Where, Selector, Subjects};
use pavisade_model::{
    Advisory, Audience, Confidence, Epss, Exploited, Fact, FixState, Glob, KubernetesVersion, Meta,
    Score, Severity, State, Subject,
};
use pavisade_report::{Format, Options, baseline, write};
use pavisade_scan::{Honour, Terms, Timestamp, judge_on};
use pavisade_snapshot::{
    Configuration, Facts, Image, Images, Inspection, Layer, Matches, Object, Package, Packages,
    Secret, SecretPlace, Snapshot, WorldKind, WorldParts,
};
use pavisade_yaml::{Source, objects, read};

const WORKLOADS: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    spec:
      containers:
        - name: web
          image: registry.example/shop/web:1.2
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: report, namespace: shop}
spec:
  jobTemplate:
    spec:
      template:
        spec:
          containers:
            - name: report
              image: registry.example/shop/web:1.2
            - name: other
              image: nginx
";

fn catalog() -> Catalog {
    Catalog::builtin()
}

/// Returns an image with three layers.
fn image(packages: usize, matches: usize) -> Image {
    let mut rows = Packages::default();
    for at in 0..packages {
        rows.push(Package {
            name: &format!("lib{at}"),
            version: "1.0-1",
            purl: &format!("pkg:deb/debian/lib{at}@1.0-1?arch=amd64"),
            path: "var/lib/dpkg/status",
            layer: Some(at as u32 % 3),
        });
    }
    let mut table = Matches::default();
    for at in 0..matches {
        let scored = at % 10 != 9;
        let score = || Score {
            source: "nvd".to_owned(),
            vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H".to_owned(),
            score: (at % 100) as f32 / 10.0,
        };
        let advisory = Advisory {
            id: format!("CVE-2026-{at}"),
            aliases: vec![format!("GHSA-{at}")],
            title: "Something overflows".to_owned(),
            scores: scored.then(score).into_iter().collect(),
            epss: (at == 0).then_some(Epss { probability: 0.5, percentile: 0.9 }),
            exploited: (at == 0)
                .then(|| Exploited { added: "2026-01-01".to_owned(), ransomware: true }),
            url: String::new(),
        };
        let fix = match at % 3 {
            0 => FixState::Fixed("1.0-2".into()),
            1 => FixState::NotFixed,
            _ => FixState::WontFix,
        };
        let severity = match at % 100 {
            _ if !scored => Severity::Unknown,
            90.. => Severity::Critical,
            70.. => Severity::High,
            40.. => Severity::Medium,
            _ => Severity::Low,
        };
        table.push((at % packages) as u32, Arc::new(advisory), fix, severity);
    }
    let layer = |n: u32| Layer {
        digest: format!("sha256:{n:064x}").into(),
        instruction: format!("RUN apt-get install part{n}"),
    };
    Image {
        name: "registry.example/shop/web:1.2".into(),
        digest: format!("sha256:{:064x}", 7).into(),
        references: vec!["registry.example/shop/web:1.2".into()],
        platform: "linux/amd64".to_owned(),
        layers: (0..3).map(layer).collect(),
        packages: rows,
        matches: Some(table),
        ..Image::default()
    }
}

fn snapshot(workloads: bool, image: Option<Image>) -> Snapshot {
    let source = Source::new("shop.yaml", WORKLOADS);
    let docs = read(&source).docs;
    let found = docs.iter().flat_map(|doc| objects(doc.root()).sent);
    let objects = found.map(|e| Object::new(e.value, e.api_version, e.kind)).collect();
    let world = WorldParts::files("shop", WorldKind::Files, objects);
    let worlds = if workloads { vec![world] } else { Vec::new() };
    let images = image.map(|image| Arc::new(Images::new(vec![image], Vec::new())));
    Snapshot::new(worlds, Vec::new()).with_facts(Facts { images })
}

fn judged(snapshot: &Snapshot, terms: &Terms) -> Judgement {
    let wanted = |meta: &Meta| &*meta.rule.id == "PV-S013";
    let version = KubernetesVersion::minor(37);
    let checks = CheckSet::new(&catalog(), version, wanted, &HashMap::new()).unwrap();
    judge_on(snapshot, &checks, terms, Timestamp::UNIX_EPOCH)
}

fn shown(format: Format, judgement: &Judgement) -> String {
    let mut out = Vec::new();
    write(format, judgement, &Options { explain: true, ..Options::default() }, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn an_image_hangs_on_its_workloads_and_is_judged_once() {
    let judgement = judged(&snapshot(true, Some(image(200, 500))), &Terms::default());
    assert_eq!(judgement.findings.len(), 500);
    let first = &judgement.findings[0];
    let workloads = first.workloads.as_ref().unwrap();
    let labels: Vec<_> = workloads.iter().map(|workload| workload.subject.label()).collect();
    assert_eq!(labels, ["Deployment shop/web", "CronJob shop/report"]);
    // One list shared by all, and one finding for each advisory, image and package.
    assert!(
        judgement.findings.iter().all(|f| Arc::ptr_eq(f.workloads.as_ref().unwrap(), workloads))
    );
    let prints: BTreeSet<_> = judgement.findings.iter().map(|f| f.fingerprint()).collect();
    assert_eq!(prints.len(), 500);
    assert!(matches!(&first.subject, Subject::Package { version, .. } if &**version == "1.0-1"));
    for format in Format::ALL {
        let text = shown(format, &judgement);
        assert!(text.contains("CVE-2026-"), "{format:?}");
        assert!(text.contains("lib"), "{format:?}");
        assert!(text.contains("registry.example/shop/web:1.2"), "{format:?}");
    }
    // Code hosts get the line in the repository that refers to the image.
    let sarif: serde_json::Value = serde_json::from_str(&shown(Format::Sarif, &judgement)).unwrap();
    let result = &sarif["runs"][0]["results"][0];
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "shop.yaml", "{result}");
    assert_eq!(place["region"]["startLine"], 9, "{result}");
    assert_eq!(result["properties"]["vulnerability"]["scores"][0]["source"], "nvd", "{result}");
    let related = result["relatedLocations"].as_array().unwrap();
    assert!(related[0]["message"]["text"].as_str().unwrap().starts_with("installed by"));
    assert!(shown(Format::Github, &judgement).starts_with("::error file=shop.yaml,line=9,"));
    insta::assert_snapshot!("terminal", shown(Format::Terminal, &judgement));
    let json: serde_json::Value = serde_json::from_str(&shown(Format::JsonV1, &judgement)).unwrap();
    insta::assert_snapshot!("json", serde_json::to_string_pretty(&json["findings"][0]).unwrap());
}

#[test]
fn an_image_alone_has_neither_world_nor_workload() {
    let judgement = judged(&snapshot(false, Some(image(3, 4))), &Terms::default());
    assert_eq!(judgement.findings.len(), 4);
    assert!(judgement.findings.iter().all(|f| f.world.is_none() && f.workloads.is_none()));
    insta::assert_snapshot!("terminal_alone", shown(Format::Terminal, &judgement));
    for format in Format::ALL {
        let text = shown(format, &judgement);
        assert!(text.contains("CVE-2026-"), "{format:?}");
        assert!(!text.contains("no Kubernetes object"), "{format:?}: {text}");
    }
}

#[test]
fn facts_that_nobody_asked_for_are_told_once_and_are_no_unknown() {
    let judgement = judged(&snapshot(true, None), &Terms::default());
    assert!(judgement.findings.is_empty());
    let messages: Vec<_> = judgement.notes.iter().map(|note| &*note.message).collect();
    assert_eq!(messages, ["`vulnerable-package` did not run: images were not scanned"]);
    // Packages are known, vulnerabilities were not requested.
    let unmatched = Image { matches: None, ..image(3, 4) };
    let judgement = judged(&snapshot(true, Some(unmatched)), &Terms::default());
    assert_eq!((judgement.findings.len(), judgement.notes.len()), (0, 1));
    let expect =
        "`vulnerable-package` did not run on every image: vulnerabilities were not scanned";
    assert_eq!(judgement.notes[0].message, expect);
}

#[test]
fn no_format_shows_a_secret_of_a_build_instruction() {
    let mut image = image(3, 3);
    let long = "x".repeat(80);
    for layer in &mut image.layers {
        layer.instruction = format!(
            "RUN |1 NPM_TOKEN=hUn73rxQ9aa /bin/sh -c {long} ghp_hUn73rZr0kPn2VxY8sTdL4wJb6MhC1aaaaaa"
        );
    }
    let judgement = judged(&snapshot(true, Some(image)), &Terms::default());
    for format in Format::ALL {
        let text = shown(format, &judgement);
        assert!(!text.contains("hUn73r"), "{format:?}: {text}");
    }
    assert!(shown(Format::JsonV1, &judgement).contains("RUN |1 NPM_TOKEN="));
}

#[test]
fn the_second_form_says_what_to_do() {
    let judgement = judged(&snapshot(false, Some(image(3, 3))), &Terms::default());
    let document: serde_json::Value =
        serde_json::from_str(&shown(Format::Json, &judgement)).unwrap();
    let advice = document["rules"][0]["advice"].as_str().unwrap();
    assert!(advice.starts_with("Rebuild the image"), "{document:#}");
}

fn excepted(selector: Selector) -> usize {
    let rules = catalog().named("PV-S013").map(|entry| entry.rule().clone()).into_iter().collect();
    let exception = Exception {
        checks: rules,
        until: "2026-12-31".parse().unwrap(),
        reason: "accepted".to_owned(),
        form: Form::Policy,
        place: "policy.yaml".to_owned(),
        span: None,
        scope: Where::Policy(Box::new(selector)),
        echo: false,
    };
    let terms = Terms { exceptions: vec![exception], honour: Honour::Policy, ..Terms::default() };
    judged(&snapshot(true, Some(image(20, 40))), &terms).excepted.len()
}

#[test]
fn the_second_form_names_an_image_once() {
    let schema = pavisade_report::json::v2::schema().to_value();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (workloads, matches) in [(true, 40), (false, 4), (true, 0)] {
        let judgement = judged(&snapshot(workloads, Some(image(20, matches))), &Terms::default());
        let text = shown(Format::Json, &judgement);
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        let errors: Vec<_> = validator.iter_errors(&document).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}");
        assert_eq!(document["findings"].as_array().unwrap().len(), matches);
        assert_eq!(document["summary"]["kubernetes"].is_object(), workloads);
        let images = document["images"].as_array().unwrap();
        assert_eq!(images.len(), usize::from(matches > 0));
        if let Some(image) = images.first() {
            assert_eq!(image["workloads"].as_array().unwrap().len(), 2 * usize::from(workloads));
            let subject = &document["findings"][0]["subject"];
            assert_eq!((&subject["type"], &subject["image"]), (&"package".into(), &0.into()));
        }
        // It can be read as a baseline.
        let baseline = baseline("old.json", &text).unwrap();
        let terms = Terms { baseline: Some(baseline), ..Terms::default() };
        let again = judged(&snapshot(workloads, Some(image(20, matches))), &terms);
        assert_eq!(again.baseline.unwrap().known.len(), matches);
    }
    let mut wrong: serde_json::Value = serde_json::from_str(&shown(
        Format::Json,
        &judged(&snapshot(false, Some(image(1, 1))), &Terms::default()),
    ))
    .unwrap();
    wrong["findings"][0]["subject"]["image"] = "a".into();
    assert!(!validator.is_valid(&wrong));
}

#[test]
fn exceptions_select_images_packages_and_advisories() {
    let subject = |subjects| excepted(Selector { subjects: vec![subjects], ..Selector::default() });
    let glob = |text: &str| Some(Glob::new(text).unwrap());
    let none = Subjects::default();
    assert_eq!(subject(Subjects { image: glob("registry.example/shop/web"), ..none.clone() }), 40);
    assert_eq!(subject(Subjects { image: glob("registry.example/other*"), ..none.clone() }), 0);
    assert_eq!(subject(Subjects { package: glob("lib7"), ..none.clone() }), 2);
    assert_eq!(subject(Subjects { package: glob("pkg:deb/debian/lib7@*"), ..none.clone() }), 2);
    // A selector for objects does not match packages, even if an object with that name runs them.
    assert_eq!(subject(Subjects { name: glob("web"), ..none.clone() }), 0);
    assert_eq!(subject(Subjects { kind: glob("*"), ..none }), 0);
    let advisory = |id: &str| Selector {
        vulnerabilities: vec![Glob::new(id).unwrap()],
        ..Selector::default()
    };
    assert_eq!(excepted(advisory("CVE-2026-3")), 1);
    assert_eq!(excepted(advisory("GHSA-3")), 1);
}

#[test]
fn a_baseline_knows_an_image_that_was_built_again() {
    let before = judged(&snapshot(true, Some(image(20, 40))), &Terms::default());
    let baseline = baseline("old.json", &shown(Format::JsonV1, &before)).unwrap();
    let rebuilt = Image {
        digest: "sha256:1".into(),
        name: "registry.example/shop/web:1.3".into(),
        references: Vec::new(),
        ..image(20, 41)
    };
    let terms = Terms { baseline: Some(baseline), ..Terms::default() };
    let after = judged(&snapshot(true, Some(rebuilt)), &terms);
    assert_eq!((after.findings.len(), after.baseline.unwrap().known.len()), (1, 40));
    assert_eq!(after.findings[0].state, State::Fails);
}

#[test]
fn a_hundred_thousand_matches_stay_usable() {
    let judgement = judged(&snapshot(true, Some(image(2_000, 100_000))), &Terms::default());
    assert_eq!(judgement.findings.len(), 100_000);
    for format in Format::ALL {
        let text = shown(format, &judgement);
        let (lines, bytes) = (text.lines().count(), text.len());
        match format {
            Format::Terminal => assert!(lines < 170, "{lines}"),
            Format::Html => assert!(bytes < 20 << 20, "{bytes}"),
            Format::Sarif => {
                assert!(
                    text.contains("75000 results are omitted")
                        || text.contains("75,000 results are omitted")
                );
            }
            Format::Markdown => assert!(bytes < 65_536, "{bytes}"),
            Format::JsonV1
            | Format::Json
            | Format::Csv
            | Format::Junit
            | Format::Gitlab
            | Format::Github => {}
        }
    }
}

/// The same image with a secret in a file, one in the environment, and without a user.
fn inspected() -> Image {
    let file =
        SecretPlace::File { path: "app/.env".into(), layer: Some(1), line: 3, removed: true };
    let secret = |place, what: &str, name: &str| Secret {
        what: what.into(),
        name: name.to_owned(),
        place,
        confidence: Confidence::High,
    };
    let inspection = Inspection {
        configuration: Some(Configuration::default()),
        secrets: vec![
            secret(file, "a GitHub token", ""),
            secret(SecretPlace::Environment, "a secret", "DB_PASSWORD"),
        ],
        ..Inspection::default()
    };
    Image { inspection: Some(inspection), matches: None, ..image(3, 0) }
}

fn judged_for(snapshot: &Snapshot, wanted: fn(&Meta) -> bool, terms: &Terms) -> Judgement {
    let version = KubernetesVersion::minor(37);
    let checks = CheckSet::new(&catalog(), version, wanted, &HashMap::new()).unwrap();
    judge_on(snapshot, &checks, terms, Timestamp::UNIX_EPOCH)
}

fn of_images(meta: &Meta) -> bool {
    *meta.facts == [Fact::Images] && meta.rule.audience == Audience::Everyone
}

#[test]
fn secrets_and_configuration_of_images_are_in_every_output() {
    let judgement = judged_for(&snapshot(true, Some(inspected())), of_images, &Terms::default());
    let names: Vec<_> = judgement.findings.iter().map(|found| &*found.rule.name).collect();
    assert_eq!(names, ["secret-in-image", "secret-in-image-configuration", "image-runs-as-root"]);
    assert!(judgement.findings.iter().all(|found| found.workloads.is_some()));
    let first = &judgement.findings[0];
    assert!(matches!(&first.subject, Subject::File { path, .. } if &**path == "app/.env"));
    for format in Format::ALL {
        let text = shown(format, &judgement);
        for part in ["app/.env", "a GitHub token", "DB_PASSWORD", "registry.example/shop/web:1.2"] {
            assert!(text.contains(part), "{format:?}: {part}");
        }
    }
    insta::assert_snapshot!("terminal_inspected", shown(Format::Terminal, &judgement));
    let alone = judged_for(&snapshot(false, Some(inspected())), of_images, &Terms::default());
    insta::assert_snapshot!("terminal_inspected_alone", shown(Format::Terminal, &alone));
}

#[test]
fn what_was_found_in_images_is_known_again() {
    let snapshot = snapshot(true, Some(inspected()));
    let before = judged_for(&snapshot, of_images, &Terms::default());
    // Different lines and layers: the same findings.
    let mut moved = inspected();
    for secret in &mut moved.inspection.as_mut().unwrap().secrets {
        if let SecretPlace::File { line, layer, .. } = &mut secret.place {
            (*line, *layer) = (90, Some(2));
        }
    }
    let known = baseline("before.json", &shown(Format::Json, &before)).unwrap();
    let terms = Terms { baseline: Some(known), ..Terms::default() };
    let moved = self::snapshot(true, Some(moved));
    let after = judged_for(&moved, of_images, &terms);
    assert!(after.findings.is_empty(), "{:#?}", after.findings);
}

#[test]
fn an_sbom_says_nothing_of_files_and_configuration() {
    let judgement = judged_for(&snapshot(false, Some(image(3, 0))), of_images, &Terms::default());
    assert!(judgement.findings.iter().all(|found| found.state == State::Unknown));
    assert_eq!(judgement.findings.len(), 5);
}
