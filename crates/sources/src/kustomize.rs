//! Renders kustomizations.

use std::ffi::OsString;
use std::path::Path;

use crate::Tools;
use crate::program::Programs;

/// Runs `kustomize build` on a directory. `None` if there is no tool.
pub(crate) fn render(
    programs: &Programs,
    tools: &Tools,
    folder: &Path,
) -> Option<Result<String, String>> {
    let (program, verb) = match (&tools.kustomize, &tools.kubectl) {
        (Some(kustomize), _) => (kustomize, "build"),
        (None, Some(kubectl)) => (kubectl, "kustomize"),
        (None, None) => return None,
    };
    let arguments = [OsString::from(verb), folder.as_os_str().to_owned()];
    Some(programs.run(program, &arguments).map_err(|why| reason(&why)))
}

/// Returns the end of kustomize's chain of reasons: the directory with the error, and the reason.
fn reason(why: &str) -> String {
    const LINK: &str = "recursed accumulation of path ";
    match why.rfind(LINK) {
        Some(at) => why[at + LINK.len()..].replace("\\\"", "").trim_end_matches('"').to_owned(),
        None => why.to_owned(),
    }
}
