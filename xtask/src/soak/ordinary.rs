//! Ordinary work in pods of a real node, watched by the agent with its default rules: web servers and their
//! clients, databases, cron, log rotation, SSH, builds, backups, probes, rolling restarts, commands of
//! operators, and the installation of packages. Only the last is an alert by design.
//!
//! Each part of the work is counted, since an agent is also silent when nothing happens. At the end
//! an attack must alert, since it is also silent when it does not work.

mod image;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use testbed::{Cluster, Image, Shape};

use super::kill::program_of;
use crate::agent_figures::Figures;

/// Seconds of a full run.
pub(super) const FULL: u32 = 1200;

const IMAGE: &str = "pavisade.test/ordinary:1";
const WORK: &str = include_str!("ordinary/work.yaml");
const BUILD: &str = include_str!("ordinary/build.yaml");
const PACKAGES: &str = include_str!("ordinary/packages.yaml");

/// Rules that alert, how often at most, and why.
const EXPECTED: &[(&str, usize, &str)] =
    &[("Package manager in a container", 2, "packages are installed in a running container")];

/// The least share of the commands of operators that succeed, in percent. A pod may just be replaced, and one
/// command is a request that is refused.
const SUCCESSFUL: usize = 80;
/// Seconds between two builds. On a slow machine, half of them are enough.
const BUILD_EVERY: u64 = 45;

/// What operators do with `kubectl exec`: the workload and the command.
const COMMANDS: &[(&str, &[&str])] = &[
    ("deployment/web", &["sh", "-c", "ps aux | head -n 20; df -h; env | sort"]),
    ("deployment/web", &["cat", "/etc/nginx/nginx.conf"]),
    ("deployment/web", &["tail", "-n", "20", "/var/log/nginx/access.log"]),
    ("deployment/web", &["nginx", "-t"]),
    ("deployment/web", &["nginx", "-s", "reload"]),
    ("deployment/web", &["logrotate", "-f", "/etc/logrotate.d/nginx"]),
    ("deployment/web", &["bash", "-c", "ls -la /; cat /proc/1/status; top -b -n 1 | head"]),
    ("deployment/db", &["psql", "-U", "postgres", "-h", "127.0.0.1", "-c", "vacuum analyze"]),
    ("deployment/db", &["sh", "-c", "ls -l /data/db | wc -l; cat /etc/passwd | head -n 3"]),
    ("deployment/cache", &["redis-cli", "info", "memory"]),
    ("deployment/shopper", &["curl", "-sI", "http://127.0.0.1:1/"]),
    ("deployment/shopper", &["python3", "-c", "import os; print(os.listdir('/etc'))"]),
    ("deployment/cron", &["sh", "-c", "tail -n 5 /var/log/report.log; ls -l /var/log"]),
    ("deployment/admin", &["tar", "-C", "/etc", "-cf", "-", "hosts", "os-release"]),
    ("deployment/admin", &["git", "config", "--list", "--system"]),
];

/// How to count the work that was done: its name, and a command that prints a number.
const COUNTS: &[(&str, &[&str])] = &[
    (
        "orders in the database",
        &[
            "exec",
            "deployment/db",
            "--",
            "psql",
            "-U",
            "postgres",
            "-h",
            "127.0.0.1",
            "-Atc",
            "select count(*) from orders",
        ],
    ),
    ("writes to the cache", &["exec", "deployment/cache", "--", "redis-cli", "get", "orders"]),
    (
        "requests to one web server",
        &[
            "exec",
            "deployment/web",
            "-c",
            "nginx",
            "--",
            "sh",
            "-c",
            "cat /var/log/nginx/access.log* | wc -l",
        ],
    ),
    ("sessions of SSH", &["exec", "deployment/admin", "--", "sh", "-c", "wc -l < /tmp/done"]),
    (
        "log files of cron jobs",
        &["exec", "deployment/cron", "--", "sh", "-c", "ls /var/log/report.log* | wc -l"],
    ),
    ("installed packages", &["get", "job", "packages", "-o", "jsonpath={.status.succeeded}"]),
];

