# Sourced by other scripts.
#   cargo_target    prints the folder that cargo builds into

cargo_target() {
  cargo metadata --format-version 1 --no-deps | node -p 'JSON.parse(require("node:fs").readFileSync(0, "utf8")).target_directory'
}
