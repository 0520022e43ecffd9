//! Mistakes in arguments and scope files.

use crate::started::{command, finish, folder, run};

const IN_POD: &[&str] = &["--in-pod", "shop", "--pod-image", "registry/pavisade:1"];

#[test]
fn mistakes_are_told_with_a_remedy() {
    let tomorrow = jiff::Zoned::now().date().tomorrow().unwrap();
    let consent = |namespace: &str, probe: &str| {
        format!(
            "cluster: true\nnamespaces: [{namespace}]\nconsent: {{by: Ann, server: 'https://a', \
             until: {tomorrow}, probes: [{probe}]}}\n"
        )
    };
    let folder = folder(&[
        ("bad.yaml", "kind: ProbeScope\naddresses:\n- 10.0.0.1/33\n"),
        ("no-consent.yaml", "cluster: true\n"),
        ("names.yaml", &consent("shop", "PV-P150")),
        ("far.yaml", &consent("web", "in-pod")),
        ("unknown.yaml", &consent("shop", "canary-exe")),
        ("pod.yaml", &consent("shop", "in-pod")),
        ("link.yaml", &consent("shop", "PV-P161")),
        ("star.yaml", &consent("shop", "'*'")),
        ("ended.yaml", &consent("shop", "'*'").replace(&tomorrow.to_string(), "2020-01-01")),
        ("config.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"),
        (
            "old.yaml",
            "cluster: true\nconsent: {by: Ann, server: 'https://a', until: 2099-01-01, probes: ['*']}\n",
        ),
        (
            "narrow.yaml",
            "addresses: [10.0.0.1]\nconsent: {by: Ann, server: 'https://a', \
             until: 2026-01-01, probes: ['*']}\n",
        ),
    ]);
    for (args, expect) in [
        (&["probe"][..], "nothing is in scope: name what may be touched"),
        (&["probe", "--scope", "example.com"], "names are not resolved"),
        (&["probe", "--scope", "10.0.0.0/8"], "more than 4096 addresses"),
        (&["probe", "--scope", "kublet@10.0.0.1:1"], "did you mean `kubelet`?"),
        (&["probe", "--scope", "namespace=a"], "add --scope cluster"),
        (&["probe", "--scope", "10.0.0.1", "--scope", "namespace=a"], "add --scope cluster"),
        (&["probe", "--scope", "10.0.0.1", "--only", "kubelet-anonymus-exec"], "did you mean"),
        (&["probe", "--scope", "10.0.0.1", "--active"], "--scope-file"),
        (&["probe", "--scope-file", "no-consent.yaml", "--active"], "needs a `consent`"),
        (&["probe", "--scope-file", "old.yaml", "--active"], "at most 366 days"),
        (
            &["probe", "--scope-file", "narrow.yaml", "--scope", "cluster", "--active"],
            "need `cluster: true` in the scope file",
        ),
        (&["probe", "--scope-file", "bad.yaml"], "bad.yaml:3"),
        (&["probe", "--scope", "egress@10.0.0.1:443"], "can only be probed from a pod"),
        (&["probe", "--scope", "cluster", "--in-pod", "shop"], "--pod-image"),
        (
            &[&["probe", "--scope-file", "no-consent.yaml"][..], IN_POD].concat(),
            "that names `in-pod`",
        ),
        (
            &[&["probe", "pod", "--scope-file", "no-consent.yaml"][..], IN_POD].concat(),
            "cannot be used with `probe pod`",
        ),
        (&[&["probe", "--scope-file", "names.yaml"][..], IN_POD].concat(), "does not name in-pod"),
        (
            &[&["probe", "--scope-file", "far.yaml"][..], IN_POD].concat(),
            "add `shop` to the namespaces",
        ),
        (&["probe", "--scope", "10.0.0.1", "--evidence", "-"], "two results cannot both"),
        // The result of a run that tries nothing would look as if everything were closed.
        (&["probe", "--scope-file", "ended.yaml", "--active"], "ended on 2020-01-01"),
        (&["probe", "--scope-file", "pod.yaml", "--active"], "does not name PV-P150"),
        (&["probe", "--scope-file", "unknown.yaml", "--active"], "Did you mean `canary-exec`?"),
        (
            &["probe", "--scope-file", "names.yaml", "--active", "--only", "PV-P001"],
            "no active probe is selected",
        ),
        (&["probe", "--scope", "cluster"], "nothing would be tried"),
        (&["probe", "--scope", "a.example:443"], "names are not resolved"),
        (
            &["probe", "--scope", "etcd@10.0.0.1:2379", "--only", "kubelet-anonymous-run"],
            "PV-P063 needs an endpoint in scope: kubelet@ADDRESS:PORT",
        ),
        (
            &["probe", "plan", "--scope", "10.0.0.1", "--only", "PV-P110"],
            "PV-P110 needs --scope cluster and --scope namespace=NAME",
        ),
        (
            &["probe", "plan", "--scope", "etcd@10.0.0.1:2379", "--skip", "PV-P0"],
            "none of the selected probes applies",
        ),
        // A probe that is named, but cannot run with these options.
        (&["probe", "--scope", "10.0.0.1", "--only", "PV-P039"], "PV-P039 needs --facts"),
        (&["probe", "--scope", "10.0.0.1", "--only", "PV-P161,PV-P001"], "PV-P161 needs --active"),
        (&["probe", "--scope", "10.0.0.1", "--only", "PV-P130"], "PV-P130 needs --in-pod"),
        (&["probe", "--scope", "10.0.0.1", "--only", "PV-P14"], "needs --in-pod"),
        (&["probe", "--scope", "10.0.0.1", "--only", "PV-P170"], "PV-P170 needs --segmentation"),
        (
            &["probe", "--scope-file", "link.yaml", "--active", "--only", "log-symlink-followed"],
            "PV-P161 needs --pod-image",
        ),
        (
            &[
                "probe",
                "--scope-file",
                "star.yaml",
                "--active",
                "--only",
                "PV-P161",
                "--pod-image",
                "i",
            ],
            "does not name PV-P161",
        ),
        (&["probe", "--scope", "10.0.0.1", "--facts", "none.yaml"], "reading none.yaml"),
        (&["probe", "--scope", "10.0.0.1", "--facts", "config.yaml"], "which certificate a server"),
        (&["probe", "revert", "../../x"], "is not a run"),
        (&["probe", "--scope", "10.0.0.1", "--expect", "x.log"], "write audit=FILE"),
    ] {
        let done = run(folder.path(), args);
        assert_eq!(done.code, 2, "{args:?}: {}", done.err);
        assert!(done.err.contains(expect), "{args:?}: {}", done.err);
    }
}

