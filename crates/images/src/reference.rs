//! Image references: the grammar of github.com/distribution/reference, interpreted like the kubelet
//! does.

use pavisade_snapshot::Container;

use crate::trigger;

/// A parsed image reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference<'a> {
    /// The registry with its port, as written. `None` is Docker Hub.
    domain: Option<&'a str>,
    path: &'a str,
    /// The tag, if any.
    pub tag: Option<&'a str>,
    /// The digest, if any: `sha256:…`.
    pub digest: Option<&'a str>,
}

/// The value of an image field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Image<'a> {
    /// A valid reference.
    Reference(Reference<'a>),
    /// No value: a patch, or a container that the kubelet does not start.
    Absent,
    /// Not a valid reference, or not yet. Contains the reason.
    Unclear(String),
}

/// Returns the image of a container.
pub fn of(container: Container<'_>) -> Image<'_> {
    if trigger::fills_in(container) {
        return Image::Unclear(
            "an OpenShift image trigger sets the image from an ImageStream".into(),
        );
    }
    let Some(value) = container.at(&["image"]).filter(|v| !v.is_null()) else {
        return Image::Absent;
    };
    match value.as_str() {
        Some("") => Image::Absent,
        Some("auto") if is_injected(container) => Image::Unclear(
            "`auto` is replaced by Istio's injection webhook with the proxy's image".into(),
        ),
        Some(text) => read(text),
        None => Image::Unclear(format!("the image is {}, not a string", value.kind().name())),
    }
}

/// Whether Istio's webhook sets the image of the container from its template (`image: auto`).
pub fn is_injected(container: Container<'_>) -> bool {
    const MARKS: [&str; 2] = ["sidecar.istio.io/inject", "inject.istio.io/templates"];
    let pod = container.pod();
    container.image() == "auto"
        && (container.name() == "istio-proxy"
            || pod.labels().any(|(key, _)| MARKS.contains(&key))
            || MARKS.iter().any(|mark| pod.annotation(mark).is_some()))
}

/// Parses the value of an image field or of a `FROM`.
pub fn read(text: &str) -> Image<'_> {
    if let Some(reference) = Reference::parse(text) {
        return Image::Reference(reference);
    }
    Image::Unclear(if text.starts_with("ko://") {
        format!("`{text}` is replaced by ko with the image that it builds")
    } else if text.contains(['$', '{', '<', '%']) && Reference::parse_loose(text) {
        format!("`{text}` is a template that is rendered later")
    } else {
        format!("`{text}` is not a valid image reference, so it cannot be pulled")
    })
}

/// Returns registry and repository of a reference, even if its tag is filled in later:
/// `docker.io/library/nginx`.
pub fn name(text: &str) -> Option<String> {
    let open = |tag: &str| tag.contains(['$', '{', '<', '%']);
    let reference = Reference::parse(text).or_else(|| {
        // The braces of a template may contain colons and slashes.
        let end = text.find(['$', '{', '<', '%'])?;
        let (name, tag) = (text.get(..end)?, text.get(end..)?);
        Reference::parse(name.strip_suffix(':').filter(|_| open(tag))?)
    })?;
    Some(format!("{}/{}", reference.registry(), reference.repository()))
}

