//! File types by name.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::Path;

/// The type of a file according to its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Named {
    /// YAML or JSON.
    Manifest,
    /// Read if it is a kubeconfig file.
    Kubeconfig,
    /// Instructions that build an image.
    Dockerfile,
    /// A template for YAML.
    Template,
    /// Anything else.
    Other,
}

/// Returns the last part of a path, even if it is not valid UTF-8.
pub(crate) fn of(path: &Path) -> Cow<'_, str> {
    path.file_name().map_or(Cow::Borrowed(""), OsStr::to_string_lossy)
}

/// Returns the type of a file by its name.
pub(crate) fn named(name: &str) -> Named {
    let lower = name.to_ascii_lowercase();
    let extension = lower.rsplit_once('.').map_or("", |(_, extension)| extension);
    let template = matches!(
        extension,
        "tmpl" | "tpl" | "gotmpl" | "template" | "j2" | "jinja" | "jinja2" | "erb" | "mustache"
    );
    if template {
        return Named::Template;
    }
    let stem = lower.split('.').next().unwrap_or("");
    if matches!(extension, "dockerfile" | "containerfile")
        || matches!(stem, "dockerfile" | "containerfile")
            && !matches!(extension, "dockerignore" | "md" | "yaml" | "yml" | "json" | "in" | "m4")
    {
        return Named::Dockerfile;
    }
    match extension {
        "yaml" | "yml" | "json" => Named::Manifest,
        "conf" | "kubeconfig" => Named::Kubeconfig,
        "" if lower == "kubeconfig" => Named::Kubeconfig,
        _ => Named::Other,
    }
}

/// The names of a kustomization file, in kustomize's order.
pub(crate) const KUSTOMIZATION: [&str; 3] =
    ["kustomization.yaml", "kustomization.yml", "Kustomization"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_a_file_is() {
        let cases = [
            ("a.yaml", Named::Manifest),
            ("A.YML", Named::Manifest),
            ("b.json", Named::Manifest),
            ("b.yaml.tmpl", Named::Template),
            ("b.yaml.j2", Named::Template),
            ("Dockerfile", Named::Dockerfile),
            ("Dockerfile.prod", Named::Dockerfile),
            ("web.dockerfile", Named::Dockerfile),
            ("Containerfile", Named::Dockerfile),
            ("Dockerfile.dockerignore", Named::Other),
            ("Dockerfile.md", Named::Other),
            ("Dockerfile.tmpl", Named::Template),
            ("dockerfile.yaml", Named::Manifest),
            ("admin.conf", Named::Kubeconfig),
            ("kubeconfig", Named::Kubeconfig),
            ("prod.kubeconfig", Named::Kubeconfig),
            ("config", Named::Other),
            ("main.go", Named::Other),
        ];
        for (name, expected) in cases {
            assert_eq!(named(name), expected, "{name}");
        }
    }
}
