//! What a picture is judged by besides the checks: what is let through, what is known already.

use std::collections::BTreeMap;

use pavisade_judgement::{Baseline, Exception};
use pavisade_model::Severity;
use pavisade_vex::Document;

/// The terms of a judgement. By default nothing is let through.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// Exceptions of policy files; those in objects and comments are found in the picture.
    pub exceptions: Vec<Exception>,
    /// Whose exceptions count.
    pub honour: Honour,
    /// Days from now beyond which an exception's end is noted.
    pub longest: Option<i32>,
    /// Whether all was read that the policy files speak of: what they name in vain is worth a
    /// warning then.
    pub whole: bool,
    /// An earlier result: only what is not in it is new.
    pub baseline: Option<Baseline>,
    /// VEX documents: what they close is dismissed.
    pub vex: Vec<Document>,
    /// Severities by check id, in place of the checks' own.
    pub severities: BTreeMap<String, Severity>,
}

/// Whose exceptions count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Honour {
    /// Nobody's.
    #[default]
    Nobody,
    /// Those of policy files: whoever writes an object must not exempt himself.
    Policy,
    /// Those in objects and beside their lines too.
    Everybody,
}
