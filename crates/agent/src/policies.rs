//! Policies: which container has which, and the alert when one was violated.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use pavisade_rules::Priority;
use pavisade_sensor::decode::Kind;
use pavisade_sensor::{Container, Kernel, Mode, Policy, Seen, States, Watch, end_process};
use serde_json::{Value, json};

use crate::alert::Message;
use crate::args::RunArgs;

/// All policies, and where they hold.
#[derive(Debug, Default)]
pub(crate) struct Policies {
    all: Vec<Policy>,
    /// The policy over programs of a control group.
    programs: HashMap<u64, usize>,
    /// The policy over connections of a control group.
    connections: HashMap<u64, usize>,
}

impl Policies {
    /// Reads the policies and puts them into the kernel.
    ///
    /// # Errors
    /// A policy is wrong, or this node cannot enforce it.
    pub(crate) fn load(
        args: &RunArgs,
        states: &States,
        kernel: &mut Kernel,
    ) -> anyhow::Result<Self> {
        let mut all = Vec::new();
        for file in &args.policies {
            let text = crate::rules::text(file)?;
            let read = Policy::read(&file.display().to_string(), &text);
            all.extend(read.map_err(|error| anyhow!("{error}"))?);
        }
        for (number, policy) in (1..).zip(&all) {
            kernel.load_policy(number, policy)?;
        }
        if all.is_empty() {
            return Ok(Self::default());
        }
        kernel.trust_mounts_of(std::process::id())?;
        // A state that is seen through a process is in that process's mount namespace, and so is
        // the runtime. Any other is that of the node, where its first process is.
        let mut of_the_node = states.folders().is_empty();
        for folder in states.folders() {
            let process = folder.strip_prefix("/proc").ok().and_then(|path| path.iter().next());
            match process.and_then(|pid| pid.to_str()?.parse().ok()) {
                Some(pid) => kernel.trust_mounts_of(pid)?,
                None => of_the_node = true,
            }
        }
        match kernel.trust_mounts_of(1) {
            Err(error) if of_the_node => return Err(error.into()),
            _ => {}
        }
        Ok(Self { all, ..Self::default() })
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
        for (number, policy) in self.all.iter().enumerate().filter(|(_, one)| one.covers(container))
        {
            // A policy restricts programs or connections, never both.
            let (holding, what) = match policy.restricts_programs() {
                true => (&mut self.programs, "programs"),
                false => (&mut self.connections, "connections"),
            };
            match holding.get(&group) {
                Some(first) if *first == number => continue,
                Some(first) => {
                    let first = &self.all[*first].name;
                    crate::say(&format!(
                        "policy {:?} is not enforced for container {}: {first:?} restricts its {what}",
                        policy.name,
                        container.short(),
                    ));
                    continue;
                }
                None => {}
            }
            let id = u32::try_from(number + 1)?;
            let enforced = kernel.enforce(group, watch.hierarchies(), id, policy);
            match enforced.with_context(|| {
                format!("policy {:?}, container {}", policy.name, container.short())
            }) {
                Ok(()) => drop(holding.insert(group, number)),
                // The others are still enforced.
                Err(error) => failed = failed.and(Err(error)),
            }
        }
        failed
    }

    /// Forgets the control groups that were removed.
    pub(crate) fn release(&mut self, kernel: &mut Kernel, watch: &Watch) {
        let all = self.programs.keys().chain(self.connections.keys());
        let gone: Vec<u64> =
            all.copied().filter(|group| watch.hierarchies().is_gone(*group)).collect();
        for group in gone {
            kernel.release(group);
            self.programs.remove(&group);
            self.connections.remove(&group);
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
            let covers = |policy: &&Policy| policy.restricts_programs() && policy.covers(container);
            let policy = self.all.iter().find(covers)?;
            // The kernel has marked what the runtime does on its way into the container.
            if !policy.forbids(&seen.process.program) {
                return None;
            }
            (policy, policy.mode == Mode::Kill && end_process(raw.pid, raw.start).is_ok())
        } else {
            return None;
        };
        let what = match (policy.mode, ended) {
            (Mode::Audit, _) => "would have been ended",
            (_, true) => "was ended",
            (_, false) => "should have been ended and was not",
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let program = &seen.process.program;
        let container = seen.container();
        let of = |get: fn(&Container) -> Option<&str>| container.and_then(get).unwrap_or("<NA>");
        let output = format!(
            "A program {what} (policy={} program={} command={} {} container={} pod={} ns={})",
            policy.name,
            text(&program.path),
            text(&seen.process.name),
            text(&program.joined()),
            of(|container| container.name.as_deref()),
            of(|container| container.pod.as_deref()),
            of(|container| container.namespace.as_deref()),
        );
        let rule = format!("Policy {}", policy.name);
        let fields = json!({
            "proc.name": text(&seen.process.name),
            "proc.exepath": text(&program.path),
            "container.name": container.and_then(|container| container.name.clone()),
            "k8s.pod.name": container.and_then(|container| container.pod.clone()),
            "k8s.ns.name": container.and_then(|container| container.namespace.clone()),
        });
        let audit = policy.mode == Mode::Audit;
        let message = Message {
            rule: &rule,
            priority: if audit { Priority::Notice } else { Priority::Critical },
            output: &output,
            fields,
            tags: &["policy".to_owned()],
        };
        let alert = message.json(seen, lost);
        Some((rule, alert))
    }
}
