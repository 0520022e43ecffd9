//! Ecosystems as named by OSV: their version order, their package names, and the releases of
//! distributions.

use crate::version::Order;

/// An ecosystem, with the release for a distribution: `PyPI`, `Debian:11`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ecosystem(String);

impl Ecosystem {
    /// Normalizes the name from a record or a caller. `kubernetes` becomes `Kubernetes`, and Alpine
    /// without a release becomes edge. A repository after the ecosystem of a language, `:LTS` after
    /// an Ubuntu release, and the part of a Red Hat Enterprise Linux release are dropped.
    pub fn read(text: &str) -> Self {
        let (name, suffix) = text.split_once(':').unwrap_or((text, ""));
        let mut known = DISTRIBUTIONS.iter().chain(&LANGUAGES).map(|(known, _)| *known);
        let name = known.find(|known| known.eq_ignore_ascii_case(name)).unwrap_or(name);
        let release = match name {
            "Alpine" if suffix.is_empty() => "edge".to_owned(),
            // For example `enterprise_linux:9::appstream`.
            "Red Hat" if suffix.starts_with("enterprise_linux:") => {
                suffix.split("::").next().unwrap_or_default().to_owned()
            }
            "Ubuntu" => suffix.strip_suffix(":LTS").unwrap_or(suffix).to_owned(),
            _ if LANGUAGES.iter().any(|(known, _)| *known == name) => String::new(),
            _ => suffix.to_owned(),
        };
        Self(if release.is_empty() { name.to_owned() } else { format!("{name}:{release}") })
    }

    /// Returns the name as written in records.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn name(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }

    /// Returns whether this is a distribution, whose vendor states the fixed version for each
    /// release.
    pub fn is_distribution(&self) -> bool {
        DISTRIBUTIONS.iter().any(|(known, _)| *known == self.name())
    }

    /// Returns whether advisories name source packages.
    pub fn names_sources(&self) -> bool {
        matches!(self.name(), "Alpine" | "Chainguard" | "Debian" | "Ubuntu" | "Wolfi")
    }

    /// Returns the version order; `None` if unknown.
    pub fn order(&self) -> Option<Order> {
        if self.name() == "Alpine" {
            let release = self.0.split_once(":v3.").map(|(_, minor)| minor);
            // Alpine 3.23 is the first with apk-tools 3.
            let old = release.and_then(|minor| minor.parse::<u32>().ok()).is_some_and(|n| n < 23);
            return Some(if old { Order::Apk2 } else { Order::Apk3 });
        }
        let mut known = DISTRIBUTIONS.iter().chain(&LANGUAGES);
        known.find(|(name, _)| *name == self.name()).and_then(|(_, order)| *order)
    }

    /// Returns the part of a version that advisories refer to. PEP 440 ignores the local part if a
    /// range has none, and Bitnami appends a build number after a dash.
    pub(crate) fn compared<'v>(&self, version: &'v str) -> &'v str {
        let shorter = match self.name() {
            "PyPI" => version.split_once('+'),
            "Bitnami" => version.rsplit_once('-').filter(|(_, build)| {
                !build.is_empty() && build.bytes().all(|byte| byte.is_ascii_digit())
            }),
            _ => None,
        };
        shorter.map_or(version, |(before, _)| before)
    }

    /// Returns the normalized package name, under which records are stored.
    pub fn package(&self, name: &str) -> String {
        match self.name() {
            // PEP 503.
            "PyPI" => {
                let mut normal = String::new();
                for c in name.trim().chars() {
                    match c {
                        '-' | '_' | '.' if normal.ends_with('-') => {}
                        '-' | '_' | '.' => normal.push('-'),
                        c => normal.extend(c.to_lowercase()),
                    }
                }
                normal
            }
            "NuGet" | "Packagist" => name.trim().to_lowercase(),
            _ => name.trim().to_owned(),
        }
    }
}

const DISTRIBUTIONS: [(&str, Option<Order>); 16] = [
    ("AlmaLinux", Some(Order::Rpm)),
    ("Alpaquita", Some(Order::Apk2)),
    ("Alpine", Some(Order::Apk2)),
    ("Azure Linux", Some(Order::Rpm)),
    ("Chainguard", Some(Order::Apk3)),
    ("Debian", Some(Order::Deb)),
    ("Mageia", Some(Order::Rpm)),
    ("MinimOS", Some(Order::Apk3)),
    ("openEuler", Some(Order::Rpm)),
    ("openSUSE", Some(Order::Rpm)),
    ("Photon OS", Some(Order::Rpm)),
    ("Red Hat", Some(Order::Rpm)),
    ("Rocky Linux", Some(Order::Rpm)),
    ("SUSE", Some(Order::Rpm)),
    ("Ubuntu", Some(Order::Deb)),
    ("Wolfi", Some(Order::Apk3)),
];

const LANGUAGES: [(&str, Option<Order>); 19] = [
    ("Bitnami", Some(Order::Semver)),
    ("CRAN", Some(Order::Dotted)),
    ("crates.io", Some(Order::Semver)),
    ("GHC", Some(Order::Dotted)),
    ("GitHub Actions", Some(Order::Semver)),
    ("Go", Some(Order::Go)),
    ("Hackage", Some(Order::Dotted)),
    ("Hex", Some(Order::Semver)),
    ("Julia", Some(Order::Semver)),
    ("Kubernetes", Some(Order::Semver)),
    ("Maven", Some(Order::Maven)),
    ("npm", Some(Order::Semver)),
    ("NuGet", Some(Order::Nuget)),
    ("OSS-Fuzz", None),
    ("Packagist", Some(Order::Packagist)),
    ("Pub", Some(Order::Pub)),
    ("PyPI", Some(Order::Pep440)),
    ("RubyGems", Some(Order::Gem)),
    ("SwiftURL", Some(Order::Semver)),
];

