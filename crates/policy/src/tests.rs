//! What the API server refuses at load, what it refuses at login, and what it lets in.

use pavisade_snapshot::Object;
use pavisade_yaml::{Source, objects, read};
use serde_json::{Value, json};

use crate::tree::Root;
use crate::{
    Authentication, Expression, Judged, Keys, Preset, Refused, Token, Wanted, admission_policy,
    configuration,
};

const NOW: f64 = 1_800_000_000.0;

fn authentication(text: &str) -> Authentication {
    let documents = read(&Source::new("authentication.yaml", text));
    let sent: Vec<_> = documents.docs.iter().flat_map(|doc| objects(doc.root()).sent).collect();
    Authentication::read(&Object::new(sent[0].value, sent[0].api_version, sent[0].kind))
}

fn with(rules: &str) -> Authentication {
    authentication(&format!(
        "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\njwt:\n- issuer: {{url: 'https://a.example.com', audiences: [k]}}\n  \
         claimValidationRules: [{rules}]\n  claimMappings: {{username: {{claim: sub, prefix: 'o:'}}, groups: {{claim: groups, prefix: ''}}}}\n"
    ))
}

fn token(more: Value) -> Token {
    let mut claims = json!({"iss": "https://a.example.com", "aud": "k", "sub": "alice", "iat": NOW - 10.0, "exp": NOW + 600.0});
    for (claim, value) in more.as_object().unwrap() {
        claims[claim] = value.clone();
    }
    Token::read(&claims.to_string()).unwrap()
}

/// `passes`, `refused`, `invalid`. Without keys a token that passes is unknown.
fn verdict(configuration: &Authentication, token: &Token) -> &'static str {
    match configuration.judge(token, None, NOW) {
        _ if !configuration.is_valid() => "invalid",
        Judged::Unknown(why) if why.starts_with("all rules accept it as `o:alice`") => "passes",
        Judged::Refused(_) => "refused",
        Judged::Unknown(_) | Judged::Accepted(_) => "other",
    }
}

#[test]
fn rules_are_read_as_the_api_server_reads_them() {
    let mfa = json!({"amr": ["pwd", "mfa"]});
    for (rule, claims, want) in [
        ("{expression: \"has(claims.amr) && 'mfa' in claims.amr\"}", mfa.clone(), "passes"),
        ("{expression: \"has(claims.amr) && 'mfa' in claims.amr\"}", json!({}), "refused"),
        (
            "{expression: \"has(claims.amr) && 'mfa' in claims.amr\"}",
            json!({"amr": ["pwd"]}),
            "refused",
        ),
        ("{expression: \"dyn(claims.amr).exists(m, m == 'mfa')\"}", mfa.clone(), "passes"),
        // A text is no list.
        (
            "{expression: \"has(claims.amr) && type(claims.amr) == list && dyn(claims.amr).exists(m, m == 'mfa')\"}",
            json!({"amr": "mfa"}),
            "refused",
        ),
        // The API server does not start with these.
        ("{expression: \"claims.amr.exists(m, m == 'mfa')\"}", mfa.clone(), "invalid"),
        ("{expression: \"claims.?amr.orValue([]).exists(m, m == 'mfa')\"}", mfa.clone(), "invalid"),
        ("{expression: 'now() > claims.exp'}", json!({}), "invalid"),
        ("{expression: 'claims.email_verified'}", json!({"email_verified": true}), "invalid"),
        ("{claim: a, expression: 'true'}", json!({}), "invalid"),
        ("{claim: amr, requiredValue: mfa}", mfa, "refused"),
        ("{claim: acr, requiredValue: gold}", json!({"acr": "gold"}), "passes"),
        ("{claim: acr, requiredValue: gold}", json!({"acr": "lead"}), "refused"),
        ("{expression: 'claims.exp - claims.iat <= 900'}", json!({}), "passes"),
        (
            "{expression: 'claims.exp - claims.iat <= 900'}",
            json!({"exp": NOW + 9_000.0}),
            "refused",
        ),
        (
            "{expression: 'has(claims.auth_time) && claims.iat - claims.auth_time <= 28800'}",
            json!({"auth_time": NOW - 100.0}),
            "passes",
        ),
        (
            "{expression: 'has(claims.auth_time) && claims.iat - claims.auth_time <= 28800'}",
            json!({"auth_time": NOW - 100_000.0}),
            "refused",
        ),
        (
            "{expression: 'has(claims.auth_time) && claims.iat - claims.auth_time <= 28800'}",
            json!({}),
            "refused",
        ),
        // Numbers are floats: adding an integer fails when it runs.
        ("{expression: 'claims.iat + 1 > 0'}", json!({}), "refused"),
    ] {
        assert_eq!(verdict(&with(rule), &token(claims.clone())), want, "{rule} {claims}");
    }
}

