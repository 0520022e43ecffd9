//! The JSON document, `pavisade.dev/scan/v2`: findings that need be about no Kubernetes object.
//!
//! Images stand once, with the workloads that run them; findings name them by their place.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};

use pavisade_judgement::Judgement;
use pavisade_model as model;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;

use super::{
    Area, Check, Cluster, Confidence, Exception, Gone, Location, Note, NoteCounts, Related,
    Severities, Severity, State, Tool, Vulnerability, Workload, all_findings, failing_objects,
};
use crate::region::Regions;
use crate::{Options, guard, message};

/// What `schema` says.
pub const SCHEMA: &str = "pavisade.dev/scan/v2";

/// The JSON schema of [`Document`].
pub fn schema() -> Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Document<'static>>()
}

/// The result of a scan.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "Result of a Pavisade scan, second form")]
pub struct Document<'a> {
    /// `pavisade.dev/scan/v2`.
    pub schema: &'static str,
    /// What made it.
    pub tool: Tool,
    /// Counts.
    pub summary: Summary,
    /// The images that findings are about.
    pub images: Vec<Image<'a>>,
    /// What fails or is unknown and counts: failures before unknowns, worst first.
    pub findings: Vec<Finding<'a>>,
    /// What an exception lets through: it counts nowhere else.
    pub excepted: Vec<Excepted<'a>>,
    /// Vulnerabilities that are none here, each with the VEX statement that says so; absent where
    /// there are none. They count nowhere else.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dismissed: Vec<Finding<'a>>,
    /// How it differs from an earlier result, where one was given with `--baseline`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Compared<'a>>,
    /// The rules of the checks that ran, by id, with how often they gave each verdict.
    pub rules: Vec<Rule<'a>>,
    /// What was noticed while reading.
    pub notes: Vec<Note<'a>>,
    /// The clusters among the worlds.
    pub clusters: Vec<Cluster<'a>>,
}

/// Counts.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Summary {
    /// Of Kubernetes objects; absent where none was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<Kubernetes>,
    /// Images that were judged by what is in them.
    pub images: usize,
    /// Failures by severity.
    pub fails: Severities,
    /// What could not be determined, by severity.
    pub unknown: Severities,
    /// What an exception lets through, failed or unknown.
    pub excepted: usize,
    /// What VEX statements close.
    pub dismissed: usize,
    /// Notes by kind.
    pub notes: NoteCounts,
}

/// Counts of Kubernetes objects.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Kubernetes {
    /// The Kubernetes version whose semantics counted: `1.37`.
    pub version: String,
    /// Clusters, charts, kustomizations, folders that were judged each on its own.
    pub worlds: usize,
    /// Objects that were judged.
    pub objects: usize,
    /// Objects with a failure.
    pub objects_failing: usize,
}

/// An image that findings are about.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Image<'a> {
    /// As users name it.
    pub name: &'a str,
    /// The digest of its manifest.
    pub digest: &'a str,
    /// The workloads that run it.
    pub workloads: Vec<Workload<'a>>,
}

/// A rule whose check ran.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Rule<'a> {
    /// What it is, and its verdicts.
    #[serde(flatten)]
    pub check: Check,
    /// What to do about a finding that has no advice of its own (Markdown).
    pub advice: &'a str,
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

/// A result beside an earlier one: `findings` holds only what is new.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Compared<'a> {
    /// The earlier result's file.
    pub file: &'a str,
    /// Findings of the earlier result, of checks that ran again.
    pub total: usize,
    /// What was found before and is no worse than it was.
    pub known: Vec<Finding<'a>>,
    /// What was found before and is not found any more.
    pub gone: Vec<Gone<'a>>,
}

/// One thing that fails or is unknown.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Finding<'a> {
    /// Stays the same while the finding is the same, wherever the file goes: `v2:…`.
    pub fingerprint: String,
    /// The rule's id: `PV-C001`.
    pub rule: &'a str,
    /// The rule's name: `privileged-container`.
    pub name: &'a str,
    /// The field of security it belongs to.
    pub area: Area,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// Failed, or could not be determined.
    pub state: State,
    /// The world it belongs to, by the name that users know; absent of what is in none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub world: Option<&'a str>,
    /// What it is about.
    pub subject: Subject<'a>,
    /// Where it is; absent where something is missing altogether.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location<'a>>,
    /// Other places that belong to it; absent where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<Related<'a>>,
    /// The vulnerability that it tells of; absent of other rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vulnerability: Option<Vulnerability<'a>>,
    /// What is wrong, or why it is unknown: one sentence.
    pub message: Cow<'a, str>,
    /// What to do (Markdown); absent where it is the rule's own advice.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub advice: &'a str,
    /// Controls of standards that the rule serves (`cis-1.12/5.2.1`); absent unless asked for.
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
    /// What is known of a cluster beside its objects: its version, its certificates.
    Cluster {
        /// Its name.
        name: &'a str,
    },
    /// A container image.
    Image {
        /// Its place in `images`, from 0.
        image: usize,
    },
    /// A package at a version.
    Package {
        /// The place in `images` of the image that holds it; absent where an artifact does.
        #[serde(skip_serializing_if = "Option::is_none")]
        image: Option<usize>,
        /// The artifact that holds it; absent where an image does.
        #[serde(skip_serializing_if = "Option::is_none")]
        artifact: Option<&'a str>,
        /// Its name.
        name: &'a str,
        /// Its version; may be empty.
        version: &'a str,
        /// Its package URL; may be empty.
        purl: &'a str,
    },
    /// A file.
    File {
        /// The place in `images` of the image that holds it; absent where an artifact does.
        #[serde(skip_serializing_if = "Option::is_none")]
        image: Option<usize>,
        /// The artifact that holds it; absent where an image does.
        #[serde(skip_serializing_if = "Option::is_none")]
        artifact: Option<&'a str>,
        /// Its path, without a leading slash.
        path: &'a str,
    },
    /// What was given as a whole: a folder of sources, an SBOM.
    Artifact {
        /// Its name.
        name: &'a str,
    },
}

