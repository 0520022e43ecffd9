//! Whether this machine can have a cluster, and the programs for it.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::Skipped;
use crate::shape::Shape;
use crate::state::{NodeTools, Tools};
use crate::tools;

/// The programs for a shape, built where they are missing.
pub(crate) fn build(shape: &Shape) -> anyhow::Result<Tools> {
    if let Err(skipped) = machine(shape) {
        anyhow::bail!("{}", skipped.why);
    }
    let etcd = tools::folder(CONTROL_PLANE)?;
    let kubernetes = match &shape.version {
        Some(version) if *version != tools::pinned_version()? => tools::kubernetes(version)?,
        _ => etcd.clone(),
    };
    let node = match shape.nodes {
        0 => None,
        _ => Some(NodeTools {
            containerd: tools::folder("node")?,
            runc: tools::folder("runc")?,
            testbed: tools::folder("testbed")?,
        }),
    };
    Ok(Tools { kubectl: tools::tool("kubectl")?, etcd, kubernetes, node })
}

/// The programs for a shape that are built already; else what is missing.
pub(crate) fn built(shape: &Shape) -> Result<Tools, Skipped> {
    machine(shape)?;
    let find = |name: &str| {
        let why = format!("its programs are not built: `cargo xtask tools {name}`, which needs Go");
        tools::built_folder(name).ok_or(Skipped { why })
    };
    let etcd = find(CONTROL_PLANE)?;
    let pinned = tools::pinned_version().ok();
    let kubernetes = match &shape.version {
        Some(version) if Some(version) != pinned.as_ref() => other(version)?,
        _ => etcd.clone(),
    };
    let node = match shape.nodes {
        0 => None,
        _ => Some(NodeTools {
            containerd: find("node")?,
            runc: find("runc")?,
            testbed: find("testbed")?,
        }),
    };
    Ok(Tools { kubectl: find("kubectl")?.join("kubectl"), etcd, kubernetes, node })
}

const CONTROL_PLANE: &str = "control-plane";

fn other(version: &str) -> Result<PathBuf, Skipped> {
    let why = format!(
        "Kubernetes {version} is not built: `cargo xtask cluster up --version {version}` builds it"
    );
    tools::built_kubernetes(version).ok_or(Skipped { why })
}

/// What only nodes need of the machine.
fn machine(shape: &Shape) -> Result<(), Skipped> {
    let skipped = |why: &str| Err(Skipped { why: why.to_owned() });
    if !cfg!(target_os = "linux") {
        return skipped("this is not Linux");
    }
    if shape.nodes == 0 {
        return Ok(());
    }
    if !rustix::process::geteuid().is_root() {
        return skipped("nodes need root");
    }
    for (program, package) in [
        ("ip", "iproute2"),
        ("nft", "nftables"),
        ("unshare", "util-linux"),
        ("nsenter", "util-linux"),
        ("mount", "mount"),
    ] {
        let mut command = Command::new(program);
        let found = command.arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if found.is_err() {
            return skipped(&format!("nodes need `{program}` (Debian: {package})"));
        }
    }
    // In a namespace of its own the link goes with the program that made it.
    let link = "ip link add trial0 type veth peer name trial1 && ip link add trial2 type bridge";
    let mut trial = Command::new("unshare");
    let trial = trial.args(["--net", "--mount", "sh", "-c", link]).output();
    match trial {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => skipped(&format!(
            "nodes need network namespaces with veth and bridge: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )),
        Err(error) => skipped(&format!("running unshare: {error}")),
    }
}
