//! `pavisade rbac least-privilege`, `unused` and `audit`: permissions that were used.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;

use anyhow::{anyhow, bail};
use pavisade_audit::least::members;
use pavisade_audit::{Decision, Names, Usage, facts, least, unused};
use pavisade_rbac::{Authorizer, Subject, words};
use pavisade_report::{Layout, UsagePage, usage};
use pavisade_scan::Timestamp;

use super::Read;
use crate::args::rbac::{AuditLogs, LeastArgs, NamesArg, UnusedArgs, UsesArgs};
use crate::args::{Common, Shown};
use crate::progress::Spinner;
use crate::{Outcome, audit_logs, terminal};

pub(super) fn least_privilege(args: &LeastArgs) -> anyhow::Result<Outcome> {
    let mut common = args.common.clone();
    let mut subject = args.subject.as_deref();
    if args.all {
        // Without a subject, the first word is a path.
        common.paths.splice(0..0, subject.take().map(PathBuf::from));
    } else if subject.is_none() {
        bail!("no subject: give one, or --all");
    }
    let asked = subject.map(words::subject).transpose().map_err(|why| anyhow!(why))?;
    let current = match has_roles(&common) {
        true => {
            // If the configuration is wrong, this was reported.
            let Some(read) = Read::of(&common)? else { return Ok(Outcome::Usage) };
            Some(read)
        }
        false => None,
    };
    let logs = logs(&args.logs, &args.common.how.shown)?;
    let names = match args.names {
        NamesArg::Never => Names::Never,
        NamesArg::Stable => Names::Stable,
        NamesArg::Always => Names::Always,
    };
    let subjects = match &asked {
        Some(subject) => {
            seen(&logs.usage, subject)?;
            vec![subject.clone()]
        }
        None => {
            let (all, left_out) = everybody(&logs.usage);
            if left_out > 0 {
                let text = format!(
                    "{left_out} ServiceAccounts of kube-system are left out: name one to get its roles"
                );
                terminal::say("note", &text);
            }
            all
        }
    };
    let mut results = Vec::new();
    for subject in &subjects {
        let Some(found) = least(&logs.usage, subject, names) else { continue };
        let taken = current.as_ref().map(|read| -> anyhow::Result<_> {
            // What others used through the same bindings is taken away from this one.
            let by = members(&logs.usage, subject);
            let each = read.each(|of, _| Ok(unused(of, &logs.usage, Some(subject), Some(&by))))?;
            Ok(each.into_iter().flatten().collect())
        });
        results.push((found, taken.transpose()?));
    }
    if results.is_empty() {
        bail!("the audit log contains no allowed request of the subjects that you asked for");
    }
    show(UsagePage::Least(&results), &logs.usage, &args.common.how.shown)?;
    let failed = results.iter().any(|(found, _)| !found.proof.failed.is_empty());
    if failed {
        terminal::say("not proven", "some recorded requests are not allowed by these roles");
    }
    let unread = current.as_ref().is_some_and(Read::incomplete);
    Ok(match failed || unread || logs.unread > 0 || logs.usage.dropped > 0 {
        true => Outcome::Incomplete,
        false => Outcome::Clean,
    })
}

pub(super) fn unused_permissions(args: &UnusedArgs) -> anyhow::Result<Outcome> {
    let only = args.subject.as_deref().map(words::subject).transpose();
    let only = only.map_err(|why| anyhow!(why))?;
    let Some(read) = Read::of(&args.common)? else { return Ok(Outcome::Usage) };
    let logs = logs(&args.logs, &args.common.how.shown)?;
    // Of one subject, only its own requests count.
    let by = only.as_ref().map(|subject| members(&logs.usage, subject));
    let find =
        |of: &Authorizer<'_>, _: &str| Ok(unused(of, &logs.usage, only.as_ref(), by.as_ref()));
    let all: Vec<_> = read.each(find)?.into_iter().flatten().collect();
    let asked = |of: &Authorizer<'_>, _: &str| {
        Ok(of.bindings().filter(|(_, one)| !one.is_default).any(|(_, one)| {
            let names = |subject| one.subjects.iter().any(|(own, _)| own == subject);
            only.as_ref().is_none_or(names)
        }))
    };
    if !read.each(asked)?.contains(&true) {
        match &only {
            Some(subject) => {
                bail!("no binding names {subject}, so there is nothing that it could use")
            }
            None => {
                bail!("no bindings were read: give --cluster, --snapshot, or files with bindings")
            }
        }
    }
    if let (Some(subject), true) = (&only, by.as_ref().is_some_and(BTreeSet::is_empty)) {
        terminal::say("note", &format!("the audit log contains no request of {subject}"));
    }
    show(UsagePage::Unused(&all), &logs.usage, &args.common.how.shown)?;
    let outcome = if all.is_empty() { Outcome::Clean } else { Outcome::Findings };
    let unsure = logs.unread > 0 || logs.usage.dropped > 0;
    Ok(read.outcome(outcome, unsure))
}

