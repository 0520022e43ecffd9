use super::{MASK, mask, mask_field, places};

/// Returns the file with its secrets masked.
fn shown(text: &str) -> String {
    let mut shown = text.to_owned();
    for place in places(text).into_iter().rev() {
        shown.replace_range(place, MASK);
    }
    shown
}

#[test]
fn a_sentence_keeps_all_but_its_secrets() {
    for (text, expected) in [
        (
            "speaks to etcd at `http://me:HUNTER2@db:2379` in",
            "speaks to etcd at `http://••••@db:2379` in",
        ),
        ("http://a:HUNTER2@h:1,http://b:HUNTER2@i:2", "http://••••@h:1,http://••••@i:2"),
        ("https://HUNTER2@git.internal/a", "https://••••@git.internal/a"),
        ("http://me:HUN@TER2@h:80?x=a@b", "http://••••@h:80?x=a@b"),
        ("http://me:HUN/TER2@h", "http://••••@h"),
        ("http://me:HUN,TER2@h", "http://••••@h"),
        ("http://mé:HUNTER2@h", "http://••••@h"),
        ("`http://me:HUNTER2…`", "`http://••••…`"),
        ("image `me:HUNTER2@registry.internal/a/b:1`", "image `••••@registry.internal/a/b:1`"),
        ("Authorization: Basic SFVOVEVSMg==", "Authorization: ••••"),
        ("the password is HUNTER2 for now", "the password is •••• for now"),
        (
            "proxy_set_header Authorization \"Basic SFVOVEVSMg==\";",
            "proxy_set_header Authorization \"Basic ••••\";",
        ),
        ("`--password=HUNTER2` is", "`--password=••••` is"),
        ("--password HUNTER2 --verbose", "--password •••• --verbose"),
        ("mysql -pHUNTER2 -h db", "mysql -p•••• -h db"),
        ("me:HUNTER2@tcp(db:3306)/a", "••••@tcp(db:3306)/a"),
        ("https://h/?token=HUNTER2", "https://h/?token=••••"),
        ("https://h/?key=HUNTER2", "https://h/?key=••••"),
        ("https://discord.com/api/webhooks/1/HUNTER2", "https://discord.com/api/webhooks/••••"),
        ("Server=db;Password=HUNTER2;x", "Server=db;Password=••••"),
        ("{\\\"password\\\": \\\"HUNTER2\\\"}", "{\\\"password\\\": \\\"••••\\\"}"),
    ] {
        assert_eq!(mask(text), expected, "{text}");
    }
}

#[test]
fn what_is_no_secret_stays_in_a_sentence() {
    for text in [
        "https://git.internal/a@b",
        "https://db:5432/a@b",
        "https://[::1]:2379/a@b",
        "http://$(USER):$(PASSWORD)@h",
        "registry.internal:5000/a/b:1@sha256:0123456789abcdef",
        "git@git.internal:a",
        "serviceAccount:ci@project.iam.gserviceaccount.com",
        "`automountServiceAccountToken: true` mounts a token",
        "the token: anyone who reads it is the account",
        "`--token-auth-file=/etc/kubernetes/tokens.csv`",
        "`secretName: web` is not here",
        "Basic authentication and bearer tokens: the token is mounted",
        "`--password=$(PASSWORD)`",
        "spec.containers[name=web].env[name=DB_PASSWORD].value",
        "",
    ] {
        assert_eq!(mask(text), text);
    }
}

