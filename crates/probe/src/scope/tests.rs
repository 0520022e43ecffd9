use super::*;

fn scope(text: &str) -> (Scope, Vec<String>) {
    let source = Source::new("scope.yaml", text);
    let (scope, notes) = Scope::parse(&source);
    let told = notes.iter().map(|note| {
        let line = note.span.as_ref().map_or(0, |(source, start, _)| source.line_at(*start));
        format!("{}:{line}: {} {}", note.place, note.message, note.remedy).trim().to_owned()
    });
    (scope, told.collect())
}

#[test]
fn only_what_is_named_is_permitted() {
    let mut scope = Scope::default();
    for item in ["10.1.0.0/24", "10.2.0.7:10250", "kube-apiserver@127.0.0.1:36443", "fd00::/120"] {
        scope.add(item).unwrap();
    }
    let own = OwnNetwork::default();
    for (to, expect) in [
        ("10.1.0.200:22", true),
        ("10.1.1.0:10250", false),
        ("10.2.0.7:10250", true),
        ("10.2.0.7:10255", false),
        ("127.0.0.1:36443", true),
        ("127.0.0.1:2379", false),
        ("127.0.0.2:36443", false),
        ("[::ffff:10.1.0.3]:443", true),
        ("[::ffff:10.9.0.3]:443", false),
        ("[fd00::9]:443", true),
        ("[fd00::1:9]:443", false),
        ("0.0.0.0:443", false),
        ("224.0.0.1:443", false),
        ("8.8.8.8:443", false),
    ] {
        let got = scope.permits(to.parse().unwrap(), &own);
        assert_eq!(got.is_ok(), expect, "{to}: {got:?}");
    }
    // Loopback and the network of the machine are refused even if they are in scope.
    scope.add("127.0.0.0/24").unwrap();
    scope.add("192.0.2.0/24").unwrap();
    let route = "h\neth0\t00000000\t010200C0\t3\t0\t0\t0\t00000000\n\
                 eth0\t000200C0\t00000000\t1\t0\t0\t0\t00FFFFFF\n";
    let own = OwnNetwork::parse(route, "");
    for to in ["127.0.0.1:2379", "192.0.2.9:443"] {
        assert!(scope.permits(to.parse().unwrap(), &own).is_err(), "{to}");
    }
    scope.own_network = true;
    scope.permits("192.0.2.9:443".parse().unwrap(), &own).unwrap();
}

#[test]
fn a_scope_file_is_read_and_its_errors_have_places() {
    let (read, told) = scope(
        "kind: ProbeScope\naddresses: [10.0.0.0/24, 'etcd@10.0.1.1:12379']\ncluster: true\n\
         namespaces: [shop]\nconsent: {by: Ann, server: 'https://a:6443', until: 2026-12-31, probes: [PV-P150]}\n\
         limits: {rate: 10, perHost: 20, deadline: 30}\n",
    );
    assert_eq!(told, Vec::<String>::new());
    assert_eq!((read.networks.len(), read.endpoints.len()), (1, 1));
    assert_eq!(read.limits, Limits { rate: 10, per_host: 20, deadline: 30 });
    for (text, expect) in [
        ("", "scope.yaml:1: the scope is empty Name what may be touched."),
        (
            "adresses: [10.0.0.1]\n",
            "scope.yaml:1: unknown field `adresses` Did you mean `addresses`?",
        ),
        ("kind: ProbeScope\naddresses:\n- 10.0.0.1/33\n", "scope.yaml:3: `10.0.0.1/33` is not"),
        ("addresses: [10.0.0.0/8]", "scope.yaml:1: `10.0.0.0/8` has more than 4096 addresses"),
        ("addresses: [kublet@10.0.0.1:1]", "did you mean `kubelet`?"),
        ("addresses: [10.0.0.1:22]", "port 22 belongs to no known component"),
        ("kind: Pod\ncluster: true", "scope.yaml:1: the kind is not ProbeScope"),
        ("cluster: true\nconsent: {by: Ann}", "scope.yaml:2: the consent is incomplete"),
        (
            "cluster: true\nconsent: {by: Ann, until: 2026-12-31, probes: ['*']}",
            "the consent is incomplete",
        ),
        ("cluster: true\nconsent: {by: Ann, server: a}", "this must be the URL of an API server"),
        ("cluster: true\nconsent: {by: Ann, until: soon}", "this must be a date"),
        ("cluster: true\nlimits: {rate: 0}", "a number from 1 to 10000"),
        ("cluster: maybe", "this must be true or false"),
    ] {
        let (_, told) = scope(text);
        assert!(told.iter().any(|told| told.contains(expect)), "{text:?}: {told:?}");
    }
}

#[test]
fn a_consent_names_probes_and_ends() {
    let (scope, _) = scope(
        "cluster: true\nconsent: {by: Ann, server: 'https://api.example/', until: 2026-06-30, \
         probes: [PV-P150]}\n",
    );
    scope.consent_to("https://api.example:443").unwrap();
    for other in ["https://api.example:6443", "https://api.example.org", "http://api.example"] {
        assert!(scope.consent_to(other).unwrap_err().contains("the consent of Ann is for"));
    }
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let on_time = at("2026-06-30T23:59:00Z");
    assert!(scope.consent_for("PV-P150", "x", on_time).is_ok());
    assert!(scope.consent_for("PV-P151", "x", on_time).unwrap_err().contains("does not name"));
    let late = at("2026-07-01T00:00:00Z");
    assert!(scope.consent_for("PV-P150", "x", late).unwrap_err().contains("ended"));
    assert!(scope.check_consent(at("2026-06-01T00:00:00Z")).is_ok());
    assert!(scope.check_consent(at("2020-06-01T00:00:00Z")).is_err());
    assert!(Scope::default().consent_for("PV-P150", "x", late).is_err());
}

/// Consents to `*` may be older than these probes.
#[test]
fn a_consent_to_all_probes_does_not_name_those_that_run_pods() {
    let now = "2026-06-01T00:00:00Z".parse().unwrap();
    for (named, id, expect) in [
        ("'*'", "PV-P150", true),
        ("'*'", "PV-P161", false),
        ("'*'", "PV-P162", false),
        ("'*'", "PV-P163", false),
        ("PV-P161", "PV-P163", false),
        ("'*', PV-P161", "PV-P161", true),
        ("log-symlink-followed", "PV-P161", true),
        ("log-symlink-followed", "PV-P150", false),
    ] {
        let (scope, notes) = scope(&format!(
            "cluster: true\nconsent: {{by: Ann, server: 'https://a', until: 2026-06-30, probes: \
             [{named}]}}\n"
        ));
        assert!(notes.is_empty(), "{notes:?}");
        let name = crate::REGISTRY.iter().find(|one| one.id() == id).unwrap().name();
        assert_eq!(scope.consent_for(id, name, now).is_ok(), expect, "{named} {id}");
    }
}
