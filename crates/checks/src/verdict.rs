//! The four verdicts of a check.

use std::borrow::Cow;
use std::ops::Range;

use pavisade_model::{
    Confidence, Detail, Gap, Location, Program, Related, Severity, State, Vulnerability, Why,
    push_field,
};
use pavisade_yaml::{Amendment, Doc, Edit, Kind, Value};

/// The verdict of a check on a subject.
#[derive(Debug)]
pub enum Verdict<'a> {
    /// Proven to pass.
    Holds,
    /// Failed, at these places. May include unknown claims in addition to failed ones.
    Fails(Vec<Claim<'a>>),
    /// Could not be determined. The message of each claim is a reason.
    Unknown(Vec<Claim<'a>>),
    /// The check does not apply.
    NotApplicable,
}

impl<'a> Verdict<'a> {
    /// Fails at one place.
    pub fn fails(place: impl Into<Place<'a>>, message: impl Into<String>) -> Self {
        Claim::fails(place, message).into()
    }

    /// Unknown, with the reason.
    pub fn unknown(place: impl Into<Place<'a>>, why: impl Into<Why>) -> Self {
        Claim::unknown(place, why).into()
    }

    /// Fails or is unknown if there are claims, otherwise holds.
    pub fn from_claims(claims: impl IntoIterator<Item = Claim<'a>>) -> Self {
        let claims: Vec<_> = claims.into_iter().collect();
        if claims.iter().any(|c| c.state == State::Fails) {
            Self::Fails(claims)
        } else if claims.is_empty() {
            Self::Holds
        } else {
            Self::Unknown(claims)
        }
    }

    /// Adds a fix to each claim.
    pub(crate) fn fixed(self, fix: impl Fn(Claim<'a>) -> Claim<'a>) -> Self {
        match self {
            Self::Fails(claims) => Self::Fails(claims.into_iter().map(fix).collect()),
            other => other,
        }
    }

    /// Combines verdicts on parts of the subject: failures and unknown results of parts are those
    /// of the whole. Without any, it holds if some part holds.
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let (mut claims, mut applicable) = (Vec::new(), false);
        for part in parts {
            applicable |= !matches!(part, Self::NotApplicable);
            match part {
                Self::Fails(more) | Self::Unknown(more) => claims.extend(more),
                Self::Holds | Self::NotApplicable => {}
            }
        }
        if applicable { Self::from_claims(claims) } else { Self::NotApplicable }
    }
}

impl<'a> From<Claim<'a>> for Verdict<'a> {
    fn from(claim: Claim<'a>) -> Self {
        Self::from_claims([claim])
    }
}

/// A failed or unknown result at a place.
#[derive(Debug, Clone)]
pub struct Claim<'a> {
    /// Failed or unknown.
    pub state: State,
    /// The place.
    pub place: Place<'a>,
    /// What is wrong, or why it is unknown: one sentence without a period, which identifies the
    /// subject.
    pub message: String,
    /// How to fix it. Empty if the check's advice applies as it is.
    pub advice: String,
    /// The severity, if it differs from the check's.
    pub severity: Option<Severity>,
    /// The confidence, if it differs from the check's.
    pub confidence: Option<Confidence>,
    /// Distinguishes claims at one place in the fingerprint. Mostly empty.
    pub instance: String,
    pub(crate) rare: Option<Box<Rare<'a>>>,
}

/// Data that most claims do not have.
#[derive(Debug, Clone)]
pub struct Rare<'a> {
    /// The edits that together fix it. Empty if it requires a manual fix.
    pub changes: Vec<Change<'a>>,
    /// Related locations.
    pub related: Vec<Related>,
    /// The vulnerability it reports.
    pub vulnerability: Option<Box<Vulnerability>>,
    /// Machine-readable details. Includes programs if they differ from that of its subject.
    pub detail: Detail,
}

impl<'a> Rare<'a> {
    const NONE: &'static Rare<'static> = &Rare {
        changes: Vec::new(),
        related: Vec::new(),
        vulnerability: None,
        detail: Detail::NOTHING,
    };
}

/// An edit of the subject's document, as part of a fix.
#[derive(Debug, Clone)]
pub struct Change<'a> {
    /// The value to edit, or the field to create.
    pub place: Place<'a>,
    /// The edit.
    pub edit: Edit,
}

