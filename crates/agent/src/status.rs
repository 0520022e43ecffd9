//! `pavisade-agent status`: what this kernel allows.

use std::io::Write as _;

use pavisade_sensor::{Host, Kernel};
use serde_json::json;

use crate::args::{Format, StatusArgs};

pub(crate) fn run(args: &StatusArgs) -> anyhow::Result<()> {
    let kernel = Kernel::load(Host::Nothing)?;
    let mut out = std::io::stdout().lock();
    match args.format {
        Format::Json => {
            let tiers = kernel.tiers().iter();
            let tiers = tiers.map(
                |tier| json!({"name": tier.name, "gives": tier.gives, "missing": tier.missing}),
            );
            writeln!(out, "{}", json!({"tiers": tiers.collect::<Vec<_>>()}))?;
        }
        Format::Text => {
            for tier in kernel.tiers() {
                let state = if tier.missing.is_none() { "yes" } else { "no" };
                writeln!(out, "{state:<4} {:<22} {}", tier.name, tier.gives)?;
                if let Some(why) = &tier.missing {
                    writeln!(out, "     {why}")?;
                }
            }
        }
    }
    Ok(())
}
