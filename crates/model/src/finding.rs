//! What a check found.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use jiff::civil::Date;
use pavisade_yaml::{Amendment, Doc, Source};
use sha2::{Digest as _, Sha256};

use crate::{Confidence, Gap, Program, Rule, Severity};

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Subject {
    /// An API object, or a configuration file that has a kind.
    Object {
        /// API group; empty for the core group.
        group: Arc<str>,
        /// Kind.
        kind: Arc<str>,
        /// Namespace; empty where none is given.
        namespace: Arc<str>,
        /// Name; may be empty in a configuration file.
        name: Arc<str>,
        /// One container of it.
        container: Option<Arc<str>>,
    },
    /// A whole world: a cluster, or what stands for one.
    World {
        /// The world's name.
        name: Arc<str>,
    },
}

impl Subject {
    /// Kind and name in one: `Deployment shop/web`.
    pub fn label(&self) -> String {
        match self {
            Self::World { name } => name.to_string(),
            Self::Object { kind, namespace, name, .. } => match (&**namespace, &**name) {
                (_, "") => kind.to_string(),
                ("", name) => format!("{kind} {name}"),
                (namespace, name) => format!("{kind} {namespace}/{name}"),
            },
        }
    }

    /// The container it is about, if one.
    pub fn container(&self) -> Option<&str> {
        match self {
            Self::Object { container, .. } => container.as_deref(),
            Self::World { .. } => None,
        }
    }
}

/// Where a finding is.
#[derive(Debug, Clone)]
pub enum Location {
    /// In a text.
    Text {
        /// The text.
        source: Source,
        /// Bytes in it.
        span: Range<u32>,
        /// The field, for people; of a field that is absent too.
        path: String,
    },
    /// In an object of an API server, which has no text that a user ever saw.
    Field {
        /// The field; of one that is absent too.
        path: String,
        /// Its value, where it is there and no map or list.
        value: Option<String>,
    },
    /// Nowhere in particular: something is missing altogether.
    None,
}

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
    /// The world it belongs to.
    pub world: Arc<str>,
    /// What it is about.
    pub subject: Subject,
    /// The topmost owner of a subject that its controller makes anew, under another name, at every
    /// roll-out: the fingerprint takes it for the subject.
    pub owner: Option<Box<Subject>>,
    /// Where it is.
    pub location: Location,
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
    /// What programs read of it besides; nothing for most.
    pub detail: Option<Box<Detail>>,
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
    const NONE: &'static Self = &Self {
        parts: Vec::new(),
        programs: Vec::new(),
        gaps: Vec::new(),
        evidence: Vec::new(),
        more_pods: 0,
        excepted_until: None,
    };

    /// Boxed where there is any.
    pub fn boxed(self) -> Option<Box<Self>> {
        (self != *Self::NONE).then(|| Box::new(self))
    }
}

/// Edits of one document that mend a finding, all of them together.
#[derive(Debug, Clone)]
pub struct Mend {
    /// The document.
    pub doc: Doc,
    /// Its edits.
    pub amendments: Vec<Amendment>,
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

    /// What stays the same while the finding is the same.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut hash = Sha256::new();
        let mut part = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        };
        part(&self.rule.id);
        match self.owner.as_deref().unwrap_or(&self.subject) {
            Subject::Object { group, kind, namespace, name, container } => {
                for text in [group, kind, namespace, name] {
                    part(text);
                }
                part(container.as_deref().unwrap_or(""));
            }
            // A world's name is a path or an address: it may change.
            Subject::World { .. } => part("world"),
        }
        part(&self.stable_path);
        part(&self.instance);
        let digest = hash.finalize();
        Fingerprint(std::array::from_fn(|i| digest[i]))
    }
}

/// Identity of a finding over time: check, object (of what a controller made, its owner), field and
/// instance; never a file, an index, a line, a message or an API version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 16]);

impl FromStr for Fingerprint {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "a fingerprint is `v1:` and 32 hexadecimal digits";
        let digits = text
            .strip_prefix("v1:")
            .filter(|d| d.len() == 32 && d.bytes().all(|b| b.is_ascii_hexdigit()))
            .ok_or(WRONG)?;
        let number = u128::from_str_radix(digits, 16).map_err(|_| WRONG)?;
        Ok(Self(number.to_be_bytes()))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("v1:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
