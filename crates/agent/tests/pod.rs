//! Attacks in a real pod of a real node, and near misses.

use crate::started::{Agent, Node, until};
use std::collections::BTreeMap;

const STEPS: &str = include_str!("attacks.tsv");

/// A rule that only the label of the pod decides.
const LABELLED: &str = "\
- rule: By label
  desc: a pod with a label
  condition: evt.type = execve and k8s.pod.label[app] = victim and proc.args contains '#last.'
  output: found %k8s.pod.labels
  priority: NOTICE
- rule: By another label
  desc: a pod with another label
  condition: evt.type = execve and k8s.pod.label[app] = web and proc.args contains '#last.'
  output: found
  priority: NOTICE
";

#[test]
fn attacks_in_a_pod_alert_once_and_near_misses_do_not() {
    let Some(node) = Node::start() else { return };
    let pod = format!("victim-{}", std::process::id());
    let follows = node.follows_pods();
    let follows: Vec<_> = follows.iter().map(String::as_str).collect();
    let rule = node.folder.path().join("label.yaml");
    std::fs::write(&rule, LABELLED).unwrap();
    let more = [&follows[..], &["--rules", rule.to_str().unwrap()]].concat();
    let agent = Agent::start(&node, &more);
    node.pod(&pod);
    let mut expected = BTreeMap::new();
    // Links are made first: the tests of paths follow them.
    let mut steps = "x\tsymlink\t/etc/shadow\t/link-to-shadow\t#setup\n".to_owned();
    let lines = STEPS.lines().filter(|line| !line.starts_with('#'));
    for (number, line) in lines.enumerate() {
        let (rule, step) = line.split_once('\t').unwrap();
        steps.push_str(&format!("{step}\t#{number}.\n"));
        expected.insert(format!("#{number}."), (rule, step));
    }
    // The last step alerts for certain: what came before it was judged before it.
    steps.push_str("cat\tread\t/etc/shadow\t#last.\n");
    let done = node.act(&pod, &steps);
    assert!(done.success, "{}", done.stderr);
    let is_last = |alert: &serde_json::Value| {
        alert["pavisade"]["process"]["arguments"].as_str().is_some_and(|all| all.contains("#last."))
    };
    let own = |alert: &serde_json::Value| alert["pavisade"]["container"]["pod"] == pod.as_str();
    let last = until(|| agent.alerts().iter().any(is_last).then_some(()));
    assert!(last.is_some(), "the last step did not alert\n{}\n{}", done.stderr, agent.told());
    let alerts: Vec<_> = agent.alerts().into_iter().filter(own).collect();
    let of = |rule: &str| alerts.iter().filter(|alert| alert["rule"] == rule).count();
    assert_eq!((of("By label"), of("By another label")), (1, 0));
    let mut wrong = Vec::new();
    for (marker, (rule, step)) in &expected {
        let by_it = alerts.iter().filter(|alert| {
            alert["pavisade"]["process"]["arguments"].as_str().unwrap().contains(marker.as_str())
        });
        let found: Vec<_> = by_it.map(|alert| alert["rule"].as_str().unwrap()).collect();
        let once = found.iter().filter(|found| *found == rule).count() == 1;
        if (*rule == "-" && !found.is_empty()) || (*rule != "-" && !once) {
            wrong.push(format!("{rule}: {step}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}\n{}", wrong.join("\n"), done.stderr, agent.told());
    // What the runtime does to start a container is not an attack.
    let markers = |alert: &&serde_json::Value| {
        let arguments = alert["pavisade"]["process"]["arguments"].as_str().unwrap();
        !arguments.contains('#')
    };
    let others: Vec<_> = alerts.iter().filter(markers).collect();
    assert!(others.is_empty(), "{others:#?}");
    for alert in &alerts {
        let container = &alert["pavisade"]["container"];
        assert_eq!(container["pod"], pod.as_str(), "{alert}");
        assert_eq!(container["namespace"], "default");
        assert_eq!(container["name"], "victim");
        assert_eq!(container["labels"]["app"], "victim", "{alert}");
        assert_eq!(container["service_account"], "default");
        assert_eq!(alert["pavisade"]["evidence"], "complete");
        let ancestors = alert["pavisade"]["ancestors"].as_array().unwrap();
        // The tree leads from the attack to what started the container.
        let names: Vec<_> = ancestors.iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert!(names.contains(&"attack"), "{alert}");
        assert!(names.iter().any(|name| name.starts_with("containerd-shim")), "{alert}");
    }
    let delete = ["delete", "pod", &pod, "--wait=false"];
    node.cluster.get(&delete).unwrap();
}
