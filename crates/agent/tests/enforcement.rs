//! Policies in real pods: what is forbidden is stopped, and nothing else.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::started::{Agent, Node, until};
use crate::steps::{Happened, Step, Tier, count, is_stopped, listed, programs, wrong};

/// Connections that must be refused (`!`) or must not; nothing answers any of them.
const CONNECTIONS: &[&str] = &[
    "!curl\tconnect\t169.254.169.254\t80",
    "!curl\tconnect\t169.254.169.254\t1",
    "!curl\tconnect\t169.254.169.254\t65535",
    "!curl\tconnect-datagram\t169.254.169.254\t53",
    "!curl\tsend\t169.254.169.254\t53",
    "!curl\tconnect\t::ffff:169.254.169.254\t80",
    "!curl\tconnect\t127.0.0.2\t443",
    "!curl\tconnect-datagram\t127.0.0.2\t443",
    "!curl\tsend\t127.0.0.2\t443",
    "!curl\tconnect\t::ffff:127.0.0.2\t443",
    "!curl\tsend\t::ffff:127.0.0.2\t443",
    // Equal ranges with other ports, and a narrower range with another port.
    "!curl\tconnect\t127.0.0.2\t445",
    "!curl\tconnect\t127.0.0.2\t446",
    "!curl\tconnect\t127.0.0.3\t446",
    "!curl\tconnect\t127.0.0.3\t447",
    "!curl\tconnect\t127.0.1.1\t80",
    "!curl\tconnect\t127.0.1.1\t443",
    "!curl\tconnect\t127.0.1.0\t80",
    "!curl\tconnect\t127.0.1.255\t80",
    "!curl\tconnect\t2001:db8::1\t80",
    "!curl\tconnect\t2001:db8:ffff::1\t80",
    "!curl\tsend\t2001:db8::1\t53",
    "!curl\tconnect\t2001:db9::1\t443",
    "!/usr/bin/ncat\tconnect\t127.0.1.7\t80",
    " curl\tconnect\t169.254.169.253\t80",
    " curl\tconnect\t169.254.169.255\t80",
    " curl\tsend\t169.254.169.253\t53",
    " curl\tconnect\t::ffff:169.254.169.253\t80",
    " curl\tconnect\t127.0.0.2\t444",
    " curl\tconnect\t127.0.0.2\t447",
    " curl\tsend\t127.0.0.2\t444",
    " curl\tconnect-datagram\t127.0.0.2\t444",
    " curl\tconnect\t::ffff:127.0.0.2\t444",
    " curl\tconnect\t127.0.0.3\t448",
    " curl\tconnect\t127.0.0.3\t443",
    " curl\tconnect\t127.0.0.4\t446",
    " curl\tconnect\t127.0.0.1\t446",
    " curl\tconnect\t127.0.0.255\t80",
    " curl\tconnect\t127.0.2.0\t80",
    " curl\tsend\t127.0.2.0\t80",
    " curl\tconnect\t2001:db9::1\t444",
    " curl\tconnect\t2001:db9::2\t443",
    " curl\tconnect\t2001:db7:ffff::1\t80",
    " curl\tconnect\t::1\t80",
    " curl\tsend\t::1\t53",
];

fn denied_connections() -> Vec<Step> {
    let steps = listed(CONNECTIONS);
    assert!(count(&steps, true) >= 20 && count(&steps, false) >= 20);
    steps
}

/// Policies for a pod with this name.
fn policies(node: &Node, pod: &str, mode: &str, programs: &str) -> PathBuf {
    let file = node.folder.path().join(format!("{pod}.yaml"));
    let text = format!(
        "policies:\n- name: image-only\n  namespaces: [default]\n  pods: [{pod}]\n  mode: {mode}\n  \
         programs: {{{programs}}}\n\
         - name: no-metadata\n  namespaces: [default]\n  pods: [{pod}]\n  mode: deny\n  \
         connections: {{deny: [169.254.169.254/32, '127.0.0.2/32:443', '127.0.0.2/32:445', \
         '127.0.0.2/31:446', '127.0.0.3/32:447', 127.0.1.0/24, '127.0.1.1/32:443', '2001:db8::/32', \
         '2001:db9::1/128:443']}}\n"
    );
    fs::write(&file, text).unwrap();
    file
}

