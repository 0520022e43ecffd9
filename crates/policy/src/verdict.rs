//! The verdict on a token: who comes of it, or which rule refuses it.

use cel::Value as Cel;
use serde_json::{Value, json};

use crate::authentication::{Authentication, Authenticator, Mapping};
use crate::expression::Expression;
use crate::keys::{Keys, Signature};
use crate::token::Token;
use crate::tree::{Refused, Root};

/// Somebody who was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The name, with its prefix.
    pub username: String,
    /// The groups that come of claims; the API server adds `system:authenticated`.
    pub groups: Vec<String>,
    /// The id.
    pub uid: String,
    /// What authorizers and admission see besides.
    pub extra: Vec<(String, Vec<String>)>,
}

/// Why a token is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The field of the configuration; empty where no rule of it refuses.
    pub field: String,
    /// Why.
    pub why: String,
}

/// The verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judged {
    /// The API server lets it in.
    Accepted(Login),
    /// It does not.
    Refused(Refusal),
    /// It depends on what is not known: the rest was passed.
    Unknown(String),
}

/// A clock that is this much ahead is forgiven for `nbf` (go-oidc).
const LEEWAY: f64 = 60.0;

impl Authentication {
    /// What the API server makes of a token at a time, in seconds since 1970. Without keys the signature
    /// stays unchecked, and what passes all rules is unknown.
    pub fn judge(&self, token: &Token, keys: Option<&Keys>, now: f64) -> Judged {
        if let Some(fault) = self.faults.first() {
            let why =
                format!("the API server does not start with this configuration: {}", fault.why);
            return refused(&fault.field, why);
        }
        let issuer = token.issuer();
        let Some(of) = self.authenticators.iter().find(|one| one.issuer == issuer) else {
            return refused("", format!("no authenticator is for the issuer `{issuer}`"));
        };
        if let Some(refusal) = of.verify(token, now) {
            return Judged::Refused(refusal);
        }
        let signature = match keys {
            Some(keys) if token.is_signed() => keys.verify(token),
            _ => Signature::Unchecked,
        };
        if let Signature::Bad(why) = &signature {
            return refused("", why.clone());
        }
        let (login, unknown) = match of.login(token) {
            Ok(made) => made,
            Err(refusal) => return Judged::Refused(refusal),
        };
        let fault = self.unknown.first().map(|fault| format!("{}: {}", fault.field, fault.why));
        match fault.or(unknown) {
            Some(unknown) => Judged::Unknown(unknown),
            None if signature == Signature::Good => Judged::Accepted(login),
            None => Judged::Unknown(format!(
                "all rules accept it as `{}`; whether the issuer signed it was not checked",
                login.username
            )),
        }
    }
}

fn refused(field: &str, why: String) -> Judged {
    Judged::Refused(Refusal { field: field.to_owned(), why })
}

fn refusal(field: &str, why: impl Into<String>) -> Refusal {
    Refusal { field: field.to_owned(), why: why.into() }
}

impl Authenticator {
    /// What OpenID Connect demands of any token.
    fn verify(&self, token: &Token, now: f64) -> Option<Refusal> {
        if let Some(why) = token.fault() {
            return Some(refusal("", why));
        }
        let audiences = token.audiences().unwrap_or_default();
        if !self.audiences.iter().any(|own| audiences.contains(&&**own)) {
            let why = format!(
                "it is for {audiences:?}, and the configuration wants one of {:?}",
                self.audiences
            );
            return Some(refusal("issuer.audiences", why));
        }
        if token.time("exp").unwrap_or(0.0) < now {
            return Some(refusal("", "it is expired, or says no `exp`"));
        }
        if token.time("nbf").is_some_and(|from| now + LEEWAY < from) {
            return Some(refusal("", "it is not valid yet (`nbf`)"));
        }
        None
    }

