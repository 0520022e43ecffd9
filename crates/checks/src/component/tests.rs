use pavisade_snapshot::{Object, WorldKind};
use pavisade_yaml::{Source, objects, read};

use super::{Component, FlagSource, components, configures, is_control_plane};

fn with<T>(text: &str, look: impl FnOnce(&Object, Vec<Component<'_>>) -> T) -> T {
    let documents = read(&Source::new("test.yaml", text));
    let object = objects(documents.docs[0].root()).sent[0];
    let object = Object::new(object.value, object.api_version, object.kind);
    assert_eq!(configures(&object), !components(&object).is_empty());
    let found = components(&object);
    look(&object, found)
}

fn pod(container: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: a, namespace: kube-system}}\nspec:\n  containers:\n    - name: c\n{}",
        container.lines().map(|l| format!("      {l}\n")).collect::<String>()
    )
}

/// Returns the program and the value of `anonymous-auth`.
fn seen(container: &str) -> Option<(&'static str, Option<String>)> {
    with(&pod(container), |_, found| {
        let component = *found.first()?;
        let flag = component.flag("anonymous-auth");
        Some((component.name(), flag.map(|f| f.value.into_owned())))
    })
}

#[test]
fn the_program_is_found_in_every_way_of_writing() {
    for container in [
        "command: [kube-apiserver, --anonymous-auth=false]",
        "command: [kube-apiserver]\nargs: [--anonymous-auth=false]",
        "args: [/usr/local/bin/kube-apiserver, --anonymous-auth=false]",
        "image: registry.k8s.io/kube-apiserver:v1.34.2@sha256:00\nargs: [--anonymous-auth=false]",
        "command: [/hyperkube, apiserver, --anonymous-auth=false]",
        "command: [hyperkube, kube-apiserver, --anonymous-auth=false]",
        "command: [/go-runner, --log-file=/var/log/kube-apiserver.log, /usr/local/bin/kube-apiserver, --anonymous-auth=false]",
        "command: [tini, -s, --, kube-apiserver, --anonymous-auth=false]",
        "command: [env, A=b, kube-apiserver, --anonymous_auth=false]",
        "command: [/bin/sh, -c, 'exec kube-apiserver --anonymous-auth=false 1>>/var/log/a.log 2>&1']",
        "command: [/bin/sh, -c]\nargs: ['set -e; exec kube-apiserver --anonymous-auth=\"false\"']",
        "command: [bash, -ec, \"exec kube-apiserver \\\\\\n  --v=2 \\\\\\n  --anonymous-auth=false\"]",
        "command: [tini, --, sh, -c, 'A=b exec kube-apiserver --anonymous-auth=false']",
        "command: [sh, -c, 'exec kube-apiserver \"$@\"', sh, --anonymous-auth=false]",
        "command: [sh, -c, \"# --anonymous-auth=true\\nkube-apiserver --anonymous-auth=false # --anonymous-auth=true\"]",
        "command: [sh, -c, 'kube-apiserver --anonymous-auth=false; echo --anonymous-auth=true']",
        "command: [kube-apiserver, --anonymous-auth=true, --anonymous-auth=false]",
        "command: [kube-apiserver, --anonymous-auth, 'false']",
        "command: [kube-apiserver, --anonymous-auth=false, --, --anonymous-auth=true]",
    ] {
        let expected = ("kube-apiserver", Some("false".to_owned()));
        assert_eq!(seen(container), Some(expected), "{container}");
    }
    assert_eq!(
        seen("command: [kube-apiserver, --anonymous-auth, --v=2]"),
        Some(("kube-apiserver", Some("true".to_owned())))
    );
}

#[test]
fn what_only_names_a_component_is_none() {
    for container in [
        "command: [tail, -f, /var/log/kube-apiserver]",
        "command: [sh, -c, 'echo kube-apiserver; kubectl get pods etcd']",
        "command: [kube-bench, --targets, etcd]",
        "command: [curl, http://localhost/kube-scheduler]",
        "command: [env, --log=/var/log/etcd, ls]",
        "image: quay.io/a/etcd-operator\nargs: [--anonymous-auth=false]",
        "image: registry.k8s.io/etcd:3",
        "args: []",
    ] {
        assert_eq!(seen(container), None, "{container}");
    }
}

