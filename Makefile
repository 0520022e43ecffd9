# One line per task; the tasks themselves are in xtask/. On a new machine `make test`
# and `make demo` first install what they need (xtask/setup.sh).
.NOTPARALLEL:
export PATH := $(PATH):$(HOME)/.cargo/bin
STEPS := setup format lint kubectl cluster unit truth live soak fresh licences tls
.PHONY: test demo $(STEPS)

# Files written by `cargo xtask codegen`.
GENERATED := deploy docs frameworks schema

heading = @printf '\n== %s\n' '$(1)'

# Remove the shared test clusters even if a step failed.
test:
	@MAKE="$(MAKE)" sh xtask/steps.sh $(STEPS); code=$$?; \
	if cargo --version >/dev/null 2>&1; then cargo xtask cluster down --tests || code=$$(( code ? code : 1 )); fi; \
	test $$code -ne 0 || printf '\n== everything passed\n'; \
	exit $$code

setup:
	$(call heading,setup)
	@sh xtask/setup.sh

format:
	$(call heading,format)
	cargo fmt --all -- --check

lint:
	$(call heading,clippy)
	cargo clippy --workspace --all-targets -- -D warnings
	cargo check --quiet --manifest-path fuzz/Cargo.toml --target-dir target/fuzz

# `go list -m` fails if Go is older than the module requires.
kubectl:
	$(call heading,kubectl and helm and kustomize and a registry for comparison tests)
	@if go version && (cd tests/tools/kubectl && go list -m); then cargo xtask tools kubectl helm kustomize registry; else echo 'skipped: comparison with kubectl, helm, kustomize and a registry, which needs Go 1.26 or newer (https://go.dev/dl)'; fi

# runc needs libseccomp, which xtask/setup.sh tries to install.
cluster:
	$(call heading,programs of the test clusters)
	@if go version && (cd tests/tools/control-plane && go list -m) && (cd tests/tools/node && go list -m); then \
		cargo xtask tools control-plane authorizer testbed && \
		if pkg-config --exists libseccomp; then cargo xtask tools node runc; else echo 'skipped: tests with nodes, which need libseccomp (Debian: libseccomp-dev and pkg-config)'; fi; \
	else echo 'skipped: tests with clusters, which need Go 1.26.6 or newer (https://go.dev/dl)'; fi

unit:
	$(call heading,tests)
	cargo test --workspace

truth:
	$(call heading,truth suites)
	cargo xtask truth all

live:
	$(call heading,comparison with a real API server)
	@# Clusters of the tests before use up the watches that the kernel gives to one user.
	cargo xtask cluster down --tests
	cargo xtask live all

soak:
	$(call heading,a tenth of the long loops)
	cargo xtask soak --part 10

fresh:
	$(call heading,generated files are fresh)
	cargo xtask codegen
	git diff --exit-code -- $(GENERATED)
	@new=$$(git ls-files --others --exclude-standard -- $(GENERATED)); test -z "$$new" || { echo "generated but not added to git:"; echo "$$new"; exit 1; }

# cargo-deny would fetch its advisories, so an offline task checks them.
licences:
	$(call heading,licences and advisories)
	cargo xtask advisories
	@if cargo deny --version >/dev/null 2>&1; then cargo deny check bans licenses sources; else echo 'skipped: licences, bans and sources of dependencies were not checked: cargo-deny is not installed (cargo install --locked cargo-deny)'; fi

tls:
	$(call heading,one TLS provider: neither ring nor openssl-sys)
	@tree=$$(cargo tree --workspace --edges normal,build --prefix none) && ! echo "$$tree" | grep -E '^(ring|openssl-sys) '

demo: setup
	$(call heading,build)
	cargo build --release --bin pavisade
	$(call heading,a shop with findings: exit code 1)
	@code=0; cargo run --quiet --release --bin pavisade -- scan examples/shop || code=$$?; echo "exit code $$code"; test $$code -eq 1
	$(call heading,the same shop mended: exit code 0)
	cargo run --quiet --release --bin pavisade -- scan examples/shop-mended
	$(call heading,the program)
	@bin="$${CARGO_TARGET_DIR:-$(CURDIR)/target}/release"; echo "It is $$bin/pavisade. To start it by its name:"; echo "  export PATH=\"$$bin:\$$PATH\""