/// The images that findings are about, each once.
struct Images<'a> {
    all: Vec<Image<'a>>,
    index: HashMap<(&'a str, &'a str), usize>,
}

impl<'a> Images<'a> {
    fn of(judgement: &'a Judgement) -> Self {
        let (all, index) = (Vec::new(), HashMap::new());
        let mut images = Self { all, index };
        for finding in all_findings(judgement) {
            let model::Subject::Image { name, digest } = finding.subject.whole() else { continue };
            let all = &mut images.all;
            images.index.entry((name, digest)).or_insert_with(|| {
                let workloads = finding.workloads.iter().flat_map(|list| list.iter());
                let workloads = workloads.map(Workload::from).collect();
                all.push(Image { name, digest, workloads });
                all.len() - 1
            });
        }
        images
    }

    fn place(&self, subject: &'a model::Subject) -> Option<usize> {
        let model::Subject::Image { name, digest } = subject.whole() else { return None };
        self.index.get(&(&**name, &**digest)).copied()
    }

    fn subject(&self, subject: &'a model::Subject) -> Subject<'a> {
        let artifact = match subject.whole() {
            model::Subject::Artifact { name } => Some(&**name),
            _ => None,
        };
        let image = self.place(subject);
        match subject {
            model::Subject::Object { group, kind, namespace, name, container } => {
                Subject::Object { group, kind, namespace, name, container: container.as_deref() }
            }
            model::Subject::World { name } => Subject::World { name },
            model::Subject::Cluster { name } => Subject::Cluster { name },
            model::Subject::Image { .. } => Subject::Image { image: image.unwrap_or_default() },
            model::Subject::Package { name, version, purl, .. } => {
                Subject::Package { image, artifact, name, version, purl }
            }
            model::Subject::File { path, .. } => Subject::File { image, artifact, path },
            model::Subject::Artifact { name } => Subject::Artifact { name },
        }
    }
}

/// What findings are made with.
struct View<'a> {
    images: Images<'a>,
    regions: Regions,
    options: &'a Options,
}

impl<'a> View<'a> {
    fn finding(&self, finding: &'a model::Finding) -> Finding<'a> {
        let rule = &finding.rule;
        let controls = self.options.frameworks.get(&*rule.id).map_or(&[][..], |c| c.as_slice());
        let related = finding.related.iter();
        Finding {
            fingerprint: finding.fingerprint().to_string(),
            rule: &rule.id,
            name: &rule.name,
            area: rule.area.into(),
            severity: finding.severity.into(),
            confidence: finding.confidence.into(),
            state: finding.state.into(),
            world: finding.world.as_deref(),
            subject: self.images.subject(&finding.subject),
            location: Location::new(&finding.location, &self.regions),
            related: related.filter_map(|r| Related::new(r, &self.regions)).collect(),
            vulnerability: Vulnerability::of(finding),
            message: message::of(finding),
            advice: &finding.advice,
            frameworks: (!self.options.frameworks.is_empty()).then_some(controls),
        }
    }
}

/// Writes the document of a result.
pub(crate) fn write(
    judgement: &Judgement,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut images = Images::of(judgement);
    let listed = std::mem::take(&mut images.all);
    let view = View { images, regions: Regions::new(all_findings(judgement)), options };
    let excepted = judgement.excepted.iter().map(|e| Excepted {
        finding: view.finding(&e.finding),
        exception: Exception::from(&*e.exception),
    });
    let baseline = judgement.baseline.as_ref().map(|compared| Compared {
        file: &compared.place,
        total: compared.total,
        known: compared.known.iter().map(|finding| view.finding(finding)).collect(),
        gone: compared.gone.iter().map(Gone::from).collect(),
    });
    let around = Document {
        schema: SCHEMA,
        tool: Tool { name: "pavisade", version: env!("CARGO_PKG_VERSION") },
        summary: Summary::of(judgement),
        images: listed,
        findings: Vec::new(),
        excepted: excepted.collect(),
        dismissed: judgement.dismissed.iter().map(|finding| view.finding(finding)).collect(),
        baseline,
        rules: judgement
            .tallies
            .iter()
            .map(|counted| Rule {
                check: Check::new(counted, options),
                advice: &counted.rule.advice,
            })
            .collect(),
        notes: judgement.notes.iter().map(Note::from).collect(),
        clusters: judgement.clusters.iter().map(Cluster::from).collect(),
    };
    guard::write_with(&around, "findings", &judgement.findings, |f| view.finding(f), out)
}

impl Summary {
    fn of(judgement: &Judgement) -> Self {
        let kubernetes = (judgement.worlds > 0).then(|| Kubernetes {
            version: judgement.kubernetes.to_string(),
            worlds: judgement.worlds,
            objects: judgement.objects,
            objects_failing: failing_objects(judgement),
        });
        Self {
            kubernetes,
            images: judgement.images,
            fails: Severities::of(judgement, model::State::Fails),
            unknown: Severities::of(judgement, model::State::Unknown),
            excepted: judgement.excepted.len(),
            dismissed: judgement.dismissed.len(),
            notes: NoteCounts::of(judgement),
        }
    }
}
