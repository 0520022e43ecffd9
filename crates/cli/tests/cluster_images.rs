//! `scan --cluster --images`: a real API server whose objects name images of a real registry.
#![expect(clippy::print_stdout, reason = "a test says what it skips")]

use serde_json::Value;
use testbed::Shape;

use crate::images::image;
use crate::registry::Registry;

#[test]
fn images_that_objects_of_a_cluster_name_are_fetched_and_judged() {
    let Some(registry) = Registry::debian(false) else { return };
    // One of its own: objects of other tests name images that are nowhere.
    let started = testbed::start(&Shape::default(), "images");
    let Some(cluster) = started.map_err(|skipped| println!("{skipped}")).ok() else { return };
    let folder = registry.folder.path();
    let made = image(folder, "one", "amd64", &[&[("etc/a", ""), ("bin/sh", "")]]);
    registry.push(folder, "team/app", "1", &made);
    let host = &*registry.host;
    let deployment = |name: &str, tag: &str| {
        format!(
            "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: default}}\n\
             spec:\n  selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    \
             metadata: {{labels: {{app: {name}}}}}\n    \
             spec: {{containers: [{{name: web, image: '{host}/team/app:{tag}'}}]}}\n"
        )
    };
    cluster
        .apply(&(deployment("one", "1") + &deployment("two", "1") + &deployment("gone", "9")))
        .unwrap();
    let kubeconfig = cluster.kubeconfig().display().to_string();
    let arguments = [
        "scan",
        "--cluster",
        "--kubeconfig",
        &kubeconfig,
        "--no-probe",
        "--images",
        "--plain-http",
        host,
        "--check",
        "PV-S020",
        "-f",
        "json",
    ];
    for kept in [false, true] {
        let run = registry.run_as("ann", None, &arguments);
        let document: Value =
            serde_json::from_str(&run.out).unwrap_or_else(|_| panic!("{}", run.err));
        assert_eq!(run.code, 3, "{}", run.err);
        let images = document["images"].as_array().unwrap();
        let names: Vec<_> = images.iter().map(|image| image["name"].as_str().unwrap()).collect();
        assert_eq!(names, [format!("{host}/team/app:1")], "kept: {kept}");
        let workloads = images[0]["workloads"].to_string();
        for name in ["one", "two"] {
            assert!(workloads.contains(&format!("\"{name}\"")), "{workloads}");
        }
        let notes = document["notes"].as_array().unwrap();
        let gone = format!("{host}/team/app:9");
        assert!(notes.iter().any(|note| note["place"] == gone), "{notes:#?}");
        assert_eq!(document["findings"].as_array().unwrap().len(), 1, "{document:#}");
    }
}
