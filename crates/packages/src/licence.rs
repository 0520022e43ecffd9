//! Licences as SPDX expressions ([SPDX 2.3], Annex D).
//!
//! Unambiguous spellings are converted: another letter case, short names of Debian and Fedora,
//! names of trove classifiers. Ambiguous ones ("BSD", "GPL") are not.
//!
//! [SPDX 2.3]: https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/

use spdx::identifiers::{EXCEPTIONS, LICENSES};
use spdx::{Expression, ParseMode};

/// Longer texts are not licence names.
const MAX_LENGTH: usize = 2000;

/// Unambiguous licence names in lower case.
const NAMES: &[(&str, &str)] = &[
    ("apache 2.0", "Apache-2.0"),
    ("apache license 2.0", "Apache-2.0"),
    ("apache license, version 2.0", "Apache-2.0"),
    ("apache-2", "Apache-2.0"),
    ("apache2", "Apache-2.0"),
    ("apache2.0", "Apache-2.0"),
    ("asl 2.0", "Apache-2.0"),
    ("bsd-2", "BSD-2-Clause"),
    ("bsd-3", "BSD-3-Clause"),
    ("boost-1.0", "BSL-1.0"),
    ("cc0", "CC0-1.0"),
    ("cc0 1.0 universal (cc0 1.0) public domain dedication", "CC0-1.0"),
    ("expat", "MIT"),
    ("gnu affero general public license v3", "AGPL-3.0-only"),
    ("gnu affero general public license v3 or later (agplv3+)", "AGPL-3.0-or-later"),
    ("gnu general public license v2 (gplv2)", "GPL-2.0-only"),
    ("gnu general public license v2 or later (gplv2+)", "GPL-2.0-or-later"),
    ("gnu general public license v3 (gplv3)", "GPL-3.0-only"),
    ("gnu general public license v3 or later (gplv3+)", "GPL-3.0-or-later"),
    ("gnu lesser general public license v2 (lgplv2)", "LGPL-2.0-only"),
    ("gnu lesser general public license v2 or later (lgplv2+)", "LGPL-2.0-or-later"),
    ("gnu lesser general public license v3 (lgplv3)", "LGPL-3.0-only"),
    ("gnu lesser general public license v3 or later (lgplv3+)", "LGPL-3.0-or-later"),
    ("gplv2", "GPL-2.0-only"),
    ("gplv2+", "GPL-2.0-or-later"),
    ("gplv3", "GPL-3.0-only"),
    ("gplv3+", "GPL-3.0-or-later"),
    ("isc license (iscl)", "ISC"),
    ("lgplv2", "LGPL-2.0-only"),
    ("lgplv2+", "LGPL-2.0-or-later"),
    ("lgplv3", "LGPL-3.0-only"),
    ("lgplv3+", "LGPL-3.0-or-later"),
    ("mit license", "MIT"),
    ("mit/x11", "MIT"),
    ("mozilla public license 2.0 (mpl 2.0)", "MPL-2.0"),
    ("mplv2.0", "MPL-2.0"),
    ("psf-2", "PSF-2.0"),
    ("the unlicense (unlicense)", "Unlicense"),
];

/// Families for which SPDX separates "only" and "or later" identifiers, and Debian appends a `+`.
const FAMILIES: [&str; 4] = ["AGPL", "GFDL", "GPL", "LGPL"];

/// Converts a text to an expression; `None` if it is ambiguous.
pub(crate) fn expression(text: &str) -> Option<String> {
    let text = text.trim();
    if text.is_empty() || text.len() > MAX_LENGTH {
        return None;
    }
    if let Some(one) = named(text) {
        return Some(one);
    }
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let mut written = String::new();
    let mut is_exception = false;
    for word in spaced.split_whitespace() {
        let word = match &*word.to_ascii_uppercase() {
            "AND" | "OR" | "WITH" | "(" | ")" => word.to_ascii_uppercase(),
            _ if is_exception => exception(word)?,
            _ => named(word)?,
        };
        is_exception = word == "WITH";
        let is_close = word == ")" || written.ends_with('(') || written.is_empty();
        written.push_str(if is_close { "" } else { " " });
        written.push_str(&word);
    }
    const MODE: ParseMode = ParseMode {
        allow_slash_as_or_operator: false,
        allow_imprecise_license_names: false,
        allow_postfix_plus_on_gpl: true,
        allow_deprecated: true,
        allow_unknown: false,
    };
    Expression::parse_mode(&written, MODE).ok()?;
    Some(written)
}

/// Returns the identifier of one licence.
fn named(name: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    if let Some((_, id)) = NAMES.iter().find(|(name, _)| *name == lower) {
        return Some((*id).to_owned());
    }
    if let Some(reference) = name.strip_prefix("LicenseRef-") {
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        return (!reference.is_empty() && reference.chars().all(valid)).then(|| name.to_owned());
    }
    let (bare, or_later) = match name.strip_suffix('+') {
        Some(bare) => (bare, true),
        None => (name, false),
    };
    if let Some((family, version)) = bare.split_once('-')
        && FAMILIES.iter().any(|known| known.eq_ignore_ascii_case(family))
    {
        let minor = if version.contains('.') { "" } else { ".0" };
        let end = if or_later { "or-later" } else { "only" };
        let found = identifier(&format!("{family}-{version}{minor}-{end}"));
        if found.is_some() {
            return found;
        }
    }
    identifier(name).or_else(|| identifier(bare).filter(|_| or_later).map(|id| format!("{id}+")))
}

fn identifier(name: &str) -> Option<String> {
    let found = LICENSES.iter().find(|known| known.name.eq_ignore_ascii_case(name));
    // The crate also accepts two words that are not licences.
    found
        .map(|known| known.name.to_owned())
        .filter(|name| !matches!(&**name, "NOASSERTION" | "NONE"))
}

fn exception(name: &str) -> Option<String> {
    let found = EXCEPTIONS.iter().find(|known| known.name.eq_ignore_ascii_case(name));
    found.map(|known| known.name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_clear_becomes_an_expression() {
        for (text, expect) in [
            ("MIT", Some("MIT")),
            ("mit", Some("MIT")),
            ("(MIT OR Apache-2.0)", Some("(MIT OR Apache-2.0)")),
            ("MIT and bsd-3-clause", Some("MIT AND BSD-3-Clause")),
            ("GPL-2+", Some("GPL-2.0-or-later")),
            ("GPL-2", Some("GPL-2.0-only")),
            ("LGPL-2.1+ or Expat", Some("LGPL-2.1-or-later OR MIT")),
            (
                "GPL-2.0-or-later WITH classpath-exception-2.0",
                Some("GPL-2.0-or-later WITH Classpath-exception-2.0"),
            ),
            ("MPL-1.1+", Some("MPL-1.1+")),
            ("GFDL-1.3", Some("GFDL-1.3-only")),
            ("Apache License, Version 2.0", Some("Apache-2.0")),
            ("MIT License", Some("MIT")),
            ("LicenseRef-own", Some("LicenseRef-own")),
            // Ambiguous or not a licence.
            ("BSD", None),
            ("GPL", None),
            ("MIT OR", None),
            ("MIT AND UNKNOWN", None),
            ("SEE LICENSE IN LICENSE.md", None),
            ("NOASSERTION", None),
            ("", None),
            ("((((", None),
            ("LicenseRef-", None),
        ] {
            assert_eq!(expression(text).as_deref(), expect, "{text}");
        }
        assert_eq!(expression(&"(".repeat(100_000)), None);
    }
}
