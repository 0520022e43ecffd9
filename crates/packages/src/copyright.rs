//! `usr/share/doc/NAME/copyright`, where Debian packages state their licences.
//!
//! All licences in the machine-readable format (DEP-5, "Machine-readable debian/copyright file")
//! count. In free text, the licences referenced in `/usr/share/common-licenses` count, including
//! later versions if the text allows them.

use std::collections::BTreeSet;

use crate::paragraph::paragraphs;

const COMMON: &str = "/usr/share/common-licenses/";

pub(crate) fn read(text: &str) -> Vec<String> {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let is_format = first.split_once(':').is_some_and(|(key, value)| {
        key.trim().eq_ignore_ascii_case("Format") && value.contains("copyright-format")
    });
    let mut found = BTreeSet::new();
    if is_format {
        for paragraph in paragraphs(text, &mut Vec::new()) {
            let licence = paragraph.get("License").map(|text| text.trim_end_matches(',').trim());
            found.extend(licence.filter(|text| !text.is_empty()).map(str::to_owned));
        }
    }
    if found.is_empty() {
        let words: Vec<_> = text.split_whitespace().collect();
        let or_later =
            words.windows(2).any(|pair| pair[0] == "later" && pair[1].starts_with("version"));
        for (at, _) in text.match_indices(COMMON) {
            let valid = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+');
            let name: String =
                text[at + COMMON.len()..].chars().take(64).take_while(valid).collect();
            let name = name.trim_end_matches(['.', '-']);
            let has_later =
                ["GPL-", "LGPL-", "GFDL-"].iter().any(|family| name.starts_with(family));
            let later = if or_later && has_later && !name.ends_with('+') { "+" } else { "" };
            if !name.is_empty() {
                found.insert(format!("{name}{later}"));
            }
        }
    }
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_of_the_form_and_of_free_text() {
        let form = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n\
                    Files: *\nCopyright: x\nLicense: GPL-2+\n\nFiles: a\nLicense: Expat\n text\n .\n\n\
                    License: GPL-2+\n See /usr/share/common-licenses/GPL-3\n";
        assert_eq!(read(form), ["Expat", "GPL-2+"]);
        let free = "This is Debian's x.\n\nSee /usr/share/common-licenses/LGPL-2.1.\nAnd \
                    `/usr/share/common-licenses/GPL-2'.";
        assert_eq!(read(free), ["GPL-2", "LGPL-2.1"]);
        let later = format!("{free} Either version 2, or any later\n version. Apache-2.0");
        assert_eq!(read(&later), ["GPL-2+", "LGPL-2.1+"]);
        assert!(read("/usr/share/common-licenses/").is_empty());
        assert!(read("License: MIT").is_empty());
    }
}
