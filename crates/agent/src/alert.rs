//! An alert as JSON, in the form that Falco's forwarders take, with more about the process and how
//! complete the evidence is.

use std::collections::BTreeMap;

use jiff::civil::Date;
use pavisade_rules::Priority;
use pavisade_sensor::{Alert, PodInfo, Process, Seen};
use serde_json::{Map, Value, json};

/// What an alert says, of a rule or of a policy.
pub(crate) struct Message<'m> {
    pub rule: &'m str,
    pub priority: Priority,
    pub output: &'m str,
    pub fields: Value,
    pub tags: &'m [String],
}

/// The alert of a rule as one object. `ended` is the date until which an exception covered it.
pub(crate) fn json(alert: &Alert<'_>, seen: &Seen<'_>, lost: u64, ended: Option<Date>) -> Value {
    let Alert { rule, output } = alert;
    let output = output.clone().unwrap_or_default();
    let fields: Map<_, _> =
        output.values.into_iter().map(|(name, value)| (name, value.into())).collect();
    let message = Message {
        rule: &rule.name,
        priority: rule.priority,
        output: &output.text,
        fields: fields.into(),
        tags: &rule.tags,
    };
    let mut alert = message.json(seen, lost);
    if let Some(ended) = ended {
        alert["pavisade"]["exception_ended"] = ended.to_string().into();
    }
    alert
}

impl Message<'_> {
    /// The alert as one object.
    pub(crate) fn json(self, seen: &Seen<'_>, lost: u64) -> Value {
        json!({
            "time": time(seen.time),
            "rule": self.rule,
            "priority": self.priority.name(),
            // Only rules over system calls are loaded.
            "source": "syscall",
            "hostname": seen.node,
            "output": self.output,
            "output_fields": self.fields,
            "tags": self.tags,
            "pavisade": details(seen, lost),
        })
    }
}

/// What Falco's form has no place for.
fn details(seen: &Seen<'_>, lost: u64) -> Value {
    let ancestors = seen.processes.ancestors(seen.process);
    let is_inside = seen.insiders();
    let process = |one: &Process, most| process(one, most, is_inside(one));
    let ancestor = |one: &Process| {
        let mut ancestor = process(one, ANCESTOR);
        // What started a container shows who did it, and none of the secrets of the node.
        if !is_inside(one) {
            ancestor["arguments"] = masked(base(one), &one.program.arguments, ANCESTOR).into();
        }
        ancestor
    };
    json!({
        "event": {"number": seen.number, "type": seen.kind(), "result": seen.raw.result},
        "names": seen.names.iter().map(|name| &**name).collect::<Vec<_>>(),
        "thread": String::from_utf8_lossy(seen.raw.comm()),
        "process": process(seen.process, usize::MAX),
        "ancestors": ancestors.map(ancestor).collect::<Vec<_>>(),
        "container": container(seen),
        "evidence": evidence(lost),
    })
}

/// How many bytes of the arguments of an ancestor are shown; an alert has up to 32 of them.
const ANCESTOR: usize = 256;

fn process(process: &Process, most: usize, inside: bool) -> Value {
    let mut arguments = process.program.joined();
    arguments.truncate(most);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    json!({
        "pid": process.pid,
        "name": text(&process.name),
        "exepath": text(&process.program.path),
        "arguments": text(&arguments),
        "in_container": inside,
    })
}

/// Returns the name of the file of a program.
fn base(process: &Process) -> &[u8] {
    let name = process.program.path.rsplit(|byte| *byte == b'/').next();
    name.filter(|name| !name.is_empty()).unwrap_or(&process.name)
}

/// Returns the arguments of a process without secrets. The name of its program shows which they are:
/// `redis-cli -a SECRET`.
fn masked(name: &[u8], arguments: &[u8], most: usize) -> String {
    let arguments = arguments.strip_suffix(b"\0").unwrap_or(arguments);
    let words = [name].into_iter().chain(arguments.split(|byte| *byte == 0));
    let words: Vec<_> = words.map(String::from_utf8_lossy).collect();
    let words: Vec<_> = words.iter().map(|word| &**word).collect();
    let masked = pavisade_secrets::mask_words(&words);
    let mut shown = masked.get(1..).unwrap_or_default().join(" ");
    shown.truncate(shown.floor_char_boundary(most));
    shown
}

fn container(seen: &Seen<'_>) -> Value {
    let Some(container) = seen.container() else { return Value::Null };
    let pod = seen.pod();
    let pod = pod.as_deref();
    let owner = pod.and_then(|pod| pod.owner.as_ref());
    json!({
        "id": container.id,
        "name": container.name,
        "image": container.image,
        "namespace": container.namespace,
        "pod": container.pod,
        "pod_uid": container.pod_uid,
        "labels": pod.map(|pod| pod.labels.iter().cloned().collect::<BTreeMap<_, _>>()),
        "owner": owner.map(|(kind, name)| json!({"kind": kind, "name": name})),
        "deployment": pod.and_then(PodInfo::deployment),
        "service_account": pod.map(|pod| &pod.service_account),
    })
}

/// Whether something that belongs to the alert may be missing.
fn evidence(lost: u64) -> String {
    match lost {
        0 => "complete".to_owned(),
        1 => "may be incomplete: 1 event was lost in the last minute".to_owned(),
        lost => format!("may be incomplete: {lost} events were lost in the last minute"),
    }
}

/// Nanoseconds since 1970 in the form of RFC 3339.
fn time(nanoseconds: i128) -> Option<String> {
    let time = jiff::Timestamp::from_nanosecond(nanoseconds).ok()?;
    Some(format!("{time:.9}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_of_what_started_a_container_have_no_secrets() {
        let secret = "tr0ub4dor-and-3-horses";
        for (arguments, expect) in [
            ("-namespace\0k8s.io\0", "-namespace k8s.io"),
            ("", ""),
            ("login\0--password\0tr0ub4dor-and-3-horses\0-v\0", "login --password •••• -v"),
        ] {
            assert_eq!(masked(b"tool", arguments.as_bytes(), 256), expect);
        }
        let json = format!("--env\0{{\"DB_PASSWORD\":\"{secret}\"}}\0");
        // The name of the program shows which argument is a secret.
        assert_eq!(masked(b"redis-cli", b"-a\0hunter2secret\0", 256), "-a ••••");
        assert_eq!(masked(b"mysql", b"-phunter2\0", 256), "-p••••");
        assert!(!masked(b"tool", json.as_bytes(), 256).contains(secret));
        // What is cut off is masked before.
        let long = format!("--password\0{secret}\0");
        assert_eq!(masked(b"tool", long.as_bytes(), 17), "--password ••");
    }
}
