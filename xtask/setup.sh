#!/bin/sh
# Installs what building and testing need: a C compiler, git and the Rust version of
# rust-toolchain.toml. As root it uses apt; otherwise it says what to install. It changes nothing
# if everything is installed. Tools that only test clusters with nodes and tests of a real registry
# need are optional: without them, these tests are skipped.
set -eu
cd "$(dirname "$0")/.."

have() { command -v "$1" >/dev/null 2>&1; }

# need PROGRAM PACKAGE: a required program, and the Debian package that contains it.
need() {
    have "$1" && return 0
    if have apt-get && [ "$(id -u)" = 0 ]; then
        echo "$1 is missing: installing $2"
        DEBIAN_FRONTEND=noninteractive
        export DEBIAN_FRONTEND
        # The package lists may be missing or outdated.
        apt-get update -qq && apt-get install -y -qq "$2" && have "$1" && return 0
    fi
    echo "setup: $1 is missing; install it (Debian and Ubuntu: apt-get install $2)" >&2
    return 1
}

# want PROGRAM PACKAGE [TESTS]: the same for an optional program.
want() {
    need "$1" "$2" 2>/dev/null ||
        echo "note: no $1 (Debian and Ubuntu: $2); tests of ${3:-clusters with nodes} will be skipped"
}

need cc build-essential
need git git
# The package would start a server on port 5000; tests start their own on loopback.
if ! have docker-registry && [ "$(id -u)" = 0 ] && [ -d /etc/systemd/system ]; then
    ln -s /dev/null /etc/systemd/system/docker-registry.service 2>/dev/null || :
fi
want docker-registry docker-registry "a real registry"
# The eBPF programs of the node agent are compiled by clang.
[ "$(uname -s)" != Linux ] || want clang clang "the node agent"
# The node agent is tried on other kernels, in an emulator.
if [ "$(uname -s)" = Linux ] && [ "$(uname -m)" = x86_64 ]; then
    want qemu-system-x86_64 qemu-system-x86 "the node agent on other kernels"
    want busybox busybox-static "the node agent on other kernels"
    want cpio cpio "the node agent on other kernels"
    want xz xz-utils "the node agent on other kernels"
fi
# Test clusters with nodes need Linux and root.
if [ "$(uname -s)" = Linux ] && [ "$(id -u)" = 0 ] && have go; then
    want ip iproute2
    want nft nftables
    want nsenter util-linux
    want pkg-config pkg-config
    want debootstrap debootstrap "ordinary work in pods"
    pkg-config --exists libseccomp 2>/dev/null ||
        { have apt-get && apt-get update -qq && apt-get install -y -qq libseccomp-dev; } >/dev/null 2>&1 ||
        echo "note: no libseccomp (Debian and Ubuntu: libseccomp-dev); tests of clusters with nodes will be skipped"
fi

if have rustup; then
    # If the toolchain is missing, rustup installs the one in rust-toolchain.toml.
    cargo --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 &&
        cargo fmt --version >/dev/null 2>&1 || rustup toolchain install
elif ! have cargo; then
    need rustup rustup || {
        echo "setup: or from https://rustup.rs, then open a new shell" >&2
        exit 1
    }
    rustup toolchain install
fi
want=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
is=$(rustc --version | cut -d' ' -f2)
[ "$is" = "$want" ] || echo "note: rust-toolchain.toml wants Rust $want, this is $is (rustup would fetch it)"
for part in clippy fmt; do
    cargo "$part" --version >/dev/null 2>&1 || {
        echo "setup: cargo $part is missing; install Rust $want by rustup (https://rustup.rs)" >&2
        exit 1
    }
done
echo "Rust $is, $(cc --version | head -n 1)"
# The official schemas are in crates; tests that need a missing one say so.
for format in sarif cyclonedx; do
    cargo fetch --quiet --locked --manifest-path "crates/report/tests/$format-schema/Cargo.toml" ||
        echo "note: the crate with the schema of $format could not be fetched; its test will be skipped"
done
