//! Kills runs that write files at random times: each file must be the complete old or new one, and
//! the next run must leave nothing behind.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context as _, bail, ensure};

use crate::shared::root;

/// The number of pods in a file, large enough that writing takes some time.
const PODS: usize = 300;

/// A command that writes files, and the content of its directory before it.
struct Case {
    args: Vec<String>,
    files: Vec<(&'static str, String)>,
    /// The files that it writes.
    written: &'static [&'static str],
}

/// Kills a number of runs.
pub(crate) fn kill_loop(runs: usize) -> anyhow::Result<()> {
    let program = program()?;
    let folder = tempfile::tempdir()?;
    let cases = cases(&serve()?);
    let mut whole = Vec::new();
    for (i, case) in cases.iter().enumerate() {
        let folder = folder.path().join(i.to_string());
        fs::create_dir(&folder)?;
        whole.push(Whole::of(&program, &folder, case)?);
    }
    let mut killed = 0;
    for run in 0..runs {
        let (case, whole) = (&cases[run % cases.len()], &whole[run % cases.len()]);
        killed += usize::from(whole.kill(&program, case).with_context(|| format!("run {run}"))?);
    }
    println!(
        "{killed} of {runs} runs were killed; every file was whole, and nothing was left over"
    );
    ensure!(killed * 4 > runs, "most runs ended before they were killed");
    Ok(())
}

/// The directory of a case after a run that was not killed.
struct Whole {
    folder: PathBuf,
    names: BTreeSet<String>,
    new: Vec<Vec<u8>>,
    time: Duration,
}

impl Whole {
    fn of(program: &Path, folder: &Path, case: &Case) -> anyhow::Result<Self> {
        reset(folder, case)?;
        let start = Instant::now();
        let ended = command(program, folder, case).status()?;
        let time = start.elapsed();
        ensure!(matches!(ended.code(), Some(0 | 1)), "{:?}: {ended}", case.args);
        let new = case.written.iter().map(|name| fs::read(folder.join(name)));
        let new = new.collect::<Result<_, _>>()?;
        Ok(Self { folder: folder.to_owned(), names: names(folder)?, new, time })
    }

    /// Kills a run and checks the files. Returns whether it was still running.
    fn kill(&self, program: &Path, case: &Case) -> anyhow::Result<bool> {
        reset(&self.folder, case)?;
        let mut child = command(program, &self.folder, case).spawn()?;
        thread::sleep(self.time.mul_f64(fastrand::f64()));
        child.kill()?;
        let killed = child.wait()?.code().is_none();
        for (name, new) in case.written.iter().zip(&self.new) {
            let old = case.files.iter().find(|(other, _)| other == name);
            let is = fs::read(self.folder.join(name)).ok();
            let is_old = is.as_deref() == old.map(|(_, text)| text.as_bytes());
            let is_new = is.as_ref().is_some_and(|is| is == new)
                || is.is_some()
                    && name.ends_with(".pavisade")
                    && readable(program, &self.folder, name)?;
            ensure!(
                is_old || is_new,
                "{name} is neither the old nor the new file: {:?}",
                case.args
            );
        }
        command(program, &self.folder, case).status()?;
        let names = names(&self.folder)?;
        let left: Vec<_> = names.difference(&self.names).collect();
        ensure!(left.is_empty(), "{:?} left {left:?}", case.args);
        Ok(killed)
    }
}

/// Returns whether a snapshot is complete; its time differs between runs.
fn readable(program: &Path, folder: &Path, name: &str) -> anyhow::Result<bool> {
    let mut info = Command::new(program);
    info.args(["snapshot", "info", name]).current_dir(folder).stdout(Stdio::null());
    Ok(info.stderr(Stdio::null()).status()?.success())
}

fn names(folder: &Path) -> anyhow::Result<BTreeSet<String>> {
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().into_string()));
    let names = entries.collect::<std::io::Result<Result<_, _>>>()?;
    names.map_err(|name| anyhow::anyhow!("{name:?} is no text"))
}

