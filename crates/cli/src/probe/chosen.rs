//! The scope and the probes that the arguments select.

use anyhow::{anyhow, bail};
use pavisade_probe::{
    IN_POD, Inside, Kind, REGISTRY, Registered, SEGMENTATION, Scope, Segments, plan,
};
use pavisade_scan::Timestamp;
use pavisade_yaml::Source;

use super::{bounded, is_of_cluster};
use crate::args::probe::ScopeArgs;
use crate::{bounded, terminal};

/// Bytes of a scope file.
const MAX_BYTES: u64 = 1 << 20;

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
        if scope.is_empty() && !in_pod {
            bail!(
                "nothing is in scope: name what may be touched with --scope or --scope-file, for \
                 example --scope 10.0.0.0/24"
            );
        }
        scope.check_consent(now).map_err(|why| anyhow!("{why}"))?;
        if !scope.namespaces.is_empty() && !scope.cluster {
            bail!("namespaces need the cluster in scope: add --scope cluster");
        }
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
        probes.retain(|probe| match probe.kind {
            Kind::Active { .. } => active,
            Kind::Pod { .. } => has_pod,
            Kind::Endpoint { at, .. } => has_pod || !at.iter().any(|at| at.is_of_pods()),
            Kind::Segments => segments.is_some(),
            Kind::Admission { .. } => true,
        });
        let chosen = Self { scope, probes, active, inside, segments, in_pod };
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

fn probes(args: &ScopeArgs) -> anyhow::Result<Vec<&'static Registered>> {
    let find = |words: &[String], option: &str| {
        let mut found = Vec::new();
        for word in words {
            let is = |probe: &&Registered| {
                let id = probe.id();
                let begins = word.len() >= 4 && id.len() > word.len();
                id.eq_ignore_ascii_case(word)
                    || probe.name().eq_ignore_ascii_case(word)
                    || begins && id.to_ascii_lowercase().starts_with(&word.to_ascii_lowercase())
            };
            let before = found.len();
            found.extend(REGISTRY.iter().filter(is).map(Registered::id));
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
