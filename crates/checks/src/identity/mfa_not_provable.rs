//! PV-I020.

use pavisade_macros::check;
use pavisade_model::{Severity, kinds};
use pavisade_snapshot::Object;
use pavisade_yaml::{Kind, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use super::cel;
use super::claims::{Demand, grade_class, grade_method, second_factor};
use super::issuer::{Who, host, who};
use super::lifetime::{Lifetime, lifetime};
use crate::{Check, Claim, Component, Cx, OnControlPlane, Part, Place, Verdict, View};

/// MFA is not enforced for API logins
///
/// ## Why
/// Unless a rule requires a claim about the login (`amr`, `acr`), a phished password is enough,
/// whatever the login page of the issuer requires, because the API server trusts the tokens of its
/// issuer. Unless a rule limits the lifetime of tokens, a stolen token is valid for as long as the
/// issuer decides. Client certificates, static tokens and the `--oidc-…` flags can neither prove a
/// second factor nor limit the lifetime of a token.
///
/// ## Fix
/// Use an `AuthenticationConfiguration` with rules for each issuer that authenticates people:
/// `has(claims.amr) && 'mfa' in claims.amr` (or a standard value of `claims.acr`, such as `phr` or
/// `https://refeds.org/profile/mfa`, if it sets one) and `claims.exp - claims.iat <= 3600`. Issuers
/// for machines (CI, ServiceAccounts) have no second factor and are not reported.
#[check(
    id = "PV-I020",
    severity = High,
    scope = Related,
    programs = [ApiServer],
    on = [AUTHENTICATION_CONFIGURATION],
    reads = [AUTHENTICATION_CONFIGURATION]
)]
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MfaNotProvable {
    /// Hosts of additional issuers that authenticate only machines.
    machine_issuers: Vec<String>,
    /// The maximum lifetime of a token, in seconds.
    max_token_lifetime: i64,
}

impl Default for MfaNotProvable {
    fn default() -> Self {
        Self { machine_issuers: Vec::new(), max_token_lifetime: 24 * 3600 }
    }
}

impl Check for MfaNotProvable {
    type On = OnControlPlane;

    fn check<'a>(&self, part: Part<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        part.judged("kube-apiserver", |file| self.file(file), |server| self.flags(server, cx))
    }
}

/// What the rules of an issuer require, and the rule that is not supported.
pub(super) struct Rules<'a> {
    pub(super) factor: Demand,
    pub(super) lifetime: Lifetime,
    unclear: Option<Value<'a>>,
}

impl MfaNotProvable {
    fn file<'a>(&self, file: &'a Object) -> Verdict<'a> {
        let Some(jwt) = file.at(&["jwt"]).filter(|jwt| !jwt.is_null()) else {
            return Verdict::NotApplicable;
        };
        if jwt.kind() != Kind::Sequence {
            return Verdict::unknown(jwt, format!("`jwt` is {}, not a list", jwt.kind().name()));
        }
        Verdict::all(jwt.items().map(|entry| self.issuer(entry)))
    }

    fn who(&self, url: &str) -> Who {
        let named = self.machine_issuers.iter().any(|m| m.eq_ignore_ascii_case(host(url)));
        if named { Who::Machines } else { who(url) }
    }

    fn issuer<'a>(&self, entry: Value<'a>) -> Verdict<'a> {
        let url = entry.at(&["issuer", "url"]);
        let name = url.and_then(Value::as_str).unwrap_or("");
        let place = url.map_or_else(|| Place::field(entry, &["issuer", "url"]), Place::from);
        let who = self.who(name);
        if who == Who::Machines || who == Who::Either && is_for_pipelines(entry) {
            return Verdict::NotApplicable;
        }
        let rules = Rules::read(entry);
        let claim = match rules.factor {
            Demand::Met => return self.lifetime(entry, name, &rules),
            Demand::Unclear => {
                let why = format!(
                    "it is not known whether the rules for `{name}` require a second factor: this \
                     one may accept a token without it"
                );
                Claim::unknown(rules.unclear.map_or(place, Place::from), why)
            }
            Demand::Silent | Demand::TooWeak(_) if who == Who::Either => Claim::unknown(
                place,
                format!(
                    "`{name}` issues tokens to people and to pipelines, and no rule distinguishes \
                     them"
                ),
            ),
            Demand::Silent | Demand::TooWeak(_) if demanded_elsewhere(entry) => Claim::unknown(
                place,
                format!(
                    "the claim mappings or user validation rules for `{name}` refer to `amr` or \
                     `acr`, which is not evaluated"
                ),
            ),
            Demand::TooWeak(what) => Claim::fails(
                place,
                format!("the rules for `{name}` accept {what}: a password is enough"),
            ),
            Demand::Silent => Claim::fails(
                place,
                format!(
                    "no rule for `{name}` requires `amr` or `acr`: a token from a login with only \
                     a password is accepted"
                ),
            ),
        };
        claim.instance(name).into()
    }

    fn lifetime<'a>(&self, entry: Value<'a>, name: &str, rules: &Rules<'a>) -> Verdict<'a> {
        let place = Place::field(entry, &["claimValidationRules"]);
        let claim = match rules.lifetime {
            Lifetime::AtMost(seconds) if seconds <= self.max_token_lifetime => {
                return Verdict::Holds;
            }
            Lifetime::AtMost(seconds) => Claim::fails(
                place,
                format!(
                    "tokens of `{name}` may be valid for {seconds} seconds: a stolen token \
                     includes its second factor"
                ),
            ),
            Lifetime::Unlimited => Claim::fails(
                place,
                format!(
                    "no rule limits the lifetime of tokens of `{name}`: a stolen token includes \
                     its second factor"
                ),
            ),
            Lifetime::Unclear => Claim::unknown(
                rules.unclear.map_or(place, Place::from),
                format!(
                    "the maximum lifetime of tokens of `{name}` cannot be determined from this rule"
                ),
            ),
        };
        claim.severity(Severity::Medium).instance(name).into()
    }

    fn flags<'a>(&self, server: Component<'a>, cx: &View<'a>) -> Result<Verdict<'a>, Claim<'a>> {
        let file = kinds::AUTHENTICATION_CONFIGURATION;
        if let Some(verdict) = server.left_to_file("authentication-config", file, cx) {
            return Ok(verdict);
        }
        let issuer = server.known("oidc-issuer-url")?;
        let Some(url) = issuer.as_ref().and_then(|flag| flag.text()).filter(|url| !url.is_empty())
        else {
            const WEBHOOK: &str = "authentication-token-webhook-config-file";
            return Ok(match server.known(WEBHOOK)? {
                Some(_) => Verdict::unknown(
                    server.place(WEBHOOK),
                    format!(
                        "a webhook authenticates users: whether it requires a second factor is \
                         not {}",
                        cx.here()
                    ),
                ),
                None => Verdict::NotApplicable,
            });
        };
        let who = self.who(url);
        if who == Who::Machines {
            return Ok(Verdict::NotApplicable);
        }
        // A flag can only require that a claim equals a string.
        server.known("oidc-required-claim")?;
        let required = server.flags("oidc-required-claim");
        let demand = required.iter().filter_map(|flag| flag.value.split_once('='));
        let demand =
            demand.map(|(claim, value)| equal(claim, value)).fold(Demand::Silent, Demand::and);
        let place = server.place("oidc-issuer-url");
        Ok(match demand {
            Demand::Met => Claim::fails(
                place,
                format!(
                    "flags cannot limit the lifetime of tokens of `{url}`: a stolen token \
                     includes its second factor"
                ),
            )
            .severity(Severity::Medium)
            .into(),
            Demand::Unclear => Verdict::unknown(
                server.place("oidc-required-claim"),
                format!("the meaning of this value is defined by `{url}`"),
            ),
            Demand::Silent | Demand::TooWeak(_) if who == Who::Either => Verdict::unknown(
                place,
                format!(
                    "`{url}` issues tokens to people and to pipelines, and no rule distinguishes \
                     them"
                ),
            ),
            Demand::Silent | Demand::TooWeak(_) => Verdict::fails(
                place,
                format!(
                    "no `--oidc-required-claim` requires a second factor from `{url}`: a token \
                     from a login with only a password is accepted"
                ),
            ),
        })
    }
}

