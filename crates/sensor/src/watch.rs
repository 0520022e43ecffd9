//! Joins events with their processes and containers.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use pavisade_rules::{Output, Rule, RuleSet, Scratch};

use crate::calls::call_of;
use crate::containers::{Container, States};
use crate::decode::{Kind, Raw, tag};
use crate::groups::{Hierarchies, containers_of};
use crate::links::links;
use crate::names::{Names, answer, question};
use crate::pods::Pods;
use crate::policy::Policy;
use crate::processes::Processes;
use crate::seen::{Place, Seen, descriptor, server};

/// How many control groups are remembered.
const MAX_GROUPS: usize = 16_384;

/// How many processes are remembered; Linux has 32,768 by default, of which few do something.
const MAX_PROCESSES: usize = 16_384;

/// How long a container that no runtime knows is not looked for again, in nanoseconds.
const BARE: u64 = 1_000_000_000;

/// By how many nanoseconds a clock was set at least; both clocks are adjusted together otherwise.
const CLOCK_STEP: u128 = 2_000_000;

#[derive(Clone, Debug)]
enum Group {
    Container(Arc<Container>),
    /// One of which only the identifier is known, and when it was looked for.
    Bare(Arc<Container>, u64),
    Host,
}

/// Everything that is known of this node.
#[derive(Debug)]
pub struct Watch {
    node: String,
    /// What to add to the time of an event.
    since_1970: i128,
    /// All processes.
    pub processes: Processes,
    hierarchies: Hierarchies,
    states: States,
    groups: HashMap<u64, Group>,
    /// Groups that were classified since they were last asked for, and whether they are a
    /// container's.
    news: Vec<(u64, Option<Arc<Container>>)>,
    number: u64,
    names: Names,
    /// Events whose control group was gone.
    pub lost_groups: u64,
    /// The pods of this node; empty unless the agent watches them on the API server.
    pub pods: Pods,
}

impl Watch {
    /// Looks at what runs now. `now` is the time in nanoseconds since 1970.
    ///
    /// # Errors
    /// The mounts of this machine cannot be read.
    pub fn start(node: String, states: States, now: i128) -> std::io::Result<Self> {
        let hierarchies = Hierarchies::find()?;
        let mut processes = Processes::new(MAX_PROCESSES);
        processes.scan();
        let mut watch = Self {
            node,
            since_1970: now - i128::from(since_boot()),
            processes,
            hierarchies,
            states,
            groups: HashMap::new(),
            news: Vec::new(),
            number: 0,
            names: Names::default(),
            lost_groups: 0,
            pods: Pods::default(),
        };
        watch.groups.insert(1, Group::Host);
        watch.news.push((1, None));
        for container in watch.states.all() {
            let container = Arc::new(container);
            let path = container.group.as_deref().map(folder_of).unwrap_or_default();
            for number in watch.hierarchies.numbers(&path).into_iter().filter(|_| path.len() > 1) {
                watch.learn(number, Group::Container(container.clone()));
            }
        }
        Ok(watch)
    }

    /// Takes over a clock that may have been set: its time in nanoseconds since 1970 when the machine had run for
    /// so many nanoseconds. The times of events do not follow differences that come from reading two clocks.
    pub fn set_clock(&mut self, now: i128, since_boot: u64) {
        let since_1970 = now - i128::from(since_boot);
        if since_1970.abs_diff(self.since_1970) > CLOCK_STEP {
            self.since_1970 = since_1970;
        }
    }

    /// Control groups that became known since the last call, with their containers.
    pub fn news(&mut self) -> Vec<(u64, Option<Arc<Container>>)> {
        std::mem::take(&mut self.news)
    }

    /// The hierarchies of control groups.
    pub fn hierarchies(&self) -> &Hierarchies {
        &self.hierarchies
    }

    /// Where the root of a container may be mounted, as seen from here.
    pub(crate) fn roots(&self, container: &Container) -> Vec<PathBuf> {
        self.states.roots(container)
    }

    /// The paths of a policy that are links in a container, and where they lead: it does not hold for what
    /// they lead to.
    pub fn links(&self, container: &Container, policy: &Policy) -> Vec<(String, String)> {
        let roots = self.roots(container);
        roots.iter().map(|root| links(policy, root)).find(|all| !all.is_empty()).unwrap_or_default()
    }

    /// Takes an event: who did it, and where.
    pub fn take<'w>(&'w mut self, raw: Raw<'w>) -> Option<Seen<'w>> {
        self.number += 1;
        self.classify(raw.group, raw.time);
        let (place, container) = match self.groups.get(&raw.group) {
            Some(Group::Container(container) | Group::Bare(container, _)) => {
                (Place::Container(container), container.number())
            }
            Some(Group::Host) => (Place::Host, 0),
            None => (Place::Unknown, 0),
        };
        self.processes.take(&raw, container);
        let call = match raw.kind {
            Kind::Call => Some(call_of(raw.call, raw.flags.compat())?),
            Kind::Exec | Kind::Fork | Kind::Exit | Kind::Denied | Kind::Asked | Kind::Answered => {
                None
            }
        };
        let question = match raw.kind {
            // What cannot be read is no question.
            Kind::Asked => Some(question(raw.item(tag::MESSAGE)?)?),
            Kind::Answered => {
                let (question, addresses) = answer(raw.item(tag::MESSAGE)?)?;
                self.names.add(container, &question.name, &addresses);
                return None;
            }
            _ => None,
        };
        let descriptor = match (call, raw.kind) {
            (Some(call), _) => descriptor(&raw, call),
            (None, Kind::Asked) => server(&raw),
            _ => None,
        };
        Some(Seen {
            raw,
            number: self.number,
            time: self.since_1970 + i128::from(raw.time),
            node: &self.node,
            call,
            process: self.processes.get(raw.pid)?,
            processes: &self.processes,
            place,
            names: self.names.of(container, descriptor.as_ref().and_then(|one| one.remote)),
            descriptor,
            question,
            pods: &self.pods,
        })
    }