impl<'a> Reference<'a> {
    /// Parses a complete reference. `None` if it is invalid.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        // A colon before the last slash belongs to the port.
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (rest, None),
        };
        let (domain, path) = match name.split_once('/') {
            Some((first, path)) if is_registry(first) => (Some(first), path),
            _ => (None, name),
        };
        let good = domain.is_none_or(is_domain)
            && is_path(path)
            // The length of the repository's name with its domain is limited, as are the tag and
            // the digest.
            && name.len() <= 255
            && tag.is_none_or(is_tag)
            && digest.is_none_or(is_digest)
            // An image ID is rejected: it could be mistaken for a name.
            && !(domain.is_none() && path.len() == 64 && is_hex(path));
        good.then_some(Self { domain, path, tag, digest })
    }

    /// Whether the text has no whitespace, or is a template.
    fn parse_loose(text: &str) -> bool {
        !text.contains(char::is_whitespace) || text.contains("{{")
    }

    /// Returns the registry's host and port in lower case. Docker Hub is `docker.io`.
    pub fn registry(self) -> String {
        match self.domain {
            None => "docker.io".into(),
            Some(domain) if domain.eq_ignore_ascii_case("index.docker.io") => "docker.io".into(),
            Some(domain) => domain.to_ascii_lowercase(),
        }
    }

    /// Returns the repository within its registry, including `library/` on Docker Hub.
    pub fn repository(self) -> String {
        if self.registry() == "docker.io" && !self.path.contains('/') {
            format!("library/{}", self.path)
        } else {
            self.path.into()
        }
    }

    /// Returns the canonical form of what is pulled: with registry, `library/`, and the digest if
    /// there is one, otherwise the tag.
    pub fn canonical(self) -> String {
        let (registry, repository) = (self.registry(), self.repository());
        match self.digest {
            Some(digest) => format!("{registry}/{repository}@{digest}"),
            None => format!("{registry}/{repository}:{}", self.effective_tag()),
        }
    }

    /// Returns the tag that is pulled if there is no digest.
    pub fn effective_tag(self) -> &'a str {
        self.tag.unwrap_or("latest")
    }

    /// Whether the tag is mutable by its name: `latest`, `main`, `stable-alpine`. A tag with a
    /// number in it (`edge-20.9.2`, `main-4f2a`) refers to one build.
    pub fn moves(self) -> bool {
        self.moves_by(&MOVING)
    }

    /// Like [`Reference::moves`], with custom words.
    pub fn moves_by(self, words: &[impl AsRef<str>]) -> bool {
        let tag = self.effective_tag();
        self.digest.is_none()
            && !tag.bytes().any(|b| b.is_ascii_digit())
            && tag
                .split(['-', '_', '.'])
                .any(|part| words.iter().any(|word| part.eq_ignore_ascii_case(word.as_ref())))
    }
}

/// Words in mutable tags.
const MOVING: [&str; 22] = [
    "latest",
    "main",
    "master",
    "trunk",
    "head",
    "tip",
    "edge",
    "nightly",
    "daily",
    "weekly",
    "dev",
    "devel",
    "develop",
    "development",
    "canary",
    "snapshot",
    "unstable",
    "stable",
    "testing",
    "rolling",
    "lts",
    "mainline",
];

/// Returns [`MOVING`] as the default of a parameter.
pub fn moving() -> Vec<String> {
    MOVING.map(str::to_owned).to_vec()
}

/// Returns the text after `@` if it is not a valid digest. Such an image cannot be pulled.
/// Templates, and algorithms that OCI's image specification does not register, are not reported.
pub fn broken_digest(text: &str) -> Option<&str> {
    let (name, digest) = text.split_once('@')?;
    let open = text.contains(['$', '{', '<', '%', '*']) || text.contains(char::is_whitespace);
    let length = match digest.split_once(':') {
        Some(("sha256" | "blake3", _)) => 64,
        Some(("sha384", _)) => 96,
        Some(("sha512", _)) => 128,
        Some(_) => return None,
        None => 0,
    };
    let good = digest.split_once(':').is_some_and(|(_, hex)| hex.len() == length && is_hex(hex));
    (!open && !good && Reference::parse(name).is_some()).then_some(digest)
}

/// Whether the first part of a name is a registry and not a Docker Hub user.
pub fn is_registry(first: &str) -> bool {
    first.contains(['.', ':'])
        || first == "localhost"
        || first.bytes().any(|b| b.is_ascii_uppercase())
}

fn is_domain(domain: &str) -> bool {
    let (host, port) = match domain.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (domain, None),
    };
    let is_label = |label: &str| {
        let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
        edge(label.bytes().next())
            && edge(label.bytes().last())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let good_host = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(ip) => !ip.is_empty() && ip.bytes().all(|b| b.is_ascii_hexdigit() || b == b':'),
        None => host.split('.').all(is_label),
    };
    good_host && port.is_none_or(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()))
}

fn is_path(path: &str) -> bool {
    path.split('/').all(|component| {
        let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let edge = |b: Option<u8>| b.is_some_and(alphanumeric);
        let mut separators = component.split(|c: char| c.is_ascii() && alphanumeric(c as u8));
        edge(component.bytes().next())
            && edge(component.bytes().last())
            && separators
                .all(|s| matches!(s, "" | "." | "_" | "__") || s.bytes().all(|b| b == b'-'))
    })
}

fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    (1..=128).contains(&tag.len())
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|b| word(b) || b == b'.' || b == b'-')
}

fn is_digest(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else { return false };
    let length = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return false,
    };
    hex.len() == length && is_hex(hex)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn references_are_taken_apart() {
        let digest = format!("r.example:5000/a/b@{SHA}");
        let both = format!("a:1@{SHA}");
        let cases: [(&str, &str, &str, Option<&str>, bool); 12] = [
            ("nginx", "docker.io", "library/nginx", None, false),
            ("nginx:1.29", "docker.io", "library/nginx", Some("1.29"), false),
            ("index.docker.io/library/a", "docker.io", "library/a", None, false),
            ("docker.io/a", "docker.io", "library/a", None, false),
            ("user/a:b", "docker.io", "user/a", Some("b"), false),
            ("localhost/a", "localhost", "a", None, false),
            ("localhost:5000/a:t", "localhost:5000", "a", Some("t"), false),
            ("GHCR.io/a/b", "ghcr.io", "a/b", None, false),
            ("[::1]:5000/a:1", "[::1]:5000", "a", Some("1"), false),
            ("a__b/c--d/e.f:A_.-", "docker.io", "a__b/c--d/e.f", Some("A_.-"), false),
            (&digest, "r.example:5000", "a/b", None, true),
            (&both, "docker.io", "library/a", Some("1"), true),
        ];
        for (text, registry, repository, tag, digest) in cases {
            let r = Reference::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((&*r.registry(), &*r.repository()), (registry, repository), "{text}");
            assert_eq!((r.tag, r.digest.is_some()), (tag, digest), "{text}");
        }
    }

    #[test]
    fn a_tag_that_is_filled_in_later_leaves_the_name() {
        for (text, expected) in [
            ("nginx:1", Some("docker.io/library/nginx")),
            ("docker.io/aquasec/kube-bench:${VERSION}", Some("docker.io/aquasec/kube-bench")),
            ("r.example:5000/a:{{ .Values.a.b }}", Some("r.example:5000/a")),
            ("$(IMAGE)", None),
            ("${REGISTRY}/a:1", None),
            ("a${X}:1", None),
            ("ko://a.example/b", None),
        ] {
            assert_eq!(name(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn what_no_kubelet_can_pull_is_no_reference() {
        let (long_tag, long_name) = (format!("a:{}", "b".repeat(129)), "a/".repeat(128) + "a");
        let id = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        for text in [
            "",
            " a",
            "a ",
            "a:",
            "a@",
            "A/b:",
            "UPPER",
            "a//b",
            "/a",
            "a/",
            "a..b",
            "a___b",
            "a_-b",
            "-a",
            "a-",
            "a:.b",
            "a@sha256:12",
            "a@md5:d41d8cd98f00b204e9800998ecf8427e",
            "https://a.example/b",
            "r.example:port/a",
            "$(IMAGE)",
            "{{ .image }}",
            "a:${TAG}",
            "ko://example.com/cmd",
            id,
            &long_tag,
            &long_name,
        ] {
            assert_eq!(Reference::parse(text), None, "{text}");
        }
        assert!(matches!(read("a:${TAG}"), Image::Unclear(why) if why.contains("template")));
        assert!(
            matches!(read("UPPER"), Image::Unclear(why) if why.contains("not a valid image reference"))
        );
    }

    #[test]
    fn moving_tags_are_known_by_their_words() {
        let moves = |text: &str| Reference::parse(text).unwrap().moves();
        for text in ["a", "a:latest", "a:main", "a:latest-alpine", "a:stable_slim", "a:Master"] {
            assert!(moves(text), "{text}");
        }
        for text in ["a:1", "a:edge-20.9.2", "a:main-4f2a", "a:nightly-20260101", "a:domain"] {
            assert!(!moves(text), "{text}");
        }
        assert!(!moves(&format!("a:latest@{SHA}")));
        assert!(!moves(&format!("a@{SHA}")));
    }
}
