//! `pavisade probe revert`: removes what runs left behind.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use pavisade_probe::{
    Gate, Journal, OwnNetwork, RunId, STORED_WITHIN, Scope, created, labelled, read_journal,
    settled,
};
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
            format!(
                "{text} is not a run: it has 12 hexadecimal digits, as printed by `pavisade probe`"
            )
        })?),
    };
    let mut paths = Vec::new();
    if let Some(run) = &run {
        let file = folder.join(format!("{run}.jsonl"));
        if file.exists() {
            match entries(&file) {
                Ok(entries) => {
                    paths.extend(created(&entries).into_iter().map(|path| (path, run.clone())));
                    settle(settled(&entries), now);
                }
                Err(why) => {
                    terminal::say("warning", &format!("{why}: searching by label only"));
                    settle(Timestamp::now().checked_add(MOST).ok(), now);
                }
            }
        } else {
            let shown = file.display();
            terminal::say("", &format!("There is no journal {shown}: searching by label only"));
        }
    }
    let own = state::new_id(now);
    let file = writer(&folder, &own);
    let scope = Scope { cluster: true, ..Scope::default() };
    let gate = Gate::new(scope, OwnNetwork::default(), Journal::new(own, file));
    let (mut removed, mut left) = (0, Vec::new());
    runtime()?.block_on(async {
        let api = connect(args.kubeconfig.as_deref(), args.context.as_deref()).await?;
        // What was created last is removed first, and what the journal does not have is found by
        // its label.
        paths.reverse();
        let second = Timestamp::from_second(now.as_second()).unwrap_or(now).to_string();
        let (found, unread) = labelled(&gate, &api, run.as_ref(), &second).await;
        paths.extend(found);
        left.extend(unread);
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

/// The longest time until nothing more is stored.
const MOST: Duration = Duration::from_secs(STORED_WITHIN + 1);

/// Reads the journal of a run.
fn entries(file: &Path) -> Result<Vec<serde_json::Value>, String> {
    let text = bounded::text(file, MAX_BYTES).map_err(|error| format!("{error:#}"))?;
    read_journal(&text).map_err(|error| format!("{}: {error}", file.display()))
}

/// Waits until the server has stored what the run sent last, or never will.
fn settle(until: Option<Timestamp>, now: Timestamp) {
    let wait = until.and_then(|until| Duration::try_from(until.duration_since(now)).ok());
    // The clock may have been set back.
    std::thread::sleep(wait.unwrap_or_default().min(MOST));
}

/// Opens the journal of this command. It goes on without one: removing is more important.
fn writer(folder: &Path, own: &RunId) -> Box<dyn Write + Send> {
    let made = std::fs::create_dir_all(folder)
        .with_context(|| format!("creating {}", folder.display()))
        .and_then(|()| state::private(&folder.join(format!("{own}.jsonl"))));
    match made {
        Ok(file) => Box::new(file),
        Err(why) => {
            terminal::say("warning", &format!("no journal is written: {why:#}"));
            Box::new(std::io::sink())
        }
    }
}
