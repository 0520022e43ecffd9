//! What a check found.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::civil::Date;
use pavisade_yaml::{Amendment, Doc};

use crate::{Confidence, Gap, Location, Program, Related, Rule, Severity, Subject, Vulnerability};

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
    pub advice: String,
    /// The path that the fingerprint takes: elements by merge key or content, never by index.
    pub stable_path: String,
    /// What tells two findings of one check at one place apart (a CVE and package); mostly empty.
    pub instance: String,
    /// How its text is fixed; only where that was asked for, and a check knows how.
    pub fix: Option<Box<Fix>>,
    /// What programs read of it besides; nothing for most.
    pub detail: Option<Box<Detail>>,
    /// The findings that it stands for, where several are shown as one; empty for most.
    pub members: Vec<Self>,
}

/// What programs read of a finding beside its rule, subject and place: no meaning is read out of
/// its texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Detail {
    /// The parts of its rule that it is about, of those in [`Rule::parts`]; where there are none, it
    /// counts for all of them.
    pub parts: Vec<Cow<'static, str>>,
    /// The programs whose settings it is about, where its check judges those of programs; where
    /// there are none, it may be any of them.
    pub programs: Vec<Program>,
    /// What is missing to tell, where it is unknown.
    pub gaps: Vec<Gap>,
    /// What it rests on beside what stands at its place: names of containers, Services, accounts,
    /// and values of other fields; their number is how many there are.
    pub evidence: Vec<String>,
    /// How many more pods of its owner are like the one that is its subject.
    pub more_pods: usize,
    /// The last day of the exception that let it through.
    pub excepted_until: Option<Date>,
}

impl Detail {
    /// Nothing.
    pub const NOTHING: Self = Self {
        parts: Vec::new(),
        programs: Vec::new(),
        gaps: Vec::new(),
        evidence: Vec::new(),
        more_pods: 0,
        excepted_until: None,
    };
    const NONE: &'static Self = &Self::NOTHING;

    /// Boxed where there is any.
    pub fn boxed(self) -> Option<Box<Self>> {
        (self != *Self::NONE).then(|| Box::new(self))
    }
}

/// Edits of one document that fix a finding, all of them together.
#[derive(Debug, Clone)]
pub struct Fix {
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
    /// What leads to it from outside of the cluster, as far as that is known.
    pub exposed: Option<Arc<str>>,
    /// Why it has power over its node, where it has.
    pub privileged: Option<Arc<str>>,
}

impl Finding {
    /// What programs read of it besides.
    pub fn detail(&self) -> &Detail {
        self.detail.as_deref().unwrap_or(Detail::NONE)
    }

    /// The same, to be changed.
    pub fn detail_mut(&mut self) -> &mut Detail {
        self.detail.get_or_insert_default()
    }

    /// What was judged: the findings that it stands for, or itself.
    pub fn each(&self) -> impl Iterator<Item = &Self> {
        let own = self.members.is_empty().then_some(self);
        own.into_iter().chain(&self.members)
    }

    /// The name of the world that it belongs to; empty where there is none.
    pub fn world(&self) -> &str {
        self.world.as_deref().unwrap_or("")
    }
}