#[test]
fn what_a_pod_knows_is_a_scope() {
    let folder = folder(&[]);
    let mut discover = command(folder.path(), &["probe", "discover", "--environment"]);
    discover.env("KUBERNETES_SERVICE_HOST", "10.96.0.1").env("KUBERNETES_SERVICE_PORT", "443");
    let done = finish(discover.output().unwrap());
    assert_eq!(done.code, 0, "{}", done.err);
    let line = "- 'kube-apiserver@10.96.0.1:443'  # variable KUBERNETES_SERVICE_HOST";
    assert!(done.out.contains(line), "{}", done.out);
    // It can be used as it is.
    std::fs::write(folder.path().join("scope.yaml"), &done.out).unwrap();
    let plan = run(folder.path(), &["probe", "plan", "--scope-file", "scope.yaml"]);
    assert_eq!(plan.code, 0, "{}", plan.err);
    let done = run(folder.path(), &["probe", "discover", "--kubeconfig", "none"]);
    assert_eq!(done.code, 2, "{}", done.err);
}

#[test]
fn a_plan_has_every_request_and_sends_none() {
    let folder = folder(&[(
        "scope.yaml",
        "addresses: ['kubelet@203.0.113.7:10250']\ncluster: true\nnamespaces: [shop]\n\
         consent: {by: Ann, server: 'https://a', until: 2020-01-01, probes: ['*']}\n",
    )]);
    let done = run(folder.path(), &["probe", "plan", "--scope-file", "scope.yaml"]);
    assert_eq!(done.code, 0, "{}", done.err);
    for line in [
        "kubelet 203.0.113.7:10250  GET /pods (https)",
        "kubelet 203.0.113.7:10250  TLS handshake, TLS 1.0 only",
        "POST /api/v1/namespaces/shop/pods?dryRun=All",
        "Limits: 250 connections per second, 400 per host, 300 s in total.",
    ] {
        assert!(done.out.contains(line), "{line}\n{}", done.out);
    }
    // The consent has ended, so that no active probe is planned.
    let args = ["probe", "plan", "--scope-file", "scope.yaml", "--active"];
    let done = run(folder.path(), &args);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(!done.out.contains("clusterroles"), "{}", done.out);
    assert!(done.out.contains("ended on 2020-01-01: no active probe is planned"), "{}", done.out);
    let tomorrow = jiff::Zoned::now().date().tomorrow().unwrap();
    let scope = std::fs::read_to_string(folder.path().join("scope.yaml")).unwrap();
    let scope = scope.replace("2020-01-01", &tomorrow.to_string());
    std::fs::write(folder.path().join("scope.yaml"), &scope).unwrap();
    let done = run(folder.path(), &args);
    assert!(done.out.contains("clusterroles?dryRun=All"), "{}{}", done.out, done.err);
    // A pod that runs needs an image, and a consent that names the probe; what it may write to is the
    // directory of a canary's logs.
    let with_image = [&args[..], &["--pod-image", "registry/pavisade:1"]].concat();
    assert!(!run(folder.path(), &with_image).out.contains("/var/log"));
    let scope = scope.replace("['*']", "['*', PV-P161]");
    std::fs::write(folder.path().join("scope.yaml"), scope).unwrap();
    assert!(!run(folder.path(), &args).out.contains("/var/log"));
    let done = run(folder.path(), &with_image);
    let path = "\"path\":\"/var/log/pods/pavisade-probe-";
    assert_eq!(done.out.matches(path).count(), 1, "{}{}", done.out, done.err);
    assert!(done.out.contains("-server/log?limitBytes=4096"), "{}", done.out);
    assert!(!done.out.contains("/proxy/run/"), "{}", done.out);
    let scope = std::fs::read_to_string(folder.path().join("scope.yaml")).unwrap();
    let scope = scope.replace("PV-P161", "host-path-read, node-proxy-run");
    std::fs::write(folder.path().join("scope.yaml"), scope).unwrap();
    let done = run(folder.path(), &with_image);
    assert_eq!(done.out.matches(path).count(), 1, "{}{}", done.out, done.err);
    for expect in ["POST /api/v1/nodes/NODE/proxy/run/", "-reader/log?limitBytes=4096"] {
        assert!(done.out.contains(expect), "{expect}: {}", done.out);
    }
    let list = run(folder.path(), &["probe", "list"]);
    assert!(list.out.lines().count() > 100 && list.out.contains("PV-P160"));
}
