//! More events than the buffer holds: what was lost is counted, and alerts say so.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use crate::started::{Agent, Node, until};

/// More than fit into the buffer of 8 MiB.
const OPENS: u32 = 100_000;

#[test]
fn alerts_after_a_flood_say_that_events_were_lost() {
    let Some(node) = Node::start() else { return };
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let agent = Agent::start(&node, &["--metrics", &format!("127.0.0.1:{port}")]);
    let pod = format!("flood-{}", std::process::id());
    node.pod(&pod);
    let evidence = |marker: &str| {
        until(|| {
            // While the buffer is full, the attack itself may be lost.
            let done = node.act(&pod, &format!("cat\tread\t/etc/shadow\t{marker}\n"));
            assert!(done.success, "{}", done.stderr);
            let alert = agent.alerts().into_iter().find(|alert| {
                alert["pavisade"]["process"]["arguments"].as_str().unwrap().contains(marker)
            });
            alert.map(|alert| alert["pavisade"]["evidence"].as_str().unwrap().to_owned())
        })
    };
    assert_eq!(evidence("#before.").as_deref(), Some("complete"), "{}", agent.told());
    // A busy node, on which the agent is not scheduled for a moment.
    agent.signal("STOP");
    let done = node.act(&pod, &format!("x\topen-close\t{OPENS}\t/etc/passwd\t#flood.\n"));
    agent.signal("CONT");
    assert!(done.success, "{}", done.stderr);
    let told = evidence("#after.").unwrap_or_default();
    let lost = told.strip_prefix("may be incomplete: ").unwrap_or_default();
    let lost: u32 = lost.split(' ').next().unwrap().parse().unwrap_or_default();
    assert!(lost > 0 && lost < OPENS, "{told:?}\n{}", agent.told());
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
    let mut metrics = String::new();
    stream.read_to_string(&mut metrics).unwrap();
    let figure = |name: &str| -> u32 {
        let lines = metrics.lines().find_map(|line| line.strip_prefix(name));
        lines.unwrap().trim().parse().unwrap()
    };
    // Only what is worth least was given up.
    assert!(figure("pavisade_events_lost_total{category=\"file-read\"}") >= lost, "{metrics}");
    for kept in ["process", "exec"] {
        let name = format!("pavisade_events_lost_total{{category=\"{kept}\"}}");
        assert_eq!(figure(&name), 0, "{metrics}");
    }
    node.cluster.get(&["delete", "pod", &pod, "--wait=false"]).unwrap();
}
