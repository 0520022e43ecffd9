//! Results of probes as input of `scan` and `comply`.

use std::fs;
use std::net::TcpListener;

use serde_json::Value;

use super::doubles::{http, serve};
use crate::started::{Run, folder, run};

/// Probes a double of a kubelet's read-only port that lists pods. Returns the folder with the
/// evidence, and the address.
fn probed() -> (tempfile::TempDir, String) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    serve(listener, |request| match request.starts_with("GET /pods ") {
        true => http("200 OK", "", r#"{"kind":"PodList","apiVersion":"v1","items":[{}]}"#),
        false => http("404 Not Found", "", ""),
    });
    let folder = folder(&[]);
    let scope = format!("kubelet-read-only@{address}");
    let args = ["probe", "--scope", &scope, "--journals", "j", "--evidence", "e.json", "-q"];
    let done = run(folder.path(), &args);
    assert_eq!(done.code, 1, "{}{}", done.out, done.err);
    (folder, address)
}

fn findings(done: &Run) -> Vec<String> {
    let json: Value = serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{}", done.err));
    let all = json["findings"].as_array().unwrap().iter();
    all.map(|finding| format!("{} {}", finding["rule"].as_str().unwrap(), finding["state"]))
        .collect()
}

#[test]
fn results_are_judged_like_other_input() {
    let (folder, address) = probed();
    let path = folder.path();
    let scan = |more: &[&str]| run(path, &[&["scan", "e.json"][..], more].concat());
    let done = scan(&["--format", "json"]);
    assert_eq!(done.code, 1, "{}", done.err);
    assert_eq!(findings(&done), ["PV-P065 \"fails\""], "{}", done.out);
    let json: Value = serde_json::from_str(&done.out).unwrap();
    let finding = &json["findings"][0];
    assert!(finding["subject"].to_string().contains(&address), "{finding}");
    // The place is the result in the document.
    let text = scan(&[]);
    assert!(
        text.out.contains("e.json:") && text.out.contains("kubelet-read-only-pods"),
        "{}",
        text.out
    );
    for format in ["sarif", "junit", "html", "markdown", "github", "gitlab", "csv", "json-v1"] {
        let done = scan(&["--format", format]);
        assert_eq!(done.code, 1, "{format}: {}", done.err);
        assert!(done.out.contains("PV-P065"), "{format}: {}", done.out);
    }

    // A baseline, and the same result of another run.
    fs::write(path.join("before.json"), &done.out).unwrap();
    let evidence = fs::read_to_string(path.join("e.json")).unwrap();
    let start = evidence.find("\"run\": \"").unwrap() + 8;
    let id = evidence[start..start + 12].to_owned();
    fs::write(path.join("e.json"), evidence.replace(&id, "000000000000")).unwrap();
    assert_eq!(scan(&["--baseline", "before.json"]).code, 0);

    // An exception by the name of the probe and its address.
    let exception = format!(
        "exceptions:\n- checks: [kubelet-read-only-pods]\n  reason: a lab\n  until: 2099-01-01\n  \
         subjects: [{{kind: Endpoint, name: '{address}'}}]\n"
    );
    fs::write(path.join("exceptions.yaml"), &exception).unwrap();
    let done = scan(&["--exceptions", "exceptions.yaml"]);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    fs::write(path.join("exceptions.yaml"), exception.replace(&address, "10.0.0.9:1")).unwrap();
    assert_eq!(scan(&["--exceptions", "exceptions.yaml"]).code, 1);
    assert_eq!(scan(&["--skip", "PV-P065"]).code, 0);
    let done = scan(&["--explain"]);
    assert_eq!(done.code, 1, "{}{}", done.out, done.err);
    assert!(done.out.contains("= fix: Set `readOnlyPort: 0`"), "{}", done.out);

    // Without results, their checks are not run, and are not passed.
    fs::create_dir(path.join("empty")).unwrap();
    fs::write(path.join("empty/a.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
        .unwrap();
    let done = run(path, &["scan", "empty", "--check", "PV-P065"]);
    assert_eq!(done.code, 2, "{}{}", done.out, done.err);
    assert!(done.err.contains("no results of probes"), "{}", done.err);

    // Results that are too old prove nothing.
    let time = evidence.find("\"time\": \"").unwrap() + 9;
    let old = evidence.replace(&evidence[time..time + 4], "2001");
    fs::write(path.join("e.json"), old).unwrap();
    let done = scan(&["--format", "json"]);
    assert!(findings(&done).iter().all(|finding| finding.contains("unknown")), "{}", done.out);
    // An incomplete run, and results of a later version.
    let other = evidence.replace("\"unread\": []", "\"unread\": [\"10.0.0.9: no response\"]");
    fs::write(path.join("e.json"), other.replace("PV-P065", "PV-P999")).unwrap();
    let done = scan(&[]);
    assert_eq!(done.code, 3, "{}{}", done.out, done.err);
    let told = format!("{}{}", done.out, done.err);
    assert!(told.contains("10.0.0.9: no response"), "{told}");
    assert!(told.contains("this version does not have"), "{told}");
}

#[test]
fn results_are_evidence_for_controls() {
    let (folder, _) = probed();
    let path = folder.path();
    let states = |framework: &str| {
        let done = run(path, &["comply", "e.json", "--framework", framework, "--format", "json"]);
        let json: Value =
            serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{}", done.err));
        let controls = json["frameworks"][0]["controls"].as_array().unwrap().clone();
        move |id: &str| {
            let control = controls.iter().find(|control| control["id"] == id).unwrap();
            control["state"].as_str().unwrap().to_owned()
        }
    };
    let pci = states("pci-dss");
    // It was tested, and what was found is not fixed.
    assert_eq!((pci("11.4.2"), pci("11.4.4")), ("holds-in-part".to_owned(), "fails".to_owned()));
    // Nothing tested segmentation, and no document says what the method is.
    assert_eq!((pci("11.4.5"), pci("11.4.1")), ("by-hand".to_owned(), "by-hand".to_owned()));
    assert_eq!(states("hipaa")("164.308(a)(8)"), "holds-in-part");
    assert_eq!(states("gdpr")("32(1)(d)"), "holds-in-part");
    assert_eq!(states("nist-800-53")("CA-8"), "holds-in-part");
    // With nothing open, findings are fixed as far as this can tell.
    let evidence = fs::read_to_string(path.join("e.json")).unwrap();
    let mut document: Value = serde_json::from_str(&evidence).unwrap();
    for result in document["results"].as_array_mut().unwrap() {
        result["verdict"] = "closed".into();
    }
    fs::write(path.join("e.json"), document.to_string()).unwrap();
    assert_eq!(states("pci-dss")("11.4.4"), "holds-in-part");
    // Results that are unknown are not a test.
    for result in document["results"].as_array_mut().unwrap() {
        result["verdict"] = "unknown".into();
    }
    fs::write(path.join("e.json"), document.to_string()).unwrap();
    let pci = states("pci-dss");
    assert_eq!((pci("11.4.2"), pci("11.4.4")), ("unknown".to_owned(), "unknown".to_owned()));
    // Without results, the controls are assessed by hand.
    fs::write(path.join("e.json"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
        .unwrap();
    assert_eq!(states("pci-dss")("11.4.2"), "by-hand");
}
