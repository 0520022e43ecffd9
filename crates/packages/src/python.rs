//! Metadata of installed Python packages: `NAME.dist-info/METADATA` (PEP 376, core metadata),
//! `NAME.egg-info/PKG-INFO`, and the single file `NAME.egg-info` of distutils.

use crate::contents::{Contents, Problem};
use crate::paragraph::paragraphs;
use crate::zip::{Archive, Entry, Unreadable};
use crate::{Kind, Package};

/// The largest metadata in an archive, in bytes.
const MAX_METADATA: usize = 4 << 20;

pub(crate) fn read(text: &str) -> Contents {
    let mut contents = Contents::default();
    // The description follows the first empty line.
    let head = text.find("\n\n").or_else(|| text.find("\r\n\r\n")).map_or(text, |end| &text[..end]);
    let mut odd = Vec::new();
    let all = paragraphs(head, &mut odd);
    let field = |name| {
        let value = all.first()?.get(name)?;
        (!value.is_empty() && !value.eq_ignore_ascii_case("unknown")).then(|| value.to_owned())
    };
    let (Some(name), Some(version)) = (field("Name"), field("Version")) else {
        contents.problems.push(Problem::whole("metadata without a name and a version"));
        return contents;
    };
    // `License-Expression` (PEP 639) is SPDX, `License` is free text and sometimes the whole
    // licence, and classifiers name a family.
    let licence = field("License-Expression").or_else(|| {
        let continued = all.first().is_some_and(|p| !p.continued("License").is_empty());
        field("License").filter(|text| !continued && text.len() <= 64)
    });
    let classifiers = all.first().into_iter().flat_map(|paragraph| paragraph.all("Classifier"));
    let family =
        |text: &str| Some(text.strip_prefix("License :: ")?.rsplit(" :: ").next()?.to_owned());
    let licences = match licence {
        Some(licence) => vec![licence],
        None => classifiers.filter_map(family).collect(),
    };
    contents.packages.push(Package {
        kind: Kind::Pypi,
        name,
        version,
        licences,
        ..Package::default()
    });
    contents
}

/// Reads an egg that is a single file, or a wheel.
pub(crate) fn read_archive(bytes: &[u8]) -> Contents {
    let refused = |why: Unreadable| Contents {
        problems: vec![Problem::whole(why.to_string())],
        ..Contents::default()
    };
    let archive = match Archive::new(bytes) {
        Ok(archive) => archive,
        Err(why) => return refused(why),
    };
    let is_metadata = |name: &[u8]| {
        let is_wheel = name.strip_suffix(b".dist-info/METADATA");
        name == b"EGG-INFO/PKG-INFO" || is_wheel.is_some_and(|stem| !stem.contains(&b'/'))
    };
    let mut entries = archive.entries();
    let is_meant =
        |entry: &Result<Entry<'_>, _>| entry.as_ref().map_or(true, |e| is_metadata(e.name));
    let entry = match entries.find(is_meant) {
        Some(Ok(entry)) => entry,
        Some(Err(why)) => return refused(why),
        None => return Contents::default(),
    };
    match archive.packed(&entry).and_then(|packed| packed.unpacked(MAX_METADATA)) {
        Ok(text) => read(&String::from_utf8_lossy(&text)),
        Err(why) => refused(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_end_at_the_first_empty_line() {
        let text =
            "Metadata-Version: 2.1\nName: Flask\nVersion: 1.0\nLicense: BSD\n\nName: other\n";
        let contents = read(text);
        assert_eq!(contents.packages.len(), 1);
        assert_eq!(contents.packages[0].name, "Flask");
        assert_eq!(contents.packages[0].licences, ["BSD"]);
    }

    #[test]
    fn a_licence_text_is_not_a_licence() {
        let text = "Name: a\nVersion: 1\nLicense: Copyright\n  all of it\n\
                    Classifier: License :: OSI Approved :: MIT License\n";
        assert_eq!(read(text).packages[0].licences, ["MIT License"]);
        assert_eq!(read("Name: a\n").problems.len(), 1);
    }
}
