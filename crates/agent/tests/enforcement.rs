//! Policies in a real pod: what is forbidden is stopped, and nothing else.

use std::fs;
use std::time::Duration;

use crate::started::{Agent, Node};

/// Steps that must be stopped (`!`) or must not.
const STEPS: &[&str] = &[
    "!x\twritten",
    "!x\tfrom-memory",
    // Shared memory is a file system of its own, not the writable layer.
    " x\tshared-memory",
    "!/usr/bin/nc\t-z\thost",
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
         connections: {{deny: [169.254.169.254/32, '127.0.0.2/32:443']}}\n"
    );
    fs::write(&policies, text).unwrap();
    let agent = Agent::start(&node, &["--enforce", policies.to_str().unwrap()]);
    node.pod(&pod);
    node.pod(&free);
    std::thread::sleep(Duration::from_secs(1));
    let run = |pod: &str, steps: &[&str]| {
        let lines = steps.iter().enumerate();
        let text: String =
            lines.map(|(number, step)| format!("{}\t#{number}.\n", &step[1..])).collect();
        let done = node.act(pod, &text);
        assert!(done.success, "{}", done.stderr);
        // Each line: the marker and the status, which is 9 for a process that was killed.
        let status = |line: &str| line.split(' ').nth(1).unwrap().parse::<i32>().unwrap();
        (done.stdout.lines().map(status).collect::<Vec<_>>(), done.stderr)
    };
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
    std::thread::sleep(Duration::from_secs(1));
    let alerts = agent.alerts();
    let ended = alerts.iter().filter(|alert| alert["rule"] == "Policy image-only");
    let ended: Vec<_> = ended.map(|alert| alert["output"].as_str().unwrap()).collect();
    let expected = STEPS.iter().filter(|step| step.starts_with('!')).count();
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
