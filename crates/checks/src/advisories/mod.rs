//! Built-in advisories: for components of Kubernetes whose version a cluster reports, and for
//! programs with permissions for a whole cluster.
//!
//! Out of scope: packages in images, whose advisories are in a database (`vulndb`).

use pavisade_model::{Program, Severity};

pub(crate) use kubernetes::UNTIL;

mod kubernetes;
mod programs;

/// Major, minor and patch version.
pub(crate) type Version = (u32, u32, u32);

/// A known vulnerability.
pub(crate) struct Advisory {
    of: Of,
    pub(crate) cve: &'static str,
    pub(crate) severity: Severity,
    pub(crate) title: &'static str,
    /// Ranges from an affected version to the fixed version (exclusive).
    ranges: &'static [(Version, Version)],
}

/// The subject of an advisory.
enum Of {
    /// A component of Kubernetes, possibly only on Windows nodes.
    Component { program: Program, windows: bool },
    /// The images of a program, possibly only with a certain configuration.
    Image { names: &'static [&'static str], always: bool },
}

const fn component(program: Program, windows: bool) -> Of {
    Of::Component { program, windows }
}

const fn image(names: &'static [&'static str], always: bool) -> Of {
    Of::Image { names, always }
}

/// Returns the advisories for a component of Kubernetes, and whether they apply only to Windows
/// nodes.
pub(crate) fn of_component(program: Program) -> impl Iterator<Item = (&'static Advisory, bool)> {
    kubernetes::ADVISORIES.iter().filter_map(move |advisory| match advisory.of {
        Of::Component { program: of, windows } if of == program => Some((advisory, windows)),
        Of::Component { .. } | Of::Image { .. } => None,
    })
}

/// Returns the advisories for an image with that name, and whether they apply regardless of
/// configuration.
pub(crate) fn of_image(name: &str) -> impl Iterator<Item = (&'static Advisory, bool)> {
    programs::ADVISORIES.iter().filter_map(move |advisory| match advisory.of {
        Of::Image { names, always } if names.contains(&name) => Some((advisory, always)),
        Of::Component { .. } | Of::Image { .. } => None,
    })
}

impl Advisory {
    /// Returns the fixed version if this version is affected. An `early` version is a pre-release
    /// of that number.
    pub(crate) fn fixed(&self, version: Version, early: bool) -> Option<Version> {
        let within = |(from, fixed): &&(Version, Version)| {
            (*from..*fixed).contains(&version) || early && version == *fixed
        };
        self.ranges.iter().find(within).map(|(_, fixed)| *fixed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_begin_before_they_end_and_the_day_is_one() {
        let (components, programs) = (kubernetes::ADVISORIES, &programs::ADVISORIES[..]);
        assert!(components.len() > 30 && programs.len() > 20);
        for advisory in components.iter().chain(programs) {
            let cve = advisory.cve;
            assert!(!advisory.ranges.is_empty(), "{cve}");
            assert!(advisory.ranges.iter().all(|(from, fixed)| from < fixed), "{cve}");
            assert!(cve.starts_with("CVE-") && !advisory.title.is_empty());
        }
        assert!(components.iter().all(|advisory| matches!(advisory.of, Of::Component { .. })));
        assert!(programs.iter().all(|advisory| matches!(advisory.of, Of::Image { .. })));
        assert!(format!("{UNTIL}T00:00:00Z").parse::<jiff::Timestamp>().is_ok());
    }

    #[test]
    fn a_test_build_has_what_its_release_fixes() {
        let of = image(&[], true);
        let ranges = &[((1, 0, 0), (1, 2, 0)), ((1, 3, 0), (1, 3, 4))];
        let advisory = Advisory { of, cve: "", severity: Severity::Low, title: "", ranges };
        for (version, early, fixed) in [
            ((0, 9, 9), false, None),
            ((1, 0, 0), false, Some((1, 2, 0))),
            ((1, 2, 0), false, None),
            ((1, 2, 0), true, Some((1, 2, 0))),
            ((1, 2, 9), true, None),
            ((1, 3, 3), false, Some((1, 3, 4))),
        ] {
            assert_eq!(advisory.fixed(version, early), fixed, "{version:?}");
        }
    }
}
