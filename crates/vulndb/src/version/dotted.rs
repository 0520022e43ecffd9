//! Lists of numbers: CRAN (`package_version`) and Hackage (the Package Versioning Policy). A list
//! that goes on is the newer one.

use super::number::Number;

/// Numbers between dots or hyphens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Dotted<'a>(Vec<Number<'a>>);

impl<'a> Dotted<'a> {
    pub(super) fn read(text: &'a str) -> Option<Self> {
        text.split(['.', '-']).map(Number::read).collect::<Option<_>>().map(Self)
    }
}
