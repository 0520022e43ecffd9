//! Package URLs ([ECMA-427]): `pkg:deb/debian/curl@7.50.3-1?arch=i386`.
//!
//! Each type is one row of [`types`], with its rules for each part. Unknown types are accepted
//! unchanged, since new types are registered all the time.
//!
//! [ECMA-427]: https://ecma-international.org/publications-and-standards/standards/ecma-427/

mod types;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The type whose name is a path; its namespace is only the host.
const GIT: &str = "git";

/// A package URL with decoded and normalized parts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Purl {
    kind: String,
    namespace: String,
    name: String,
    version: String,
    qualifiers: BTreeMap<String, String>,
    subpath: String,
}

/// Why a package URL is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PurlError {
    /// It does not start with `pkg:`.
    #[error("a package URL starts with `pkg:`")]
    Scheme,
    /// The type is missing or has an invalid character.
    #[error(
        "`{0}` is not a package type: use letters, digits, `.`, `+` and `-`, starting with a letter"
    )]
    Kind(String),
    /// A required part is missing.
    #[error("a package URL of the type `{kind}` needs a {part}")]
    Missing {
        /// The type.
        kind: String,
        /// The part.
        part: &'static str,
    },
    /// The type does not allow a namespace.
    #[error("a package URL of the type `{0}` has no namespace")]
    Namespace(String),
    /// A part is not valid for the type.
    #[error("`{text}` is not a {part} of the type `{kind}`")]
    Part {
        /// The type.
        kind: String,
        /// The part.
        part: &'static str,
        /// The text of the part.
        text: String,
    },
    /// A qualifier key is invalid or not unique.
    #[error(
        "`{0}` is not a qualifier: use letters, digits, `.`, `-` and `_`, starting with a letter, \
         each only once"
    )]
    Qualifier(String),
    /// A percent sign is not followed by two hexadecimal digits, or the bytes are not UTF-8.
    #[error("`{0}` is not percent-encoded UTF-8")]
    Encoding(String),
}

impl Purl {
    /// Returns a package URL, normalized by the rules of its type. `namespace` may have several
    /// segments separated by `/`. Empty strings stand for absent parts.
    ///
    /// # Errors
    /// A part is missing, not allowed, or not valid for the type.
    pub fn new(
        kind: &str,
        namespace: &str,
        name: &str,
        version: &str,
        qualifiers: impl IntoIterator<Item = (String, String)>,
        subpath: &str,
    ) -> Result<Self, PurlError> {
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+');
        if !kind.starts_with(|c: char| c.is_ascii_alphabetic()) || !kind.chars().all(valid) {
            return Err(PurlError::Kind(kind.to_owned()));
        }
        let mut kept = BTreeMap::new();
        for (key, value) in qualifiers {
            let key = key.to_ascii_lowercase();
            let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            if !key.starts_with(|c: char| c.is_ascii_alphabetic()) || !key.chars().all(valid) {
                return Err(PurlError::Qualifier(key));
            }
            if !value.is_empty() && kept.insert(key.clone(), value).is_some() {
                return Err(PurlError::Qualifier(key));
            }
        }
        let mut purl = Self {
            kind: kind.to_ascii_lowercase(),
            namespace: segments(namespace).collect::<Vec<_>>().join("/"),
            name: name.to_owned(),
            version: version.to_owned(),
            qualifiers: kept,
            subpath: segments(subpath).filter(|s| !is_dots(s)).collect::<Vec<_>>().join("/"),
        };
        if purl.name.is_empty() {
            return Err(PurlError::Missing { kind: purl.kind, part: "name" });
        }
        types::normalize(&mut purl)?;
        Ok(purl)
    }

    /// Returns the type in lower case: `deb`, `npm`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Returns the namespace, segments separated by `/`; may be empty.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the version; may be empty.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Returns the qualifiers by key.
    pub fn qualifiers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.qualifiers.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Returns the value of a qualifier.
    pub fn qualifier(&self, key: &str) -> Option<&str> {
        self.qualifiers.get(key).map(String::as_str)
    }

