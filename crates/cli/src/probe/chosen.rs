//! The scope and the probes that the arguments select.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use pavisade_model::Note;
use pavisade_probe::{
    IN_POD, Inside, Kind, Known, Planned, REGISTRY, Registered, SEGMENTATION, Scope, Segments, plan,
};
use pavisade_scan::Timestamp;
use pavisade_yaml::Source;

use super::state::host;
use super::{bounded, is_of_cluster};
use crate::args::probe::ScopeArgs;
use crate::{bounded, terminal};

/// Bytes of a scope file, and of a certificate file that a kubeconfig names.
const MAX_BYTES: u64 = 1 << 20;
/// Bytes of a file with facts.
const MAX_FACTS: u64 = 256 << 20;

/// What probes of a container need.
const POD: &str = "--in-pod, or `probe pod` in a pod";

/// Which probes run, apart from passive ones.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mode {
    /// Active ones.
    pub(super) active: bool,
    /// Whether the program runs in the pod that is probed.
    pub(super) in_pod: bool,
}

/// What may be touched, and by which probes.
pub(super) struct Chosen {
    pub(super) scope: Scope,
    pub(super) probes: Vec<&'static Registered>,
    /// Whether active probes run.
    pub(super) active: bool,
    /// The pod to start for probes of a container.
    pub(super) inside: Option<Inside>,
    /// The namespaces between which connections are tried.
    pub(super) segments: Option<Segments>,
    /// What files say about servers.
    pub(super) known: Known,
    /// What could not be read of these files.
    pub(super) unread: Vec<Note>,
    /// Whether the program runs in the pod that is probed.
    in_pod: bool,
}

impl Chosen {
    /// Returns `None` if the scope file has errors, which are reported.
    ///
    /// # Errors
    /// An argument is wrong.
    pub(super) fn new(
        args: &ScopeArgs,
        mode: Mode,
        now: Timestamp,
    ) -> anyhow::Result<Option<Self>> {
        let mut scope = Scope::default();
        if let Some(file) = &args.scope_file {
            let source = Source::new(file.display().to_string(), bounded::text(file, MAX_BYTES)?);
            let (read, notes) = Scope::parse(&source);
            if !notes.is_empty() {
                let options = pavisade_report::Options::default();
                let mut out = Vec::new();
                pavisade_report::problems(&notes, &options, &mut out)?;
                terminal::tell(&String::from_utf8_lossy(&out));
                return Ok(None);
            }
            scope = read;
        }
        // Who agrees to active probes agrees to the cluster, which the command line cannot add.
        let agreed = scope.cluster;
        for item in &args.scope {
            scope.add(item).map_err(|why| anyhow!("--scope {item}: {why}"))?;
        }
        let Mode { active, in_pod } = mode;
        if !scope.namespaces.is_empty() && !scope.cluster {
            bail!("namespaces need the cluster in scope: add --scope cluster");
        }
        if scope.is_empty() && !in_pod {
            bail!(
                "nothing is in scope: name what may be touched with --scope or --scope-file, for \
                 example --scope 10.0.0.0/24"
            );
        }
        scope.check_consent(now).map_err(|why| anyhow!("{why}"))?;
        if active && scope.consent.is_none() {
            bail!("--active needs a `consent` in the scope file: who, until when, which probes");
        }
        if active && !agreed {
            bail!("active probes need `cluster: true` in the scope file");
        }
        let inside = match (&args.in_pod, &args.pod_image) {
            (Some(_), _) if in_pod => bail!("--in-pod cannot be used with `probe pod`"),
            (Some(namespace), Some(image)) => Some(Inside::new(namespace, image)),
            _ => None,
        };
        if let Some(Inside { namespace, .. }) = &inside {
            permitted(&scope, IN_POD, agreed, now)?;
            if !scope.namespaces.contains(namespace) {
                bail!("--in-pod {namespace}: add `{namespace}` to the namespaces of the scope");
            }
        }
        let mut segments = None;
        if let Some(image) = args.pod_image.as_ref().filter(|_| args.segmentation) {
            if in_pod {
                bail!("--segmentation cannot be used with `probe pod`");
            }
            permitted(&scope, SEGMENTATION, agreed, now)?;
            let all = Segments::new(&scope.namespaces, image);
            segments = Some(all.map_err(|why| anyhow!("--segmentation: {why}"))?);
        }
        let has_pod = in_pod || inside.is_some();
        let mut others = scope.endpoints.iter().filter(|target| target.component.is_of_pods());
        if let Some(target) = others.next().filter(|_| !has_pod) {
            bail!("`{target}` can only be probed from a pod: use `probe pod` or --in-pod");
        }
        let mut probes = probes(args)?;
        let missing = |probe: &Registered| match probe.kind {
            _ if probe.is_active() && !active => Some("--active"),
            Kind::Running(_) if args.pod_image.is_none() => Some("--pod-image"),
            Kind::Pod { .. } if !has_pod => Some(POD),
            Kind::Endpoint { at, .. } if !has_pod && at.iter().any(|at| at.is_of_pods()) => {
                Some(POD)
            }
            Kind::Endpoint { compares: true, .. } if args.facts.is_empty() => Some("--facts"),
            Kind::Segments if segments.is_none() => Some("--segmentation"),
            _ => None,
        };
        // A probe that is named but missing in the result would look as if it were closed.
        let targets = plan(&scope, &[]);
        for word in &args.only {
            let named = probes.iter().filter(|probe| is_named(word, probe));
            let lacks = |probe: &Registered| {
                let missing = missing(probe).map(str::to_owned);
                missing.or_else(|| {
                    out_of_scope(probe, &scope, &targets).filter(|_| !has_pod && !active)
                })
            };
            let lacking: Vec<_> = named.map(|probe| (probe.id(), lacks(probe))).collect();
            if let [(id, Some(what)), ..] = &lacking[..]
                && lacking.iter().all(|(_, what)| what.is_some())
            {
                bail!("--only {word}: {id} needs {what}");
            }
        }
        // An active run shows active probes that lack `--pod-image` as not applicable.
        probes.retain(|probe| active && probe.is_active() || missing(probe).is_none());
        let (known, unread) = known(&args.facts)?;
        let chosen = Self { scope, probes, active, inside, segments, known, unread, in_pod };
        bounded(&plan(&chosen.scope, &[]))?;
        Ok(Some(chosen))
    }

