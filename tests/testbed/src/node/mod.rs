//! Nodes: containerd, kubelet and kube-proxy, each node in namespaces of its own.
//!
//! A node's first process holds its namespaces for mounts, network, processes and the
//! host's name. When it ends, the kernel ends everything in the node, pods too, and
//! takes the mounts and the network with it; so nothing is left behind however the
//! starter ended. In there, every path is where it is on any node: `/var/lib/kubelet`,
//! `/etc/kubernetes`, `/run/containerd`.

mod cgroup;
mod config;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::json;

use crate::control_plane::until;
use crate::image::Image;
use crate::kubectl;
use crate::network::Network;
use crate::process::{self, Launch};
use crate::state::{self, NodeTools, Remains, State};

/// Where the API server is reached on every node.
pub(crate) const API_PORT: u16 = 6443;

/// Kernel settings of the whole machine that a kubelet changes.
const SYSCTLS: &[&str] = &[
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
];

/// What a node is called.
pub(crate) fn name(node: u8) -> String {
    format!("node-{node}")
}

/// A node while it is made.
pub(crate) struct Node<'a> {
    state: &'a State,
    tools: &'a NodeTools,
    network: Network,
    number: u8,
    cluster: PathBuf,
    folder: PathBuf,
}

impl<'a> Node<'a> {
    fn of(state: &'a State, cluster: &Path, number: u8) -> anyhow::Result<Self> {
        Ok(Self {
            state,
            tools: state.tools.node.as_ref().context("the cluster has no programs for nodes")?,
            network: Network::of(state.slot),
            number,
            cluster: cluster.to_owned(),
            folder: cluster.join(name(number)),
        })
    }

    fn name(&self) -> String {
        name(self.number)
    }

    fn address(&self) -> String {
        self.network.node(self.number)
    }

    fn cgroup(&self) -> String {
        format!("pavisade-{}-{}", self.state.name, self.number)
    }

    /// The minor version of the kubelet.
    fn minor(&self) -> u32 {
        let version = self.state.shape.version.as_deref();
        let minor = version.and_then(|version| version.split('.').nth(1)?.parse().ok());
        minor.unwrap_or(u32::MAX)
    }

    fn init(&self) -> anyhow::Result<i32> {
        let init = self.state.processes.get(&format!("{}-init", self.name()));
        Ok(init.with_context(|| format!("{} has no first process", self.name()))?.pid)
    }

    /// A program in the node's namespaces.
    fn inside(&self, program: &Path, args: &[&str]) -> anyhow::Result<Launch> {
        let path = std::env::var("PATH").unwrap_or_default();
        let ours = self.tools.containerd.display();
        let mut all = vec![format!("--target={}", self.init()?)];
        all.extend(["--mount", "--net", "--pid", "--uts", "--", "env"].map(str::to_owned));
        // containerd finds its shim there.
        all.push(format!("PATH={ours}:{path}"));
        all.push(program.display().to_string());
        all.extend(args.iter().map(|arg| (*arg).to_owned()));
        Ok(Launch { program: "nsenter".to_owned(), args: all })
    }

    /// Runs one that ends.
    fn within(&self, program: &Path, args: &[&str]) -> anyhow::Result<String> {
        let launch = self.inside(program, args)?;
        let args: Vec<&str> = launch.args.iter().map(String::as_str).collect();
        run(&launch.program, &args)
    }
}