#[test]
fn a_boolean_is_read_as_go_reads_it() {
    for (flag, expected) in [
        ("--anonymous-auth=F", Some(false)),
        ("--anonymous-auth=1", Some(true)),
        ("--anonymous-auth", Some(true)),
        ("--anonymous-auth=no", None),
        ("--anonymous-auth=$(ANON)", None),
    ] {
        with(&pod(&format!("command: [kube-apiserver, '{flag}']")), |_, found| {
            assert_eq!(found[0].known_bool("anonymous-auth", true).ok(), expected, "{flag}");
        });
    }
    with(&pod("command: [kube-apiserver, --anonymous-auth, 'false']"), |_, found| {
        let claim = found[0].known_bool("anonymous-auth", true).unwrap_err();
        assert!(claim.message.contains("write it with `=`"), "{}", claim.message);
    });
}

#[test]
fn an_absent_flag_is_unknown_where_more_flags_may_hide() {
    for container in [
        "command: [sh, -c, 'exec kube-apiserver $ARGS']",
        "command: [kube-apiserver, $(EXTRA)]",
        "command: [hyperkube, kube-apiserver, --openshift-config=/etc/config.yaml]",
    ] {
        with(&pod(container), |_, found| {
            assert!(found[0].known("anonymous-auth").is_err(), "{container}");
        });
    }
    with(&pod("command: [kube-apiserver]"), |_, found| {
        assert!(found[0].known("anonymous-auth").unwrap().is_none());
    });
}

#[test]
fn lists_add_up_over_repeated_flags() {
    let text = pod(
        "command: [kube-apiserver, '--authorization-mode=Node, RBAC', --authorization-mode=AlwaysAllow]",
    );
    with(&text, |_, found| {
        assert_eq!(found[0].flag_list("authorization-mode"), ["Node", "RBAC", "AlwaysAllow"]);
    });
}

#[test]
fn etcd_takes_flags_from_its_environment() {
    let text = pod(
        "command: [etcd, --cert-file=a]\nenv:\n  - {name: ETCD_CLIENT_CERT_AUTH, value: 'true'}\n  - {name: ETCD_CERT_FILE, value: b}\n  - {name: ETCD_KEY_FILE, valueFrom: {}}",
    );
    with(&text, |_, found| {
        assert_eq!(found[0].known_bool("client-cert-auth", false).ok(), Some(true));
        assert_eq!(found[0].flag("cert-file").unwrap().value, "a");
        assert!(found[0].known("key-file").is_err());
    });
}

const MAP: &str = "
apiVersion: kubeadm.k8s.io/v1beta3
kind: ClusterConfiguration
apiServer:
  extraArgs:
    anonymous-auth: 'false'
    enable-admission-plugins: AlwaysPullImages
";

const LIST: &str = "
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
apiServer:
  extraArgs:
    - {name: anonymous-auth, value: 'true'}
    - {name: anonymous-auth, value: 'false'}
    - {name: enable-admission-plugins, value: AlwaysPullImages}
";

const EMBEDDED: &str = "
apiVersion: controlplane.cluster.x-k8s.io/v1beta1
kind: KubeadmControlPlane
metadata: {name: a}
spec:
  kubeadmConfigSpec:
    clusterConfiguration:
      apiServer:
        extraArgs: {anonymous-auth: 'false', enable-admission-plugins: AlwaysPullImages}
";

#[test]
fn kubeadm_adds_its_own_flags_and_is_overridden() {
    for text in [MAP, LIST, EMBEDDED] {
        with(text, |_, found| {
            let names: Vec<_> = found.iter().map(|c| c.name()).collect();
            let all = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"];
            assert_eq!(names, all);
            let server = found[0];
            assert_eq!(server.source(), FlagSource::Kubeadm);
            assert_eq!(server.flag("anonymous-auth").unwrap().value, "false");
            assert_eq!(server.flag_list("enable-admission-plugins"), ["AlwaysPullImages"]);
            assert_eq!(server.flag_list("authorization-mode"), ["Node", "RBAC"]);
            assert!(server.flag("profiling").is_none());
            assert_eq!(found[3].flag("client-cert-auth").unwrap().value, "true");
        });
    }
}

