//! PV-I068.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_snapshot::Object;
use pavisade_yaml::{Kind, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use super::issuer::host;
use crate::{Check, Claim, Component, Cx, OnControlPlane, Part, Place, Verdict};

/// Public OIDC issuer without a claim validation rule
///
/// ## Why
/// Without a rule, every repository on GitHub, every project on GitLab or every Google account can
/// log in to the cluster and is a member of `system:authenticated`: all of them get tokens from the
/// same issuer, usually with a freely chosen audience.
///
/// ## Fix
/// Require a claim that identifies your organization in `claimValidationRules`:
/// `repository_owner_id` for GitHub, `namespace_id` for GitLab, `hd` for Google, `tid` for
/// Microsoft.
#[check(
    id = "PV-I068",
    severity = High,
    scope = Object,
    programs = [ApiServer],
    on = [AUTHENTICATION_CONFIGURATION]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OpenIssuer {}

/// An issuer from which anyone can get tokens.
struct Shared {
    host: &'static str,
    /// Claims that identify the owner of a token.
    claims: &'static [&'static str],
    /// Who can get tokens.
    who: &'static str,
    severity: Severity,
}

/// The caller chooses the audience, except for Google and Microsoft, where it is a registered
/// application.
const SHARED: [Shared; 6] = [
    Shared {
        host: "token.actions.githubusercontent.com",
        claims: &[
            "enterprise",
            "enterprise_id",
            "job_workflow_ref",
            "repository",
            "repository_id",
            "repository_owner",
            "repository_owner_id",
            "sub",
            "workflow_ref",
        ],
        who: "every repository on GitHub",
        severity: Severity::High,
    },
    Shared {
        host: "gitlab.com",
        claims: &[
            "groups",
            "groups_direct",
            "namespace_id",
            "namespace_path",
            "project_id",
            "project_path",
            "sub",
        ],
        who: "every project on GitLab",
        severity: Severity::High,
    },
    Shared {
        host: "app.terraform.io",
        claims: &[
            "sub",
            "terraform_organization_id",
            "terraform_organization_name",
            "terraform_workspace_id",
        ],
        who: "every HCP Terraform organization",
        severity: Severity::High,
    },
    Shared {
        host: "agent.buildkite.com",
        claims: &["organization_id", "organization_slug", "pipeline_slug", "sub"],
        who: "every Buildkite organization",
        severity: Severity::High,
    },
    Shared {
        host: "accounts.google.com",
        claims: &["email", "hd", "sub"],
        who: "every Google account",
        severity: Severity::Medium,
    },
    Shared {
        host: "login.microsoftonline.com",
        claims: &["tid"],
        who: "every Microsoft organization",
        severity: Severity::Medium,
    },
];

fn shared(url: &str) -> Option<&'static Shared> {
    let found = SHARED.iter().find(|shared| shared.host.eq_ignore_ascii_case(host(url)))?;
    // A URL with an organization in it is for that organization only.
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.split_once('/').map_or("", |(_, path)| path).trim_end_matches('/');
    let common = ["common", "organizations", "consumers"];
    let first = path.split('/').next().unwrap_or("");
    match found.host {
        "login.microsoftonline.com" => common.contains(&first).then_some(found),
        "token.actions.githubusercontent.com" => path.is_empty().then_some(found),
        _ => Some(found),
    }
}

impl Check for OpenIssuer {
    type On = OnControlPlane;

    fn check<'a>(&self, part: Part<'a>, _: &Cx<'a>) -> Verdict<'a> {
        part.judged("kube-apiserver", from_file, from_flags)
    }
}

fn fails<'a>(place: impl Into<Place<'a>>, url: &str, shared: &Shared) -> Claim<'a> {
    let message = format!("{} can get tokens from `{url}`, and no rule restricts them", shared.who);
    Claim::fails(place, message).severity(shared.severity).instance(url)
}

fn from_file(file: &Object) -> Verdict<'_> {
    let Some(jwt) = file.at(&["jwt"]).filter(|jwt| !jwt.is_null()) else {
        return Verdict::NotApplicable;
    };
    if jwt.kind() != Kind::Sequence {
        return Verdict::unknown(jwt, format!("`jwt` is {}, not a list", jwt.kind().name()));
    }
    Verdict::all(jwt.items().map(issuer))
}

fn issuer(entry: Value<'_>) -> Verdict<'_> {
    let Some(place) = entry.at(&["issuer", "url"]) else { return Verdict::NotApplicable };
    let url = place.as_str().unwrap_or("");
    let Some(shared) = shared(url) else { return Verdict::NotApplicable };
    let rules = || entry.list("claimValidationRules").chain(entry.list("userValidationRules"));
    let required = rules().any(|rule| {
        let value = rule.get("requiredValue").and_then(Value::scalar_text);
        let claim = rule.str("claim").unwrap_or("");
        shared.claims.contains(&claim) && value.is_some_and(|value| !value.is_empty())
    });
    if required {
        return Verdict::Holds;
    }
    // Expressions are not evaluated. One on the user may refer to anything.
    let looks = |text: &str| {
        shared.claims.iter().any(|claim| text.contains(claim)) || text.contains("user.")
    };
    let expression = rules().filter_map(|rule| rule.get("expression"));
    let expression = expression.into_iter().find(|e| e.as_str().is_some_and(looks));
    match expression {
        Some(expression) if compares(expression.as_str().unwrap_or(""), shared) => Verdict::Holds,
        Some(expression) => {
            let why = format!("whose tokens from `{url}` this rule accepts is not evaluated");
            Claim::unknown(expression, why).instance(url).into()
        }
        None => fails(place, url, shared).into(),
    }
}

/// Whether a rule only compares a claim with one or several strings.
fn compares(text: &str, shared: &Shared) -> bool {
    let Some((claim, rest)) = text.trim().strip_prefix("claims.").and_then(|t| t.split_once(' '))
    else {
        return false;
    };
    // Nothing may follow: `== 'a' ? x : y` is not a comparison.
    let literal = |text: &str| {
        let text = text.trim();
        ['\'', '"'].iter().any(|quote| {
            let inner = text.strip_prefix(*quote).and_then(|text| text.strip_suffix(*quote));
            inner.is_some_and(|i| !i.is_empty() && !i.contains(['\'', '"', '\\']))
        })
    };
    let rest = rest.trim();
    let equals = rest.strip_prefix("==").is_some_and(literal);
    let list = rest.strip_prefix("in ").map(str::trim);
    let list = list.and_then(|list| list.strip_prefix('[')?.strip_suffix(']'));
    shared.claims.contains(&claim)
        && (equals || list.is_some_and(|list| list.split(',').all(literal)))
}

fn from_flags(server: Component<'_>) -> Result<Verdict<'_>, Claim<'_>> {
    const FLAG: &str = "oidc-issuer-url";
    let Some(flag) = server.known(FLAG)? else { return Ok(Verdict::NotApplicable) };
    let Some(shared) = shared(&flag.value) else { return Ok(Verdict::NotApplicable) };
    server.known("oidc-required-claim")?;
    let required = server.flags("oidc-required-claim");
    let mut required = required.iter().filter_map(|flag| flag.value.split_once('='));
    let limited =
        required.any(|(claim, value)| shared.claims.contains(&claim) && !value.is_empty());
    Ok(if limited { Verdict::Holds } else { fails(server.place(FLAG), &flag.value, shared).into() })
}