/// Starts the nodes of the shape and waits until they are ready.
pub(crate) fn start(state: &mut State, folder: &Path) -> anyhow::Result<()> {
    if state.shape.nodes == 0 {
        return Ok(());
    }
    for hidden in ["/etc", "/run", "/var", "/sys", "/proc"] {
        if folder.starts_with(hidden) {
            bail!(
                "{} lies below {hidden}, of which a node has its own: \
                 set XDG_CACHE_HOME to another folder",
                folder.display()
            );
        }
    }
    remember_sysctls(state)?;
    let network = Network::of(state.slot);
    make_bridge(state, network)?;
    for number in 1..=state.shape.nodes {
        let at = number_of(state, folder, number);
        at.with_context(|| format!("starting {}", name(number)))?;
    }
    for number in 1..=state.shape.nodes {
        let at = join(state, folder, network, number);
        at.with_context(|| format!("joining {}", name(number)))?;
    }
    publish_api(state, folder, network)?;
    for number in 1..=state.shape.nodes {
        let node = name(number);
        let args = ["wait", "--for=condition=Ready", "--timeout=1s", "node", &node];
        until(state, folder, &format!("{node} to be ready"), &args)?;
    }
    Ok(())
}

fn number_of(state: &mut State, folder: &Path, number: u8) -> anyhow::Result<()> {
    let network = Network::of(state.slot);
    let home = folder.join(name(number));
    for part in [
        "var/lib/kubelet",
        "var/lib/containerd",
        "var/log",
        "var/tmp",
        "kubernetes/pki",
        "kubernetes/manifests",
        "cni",
        "containerd",
    ] {
        let part = home.join(part);
        fs::create_dir_all(&part).with_context(|| format!("creating {}", part.display()))?;
    }
    let run_link = home.join("var/run");
    std::os::unix::fs::symlink("/run", &run_link)
        .with_context(|| format!("linking {}", run_link.display()))?;
    let tools = Node::of(state, folder, number)?.tools.clone();
    let group = Node::of(state, folder, number)?.cgroup();
    state.cgroups.push(group.clone());
    state.write()?;
    cgroup::make(&group)?;
    config::write(&Node::of(state, folder, number)?)?;
    hold_namespaces(state, &home, number, &tools)?;
    connect(state, network, number)?;

    let forward = Launch {
        program: tools.testbed.join("testbed").display().to_string(),
        args: vec![
            "forward".to_owned(),
            format!("/proc/{}/ns/net", Node::of(state, folder, number)?.init()?),
            format!("{}:{API_PORT}", network.node(number)),
            format!("127.0.0.1:{}", state.ports.api),
        ],
    };
    state.start(&format!("{}-forward", name(number)), forward)?;

    let containerd = tools.containerd.join("containerd");
    let launch = Node::of(state, folder, number)?
        .inside(&containerd, &["--config", "/etc/containerd/config.toml"])?;
    state.start(&format!("{}-containerd", name(number)), launch)?;
    for image in ["pause", "testbed"] {
        let tar = home.join(format!("{image}.tar"));
        import(state, &Node::of(state, folder, number)?, &tar)?;
    }
    let kubernetes = state.tools.kubernetes.clone();
    let hostname = format!("--hostname-override={}", name(number));
    let address = format!("--node-ip={}", network.node(number));
    let args = [
        "--config=/var/lib/kubelet/config.yaml",
        "--kubeconfig=/etc/kubernetes/kubelet.conf",
        &hostname,
        &address,
    ];
    let launch = Node::of(state, folder, number)?.inside(&kubernetes.join("kubelet"), &args)?;
    state.start(&format!("{}-kubelet", name(number)), launch)?;
    let args = ["--config=/etc/kubernetes/kube-proxy.yaml"];
    let launch = Node::of(state, folder, number)?.inside(&kubernetes.join("kube-proxy"), &args)?;
    state.start(&format!("{}-kube-proxy", name(number)), launch)?;
    Ok(())
}

