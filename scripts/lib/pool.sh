# A real mining pool (foundation-stratum) for the end-to-end tests. To be sourced, under `set -euo pipefail`.

POOL_HOME="$(cd "$(dirname "${BASH_SOURCE[0]}")/../../tests/pool" && pwd)"

# pool_install: installs the locked version, unless it is there.
pool_install() {
  local installed="$POOL_HOME/node_modules/.package-lock.json"
  if [[ "$installed" -nt "$POOL_HOME/package-lock.json" ]]; then
    return
  fi
  (cd "$POOL_HOME" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2)
}
