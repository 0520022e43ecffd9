//! Reads a live cluster into a world: paged lists, gaps with their reasons, and facts about the
//! running cluster.
//!
//! Nothing is written to the cluster. Secrets are listed only on request, and their values are
//! dropped on arrival. A missing permission is not an error: it is a gap in the world's coverage,
//! with the name of the permission.
//!
//! A credential plugin is run once, before the first request.

mod api;
mod client;
mod connect;
mod discovery;
mod exec;
mod facts;
mod http;
mod list;
mod settings;
mod tls;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use jiff::Timestamp;
use pavisade_model::{Cause, GroupKind, Note, NoteKind, kinds};
use pavisade_snapshot::{Coverage, Object, WorldParts};

pub use api::{Api, api};
pub use client::{Answer, ClusterClient};
pub use connect::ConnectError;
pub use tls::{AnyCertificate, handshake};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::Progress;
use connect::Connection;
use discovery::{Resource, Served};
use facts::Facts;
use http::{Failure, Server};
use list::{Listed, Shared};
use tokio::sync::Mutex;

/// Groups of custom resources that are read if they exist and are permitted, even if no check reads
/// them: they contain pods, policies and permissions.
const CUSTOM_GROUPS: [&str; 17] = [
    "argoproj.io",
    "cert-manager.io",
    "cilium.io",
    "constraints.gatekeeper.sh",
    "crd.projectcalico.org",
    "gateway.networking.k8s.io",
    "helm.toolkit.fluxcd.io",
    "kustomize.toolkit.fluxcd.io",
    "kyverno.io",
    "linkerd.io",
    "networking.istio.io",
    "policies.kyverno.io",
    "policy.linkerd.io",
    "projectcalico.org",
    "security.istio.io",
    "source.toolkit.fluxcd.io",
    "templates.gatekeeper.sh",
];

/// Which cluster to read, and what to read of it.
#[derive(Debug, Clone)]
pub struct ClusterRequest {
    /// Kubeconfig files, merged as kubectl does. If empty, the ServiceAccount of the pod is used.
    pub kubeconfigs: Vec<PathBuf>,
    /// The context to use instead of the current one.
    pub context: Option<String>,
    /// The user to impersonate.
    pub impersonate: Option<String>,
    /// The groups to impersonate.
    pub impersonate_groups: Vec<String>,
    /// The kinds to read.
    pub kinds: Vec<GroupKind>,
    /// Groups and kinds in files, to be compared with the cluster.
    pub also: BTreeSet<(String, String)>,
    /// Whether to list Secrets. Names, types and keys are kept, values are not.
    pub secrets: bool,
    /// Whether to send unauthenticated requests, and to make TLS handshakes with kubelets.
    pub probe: bool,
    /// The timeout of a response.
    pub time: Duration,
    /// The limits.
    pub limits: ClusterLimits,
}

impl Default for ClusterRequest {
    /// The current context, none of its objects, and ten seconds for a response.
    fn default() -> Self {
        Self {
            kubeconfigs: Vec::new(),
            context: None,
            impersonate: None,
            impersonate_groups: Vec::new(),
            kinds: Vec::new(),
            also: BTreeSet::new(),
            secrets: false,
            probe: false,
            time: Duration::from_secs(10),
            limits: ClusterLimits::default(),
        }
    }
}

/// Limits for reading a cluster. A note reports anything that exceeds a limit.
#[derive(Debug, Clone, Copy)]
pub struct ClusterLimits {
    /// The timeout for all requests.
    pub time: Duration,
    /// The maximum size of a response, in bytes. A larger page is requested again with fewer
    /// objects.
    pub page_bytes: usize,
    /// The maximum number of pages of a kind.
    pub pages: usize,
    /// The maximum number of objects in total.
    pub objects: usize,
    /// The maximum memory of all objects, in bytes, approximately.
    pub bytes: usize,
}

impl Default for ClusterLimits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(900),
            page_bytes: 32 << 20,
            pages: 20_000,
            objects: 5_000_000,
            bytes: 3 << 30,
        }
    }
}

/// A cluster that was read.
#[derive(Debug)]
pub struct LoadedCluster {
    /// Its objects and their coverage.
    pub world: WorldParts,
    /// Notes from reading.
    pub notes: Vec<Note>,
}

