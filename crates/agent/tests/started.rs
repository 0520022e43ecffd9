//! A running agent, and a pod that does the steps of a test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testbed::{Cluster, Image, Shape};

use crate::steps::{self, Happened, Step};

/// What a test of real pods needs.
pub(crate) struct Node {
    pub(crate) cluster: Cluster,
    pub(crate) folder: tempfile::TempDir,
    program: PathBuf,
    /// The tests share a cluster, and an agent sees the pods of all of them.
    _alone: MutexGuard<'static, ()>,
}

static ALONE: Mutex<()> = Mutex::new(());

/// Why an agent may be unable to work on a machine: it has no programs, the kernel has no types, or
/// the test may not load eBPF.
const KNOWN: &[&str] =
    &["has no eBPF programs", "reading the types of the kernel", "Operation not permitted"];

/// Asks until there is an answer, at most a minute.
pub(crate) fn until<T>(mut answer: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        match answer() {
            None if start.elapsed() < Duration::from_secs(60) => {
                std::thread::sleep(Duration::from_millis(200));
            }
            answer => return answer,
        }
    }
}

pub(crate) fn agent() -> Command {
    Command::new(env!("CARGO_BIN_EXE_pavisade-agent"))
}

/// Compiles the program that does the steps of a test. The error says what this machine lacks for it.
pub(crate) fn compile(program: &Path) -> Result<(), String> {
    compile_with("cc", program)
}

/// Compiles the program that does the steps with this compiler.
///
/// # Errors
/// This machine cannot link static programs.
pub(crate) fn compile_with(compiler: &str, program: &Path) -> Result<(), String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/attack.c");
    let mut compile = Command::new(compiler);
    compile.args(["-static", "-O1", "-o"]).arg(program).arg(source);
    let output = compile.output().map_err(|error| format!("running {compiler}: {error}"))?;
    let why = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        return Ok(());
    }
    // Anything else is a mistake in the source.
    assert!(why.contains("cannot find -lc"), "{why}");
    Err(format!("a static program cannot be linked: {why}"))
}

/// A run that needs a cluster fails instead.
fn skip(why: &str) {
    assert!(std::env::var_os("PAVISADE_NEED_CLUSTER").is_none(), "{why}");
    eprintln!("skipped: {why}");
}

