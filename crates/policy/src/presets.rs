//! Configurations that let nobody in without a second factor, for common issuers.
//!
//! What issuers put into their tokens is taken from their documentation; no issuer itself was tried. The
//! forms of tokens below, with and without a second factor, were tried with Kubernetes' own
//! authenticator (`cargo xtask soak tokens`). An issuer that says nothing of the second factor gets no
//! configuration: demanding it there would lock everybody out, and not demanding it would prove nothing.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// A common issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// Microsoft Entra ID, v2.0 tokens.
    Entra,
    /// Okta.
    Okta,
    /// Keycloak.
    Keycloak,
    /// Google and Google Workspace.
    Google,
    /// Auth0.
    Auth0,
    /// Dex.
    Dex,
    /// Pinniped Supervisor.
    Pinniped,
    /// Any issuer that follows OpenID Connect and RFC 8176.
    Generic,
}

/// Where an issuer says that there was a second factor.
enum Proof {
    /// A list with one of these.
    List(&'static str, &'static [&'static str]),
    /// A text that is one of these.
    Text(&'static str, &'static [&'static str]),
    /// A list inside of an object.
    Nested(&'static str, &'static str, &'static [&'static str]),
    /// Nowhere.
    None,
}

impl Preset {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Entra,
        Self::Okta,
        Self::Keycloak,
        Self::Google,
        Self::Auth0,
        Self::Dex,
        Self::Pinniped,
        Self::Generic,
    ];

    /// The word of command lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Entra => "entra",
            Self::Okta => "okta",
            Self::Keycloak => "keycloak",
            Self::Google => "google",
            Self::Auth0 => "auth0",
            Self::Dex => "dex",
            Self::Pinniped => "pinniped",
            Self::Generic => "generic",
        }
    }

    /// By the address of an issuer, where that tells.
    pub fn of(issuer: &str) -> Self {
        let rest = issuer.strip_prefix("https://").unwrap_or(issuer);
        let host = rest.split(['/', ':']).next().unwrap_or_default();
        let under = |domain: &str| host == domain || host.ends_with(&format!(".{domain}"));
        match () {
            () if under("login.microsoftonline.com") || under("sts.windows.net") => Self::Entra,
            () if under("okta.com") || under("okta-emea.com") || under("oktapreview.com") => {
                Self::Okta
            }
            () if under("accounts.google.com") => Self::Google,
            () if under("auth0.com") => Self::Auth0,
            () if rest.contains("/realms/") => Self::Keycloak,
            () if host.starts_with("dex.") || rest.trim_end_matches('/').ends_with("/dex") => {
                Self::Dex
            }
            () if host.starts_with("pinniped") => Self::Pinniped,
            () => Self::Generic,
        }
    }

    fn proof(self) -> Proof {
        const MFA: &[&str] = &["mfa"];
        match self {
            // Authentication contexts of Conditional Access.
            Self::Entra => Proof::List("acrs", &["c1"]),
            // Of RFC 8176, `mfa` alone says that there were several factors: `otp` or `hwk` may have been
            // the only one.
            Self::Okta | Self::Auth0 | Self::Generic => Proof::List("amr", MFA),
            // Level of authentication 2 of a step-up flow.
            Self::Keycloak => Proof::Text("acr", &["2"]),
            Self::Pinniped => Proof::Nested("additionalClaims", "amr", MFA),
            Self::Google | Self::Dex => Proof::None,
        }
    }

