//! The JSON document `pavisade.dev/scan/v2`, in which findings need not be about Kubernetes
//! objects.
//!
//! Images are listed once, with the workloads that run them. Findings refer to them by index.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, Write};

use pavisade_judgement::{Judgement, RuleTally, Tally};
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

/// The value of `schema`.
pub const SCHEMA: &str = "pavisade.dev/scan/v2";

/// Returns the JSON schema of [`Document`].
pub fn schema() -> Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Document<'static>>()
}

/// The result of a scan.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "Result of a Pavisade scan, version 2")]
pub struct Document<'a> {
    /// `pavisade.dev/scan/v2`.
    pub schema: &'static str,
    /// The program that created it.
    pub tool: Tool,
    /// Counts.
    pub summary: Summary,
    /// The images that findings are about.
    pub images: Vec<Image<'a>>,
    /// Findings and unknown results: failures first, by severity.
    pub findings: Vec<Finding<'a>>,
    /// Findings that an exception covers; they are counted nowhere else.
    pub excepted: Vec<Excepted<'a>>,
    /// Vulnerabilities that VEX statements dismiss, with these statements; absent if there are
    /// none. They are counted nowhere else.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dismissed: Vec<Finding<'a>>,
    /// The comparison with an earlier result, if one was given with `--baseline`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Compared<'a>>,
    /// The rules of the checks that ran, by ID, with the number of their verdicts; followed by the
    /// rules of findings that represent others (`members`), with the number of their findings.
    pub rules: Vec<Rule<'a>>,
    /// Notes about the input.
    pub notes: Vec<Note<'a>>,
    /// The clusters among the worlds.
    pub clusters: Vec<Cluster<'a>>,
}

/// Counts.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Summary {
    /// Kubernetes objects; absent if none was checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<Kubernetes>,
    /// Images whose content was checked.
    pub images: usize,
    /// Failures by severity.
    pub fails: Severities,
    /// Unknown results by severity.
    pub unknown: Severities,
    /// Failed or unknown results that an exception covers.
    pub excepted: usize,
    /// Vulnerabilities that VEX statements dismiss.
    pub dismissed: usize,
    /// Notes by kind.
    pub notes: NoteCounts,
}

/// Counts of Kubernetes objects.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Kubernetes {
    /// The Kubernetes version that was assumed: `1.37`.
    pub version: String,
    /// Clusters, charts, kustomizations and directories that were checked separately.
    pub worlds: usize,
    /// Objects that were checked.
    pub objects: usize,
    /// Objects with a failure.
    pub objects_failing: usize,
}

/// An image that findings are about.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Image<'a> {
    /// Its display name.
    pub name: &'a str,
    /// The digest of its manifest.
    pub digest: &'a str,
    /// The workloads that run it.
    pub workloads: Vec<Workload<'a>>,
}

/// A rule whose check ran.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Rule<'a> {
    /// The rule and its verdicts.
    #[serde(flatten)]
    pub check: Check,
    /// The fix for findings without their own advice (Markdown).
    pub advice: &'a str,
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

/// The comparison with an earlier result: `findings` contains only new ones.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Compared<'a> {
    /// The earlier result's file.
    pub file: &'a str,
    /// Findings of the earlier result, of checks that ran again.
    pub total: usize,
    /// Findings that are known and have not become worse.
    pub known: Vec<Finding<'a>>,
    /// Findings that no longer exist.
    pub gone: Vec<Gone<'a>>,
}

/// One thing that fails or is unknown.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Finding<'a> {
    /// Identifies the finding, independent of file and line: `v2:…`.
    pub fingerprint: String,
    /// The ID of the rule: `PV-C001`.
    pub rule: &'a str,
    /// The name of the rule: `privileged-container`.
    pub name: &'a str,
    /// The area of security.
    pub area: Area,
    /// Severity.
    pub severity: Severity,
    /// Confidence.
    pub confidence: Confidence,
    /// Failed, or could not be determined.
    pub state: State,
    /// The world, by its display name; absent if it is in none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub world: Option<&'a str>,
    /// The subject.
    pub subject: Subject<'a>,
    /// The location; absent if something is missing completely.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location<'a>>,
    /// Related locations; absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<Related<'a>>,
    /// The vulnerability; absent for other rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vulnerability: Option<Vulnerability<'a>>,
    /// The message: what is wrong, or why it is unknown.
    pub message: Cow<'a, str>,
    /// The fix (Markdown); absent if it is that of the rule.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub advice: &'a str,
    /// Controls that the rule is mapped to (`cis-1.12/5.2.1`); absent unless requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frameworks: Option<&'a [String]>,
    /// The verdicts, if the finding represents several that are fixed in one place; otherwise
    /// absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member<'a>>,
}

