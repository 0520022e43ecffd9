//! Advisories: what is publicly known of a vulnerability.

use std::sync::Arc;

use crate::{Severity, Statement};

/// A vulnerability as somebody published it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Advisory {
    /// The identifier that people know: a CVE where there is one.
    pub id: String,
    /// Its other identifiers: `GHSA-…`, `DSA-…`.
    pub aliases: Vec<String>,
    /// What it is, in one sentence.
    pub title: String,
    /// How bad, by those who scored it.
    pub scores: Vec<Score>,
    /// How likely it is exploited (FIRST's Exploit Prediction Scoring System).
    pub epss: Option<Epss>,
    /// That it is exploited (CISA's catalog of known exploited vulnerabilities).
    pub exploited: Option<Exploited>,
    /// Where it is published.
    pub url: String,
}

/// A score of the Common Vulnerability Scoring System (FIRST, CVSS 2.0 to 4.0).
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// Who gave it: `nvd`, `debian`, `github`.
    pub source: String,
    /// The vector: `CVSS:3.1/AV:N/…`.
    pub vector: String,
    /// From 0.0 to 10.0.
    pub score: f32,
}

impl Score {
    /// The version of CVSS that it is of; 2.0 has no prefix.
    fn generation(&self) -> u8 {
        match &*self.vector {
            vector if vector.starts_with("CVSS:4") => 4,
            vector if vector.starts_with("CVSS:3") => 3,
            _ => 2,
        }
    }

    /// The severity that it stands for, by the scale of its CVSS version: 2.0 knows no critical.
    pub fn severity(&self) -> Severity {
        match self.score {
            // With what CVSS calls "None".
            score if score < 4.0 => Severity::Low,
            score if score < 7.0 => Severity::Medium,
            score if score < 9.0 || self.generation() == 2 => Severity::High,
            _ => Severity::Critical,
        }
    }

    /// The score that decides among several: of the newest CVSS version the highest.
    pub fn decisive(scores: &[Self]) -> Option<&Self> {
        let order = |score: &&Self| (score.generation(), score.severity());
        scores.iter().max_by(|a, b| order(a).cmp(&order(b)).then(a.score.total_cmp(&b.score)))
    }
}

/// An estimate of the Exploit Prediction Scoring System.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Epss {
    /// The probability that it is exploited within 30 days, from 0 to 1.
    pub probability: f32,
    /// The share of vulnerabilities that are less likely, from 0 to 1.
    pub percentile: f32,
}

/// An entry of the catalog of known exploited vulnerabilities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exploited {
    /// The day on which it was added: `2026-03-01`.
    pub added: String,
    /// Whether ransomware uses it.
    pub ransomware: bool,
}

/// An advisory that is about a package at a version, and what its vendor says of that package.
#[derive(Debug, Clone, PartialEq)]
pub struct Vulnerability {
    /// The advisory, shared by all packages that it is about.
    pub advisory: Arc<Advisory>,
    /// Whether there is a version without it.
    pub fix: FixState,
    /// What the package was built from, where it is one of a distribution.
    pub built: Option<Arc<Built>>,
    /// What a VEX document says of it here.
    pub statement: Option<Arc<Statement>>,
}

/// The source package that a package was built from: statements and advisories may name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Built {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What the vendor of a package did about a vulnerability.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FixState {
    /// From this version on it is gone.
    Fixed(Arc<str>),
    /// There is no fix so far.
    NotFixed,
    /// The vendor said that there will be none.
    WontFix,
    /// Nobody says.
    Unknown,
}

impl FixState {
    /// The lower-case word.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fixed(_) => "fixed",
            Self::NotFixed => "not-fixed",
            Self::WontFix => "wont-fix",
            Self::Unknown => "unknown",
        }
    }

    /// The version from which on it is gone.
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
        // The scale of 2.0 ends with high.
        assert_eq!(decides(std::slice::from_ref(&two)), Some(Severity::High));
        assert_eq!(decides(&[two.clone(), three.clone()]), Some(Severity::Medium));
        let other = score("CVSS:3.0/…", 9.8);
        assert_eq!(decides(&[three.clone(), other]), Some(Severity::Critical));
        assert_eq!(decides(&[two, three, score("CVSS:4.0/…", 2.0)]), Some(Severity::Low));
    }
}
