//! Policies: which container has which, and the alert when one was violated.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use pavisade_rules::{Exceptions, Priority, Rule, RuleSet};
use pavisade_sensor::decode::Kind;
use pavisade_sensor::{
    Attempt, Container, Denial, Kernel, Mode, Policy, Seen, States, Subject, Watch, end_process,
};
use serde_json::{Value, json};

use crate::alert::Message;
use crate::args::RunArgs;

/// All policies, and where they hold.
#[derive(Debug, Default)]
pub(crate) struct Policies {
    all: Vec<Policy>,
    /// The policy of a control group over a subject.
    holding: HashMap<(u64, Subject), usize>,
    /// Namespaces of mounts in which the container runtime runs.
    trusted: HashSet<u64>,
    /// Paths of policies that were reported to be links.
    links: HashSet<(usize, String)>,
}

/// What policies restrict, as messages name it.
const SUBJECTS: [(Subject, &str); 3] = [
    (Subject::Programs, "programs"),
    (Subject::Files, "files"),
    (Subject::Connections, "connections"),
];

impl Policies {
    /// Reads the policies and puts them into the kernel.
    ///
    /// # Errors
    /// A policy is wrong, or this node cannot enforce it.
    pub(crate) fn load(
        args: &RunArgs,
        rules: &RuleSet,
        states: &States,
        kernel: &mut Kernel,
    ) -> anyhow::Result<Self> {
        let mut all = Vec::new();
        for file in &args.policies {
            let text = crate::rules::text(file)?;
            let read = Policy::read(&file.display().to_string(), &text);
            all.extend(read.map_err(|error| anyhow!("{error}"))?);
        }
        for policy in &all {
            let unknown = |name: &&String| !rules.rules().iter().any(|rule| is_named(rule, name));
            if let Some(name) = policy.rules.iter().find(unknown) {
                let policy = &policy.name;
                bail!("policy {policy:?}: no loaded rule has the name, ID or tag {name:?}");
            }
        }
        for (number, policy) in (1..).zip(&all) {
            kernel.load_policy(number, policy)?;
        }
        if all.is_empty() {
            return Ok(Self::default());
        }
        if all.iter().any(|policy| kernel.needs_listener(policy)) {
            kernel.listen(crate::watchdog::start()?)?;
        }
        let mut trusted = HashSet::from([kernel.trust_mounts_of(std::process::id())?]);
        // A state that is seen through a process is in that process's mount namespace, and so is
        // the runtime. Any other is that of the node, where its first process is.
        let mut of_the_node = states.folders().is_empty();
        for folder in states.folders() {
            let process = folder.strip_prefix("/proc").ok().and_then(|path| path.iter().next());
            match process.and_then(|pid| pid.to_str()?.parse().ok()) {
                Some(pid) => drop(trusted.insert(kernel.trust_mounts_of(pid)?)),
                None => of_the_node = true,
            }
        }
        match kernel.trust_mounts_of(1) {
            Ok(namespace) => drop(trusted.insert(namespace)),
            Err(error) if of_the_node => return Err(error.into()),
            Err(_) => {}
        }
        Ok(Self { all, trusted, ..Self::default() })
    }

