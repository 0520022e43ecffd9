//! Names of objects in options.

use pavisade_report::integrity::Container;

/// A ConfigMap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub namespace: String,
    pub name: String,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Whether a text can be the name of an object.
fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let label = |part: &str| !part.is_empty() && part.bytes().all(allowed);
    text.len() <= 253 && text.split('.').all(label)
}

/// Reads the option: names are parts of a URL.
pub(super) fn place(text: &str) -> Result<Place, String> {
    match text.split_once('/') {
        Some((namespace, name)) if is_name(namespace) && is_name(name) => {
            Ok(Place { namespace: namespace.to_owned(), name: name.to_owned() })
        }
        _ => Err("must be a namespace and a name: pavisade-integrity/integrity-digests".to_owned()),
    }
}

/// Reads the option `--container`.
pub(super) fn container(text: &str) -> Result<Container, String> {
    let parts: Vec<_> = text.split('/').collect();
    match parts[..] {
        [namespace, pod, name] if parts.iter().all(|part| is_name(part)) && !name.contains('.') => {
            Ok(Container {
                namespace: namespace.to_owned(),
                pod: pod.to_owned(),
                name: name.to_owned(),
            })
        }
        _ => Err("must be a namespace, a pod and a container: shop/web-0/app".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_namespace_and_a_name() {
        for (text, valid) in [
            ("a/b", true),
            ("pavisade-integrity/x.y-z", true),
            ("a", false),
            ("a/", false),
            ("/b", false),
            ("a/b/c", false),
            ("a/..", false),
            ("A/b", false),
            ("a/b?x", false),
        ] {
            assert_eq!(place(text).is_ok(), valid, "{text}");
        }
    }

    #[test]
    fn a_container_has_three_names() {
        for (text, valid) in [
            ("shop/web-0/app", true),
            ("shop/web.0/app", true),
            ("shop/web-0", false),
            ("shop/web-0/app.1", false),
            ("shop/web-0/", false),
            ("shop/web-0/a/b", false),
            ("shop/../app", false),
        ] {
            assert_eq!(container(text).is_ok(), valid, "{text}");
        }
    }
}
