# Sourced after contracts.sh: the tools that look for faults in the contracts, from PyPI and pinned by scripts/lib/audit.txt.
#   audit_install            installs them into .run/audit where they are missing or older than the list; needs Python 3.10 or later
#   audit_tree DIR           makes DIR a copy of the contracts that builds all of its code in one way: by way of the IR, as the escrow is
#   slither, halmos, halmos_in_integers, mutants    the tools; they find forge by themselves
#   campaign DIR PIECES      that many pieces of the invariant campaign, each with a seed of its own, one for each core at a time; DIR keeps
#                            the log of each that passed, and a run goes on where the last one ended. Prints the calls of each piece

AUDIT_HOME="$CONTRACTS_DIR/../.run/audit"

audit_install() {
  local list="$CONTRACTS_DIR/../scripts/lib/audit.txt" stamp="$AUDIT_HOME/installed"
  if ! cmp -s "$list" "$stamp"; then
    python3 -m venv "$AUDIT_HOME" && "$AUDIT_HOME/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$list" >&2 &&
      cp "$list" "$stamp"
  fi
}

audit_tree() {
  mkdir -p "$1/test"
  rm -rf "$1/src" "$1/test/halmos" "$1/test/utils"
  cp -r "$CONTRACTS_DIR/src" "$1/"
  cp -r "$CONTRACTS_DIR/test/halmos" "$CONTRACTS_DIR/test/utils" "$1/test/"
  ln -sfn "$CONTRACTS_DIR/node_modules" "$1/node_modules"
  sed -E '/^(additional_compiler_profiles|compilation_restrictions)/d; s/^optimizer = true/&\nvia_ir = true\nlint = { lint_on_build = false }/
    s|"../scripts/lib/solc"|"'"$CONTRACTS_DIR"'/../scripts/lib/solc"|' "$CONTRACTS_DIR/foundry.toml" >"$1/foundry.toml"
}

_audit() {
  local bin
  bin="$(foundry_bin forge)" || return 1
  PATH="$(dirname -- "$bin"):$AUDIT_HOME/bin:$PATH" "$@"
}
slither() { _audit "$AUDIT_HOME/bin/slither" "$@"; }
halmos() { _audit "$AUDIT_HOME/bin/halmos" --solver yices "$@"; }
halmos_in_integers() { halmos --solver-command "$AUDIT_HOME/bin/python $CONTRACTS_DIR/../scripts/lib/integers.py" "$@"; }
mutants() { _audit "$AUDIT_HOME/bin/python" "$CONTRACTS_DIR/../scripts/lib/mutants.py" "$CONTRACTS_DIR" "$@"; }

campaign() {
  local dir forge
  forge="$(foundry_bin forge)" || return 1
  # What was run on other contracts, or by other handlers, proves nothing about these.
  dir="$1/$(cd "$CONTRACTS_DIR" && find src test foundry.toml package-lock.json -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c 1-16)"
  mkdir -p "$dir" && dir="$(cd "$dir" && pwd)" || return 1
  # Built once, so that the pieces only read what the compiler wrote.
  forge build --quiet || return 1
  seq "$2" | xargs -P "$(nproc)" -n 1 "$CONTRACTS_DIR/../scripts/lib/campaign-piece" "$forge" "$CONTRACTS_DIR" "$dir"
}
