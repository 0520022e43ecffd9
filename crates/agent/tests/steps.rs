//! Steps of a container, and what happened to them.

use std::collections::BTreeMap;

/// A step.
pub(crate) struct Step {
    /// Whether it must be stopped; `None` if it only prepares others.
    pub stopped: Option<bool>,
    /// A program and its arguments.
    pub text: String,
}

/// A tier that stops programs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tier {
    Kill,
    Fanotify,
    Lsm,
}

/// The programs that a policy forbids, and near misses.
pub(crate) fn programs(tier: Tier) -> Vec<Step> {
    let lines = include_str!("programs.tsv").lines().filter(|line| !line.starts_with('#'));
    let step = |line: &str| {
        let (stopped, text) = line.split_once('\t').unwrap();
        Step { stopped: is_expected(stopped.as_bytes()[tier as usize]), text: text.to_owned() }
    };
    let steps: Vec<_> = lines.map(step).collect();
    assert!(count(&steps, true) >= 20 && count(&steps, false) >= 20);
    steps
}

/// Whether a step must be stopped; nothing if it prepares others.
fn is_expected(mark: u8) -> Option<bool> {
    match mark {
        b'!' => Some(true),
        b' ' | b'-' => Some(false),
        other => {
            assert_eq!(char::from(other), '.', "no mark of a step");
            None
        }
    }
}

/// Steps that must be stopped (`!`), must not (a blank), or that prepare others (`.`).
pub(crate) fn listed(steps: &[&str]) -> Vec<Step> {
    let step =
        |step: &&str| Step { stopped: is_expected(step.as_bytes()[0]), text: step[1..].to_owned() };
    steps.iter().map(step).collect()
}

/// How many steps must be stopped, or must not.
pub(crate) fn count(steps: &[Step], stopped: bool) -> usize {
    steps.iter().filter(|step| step.stopped == Some(stopped)).count()
}

/// The steps as `attack.c` reads them, each with its number.
pub(crate) fn numbered(steps: &[Step]) -> String {
    let lines = steps.iter().enumerate();
    lines.map(|(number, step)| format!("{}\t#{number}.\n", step.text)).collect()
}

/// The status of each step, and its errors.
pub(crate) type Happened = BTreeMap<usize, (i32, String)>;

/// What happened, from what `attack.c` wrote: numbers with a status, and errors with their number.
pub(crate) fn happened(told: &str) -> Happened {
    let mut all = Happened::new();
    for line in told.lines() {
        let marker = line.split([' ', ':']).find_map(|word| word.strip_prefix('#'));
        let Some(number) = marker.and_then(|text| text.strip_suffix('.')?.parse().ok()) else {
            continue;
        };
        let one: &mut (i32, String) = all.entry(number).or_default();
        match line.split_once(". ").and_then(|(_, status)| status.split(' ').next()?.parse().ok()) {
            Some(status) if line.starts_with('#') => one.0 = status,
            _ => one.1.push_str(line),
        }
    }
    all
}

/// Whether a step was denied, or its process ended.
pub(crate) fn is_stopped((status, told): &(i32, String)) -> bool {
    *status == 9 || told.contains("Operation not permitted")
}

/// The steps with another result than expected, including near misses that failed.
pub(crate) fn wrong(steps: &[Step], happened: &Happened) -> Vec<String> {
    let mut wrong = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        match (happened.get(&number), step.stopped) {
            (None, _) => wrong.push(format!("{}: it was not done", step.text)),
            (Some(one), Some(stopped)) if is_stopped(one) != stopped => {
                wrong.push(format!("{}: {one:?}", step.text));
            }
            // A near miss must also work.
            (Some(one), Some(false)) if one.0 != 0 => {
                wrong.push(format!("{}: {one:?}", step.text));
            }
            _ => {}
        }
    }
    wrong
}
