//! A container whose layers are on different file systems, as those of images are that are fetched while they
//! run (FUSE) or mounted as they are (EROFS). It is made by hand in a mount namespace of this machine, as in the
//! guests of `kernels.rs`.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::enforcement::has_fanotify_only;
use crate::kernels::guest::{CONTAINER, fill_image, fill_state, has};
use crate::kernels::of;
use crate::started::{Agent, compile, until};
use crate::steps::{Happened, Step, Tier, is_stopped, listed, numbered, programs, wrong};

const POD: &str = "apart";

/// Makes the container; then each line of the input is a name with which it does its steps.
const SCRIPT: &str = "\
base=$0 groups=$1
mount --make-rprivate / && container \"$2\" \"$3\" && echo made
while read -r name; do
    act \"$2\" \"$name\"
    echo made
done
";

/// The container, and the process that does what it is told in it.
struct Made {
    folder: tempfile::TempDir,
    process: Child,
    told: BufReader<std::process::ChildStdout>,
    /// The directory of its control group.
    group: PathBuf,
}

impl Made {
    /// Makes it; prints why if this machine cannot.
    fn new() -> Option<Self> {
        for tool in ["busybox", "unshare"] {
            if !has(tool) {
                eprintln!("skipped: {tool} is missing");
                return None;
            }
        }
        let second = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(Path::new);
        let second = second.into_iter().find(|root| root.join("cgroup.subtree_control").is_file());
        let Some(second) = second else {
            eprintln!("skipped: no control groups of version 2 are mounted");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path();
        let attack = base.join("attack");
        if let Err(why) = compile(&attack) {
            eprintln!("skipped: {why}");
            return None;
        }
        fill_image(&base.join("image"), &attack);
        let parent = format!("/pavisade-test-{}/pod1", std::process::id());
        let id = format!("{:064x}", std::process::id());
        fill_state(base, &parent, &id, POD, "");
        let groups = second.join(parent.trim_start_matches('/'));
        let mut shell = Command::new("unshare");
        shell.args(["-m", "busybox", "sh", "-c"]).arg([CONTAINER, SCRIPT].concat());
        shell.arg(base).arg(&groups).args([POD, &id]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = shell.spawn().unwrap();
        let told = BufReader::new(process.stdout.take().unwrap());
        let group = groups.join(id);
        let mut made = Self { folder, process, told, group };
        assert_eq!(made.read(), "");
        Some(made)
    }

    /// What was told until something is done.
    fn read(&mut self) -> String {
        let mut all = String::new();
        loop {
            let before = all.len();
            let read = self.told.read_line(&mut all).unwrap();
            assert!(read > 0, "the container has ended: {all}");
            if &all[before..] == "made\n" {
                all.truncate(before);
                return all;
            }
        }
    }

    /// Does steps.
    fn happened(&mut self, steps: &[Step]) -> Happened {
        fs::write(self.folder.path().join("steps").join(POD), numbered(steps)).unwrap();
        writeln!(self.process.stdin.as_mut().unwrap(), "done").unwrap();
        of(&self.read(), "done")
    }

    /// The state of its runtime, seen from outside of its mount namespace.
    fn state(&self) -> PathBuf {
        let base = self.folder.path().strip_prefix("/").unwrap();
        Path::new("/proc").join(self.process.id().to_string()).join("root").join(base).join("state")
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // At the end of its input it ends, and with it the mounts.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
        for group in self.group.ancestors().take(3) {
            let _ = fs::remove_dir(group);
        }
    }
}

/// The kernel gives a file of such an overlay another device than its root.
#[test]
fn fanotify_denies_programs_of_every_layer() {
    if !has_fanotify_only() {
        return;
    }
    let Some(mut made) = Made::new() else { return };
    let file = made.folder.path().join("policies.yaml");
    let text = "policies:\n- name: image-only\n  namespaces: [test]\n  pods: [apart]\n  \
                mode: deny\n  programs: {written: true, deny: [/usr/bin/nc]}\n";
    fs::write(&file, text).unwrap();
    let more = ["--enforce", file.to_str().unwrap()];
    let agent = Agent::start_for(&made.state(), made.folder.path(), &more);
    // It is registered a moment after the agent watches.
    let first = listed(&["!x\twritten"]);
    let registered = until(|| wrong(&first, &made.happened(&first)).is_empty().then_some(()));
    assert!(registered.is_some(), "{}", agent.told());
    let steps = programs(Tier::Fanotify);
    let wrong = wrong(&steps, &made.happened(&steps));
    assert!(wrong.is_empty(), "{wrong:#?}\n{}", agent.told());
    drop(agent);
    let after = made.happened(&steps);
    assert_eq!(after.len(), steps.len());
    assert!(!after.values().any(is_stopped));
}
