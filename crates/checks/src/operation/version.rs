//! Versions of running components: `v1.30.4-eks-a737599`, `v1.31.2+k3s1`.

/// A version as reported by a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Running<'a> {
    /// Major, minor, patch.
    pub(super) number: (u32, u32, u32),
    /// The suffix: `-eks-a737599`, `+k3s1`, `-rc.1`. Mostly empty.
    pub(super) suffix: &'a str,
}

impl<'a> Running<'a> {
    /// Parses a version. `None` if it is invalid.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let end = text.find(['-', '+']).unwrap_or(text.len());
        let (numbers, suffix) = text.split_at(end);
        let mut parts = numbers.split('.').map(|part| part.parse::<u32>().ok());
        let number = (parts.next()??, parts.next()??, parts.next()??);
        parts.next().is_none().then_some(Self { number, suffix })
    }

    /// Whether it is a release of Kubernetes itself, or built from it without changes (k3s, RKE2).
    /// Others may contain backported fixes.
    pub(super) fn is_upstream(self) -> bool {
        self.suffix.is_empty()
            || self.suffix.starts_with("+k3s")
            || self.suffix.starts_with("+rke2")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vendors_write_behind_the_numbers() {
        for (text, number, suffix, upstream) in [
            ("v1.37.2", (1, 37, 2), "", true),
            ("1.37.2", (1, 37, 2), "", true),
            ("v1.30.4-eks-a737599", (1, 30, 4), "-eks-a737599", false),
            ("v1.30.4-gke.1282000", (1, 30, 4), "-gke.1282000", false),
            ("v1.31.2+k3s1", (1, 31, 2), "+k3s1", true),
            ("v1.31.2+rke2r1", (1, 31, 2), "+rke2r1", true),
            ("v1.29.6+aba1e8d", (1, 29, 6), "+aba1e8d", false),
            ("v1.38.0-rc.1", (1, 38, 0), "-rc.1", false),
        ] {
            let read = Running::read(text).unwrap();
            assert_eq!((read.number, read.suffix), (number, suffix), "{text}");
            assert_eq!(read.is_upstream(), upstream, "{text}");
        }
        for text in ["", "v1.37", "v1.37.2.1", "vX.1.2", "1.37+"] {
            assert_eq!(Running::read(text), None, "{text}");
        }
    }
}
