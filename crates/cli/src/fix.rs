//! `pavisade fix`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::{self, IsTerminal as _, Write};
use std::path::Path;
use std::{fs, io::BufWriter};

use anyhow::{Context as _, bail};
use pavisade_model::{Finding, Mends, NoteKind, State};
use pavisade_report::{Again, Fixes, Layout, Options};
use pavisade_scan::{Fixed, Judgement, fix};
use tempfile::NamedTempFile;

use crate::args::FixArgs;
use crate::input::Input;
use crate::progress::Spinner;
use crate::scan::is_incomplete;
use crate::work::{By, Choice, Work};
use crate::{Outcome, select, terminal};

pub(crate) fn run(args: &FixArgs) -> anyhow::Result<Outcome> {
    let chosen = select::named(&args.select.only)?;
    if args.paths.iter().any(|path| path == Path::new("-")) {
        bail!("standard input cannot be changed in place: name the file");
    }
    let Some(work) = Work::find(Input::from(args), &args.config)? else {
        return Ok(Outcome::Usage);
    };
    let before = judged(args, &work)?;
    let asked = |finding: &Finding| match finding.check.mends {
        Mends::Never => false,
        Mends::Safely => true,
        Mends::Riskily => args.risky || chosen.contains(finding.check.id),
    };
    let (mut wanted, mut risky, mut elsewhere, mut by_hand) = (vec![], BTreeMap::new(), 0, 0);
    let (mut files, mut unnamed) = (HashMap::new(), BTreeSet::new());
    for finding in before.of_state(State::Fails) {
        let Some(mend) = &finding.mend else {
            by_hand += 1;
            continue;
        };
        let source = mend.doc.source();
        // Only what stands in a file as it was read can be changed there.
        let is_file = files.entry(source.name().to_owned()).or_insert_with(|| {
            let read = fs::read(source.name()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            read.filter(|text| text.trim_end_matches('\n') == source.text().trim_end_matches('\n'))
        });
        if is_file.is_none() {
            // A name of other bytes is known by what stands for them, which leads to no file.
            if source.name().contains(char::REPLACEMENT_CHARACTER) {
                unnamed.insert(source.name().to_owned());
            }
            elsewhere += 1;
        } else if asked(finding) {
            wanted.push(finding);
        } else {
            *risky.entry(finding.check.name).or_insert(0) += 1;
        }
    }
    let mut fixed = fix(wanted);
    for file in &mut fixed {
        // The reader gives a last line an end that it may not have.
        let own = files.get(&file.name).and_then(Option::as_deref).unwrap_or("");
        if !own.ends_with('\n') {
            for text in [&mut file.text, &mut file.before] {
                text.truncate(text.trim_end_matches('\n').len());
            }
        }
    }
    let made: usize = fixed.iter().map(|file| file.made.len()).sum();
    let mut again = None;
    if !args.diff && made > 0 {
        for file in fixed.iter().filter(|file| !file.made.is_empty()) {
            replace(Path::new(&file.name), &file.text)?;
        }
        again = Some(compare(&before, &fixed, &judged(args, &work)?));
    }
    let said = Fixes {
        files: &fixed,
        written: !args.diff,
        risky: &risky,
        elsewhere,
        by_hand,
        incomplete: is_incomplete(&before),
        again: again.as_ref(),
    };
    write(args, &said, work.settings.summary())?;
    for name in &unnamed {
        terminal::say(
            "not changed",
            &format!("{name}: its name is no UTF-8 text: rename the file"),
        );
    }
    for note in before.notes.iter().filter(|note| note.kind == NoteKind::Unread) {
        let place = match &note.span {
            Some((source, start, _)) => {
                let (line, column) = source.line_column(*start);
                format!("{}:{line}:{column}", note.place)
            }
            None => note.place.to_string(),
        };
        terminal::say("not read", &format!("{place}: {}", note.message));
    }
    let broken = again.is_some_and(|again| !again.still.is_empty() || !again.new.is_empty());
    Ok(match (is_incomplete(&before) || broken, args.diff && made > 0) {
        (true, _) => Outcome::Incomplete,
        (false, true) => Outcome::Findings,
        (false, false) => Outcome::Clean,
    })
}

fn judged(args: &FixArgs, work: &Work<'_>) -> anyhow::Result<Judgement> {
    let choice = Choice::new(&args.select, &args.set, &work.settings)?;
    let checks = choice.checks(work.kubernetes())?.mending();
    // What somebody accepts is not mended.
    let by = By { config: &args.config, baseline: None };
    Ok(work.judge(&choice, checks, by, Spinner::new(args.quiet))?.1)
}

/// What became of what was mended, and what is new.
fn compare(before: &Judgement, fixed: &[Fixed<'_>], after: &Judgement) -> Again {
    let fingerprints = |judgement: &Judgement| -> HashSet<_> {
        judgement.of_state(State::Fails).map(Finding::fingerprint).collect()
    };
    let (old, now) = (fingerprints(before), fingerprints(after));
    let mut again = Again::default();
    for finding in fixed.iter().flat_map(|file| &file.made) {
        match now.contains(&finding.fingerprint()) {
            true => again.still.push(sentence(finding)),
            false => again.gone += 1,
        }
    }
    // A mended field may have been the place of another finding too: it is told elsewhere now. What
    // was to be mended and stands elsewhere is new.
    let made = fixed.iter().flat_map(|file| &file.made).map(|finding| finding.fingerprint());
    let made: HashSet<_> = made.collect();
    let moved: HashSet<_> = before
        .of_state(State::Fails)
        .filter(|finding| {
            let fingerprint = finding.fingerprint();
            !now.contains(&fingerprint) && !made.contains(&fingerprint)
        })
        .map(sentence)
        .collect();
    let new = after
        .of_state(State::Fails)
        .filter(|finding| !old.contains(&finding.fingerprint()))
        .map(sentence)
        .filter(|said| !moved.contains(said));
    again.new.extend(new);
    again
}

fn sentence(finding: &Finding) -> String {
    format!("{} in {}: {}", finding.check.name, finding.subject.label(), finding.message)
}

/// Puts a text in a file's place at once: whoever reads it sees the old or the new one.
fn replace(file: &Path, text: &str) -> anyhow::Result<()> {
    let written = || -> io::Result<()> {
        // A link stays one: what it points at is replaced.
        let file = fs::canonicalize(file)?;
        let folder = file.parent().unwrap_or(Path::new("/"));
        let mut new = NamedTempFile::new_in(folder)?;
        new.write_all(text.as_bytes())?;
        new.as_file().set_permissions(fs::metadata(&file)?.permissions())?;
        new.as_file().sync_all()?;
        new.persist(&file)?;
        Ok(())
    };
    written().with_context(|| format!("writing {}; files before it are changed", file.display()))
}

fn write(args: &FixArgs, fixes: &Fixes<'_>, configuration: String) -> anyhow::Result<()> {
    let options = Options {
        color: terminal::color(args.color, false),
        width: terminal::width(None),
        configuration,
        ..Options::default()
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let layout = if args.json { Layout::Json } else { Layout::Terminal };
    let written = match args.diff && !args.json {
        true => {
            let exact = !io::stdout().is_terminal();
            let difference = pavisade_report::fixes_diff(fixes, exact, &options, &mut out);
            // The difference alone is on standard output, so that `git apply` can read it.
            let mut summary = Vec::new();
            let options = Options { color: false, ..options };
            difference
                .and_then(|()| out.flush())
                .and_then(|()| pavisade_report::fixes(fixes, layout, &options, &mut summary))
                .map(|()| {
                    if !args.quiet {
                        for line in String::from_utf8_lossy(&summary).lines() {
                            terminal::say("", line);
                        }
                    }
                })
        }
        false => pavisade_report::fixes(fixes, layout, &options, &mut out),
    };
    written.and_then(|()| out.flush()).context("writing standard output")
}