    /// Who comes of it, in the order in which the API server works, and what of that is not known. A
    /// rule that refuses counts whatever else is not known.
    fn login(&self, token: &Token) -> Result<(Login, Option<String>), Refusal> {
        let claims = &token.claims;
        let mut unknown = Unknown::default();
        let username = unknown.unless(self.username(claims))?.unwrap_or_default();
        let groups = unknown.unless(self.groups(token))?.unwrap_or_default();
        let uid = unknown.unless(self.uid(claims))?.unwrap_or_default();
        let mut extra = Vec::new();
        for (key, expression) in &self.extra {
            const FIELD: &str = "claimMappings.extra";
            let value = evaluate(expression, Root::Claims, claims, FIELD);
            let Some(value) = unknown.unless(value)? else { continue };
            let values = strings(value).map_err(|why| refusal(FIELD, why))?;
            if !values.is_empty() {
                extra.push((key.clone(), values));
            }
        }
        // Rules about the user say nothing where the user is not known.
        let user_known = unknown.0.is_none() && !self.extra_unknown;
        for (field, claim, wanted) in &self.required {
            if claims.get(claim).is_none() {
                return Err(refusal(
                    field,
                    format!("required claim {claim} not present in ID token"),
                ));
            }
            let own = text(claims, claim).map_err(|why| refusal(field, why))?;
            if own != *wanted {
                return Err(refusal(
                    field,
                    format!("required claim {claim} is `{own}`, not `{wanted}`"),
                ));
            }
        }
        for rule in &self.rules {
            let held = hold(&rule.expression, Root::Claims, claims, &rule.field, &rule.message);
            unknown.unless(held)?;
        }
        let login = Login { username, groups, uid, extra };
        if !self.user_rules.is_empty() && user_known {
            let user = user(&login);
            for rule in &self.user_rules {
                let held = hold(&rule.expression, Root::User, &user, &rule.field, &rule.message);
                unknown.unless(held)?;
            }
        }
        Ok((login, unknown.0))
    }

    fn uid(&self, claims: &Value) -> Result<String, Stop> {
        const FIELD: &str = "claimMappings.uid";
        match &self.uid {
            Mapping::None => Ok(String::new()),
            Mapping::Unknown => Err(Stop::mapping(FIELD)),
            Mapping::Claim { claim, .. } => {
                text(claims, claim).map_err(|why| refusal(FIELD, why).into())
            }
            Mapping::Expression(expression) => {
                match evaluate(expression, Root::Claims, claims, FIELD)? {
                    Cel::String(text) => Ok((*text).clone()),
                    _ => Err(refusal(FIELD, "uid claim expression must return a string").into()),
                }
            }
        }
    }

    fn username(&self, claims: &Value) -> Result<String, Stop> {
        const FIELD: &str = "claimMappings.username";
        match &self.username {
            Mapping::None => Err(refusal(FIELD, "no claim or expression gives a username").into()),
            Mapping::Unknown => Err(Stop::mapping(FIELD)),
            Mapping::Expression(expression) => {
                match evaluate(expression, Root::Claims, claims, FIELD)? {
                    Cel::String(name) if name.is_empty() => {
                        Err(refusal(FIELD, "empty username is not allowed").into())
                    }
                    Cel::String(name) => Ok((*name).clone()),
                    _ => {
                        Err(refusal(FIELD, "username claim expression must return a string").into())
                    }
                }
            }
            Mapping::Claim { claim, prefix } => {
                let name = text(claims, claim).map_err(|why| refusal(FIELD, why))?;
                if claim == "email" {
                    let why = match claims.get("email_verified") {
                        None | Some(Value::Bool(true)) => return Ok(format!("{prefix}{name}")),
                        Some(Value::Bool(false)) => "email not verified",
                        Some(_) => "email_verified is not a boolean",
                    };
                    return Err(refusal(FIELD, why).into());
                }
                Ok(format!("{prefix}{name}"))
            }
        }
    }

