//! Inputs designed to be expensive: objects that refer to each other, whose cost must be at most
//! linear, and small files that could use much memory.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Cost, field, mb, measure, ours, release_binary};

/// The number of objects in each case.
const SIZES: [usize; 4] = [1_250, 2_500, 5_000, 10_000];

/// Measures growth and memory with the release build, or with the given program and sizes.
pub(super) fn run(program: Option<&Path>, sizes: &[usize]) -> anyhow::Result<()> {
    let program = match program {
        Some(program) => program.to_owned(),
        None => release_binary()?,
    };
    let sizes = if sizes.is_empty() { &SIZES[..] } else { sizes };
    let folder = tempfile::tempdir()?;
    println!("seconds of all cores and MB peak, by the number of objects");
    let head: Vec<_> = sizes.iter().map(|size| format!("{size:>16}")).collect();
    println!("{:<28}{}   last step", "", head.concat());
    for (name, make) in CASES {
        let mut line = format!("{name:<28}");
        let mut costs: Vec<Cost> = Vec::new();
        for size in sizes {
            let file = folder.path().join("case.yaml");
            fs::write(&file, make(*size))?;
            let cost = measure(ours(&program, &[&file]))?;
            write!(line, "{:>9.2}{:>7.0}", cost.cpu.as_secs_f64(), mb(cost.memory))?;
            costs.push(cost);
        }
        if let [.., before, last] = &costs[..] {
            let step = last.cpu.as_secs_f64() / before.cpu.as_secs_f64().max(0.01);
            write!(line, "   × {step:.1}")?;
        }
        println!("{line}");
    }
    println!("\n{:<28}{:>12}{:>12}{:>12}", "amplifier", "KB input", "seconds", "MB peak");
    for (name, make) in AMPLIFIERS {
        let path = folder.path().join(name);
        let (bytes, arguments) = make(&path)?;
        let mut command = Command::new(&program);
        command.args(["scan", "--render", "never", "--format", "json"]).args(arguments).arg(&path);
        let cost = measure(command)?;
        println!(
            "{name:<28}{:>12.0}{:>12.2}{:>12.0}",
            bytes as f64 / 1e3,
            cost.wall.as_secs_f64(),
            mb(cost.memory)
        );
        if path.is_dir() { fs::remove_dir_all(&path)? } else { fs::remove_file(&path)? }
    }
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    println!("of {:.0} MB in this machine", mb(field(&memory, "MemTotal:")));
    Ok(())
}

type Case = (&'static str, fn(usize) -> String);

const CASES: [Case; 14] = [
    ("pods", |n| each(n, |i| pod(i, "app: a"))),
    ("roles-selecting-each-other", |n| each(n, |i| role(i, "a: b", "a: b"))),
    ("roles-in-a-chain", |n| {
        each(n, |i| role(i, &format!("c: x{i}"), &format!("c: x{}", i + 1)) + &binding(i))
    }),
    ("services-same-selector", |n| {
        each(n / 2, |i| pod(i, "app: a") + &service(i, "ClusterIP", "a"))
    }),
    ("services-without-pods", |n| {
        each(n / 2, |i| pod(i, "app: a") + &service(i, "ClusterIP", &format!("z{i}")))
    }),
    ("load-balancers", |n| each(n / 2, |i| pod(i, "app: a") + &service(i, "LoadBalancer", "a"))),
    ("load-balancers-own-pods", |n| {
        each(n / 2, |i| {
            pod(i, &format!("app: a{i}")) + &service(i, "LoadBalancer", &format!("a{i}"))
        })
    }),
    ("policies-of-all-pods", |n| each(n / 2, |i| pod(i, "app: a") + &policy(i, "{}"))),
    ("policies-same-selector", |n| {
        each(n / 2, |i| pod(i, "app: a") + &policy(i, "{matchLabels: {app: a}}"))
    }),
    ("policies-own-pods", |n| {
        each(n / 2, |i| {
            pod(i, &format!("app: a{i}")) + &policy(i, &format!("{{matchLabels: {{app: a{i}}}}}"))
        })
    }),
    ("policies-of-no-pod", |n| {
        let not = "{matchExpressions: [{key: app, operator: NotIn, values: [a]}]}";
        each(n / 2, |i| pod(i, "app: a") + &policy(i, not))
    }),
    ("hosts-of-one-ingress", |n| {
        let hosts = each(n, |i| format!("  - {{hosts: [t{i}.example.com], secretName: s{i}}}\n"));
        let rules = each(n, |i| format!("  - {{host: h{i}.example.com, http: {{paths: []}}}}\n"));
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: i, namespace: n}}\n\
             spec:\n  tls:\n{hosts}  rules:\n{rules}"
        )
    }),
    ("bindings-of-one-account", |n| each(n / 2, |i| pod(i, "app: a") + &binding(i))),
    ("exceptions", |n| {
        let allowed = each(n, |i| format!("      host-port in c{i} until 2099-01-01: x\n"));
        let port = "ports: [{containerPort: 80, hostPort: 80}]";
        let containers = each(n, |i| format!("  - {{name: c{i}, image: 'x:1', {port}}}\n"));
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  annotations:\n    \
             pavisade.dev/allow: |\n{allowed}spec:\n  containers:\n{containers}"
        )
    }),
];

/// The incompressible bytes in an archive.
const PADDING: usize = 2_000_000;

fn each(count: usize, make: impl Fn(usize) -> String) -> String {
    (0..count).map(make).collect()
}

