//! Platforms of images, as named by Go and containerd.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// The platform of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Platform {
    /// The operating system, such as `linux` or `windows`.
    #[serde(default)]
    pub os: String,
    /// The architecture, as named by Go: `amd64`, `arm64`.
    #[serde(default)]
    pub architecture: String,
    /// The CPU variant, such as `v7` or `v8`.
    #[serde(default)]
    pub variant: Option<String>,
}

/// The error for text that is not a platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a platform: use linux/amd64 or linux/arm64/v8")]
pub struct PlatformError(String);

impl Platform {
    /// Returns Linux on the architecture that this program was built for.
    pub fn here() -> Self {
        let architecture = go_name(std::env::consts::ARCH).to_owned();
        Self { os: "linux".to_owned(), architecture, variant: None }
    }

    /// Returns whether an image runs on this platform. Without a variant, any variant matches.
    pub(crate) fn takes(&self, image: &Self) -> bool {
        let any = self.variant.as_ref().is_none_or(String::is_empty);
        self.os == image.os
            && go_name(&self.architecture) == go_name(&image.architecture)
            && (any || self.variant() == image.variant())
    }

    /// Returns whether an image is for exactly this platform.
    pub(crate) fn is_same(&self, image: &Self) -> bool {
        self.takes(image) && self.variant() == image.variant()
    }

    /// Returns the variant, or the default of the architecture.
    fn variant(&self) -> &str {
        match (self.variant.as_deref().unwrap_or_default(), go_name(&self.architecture)) {
            ("", "arm64") => "v8",
            ("", "arm") => "v7",
            (said, _) => said,
        }
    }

    /// Returns whether this marks an attestation, which is stored as an image for no platform.
    pub(crate) fn is_none(&self) -> bool {
        self.os == "unknown" && self.architecture == "unknown"
    }
}

fn go_name(architecture: &str) -> &str {
    match architecture {
        "x86_64" | "x86-64" => "amd64",
        "aarch64" => "arm64",
        "x86" | "i386" => "386",
        "powerpc64le" => "ppc64le",
        other => other,
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let parts: Vec<_> = text.split('/').collect();
        let valid = |part: &&str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        };
        let (os, architecture, variant) = match &*parts {
            _ if !parts.iter().all(valid) => return Err(PlatformError(text.to_owned())),
            [os, architecture] => (os, architecture, None),
            [os, architecture, variant] => (os, architecture, Some((*variant).to_owned())),
            _ => return Err(PlatformError(text.to_owned())),
        };
        let architecture = go_name(architecture).to_owned();
        Ok(Self { os: os.to_lowercase(), architecture, variant })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) if !variant.is_empty() => write!(f, "/{variant}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_are_compared_as_they_are_meant() {
        for (asked, image, expect) in [
            ("linux/amd64", "linux/amd64", true),
            ("linux/x86_64", "linux/amd64", true),
            ("linux/amd64", "windows/amd64", false),
            ("linux/arm64", "linux/arm64/v8", true),
            ("linux/arm64/v8", "linux/arm64", true),
            ("linux/arm", "linux/arm/v6", true),
            ("linux/arm/v6", "linux/arm", false),
            ("linux/arm/v7", "linux/arm", true),
        ] {
            let [asked, image]: [Platform; 2] = [asked, image].map(|text| text.parse().unwrap());
            assert_eq!(asked.takes(&image), expect, "{asked} {image}");
        }
        for wrong in ["", "linux", "linux/", "a/b/c/d", "linux/amd 64"] {
            assert!(wrong.parse::<Platform>().is_err(), "{wrong}");
        }
    }
}
