//! Configurations and tokens.

use pavisade_policy::{Preset, Wanted, configuration};
use serde_json::{Value, json};

use crate::random::Random;

/// A configuration, and the additional claims of a token that it accepts.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) claims: Value,
    /// The claims without a second factor, for a preset.
    without: Option<Value>,
}

impl Case {
    /// Returns the expected result for a token of that name, if the configuration is meant for it.
    pub(super) fn expect(&self, token: &str) -> Option<bool> {
        self.without.as_ref()?;
        match token {
            "valid" => Some(true),
            "no factor" | "wrong audience" | "wrong key" | "expired" | "wrong issuer" => {
                Some(false)
            }
            _ => None,
        }
    }
}

pub(super) const ISSUER: &str = "https://login.example.com";

pub(super) fn configurations() -> Vec<Case> {
    let mut all = Vec::new();
    for preset in Preset::ALL {
        for (suffix, max_age, acr) in [
            ("", None, vec![]),
            (" 12h", Some(43_200), vec![]),
            (" acr", None, vec!["urn:example:mfa".to_owned(), "it's".to_owned()]),
        ] {
            let wanted = Wanted {
                issuer: ISSUER.to_owned(),
                audience: "kubernetes".to_owned(),
                preset,
                max_age,
                acr: acr.clone(),
                username: None,
                groups: "groups".to_owned(),
                prefix: "oidc:".to_owned(),
            };
            let Ok(text) = configuration(&wanted) else { continue };
            let (claims, without) = (preset.claims(true, &acr), preset.claims(false, &acr));
            all.push(Case {
                name: format!("{}{suffix}", preset.name()),
                text,
                claims,
                without: Some(without),
            });
        }
    }
    let wanted = Wanted {
        issuer: ISSUER.to_owned(),
        audience: "kubernetes".to_owned(),
        preset: Preset::Okta,
        max_age: None,
        acr: vec![],
        username: Some("email".to_owned()),
        groups: "groups".to_owned(),
        prefix: "o'idc:".to_owned(),
    };
    if let Ok(text) = configuration(&wanted) {
        let claims = json!({"amr": ["mfa"], "email": "a@example.com", "email_verified": true});
        all.push(Case { name: "email".to_owned(), text, claims, without: None });
    }
    for (name, rules, mappings, claims) in OTHERS {
        let text = format!(
            "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\njwt:\n- issuer: {{url: '{ISSUER}', audiences: [kubernetes]}}\n  {rules}\n  claimMappings: {mappings}\n"
        );
        let claims = serde_json::from_str(claims).unwrap_or_default();
        all.push(Case { name: (*name).to_owned(), text, claims, without: None });
    }
    for (name, text) in WHOLE {
        let text = format!(
            "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n{text}"
        );
        all.push(Case { name: (*name).to_owned(), text, claims: json!({}), without: None });
    }
    all
}

const SUB: &str = "{username: {claim: sub, prefix: ''}}";