/// Policies are registered in their order, so the one over connections is the last.
fn wait_until_registered(node: &Node, pod: &str, agent: &Agent) {
    let refused = || node.happened(pod, &denied_connections()[..1]).values().any(is_stopped);
    assert!(until(|| refused().then_some(())).is_some(), "{}", agent.told());
}

fn assert_none_stopped(happened: &Happened, expected: usize) {
    assert_eq!(happened.len(), expected);
    let stopped: Vec<_> = happened.iter().filter(|(_, one)| is_stopped(one)).collect();
    assert!(stopped.is_empty(), "{stopped:?}");
}

/// Outputs of alerts of a policy over programs, when there are that many.
fn outputs(agent: &Agent, expected: usize) -> Vec<String> {
    let all = || {
        let alerts = agent.alerts();
        let of = alerts.iter().filter(|alert| alert["rule"] == "Policy image-only");
        of.map(|alert| alert["output"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    until(|| (all().len() >= expected).then_some(()));
    let all = all();
    assert_eq!(all.len(), expected, "{all:#?}");
    all
}

/// What a tier stops in a pod, and what it does not; nothing in another pod, and nothing afterwards.
fn stops(tier: Tier, mode: &str, clauses: &str, says: &str) {
    let Some(node) = Node::start() else { return };
    let pod = format!("{mode}-{}", std::process::id());
    let free = format!("free-{mode}-{}", std::process::id());
    let file = policies(&node, &pod, mode, clauses);
    let agent = Agent::start(&node, &["--enforce", file.to_str().unwrap()]);
    node.pod(&pod);
    node.pod(&free);
    wait_until_registered(&node, &pod, &agent);
    let steps = programs(tier);
    let wrong_programs = wrong(&steps, &node.happened(&pod, &steps));
    assert!(wrong_programs.is_empty(), "{wrong_programs:#?}\n{}", agent.told());
    assert_none_stopped(&node.happened(&free, &steps), steps.len());
    let connections = denied_connections();
    let wrong_connections = wrong(&connections, &node.happened(&pod, &connections));
    assert!(wrong_connections.is_empty(), "{wrong_connections:#?}\n{}", agent.told());
    let outputs = outputs(&agent, count(&steps, true));
    assert!(
        outputs.iter().all(|text| text.starts_with(says) && text.contains(&pod)),
        "{outputs:#?}"
    );
    let says = "/linked/nc is a link in container";
    assert_eq!(agent.told().contains(says), clauses.contains("/linked"), "{}", agent.told());
    // Nothing stays enforced when the agent is killed.
    drop(agent);
    assert_none_stopped(&node.happened(&pod, &steps), steps.len());
    assert_none_stopped(&node.happened(&pod, &connections), connections.len());
    for pod in [&pod, &free] {
        node.cluster.get(&["delete", "pod", pod, "--wait=false"]).unwrap();
    }
}

#[test]
fn what_a_policy_forbids_is_killed_or_refused_and_nothing_else() {
    let clauses = "written: true, from-memory: true, deny: [/usr/bin/nc]";
    stops(Tier::Kill, "kill", clauses, "A program was ended");
}

#[test]
fn what_a_policy_forbids_is_denied_by_fanotify_and_nothing_else() {
    if !has_fanotify_only() {
        return;
    }
    let clauses = "written: true, deny: [/usr/bin/nc, /linked/nc]";
    stops(Tier::Fanotify, "deny", clauses, "Starting a program was denied");
}

/// Where security modules deny, fanotify is not used.
pub(crate) fn has_fanotify_only() -> bool {
    let output = crate::started::agent().args(["status", "--format", "json"]).output().unwrap();
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let missing = |name: &str| {
        let tiers = status["tiers"].as_array().into_iter().flatten();
        tiers.filter(|tier| tier["name"] == name).all(|tier| !tier["missing"].is_null())
    };
    let only = missing("lsm") && !missing("fanotify");
    if !only {
        eprintln!("skipped: fanotify is not what denies programs here: {status}");
    }
    only
}

/// A rule ends the process that caused its alert, in the pod of the policy only.
#[test]
fn the_alert_of_a_rule_ends_the_process() {
    let Some(node) = Node::start() else { return };
    let (pod, free) =
        (format!("ruled-{}", std::process::id()), format!("unruled-{}", std::process::id()));
    let rules = node.folder.path().join("rules.yaml");
    let rule = |name: &str, file: &str| {
        format!(
            "- rule: {name}\n  desc: a file\n  condition: evt.type = openat and fd.name = {file}\n  \
             output: read\n  priority: NOTICE\n  tags: [files]\n"
        )
    };
    fs::write(&rules, rule("Kept read", "/etc/kept") + &rule("Moved read", "/moved")).unwrap();
    let file = node.folder.path().join("ruled.yaml");
    let text = format!(
        "policies:\n- name: ends\n  namespaces: [default]\n  pods: [{pod}]\n  mode: kill\n  \
         rules: [Kept read]\n"
    );
    fs::write(&file, &text).unwrap();
    let more = ["--rules", rules.to_str().unwrap(), "--enforce", file.to_str().unwrap()];
    let agent = Agent::start(&node, &more);
    node.pod(&pod);
    node.pod(&free);
    // The process waits after its alert; what reads another file ends by itself.
    let steps = listed(&["!cat\tread-and-wait\t/etc/kept\t60", " cat\tread-and-wait\t/moved\t1"]);
    let done = node.happened(&pod, &steps);
    assert!(wrong(&steps, &done).is_empty(), "{done:?}");
    let steps = listed(&[" cat\tread-and-wait\t/etc/kept\t1"]);
    assert_none_stopped(&node.happened(&free, &steps), 1);
    let all = || agent.alerts().into_iter().filter(|alert| alert["tags"][0] == "files");
    until(|| (all().count() == 3).then_some(()));
    let actions: Vec<_> = all().map(|alert| alert["pavisade"]["action"].clone()).collect();
    let ended = serde_json::json!({"policy": "ends", "process_ended": true});
    assert_eq!(actions, [ended, serde_json::Value::Null, serde_json::Value::Null]);
    drop(agent);
    // An alert that is accepted ends no process, and the agent says so.
    let accepted = node.folder.path().join("exceptions.yaml");
    let text_of = "exceptions: [{rules: [Kept read], reason: known, until: 2999-01-01}]\n";
    fs::write(&accepted, text_of).unwrap();
    let agent =
        Agent::start(&node, &[&more[..], &["--exceptions", accepted.to_str().unwrap()]].concat());
    assert!(agent.told().contains("rule \"Kept read\" has an exception"), "{}", agent.told());
    assert!(!agent.told().contains("Moved read"), "{}", agent.told());
    assert_none_stopped(&node.happened(&pod, &steps), 1);
    for pod in [&pod, &free] {
        node.cluster.get(&["delete", "pod", pod, "--wait=false"]).unwrap();
    }
    // A rule that does not exist would never end anything.
    fs::write(&file, text.replace("Kept read", "Kept raed")).unwrap();
    assert!(refusal(&file).contains("no loaded rule has the name, ID or tag \"Kept raed\""));
}

/// Why the agent refuses a file of policies.
fn refusal(file: &std::path::Path) -> String {
    let output = crate::started::agent().args(["run", "--enforce"]).arg(file).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_clause_that_this_node_cannot_enforce_is_refused_with_its_reason() {
    if !has_fanotify_only() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policies.yaml");
    for (clause, says) in [
        ("programs: {from-memory: true}", "fanotify cannot deny `from-memory`"),
        ("programs: {allow: [/bin/sh]}", "fanotify cannot deny `allow`"),
        ("files: {deny-read: [/etc/shadow]}", "files cannot be restricted on this node: file_open"),
    ] {
        let text = format!("policies:\n- name: p\n  namespaces: [x]\n  mode: deny\n  {clause}\n");
        fs::write(&file, text).unwrap();
        let why = refusal(&file);
        assert!(why.contains("policy \"p\": ") && why.contains(says), "{clause}: {why}");
    }
}

/// A stopped agent would let programs of the container hang; its watchdog ends it.
#[test]
fn an_agent_that_is_stopped_stops_no_container() {
    if !has_fanotify_only() {
        return;
    }
    let Some(node) = Node::start() else { return };
    let pod = format!("stopped-{}", std::process::id());
    let file = policies(&node, &pod, "deny", "written: true");
    let mut agent = Agent::start(&node, &["--enforce", file.to_str().unwrap()]);
    node.pod(&pod);
    wait_until_registered(&node, &pod, &agent);
    let steps = listed(&[" /usr/bin/ncat\t-z\thost", "!x\twritten"]);
    let done = node.happened(&pod, &steps);
    assert!(wrong(&steps, &done).is_empty(), "{done:?}");
    agent.signal("STOP");
    let start = Instant::now();
    assert_none_stopped(&node.happened(&pod, &steps), steps.len());
    assert!(start.elapsed() < Duration::from_secs(60));
    assert!(agent.ended().contains("signal: 9"), "{}", agent.told());
    assert!(agent.told().contains("did not answer for two seconds"), "{}", agent.told());
    node.cluster.get(&["delete", "pod", &pod, "--wait=false"]).unwrap();
    // Without its watchdog, an agent ends by itself.
    let mut agent = Agent::start(&node, &["--enforce", file.to_str().unwrap()]);
    for child in agent.children() {
        assert!(Command::new("kill").args(["-s", "KILL", &child]).status().unwrap().success());
    }
    assert_eq!(agent.ended(), "exit status: 2", "{}", agent.told());
    let says = "the agent ends, because it can no longer deny programs by fanotify: its watchdog has ended";
    assert!(agent.told().contains(says), "{}", agent.told());
}

/// A container has a lease of a program that it starts: the kernel denies that program, and nothing hangs.
#[test]
fn a_lease_of_a_program_does_not_stop_the_listener() {
    if !has_fanotify_only() {
        return;
    }
    let Some(node) = Node::start() else { return };
    let pod = format!("leased-{}", std::process::id());
    let file = policies(&node, &pod, "deny", "written: true");
    let agent = Agent::start(&node, &["--enforce", file.to_str().unwrap()]);
    node.pod(&pod);
    wait_until_registered(&node, &pod, &agent);
    let steps = listed(&[
        " x\tstart-leased\t/usr/bin/ncat",
        "!x\twritten",
        " /usr/bin/ncat\t-z\thost",
        "!x\twritten",
    ]);
    let done = node.happened(&pod, &steps);
    assert!(wrong(&steps, &done).is_empty(), "{done:?}\n{}", agent.told());
    assert!(!agent.told().contains("killed"), "{}", agent.told());
    node.cluster.get(&["delete", "pod", &pod, "--wait=false"]).unwrap();
}

/// The agent is killed while a container does what is allowed and what is not: nothing hangs, nothing that
/// is allowed fails, and a new agent enforces again.
#[test]
fn an_agent_that_is_killed_harms_no_container() {
    let Some(node) = Node::start() else { return };
    let kills = std::env::var("PAVISADE_AGENT_KILLS");
    let kills: usize = kills.map_or(5, |text| text.parse().unwrap());
    let pod = format!("harmed-{}", std::process::id());
    let mode = if has_fanotify_only() { "deny" } else { "kill" };
    let file = policies(&node, &pod, mode, "written: true, deny: [/usr/bin/nc]");
    node.pod(&pod);
    let steps = listed(
        &[" /usr/bin/ncat\t-z\thost", ".x\twritten", ".curl\tconnect\t127.0.1.1\t80"].repeat(1000),
    );
    let mut before = 0;
    for number in 0..kills {
        let agent = Agent::start(&node, &["--enforce", file.to_str().unwrap()]);
        wait_until_registered(&node, &pod, &agent);
        let before_it = agent.written();
        let happened = std::thread::scope(|scope| {
            let steps = scope.spawn(|| node.happened(&pod, &steps));
            // At another point each time: when there is another amount of alerts, of about 2 KiB each.
            let enough = before_it + 2048 * (1 + 17 * (number as u64 % 16));
            let start = Instant::now();
            while agent.written() < enough && start.elapsed() < Duration::from_secs(60) {
                std::thread::sleep(Duration::from_millis(5));
            }
            agent.signal("KILL");
            steps.join().unwrap()
        });
        let wrong = wrong(&steps, &happened);
        assert!(wrong.is_empty(), "after {number} kills: {wrong:?}");
        before += happened.values().filter(|one| is_stopped(one)).count();
        // Nothing stays enforced.
        assert!(!is_stopped(&happened[&(steps.len() - 1)]), "the agent was killed too late");
    }
    let all = steps.len() * 2 / 3 * kills;
    assert!(before > 0 && before < all);
    eprintln!("{kills} kills, before which {before} of {all} forbidden actions were stopped");
    node.cluster.get(&["delete", "pod", &pod, "--wait=false"]).unwrap();
}
