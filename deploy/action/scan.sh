#!/usr/bin/env bash
# Scans: annotations in the log, a summary on the run's page, SARIF in a file.
set -euo pipefail

# Blanks and line ends separate; `read` says 1 at the end of its input.
read -r -d '' -a paths <<<"$INPUT_PATHS" || true
read -r -d '' -a arguments <<<"$INPUT_ARGUMENTS" || true

# A pull request brings its own `.pavisade.yaml`, annotations and comments: it must not exempt
# itself. What the arguments name counts.
untrusted=()
if [[ ${GITHUB_EVENT_NAME:-} == pull_request* && ${INPUT_TRUST_PULL_REQUEST:-} != true ]]; then
  has() { [[ " ${arguments[*]} " == *" $1"[\ =]* ]]; }
  has --allow-from || untrusted+=(--allow-from policy)
  has --config || has --no-config || untrusted+=(--no-config)
  if ((${#untrusted[@]})); then
    echo "Pavisade: of a pull request's own exceptions and configuration none count (${untrusted[*]})"
  fi
fi

exec pavisade scan --quiet --format github --fail-on "$INPUT_FAIL_ON" \
  --also "markdown=$GITHUB_STEP_SUMMARY" --also "sarif=$INPUT_SARIF" \
  "${untrusted[@]}" "${arguments[@]}" -- "${paths[@]}"
