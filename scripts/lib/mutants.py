#!/usr/bin/env python3
"""Breaks the contracts in small ways, by the mutators of slither-mutate, and counts how many of these mutants the tests catch.

Usage: mutants.py CONTRACTS WORK --count N

CONTRACTS is the folder of the contracts; nothing in it changes. WORK holds a scratch copy and results.jsonl, one line for each mutant that
was judged: killed, survived, or invalid where it doesn't compile. Mutants come in the order of their hashes, so that any number of them is a
fair sample of all, and a run goes on where the last one ended. A survivor is judged anew once the tests have changed.

Ends with status 1 where fewer than 95 % of the mutants are caught, or one that survives isn't explained in CONTRACTS/test/mutants.md, by a
row that begins with its file and its line before and after.
"""

import argparse, difflib, hashlib, itertools, json, os, pathlib, shutil, subprocess, sys, time

FLOOR = 0.95
# A mutant may loop for ever.
TIMEOUT_S = 180
FAST = ["--no-match-path", "test/{gas,halmos,invariant}/*", "--no-match-test", "CheckedInCode"]
SLOW = ["--match-path", "test/invariant/*"]
# With few optimizations the campaign's longest test takes more gas than forge gives by itself.
SETTINGS = {"FOUNDRY_FUZZ_RUNS": "32", "FOUNDRY_INVARIANT_RUNS": "4", "FOUNDRY_GAS_LIMIT": str(2**63 - 1)}


def digest(*parts):
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def digest_of(folder):
    files = sorted(path for path in folder.rglob("*.sol"))
    return digest(*(part for path in files for part in (str(path.relative_to(folder)).encode(), path.read_bytes())))


def make_tree(contracts, tree):
    """The scratch copy. It is compiled with the fewest optimizations that fit the stack, which takes a third of the time."""
    for name in ("src", "test", "abi"):
        shutil.rmtree(tree / name, ignore_errors=True)
        shutil.copytree(contracts / name, tree / name)
    vectors = "../miner/vectors"
    shutil.copytree(contracts / vectors, tree / vectors, dirs_exist_ok=True)
    if not (tree / "node_modules").exists():
        (tree / "node_modules").symlink_to(contracts / "node_modules")
    config = (contracts / "foundry.toml").read_text()
    config = config.replace('"../scripts/lib/solc"', json.dumps(str(contracts.parent / "scripts/lib/solc")))
    few = 'optimizer_details = { yul = true, yulDetails = { optimizerSteps = "u:" } }\n'
    config = config.replace("optimizer = true\n", "optimizer = true\n" + few, 1)
    (tree / "foundry.toml").write_text(config)


