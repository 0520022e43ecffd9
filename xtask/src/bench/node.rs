//! The audit of a node: this machine, and a generated one with thousands of processes and containers.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use super::{mb, measure, median, release_binary};

/// Processes of generated nodes.
const SIZES: [usize; 3] = [200, 2_000, 20_000];
/// Open files of a process.
const OPEN: usize = 20;
/// Containers for each process.
const CONTAINERS: usize = 5;
const RUNS: usize = 5;

pub(super) fn run(program: Option<&Path>, sizes: &[usize]) -> anyhow::Result<()> {
    let program = match program {
        Some(program) => program.to_owned(),
        None => release_binary()?,
    };
    let audit = |root: &Path| {
        let mut command = Command::new(&program);
        command.args(["node", "audit", "--format", "json", "--root"]).arg(root);
        command
    };
    let shown = |name: &str, root: &Path| -> anyhow::Result<()> {
        let cost = median(RUNS, || measure(audit(root)))?;
        println!(
            "{name:<40}  {:.3} s, {:.3} CPU-s, {:.0} MB",
            cost.wall.as_secs_f64(),
            cost.cpu.as_secs_f64(),
            mb(cost.memory)
        );
        Ok(())
    };
    let processes = |folder: &str| {
        let all = fs::read_dir(folder).into_iter().flatten().flatten();
        all.filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok()).count()
    };
    shown(&format!("this machine, {} processes", processes("/proc")), Path::new("/"))?;
    for size in if sizes.is_empty() { &SIZES[..] } else { sizes } {
        let folder = tempfile::tempdir()?;
        make(folder.path(), *size)?;
        shown(&format!("{size} processes, {} containers", size * CONTAINERS), folder.path())?;
    }
    Ok(())
}

/// Makes the files of a node of a control plane: its components, and other processes with open files and
/// listening sockets, and pods with a volume and a log each.
fn make(root: &Path, size: usize) -> anyhow::Result<()> {
    let write = |path: &str, text: &str| -> anyhow::Result<()> {
        let path = root.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(fs::write(path, text)?)
    };
    write("etc/hostname", "bench\n")?;
    write("proc/sys/kernel/osrelease", "6.12.0\n")?;
    write("sys/kernel/security/lsm", "lockdown,capability,yama,apparmor\n")?;
    write("sys/dev/block/253:0/dm/uuid", "CRYPT-LUKS2-0-data\n")?;
    for (name, text) in [
        ("kubelet.conf", "{}"),
        ("admin.conf", "{}"),
        ("pki/ca.crt", "x"),
        ("manifests/etcd.yaml", "{}"),
        ("manifests/kube-apiserver.yaml", "{}"),
    ] {
        write(&format!("etc/kubernetes/{name}"), text)?;
    }
    for certificate in 0..40 {
        write(&format!("etc/kubernetes/pki/more-{certificate}.crt"), "x")?;
    }
    let components = [
        "kubelet --config=/var/lib/kubelet/config.yaml --kubeconfig=/etc/kubernetes/kubelet.conf",
        "kube-apiserver --anonymous-auth=false --authorization-mode=Node,RBAC --profiling=false",
        "kube-controller-manager --bind-address=127.0.0.1",
        "kube-scheduler --bind-address=127.0.0.1",
        "etcd --data-dir=/var/lib/etcd --client-cert-auth=true",
        "kube-proxy --hostname-override=bench",
    ];
    write(
        "var/lib/kubelet/config.yaml",
        "kind: KubeletConfiguration\nserializeImagePulls: true\n",
    )?;
    let mut sockets = "  sl  local_address rem_address st\n".to_owned();
    let mut mounts = "22 1 253:0 / / rw - ext4 /dev/mapper/data rw\n".to_owned();
    for index in 0..size {
        let line = components.get(index).copied().unwrap_or("/app --listen=:8080");
        let process = format!("proc/{}", index + 1);
        write(&format!("{process}/cmdline"), &(line.replace(' ', "\0") + "\0"))?;
        write(&format!("{process}/status"), "Name:\tx\nUid:\t0\t0\t0\t0\n")?;
        write(&format!("{process}/comm"), line.split([' ', '/']).next_back().unwrap_or("x"))?;
        write(&format!("{process}/environ"), "PATH=/bin\0")?;
        fs::create_dir(root.join(&process).join("fd"))?;
        for open in 0..OPEN {
            let target = format!("socket:[{}]", index * OPEN + open);
            symlink(target, root.join(&process).join(format!("fd/{open}")))?;
        }
        let port = 1024 + index % 60_000;
        sockets += &format!(
            "{index}: 00000000:{port:04X} 00000000:0000 0A 0:0 0:0 0 0 0 {} 1\n",
            index * OPEN
        );
        mounts += &format!(
            "{} 22 253:0 /v{index} /var/lib/kubelet/pods/uid-{index}/volumes/data rw - ext4 /dev/mapper/data rw\n",
            index + 100
        );
        for container in 0..CONTAINERS {
            let pod = format!("shop_web-{index}_uid-{index}");
            write(&format!("var/log/pods/{pod}/app-{container}/0.log"), "")?;
        }
    }
    write("proc/1/net/tcp", &sockets)?;
    write("proc/1/mountinfo", &mounts)?;
    Ok(())
}
