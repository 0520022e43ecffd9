//! The section `signatures`: which images must be signed, and by whom.

use pavisade_model::Glob;
use pavisade_signing::{Accept, Contents, Match, PREDICATES, Policy, PublicKey, predicate_type};
use pavisade_yaml::{Kind, Value};

use crate::reader::Reader;

/// Maximum number of rules in a file, and of signers in a rule.
const MAX: usize = 200;

const FIELDS: [&str; 6] =
    ["images", "accept", "types", "unsigned", "without-log", "without-certificate-log"];
const OF_SIGNER: [&str; 7] =
    ["key", "identity", "identity-pattern", "issuer", "issuer-pattern", "repository", "git-ref"];

/// The signature requirements for some images.
#[derive(Debug, Clone)]
pub struct SignatureRule {
    /// The patterns of image references: `registry.example/team/**`.
    pub images: Vec<Glob>,
    /// The accepted signers. `None` if no signature is required.
    pub policy: Option<Policy>,
}

impl SignatureRule {
    /// Whether it applies to an image: the reference matches, with or without its tag and digest.
    pub fn is_about(&self, reference: &str) -> bool {
        let bare = reference.split_once('@').map_or(reference, |(name, _)| name);
        let name = match bare.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => name,
            _ => bare,
        };
        self.images.iter().any(|glob| [reference, bare, name].iter().any(|one| glob.matches(one)))
    }
}

/// Reads the list. An incomplete rule is reported and accepts no signer.
pub(crate) fn list(reader: &mut Reader<'_>, value: Value<'_>) -> Vec<SignatureRule> {
    let items = reader.list(value);
    if let Some(item) = items.get(MAX) {
        reader.missing(*item, "a file has at most 200 rules about signatures");
    }
    items.into_iter().take(MAX).map(|item| one(reader, item)).collect()
}

fn one(reader: &mut Reader<'_>, item: Value<'_>) -> SignatureRule {
    let (mut images, mut policy, mut is_free) = (Vec::new(), Policy::default(), false);
    for (field, value) in reader.fields(item, &FIELDS, "a rule about signatures") {
        match field {
            "images" => {
                for (text, at) in reader.texts(value) {
                    images.extend(reader.glob(&text, at));
                }
            }
            "accept" => {
                let items = reader.list(value);
                if let Some(item) = items.get(MAX) {
                    reader.missing(*item, "a rule names at most 200 signers");
                }
                let all = items.into_iter().take(MAX);
                policy.accept = all.filter_map(|item| signer(reader, item)).collect();
            }
            "types" => policy.contents = types(reader, value),
            "unsigned" => match reader.text(value) {
                Some("allow") => is_free = true,
                Some(text) => reader.unknown("word", text, value, &["allow"]),
                None => {}
            },
            "without-log" => policy.log = !reader.boolean(value).unwrap_or(false),
            _ => policy.certificate_log = !reader.boolean(value).unwrap_or(false),
        }
    }
    if images.is_empty() {
        reader.missing(item, "a rule about signatures needs `images`");
    }
    // A value that cannot be read is reported already.
    let is_unreadable = !is_free && item.get("unsigned").is_some();
    if is_free != policy.accept.is_empty() && !is_unreadable {
        let message = "a rule about signatures needs either `accept` or `unsigned: allow`";
        reader.missing(item, message);
    }
    SignatureRule { images, policy: (!is_free).then_some(policy) }
}

/// Which statements count. What is not known is told and left out, so that nothing counts by it.
fn types(reader: &mut Reader<'_>, value: Value<'_>) -> Contents {
    let mut types = Vec::new();
    let all = reader.texts(value);
    if all.is_empty() && matches!(value.kind(), Kind::Sequence | Kind::Null) {
        reader.problem(value, "`types` names no type", "Name one, or remove the field.");
    }
    for (text, at) in all {
        match predicate_type(&text) {
            Some(kind) => types.push(kind),
            None => {
                let known: Vec<_> = PREDICATES.iter().map(|(name, _)| *name).collect();
                reader.unknown("type of statement", &text, at, &known);
            }
        }
    }
    Contents::Types(types)
}

fn signer(reader: &mut Reader<'_>, item: Value<'_>) -> Option<Accept> {
    let (mut key, mut subject, mut issuer) = (None, None, None);
    let (mut repository, mut reference) = (None, None);
    let fields = reader.fields(item, &OF_SIGNER, "a signer");
    for (exact, pattern) in [("identity", "identity-pattern"), ("issuer", "issuer-pattern")] {
        let find = |name: &str| fields.iter().find(|(field, _)| *field == name);
        if let (Some(_), Some((_, at))) = (find(exact), find(pattern)) {
            let message = format!("a signer has either `{exact}` or `{pattern}`, not both");
            reader.problem(*at, message, "Write two signers, or remove one of the fields.");
            return None;
        }
    }
    for (field, value) in fields {
        let text = reader.text(value)?;
        if text.is_empty() {
            reader.problem(value, format!("`{field}` is empty"), "");
            return None;
        }
        let pattern = |reader: &mut Reader<'_>| match Match::pattern(text) {
            Ok(pattern) => Some(pattern),
            Err(error) => {
                reader.problem(value, error.to_string(), "");
                None
            }
        };
        match field {
            "key" => match PublicKey::from_pem(text) {
                Ok(found) => key = Some(found),
                Err(error) => {
                    let remedy =
                        "Write the PEM text of the public key here, as a block (`key: |`).";
                    reader.problem(value, error.to_string(), remedy);
                    return None;
                }
            },
            "identity" => subject = Some(Match::Exact(text.to_owned())),
            "identity-pattern" => subject = Some(pattern(reader)?),
            "issuer" => issuer = Some(Match::Exact(text.to_owned())),
            "issuer-pattern" => issuer = Some(pattern(reader)?),
            "repository" => repository = Some(Match::Exact(text.to_owned())),
            _ => reference = Some(Match::Exact(text.to_owned())),
        }
    }
    match (key, subject, issuer) {
        (Some(key), None, None) if repository.is_none() && reference.is_none() => {
            Some(Accept::Key(key))
        }
        (None, Some(subject), Some(issuer)) => {
            Some(Accept::Identity { subject, issuer, repository, workflow: None, reference })
        }
        _ => {
            let message = "a signer is either a `key`, or an `identity` with its `issuer`";
            reader.missing(item, message);
            None
        }
    }
}