fn role(i: usize, labels: &str, selects: &str) -> String {
    format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\n\
         metadata: {{name: r{i}, labels: {{{labels}}}}}\n\
         aggregationRule: {{clusterRoleSelectors: [{{matchLabels: {{{selects}}}}}]}}\n\
         rules: [{{apiGroups: [''], resources: [secrets], verbs: [get]}}]\n---\n"
    )
}

fn binding(i: usize) -> String {
    format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\n\
         metadata: {{name: b{i}}}\n\
         roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: r{i}}}\n\
         subjects: [{{kind: ServiceAccount, name: default, namespace: n}}]\n---\n"
    )
}

fn pod(i: usize, labels: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: p{i}, namespace: n, labels: {{{labels}}}}}\n\
         spec: {{containers: [{{name: c, image: 'x:1'}}]}}\n---\n"
    )
}

fn service(i: usize, kind: &str, app: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: s{i}, namespace: n}}\n\
         spec: {{type: {kind}, selector: {{app: {app}}}, ports: [{{port: 80}}]}}\n---\n"
    )
}

fn policy(i: usize, selector: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n\
         metadata: {{name: np{i}, namespace: n}}\nspec: {{podSelector: {selector}, \
         policyTypes: [Ingress, Egress], egress: [{{to: [{{podSelector: {{}}}}]}}]}}\n---\n"
    )
}

/// Writes a file or directory. Returns its size in bytes, and arguments that precede its path.
type Make = fn(&Path) -> anyhow::Result<(u64, Vec<&'static str>)>;

const AMPLIFIERS: [(&str, Make); 10] = [
    ("lists.tar.zst", |path| {
        let head = "apiVersion: v1\nkind: A\ndata:\n".to_owned();
        archive(path, (0..60).map(|_| head.clone() + &"- -\n".repeat(2 << 20)))
    }),
    ("objects.tar.zst", |path| {
        let objects = "apiVersion: v1\nkind: A\n---\n".repeat(300_000);
        archive(path, (0..60).map(|_| objects.clone()))
    }),
    ("worlds.pavisade", |path| {
        let world = r#"{"name":"w","kind":"cluster","others":"unread","coverage":[]}"#;
        let worlds = vec![world; 100_000].join(",");
        let text = "pavisade snapshot 1\n";
        let mut bytes = vec![0x50, 0x2A, 0x4D, 0x18];
        bytes.extend((text.len() as u32).to_le_bytes());
        bytes.extend(text.as_bytes());
        let lines = format!(
            "{{\"format\":1,\"tool\":\"t\",\"time\":\"2026-01-01T00:00:00Z\",\"worlds\":[{worlds}]}}\n\
             {{\"end\":{{\"objects\":0}}}}\n"
        );
        bytes.extend(zstd::encode_all(lines.as_bytes(), 3)?);
        fs::write(path, &bytes)?;
        Ok((bytes.len() as u64, vec!["--snapshot"]))
    }),
    ("documents.yaml", |path| text(path, &"---\n".repeat(10_000_000))),
    ("aliases.yaml", |path| {
        let head = "apiVersion: v1\nkind: A\na: &a [x,x,x,x,x,x,x,x,x]\nb:\n";
        text(path, &(head.to_owned() + &"- *a\n".repeat(4_000_000)))
    }),
    ("nested.yaml", |path| {
        text(path, &format!("apiVersion: v1\nkind: A\na: {}", "[".repeat(20_000_000)))
    }),
    ("keys.yaml", |path| {
        let keys = each(64, |i| format!("? \"{}{i}\"\n: x\n", "k\\n".repeat(200_000)));
        text(path, &format!("apiVersion: v1\nkind: A\n{keys}"))
    }),
    ("Dockerfile", |path| text(path, &format!("FROM a:1\n{}", "RUN x\n".repeat(10_000_000)))),
    ("containers.yaml", |path| {
        let containers = "  - {name: c, image: x}\n".repeat(500_000);
        text(path, &format!("apiVersion: v1\nkind: Pod\nspec:\n  containers:\n{containers}"))
    }),
    ("kustomizations", |path| {
        for i in 0..20_000 {
            let folder = path.join(format!("{}/{i}", i / 1000));
            fs::create_dir_all(&folder)?;
            fs::write(folder.join("kustomization.yaml"), "resources: [a.yaml]\n")?;
            fs::write(folder.join("a.yaml"), pod(i, "app: a"))?;
        }
        Ok((20_000 * 150, Vec::new()))
    }),
];

fn text(path: &Path, text: &str) -> anyhow::Result<(u64, Vec<&'static str>)> {
    fs::write(path, text)?;
    Ok((text.len() as u64, Vec::new()))
}

/// Writes a compressed archive of text and incompressible bytes. The latter increase its size, and
/// so the permitted unpacked size.
fn archive(
    path: &Path,
    texts: impl Iterator<Item = String>,
) -> anyhow::Result<(u64, Vec<&'static str>)> {
    let mut packed = zstd::Encoder::new(fs::File::create(path)?, 3)?;
    let mut archive = tar::Builder::new(&mut packed);
    let mut state = 1_u64;
    let noise = (0..PADDING).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    });
    let padding = ("padding.bin".to_owned(), noise.collect());
    let named = |(index, text): (usize, String)| (format!("{index}.yaml"), text.into_bytes());
    for (name, bytes) in [padding].into_iter().chain(texts.enumerate().map(named)) {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append_data(&mut header, PathBuf::from(name), &bytes[..])?;
    }
    archive.finish()?;
    drop(archive);
    packed.finish()?.flush()?;
    Ok((fs::metadata(path)?.len(), Vec::new()))
}
