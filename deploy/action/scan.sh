#!/usr/bin/env bash
# Scans: annotations in the log, a summary on the run's page, SARIF in a file.
set -euo pipefail

# Blanks and line ends separate; `read` says 1 at the end of its input.
read -r -d '' -a paths <<<"$INPUT_PATHS" || true
read -r -d '' -a arguments <<<"$INPUT_ARGUMENTS" || true
exec pavisade scan --quiet --format github --fail-on "$INPUT_FAIL_ON" \
  --also "markdown=$GITHUB_STEP_SUMMARY" --also "sarif=$INPUT_SARIF" \
  "${arguments[@]}" -- "${paths[@]}"
