//! Attacks in a real pod of a real node, and near misses.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::started::{Agent, Node, until};

const STEPS: &str = include_str!("attacks.tsv");

/// A rule whose result depends on an answer of a name server.
const NAMED: &str = "By the name of a server";

/// Rules whose result depends only on a label of the pod.
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

pub(crate) const NAMED_RULE: &str = "\
- rule: By the name of a server
  desc: a connection to an address that a name server gave
  condition: evt.type = connect and fd.sip.name = named
  output: found %fd.sip %fd.sip.name
  priority: NOTICE
";

/// The name of a program from memory; before Linux 6.14 it is the number of a descriptor.
const FROM_MEMORY: &str = "memfd:new";

/// A line of the file.
pub(crate) struct Step<'t> {
    /// The rule that must alert; nothing for a near miss.
    rule: Option<&'t str>,
    /// The names of the processes: the one that acts, its parent, and so on.
    names: Vec<&'t str>,
    text: &'t str,
}

impl<'t> Step<'t> {
    fn read(line: &'t str) -> Self {
        let (rule, text) = line.split_once('\t').unwrap();
        let words: Vec<_> = text.split('\t').collect();
        let mut names = vec![words[0]];
        let mut rest = &words[1..];
        while let ["via" | "terminal", name, ..] = rest {
            names.insert(0, name);
            rest = &rest[2..];
        }
        // Steps that start another program in the same process.
        names[0] = match rest[0] {
            "written" | "shared-memory" => "new",
            "from-memory" => FROM_MEMORY,
            "shell-on-socket" => "sh",
            _ => names[0],
        };
        Self { rule: (rule != "-").then_some(rule), names, text }
    }
}

/// All attacks and near misses.
pub(crate) fn steps() -> Vec<Step<'static>> {
    STEPS.lines().filter(|line| !line.starts_with('#')).map(Step::read).collect()
}

