//! The JSON document, `pavisade.dev/scan/v1`: our own wire types and their schema.
//!
//! Fields may be added; none is removed or changes its meaning within a version.

use pavisade_model as model;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use std::borrow::Cow;

mod facts;
mod from;
pub mod v2;

pub use facts::{Epss, Exploited, Related, Score, Statement, Vulnerability, Workload};
pub(crate) use from::{all_findings, failing_objects, write};

/// What `schema` says.
pub const SCHEMA: &str = "pavisade.dev/scan/v1";

/// The JSON schema of [`Document`].
pub fn schema() -> Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Document<'static>>()
}

/// The result of a scan.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "Result of a Pavisade scan")]
pub struct Document<'a> {
    /// `pavisade.dev/scan/v1`.
    pub schema: &'static str,
    /// What made it.
    pub tool: Tool,
    /// The Kubernetes version whose semantics counted: `1.37`.
    pub kubernetes: String,
    /// Counts.
    pub summary: Summary,
    /// What fails or is unknown and counts: failures before unknowns, worst first.
    pub findings: Vec<Finding<'a>>,
    /// What an exception lets through: it counts nowhere else.
    pub excepted: Vec<Excepted<'a>>,
    /// How it differs from an earlier result, where one was given with `--baseline`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline<'a>>,
    /// The checks that ran, by id, with how often they gave each verdict.
    pub checks: Vec<Check>,
    /// What was noticed while reading.
    pub notes: Vec<Note<'a>>,
    /// The clusters among the worlds.
    pub clusters: Vec<Cluster<'a>>,
}

/// A finding that an exception lets through.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Excepted<'a> {
    /// The finding.
    #[serde(flatten)]
    pub finding: Finding<'a>,
    /// What lets it through.
    pub exception: Exception<'a>,
}

/// What lets a finding through.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Exception<'a> {
    /// In which form it stands.
    pub form: ExceptionForm,
    /// Why.
    pub reason: &'a str,
    /// The last day on which it counts: `2027-01-31`.
    pub until: String,
    /// The file or object that it stands in.
    pub place: &'a str,
    /// Line in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// In which form an exception stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExceptionForm {
    /// In an annotation of the object or its pod template.
    Annotation,
    /// In a comment beside the line.
    Comment,
    /// In a policy file.
    Policy,
}

/// A result beside an earlier one: `findings` holds only what is new.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Baseline<'a> {
    /// The earlier result's file.
    pub file: &'a str,
    /// Findings of the earlier result, of checks that ran again.
    pub total: usize,
    /// What was found before and is no worse than it was.
    pub known: Vec<Finding<'a>>,
    /// What was found before and is not found any more.
    pub gone: Vec<Gone<'a>>,
}

/// A finding of an earlier result.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Gone<'a> {
    /// Its fingerprint.
    pub fingerprint: &'a str,
    /// The check's id.
    pub check: &'a str,
    /// How bad it was.
    pub severity: Severity,
    /// What it was about: kind and name.
    pub subject: &'a str,
    /// What was wrong.
    pub message: &'a str,
    /// The file it was in; empty where it had none.
    pub file: &'a str,
}

/// A cluster that was judged.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Cluster<'a> {
    /// The world's name: the context.
    pub name: &'a str,
    /// What its API server says of its version: `v1.37.2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<&'a str>,
    /// `eks`, `kubeadm` … or `unknown`.
    pub distribution: &'static str,
    /// What tells the distribution.
    pub evidence: &'a str,
    /// The CIS benchmark that was written for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub benchmark: Option<&'static str>,
    /// The framework that maps that benchmark, where one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub benchmark_framework: Option<&'static str>,
    /// When it was read (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_at: Option<&'a str>,
}

