//! Clusters with two nodes.
#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests fail by panics, wait for what is slow, and say why they are skipped"
)]

use std::fs;
use std::time::{Duration, Instant};

use testbed::{Cluster, Image, Shape, TESTBED};

macro_rules! two_nodes {
    () => {
        match testbed::shared(&Shape { nodes: 2, ..Shape::default() }) {
            Ok(cluster) => cluster,
            Err(skipped) => return eprintln!("{skipped}"),
        }
    };
}

/// A namespace of the test's own; another run may use the same cluster meanwhile.
struct Space<'a> {
    cluster: &'a Cluster,
    name: String,
}

impl<'a> Space<'a> {
    fn new(cluster: &'a Cluster, name: &str) -> Self {
        let space = Self { cluster, name: format!("test-{name}-{}", std::process::id()) };
        cluster.get(&["create", "namespace", &space.name]).unwrap();
        // Pods are refused until it has its ServiceAccount.
        until("the ServiceAccount", || space.try_get(&["get", "serviceaccount", "default"]));
        space
    }

    fn try_get(&self, args: &[&str]) -> Option<String> {
        let space = format!("--namespace={}", self.name);
        self.cluster.get(&[&[space.as_str()][..], args].concat()).ok()
    }

    fn get(&self, args: &[&str]) -> String {
        let space = format!("--namespace={}", self.name);
        self.cluster.get(&[&[space.as_str()][..], args].concat()).unwrap()
    }

    fn pod(&self, name: &str, node: &str, image: &str, args: &[&str]) {
        let pod = serde_json::json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": self.name, "labels": {"app": name}},
            "spec": {
                "terminationGracePeriodSeconds": 1,
                "nodeSelector": {"kubernetes.io/hostname": node},
                "containers": [{"name": "main", "image": image, "args": args}],
            },
        });
        self.cluster.apply(&pod.to_string()).unwrap();
        let named = format!("pod/{name}");
        let ready = ["wait", "--for=condition=Ready", "--timeout=60s", &named];
        if self.try_get(&ready).is_none() {
            panic!("{name} is not ready:\n{}", self.get(&["describe", &named]));
        }
    }
}

impl Drop for Space<'_> {
    fn drop(&mut self) {
        let _ = self.cluster.kubectl(&["delete", "namespace", &self.name, "--wait=false"]);
    }
}

