//! A guest in QEMU: a Debian kernel, an initial file system with the agent of this build, and a script that
//! makes containers as a runtime does: a control group, a mount namespace and an overlay.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use testbed::libraries;

use super::packages::{ARM64, Kernel, Machine, X86_64, kernel, package, run};
use crate::started::{FILES, PROGRAMS, SCRIPTS, compile_with};

/// What runs in the guest.
pub(crate) struct Guest<'g> {
    /// Rules beside those of Pavisade, or instead of them.
    pub rules: &'g str,
    pub only_these_rules: bool,
    pub policies: &'g str,
    /// More parameters of the kernel.
    pub parameters: &'g str,
    /// Commands before the agent is started.
    pub first: &'g str,
    /// Pods and their steps.
    pub containers: &'g [(&'g str, String)],
}

/// Series of kernels, the older first. The last package of each is taken.
const SERIES: &[&str] = &["6.1", "6.12"];

/// The oldest series that is supported, and the release of Debian that contains it.
const OLDEST: (&str, &str) = ("5.10", "bullseye");

/// Whether all kernels are tried, and not only the newest.
pub(crate) fn all() -> bool {
    std::env::var("PAVISADE_KERNELS").is_ok_and(|text| text == "all")
}

/// The kernels to try in a test that runs only if all are tried.
pub(crate) fn kernels_if_all() -> Vec<Kernel> {
    if !all() {
        skip("PAVISADE_KERNELS=all also tries this");
        return Vec::new();
    }
    kernels()
}

/// The kernels to try.
pub(crate) fn kernels() -> Vec<Kernel> {
    let series = if all() { SERIES } else { &SERIES[SERIES.len() - 1..] };
    series.iter().filter_map(|series| tried(series, None, &X86_64)).collect()
}

/// The oldest kernel.
pub(crate) fn oldest() -> Option<Kernel> {
    tried(OLDEST.0, Some(OLDEST.1), &X86_64)
}

/// Kernels for ARM64, if there is an agent for them.
pub(crate) fn arm64() -> Vec<Kernel> {
    if arm64_agent().is_none() {
        eprintln!("skipped: cargo xtask soak arm64 also tries ARM64");
        return Vec::new();
    }
    SERIES.iter().map(|series| kernel(series, None, &ARM64).unwrap()).collect()
}

fn arm64_agent() -> Option<PathBuf> {
    std::env::var_os("PAVISADE_ARM64_AGENT").map(PathBuf::from)
}

fn tried(series: &str, release: Option<&str>, machine: &'static Machine) -> Option<Kernel> {
    let tools = [machine.qemu[0], machine.compiler, "busybox", "cpio", "xz", "apt-get", "dpkg-deb"];
    let missing = tools.iter().find(|tool| !has(tool)).map(|tool| format!("{tool} is missing"));
    match missing.map_or_else(|| kernel(series, release, machine), Err) {
        Ok(kernel) => Some(kernel),
        Err(why) => {
            skip(&format!("Linux {series}: {why}"));
            None
        }
    }
}

/// A run that must try all kernels, or those for ARM64, fails instead.
fn skip(why: &str) {
    assert!(!all() && arm64_agent().is_none(), "{why}");
    eprintln!("skipped: {why}");
}

pub(crate) fn has(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(tool).is_file())
}

