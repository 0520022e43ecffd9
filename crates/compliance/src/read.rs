//! The file format of frameworks, and the resolution of names to checks.

use std::collections::{BTreeMap, BTreeSet};

use pavisade_model::{Program, Rule, nearest};
use serde::Deserialize;
use toml::Spanned;

use crate::{Assessed, Control, Framework, ServesNot, Topic};

/// The error for an invalid framework file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct FrameworkError {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong, and how to fix it.
    pub message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFramework {
    id: Spanned<String>,
    title: String,
    #[serde(default)]
    url: String,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    extent: String,
    controls: Vec<RawControl>,
    #[serde(default)]
    serves_not: Vec<RawServesNot>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawControl {
    id: Spanned<String>,
    title: String,
    level: Option<String>,
    #[serde(default)]
    topics: Vec<Spanned<String>>,
    #[serde(default)]
    checks: Vec<Spanned<String>>,
    #[serde(default)]
    stricter: Vec<Spanned<String>>,
    #[serde(default)]
    except: Vec<Spanned<String>>,
    gap: Option<Spanned<String>>,
    by_hand: Option<Spanned<String>>,
    elsewhere: Option<Spanned<String>>,
    #[serde(default)]
    probes: Vec<String>,
    #[serde(default)]
    fixed: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawServesNot {
    #[serde(default)]
    topics: Vec<Spanned<String>>,
    #[serde(default)]
    checks: Vec<Spanned<String>>,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTopic {
    title: String,
    checks: Vec<String>,
    #[serde(default)]
    always: Vec<String>,
}

/// Reads the file of topics.
pub(crate) fn topics(text: &str) -> Result<BTreeMap<String, Topic>, FrameworkError> {
    let raw: BTreeMap<String, RawTopic> = parsed(text)?;
    let topic = |raw: RawTopic| Topic { title: raw.title, checks: raw.checks, always: raw.always };
    Ok(raw.into_iter().map(|(name, raw)| (name, topic(raw))).collect())
}

/// Reads the file of a framework.
pub(crate) fn framework(
    text: &str,
    topics: &BTreeMap<String, Topic>,
    known: &[&Rule],
) -> Result<Framework, FrameworkError> {
    let raw: RawFramework = parsed(text)?;
    let resolve = Resolve { text, topics, known };
    if raw.id.get_ref().trim().is_empty() {
        return Err(at(text, raw.id.span().start, "a framework needs an `id`".into()));
    }
    let mut seen = BTreeSet::new();
    let mut controls = Vec::new();
    for control in raw.controls {
        if !seen.insert(control.id.get_ref().clone()) {
            let message = format!("there is already a control `{}` above", control.id.get_ref());
            return Err(at(text, control.id.span().start, message));
        }
        controls.push(resolve.control(control)?);
    }
    let serves_not = raw.serves_not.into_iter().map(|group| {
        let checks = resolve.checks(&group.topics, &group.checks)?.0.into_iter().collect();
        Ok(ServesNot { checks, reason: group.reason })
    });
    Ok(Framework {
        id: raw.id.into_inner(),
        title: raw.title,
        url: raw.url,
        aliases: raw.aliases,
        extent: raw.extent,
        controls,
        serves_not: serves_not.collect::<Result<_, _>>()?,
    })
}

struct Resolve<'a> {
    text: &'a str,
    topics: &'a BTreeMap<String, Topic>,
    known: &'a [&'a Rule],
}

impl Resolve<'_> {
    fn control(&self, raw: RawControl) -> Result<Control, FrameworkError> {
        let (mut all, mut named) = self.checks(&raw.topics, &raw.checks)?;
        let mut parts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for name in &raw.checks {
            if let Some(part) = self.part(name)? {
                parts.entry(self.check(name)?).or_default().insert(part);
            }
        }
        // A check without a part means the whole check.
        let (whole, _) = self.checks(&raw.topics, &[])?;
        let plain = raw.checks.iter().filter(|name| !name.get_ref().contains('@'));
        let plain: BTreeSet<_> = plain.map(|name| self.check(name)).collect::<Result<_, _>>()?;
        parts.retain(|id, _| !whole.contains(id) && !plain.contains(id));
        let stricter = raw.stricter.iter().map(|name| self.check(name));
        let stricter: BTreeSet<_> = stricter.collect::<Result<_, _>>()?;
        all.extend(stricter.iter().cloned());
        named.extend(stricter.iter().cloned());
        for name in &raw.except {
            let id = self.check(name)?;
            if named.contains(&id) || !all.remove(&id) {
                let name = name.get_ref();
                let message = if named.contains(&id) {
                    format!(
                        "`{name}` is one of the control's `checks`: remove it from one of the lists"
                    )
                } else {
                    format!(
                        "`{name}` is in none of the topics of the control: remove it from `except`"
                    )
                };
                return Err(self.wrong(&raw.id, message));
            }
        }
        let topics = raw.topics.iter().filter_map(|name| self.topics.get(name.get_ref()));
        named
            .extend(topics.flat_map(|topic| &topic.always).filter(|id| all.contains(*id)).cloned());
        let fault = |message: &str| {
            Err(self.wrong(&raw.id, format!("control `{}`: {message}", raw.id.get_ref())))
        };
        let text = |words: Spanned<String>| words.into_inner();
        let assessed = match (all.is_empty(), raw.gap, raw.by_hand, raw.elsewhere) {
            (false, None, None, None) => Assessed::ByChecks,
            (false, Some(gap), None, None) => Assessed::Partly(text(gap)),
            (true, None, Some(reason), None) => Assessed::ByHand(text(reason)),
            (true, None, None, Some(place)) => Assessed::Elsewhere(text(place)),
            (true, None, None, None) => {
                return fault(
                    "nothing assesses it: set `checks`, `topics`, `elsewhere` or `by_hand`",
                );
            }
            (true, Some(_), _, _) => {
                return fault("`gap` describes what its checks cannot show: set `checks`");
            }
            (false, _, _, _) => {
                return fault(
                    "it has checks: describe what they cannot show in `gap`, not in `by_hand` or \
                     `elsewhere`",
                );
            }
            (true, None, Some(_), Some(_)) => {
                return fault("set either `elsewhere` or `by_hand`, not both");
            }
        };
        Ok(Control {
            id: raw.id.into_inner(),
            title: raw.title,
            level: raw.level,
            checks: all.into_iter().collect(),
            named,
            parts,
            stricter,
            assessed,
            probes: raw.probes,
            fixed: raw.fixed,
        })
    }

    /// Returns all checks, and those listed by name.
    fn checks(
        &self,
        topics: &[Spanned<String>],
        checks: &[Spanned<String>],
    ) -> Result<(BTreeSet<String>, BTreeSet<String>), FrameworkError> {
        let mut all = BTreeSet::new();
        for name in topics {
            let Some(topic) = self.topics.get(name.get_ref()) else {
                let names = self.topics.keys().map(String::as_str);
                let hint =
                    hint(name.get_ref(), names, "`pavisade frameworks topics` lists all topics");
                return Err(self.wrong(name, format!("unknown topic `{}`{hint}", name.get_ref())));
            };
            all.extend(topic.checks.iter().cloned());
        }
        let named: BTreeSet<_> = checks.iter().map(|c| self.check(c)).collect::<Result<_, _>>()?;
        all.extend(named.iter().cloned());
        Ok((all, named))
    }

    /// Returns the part of a check after `@`.
    fn part(&self, name: &Spanned<String>) -> Result<Option<String>, FrameworkError> {
        let Some((_, part)) = name.get_ref().split_once('@') else { return Ok(None) };
        let id = self.check(name)?;
        let rule = self.known.iter().find(|rule| *rule.id == *id);
        let parts = rule.into_iter().flat_map(|rule| rule.parts.iter().map(|part| &**part));
        let known: Vec<_> = parts.chain(Program::ALL.map(Program::name)).collect();
        if self.known.is_empty() || known.contains(&part) {
            return Ok(Some(part.to_owned()));
        }
        let all: Vec<_> = known.iter().map(|known| format!("`{known}`")).collect();
        let all = format!("there are {}", all.join(", "));
        let hint = hint(part, known.into_iter(), &all);
        Err(self.wrong(name, format!("{id} has no part `{part}`{hint}")))
    }

    /// Returns the id of a check by id or name, without its part.
    fn check(&self, name: &Spanned<String>) -> Result<String, FrameworkError> {
        let word = name.get_ref().split('@').next().unwrap_or_default();
        if self.known.is_empty() {
            return Ok(word.to_owned());
        }
        let meant = |rule: &&&Rule| {
            rule.id.eq_ignore_ascii_case(word) || rule.name.eq_ignore_ascii_case(word)
        };
        if let Some(rule) = self.known.iter().find(meant) {
            return Ok(rule.id.to_string());
        }
        let names = self.known.iter().flat_map(|rule| [&*rule.id, &*rule.name]);
        let hint = hint(word, names, "`pavisade checks list` lists all checks");
        Err(self.wrong(name, format!("unknown check `{word}`{hint}")))
    }

    fn wrong(&self, place: &Spanned<String>, message: String) -> FrameworkError {
        at(self.text, place.span().start, message)
    }
}