    /// Returns the probes of endpoints that run here.
    pub(super) fn here(&self) -> Vec<&'static Registered> {
        let elsewhere = |probe: &Registered| match probe.kind {
            Kind::Endpoint { at, .. } => at.iter().any(|at| at.is_of_pods()),
            _ => false,
        };
        let all = self.probes.iter().copied();
        all.filter(|probe| self.in_pod || !elsewhere(probe)).collect()
    }

    /// Returns the requests of the probes of endpoints that run here. Hosts that no selected probe is
    /// about receive nothing; other ports of the same host tell a closed port from a filtered one.
    pub(super) fn planned(&self) -> Vec<Planned> {
        let all = plan(&self.scope, &self.probes);
        let used = all.iter().filter(|planned| !planned.uses.is_empty());
        let hosts: BTreeSet<_> = used.map(|planned| planned.target.address.ip()).collect();
        let mut all = plan(&self.scope, &self.here());
        all.retain(|planned| hosts.contains(&planned.target.address.ip()));
        all
    }

    /// Requires that a run tries something: otherwise, its result would look as if everything were
    /// closed.
    ///
    /// # Errors
    /// Why nothing would be tried.
    pub(super) fn tries_something(&self, now: Timestamp) -> anyhow::Result<()> {
        let scope = &self.scope;
        let has_others = self.in_pod || self.inside.is_some() || self.segments.is_some();
        if self.active {
            let mut consents = self
                .probes
                .iter()
                .filter(|probe| probe.is_active())
                .map(|probe| scope.consent_for(probe.id(), probe.name(), now).map(|_| ()));
            match consents.clone().find(Result::is_ok).or_else(|| consents.next()) {
                Some(consent) => consent.map_err(|why| anyhow!("--active: {why}"))?,
                None => bail!("--active: no active probe is selected by --only and --skip"),
            }
        } else if !has_others
            && scope.networks.is_empty()
            && scope.endpoints.is_empty()
            && scope.namespaces.is_empty()
        {
            bail!(
                "the cluster alone is in scope, so nothing would be tried: add addresses, or \
                 --scope namespace=NAME for admission, or use --active, --in-pod or --segmentation"
            );
        } else if !has_others {
            let admits = !scope.namespaces.is_empty()
                && self.probes.iter().any(|probe| matches!(probe.kind, Kind::Admission { .. }));
            let endpoints = self.planned();
            if endpoints.iter().all(|planned| planned.uses.is_empty()) && !admits {
                bail!(
                    "none of the selected probes applies to what is in scope, so nothing would be \
                     tried"
                );
            }
        }
        Ok(())
    }

    /// Whether something runs that needs consent.
    pub(super) fn is_consented(&self) -> bool {
        self.active || self.inside.is_some() || self.segments.is_some()
    }

    /// Whether requests with credentials are needed.
    pub(super) fn needs_cluster(&self) -> bool {
        self.inside.is_some()
            || self.segments.is_some()
            || self.scope.cluster
                && (self.active || !self.scope.namespaces.is_empty())
                && self.probes.iter().any(|probe| is_of_cluster(probe))
    }
}

