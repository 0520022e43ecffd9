//! Probes that run in a pod: what its token may do, and what it can reach.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use testbed::{Cluster, Image, Shape};

use super::{verdicts, with};

/// Returns an image of the program.
fn image() -> Image {
    let reference = format!("pavisade.test/pavisade:{}", std::process::id());
    Image::new(&reference).program("pavisade", Path::new(env!("CARGO_BIN_EXE_pavisade"))).unwrap()
}

/// Runs the program in the network of the node.
pub(super) fn probe(cluster: &Cluster, folder: &Path, args: &[&str]) -> (i32, String) {
    probe_with(cluster, folder, None, args)
}

/// Runs it with a token in place of the administrator's certificate.
pub(super) fn probe_with(
    cluster: &Cluster,
    folder: &Path,
    token: Option<&str>,
    args: &[&str],
) -> (i32, String) {
    let kubeconfig = fs::read_to_string(cluster.kubeconfig()).unwrap();
    let inside = format!("https://{}:6443", cluster.node_address(1));
    let kubeconfig = kubeconfig.replace(&cluster.server_url(), &inside);
    let mut kubeconfig: serde_json::Value = serde_json::from_str(&kubeconfig).unwrap();
    if let Some(token) = token {
        kubeconfig["users"][0]["user"] = serde_json::json!({"token": token});
    }
    fs::write(folder.join("kubeconfig"), kubeconfig.to_string()).unwrap();
    let output = inside_node(cluster, env!("CARGO_BIN_EXE_pavisade"))
        .arg("probe")
        .args(args)
        .args(["--kubeconfig", "kubeconfig", "--journals", "."])
        .current_dir(folder)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), format!("{}{}", text(&output.stderr), text(&output.stdout)))
}

pub(super) fn inside_node(cluster: &Cluster, program: &str) -> Command {
    let target = format!("--target={}", cluster.pid("node-1-init").unwrap());
    let mut command = Command::new("nsenter");
    command.args([&target, "--net", "--", program]).stdin(Stdio::null());
    command
}

/// The token of `open` may read a Secret and run commands in pods, that of `closed` may do nothing.
/// Both namespaces enforce the Pod Security level `restricted`.
const OBJECTS: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: open, labels: {pod-security.kubernetes.io/enforce: restricted}}
---
apiVersion: v1
kind: Namespace
metadata: {name: closed, labels: {pod-security.kubernetes.io/enforce: restricted}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: r, namespace: open}
rules:
- {apiGroups: [''], resources: [secrets], resourceNames: [one], verbs: [get]}
- {apiGroups: ['*'], resources: ['*/exec'], verbs: [create]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: r, namespace: open}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}
subjects: [{kind: ServiceAccount, name: default, namespace: open}]
";

#[test]
fn a_pod_is_started_examined_and_removed() {
    let audit_policy = Some(super::AUDIT_POLICY.to_owned());
    let shape = Shape { nodes: 1, audit_policy, ..Shape::default() };
    let started = testbed::start(&shape, "probe-inside");
    let Some(cluster) = started.map_err(|skipped| println!("{skipped}")).ok() else { return };
    let image = image();
    cluster.load(&image).unwrap();
    cluster.apply(OBJECTS).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let address = cluster.node_address(1);
    // kube-proxy's health responds to the node, and one of two pods cannot reach it.
    let own = fs::read_link("/proc/self/ns/net").unwrap();
    let node = format!("/proc/{}/ns/net", cluster.pid("node-1-init").unwrap());
    assert_ne!(fs::read_link(node).unwrap(), own);
    let scope = format!(
        "kind: ProbeScope\naddresses: ['egress@{address}:6443', 'egress@{address}:10256']\n\
         cluster: true\nnamespaces: [open, closed]\nconsent:\n  by: Ann\n  server: \
         https://{address}:6443\n  until: {}\n  probes: [in-pod, segmentation]\n",
        jiff::Zoned::now().date().tomorrow().unwrap()
    );
    fs::write(folder.path().join("scope.yaml"), scope).unwrap();
    let count = || {
        let pods = ["get", "pods", "--all-namespaces", "-o", "name"];
        cluster.get(&pods).unwrap().lines().count()
    };
    let before = count();
    let look = |namespace: &str| {
        let args = [
            "--scope-file",
            "scope.yaml",
            "--in-pod",
            namespace,
            "--pod-image",
            image.reference(),
            "--only",
            "PV-P13,PV-P14,PV-P096",
            "--evidence",
            "e.json",
        ];
        let (code, told) = probe(&cluster, folder.path(), &args);
        (code, told, verdicts(&folder.path().join("e.json")))
    };
    let (code, told, all) = look("open");
    assert_eq!(code, 1, "{told}");
    let open = with(&all, "open").into_iter().collect::<Vec<_>>();
    // The token is mounted, reads a Secret and runs commands; both addresses respond.
    assert_eq!(open, ["PV-P096", "PV-P135", "PV-P142", "PV-P143"], "{all:#?}\n{told}");
    let reason = |id: &str, of: &str| all[&(id.to_owned(), of.to_owned())].1.clone();
    assert!(reason("PV-P142", "open").contains("get secrets named one"), "{all:#?}");
    assert!(reason("PV-P143", "open").contains("create pods/exec"), "{all:#?}");
    let reached = format!("egress {address}:6443");
    assert!(all.contains_key(&("PV-P096".to_owned(), reached.clone())), "{all:#?}");
    // Only the namespace of the pod was asked, and a RoleBinding of another may grant more.
    assert!(with(&all, "unknown").contains("PV-P144"), "{all:#?}");
    assert_eq!(count(), before);

    // The other namespace, from which nothing but the API server can be reached.
    let rules = format!(
        "table inet probe {{\nchain input {{\ntype filter hook input priority 0\niifname != \"lo\" \
         ip daddr {address} tcp dport 10256 drop\n}}\n}}"
    );
    let nft = inside_node(&cluster, "nft").arg(&rules).status();
    let (code, told, all) = look("closed");
    let open = with(&all, "open").into_iter().collect::<Vec<_>>();
    assert_eq!(
        (code, open),
        (1, vec!["PV-P096".to_owned(), "PV-P135".to_owned()]),
        "{all:#?}\n{told}"
    );
    if nft.is_ok_and(|status| status.success()) {
        let cut = format!("egress {address}:10256");
        let (word, why) = &all[&("PV-P096".to_owned(), cut)];
        assert_eq!((&**word, &**why), ("closed", "no response in the pod, but outside of it"));
    }
    assert!(with(&all, "closed").contains("PV-P130"), "{all:#?}");
    assert!(
        with(&all, "unknown")
            .is_superset(&["PV-P142", "PV-P143", "PV-P144"].map(str::to_owned).into()),
        "{all:#?}"
    );
    // The results are facts, like others.
    let done = crate::started::run(folder.path(), &["scan", "e.json"]);
    assert!(done.out.contains("pod-service-account-token"), "{}{}", done.out, done.err);

    segmentation(&cluster, folder.path(), image.reference());
    assert_eq!(count(), before);

    super::links::a_link_in_place_of_a_log(&cluster, folder.path(), image.reference());
    assert_eq!(count(), before);

    // An image that is not ours, and one that does not exist.
    for (image, expect) in [
        (testbed::TESTBED, "the log of the pod has no results"),
        ("pavisade.test/NONE:1", "the pod did not run: InvalidImageName"),
    ] {
        let args = ["--scope-file", "scope.yaml", "--in-pod", "open", "--pod-image", image];
        let (code, told) =
            probe(&cluster, folder.path(), &[&args[..], &["--only", "PV-P13"]].concat());
        assert!(told.contains(expect), "{image}: {told}");
        assert_eq!(code, 3, "{told}");
        assert_eq!(count(), before, "{told}");
    }
}

