//! Lists of numbers: CRAN (`package_version`) and Hackage (the Package Versioning Policy). The
//! longer of two lists with the same start is newer.

use super::number::Number;

/// Numbers separated by dots or hyphens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Dotted<'a>(Vec<Number<'a>>);

impl<'a> Dotted<'a> {
    pub(super) fn read(text: &'a str) -> Option<Self> {
        text.split(['.', '-']).map(Number::read).collect::<Option<_>>().map(Self)
    }
}