fn until<T>(what: &str, mut get: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(got) = get() {
            return got;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "waited 60 s for {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_pod_runs_and_can_be_entered() {
    let cluster = two_nodes!();
    let space = Space::new(&cluster, "enter");
    space.pod("talk", "node-1", TESTBED, &["print", "I", "run"]);
    assert_eq!(space.get(&["logs", "talk"]), "I run\n");
    space.get(&["exec", "talk", "--", "/testbed", "write", "/note", "from outside"]);
    assert_eq!(space.get(&["exec", "talk", "--", "/testbed", "read", "/note"]), "from outside");
    let field =
        |path: &str| space.get(&["get", "pod", "talk", &format!("--output=jsonpath={path}")]);
    let range = "--output=jsonpath={.spec.podCIDR}";
    let range = cluster.get(&["get", "node", "node-1", range]).unwrap();
    let (net, _) = range.rsplit_once('.').unwrap();
    assert!(field("{.status.podIP}").starts_with(net), "{range}");
    assert_eq!(field("{.spec.nodeName}"), "node-1");
}

#[test]
fn a_service_leads_to_the_other_node() {
    let cluster = two_nodes!();
    let space = Space::new(&cluster, "service");
    space.pod("web", "node-2", TESTBED, &["serve", ":8080", "hello"]);
    space.pod("client", "node-1", TESTBED, &["pause"]);
    space.get(&["expose", "pod", "web", "--port=80", "--target-port=8080"]);
    let address = space.get(&["get", "service", "web", "--output=jsonpath={.spec.clusterIP}"]);
    let url = format!("http://{address}/");
    let get = ["exec", "client", "--", "/testbed", "get", &url];
    assert_eq!(until("the service", || space.try_get(&get)), "hello from web\n");
    // Without kube-proxy's translation the address leads nowhere.
    let nowhere = url.replace(&address, &address.replacen("10.215.", "10.216.", 1));
    assert_eq!(space.try_get(&["exec", "client", "--", "/testbed", "get", &nowhere]), None);
}

#[test]
fn a_pod_reaches_the_api_server_as_its_service_account() {
    let cluster = two_nodes!();
    let space = Space::new(&cluster, "api");
    space.pod("asks", "node-2", TESTBED, &["pause"]);
    let ask = |path: &str| {
        space.cluster.kubectl(&[
            "--namespace",
            &space.name,
            "exec",
            "asks",
            "--",
            "/testbed",
            "api",
            path,
        ])
    };
    let version = until("the API", || ask("/version").ok().filter(|output| output.success));
    assert!(version.stdout.contains("gitVersion"), "{version:?}");
    let secrets = ask("/api/v1/secrets").unwrap();
    let who = format!("system:serviceaccount:{}:default", space.name);
    assert!(!secrets.success && secrets.stdout.contains(&who), "{secrets:?}");
}

#[test]
fn an_image_of_files_runs() {
    let cluster = two_nodes!();
    let space = Space::new(&cluster, "image");
    let program = testbed::tools::built("testbed").unwrap();
    let image = Image::new("pavisade.test/files:1")
        .file("bin/say", 0o755, fs::read(program).unwrap())
        .file("/etc/motd", 0o644, "made by a test\n")
        .entrypoint(&["/bin/say"])
        .user("1000:1000");
    cluster.load(&image).unwrap();
    for node in ["node-1", "node-2"] {
        space.pod(node, node, image.reference(), &["pause"]);
        let read = ["exec", node, "--", "/bin/say", "read", "/etc/motd"];
        assert_eq!(space.get(&read), "made by a test\n");
        let status = ["exec", node, "--", "/bin/say", "read", "/proc/self/status"];
        assert!(space.get(&status).contains("\nUid:\t1000\t1000\t1000\t1000\n"));
    }
}

#[test]
fn a_static_pod_has_a_mirror() {
    let cluster = two_nodes!();
    let name = format!("kube-apiserver-{}", std::process::id());
    let manifest = serde_json::json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "kube-system"},
        "spec": {"hostNetwork": true, "containers": [{
            "name": "kube-apiserver", "image": TESTBED,
            "command": ["/testbed", "print", "--anonymous-auth=true"],
        }]},
    });
    let mirror = format!("{name}-node-1");
    let file = cluster.manifests(1).join(format!("{name}.yaml"));
    fs::write(&file, manifest.to_string()).unwrap();
    let get = ["--namespace=kube-system", "get", "pod", &mirror, "--output=json"];
    let pod = until("the mirror pod to run", || {
        let pod = cluster.get(&get).ok()?;
        pod.contains(r#""phase": "Running""#).then_some(pod)
    });
    assert!(pod.contains("kubernetes.io/config.mirror"), "{pod}");
    assert!(pod.contains("--anonymous-auth=true"), "{pod}");
    fs::remove_file(&file).unwrap();
    until("the mirror pod to go", || cluster.get(&get).is_err().then_some(()));
}

/// On the machine itself, only loopback may be listened on.
#[test]
fn nothing_listens_outside() {
    let cluster = two_nodes!();
    let mut ours = Vec::new();
    for name in
        ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "node-1-forward"]
    {
        let pid = cluster.pid(name).unwrap();
        for entry in fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten() {
            let Ok(to) = fs::read_link(entry.path()) else { continue };
            let to = to.display().to_string();
            ours.extend(
                to.strip_prefix("socket:[").map(|rest| rest.trim_end_matches(']').to_owned()),
            );
        }
    }
    let mut loopback = 0;
    for file in ["/proc/net/tcp", "/proc/net/tcp6"] {
        for line in fs::read_to_string(file).unwrap().lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (address, listens, inode) = (fields[1], fields[3] == "0A", fields[9]);
            if listens && ours.iter().any(|ours| ours == inode) {
                assert!(address.starts_with("0100007F:"), "{file}: {line}");
                loopback += 1;
            }
        }
    }
    assert_eq!(loopback, 3, "etcd's two and the API server's one");
    // A node's own programs cannot listen on the machine: they have another network.
    let network = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/net")).unwrap();
    for node in ["node-1-init", "node-2-init"] {
        assert_ne!(network(&cluster.pid(node).unwrap().to_string()), network("self"));
    }
}
