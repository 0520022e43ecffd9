//! Programs at functions can be preempted, and others run on the same processor meanwhile.

use super::guest::{self, Guest};
use super::packages::Kernel;
use super::{RULES, WITHOUT_MODULES, hooks, last, loaded_everything, of};

/// Alerts if an event has the file of one user and another user.
const MIXED: &str = "\
- rule: Mixed
  desc: parts of two events
  condition: >
    evt.type in (open, openat, openat2, creat) and user.uid > 1000 and fd.name startswith /tmp/mix- and not
    (fd.name endswith 1001 and user.uid = 1001 or fd.name endswith 1002 and user.uid = 1002 or
    fd.name endswith 1003 and user.uid = 1003 or fd.name endswith 1004 and user.uid = 1004)
  output: \"%user.uid %fd.name\"
  priority: NOTICE
- rule: Whole
  desc: an event of one user
  condition: evt.type in (creat, openat) and user.uid = 1002 and fd.name = /tmp/mix-1002 and proc.args contains '#0.'
  output: found
  priority: NOTICE
";

/// What happened while threads were preempted in programs at functions; `step` is how they open files.
fn preempted(kernel: &Kernel, step: &str) -> Option<String> {
    let guest = Guest {
        rules: &[RULES, MIXED].concat(),
        only_these_rules: true,
        policies: WITHOUT_MODULES,
        parameters: "lsm=lockdown,yama preempt=full",
        first: "",
        containers: &[("mixed", format!("x\t{step}\t8\t#0.\n"))],
    };
    let told = guest.run(kernel)?;
    let (name, end) = (&kernel.name, last(&told));
    assert!(of(&told, "mixed").values().map(|(status, _)| *status).eq([0]), "{name}: {end}");
    assert!(told.contains("ALERTS Mixed 0"), "{name}: {end}");
    let whole = told.lines().find_map(|line| line.strip_prefix("ALERTS Whole "));
    let whole: usize = whole.unwrap().trim().parse().unwrap();
    assert!(whole > 20, "{name}: {whole}");
    Some(told)
}

#[test]
fn events_of_threads_that_are_preempted_are_not_mixed() {
    for kernel in guest::kernels_if_all().iter().filter(|kernel| hooks(kernel)) {
        let Some(told) = preempted(kernel, "mix") else { return };
        loaded_everything(kernel, &told);
    }
}

/// A thread that is preempted in a program hides what others do by the same call.
#[test]
fn the_exit_of_calls_is_observed_again_if_calls_are_missed() {
    for kernel in guest::kernels_if_all().iter().filter(|kernel| hooks(kernel)) {
        let Some(told) = preempted(kernel, "mix-same") else { return };
        let back = "AGENT system calls are observed at the exit of every call: ";
        assert!(told.contains(back), "{}: {}", kernel.name, last(&told));
    }
}
