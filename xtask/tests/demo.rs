//! `make demo` builds a program that can be started afterwards.

use std::path::Path;
use std::process::Command;

#[test]
fn the_demo_says_where_the_program_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let Ok(plan) = Command::new("make").args(["-n", "demo"]).current_dir(&root).output() else {
        return;
    };
    let plan = String::from_utf8_lossy(&plan.stdout).into_owned();
    let Some(last) = plan.trim_end().lines().last() else { panic!("make plans nothing") };
    let said = Command::new("sh").args(["-c", last]).env("CARGO_TARGET_DIR", "/x/t").output();
    let said = said.map(|out| String::from_utf8_lossy(&out.stdout).into_owned());
    let expected = "It is /x/t/release/pavisade. To start it by its name:\n  \
                    export PATH=\"/x/t/release:$PATH\"\n";
    assert_eq!(said.unwrap_or_default(), expected);
}
