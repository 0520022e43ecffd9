//! Verification of images in a local registry with a key, compared with cosign in the same run.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Cost, mb, measure, median, release_binary};
use crate::cosign::{Both, Registry};
use crate::tools::tool;

pub(super) fn run(program: Option<&Path>, peer: bool, sizes: &[usize]) -> anyhow::Result<()> {
    let both = Both {
        ours: program.map_or_else(release_binary, |path| Ok(path.to_owned()))?,
        cosign: if peer { tool("cosign")? } else { PathBuf::new() },
        folder: tempfile::tempdir()?,
    };
    let registry = Registry::debian()?;
    both.must(true, &["keys", "new", "key"])?;
    let plain = ["--plain-http", &*registry.host];
    let signed = |tag: &str| -> anyhow::Result<String> {
        let digest = registry.push("team/app", tag)?;
        let reference = format!("{}/team/app@{digest}", registry.host);
        let sign = ["sign", &*reference, "--key", "key.key"];
        both.must(true, &[&sign[..], &plain].concat())?;
        Ok(reference)
    };
    let own = |reference: &str, cached: bool| {
        let mut command = Command::new(&both.ours);
        command.args(["verify", reference, "--key", "key.pub", "--without-log"]).args(plain);
        if !cached {
            command.arg("--no-image-cache");
        }
        command.current_dir(both.folder.path()).env("HOME", both.folder.path());
        command
    };
    let theirs = |reference: &str| {
        let mut command = Command::new(&both.cosign);
        command.args(["verify", "--key", "key.pub", "--insecure-ignore-tlog=true"]);
        command.args(["--allow-http-registry", "--new-bundle-format=true", reference]);
        command.current_dir(both.folder.path()).env("HOME", both.folder.path());
        command
    };
    let one = signed("one")?;
    let told = |what: &str, cost: Cost| {
        let (wall, cpu) = (cost.wall.as_secs_f64() * 1e3, cost.cpu.as_secs_f64() * 1e3);
        println!("{what}: {wall:.0} ms, {cpu:.0} ms of a core, {:.0} MB", mb(cost.memory));
    };
    told("pavisade, nothing kept", median(9, || measure(own(&one, false)))?);
    told("pavisade, kept", median(9, || measure(own(&one, true)))?);
    if peer {
        told("cosign", median(9, || measure(theirs(&one)))?);
    }
    for count in if sizes.is_empty() { &[1000][..] } else { sizes } {
        let all: Vec<_> =
            (0..*count).map(|n| signed(&format!("n{n}"))).collect::<anyhow::Result<_>>()?;
        for (what, cached) in [("nothing kept", false), ("kept", true)] {
            let mut sum = 0.0;
            for reference in &all {
                sum += measure(own(reference, cached))?.wall.as_secs_f64();
            }
            println!("pavisade, {count} images, {what}: {sum:.1} s");
        }
        if peer {
            let mut sum = 0.0;
            for reference in all.iter().take(100) {
                sum += measure(theirs(reference))?.wall.as_secs_f64();
            }
            println!("cosign, {} of them: {sum:.1} s", all.len().min(100));
        }
    }
    Ok(())
}
