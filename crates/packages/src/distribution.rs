//! The distribution of a root file system (`os-release(5)`).

/// A distribution and its version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Distribution {
    /// `ID`, such as `debian` or `alpine`; `linux` if not given.
    pub id: String,
    /// The words of `ID_LIKE`.
    pub like: Vec<String>,
    /// `VERSION_ID`; empty for rolling releases.
    pub version: String,
    /// `VERSION_CODENAME`; may be empty.
    pub codename: String,
    /// `PRETTY_NAME`, or else `NAME`.
    pub name: String,
}

impl Distribution {
    /// The paths of the file without a leading slash; the first one that exists counts.
    pub const PATHS: [&'static str; 2] = ["etc/os-release", "usr/lib/os-release"];

    /// Reads `os-release`. Lines that are not assignments are skipped, as in a shell.
    pub fn read(text: &str) -> Self {
        let mut found = Self { id: "linux".to_owned(), ..Self::default() };
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            let Some((key, value)) = line.split_once('=') else { continue };
            let value = unquoted(value.trim());
            match key.trim_end() {
                "ID" if !value.is_empty() => found.id = value.to_ascii_lowercase(),
                "ID_LIKE" => found.like = value.split_whitespace().map(str::to_owned).collect(),
                "VERSION_ID" => found.version = value,
                "VERSION_CODENAME" => found.codename = value,
                "PRETTY_NAME" => found.name = value,
                "NAME" if found.name.is_empty() => found.name = value,
                _ => {}
            }
        }
        found
    }

    /// Returns the `distro` qualifier of package URLs: `debian-12`.
    pub fn qualifier(&self) -> Option<String> {
        let version = [&self.version, &self.codename].into_iter().find(|v| !v.is_empty())?;
        Some(format!("{}-{version}", self.id))
    }
}

/// Removes quotes and the escapes inside them.
fn unquoted(value: &str) -> String {
    let quoted = |mark: char| {
        let inner = value.strip_prefix(mark)?;
        Some(inner.strip_suffix(mark).unwrap_or(inner))
    };
    if let Some(inner) = quoted('\'') {
        return inner.to_owned();
    }
    let inner = quoted('"').unwrap_or(value);
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner.chars();
    while let Some(c) = rest.next() {
        text.push(if c == '\\' { rest.next().unwrap_or(c) } else { c });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_escapes_comments_and_blanks() {
        let text = "# c\nNAME='Debian GNU/Linux'\n\tVERSION_ID=\"12\"\nID=Debian\nID_LIKE=\"a b\"\n\
                    PRETTY_NAME=\"A \\\"B\\\"\"\nnonsense\n";
        let found = Distribution::read(text);
        assert_eq!(found.id, "debian");
        assert_eq!(found.like, ["a", "b"]);
        assert_eq!(found.version, "12");
        assert_eq!(found.name, "A \"B\"");
        assert_eq!(found.qualifier().as_deref(), Some("debian-12"));
        assert_eq!(Distribution::read("").id, "linux");
        assert_eq!(Distribution::read("ID=arch\n").qualifier(), None);
    }
}