impl Change<'_> {
    /// Converts to an edit of `doc`. `None` if its place is not in this document.
    pub fn amendment(&self, doc: &Doc) -> Option<Amendment> {
        let Place::At(value, missing) = &self.place else { return None };
        let within = std::ptr::eq(value.doc(), doc);
        within.then(|| Amendment {
            at: value.id(),
            below: fields(missing),
            edit: self.edit.clone(),
        })
    }
}

/// Splits a path into field names: `metadata.labels["a.b/c"]`.
fn fields(path: &str) -> Vec<String> {
    let (mut names, mut rest) = (Vec::new(), path);
    while !rest.is_empty() {
        let quoted = rest.strip_prefix('[').and_then(|inner| inner.split_once("\"]"));
        let (name, tail) = match quoted {
            Some((name, tail)) => {
                let name = format!("{name}\"");
                (serde_json::from_str(&name).unwrap_or(name), tail)
            }
            None => {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        names.push(name);
        rest = tail.strip_prefix('.').unwrap_or(tail);
    }
    names
}

impl<'a> Claim<'a> {
    /// Creates a failed claim.
    pub fn fails(place: impl Into<Place<'a>>, message: impl Into<String>) -> Self {
        Self {
            state: State::Fails,
            place: place.into(),
            message: message.into(),
            advice: String::new(),
            severity: None,
            confidence: None,
            instance: String::new(),
            rare: None,
        }
    }

    /// Creates an unknown claim.
    pub fn unknown(place: impl Into<Place<'a>>, why: impl Into<Why>) -> Self {
        let Why { text, gaps } = why.into();
        Self { state: State::Unknown, ..Self::fails(place, text) }.gaps(gaps)
    }

    /// Returns the data that most claims do not have.
    pub fn rare(&self) -> &Rare<'a> {
        self.rare.as_deref().unwrap_or(Rare::NONE)
    }

    /// Takes the data that most claims do not have.
    pub fn take_rare(&mut self) -> Option<Rare<'a>> {
        self.rare.take().map(|rare| *rare)
    }

    /// Returns the data that most claims do not have, for modification.
    pub fn rare_mut(&mut self) -> &mut Rare<'a> {
        self.rare.get_or_insert_with(|| Box::new(Rare::NONE.clone()))
    }

    /// Returns why it is unknown, for a claim that depends on it.
    pub fn why(self) -> Why {
        let gaps = self.rare.map(|rare| rare.detail.gaps).unwrap_or_default();
        Why { text: self.message, gaps }
    }

    /// Adds a part of the check that it is about, as listed in its rule.
    pub fn part(mut self, part: impl Into<Cow<'static, str>>) -> Self {
        self.rare_mut().detail.parts.push(part.into());
        self
    }

    /// Adds evidence in addition to the value at its place.
    pub fn evidence(mut self, evidence: impl Into<String>) -> Self {
        self.rare_mut().detail.evidence.push(evidence.into());
        self
    }

    /// Adds missing data.
    pub fn gap(mut self, gap: Gap) -> Self {
        self.rare_mut().detail.gaps.push(gap);
        self
    }

    /// Sets all missing data.
    pub fn gaps(mut self, gaps: Vec<Gap>) -> Self {
        if !gaps.is_empty() || self.rare.is_some() {
            self.rare_mut().detail.gaps = gaps;
        }
        self
    }

    /// Sets the programs whose settings it is about.
    pub fn programs(mut self, programs: Vec<Program>) -> Self {
        self.rare_mut().detail.programs = programs;
        self
    }

    /// Sets specific advice.
    pub fn advice(self, advice: impl Into<String>) -> Self {
        Self { advice: advice.into(), ..self }
    }

    /// Sets a specific severity.
    pub fn severity(self, severity: Severity) -> Self {
        Self { severity: Some(severity), ..self }
    }

    /// Sets a specific confidence.
    pub fn confidence(self, confidence: Confidence) -> Self {
        Self { confidence: Some(confidence), ..self }
    }

    /// Adds a fix that sets this value at its own place, which may be absent.
    pub fn set(self, value: impl Into<serde_json::Value>) -> Self {
        let place = self.place.clone();
        self.change(place, Edit::Set(value.into()))
    }

    /// Adds a fix that removes the value at its own place, with its key.
    pub fn remove(self) -> Self {
        let place = self.place.clone();
        self.change(place, Edit::Remove)
    }

    /// Adds an edit at another place of the same object to the fix.
    pub fn change(mut self, place: impl Into<Place<'a>>, edit: Edit) -> Self {
        self.rare_mut().changes.push(Change { place: place.into(), edit });
        self
    }

    /// Adds several edits to the fix, such as those of [`crate::Component::set_flag`].
    pub fn changes(mut self, changes: impl IntoIterator<Item = Change<'a>>) -> Self {
        let mut changes = changes.into_iter().peekable();
        if changes.peek().is_some() {
            self.rare_mut().changes.extend(changes);
        }
        self
    }

    /// Adds a related location.
    pub fn related(mut self, related: Related) -> Self {
        self.rare_mut().related.push(related);
        self
    }

    /// Sets the vulnerability.
    pub fn vulnerability(mut self, vulnerability: Vulnerability) -> Self {
        self.rare_mut().vulnerability = Some(Box::new(vulnerability));
        self
    }

    /// Sets what distinguishes it from others at the same place.
    pub fn instance(self, instance: impl Into<String>) -> Self {
        Self { instance: instance.into(), ..self }
    }
}

