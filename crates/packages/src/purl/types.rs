//! The rules of each registered type for the parts of a package URL (purl-spec, `types/`).

use super::{Purl, PurlError};

/// Whether a type has namespaces.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Namespace {
    Required,
    Optional,
    Prohibited,
}
use Namespace::{Optional, Prohibited, Required};

/// The case-insensitive parts, which are normalized to lower case.
#[derive(Clone, Copy)]
struct Lower {
    namespace: bool,
    name: bool,
    version: bool,
}

const NONE: Lower = Lower { namespace: false, name: false, version: false };
const BOTH: Lower = Lower { namespace: true, name: true, version: false };
const NAME: Lower = Lower { namespace: false, name: true, version: false };
const NAMESPACE: Lower = Lower { namespace: true, name: false, version: false };
const ALL: Lower = Lower { namespace: true, name: true, version: true };

/// Each type with its namespace rule and case-insensitive parts.
const TYPES: &[(&str, Namespace, Lower)] = &[
    ("alpm", Required, BOTH),
    ("apk", Required, BOTH),
    ("bazel", Prohibited, NONE),
    ("bitbucket", Required, BOTH),
    ("bitnami", Prohibited, NAME),
    ("brew", Optional, BOTH),
    ("cargo", Prohibited, NONE),
    ("chrome-extension", Prohibited, NAME),
    ("cocoapods", Prohibited, NONE),
    ("composer", Required, BOTH),
    ("conan", Optional, NONE),
    ("conda", Prohibited, NONE),
    ("cpan", Optional, NONE),
    ("cran", Prohibited, NONE),
    ("deb", Required, BOTH),
    ("docker", Optional, NONE),
    ("gem", Prohibited, NONE),
    ("generic", Optional, NONE),
    ("git", Required, NONE),
    ("github", Required, BOTH),
    // The specification, which predates modules, requires a namespace, but other tools name the
    // standard library `pkg:golang/stdlib`.
    ("golang", Optional, NONE),
    ("hackage", Prohibited, NONE),
    ("hex", Optional, BOTH),
    ("huggingface", Required, Lower { namespace: false, name: false, version: true }),
    ("julia", Prohibited, NONE),
    ("luarocks", Optional, BOTH),
    ("maven", Required, NONE),
    ("mlflow", Prohibited, NONE),
    ("npm", Optional, NONE),
    ("nuget", Prohibited, NONE),
    ("oci", Prohibited, Lower { namespace: false, name: true, version: true }),
    ("opam", Prohibited, NONE),
    ("otp", Prohibited, NAME),
    ("pub", Prohibited, NAME),
    ("pypi", Prohibited, Lower { namespace: false, name: true, version: true }),
    ("qpkg", Required, NAMESPACE),
    ("rpm", Required, NAMESPACE),
    ("swid", Optional, NONE),
    ("swift", Required, NONE),
    ("vcpkg", Prohibited, NONE),
    ("vscode-extension", Required, ALL),
    ("yocto", Optional, NAMESPACE),
];

/// Normalizes the parts by the rules of the type.
pub(super) fn normalize(purl: &mut Purl) -> Result<(), PurlError> {
    let Some((_, namespace, lower)) = TYPES.iter().find(|(kind, ..)| *kind == purl.kind) else {
        return Ok(());
    };
    match namespace {
        Required if purl.namespace.is_empty() => return Err(missing(purl, "namespace")),
        Prohibited if !purl.namespace.is_empty() => {
            return Err(PurlError::Namespace(purl.kind.clone()));
        }
        _ => {}
    }
    let lower_if = |wanted: bool, part: &mut String| {
        if wanted {
            *part = part.to_lowercase();
        }
    };
    lower_if(lower.namespace, &mut purl.namespace);
    lower_if(lower.name, &mut purl.name);
    lower_if(lower.version, &mut purl.version);
    match purl.kind.as_str() {
        // PEP 503 also replaces dots; the type only underscores.
        "pypi" => purl.name = purl.name.replace('_', "-"),
        "hackage" => purl.name = purl.name.replace('_', "-"),
        "pub" => {
            let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
            purl.name = purl.name.chars().map(plain).collect();
        }
        // Hosts with case-insensitive paths.
        "git" if matches!(purl.namespace.as_str(), "github" | "github.com" | "bitbucket.org") => {
            purl.name = purl.name.to_lowercase();
        }
        // The namespace is the author's PAUSE ID; names are those of distributions, not modules.
        "cpan" => {
            purl.namespace = purl.namespace.to_uppercase();
            valid(purl, "name", &purl.name, !purl.name.contains("::"))?;
        }
        // Model names are case-insensitive on Databricks.
        "mlflow" if purl.qualifier("repository_url").is_some_and(|u| u.contains("databricks")) => {
            purl.name = purl.name.to_lowercase();
        }
        "chrome-extension" => {
            let name = &purl.name;
            let is_id =
                name.len() == 32 && name.bytes().all(|b| b.is_ascii_lowercase() && b <= b'p');
            valid(purl, "name", name, is_id)?;
            let part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            let parts: Vec<_> = purl.version.split('.').collect();
            let is_version = parts.len() <= 4 && parts.into_iter().all(part);
            valid(purl, "version", &purl.version, purl.version.is_empty() || is_version)?;
        }
        "julia" if purl.qualifier("uuid").is_none() => return Err(missing(purl, "uuid")),
        "swid" if purl.qualifier("tag_id").is_none() => return Err(missing(purl, "tag_id")),
        _ => {}
    }
    Ok(())
}

fn missing(purl: &Purl, part: &'static str) -> PurlError {
    PurlError::Missing { kind: purl.kind.clone(), part }
}

fn valid(purl: &Purl, part: &'static str, text: &str, is_valid: bool) -> Result<(), PurlError> {
    if is_valid {
        return Ok(());
    }
    Err(PurlError::Part { kind: purl.kind.clone(), part, text: text.to_owned() })
}
