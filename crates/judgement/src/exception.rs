//! Exceptions: findings that are accepted, with a reason and an end date.
//!
//! An exception is in an object (annotation), on a line (comment), or in a policy file. It is
//! ignored with a note if the reason, the end date or a valid check is missing.

use std::ops::RangeInclusive;
use std::sync::Arc;

pub use jiff::civil::Date;
use pavisade_model::{
    Base, Finding, Fingerprint, Glob, Location, Rule, Subject, kinds, repository,
};
use pavisade_snapshot::ObjectId;
use pavisade_yaml::Source;

/// The annotation. Further ones begin with it and a dot.
pub const ANNOTATION: &str = "pavisade.dev/allow";

/// An exception with an end date.
#[derive(Debug, Clone)]
pub struct Exception {
    /// The checks whose findings it accepts. Empty means all checks, which only policy files with
    /// fingerprints or advisories may use.
    pub checks: Vec<Arc<Rule>>,
    /// The last day on which it is valid (UTC).
    pub until: Date,
    /// The reason.
    pub reason: String,
    /// Its form.
    pub form: Form,
    /// The file or object that contains it, as shown to users.
    pub place: String,
    /// The source and byte range, if it is in a text.
    pub span: Option<(Source, u32, u32)>,
    /// What it applies to.
    pub scope: Scope,
    /// Whether it repeats an exception of the object's owner. No notes about it are reported.
    pub echo: bool,
}

/// The form of an exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// In an annotation of an object or a pod template.
    Annotation,
    /// In a comment on a line.
    Comment,
    /// In a policy file.
    Policy,
}

impl Form {
    /// Returns the lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Annotation => "annotation",
            Self::Comment => "comment",
            Self::Policy => "policy",
        }
    }
}

/// What an exception applies to.
#[derive(Debug, Clone)]
pub enum Scope {
    /// One object of a world.
    Object(Box<InObject>),
    /// A line of a text, from 1.
    Line {
        /// The line.
        line: u32,
        /// The container that the exception specifies.
        container: Option<String>,
    },
    /// A comment that is not on a relevant line.
    Nothing,
    /// The findings selected by a policy file.
    Policy(Box<Selector>),
}

/// An object of a world, or a part of it.
#[derive(Debug, Clone)]
pub struct InObject {
    /// The world.
    pub world: Arc<str>,
    /// The object.
    pub id: ObjectId,
    /// The container that the exception specifies.
    pub container: Option<String>,
    /// The path of the pod template that contains it, for an object with several.
    pub template: Option<String>,
    /// The byte range of an object without a name.
    pub bytes: Option<(Source, std::ops::Range<u32>)>,
}

/// The selector of an exception in a policy file. All given conditions must match.
#[derive(Debug, Clone, Default)]
pub struct Selector {
    /// One of these subjects. Any if empty.
    pub subjects: Vec<Subjects>,
    /// Files, or worlds for a finding without a file, relative to `base`. Any if empty.
    pub paths: Vec<Glob>,
    /// The base of `paths`.
    pub base: Base,
    /// Advisories by any of their identifiers. Any if empty.
    pub vulnerabilities: Vec<Glob>,
    /// One of these fingerprints. Any if empty.
    pub fingerprints: Vec<Fingerprint>,
}

/// Subjects by pattern. All given conditions must match.
#[derive(Debug, Clone, Default)]
pub struct Subjects {
    /// Kind: `Deployment`.
    pub kind: Option<Glob>,
    /// Namespace.
    pub namespace: Option<Glob>,
    /// Name.
    pub name: Option<Glob>,
    /// Container.
    pub container: Option<Glob>,
    /// Image: its reference, its repository or its digest.
    pub image: Option<Glob>,
    /// Package: its name or its package URL.
    pub package: Option<Glob>,
    /// Path of a file in an image or an artifact.
    pub file: Option<Glob>,
    /// Artifact: a source directory, an SBOM.
    pub artifact: Option<Glob>,
}

impl Exception {
    /// Creates an exception of a policy file.
    pub fn policy(
        checks: Vec<Arc<Rule>>,
        (until, reason): (Date, String),
        selector: Selector,
        (source, start, end): (Source, u32, u32),
    ) -> Self {
        Self {
            checks,
            until,
            reason,
            form: Form::Policy,
            place: source.name().to_owned(),
            span: Some((source, start, end)),
            scope: Scope::Policy(Box::new(selector)),
            echo: false,
        }
    }

