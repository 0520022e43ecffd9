//! The program, started as a user starts it, in a folder of its own.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pavisade"));
    // Nothing of the machine: no helm or kustomize from PATH, no colours asked for.
    command.args(args).current_dir(folder).env_clear().env("PATH", "/nowhere");
    command
}

pub(crate) fn finish(output: Output) -> Run {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

pub(crate) fn run(folder: &Path, args: &[&str]) -> Run {
    finish(command(folder, args).stdin(Stdio::null()).output().unwrap())
}

pub(crate) fn run_with_input(folder: &Path, args: &[&str], input: &str) -> Run {
    let mut command = command(folder, args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    finish(child.wait_with_output().unwrap())
}

/// Runs a script, for which the program is `$0` and which may mount. `None` where the system lets
/// no user do that.
pub(crate) fn mounted(folder: &Path, script: &str) -> Option<Run> {
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]);
        command.arg(env!("CARGO_BIN_EXE_pavisade")).current_dir(folder).output().ok()
    };
    let may = "touch mounted && mount --bind mounted mounted && umount mounted; rm mounted";
    unshare(&format!("set -e; {may}"))?.status.success().then_some(())?;
    unshare(script).map(finish)
}

pub(crate) fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}
