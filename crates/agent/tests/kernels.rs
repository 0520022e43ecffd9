//! Other kernels, in QEMU: what loads there, and what is denied by hooks of security modules, which the
//! kernel of this machine may not have. A guest runs the agent and a few containers that are made by hand.

pub(crate) mod guest;
mod packages;
mod preempted;

use guest::Guest;
use packages::Kernel;

use crate::pod;
use crate::steps::{
    Happened, Step, Tier, count, happened, is_stopped, listed, numbered, programs, wrong,
};

/// Files that must not be used.
const FILES: &[&str] = &[
    "!cat\tread\t/etc/shadow",
    "!cat\tread\t/proc/self/root/etc/shadow",
    ".x\tsymlink\t/etc/shadow\t/tmp/link",
    "!cat\tread\t/tmp/link",
    "!cat\tread-in\t/etc\t/shadow",
    "!cat\tread\t/root/.ssh/id_ed25519",
    "!x\tlink\t/etc/shadow\t/tmp/hard",
    "!x\trename\t/root/.ssh\t/tmp/ssh",
    "!x\trename\t/root\t/r",
    "!x\texchange\t/root\t/tmp",
    ".x\tmkdir\t/mnt",
    ".x\tbind\t/etc\t/mnt",
    "!cat\tread\t/mnt/shadow",
    "!vi\twrite\t/etc/cron.d/kept",
    "!vi\twrite\t/etc/cron.d/new",
    "!vi\tempty-by-reading\t/etc/cron.d/kept",
    "!x\ttruncate\t/etc/cron.d/kept",
    "!x\tunlink\t/etc/cron.d/kept",
    "!x\tchmod\t/etc/cron.d/kept\t777",
    "!x\tchown\t/etc/cron.d/kept",
    "!x\tmkdir\t/etc/cron.d/d",
    "!x\trmdir\t/etc/cron.d",
    "!x\tsymlink\t/moved\t/etc/cron.d/l",
    "!x\tlink\t/moved\t/etc/cron.d/l",
    "!x\trename\t/moved\t/etc/cron.d/l",
    "!vi\twrite\t/mnt/cron.d/new",
    // A bind mount does not hide a directory in which a name is new.
    "!x\tmkdir\t/mnt/cron.d/d",
    "!x\tsymlink\t/moved\t/mnt/cron.d/l",
    "!x\tlink\t/mnt/passwd\t/mnt/cron.d/l",
    "!x\trename\t/mnt/passwd\t/mnt/cron.d/r",
    " x\tmissing\t/etc/cron.d/new",
    " x\tmissing\t/etc/cron.d/d",
    " x\tmissing\t/etc/cron.d/l",
    " x\tmissing\t/etc/cron.d/r",
    // A new control group inside of the container's.
    ".x\tmkdir\t/groups",
    ".x\tmount-groups\t/groups",
    "!cat\tin-new-group\t/groups\tread\t/etc/shadow",
    // Near misses.
    " cat\tread\t/etc/passwd",
    " cat\tread\t/etc/shadow2",
    " cat\tread\t/etc/cron.d/kept",
    " cat\tread\t/root/.bashrc",
    " cat\tread\t/root/.ssh2",
    " cat\tread\t/mnt/passwd",
    " cat\tread-in\t/root\t/.bashrc",
    // Another file system of layers, as of an image that is mounted as a volume.
    " cat\tread\t/volume/etc/shadow",
    ".x\tmkdir\t/mnt2",
    ".x\tbind\t/volume/etc\t/mnt2",
    " cat\tread\t/mnt2/shadow",
    " vi\twrite\t/etc/passwd",
    " vi\twrite\t/etc/cron.d2",
    " vi\twrite\t/etc/shadow",
    " vi\twrite\t/tmp/shadow",
    " vi\twrite\t/mnt/new",
    " x\tmkdir\t/mnt/d",
    " x\trename\t/mnt/d\t/mnt/d2",
    " cat\tin-new-group\t/groups\tread\t/etc/passwd",
    // As a runtime made it before the container had its root.
    " cat\tread\t/etc/cron.d/point",
    " x\tmkdir\t/tmp/d",
    " x\trmdir\t/tmp/d",
    " x\tlink\t/moved\t/tmp/moved",
    " x\trename\t/moved\t/tmp/other",
    " x\tchmod\t/tmp/other\t777",
    " x\tchown\t/tmp/other",
    " x\ttruncate\t/tmp/other",
    " x\tunlink\t/tmp/other",
    " x\tsymlink\t/etc/shadow\t/tmp/other",
    // Nothing that was denied has changed anything.
    " cat\tread\t/etc/cron.d/kept",
];

