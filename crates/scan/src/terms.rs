//! Parameters of a judgement in addition to the checks: exceptions, the baseline, and the like.

use std::collections::BTreeMap;

use pavisade_judgement::{Baseline, Exception};
use pavisade_model::Severity;
use pavisade_vex::Document;

/// Parameters of a judgement. By default, there are no exceptions.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// Exceptions of policy files. Those in objects and comments are collected from the snapshot.
    pub exceptions: Vec<Exception>,
    /// Which exceptions apply.
    pub honour: Honour,
    /// Exceptions that end more than this many days from now are reported.
    pub longest: Option<i32>,
    /// Whether everything that the policy files refer to was read. If so, exceptions without a
    /// finding are worth a warning.
    pub whole: bool,
    /// An earlier result. Only findings that are not in it are new.
    pub baseline: Option<Baseline>,
    /// VEX documents. Findings that they close are dismissed.
    pub vex: Vec<Document>,
    /// Severities by check id, which override those of the checks.
    pub severities: BTreeMap<String, Severity>,
}

/// Which exceptions apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Honour {
    /// None.
    #[default]
    Nobody,
    /// Those of policy files only, so that an author of objects cannot create exceptions for them.
    Policy,
    /// Those in objects and comments too.
    Everybody,
}