/// Name, rules, mappings, claims.
const OTHERS: &[(&str, &str, &str, &str)] = &[
    ("plain", "", SUB, "{}"),
    (
        "required value",
        "claimValidationRules: [{claim: acr, requiredValue: gold}]",
        SUB,
        r#"{"acr": "gold"}"#,
    ),
    (
        "required value of a list",
        "claimValidationRules: [{claim: amr, requiredValue: mfa}]",
        SUB,
        r#"{"amr": ["mfa"]}"#,
    ),
    ("required nothing", "claimValidationRules: [{claim: acr}]", SUB, r#"{"acr": ""}"#),
    (
        "in a list",
        "claimValidationRules: [{expression: \"has(claims.amr) && 'mfa' in claims.amr\"}]",
        SUB,
        r#"{"amr": ["mfa"]}"#,
    ),
    (
        "exists over any",
        "claimValidationRules: [{expression: \"claims.amr.exists(m, m == 'mfa')\"}]",
        SUB,
        r#"{"amr": ["mfa"]}"#,
    ),
    (
        "exists over a default",
        "claimValidationRules: [{expression: \"claims.?amr.orValue([]).exists(m, m == 'mfa')\"}]",
        SUB,
        r#"{"amr": ["mfa"]}"#,
    ),
    (
        "exists over dyn",
        "claimValidationRules: [{expression: \"dyn(claims.amr).exists(m, m == 'mfa')\"}]",
        SUB,
        r#"{"amr": ["mfa"]}"#,
    ),
    (
        "default and in",
        "claimValidationRules: [{expression: \"'mfa' in claims.?amr.orValue([])\"}]",
        SUB,
        r#"{"amr": ["mfa"]}"#,
    ),
    ("no such function", "claimValidationRules: [{expression: 'now() > claims.exp'}]", SUB, "{}"),
    ("no such variable", "claimValidationRules: [{expression: \"token.sub == 'a'\"}]", SUB, "{}"),
    (
        "no boolean",
        "claimValidationRules: [{expression: 'claims.email_verified'}]",
        SUB,
        r#"{"email_verified": true}"#,
    ),
    ("sum of all claims", "claimValidationRules: [{expression: 'claims + 1 == 2'}]", SUB, "{}"),
    ("syntax", "claimValidationRules: [{expression: 'claims.sub =='}]", SUB, "{}"),
    (
        "ages",
        "claimValidationRules: [{expression: 'claims.exp - claims.iat <= 3600'}, {expression: 'has(claims.auth_time) && claims.iat - claims.auth_time <= 28800'}]",
        SUB,
        "{}",
    ),
    ("int and float", "claimValidationRules: [{expression: 'claims.iat + 1 > 0'}]", SUB, "{}"),
    (
        "float and float",
        "claimValidationRules: [{expression: 'claims.iat + 1.0 > 0.0'}]",
        SUB,
        "{}",
    ),
    (
        "a claim that is not there",
        "claimValidationRules: [{expression: \"claims.nothing == 'x'\"}]",
        SUB,
        "{}",
    ),
    (
        "short cut",
        "claimValidationRules: [{expression: \"claims.nothing == 'x' || claims.sub == 'alice'\"}]",
        SUB,
        "{}",
    ),
    (
        "twice the same",
        "claimValidationRules: [{expression: 'has(claims.sub)'}, {expression: 'has(claims.sub)'}]",
        SUB,
        "{}",
    ),
    ("both", "claimValidationRules: [{claim: acr, expression: 'true'}]", SUB, "{}"),
    ("neither", "claimValidationRules: [{message: x}]", SUB, "{}"),
    (
        "message of a claim",
        "claimValidationRules: [{claim: acr, requiredValue: a, message: x}]",
        SUB,
        r#"{"acr": "a"}"#,
    ),
    (
        "user rules",
        "userValidationRules: [{expression: \"!user.username.startsWith('system:')\", message: no}]",
        SUB,
        "{}",
    ),
    (
        "groups of users",
        "userValidationRules: [{expression: \"user.groups.exists(g, g == 'g:devs')\"}]",
        "{username: {claim: sub, prefix: ''}, groups: {claim: groups, prefix: 'g:'}}",
        "{}",
    ),
    ("no such field", "userValidationRules: [{expression: \"user.name == 'a'\"}]", SUB, "{}"),
    (
        "extra",
        "userValidationRules: [{expression: \"user.extra['example.com/a'].size() == 2\"}]",
        "{username: {claim: sub, prefix: ''}, extra: [{key: example.com/a, valueExpression: 'claims.amr'}]}",
        r#"{"amr": ["a", "b"]}"#,
    ),
    (
        "reserved extra",
        "",
        "{username: {claim: sub, prefix: ''}, extra: [{key: kubernetes.io/a, valueExpression: 'claims.sub'}]}",
        "{}",
    ),
    (
        "extra in capitals",
        "",
        "{username: {claim: sub, prefix: ''}, extra: [{key: example.com/A, valueExpression: 'claims.sub'}]}",
        "{}",
    ),
    ("no prefix", "", "{username: {claim: sub}}", "{}"),
    ("name by expression", "", "{username: {expression: \"'u:' + claims.sub\"}}", "{}"),
    ("name of a number", "", "{username: {expression: 'claims.iat'}}", "{}"),
    (
        "unverified e-mail",
        "",
        "{username: {expression: 'claims.email'}}",
        r#"{"email": "a@example.com"}"#,
    ),
    (
        "e-mail by claim",
        "",
        "{username: {claim: email, prefix: ''}}",
        r#"{"email": "a@example.com", "email_verified": true}"#,
    ),
    (
        "e-mail with a rule",
        "claimValidationRules: [{expression: 'claims.email_verified == true'}]",
        "{username: {expression: 'claims.email'}}",
        r#"{"email": "a@example.com", "email_verified": true}"#,
    ),
    (
        "groups by expression",
        "",
        "{username: {claim: sub, prefix: ''}, groups: {expression: \"dyn(claims.groups).map(g, 'g:' + g)\"}}",
        "{}",
    ),
    (
        "groups over any",
        "",
        "{username: {claim: sub, prefix: ''}, groups: {expression: \"claims.groups.map(g, 'g:' + g)\"}}",
        "{}",
    ),
    (
        "nested",
        "claimValidationRules: [{expression: \"claims.a.b.exists(x, x == 'c')\"}]",
        SUB,
        r#"{"a": {"b": ["c"]}}"#,
    ),
    (
        "choice",
        "claimValidationRules: [{expression: \"has(claims.amr) ? 'mfa' in claims.amr : false\"}]",
        SUB,
        r#"{"amr": ["mfa"]}"#,
    ),
    (
        "all and size",
        "claimValidationRules: [{expression: \"size(claims.amr) > 0 && dyn(claims.amr).all(m, m != 'sms')\"}]",
        SUB,
        r#"{"amr": ["mfa"]}"#,
    ),
    (
        "texts",
        "claimValidationRules: [{expression: \"claims.sub.matches('^a') && claims.sub.size() == 5 && claims.sub.upperAscii() == 'ALICE'\"}]",
        SUB,
        "{}",
    ),
    ("uid", "", "{username: {claim: sub, prefix: ''}, uid: {claim: oid}}", r#"{"oid": "1"}"#),
    ("unknown field", "claimValidationRules: [{expression: 'true', reason: x}]", SUB, "{}"),
];

/// Name, and everything except the header.
const WHOLE: &[(&str, &str)] = &[
    (
        "two issuers",
        "jwt:\n- issuer: {url: 'https://a.example.com', audiences: [x]}\n  claimMappings: {username: {claim: sub, prefix: 'a:'}}\n- issuer: {url: 'https://login.example.com', audiences: [kubernetes]}\n  claimMappings: {username: {claim: sub, prefix: 'b:'}}\n",
    ),
    (
        "the same issuer twice",
        "jwt:\n- issuer: {url: 'https://login.example.com', audiences: [x]}\n  claimMappings: {username: {claim: sub, prefix: 'a:'}}\n- issuer: {url: 'https://login.example.com', audiences: [kubernetes]}\n  claimMappings: {username: {claim: sub, prefix: 'b:'}}\n",
    ),
    (
        "two audiences",
        "jwt:\n- issuer: {url: 'https://login.example.com', audiences: [x, kubernetes], audienceMatchPolicy: MatchAny}\n  claimMappings: {username: {claim: sub, prefix: ''}}\n",
    ),
    (
        "two audiences without a policy",
        "jwt:\n- issuer: {url: 'https://login.example.com', audiences: [x, kubernetes]}\n  claimMappings: {username: {claim: sub, prefix: ''}}\n",
    ),
    (
        "no TLS",
        "jwt:\n- issuer: {url: 'http://login.example.com', audiences: [kubernetes]}\n  claimMappings: {username: {claim: sub, prefix: ''}}\n",
    ),
    (
        "no audience",
        "jwt:\n- issuer: {url: 'https://login.example.com'}\n  claimMappings: {username: {claim: sub, prefix: ''}}\n",
    ),
    (
        "no username",
        "jwt:\n- issuer: {url: 'https://login.example.com', audiences: [kubernetes]}\n",
    ),
    ("no issuers", "jwt: []\n"),
    (
        "anonymous off with conditions",
        "anonymous: {enabled: false, conditions: [{path: /livez}]}\n",
    ),
];

/// Returns tokens by name, and whether the issuer's own key signs them.
pub(super) fn tokens(claims: &Value, now: u64) -> Vec<(String, Value, bool)> {
    let with = |change: &dyn Fn(&mut Value)| {
        let mut token = base(claims, now);
        change(&mut token);
        token
    };
    let one = |name: &str, token: Value| (name.to_owned(), token, true);
    let mut all = vec![
        one("valid", with(&|_| {})),
        one("wrong audience", with(&|t| t["aud"] = json!("other"))),
        one("audiences", with(&|t| t["aud"] = json!(["other", "kubernetes"]))),
        one("wrong issuer", with(&|t| t["iss"] = json!("https://evil.example.com"))),
        one("expired", with(&|t| t["exp"] = json!(now - 60))),
        one("no expiry", with(&|t| drop(t.as_object_mut().map(|t| t.remove("exp"))))),
        one("not yet", with(&|t| t["nbf"] = json!(now + 3_600))),
        one("old login", with(&|t| t["auth_time"] = json!(now - 400_000))),
        one("long life", with(&|t| t["exp"] = json!(now + 900_000))),
        one("no sub", with(&|t| drop(t.as_object_mut().map(|t| t.remove("sub"))))),
        one("sub of a number", with(&|t| t["sub"] = json!(7))),
        one("groups of a text", with(&|t| t["groups"] = json!("devs"))),
        one("groups of numbers", with(&|t| t["groups"] = json!([1]))),
        one("system group", with(&|t| t["groups"] = json!(["system:masters"]))),
        one("amr of a text", with(&|t| t["amr"] = json!("mfa"))),
        one("amr of null", with(&|t| t["amr"] = Value::Null)),
        one("no factor", with(&|t| strip(t))),
        one(
            "password alone",
            with(&|t| {
                strip(t);
                t["amr"] = json!(["pwd"]);
                t["acr"] = json!("0");
                t["acrs"] = json!(["c2"]);
            }),
        ),
        one("unverified", with(&|t| t["email_verified"] = json!(false))),
        // go-oidc reads these into fields of fixed types.
        one("expiry of a text", with(&|t| t["exp"] = json!((now + 600).to_string()))),
        one("expired by a text", with(&|t| t["exp"] = json!((now - 600).to_string()))),
        one("expiry of words", with(&|t| t["exp"] = json!("soon"))),
        one("issued at null", with(&|t| t["iat"] = Value::Null)),
        one("not before null", with(&|t| t["nbf"] = Value::Null)),
        one("audience and a number", with(&|t| t["aud"] = json!(["kubernetes", 7]))),
        one("audience and null", with(&|t| t["aud"] = json!(["kubernetes", null]))),
        one("audience of a number", with(&|t| t["aud"] = json!(7))),
        one("audience of an object", with(&|t| t["aud"] = json!({"kubernetes": 1}))),
        one("names of a text", with(&|t| t["_claim_names"] = json!("groups"))),
        one("names without sources", with(&|t| t["_claim_names"] = json!({"roles": "s"}))),
    ];
    all.push(("wrong key".to_owned(), with(&|_| {}), false));
    all
}

/// Removes the claims about a second factor.
fn strip(token: &mut Value) {
    for claim in ["amr", "acr", "acrs", "additionalClaims"] {
        token.as_object_mut().map(|token| token.remove(claim));
    }
}

fn base(claims: &Value, now: u64) -> Value {
    let mut token = json!({
        "iss": ISSUER,
        "aud": "kubernetes",
        "sub": "alice",
        "oid": "0-1",
        "iat": now - 10,
        "exp": now + 600,
        "auth_time": now - 100,
        "groups": ["devs", "ops"],
    });
    for (claim, value) in claims.as_object().into_iter().flatten() {
        token[claim] = value.clone();
    }
    token
}

/// Returns a token with one or two random claims.
pub(super) fn mutated(random: &mut Random, claims: &Value, now: u64) -> Value {
    let mut token = base(claims, now);
    for _ in 0..1 + random.below(2) {
        let names = [
            "amr",
            "acr",
            "acrs",
            "auth_time",
            "exp",
            "sub",
            "email",
            "groups",
            "a",
            "email_verified",
            "oid",
            "additionalClaims",
        ];
        let name = *random.pick(&names);
        let value = match random.below(12) {
            0 => Value::Null,
            1 => json!(["mfa"]),
            2 => json!(["pwd", "mfa", "x"]),
            3 => json!("mfa"),
            4 => json!(true),
            5 => json!(now + 1_000),
            6 => json!({"amr": ["mfa"], "b": ["c"]}),
            7 => json!([1, "mfa"]),
            8 => json!(""),
            9 => json!(1.5),
            10 => json!([]),
            _ => json!("gold"),
        };
        token[name] = value;
    }
    token
}
