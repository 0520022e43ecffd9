//! What a check found.

use std::sync::Arc;

use pavisade_yaml::{Amendment, Doc};

use crate::{Confidence, Location, Related, Rule, Severity, Subject, Vulnerability};

/// Whether a check failed or could not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// The check fails.
    Fails,
    /// It could not be determined; the message says why.
    Unknown,
}

/// One result of one check that somebody should look at.
#[derive(Debug, Clone)]
pub struct Finding {
    /// What it is a finding of.
    pub rule: Arc<Rule>,
    /// Failed, or unknown.
    pub state: State,
    /// How bad, here.
    pub severity: Severity,
    /// How sure, here.
    pub confidence: Confidence,
    /// The world it belongs to; none where it is about no object of one, such as an image alone.
    pub world: Option<Arc<str>>,
    /// What it is about.
    pub subject: Subject,
    /// The topmost owner of a subject that its controller makes anew, under another name, at every
    /// roll-out: the fingerprint takes it for the subject.
    pub owner: Option<Box<Subject>>,
    /// Where it is.
    pub location: Location,
    /// Other places that belong to it.
    pub related: Vec<Related>,
    /// The workloads that run what it is about, shared by all findings about it.
    pub workloads: Option<Arc<[Workload]>>,
    /// The vulnerability that it tells of.
    pub vulnerability: Option<Box<Vulnerability>>,
    /// What is wrong here, in one sentence.
    pub message: String,
    /// What to do here; the check's own advice where this is empty.
    pub fix: String,
    /// The path that the fingerprint takes: elements by merge key or content, never by index.
    pub stable_path: String,
    /// What tells two findings of one check at one place apart (a CVE and package); mostly empty.
    pub instance: String,
    /// How its text is mended; only where that was asked for, and a check knows how.
    pub mend: Option<Box<Mend>>,
}

/// Edits of one document that mend a finding, all of them together.
#[derive(Debug, Clone)]
pub struct Mend {
    /// The document.
    pub doc: Doc,
    /// Its edits.
    pub amendments: Vec<Amendment>,
}

/// An object whose pods run an image.
#[derive(Debug, Clone)]
pub struct Workload {
    /// The world that it is in.
    pub world: Arc<str>,
    /// The object, and the container of it.
    pub subject: Subject,
    /// Where it names the image.
    pub location: Location,
}

impl Finding {
    /// The name of the world that it belongs to; empty where there is none.
    pub fn world(&self) -> &str {
        self.world.as_deref().unwrap_or("")
    }
}
