//! Who started a process with `kubectl exec`: joins alerts of the agent with the audit log.
//!
//! The audit log has the user, the pod, the command and the time of an exec, the alert has the processes
//! above the one that it is about. The outermost of them in the container is what the runtime
//! started. The two have no common identifier, so they are joined by pod, container, command and
//! time, and what is not certain is said.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use jiff::{Timestamp, ToSpan as _};
use pavisade_report::one_line;
use pavisade_rules::decoded_query;
use serde_json::Value;

/// The most sessions that are remembered.
const MOST: usize = 10_000;
/// The longest line of the log.
const MAX_LINE: u64 = 16 << 20;
/// Bytes of the arguments of an ancestor in an alert.
const CUT: usize = 256;

/// An exec in the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Exec {
    id: String,
    start: Timestamp,
    end: Option<Timestamp>,
    user: String,
    address: String,
    namespace: String,
    pod: String,
    container: Option<String>,
    command: Vec<String>,
}

/// The sessions in an audit log, which may grow.
#[derive(Debug)]
pub(super) struct Sessions {
    log: PathBuf,
    read: u64,
    all: Vec<Exec>,
}

impl Sessions {
    /// Reads a log.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn read(log: PathBuf) -> io::Result<Self> {
        let mut sessions = Self { log, read: 0, all: Vec::new() };
        sessions.refresh()?;
        Ok(sessions)
    }

    /// Reads what was added to the log, or to the file that takes its place.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn refresh(&mut self) -> io::Result<()> {
        let mut file = match File::open(&self.log) {
            Ok(file) => file,
            // It is being rotated.
            Err(error) if error.kind() == ErrorKind::NotFound && self.read > 0 => return Ok(()),
            Err(error) => return Err(error),
        };
        if file.metadata()?.len() < self.read {
            self.read = 0;
        }
        file.seek(SeekFrom::Start(self.read))?;
        let mut reader = BufReader::new(file);
        let mut line = Vec::new();
        loop {
            line.clear();
            let length = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)?;
            // The last line may be half written.
            if length == 0 || line.last() != Some(&b'\n') && (length as u64) < MAX_LINE {
                return Ok(());
            }
            self.read += length as u64;
            if let Some(exec) = serde_json::from_slice(&line).ok().and_then(|event| read(&event)) {
                self.add(exec);
            }
        }
    }

    fn add(&mut self, exec: Exec) {
        // Clients choose audit IDs: one that is used again must not hide another request.
        let same = |known: &&mut Exec| {
            !exec.id.is_empty()
                && known.id == exec.id
                && (&known.user, &known.namespace, &known.pod)
                    == (&exec.user, &exec.namespace, &exec.pod)
                && (&known.command, known.start) == (&exec.command, exec.start)
        };
        match self.all.iter_mut().rev().find(same) {
            Some(known) => known.end = known.end.max(exec.end),
            None => self.all.push(exec),
        }
        if self.all.len() > MOST {
            self.all.drain(..MOST / 2);
        }
    }

    /// Returns a phrase that says who may have started the processes of an alert. `None` if no
    /// session matches.
    pub(super) fn who(&self, alert: &Value) -> Option<String> {
        let root = outermost(alert)?;
        let container = &alert["pavisade"]["container"];
        let time: Timestamp = alert["time"].as_str()?.parse().ok()?;
        let open = |exec: &&Exec| {
            let named = exec.container.as_deref();
            Some(&*exec.namespace) == container["namespace"].as_str()
                && Some(&*exec.pod) == container["pod"].as_str()
                && named.is_none_or(|name| container["name"].as_str() == Some(name))
                && exec.start <= time
                && exec.end.is_none_or(|end| end.checked_add(1.second()).unwrap_or(end) >= time)
        };
        let open: Vec<_> = self.all.iter().filter(open).collect();
        let same: Vec<_> =
            open.iter().copied().filter(|exec| is_command(&exec.command, root)).collect();
        let say = |exec: &Exec| {
            let from = match &*exec.address {
                "" => String::new(),
                address => format!(" from {address}"),
            };
            format!("{}{from} at {}", exec.user, exec.start.strftime("%H:%M:%S"))
        };
        let all = |found: &[&Exec]| {
            let said: Vec<_> = found.iter().take(5).map(|exec| say(exec)).collect();
            said.join(", or ")
        };
        match (same.as_slice(), open.as_slice()) {
            ([], []) => None,
            ([], found) => Some(format!("perhaps kubectl exec by {}", all(found))),
            (found, _) => Some(format!("kubectl exec by {}", all(found))),
        }
    }
}