    /// The rules that end processes and that have an exception.
    pub(crate) fn accepted<'r>(&self, rules: &'r RuleSet, exceptions: &Exceptions) -> Vec<&'r str> {
        let ends = |rule: &Rule| {
            self.all.iter().flat_map(|policy| &policy.rules).any(|name| is_named(rule, name))
        };
        let all = rules.rules().iter().filter(|rule| ends(rule) && exceptions.are_for(rule));
        all.map(|rule| &*rule.name).collect()
    }

    /// Makes the policies of a container hold for its control group.
    pub(crate) fn register(
        &mut self,
        kernel: &mut Kernel,
        watch: &Watch,
        group: u64,
        container: &Arc<Container>,
    ) -> anyhow::Result<()> {
        if self.all.is_empty() {
            return Ok(());
        }
        let mut failed = Ok(());
        let covering = self.all.iter().enumerate().filter(|(_, one)| one.covers(container));
        let all = covering.flat_map(|(number, policy)| SUBJECTS.map(|what| (number, policy, what)));
        for (number, policy, (subject, what)) in all {
            if !policy.restricts(subject) {
                continue;
            }
            match self.holding.get(&(group, subject)) {
                Some(first) if *first == number => continue,
                Some(first) => {
                    let first = &self.all[*first].name;
                    crate::say(&format!(
                        "policy {:?} is not enforced for the {what} of container {}: {first:?} restricts them",
                        policy.name,
                        container.short(),
                    ));
                    continue;
                }
                None => {}
            }
            let id = u32::try_from(number + 1)?;
            let enforced = kernel.enforce(group, (watch, container), id, policy, subject);
            match enforced.with_context(|| {
                format!("policy {:?}, container {}", policy.name, container.short())
            }) {
                Ok(()) => {
                    self.holding.insert((group, subject), number);
                    for (path, real) in watch.links(container, policy) {
                        if self.links.insert((number, path.clone())) {
                            crate::say(&format!(
                                "policy {:?}: {path} is a link in container {}, and policies compare the \
                                 path of the file: write {real}",
                                policy.name,
                                container.short(),
                            ));
                        }
                    }
                }
                // The others are still enforced.
                Err(error) => failed = failed.and(Err(error)),
            }
        }
        failed
    }

    /// Forgets the control groups that were removed.
    pub(crate) fn release(&mut self, kernel: &mut Kernel, watch: &Watch) {
        let all: BTreeSet<u64> = self.holding.keys().map(|(group, _)| *group).collect();
        for group in all.into_iter().filter(|group| watch.hierarchies().is_gone(*group)) {
            kernel.release(group);
            self.holding.retain(|(of, _), _| *of != group);
        }
    }

    /// The alert for an event that violated a policy. A program that started before the kernel knew its
    /// container is ended now.
    pub(crate) fn alert(&self, seen: &Seen<'_>, lost: u64) -> Option<(String, Value)> {
        let raw = &seen.raw;
        if raw.kind != Kind::Exec {
            return None;
        }
        let (policy, ended) = if raw.flags.matched() {
            let number = usize::try_from(raw.result).ok()?.checked_sub(1)?;
            (self.all.get(number)?, raw.flags.killed())
        } else if !raw.flags.checked() {
            let container = seen.container()?;
            let covers =
                |policy: &&Policy| policy.restricts(Subject::Programs) && policy.covers(container);
            let policy = self.all.iter().find(covers)?;
            // The kernel has marked what the runtime does on its way into the container.
            if !policy.forbids(&seen.process.program) {
                return None;
            }
            (policy, policy.mode == Mode::Kill && self.kill(seen))
        } else {
            return None;
        };
        let what = match (policy.mode, ended) {
            (Mode::Audit, _) => "would have been ended",
            (Mode::Deny, _) => "should have been denied and was not",
            (_, true) => "was ended",
            (_, false) => "should have been ended and was not",
        };
        let program = &seen.process.program;
        let output = format!(
            "A program {what} (policy={} program={} {})",
            policy.name,
            text(&program.path),
            context(seen),
        );
        Some(message(policy, seen, lost, &output, &[]))
    }

    /// Ends the process of an alert if a policy of its container says so. The result is the policy, and
    /// whether the process was ended.
    pub(crate) fn end(&self, rule: &Rule, seen: &Seen<'_>) -> Option<(&str, bool)> {
        let container = seen.container()?;
        let named = |policy: &&Policy| policy.rules.iter().any(|name| is_named(rule, name));
        let policy = self.all.iter().filter(named).find(|policy| policy.covers(container))?;
        Some((&policy.name, self.kill(seen)))
    }

    fn kill(&self, seen: &Seen<'_>) -> bool {
        end_process(seen.raw.pid, seen.raw.start, &self.trusted).is_ok()
    }

    /// The alert for something that was denied.
    pub(crate) fn denied(
        &self,
        denial: &Denial,
        seen: &Seen<'_>,
        lost: u64,
    ) -> Option<(String, Value)> {
        let policy = self.all.get(usize::try_from(denial.policy).ok()?.checked_sub(1)?)?;
        let what = match denial.attempt {
            Attempt::Execute => "Starting a program",
            Attempt::Read => "Reading a file",
            Attempt::Write => "Changing a file",
            Attempt::Move => "Giving a file another name",
            Attempt::Uncompared => "Using a file whose path has too many names to be compared",
            Attempt::Unjudged => "Starting a program that could not be judged",
        };
        let done = if denial.denied { "was denied" } else { "would have been denied" };
        let path = text(&denial.path);
        let output =
            format!("{what} {done} (policy={} file={path} {})", policy.name, context(seen));
        Some(message(policy, seen, lost, &output, &[("fd.name", &path)]))
    }
}

fn is_named(rule: &Rule, name: &str) -> bool {
    rule.name == name || rule.tags.iter().any(|tag| tag == name)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Who did it, and where.
fn context(seen: &Seen<'_>) -> String {
    let container = seen.container();
    let of = |get: fn(&Container) -> Option<&str>| container.and_then(get).unwrap_or("<NA>");
    format!(
        "command={} {} container={} pod={} ns={}",
        text(&seen.process.name),
        text(&seen.process.program.joined()),
        of(|container| container.name.as_deref()),
        of(|container| container.pod.as_deref()),
        of(|container| container.namespace.as_deref()),
    )
}

fn message(
    policy: &Policy,
    seen: &Seen<'_>,
    lost: u64,
    output: &str,
    more: &[(&str, &str)],
) -> (String, Value) {
    let rule = format!("Policy {}", policy.name);
    let container = seen.container();
    let mut fields = json!({
        "proc.name": text(&seen.process.name),
        "proc.exepath": text(&seen.process.program.path),
        "container.name": container.and_then(|container| container.name.clone()),
        "k8s.pod.name": container.and_then(|container| container.pod.clone()),
        "k8s.ns.name": container.and_then(|container| container.namespace.clone()),
    });
    for (name, value) in more {
        fields[*name] = (*value).into();
    }
    let audit = policy.mode == Mode::Audit;
    let message = Message {
        rule: &rule,
        priority: if audit { Priority::Notice } else { Priority::Critical },
        output,
        fields,
        tags: &["policy".to_owned()],
    };
    let alert = message.json(seen, lost);
    (rule, alert)
}