def forge(tree, *arguments):
    """Whether forge succeeds, and its output."""
    for stale in ("fuzz", "invariant"):
        shutil.rmtree(tree / "cache" / stale, ignore_errors=True)
    command = ["forge", *arguments, "--color", "never"]
    process = subprocess.Popen(
        command, cwd=tree, env=os.environ | SETTINGS, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    try:
        output, _ = process.communicate(timeout=TIMEOUT_S)
        return process.returncode == 0, output
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.wait()
        return False, "timeout"


def without_comments(source, text):
    """The text without the source's own lines of comment, so that a comment changed later leaves the mutant the same."""
    comments = {line for line in source.splitlines() if line.lstrip().startswith(b"//")}
    return b"\n".join(line for line in text.splitlines() if line not in comments)


def mutants_of(tree):
    """Every mutant once, in the order of hashes."""
    from slither import Slither
    from slither.tools.mutator.mutators import all_mutators
    from slither.tools.mutator.mutators.abstract_mutator import AbstractMutator

    mutators = [m for m in vars(all_mutators).values() if isinstance(m, type) and issubclass(m, AbstractMutator)]
    found, stumbles = {}, {}
    for unit in Slither(str(tree), ignore_compile=True).compilation_units:
        for contract in unit.contracts:
            path = pathlib.Path(contract.source_mapping.filename.absolute)
            name = path.relative_to(tree).as_posix() if path.is_relative_to(tree) else ""
            if not name.startswith("src/") or "interfaces" in name or path.stem == "TestToken":
                continue
            source = path.read_bytes()
            for kind, function in itertools.product(mutators, contract.functions_and_modifiers_declared):
                # One function at a time: a mutator that stumbles over one would otherwise leave out the others.
                mutator = kind(unit, 0, "", "", contract, None, False, pathlib.Path(), [])
                mutator.should_mutate_function = function.__eq__
                try:
                    patches = mutator._mutate().get("patches", {}).get(str(path), [])
                except Exception as error:
                    stumbles[kind.NAME] = repr(error)
                    continue
                for patch in patches:
                    text = source[: patch["start"]] + patch["new_string"].encode() + source[patch["end"] :]
                    if text != source:
                        id_ = digest(name.encode(), without_comments(source, text))
                        found.setdefault(id_, (name, kind.NAME, source, text))
    for name, error in stumbles.items():
        print(f"{name} makes no mutants of some functions: {error}", file=sys.stderr)
    return sorted(found.items())


def judge(tree):
    """What becomes of the mutant that lies in the tree, and the test that caught it."""
    for tests in (FAST, SLOW):
        passed, output = forge(tree, "test", "--fail-fast", *tests)
        if not passed and "Compiler run failed" in output:
            return "invalid", ""
        if not passed:
            return "killed", next((line.strip()[:200] for line in output.splitlines() if "[FAIL" in line), output[-200:])
    return "survived", ""


def change(source, text):
    """The lines that differ, before and after, each in one row."""
    lines = list(difflib.ndiff(source.decode().splitlines(), text.decode().splitlines()))
    return tuple(" ".join(" ".join(x[2:] for x in lines if x.startswith(mark)).split()) for mark in ("- ", "+ "))


def row(name, before, after):
    """How a row of mutants.md begins that explains this mutant."""
    return "| {} | `{}` | `{}` |".format(*(part.replace("|", "\\|") for part in (name, before, after)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("contracts", type=pathlib.Path)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--count", type=int, required=True, help="how many mutants that compile to judge in all")
    options = parser.parse_args()
    contracts, tree = options.contracts.resolve(), options.work.resolve() / "tree"
    tree.mkdir(parents=True, exist_ok=True)
    make_tree(contracts, tree)
    tests = digest_of(tree / "test")

    built, output = forge(tree, "build", "--build-info", "--force")
    if not built or judge(tree)[0] != "survived":
        sys.exit(f"mutants: the contracts don't build, or don't pass their tests, without any mutant\n{output[-2000:]}")
    mutants = mutants_of(tree)
    results = options.work / "results.jsonl"
    known = {r["id"]: r for r in map(json.loads, results.read_text().splitlines())} if results.exists() else {}
    explained = contracts / "test/mutants.md"
    explained = explained.read_text() if explained.exists() else ""

    killed, survived = 0, []
    for id_, (name, mutator, source, text) in mutants:
        if killed + len(survived) >= options.count:
            break
        result = known.get(id_)
        if result is None or (result["result"] == "survived" and result["tests"] != tests):
            (tree / name).write_bytes(text)
            started = time.monotonic()
            outcome, by = judge(tree)
            (tree / name).write_bytes(source)
            before, after = change(source, text)
            result = dict(id=id_, tests=tests, file=name, mutator=mutator, before=before, after=after, result=outcome, by=by)
            result["seconds"] = round(time.monotonic() - started, 1)
            with results.open("a") as file:
                file.write(json.dumps(result) + "\n")
        killed += result["result"] == "killed"
        if result["result"] == "survived":
            survived.append(result)
        print(f"\r{killed} killed, {len(survived)} survived", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)

    judged = killed + len(survived)
    open_ = [row(r["file"], r["before"], r["after"]) for r in survived]
    open_ = [line for line in open_ if line not in explained]
    for line in open_:
        print(f"survives, and test/mutants.md doesn't say why: {line}")
    share = killed / judged if judged else 0
    print(f"mutants: {judged} of {len(mutants)} judged, {killed} killed ({share:.1%}), {len(survived) - len(open_)} explained, {len(open_)} open")
    sys.exit(1 if open_ or share < FLOOR or judged < min(options.count, len(mutants)) * 0.5 else 0)


if __name__ == "__main__":
    main()