/// Returns the outermost process in the container: what the runtime above it started. The agent marks
/// those in the container; a process there can have any name.
fn outermost(alert: &Value) -> Option<&Value> {
    let mut root = &alert["pavisade"]["process"];
    root.is_object().then_some(())?;
    for one in inside(alert) {
        root = one;
    }
    Some(root)
}

/// Returns the ancestors of the process of an alert that are in its container, the parent first.
pub(super) fn inside(alert: &Value) -> impl Iterator<Item = &Value> {
    let ancestors = alert["pavisade"]["ancestors"].as_array();
    ancestors.into_iter().flatten().take_while(|one| one["in_container"] == true)
}

/// Whether a process runs the command of an exec.
fn is_command(command: &[String], process: &Value) -> bool {
    let Some((program, arguments)) = command.split_first() else { return false };
    let text = |field: &str| process[field].as_str().unwrap_or_default();
    let base = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let program = base(program);
    // The kernel keeps 15 bytes of a name.
    let named = text("name") == program.get(..15).unwrap_or(&program);
    let (said, asked) = (text("arguments"), arguments.join(" "));
    let same = said == asked || said.len() >= CUT - 3 && asked.starts_with(said);
    same && (named || base(text("exepath")) == program)
}

/// Reads an event about an exec that was permitted.
fn read(event: &Value) -> Option<Exec> {
    let text = |path: &str| event.pointer(path).and_then(Value::as_str).unwrap_or_default();
    if text("/objectRef/resource") != "pods" || text("/objectRef/subresource") != "exec" {
        return None;
    }
    let code = event.pointer("/responseStatus/code").and_then(Value::as_u64);
    let stage = text("/stage");
    if code.is_some_and(|code| code >= 400) || stage == "RequestReceived" || stage == "Panic" {
        return None;
    }
    let (mut command, mut container) = (Vec::new(), None);
    let query = text("/requestURI").split_once('?').map_or("", |(_, query)| query);
    for part in query.split('&') {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        match name {
            "command" => command.push(decoded(value)),
            "container" => container = Some(decoded(value)).filter(|name| !name.is_empty()),
            _ => {}
        }
    }
    let end = || text("/stageTimestamp").parse().ok();
    let user = match text("/impersonatedUser/username") {
        "" => one_line(text("/user/username")),
        other => format!("{} as {}", one_line(text("/user/username")), one_line(other)),
    };
    Some(Exec {
        id: text("/auditID").to_owned(),
        start: text("/requestReceivedTimestamp").parse().ok()?,
        end: if stage == "ResponseComplete" { end() } else { None },
        user,
        address: one_line(text("/sourceIPs/0")),
        namespace: text("/objectRef/namespace").to_owned(),
        pod: text("/objectRef/name").to_owned(),
        container,
        command,
    })
}

