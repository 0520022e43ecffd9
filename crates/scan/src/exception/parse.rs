//! Parses exceptions: `CHECK[, CHECK…] [in CONTAINER] until YYYY-MM-DD: REASON`.

use std::sync::Arc;

use jiff::civil::Date;
use pavisade_checks::Catalog;
use pavisade_model::Rule;

const FORM: &str = "Use `host-path-volume until 2027-01-31: why`.";

/// A parsed exception.
#[derive(Debug)]
pub(super) struct Said {
    pub checks: Vec<Arc<Rule>>,
    pub container: Option<String>,
    pub until: Date,
    pub reason: String,
}

/// Why an exception is invalid, and how to fix it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub message: String,
    pub remedy: String,
}

fn fault<T>(message: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { message: message.into(), remedy: FORM.to_owned() })
}

/// Parses the text after `allow`, or a line of an annotation. With `suggest`, the error for an
/// unknown name has a suggestion, which is slow to compute.
pub(super) fn parse(text: &str, catalog: &Catalog, suggest: bool) -> Result<Said, Fault> {
    let (head, reason) = match text.split_once(':') {
        Some((head, reason)) => (head, reason.trim()),
        None => (text, ""),
    };
    let mut words = head.split([' ', '\t', ',']).filter(|word| !word.is_empty());
    let (mut checks, mut container, mut until) = (Vec::new(), None, None);
    while let Some(word) = words.next() {
        match word {
            "in" if !checks.is_empty() && container.is_none() => match words.next() {
                Some(name) if name != "until" => container = Some(name.to_owned()),
                _ => return fault("`in` is not followed by a container"),
            },
            "until" => {
                until = words.next();
                break;
            }
            _ if container.is_some() => {
                return fault(format!("unexpected `{}` after the container", short(word)));
            }
            "*" | "all" => {
                return fault("it names no check: an exception cannot cover everything");
            }
            word => checks.extend(named(word, catalog, suggest)?),
        }
    }
    if checks.is_empty() {
        return fault("it names no check");
    }
    let Some(date) = until else { return fault("it has no end date") };
    let Ok(until) = date.parse::<Date>() else {
        return fault(format!("`{}` is not a date (YYYY-MM-DD)", short(date)));
    };
    if let Some(more) = words.next() {
        return fault(format!("unexpected `{}` after the date, without a colon", short(more)));
    }
    if reason.is_empty() {
        return fault("it has no reason");
    }
    let reason = pavisade_secrets::mask(reason).into_owned();
    Ok(Said { checks, container, until, reason })
}

/// Returns the rules that a word refers to.
fn named(word: &str, catalog: &Catalog, suggest: bool) -> Result<Vec<Arc<Rule>>, Fault> {
    let meant = catalog.meant(word);
    if meant.is_empty() {
        return Err(Fault {
            message: format!("unknown check `{}`", short(word)),
            remedy: match suggest.then(|| catalog.similar(word)).flatten() {
                Some(name) => format!("Did you mean `{name}`?"),
                None => FORM.to_owned(),
            },
        });
    }
    Ok(meant.into_iter().map(|entry| entry.rule().clone()).collect())
}

fn short(word: &str) -> String {
    match word.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", &word[..at]),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts() {
        for (text, expect) in [
            ("host-path-volume until 2027-01-31: logs", "host-path-volume - 2027-01-31 logs"),
            ("PV-C003 until 2027-01-31:why: so", "host-path-volume - 2027-01-31 why: so"),
            (
                "host-path-volume,host-port  in web until 2027-01-31: x",
                "host-path-volume,host-port web 2027-01-31 x",
            ),
            (
                "Host-Port, PV-C001 until 2027-01-31: x",
                "host-port,privileged-container - 2027-01-31 x",
            ),
            ("host-port in until until 2027-01-31: x", "`in` is not followed by a container"),
            ("host-port in web log until 2027-01-31: x", "unexpected `log` after the container"),
            ("host-port until 2027-01-31", "it has no reason"),
            ("host-port until 2027-01-31:  ", "it has no reason"),
            ("host-port: x", "it has no end date"),
            ("host-port until: x", "it has no end date"),
            ("host-port until 2027-02-30: x", "`2027-02-30` is not a date (YYYY-MM-DD)"),
            ("host-port until 31.1.2027: x", "`31.1.2027` is not a date (YYYY-MM-DD)"),
            (
                "host-port until 2027-01-31 since x",
                "unexpected `since` after the date, without a colon",
            ),
            ("host-prot until 2027-01-31: x", "unknown check `host-prot`"),
            ("* until 2027-01-31: x", "it names no check: an exception cannot cover everything"),
            ("until 2027-01-31: x", "it names no check"),
            ("", "it names no check"),
        ] {
            let found = match parse(text, &Catalog::builtin(), true) {
                Ok(said) => {
                    let checks: Vec<_> = said.checks.iter().map(|rule| &*rule.name).collect();
                    let container = said.container.as_deref().unwrap_or("-");
                    format!("{} {container} {} {}", checks.join(","), said.until, said.reason)
                }
                Err(fault) => {
                    assert!(!fault.remedy.is_empty());
                    fault.message
                }
            };
            assert_eq!(found, expect, "{text}");
        }
        let wrong = parse("host-prot until 2027-01-31: x", &Catalog::builtin(), true).unwrap_err();
        assert_eq!(wrong.remedy, "Did you mean `host-port`?");
    }
}