#[test]
fn kubeadm_leaves_the_mode_to_the_authorization_file() {
    let text = "
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
apiServer: {extraArgs: [{name: authorization-config, value: /a}]}
etcd: {external: {endpoints: []}}
";
    with(text, |_, found| {
        assert!(found[0].flag("authorization-mode").is_none());
        assert_eq!(found.len(), 3, "an external etcd is not configured here");
    });
}

#[test]
fn kubelets_of_kubeadm_have_their_extra_flags() {
    for text in [
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nnodeRegistration: {kubeletExtraArgs: [{name: read-only-port, value: '10255'}]}",
        "apiVersion: kubeadm.k8s.io/v1beta3\nkind: JoinConfiguration\nnodeRegistration: {kubeletExtraArgs: {read-only-port: '10255'}}",
        "apiVersion: bootstrap.cluster.x-k8s.io/v1beta1\nkind: KubeadmConfigTemplate\nspec: {template: {spec: {joinConfiguration: {nodeRegistration: {kubeletExtraArgs: {read-only-port: '10255'}}}}}}",
    ] {
        with(text, |_, found| {
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!(found[0].name(), "kubelet");
            assert_eq!(found[0].flag("read-only-port").unwrap().value, "10255");
        });
    }
}

#[test]
fn only_a_pod_of_kube_system_is_the_control_plane() {
    let text = pod("command: [kube-apiserver]").replace("spec:", "spec:\n  hostNetwork: true");
    let of = |text: &str, world| {
        with(text, |object, _| is_control_plane(object.pods().next().unwrap(), world))
    };
    let is = |text: &str| of(text, WorldKind::Files);
    assert!(is(&text));
    assert!(!is(&text.replace("kube-system", "default")));
    assert!(!is(&text.replace("hostNetwork", "hostPID")), "it asks for more than they need");
    assert!(!is(&pod("command: [tail, -f, /var/log/etcd]")));
    // In a cluster, it must be from a kubelet.
    let annotated =
        text.replace("name: a,", "name: a, annotations: {kubernetes.io/config.mirror: x},");
    let owned = |text: &str, owner: &str| {
        let owner = format!("name: a, ownerReferences: [{{{owner}, name: n, uid: u}}],");
        text.replace("name: a,", &owner)
    };
    let node = "apiVersion: v1, kind: Node, controller: true";
    for (text, expected) in [
        (text.clone(), false),
        (annotated.clone(), false),
        (owned(&text, node), false),
        (owned(&annotated, "apiVersion: apps/v1, kind: ReplicaSet, controller: true"), false),
        (owned(&annotated, "apiVersion: v1, kind: Node"), false),
        (owned(&annotated, "apiVersion: example.com/v1, kind: Node, controller: true"), false),
        (owned(&annotated, node), true),
    ] {
        assert_eq!(of(&text, WorldKind::Cluster), expected, "{text}");
    }
}

