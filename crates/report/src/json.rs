//! The JSON document `pavisade.dev/scan/v1`: wire types and their schema.
//!
//! Within a version, fields may be added, but none is removed or changes its meaning.

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

/// The value of `schema`.
pub const SCHEMA: &str = "pavisade.dev/scan/v1";

/// Returns the JSON schema of [`Document`].
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
    /// The program that created it.
    pub tool: Tool,
    /// The Kubernetes version that was assumed: `1.37`.
    pub kubernetes: String,
    /// Counts.
    pub summary: Summary,
    /// Findings and unknown results: failures first, by severity.
    pub findings: Vec<Finding<'a>>,
    /// Findings that an exception covers; they are counted nowhere else.
    pub excepted: Vec<Excepted<'a>>,
    /// The comparison with an earlier result, if one was given with `--baseline`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline<'a>>,
    /// The checks that ran, by ID, with the number of their verdicts.
    pub checks: Vec<Check>,
    /// Notes about the input.
    pub notes: Vec<Note<'a>>,
    /// The clusters among the worlds.
    pub clusters: Vec<Cluster<'a>>,
}

/// A finding that an exception covers.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Excepted<'a> {
    /// The finding.
    #[serde(flatten)]
    pub finding: Finding<'a>,
    /// The exception.
    pub exception: Exception<'a>,
}

/// An exception.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Exception<'a> {
    /// Its form.
    pub form: ExceptionForm,
    /// Why.
    pub reason: &'a str,
    /// The last day on which it applies: `2027-01-31`.
    pub until: String,
    /// The file or object that contains it.
    pub place: &'a str,
    /// Line in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// The form of an exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExceptionForm {
    /// In an annotation of the object or its pod template.
    Annotation,
    /// In a comment on the line.
    Comment,
    /// In a policy file.
    Policy,
}

/// The comparison with an earlier result: `findings` contains only new ones.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Baseline<'a> {
    /// The earlier result's file.
    pub file: &'a str,
    /// Findings of the earlier result, of checks that ran again.
    pub total: usize,
    /// Findings that are known and have not become worse.
    pub known: Vec<Finding<'a>>,
    /// Findings that no longer exist.
    pub gone: Vec<Gone<'a>>,
}

/// A finding of an earlier result.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Gone<'a> {
    /// Its fingerprint.
    pub fingerprint: &'a str,
    /// The ID of the check.
    pub check: &'a str,
    /// Its severity.
    pub severity: Severity,
    /// Its subject: kind and name.
    pub subject: &'a str,
    /// Its message.
    pub message: &'a str,
    /// Its file; empty if it had none.
    pub file: &'a str,
}

/// A cluster that was scanned.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Cluster<'a> {
    /// The world's name: the context.
    pub name: &'a str,
    /// The version that its API server reports: `v1.37.2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<&'a str>,
    /// `eks`, `kubeadm` … or `unknown`.
    pub distribution: &'static str,
    /// The evidence for the distribution.
    pub evidence: &'a str,
    /// The CIS benchmark for this distribution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub benchmark: Option<&'static str>,
    /// The framework for that benchmark, if there is one.
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
    /// Worlds: clusters, charts, kustomizations and directories that were checked separately.
    pub worlds: usize,
    /// Objects that were checked.
    pub objects: usize,
    /// Objects with a failure.
    pub objects_failing: usize,
    /// Failures by severity.
    pub fails: Severities,
    /// Unknown results by severity.
    pub unknown: Severities,
    /// Failed or unknown results that an exception covers.
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
    /// Not scored yet; absent if there are none.
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
    /// Read, but a cluster would read it differently.
    pub warning: usize,
    /// Differences between a cluster and the files that define its objects.
    pub drift: usize,
    /// Kinds of objects that install content that is not part of the input and was not checked.
    pub unjudged: usize,
    /// Other notes.
    pub info: usize,
}

/// One thing that fails or is unknown.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Finding<'a> {
    /// Identifies the finding, independent of file and line: `v2:…`.
    pub fingerprint: String,
    /// The ID of the check: `PV-C001`.
    pub check: &'a str,
    /// The name of the check: `privileged-container`.
    pub name: &'a str,
    /// The area of security.
    pub area: Area,
    /// Severity.
    pub severity: Severity,
    /// Confidence.
    pub confidence: Confidence,
    /// Failed, or could not be determined.
    pub state: State,
    /// The world, by its display name; empty for a separate image.
    pub world: &'a str,
    /// The subject.
    pub subject: Subject<'a>,
    /// The location; absent if something is missing completely.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location<'a>>,
    /// Related locations; absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<Related<'a>>,
    /// The workloads that run the image; absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub workloads: Vec<Workload<'a>>,
    /// The vulnerability; absent for other checks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vulnerability: Option<Vulnerability<'a>>,
    /// The message: what is wrong, or why it is unknown.
    pub message: Cow<'a, str>,
    /// The fix (Markdown).
    #[serde(rename = "fix")]
    pub advice: &'a str,
    /// Controls that the check is mapped to (`cis-1.12/5.2.1`); absent unless requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frameworks: Option<&'a [String]>,
}