/// Returns the ecosystem of a distribution by `ID` and `VERSION_ID` of its os-release; `None` if
/// OSV has none, or it is not supported yet (SUSE, openSUSE, Mageia, openEuler, Photon OS, Azure
/// Linux, `MinimOS`, Alpaquita).
pub fn of_distribution(id: &str, version: &str) -> Option<Ecosystem> {
    let major = version.split('.').next().unwrap_or_default();
    let text = match id {
        "alpine" => {
            let mut parts = version.split('.');
            let numbers = parts.next().zip(parts.next());
            let release = numbers.filter(|_| !version.contains(['_', '-']));
            match release {
                Some((major, minor)) => format!("Alpine:v{major}.{minor}"),
                // `3.23_alpha20250612` is edge.
                None => "Alpine:edge".to_owned(),
            }
        }
        "debian" if !major.is_empty() => format!("Debian:{major}"),
        "ubuntu" if !version.is_empty() => format!("Ubuntu:{version}"),
        "almalinux" if !major.is_empty() => format!("AlmaLinux:{major}"),
        "rhel" if !major.is_empty() => format!("Red Hat:enterprise_linux:{major}"),
        "rocky" if !major.is_empty() => format!("Rocky Linux:{major}"),
        "wolfi" => "Wolfi".to_owned(),
        "chainguard" => "Chainguard".to_owned(),
        _ => return None,
    };
    Some(Ecosystem::read(&text))
}

/// Returns the ecosystem of a package URL type; `None` for distribution packages and types without
/// an OSV ecosystem.
pub fn of_purl_type(kind: &str) -> Option<Ecosystem> {
    let name = match kind {
        "bitnami" => "Bitnami",
        "cargo" => "crates.io",
        "composer" => "Packagist",
        "cran" => "CRAN",
        "gem" => "RubyGems",
        "golang" => "Go",
        "hackage" => "Hackage",
        "hex" => "Hex",
        "julia" => "Julia",
        "maven" => "Maven",
        "npm" => "npm",
        "nuget" => "NuGet",
        "pub" => "Pub",
        "pypi" => "PyPI",
        _ => return None,
    };
    Some(Ecosystem::read(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_ecosystem_has_one_name() {
        for (text, name) in [
            ("PyPI", "PyPI"),
            ("kubernetes", "Kubernetes"),
            ("Packagist:https://packages.drupal.org/8", "Packagist"),
            ("Ubuntu:22.04:LTS", "Ubuntu:22.04"),
            ("Ubuntu:Pro:22.04:LTS", "Ubuntu:Pro:22.04"),
            ("Alpine", "Alpine:edge"),
            ("Alpine:v3.18", "Alpine:v3.18"),
            ("Red Hat:enterprise_linux:9::baseos", "Red Hat:enterprise_linux:9"),
            ("Red Hat:rhel_eus:9.2::baseos", "Red Hat:rhel_eus:9.2::baseos"),
            ("opam", "opam"),
        ] {
            assert_eq!(Ecosystem::read(text).as_str(), name);
        }
    }

    #[test]
    fn a_release_has_its_order() {
        for (text, order) in [
            ("Alpine:v3.9", Some(Order::Apk2)),
            ("Alpine:v3.22", Some(Order::Apk2)),
            ("Alpine:v3.23", Some(Order::Apk3)),
            ("Alpine", Some(Order::Apk3)),
            ("Debian:11", Some(Order::Deb)),
            ("Go", Some(Order::Go)),
            ("opam", None),
        ] {
            assert_eq!(Ecosystem::read(text).order(), order, "{text}");
        }
    }

    #[test]
    fn distributions_are_found_by_what_they_say_of_themselves() {
        for (id, version, wanted) in [
            ("debian", "11", Some("Debian:11")),
            ("alpine", "3.18.9", Some("Alpine:v3.18")),
            ("alpine", "3.23_alpha20250612", Some("Alpine:edge")),
            ("ubuntu", "22.04", Some("Ubuntu:22.04")),
            ("rocky", "9.3", Some("Rocky Linux:9")),
            ("rhel", "9.4", Some("Red Hat:enterprise_linux:9")),
            // sid is not a release.
            ("debian", "", None),
            ("arch", "", None),
        ] {
            let found = of_distribution(id, version);
            assert_eq!(found.as_ref().map(Ecosystem::as_str), wanted, "{id} {version}");
        }
    }

    #[test]
    fn names_are_filed_as_their_registry_compares_them() {
        let name = |ecosystem: &str, name: &str| Ecosystem::read(ecosystem).package(name);
        assert_eq!(name("PyPI", "Zope._Interface"), "zope-interface");
        assert_eq!(name("NuGet", "Newtonsoft.Json"), "newtonsoft.json");
        assert_eq!(name("npm", "JSONStream"), "JSONStream");
        assert_eq!(name("Go", "github.com/Masterminds/goutils"), "github.com/Masterminds/goutils");
    }
}