/// Starts the first process and finds it: `unshare` is its parent.
fn hold_namespaces(
    state: &mut State,
    home: &Path,
    number: u8,
    tools: &NodeTools,
) -> anyhow::Result<()> {
    let script = home.join("setup.sh");
    fs::write(&script, include_str!("setup.sh"))
        .with_context(|| format!("writing {}", script.display()))?;
    let args = ["--mount", "--net", "--pid", "--uts", "--fork", "--kill-child", "--mount-proc"];
    let mut args: Vec<String> = args.map(str::to_owned).to_vec();
    let program = tools.testbed.join("testbed");
    args.extend(["sh", "-e"].map(str::to_owned));
    args.extend([&script, home].map(|path| path.display().to_string()));
    args.extend([name(number), program.display().to_string()]);
    let launch = Launch { program: "unshare".to_owned(), args };
    let parent = state.start(&name(number), launch)?;
    let start = Instant::now();
    loop {
        state.all_alive()?;
        if home.join("made").exists()
            && let Some(init) = process::child_of(parent)
        {
            state.processes.insert(format!("{}-init", name(number)), init);
            return state.write();
        }
        if start.elapsed() > Duration::from_secs(30) {
            bail!(
                "its namespaces were not made within 30 s: see {}",
                state.log(&name(number))?.display()
            );
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn make_bridge(state: &mut State, network: Network) -> anyhow::Result<()> {
    let bridge = network.bridge();
    state.links.push(bridge.clone());
    state.write()?;
    run("ip", &["link", "add", &bridge, "type", "bridge"])?;
    let machine = format!("{}/24", network.machine());
    run("ip", &["address", "add", &machine, "dev", &bridge])?;
    run("ip", &["link", "set", &bridge, "up"])?;
    Ok(())
}

/// Joins a node's network to the bridge.
fn connect(state: &mut State, network: Network, number: u8) -> anyhow::Result<()> {
    let (link, bridge) = (network.link(number), network.bridge());
    let init = state.processes.get(&format!("{}-init", name(number)));
    let init = init.context("no first process")?.pid.to_string();
    state.links.push(link.clone());
    state.write()?;
    let far = ["peer", "name", "eth0", "netns", &init];
    run("ip", &[&["link", "add", &link, "type", "veth"][..], &far].concat())?;
    run("ip", &["link", "set", &link, "master", &bridge, "up"])?;
    let target = format!("--target={init}");
    let inside = |args: &[&str]| {
        run("nsenter", &[&[target.as_str(), "--net", "--", "ip"][..], args].concat())
    };
    inside(&["address", "add", &format!("{}/24", network.node(number)), "dev", "eth0"])?;
    inside(&["link", "set", "eth0", "up"])?;
    // There is no way out of the test network. Services' addresses are translated
    // before they are sent, but want a route.
    inside(&["route", "add", &network.services(), "dev", "eth0"])?;
    Ok(())
}

/// Waits for the node's range of pod addresses and tells everybody the way to it.
fn join(state: &State, folder: &Path, network: Network, number: u8) -> anyhow::Result<()> {
    let node = name(number);
    let args = ["get", "node", &node, "--output=jsonpath={.spec.podCIDR}"];
    let start = Instant::now();
    let range = loop {
        let output = kubectl::run(&state.tools.kubectl, folder, &args, "")?;
        if output.success && !output.stdout.is_empty() {
            break output.stdout;
        }
        state.all_alive()?;
        if start.elapsed() > Duration::from_secs(60) {
            let log = state.log(&format!("{node}-kubelet"))?;
            bail!(
                "it did not register within 60 s: {}\n{}",
                output.stderr.trim(),
                state::tail(&log)
            );
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    config::write_pod_network(&folder.join(&node), &range)?;
    let via = network.node(number);
    run("ip", &["route", "add", &range, "via", &via, "dev", &network.bridge()])?;
    for other in (1..=state.shape.nodes).filter(|other| *other != number) {
        let init = state.processes.get(&format!("{}-init", name(other)));
        let target = format!("--target={}", init.context("no first process")?.pid);
        let route = ["--net", "--", "ip", "route", "add", &range, "via", &via];
        run("nsenter", &[&[target.as_str()][..], &route].concat())?;
    }
    Ok(())
}

/// Pods reach the API server by its Service, whose endpoints are the forwarders.
fn publish_api(state: &State, folder: &Path, network: Network) -> anyhow::Result<()> {
    let endpoints = (1..=state.shape.nodes)
        .map(|node| json!({"addresses": [network.node(node)], "conditions": {"ready": true}}));
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "kubernetes"},
        },
        "addressType": "IPv4",
        "endpoints": endpoints.collect::<Vec<_>>(),
        "ports": [{"name": "https", "port": API_PORT, "protocol": "TCP"}],
    });
    let args = ["apply", "--filename", "-"];
    let output = kubectl::run(&state.tools.kubectl, folder, &args, &slice.to_string())?;
    if !output.success {
        bail!("telling pods where the API server is: {}", output.stderr.trim());
    }
    Ok(())
}

/// Imports an image into every node.
pub(crate) fn load(state: &State, folder: &Path, image: &Image) -> anyhow::Result<()> {
    if state.shape.nodes == 0 {
        bail!("cluster {} has no nodes for images", state.name);
    }
    let tar = image.tar()?;
    for number in 1..=state.shape.nodes {
        let node = Node::of(state, folder, number)?;
        let file = tempfile::Builder::new().suffix(".tar").tempfile_in(&node.folder)?;
        fs::write(file.path(), &tar).context("writing an image")?;
        import(state, &node, file.path())?;
    }
    Ok(())
}

/// Imports a tar; containerd may not listen yet.
fn import(state: &State, node: &Node<'_>, tar: &Path) -> anyhow::Result<()> {
    let ctr = node.tools.containerd.join("ctr");
    let tar = tar.display().to_string();
    let args = ["--namespace=k8s.io", "--connect-timeout=1s", "images", "import", &tar];
    let start = Instant::now();
    loop {
        let Err(error) = node.within(&ctr, &args) else { return Ok(()) };
        state.all_alive()?;
        if start.elapsed() > Duration::from_secs(30) {
            let log = state.log(&format!("{}-containerd", node.name()))?;
            return Err(error).with_context(|| {
                format!("importing {tar}; containerd's log ends with:\n{}", state::tail(&log))
            });
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Removes what nodes leave on the machine; their processes are gone already.
pub(crate) fn remove(name: &str, remains: &Remains) -> anyhow::Result<()> {
    for link in &remains.links {
        // A node's link goes with its network.
        if Path::new("/sys/class/net").join(link).exists()
            && let Err(error) = run("ip", &["link", "delete", link])
            && Path::new("/sys/class/net").join(link).exists()
        {
            return Err(error);
        }
    }
    for group in &remains.cgroups {
        cgroup::remove(group)?;
    }
    let others = others_sysctls(name)?;
    if others.is_none() {
        for (name, value) in &remains.sysctls {
            let path = Path::new("/proc/sys").join(name);
            fs::write(&path, value).with_context(|| format!("writing {}", path.display()))?;
        }
    }
    Ok(())
}

/// Writes down what kubelets are about to change; where another cluster has nodes
/// already, it knows what was there before.
fn remember_sysctls(state: &mut State) -> anyhow::Result<()> {
    let _lock = state::lock("slots")?;
    state.sysctls = match others_sysctls(&state.name)? {
        Some(sysctls) => sysctls,
        None => {
            let read = |name: &&str| {
                let value = fs::read_to_string(Path::new("/proc/sys").join(name)).ok()?;
                Some(((*name).to_owned(), value.trim().to_owned()))
            };
            SYSCTLS.iter().filter_map(read).collect()
        }
    };
    state.write()
}

type Sysctls = std::collections::BTreeMap<String, String>;

fn others_sysctls(name: &str) -> anyhow::Result<Option<Sysctls>> {
    for other in state::names()?.into_iter().filter(|other| other != name) {
        let remains = Remains::read(&other).unwrap_or_default();
        if !remains.sysctls.is_empty() {
            return Ok(Some(remains.sysctls));
        }
    }
    Ok(None)
}

/// Runs a program of the system and wants it to succeed.
pub(crate) fn run(program: &str, args: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program).args(args).output();
    let output = output.with_context(|| format!("running {program}"))?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        bail!("{program} {}: {}", args.join(" "), error.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
