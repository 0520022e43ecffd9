//! `pavisade storage rotate-plan`: the steps that rewrite stale objects.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use pavisade_model::KubernetesVersion;
use pavisade_report::one_line;
use pavisade_storage::{Tally, Writer};

use super::{Member, Read, counted, is_unclear, read};
use crate::Outcome;
use crate::args::storage::{Databases, PlanArgs};

pub(crate) fn run(args: &PlanArgs) -> anyhow::Result<Outcome> {
    let read = read(&args.databases)?;
    let (text, steps) = plan(&read, &args.databases, args.kubernetes_version);
    crate::print(text.as_bytes())?;
    Ok(match (read.members.iter().all(Member::is_known), steps) {
        (false, _) => Outcome::Incomplete,
        (true, true) => Outcome::Findings,
        (true, false) => Outcome::Clean,
    })
}

/// What must be done for a resource, in any member.
#[derive(Default)]
struct Todo {
    stale: u64,
    old: u64,
    free: u64,
    writer: Option<Writer>,
    forms: Vec<String>,
}

/// Returns the text, and whether there are steps.
fn plan(read: &Read, databases: &Databases, version: KubernetesVersion) -> (String, bool) {
    let mut todo: BTreeMap<&str, Todo> = BTreeMap::new();
    for member in &read.members {
        for (name, tally) in &member.proof.resources {
            let of = todo.entry(name).or_default();
            add(of, tally);
        }
    }
    let refused = read.refused();
    let unclear: Vec<_> = todo
        .iter()
        .filter(|(_, of)| read.is_unclear_for(of.writer.as_ref()))
        .map(|(name, _)| *name)
        .collect();
    todo.retain(|_, of| of.stale + of.old + of.free > 0);
    let mut out = String::new();
    for member in read.members.iter().filter(|member| !member.proof.complete) {
        let _ = writeln!(
            out,
            "# WARNING: {} could not be read completely: further objects may be stale.",
            one_line(&member.name)
        );
    }
    for line in &read.drift {
        let _ = writeln!(out, "# WARNING: {}. Resolve this before the first step.", one_line(line));
    }
    if let Some(why) = refused {
        let why = one_line(why);
        let _ = writeln!(out, "# WARNING: {why}. So it is not known what is stale.");
    }
    for name in &unclear {
        let _ = writeln!(
            out,
            "# WARNING: the configuration for {} is not clear, so it is not known what is stale.",
            one_line(name)
        );
    }
    for member in &read.members {
        let Some(secrets) = member.proof.resources.get("secrets") else { continue };
        let (plain, total) = (secrets.plain().values, secrets.total().values);
        if plain > 0 && !is_encrypted(secrets) && !is_unclear(secrets.writer.as_ref()) {
            let _ = writeln!(
                out,
                "# WARNING: {}: {plain} of {total} secrets are in plain text, and nothing encrypts \
                 them. First configure encryption.",
                one_line(&member.name)
            );
        }
    }
    if todo.is_empty() {
        out.push_str(match read.members.iter().all(Member::is_known) {
            true => "# Nothing is stale.\n",
            false => "# Nothing that is known is stale.\n",
        });
        return (out, false);
    }
    if read.expected.is_none() {
        out.push_str(
            "# Without --encryption-config, objects count as stale if they are not written as the \
             newest object of their resource.\n",
        );
    }
    let configs: String = databases
        .configs
        .iter()
        .map(|path| {
            let quoted = crate::terminal::quoted(&path.display().to_string());
            format!(" --encryption-config {quoted}")
        })
        .collect();
    let stale: Vec<_> = todo.iter().filter(|(_, of)| of.stale > 0).collect();
    let mut step = 0;
    let mut next = |out: &mut String, text: &str| {
        step += 1;
        let _ = writeln!(out, "\n# {step}. {text}");
    };
    if !stale.is_empty() {
        next(&mut out, "Check that every API server has the same configuration and has loaded it.");
        out.push_str(
            "#    The old keys must stay in the configuration, after the first provider, until the\n\
             #    last step. Compare the hashes, and that the times are later than the change:\n\
             kubectl get --raw /metrics | grep apiserver_encryption_config_controller_automatic_reload_last\n\
             #    Without --encryption-provider-config-automatic-reload, restart each API server.\n",
        );
        next(&mut out, "Save a snapshot of etcd, and keep it as secret as the old keys.");
        out.push_str("etcdctl snapshot save before-rotation.db\n");
        for (name, of) in &stale {
            rewrite(&mut out, &mut next, (name, of), version, &configs);
        }
    }
    next(
        &mut out,
        "Remove old revisions and the remains in the files of the members, one after another.",
    );
    out.push_str(
        "#    The API server compacts every 5 minutes by default. At once:\n\
         rev=$(etcdctl endpoint status --write-out=json | grep -o '\"revision\":[0-9]*' | head -1 | cut -d: -f2)\n\
         etcdctl compact \"$rev\"\n\
         #    A member does not answer while it defragments.\n\
         for endpoint in ENDPOINTS; do etcdctl defrag --endpoints=\"$endpoint\"; done\n",
    );
    next(&mut out, "Verify: nothing may be stale, in plain text, old or in free pages.");
    let _ = writeln!(
        out,
        "etcdctl snapshot save after-rotation.db\npavisade storage etcd after-rotation.db{configs}"
    );
    if !stale.is_empty() {
        next(
            &mut out,
            "Remove the old keys from the configuration of every API server, and restart it.",
        );
        out.push_str(
            "#    Backups that are older than this need the old keys: keep those as long as the\n\
             #    backups, or delete both.\n",
        );
    }
    (out, true)
}

