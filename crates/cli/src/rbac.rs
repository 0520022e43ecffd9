//! `pavisade rbac`.

mod usage;

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use pavisade_judgement::Verdict;
use pavisade_model::{GroupKind, KubernetesVersion, NoteKind};
use pavisade_rbac::{Authorizer, can, diff, explain, lint, who_can, words};
use pavisade_report::{AccessPage, Layout, access};
use pavisade_snapshot::{Snapshot, View, World};
use pavisade_sources::Scope;

use crate::args::{Common, ConfigFile, RbacCommand, Reading, Shown};
use crate::input::Input;
use crate::progress::Spinner;
use crate::work::Work;
use crate::{Outcome, snapshot, terminal};

pub(crate) fn run(command: &RbacCommand) -> anyhow::Result<Outcome> {
    match command {
        RbacCommand::WhoCan { verb, resource, namespace, common } => {
            let Some(read) = Read::of(common)? else { return Ok(Outcome::Usage) };
            let namespace = namespace.as_deref().unwrap_or_default();
            let all = read.each(|of, world| {
                let asked = words::question(verb, resource, namespace, of.view())?;
                let mut answer = who_can(of, world, &asked.asks, &asked.text);
                answer.basis.doubts.extend(read.unread());
                answer.remarks.extend(asked.remarks);
                Ok(answer)
            })?;
            let unsure = all.iter().any(|one| !one.basis.doubts.is_empty());
            show(AccessPage::WhoCan(&all), &common.how.shown)?;
            Ok(read.outcome(Outcome::Clean, unsure))
        }
        RbacCommand::Can { subject, as_table, groups, common } => {
            let subject = words::subject(subject).map_err(|why| anyhow!(why))?;
            let Some(read) = Read::of(common)? else { return Ok(Outcome::Usage) };
            let all = read.each(|of, world| {
                let mut answer = can(of, world, &subject, &groups.groups);
                answer.basis.doubts.extend(read.unread());
                Ok(answer)
            })?;
            let unsure = all.iter().any(|one| !one.basis.doubts.is_empty());
            show(AccessPage::Can(&all, *as_table), &common.how.shown)?;
            Ok(read.outcome(Outcome::Clean, unsure))
        }
        RbacCommand::Explain { subject, verb, resource, namespace, groups, common } => {
            let subject = words::subject(subject).map_err(|why| anyhow!(why))?;
            let Some(read) = Read::of(common)? else { return Ok(Outcome::Usage) };
            let namespace = namespace.as_deref().unwrap_or_default();
            let all = read.each(|of, world| {
                let asked = words::question(verb, resource, namespace, of.view())?;
                let groups = &groups.groups;
                let mut answer = explain(of, world, &subject, groups, &asked.asks, &asked.text);
                answer.remarks = asked.remarks;
                Ok(answer)
            })?;
            show(AccessPage::Explained(&all), &common.how.shown)?;
            let is = |verdict| all.iter().any(|one| one.verdict == verdict);
            let outcome = match () {
                () if is(Verdict::Unknown) => Outcome::Incomplete,
                () if is(Verdict::Refused) => Outcome::Findings,
                () => Outcome::Clean,
            };
            // An answer stands whatever else could not be read, if it is a yes.
            let sure = !is(Verdict::Refused) && !is(Verdict::Unknown) && !all.is_empty();
            Ok(if sure { outcome } else { read.outcome(outcome, false) })
        }
        RbacCommand::Diff { old: old_path, new: new_path, shown } => {
            let (old, new) = (Read::path(old_path, shown)?, Read::path(new_path, shown)?);
            let mut result = diff(&old.views(), &new.views());
            for (read, path, side) in
                [(&old, old_path, &mut result.old), (&new, new_path, &mut result.new)]
            {
                side.doubts.extend(read.unread());
                if !read.snapshot.worlds().iter().any(|world| has_rbac(world)) {
                    let path = path.display();
                    side.doubts.push(format!("{path} contains no roles or bindings to compare"));
                }
            }
            show(AccessPage::Diff(&result), shown)?;
            let outcome = match result.subjects.is_empty() && result.authorizers.is_empty() {
                true => Outcome::Clean,
                false => Outcome::Findings,
            };
            let incomplete = !result.old.doubts.is_empty() || !result.new.doubts.is_empty();
            Ok(if incomplete { Outcome::Incomplete } else { outcome })
        }
        RbacCommand::Lint { common } => {
            let Some(read) = Read::of(common)? else { return Ok(Outcome::Usage) };
            let all = read.each(|of, world| {
                let mut found = lint(of, world);
                found.basis.doubts.extend(read.unread());
                Ok(found)
            })?;
            let faults = all.iter().any(|one| !one.faults.is_empty());
            let unsure = all.iter().any(|one| !one.basis.doubts.is_empty());
            show(AccessPage::Lint(&all), &common.how.shown)?;
            Ok(read.outcome(if faults { Outcome::Findings } else { Outcome::Clean }, unsure))
        }
        RbacCommand::LeastPrivilege(args) => usage::least_privilege(args),
        RbacCommand::Unused(args) => usage::unused_permissions(args),
        RbacCommand::Audit(args) => usage::audit(args),
    }
}

