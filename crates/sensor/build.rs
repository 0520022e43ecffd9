//! Compiles the eBPF programs with clang. Without clang the crate builds too, and says when it is
//! asked to load them that it has none.

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;

#[expect(
    clippy::disallowed_methods,
    reason = "a build script is told everything by its environment"
)]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=bpf");
    println!("cargo::rerun-if-env-changed=CLANG");
    let out = Path::new(&env::var("OUT_DIR")?).join("sensor.o");
    let target = match env::var("CARGO_CFG_TARGET_ARCH")?.as_str() {
        "x86_64" => Some("-D__TARGET_ARCH_x86"),
        "aarch64" => Some("-D__TARGET_ARCH_arm64"),
        _ => None,
    };
    let linux = env::var("CARGO_CFG_TARGET_OS")? == "linux";
    let clang = env::var("CLANG").unwrap_or_else(|_| "clang".to_owned());
    let Some(target) = target.filter(|_| linux) else {
        return none(&out, "this processor or system is not supported");
    };
    let compiled = Command::new(&clang)
        .args(["-target", "bpf", "-O2", "-g", "-Wall", "-Werror", target])
        .args(["-fdebug-prefix-map=.=", "-c", "bpf/sensor.bpf.c", "-o"])
        .arg(&out)
        .output();
    match compiled {
        Err(error) => none(&out, &format!("{clang} was not found when it was built: {error}")),
        Ok(output) if output.status.success() => {
            // Debugging information is not needed; BTF is in other sections and stays.
            let _ = Command::new("llvm-strip").arg("-g").arg(&out).status();
            println!("cargo::rustc-env=PAVISADE_NO_PROGRAMS=");
            Ok(())
        }
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned().into()),
    }
}

/// An empty object stands for "none".
fn none(out: &Path, why: &str) -> Result<(), Box<dyn Error>> {
    println!("cargo::warning=pavisade-agent is built without its eBPF programs: {why}");
    println!("cargo::rustc-env=PAVISADE_NO_PROGRAMS={}", why.replace('\n', " "));
    Ok(fs::write(out, [])?)
}