/// Connections that must be refused.
const CONNECTIONS: &[&str] = &[
    "!curl\tconnect\t169.254.169.254\t80",
    "!curl\tsend\t169.254.169.254\t80",
    " curl\tconnect\t169.254.169.253\t80",
];

/// Programs that are not in the only list of what may be started.
const UNLISTED: &[&str] = &[
    "!/usr/bin/nc\t-z\thost",
    "!/usr/bin/nc2\t-z\thost",
    "!/volume/usr/bin/ncat\t-z\thost",
    "!x\twritten",
    "!x\tfrom-memory",
    "!x\tshared-memory",
    "!x\tplace-and-start\t/tmp/ncat",
    " /usr/bin/ncat\t-z\thost",
    " x\tchroot\t/usr\t/bin/ncat",
    " x\tstart\t/usr/bin/uses-ncat",
    // A path with more names than are compared.
    "!x\tstart-deep\t130",
    ".x\tmkdir\t/groups",
    ".x\tmount-groups\t/groups",
    "!x\tin-new-group\t/groups\tstart\t/usr/bin/nc",
    " x\tin-new-group\t/groups\tstart\t/usr/bin/ncat",
    ".x\tbind\t/usr/bin/ncat\t/usr/bin/ncat",
    " /usr/bin/ncat\t-z\thost",
];

/// Only `deny` compares the path inside the image, too.
const UNLISTED_DENIED: &[&str] =
    &[".x\tbind\t/usr/bin/nc2\t/usr/bin/ncat", "!/usr/bin/ncat\t-z\thost"];

/// A policy that compares no paths.
const UNCOMPARED: &[&str] = &["!x\tfrom-memory", " x\tstart-deep\t130", " /usr/bin/nc\t-z\thost"];

/// The path of a file in a layer of an overlay is known since Linux 6.7.
const LAYERS: &[&str] = &[
    ".x\tmkdir\t/layers",
    ".x\toverlay\t/etc\t/tmp\t/layers",
    "!cat\tread\t/layers/shadow",
    " cat\tread\t/layers/passwd",
];

/// Something for each of the programs that observe.
const RULES: &str = "\
- rule: Observed
  desc: a file that was read by its owner's program in a container
  condition: >
    evt.type in (open, openat, openat2) and fd.name = /etc/passwd and proc.name = cat and
    proc.args contains '#' and k8s.pod.name = audited
  output: found
  priority: NOTICE
- rule: Ready
  desc: the test asks whether the agent works
  condition: evt.type = execve and proc.name = ready
  output: ready
  priority: NOTICE
- rule: Ended
  desc: the end of a program whose parent was seen to create it
  condition: evt.type = procexit and proc.name = vi and proc.pname = attack and k8s.pod.name = audited
  output: found
  priority: NOTICE
";

/// What needs security modules.
const WITH_MODULES: &str = "\
policies:
- name: programs
  namespaces: [test]
  pods: [programs]
  mode: deny
  programs: {written: true, from-memory: true, deny: [/usr/bin/nc]}
- name: files
  namespaces: [test]
  pods: [files]
  mode: deny
  files: {deny-read: [/etc/shadow, /root/.ssh/], deny-write: [/etc/cron.d]}
- name: audited
  namespaces: [test]
  pods: [audited]
  mode: audit
  files: {deny-read: [/etc/shadow, /root/.ssh/], deny-write: [/etc/cron.d]}
- name: uncompared
  namespaces: [test]
  pods: [uncompared]
  mode: deny
  programs: {from-memory: true}
- name: layers
  namespaces: [test]
  pods: [layers]
  mode: deny
  files: {deny-read: [/etc/shadow]}
