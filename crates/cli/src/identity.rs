//! `pavisade identity`.

use std::io::{self, BufWriter, Write as _};

use anyhow::{Context as _, anyhow, bail};
use pavisade_checks::{WAYS_READS, ways_in};
use pavisade_judgement::Mfa;
use pavisade_model::{NoteKind, kinds};
use pavisade_policy::{
    Authentication, Judged, Keys, Preset, Token, Wanted, admission_policy, configuration,
};
use pavisade_report::{Layout, Options, TokenVerdict, token};
use pavisade_scan::Timestamp;
use pavisade_snapshot::{Object, View};
use pavisade_yaml::{Source, objects, read};

use crate::args::{IdentityArgs, IdentityCommand, MfaPolicyArgs, TestTokenArgs};
use crate::progress::Spinner;
use crate::work::Work;
use crate::{Outcome, bounded, terminal};

/// Bytes of a token, a key set or a configuration.
const MAX_BYTES: u64 = 4 << 20;

pub(crate) fn run(args: &IdentityArgs) -> anyhow::Result<Outcome> {
    match &args.command {
        None => ways(args),
        Some(IdentityCommand::MfaPolicy(args)) => policy(args),
        Some(IdentityCommand::TestToken(args)) => test(args),
    }
}

fn ways(args: &IdentityArgs) -> anyhow::Result<Outcome> {
    let (input, shown) = (args.how.input(&args.paths), &args.how.shown);
    let Some(work) = Work::find_plain(input, &args.how.config)? else { return Ok(Outcome::Usage) };
    let progress = Spinner::new(shown.quiet);
    let all = WAYS_READS.iter().copied().flatten().copied();
    let wanted = all.filter(|kind| !kind.resource.is_empty()).collect();
    let (snapshot, kubernetes) = work.picture(wanted, &progress)?;
    progress.finish();
    let mut unread = false;
    for note in snapshot.notes().iter().filter(|note| note.kind == NoteKind::Unread) {
        unread = true;
        terminal::say("not read", &format!("{}: {}", note.place, note.message));
    }
    let says = |world: &pavisade_snapshot::World| {
        let files = [kinds::AUTHENTICATION_CONFIGURATION, kinds::KUBEADM_CLUSTER_CONFIGURATION];
        let servers = world.of_kind(kinds::POD).any(|pod| pod.name().contains("kube-apiserver"));
        world.is_live() || servers || files.iter().any(|kind| world.nth(*kind, 0).is_some())
    };
    let worlds = snapshot.worlds();
    let with: Vec<_> = worlds.iter().filter(|world| says(world)).collect();
    let told = if with.is_empty() { worlds.iter().take(1).collect() } else { with };
    let results: Vec<_> = told
        .iter()
        .map(|world| ways_in(world.name(), &View::new(world, "identity", WAYS_READS, kubernetes)))
        .collect();
    let layout = if shown.json { Layout::Json } else { Layout::Terminal };
    let mut out = BufWriter::new(io::stdout().lock());
    pavisade_report::ways_in(&results, layout, &shown.options(), &mut out)?;
    out.flush()?;
    let is = |mfa| results.iter().any(|one| one.mfa == mfa);
    Ok(match () {
        () if unread || is(Mfa::Unknown) || results.is_empty() => Outcome::Incomplete,
        () if is(Mfa::NotProven) => Outcome::Findings,
        () => Outcome::Clean,
    })
}

fn policy(args: &MfaPolicyArgs) -> anyhow::Result<Outcome> {
    let text = if args.admission {
        const OPERATIONS: [&str; 5] = ["CREATE", "UPDATE", "DELETE", "CONNECT", "*"];
        if let Some(other) = args.operation.iter().find(|one| !OPERATIONS.contains(&one.as_str())) {
            bail!(
                "--operation {other}: must be one of {}; admission sees no reads",
                OPERATIONS.join(", ")
            );
        }
        if let Some(other) = args.resource.iter().find(|one| !is_resource(one)) {
            bail!(
                "--resource {other}: must be the plural without a group, such as deployments, \
                 pods/exec, or */* for all"
            );
        }
        if args
            .group
            .as_ref()
            .is_some_and(|name| name.is_empty() || name.contains(char::is_control))
        {
            bail!("--group: the name of a group is not empty, and has no control characters");
        }
        admission_policy(&args.operation, &args.resource, args.group.as_deref())
    } else {
        let issuer = args.issuer.clone().context("an issuer is needed")?;
        let host = issuer.strip_prefix("https://").unwrap_or_default();
        if host.is_empty() || host.starts_with('/') {
            bail!("{issuer}: must be a URL such as https://sso.example.com; it must use https");
        }
        let preset = match &args.preset {
            None => Preset::of(&issuer),
            Some(name) => {
                Preset::ALL.into_iter().find(|preset| preset.name() == name).with_context(|| {
                    let names: Vec<_> = Preset::ALL.iter().map(|preset| preset.name()).collect();
                    format!("--preset {name}: there are {}", names.join(", "))
                })?
            }
        };
        let max_age = args.max_age.as_deref().map(seconds).transpose()?;
        let wanted = Wanted {
            issuer,
            audience: args.audience.clone(),
            preset,
            max_age,
            acr: args.acr.clone(),
            username: args.username_claim.clone(),
            groups: args.groups_claim.clone(),
            prefix: args.prefix.clone(),
        };
        if args.acr.iter().any(String::is_empty) {
            bail!("--acr: an empty value does not prove a second factor");
        }
        let text = configuration(&wanted)
            .map_err(|why| anyhow!("{} cannot prove a second factor: {why}", preset.name()))?;
        if let Some(fault) = faults(&text).first() {
            bail!("the API server would not accept this configuration: {fault}");
        }
        text
    };
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush())?;
    Ok(Outcome::Clean)
}