/// Reads a cluster as of `now`. If it cannot be reached, returns an empty world with a note.
///
/// # Errors
/// The kubeconfig is invalid, and the user must fix it.
pub async fn load_cluster(
    request: &ClusterRequest,
    now: Timestamp,
    progress: &dyn Progress,
) -> Result<LoadedCluster, ConnectError> {
    progress.stage("Connecting to the cluster");
    // A credential plugin may prompt the user.
    progress.pause(true);
    let connection = connect::connect(request).await;
    progress.pause(false);
    let connection = connection?;
    let client = connection.client.clone();
    let limits = request.limits;
    let server = Server::new(client, request.time, limits.page_bytes).within(limits.time);
    let mut reading = Reading::new(&connection, request);
    reading.way(&connection);
    let mut facts = Facts::new(&connection, now);
    let served = match discovery::discover(&server).await {
        Ok(served) => served,
        Err(failure) => {
            reading.unreachable(&failure);
            return Ok(reading.done(None));
        }
    };
    if let Ok(version) = server.get("/version", "application/json").await {
        facts.version(&version);
    }
    facts.served(&served);

    let shared = Shared {
        progress,
        name: &connection.name,
        read: AtomicUsize::new(0),
        bytes: AtomicUsize::new(0),
        limits,
        failures: AtomicUsize::new(0),
        turn: Mutex::new(()),
    };
    let wanted = reading.wanted(&served);
    for (resource, listed) in list::all(&server, wanted, &shared).await {
        reading.take(&resource, listed);
    }
    if request.probe {
        progress.stage(&format!("Reading {}: certificates", connection.name));
        facts.anonymous(&connection, request.limits.page_bytes).await;
        let nodes: Vec<Object> =
            reading.world.objects.iter().filter(|o| o.is(kinds::NODE)).cloned().collect();
        facts.certificates(&connection, &nodes).await;
    }
    Ok(reading.done(facts.object()))
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// The state of reading a cluster.
struct Reading<'a> {
    request: &'a ClusterRequest,
    place: String,
    world: WorldParts,
    notes: Vec<Note>,
    mixed: Vec<String>,
    /// Kinds that were not read completely when the timeout for the cluster expired.
    late: Vec<String>,
    /// The numbers of kinds that were listed at least in part, and of those that are forbidden.
    listed: usize,
    forbidden: usize,
}

impl<'a> Reading<'a> {
    fn new(connection: &Connection, request: &'a ClusterRequest) -> Self {
        Self {
            request,
            place: connection.name.clone(),
            world: WorldParts {
                namespace: connection.config.default_namespace.clone(),
                ..WorldParts::cluster(connection.name.clone())
            },
            notes: Vec::new(),
            mixed: Vec::new(),
            late: Vec::new(),
            listed: 0,
            forbidden: 0,
        }
    }

    /// Adds a note if the connection does not authenticate the server.
    fn way(&mut self, connection: &Connection) {
        let config = &connection.config;
        let plain = config.cluster_url.scheme_str() == Some("http");
        let message = if plain {
            "the connection to the API server does not use TLS: anyone in between can read the \
             credentials"
        } else if config.accept_invalid_certs {
            "the certificate of the API server is not verified (insecure-skip-tls-verify): anyone \
             in between may have sent the responses"
        } else {
            return;
        };
        self.note(
            NoteKind::Warning,
            message.into(),
            "Set its certificate authority in the kubeconfig.",
        );
    }

    /// Returns the resources to list. Kinds that are not served or not requested are recorded here.
    fn wanted(&mut self, served: &Served) -> Vec<Resource> {
        let mut wanted = Vec::new();
        for &kind in &self.request.kinds {
            if kind == kinds::SECRET && !self.request.secrets {
                self.unread(kind.group, kind.kind, Cause::SecretsNotAsked);
                continue;
            }
            match (served.find(kind), served.silence(kind.group)) {
                (Some(resource), _) => wanted.push(resource.clone()),
                (None, Some(why)) => {
                    let (group, why) = (kind.group.to_owned(), why.to_owned());
                    self.unread(kind.group, kind.kind, Cause::Silent { group, why });
                }
                (None, None) => self.cover(kind.group, kind.kind, Coverage::NotServed),
            }
        }
        let mut known: BTreeSet<_> =
            wanted.iter().map(|r: &Resource| (r.group.clone(), r.kind.clone())).collect();
        for resource in &served.resources {
            let also = (resource.group.clone(), resource.kind.clone());
            let secret = resource.group.is_empty() && resource.kind == kinds::SECRET.kind;
            if (CUSTOM_GROUPS.contains(&&*resource.group) || self.request.also.contains(&also))
                && (self.request.secrets || !secret)
                && known.insert((resource.group.clone(), resource.kind.clone()))
            {
                wanted.push(resource.clone());
            }
        }
        for (group, kind) in &self.request.also {
            if !served.resources.iter().any(|r| r.group == *group && r.kind == *kind) {
                self.cover(group, kind, Coverage::NotServed);
            }
        }
        wanted
    }

