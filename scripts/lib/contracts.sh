# Sourced by other scripts: the contracts' toolchain, from npm and pinned by contracts/package-lock.json.
#   contracts_install     installs contracts/node_modules where it is missing or older than the lock
#   forge, anvil, cast    native binaries, not the launchers that npm offers too: those exit 0 whatever happens

CONTRACTS_DIR="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../../contracts" && pwd)"

contracts_install() {
  # npm writes this file last, so a broken install is installed again.
  local stamp="$CONTRACTS_DIR/node_modules/.package-lock.json"
  if [[ -e "$stamp" && ! "$CONTRACTS_DIR/package-lock.json" -nt "$stamp" ]]; then
    return 0
  fi
  npm ci --prefix "$CONTRACTS_DIR" --ignore-scripts --no-audit --no-fund --loglevel=error >&2
}

# Prints the path of a Foundry tool: `foundry_bin anvil`. npm has the pinned version for Linux on x86_64; elsewhere the one on PATH serves.
foundry_bin() {
  local bin="$CONTRACTS_DIR/node_modules/@foundry-rs/$1-linux-amd64/bin/$1"
  if [[ "$(uname -sm)" != "Linux x86_64" ]]; then
    bin="$(type -P "$1" || true)"
  fi
  if [[ ! -x "$bin" ]]; then
    echo "contracts: $1 is missing: run npm ci in contracts/, or, off Linux on x86_64, put Foundry 1.7.1 on PATH" >&2
    return 1
  fi
  echo "$bin"
}

_foundry() {
  local tool="$1" bin
  shift
  bin="$(foundry_bin "$tool")" || return 1
  "$bin" "$@"
}

# forge works on contracts/ whatever the working directory.
forge() { (cd -- "$CONTRACTS_DIR" && _foundry forge "$@"); }
anvil() { _foundry anvil "$@"; }
cast() { _foundry cast "$@"; }
