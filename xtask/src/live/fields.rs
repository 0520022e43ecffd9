//! The fields of generated pods: each path with possible values as JSON.

/// A path and its possible values.
pub(super) type Field = (&'static [&'static str], &'static [&'static str]);

const BOOL: &[&str] = &["true", "false", "null"];
const SECCOMP: &[&str] = &[
    r#"{"type": "RuntimeDefault"}"#,
    r#"{"type": "Localhost", "localhostProfile": "a.json"}"#,
    r#"{"type": "Unconfined"}"#,
    "null",
    "{}",
];
const APPARMOR: &[&str] = &[
    r#"{"type": "RuntimeDefault"}"#,
    r#"{"type": "Localhost", "localhostProfile": "a"}"#,
    r#"{"type": "Unconfined"}"#,
    "null",
];
const SELINUX: &[&str] = &[
    "{}",
    "null",
    r#"{"type": ""}"#,
    r#"{"type": "container_t"}"#,
    r#"{"type": "container_init_t"}"#,
    r#"{"type": "container_kvm_t"}"#,
    r#"{"type": "container_engine_t"}"#,
    r#"{"type": "spc_t"}"#,
    r#"{"type": "container_t", "level": "s0:c1,c2"}"#,
    r#"{"user": "system_u"}"#,
    r#"{"role": "system_r"}"#,
    r#"{"user": "", "role": "", "level": "s0"}"#,
];
const USERS: &[&str] = &["0", "1", "1000", "null"];
const WINDOWS: &[&str] = &[
    r#"{"hostProcess": true}"#,
    r#"{"hostProcess": false}"#,
    r#"{"hostProcess": null}"#,
    r#"{"runAsUserName": "ContainerAdministrator"}"#,
    r#"{"runAsUserName": "ContainerUser"}"#,
    r#"{"runAsUserName": "containeradministrator", "hostProcess": false}"#,
    "{}",
];