/// Whether admission can match a resource, with or without a subresource, of all API groups.
fn is_resource(name: &str) -> bool {
    let is_part = |part: &str| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        part == "*" || !part.is_empty() && part.chars().all(plain)
    };
    let (resource, sub) = name.split_once('/').unwrap_or((name, "*"));
    is_part(resource) && is_part(sub)
}

/// What the API server would not accept of a configuration.
fn faults(text: &str) -> Vec<String> {
    let documents = read(&Source::new("authentication.yaml", text));
    let sent = documents.docs.iter().flat_map(|doc| objects(doc.root()).sent);
    let all = sent.map(|one| Object::new(one.value, one.api_version, one.kind));
    let faults = all.flat_map(|object| Authentication::read(&object).faults);
    faults.map(|fault| format!("{}: {}", fault.field, fault.why)).collect()
}

/// `12h`, `30m`, `900s`.
fn seconds(text: &str) -> anyhow::Result<u64> {
    let wrong = || anyhow!("--max-age {text}: must be a duration such as 12h, 30m or 900s");
    let end = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (digits, unit) = text.split_at(end);
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let factor = match unit {
        "h" => 3600,
        "m" => 60,
        "s" => 1,
        _ => return Err(wrong()),
    };
    number.checked_mul(factor).filter(|seconds| *seconds > 0).ok_or_else(wrong)
}

fn test(args: &TestTokenArgs) -> anyhow::Result<Outcome> {
    let place = args.against.display().to_string();
    let text = bounded::text(&args.against, MAX_BYTES)?;
    let documents = read(&Source::new(place.clone(), text));
    let sent: Vec<_> = documents.docs.iter().flat_map(|doc| objects(doc.root()).sent).collect();
    let all = sent.iter().map(|one| Object::new(one.value, one.api_version, one.kind));
    let mut all = all.filter(|object| object.is(kinds::AUTHENTICATION_CONFIGURATION));
    let Some(object) = all.next() else {
        bail!(
            "{place} holds no AuthenticationConfiguration (apiVersion: apiserver.config.k8s.io/v1)"
        );
    };
    let configuration = Authentication::read(&object);
    let shown = args.file.display().to_string();
    let token_text = bounded::text(&args.file, MAX_BYTES)?;
    let given = Token::read(&token_text).map_err(|why| anyhow!("{shown} is no token: {why}"))?;
    let keys = match &args.keys {
        None => None,
        Some(path) => {
            let read = Keys::read(&bounded::text(path, MAX_BYTES)?);
            Some(read.map_err(|why| anyhow!("{} is no key set: {why}", path.display()))?)
        }
    };
    let now = args.at.map_or_else(|| Timestamp::now().as_second() as f64, |at| at as f64);
    let judged = configuration.judge(&given, keys.as_ref(), now);
    let fault = |fault: &pavisade_policy::Fault| {
        format!("{}: {} (line {})", fault.field, fault.why, fault.line)
    };
    let mut said = TokenVerdict {
        verdict: "unknown",
        configuration: place,
        field: String::new(),
        why: String::new(),
        username: String::new(),
        groups: Vec::new(),
        faults: configuration.faults.iter().chain(&configuration.unknown).map(fault).collect(),
    };
    let outcome = match judged {
        Judged::Accepted(login) => {
            (said.verdict, said.username, said.groups) = ("accepted", login.username, login.groups);
            Outcome::Clean
        }
        Judged::Refused(refusal) => {
            (said.verdict, said.field, said.why) = ("refused", refusal.field, refusal.why);
            Outcome::Findings
        }
        Judged::Unknown(why) => {
            said.why = why;
            Outcome::Incomplete
        }
    };
    let options = Options {
        color: terminal::color(args.color, false),
        width: terminal::width(None),
        ..Options::default()
    };
    let layout = if args.json { Layout::Json } else { Layout::Terminal };
    let mut out = BufWriter::new(io::stdout().lock());
    token(&said, layout, &options, &mut out)?;
    out.flush()?;
    Ok(outcome)
}
