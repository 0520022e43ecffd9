//! `pavisade network can` and `explain`.

use std::io::{BufWriter, Write as _};

use anyhow::{anyhow, bail};
use pavisade_netpol::{Connections, READS, Selects, Unclear, Who, ask};
use pavisade_report::network::{NetworkAnswer, NetworkDocument, network_answer, network_explain};

use super::{Pictured, shown, unclear};
use crate::Outcome;
use crate::args::network::CanArgs;

pub(super) fn run(args: &CanArgs, explain: bool) -> anyhow::Result<Outcome> {
    let port = args.port.as_deref().map(Connections::read).transpose();
    let port = port.map_err(|why| anyhow!("{why}; write `80`, `53/UDP` or `8000-8080/TCP`"))?;
    let Some(pictured) = Pictured::read(&args.input, &args.path, READS)? else {
        return Ok(Outcome::Usage);
    };
    let mut missing: Option<(String, Unclear)> = None;
    let mut certainty: Option<Selects> = None;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut document = args.json.then(NetworkDocument::default);
    for (world, mut engine) in pictured.engines() {
        let read = |text: &str| Who::read(text, &engine).map_err(|why| (text.to_owned(), why));
        let (from, to) = match (read(&args.from), read(&args.to)) {
            (Ok(from), Ok(to)) => (from, to),
            (Err(why), _) | (_, Err(why)) => {
                missing = Some(why);
                continue;
            }
        };
        if matches!((&from, &to), (Who::Outside(_), Who::Outside(_))) {
            bail!("both ends are outside of the cluster: policies say nothing of that");
        }
        if matches!(from, Who::Service(_)) {
            bail!("`{}` is a Service: connections start at pods", args.from);
        }
        let asked = ask(&mut engine, &from, &to, port.as_ref());
        if asked.pairs.is_empty() || asked.wanted.is_empty() {
            bail!("no pods are behind `{}` on that port", args.to);
        }
        let (from, to) = (from.label(&engine), to.label(&engine));
        let answer = NetworkAnswer { world: &world, engine: &engine, from, to, asked: &asked };
        let one = answer.certainty();
        let one = if answer.in_part() { Selects::No } else { one };
        certainty = Some(certainty.map_or(one, |all| all.and(one)));
        let shown = shown(&args.input, false);
        match explain {
            true => network_explain(&answer, document.as_mut(), &shown, &mut out)?,
            false => network_answer(&answer, document.as_mut(), &shown, &mut out)?,
        }
    }
    if let Some(document) = document.filter(|_| certainty.is_some()) {
        let form = if explain { "explanation" } else { "answer" };
        document.write(&format!("pavisade network {form} 1"), &mut out)?;
    }
    out.flush()?;
    let unread = pictured.unread();
    match (certainty, missing) {
        (None, Some((text, why))) => Err(unclear(&text, &why)),
        (None, None) => bail!("no workloads were read"),
        (Some(_), _) if unread => Ok(Outcome::Incomplete),
        (Some(Selects::Yes), _) => Ok(Outcome::Clean),
        (Some(Selects::No), _) => Ok(Outcome::Findings),
        (Some(Selects::Maybe), _) => Ok(Outcome::Incomplete),
    }
}
