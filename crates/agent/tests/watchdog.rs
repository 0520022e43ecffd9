//! The watchdog of a process that is not an agent.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

/// Starts the watchdog of a shell that becomes another program; the pipe to it is closed at once.
fn watched(program: &str) -> std::process::ExitStatus {
    let agent = env!("CARGO_BIN_EXE_pavisade-agent");
    let script = "\"$0\" watchdog </dev/null 2>/dev/null & exec $1";
    Command::new("sh").args(["-c", script, agent, program]).status().unwrap()
}

#[test]
fn an_agent_whose_listener_has_ended_is_killed_and_one_that_ends_is_not() {
    assert_eq!(watched("sleep 60").signal(), Some(9));
    assert!(watched("sleep 0.1").success());
}
