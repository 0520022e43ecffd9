//! Reads input into a [`Snapshot`]: files, directories, archives, standard input, Helm charts and
//! kustomizations, live clusters, and saved snapshots ([`saved`]).
//!
//! Errors do not abort: what cannot be read becomes a note, and the rest is read. Only
//! [`load_cluster`] uses the network. `helm` and `kustomize` run without the user's environment and
//! without network, with limits for time, memory and output, and are terminated with this process.
//!
//! These files are read: `.yaml`, `.yml` and `.json` with a document that has `apiVersion` and
//! `kind`; Dockerfiles; kubeconfig files; and files that the user names. Hidden files and
//! directories are excluded, as is what `.gitignore`, `.ignore` and `.pavisadeignore` list.
//!
//! Links are followed within the Git repository that contains the given path, or else within the
//! given path. Others are not followed, with a note: a repository must not make a scan show files
//! of the machine it runs on. The same applies to references in kustomizations and charts. Only
//! regular files are opened.
//!
//! Out of scope: the meaning of objects, images, and finding tools (the front end does).

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use pavisade_model::KubernetesVersion;
use pavisade_snapshot::Snapshot;

mod archive;
mod chart;
mod cluster;
mod complaint;
mod document;
mod elsewhere;
mod file;
mod gathered;
mod given;
mod graph;
mod helm;
mod ignored;
mod kustomize;
mod left_out;
mod load;
mod names;
mod note;
mod open;
mod program;
mod reach;
mod saved;
mod scope;
mod shown;
mod temporary;
mod text;
mod walk;
mod worlds;

pub use cluster::{
    Answer, AnyCertificate, Api, ClusterClient, ClusterLimits, ClusterRequest, ConnectError,
    LoadedCluster, api, handshake, load_cluster,
};
pub use open::open_regular;
pub use saved::saved;
pub use scope::Scope;

/// What to read, and how.
#[derive(Debug, Clone)]
pub struct Request {
    /// Files, directories and archives. `-` is standard input.
    pub paths: Vec<PathBuf>,
    /// Whether to render charts and kustomizations.
    pub render: Render,
    /// Values files for every chart. Later ones take precedence.
    pub helm_values: Vec<PathBuf>,
    /// The Kubernetes version for rendering charts.
    pub kubernetes: KubernetesVersion,
    /// The limits.
    pub limits: Limits,
    /// The programs for rendering.
    pub tools: Tools,
    /// Which files of directories are read, and which are joined.
    pub scope: Scope,
    /// What the files are read for.
    pub purpose: Purpose,
}

impl Request {
    /// Reads `paths` with the defaults. Rendering is enabled, but no tools are set.
    pub fn new(paths: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        Self {
            paths: paths.into_iter().map(Into::into).collect(),
            render: Render::Auto,
            helm_values: Vec::new(),
            kubernetes: KubernetesVersion::LATEST,
            limits: Limits::default(),
            tools: Tools::default(),
            scope: Scope::default(),
            purpose: Purpose::default(),
        }
    }
}

/// What files are read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Purpose {
    /// For judging: missing parts make the result incomplete.
    #[default]
    Judge,
    /// For comparing with a cluster, which contains what they install.
    Compare,
    /// For fixing: what they include or install is not needed.
    Fix,
}

/// Whether charts and kustomizations are rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Render {
    /// If the tools are available.
    #[default]
    Auto,
    /// Never: helm, kustomize and kubectl are not run.
    Never,
}

/// Paths of programs, as found by the front end.
#[derive(Debug, Clone, Default)]
pub struct Tools {
    /// Helm 3 or 4.
    pub helm: Option<PathBuf>,
    /// kustomize 5.
    pub kustomize: Option<PathBuf>,
    /// kubectl, whose `kustomize` is used if kustomize is missing.
    pub kubectl: Option<PathBuf>,
    /// unshare, which runs the others in an empty network namespace on Linux.
    pub unshare: Option<PathBuf>,
}