/// Returns `; did you mean …?`, or a hint where to find all names.
pub(crate) fn hint<'a>(word: &str, names: impl Iterator<Item = &'a str>, all: &str) -> String {
    match nearest(word, names) {
        Some(name) => format!("; did you mean `{name}`?"),
        None => format!("; {all}"),
    }
}

fn parsed<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, FrameworkError> {
    toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        at(text, start, error.message().to_owned())
    })
}

fn at(text: &str, byte: usize, message: String) -> FrameworkError {
    let before = text.get(..byte).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    FrameworkError {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        message,
    }
}

#[cfg(test)]
mod tests {
    use pavisade_model::{Area, Audience, Confidence, Fixable, Severity};

    use super::*;

    const KNOWN: [(&str, &str); 3] = [
        ("PV-C001", "privileged-container"),
        ("PV-C002", "host-namespace"),
        ("PV-C003", "host-path-volume"),
    ];

    fn rule((id, name): (&'static str, &'static str)) -> Rule {
        Rule {
            id: id.into(),
            name: name.into(),
            title: "".into(),
            why: "".into(),
            advice: "".into(),
            severity: Severity::High,
            confidence: Confidence::High,
            audience: Audience::Everyone,
            area: Area::Container,
            fixable: Fixable::Never,
            secret: false,
            parts: match id {
                "PV-C002" => vec!["hostPID".into(), "hostIPC".into()].into(),
                _ => Vec::new().into(),
            },
            together: pavisade_model::Together::Object,
        }
    }

