//! Advisories: published information about a vulnerability.

use std::sync::Arc;

use crate::{Severity, Statement};

/// A published vulnerability.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Advisory {
    /// The primary identifier: the CVE if there is one.
    pub id: String,
    /// Other identifiers: `GHSA-…`, `DSA-…`.
    pub aliases: Vec<String>,
    /// A one-sentence summary.
    pub title: String,
    /// CVSS scores, one per source and version.
    pub scores: Vec<Score>,
    /// The probability of exploitation (FIRST's Exploit Prediction Scoring System).
    pub epss: Option<Epss>,
    /// The entry in CISA's catalog of known exploited vulnerabilities, if any.
    pub exploited: Option<Exploited>,
    /// The URL of the advisory.
    pub url: String,
}

/// A score of the Common Vulnerability Scoring System (FIRST, CVSS 2.0 to 4.0).
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// The scoring organization: `nvd`, `debian`, `github`.
    pub source: String,
    /// The vector: `CVSS:3.1/AV:N/…`.
    pub vector: String,
    /// From 0.0 to 10.0.
    pub score: f32,
}

impl Score {
    /// The major version of CVSS. Vectors of 2.0 have no prefix.
    fn generation(&self) -> u8 {
        match &*self.vector {
            vector if vector.starts_with("CVSS:4") => 4,
            vector if vector.starts_with("CVSS:3") => 3,
            _ => 2,
        }
    }

    /// Returns the qualitative severity of the score by the scale of its CVSS version. CVSS 2.0 has
    /// no critical.
    pub fn severity(&self) -> Severity {
        match self.score {
            // Includes what CVSS calls "None".
            score if score < 4.0 => Severity::Low,
            score if score < 7.0 => Severity::Medium,
            score if score < 9.0 || self.generation() == 2 => Severity::High,
            _ => Severity::Critical,
        }
    }

    /// Returns the score that takes precedence: the highest of the newest CVSS version.
    pub fn decisive(scores: &[Self]) -> Option<&Self> {
        let order = |score: &&Self| (score.generation(), score.severity());
        scores.iter().max_by(|a, b| order(a).cmp(&order(b)).then(a.score.total_cmp(&b.score)))
    }
}

/// An estimate of the Exploit Prediction Scoring System.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Epss {
    /// The probability of exploitation within 30 days, from 0 to 1.
    pub probability: f32,
    /// The share of vulnerabilities with a lower probability, from 0 to 1.
    pub percentile: f32,
}

/// An entry of the catalog of known exploited vulnerabilities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exploited {
    /// The date on which it was added: `2026-03-01`.
    pub added: String,
    /// Whether it is known to be used by ransomware.
    pub ransomware: bool,
}

/// An advisory that applies to a package at a version, with the vendor's fix state for that
/// package.
#[derive(Debug, Clone, PartialEq)]
pub struct Vulnerability {
    /// The advisory, shared by all packages it applies to.
    pub advisory: Arc<Advisory>,
    /// Whether a fixed version exists.
    pub fix: FixState,
    /// The source package, for packages of a distribution.
    pub built: Option<Arc<Built>>,
    /// The VEX statement that applies here, if any.
    pub statement: Option<Arc<Statement>>,
}

/// The source package that a binary package was built from. Statements and advisories may refer to
/// it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Built {
    /// The name.
    pub name: String,
    /// The version.
    pub version: String,
}

/// The vendor's fix state for a vulnerability in a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FixState {
    /// Fixed from this version on.
    Fixed(Arc<str>),
    /// No fix is available yet.
    NotFixed,
    /// The vendor does not plan a fix.
    WontFix,
    /// The fix state is not known.
    Unknown,
}

impl FixState {
    /// Returns the lower-case name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fixed(_) => "fixed",
            Self::NotFixed => "not-fixed",
            Self::WontFix => "wont-fix",
            Self::Unknown => "unknown",
        }
    }

    /// Returns the first fixed version, if any.
    pub fn version(&self) -> Option<&str> {
        match self {
            Self::Fixed(version) => Some(version),
            Self::NotFixed | Self::WontFix | Self::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_cvss_version_decides() {
        let score = |vector: &str, score| {
            let vector = vector.to_owned();
            Score { source: "s".into(), vector, score }
        };
        let decides = |scores: &[Score]| Score::decisive(scores).map(Score::severity);
        let (two, three) = (score("AV:N/…", 10.0), score("CVSS:3.1/…", 5.0));
        assert_eq!(decides(&[]), None);
        // The scale of CVSS 2.0 ends at high.
        assert_eq!(decides(std::slice::from_ref(&two)), Some(Severity::High));
        assert_eq!(decides(&[two.clone(), three.clone()]), Some(Severity::Medium));
        let other = score("CVSS:3.0/…", 9.8);
        assert_eq!(decides(&[three.clone(), other]), Some(Severity::Critical));
        assert_eq!(decides(&[two, three, score("CVSS:4.0/…", 2.0)]), Some(Severity::Low));
    }
}