/// Decodes a value of a query.
fn decoded(text: &str) -> String {
    String::from_utf8_lossy(&decoded_query(text)).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(id: &str, user: &str, command: &str, stage: &str, seconds: (u32, u32)) -> Value {
        json!({
            "auditID": id, "stage": stage, "verb": "get", "user": {"username": user},
            "sourceIPs": ["10.0.0.5"],
            "objectRef": {"resource": "pods", "subresource": "exec", "namespace": "shop", "name": "web-0"},
            "requestURI": format!("/api/v1/namespaces/shop/pods/web-0/exec?{command}&container=web&stdout=true"),
            "requestReceivedTimestamp": format!("2026-12-01T06:42:{:02}.000000Z", seconds.0),
            "stageTimestamp": format!("2026-12-01T06:42:{:02}.000000Z", seconds.1),
            "responseStatus": {"code": 101},
        })
    }

    fn sessions(events: &[Value]) -> Sessions {
        let mut sessions = Sessions { log: PathBuf::new(), read: 0, all: Vec::new() };
        events.iter().filter_map(read).for_each(|exec| sessions.add(exec));
        sessions
    }

    fn alert(root: (&str, &str), second: u32) -> Value {
        json!({
            "time": format!("2026-12-01T06:42:{second:02}.5Z"),
            "pavisade": {
                "process": {"name": "cat", "exepath": "/bin/cat", "arguments": "/etc/shadow"},
                "ancestors": [
                    {"name": "runc-build", "exepath": "/bin/runc-build", "arguments": "", "in_container": true},
                    {"name": root.0, "exepath": "/bin/dash", "arguments": root.1, "in_container": true},
                    {"name": "runc:[1:CHILD]", "exepath": "/bin/runc", "arguments": "init", "in_container": false},
                    {"name": "containerd-shim", "exepath": "/bin/containerd-shim-runc-v2", "arguments": ""},
                    {"name": "systemd", "exepath": "/sbin/init", "arguments": ""},
                ],
                "container": {"namespace": "shop", "pod": "web-0", "name": "web"},
            },
        })
    }

    #[test]
    fn an_audit_id_that_a_client_uses_again_hides_no_exec() {
        let sh = "command=sh";
        let events = [
            event("1", "ann", sh, "ResponseStarted", (10, 10)),
            event("1", "eve", sh, "ResponseStarted", (11, 11)),
            event("1", "eve", sh, "ResponseComplete", (11, 20)),
        ];
        let log = sessions(&events);
        assert_eq!(log.all.iter().map(|exec| &*exec.user).collect::<Vec<_>>(), ["ann", "eve"]);
        let who = log.who(&alert(("sh", ""), 12)).unwrap();
        assert!(who.contains("ann") && who.contains("eve"), "{who}");
    }

    #[test]
    fn an_exec_is_joined_with_its_processes() {
        let sh = "command=sh&command=-c&command=id%3B+cat+%2Fetc%2Fshadow";
        let events = [
            event("1", "ann", sh, "ResponseStarted", (10, 10)),
            event("1", "ann", sh, "ResponseComplete", (10, 20)),
            event("2", "bob", "command=top", "ResponseStarted", (12, 12)),
        ];
        let log = sessions(&events);
        let root = ("sh", "-c id; cat /etc/shadow");
        assert_eq!(
            log.who(&alert(root, 11)).unwrap(),
            "kubectl exec by ann from 10.0.0.5 at 06:42:10"
        );
        // bob has a session too, but only the command of ann matches.
        assert!(log.who(&alert(root, 15)).unwrap().starts_with("kubectl exec by ann"));
        // Before it, and after its end.
        assert_eq!(log.who(&alert(root, 5)), None);
        let late = log.who(&alert(root, 40)).unwrap();
        assert_eq!(late, "perhaps kubectl exec by bob from 10.0.0.5 at 06:42:12");
        // Another command: the shell may have replaced itself.
        let other = log.who(&alert(("nginx", "-g daemon"), 15)).unwrap();
        assert!(
            other.starts_with("perhaps kubectl exec by ann") && other.contains("or bob"),
            "{other}"
        );
        // Another pod, and another container.
        for field in ["pod", "namespace", "name"] {
            let mut elsewhere = alert(root, 11);
            elsewhere["pavisade"]["container"][field] = json!("other");
            assert_eq!(log.who(&elsewhere), None, "{field}");
        }
        // Two people with the same command.
        let both = [events[0].clone(), event("3", "eve", sh, "ResponseStarted", (11, 11))];
        let who = sessions(&both).who(&alert(root, 15)).unwrap();
        assert!(who.contains("ann") && who.contains("or eve"), "{who}");
        // A refused exec started nothing.
        let mut refused = events[0].clone();
        refused["responseStatus"]["code"] = json!(403);
        assert_eq!(sessions(&[refused]).who(&alert(root, 11)), None);
    }

    #[test]
    fn a_log_that_grows_is_read_on() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("audit.log");
        let line =
            event("1", "ann\u{1b}[2J", "command=sh", "ResponseStarted", (10, 10)).to_string();
        std::fs::write(&log, format!("no json\n{line}")).unwrap();
        let mut sessions = Sessions::read(log.clone()).unwrap();
        assert!(sessions.all.is_empty(), "the last line is not complete");
        std::fs::write(&log, format!("no json\n{line}\n")).unwrap();
        sessions.refresh().unwrap();
        assert_eq!(sessions.all.len(), 1);
        assert!(!sessions.all[0].user.contains('\u{1b}'));
        // Another file takes its place.
        std::fs::write(&log, "{}\n").unwrap();
        sessions.refresh().unwrap();
        assert_eq!(sessions.all.len(), 1);
        assert_eq!(decoded("a%2Fb+c%zz%4"), "a/b c%zz%4");
        assert!(Sessions::read(folder.path().join("none")).is_err());
    }
}