/// A program.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Tool {
    /// `pavisade`.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// Counts.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Summary {
    /// Worlds: clusters, charts, kustomizations, folders that were judged each on its own.
    pub worlds: usize,
    /// Objects that were judged.
    pub objects: usize,
    /// Objects with a failure.
    pub objects_failing: usize,
    /// Failures by severity.
    pub fails: Severities,
    /// What could not be determined, by severity.
    pub unknown: Severities,
    /// What an exception lets through, failed or unknown.
    pub excepted: usize,
    /// Notes by kind.
    pub notes: NoteCounts,
}

/// Counts by severity.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Severities {
    pub critical: usize,
    pub high: usize,
    pub medium: usize,
    pub low: usize,
    /// Not scored yet; absent where there are none.
    #[serde(skip_serializing_if = "is_zero")]
    pub unknown: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// Counts of notes.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct NoteCounts {
    /// Not read: while this is not 0, the scan is incomplete.
    pub unread: usize,
    /// Read, but a cluster would take it otherwise.
    pub warning: usize,
    /// Differences between a cluster and the files that it comes from.
    pub drift: usize,
    /// Kinds of objects that install what is not among the input and was not judged.
    pub unjudged: usize,
    /// Good to know.
    pub info: usize,
}

/// One thing that fails or is unknown.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Finding<'a> {
    /// Stays the same while the finding is the same, wherever the file goes: `v2:…`.
    pub fingerprint: String,
    /// The check's id: `PV-C001`.
    pub check: &'a str,
    /// The check's name: `privileged-container`.
    pub name: &'a str,
    /// The field of security it belongs to.
    pub area: Area,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// Failed, or could not be determined.
    pub state: State,
    /// The world it belongs to, by the name that users know; empty of an image alone.
    pub world: &'a str,
    /// What it is about.
    pub subject: Subject<'a>,
    /// Where it is; absent where something is missing altogether.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location<'a>>,
    /// Other places that belong to it; absent where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<Related<'a>>,
    /// The workloads that run the image that it is about; absent where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub workloads: Vec<Workload<'a>>,
    /// The vulnerability that it tells of; absent of other checks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vulnerability: Option<Vulnerability<'a>>,
    /// What is wrong, or why it is unknown: one sentence.
    pub message: Cow<'a, str>,
    /// What to do (Markdown).
    #[serde(rename = "fix")]
    pub advice: &'a str,
    /// Controls of standards that the check serves (`cis-1.12/5.2.1`); absent unless asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frameworks: Option<&'a [String]>,
}

/// What a finding is about.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Subject<'a> {
    /// An API object, or a configuration file that has a kind.
    Object {
        /// API group; empty for the core group.
        group: &'a str,
        /// Kind.
        kind: &'a str,
        /// Namespace; empty where none is given.
        namespace: &'a str,
        /// Name; may be empty in a configuration file.
        name: &'a str,
        /// One container of it.
        #[serde(skip_serializing_if = "Option::is_none")]
        container: Option<&'a str>,
    },
    /// A whole world.
    World {
        /// Its name.
        name: &'a str,
    },
    /// A container image.
    Image {
        /// As users name it.
        name: &'a str,
        /// The digest of its manifest.
        digest: &'a str,
    },
    /// A package at a version.
    Package {
        /// The image or artifact that holds it.
        holder: Box<Self>,
        /// Its name.
        name: &'a str,
        /// Its version; may be empty.
        version: &'a str,
        /// Its package URL; may be empty.
        purl: &'a str,
    },
    /// A file.
    File {
        /// The image or artifact that holds it.
        holder: Box<Self>,
        /// Its path, without a leading slash.
        path: &'a str,
    },
    /// What was given as a whole: a folder of sources, an SBOM.
    Artifact {
        /// Its name.
        name: &'a str,
    },
}

/// A field of an object in a cluster, a file in an image, or a place in a file.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Location<'a> {
    /// In a file.
    File(FileLocation<'a>),
    /// In an image's layer.
    Layer {
        /// The digest of the layer; empty where a folder stands for it.
        layer: &'a str,
        /// The file's path in the image, without a leading slash.
        path: &'a str,
    },
    /// In an object of a cluster.
    Field {
        /// The field, of one that is absent too: `spec.containers[name=web].image`.
        path: &'a str,
    },
}