- name: apart
  namespaces: [test]
  pods: [apart]
  mode: deny
  programs: {written: true, from-memory: true, deny: [/usr/bin/nc]}
- name: unlisted
  namespaces: [test]
  pods: [unlisted]
  mode: deny
  programs: {allow: [/attack, /usr/bin/ncat, /usr/bin/uses-ncat]}
";

/// What needs no security modules.
const WITHOUT_MODULES: &str = "\
policies:
- name: programs
  namespaces: [test]
  pods: [programs]
  mode: deny
  programs: {written: true, deny: [/usr/bin/nc]}
";

/// What every kernel enforces.
const EVERYWHERE: &str = "\
- name: killed
  namespaces: [test]
  pods: [killed]
  mode: kill
  programs: {written: true, from-memory: true, deny: [/usr/bin/nc]}
- name: unlisted-killed
  namespaces: [test]
  pods: [unlisted-killed]
  mode: kill
  programs: {allow: [/attack, /usr/bin/ncat]}
- name: connections
  namespaces: [test]
  pods: [connections]
  mode: deny
  connections: {deny: [169.254.169.254/32]}
";

#[test]
fn policies_hold_on_other_kernels() {
    for kernel in guest::kernels() {
        with_security_modules(&kernel);
    }
}

#[test]
fn the_oldest_kernel_observes_and_enforces() {
    if let Some(kernel) = guest::oldest() {
        without_security_modules(&kernel);
    }
}

#[test]
fn attacks_alert_on_other_kernels() {
    let more = if guest::all() { guest::kernels() } else { Vec::new() };
    guest::oldest().iter().chain(&more).for_each(attacked);
}

#[test]
fn attacks_alert_on_arm64() {
    guest::arm64().iter().for_each(attacked);
}

fn attacked(kernel: &Kernel) {
    let steps = pod::steps();
    let guest = Guest {
        rules: &[RULES, pod::NAMED_RULE].concat(),
        only_these_rules: false,
        policies: &[WITHOUT_MODULES, EVERYWHERE].concat(),
        parameters: "lsm=lockdown,yama",
        first: "",
        containers: &[("attacked", pod::text(&steps))],
    };
    let Some(told) = guest.run(kernel) else { return };
    loaded_everything(kernel, &told);
    let alerts = told.lines().filter_map(|line| line.strip_prefix("ALERT "));
    let alerts: Vec<_> = alerts.map(|line| serde_json::from_str(line).unwrap()).collect();
    let done = of(&told, "attacked").len();
    assert_eq!(done, steps.len(), "{}: {}", kernel.name, last(&told));
    let wrong = pod::wrong_rules(&steps, &alerts);
    assert!(wrong.is_empty(), "{}: {wrong:#?}\n{}", kernel.name, last(&told));
}

/// The agent said how it watches, and nothing else.
fn loaded_everything(kernel: &Kernel, told: &str) {
    let agent = told.lines().filter_map(|line| line.strip_prefix("AGENT "));
    let agent: Vec<_> = agent.collect();
    let is_right = match &agent[..] {
        [watching] => watching.starts_with("watching with ") && !hooks(kernel),
        [watching, hooked] => {
            watching.starts_with("watching with ")
                && hooked.ends_with(" functions, and not at the exit of every call")
                && hooks(kernel)
        }
        _ => false,
    };
    assert!(is_right, "{}: {agent:?} {}", kernel.name, last(told));
}

/// Programs at functions need Linux 5.15, on ARM64 6.4.
fn hooks(kernel: &Kernel) -> bool {
    let is_old = match kernel.machine.debian {
        "arm64" => kernel.name.starts_with("6.1."),
        _ => kernel.name.starts_with("5.10."),
    };
    !is_old
}

/// BPF programs of security modules are called on ARM64 since Linux 6.4.
#[test]
fn policies_hold_on_arm64() {
    for kernel in guest::arm64() {
        match kernel.name.starts_with("6.1.") {
            true => without_security_modules(&kernel),
            false => with_security_modules(&kernel),
        }
    }
}