fn reset(folder: &Path, case: &Case) -> anyhow::Result<()> {
    for name in case.written {
        // Most cases start without the file.
        let _ = fs::remove_file(folder.join(name));
    }
    for (name, text) in &case.files {
        fs::write(folder.join(name), text)?;
    }
    Ok(())
}

fn command(program: &Path, folder: &Path, case: &Case) -> Command {
    let mut command = Command::new(program);
    command.args(&case.args).current_dir(folder).env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn cases(server: &str) -> Vec<Case> {
    let pods = |name: &str, n| -> String {
        (0..n).map(|n| pod(&format!("{name}{n}")) + "---\n").collect()
    };
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\n\
         contexts: [{{name: a, context: {{cluster: a, user: a}}}}]\n\
         clusters: [{{name: a, cluster: {{server: '{server}'}}}}]\nusers: [{{name: a, user: {{}}}}]\n"
    );
    let case = |args: &[&str], files, written| Case {
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        files,
        written,
    };
    vec![
        case(
            &["scan", "-q", "a.yaml", "-f", "json", "-o", "a.json", "--also", "sarif=a.sarif"],
            vec![("a.yaml", pods("a", PODS)), ("a.json", "old\n".repeat(100_000))],
            &["a.json", "a.sarif"],
        ),
        case(
            &[
                "fix",
                "-q",
                "--risky",
                "--check",
                "privilege-escalation,host-namespace",
                "a.yaml",
                "b.yaml",
            ],
            vec![("a.yaml", pods("a", PODS)), ("b.yaml", pods("b", 3))],
            &["a.yaml", "b.yaml"],
        ),
        case(
            &["snapshot", "save", "-q", "--no-probe", "--kubeconfig", "config", "a.pavisade"],
            vec![("config", kubeconfig), ("a.pavisade", "old".to_owned())],
            &["a.pavisade"],
        ),
    ]
}

fn pod(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\nspec:\n  hostPID: true\n  containers:\n  \
         - name: c\n    image: a:1\n"
    )
}

/// Builds the program like the tests.
pub(super) fn program() -> anyhow::Result<PathBuf> {
    program_of(&["-p", "pavisade-cli"])
}

/// Builds the program of a package.
pub(super) fn program_of(package: &[&str]) -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--message-format=json"])
        .args(package)
        .current_dir(root())
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(built.status.success(), "the program was not built");
    let messages = String::from_utf8(built.stdout)?;
    let mut made = messages.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        message["executable"].as_str().map(PathBuf::from)
    });
    made.next_back().context("cargo names no program")
}

/// Starts an API server that has only pods. Returns its address.
fn serve() -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // The client is killed during a request, as intended.
            thread::spawn(move || answer(stream));
        }
    });
    Ok(format!("http://{address}"))
}

fn answer(mut stream: TcpStream) -> anyhow::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let Some(first) = lines.next().transpose()? else { bail!("no request") };
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let path = first.split(' ').nth(1).unwrap_or_default();
    let body = match path.split('?').next().unwrap_or_default() {
        "/version" => r#"{"major":"1","minor":"33","gitVersion":"v1.33.1"}"#.to_owned(),
        "/api" => r#"{"kind":"APIVersions","versions":["v1"]}"#.to_owned(),
        "/apis" => r#"{"kind":"APIGroupList","groups":[]}"#.to_owned(),
        "/api/v1" => {
            r#"{"resources":[{"name":"pods","kind":"Pod","namespaced":true,"verbs":["list"]}]}"#
                .to_owned()
        }
        "/api/v1/pods" => {
            let pod = |n| {
                format!(
                    r#"{{"metadata":{{"name":"p{n}","namespace":"a"}},"spec":{{"containers":[{{"name":"c","image":"a:{n}"}}]}}}}"#
                )
            };
            let pods: Vec<_> = (0..PODS).map(pod).collect();
            format!(r#"{{"metadata":{{}},"items":[{}]}}"#, pods.join(","))
        }
        _ => r#"{"items":[]}"#.to_owned(),
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    Ok(stream.write_all((head + &body).as_bytes())?)
}
