//! PV-I067.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::{Kind, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Component, Cx, OnControlPlane, Part, Place, Verdict};

/// OIDC users or groups without a prefix
///
/// ## Why
/// Without a prefix, a group from the identity provider has the same name in the cluster: a group
/// named `system:masters` has full control, and a user who can choose a name can become
/// `system:kube-controller-manager`. The API server does not reject such names by default.
///
/// ## Fix
/// Set a prefix for each issuer (`claimMappings.groups.prefix`, `--oidc-groups-prefix`) and use it
/// in the bindings. Or reject the names with `userValidationRules`, such as `!user.groups.exists(g,
/// g.startsWith('system:'))`.
#[check(
    id = "PV-I067",
    severity = Medium,
    confidence = Medium,
    scope = Object,
    programs = [ApiServer],
    on = [AUTHENTICATION_CONFIGURATION]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnprefixedIdentity {}

impl Check for UnprefixedIdentity {
    type On = OnControlPlane;

    fn check<'a>(&self, part: Part<'a>, _: &Cx<'a>) -> Verdict<'a> {
        part.judged("kube-apiserver", from_file, from_flags)
    }
}

/// Claims chosen by the issuer, with which users cannot impersonate others.
const CHOSEN_BY_ISSUER: [&str; 3] = ["email", "oid", "sub"];

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
    let name = entry.at(&["issuer", "url"]).and_then(Value::as_str).unwrap_or("");
    // A rule on the resulting user, or on the claims, may reject the names of Kubernetes.
    let rules = entry.list("userValidationRules").chain(entry.list("claimValidationRules"));
    let mut rules = rules.filter_map(|rule| rule.str("expression"));
    let refused = rules.any(|text| text.contains("system:"));
    let mappings = ["groups", "username"].into_iter().filter_map(|what| {
        let mapping = entry.at(&["claimMappings", what])?;
        mapped(mapping, what, name)
    });
    let claims: Vec<_> = mappings.collect();
    if !refused || claims.is_empty() {
        return Verdict::from_claims(claims);
    }
    let why = format!(
        "a rule for `{name}` mentions `system:`: whether it rejects every such name is not \
         evaluated"
    );
    let claims = claims.into_iter().map(|claim| Claim::unknown(claim.place, why.clone()));
    Verdict::from_claims(claims.map(|claim| claim.instance(name)))
}

fn mapped<'a>(mapping: Value<'a>, what: &'static str, issuer: &str) -> Option<Claim<'a>> {
    if let Some(expression) = mapping.get("expression").filter(|e| !e.is_null()) {
        let text = expression.as_str().unwrap_or("");
        if text.contains('+') {
            // A prefix or suffix is added.
            let why = format!("whether this adds a prefix to `{what}` is not evaluated");
            return Some(Claim::unknown(expression, why).instance(issuer));
        }
        let free = what == "groups"
            || !CHOSEN_BY_ISSUER.iter().any(|claim| text.contains(&format!("claims.{claim}")));
        return free.then(|| fails(expression, what, issuer));
    }
    let claim = mapping.str("claim")?;
    let prefix = mapping.get("prefix").filter(|prefix| !prefix.is_null());
    // Without the field, the API server rejects the file.
    let prefix = prefix.filter(|prefix| prefix.as_str() == Some(""))?;
    let free = what == "groups" || !CHOSEN_BY_ISSUER.contains(&claim);
    free.then(|| fails(prefix, what, issuer))
}

fn fails<'a>(place: impl Into<Place<'a>>, what: &str, issuer: &str) -> Claim<'a> {
    let (whose, example) = match what {
        "groups" => ("groups", "system:masters"),
        _ => ("user names", "system:kube-controller-manager"),
    };
    let message =
        format!("{whose} from `{issuer}` have no prefix: it may issue one named `{example}`");
    Claim::fails(place, message).instance(format!("{issuer} {what}"))
}

fn from_flags(server: Component<'_>) -> Result<Verdict<'_>, Claim<'_>> {
    let Some(issuer) = server.known("oidc-issuer-url")? else {
        return Ok(Verdict::NotApplicable);
    };
    let mut claims = Vec::new();
    if server.known("oidc-groups-claim")?.is_some() {
        const PREFIX: &str = "oidc-groups-prefix";
        // Unlike that for user names, it has no default.
        if server.known(PREFIX)?.is_none_or(|prefix| prefix.value.is_empty()) {
            claims.push(fails(server.place(PREFIX), "groups", &issuer.value));
        }
    }
    const PREFIX: &str = "oidc-username-prefix";
    let claim = server.known("oidc-username-claim")?;
    let claim = claim.as_ref().map_or("sub", |claim| &*claim.value);
    let prefix = server.known(PREFIX)?;
    let none = prefix.is_some_and(|prefix| prefix.value == "-");
    if none && !CHOSEN_BY_ISSUER.contains(&claim) {
        claims.push(fails(server.place(PREFIX), "username", &issuer.value));
    }
    Ok(Verdict::from_claims(claims))
}
