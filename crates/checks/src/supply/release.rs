//! Release numbers in tags: `v1.11.5`, `12-alpine3.9`, `3.19`.

/// The numbers at the start of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Release(Vec<u32>);

impl Release {
    /// Parses `v1.2.3`, `1.2-alpine`. `None` if the tag does not begin with a number, or is a
    /// pre-release (`-rc.1`), which belongs to neither release.
    pub(crate) fn read(tag: &str) -> Option<Self> {
        let text = tag.strip_prefix('v').unwrap_or(tag);
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (numbers, rest) = text.split_at(end);
        let pre = ["-rc", "-alpha", "-beta", "-dev", "-snapshot", "-pre"];
        let lower = rest.to_ascii_lowercase();
        // `12-alpine` is a variant, not a pre-release.
        let is_pre = pre.iter().any(|p| lower.starts_with(p)) && !lower.starts_with("-alpine");
        if is_pre || rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return None;
        }
        let parts = numbers.split('.').map(|part| part.parse().ok());
        Some(Self(parts.collect::<Option<Vec<_>>>()?))
    }

    /// Whether it begins with the numbers of a release.
    pub(crate) fn is_of(&self, release: &Self) -> bool {
        self.0.starts_with(&release.0)
    }

    /// Returns the first number.
    pub(crate) fn major(&self) -> u32 {
        self.0.first().copied().unwrap_or(0)
    }

    /// Returns major, minor and patch. `None` if the tag omits one, so that it is mutable.
    pub(crate) fn exact(&self) -> Option<(u32, u32, u32)> {
        match self.0[..] {
            [major, minor, patch, ..] => Some((major, minor, patch)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_begin_with_numbers() {
        for (tag, numbers) in [
            ("v1.11.5", &[1, 11, 5][..]),
            ("12-alpine3.9", &[12]),
            ("3.19", &[3, 19]),
            ("1.2.3@x", &[1, 2, 3]),
            ("8.0.36-debian", &[8, 0, 36]),
            ("2.4.0+sec1", &[2, 4, 0]),
        ] {
            assert_eq!(Release::read(tag), Some(Release(numbers.to_vec())), "{tag}");
        }
        for tag in ["latest", "1.2.3-rc.1", "1.2.3-alpha1", "3x", "1..2", "", "v1.2.3-beta", "4f2a"]
        {
            assert_eq!(Release::read(tag), None, "{tag}");
        }
        assert_eq!(Release::read("1.2").and_then(|r| r.exact()), None);
    }
}