/// What was read.
struct Read {
    snapshot: Snapshot,
    kubernetes: KubernetesVersion,
}

impl Read {
    /// `None` where the configuration is wrong, which was told.
    fn of(common: &Common) -> anyhow::Result<Option<Self>> {
        let input = common.how.input(&common.paths);
        if input.is_cluster() && !common.paths.is_empty() {
            bail!(
                "permissions are those of one cluster: with --cluster or --snapshot, do not specify files"
            );
        }
        Self::from_input(input, &common.how.config, &common.how.shown)
    }

    fn from_input(
        input: Input<'_>,
        config: &ConfigFile,
        shown: &Shown,
    ) -> anyhow::Result<Option<Self>> {
        let Some(work) = Work::find_plain(input, config)? else { return Ok(None) };
        let progress = Spinner::new(shown.quiet);
        let (snapshot, kubernetes) = work.picture(kinds(), &progress)?;
        progress.finish();
        let read = Self { snapshot, kubernetes };
        read.tell();
        Ok(Some(read))
    }

    /// A file, a folder, or a snapshot, by its name.
    fn path(path: &Path, shown: &Shown) -> anyhow::Result<Self> {
        if !path.exists() {
            bail!("{}: there is no such file or folder", path.display());
        }
        if path.extension().is_some_and(|end| end == "pavisade") {
            let progress = Spinner::new(shown.quiet);
            let snapshot = snapshot::load(path, &progress);
            progress.finish();
            let own = snapshot.server_version().map(|(_, version)| version);
            let kubernetes = shown.kubernetes_version.or(own).unwrap_or_default();
            let read = Self { snapshot, kubernetes };
            read.tell();
            return Ok(read);
        }
        let paths = [PathBuf::from(path)];
        let input = Input {
            paths: &paths,
            live: None,
            reading: Reading::default(),
            kubernetes_version: shown.kubernetes_version,
            framework: None,
            scope: Scope::default(),
        };
        let config = ConfigFile { config: None, no_config: true };
        Self::from_input(input, &config, shown)?
            .ok_or_else(|| anyhow!("the configuration is not valid"))
    }

    /// Asks each world that holds roles or bindings, or the first where none does.
    fn each<T>(
        &self,
        ask: impl Fn(&Authorizer<'_>, &str) -> Result<T, String>,
    ) -> anyhow::Result<Vec<T>> {
        let all = self.views().into_iter().map(|view| {
            let of = Authorizer::of(&view.1);
            ask(&of, view.0).map_err(|why| anyhow!(why))
        });
        all.collect()
    }

    fn views(&self) -> Vec<(&str, View<'_>)> {
        let all = self.snapshot.worlds();
        let with: Vec<_> = all.iter().filter(|world| has_rbac(world)).collect();
        let shown = if with.is_empty() { all.iter().take(1).collect() } else { with };
        let view = |world| View::new(world, "rbac", Authorizer::READS, self.kubernetes);
        shown.into_iter().map(|world| (&**world.name(), view(world))).collect()
    }

    /// That something was not read, as a doubt about an answer.
    fn unread(&self) -> Option<String> {
        let all = self.snapshot.notes().iter().filter(|note| note.kind == NoteKind::Unread);
        match all.count() {
            0 => None,
            1 => Some("1 part of the input was not read; standard error says which".to_owned()),
            n => Some(format!("{n} parts of the input were not read; standard error says which")),
        }
    }

    fn incomplete(&self) -> bool {
        self.snapshot.notes().iter().any(|note| note.kind == NoteKind::Unread)
    }

    fn outcome(&self, outcome: Outcome, unsure: bool) -> Outcome {
        if unsure || self.incomplete() { Outcome::Incomplete } else { outcome }
    }

    /// Says on standard error what was not read.
    fn tell(&self) {
        for note in self.snapshot.notes().iter().filter(|note| note.kind == NoteKind::Unread) {
            terminal::say("not read", &format!("{}: {}", note.place, note.message));
        }
    }
}

fn has_rbac(world: &World) -> bool {
    use pavisade_model::kinds::{CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING};
    let kinds = [CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING];
    world.is_live() || kinds.into_iter().any(|kind| world.nth(kind, 0).is_some())
}

/// The kinds that a cluster is asked for.
fn kinds() -> Vec<GroupKind> {
    let all = Authorizer::READS.iter().copied().flatten().copied();
    all.filter(|kind| !kind.resource.is_empty()).collect()
}

fn show(page: AccessPage<'_>, shown: &Shown) -> anyhow::Result<()> {
    let layout = if shown.json { Layout::Json } else { Layout::Terminal };
    let mut out = BufWriter::new(std::io::stdout().lock());
    access(page, layout, &shown.options(), &mut out)?;
    out.flush()?;
    Ok(())
}