const DENY: &str = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: closed}
spec: {podSelector: {}, policyTypes: [Ingress]}
";

/// The network plugin of the test cluster enforces no policy: what they forbid is possible. Then the
/// network drops it.
fn segmentation(cluster: &Cluster, folder: &Path, image: &str) {
    cluster.apply(DENY).unwrap();
    let scope = fs::read_to_string(folder.join("scope.yaml")).unwrap();
    let scope: Vec<_> = scope.lines().filter(|line| !line.starts_with("addresses")).collect();
    fs::write(folder.join("segments.yaml"), scope.join("\n")).unwrap();
    let look = || {
        let args = [
            "--scope-file",
            "segments.yaml",
            "--segmentation",
            "--pod-image",
            image,
            "--only",
            "PV-P170",
            "--evidence",
            "e.json",
        ];
        let (code, told) = probe(cluster, folder, &args);
        let all = verdicts(&folder.join("e.json"));
        let all = all.into_iter().map(|((_, of), (word, _))| format!("{of}: {word}"));
        (code, told, all.collect::<Vec<_>>())
    };
    let (code, told, all) = look();
    // Connections to `open` are permitted: they are not results.
    assert_eq!(
        all,
        ["namespace closed -> closed: open", "namespace open -> closed: open"],
        "{told}"
    );
    assert_eq!(code, 1, "{told}");
    // The network drops what goes to the server in `closed`: the others stay reachable.
    let rules = |ip: &str| {
        format!(
            "table bridge probe {{\nchain forward {{\ntype filter hook forward priority 0\n\
             ip daddr {ip} tcp dport 8080 drop\n}}\n}}"
        )
    };
    let drops = |ip: &str| {
        inside_node(cluster, "nft").arg(rules(ip)).status().is_ok_and(|status| status.success())
    };
    let (is_dropped, (code, told, all)) = std::thread::scope(|scope| {
        let dropped = scope.spawn(|| {
            let path = "jsonpath={.items[*].status.podIP}";
            for _ in 0..300 {
                let ips = cluster.get(&["get", "pods", "-n", "closed", "-o", path]);
                match ips.unwrap_or_default().split_whitespace().next() {
                    Some(ip) => return drops(ip),
                    None => std::thread::sleep(std::time::Duration::from_millis(200)),
                }
            }
            false
        });
        let looked = look();
        (dropped.join().unwrap(), looked)
    });
    if !is_dropped {
        return println!("skipped: the bridge of the node cannot drop packets");
    }
    // The client in `closed` reaches `open`, as the client in `open` does.
    assert_eq!(
        all,
        ["namespace closed -> closed: closed", "namespace open -> closed: closed"],
        "{told}"
    );
    assert_eq!(code, 0, "{told}");
    // The results are evidence that segmentation was tested.
    let args = ["comply", "e.json", "--framework", "pci-dss", "--format", "json"];
    let done = crate::started::run(folder, &args);
    let json: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    let controls = json["frameworks"][0]["controls"].as_array().unwrap();
    let control = controls.iter().find(|control| control["id"] == "11.4.5").unwrap();
    assert_eq!(control["state"], "holds-in-part", "{control}");
}