    /// Returns the path inside the package; may be empty.
    pub fn subpath(&self) -> &str {
        &self.subpath
    }
}

/// Returns the non-empty segments of a path.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

fn is_dots(segment: &str) -> bool {
    matches!(segment, "." | "..")
}

impl FromStr for Purl {
    type Err = PurlError;

    /// Accepts parts in any letter case.
    fn from_str(text: &str) -> Result<Self, PurlError> {
        let (rest, subpath) = text.rsplit_once('#').unwrap_or((text, ""));
        let (rest, qualifiers) = rest.rsplit_once('?').unwrap_or((rest, ""));
        let (scheme, rest) = rest.split_once(':').ok_or(PurlError::Scheme)?;
        if !scheme.eq_ignore_ascii_case("pkg") {
            return Err(PurlError::Scheme);
        }
        let rest = rest.trim_start_matches('/');
        let Some((kind, rest)) = rest.split_once('/') else {
            return Err(PurlError::Kind(rest.to_owned()));
        };
        let rest = rest.trim_matches('/');
        // An npm scope may have an unencoded `@`: the version follows the last name.
        let (path, version) = match rest.rsplit_once('@') {
            Some((path, version)) if !version.contains('/') => (path, version),
            _ => (rest, ""),
        };
        let parts = if kind.eq_ignore_ascii_case(GIT) {
            path.split_once('/')
        } else {
            path.rsplit_once('/')
        };
        let (namespace, name) = parts.unwrap_or(("", path));
        let qualifiers = qualifiers.split('&').filter(|pair| !pair.is_empty());
        let qualifiers: Vec<_> = qualifiers
            .map(|pair| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((key.to_owned(), decoded(value)?))
            })
            .collect::<Result<_, PurlError>>()?;
        let path = |text: &str| {
            let parts: Vec<_> = segments(text).map(decoded).collect::<Result<_, _>>()?;
            Ok::<_, PurlError>(parts.join("/"))
        };
        Self::new(
            kind,
            &path(namespace)?,
            &decoded(name)?,
            &decoded(version)?,
            qualifiers,
            &path(subpath)?,
        )
    }
}

impl fmt::Display for Purl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pkg:{}", self.kind)?;
        for segment in segments(&self.namespace) {
            write!(f, "/{}", Encoded(segment))?;
        }
        if self.kind == GIT {
            for segment in segments(&self.name) {
                write!(f, "/{}", Encoded(segment))?;
            }
        } else {
            write!(f, "/{}", Encoded(&self.name))?;
        }
        if !self.version.is_empty() {
            write!(f, "@{}", Encoded(&self.version))?;
        }
        for (index, (key, value)) in self.qualifiers().enumerate() {
            let mark = if index == 0 { '?' } else { '&' };
            write!(f, "{mark}{key}={}", Encoded(value))?;
        }
        for (index, segment) in segments(&self.subpath).enumerate() {
            let mark = if index == 0 { '#' } else { '/' };
            write!(f, "{mark}{}", Encoded(segment))?;
        }
        Ok(())
    }
}

/// A percent-encoded part; only letters, digits and `.-_~:` are not encoded.
struct Encoded<'a>(&'a str);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' | b':' => {
                    write!(f, "{}", char::from(byte))?;
                }
                _ => write!(f, "%{byte:02X}")?,
            }
        }
        Ok(())
    }
}

fn decoded(text: &str) -> Result<String, PurlError> {
    let wrong = || PurlError::Encoding(text.to_owned());
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || rest.next().and_then(|b| char::from(b).to_digit(16));
            let (high, low) = (digit().ok_or_else(wrong)?, digit().ok_or_else(wrong)?);
            bytes.push((high * 16 + low) as u8);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}
