//! The result of reading a file.

use crate::Package;

/// The result of reading a file.
#[derive(Debug, Default)]
pub struct Contents {
    /// The packages in the order of the file.
    pub packages: Vec<Package>,
    /// The parts that could not be read.
    pub problems: Vec<Problem>,
}

/// A part of a file that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1; `None` for the whole file.
    pub line: Option<u32>,
    /// What is wrong.
    pub message: String,
}

impl Problem {
    pub(crate) fn at(line: u32, message: impl Into<String>) -> Self {
        Self { line: Some(line), message: message.into() }
    }

    pub(crate) fn whole(message: impl Into<String>) -> Self {
        Self { line: None, message: message.into() }
    }
}
