//! `pavisade rbac` and `pavisade identity`, as users run them.

use std::fs;
use std::path::Path;

use serde_json::Value;

const ROLES: &str = "\
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: shop}
rules:
- {apiGroups: [''], resources: [secrets], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: readers, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects:
- {kind: ServiceAccount, name: web, namespace: other}
- {kind: Group, name: devs}
";

const OKTA: &str = "https://acme.okta.com";

fn run(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let done = crate::started::run(folder, args);
    (done.code, done.out, done.err)
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rbac.yaml"), ROLES).unwrap();
    folder
}

#[test]
fn questions_are_answered_with_file_and_line() {
    let folder = folder();
    let (code, out, err) = run(folder.path(), &["rbac", "who-can", "get", "secrets", "-n", "shop"]);
    assert_eq!(code, 0, "{out}{err}");
    for part in [
        "ServiceAccount other/web",
        "Group devs",
        "RoleBinding shop/readers\n",
        "rbac.yaml:7 → Role shop/reader",
        "rules[0] (rbac.yaml:5)",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let explain = |subject: &str, verb: &str, more: &[&str]| {
        let mut args = vec!["rbac", "explain", subject, verb, "secrets", "-n", "shop", "--json"];
        args.extend(more);
        let (code, out, _) = run(folder.path(), &args);
        let document: Value = serde_json::from_str(&out).unwrap();
        (code, document["results"][0]["verdict"].as_str().unwrap().to_owned())
    };
    assert_eq!(explain("sa:other/web", "get", &[]), (0, "allowed".to_owned()));
    assert_eq!(explain("sa:shop/web", "get", &[]), (1, "refused".to_owned()));
    assert_eq!(explain("alice", "get", &["--group", "devs"]), (0, "allowed".to_owned()));
    assert_eq!(explain("alice", "list", &["--group", "devs"]), (1, "refused".to_owned()));
    let (code, out, _) = run(
        folder.path(),
        &["rbac", "explain", "alice", "list", "secrets", "-n", "shop", "--group", "devs"],
    );
    assert_eq!(code, 1);
    assert!(
        out.contains("it does not grant the verb `list`") && out.contains("missing: "),
        "{out}"
    );
    let (code, out, _) = run(folder.path(), &["rbac", "can", "group:devs", "--as-table"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("in shop") && out.contains("secrets"), "{out}");
}

#[test]
fn differences_and_faults_have_their_exit_codes() {
    let (old, new) = (folder(), folder());
    let diff = |new: &Path| {
        run(old.path(), &["rbac", "diff", old.path().to_str().unwrap(), new.to_str().unwrap()])
    };
    assert_eq!(diff(new.path()).0, 0);
    fs::write(new.path().join("rbac.yaml"), ROLES.replace("[get]", "['*']")).unwrap();
    let (code, out, _) = diff(new.path());
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("+ * on secrets in namespace shop"), "{out}");
    assert_eq!(diff(Path::new("/does/not/exist")).0, 2);
    assert_eq!(run(new.path(), &["rbac", "lint"]).0, 0);
    fs::write(new.path().join("rbac.yaml"), ROLES.replace("secrets", "deployments")).unwrap();
    let (code, out, _) = run(new.path(), &["rbac", "lint"]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("unserved-resource") && out.contains("it is in group `apps`"), "{out}");
}

#[test]
fn wrong_words_are_refused_with_a_remedy() {
    let folder = folder();
    for (args, says) in [
        (vec!["rbac", "who-can", "get", "widgets"], "RESOURCE.GROUP"),
        (vec!["rbac", "can", "sa:web"], "sa:NAMESPACE/NAME"),
        (vec!["identity", "mfa-policy", "http://a.example.com"], "https"),
        (vec!["rbac", "can", "sa:a/b/c"], "sa:NAMESPACE/NAME"),
        (vec!["rbac", "who-can", "GET", "secrets"], "write get"),
        (
            vec!["rbac", "who-can", "get", "secrets", "-n", "Bad Name"],
            "not the name of a namespace",
        ),
        (vec!["identity", "mfa-policy", OKTA, "--max-age", "soon"], "12h"),
        (vec!["identity", "mfa-policy", OKTA, "--audience", ""], "would not accept"),
        (vec!["identity", "mfa-policy", OKTA, "--acr", ""], "does not prove"),
        (vec!["identity", "mfa-policy", "https://"], "must be a URL"),
        (vec!["identity", "mfa-policy", "https://sso.example.com/?a=b"], "would not accept"),
        (vec!["identity", "mfa-policy", "https://a b.example.com"], "would not accept"),
        (vec!["identity", "mfa-policy", OKTA, "--preset", "x"], "keycloak"),
        (vec!["identity", "mfa-policy", "https://dex.example.com"], "cannot prove a second factor"),
        (
            vec!["identity", "mfa-policy", "--admission", "--operation", "GET"],
            "admission sees no reads",
        ),
        (
            vec!["identity", "mfa-policy", "--admission", "--resource", "deployments.apps"],
            "without a group",
        ),
        (vec!["identity", "mfa-policy", "--admission", "--resource", "Secrets"], "plural"),
        (vec!["identity", "mfa-policy", "--admission", "--group", ""], "not empty"),
        (
            vec!["identity", "test-token", "rbac.yaml", "--against", "rbac.yaml"],
            "no AuthenticationConfiguration",
        ),
    ] {
        let (code, out, err) = run(folder.path(), &args);
        assert_eq!(code, 2, "{args:?}: {out}{err}");
        assert!(err.contains(says), "{args:?}: {err}");
    }
}

#[test]
fn a_policy_for_mfa_refuses_tokens_without_it() {
    let folder = folder();
    let (code, text, err) =
        run(folder.path(), &["identity", "mfa-policy", OKTA, "--audience", "k"]);
    assert_eq!(code, 0, "{err}");
    fs::write(folder.path().join("authentication.yaml"), text).unwrap();
    let claims = |more: &str| {
        let claims = format!(
            "{{\"iss\": \"{OKTA}\", \"aud\": \"k\", \"sub\": \"alice\", \"iat\": 1000, \"exp\": 2000{more}}}"
        );
        fs::write(folder.path().join("claims.json"), claims).unwrap();
        run(
            folder.path(),
            &[
                "identity",
                "test-token",
                "claims.json",
                "--against",
                "authentication.yaml",
                "--at",
                "1500",
            ],
        )
    };
    let (code, out, _) = claims(", \"amr\": [\"pwd\"]");
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("jwt[0].claimValidationRules[0]"), "{out}");
    let (code, out, _) = claims(", \"amr\": [\"pwd\", \"mfa\"]");
    // Nobody signed it.
    assert_eq!(code, 3, "{out}");
    assert!(out.contains("oidc:alice"), "{out}");
    // The flags of the API server are not here.
    assert_eq!(run(folder.path(), &["identity", "authentication.yaml"]).0, 3);
    let (code, out, _) =
        run(folder.path(), &["identity", "mfa-policy", "--admission", "--resource", "secrets"]);
    assert!(code == 0 && out.contains("ValidatingAdmissionPolicyBinding"), "{out}");
}

#[test]
fn what_was_not_read_is_no_agreement() {
    let (old, new) = (folder(), folder());
    let diff = |new: &Path| {
        run(old.path(), &["rbac", "diff", old.path().to_str().unwrap(), new.to_str().unwrap()])
    };
    let (code, out, _) = diff(new.path());
    assert!(code == 0 && out.contains("no difference:"), "{out}");
    let (code, out, _) = run(new.path(), &["rbac", "lint"]);
    assert!(code == 0 && out.contains("no fault:"), "{out}");
    // An object that cannot be read.
    fs::write(new.path().join("broken.yaml"), "apiVersion: v1\nkind: Role\nmetadata: {name: [\n")
        .unwrap();
    let (code, out, _) = diff(new.path());
    assert!(code == 3 && out.contains("no difference found"), "{code} {out}");
    let (code, out, _) = run(new.path(), &["rbac", "lint"]);
    assert!(code == 3 && out.contains("no fault found"), "{code} {out}");
    // Nothing to compare with is probably a wrong path.
    let empty = tempfile::tempdir().unwrap();
    for (old, new) in [(old.path(), empty.path()), (empty.path(), empty.path())] {
        let args = ["rbac", "diff", old.to_str().unwrap(), new.to_str().unwrap()];
        let (code, out, _) = run(old, &args);
        assert!(code == 3 && out.contains("contains no roles or bindings"), "{code} {out}");
    }
}
