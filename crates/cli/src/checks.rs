//! `pavisade checks`.

use std::io::{BufWriter, Write as _};

use pavisade_checks::{Entry, registry};
use pavisade_compliance::{builtin, controls_by_check};
use pavisade_report::{Layout, check_explain, checks_list};

use crate::Outcome;
use crate::args::{ChecksArgs, ChecksCommand};
use crate::{select, terminal};

pub(crate) fn run(args: &ChecksArgs) -> anyhow::Result<Outcome> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let layout = |json: bool| match json {
        true => Layout::Json,
        false => Layout::Terminal { color: terminal::color(args.color, false), width: terminal::width(None) },
    };
    match &args.command {
        ChecksCommand::List { select, json } => {
            // A list shows what there is: strict checks too, unless something was picked.
            let everything = select.only.is_empty() && select.framework.is_none();
            let ids = select::ids(&crate::args::Select {
                strict: select.strict || everything,
                only: select.only.clone(),
                skip: select.skip.clone(),
                framework: select.framework.clone(),
            })?;
            let entries: Vec<&Entry> =
                registry().iter().filter(|entry| ids.contains(entry.meta.id)).collect();
            checks_list(&entries, layout(*json), &mut out)?;
        }
        ChecksCommand::Explain { check, json } => {
            let entry = select::find(check)?;
            let controls = controls_by_check(builtin()).remove(entry.meta.id).unwrap_or_default();
            check_explain(entry, &controls, layout(*json), &mut out)?;
        }
    }
    out.flush()?;
    Ok(Outcome::Clean)
}