/// Runs the work for so many seconds.
pub(super) fn run(seconds: u32, _: u64) -> anyhow::Result<()> {
    let skipped = |why: String| match seconds < FULL {
        true => {
            println!("skipped: {why}");
            Ok(())
        }
        false => bail!(why),
    };
    // A full run measures the release build.
    let release = if seconds < FULL { None } else { Some("--release") };
    let package = ["-p", "pavisade-agent"].into_iter().chain(release).collect::<Vec<_>>();
    let program = program_of(&package)?;
    let status = Command::new(&program).arg("status").output().context("starting the agent")?;
    if !status.status.success() {
        return skipped(String::from_utf8_lossy(&status.stderr).trim().to_owned());
    }
    let shape = Shape {
        nodes: 1,
        files: [("ordinary".to_owned(), String::new())].into(),
        ..Shape::default()
    };
    let root = match image::root()? {
        image::Root::Tar(root) => root,
        image::Root::Missing(why) => return skipped(why),
    };
    let cluster = match testbed::shared(&shape) {
        Ok(cluster) => cluster,
        Err(why) => return skipped(why.to_string()),
    };
    cluster.load(&Image::new(IMAGE).base(root))?;
    let work = Work { cluster: &cluster };
    work.forget()?;
    let agent = Agent::start(&program, &cluster)?;
    let start = Instant::now();
    let done = work.run(Duration::from_secs(seconds.into()));
    let result = done.and_then(|(good, tried)| {
        println!("{good:>8} commands of operators that succeeded, of {tried}");
        ensure!(good * 100 >= tried * SUCCESSFUL, "{} commands failed", tried - good);
        let alerts = agent.report(start.elapsed().as_secs_f64())?;
        let judged = judge(&alerts);
        work.count(seconds.into())?;
        work.attack(&agent)?;
        judged
    });
    work.forget()?;
    result
}

/// Whether there were only alerts that have a reason.
fn judge(alerts: &[Value]) -> anyhow::Result<()> {
    let mut by_rule: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for alert in alerts {
        by_rule.entry(alert["rule"].as_str().unwrap_or_default()).or_default().push(alert);
    }
    let mut unexpected = Vec::new();
    for (rule, found) in &by_rule {
        let expected = EXPECTED.iter().find(|(name, ..)| name == rule);
        let (most, why) = expected.map_or((0, "not expected"), |(_, most, why)| (*most, why));
        println!("{:>8} alerts by {rule:?} ({why})", found.len());
        for alert in found {
            println!("         {}", alert["output"].as_str().unwrap_or_default());
        }
        if found.len() > most {
            unexpected.push(*rule);
        }
    }
    ensure!(unexpected.is_empty(), "ordinary work alerts: {}", unexpected.join(", "));
    Ok(())
}

struct Work<'c> {
    cluster: &'c Cluster,
}

