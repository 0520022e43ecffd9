//! The verdict on a token: who comes of it, or which rule refuses it.

use cel::Value as Cel;
use serde_json::{Value, json};

use crate::authentication::{Authentication, Authenticator, Mapping};
use crate::expression::Expression;
use crate::keys::{Keys, Signature};
use crate::token::Token;
use crate::tree::Root;

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
        let unknown = self.unknown.first().map(|fault| format!("{}: {}", fault.field, fault.why));
        match (of.login(token), unknown) {
            (Err(refusal), _) => Judged::Refused(refusal),
            (Ok(_), Some(unknown)) => Judged::Unknown(unknown),
            (Ok(login), None) if signature == Signature::Good => Judged::Accepted(login),
            (Ok(login), None) => Judged::Unknown(format!(
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
        let audiences = token.audiences();
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

    /// Who comes of it, in the order in which the API server works.
    fn login(&self, token: &Token) -> Result<Login, Refusal> {
        let claims = &token.claims;
        let username = self.username(claims)?;
        let groups = self.groups(claims)?;
        let uid = match &self.uid {
            Mapping::None => String::new(),
            Mapping::Claim { claim, .. } => {
                text(claims, claim).map_err(|why| refusal("claimMappings.uid", why))?
            }
            Mapping::Expression(expression) => {
                match evaluate(expression, Root::Claims, claims, "claimMappings.uid")? {
                    Cel::String(text) => (*text).clone(),
                    _ => {
                        return Err(refusal(
                            "claimMappings.uid",
                            "uid claim expression must return a string",
                        ));
                    }
                }
            }
        };
        let mut extra = Vec::new();
        for (key, expression) in &self.extra {
            let value = evaluate(expression, Root::Claims, claims, "claimMappings.extra")?;
            let values = strings(value).map_err(|why| refusal("claimMappings.extra", why))?;
            if !values.is_empty() {
                extra.push((key.clone(), values));
            }
        }
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
            hold(&rule.expression, Root::Claims, claims, &rule.field, &rule.message)?;
        }
        let login = Login { username, groups, uid, extra };
        if !self.user_rules.is_empty() {
            let user = user(&login);
            for rule in &self.user_rules {
                hold(&rule.expression, Root::User, &user, &rule.field, &rule.message)?;
            }
        }
        Ok(login)
    }

    fn username(&self, claims: &Value) -> Result<String, Refusal> {
        const FIELD: &str = "claimMappings.username";
        match &self.username {
            Mapping::None => Err(refusal(FIELD, "no claim or expression gives a username")),
            Mapping::Expression(expression) => {
                match evaluate(expression, Root::Claims, claims, FIELD)? {
                    Cel::String(name) if name.is_empty() => {
                        Err(refusal(FIELD, "empty username is not allowed"))
                    }
                    Cel::String(name) => Ok((*name).clone()),
                    _ => Err(refusal(FIELD, "username claim expression must return a string")),
                }
            }
            Mapping::Claim { claim, prefix } => {
                let name = text(claims, claim).map_err(|why| refusal(FIELD, why))?;
                if claim == "email" {
                    match claims.get("email_verified") {
                        None | Some(Value::Bool(true)) => {}
                        Some(Value::Bool(false)) => {
                            return Err(refusal(FIELD, "email not verified"));
                        }
                        Some(_) => return Err(refusal(FIELD, "email_verified is not a boolean")),
                    }
                }
                Ok(format!("{prefix}{name}"))
            }
        }
    }

    fn groups(&self, claims: &Value) -> Result<Vec<String>, Refusal> {
        const FIELD: &str = "claimMappings.groups";
        match &self.groups {
            Mapping::None => Ok(Vec::new()),
            Mapping::Expression(expression) => {
                let value = evaluate(expression, Root::Claims, claims, FIELD)?;
                strings(value).map_err(|why| refusal(FIELD, why))
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
                        return Err(refusal(
                            FIELD,
                            format!("claim `{claim}` is neither a text nor a list"),
                        ));
                    }
                };
                Ok(all.into_iter().map(|group| format!("{prefix}{group}")).collect())
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

fn evaluate(
    expression: &Expression,
    root: Root,
    value: &Value,
    field: &str,
) -> Result<Cel, Refusal> {
    expression
        .evaluate(root, value)
        .map_err(|why| refusal(field, format!("`{}`: {why}", expression.text())))
}

fn hold(
    expression: &Expression,
    root: Root,
    value: &Value,
    field: &str,
    message: &str,
) -> Result<(), Refusal> {
    match evaluate(expression, root, value, field)? {
        Cel::Bool(true) => Ok(()),
        Cel::Bool(false) => {
            let said = if message.is_empty() { String::new() } else { format!(": {message}") };
            Err(refusal(field, format!("`{}` is false{said}", expression.text())))
        }
        _ => Err(refusal(field, "validation expression must return a boolean")),
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