/// Returns the changes as `path = edit`.
fn edits(text: &str, change: impl Fn(Component<'_>) -> Vec<crate::Change<'_>>) -> Vec<String> {
    with(text, |_, found| {
        let shown = change(found[0]).into_iter().map(|change| {
            let crate::Place::At(value, rest) = change.place else { return "?".to_owned() };
            let at = value.key().map_or_else(
                || value.scalar_text().map(|t| t.into_owned()).unwrap_or("item".into()),
                str::to_owned,
            );
            match change.edit {
                pavisade_yaml::Edit::Set(v) => format!("{at}|{rest} = {v}"),
                pavisade_yaml::Edit::Append(v) => format!("{at}|{rest} + {v}"),
                pavisade_yaml::Edit::Remove => format!("{at}|{rest} -"),
            }
        });
        shown.collect()
    })
}

#[test]
fn a_flag_is_set_where_it_stands() {
    let cases: [(&str, &[&str]); 13] = [
        (
            "command: [kube-apiserver, --anonymous-auth=true]",
            &["--anonymous-auth=true| = \"--anonymous-auth=false\""],
        ),
        (
            "command: [kube-apiserver, --anonymous-auth]",
            &["--anonymous-auth| = \"--anonymous-auth=false\""],
        ),
        (
            "command: [kube-apiserver, -anonymous_auth=1]",
            &["-anonymous_auth=1| = \"-anonymous_auth=false\""],
        ),
        (
            "command: [kube-apiserver, --anonymous-auth, 'true']",
            &["--anonymous-auth| = \"--anonymous-auth=false\"", "true| -"],
        ),
        (
            "command: [kube-apiserver, --anonymous-auth=1, --v=2, --anonymous-auth=true]",
            &["--anonymous-auth=true| = \"--anonymous-auth=false\"", "--anonymous-auth=1| -"],
        ),
        ("command: [kube-apiserver, --v=2]", &["command| + \"--anonymous-auth=false\""]),
        ("command: [kube-apiserver]\nargs: [--v=2]", &["args| + \"--anonymous-auth=false\""]),
        ("command: [kube-apiserver]\nargs: []", &["command| + \"--anonymous-auth=false\""]),
        ("command: [tini, --, kube-apiserver]", &["command| + \"--anonymous-auth=false\""]),
        ("command: [kube-apiserver, --, a]", &[]),
        ("command: [sh, -c, 'exec kube-apiserver --anonymous-auth=true']", &[]),
        ("command: [sh, -c, 'exec kube-apiserver']", &[]),
        (
            "command: [sh, -c, 'exec kube-apiserver \"$@\"', sh, --anonymous-auth=true]",
            &["--anonymous-auth=true| = \"--anonymous-auth=false\""],
        ),
    ];
    for (container, expected) in cases {
        let found = edits(&pod(container), |c| c.set_flag("anonymous-auth", "false"));
        assert_eq!(found, expected, "{container}");
    }
}

#[test]
fn a_variable_of_etcd_is_set_where_the_text_holds_it() {
    let text = pod("command: [etcd]\nenv: [{name: ETCD_CLIENT_CERT_AUTH, value: 'false'}]");
    assert_eq!(edits(&text, |c| c.set_flag("client-cert-auth", "true")), ["value| = \"true\""]);
    let text = pod("command: [etcd]\nenv: [{name: ETCD_CLIENT_CERT_AUTH, valueFrom: {}}]");
    assert_eq!(edits(&text, |c| c.set_flag("client-cert-auth", "true")), Vec::<String>::new());
}

#[test]
fn kubeadms_arguments_are_a_map_or_a_list() {
    let set = |text: &str, name: &str| edits(text, |c| c.set_flag(name, "x"));
    assert_eq!(set(MAP, "anonymous-auth"), ["anonymous-auth| = \"x\""]);
    assert_eq!(set(MAP, "profiling"), ["extraArgs|profiling = \"x\""]);
    assert_eq!(set(LIST, "anonymous-auth"), ["value| = \"x\"", "item| -"]);
    let element = "{\"name\":\"profiling\",\"value\":\"x\"}";
    assert_eq!(set(LIST, "profiling"), [format!("extraArgs| + {element}")]);
    // An entry without a value gets it.
    let empty = LIST.replace(", value: 'false'", "");
    assert_ne!(empty, LIST);
    assert_eq!(set(&empty, "anonymous-auth"), ["item|value = \"x\"", "item| -"]);
    assert_eq!(set(EMBEDDED, "profiling"), ["extraArgs|profiling = \"x\""]);
    let bare = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n";
    assert_eq!(set(bare, "profiling"), [format!("item|apiServer.extraArgs + {element}")]);
    let old = bare.replace("v1beta4", "v1beta3");
    assert_eq!(set(&old, "profiling"), ["item|apiServer.extraArgs.profiling = \"x\""]);
}

#[test]
fn a_flag_is_removed_with_its_value() {
    let remove = |text: &str| edits(text, |c| c.remove_flag("anonymous-auth"));
    let text =
        pod("command: [kube-apiserver, --anonymous-auth, 'true', --anonymous-auth=1, --v=2]");
    assert_eq!(remove(&text), ["--anonymous-auth| -", "true| -", "--anonymous-auth=1| -"]);
    assert_eq!(remove(&pod("command: [kube-apiserver]")), Vec::<String>::new());
    assert_eq!(remove(MAP), ["anonymous-auth| -"]);
    assert_eq!(remove(LIST), ["item| -", "item| -"]);
}