#[test]
fn a_token_is_for_somebody_by_somebody_and_in_time() {
    let any = with("");
    for (claims, want) in [
        (json!({}), "passes"),
        (json!({"aud": ["x", "k"]}), "passes"),
        (json!({"aud": "x"}), "refused"),
        (json!({"iss": "https://a.example.com/"}), "refused"),
        (json!({"exp": NOW - 1.0}), "refused"),
        (json!({"exp": null}), "refused"),
        (json!({"nbf": NOW + 30.0}), "passes"),
        (json!({"nbf": NOW + 300.0}), "refused"),
        (json!({"sub": 7}), "refused"),
        (json!({"nonce": 7}), "refused"),
        (json!({"iat": "now"}), "refused"),
        (json!({"groups": [1]}), "refused"),
        (json!({"groups": "devs"}), "passes"),
    ] {
        assert_eq!(verdict(&any, &token(claims.clone())), want, "{claims}");
    }
    let wrong = with("{claim: acr, requiredValue: gold}");
    match wrong.judge(&token(json!({})), None, NOW) {
        Judged::Refused(refusal) => assert_eq!(refusal.field, "jwt[0].claimValidationRules[0]"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_too_large_is_refused_before_it_runs() {
    let read = |text: &str| Expression::read(text, Root::Claims, true);
    let chain = |part: &str, times: usize| vec![part; times].join("");
    for text in [
        format!("1{} == 2", chain(" + 1", 2_000)),
        format!("claims{} == 2", chain(".a", 20_000)),
        format!("[{}1] == []", chain("[", 3_000)),
    ] {
        assert!(read(&text).is_err(), "{}", &text[..20]);
    }
    let list = (0..100).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let four = format!(
        "[{list}].all(a, [{list}].all(b, [{list}].all(c, [{list}].all(d, a + b + c + d >= 0))))"
    );
    let refused = match read(&four) {
        Err(Refused::Unknown(_)) => true,
        Ok(four) => four.evaluate(Root::Claims, &json!({})).is_err(),
        Err(Refused::Invalid(why)) => panic!("{why}"),
    };
    assert!(refused);
    // A million groups.
    let groups: Vec<_> = (0..2_000).collect();
    let two = read("dyn(claims.g).all(a, dyn(claims.g).all(b, a != b || true))").unwrap();
    assert!(two.evaluate(Root::Claims, &json!({"g": groups})).is_err());
    assert!(two.evaluate(Root::Claims, &json!({"g": [1, 2, 3]})).is_ok());
}

#[test]
fn a_preset_lets_in_with_a_second_factor_alone() {
    for preset in Preset::ALL {
        let wanted = Wanted {
            issuer: "https://a.example.com".to_owned(),
            audience: "k".to_owned(),
            preset,
            max_age: Some(43_200),
            acr: Vec::new(),
            username: Some("sub".to_owned()),
            groups: "groups".to_owned(),
            prefix: "o:".to_owned(),
        };
        let Ok(text) = configuration(&wanted) else {
            assert!(matches!(preset, Preset::Google | Preset::Dex), "{preset:?}");
            continue;
        };
        let read = authentication(&text);
        assert!(
            read.faults.is_empty() && read.unknown.is_empty(),
            "{preset:?}: {:?} {:?}",
            read.faults,
            read.unknown
        );
        let claims = |factor: bool| {
            let mut claims = preset.claims(factor, &[]);
            claims["auth_time"] = json!(NOW - 60.0);
            token(claims)
        };
        assert_eq!(verdict(&read, &claims(true)), "passes", "{preset:?}");
        assert_eq!(verdict(&read, &claims(false)), "refused", "{preset:?}");
    }
    let policy = admission_policy(&["DELETE".to_owned()], &["secrets".to_owned()], Some("it's"));
    let documents = read(&Source::new("p.yaml", policy));
    assert_eq!(documents.docs.len(), 2);
}

#[test]
fn the_admission_policy_spares_nodes_that_join_and_the_break_glass_user() {
    let policy = admission_policy(&["CREATE".to_owned()], &["*/*".to_owned()], None);
    let documents = read(&Source::new("p.yaml", policy));
    let condition = documents.docs[0].root().at(&["spec", "matchConditions"]).unwrap();
    let condition = condition.items().next().and_then(|one| one.str("expression")).unwrap();
    // The same CEL, of which this crate knows the user alone.
    let condition = condition.replace("request.userInfo.", "user.");
    let condition = Expression::read(&condition, Root::User, true).unwrap();
    for (name, asked) in [
        ("system:bootstrap:abcdef", false),
        ("break-glass", false),
        ("system:node:a", false),
        ("system:serviceaccount:shop:web", false),
        ("system:kube-scheduler", false),
        ("alice", true),
        ("oidc:break-glass", true),
        ("system:bootstrapper", true),
        ("system:anonymous", true),
        ("kubernetes-admin", true),
    ] {
        let user = json!({"username": name, "uid": "", "groups": [], "extra": {}});
        assert_eq!(condition.evaluate(Root::User, &user), Ok(asked.into()), "{name}");
    }
}

#[test]
fn a_single_method_is_no_second_factor() {
    let wanted = |preset, acr: &[&str]| Wanted {
        issuer: "https://a.example.com".to_owned(),
        audience: "k".to_owned(),
        preset,
        max_age: None,
        acr: acr.iter().map(|one| (*one).to_owned()).collect(),
        username: None,
        groups: "groups".to_owned(),
        prefix: "o:".to_owned(),
    };
    let generic = authentication(&configuration(&wanted(Preset::Generic, &[])).unwrap());
    for (claims, want) in [
        (json!({"amr": ["pwd", "mfa"]}), "passes"),
        (json!({"amr": ["otp"]}), "refused"),
        (json!({"amr": ["hwk"]}), "refused"),
        (json!({"amr": ["swk", "pwd"]}), "refused"),
        (json!({"amr": "mfa"}), "refused"),
    ] {
        assert_eq!(verdict(&generic, &token(claims.clone())), want, "{claims}");
    }
    // These tokens hold no `acr` that could be asked for.
    for preset in [Preset::Google, Preset::Dex] {
        assert!(configuration(&wanted(preset, &["gold"])).is_err(), "{preset:?}");
    }
    let text = configuration(&wanted(Preset::Okta, &["gold"])).unwrap();
    assert!(text.contains("one of these values into `acr`") && !text.contains("`amr`"), "{text}");
}

/// What an expression that is not evaluated here leaves open, and what it does not.
#[test]
fn what_is_not_evaluated_is_unknown_and_not_refused() {
    let made = |rules: &str, mappings: &str, user: &str| {
        authentication(&format!(
            "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\njwt:\n- issuer: {{url: 'https://a.example.com', audiences: [k]}}\n  \
             claimValidationRules: [{rules}]\n  claimMappings: {mappings}\n  userValidationRules: [{user}]\n"
        ))
    };
    let sub = "{username: {claim: sub, prefix: 'o:'}}";
    let host = "url(claims.sub).getHost()";
    let of_host = format!("{{username: {{expression: \"{host}\"}}}}");
    let groups =
        format!("{{username: {{claim: sub, prefix: ''}}, groups: {{expression: \"[{host}]\"}}}}");
    let extra = format!(
        "{{username: {{claim: sub, prefix: ''}}, extra: [{{key: example.com/a, valueExpression: \"{host}\"}}]}}"
    );
    let email = "{username: {expression: claims.email}}";
    let list = (0..60).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let work = format!(
        "[{list}].all(a, [{list}].all(b, [{list}].all(c, [{list}].all(d, a + b + c + d >= 0))))"
    );
    let deep = format!("{}{} != []", "[".repeat(200), "]".repeat(200));
    let rule = |text: &str| format!("{{expression: \"{text}\"}}");
    let nobody = "{expression: \"user.username == 'nobody'\"}";
    for (rules, mappings, user, want) in [
        (String::new(), of_host.as_str(), "", "unknown"),
        (String::new(), &*groups, "", "unknown"),
        (String::new(), &*extra, "", "unknown"),
        // The user is not known, so nor is what rules say of it.
        (String::new(), &*of_host, nobody, "unknown"),
        (String::new(), &*extra, "{expression: \"'example.com/a' in user.extra\"}", "unknown"),
        (String::new(), sub, nobody, "refused"),
        // A rule that refuses does so whatever the user is.
        (rule("claims.sub == 'bob'"), &*of_host, "", "refused"),
        // This may check that the address is verified.
        (rule("url(claims.email_verified).getHost() == ''"), email, "", "unknown"),
        (rule("claims.sub != ''"), email, "", "refused"),
        (rule(&work), sub, "", "unknown"),
        (rule(&deep), sub, "", "unknown"),
        (rule("claims.sub.somethingNew()"), sub, "", "unknown"),
        (rule("now() > claims.exp"), sub, "", "refused"),
        (rule("claims.sub =="), sub, "", "refused"),
    ] {
        let configuration = made(&rules, mappings, user);
        let token = token(json!({"email": "a@example.com"}));
        let word = match configuration.judge(&token, None, NOW) {
            Judged::Unknown(why) if !why.starts_with("all rules accept") => "unknown",
            Judged::Unknown(_) => "passes",
            Judged::Refused(_) => "refused",
            Judged::Accepted(_) => "accepted",
        };
        let shown: String = rules.chars().take(60).collect();
        assert_eq!(word, want, "{shown} {mappings} {user}: {configuration:?}");
    }
}

/// How go-oidc reads what it takes into fields of fixed types.
#[test]
fn claims_are_read_as_go_reads_them() {
    let any = with("");
    let names =
        |names: Value, sources: Value| json!({"_claim_names": names, "_claim_sources": sources});
    let elsewhere = json!({"s": {"endpoint": "https://a.example.com/claims"}});
    for (claims, want) in [
        (json!({"exp": (NOW + 600.0).to_string()}), "passes"),
        (json!({"exp": (NOW - 600.0).to_string()}), "refused"),
        (json!({"exp": "soon"}), "refused"),
        (json!({"exp": " 1900000000"}), "refused"),
        (json!({"exp": "0x7fffffff"}), "refused"),
        (json!({"iat": null}), "refused"),
        (json!({"exp": null}), "refused"),
        (json!({"nbf": null}), "passes"),
        (json!({"iat": "1700000000"}), "passes"),
        (json!({"iat": true}), "refused"),
        (json!({"aud": ["k", 7]}), "refused"),
        (json!({"aud": ["k", null]}), "passes"),
        (json!({"aud": 7}), "refused"),
        (json!({"aud": {"k": 1}}), "refused"),
        (json!({"aud": null}), "refused"),
        (json!({"_claim_names": "groups"}), "refused"),
        (json!({"_claim_names": null}), "passes"),
        (names(json!({"groups": 7}), elsewhere.clone()), "refused"),
        (names(json!({"groups": ""}), elsewhere.clone()), "refused"),
        (names(json!({"groups": "t"}), elsewhere.clone()), "refused"),
        // The API server asks there; another claim does not matter to it.
        (names(json!({"groups": "s"}), elsewhere.clone()), "other"),
        (names(json!({"roles": "s"}), elsewhere), "passes"),
        (names(json!({"groups": "s"}), json!({"s": {"JWT": "a.b.c"}})), "passes"),
    ] {
        assert_eq!(verdict(&any, &token(claims.clone())), want, "{claims}");
    }
}

#[test]
fn what_is_no_token_or_key_set_is_an_error() {
    for text in ["", "a.b", "a.b.c", "{", "[]", "e30.e30", "e30.W10.e30"] {
        assert!(Token::read(text).is_err(), "{text}");
    }
    assert!(Keys::read("{}").is_err() && Keys::read("x").is_err());
    // `none` and a symmetric key never verify.
    let unsigned = Token::read("eyJhbGciOiJub25lIn0.e30.").unwrap();
    let keys = Keys::read(r#"{"keys": [{"kty": "oct", "k": "AA"}]}"#).unwrap();
    assert!(matches!(keys.verify(&unsigned), crate::Signature::Bad(_)));
}

#[test]
fn issuers_are_known_by_their_address() {
    for (url, want) in [
        ("https://login.microsoftonline.com/t/v2.0", Preset::Entra),
        ("https://acme.okta.com", Preset::Okta),
        ("https://sso.example.com/realms/prod", Preset::Keycloak),
        ("https://accounts.google.com", Preset::Google),
        ("https://dex.example.com", Preset::Dex),
        ("https://okta.com.example.com", Preset::Generic),
    ] {
        assert_eq!(Preset::of(url), want, "{url}");
    }
}

/// A token with an id of a key is tried with the keys of that id alone, one without with all.
#[test]
fn a_key_counts_by_its_id() {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let keys = |id: Value| {
        let mut key = json!({"kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)});
        if !id.is_null() {
            key["kid"] = id;
        }
        Keys::read(&json!({"keys": [key]}).to_string()).unwrap()
    };
    let signed = |header: Value| {
        let text = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let claims =
            json!({"iss": "https://a.example.com", "aud": "k", "sub": "alice", "exp": NOW + 600.0});
        let signed = format!("{}.{}", text(header), text(claims));
        let signature = pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        Token::read(&format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))).unwrap()
    };
    let any = with("");
    for (header, id, accepted) in [
        (json!({"alg": "ES256", "kid": "one"}), json!("one"), true),
        (json!({"alg": "ES256"}), json!("one"), true),
        (json!({"alg": "ES256", "kid": null}), json!("one"), true),
        (json!({"alg": "ES256"}), Value::Null, true),
        (json!({"alg": "ES256", "kid": "two"}), json!("one"), false),
        // A key without an id is not the one that the token names.
        (json!({"alg": "ES256", "kid": "one"}), Value::Null, false),
        (json!({"alg": "ES256", "kid": 1}), json!("one"), false),
        (json!({"alg": "ES256", "kid": "one", "crit": ["b64"]}), json!("one"), false),
        (json!({"alg": "ES384", "kid": "one"}), json!("one"), false),
    ] {
        let judged = any.judge(&signed(header.clone()), Some(&keys(id.clone())), NOW);
        assert_eq!(matches!(judged, Judged::Accepted(_)), accepted, "{header} {id}: {judged:?}");
    }
}
