//! The tag of an image reference, as the API server parses it (the reference grammar of
//! distribution). An invalid reference has no tag, not even `latest`.

/// Whether the default pull policy of the image is `Always`.
pub(super) fn is_latest(image: &str) -> bool {
    let (rest, digest) = match image.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (image, None),
    };
    // A colon before the last slash introduces a port.
    let slash = rest.rfind('/').map_or(0, |at| at + 1);
    let (name, tag) = match rest[slash..].split_once(':') {
        Some((last, tag)) => (&rest[..slash + last.len()], Some(tag)),
        None => (rest, None),
    };
    let readable = is_name(name) && tag.is_none_or(is_tag) && digest.is_none_or(is_digest);
    readable && tag.map_or(digest.is_none(), |tag| tag == "latest")
}

fn is_name(name: &str) -> bool {
    if name.len() == 64 && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return false;
    }
    let path = match name.split_once('/') {
        Some((domain, path)) if is_domain_like(domain) => {
            if !is_domain(domain) {
                return false;
            }
            path
        }
        _ => name,
    };
    path.split('/').all(is_path_component)
}

/// Whether the part before the first slash is a domain and not part of the path.
fn is_domain_like(text: &str) -> bool {
    text == "localhost" || text.contains(['.', ':']) || text.chars().any(char::is_uppercase)
}

fn is_domain(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (text, "0"),
    };
    let part = |part: &str| {
        let ends = !part.is_empty() && !part.starts_with('-') && !part.ends_with('-');
        ends && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host = match address {
        Some(v6) => !v6.is_empty() && v6.bytes().all(|b| b.is_ascii_hexdigit() || b == b':'),
        None => host.split('.').all(part),
    };
    host && !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())
}

/// Lower-case letters and digits, separated by a dot, one or two underscores, or hyphens.
fn is_path_component(text: &str) -> bool {
    let letter = |b: u8| b.is_ascii_digit() || b.is_ascii_lowercase();
    let bytes = text.as_bytes();
    let ends =
        bytes.first().is_some_and(|b| letter(*b)) && bytes.last().is_some_and(|b| letter(*b));
    let mut between = text.split(|c: char| c.is_ascii_digit() || c.is_ascii_lowercase());
    ends && between.all(|s| matches!(s, "" | "." | "_" | "__") || s.bytes().all(|b| b == b'-'))
}

fn is_tag(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let start = text.bytes().next().is_some_and(word);
    start && text.len() <= 128 && text.bytes().all(|b| word(b) || b == b'.' || b == b'-')
}

fn is_digest(text: &str) -> bool {
    let Some((algorithm, hex)) = text.split_once(':') else { return false };
    let parts = algorithm.split(['-', '_', '+', '.']);
    let algorithm = parts.into_iter().all(|part| {
        let start = part.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
        start && part.bytes().all(|b| b.is_ascii_alphanumeric())
    });
    algorithm && hex.len() >= 32 && hex.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latest_is_named_or_meant() {
        let hash = "a".repeat(64);
        for image in [
            "nginx",
            "nginx:latest",
            "docker.io/library/nginx",
            "localhost/x",
            "example.org:5000/a/b",
            "[::1]:5000/a",
            "a__b/c--d",
            "UPPER/x",
            &format!("x:latest@sha256:{hash}"),
        ] {
            assert!(is_latest(image), "{image}");
        }
        for image in [
            "nginx:1",
            "example.org:5000/a:v1",
            &format!("x@sha256:{hash}"),
            // Invalid references.
            "",
            "ko://example.org/x",
            "Nginx",
            "a/Nginx",
            "<image>",
            "a..b",
            "a___b",
            "nginx:",
            "nginx:-x",
            "x@sha256:aa",
            &hash,
        ] {
            assert!(!is_latest(image), "{image}");
        }
    }
}
