//! Looks up frameworks by the name that users type.

use crate::Framework;
use crate::read::hint;

/// No framework has that name, or the name is ambiguous.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoFramework(String);

/// Returns the framework with that id or alias, or the only one whose id or alias begins with the
/// word.
///
/// # Errors
/// There is none, or the word is ambiguous. The message lists the candidates.
pub fn find<'a>(word: &str, frameworks: &'a [Framework]) -> Result<&'a Framework, NoFramework> {
    let wanted = plain(word);
    let exact = |framework: &&Framework| names(framework).any(|name| plain(name) == wanted);
    if let Some(framework) = frameworks.iter().find(exact) {
        return Ok(framework);
    }
    let begins = |framework: &&Framework| {
        !wanted.is_empty() && names(framework).any(|name| plain(name).starts_with(&wanted))
    };
    let ids = |some: &[&Framework]| {
        some.iter().map(|f| format!("`{}`", f.id)).collect::<Vec<_>>().join(", ")
    };
    match frameworks.iter().filter(begins).collect::<Vec<_>>().as_slice() {
        [framework] => Ok(framework),
        [] => {
            let all = "`pavisade frameworks list` lists all frameworks; specify your own file \
                       with its extension: own.toml";
            let hint = hint(word, frameworks.iter().flat_map(names), all);
            Err(NoFramework(format!("unknown framework `{word}`{hint}")))
        }
        several => {
            Err(NoFramework(format!("`{word}` may refer to {}: specify which", ids(several))))
        }
    }
}

fn names(framework: &Framework) -> impl Iterator<Item = &str> {
    [&framework.id].into_iter().chain(&framework.aliases).map(String::as_str)
}

/// Whether a word is the name of a user's file: it ends in `.toml`.
pub fn names_file(word: &str) -> bool {
    let ending = std::path::Path::new(word).extension();
    ending.is_some_and(|ending| ending.eq_ignore_ascii_case("toml"))
}

/// Compares letters and digits only: `PCI DSS`, `pci_dss` and `pci-dss` are the same name.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin;

    #[test]
    fn names_lead_to_frameworks() {
        #[rustfmt::skip]
        let cases = [
            ("pci-dss-4.0.1", Ok("pci-dss-4.0.1")),
            ("pci-dss", Ok("pci-dss-4.0.1")),
            ("PCI DSS", Ok("pci-dss-4.0.1")),
            ("pci", Ok("pci-dss-4.0.1")),
            ("cis", Ok("cis-1.12")),
            ("pss", Ok("pod-security-standards")),
            ("iso27001", Ok("iso-27001-2022")),
            ("soc-2", Ok("soc2")),
            ("mitre", Ok("mitre-attack-containers")),
            ("800-53", Ok("nist-800-53r5")),
            ("nist", Err("`nist` may refer to `nist-800-190`, `nist-800-53r5`: specify which")),
            ("hippa", Err("unknown framework `hippa`; did you mean `hipaa`?")),
            ("zzz", Err("`pavisade frameworks list` lists all frameworks")),
            ("", Err("unknown framework ``")),
        ];
        for (word, expect) in cases {
            match (find(word, builtin()), expect) {
                (Ok(found), Ok(id)) => assert_eq!(found.id, id, "{word}"),
                (Err(error), Err(text)) => assert!(error.to_string().contains(text), "{error}"),
                (found, _) => panic!("{word}: {found:?}"),
            }
        }
    }
}