/// The steps as `attack.c` reads them, each with its number. Links are made first: the tests of paths follow
/// them. The last step alerts for certain: what came before it was judged before it.
pub(crate) fn text(steps: &[Step<'_>]) -> String {
    let mut text = "x\tsymlink\t/etc/shadow\t/link-to-shadow\t#setup\n".to_owned();
    for (number, step) in steps.iter().enumerate() {
        text.push_str(&format!("{}\t#{number}.\n", step.text));
    }
    text.push_str("cat\tread\t/etc/shadow\t#last.\n");
    text
}

/// The alerts about a step.
fn by_step(number: usize, alerts: &[Value]) -> Vec<&Value> {
    let marker = format!("#{number}.");
    alerts.iter().filter(|alert| arguments(alert).contains(&marker)).collect()
}

/// The steps about which not exactly the right rule alerted.
pub(crate) fn wrong_rules(steps: &[Step<'_>], alerts: &[Value]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let found = by_step(number, alerts);
        let found: Vec<_> = found.iter().map(|alert| alert["rule"].as_str().unwrap()).collect();
        if found != step.rule.into_iter().collect::<Vec<_>>() {
            wrong.push(format!("#{number}. {:?}: {}: {found:?}", step.rule, step.text));
        }
    }
    wrong
}

/// What every alert about a container must say.
struct Expected {
    pod: String,
    uid: String,
    deployment: String,
    image: String,
}

impl Expected {
    fn of(node: &Node, deployment: &str, args: &[&str]) -> Self {
        let pod = node.deployment(deployment, args);
        let uid =
            node.cluster.get(&["get", "pod", &pod, "-o", "jsonpath={.metadata.uid}"]).unwrap();
        Self { pod, uid, deployment: deployment.to_owned(), image: node.image() }
    }

    fn check(&self, alert: &Value) {
        let container = &alert["pavisade"]["container"];
        for (field, expected) in [
            ("pod", &*self.pod),
            ("pod_uid", &self.uid),
            ("namespace", "default"),
            ("name", "victim"),
            ("image", &self.image),
            ("deployment", &self.deployment),
            ("service_account", "default"),
        ] {
            assert_eq!(container[field], expected, "{field}: {alert}");
        }
        assert_eq!(container["labels"]["app"], "victim", "{alert}");
        assert_eq!(container["owner"]["kind"], "ReplicaSet", "{alert}");
        let owner = container["owner"]["name"].as_str().unwrap();
        assert!(self.pod.starts_with(&format!("{owner}-")), "{alert}");
        assert_eq!(alert["pavisade"]["evidence"], "complete");
        assert_eq!(alert["source"], "syscall");
    }
}

/// The names of the processes in the container: the one that acts, and its ancestors up to the one that
/// the runtime started.
fn chain(alert: &Value) -> Vec<&str> {
    let ancestors = alert["pavisade"]["ancestors"].as_array().unwrap();
    let all = || std::iter::once(&alert["pavisade"]["process"]).chain(ancestors);
    let names: Vec<_> = all().map(|one| one["name"].as_str().unwrap()).collect();
    let marks: Vec<_> = all().map(|one| one["in_container"] == true).collect();
    let inside = marks.iter().take_while(|one| **one).count();
    let runtime = names.get(inside).copied().unwrap_or_default();
    // A process of the container can have such a name, too.
    assert!(runtime.starts_with("runc") || runtime.starts_with("containerd-shim"), "{names:?}");
    assert!(!marks[inside..].contains(&true), "{names:?}");
    names[..inside].to_vec()
}

fn arguments(alert: &Value) -> &str {
    alert["pavisade"]["process"]["arguments"].as_str().unwrap()
}

#[test]
fn attacks_in_a_pod_alert_once_and_near_misses_do_not() {
    let steps = steps();
    let attacks = steps.iter().filter(|step| step.rule.is_some()).count();
    assert!(attacks >= 50 && steps.len() - attacks >= 50, "{attacks} of {}", steps.len());
    let Some(node) = Node::start() else { return };
    let follows = node.follows_pods();
    let follows: Vec<_> = follows.iter().map(String::as_str).collect();
    let rule = node.folder.path().join("label.yaml");
    std::fs::write(&rule, [LABELLED, NAMED_RULE].concat()).unwrap();
    let more = [&follows[..], &["--rules", rule.to_str().unwrap()]].concat();
    let agent = Agent::start(&node, &more);
    let victim = Expected::of(&node, &format!("victim-{}", std::process::id()), &["pause"]);
    let done = node.act(&victim.pod, &text(&steps));
    assert!(done.success, "{}", done.stderr);
    let is_last = |alert: &Value| {
        let known = !alert["pavisade"]["container"]["labels"].is_null();
        known && arguments(alert).contains("#last.")
    };
    let last = until(|| agent.alerts().iter().any(is_last).then_some(()));
    assert!(last.is_some(), "the last step did not alert\n{}\n{}", done.stderr, agent.told());
    let own = |alert: &Value| alert["pavisade"]["container"]["pod"] == victim.pod.as_str();
    let alerts: Vec<_> = agent.alerts().into_iter().filter(own).collect();
    let of = |rule: &str| alerts.iter().filter(|alert| alert["rule"] == rule).count();
    assert_eq!((of("By label"), of("By another label")), (1, 0));
    // The connection to 127.0.0.2 before it has no name.
    let named: Vec<_> = alerts.iter().filter(|alert| alert["rule"] == NAMED).collect();
    assert_eq!(named.len(), 1, "{named:?}");
    assert_eq!(named[0]["output_fields"]["fd.sip"], "127.0.0.9", "{}", named[0]);
    assert_eq!(named[0]["pavisade"]["names"], serde_json::json!(["named"]));

    // When each step began and ended.
    let time = |word: &str| word.parse::<f64>().unwrap();
    let times: BTreeMap<_, _> = done
        .stdout
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>())
        .map(|words| (words[0], (time(words[2]), time(words[3]))))
        .collect();
    let mut wrong = wrong_rules(&steps, &alerts);
    for (number, step) in steps.iter().enumerate() {
        let (begun, ended) = times[&*format!("#{number}.")];
        for alert in by_step(number, &alerts) {
            let mut names = chain(alert);
            if step.names[0] == FROM_MEMORY && names[0].parse::<u32>().is_ok() {
                names[0] = FROM_MEMORY;
            }
            let mut expected: Vec<_> = step.names.clone();
            expected.push("attack");
            if names != expected {
                wrong.push(format!("{}: processes {names:?}", step.text));
            }
            let time: Timestamp = alert["time"].as_str().unwrap().parse().unwrap();
            let time = time.as_nanosecond() as f64 / 1e9;
            if time < begun - 1.0 || time > ended + 1.0 {
                wrong.push(format!("{}: at {time}, not {begun} to {ended}", step.text));
            }
        }
    }
    assert!(wrong.is_empty(), "{}\n{}\n{}", wrong.join("\n"), done.stderr, agent.told());
    // What the runtime does to start a container is not an attack.
    let others: Vec<_> = alerts.iter().filter(|alert| !arguments(alert).contains('#')).collect();
    assert!(others.is_empty(), "{others:#?}");
    alerts.iter().for_each(|alert| victim.check(alert));
    eprintln!("{attacks} attacks, {} near misses, {} alerts", steps.len() - attacks, alerts.len());

    // By the first process of a container instead of a command that was started in it.
    let name = format!("first-{}", std::process::id());
    let first = Expected::of(&node, &name, &["first", "cat", "read", "/etc/shadow", "#first."]);
    let found =
        until(|| agent.alerts().into_iter().find(|alert| arguments(alert).contains("#first.")));
    assert!(found.is_some(), "the first process did not alert: {}", agent.told());
    let found = found.unwrap();
    assert_eq!(chain(&found), ["cat", "attack"], "{found}");
    assert_eq!(found["pavisade"]["container"]["pod"], first.pod.as_str());
    let parent = &found["pavisade"]["ancestors"][0];
    assert_eq!(parent["arguments"], "first cat read /etc/shadow #first.");
    for deployment in [&victim.deployment, &first.deployment] {
        node.cluster.get(&["delete", "deployment", deployment, "--wait=false"]).unwrap();
    }
}
