//! `pavisade runtime audit` and `pavisade runtime replay`: recorded events evaluated by rules.

use super::judge::Judge;
use super::listen;
use crate::Outcome;
use crate::args::runtime::{AuditArgs, ReplayArgs};

pub(super) fn audit(args: &AuditArgs) -> anyhow::Result<Outcome> {
    let Some(judge) = Judge::new(&args.judging, "k8s_audit")? else { return Ok(Outcome::Usage) };
    match args.listen.address {
        Some(_) => listen::run(&args.listen, judge),
        None => judge.logs(&args.logs, Judge::audit),
    }
}

pub(super) fn replay(args: &ReplayArgs) -> anyhow::Result<Outcome> {
    let Some(judge) = Judge::new(&args.judging, "syscall")? else { return Ok(Outcome::Usage) };
    judge.logs(&args.events, Judge::recorded)
}