    fn take(&mut self, resource: &Resource, listed: Listed) {
        let Listed { objects, coverage, gap, mixed } = listed;
        match &gap {
            Some(gap) if gap.is_forbidden() => self.forbidden += 1,
            _ => self.listed += 1,
        }
        self.world.objects.extend(objects);
        if mixed {
            self.mixed.push(resource.resource.clone());
        }
        let Some(gap) = gap else {
            self.cover(&resource.group, &resource.kind, coverage);
            return;
        };
        // A missing permission makes verdicts unknown, which report it. An interrupted list is a
        // failure of this run.
        if gap.late {
            self.late.push(resource.resource.clone());
        } else if !gap.is_forbidden() {
            let message = format!("{}: {}", resource.resource, gap.cause);
            self.note(NoteKind::Unread, message, "Run it again.");
        }
        self.unread(&resource.group, &resource.kind, gap.cause);
    }

    fn cover(&mut self, group: &str, kind: &str, coverage: Coverage) {
        self.world.coverage.insert((group.to_owned(), kind.to_owned()), coverage);
    }

    fn unread(&mut self, group: &str, kind: &str, cause: Cause) {
        self.cover(group, kind, Coverage::Unread);
        self.world.causes.insert((group.to_owned(), kind.to_owned()), cause);
    }

    fn unreachable(&mut self, failure: &Failure) {
        let remedy = match failure {
            Failure::Status { code: 401, .. } => "Log in again: the credentials have expired.",
            Failure::Status { code: 403, .. } => {
                "Discovery requires the ClusterRole `system:discovery`, which every user has by \
                 default."
            }
            Failure::Refused(_) => "Fix the kubeconfig.",
            _ => "Check the address and the network connection, then run it again.",
        };
        self.note(NoteKind::Unread, failure.to_string(), remedy);
        let kinds: Vec<_> = self.request.kinds.iter().map(|k| (k.group, k.kind)).collect();
        for (group, kind) in kinds {
            self.unread(group, kind, Cause::Unreachable);
        }
    }

    fn note(&mut self, kind: NoteKind, message: String, remedy: &str) {
        let (place, remedy) = (self.place.clone(), remedy.to_owned());
        self.notes.push(Note { kind, place, span: None, message, remedy });
    }

    fn done(mut self, facts: Option<Object>) -> LoadedCluster {
        if self.listed == 0 && self.forbidden > 0 {
            let message =
                format!("this identity is not allowed to list any of {} kinds", self.forbidden);
            let remedy = "Bind the role that `pavisade scan --print-rbac` prints to this identity.";
            self.note(NoteKind::Unread, message, remedy);
        }
        if !self.late.is_empty() {
            let message = format!(
                "the cluster was not read within {} s: {} not listed completely",
                self.request.limits.time.as_secs(),
                counted(&self.late)
            );
            self.note(NoteKind::Unread, message, "Allow more time with `--cluster-timeout`.");
        }
        if !self.mixed.is_empty() {
            let message = format!(
                "a continue token expired while {} were read: their lists are from two points in \
                 time",
                self.mixed.join(", ")
            );
            self.note(NoteKind::Info, message, "");
        }
        let kubelets = settings::kubelet_configurations(&self.world.objects);
        self.world.objects.extend(facts.into_iter().chain(kubelets));
        LoadedCluster { world: self.world, notes: self.notes }
    }
}

/// Returns the first names of a list, and their number.
fn counted(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let verb = if names.len() == 1 { "was" } else { "were" };
    match names.get(SHOWN..) {
        Some(more) if !more.is_empty() => {
            format!("{} and {} more {verb}", names[..SHOWN].join(", "), more.len())
        }
        _ => format!("{} {verb}", names.join(", ")),
    }
}
