//! The common steps of `scan`, `comply`, `fix` and `pss`: find the settings, read the input, judge
//! it.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::PathBuf;

use anyhow::{anyhow, bail};
use pavisade_checks::{Catalog, CheckSet, Entry};
use pavisade_judgement::{Baseline, Judgement};
use pavisade_model::{Fact, GroupKind, KubernetesVersion, Meta, kinds};
use pavisade_packages::Inventory;
use pavisade_scan::{Terms, Timestamp, judge_on};
use pavisade_snapshot::Snapshot;
use pavisade_sources::load;
use serde_json::Value;

use crate::args::{self, Select};
use crate::args::{AllowFrom, ConfigArgs, ConfigFile};
use crate::input::Input;
use crate::progress::Spinner;
use crate::settings::{self, Settings};
use crate::{images, live, select, vex};

/// The input with its settings.
pub(crate) struct Work<'a> {
    pub settings: Settings,
    pub input: Input<'a>,
    /// Images in addition to the objects.
    pub images: args::Images,
}

impl<'a> Work<'a> {
    /// Finds the settings for an input and fills in unset options; `None` if a file is invalid,
    /// which is reported.
    ///
    /// # Errors
    /// A file cannot be read, or an option does not apply.
    pub(crate) fn find(input: Input<'a>, config: &ConfigArgs) -> anyhow::Result<Option<Self>> {
        Self::with(input, &config.file, &config.exceptions, config.allow_from)
    }

    /// The same without exceptions.
    ///
    /// # Errors
    /// See [`Work::find`].
    pub(crate) fn find_plain(input: Input<'a>, file: &ConfigFile) -> anyhow::Result<Option<Self>> {
        Self::with(input, file, &[], AllowFrom::None)
    }

    fn with(
        mut input: Input<'a>,
        file: &ConfigFile,
        exceptions: &[PathBuf],
        allow_from: AllowFrom,
    ) -> anyhow::Result<Option<Self>> {
        let paths = settings::of(input.paths, input.is_cluster());
        let Some(settings) = Settings::find(file, exceptions, allow_from, &paths)? else {
            return Ok(None);
        };
        settings.over(&mut input.kubernetes_version, &mut input.reading.helm_values);
        input.scope = settings.scope();
        input.check()?;
        Ok(Some(Self { settings, input, images: args::Images::default() }))
    }

    /// Returns the Kubernetes version to judge by, as far as known before a cluster is read.
    pub(crate) fn kubernetes(&self) -> KubernetesVersion {
        self.input.kubernetes_version.unwrap_or_default()
    }

    /// Returns the minimal ClusterRole for the checks, if only that is requested.
    ///
    /// # Errors
    /// A check rejects its parameters.
    pub(crate) fn role(&self, choice: &Choice) -> anyhow::Result<Option<String>> {
        let Some(live) = self.input.live.filter(|live| live.print_rbac) else { return Ok(None) };
        Ok(Some(choice.checks(KubernetesVersion::LATEST)?.role(live.secrets)))
    }

    /// Reads the input, for a cluster only `kinds`. Also returns the Kubernetes version to judge
    /// by.
    ///
    /// # Errors
    /// The kubeconfig is invalid.
    pub(crate) fn picture(
        &self,
        kinds: Vec<GroupKind>,
        progress: &Spinner,
    ) -> anyhow::Result<(Snapshot, KubernetesVersion)> {
        let live = self.input.live.filter(|_| self.input.is_cluster());
        let (snapshot, kubernetes) = match live {
            Some(live) => live::picture(&self.input, live, kinds, progress)?,
            // Only images are given.
            None if self.input.paths.is_empty() && self.images.alone() => {
                (Snapshot::default(), self.kubernetes())
            }
            None => {
                let loaded = load(&self.input.request(), io::stdin().lock(), progress);
                (loaded.snapshot, self.kubernetes())
            }
        };
        progress.judging(snapshot.worlds().iter().map(|world| world.objects().len()).sum());
        Ok((snapshot, kubernetes))
    }