pub(super) fn audit(args: &UsesArgs) -> anyhow::Result<Outcome> {
    let logs = logs(&args.logs, &args.shown)?;
    if args.facts {
        let usage = &logs.usage;
        let second = |at: Option<Timestamp>| at.map_or(0, Timestamp::as_second);
        // Documents of different logs are different objects.
        let (first, last) = (second(usage.first), second(usage.last));
        let name = format!("audit-{first}-{last}-{}", usage.events);
        let mut out = BufWriter::new(std::io::stdout().lock());
        serde_json::to_writer(&mut out, &facts::document(usage, &name, logs.unread))?;
        writeln!(out)?;
        out.flush()?;
    } else {
        show(UsagePage::Audit, &logs.usage, &args.shown)?;
    }
    let unsure = logs.unread > 0 || logs.usage.dropped > 0;
    Ok(if unsure { Outcome::Incomplete } else { Outcome::Clean })
}

fn logs(args: &AuditLogs, shown: &Shown) -> anyhow::Result<audit_logs::Logs> {
    let progress = Spinner::new(shown.quiet);
    let logs = audit_logs::read(&args.audit_log, &progress);
    progress.finish();
    logs
}

/// Whether current roles were given.
fn has_roles(common: &Common) -> bool {
    let live = &common.how.live;
    live.cluster || live.snapshot.is_some() || !common.paths.is_empty()
}

/// Says whom the log contains, if it does not contain this one.
fn seen(usage: &Usage, subject: &Subject) -> anyhow::Result<()> {
    if !members(usage, subject).is_empty() {
        return Ok(());
    }
    let mut by_requests: Vec<_> = usage.users.iter().collect();
    by_requests.sort_by_key(|(_, user)| std::cmp::Reverse(user.requests));
    let some: Vec<_> = by_requests.iter().take(5).map(|(name, _)| format!("`{name}`")).collect();
    bail!("the audit log contains no request of {subject}; most are of {}", some.join(", "));
}

/// Everybody with allowed requests but Kubernetes itself, and how many ServiceAccounts of kube-system
/// are left out.
fn everybody(usage: &Usage) -> (Vec<Subject>, usize) {
    let mut left_out = BTreeSet::new();
    let allowed = usage.uses.iter().filter(|one| one.decision == Decision::Allowed);
    let by_name: BTreeMap<&str, Subject> = allowed
        .filter_map(|one| {
            let account = one.user.strip_prefix("system:serviceaccount:");
            let subject = match account.and_then(|rest| rest.split_once(':')) {
                // Controllers have roles of Kubernetes.
                Some(("kube-system", _)) => {
                    left_out.insert(one.user.as_str());
                    return None;
                }
                Some((namespace, name)) => Subject::ServiceAccount {
                    namespace: namespace.to_owned(),
                    name: name.to_owned(),
                },
                None if one.user.is_empty() || one.user.starts_with("system:") => return None,
                None => Subject::User(one.user.clone()),
            };
            Some((one.user.as_str(), subject))
        })
        .collect();
    (by_name.into_values().collect(), left_out.len())
}

fn show(page: UsagePage<'_>, of: &Usage, shown: &Shown) -> anyhow::Result<()> {
    let layout = if shown.json { Layout::Json } else { Layout::Terminal };
    let mut out = BufWriter::new(std::io::stdout().lock());
    usage(page, of, layout, &shown.options(), &mut out)?;
    out.flush()?;
    Ok(())
}
