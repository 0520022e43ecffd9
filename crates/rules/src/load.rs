//! Rule files: several, in order, as Falco loads them.
//!
//! What a file says is collected first ([`collect`]), so that later files can append to lists,
//! macros and rules of earlier ones; then everything is compiled ([`build`]). One bad item hides no
//! other: each is told with file and line, and the rest is loaded.

mod build;
mod collect;
mod exceptions;
mod part;

use std::fmt;

pub use build::doubts;

use crate::compile::Filter;
use crate::event_types::EventTypes;
use crate::field::Fields;
use crate::format::Format;

/// How urgent an alert is, as syslog has it (RFC 5424).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// 0
    Emergency,
    /// 1
    Alert,
    /// 2
    Critical,
    /// 3
    Error,
    /// 4
    Warning,
    /// 5
    Notice,
    /// 6
    Informational,
    /// 7
    Debug,
}

impl Priority {
    /// All, the most urgent first.
    pub const ALL: [Self; 8] = [
        Self::Emergency,
        Self::Alert,
        Self::Critical,
        Self::Error,
        Self::Warning,
        Self::Notice,
        Self::Informational,
        Self::Debug,
    ];

    /// As outputs write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Emergency => "Emergency",
            Self::Alert => "Alert",
            Self::Critical => "Critical",
            Self::Error => "Error",
            Self::Warning => "Warning",
            Self::Notice => "Notice",
            Self::Informational => "Informational",
            Self::Debug => "Debug",
        }
    }

    /// In any case; `INFO` is short for the seventh.
    pub fn parse(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("info") {
            return Some(Self::Informational);
        }
        Self::ALL.into_iter().find(|priority| priority.name().eq_ignore_ascii_case(text))
    }
}

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Item {
    /// A file, or an element of it that is nothing known.
    Content,
    /// `required_engine_version`
    EngineVersion,
    /// `required_plugin_versions`
    PluginVersions,
    /// `list`
    List,
    /// `macro`
    Macro,
    /// `rule`
    Rule,
    /// An element of a rule's `exceptions`.
    Exception,
}

impl Item {
    /// As messages name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Content => "rules content",
            Self::EngineVersion => "required_engine_version",
            Self::PluginVersions => "required_plugin_versions",
            Self::List => "list",
            Self::Macro => "macro",
            Self::Rule => "rule",
            Self::Exception => "exception",
        }
    }
}

/// What kind of message it is; names are Falco's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The file is no YAML.
    YamlParse,
    /// It is YAML of another shape.
    YamlValidate,
    /// An item contradicts itself or others.
    Validate,
    /// A condition cannot be compiled.
    CompileCondition,
    /// An output cannot be compiled.
    CompileOutput,
    /// Rules of a source of events that is not here are left out.
    UnknownSource,
    /// A rule with `skip-if-unknown-filter` is left out.
    UnknownFilter,
    /// A comparison with `<NA>` of a field that may be absent.
    UnsafeNotAvailable,
    /// A rule that is asked about almost every event.
    TooManyEventTypes,
    /// No rule uses it.
    Unused,
    /// Something that will go.
    Deprecated,
    /// A key that means nothing.
    UnknownKey,
    /// A name that is no identifier.
    InvalidName,
    /// A constant that looks like something else.
    Suspicious,
}

impl Code {
    /// Falco's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::YamlParse => "LOAD_ERR_YAML_PARSE",
            Self::YamlValidate => "LOAD_ERR_YAML_VALIDATE",
            Self::Validate => "LOAD_ERR_VALIDATE",
            Self::CompileCondition => "LOAD_ERR_COMPILE_CONDITION",
            Self::CompileOutput => "LOAD_ERR_COMPILE_OUTPUT",
            Self::UnknownSource => "LOAD_UNKNOWN_SOURCE",
            Self::UnknownFilter => "LOAD_UNKNOWN_FILTER",
            Self::UnsafeNotAvailable => "LOAD_UNSAFE_NA_CHECK",
            Self::TooManyEventTypes => "LOAD_NO_EVTTYPE",
            Self::Unused => "LOAD_UNUSED",
            Self::Deprecated => "LOAD_DEPRECATED_ITEM",
            Self::UnknownKey => "LOAD_UNKNOWN_ITEM",
            Self::InvalidName => "LOAD_INVALID_NAME",
            Self::Suspicious => "LOAD_COMPILE_CONDITION",
        }
    }
}

/// Something about rule files that their owner should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What kind it is.
    pub code: Code,
    /// What it is about.
    pub item: Item,
    /// The name of that, where it has one.
    pub name: String,
    /// What is wrong.
    pub text: String,
    /// The file, as it was named.
    pub file: String,
    /// The line in it, from 1.
    pub line: u32,
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.item.name())?;
        if !self.name.is_empty() {
            write!(f, " {:?}", self.name)?;
        }
        write!(f, ": {}", self.text)
    }
}

/// A rule that can be asked.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// What it looks for.
    pub description: String,
    /// The source of events it is for.
    pub source: String,
    /// How urgent its alerts are.
    pub priority: Priority,
    /// For choosing rules; techniques of MITRE ATT&CK among them.
    pub tags: Vec<String>,
    /// Whether it is switched on.
    pub enabled: bool,
    /// The condition as the files have it, exceptions left out.
    pub condition: String,
    /// The condition with macros, lists and exceptions put in.
    pub compiled: String,
    /// The condition, ready to be judged.
    pub filter: Filter,
    /// The types of events it can hold for.
    pub event_types: EventTypes,
    /// The output as the files have it.
    pub output: String,
    /// The output, ready to be filled in.
    pub format: Format,
    /// The file of its first definition.
    pub file: String,
    /// The line of that, from 1.
    pub line: u32,
}

/// How files are loaded.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    /// The fields that rules may use.
    pub fields: &'a Fields,
    /// The sources of events that are here.
    pub sources: &'a [&'a str],
    /// What is only warned about otherwise is an error.
    pub strict: bool,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { fields: Fields::known(), sources: &["syscall", "k8s_audit"], strict: false }
    }
}

/// A file: its name, as messages show it, and its text.
#[derive(Clone, Copy, Debug)]
pub struct RuleFile<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its text.
    pub text: &'a str,
}

/// What rule files hold.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The rules that can be asked, in order.
    pub rules: Vec<Rule>,
    /// What keeps something from being loaded.
    pub errors: Vec<Message>,
    /// What is probably not meant.
    pub warnings: Vec<Message>,
}

/// The largest text of a file.
const MAX_BYTES: usize = 16 << 20;
/// The version of Falco's engine whose language this is.
const ENGINE: [u32; 3] = [0, 64, 0];

/// Loads rule files in order.
pub fn load(files: &[RuleFile<'_>], options: &Options<'_>) -> Loaded {
    let collected = collect::collect(files);
    build::build(collected, options)
}

#[cfg(test)]
mod tests;