fn with_security_modules(kernel: &Kernel) {
    let mut layers = listed(LAYERS);
    if kernel.name.starts_with("6.1.") {
        layers[2].stopped = None;
    }
    let containers = [
        ("programs", programs(Tier::Lsm)),
        ("apart", programs(Tier::Lsm)),
        ("killed", programs(Tier::Kill)),
        ("files", listed(FILES)),
        ("unlisted", listed(&[UNLISTED, UNLISTED_DENIED].concat())),
        ("unlisted-killed", listed(UNLISTED)),
        ("uncompared", listed(UNCOMPARED)),
        ("layers", layers),
        ("connections", listed(CONNECTIONS)),
        ("audited", listed(FILES)),
    ];
    let numbered = containers.each_ref().map(|(pod, steps)| (*pod, numbered(steps)));
    let guest = Guest {
        rules: RULES,
        only_these_rules: true,
        policies: &[WITH_MODULES, EVERYWHERE].concat(),
        parameters: "",
        first: "",
        containers: &numbered,
    };
    if let Some(told) = guest.run(kernel) {
        check(kernel, &told, &containers);
    }
}

/// Without security modules, programs are denied by fanotify, or ended.
fn without_security_modules(kernel: &Kernel) {
    let containers = [
        ("programs", programs(Tier::Fanotify)),
        ("killed", programs(Tier::Kill)),
        ("unlisted-killed", listed(UNLISTED)),
        ("connections", listed(CONNECTIONS)),
        ("audited", listed(FILES)),
    ];
    let numbered = containers.each_ref().map(|(pod, steps)| (*pod, numbered(steps)));
    // TOMOYO looks for `/dev/fd`, which these containers do not have, when a descriptor is executed.
    let parameters = "lsm=lockdown,yama";
    let first = "pavisade-agent status | sed 's/^/STATUS /'";
    let policies = &[WITHOUT_MODULES, EVERYWHERE].concat();
    let guest = Guest {
        rules: RULES,
        only_these_rules: true,
        policies,
        parameters,
        first,
        containers: &numbered,
    };
    let Some(told) = guest.run(kernel) else { return };
    let missing = told.lines().filter_map(|line| line.strip_prefix("STATUS no"));
    let missing: Vec<_> = missing.filter_map(|line| line.split_whitespace().next()).collect();
    let expected = if hooks(kernel) { vec!["lsm"] } else { vec!["lsm", "fexit"] };
    assert_eq!(missing, expected, "{}", last(&told));
    check(kernel, &told, &containers);
}

/// Nodes that are containers (kind) have their own PID namespace.
#[test]
fn files_are_denied_in_a_nested_pid_namespace() {
    for kernel in guest::kernels_if_all() {
        let steps = listed(&["!cat\tread\t/etc/shadow", " cat\tread\t/etc/passwd"]);
        let guest = Guest {
            rules: RULES,
            only_these_rules: true,
            policies: &[WITH_MODULES, EVERYWHERE].concat(),
            parameters: "nested",
            first: "",
            containers: &[("files", numbered(&steps))],
        };
        let Some(told) = guest.run(&kernel) else { return };
        let wrong = wrong(&steps, &of(&told, "files"));
        assert!(wrong.is_empty(), "{}: {wrong:#?} {}", kernel.name, last(&told));
        // The number of the process is that of the namespace: the agent knows its program.
        assert!(told.contains("ALERTS known 1"), "{}: {}", kernel.name, last(&told));
    }
}

/// A kernel without `bpf` in its list of security modules loads the programs but never calls them.
#[test]
fn fanotify_denies_where_security_modules_are_never_called() {
    for kernel in guest::kernels_if_all() {
        let steps = programs(Tier::Fanotify);
        let guest = Guest {
            rules: RULES,
            only_these_rules: true,
            policies: "policies:\n- name: programs\n  namespaces: [test]\n  mode: deny\n  \
                       programs: {written: true, deny: [/usr/bin/nc]}\n",
            parameters: "lsm=lockdown,yama",
            first: "pavisade-agent status | sed 's/^/STATUS /'",
            containers: &["programs", "apart"].map(|pod| (pod, numbered(&steps))),
        };
        let Some(told) = guest.run(&kernel) else { return };
        let kernel = &kernel.name;
        let end = last(&told);
        assert!(
            told.contains("STATUS      the kernel never calls its programs"),
            "{kernel}: {end}"
        );
        for pod in ["programs", "apart"] {
            let wrong = wrong(&steps, &of(&told, pod));
            assert!(wrong.is_empty(), "{kernel}, {pod}: {wrong:#?} {end}");
            let after = of(&told, &format!("{pod}-after"));
            assert_eq!(after.len(), steps.len(), "{kernel}, {pod}: {end}");
            assert!(!after.values().any(is_stopped), "{kernel}, {pod}");
        }
    }
}