/// Fields of a pod's `spec` that the standards use.
pub(super) const OF_POD: &[Field] = &[
    (&["hostUsers"], BOOL),
    (&["hostUsers"], &["false"]),
    (&["hostNetwork"], BOOL),
    (&["hostPID"], BOOL),
    (&["hostIPC"], BOOL),
    (&["os"], &[r#"{"name": "windows"}"#, r#"{"name": "linux"}"#, "null"]),
    (&["securityContext"], &["null", "{}"]),
    (&["securityContext", "runAsNonRoot"], BOOL),
    (&["securityContext", "runAsUser"], USERS),
    (&["securityContext", "seccompProfile"], SECCOMP),
    (&["securityContext", "appArmorProfile"], APPARMOR),
    (&["securityContext", "seLinuxOptions"], SELINUX),
    (&["securityContext", "windowsOptions"], WINDOWS),
    (&["securityContext", "sysctls"], SYSCTLS),
    (&["securityContext", "sysctls"], SYSCTLS),
];

/// Fields of a pod's `spec` that the standards do not use.
pub(super) const GENERAL: &[Field] = &[
    (&["shareProcessNamespace"], BOOL),
    (&["automountServiceAccountToken"], BOOL),
    (&["securityContext", "runAsGroup"], USERS),
    (&["securityContext", "fsGroup"], USERS),
    (&["securityContext", "supplementalGroups"], &["[0]", "[1000]", "[]"]),
    (&["securityContext", "supplementalGroupsPolicy"], &[r#""Strict""#, r#""Merge""#]),
    (&["securityContext", "seLinuxChangePolicy"], &[r#""Recursive""#, r#""MountOption""#]),
    (&["setHostnameAsFQDN"], BOOL),
    (&["dnsPolicy"], &[r#""Default""#, r#""ClusterFirstWithHostNet""#]),
    (&["hostAliases"], &[r#"[{"ip": "127.0.0.1", "hostnames": ["a.example.com"]}]"#]),
    (&["resources"], &[r#"{"limits": {"memory": "64Mi"}}"#]),
    (&["nodeName"], &[r#""node-1""#]),
];

const SYSCTLS: &[&str] = &[
    "[]",
    "null",
    r#"[{"name": "kernel.shm_rmid_forced", "value": "1"}]"#,
    r#"[{"name": "kernel/shm_rmid_forced", "value": "1"}]"#,
    r#"[{"name": "net.ipv4.ip_local_port_range", "value": "1024 65535"}]"#,
    r#"[{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]"#,
    r#"[{"name": "net.ipv4.tcp_syncookies", "value": "1"}]"#,
    r#"[{"name": "net/ipv4/tcp_syncookies", "value": "1"}]"#,
    r#"[{"name": "net.ipv4.ping_group_range", "value": "0 1"}]"#,
    r#"[{"name": "net.ipv4.ip_local_reserved_ports", "value": "8080"}]"#,
    r#"[{"name": "net.ipv4.tcp_keepalive_time", "value": "60"}]"#,
    r#"[{"name": "net.ipv4.tcp_fin_timeout", "value": "60"}]"#,
    r#"[{"name": "net.ipv4.tcp_keepalive_intvl", "value": "60"}]"#,
    r#"[{"name": "net.ipv4.tcp_keepalive_probes", "value": "6"}]"#,
    r#"[{"name": "net.ipv4.tcp_rmem", "value": "1 2 3"}]"#,
    r#"[{"name": "net.ipv4.tcp_wmem", "value": "1 2 3"}]"#,
    r#"[{"name": "net.ipv4.tcp_slow_start_after_idle", "value": "0"}]"#,
    r#"[{"name": "net.ipv4.tcp_notsent_lowat", "value": "1"}]"#,
    r#"[{"name": "net.core.somaxconn", "value": "4096"}]"#,
    r#"[{"name": "kernel.msgmax", "value": "1"}]"#,
    r#"[{"name": "net.ipv4.tcp_syncookies", "value": "1"}, {"name": "fs.mqueue.msg_max", "value": "1"}]"#,
    r#"[{"name": "net.ipv4.conf.eth0/1.forwarding", "value": "1"}]"#,
];

/// Fields of a container.
pub(super) const OF_CONTAINER: &[Field] = &[
    (&["securityContext"], &["null", "{}"]),
    (&["securityContext", "privileged"], BOOL),
    (&["securityContext", "allowPrivilegeEscalation"], BOOL),
    (&["securityContext", "runAsNonRoot"], BOOL),
    (&["securityContext", "runAsUser"], USERS),
    (&["securityContext", "readOnlyRootFilesystem"], BOOL),
    (&["securityContext", "procMount"], &[r#""Default""#, r#""Unmasked""#, "null"]),
    (&["securityContext", "seccompProfile"], SECCOMP),
    (&["securityContext", "appArmorProfile"], APPARMOR),
    (&["securityContext", "seLinuxOptions"], SELINUX),
    (&["securityContext", "windowsOptions"], WINDOWS),
    (&["securityContext", "capabilities"], CAPABILITIES),
    (&["securityContext", "capabilities", "add"], ADDED),
    (&["securityContext", "capabilities", "add"], ADDED),
    (&["ports"], PORTS),
];

const CAPABILITIES: &[&str] = &[
    "null",
    "{}",
    r#"{"drop": ["ALL"]}"#,
    r#"{"drop": ["all"]}"#,
    r#"{"drop": ["CAP_ALL"]}"#,
    r#"{"drop": ["KILL"]}"#,
    r#"{"drop": ["NET_RAW", "ALL"]}"#,
    r#"{"drop": [], "add": []}"#,
    r#"{"drop": null}"#,
];

const ADDED: &[&str] = &[
    "null",
    "[]",
    r#"["NET_BIND_SERVICE"]"#,
    r#"["net_bind_service"]"#,
    r#"["CAP_NET_BIND_SERVICE"]"#,
    r#"["AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD"]"#,
    r#"["SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"]"#,
    r#"["NET_RAW"]"#,
    r#"["SYS_ADMIN"]"#,
    r#"["CAP_CHOWN"]"#,
    r#"["ALL"]"#,
    r#"[""]"#,
];

const PORTS: &[&str] = &[
    r#"[{"containerPort": 8080}]"#,
    r#"[{"containerPort": 8080, "hostPort": 0}]"#,
    r#"[{"containerPort": 8080, "hostPort": 8080}]"#,
    r#"[{"containerPort": 8080}, {"containerPort": 53, "protocol": "UDP", "hostPort": 53}]"#,
    r#"[{"containerPort": 8080, "hostIP": "127.0.0.1"}]"#,
];

const ACTIONS: &[&str] = &[
    r#"{"httpGet": {"port": 80}}"#,
    r#"{"httpGet": {"port": 80, "host": ""}}"#,
    r#"{"httpGet": {"port": 80, "host": "127.0.0.1"}}"#,
    r#"{"httpGet": {"port": 80, "host": "localhost", "scheme": "HTTPS"}}"#,
    r#"{"httpGet": {"port": 80, "host": "::1"}}"#,
    r#"{"httpGet": {"port": 80, "httpHeaders": [{"name": "Host", "value": "a.example.com"}]}}"#,
    r#"{"tcpSocket": {"port": 80}}"#,
    r#"{"tcpSocket": {"port": 80, "host": "example.com"}}"#,
    r#"{"tcpSocket": {"port": 80, "host": ""}}"#,
    r#"{"exec": {"command": ["true"]}}"#,
];

/// Handlers that the kubelet calls.
pub(super) const PROBES: &[Field] = &[
    (&["livenessProbe"], ACTIONS),
    (&["readinessProbe"], ACTIONS),
    (&["startupProbe"], ACTIONS),
    (&["livenessProbe"], &[r#"{"grpc": {"port": 80, "service": "a"}}"#]),
    (&["lifecycle", "postStart"], ACTIONS),
    (&["lifecycle", "preStop"], ACTIONS),
    (&["lifecycle", "preStop"], &[r#"{"sleep": {"seconds": 1}}"#]),
];

/// A volume of every type, without its name.
pub(super) const VOLUMES: &[&str] = &[
    "{}",
    r#"{"emptyDir": {}}"#,
    r#"{"emptyDir": {"medium": "Memory"}}"#,
    r#"{"emptyDir": null}"#,
    r#"{"configMap": {"name": "a"}}"#,
    r#"{"secret": {"secretName": "a"}}"#,
    r#"{"downwardAPI": {"items": []}}"#,
    r#"{"projected": {"sources": [{"configMap": {"name": "a"}}]}}"#,
    r#"{"projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}"#,
    r#"{"persistentVolumeClaim": {"claimName": "a"}}"#,
    r#"{"ephemeral": {"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}}}"#,
    r#"{"csi": {"driver": "a.example.com"}}"#,
    r#"{"image": {"reference": "registry.example.com/a:1"}}"#,
    r#"{"hostPath": {"path": "/var/log"}}"#,
    r#"{"hostPath": {"path": ""}}"#,
    r#"{"hostPath": null, "emptyDir": {}}"#,
    r#"{"awsElasticBlockStore": {"volumeID": "a"}}"#,
    r#"{"azureDisk": {"diskName": "a", "diskURI": "https://a.example.com"}}"#,
    r#"{"azureFile": {"secretName": "a", "shareName": "a"}}"#,
    r#"{"cephfs": {"monitors": ["a.example.com"]}}"#,
    r#"{"cinder": {"volumeID": "a"}}"#,
    r#"{"fc": {"targetWWNs": ["a"], "lun": 1}}"#,
    r#"{"flexVolume": {"driver": "a/b"}}"#,
    r#"{"flocker": {"datasetName": "a"}}"#,
    r#"{"gcePersistentDisk": {"pdName": "a"}}"#,
    r#"{"gitRepo": {"repository": "https://a.example.com/a.git"}}"#,
    r#"{"glusterfs": {"endpoints": "a", "path": "a"}}"#,
    r#"{"iscsi": {"targetPortal": "a.example.com", "iqn": "iqn.2001-04.com.example:a", "lun": 1}}"#,
    r#"{"nfs": {"server": "a.example.com", "path": "/a"}}"#,
    r#"{"photonPersistentDisk": {"pdID": "a"}}"#,
    r#"{"portworxVolume": {"volumeID": "a"}}"#,
    r#"{"quobyte": {"registry": "a:1", "volume": "a"}}"#,
    r#"{"rbd": {"monitors": ["a.example.com"], "image": "a"}}"#,
    r#"{"scaleIO": {"gateway": "a", "system": "a", "volumeName": "a", "secretRef": {"name": "a"}}}"#,
    r#"{"storageos": {"volumeName": "a"}}"#,
    r#"{"vsphereVolume": {"volumePath": "a"}}"#,
];

/// Returns all fields except the volumes.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = &'static Field> {
    [OF_POD, GENERAL, OF_CONTAINER, PROBES].into_iter().flatten()
}
