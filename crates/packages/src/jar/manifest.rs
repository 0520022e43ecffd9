//! The main section of `META-INF/MANIFEST.MF` (JAR File Specification).

/// The attributes that identify an archive.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    vendor: String,
    bundle: String,
    versions: [String; 3],
    licence: String,
}

impl Manifest {
    pub(super) fn read(text: &str) -> Self {
        let mut manifest = Self::default();
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            // The sections of single files follow.
            if line.is_empty() {
                break;
            }
            let mut line = line.to_owned();
            while let Some(more) = lines.peek().and_then(|next| next.strip_prefix(' ')) {
                line.push_str(more);
                lines.next();
            }
            let Some((key, value)) = line.split_once(':') else { continue };
            let field = match key.to_ascii_lowercase().as_str() {
                "implementation-vendor-id" => &mut manifest.vendor,
                "bundle-symbolicname" => &mut manifest.bundle,
                "implementation-version" => &mut manifest.versions[0],
                "bundle-version" => &mut manifest.versions[1],
                "specification-version" => &mut manifest.versions[2],
                "bundle-license" => &mut manifest.licence,
                _ => continue,
            };
            value.trim().clone_into(field);
        }
        manifest
    }

    /// Returns the version, if it is valid.
    pub(super) fn version(&self) -> Option<&str> {
        let is_version = |text: &&String| {
            text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains(char::is_whitespace)
        };
        self.versions.iter().find(is_version).map(String::as_str)
    }

    /// Returns the group of an artifact.
    pub(super) fn group(&self, artifact: &str) -> Option<&str> {
        let is_group = |text: &&str| {
            text.contains('.')
                && !text.contains(|c: char| c.is_whitespace() || c == '$' || c == '/')
        };
        // `name;singleton:=true`
        let bundle = self.bundle.split(';').next().unwrap_or("").trim();
        let outer = bundle.strip_suffix(artifact).and_then(|outer| outer.strip_suffix('.'));
        Some(&*self.vendor).filter(is_group).or(outer.or(Some(bundle)).filter(is_group))
    }

    /// Returns the licence, unless it is a URL.
    pub(super) fn licence(&self) -> Option<String> {
        let first = self.licence.split([';', ',']).next().unwrap_or("").trim().trim_matches('"');
        let is_name = !first.is_empty() && !first.contains("://") && first.len() <= 64;
        is_name.then(|| first.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes() {
        let manifest = Manifest::read(
            "Manifest-Version: 1.0\r\nBundle-SymbolicName: org.exam\r\n ple.core;singleton:=true\r\n\
             Specification-Version: 1\r\nImplementation-Version: unknown\r\nBundle-License: \"MIT\";link=x\r\n\r\n\
             Name: a\r\nBundle-Version: 9\r\n",
        );
        assert_eq!(manifest.version(), Some("1"));
        assert_eq!(manifest.group("core"), Some("org.example"));
        assert_eq!(manifest.group("other"), Some("org.example.core"));
        assert_eq!(manifest.licence().as_deref(), Some("MIT"));
        assert_eq!(Manifest::read("").group("a"), None);
    }
}