/// The end of the output of a guest.
fn last(told: &str) -> &str {
    &told[told.char_indices().rev().nth(1500).map_or(0, |(at, _)| at)..]
}

/// What happened to the steps of a container.
pub(crate) fn of(told: &str, name: &str) -> Happened {
    let start = format!("{name}| ");
    let lines: Vec<_> = told.lines().filter_map(|line| line.strip_prefix(&start)).collect();
    happened(&lines.join("\n"))
}

fn check(kernel: &Kernel, told: &str, containers: &[(&str, Vec<Step>)]) {
    loaded_everything(kernel, told);
    let kernel = &kernel.name;
    let end = last(told);
    assert!(told.contains(&format!("KERNEL {kernel} ")), "another kernel: {told}");
    assert!(told.contains("END"), "{kernel}: the guest did not end: {end}");
    let alerts = |name: &str| {
        let start = format!("ALERTS {name} ");
        let line = told.lines().find_map(|line| line.strip_prefix(&start));
        line.unwrap_or_default().trim().parse::<usize>().unwrap_or_default()
    };
    for (name, steps) in containers {
        let during = of(told, name);
        let forbidden = count(steps, true);
        if *name != "audited" {
            let wrong = wrong(steps, &during);
            assert!(wrong.is_empty(), "{kernel}, {name}: {wrong:#?}");
        }
        match *name {
            // Before Linux looks for a file that may be created, it asks whether a name may be written.
            "files" => assert!(
                (forbidden..=forbidden + 3).contains(&alerts(name)),
                "{kernel}: {} instead of {forbidden}",
                alerts(name)
            ),
            // What is not denied makes a difference for the steps that follow.
            "audited" => {
                let has_policy = containers.iter().any(|(name, _)| *name == "files");
                let expect = if has_policy { 16..=usize::MAX } else { 0..=0 };
                assert!(expect.contains(&alerts(name)), "{kernel}: {}", alerts(name));
                let stopped: Vec<_> = during.values().filter(|one| is_stopped(one)).collect();
                assert!(stopped.is_empty(), "{kernel}: {stopped:?}");
            }
            "connections" => {}
            _ => assert_eq!(alerts(name), forbidden, "{kernel}, {name}"),
        }
        // Nothing stays enforced when the agent was killed.
        let after = of(told, &format!("{name}-after"));
        assert_eq!(after.len(), steps.len(), "{kernel}, {name}: {end}");
        let stopped: Vec<_> = after.values().filter(|one| is_stopped(one)).collect();
        assert!(stopped.is_empty(), "{kernel}, {name}: {stopped:?}");
    }
    assert_eq!(alerts("Observed"), 1, "{kernel}");
    let ended = FILES.iter().filter(|step| step[1..].starts_with("vi\t")).count();
    assert_eq!(alerts("Ended"), ended, "{kernel}");
    // The clock was set forward, and then further back.
    let clocks = told.lines().filter_map(|line| line.strip_prefix("CLOCK "));
    let clocks: Vec<_> = clocks.map(|line| line.split(' ').collect::<Vec<_>>()).collect();
    assert_eq!(clocks.len(), 2, "{kernel}: {end}");
    for clock in clocks {
        let time: jiff::Timestamp = clock[2].parse().unwrap();
        let late = clock[1].parse::<i64>().unwrap() - time.as_second();
        assert!((0..3600).contains(&late), "{kernel}: an alert is {late} seconds old: {clock:?}");
    }
}