/// A place in a file. Lines and columns count from 1, columns in characters (Unicode scalar
/// values); the end is past the last one.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FileLocation<'a> {
    /// The file, by the name that users know.
    pub file: Cow<'a, str>,
    /// First line.
    pub line: u32,
    /// First column.
    pub column: u32,
    /// Last line.
    pub end_line: u32,
    /// Column past the last one.
    pub end_column: u32,
    /// The field, of one that is absent too: `spec.containers[name=web].image`.
    pub path: &'a str,
}

/// A check that ran.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Check {
    /// `PV-C001`.
    pub id: Cow<'static, str>,
    /// `privileged-container`.
    pub name: Cow<'static, str>,
    /// One sentence.
    pub title: Cow<'static, str>,
    /// The field of security it belongs to.
    pub area: Area,
    /// How bad it is when it fails.
    pub severity: Severity,
    /// Whether `pavisade fix` mends what it finds, all or some of it.
    #[serde(rename = "mends")]
    pub fixable: Fixable,
    /// Subjects by verdict.
    pub tallies: Tallies,
}

/// Subjects by verdict.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Tallies {
    /// Proven to be well.
    pub holds: usize,
    /// Proven not to be.
    pub fails: usize,
    /// Could not be determined.
    pub unknown: usize,
    /// The question does not arise.
    pub not_applicable: usize,
}

/// Something about the input that is no finding.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Note<'a> {
    /// What it means for the result.
    pub kind: NoteKind,
    /// What it is about: mostly a path.
    pub place: &'a str,
    /// Line in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// What happened.
    pub message: &'a str,
    /// What to do about it; may be empty.
    pub remedy: &'a str,
}

/// Enums of words, with the model's value for each.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident,)* })*) => {
        $(
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
            #[serde(rename_all = "kebab-case")]
            $(#[$doc])*
            pub enum $name { $($(#[$variant_doc])* $variant,)* }

            impl From<model::$name> for $name {
                fn from(value: model::$name) -> Self {
                    match value { $(model::$name::$variant => Self::$variant,)* }
                }
            }
        )*
    };
}

words! {
    /// How bad.
    Severity {
        /// Gives a node, the cluster or its secrets away.
        Critical,
        /// A step that gives an attacker a lot.
        High,
        /// One step of an attack.
        Medium,
        /// Worth knowing; hardening.
        Low,
        /// Nobody has said so far: an advisory that was not scored yet.
        Unknown,
    }
    /// How sure.
    Confidence {
        /// Follows from what was read.
        High,
        /// Right unless something outside the picture says otherwise.
        Medium,
        /// Likely, from a hint.
        Low,
    }
    /// Whether a program can mend it.
    #[schemars(rename = "Mends")]
    Fixable {
        /// Only a person can tell.
        Never,
        /// What works today works afterwards.
        Safely,
        /// What uses that which is taken away stops working: somebody should look at the difference.
        Riskily,
    }
    /// Failed or unknown.
    State {
        /// The check fails.
        Fails,
        /// It could not be determined.
        Unknown,
    }
    /// A field of security.
    Area {
        /// Pods and what runs in them.
        Container,
        /// Who may do what, and who is who.
        Identity,
        /// What reaches what, and whether it is encrypted.
        Network,
        /// Images and where they come from.
        SupplyChain,
        /// Data at rest and who reads it.
        Storage,
        /// Audit and operation.
        Compliance,
    }
    /// What a note means for the result.
    NoteKind {
        /// Not read: the scan is incomplete.
        Unread,
        /// Read, but a cluster would take it otherwise.
        Warning,
        /// A cluster has it otherwise than the file that it comes from.
        Drift,
        /// Objects have something installed that is not among the input, and was not judged.
        Unjudged,
        /// Left out on purpose, or good to know.
        Info,
    }
}