#[test]
fn a_file_hides_what_its_lines_around_say() {
    for (text, expected) in [
        ("- name: DB_PASSWORD\n  value: a b\n", "- name: DB_PASSWORD\n  value: ••••\n"),
        ("- identity: {}\n- credentials: {a: b}\n", "- identity: {}\n- credentials: {a: b}\n"),
        ("[--token=HUNTER2, --v]", "[--token=••••, --v]"),
        ("- value: HUNTER2\n  name: DB_PASSWORD\n", "- value: ••••\n  name: DB_PASSWORD\n"),
        (
            "- name: LEVEL\n  value: debug\n- name: A\n",
            "- name: LEVEL\n  value: debug\n- name: A\n",
        ),
        (
            "[{name: TOKEN, value: HUNTER2}, {name: LEVEL, value: debug}]",
            "[{name: TOKEN, value: ••••}, {name: LEVEL, value: debug}]",
        ),
        ("- --password\n- HUNTER2\n- --verbose\n", "- --password\n- ••••\n- --verbose\n"),
        ("[\"--password\", \"HUNTER2\", \"-v\"]", "[\"--password\", \"••••\", \"-v\"]"),
        ("- mysql\n- -pHUNTER2\n", "- mysql\n- -p••••\n"),
        (
            "kind: Secret\ndata:\n  a: HUNTER2\n  b: |\n    HUNTER2\ntype: x\n",
            "kind: Secret\ndata:\n  a: ••••\n  b: |\n    ••••\ntype: x\n",
        ),
        (
            "[{\"kind\":\"Secret\",\"data\":{\"a\":\"HUNTER2\"}},{\"kind\":\"Pod\"}]",
            "[{\"kind\":\"Secret\",\"data\":{••••}},{\"kind\":\"Pod\"}]",
        ),
        (
            "{\"kind\":\"Secret\",\"data\":1}\n---\ndata:\n  a: debug\n",
            "{\"kind\":\"Secret\",\"data\":1}\n---\ndata:\n  a: debug\n",
        ),
        ("password: |\n  HUNTER2\n\n  HUNTER2\nb: c\n", "password: |\n  ••••\n\n  ••••\nb: c\n"),
        ("password: \"HUNTER2\n  HUNTER2\"\nb: c\n", "password: ••••\n  ••••\nb: c\n"),
        ("secret:\n  secretName: web\n", "secret:\n  secretName: web\n"),
        (
            "data:\n  password: HUNTER2\n  password: $(A)\n",
            "data:\n  password: ••••\n  password: $(A)\n",
        ),
        ("a: true # the password is HUNTER2\n", "a: true # ••••\n"),
        ("a: true # see the page\n", "a: true # see the page\n"),
        ("ENV DB_PASSWORD HUN TER2\n", "ENV DB_PASSWORD ••••\n"),
        ("ENV DB_PASSWORD=HUNTER2\n", "ENV DB_PASSWORD=••••\n"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\n",
            "••••\n••••\n-----END RSA PRIVATE KEY-----\n",
        ),
        (
            "image: a@sha256:0f4e2b8f9c1d7a6e5b3c2d1e0f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a\n",
            "image: a@sha256:0f4e2b8f9c1d7a6e5b3c2d1e0f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a\n",
        ),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
}

#[test]
fn an_anchor_or_a_tag_does_not_show_the_value_behind_it() {
    for (text, expected) in [
        ("password: &pw HUNTER2\n", "password: &pw ••••\n"),
        ("password: !!str HUNTER2\n", "password: !!str ••••\n"),
        ("password: &pw !!str \"HUN TER2\"\n", "password: &pw !!str ••••\n"),
        (
            "password: !!binary |\n  HUNTER2\n  x\nb: c\n",
            "password: !!binary |\n  ••••\n  ••••\nb: c\n",
        ),
        ("password: &pw\n  HUNTER2\nb: c\n", "password: &pw\n  ••••\nb: c\n"),
        (
            "- name: DB_PASSWORD\n  value: !!str HUNTER2\n",
            "- name: DB_PASSWORD\n  value: !!str ••••\n",
        ),
        ("- {name: &n TOKEN, value: &v HUNTER2}\n", "- {name: &n TOKEN, value: &v ••••}\n"),
        ("a: {password: &pw HUNTER2, b: c}\n", "a: {password: &pw ••••, b: c}\n"),
        ("kind: Secret\ndata: &d\n  a: HUNTER2\n", "kind: Secret\ndata: &d\n  a: ••••\n"),
        // The value after the anchor may still be a map or a template.
        ("secret: &s\n  secretName: web\n", "secret: &s\n  secretName: web\n"),
        ("secret: &s {secretName: web}\n", "secret: &s {secretName: web}\n"),
        ("password: &pw $(A)\n", "password: &pw $(A)\n"),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
}

#[test]
fn only_what_looks_like_a_map_is_a_map() {
    for (text, expected) in [
        ("userPassword: {SSHA}W6phAbcdEFgh1234=", "userPassword: ••••"),
        ("userPassword: {SSHA}W6ph/AbcdEF+gh1234== is", "userPassword: •••• is"),
        ("password: {HUNTER2", "password: ••••"),
    ] {
        assert_eq!(mask(text), expected, "{text}");
    }
    assert_eq!(shown("userPassword:\n  {SSHA}HUNTER2=\nb: c\n"), "userPassword:\n  ••••\nb: c\n");
    assert_eq!(shown("userPassword: {SSHA}HUNTER2=\n"), "userPassword: ••••\n");
    for text in [
        "credentials: {}",
        "credentials: {a: b}",
        "{\"credentials\":{\"a\":\"b\"}}",
        "{\"credentials\": {\n  \"a\": 1\n}}",
        "\"{\\\"credentials\\\":{\\\"a\\\":1}}\"",
        "password: {{ .Values.password }}",
        "password: {{ .Values.password | quote }} # set",
        "password: ${PASSWORD}",
        "password: <your password>",
    ] {
        assert_eq!(mask(text), text);
        assert_eq!(shown(text), text);
    }
}

#[test]
fn a_value_is_hidden_whatever_comes_after_it() {
    for (text, expected) in [
        ("password = \"HUNTER2\" + x", "password = \"••••\" + x"),
        ("it has `password: \"HUNTER2\".`", "it has `password: \"••••\".`"),
        ("password: \"HUNTER2\".", "password: \"••••\"."),
        ("password = HUNTER2 and more", "password = •••• and more"),
        ("`password: HUNTER2` is set", "`password: ••••` is set"),
        ("`password: hunter` is set", "`password: ••••` is set"),
        ("password: \"HUNTER2", "password: \"••••"),
    ] {
        assert_eq!(mask(text), expected, "{text}");
    }
    for text in
        ["the token: anyone who reads it", "no password: Pods are open. It is", "password = "]
    {
        assert_eq!(mask(text), text);
    }
}

#[test]
fn padded_base64_is_random_as_a_whole() {
    let value = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWZx8=";
    let slashes = "q83v/jRWeJCr/e8SNFZ4/KvN7xI0/niQq83v+jRWZx8=";
    for value in [value, slashes] {
        for (text, expected) in [
            (format!("foo: {value}\n"), "foo: ••••\n"),
            (format!("- --foo={value}\n"), "- --foo=••••\n"),
            (format!("foo: \"{value}\"\n"), "foo: \"••••\"\n"),
            (format!("foo:{value}\n"), "foo:••••\n"),
        ] {
            assert_eq!(shown(&text), expected, "{text}");
        }
        let digest = format!("integrity: sha256-{value}\n");
        assert_eq!(shown(&digest), digest);
    }
    assert_eq!(
        shown("a: https://h.internal/b/q7Zr0kPn2VxY8sTdL4wJb6MhC1\n"),
        "a: https://h.internal/b/••••\n"
    );
}

#[test]
fn accounts_and_people_are_not_logins() {
    for text in [
        "keycloak:alice@corp.example",
        "keycloak:alice@corp.example: not found",
        "github:bob@corp.example",
        "user:alice@example.com",
        "user:alice2@example.com",
        "domain:corp2@example.com",
        "serviceAccount:x@y.iam",
        "deleted:serviceAccount:x1@y.iam?uid=123",
        "arn:aws:iam::123456789012:role/x@y",
    ] {
        assert_eq!(mask(text), text);
        assert_eq!(shown(text), text);
    }
    for (text, expected) in [
        ("keycloak:HUNTER2@corp.example", "••••@corp.example"),
        ("me:qwRtZpLkJhGfDsXcVbNm@corp.example", "••••@corp.example"),
        // An image or a server: even a simple word is a password.
        ("image: user:pass1@registry/image", "image: ••••@registry/image"),
        ("image: me:hunter@registry.internal/a", "image: ••••@registry.internal/a"),
        ("me:hunter@db.internal:5432", "••••@db.internal:5432"),
        ("me:hunter@tcp(db:3306)/a", "••••@tcp(db:3306)/a"),
    ] {
        assert_eq!(mask(text), expected, "{text}");
        assert_eq!(shown(text), expected, "{text}");
    }
}

#[test]
fn a_field_is_hidden_by_its_path() {
    for (path, value, expected) in [
        ("spec.containers[name=web].env[name=DB_PASSWORD].value", "HUNTER2", MASK),
        ("data.password", "HUNTER2", MASK),
        ("spec.hostNetwork", "true", "true"),
        ("spec.automountServiceAccountToken", "true", "true"),
        ("spec.url", "http://me:HUNTER2@h", "http://••••@h"),
    ] {
        assert_eq!(mask_field(path, value), expected, "{path}");
    }
}

#[test]
fn a_line_of_megabytes_is_read_once() {
    let line = "{\"name\":\"a\",\"value\":\"http://b\"},".repeat(10_000);
    assert_eq!(places(&line), []);
    assert!(!places(&"password=hunter2,".repeat(10_000)).is_empty());
    // Each value was searched to the end of the line.
    assert_eq!(places(&"value=a,".repeat(200_000)), []);
    assert_eq!(mask("value=a,b name=password").into_owned(), "value=•••• name=password");
}

#[test]
fn a_word_of_megabytes_is_searched_for_its_end_once() {
    // Each of these took minutes when every prefix was searched to its end.
    let token = "glpat-q7Zr0kPn2VxY8sTdL4wJ/";
    let key = format!(
        "-----BEGIN RSA PRIVATE KEY-----MIIE{}",
        "q7Zr0kPn2VxY8sTdL4wJb6MhC1eFgA9uRvX5tQ3iKo"
    );
    let short = 400_000;
    for (part, size) in [("a://", 2_000_000), (token, short), ("/robot/send", short), (&key, short)]
    {
        let line = part.repeat(size / part.len());
        let hidden = places(&line);
        assert!(hidden.len() <= 1, "{part}: {}", hidden.len());
    }
}
