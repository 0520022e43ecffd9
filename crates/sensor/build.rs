//! Compiles the eBPF programs with clang. Without clang, or with one that cannot compile them, the
//! crate builds too, and says when it is asked to load them that it has none. A clang that is named
//! in `CLANG` must work.

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;

#[expect(
    clippy::disallowed_methods,
    reason = "a build script gets its settings from its environment"
)]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=bpf");
    println!("cargo::rerun-if-env-changed=CLANG");
    let folder = env::var("OUT_DIR")?;
    let folder = Path::new(&folder);
    let target = match env::var("CARGO_CFG_TARGET_ARCH")?.as_str() {
        "x86_64" => Some("-D__TARGET_ARCH_x86"),
        "aarch64" => Some("-D__TARGET_ARCH_arm64"),
        _ => None,
    };
    let linux = env::var("CARGO_CFG_TARGET_OS")? == "linux";
    let Some(target) = target.filter(|_| linux) else {
        return none(folder, "this processor or system is not supported");
    };
    for name in OBJECTS {
        if let Err(why) = compile(name, target, folder)? {
            return none_yet(folder, &why);
        }
    }
    println!("cargo::rustc-env=PAVISADE_NO_PROGRAMS=");
    Ok(())
}

const OBJECTS: [&str; 2] = ["sensor", "lsm"];

/// Compiles an object, or says why it cannot be.
#[expect(
    clippy::disallowed_methods,
    reason = "a build script gets its settings from its environment"
)]
fn compile(name: &str, target: &str, folder: &Path) -> Result<Result<(), String>, Box<dyn Error>> {
    let chosen = env::var("CLANG").ok();
    let clang = chosen.clone().unwrap_or_else(|| "clang".to_owned());
    let out = folder.join(format!("{name}.o"));
    let compiled = Command::new(&clang)
        .args(["-target", "bpf", "-O2", "-g", "-Wall", target])
        .args(["-fdebug-prefix-map=.=", "-c"])
        .arg(format!("bpf/{name}.bpf.c"))
        .arg("-o")
        .arg(&out)
        .output();
    Ok(match compiled {
        Err(error) => Err(format!("{clang} was not found when it was built: {error}")),
        Ok(output) if output.status.success() => {
            // Debugging information is not needed; BTF is in other sections and stays.
            let _ = Command::new("llvm-strip").arg("-g").arg(&out).status();
            Ok(())
        }
        Ok(output) => {
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            if chosen.is_some() {
                return Err(told.into());
            }
            let first = told.lines().next().unwrap_or("no message").to_owned();
            Err(format!("{clang} could not compile them: {first}"))
        }
    })
}

/// As `none`, but another clang may come: a path that never exists makes cargo ask again.
fn none_yet(folder: &Path, why: &str) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={}", folder.join("sensor.never").display());
    none(folder, why)
}

/// Empty objects mean "none".
fn none(folder: &Path, why: &str) -> Result<(), Box<dyn Error>> {
    println!("cargo::warning=pavisade-agent is built without its eBPF programs: {why}");
    println!("cargo::rustc-env=PAVISADE_NO_PROGRAMS={}", why.replace('\n', " "));
    for name in OBJECTS {
        fs::write(folder.join(format!("{name}.o")), [])?;
    }
    Ok(())
}