/// Whether pods may be started for `--in-pod` or `--segmentation`.
fn permitted(scope: &Scope, what: &str, agreed: bool, now: Timestamp) -> anyhow::Result<()> {
    if !agreed || scope.consent.is_none() {
        bail!(
            "--{what} needs `cluster: true` and a `consent` in the scope file that names `{what}`"
        );
    }
    scope.consent_for(what, what, now).map(drop).map_err(|why| anyhow!("--{what}: {why}"))
}

/// Returns what must be in scope for a probe, if it is not.
fn out_of_scope(probe: &Registered, scope: &Scope, targets: &[Planned]) -> Option<String> {
    match probe.kind {
        Kind::Endpoint { at, .. }
            if !targets.iter().any(|planned| at.contains(&planned.target.component)) =>
        {
            Some(format!("an endpoint in scope: {}@ADDRESS:PORT", at.first()?.name()))
        }
        Kind::Admission { .. } if scope.namespaces.is_empty() => {
            Some("--scope cluster and --scope namespace=NAME".to_owned())
        }
        _ => None,
    }
}

/// Reads the files with the certificates that servers should present.
fn known(files: &[PathBuf]) -> anyhow::Result<(Known, Vec<Note>)> {
    let (mut known, mut notes) = (Known::default(), Vec::new());
    known.set_own_host(&host());
    for file in files {
        let text = bounded::text(file, MAX_FACTS)?;
        let source = Source::new(file.display().to_string(), text);
        let folder = file.parent().unwrap_or(Path::new(""));
        let named = |path: &str| {
            let path = folder.join(path);
            // It refuses pipes and devices, which would block.
            bounded::text(&path, MAX_BYTES).map_err(|error| format!("{error:#}"))
        };
        notes.extend(known.add(&source, &named));
    }
    if !files.is_empty() && known.is_empty() {
        bail!(
            "--facts: no file says which certificate a server should present: use facts of nodes \
             (`pavisade node audit --facts`), kubeconfigs, or manifests with Secrets of the type \
             kubernetes.io/tls or with webhooks"
        );
    }
    Ok((known, notes))
}

/// Whether an argument is the id or name of a probe, or the beginning of its id.
fn is_named(word: &str, probe: &Registered) -> bool {
    let id = probe.id();
    let begins = word.len() >= 4 && id.len() > word.len();
    id.eq_ignore_ascii_case(word)
        || probe.name().eq_ignore_ascii_case(word)
        || begins && id.to_ascii_lowercase().starts_with(&word.to_ascii_lowercase())
}

fn probes(args: &ScopeArgs) -> anyhow::Result<Vec<&'static Registered>> {
    let find = |words: &[String], option: &str| {
        let mut found = Vec::new();
        for word in words {
            let before = found.len();
            let named = REGISTRY.iter().filter(|probe| is_named(word, probe));
            found.extend(named.map(Registered::id));
            if found.len() == before {
                let near = pavisade_model::nearest(word, REGISTRY.iter().map(Registered::name));
                let near = near.map(|name| format!(": did you mean `{name}`?"));
                bail!(
                    "{option} {word}: there is no such probe{}",
                    near.unwrap_or_else(|| "; `pavisade probe list` shows them".to_owned())
                );
            }
        }
        Ok(found)
    };
    let (only, skip) = (find(&args.only, "--only")?, find(&args.skip, "--skip")?);
    let is = |probe: &&Registered| {
        (args.only.is_empty() || only.contains(&probe.id())) && !skip.contains(&probe.id())
    };
    let probes: Vec<_> = REGISTRY.iter().filter(is).collect();
    if probes.is_empty() {
        bail!("no probe is left: --skip removes all that --only selects");
    }
    Ok(probes)
}