impl Guest<'_> {
    /// Runs it, and returns its console; `None` if this machine cannot compile the program of the steps.
    pub(crate) fn run(&self, kernel: &Kernel) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        let attack = folder.path().join("attack");
        if let Err(why) = compile_with(kernel.machine.compiler, &attack) {
            skip(&why);
            return None;
        }
        self.fill(&root, &attack, kernel);
        let initial = folder.path().join("initial");
        let pack = "find . | cpio -o -H newc --quiet | gzip -1 > \"$0\"";
        run(Command::new("sh").args(["-c", pack]).arg(&initial).current_dir(&root)).unwrap();
        // Nested virtualization hangs on some machines, so the processor is always emulated.
        let mut qemu = Command::new("timeout");
        let [program, machine] = kernel.machine.qemu;
        qemu.args(["600", program, "-M", machine, "-accel", "tcg,thread=multi"]);
        qemu.args(["-cpu", "max", "-smp", "2", "-m", "1024", "-nodefaults", "-nic", "none"]);
        qemu.args(["-serial", "stdio", "-display", "none", "-no-reboot"]);
        let parameters =
            format!("console={} quiet panic=-1 {}", kernel.machine.console, self.parameters);
        qemu.arg("-append").arg(parameters);
        qemu.arg("-kernel").arg(&kernel.image).arg("-initrd").arg(&initial);
        let output = qemu.stdin(Stdio::null()).output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout).replace('\r', "");
        assert!(output.status.success(), "{}{told}", String::from_utf8_lossy(&output.stderr));
        Some(told)
    }

    fn fill(&self, root: &Path, attack: &Path, kernel: &Kernel) {
        for folder in ["bin", "lib64", "proc", "sys", "dev", "tmp", "new", "state", "steps"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        let (busybox, agent) = match kernel.machine.debian {
            "arm64" => {
                let (_, place) = package("^busybox-static$", None, &ARM64).unwrap();
                (place.join("bin/busybox"), arm64_agent().unwrap())
            }
            _ => {
                let busybox = run(Command::new("sh").args(["-c", "command -v busybox"])).unwrap();
                (busybox.trim().into(), env!("CARGO_BIN_EXE_pavisade-agent").into())
            }
        };
        fs::copy(&busybox, root.join("bin/busybox")).unwrap();
        let copy = root.join("bin/pavisade-agent");
        fs::copy(&agent, &copy).unwrap();
        // Without debugging information it is loaded sooner.
        let _ = run(Command::new("strip").arg(&copy));
        for path in [&agent, &busybox].into_iter().flat_map(|program| libraries(program).unwrap()) {
            let to = root.join(path.trim_start_matches('/'));
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(path, to).unwrap();
        }
        fill_image(&root.join("image"), attack);
        if kernel.overlay.is_file() {
            fs::copy(&kernel.overlay, root.join("overlay.ko")).unwrap();
        } else {
            let packed = kernel.overlay.with_extension("ko.xz");
            fs::copy(packed, root.join("overlay.ko.xz")).unwrap();
            run(Command::new("xz").arg("-d").arg(root.join("overlay.ko.xz"))).unwrap();
        }
        fs::write(root.join("rules.yaml"), self.rules).unwrap();
        fs::write(root.join("policies.yaml"), self.policies).unwrap();
        let only = if self.only_these_rules { "only=--only-these-rules\n" } else { "only=\n" };
        let mut script = [include_str!("start.sh"), only, CONTAINER].concat();
        for (number, (pod, steps)) in self.containers.iter().enumerate() {
            let id = format!("{number:064x}");
            fill_state(root, "/kubepods/pod1", &id, pod, steps);
            writeln!(script, "container {pod} {id}").unwrap();
        }
        writeln!(script, "{}\nagent", self.first).unwrap();
        for (pod, _) in self.containers {
            writeln!(script, "act {pod} {pod}").unwrap();
        }
        script.push_str("finish\n");
        for (pod, _) in self.containers {
            writeln!(script, "act {pod} {pod}-after").unwrap();
        }
        script.push_str("echo END\npoweroff -f\n");
        fs::write(root.join("start"), script).unwrap();
        fs::write(root.join("init"), include_str!("init.sh")).unwrap();
        for name in ["init", "start", "bin/busybox", "bin/pavisade-agent"] {
            run(Command::new("chmod").arg("755").arg(root.join(name))).unwrap();
        }
        symlink("busybox", root.join("bin/sh")).unwrap();
    }
}

/// Functions of a script that makes containers.
pub(crate) const CONTAINER: &str = include_str!("container.sh");

/// Makes the files of the image that containers have.
pub(crate) fn fill_image(image: &Path, attack: &Path) {
    let token = "var/run/secrets/kubernetes.io/serviceaccount/token";
    let files = FILES.iter().chain([&token]).map(|name| (*name, "x"));
    for (name, content) in files.chain(SCRIPTS.iter().copied()) {
        let path = image.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        run(Command::new("chmod").arg("755").arg(&path)).unwrap();
    }
    for folder in ["proc", "dev", "old", "volume"] {
        fs::create_dir_all(image.join(folder)).unwrap();
    }
    for name in PROGRAMS {
        let path = image.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(attack, path).unwrap();
    }
}

/// Writes what a runtime keeps of a container, whose control group is in a parent, and its steps.
pub(crate) fn fill_state(base: &Path, parent: &str, id: &str, pod: &str, steps: &str) {
    let state = base.join("state").join(id);
    fs::create_dir_all(&state).unwrap();
    let config = serde_json::json!({
        "annotations": {
            "io.kubernetes.cri.container-type": "container",
            "io.kubernetes.cri.container-name": "main",
            "io.kubernetes.cri.sandbox-namespace": "test",
            "io.kubernetes.cri.sandbox-name": pod,
        },
        "root": {"path": "rootfs"},
        "linux": {"cgroupsPath": format!("{parent}/{id}")},
    });
    fs::write(state.join("config.json"), config.to_string()).unwrap();
    fs::create_dir_all(base.join("steps")).unwrap();
    fs::write(base.join("steps").join(pod), steps).unwrap();
}
