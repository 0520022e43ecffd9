//! Starting clusters, finding them again, and what a test does with one.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, bail};

use crate::clean;
use crate::image::Image;
use crate::kubectl::{self, Output};
use crate::network::{Network, SLOTS};
use crate::shape::{Shape, check_name};
use crate::state::{self, Lock, Ports, State, Tools};
use crate::{control_plane, node, room};

/// A running cluster.
#[derive(Debug)]
pub struct Cluster {
    state: State,
    folder: PathBuf,
    /// Whether it goes when the value does.
    private: bool,
    /// Keeps others from removing it.
    _used: Option<Lock>,
}

impl Cluster {
    /// Finds the running cluster of that name and shape, or starts it.
    pub(crate) fn up(
        name: &str,
        shape: &Shape,
        tools: &Tools,
        for_tests: bool,
    ) -> anyhow::Result<Self> {
        check_name(name)?;
        shape.check()?;
        let _lock = state::lock(name)?;
        let used = Some(state::mark_used(name)?);
        let folder = state::folder(name)?;
        if let Some(state) = State::read(name).unwrap_or_default() {
            let runs = state.ready_after.is_some() && state.all_alive().is_ok();
            if runs && state.shape == *shape && state.tools.kubernetes == tools.kubernetes {
                return Ok(Self { state, folder, private: false, _used: used });
            }
            if runs && state.shape != *shape {
                bail!(
                    "cluster {name} runs already and has another shape: \
                     `cargo xtask cluster down --name {name}` first, or take another name"
                );
            }
        }
        clean::remove(name)?;
        let mut attempt = 0;
        let state = loop {
            attempt += 1;
            let error = match start(name, shape, tools, for_tests) {
                Ok(state) => break state,
                Err(error) => error,
            };
            clean::remove(name).with_context(|| format!("after this: {error:#}"))?;
            // Somebody took one of the free ports before us.
            if attempt == 3 || !format!("{error:#}").contains("address already in use") {
                return Err(error).with_context(|| format!("starting cluster {name}"));
            }
        };
        Ok(Self { state, folder, private: false, _used: used })
    }

    /// The cluster of that name, if it was started and is ready.
    pub fn find(name: &str) -> anyhow::Result<Option<Self>> {
        check_name(name)?;
        let state = State::read(name)?.filter(|state| state.ready_after.is_some());
        let folder = state::folder(name)?;
        Ok(state.map(|state| Self { state, folder, private: false, _used: None }))
    }

    /// Makes it go when this value is dropped.
    pub(crate) fn private(mut self) -> Self {
        self.private = true;
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.state.name
    }

    /// Its shape.
    pub fn shape(&self) -> &Shape {
        &self.state.shape
    }

    /// Its folder, with `pki`, `logs`, `files`, and `node-1` and `node-2` for nodes.
    pub fn dir(&self) -> &Path {
        &self.folder
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("admin.kubeconfig")
    }

