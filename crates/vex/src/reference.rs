//! Image references as written by users and in documents.

const HUB: &str = "docker.io";

#[derive(Debug, Clone, Copy)]
pub(crate) struct Reference<'a> {
    pub repository: &'a str,
    pub tag: Option<&'a str>,
    pub digest: Option<&'a str>,
}

impl<'a> Reference<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) if is_digest(digest) => (name, Some(digest)),
            _ => (text, None),
        };
        match name.rsplit_once(':') {
            // A port is not a tag.
            Some((repository, tag)) if !tag.contains('/') => {
                Self { repository, tag: Some(tag), digest }
            }
            _ => Self { repository: name, tag: None, digest },
        }
    }
}

pub(crate) fn is_digest(text: &str) -> bool {
    text.starts_with("sha256:") || text.starts_with("sha512:")
}

/// Returns the repository with its registry: `nginx` is `docker.io/library/nginx`.
pub(crate) fn full(repository: &str) -> String {
    let is_host = |text: &str| text.contains(['.', ':']) || text == "localhost";
    let (host, path) = match repository.split_once('/') {
        Some((host, path)) if is_host(host) => (host, path),
        _ => (HUB, repository),
    };
    match host {
        HUB | "index.docker.io" | "registry-1.docker.io" if path.contains('/') => {
            format!("{HUB}/{path}")
        }
        HUB | "index.docker.io" | "registry-1.docker.io" => format!("{HUB}/library/{path}"),
        host => format!("{host}/{path}"),
    }
}
