//! What users have, to a [`Snapshot`]: files, folders, archives, standard input, Helm charts and
//! kustomizations, live clusters, and clusters that were saved ([`saved`]).
//!
//! Nothing here aborts: what cannot be read becomes a note and the rest is read. Nothing but
//! [`load_cluster`] reaches the network; `helm` and `kustomize` run without the user's environment
//! and without network, with limits of time, memory and output, and end when this process does.
//!
//! Which files count: `.yaml`, `.yml` and `.json` that hold a document with `apiVersion` and
//! `kind`; Dockerfiles; kubeconfig files; and whatever the user names directly. Hidden files and
//! folders are left out, as is what `.gitignore`, `.ignore` and `.pavisadeignore` name.
//!
//! Links are followed while they stay inside the Git repository around the given path (the given
//! path itself where there is none); others are not, and a note says so: a repository must not
//! make a scan show the files of the machine it runs on. The same holds for what kustomizations and
//! charts refer to. Of what was found, only regular files are opened.
//!
//! Not here: what objects mean, images, where tools are found (the face's work).

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

pub use cluster::{ClusterLimits, ClusterRequest, ConnectError, LoadedCluster, load_cluster};
pub use open::open_regular;
pub use saved::saved;
pub use scope::Scope;

/// What to read.
#[derive(Debug, Clone)]
pub struct Request {
    /// Files, folders and archives; `-` is standard input.
    pub paths: Vec<PathBuf>,
    /// Whether charts and kustomizations are rendered.
    pub render: Render,
    /// Values files for every chart, later ones win.
    pub helm_values: Vec<PathBuf>,
    /// The version that charts are told.
    pub kubernetes: KubernetesVersion,
    /// What is too much.
    pub limits: Limits,
    /// The programs that render.
    pub tools: Tools,
    /// What counts of folders, and what is joined.
    pub scope: Scope,
    /// What the files are read for.
    pub purpose: Purpose,
}

impl Request {
    /// Reads `paths` with the defaults: rendering as far as there are tools, of which none is set.
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
    /// They are judged: what is missing in them makes the result incomplete.
    #[default]
    Judge,
    /// They are compared with a cluster, which holds what they install.
    Compare,
    /// They are changed as they are written: nothing that they include or install is wanted.
    Fix,
}

/// Whether charts and kustomizations are rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Render {
    /// Where the tools are there.
    #[default]
    Auto,
    /// Never: neither helm nor kustomize nor kubectl is started.
    Never,
}

/// Paths of programs, as the face found them.
#[derive(Debug, Clone, Default)]
pub struct Tools {
    /// Helm 3 or 4.
    pub helm: Option<PathBuf>,
    /// kustomize 5.
    pub kustomize: Option<PathBuf>,
    /// kubectl, whose `kustomize` is used where there is no kustomize.
    pub kubectl: Option<PathBuf>,
    /// unshare, which gives the others an empty network on Linux.
    pub unshare: Option<PathBuf>,
}

/// What is too much. Whatever is refused by a limit has a note.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Files of one given path.
    pub files: usize,
    /// Bytes of all files of one given path.
    pub total_bytes: u64,
    /// Bytes of memory that all texts may take with their values and objects, roughly.
    pub memory: usize,
    /// Members of an archive.
    pub archive_entries: usize,
    /// Bytes of an archive when unpacked.
    pub archive_bytes: u64,
    /// How many times larger than packed an archive may become, beyond a free 16 MiB.
    pub archive_ratio: u64,
    /// How long one chart or kustomization may take.
    pub tool_time: Duration,
    /// Bytes that one chart or kustomization may become.
    pub tool_bytes: u64,
    /// Bytes of address space of one `helm` or `kustomize`.
    pub tool_memory: u64,
    /// How long all charts and kustomizations may take together.
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

/// Told what is being done; called from several threads.
pub trait Progress: Sync {
    /// Work of another sort begins.
    fn stage(&self, text: &str) {
        let _ = text;
    }

    /// Somebody else has the terminal, who may ask for a password; until `false` is said.
    fn pause(&self, paused: bool) {
        let _ = paused;
    }

    /// How many more files, charts or kustomizations will be worked through.
    fn expect(&self, count: usize) {
        let _ = count;
    }

    /// One of them is done.
    fn file(&self) {}
}

/// Nobody looks.
impl Progress for () {}

/// The picture, and how it came about.
#[derive(Debug)]
pub struct Loaded {
    /// All worlds and notes.
    pub snapshot: Snapshot,
    /// Figures.
    pub stats: Stats,
}

/// Figures of a load.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Files that count: objects or Dockerfiles were read from them.
    pub files: usize,
    /// Documents in them, rendered ones included.
    pub documents: usize,
    /// Objects in them, duplicates included.
    pub objects: usize,
    /// Bytes of them.
    pub bytes: u64,
    /// Charts that were rendered.
    pub charts_rendered: usize,
    /// Charts that were not.
    pub charts_unrendered: usize,
    /// Kustomizations, included by no other, that were rendered.
    pub kustomizations_rendered: usize,
    /// Kustomizations, included by no other, that were read as their files stand.
    pub kustomizations_unrendered: usize,
    /// Files that were left out on purpose, by reason.
    pub skipped: BTreeMap<Skip, usize>,
}

impl Stats {
    pub(crate) fn skip(&mut self, why: Skip, count: usize) {
        if count > 0 {
            *self.skipped.entry(why).or_default() += count;
        }
    }
}

/// Why a file was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Skip {
    /// Its name is not one that counts.
    OtherName,
    /// No document in it has `apiVersion` and `kind`.
    NotKubernetes,
    /// The user's configuration leaves it out: a file, or a whole folder.
    Excluded,
    /// Its name begins with a dot: a file, or a whole folder.
    Hidden,
    /// An ignore file names it: a file, or a whole folder.
    Ignored,
    /// It holds NUL bytes.
    Binary,
    /// Its name says that it is a template.
    Template,
    /// It is part of a Helm chart.
    PartOfChart,
    /// A kustomization uses it: a patch, a generator's input, the kustomization file itself; or
    /// it is in what was rendered.
    PartOfKustomization,
    /// A link to something that is read at its own place, or to nothing.
    Link,
}

impl Skip {
    /// The reason in words: "12 files {…}".
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

/// Reads everything that `request` names. `stdin` is read only where `-` is among the paths.
pub fn load(request: &Request, stdin: impl Read, progress: &dyn Progress) -> Loaded {
    load::load(request, stdin, progress)
}