/// The subject of a finding.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Subject<'a> {
    /// An API object, or a configuration file with a kind.
    Object {
        /// API group; empty for the core group.
        group: &'a str,
        /// Kind.
        kind: &'a str,
        /// Namespace; empty if it is not set.
        namespace: &'a str,
        /// Name; may be empty in a configuration file.
        name: &'a str,
        /// A container.
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
        /// Its display name.
        name: &'a str,
        /// The digest of its manifest.
        digest: &'a str,
    },
    /// A package at a version.
    Package {
        /// The image or artifact that contains it.
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
        /// The image or artifact that contains it.
        holder: Box<Self>,
        /// Its path, without a leading slash.
        path: &'a str,
    },
    /// A source directory or an SBOM.
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
        /// The digest of the layer; empty for a directory.
        layer: &'a str,
        /// The file's path in the image, without a leading slash.
        path: &'a str,
    },
    /// In an object of a cluster.
    Field {
        /// The field, which may be absent: `spec.containers[name=web].image`.
        path: &'a str,
    },
}

/// A place in a file. Lines and columns count from 1, columns in characters (Unicode scalar
/// values); the end is past the last one.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FileLocation<'a> {
    /// The display name of the file.
    pub file: Cow<'a, str>,
    /// First line.
    pub line: u32,
    /// First column.
    pub column: u32,
    /// Last line.
    pub end_line: u32,
    /// Column past the last one.
    pub end_column: u32,
    /// The field, which may be absent: `spec.containers[name=web].image`.
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
    /// The area of security.
    pub area: Area,
    /// The severity of its findings.
    pub severity: Severity,
    /// Whether `pavisade fix` can fix its findings, or some of them.
    #[serde(rename = "mends")]
    pub fixable: Fixable,
    /// Subjects by verdict.
    pub tallies: Tallies,
}

/// Subjects by verdict.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Tallies {
    /// The check holds.
    pub holds: usize,
    /// The check fails.
    pub fails: usize,
    /// Could not be determined.
    pub unknown: usize,
    /// The check is not applicable.
    pub not_applicable: usize,
}

/// A note about the input that is not a finding.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Note<'a> {
    /// What it means for the result.
    pub kind: NoteKind,
    /// Its subject, usually a path.
    pub place: &'a str,
    /// Line in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// What happened.
    pub message: &'a str,
    /// The remedy; may be empty.
    pub remedy: &'a str,
}

/// Defines enums of words, and conversions from the model's enums.
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
    /// Severity.
    Severity {
        /// Compromises a node, the cluster or its secrets.
        Critical,
        /// A major step of an attack.
        High,
        /// One step of an attack.
        Medium,
        /// Hardening.
        Low,
        /// Not known: an advisory without a score.
        Unknown,
    }
    /// Confidence.
    Confidence {
        /// Proven by the input.
        High,
        /// True unless something outside the input contradicts it.
        Medium,
        /// Likely.
        Low,
    }
    /// Whether it can be fixed automatically.
    #[schemars(rename = "Mends")]
    Fixable {
        /// The fix depends on the application or on a decision.
        Never,
        /// The fix does not affect running workloads.
        Safely,
        /// The fix may break workloads that rely on what it removes: review the diff.
        Riskily,
    }
    /// Failed or unknown.
    State {
        /// The check fails.
        Fails,
        /// It could not be determined.
        Unknown,
    }
    /// An area of security.
    Area {
        /// Pods and containers.
        Container,
        /// Authentication and authorization.
        Identity,
        /// Network access and encryption in transit.
        Network,
        /// Images and their provenance.
        SupplyChain,
        /// Data at rest and access to it.
        Storage,
        /// Audit and operation.
        Compliance,
    }
    /// What a note means for the result.
    NoteKind {
        /// Not read: the scan is incomplete.
        Unread,
        /// Read, but a cluster would read it differently.
        Warning,
        /// The cluster differs from the file that defines the object.
        Drift,
        /// Objects install content that is not part of the input and was not checked.
        Unjudged,
        /// Skipped on purpose, or other information.
        Info,
    }
}
