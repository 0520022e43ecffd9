#!/usr/bin/env bash
# Puts `pavisade` into PATH for the steps that follow, unless it is there. What is downloaded must
# have the checksum that the release names.
set -euo pipefail

if command -v pavisade >/dev/null; then
  pavisade --version
  exit 0
fi
if [[ ! $INPUT_VERSION =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]]; then
  echo "::error::version must look like 0.1.0, not '$INPUT_VERSION'"
  exit 2
fi
name="pavisade-$INPUT_VERSION-x86_64-linux.tar.gz"
from="$GITHUB_SERVER_URL/$GITHUB_ACTION_REPOSITORY/releases/download/v$INPUT_VERSION"
folder="$RUNNER_TEMP/pavisade-$INPUT_VERSION"
mkdir -p "$folder"
cd "$folder"
curl --fail --silent --show-error --location --retry 3 --remote-name-all "$from/$name" "$from/SHA256SUMS"
grep -F "  $name" SHA256SUMS | sha256sum --check --strict -
tar -xzf "$name" pavisade
echo "$folder" >>"$GITHUB_PATH"
