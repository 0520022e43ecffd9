//! Python requirements (PEP 508) and the versions they determine (PEP 440).

/// The trimmed parts of a requirement.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Requirement<'a> {
    pub(super) name: &'a str,
    /// Empty if the requirement determines no version.
    pub(super) version: &'a str,
    /// Whether the version is only a bound.
    pub(super) bound: bool,
    /// The URL after `@`.
    pub(super) address: &'a str,
}

/// Parses `name [extras] specifiers ; marker` or `name [extras] @ address ; marker`.
pub(super) fn requirement(text: &str) -> Result<Requirement<'_>, &'static str> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let end = text.find(|c| !is_of_name(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let is_edge = |c: char| c.is_ascii_alphanumeric();
    if !name.starts_with(is_edge) || !name.ends_with(is_edge) {
        return Err("it does not start with a package name");
    }
    let mut rest = rest.trim_start();
    if let Some(extras) = rest.strip_prefix('[') {
        let Some((_, behind)) = extras.split_once(']') else {
            return Err("the extras are not terminated");
        };
        rest = behind.trim_start();
    }
    if let Some(address) = rest.strip_prefix('@') {
        // A marker follows a blank, since a URL may contain a semicolon.
        let address = address.trim_start();
        let address = address.split([' ', '\t']).next().unwrap_or("");
        let address = address.strip_suffix(';').unwrap_or(address);
        if address.is_empty() {
            return Err("the address is missing");
        }
        return Ok(Requirement { name, version: "", bound: false, address });
    }
    let specifiers = rest.split(';').next().unwrap_or("").trim();
    let specifiers = match specifiers.strip_prefix('(') {
        Some(inner) => inner.strip_suffix(')').ok_or("a parenthesis is not closed")?,
        None => specifiers,
    };
    let (version, bound) = version(specifiers)?;
    Ok(Requirement { name, version, bound, address: "" })
}

/// Returns the version of `==`, or else that of a single bound.
fn version(specifiers: &str) -> Result<(&str, bool), &'static str> {
    let (mut exact, mut bound, mut count) = (None, None, 0);
    for specifier in specifiers.split(',').map(str::trim).filter(|text| !text.is_empty()) {
        count += 1;
        let operators = ["===", "==", ">=", "<=", "~=", "!=", "<", ">"];
        let operator = operators.into_iter().find(|operator| specifier.starts_with(operator));
        let Some(operator) = operator else { return Err("the version has no operator") };
        let version = specifier[operator.len()..].trim();
        if version.is_empty() {
            return Err("the version is missing");
        }
        if version.contains(char::is_whitespace) {
            return Err("unexpected text after the version");
        }
        match operator {
            "===" => exact = Some(version),
            "==" if !version.ends_with(".*") => exact = Some(version),
            ">=" | "<=" | "~=" => bound = Some(version),
            _ => {}
        }
    }
    Ok(match (exact, bound) {
        (Some(exact), _) => (exact, false),
        (None, Some(bound)) if count == 1 => (bound, true),
        _ => ("", false),
    })
}

/// Returns the name and version in the file name of a wheel (PEP 427) or source archive (PEP 625).
pub(super) fn of_archive(address: &str) -> Option<(&str, &str)> {
    let path = address.split(['#', '?']).next().unwrap_or(address);
    let file = path.rsplit(['/', '\\']).next()?;
    let (name, version) = match file.strip_suffix(".whl") {
        Some(stem) => {
            let parts: Vec<_> = stem.split('-').collect();
            let (5 | 6, [name, version, ..]) = (parts.len(), &parts[..]) else { return None };
            (*name, *version)
        }
        None => {
            let stem = [".tar.gz", ".zip", ".tar.bz2", ".tgz"].iter();
            stem.filter_map(|end| file.strip_suffix(end)).next()?.rsplit_once('-')?
        }
    };
    let is_version = version.starts_with(|c: char| c.is_ascii_digit());
    (is_version && !name.is_empty()).then_some((name, version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements() {
        let plain = |name, version, bound| Ok(Requirement { name, version, bound, address: "" });
        for (text, want) in [
            ("a", plain("a", "", false)),
            ("a==1.0", plain("a", "1.0", false)),
            ("A.b_c [x, y] == 1.0 ; python_version < '3'", plain("A.b_c", "1.0", false)),
            ("a (==1.0)", plain("a", "1.0", false)),
            ("a===1.0", plain("a", "1.0", false)),
            ("a==1.*", plain("a", "", false)),
            ("a>=1.0", plain("a", "1.0", true)),
            ("a>=1.0,<2", plain("a", "", false)),
            ("a!=1.0", plain("a", "", false)),
            ("a==1.0,!=1.1", plain("a", "1.0", false)),
            ("a==", Err("the version is missing")),
            ("==1.0", Err("it does not start with a package name")),
            ("a 1.0", Err("the version has no operator")),
            ("a==1.0 b", Err("unexpected text after the version")),
            ("a-==1.0", Err("it does not start with a package name")),
            ("a[x", Err("the extras are not terminated")),
            ("a @", Err("the address is missing")),
            ("", Err("it does not start with a package name")),
        ] {
            assert_eq!(requirement(text), want, "{text}");
        }
        let url = requirement("a @ https://example.com/a-1.0.zip ; python_version < '3'");
        assert_eq!(url.map(|r| r.address), Ok("https://example.com/a-1.0.zip"));
    }

    #[test]
    fn archives() {
        for (address, want) in [
            ("./numpy-1.9.2-cp34-none-win32.whl", Some(("numpy", "1.9.2"))),
            ("https://x/a_b-1.0-1-py3-none-any.whl#sha256=0", Some(("a_b", "1.0"))),
            ("https://x/a-b-1.0.tar.gz", Some(("a-b", "1.0"))),
            ("https://x/refs/tags/1.26.8.zip", None),
            ("https://x/main.zip", None),
            ("a-1.0.whl", None),
        ] {
            assert_eq!(of_archive(address), want, "{address}");
        }
    }
}
