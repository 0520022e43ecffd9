//! Which configurations prove a second factor.

use pavisade_judgement::{Mfa, WaysIn};
use pavisade_model::KubernetesVersion;
use pavisade_snapshot::{Object, View, World, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read};

use super::{READS, ways_in};

fn found(texts: &[(&str, &str)]) -> WaysIn {
    let documents = texts.iter().flat_map(|(name, text)| read(&Source::new(*name, *text)).docs);
    let documents: Vec<_> = documents.collect();
    let sent = documents.iter().flat_map(|doc| objects(doc.root()).sent);
    let sent = sent.map(|one| Object::new(one.value, one.api_version, one.kind)).collect();
    let world = World::new(WorldParts::files("w", WorldKind::Files, sent));
    let view = View::new(&world, "identity", READS, KubernetesVersion::LATEST);
    ways_in("w", &view)
}

fn overall(text: &str) -> (Mfa, Vec<String>) {
    let found = found(&[("a.yaml", text)]);
    (found.mfa, found.ways.into_iter().map(|way| way.name).collect())
}

const SERVER: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: kube-apiserver, namespace: kube-system}\nspec:\n  hostNetwork: true\n  containers:\n  - name: a\n    \
                      command: [kube-apiserver, '--authorization-mode=Node,RBAC', --authentication-config=/a.yaml";

const NO_ANONYMOUS: &str = "anonymous: {enabled: false}\n";

fn issuer(rule: &str) -> String {
    format!(
        "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\njwt:\n- issuer: {{url: 'https://login.example.com', audiences: [k]}}\n  \
         claimValidationRules: [{{expression: \"{rule}\"}}]\n  claimMappings: {{username: {{claim: sub, prefix: ''}}}}\n"
    )
}

fn good() -> String {
    issuer("'mfa' in claims.amr") + NO_ANONYMOUS
}

#[test]
fn mfa_is_proven_only_if_there_is_no_other_way() {
    let server = |more: &str| format!("{}---\n{SERVER}{more}]\n", good());
    assert_eq!(overall(&server("")).0, Mfa::Proven);
    assert_eq!(overall(&server(", --client-ca-file=/ca")).0, Mfa::NotProven);
    assert_eq!(overall(&server(", --client-ca-file=")).0, Mfa::Proven);
    assert_eq!(overall(&server(", --token-auth-file=/t")).0, Mfa::NotProven);
    for flag in ["authentication-token-webhook-config-file", "requestheader-client-ca-file"] {
        assert_eq!(overall(&server(&format!(", --{flag}=/w"))).0, Mfa::Unknown, "{flag}");
    }
    // More flags may be behind a variable.
    assert_eq!(overall(&server(", $(MORE)")).0, Mfa::Unknown);
    // The flags were not read.
    assert_eq!(overall(&good()).0, Mfa::Unknown);
    let weak = issuer("claims.hd == 'example.com'") + NO_ANONYMOUS;
    assert_eq!(overall(&format!("{weak}---\n{SERVER}]\n")).0, Mfa::NotProven);
    let own = issuer("claims.acr == 'gold'") + NO_ANONYMOUS;
    assert_eq!(overall(&format!("{own}---\n{SERVER}]\n")).0, Mfa::Unknown);
    // Its file was not read.
    assert_eq!(overall(&format!("{SERVER}]\n")).0, Mfa::Unknown);
    assert!(overall(&server("")).1.iter().any(|name| name == "ServiceAccount tokens"));
}

#[test]
fn requests_without_a_credential_are_allowed_unless_something_forbids_them() {
    let rule = issuer("'mfa' in claims.amr");
    let health = "anonymous: {enabled: true, conditions: [{path: /livez}]}\n";
    let always = SERVER.replace("Node,RBAC", "AlwaysAllow");
    for (file, server, more, want) in [
        // The file leaves it to the flag, which is on by default.
        (String::new(), SERVER, "", Mfa::NotProven),
        (String::new(), SERVER, ", --anonymous-auth=true", Mfa::NotProven),
        (String::new(), SERVER, ", --anonymous-auth=false", Mfa::Proven),
        ("anonymous: null\n".to_owned(), SERVER, "", Mfa::NotProven),
        (NO_ANONYMOUS.to_owned(), SERVER, "", Mfa::Proven),
        (health.to_owned(), SERVER, "", Mfa::Proven),
        ("anonymous: {enabled: true}\n".to_owned(), SERVER, "", Mfa::NotProven),
        (String::new(), SERVER, ", --anonymous-auth=$(ANONYMOUS)", Mfa::Unknown),
        // The API server switches it off itself.
        (String::new(), &always, "", Mfa::Proven),
        // It does not start with both.
        (NO_ANONYMOUS.to_owned(), SERVER, ", --anonymous-auth=false", Mfa::Unknown),
    ] {
        let text = format!("{rule}{file}---\n{server}{more}]\n");
        assert_eq!(overall(&text).0, want, "{file}{more}");
    }
}

#[test]
fn every_api_server_is_a_way_in() {
    let text = |second: &str| format!("{}---\n{SERVER}]\n---\n{SERVER}{second}]\n", good());
    let (mfa, names) = overall(&text(""));
    assert_eq!(mfa, Mfa::Proven);
    // What is alike is listed once.
    assert_eq!(names.iter().filter(|name| name.starts_with("OIDC")).count(), 1);
    assert_eq!(overall(&text(", --token-auth-file=/t")).0, Mfa::NotProven);
}

#[test]
fn a_file_counts_where_a_flag_names_it_and_the_api_server_takes_it() {
    let without = SERVER.replace(", --authentication-config=/a.yaml", ", --anonymous-auth=false");
    let unnamed = found(&[("a.yaml", &good()), ("pod.yaml", &format!("{without}]\n"))]);
    assert_eq!(unnamed.mfa, Mfa::Unknown, "{unnamed:?}");
    assert!(!unnamed.ways.iter().any(|way| way.name.starts_with("OIDC")), "{unnamed:?}");
    assert!(unnamed.doubts.iter().any(|one| one.contains("a.yaml")), "{unnamed:?}");
    let certificates = format!("{without}, --client-ca-file=/ca]\n");
    assert_eq!(found(&[("a.yaml", &good()), ("pod.yaml", &certificates)]).mfa, Mfa::NotProven);
    // Of several, the one of that name.
    let weak = issuer("true") + NO_ANONYMOUS;
    let pod = format!("{SERVER}]\n");
    let both = |good_name: &str, weak_name: &str| {
        found(&[(good_name, &good()), (weak_name, &weak), ("pod.yaml", &pod)]).mfa
    };
    assert_eq!(both("a.yaml", "b.yaml"), Mfa::Proven);
    assert_eq!(both("b.yaml", "a.yaml"), Mfa::NotProven);
    // The API server refuses a loop over a claim of any type.
    let refused = issuer("claims.amr.exists(m, m == 'mfa')") + NO_ANONYMOUS;
    let refused = found(&[("a.yaml", &refused), ("pod.yaml", &pod)]);
    assert_eq!(refused.mfa, Mfa::Unknown, "{refused:?}");
    assert!(refused.doubts.iter().any(|one| one.contains("refuses")), "{refused:?}");
}
