#!/usr/bin/env bash
# Scans: annotations in the log, a summary on the run's page, SARIF in a file.
set -euo pipefail

read -r -a paths <<<"$INPUT_PATHS"
read -r -a arguments <<<"$INPUT_ARGUMENTS"
exec pavisade scan --quiet --format github --fail-on "$INPUT_FAIL_ON" \
  --also "markdown=$GITHUB_STEP_SUMMARY" --also "sarif=$INPUT_SARIF" \
  "${arguments[@]}" -- "${paths[@]}"
