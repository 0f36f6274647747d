# A real Bitcoin full node (bcoin) on a regtest chain of fixed difficulty. To be sourced, under `set -euo pipefail`.

BITCOIN_HOME="$(cd "$(dirname "${BASH_SOURCE[0]}")/../../tests/bitcoin" && pwd)"

# bitcoin_install: installs the locked version, unless it is there.
bitcoin_install() {
  local installed="$BITCOIN_HOME/node_modules/.package-lock.json"
  if [[ "$installed" -nt "$BITCOIN_HOME/package-lock.json" ]]; then
    return
  fi
  (cd "$BITCOIN_HOME" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2)
}

# bitcoin_start DIR PORT BITS: starts a node with its files in DIR, RPC on 127.0.0.1:PORT, and BITS (8 hex digits) for
# every block; returns once it answers. DIR then holds api-key (the RPC password, for any user), pid and log.
bitcoin_start() {
  local dir=$1 port=$2 bits=$3
  mkdir -p "$dir"
  (umask 077 && node -p 'crypto.randomBytes(16).toString("hex")' >"$dir/api-key")
  # The key goes by the environment: arguments are for everyone on the machine to read.
  BCOIN_API_KEY="$(cat "$dir/api-key")" HASHLEASE_BITS="$bits" NODE_BACKEND=js \
    node -r "$BITCOIN_HOME/hard-regtest.js" "$BITCOIN_HOME/node_modules/bcoin/bin/node" \
    --network=regtest --prefix="$dir" --memory=true --workers=false --listen=false --no-wallet=true \
    --http-host=127.0.0.1 --http-port="$port" --log-level=info >"$dir/log" 2>&1 &
  echo $! >"$dir/pid"
  local try
  for try in {1..150}; do
    if bitcoin_rpc "$dir" "$port" getblockchaininfo >/dev/null 2>&1; then
      return
    fi
    if ! kill -0 "$(cat "$dir/pid")" 2>/dev/null; then
      break
    fi
    sleep 0.2
  done
  echo "the Bitcoin node doesn't start; the end of its log ($dir/log):" >&2
  tail -n 20 "$dir/log" >&2
  return 1
}

# bitcoin_rpc DIR PORT METHOD [PARAMETERS]: calls the node that bitcoin_start started and prints the result as JSON.
# PARAMETERS is a JSON array.
bitcoin_rpc() {
  local dir=$1 port=$2 method=$3 parameters=${4:-[]}
  API_KEY_FILE="$dir/api-key" node - "$port" "$method" "$parameters" <<'JS'
const [port, method, parameters] = process.argv.slice(2);
const key = require('fs').readFileSync(process.env.API_KEY_FILE, 'utf8').trim();
fetch(`http://127.0.0.1:${port}/`, {
  method: 'POST',
  headers: { authorization: `Basic ${btoa(`x:${key}`)}` },
  body: JSON.stringify({ id: 1, method, params: JSON.parse(parameters) }),
}).then(async (response) => {
  const { result, error } = await response.json();
  if (error) throw new Error(error.message);
  console.log(JSON.stringify(result));
}).catch((error) => {
  console.error(`${method}: ${error.message}`);
  process.exit(1);
});
JS
}

# bitcoin_stop DIR: stops the node that bitcoin_start started, and waits until it is gone.
bitcoin_stop() {
  local pid
  pid="$(cat "$1/pid" 2>/dev/null)" || return 0
  kill "$pid" 2>/dev/null || true
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.1
  done
  rm -f "$1/pid"
}
