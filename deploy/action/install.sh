#!/usr/bin/env bash
# Puts `pavisade` into PATH for the steps that follow, unless it is there. What is downloaded must
# have the checksum that the release names, and be signed with the key of releases, which comes with
# the action and not with the release.
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
key=${INPUT_PUBLIC_KEY:-$(dirname "${BASH_SOURCE[0]}")/../release.pub}
key=$(realpath -m -- "$key")
mkdir -p "$folder"
cd "$folder"
# The maintainers publish it with the first release; until then, and in a fork, there is none.
[[ -f $key ]] ||
  fail "the public key of releases is missing ($key), so that no release can be verified, and nothing was downloaded: specify the maintainers' key with public-key, or put pavisade into PATH in an earlier step"
for file in "$name" "$name.sigstore.json" SHA256SUMS; do
  curl --fail --silent --show-error --location --retry 3 --remote-name "$from/$file" ||
    fail "could not download $from/$file"
done
awk -v name="$name" '$2 == name' SHA256SUMS | sha256sum --check --strict - ||
  fail "$name has not the checksum that the release names"
# Without a program of ours: the first one that runs must not be the one in question.
sed -n 's/.*"signature":"\([A-Za-z0-9+/=]*\)".*/\1/p' "$name.sigstore.json" | base64 --decode >signature &&
  openssl dgst -sha256 -verify "$key" -signature signature "$name" ||
  fail "$name is not signed with the key of releases"
tar -xzf "$name" pavisade
echo "$folder" >>"$GITHUB_PATH"