    /// What has to be set up at the issuer so that its tokens say it.
    pub fn needs(self) -> &'static str {
        match self {
            Self::Entra => {
                "Tokens of Entra ID say nothing of MFA by default. Add the optional claim `acrs` to the ID \
                 token of the app registration, make an authentication context (c1), and require MFA for \
                 it by Conditional Access."
            }
            Self::Okta => {
                "Require two factors in the app's sign-on policy; Okta then puts `mfa` into `amr`."
            }
            Self::Keycloak => {
                "Make a step-up flow: a condition on level of authentication 2 around OTP or WebAuthn, and \
                 ask for acr 2 (`acr_values=2` of the client, or its default ACR values)."
            }
            Self::Google => {
                "ID tokens of Google contain neither `amr` nor `acr`, even if 2-Step Verification is \
                 enforced. Use an issuer that requires a second factor and states it in its tokens, such as \
                 Keycloak or Okta, with Google as its identity provider if needed."
            }
            Self::Auth0 => {
                "Require MFA by an action or policy; Auth0 then puts `mfa` into `amr` of the ID token."
            }
            Self::Dex => {
                "Dex can ask for TOTP and WebAuthn, but its ID tokens contain neither `amr` nor `acr`. \
                 Configure the API server for an issuer that states the second factor, without Dex between \
                 them."
            }
            Self::Pinniped => {
                "Map the claim of the issuer behind Pinniped: `spec.claims.additionalClaimMappings: {amr: \
                 amr}` of the OIDCIdentityProvider; it arrives as `additionalClaims.amr`."
            }
            Self::Generic => {
                "The issuer must put `mfa` into `amr` of its ID tokens (RFC 8176). If it states the second \
                 factor in `acr`, use `--acr` with the values that it documents."
            }
        }
    }

    /// Whether its tokens say when the user logged in.
    fn tells_login(self) -> bool {
        matches!(self, Self::Okta | Self::Keycloak | Self::Dex)
    }

    fn username(self) -> &'static str {
        if self == Self::Entra { "oid" } else { "sub" }
    }

    /// Claims of its tokens, with a second factor and without: what is different.
    pub fn claims(self, factor: bool, acr: &[String]) -> Value {
        if let [first, ..] = acr {
            return if factor { json!({"acr": first}) } else { json!({"acr": "0"}) };
        }
        match (self.proof(), factor) {
            (Proof::List("amr", all), true) => json!({"amr": ["pwd", all[0]]}),
            (Proof::List("amr", _), false) => json!({"amr": ["pwd"]}),
            (Proof::List(claim, all), true) => json!({claim: all}),
            (Proof::Text(claim, all), true) => json!({claim: all[0]}),
            (Proof::Text(claim, _), false) => json!({claim: "1"}),
            (Proof::Nested(outer, inner, all), true) => json!({outer: {inner: ["pwd", all[0]]}}),
            (Proof::Nested(outer, inner, _), false) => json!({outer: {inner: ["pwd"]}}),
            (Proof::List(..), false) | (Proof::None, _) => json!({}),
        }
    }
}

/// What is wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The issuer's address.
    pub issuer: String,
    /// Whom tokens must be for.
    pub audience: String,
    /// What the issuer is.
    pub preset: Preset,
    /// How long a login lasts at most, in seconds.
    pub max_age: Option<u64>,
    /// Values of `acr` that prove a second factor, in place of what the preset says.
    pub acr: Vec<String>,
    /// The claim that is the username, in place of the preset's.
    pub username: Option<String>,
    /// The claim that holds groups.
    pub groups: String,
    /// What is put before names and groups.
    pub prefix: String,
}

/// The extra key by which admission sees that a second factor was proven.
const EXTRA: &str = "pavisade.dev/mfa";

/// The AuthenticationConfiguration.
///
/// # Errors
/// The issuer says nothing of the second factor, so that nothing can demand it.
pub fn configuration(wanted: &Wanted) -> Result<String, String> {
    let Wanted { issuer, audience, preset, max_age, acr, groups, prefix, .. } = wanted;
    let (expression, claim) = proof(*preset, acr)?;
    let needs = match acr.is_empty() {
        true => preset.needs(),
        false => {
            "The issuer must put one of these values into `acr`, and only for logins with a second factor."
        }
    };
    let mut text = format!("# Accepts no token of {issuer} without a second factor.\n# {needs}\n");
    text += "# The API server reads it from --authentication-config; it cannot be used together with --oidc-* flags.\n";
    text += "# MFA is proven only if there is no other way in: see `pavisade identity`.\n";
    let _ = write!(
        text,
        "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\njwt:\n  - issuer:\n      url: {}\n      audiences: [{}]\n    claimValidationRules:\n",
        quoted(issuer),
        quoted(audience)
    );
    let mut rule = |expression: &str, message: &str| {
        let _ = write!(
            text,
            "      - expression: {}\n        message: {}\n",
            quoted(expression),
            quoted(message)
        );
    };
    rule(&expression, &format!("log in with a second factor (claim {claim})"));
    if let Some(age) = max_age {
        let words = format!("{age} seconds");
        if preset.tells_login() {
            // This CEL has no clock: ages are differences of claims.
            rule(
                &format!("has(claims.auth_time) && claims.iat - claims.auth_time <= {age}"),
                &format!("log in again: the login is older than {words}"),
            );
        }
        rule(
            &format!("claims.exp - claims.iat <= {age}"),
            &format!("tokens may live for {words} at most: set that at the issuer"),
        );
    }
    let username = wanted.username.as_deref().unwrap_or(preset.username());
    text += "    claimMappings:\n";
    if username == "email" {
        // An address that is not verified gives an empty name, which is refused.
        let whole = match prefix.is_empty() {
            true => "claims.email_verified == true ? claims.email : ''".to_owned(),
            false => format!(
                "claims.email_verified == true ? '{}' + string(claims.email) : ''",
                escaped(prefix)
            ),
        };
        let _ = writeln!(text, "      username: {{expression: {}}}", quoted(&whole));
    } else {
        let _ = writeln!(
            text,
            "      username: {{claim: {}, prefix: {}}}",
            quoted(username),
            quoted(prefix)
        );
    }
    let _ = write!(
        text,
        "      groups: {{claim: {}, prefix: {}}}\n      extra:\n        # Admission and audit see it: `--admission` demands it.\n        - {{key: {EXTRA}, valueExpression: \"'proven'\"}}\n",
        quoted(groups),
        quoted(prefix)
    );
    text += "    userValidationRules:\n      - expression: \"!user.username.startsWith('system:')\"\n        message: names of Kubernetes itself are not for people\n";
    text += "      - expression: \"user.groups.all(group, !group.startsWith('system:'))\"\n        message: groups of Kubernetes itself are not for people\n";
    text += "anonymous:\n  enabled: true\n  conditions: [{path: /livez}, {path: /readyz}, {path: /healthz}]\n";
    text += BREAK_GLASS;
    Ok(text)
}