    fn groups(&self, token: &Token) -> Result<Vec<String>, Stop> {
        const FIELD: &str = "claimMappings.groups";
        let claims = &token.claims;
        match &self.groups {
            Mapping::None => Ok(Vec::new()),
            Mapping::Unknown => Err(Stop::mapping(FIELD)),
            Mapping::Expression(expression) => {
                let value = evaluate(expression, Root::Claims, claims, FIELD)?;
                strings(value).map_err(|why| refusal(FIELD, why).into())
            }
            Mapping::Claim { claim, .. } if token.is_distributed(claim) => {
                Err(Stop::Unknown(format!(
                    "{FIELD}: the issuer keeps `{claim}` elsewhere (`_claim_names`), and the API server \
                 fetches it from there"
                )))
            }
            Mapping::Claim { claim, prefix } => {
                let all = match claims.get(claim) {
                    None => return Ok(Vec::new()),
                    Some(Value::String(one)) => vec![one.clone()],
                    Some(Value::Null) => Vec::new(),
                    Some(Value::Array(all)) => {
                        let texts = all.iter().map(|one| one.as_str().map(str::to_owned));
                        let texts: Option<Vec<_>> = texts.collect();
                        texts.ok_or_else(|| {
                            refusal(FIELD, format!("claim `{claim}` has something else than texts"))
                        })?
                    }
                    Some(_) => {
                        let why = format!("claim `{claim}` is neither a text nor a list");
                        return Err(refusal(FIELD, why).into());
                    }
                };
                Ok(all.into_iter().map(|group| format!("{prefix}{group}")).collect())
            }
        }
    }
}

/// Why there is no value.
enum Stop {
    /// The API server refuses the token.
    Refused(Refusal),
    /// It cannot be said here.
    Unknown(String),
}

impl Stop {
    fn mapping(field: &str) -> Self {
        Self::Unknown(format!("{field}: the expression is not evaluated here"))
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The first thing that is not known.
#[derive(Default)]
struct Unknown(Option<String>);

impl Unknown {
    /// A value, or nothing where it is not known.
    fn unless<T>(&mut self, result: Result<T, Stop>) -> Result<Option<T>, Refusal> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(Stop::Refused(refusal)) => Err(refusal),
            Err(Stop::Unknown(why)) => {
                self.0.get_or_insert(why);
                Ok(None)
            }
        }
    }
}

/// A claim that must be a text.
fn text(claims: &Value, claim: &str) -> Result<String, String> {
    match claims.get(claim) {
        None => Err(format!("claim `{claim}` is not present")),
        Some(Value::String(text)) => Ok(text.clone()),
        // Go leaves a text as it is where JSON says null.
        Some(Value::Null) => Ok(String::new()),
        Some(_) => Err(format!("claim `{claim}` is not a string")),
    }
}

fn evaluate(expression: &Expression, root: Root, value: &Value, field: &str) -> Result<Cel, Stop> {
    expression.evaluate(root, value).map_err(|why| {
        let text = format!("`{}`: {why}", expression.text());
        match why {
            Refused::Invalid(_) => refusal(field, text).into(),
            Refused::Unknown(_) => Stop::Unknown(format!("{field}: {text}")),
        }
    })
}

fn hold(
    expression: &Expression,
    root: Root,
    value: &Value,
    field: &str,
    message: &str,
) -> Result<(), Stop> {
    match evaluate(expression, root, value, field)? {
        Cel::Bool(true) => Ok(()),
        Cel::Bool(false) => {
            let said = if message.is_empty() { String::new() } else { format!(": {message}") };
            Err(refusal(field, format!("`{}` is false{said}", expression.text())).into())
        }
        _ => Err(refusal(field, "validation expression must return a boolean").into()),
    }
}

/// A text or a list of them; empty ones are none.
fn strings(value: Cel) -> Result<Vec<String>, String> {
    let wrong = || "expression must return a string or a list of strings".to_owned();
    let all = match value {
        Cel::Null => Vec::new(),
        Cel::String(one) => vec![(*one).clone()],
        Cel::List(all) => {
            let texts = all.iter().map(|one| match one {
                Cel::String(text) => Ok((**text).clone()),
                _ => Err(wrong()),
            });
            texts.collect::<Result<Vec<_>, _>>()?
        }
        _ => return Err(wrong()),
    };
    Ok(all.into_iter().filter(|text| !text.is_empty()).collect())
}

/// `user` as rules see it.
fn user(login: &Login) -> Value {
    let extra: serde_json::Map<String, Value> =
        login.extra.iter().map(|(key, values)| (key.clone(), json!(values))).collect();
    json!({"username": login.username, "uid": login.uid, "groups": login.groups, "extra": extra})
}