impl Node {
    /// Starts a node; prints why if this machine cannot.
    pub(crate) fn start() -> Option<Self> {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let status = agent().arg("status").output().unwrap();
        if !status.status.success() {
            let why = String::from_utf8_lossy(&status.stderr).into_owned();
            assert!(KNOWN.iter().any(|known| why.contains(known)), "pavisade-agent status: {why}");
            skip(why.trim());
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("attack");
        if let Err(why) = compile(&program) {
            skip(&why);
            return None;
        }
        // The file makes this shape, and with it the cluster, different from that of other tests.
        let files = [("sensor".to_owned(), String::new())].into();
        match testbed::shared(&Shape { nodes: 1, files, ..Shape::default() }) {
            Ok(cluster) => Some(Self { cluster, folder, program, _alone: alone }),
            Err(skipped) => {
                eprintln!("{skipped}");
                None
            }
        }
    }

    /// Where the runtime of the node keeps its state, seen from outside of the node.
    pub(crate) fn state(&self) -> PathBuf {
        let node = self.cluster.pid("node-1-init").unwrap();
        format!("/proc/{node}/root/run/containerd/io.containerd.runtime.v2.task/k8s.io").into()
    }

    /// The options with which an agent follows the pods of the node, with a role for nothing else.
    pub(crate) fn follows_pods(&self) -> Vec<String> {
        self.cluster.apply(FOLLOWS).unwrap();
        let file = |name: &str, text: String| {
            let path = self.folder.path().join(name);
            fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let token = file("token", self.cluster.token_for("default", "follows").unwrap());
        let ca = file("ca.crt", self.cluster.ca_pem().unwrap());
        let server = self.cluster.server_url();
        let all = ["--pods", "--api-server", &server, "--api-token", &token, "--api-ca", &ca];
        let nodes = ["get", "nodes", "-o", "jsonpath={.items[0].metadata.name}"];
        let name = self.cluster.get(&nodes).unwrap();
        let all = all.into_iter().chain(["--node-name", name.trim()]);
        all.map(str::to_owned).collect()
    }

    /// Loads the image whose program does the steps of tests, and returns its reference.
    pub(crate) fn image(&self) -> String {
        let reference = format!("pavisade.test/attack:{}", std::process::id());
        let image = Image::new(&reference).link("linked", "usr/bin");
        let mut image = image.entrypoint(&["/attack"]);
        let program = fs::read(&self.program).unwrap();
        for path in PROGRAMS {
            image = image.file(path, 0o755, program.clone());
        }
        for (path, text) in SCRIPTS {
            image = image.file(path, 0o755, *text);
        }
        for file in FILES {
            image = image.file(file, 0o600, "x");
        }
        self.cluster.load(&image).unwrap();
        reference
    }

    /// Starts a pod that waits for attacks.
    pub(crate) fn pod(&self, name: &str) {
        let spec = self.spec(&["pause"]);
        self.create(&json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "labels": {"app": "victim"}}, "spec": spec,
        }));
        let wait = ["wait", "--for=condition=Ready", "--timeout=90s", &format!("pod/{name}")];
        self.cluster.get(&wait).unwrap();
    }

    /// Starts a Deployment whose only container does this, and returns its pod.
    pub(crate) fn deployment(&self, name: &str, args: &[&str]) -> String {
        let labels = json!({"app": "victim", "of": name});
        self.create(&json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": self.spec(args)},
            },
        }));
        let set = format!("deployment/{name}");
        self.cluster.get(&["rollout", "status", &set, "--timeout=90s"]).unwrap();
        let of = format!("of={name}");
        let pod = ["get", "pod", "-l", &of, "-o", "jsonpath={.items[0].metadata.name}"];
        self.cluster.get(&pod).unwrap()
    }

    fn spec(&self, args: &[&str]) -> Value {
        json!({
            "terminationGracePeriodSeconds": 0,
            "containers": [{
                "name": "victim", "image": self.image(), "args": args,
                "securityContext": {"capabilities": {"add": ["SYS_ADMIN", "SYS_PTRACE"]}},
            }],
        })
    }

    fn create(&self, object: &Value) {
        let start = Instant::now();
        // Pods are refused until the namespace has its ServiceAccount.
        while let Err(error) = self.cluster.apply(&object.to_string()) {
            assert!(start.elapsed() < Duration::from_secs(60), "{error:#}");
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    /// Does numbered steps in the pod.
    pub(crate) fn happened(&self, pod: &str, all: &[Step]) -> Happened {
        let done = self.act(pod, &steps::numbered(all));
        assert!(done.success, "{}", done.stderr);
        steps::happened(&format!("{}\n{}", done.stdout, done.stderr))
    }

    /// Does the steps in the pod, and returns what it printed.
    pub(crate) fn act(&self, pod: &str, steps: &str) -> testbed::Output {
        let exec = ["exec", "--stdin", pod, "--", "/attack", "steps"];
        self.cluster.kubectl_with(&exec, steps).unwrap()
    }
}

const FOLLOWS: &str = "\
apiVersion: v1
kind: ServiceAccount
metadata: {name: follows, namespace: default}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: follows-pods}
rules: [{apiGroups: [''], resources: [pods], verbs: [list, watch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: follows-pods}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: follows-pods}
subjects: [{kind: ServiceAccount, name: follows, namespace: default}]
";

/// Copies of the program that does the steps.
pub(crate) const PROGRAMS: &[&str] = &[
    "attack",
    "usr/bin/nc",
    "usr/bin/nc2",
    "usr/bin/ncat",
    "usr/bin/linked",
    "usr/bin/renamed",
    "usr/bin/changed",
    "usr/sbin/nc",
    "opt/usr/bin/nc",
];

/// Scripts, with what they contain.
pub(crate) const SCRIPTS: &[(&str, &str)] =
    &[("usr/bin/uses-nc", "#!/usr/bin/nc\n"), ("usr/bin/uses-ncat", "#!/usr/bin/ncat\n")];

/// Files of the image.
pub(crate) const FILES: &[&str] = &[
    "etc/shadow",
    "etc/shadow2",
    "etc/passwd",
    "etc/sudoers.d/a",
    "etc/kept",
    "root/.ssh/id_ed25519",
    "root/.ssh/id_rsa",
    "root/.ssh/id_ed25519.pub",
    "root/.ssh2",
    "root/.aws/credentials",
    "root/.bash_history",
    "root/.bash_profile2",
    "root/.bashrc",
    "host/etc/kubernetes/pki/ca.key",
    "usr/bin/kept",
    "usr/bin/x/kept",
    "usr/lib/kept",
    "etc/cron.d/kept",
    "var/log/app.log",
    "tmp/kept",
    "moved",
    "job",
    "keys",
    "keys2",
];

/// A running agent, whose alerts are in a file.
pub(crate) struct Agent {
    child: Child,
    alerts: PathBuf,
    told: PathBuf,
}

impl Agent {
    pub(crate) fn start(node: &Node, more: &[&str]) -> Self {
        Self::start_for(&node.state(), node.folder.path(), more)
    }

    /// Starts an agent for the containers of a runtime with this state.
    pub(crate) fn start_for(state: &Path, folder: &Path, more: &[&str]) -> Self {
        let alerts = folder.join(format!("alerts-{}.jsonl", more.len()));
        let told = alerts.with_extension("log");
        let mut command = agent();
        command.args(["run", "--host", "nothing", "--output"]).arg(&alerts);
        command.arg("--state").arg(state).args(more);
        command.stderr(fs::File::create(&told).unwrap()).stdout(Stdio::null());
        let agent = Self { child: command.spawn().unwrap(), alerts, told };
        let start = Instant::now();
        while !agent.told().contains("watching") {
            assert!(start.elapsed() < Duration::from_secs(60), "{}", agent.told());
            std::thread::sleep(Duration::from_millis(100));
        }
        agent
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// The processes that it started.
    pub(crate) fn children(&self) -> Vec<String> {
        let pid = self.child.id();
        let all = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        all.split_whitespace().map(str::to_owned).collect()
    }

    /// How it ended; it must end by itself.
    pub(crate) fn ended(&mut self) -> String {
        until(|| self.child.try_wait().unwrap()).map(|status| status.to_string()).unwrap()
    }

    pub(crate) fn told(&self) -> String {
        fs::read_to_string(&self.told).unwrap()
    }

    /// How many bytes of alerts there are.
    pub(crate) fn written(&self) -> u64 {
        fs::metadata(&self.alerts).map_or(0, |file| file.len())
    }

    pub(crate) fn alerts(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.alerts).unwrap_or_default();
        // The last line may be half written.
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