    /// The API server's address, `https://127.0.0.1:PORT`.
    pub fn server_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.state.ports.api)
    }

    /// The port of etcd for clients on 127.0.0.1.
    pub fn etcd_port(&self) -> u16 {
        self.state.ports.etcd
    }

    /// The port of etcd for peers on 127.0.0.1.
    pub fn etcd_peer_port(&self) -> u16 {
        self.state.ports.etcd_peer
    }

    /// The address of a node in the test network.
    pub fn node_address(&self, node: u8) -> String {
        Network::of(self.state.slot).node(node)
    }

    /// The authority that signed the API server's and all clients' certificates.
    pub fn ca_pem(&self) -> anyhow::Result<String> {
        let path = self.folder.join("pki/ca.crt");
        fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
    }

    /// The administrator's certificate, in the group `system:masters`.
    pub fn admin_certificate(&self) -> PathBuf {
        self.folder.join("pki/admin.crt")
    }

    /// The key of the administrator's certificate.
    pub fn admin_key(&self) -> PathBuf {
        self.folder.join("pki/admin.key")
    }

    /// The program kubectl.
    pub fn kubectl_program(&self) -> &Path {
        &self.state.tools.kubectl
    }

    /// Runs kubectl as the administrator.
    pub fn kubectl(&self, args: &[&str]) -> anyhow::Result<Output> {
        self.kubectl_with(args, "")
    }

    /// Runs kubectl with a standard input, for `apply --filename -`.
    pub fn kubectl_with(&self, args: &[&str], input: &str) -> anyhow::Result<Output> {
        kubectl::run(&self.state.tools.kubectl, &self.folder, args, input)
    }

    /// What kubectl printed; an error where it failed.
    pub fn get(&self, args: &[&str]) -> anyhow::Result<String> {
        let output = self.kubectl(args)?;
        if !output.success {
            bail!("kubectl {}: {}", args.join(" "), output.stderr.trim());
        }
        Ok(output.stdout)
    }

    /// Applies manifests.
    pub fn apply(&self, manifests: &str) -> anyhow::Result<()> {
        let output = self.kubectl_with(&["apply", "--filename", "-"], manifests)?;
        if !output.success {
            bail!("kubectl apply: {}", output.stderr.trim());
        }
        Ok(())
    }

    /// Brings an image to every node.
    pub fn load(&self, image: &Image) -> anyhow::Result<()> {
        node::load(&self.state, &self.folder, image)
    }

    /// The folder from which a node's kubelet takes static pods.
    pub fn manifests(&self, node: u8) -> PathBuf {
        self.folder.join(node::name(node)).join("kubernetes/manifests")
    }

    /// A token of a ServiceAccount, valid for an hour.
    pub fn token_for(&self, namespace: &str, name: &str) -> anyhow::Result<String> {
        let token = self.get(&["create", "token", name, "--namespace", namespace])?;
        Ok(token.trim().to_owned())
    }

    /// Kills the API server, as a crash would, and waits until it is gone.
    pub fn kill_api_server(&self) -> anyhow::Result<()> {
        let _lock = state::lock(self.name())?;
        let state = self.now()?;
        let process = state.processes.get(API_SERVER);
        process.context("the API server was never started")?.kill()
    }

    /// Starts the API server again at the same address, and waits until it is ready.
    pub fn restart_api_server(&self) -> anyhow::Result<()> {
        let _lock = state::lock(self.name())?;
        let mut state = self.now()?;
        if let Some(process) = state.processes.get(API_SERVER) {
            process.kill()?;
        }
        let launch = state.launches.get(API_SERVER).cloned();
        state.start(API_SERVER, launch.context("the API server was never started")?)?;
        control_plane::wait_for_api(&state, &self.folder)
    }

    /// Process ids by name, as `kube-apiserver`, `etcd` or `node-1`.
    pub fn pid(&self, name: &str) -> anyhow::Result<i32> {
        let process = self.now()?.processes.get(name).copied();
        Ok(process.with_context(|| format!("no process {name}"))?.pid)
    }

    /// Seconds from nothing to ready.
    pub fn ready_after(&self) -> f64 {
        self.state.ready_after.unwrap_or_default()
    }

    fn now(&self) -> anyhow::Result<State> {
        State::read(self.name())?.with_context(|| format!("cluster {} is gone", self.name()))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.private
            && let Err(error) = clean::down(self.name())
        {
            eprintln!("removing cluster {}: {error:#}", self.name());
        }
    }
}

const API_SERVER: &str = "kube-apiserver";

fn start(name: &str, shape: &Shape, tools: &Tools, for_tests: bool) -> anyhow::Result<State> {
    let start = Instant::now();
    let folder = &state::folder(name)?;
    for part in ["pki", "logs", "files"] {
        let part = folder.join(part);
        fs::create_dir_all(&part).with_context(|| format!("creating {}", part.display()))?;
    }
    let mut state = {
        let _slots = room::wait(shape)?;
        let state = State {
            name: name.to_owned(),
            shape: shape.clone(),
            for_tests,
            slot: free_slot()?,
            ports: Ports::free()?,
            tools: tools.clone(),
            processes: Default::default(),
            launches: Default::default(),
            links: Vec::new(),
            cgroups: Vec::new(),
            sysctls: Default::default(),
            ready_after: None,
        };
        state.write()?;
        state
    };
    control_plane::prepare(&state, folder)?;
    control_plane::start(&mut state, folder)?;
    node::start(&mut state, folder)?;
    state.ready_after = Some(start.elapsed().as_secs_f64());
    state.write()?;
    Ok(state)
}

/// A test network that no cluster of this user has, and no link of another's.
fn free_slot() -> anyhow::Result<u8> {
    let mut taken = Vec::new();
    for name in state::names()? {
        taken.extend(State::read(&name).unwrap_or_default().map(|state| state.slot));
    }
    let free = |slot: &u8| {
        let link = Path::new("/sys/class/net").join(Network::of(*slot).bridge());
        !taken.contains(slot) && !link.exists()
    };
    let slot = (0..SLOTS).find(free);
    slot.context("all test networks are taken: `cargo xtask cluster down --all`")
}
