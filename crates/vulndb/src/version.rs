//! Versions and their orders, with one module per order.
//!
//! Each order is total over the versions that it accepts, except Maven's. A version is parsed once
//! and can be compared many times. Text that is not a valid version is an error: it does not
//! compare with anything.

mod apk;
mod deb;
mod dotted;
mod gem;
mod maven;
mod number;
mod packagist;
mod pep440;
mod rpm;
mod semver;

use std::cmp::Ordering;

/// The longest version in bytes.
const LONGEST: usize = 512;

/// The version order of an ecosystem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// Alpine up to 3.22: the order of apk-tools 2.
    Apk2,
    /// Alpine since 3.23: the order of apk-tools 3, which compares numbers with leading zeros as
    /// text and rejects digits after a letter.
    Apk3,
    /// Debian and derivatives (deb-version(7)).
    Deb,
    /// Lists of numbers: CRAN, Hackage.
    Dotted,
    /// RubyGems.
    Gem,
    /// Go modules and the Go distribution: semantic versions with a `v` or `go` prefix.
    Go,
    /// Maven (the version order of its POM reference).
    Maven,
    /// `NuGet`: semantic versions with a fourth number.
    Nuget,
    /// Composer: PHP's `version_compare`.
    Packagist,
    /// Dart's pub: semantic versions with ordered build metadata.
    Pub,
    /// Python: PEP 440, preceded by versions from before it, ordered like setuptools did.
    Pep440,
    /// rpm: epoch, version, release.
    Rpm,
    /// npm and Cargo: semantic versions. Missing numbers are zero.
    Semver,
}

impl Order {
    /// Returns where the order is defined, as part of a sentence: "by …".
    pub fn name(self) -> &'static str {
        match self {
            Self::Apk2 => "apk-tools 2",
            Self::Apk3 => "apk-tools 3",
            Self::Deb => "dpkg (deb-version)",
            Self::Dotted => "lists of numbers",
            Self::Gem => "RubyGems",
            Self::Go => "Go modules",
            Self::Maven => "Maven",
            Self::Nuget => "NuGet",
            Self::Packagist => "Composer",
            Self::Pub => "pub",
            Self::Pep440 => "PEP 440",
            Self::Rpm => "rpm",
            Self::Semver => "Semantic Versioning",
        }
    }
}

/// Text that is not a valid version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a valid version for the order {order:?}")]
pub struct VersionError {
    /// The order.
    pub order: Order,
    /// The text, possibly truncated.
    pub text: String,
}

/// A version that can be compared with others of the same order.
#[derive(Debug, Clone)]
pub struct Version<'a>(Read<'a>);

#[derive(Debug, Clone)]
enum Read<'a> {
    Apk2(apk::Two<'a>),
    Apk3(apk::Three<'a>),
    Deb(deb::Deb<'a>),
    Dotted(dotted::Dotted<'a>),
    Gem(gem::Gem<'a>),
    Maven(maven::Maven<'a>),
    Packagist(packagist::Packagist<'a>),
    Pep440(Box<pep440::Pep440<'a>>),
    Rpm(rpm::Rpm<'a>),
    Semver(Order, semver::Semver<'a>),
}

impl<'a> Version<'a> {
    /// Parses a version.
    ///
    /// # Errors
    /// The text is not valid in that order, or longer than 512 bytes.
    pub fn read(order: Order, text: &'a str) -> Result<Self, VersionError> {
        let read = || {
            if text.is_empty() || text.len() > LONGEST {
                return None;
            }
            Some(match order {
                Order::Apk2 => Read::Apk2(apk::Two::read(text)?),
                Order::Apk3 => Read::Apk3(apk::Three::read(text)?),
                Order::Deb => Read::Deb(deb::Deb::read(text)?),
                Order::Dotted => Read::Dotted(dotted::Dotted::read(text)?),
                Order::Gem => Read::Gem(gem::Gem::read(text)?),
                Order::Maven => Read::Maven(maven::Maven::read(text)?),
                Order::Packagist => Read::Packagist(packagist::Packagist::read(text)?),
                Order::Pep440 => Read::Pep440(Box::new(pep440::Pep440::read(text)?)),
                Order::Rpm => Read::Rpm(rpm::Rpm::read(text)?),
                Order::Go | Order::Nuget | Order::Pub | Order::Semver => {
                    Read::Semver(order, semver::Semver::read(order, text)?)
                }
            })
        };
        let refused = || VersionError { order, text: text.chars().take(80).collect() };
        read().map(Self).ok_or_else(refused)
    }

    /// Returns whether this is a version from before PEP 440, which precedes all others: its
    /// position has no meaning.
    pub(crate) fn is_legacy(&self) -> bool {
        matches!(&self.0, Read::Pep440(version) if version.is_legacy())
    }

    /// Compares two versions; `None` if their orders differ.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        Some(match (&self.0, &other.0) {
            (Read::Apk2(a), Read::Apk2(b)) => a.cmp(b),
            (Read::Apk3(a), Read::Apk3(b)) => a.cmp(b),
            (Read::Deb(a), Read::Deb(b)) => a.cmp(b),
            (Read::Dotted(a), Read::Dotted(b)) => a.cmp(b),
            (Read::Gem(a), Read::Gem(b)) => a.cmp(b),
            (Read::Maven(a), Read::Maven(b)) => a.cmp(b),
            (Read::Packagist(a), Read::Packagist(b)) => a.cmp(b),
            (Read::Pep440(a), Read::Pep440(b)) => a.cmp(b),
            (Read::Rpm(a), Read::Rpm(b)) => a.cmp(b),
            (Read::Semver(one, a), Read::Semver(two, b)) if one == two => a.cmp(b),
            _ => return None,
        })
    }
}

/// Implements the order traits from a comparison function.
macro_rules! ordered {
    ($name:ident, $compare:expr) => {
        impl PartialEq for $name<'_> {
            fn eq(&self, other: &Self) -> bool {
                self.cmp(other).is_eq()
            }
        }

        impl Eq for $name<'_> {}

        impl PartialOrd for $name<'_> {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name<'_> {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                let compare: fn(&Self, &Self) -> std::cmp::Ordering = $compare;
                compare(self, other)
            }
        }
    };
}
use ordered;