/// A verdict that is represented by a finding.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Member<'a> {
    /// Its own fingerprint.
    pub fingerprint: String,
    /// The rule of its check.
    pub rule: &'a str,
    /// The name of the rule.
    pub name: &'a str,
    /// Severity.
    pub severity: Severity,
    /// Failed, or could not be determined.
    pub state: State,
    /// The world, by its display name; absent if it is in none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub world: Option<&'a str>,
    /// The subject.
    pub subject: Subject<'a>,
    /// The location; absent if something is missing completely.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location<'a>>,
    /// The message: what is wrong, or why it is unknown.
    pub message: Cow<'a, str>,
    /// Controls that the rule is mapped to (`cis-1.12/5.2.1`); absent unless requested.
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
    /// Properties of a cluster other than its objects: its version, its certificates.
    Cluster {
        /// Its name.
        name: &'a str,
    },
    /// A container image.
    Image {
        /// Its index in `images`, from 0.
        image: usize,
    },
    /// A package at a version.
    Package {
        /// The index in `images` of the image that contains it; absent for an artifact.
        #[serde(skip_serializing_if = "Option::is_none")]
        image: Option<usize>,
        /// The artifact that contains it; absent for an image.
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
        /// The index in `images` of the image that contains it; absent for an artifact.
        #[serde(skip_serializing_if = "Option::is_none")]
        image: Option<usize>,
        /// The artifact that contains it; absent for an image.
        #[serde(skip_serializing_if = "Option::is_none")]
        artifact: Option<&'a str>,
        /// Its path, without a leading slash.
        path: &'a str,
    },
    /// A source directory or an SBOM.
    Artifact {
        /// Its name.
        name: &'a str,
    },
    /// A network endpoint.
    Endpoint {
        /// What serves there, or is expected to.
        component: &'a str,
        /// Host and port.
        address: &'a str,
    },
}

/// The images that findings are about, without duplicates.
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
            model::Subject::Endpoint { component, address } => {
                Subject::Endpoint { component, address }
            }
        }
    }
}

/// The data needed to convert findings.
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
            members: finding.members.iter().map(|member| self.member(member)).collect(),
        }
    }

    fn member(&self, finding: &'a model::Finding) -> Member<'a> {
        let rule = &finding.rule;
        let controls = self.options.frameworks.get(&*rule.id).map_or(&[][..], |c| c.as_slice());
        Member {
            fingerprint: finding.fingerprint().to_string(),
            rule: &rule.id,
            name: &rule.name,
            severity: finding.severity.into(),
            state: finding.state.into(),
            world: finding.world.as_deref(),
            subject: self.images.subject(&finding.subject),
            location: Location::new(&finding.location, &self.regions),
            message: message::of(finding),
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
    let joined = joined(judgement);
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
            .chain(&joined)
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

/// Returns the rules of groups, which have no check.
fn joined(judgement: &Judgement) -> Vec<RuleTally> {
    let mut rules = BTreeMap::<&str, RuleTally>::new();
    let own: HashSet<_> = judgement.tallies.iter().map(|counted| &*counted.rule.id).collect();
    for finding in judgement.findings.iter().filter(|finding| !finding.members.is_empty()) {
        if own.contains(&*finding.rule.id) {
            continue;
        }
        let counted = rules.entry(&finding.rule.id).or_insert_with(|| RuleTally {
            rule: finding.rule.clone(),
            programs: &[],
            tally: Tally::default(),
            by_program: BTreeMap::new(),
        });
        match finding.state {
            model::State::Fails => counted.tally.fails += 1,
            model::State::Unknown => counted.tally.unknown += 1,
        }
    }
    rules.into_values().collect()
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
