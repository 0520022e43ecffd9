//! The four answers of a check.

use std::borrow::Cow;
use std::ops::Range;

use pavisade_model::{
    Confidence, Detail, Gap, Location, Program, Related, Severity, State, Vulnerability, Why,
    push_field,
};
use pavisade_yaml::{Amendment, Doc, Edit, Kind, Value};

/// What a check answers about one subject.
#[derive(Debug)]
pub enum Verdict<'a> {
    /// Proven to be well.
    Holds,
    /// Not well, at these places (some claims may be of state unknown beside those that fail).
    Fails(Vec<Claim<'a>>),
    /// Could not be determined; each claim's message is a reason.
    Unknown(Vec<Claim<'a>>),
    /// The question does not arise here.
    NotApplicable,
}

impl<'a> Verdict<'a> {
    /// Fails at one place.
    pub fn fails(place: impl Into<Place<'a>>, message: impl Into<String>) -> Self {
        Claim::fails(place, message).into()
    }

    /// Could not be determined, and why.
    pub fn unknown(place: impl Into<Place<'a>>, why: impl Into<Why>) -> Self {
        Claim::unknown(place, why).into()
    }

    /// Fails or is unknown where there are claims, and holds where there are none.
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

    /// The same, each of whose claims says how it is fixed.
    pub(crate) fn fixed(self, fix: impl Fn(Claim<'a>) -> Claim<'a>) -> Self {
        match self {
            Self::Fails(claims) => Self::Fails(claims.into_iter().map(fix).collect()),
            other => other,
        }
    }

    /// One verdict from several about parts of the subject: what fails or is unknown in a part
    /// does so in the whole, and the whole holds where a part holds and none does not.
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

/// One thing that is wrong or unknown.
#[derive(Debug, Clone)]
pub struct Claim<'a> {
    /// Fails or unknown.
    pub state: State,
    /// Where.
    pub place: Place<'a>,
    /// What is wrong, or why it is unknown: one sentence without a full stop, naming the thing.
    pub message: String,
    /// What to do here; the check's own advice where this is empty.
    pub advice: String,
    /// Where it differs from the check's own.
    pub severity: Option<Severity>,
    /// Where it differs from the check's own.
    pub confidence: Option<Confidence>,
    /// Tells claims at one place apart, in the fingerprint; mostly empty.
    pub instance: String,
    pub(crate) rare: Option<Box<Rare<'a>>>,
}

/// What most claims do not have.
#[derive(Debug, Clone)]
pub struct Rare<'a> {
    /// What fixes it in the text, all of them together; empty where only a person can tell.
    pub changes: Vec<Change<'a>>,
    /// Other places that belong to it.
    pub related: Vec<Related>,
    /// The vulnerability that it tells of.
    pub vulnerability: Option<Box<Vulnerability>>,
    /// What programs read of it; its programs, where these are not those of its subject.
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

/// One edit of the subject's document, as part of what fixes a claim.
#[derive(Debug, Clone)]
pub struct Change<'a> {
    /// The value that is edited, or the field that is to be made.
    pub place: Place<'a>,
    /// What becomes of it.
    pub edit: Edit,
}

impl Change<'_> {
    /// As an edit of `doc`; none where its place is not in there.
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

/// The names in a path of fields: `metadata.labels["a.b/c"]`.
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
    /// It fails.
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

    /// It could not be determined.
    pub fn unknown(place: impl Into<Place<'a>>, why: impl Into<Why>) -> Self {
        let Why { text, gaps } = why.into();
        Self { state: State::Unknown, ..Self::fails(place, text) }.gaps(gaps)
    }

    /// What most claims do not have.
    pub fn rare(&self) -> &Rare<'a> {
        self.rare.as_deref().unwrap_or(Rare::NONE)
    }

    /// Takes it out.
    pub fn take_rare(&mut self) -> Option<Rare<'a>> {
        self.rare.take().map(|rare| *rare)
    }

    /// The same, to be changed.
    pub fn rare_mut(&mut self) -> &mut Rare<'a> {
        self.rare.get_or_insert_with(|| Box::new(Rare::NONE.clone()))
    }

    /// Why it is unknown, for a claim about something else that depends on it.
    pub fn why(self) -> Why {
        let gaps = self.rare.map(|rare| rare.detail.gaps).unwrap_or_default();
        Why { text: self.message, gaps }
    }

    /// About a part of the check, one of those that its rule lists; may be called again.
    pub fn part(mut self, part: impl Into<Cow<'static, str>>) -> Self {
        self.rare_mut().detail.parts.push(part.into());
        self
    }

    /// With what it rests on beside what stands at its place; may be called again.
    pub fn evidence(mut self, evidence: impl Into<String>) -> Self {
        self.rare_mut().detail.evidence.push(evidence.into());
        self
    }

    /// With something that is missing to tell; may be called again.
    pub fn gap(mut self, gap: Gap) -> Self {
        self.rare_mut().detail.gaps.push(gap);
        self
    }

    /// With all that is missing to tell.
    pub fn gaps(mut self, gaps: Vec<Gap>) -> Self {
        if !gaps.is_empty() || self.rare.is_some() {
            self.rare_mut().detail.gaps = gaps;
        }
        self
    }

    /// About these programs' settings.
    pub fn programs(mut self, programs: Vec<Program>) -> Self {
        self.rare_mut().detail.programs = programs;
        self
    }

    /// With advice for this very place.
    pub fn advice(self, advice: impl Into<String>) -> Self {
        Self { advice: advice.into(), ..self }
    }

    /// With a severity of its own.
    pub fn severity(self, severity: Severity) -> Self {
        Self { severity: Some(severity), ..self }
    }

    /// With a confidence of its own.
    pub fn confidence(self, confidence: Confidence) -> Self {
        Self { confidence: Some(confidence), ..self }
    }

    /// Fixed by this value at its own place: in place of the value, or as the absent field.
    pub fn set(self, value: impl Into<serde_json::Value>) -> Self {
        let place = self.place.clone();
        self.change(place, Edit::Set(value.into()))
    }

    /// Fixed when the value at its own place goes, with its key.
    pub fn remove(self) -> Self {
        let place = self.place.clone();
        self.change(place, Edit::Remove)
    }

    /// Fixed by an edit at another place of the same object; may be called again.
    pub fn change(mut self, place: impl Into<Place<'a>>, edit: Edit) -> Self {
        self.rare_mut().changes.push(Change { place: place.into(), edit });
        self
    }

    /// Fixed by these edits, all of them together, as those of [`crate::Component::set_flag`].
    pub fn changes(mut self, changes: impl IntoIterator<Item = Change<'a>>) -> Self {
        let mut changes = changes.into_iter().peekable();
        if changes.peek().is_some() {
            self.rare_mut().changes.extend(changes);
        }
        self
    }

    /// With another place that belongs to it; may be called again.
    pub fn related(mut self, related: Related) -> Self {
        self.rare_mut().related.push(related);
        self
    }

    /// Telling of a vulnerability.
    pub fn vulnerability(mut self, vulnerability: Vulnerability) -> Self {
        self.rare_mut().vulnerability = Some(Box::new(vulnerability));
        self
    }

    /// With what tells it apart from others at the same place.
    pub fn instance(self, instance: impl Into<String>) -> Self {
        Self { instance: instance.into(), ..self }
    }
}

/// A value, or a field that is absent below one.
#[derive(Debug, Clone)]
pub enum Place<'a> {
    /// In the subject's document: the value itself, or the nearest parent that exists and the
    /// names of what is missing in it (`securityContext.runAsNonRoot`).
    At(Value<'a>, Cow<'static, str>),
    /// Bytes of the subject's source that are no value: text that a cluster does not see.
    Bytes(Value<'a>, (u32, u32)),
    /// In a file of an image's layer.
    Layer(Box<Location>),
    /// Nowhere: a whole object is missing.
    Nowhere,
}

impl<'a> Place<'a> {
    /// The field at `path` below `value`; where it is absent, its nearest parent that exists.
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

    /// The bytes to show: a scalar with its key; of a collection its key, or the entry that names
    /// it in a list.
    pub fn span(&self) -> Option<Range<u32>> {
        let value = match self {
            Self::At(value, _) => value,
            Self::Bytes(_, (start, end)) => return Some(*start..*end),
            Self::Layer(_) | Self::Nowhere => return None,
        };
        let with_key = |value: Value<'_>| {
            let span = value.span();
            // An aliased value is elsewhere: then the two have nothing in common.
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

    /// Helpers of checks give it as an error.
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