impl<'a> Rules<'a> {
    pub(super) fn read(entry: Value<'a>) -> Self {
        let mut all = Self { factor: Demand::Silent, lifetime: Lifetime::Unlimited, unclear: None };
        for rule in entry.list("claimValidationRules") {
            let expression = rule.get("expression").filter(|e| !e.is_null());
            let (factor, life) = match (expression, rule.str("claim")) {
                (Some(text), _) => read(text.as_str().unwrap_or("")),
                (None, Some(claim)) => {
                    let value = rule.get("requiredValue").and_then(Value::scalar_text);
                    (equal(claim, &value.unwrap_or_default()), Lifetime::Unlimited)
                }
                (None, None) => continue,
            };
            if factor == Demand::Unclear || life == Lifetime::Unclear {
                all.unclear = all.unclear.or(expression).or(rule.get("requiredValue"));
            }
            all.factor = all.factor.and(factor);
            all.lifetime = all.lifetime.and(life);
        }
        all
    }
}

fn read(text: &str) -> (Demand, Lifetime) {
    match cel::parse(text) {
        Some(rule) => (second_factor(&rule), lifetime(&rule)),
        None => {
            let factor = text.contains("amr") || text.contains("acr");
            (
                if factor { Demand::Unclear } else { Demand::Silent },
                if text.contains("exp") { Lifetime::Unclear } else { Lifetime::Unlimited },
            )
        }
    }
}

pub(super) fn equal(claim: &str, value: &str) -> Demand {
    match claim {
        "acr" => grade_class(value),
        "amr" => grade_method(value),
        _ => Demand::Silent,
    }
}

/// Whether expressions other than claim validation rules refer to the login.
fn demanded_elsewhere(entry: Value<'_>) -> bool {
    let looks = |value: Option<Value<'_>>| {
        let text = value.and_then(Value::as_str).unwrap_or("");
        cel::parse(text).map_or(text.contains("amr") || text.contains("acr"), |e| {
            e.mentions("amr") || e.mentions("acr")
        })
    };
    let mappings = ["username", "groups", "uid"];
    if mappings.iter().any(|name| looks(entry.at(&["claimMappings", name, "expression"]))) {
        return true;
    }
    let extra = entry.get("claimMappings").into_iter().flat_map(|m| m.list("extra"));
    let carried = extra.into_iter().any(|item| looks(item.get("valueExpression")));
    let mut rules = entry.list("userValidationRules");
    carried && rules.any(|rule| rule.str("expression").is_some_and(|text| text.contains("extra")))
}

/// Whether the entry refers to claims that only GitLab's pipelines have.
fn is_for_pipelines(entry: Value<'_>) -> bool {
    const CLAIMS: [&str; 7] = [
        "ci_config_ref_uri",
        "job_id",
        "namespace_path",
        "pipeline_source",
        "project_id",
        "project_path",
        "ref_protected",
    ];
    let mut texts = entry.descendants().filter_map(Value::as_str);
    texts.any(|text| CLAIMS.iter().any(|claim| text.contains(claim)))
}