    fn classify(&mut self, number: u64, now: u64) {
        match self.groups.get(&number) {
            Some(Group::Bare(_, since)) if since.saturating_add(BARE) < now => {}
            Some(_) => return,
            None => {}
        }
        let Some(path) = self.hierarchies.path(number) else {
            self.lost_groups += 1;
            return;
        };
        // A container may name groups inside its own like another container: the outermost that a runtime
        // knows is the one.
        let known = containers_of(&path).find_map(|id| self.states.read(id));
        let group = match (known, containers_of(&path).next()) {
            (Some(container), _) => Group::Container(Arc::new(container)),
            // A container of another runtime is still a container.
            (None, Some(id)) => {
                let bare = Container { id: id.to_owned(), ..Container::default() };
                Group::Bare(Arc::new(bare), now)
            }
            (None, None) => Group::Host,
        };
        self.learn(number, group);
    }

    fn learn(&mut self, number: u64, group: Group) {
        if self.groups.len() >= MAX_GROUPS {
            // All of them are found again when they do something.
            self.groups.clear();
        }
        self.news.push((
            number,
            match &group {
                Group::Container(container) | Group::Bare(container, _) => Some(container.clone()),
                Group::Host => None,
            },
        ));
        self.groups.insert(number, group);
    }
}

/// The folder of a control group as a runtime names it: `SLICE:PREFIX:ID` for systemd (runc,
/// docs/systemd.md). The folder of a slice is in those of the slices that its name begins with.
fn folder_of(group: &str) -> String {
    let parts: Vec<&str> = group.split(':').collect();
    let [slice, prefix, id] = parts[..] else { return group.to_owned() };
    if group.starts_with('/') {
        return group.to_owned();
    }
    let slice = if slice.is_empty() { "system.slice" } else { slice };
    let name = slice.strip_suffix(".slice").unwrap_or(slice);
    let mut folder = String::new();
    for (at, _) in name.match_indices('-').filter(|(at, _)| *at > 0) {
        folder.push_str(&format!("/{}.slice", &name[..at]));
    }
    if name != "-" {
        folder.push_str(&format!("/{name}.slice"));
    }
    match (id.ends_with(".slice"), prefix) {
        (true, _) => format!("{folder}/{id}"),
        (false, "") => format!("{folder}/{id}.scope"),
        (false, prefix) => format!("{folder}/{prefix}-{id}.scope"),
    }
}

/// An alert: the rule, and its output.
#[derive(Debug)]
pub struct Alert<'r> {
    /// The rule.
    pub rule: &'r Rule,
    /// What it says; nothing if a field of it has no value.
    pub output: Option<Output>,
}

/// The rules that alert for an event. A file that was opened by a link is judged by the path that
/// the process gave, and by that of the file.
pub fn judge<'r>(rules: &'r RuleSet, seen: &Seen<'_>, scratch: &mut Scratch) -> Vec<Alert<'r>> {
    let mut alerts: Vec<Alert<'r>> = Vec::new();
    let alert = |rule: &'r Rule, seen: &Seen<'_>| Alert { rule, output: rule.format.output(seen) };
    alerts.extend(rules.matching(seen, scratch).map(|rule| alert(rule, seen)));
    if let Some(seen) = seen.by_real_path() {
        for rule in rules.matching(&seen, scratch) {
            if !alerts.iter().any(|alert| alert.rule.name == rule.name) {
                alerts.push(alert(rule, &seen));
            }
        }
    }
    alerts
}

/// Nanoseconds since the start of the machine, with suspended time; this clock cannot be set.
#[expect(unsafe_code, reason = "no safe interface of the standard library reads this clock")]
pub fn since_boot() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is valid for the call, which writes a `timespec`.
    unsafe {
        libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut time);
    }
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000
        + u64::try_from(time.tv_nsec).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_systemd_become_folders() {
        for (group, folder) in [
            ("/kubepods/pod1/ab", "/kubepods/pod1/ab"),
            ("/kubepods/a:b:c", "/kubepods/a:b:c"),
            (
                "kubepods-besteffort-pod1_2.slice:cri-containerd:ab",
                "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1_2.slice/\
                 cri-containerd-ab.scope",
            ),
            ("kubepods.slice:crio:ab", "/kubepods.slice/crio-ab.scope"),
            (":runc:ab", "/system.slice/runc-ab.scope"),
            ("-.slice::ab", "/ab.scope"),
        ] {
            assert_eq!(folder_of(group), folder, "{group}");
        }
    }
}
