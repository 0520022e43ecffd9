//! `pavisade fix`.

mod files;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use pavisade_judgement::{Fixed, Judgement, fix};
use pavisade_model::{Finding, Fixable, NoteKind, State, Subject};
use pavisade_report::{Again, Fixes, Hidden, Layout, Options, message};
use pavisade_yaml::Origin;

use self::files::Files;
use crate::args::FixArgs;
use crate::input::Input;
use crate::progress::Spinner;
use crate::scan::is_incomplete;
use crate::work::{By, Choice, Work};
use crate::{Outcome, select, terminal};

pub(crate) fn run(args: &FixArgs) -> anyhow::Result<Outcome> {
    if args.paths.iter().any(|path| path == Path::new("-")) {
        bail!("standard input cannot be edited in place: specify the file");
    }
    // A pipe can be read only once, but the result is scanned again.
    let is_special = |path: &&PathBuf| path.metadata().is_ok_and(|m| !m.is_file() && !m.is_dir());
    if let Some(path) = args.paths.iter().find(is_special) {
        bail!("{} cannot be changed: it is not a regular file", path.display());
    }
    let Some(work) = Work::find(Input::from(args), &args.config)? else {
        return Ok(Outcome::Usage);
    };
    let chosen = select::exactly(&args.select.only, &work.settings.catalog);
    let before = judged(args, &work)?;
    let asked = |finding: &Finding| match finding.rule.fixable {
        Fixable::Never => false,
        Fixable::Safely => true,
        Fixable::Riskily => args.risky || chosen.contains(&*finding.rule.id),
    };
    let (mut wanted, mut risky, mut elsewhere, mut by_hand) = (vec![], BTreeMap::new(), 0, 0);
    let fixes = before.of_state(State::Fails).filter_map(|finding| finding.fix.as_ref());
    let sources = fixes.map(|fix| fix.doc.source());
    let files = Files::of(sources.filter(|source| *source.origin() == Origin::File));
    let mut unnamed = BTreeSet::new();
    for finding in before.of_state(State::Fails) {
        let Some(fix) = &finding.fix else {
            by_hand += 1;
            continue;
        };
        let (source, name) = (fix.doc.source(), fix.doc.source().name());
        let is_file = *source.origin() == Origin::File;
        if is_file && files.is_other(name) {
            continue;
        }
        if !is_file || files.text(name).is_none() {
            // A file name that is not UTF-8 has replacement characters, so it cannot be opened.
            if name.contains(char::REPLACEMENT_CHARACTER) {
                unnamed.insert(name.to_owned());
            }
            elsewhere += 1;
        } else if asked(finding) {
            wanted.push(finding);
        } else {
            *risky.entry(&*finding.rule.name).or_insert(0) += 1;
        }
    }
    let mut fixed = fix(wanted);
    for file in &mut fixed {
        // The reader adds a missing line break at the end.
        let own = files.text(&file.name).unwrap_or("");
        if !own.ends_with('\n') {
            for text in [&mut file.text, &mut file.before] {
                text.truncate(text.trim_end_matches('\n').len());
            }
        }
    }
    let made: usize = fixed.iter().map(|file| file.made.len()).sum();
    let mut again = None;
    if !args.diff && made > 0 {
        let changed = fixed.iter().filter(|file| !file.made.is_empty());
        for (before, file) in changed.enumerate() {
            files.replace(&file.name, &file.text).with_context(|| match before {
                0 => format!("writing {}; no other file was changed before", file.name),
                1 => format!("writing {}; 1 file was changed before", file.name),
                n => format!("writing {}; {n} files were changed before", file.name),
            })?;
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
    if !args.quiet {
        let changed = fixed.iter().filter(|file| !file.made.is_empty());
        for note in changed.flat_map(|file| files.notes(&file.name)) {
            terminal::say("", &note);
        }
    }
    for name in &unnamed {
        terminal::say(
            "not changed",
            &format!("{name}: its name is not valid UTF-8: rename the file"),
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
    let choice = Choice::new(&args.select, &args.set, &work.settings, false)?;
    let checks = choice.checks(work.kubernetes())?.with_fixes();
    // Accepted findings are not fixed.
    let by = By { config: &args.config, baseline: None };
    Ok(work.judge(&choice, checks, by, Spinner::new(args.quiet))?.judgement)
}

/// Returns which findings are fixed, which remain and which are new.
fn compare(before: &Judgement, fixed: &[Fixed<'_>], after: &Judgement) -> Again {
    let fingerprints = |judgement: &Judgement| -> HashSet<_> {
        judgement.of_state(State::Fails).map(Finding::fingerprint).collect()
    };
    let old = fingerprints(before);
    let now: HashMap<_, _> =
        after.of_state(State::Fails).map(|finding| (finding.fingerprint(), finding)).collect();
    let mut again = Again::default();
    for (file, finding) in fixed.iter().flat_map(|file| file.made.iter().map(move |f| (file, f))) {
        let Some(there) = now.get(&finding.fingerprint()) else {
            again.gone += 1;
            continue;
        };
        // Equal objects in several files are judged once, and now they differ.
        let copy = there.fix.as_ref().map(|fix| fix.doc.source().name());
        again.still.push(match copy.filter(|name| *name != file.name) {
            Some(name) => format!("{}; a copy is in {name}: run again", sentence(finding)),
            None => sentence(finding),
        });
    }
    // A fixed field may also have been the location of another finding, which has now moved. A
    // finding that was to be fixed and has moved is new.
    let made = fixed.iter().flat_map(|file| &file.made).map(|finding| finding.fingerprint());
    let made: HashSet<_> = made.collect();
    let mut moved: HashMap<_, usize> = HashMap::new();
    for finding in before.of_state(State::Fails) {
        let fingerprint = finding.fingerprint();
        if !now.contains_key(&fingerprint) && !made.contains(&fingerprint) {
            *moved.entry(matter(finding)).or_default() += 1;
        }
    }
    for finding in after.of_state(State::Fails) {
        match moved.get_mut(&matter(finding)) {
            _ if old.contains(&finding.fingerprint()) => {}
            Some(left @ 1..) => *left -= 1,
            _ => again.new.push(sentence(finding)),
        }
    }
    again
}

/// Identifies a finding regardless of its location.
fn matter(finding: &Finding) -> (&str, &Subject, &str) {
    (&finding.rule.id, &finding.subject, &finding.instance)
}

fn sentence(finding: &Finding) -> String {
    format!("{} in {}: {}", finding.rule.name, finding.subject.label(), message(finding))
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
            // Standard output contains only the diff, for `git apply`.
            let mut summary = Vec::new();
            let options = Options { color: false, ..options };
            difference.and_then(|hidden| {
                out.flush()?;
                pavisade_report::fixes(fixes, layout, &options, &mut summary)?;
                let summary = String::from_utf8_lossy(&summary);
                let lines = summary.lines().filter(|_| !args.quiet);
                lines.for_each(|line| terminal::say("", line));
                tell(hidden);
                Ok(())
            })
        }
        false => pavisade_report::fixes(fixes, layout, &options, &mut out),
    };
    written.and_then(|()| out.flush()).context("writing standard output")
}

/// Reports why a diff cannot be applied unchanged.
fn tell(hidden: Hidden) {
    let Hidden { beside, masked } = hidden;
    if masked > 0 {
        let text = format!(
            "changed lines that contain secrets: {masked}. They are masked, so `git apply` \
             rejects them; run `pavisade fix` without `--diff` to make the changes"
        );
        terminal::say("note", &text);
    }
    if beside > 0 {
        let text = format!(
            "changes next to a secret, whose line is omitted: {beside}. Apply them with `git \
             apply --unidiff-zero`"
        );
        terminal::say("note", &text);
    }
}