/// Whether new values are encrypted, as far as the configuration or the stored values show.
fn is_encrypted(tally: &Tally) -> bool {
    matches!(tally.writer, Some(Writer::Encrypts(..)))
        || tally.writer.is_none() && tally.encrypted().values > 0
}

fn add(of: &mut Todo, tally: &Tally) {
    let encrypts = is_encrypted(tally);
    // Without any encryption of a resource, plain text is as intended.
    let decrypts = matches!(tally.writer, Some(Writer::Identity | Writer::NoEntry));
    if encrypts || decrypts {
        of.stale = of.stale.max(tally.stale);
    }
    if encrypts {
        of.old = of.old.max(tally.old_plain().values);
        of.free = of.free.max(tally.free_plain().values);
    }
    if tally.writer.is_some() {
        of.writer = tally.writer.clone();
    }
    for stale in &tally.listed {
        let label = stale.form.label();
        if !of.forms.contains(&label) && of.forms.len() < 5 {
            of.forms.push(label);
        }
    }
}

/// Writes the commands for one resource.
fn rewrite(
    out: &mut String,
    next: &mut impl FnMut(&mut String, &str),
    (name, of): (&str, &Todo),
    version: KubernetesVersion,
    configs: &str,
) {
    let (resource, group) = name.split_once('.').unwrap_or((name, ""));
    let (name, resource, group) = (one_line(name), one_line(resource), one_line(group));
    let forms = one_line(&of.forms.join(", "));
    let stale = counted(of.stale, "stale object", "stale objects");
    next(out, &format!("Rewrite {name}: {stale} ({forms})."));
    let quoted = crate::terminal::quoted(&name);
    if version >= KubernetesVersion::minor(37) {
        let _ = writeln!(
            out,
            "kubectl create --filename - <<'EOF'\n\
             apiVersion: storagemigration.k8s.io/v1\n\
             kind: StorageVersionMigration\n\
             metadata:\n  generateName: rotate-{resource}-\n\
             spec:\n  resource:\n    group: \"{group}\"\n    resource: {resource}\n\
             EOF\n\
             #    Wait until its condition `Succeeded` is true; `Failed` names the reason:\n\
             kubectl get storageversionmigrations --output yaml"
        );
    } else {
        let _ = writeln!(
            out,
            "kubectl get {quoted} --all-namespaces --chunk-size=500 --output json | kubectl replace --filename -\n\
             #    A conflict means that the object was written meanwhile, so it is not stale any more."
        );
    }
    let _ = writeln!(
        out,
        "#    Verify: no stale object of {name} is listed any more.\n\
         etcdctl snapshot save check.db && pavisade storage etcd check.db --require {quoted}{configs}"
    );
}