    /// Whether it applies to a finding, regardless of the check.
    pub fn is_about(&self, finding: &Finding) -> bool {
        let in_container = |named: &Option<String>| {
            named.is_none() || named.as_deref() == finding.subject.container()
        };
        match &self.scope {
            Scope::Nothing => false,
            Scope::Line { line, container } => {
                lines(finding).is_some_and(|lines| lines.contains(line)) && in_container(container)
            }
            Scope::Object(at) => {
                let inside = at.template.as_deref().is_none_or(|template| {
                    let rest = finding.stable_path.strip_prefix(template);
                    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
                });
                let this = at.bytes.as_ref().is_none_or(|(text, bytes)| match &finding.location {
                    Location::Text { source, span, .. } => {
                        same_text(source, text) && bytes.contains(&span.start)
                    }
                    Location::Field { .. } | Location::Layer { .. } | Location::None => false,
                });
                inside && this && in_container(&at.container)
            }
            Scope::Policy(selector) => selector.is_about(finding),
        }
    }

    /// Returns the container it specifies. Empty if none.
    pub fn container(&self) -> &str {
        match &self.scope {
            Scope::Line { container, .. } => container.as_deref().unwrap_or(""),
            Scope::Object(at) => at.container.as_deref().unwrap_or(""),
            Scope::Nothing | Scope::Policy(_) => "",
        }
    }

    /// Whether it accepts findings of a check.
    pub fn names(&self, rule: &Rule) -> bool {
        self.checks.is_empty() || self.checks.iter().any(|named| named.id == rule.id)
    }
}

impl Selector {
    fn is_about(&self, finding: &Finding) -> bool {
        let subject = || self.subjects.iter().any(|subject| subject.is(&finding.subject));
        let path = || {
            let name = match &finding.location {
                Location::Text { source, .. } => source.name(),
                Location::Field { .. } | Location::Layer { .. } | Location::None => {
                    match finding.subject.whole() {
                        Subject::Image { name, .. } | Subject::Artifact { name } => name,
                        _ => finding.world(),
                    }
                }
            };
            let path = self.base.relative(name);
            path.is_some_and(|path| self.paths.iter().any(|glob| glob.matches_path(&path)))
        };
        (self.subjects.is_empty() || subject())
            && (self.paths.is_empty() || path())
            && (self.vulnerabilities.is_empty() || self.vulnerability(finding))
            && (self.fingerprints.is_empty()
                || self.fingerprints.contains(&finding.fingerprint())
                || self.fingerprints.contains(&finding.first_fingerprint())
                || finding.shared_fingerprints().iter().any(|own| self.fingerprints.contains(own)))
    }

    fn vulnerability(&self, finding: &Finding) -> bool {
        let Some(found) = &finding.vulnerability else { return false };
        let ids = [&found.advisory.id].into_iter().chain(&found.advisory.aliases);
        ids.into_iter().any(|id| self.vulnerabilities.iter().any(|named| named.matches(id)))
    }
}

impl Subjects {
    fn is(&self, subject: &Subject) -> bool {
        let of = |glob: &Option<Glob>, texts: &[&str]| {
            glob.as_ref().is_none_or(|g| texts.iter().any(|text| g.matches(text)))
        };
        let object = match subject {
            Subject::Object { kind, namespace, name, container, .. } => {
                [Some(&**kind), Some(namespace), Some(name), container.as_deref()]
            }
            // Policy files select it by kind, without a namespace.
            Subject::Cluster { name } => [Some(kinds::CLUSTER.kind), Some(""), Some(name), None],
            Subject::Endpoint { address, .. } => [Some("Endpoint"), Some(""), Some(address), None],
            _ => [None; 4],
        };
        let image = match subject.whole() {
            Subject::Image { name, digest } => vec![&**name, repository(name), digest],
            _ => Vec::new(),
        };
        let artifact = match subject.whole() {
            Subject::Artifact { name } => Some(&**name),
            _ => None,
        };
        let package = match subject {
            Subject::Package { name, purl, .. } => vec![&**name, &**purl],
            _ => Vec::new(),
        };
        let file = match subject {
            Subject::File { path, .. } => Some(&**path),
            _ => None,
        };
        let parts = [&self.kind, &self.namespace, &self.name, &self.container];
        parts.into_iter().zip(object).all(|(glob, text)| of(glob, text.as_slice()))
            && of(&self.image, &image)
            && of(&self.package, &package)
            && of(&self.file, file.as_slice())
            && of(&self.artifact, artifact.as_slice())
    }
}

/// Returns the lines of a text that a finding points at.
pub fn lines(finding: &Finding) -> Option<RangeInclusive<u32>> {
    let Location::Text { source, span, .. } = &finding.location else { return None };
    let shown = source.text().get(span.start as usize..span.end as usize)?.trim_end().len() as u32;
    let last = span.start + shown.saturating_sub(1);
    Some(source.line_at(span.start)..=source.line_at(last))
}

fn same_text(a: &Source, b: &Source) -> bool {
    a.id() == b.id()
}
