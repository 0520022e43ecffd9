//! The databases that records come from, identified by the prefix of their IDs: the licence of
//! their data, and whether this reader was tested with their real records.
//!
//! Licences are those published by the databases, as collected in OSV's list of data sources
//! (google.github.io/osv.dev/data, read in November 2026). The licence is empty if none is stated.

/// An advisory database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Home {
    /// The licence of its data (SPDX identifier or description); empty if unknown.
    pub licence: &'static str,
    /// Whether this reader was tested with its real records. Others were only known from
    /// documentation.
    pub tried: bool,
}

/// CISA's catalog is in the public domain; FIRST requires attribution.
pub(crate) const CATALOG: Home = Home { licence: "CC0-1.0", tried: true };
pub(crate) const EPSS: Home = Home { licence: "free with attribution to FIRST", tried: true };
/// Scores by CVE come from many sources.
pub(crate) const SCORES: Home = Home { licence: "", tried: true };

/// Returns whether a word looks like an advisory ID in any letter case: a CVE, or the ID of a known
/// database.
pub fn is_advisory_id(word: &str) -> bool {
    let begins = |prefix: &str| {
        word.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
            && word.len() > prefix.len()
    };
    begins("CVE-") || HOMES.iter().any(|(prefix, ..)| begins(prefix))
}

/// By ID prefix; longer ones first.
const HOMES: [(&str, &str, bool); 34] = [
    ("ALPINE-CVE-", "", false),
    ("ALBA-", "MIT", true),
    ("ALEA-", "MIT", true),
    ("ALSA-", "MIT", true),
    ("BIT-", "Apache-2.0", true),
    ("DEBIAN-CHANGELOG-", "facts from Debian changelogs", true),
    ("DEBIAN-CVE-", "", false),
    ("DLA-", "", true),
    ("DRUPAL-", "MIT", true),
    ("DSA-", "", true),
    ("EEF-", "CC-BY-4.0", true),
    ("GHSA-", "CC-BY-4.0", false),
    ("GO-", "CC-BY-4.0", true),
    ("GSD-", "CC0-1.0", false),
    ("HSEC-", "CC0-1.0", true),
    ("JLSEC-", "CC-BY-4.0", true),
    ("MAL-", "Apache-2.0", false),
    ("OSEC-", "CC0-1.0", true),
    ("OSV-", "CC-BY-4.0", true),
    ("PSF-", "CC-BY-4.0", false),
    ("PYSEC-", "CC-BY-4.0", true),
    ("RHBA-", "CC-BY-4.0", false),
    ("RHEA-", "CC-BY-4.0", false),
    ("RHSA-", "CC-BY-4.0", false),
    ("RLBA-", "BSD-3-Clause", false),
    ("RLEA-", "BSD-3-Clause", false),
    ("RLSA-", "BSD-3-Clause", false),
    ("RXSA-", "BSD-3-Clause", false),
    ("RSEC-", "Apache-2.0", true),
    ("RUSTSEC-", "CC0-1.0", true),
    ("SUSE-", "CC-BY-4.0", false),
    ("UBUNTU-", "CC-BY-SA-4.0", false),
    ("USN-", "CC-BY-SA-4.0", false),
    ("x_VCID-", "CC-BY-SA-4.0", true),
];

impl Home {
    /// Returns the database of a record by its ID and the ecosystem of its first package.
    pub(crate) fn of(id: &str, ecosystem: &str) -> Self {
        // The Kubernetes feed uses CVE IDs.
        if id.starts_with("CVE-") && ecosystem == "Kubernetes" {
            return Self { licence: "Apache-2.0", tried: true };
        }
        let known = HOMES.iter().find(|(prefix, ..)| id.starts_with(prefix));
        known.map_or(Self { licence: "", tried: false }, |(_, licence, tried)| Self {
            licence,
            tried: *tried,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_are_known_by_ids() {
        for (id, ecosystem, licence, tried) in [
            ("RUSTSEC-2024-1", "crates.io", "CC0-1.0", true),
            ("x_VCID-1", "npm", "CC-BY-SA-4.0", true),
            ("CVE-2020-8554", "Kubernetes", "Apache-2.0", true),
            // Others publish CVEs too, with other licences.
            ("CVE-2020-8554", "GIT", "", false),
            ("DEBIAN-CVE-2024-1", "Debian:12", "", false),
            ("GHSA-x", "npm", "CC-BY-4.0", false),
            ("NEW-1", "npm", "", false),
        ] {
            assert_eq!(Home::of(id, ecosystem), Home { licence, tried }, "{id}");
        }
    }
}
