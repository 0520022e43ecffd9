#!/usr/bin/env bash
# Puts `pavisade` into PATH for the steps that follow, unless it is there. What is downloaded must
# have the checksum that the release names.
set -euo pipefail

# A message may hold inputs: what ends a line would begin a command of the runner.
fail() {
  local text=${1//'%'/'%25'}
  text=${text//$'\r'/'%0D'}
  echo "::error title=Pavisade::${text//$'\n'/'%0A'}"
  exit 2
}

if command -v pavisade >/dev/null; then
  pavisade --version
  exit 0
fi
[[ $INPUT_VERSION =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "version must look like 0.1.0, not '$INPUT_VERSION'"
[[ $RUNNER_OS-$RUNNER_ARCH == Linux-X64 ]] ||
  fail "there is no release for $RUNNER_OS on $RUNNER_ARCH: put pavisade into PATH in an earlier step"
# Empty for `uses: ./`.
[[ -n $ACTION_REPOSITORY ]] ||
  fail "a local action has no releases: put pavisade into PATH in an earlier step"

name="pavisade-$INPUT_VERSION-x86_64-linux.tar.gz"
from="$GITHUB_SERVER_URL/$ACTION_REPOSITORY/releases/download/v$INPUT_VERSION"
folder="$RUNNER_TEMP/pavisade-$INPUT_VERSION"
mkdir -p "$folder"
cd "$folder"
for file in "$name" SHA256SUMS; do
  curl --fail --silent --show-error --location --retry 3 --remote-name "$from/$file" ||
    fail "could not download $from/$file"
done
grep -F "  $name" SHA256SUMS | sha256sum --check --strict - ||
  fail "$name has not the checksum that the release names"
tar -xzf "$name" pavisade
echo "$folder" >>"$GITHUB_PATH"