/// The user of a break-glass login, as [`BREAK_GLASS`] makes it.
const BREAK_GLASS_USER: &str = "break-glass";

/// What a break-glass way is, for the day on which the issuer is away.
const BREAK_GLASS: &str = "\
# Break glass, for the day on which the issuer is away: a client certificate that is made in advance, is
# kept under two locks, and is bound to its own user. It is a login without MFA that cannot be revoked
# before it ends, so let it live for weeks, not years, and raise an alarm whenever it is used:
#   openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -subj /CN=break-glass -out csr.pem
#   a CertificateSigningRequest for it with signerName kubernetes.io/kube-apiserver-client and
#   expirationSeconds: 2592000, approved by two people
#   kubectl create clusterrolebinding break-glass --clusterrole=cluster-admin --user=break-glass
#   an audit rule at level RequestResponse for the user break-glass, and an alert on it
";

fn proof(preset: Preset, acr: &[String]) -> Result<(String, &'static str), String> {
    let list = |all: &[&str]| {
        all.iter().map(|one| format!("'{}'", escaped(one))).collect::<Vec<_>>().join(", ")
    };
    if matches!(preset.proof(), Proof::None) {
        return Err(preset.needs().to_owned());
    }
    if !acr.is_empty() {
        let all: Vec<_> = acr.iter().map(String::as_str).collect();
        return Ok((format!("has(claims.acr) && claims.acr in [{}]", list(&all)), "acr"));
    }
    let in_list = |claim: &str, all: &[&str]| {
        let any = match all {
            [one] => format!("m == '{one}'"),
            all => format!("m in [{}]", list(all)),
        };
        format!("type({claim}) == list && dyn({claim}).exists(m, {any})")
    };
    Ok(match preset.proof() {
        Proof::List(claim, all) => {
            let path = format!("claims.{claim}");
            (format!("has({path}) && {}", in_list(&path, all)), claim)
        }
        Proof::Text(claim, all) => {
            (format!("has(claims.{claim}) && claims.{claim} in [{}]", list(all)), claim)
        }
        Proof::Nested(outer, inner, all) => {
            let path = format!("claims.{outer}.{inner}");
            (format!("has(claims.{outer}) && has({path}) && {}", in_list(&path, all)), inner)
        }
        Proof::None => return Err(preset.needs().to_owned()),
    })
}

/// A ValidatingAdmissionPolicy with its binding that demands a second factor for changes; by the extra
/// field that [`configuration`] sets, or by a group.
pub fn admission_policy(
    operations: &[String],
    resources: &[String],
    group: Option<&str>,
) -> String {
    let all =
        |words: &[String]| words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(", ");
    let (expression, what) = match group {
        Some(group) => (
            format!("'{}' in request.userInfo.?groups.orValue([])", escaped(group)),
            format!("membership of the group {group}"),
        ),
        None => (
            format!("'{EXTRA}' in request.userInfo.?extra.orValue({{}})"),
            "a login with a second factor".to_owned(),
        ),
    };
    format!(
        "\
# Requires {} for these changes. Excluded are the components of
# Kubernetes, ServiceAccounts, nodes and their bootstrap tokens, and the user {BREAK_GLASS_USER}, who has no second
# factor. If your break-glass user has another name, change it below; if there is none, remove it.
# Admission sees no reads: get, list and watch are a matter of RBAC and authentication. Reviews of
# authentication and authorization pass by, too.
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: pavisade-mfa
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
      - apiGroups: [\"*\"]
        apiVersions: [\"*\"]
        operations: [{}]
        resources: [{}]
  matchConditions:
    - name: people
      expression: >-
        !request.userInfo.username.startsWith('system:serviceaccount:') &&
        !request.userInfo.username.startsWith('system:node:') &&
        !request.userInfo.username.startsWith('system:bootstrap:') &&
        !(request.userInfo.username in ['system:apiserver', 'system:kube-controller-manager', 'system:kube-scheduler', '{BREAK_GLASS_USER}'])
  validations:
    - expression: {}
      message: {}
      reason: Forbidden
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: pavisade-mfa
spec:
  policyName: pavisade-mfa
  validationActions: [Deny, Audit]
",
        what,
        all(operations),
        all(resources),
        quoted(&expression),
        quoted(&format!("this change needs {what}"))
    )
}

/// As YAML's double quotes want it, which JSON's are.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// As CEL's single quotes want it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'")
}
