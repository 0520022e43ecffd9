//! Loads rule files in order, like Falco.
//!
//! [`collect`] reads the definitions, so that later files can append to lists, macros and rules of
//! earlier ones; [`build`] then compiles everything. An invalid item does not hide others: each is
//! reported with file and line, and the rest is loaded.

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

/// The priority of an alert, as in syslog (RFC 5424).
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
    /// All priorities, the most urgent first.
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

    /// Returns the name used in output.
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

    /// Parses a name in any letter case; `INFO` stands for `Informational`.
    pub fn parse(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("info") {
            return Some(Self::Informational);
        }
        Self::ALL.into_iter().find(|priority| priority.name().eq_ignore_ascii_case(text))
    }
}

/// The subject of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Item {
    /// A file, or an unknown element of it.
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
    /// Returns the name used in messages.
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

/// The type of a message, with Falco's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The file is not valid YAML.
    YamlParse,
    /// The YAML has another structure.
    YamlValidate,
    /// An item contradicts itself or another one.
    Validate,
    /// A condition cannot be compiled.
    CompileCondition,
    /// An output cannot be compiled.
    CompileOutput,
    /// Rules for an unavailable event source are skipped.
    UnknownSource,
    /// A rule with `skip-if-unknown-filter` is skipped.
    UnknownFilter,
    /// A comparison with `<NA>` of a field that may be absent.
    UnsafeNotAvailable,
    /// A rule is evaluated for almost every event.
    TooManyEventTypes,
    /// No rule uses the item.
    Unused,
    /// The item is deprecated.
    Deprecated,
    /// The key is unknown.
    UnknownKey,
    /// The name is not an identifier.
    InvalidName,
    /// A constant looks like something else.
    Suspicious,
}

impl Code {
    /// Returns Falco's name.
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

/// A message about a rule file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The type.
    pub code: Code,
    /// The subject.
    pub item: Item,
    /// The name of the item; may be empty.
    pub name: String,
    /// What is wrong.
    pub text: String,
    /// The name of the file.
    pub file: String,
    /// The line, from 1.
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

/// A compiled rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The name.
    pub name: String,
    /// The description.
    pub description: String,
    /// The event source.
    pub source: String,
    /// The priority of its alerts.
    pub priority: Priority,
    /// The tags, which may include MITRE ATT&CK techniques.
    pub tags: Vec<String>,
    /// Whether the rule is enabled.
    pub enabled: bool,
    /// The condition as written, without exceptions.
    pub condition: String,
    /// The condition with macros, lists and exceptions expanded.
    pub compiled: String,
    /// The compiled condition.
    pub filter: Filter,
    /// The event types for which it can hold.
    pub event_types: EventTypes,
    /// The output as written.
    pub output: String,
    /// The compiled output.
    pub format: Format,
    /// The file of the first definition.
    pub file: String,
    /// The line of the first definition, from 1.
    pub line: u32,
}

/// How to load files.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    /// The fields that rules may use.
    pub fields: &'a Fields,
    /// The available event sources.
    pub sources: &'a [&'a str],
    /// Whether warnings about rules that can never match are errors.
    pub strict: bool,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { fields: Fields::known(), sources: &["syscall", "k8s_audit"], strict: false }
    }
}

/// A rule file.
#[derive(Clone, Copy, Debug)]
pub struct RuleFile<'a> {
    /// The name shown in messages.
    pub name: &'a str,
    /// The content.
    pub text: &'a str,
}

/// The result of loading rule files.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The compiled rules in order.
    pub rules: Vec<Rule>,
    /// Errors that prevent an item from being loaded.
    pub errors: Vec<Message>,
    /// Probable mistakes.
    pub warnings: Vec<Message>,
}

/// The largest rule file in bytes.
const MAX_BYTES: usize = 16 << 20;
/// The version of Falco's engine whose language is implemented.
const ENGINE: [u32; 3] = [0, 64, 0];

/// Loads rule files in order.
pub fn load(files: &[RuleFile<'_>], options: &Options<'_>) -> Loaded {
    let collected = collect::collect(files);
    build::build(collected, options)
}

#[cfg(test)]
mod tests;
