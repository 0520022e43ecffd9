//! Policies in a real pod: what is forbidden is stopped, and nothing else.

use std::fs;

use crate::started::{Agent, Node, until};

/// Steps that must be stopped (`!`) or must not.
const STEPS: &[&str] = &[
    "!x\twritten",
    "!x\tfrom-memory",
    // Shared memory is another file system, not the writable layer.
    " x\tshared-memory",
    "!/usr/bin/nc\t-z\thost",
    // The same file has another path there.
    "!x\tchroot\t/usr\t/bin/nc",
    " x\tchroot\t/usr\t/bin/ncat",
    " cat\tread\t/etc/passwd",
    " /usr/bin/ncat\t-z\thost",
    " vi\twrite\t/root/.vimrc",
    "!x\twritten",
    "!x\tfrom-memory",
    "!/usr/bin/nc\tread\t/etc/passwd",
];

/// Connections that must be refused (`!`) or must not; nothing answers any of them.
const CONNECTIONS: &[&str] = &[
    "!curl\tconnect\t169.254.169.254\t80",
    " curl\tconnect\t169.254.169.253\t80",
    "!curl\tconnect\t127.0.0.2\t443",
    " curl\tconnect\t127.0.0.2\t444",
    // Equal ranges with other ports, and a narrower range with another port.
    "!curl\tconnect\t127.0.0.2\t445",
    "!curl\tconnect\t127.0.0.3\t446",
    "!curl\tconnect\t127.0.0.3\t447",
    " curl\tconnect\t127.0.0.3\t448",
    "!curl\tconnect\t127.0.1.1\t80",
];

#[test]
fn what_a_policy_forbids_is_stopped_and_nothing_else() {
    let Some(node) = Node::start() else { return };
    let pod = format!("restricted-{}", std::process::id());
    let free = format!("free-{}", std::process::id());
    let policies = node.folder.path().join("policies.yaml");
    let text = format!(
        "policies:\n- name: image-only\n  namespaces: [default]\n  pods: [{pod}]\n  mode: kill\n  \
         programs: {{written: true, from-memory: true, deny: [/usr/bin/nc]}}\n\
         - name: no-metadata\n  namespaces: [default]\n  pods: [{pod}]\n  mode: deny\n  \
         connections: {{deny: [169.254.169.254/32, '127.0.0.2/32:443', '127.0.0.2/32:445', \
         '127.0.0.2/31:446', '127.0.0.3/32:447', 127.0.1.0/24, '127.0.1.1/32:443']}}\n"
    );
    fs::write(&policies, text).unwrap();
    let agent = Agent::start(&node, &["--enforce", policies.to_str().unwrap()]);
    node.pod(&pod);
    node.pod(&free);
    let run = |pod: &str, steps: &[&str]| {
        let lines = steps.iter().enumerate();
        let text: String =
            lines.map(|(number, step)| format!("{}\t#{number}.\n", &step[1..])).collect();
        let done = node.act(pod, &text);
        assert!(done.success, "{}", done.stderr);
        // Each line: the marker and the status, which is 9 for a process that was killed.
        let status = |line: &str| line.split(' ').nth(1).unwrap().parse::<i32>().unwrap();
        let statuses: Vec<_> = done.stdout.lines().map(status).collect();
        assert_eq!(statuses.len(), steps.len(), "{}", done.stdout);
        (statuses, done.stderr)
    };
    // Policies are registered in their order, so the one over connections is the last.
    let registered =
        until(|| run(&pod, &CONNECTIONS[..1]).1.contains("Operation not permitted").then_some(()));
    assert!(registered.is_some(), "{}", agent.told());
    let (statuses, _) = run(&pod, STEPS);
    for (step, status) in STEPS.iter().zip(&statuses) {
        let killed = *status == 9;
        assert_eq!(killed, step.starts_with('!'), "{step}: {status}\n{}", agent.told());
    }
    // The same in a pod without a policy.
    let (statuses, _) = run(&free, STEPS);
    assert!(statuses.iter().all(|status| *status != 9), "{statuses:?}");
    let (_, told) = run(&pod, CONNECTIONS);
    for (number, step) in CONNECTIONS.iter().enumerate() {
        let refused = told.lines().any(|line| {
            line.contains(&format!("#{number}.")) && line.contains("Operation not permitted")
        });
        assert_eq!(refused, step.starts_with('!'), "{step}: {told}\n{}", agent.told());
    }
    let expected = STEPS.iter().filter(|step| step.starts_with('!')).count();
    let ended = || {
        let alerts = agent.alerts();
        let ended = alerts.iter().filter(|alert| alert["rule"] == "Policy image-only");
        ended.map(|alert| alert["output"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    until(|| (ended().len() >= expected).then_some(()));
    let ended = ended();
    assert_eq!(ended.len(), expected, "{ended:#?}");
    assert!(
        ended.iter().all(|text| text.starts_with("A program was ended") && text.contains(&pod))
    );
    // Nothing stays enforced when the agent is killed.
    drop(agent);
    let (statuses, _) = run(&pod, STEPS);
    assert!(statuses.iter().all(|status| *status != 9), "{statuses:?}");
    let (_, told) = run(&pod, CONNECTIONS);
    assert!(!told.contains("Operation not permitted"), "{told}");
    for pod in [&pod, &free] {
        node.cluster.get(&["delete", "pod", pod, "--wait=false"]).unwrap();
    }
}
