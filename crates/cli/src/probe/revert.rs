//! `pavisade probe revert`: removes what runs left behind.

use anyhow::{Context as _, anyhow, bail};
use pavisade_probe::{Gate, Journal, OwnNetwork, RunId, Scope, created, labelled, read_journal};
use pavisade_scan::Timestamp;

use super::{connect, runtime, state};
use crate::args::probe::RevertArgs;
use crate::{Outcome, bounded, terminal};

/// Bytes of a journal.
const MAX_BYTES: u64 = 256 << 20;

pub(super) fn run(args: &RevertArgs) -> anyhow::Result<Outcome> {
    let now = Timestamp::now();
    let folder = state::folder(args.journals.as_deref())?;
    let run = match &args.run {
        None => None,
        Some(text) => Some(RunId::parse(text).with_context(|| {
            format!("{text} is not a run: it has 12 digits, as printed by `pavisade probe`")
        })?),
    };
    let mut paths = Vec::new();
    if let Some(run) = &run {
        let file = folder.join(format!("{run}.jsonl"));
        if file.exists() {
            let entries = read_journal(&bounded::text(&file, MAX_BYTES)?);
            let entries = entries.map_err(|error| anyhow!("{}: {error}", file.display()))?;
            paths.extend(created(&entries).into_iter().map(|path| (path, run.clone())));
        } else {
            let shown = file.display();
            terminal::say("", &format!("There is no journal {shown}: searching by label only"));
        }
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    let own = RunId::new(format!("{} {}", now.as_nanosecond(), std::process::id()).as_bytes());
    let file = state::private(&folder.join(format!("{own}.jsonl")))?;
    let scope = Scope { cluster: true, ..Scope::default() };
    let gate = Gate::new(scope, OwnNetwork::default(), Journal::new(own, Box::new(file)));
    let (mut removed, mut left) = (0, Vec::new());
    runtime()?.block_on(async {
        let api = connect(args.kubeconfig.as_deref(), args.context.as_deref()).await?;
        // What was created last is removed first, and what the journal does not have is found by
        // its label.
        paths.reverse();
        let second = Timestamp::from_second(now.as_second()).unwrap_or(now).to_string();
        match labelled(&gate, &api, run.as_ref(), &second).await {
            Ok(found) => paths.extend(found),
            Err(why) => left.push(why),
        }
        let mut done = std::collections::BTreeSet::new();
        for (path, run) in paths {
            if !done.insert(path.clone()) {
                continue;
            }
            match pavisade_probe::remove(&gate, &api, &path, &run).await {
                Ok(true) => {
                    removed += 1;
                    terminal::say("", &format!("Removed {path}"));
                }
                Ok(false) => {}
                Err(why) => left.push(why),
            }
        }
        anyhow::Ok(())
    })?;
    for why in &left {
        terminal::say("left behind", why);
    }
    if !left.is_empty() {
        bail!("{removed} objects were removed, but not everything: run it again");
    }
    let text = match removed {
        0 => "Nothing was left behind.".to_owned(),
        1 => "1 object was removed; nothing is left.".to_owned(),
        count => format!("{count} objects were removed; nothing is left."),
    };
    crate::print(format!("{text}\n").as_bytes())
}