/// A value, or an absent field.
#[derive(Debug, Clone)]
pub enum Place<'a> {
    /// In the subject's document: the value itself, or its nearest existing parent and the names of
    /// the missing fields (`securityContext.runAsNonRoot`).
    At(Value<'a>, Cow<'static, str>),
    /// A byte range of the subject's source that is not a value: text that a cluster ignores.
    Bytes(Value<'a>, (u32, u32)),
    /// In a file of an image's layer.
    Layer(Box<Location>),
    /// No place: a whole object is missing.
    Nowhere,
}

impl<'a> Place<'a> {
    /// Returns the field at `path` below `value`, or its nearest existing parent if it is absent.
    pub fn field(value: Value<'a>, path: &[&str]) -> Self {
        let (mut at, mut rest) = (value, path);
        while let [key, tail @ ..] = rest {
            let Some(child) = at.get(key) else { break };
            (at, rest) = (child, tail);
        }
        let mut missing = String::new();
        rest.iter().for_each(|name| push_field(&mut missing, name));
        Self::At(at, missing.into())
    }

    /// Returns the byte range to show: a scalar with its key; for a collection its key, or the
    /// entry that identifies it in a list.
    pub fn span(&self) -> Option<Range<u32>> {
        let value = match self {
            Self::At(value, _) => value,
            Self::Bytes(_, (start, end)) => return Some(*start..*end),
            Self::Layer(_) | Self::Nowhere => return None,
        };
        let with_key = |value: Value<'_>| {
            let span = value.span();
            // An aliased value is elsewhere in the text, unrelated to its key.
            value
                .key_span()
                .filter(|k| k.end <= span.start)
                .map_or(span.clone(), |k| k.start..span.end)
        };
        Some(match value.kind() {
            Kind::Mapping | Kind::Sequence => match value.key_span() {
                Some(key) => key,
                None => {
                    let named = value.get("name").or_else(|| value.at(&["metadata", "name"]));
                    let first = || value.entries().map(|(_, v)| v).next().or(value.items().next());
                    match named.or_else(first) {
                        Some(v) if matches!(v.kind(), Kind::Mapping | Kind::Sequence) => {
                            v.key_span().unwrap_or(v.span())
                        }
                        Some(v) => with_key(v),
                        None => value.span(),
                    }
                }
            },
            _ => with_key(*value),
        })
    }
}

impl<'a> From<Value<'a>> for Place<'a> {
    fn from(value: Value<'a>) -> Self {
        Self::At(value, "".into())
    }
}

impl From<Location> for Place<'_> {
    fn from(location: Location) -> Self {
        Self::Layer(Box::new(location))
    }
}

#[cfg(test)]
mod tests {
    use super::{Claim, fields};

    /// Helper functions return it as an error.
    #[test]
    fn a_claim_is_small() {
        assert!(size_of::<Claim<'_>>() <= 144, "{}", size_of::<Claim<'_>>());
    }

    #[test]
    fn names_with_dots_stay_whole() {
        let cases: [(&str, &[&str]); 4] = [
            ("", &[]),
            ("securityContext.runAsNonRoot", &["securityContext", "runAsNonRoot"]),
            (r#"labels["a.b/c"]"#, &["labels", "a.b/c"]),
            (r#"a["b.c"].d["e\"f"]"#, &["a", "b.c", "d", "e\"f"]),
        ];
        for (path, names) in cases {
            assert_eq!(fields(path), names, "{path}");
        }
    }
}
