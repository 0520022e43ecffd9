//! End of security support for releases of distributions.
//!
//! The dates are those of the projects: wiki.debian.org/LTS, ubuntu.com/about/release-cycle,
//! alpinelinux.org/releases, access.redhat.com/support/policy/updates/errata, and the corresponding
//! pages of the others. They were not verified against these pages, and releases after mid-2025 are
//! mostly missing. If a project gives only a month, its last day is used. Paid extended support is
//! not included.

/// The support of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Support {
    /// The type of support: `long term support`.
    pub what: &'static str,
    /// The last day: `2026-08-31`.
    pub until: &'static str,
}

/// Returns the security support of a release by `ID` and `VERSION_ID` of os-release. `None` if not
/// known.
pub fn support(id: &str, version: &str) -> Option<Support> {
    let (what, ends) = releases(id)?;
    // `3.18.9` belongs to the release `3.18`.
    let is_of = |release: &str| {
        let rest = version.strip_prefix(release);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let of = ends.iter().filter(|(release, _)| is_of(release));
    let (_, until) = of.max_by_key(|(release, _)| release.len())?;
    Some(Support { what, until })
}

/// Returns the known releases of a distribution by `ID`: the type of support, and the last day by
/// version.
pub fn releases(id: &str) -> Option<(&'static str, &'static [(&'static str, &'static str)])> {
    let (_, what, ends) = KNOWN.iter().find(|(ids, ..)| ids.contains(&id))?;
    Some((what, ends))
}

type Known = (&'static [&'static str], &'static str, &'static [(&'static str, &'static str)]);

#[rustfmt::skip]
static KNOWN: &[Known] = &[
    (&["debian"], "long term support", &[
        ("7", "2018-05-31"), ("8", "2020-06-30"), ("9", "2022-06-30"), ("10", "2024-06-30"),
        ("11", "2026-08-31"), ("12", "2028-06-30"), ("13", "2030-06-30"),
    ]),
    (&["ubuntu"], "standard support", &[
        ("14.04", "2019-04-30"), ("16.04", "2021-04-30"), ("18.04", "2023-05-31"),
        ("20.04", "2025-05-31"), ("22.04", "2027-06-01"), ("22.10", "2023-07-20"),
        ("23.04", "2024-01-25"), ("23.10", "2024-07-11"), ("24.04", "2029-05-31"),
        ("24.10", "2025-07-10"), ("25.04", "2026-01-15"),
    ]),
    (&["alpine"], "support", &[
        ("2", "2016-11-01"), ("3.1", "2016-11-01"), ("3.2", "2017-05-01"), ("3.3", "2017-11-01"),
        ("3.4", "2018-05-01"), ("3.5", "2018-11-01"), ("3.6", "2019-05-01"), ("3.7", "2019-11-01"), ("3.8", "2020-05-01"),
        ("3.9", "2020-11-01"), ("3.10", "2021-05-01"), ("3.11", "2021-11-01"),
        ("3.12", "2022-05-01"), ("3.13", "2022-11-01"), ("3.14", "2023-05-01"),
        ("3.15", "2023-11-01"), ("3.16", "2024-05-23"), ("3.17", "2024-11-22"),
        ("3.18", "2025-05-09"), ("3.19", "2025-11-01"), ("3.20", "2026-04-01"),
        ("3.21", "2026-11-01"), ("3.22", "2027-05-01"),
    ]),
    (&["rhel"], "maintenance support", &[
        ("6", "2020-11-30"), ("7", "2024-06-30"), ("8", "2029-05-31"), ("9", "2032-05-31"),
        ("10", "2035-05-31"),
    ]),
    // CentOS Linux up to 7, then CentOS Stream.
    (&["centos"], "support", &[
        ("6", "2020-11-30"), ("7", "2024-06-30"), ("8", "2024-05-31"), ("9", "2027-05-31"),
    ]),
    (&["rocky"], "support", &[
        ("8", "2029-05-31"), ("9", "2032-05-31"), ("10", "2035-05-31"),
    ]),
    (&["almalinux"], "support", &[
        ("8", "2029-05-31"), ("9", "2032-05-31"), ("10", "2035-05-31"),
    ]),
    (&["ol"], "premier support", &[
        ("6", "2021-03-31"), ("7", "2024-12-31"), ("8", "2029-07-31"), ("9", "2032-06-30"),
    ]),
    (&["amzn"], "support", &[
        ("2018.03", "2023-12-31"), ("2", "2026-06-30"), ("2023", "2029-06-30"),
    ]),
    (&["fedora"], "support", &[
        ("36", "2023-05-16"), ("37", "2023-12-05"), ("38", "2024-05-21"), ("39", "2024-11-26"),
        ("40", "2025-05-13"), ("41", "2025-12-15"), ("42", "2026-05-13"),
    ]),
    (&["opensuse-leap"], "support", &[
        ("15.3", "2022-12-31"), ("15.4", "2023-12-07"), ("15.5", "2024-12-31"),
        ("15.6", "2026-04-30"),
    ]),
    (&["sles", "sle_hpc"], "general support", &[
        ("12.5", "2024-10-31"), ("15.3", "2022-12-31"), ("15.4", "2023-12-31"),
        ("15.5", "2024-12-31"), ("15.6", "2025-12-31"), ("15.7", "2031-07-31"),
    ]),
    (&["mariner"], "support", &[("1", "2023-07-31"), ("2", "2025-07-31")]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_found_by_their_parts() {
        for (id, version, expect) in [
            ("debian", "11", Some("2026-08-31")),
            ("debian", "", None),
            ("debian", "1", None),
            ("alpine", "3.18.9", Some("2025-05-09")),
            ("alpine", "3.1.4", Some("2016-11-01")),
            ("alpine", "3.100", None),
            ("ubuntu", "22.04", Some("2027-06-01")),
            ("rhel", "8.10", Some("2029-05-31")),
            ("amzn", "2", Some("2026-06-30")),
            ("amzn", "2023", Some("2029-06-30")),
            ("mariner", "2.0.20240101", Some("2025-07-31")),
            ("wolfi", "20230201", None),
        ] {
            assert_eq!(support(id, version).map(|s| s.until), expect, "{id} {version}");
        }
    }

    #[test]
    fn days_are_days_and_each_release_has_one() {
        for (ids, _, ends) in KNOWN {
            let mut seen = std::collections::BTreeSet::new();
            for (release, until) in *ends {
                assert!(seen.insert(*release), "{ids:?} {release}");
                let parts: Vec<u32> = until.split('-').map(|part| part.parse().unwrap()).collect();
                let [year, month, day] = parts[..] else { panic!("{until}") };
                assert!((2015..2040).contains(&year) && (1..=12).contains(&month), "{until}");
                assert!((1..=31).contains(&day) && until.len() == 10, "{until}");
            }
        }
    }
}