    fn read(controls: &str) -> Result<Framework, FrameworkError> {
        let topics =
            topics("[node]\ntitle = \"t\"\nchecks = [\"PV-C001\", \"PV-C002\"]\n").unwrap();
        let text = format!("id = \"own\"\ntitle = \"Own\"\n{controls}");
        let rules = KNOWN.map(rule);
        framework(&text, &topics, &rules.each_ref())
    }

    #[test]
    fn topics_and_checks_become_checks() {
        let own = read(
            "[[controls]]\nid = \"1\"\ntitle = \"a\"\ntopics = [\"node\"]\nexcept = [\"PV-C002\"]\n\
             checks = [\"host-path-volume\"]\ngap = \"the rest\"\n\
             [[controls]]\nid = \"2\"\ntitle = \"b\"\nby_hand = \"training\"\n",
        )
        .unwrap();
        assert_eq!(own.controls[0].checks, ["PV-C001", "PV-C003"]);
        assert_eq!(own.controls[0].named.iter().collect::<Vec<_>>(), ["PV-C003"]);
        assert_eq!(own.controls[0].assessed, Assessed::Partly("the rest".into()));
        assert_eq!(own.controls[1].assessed, Assessed::ByHand("training".into()));
        assert_eq!(own.checks().into_iter().collect::<Vec<_>>(), ["PV-C001", "PV-C003"]);
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let head = "[[controls]]\nid = \"1\"\ntitle = \"a\"\n";
        #[rustfmt::skip]
        let cases = [
            ("checks = [\"PV-C009\"]", "6:11: unknown check `PV-C009`; did you mean `PV-C00"),
            ("checks = [\"privileged-kontainer\"]", "did you mean `privileged-container`?"),
            ("checks = [\"zzz\"]", "6:11: unknown check `zzz`; `pavisade checks list` lists all checks"),
            ("checks = [\"PV-C002@hostPdi\"]", "6:11: PV-C002 has no part `hostPdi`; did you mean `hostPID`?"),
            ("checks = [\"PV-C001@hostPID\"]", "PV-C001 has no part `hostPID`; there are `kube-apiserver`"),
            ("stricter = [\"PV-C0\"]", "unknown check `PV-C0`"),
            ("topics = [\"nod\"]", "6:11: unknown topic `nod`; did you mean `node`?"),
            ("topics = [\"node\"]\nexcept = [\"PV-C003\"]", "4:6: `PV-C003` is in none of the topics of the control"),
            ("checks = [\"PV-C001\"]\nexcept = [\"PV-C001\"]", "`PV-C001` is one of the control's `checks`"),
            ("", "4:6: control `1`: nothing assesses it"),
            ("gap = \"x\"", "`gap` describes what its checks cannot show"),
            ("checks = [\"PV-C001\"]\nby_hand = \"x\"", "it has checks"),
            ("by_hand = \"x\"\nelsewhere = \"y\"", "not both"),
            ("chekcs = []", "6:1: unknown field `chekcs`"),
            ("checks = [", "6:"),
            ("by_hand = \"x\"\n[[controls]]\nid = \"1\"\ntitle = \"ü\"\nby_hand = \"x\"", "8:6: there is already a control `1` above"),
        ];
        for (text, expect) in cases {
            let error = read(&format!("{head}{text}\n")).unwrap_err().to_string();
            assert!(error.contains(expect), "{text}\n{error}");
        }
    }
}