impl Work<'_> {
    fn kubectl(&self, args: &[&str]) -> anyhow::Result<String> {
        self.cluster.get(&[&["-n", "ordinary"], args].concat())
    }

    fn apply(&self, manifests: &str, name: &str) -> anyhow::Result<()> {
        self.cluster.apply(&manifests.replace("IMAGE", IMAGE).replace("NAME", name))
    }

    /// Removes what this or an earlier run left.
    fn forget(&self) -> anyhow::Result<()> {
        let namespace = ["delete", "namespace", "ordinary", "--ignore-not-found", "--timeout=120s"];
        self.cluster.get(&namespace).map(drop)
    }

    /// Works until the time is over; how many commands of operators succeeded, and were tried.
    fn run(&self, time: Duration) -> anyhow::Result<(usize, usize)> {
        let start = Instant::now();
        self.apply(WORK, "")?;
        let all = ["rollout", "status", "deployment", "--timeout=180s"];
        self.kubectl(&all).context("the work does not start")?;
        self.apply(PACKAGES, "")?;
        let (mut good, mut tried, mut builds, mut restarts) = (0, 0, 0, 1);
        while start.elapsed() < time {
            let (of, command) = COMMANDS[tried % COMMANDS.len()];
            good += usize::from(self.kubectl(&[&["exec", of, "--"], command].concat()).is_ok());
            tried += 1;
            let due = start.elapsed().as_secs() / BUILD_EVERY;
            if builds <= due {
                self.apply(BUILD, &format!("build-{builds}"))?;
                builds += 1;
            }
            if restarts <= due {
                self.kubectl(&["rollout", "restart", "deployment/web"])?;
                restarts += 1;
            }
            sleep(Duration::from_secs(4));
        }
        Ok((good, tried))
    }

    /// Does what must alert: the agent still works.
    fn attack(&self, agent: &Agent) -> anyhow::Result<()> {
        self.kubectl(&["exec", "deployment/cron", "--", "cat", "/etc/shadow"])?;
        let is_it = |alert: &Value| alert["output_fields"]["fd.name"] == "/etc/shadow";
        let seen = (0..100).any(|_| {
            sleep(Duration::from_millis(200));
            agent.alerts().iter().any(is_it)
        });
        ensure!(seen, "an attack at the end was not reported");
        Ok(())
    }

    /// Prints how much work was done in so many seconds; fails where there was none, or too little.
    fn count(&self, seconds: u64) -> anyhow::Result<()> {
        for (what, command) in COUNTS {
            let told = self.kubectl(command).with_context(|| format!("counting {what}"))?;
            let count: u64 = told.trim().parse().with_context(|| format!("{what}: {told:?}"))?;
            println!("{count:>8} {what}");
            ensure!(count > 0, "no {what}");
        }
        let builds = (seconds / (2 * BUILD_EVERY)).max(1) as usize;
        for (what, labels, least) in [("builds", "of=build", builds), ("backups", "of=backup", 1)] {
            let jobs = ["get", "jobs", "-l", labels, "-o", "jsonpath={.items[*].status}"];
            let told = self.kubectl(&jobs)?;
            let count = told.matches("\"succeeded\":1").count();
            println!("{count:>8} {what}");
            let failed = told.matches("\"type\":\"Failed\"").count();
            ensure!(failed == 0, "{failed} {what} failed: {told}");
            ensure!(count >= least, "{count} instead of {least} {what}: {told}");
        }
        Ok(())
    }
}

/// The agent as a process of the node, as a package of the node would start it.
struct Agent {
    child: Child,
    folder: tempfile::TempDir,
    figures: Figures,
}

impl Agent {
    fn start(program: &Path, cluster: &Cluster) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let figures = Figures::free()?;
        let init = cluster.pid("node-1-init")?;
        let mut command = Command::new("nsenter");
        command.arg(format!("--target={init}")).args(["--mount", "--pid", "--uts", "--"]);
        command.arg(program).args(["run", "--output"]).arg(folder.path().join("alerts.jsonl"));
        command.args(["--metrics", &figures.address()]);
        command.stderr(fs::File::create(folder.path().join("log"))?);
        let agent = Self { child: command.spawn().context("starting the agent")?, folder, figures };
        let log = agent.folder.path().join("log");
        agent.figures.wait(|| fs::read_to_string(&log).unwrap_or_default())?;
        Ok(agent)
    }

    /// The process of the agent, whose parent is `nsenter`.
    fn pid(&self) -> Option<u32> {
        let child = self.child.id();
        let children = fs::read_to_string(format!("/proc/{child}/task/{child}/children")).ok()?;
        children.split_whitespace().next()?.parse().ok()
    }

    fn alerts(&self) -> Vec<Value> {
        let path = self.folder.path().join("alerts.jsonl");
        let text = fs::read_to_string(path).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Prints the figures, and returns the alerts.
    fn report(&self, seconds: f64) -> anyhow::Result<Vec<Value>> {
        let events = self.figures.sum("pavisade_events_total")?;
        let lost = self.figures.sum("pavisade_events_lost_total")?;
        let pid = self.pid().context("the agent has ended")?;
        let cpu = crate::bench::cpu_of(pid).as_secs_f64();
        let memory = crate::bench::memory_of(pid) as f64 / f64::from(1 << 20);
        let alerts = self.alerts();
        println!(
            "{seconds:.0} s: {events:.0} events ({:.0}/s), {lost:.0} lost, {} alerts; the agent: {cpu:.1} s \
             of CPU time ({:.1} % of a core), {memory:.0} MiB at most",
            events / seconds,
            alerts.len(),
            cpu / seconds * 100.0,
        );
        ensure!(lost == 0.0, "{lost} events were lost");
        Ok(alerts)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if let Some(pid) = self.pid() {
            let _ = Command::new("kill").arg(pid.to_string()).status();
        }
        let _ = self.child.wait();
    }
}