/// Limits for reading. A note reports anything that exceeds a limit.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The maximum size of a file, in bytes.
    pub file_bytes: u64,
    /// The maximum number of files of a given path.
    pub files: usize,
    /// The maximum total size of the files of a given path, in bytes.
    pub total_bytes: u64,
    /// The maximum approximate memory of all texts with their values and objects, in bytes.
    pub memory: usize,
    /// The maximum number of members of an archive.
    pub archive_entries: usize,
    /// The maximum uncompressed size of an archive, in bytes.
    pub archive_bytes: u64,
    /// The maximum compression ratio of an archive, not counting the first 16 MiB.
    pub archive_ratio: u64,
    /// The timeout for rendering a chart or kustomization.
    pub tool_time: Duration,
    /// The maximum size of a rendered chart or kustomization, in bytes.
    pub tool_bytes: u64,
    /// The maximum address space of `helm` or `kustomize`, in bytes.
    pub tool_memory: u64,
    /// The timeout for rendering all charts and kustomizations.
    pub render_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 512 << 20,
            files: 500_000,
            total_bytes: 4 << 30,
            memory: 1 << 30,
            archive_entries: 200_000,
            archive_bytes: 1 << 30,
            archive_ratio: 200,
            tool_time: Duration::from_secs(60),
            tool_bytes: 256 << 20,
            tool_memory: 4 << 30,
            render_time: Duration::from_mins(10),
        }
    }
}

/// Receives progress. Called from several threads.
pub trait Progress: Sync {
    /// A new stage begins.
    fn stage(&self, text: &str) {
        let _ = text;
    }

    /// Another program uses the terminal, for example to ask for a password, until called with
    /// `false`.
    fn pause(&self, paused: bool) {
        let _ = paused;
    }

    /// The number of further files, charts or kustomizations to process.
    fn expect(&self, count: usize) {
        let _ = count;
    }

    /// One of them was processed.
    fn file(&self) {}
}

/// Ignores progress.
impl Progress for () {}

/// The snapshot, and statistics.
#[derive(Debug)]
pub struct Loaded {
    /// All worlds and notes.
    pub snapshot: Snapshot,
    /// The statistics.
    pub stats: Stats,
}

/// Statistics of reading.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// The number of files with objects or Dockerfiles.
    pub files: usize,
    /// The number of documents in them, including rendered ones.
    pub documents: usize,
    /// The number of objects in them, including duplicates.
    pub objects: usize,
    /// Their size in bytes.
    pub bytes: u64,
    /// The number of rendered charts.
    pub charts_rendered: usize,
    /// The number of charts that were not rendered.
    pub charts_unrendered: usize,
    /// The number of rendered kustomizations that no other includes.
    pub kustomizations_rendered: usize,
    /// The number of kustomizations that no other includes and whose files were read as is.
    pub kustomizations_unrendered: usize,
    /// The number of files that were skipped, by reason.
    pub skipped: BTreeMap<Skip, usize>,
}

impl Stats {
    pub(crate) fn skip(&mut self, why: Skip, count: usize) {
        if count > 0 {
            *self.skipped.entry(why).or_default() += count;
        }
    }
}

/// The reason why a file was skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Skip {
    /// Its name is not that of a supported type.
    OtherName,
    /// No document in it has `apiVersion` and `kind`.
    NotKubernetes,
    /// It is excluded by the user's configuration: a file, or a whole directory.
    Excluded,
    /// Its name begins with a dot: a file, or a whole directory.
    Hidden,
    /// It is listed in an ignore file: a file, or a whole directory.
    Ignored,
    /// It contains NUL bytes.
    Binary,
    /// Its name is that of a template.
    Template,
    /// It is part of a Helm chart.
    PartOfChart,
    /// It is part of a kustomization: a patch, the input of a generator, the kustomization file
    /// itself, or a file that was rendered.
    PartOfKustomization,
    /// A link to something that is read at its own location, or a broken link.
    Link,
}

impl Skip {
    /// Returns the reason as text: "12 files {…}".
    pub fn reason(self) -> &'static str {
        match self {
            Self::OtherName => "of other types",
            Self::NotKubernetes => "without a document that has `apiVersion` and `kind`",
            Self::Excluded => "excluded by the configuration",
            Self::Hidden => "hidden",
            Self::Ignored => "excluded by ignore files",
            Self::Binary => "binary",
            Self::Template => "templates by their names",
            Self::PartOfChart => "parts of Helm charts",
            Self::PartOfKustomization => "parts of kustomizations",
            Self::Link => "links to files that are read elsewhere, or that do not exist",
        }
    }
}

/// Reads everything in `request`. `stdin` is read only if `-` is one of the paths.
pub fn load(request: &Request, stdin: impl Read, progress: &dyn Progress) -> Loaded {
    load::load(request, stdin, progress)
}