    /// Reads and judges the input. `checks` are those of `choice` for [`Work::kubernetes`], created
    /// before reading so that their errors are reported at once.
    ///
    /// # Errors
    /// The kubeconfig is invalid.
    pub(crate) fn judge(
        &self,
        choice: &Choice,
        mut checks: CheckSet,
        by: By<'_>,
        progress: Spinner,
    ) -> anyhow::Result<Judged> {
        let vex = vex::documents(&self.images.vex)?;
        let mut kinds = checks.kinds();
        if self.images.of_objects() {
            // Kinds with images are read, whichever checks run.
            let wanted = pavisade_images::READS.iter().copied().flatten();
            kinds.extend(wanted.filter(|kind| !kind.resource.is_empty()));
            kinds.sort_unstable();
            kinds.dedup();
        }
        let (snapshot, kubernetes) = self.picture(kinds, &progress)?;
        let snapshot = snapshot.with_notes(self.settings.note().into_iter().collect());
        let (snapshot, inventories) =
            images::add(&self.images, &self.settings.config.signatures, snapshot, &progress)?;
        let facts = || snapshot.worlds().iter().flat_map(|world| world.of_kind(kinds::PROBE_FACTS));
        let probes = facts().next().is_some();
        let missing = facts().flat_map(pavisade_probe::missing).collect();
        if !probes && choice.only_probes() {
            bail!(
                "the input has no results of probes, which the selected checks need: write them \
                 with `pavisade probe --evidence FILE`"
            );
        }
        if self.input.is_cluster() || probes {
            let fixes = checks.gives_fixes() && !self.input.is_cluster();
            checks = choice.with(kubernetes, probes)?;
            if fixes {
                checks = checks.with_fixes();
            }
        }
        let snapshot = snapshot.with_notes(missing);
        let terms = Terms { vex, ..self.settings.terms(by.config, by.baseline) };
        let judgement = judge_on(&snapshot, &checks, &terms, Timestamp::now());
        progress.finish();
        Ok(Judged { snapshot, judgement, inventories })
    }
}

/// The input and its judgement.
pub(crate) struct Judged {
    pub snapshot: Snapshot,
    pub judgement: Judgement,
    /// The contents of the images, if an explanation needs them.
    pub inventories: Vec<Inventory>,
}

/// What a result is compared with besides the settings.
pub(crate) struct By<'a> {
    pub config: &'a ConfigArgs,
    pub baseline: Option<Baseline>,
}

/// The selected checks.
pub(crate) struct Choice {
    pub catalog: Catalog,
    pub ids: BTreeSet<String>,
    pub parameters: HashMap<String, Value>,
    /// Whether image checks run.
    pub images: bool,
}

impl Choice {
    /// # Errors
    /// A check or framework does not exist, or a parameter has invalid syntax.
    pub(crate) fn new(
        select: &Select,
        set: &[String],
        settings: &Settings,
        of_cluster: bool,
    ) -> anyhow::Result<Self> {
        let parameters = select::parameters(set, settings)?;
        let ids = select::ids(select, settings, of_cluster)?;
        Ok(Self { catalog: settings.catalog.clone(), ids, parameters, images: false })
    }

    /// # Errors
    /// A check rejects its parameters.
    pub(crate) fn checks(&self, kubernetes: KubernetesVersion) -> anyhow::Result<CheckSet> {
        self.with(kubernetes, false)
    }

    /// Whether all checks are about results of probes.
    fn only_probes(&self) -> bool {
        let mut entries = self.catalog.entries().iter().map(Entry::meta);
        let is_probe = |meta: &Meta| meta.facts.contains(&Fact::Probes);
        !self.ids.is_empty()
            && entries.all(|meta| is_probe(meta) || !self.ids.contains(&*meta.rule.id))
    }

    /// The same, with the checks of results of probes if there are any.
    fn with(&self, kubernetes: KubernetesVersion, probes: bool) -> anyhow::Result<CheckSet> {
        let asked = |meta: &Meta| {
            meta.facts.iter().all(|fact| match fact {
                Fact::Images | Fact::Vulnerabilities => self.images,
                Fact::Probes => probes,
                Fact::Usage => true,
            })
        };
        let wanted = |meta: &Meta| asked(meta) && self.ids.contains(&*meta.rule.id);
        CheckSet::new(&self.catalog, kubernetes, wanted, &self.parameters)
            .map_err(|error| anyhow!("check `{}`: {}", error.check, error.message))
    }
}
