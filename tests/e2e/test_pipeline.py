#!/usr/bin/env python3
"""The action for GitHub and the file for GitLab: what they run, in a folder and with the variables that a runner would set.

usage: test_pipeline.py SOURCE_ROOT PROGRAM"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

ROOT, PROGRAM = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
ACTION, GITLAB = ROOT / ".github/actions/gate/action.yml", ROOT / ".gitlab/gate.yml"
STORE, FAULTS = ".shmeter-store", "[faults]\ncase = lock_uncontended/mutex\ncount = minor-faults\nslack = 99\nper_op = "
# The program, whose runs are as short as can be, and leave out that other tests of this machine ran beside them.
SHORT = f"""#!/bin/sh
[ "$1" = run ] || exec '{PROGRAM}' "$@"
'{PROGRAM}' "$@" --repeat-blocks 1 --slices 3 --slice 100us --no-plots -q || exit
jq '.noise.others_percent = 0' out/run/manifest.json >calm.json && mv calm.json out/run/manifest.json
"""
failed = False


def check(good, words):
    global failed
    if not good:
        failed = True
        print("FAIL:", words)


def block(text, key):
    """The lines below `key:`, without their indent."""
    found = re.search(rf"^( *)(?:- )?{key}:.*\n((?:\1 +.*\n|\n)+)", text, re.M)
    lines = found[2].splitlines()
    indent = len(lines[0]) - len(lines[0].lstrip())
    return [line[indent:] for line in lines if line.strip()]


def pairs(lines):
    """`key: value` of lines without an indent; comments and quotes taken off."""
    found = (re.match(r"([\w-]+): *(.*?)(?: #.*)?$", line) for line in lines)
    return {one[1]: one[2].strip("'") for one in found if one}


def github():
    """The script of the action's own step and its variables, with the defaults of the inputs."""
    text = ACTION.read_text()
    inputs = {name: pairs(block(text, name)).get("default") for name in pairs(block(text, "inputs"))}
    step = text[text.index("- shell: bash"):]
    variables = {key: inputs[re.fullmatch(r"\$\{\{ inputs\.([\w-]+) \}\}", value)[1]]
                 for key, value in pairs(block(step, "env")).items()}
    return "\n".join(block(step, "run")), variables


def gitlab():
    text = GITLAB.read_text()
    script = [re.fullmatch(r"- '(.*)'", line)[1] for line in block(text, "script")]
    return "\n".join(script), pairs(block(text, "variables"))


def like_a_parser():
    """Where Python has a parser, it reads the same from the files."""
    try:
        import yaml
    except ImportError:
        return
    step = yaml.safe_load(ACTION.read_text())["runs"]["steps"][1]
    check(step["run"].strip() == github()[0] and step["env"].keys() == github()[1].keys(), "action.yml is misread here")
    job = yaml.safe_load(GITLAB.read_text())[".shmeter-gate"]
    check(("\n".join(job["script"]), job["variables"]) == gitlab(), "gate.yml is misread here")


def caches():
    """Each job has a store of its own, under a key that no other's begins with, and what a variable names is kept."""
    text = ACTION.read_text()
    keys, (restored,) = (re.findall(rf" {key}: (.*)", text) for key in ("key", "restore-keys"))
    own = "${{ github.job }}.${{ strategy.job-index }}.${{ inputs.out }}."
    check(len(keys) == 2 and keys[0] == keys[1], f"what is restored is not what is saved: {keys}")
    check(restored.endswith(own) and keys[0].startswith(restored) and "github.run_id" in keys[0][len(restored):],
          f"{restored} is not the part of {keys[0]} that names the job")
    cache, artifacts = (block(GITLAB.read_text(), key) for key in ("cache", "artifacts"))
    check("$CI_JOB_NAME_SLUG" in pairs(cache)["key"], f"jobs share a cache: {cache}")
    check(pairs(cache)["paths"] == "[$SHMETER_STORE]" and pairs(artifacts)["paths"] == "[$SHMETER_OUT]" and
          "  junit: $SHMETER_OUT/check.xml" in artifacts, f"paths that do not follow the variables: {cache}, {artifacts}")
    check(gitlab()[1][pairs(cache)["policy"][1:]] == "pull-push", f"the policy: {cache}")


def call(shell, script, variables):
    keep = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR") if key in os.environ}
    state = {"SHMETER_STATE_DIR": os.path.abspath("state")}
    done = subprocess.run([*shell, "-c", script], env=keep | state | variables, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, " ".join(done.stdout.split())


def on_github(**more):
    script, variables = github()
    runner = {"GITHUB_ACTIONS": "true", "GITHUB_ACTION_PATH": str(ACTION.parent), "GITHUB_STEP_SUMMARY": "summary.md"}
    return call(["bash", "--noprofile", "--norc", "-eo", "pipefail"], script, variables | runner | more)


def on_gitlab(**more):
    script, variables = gitlab()
    return call(["sh", "-e"], script, variables | {"CI": "true"} | more)


def program(path, text):
    pathlib.Path(path).write_text(text)
    os.chmod(path, 0o755)


def stored():
    return len(list(pathlib.Path(STORE).glob("*/*/manifest.json")))


def gates_of_a_repository():
    """A first pipeline begins the store, a second one finds it, and one with a gate that cannot pass fails."""
    program("short", SHORT)
    pathlib.Path("gates.ini").write_text(FAULTS + "0\n")
    pathlib.Path("bad.ini").write_text(FAULTS + "1\n")
    for number in (1, 2):
        for _ in range(4): # a host that took time away meanwhile keeps the run out of the store
            shutil.rmtree("out", ignore_errors=True) # as a job finds its folder
            code, out = on_github(SHMETER="short", THRESHOLDS="gates.ini")
            if "Not added" not in out:
                break
        check(code == 0 and "PASS: 1 of 1 gates pass" in out, f"pipeline {number}: exit {code}: {out}")
        check(stored() == number, f"pipeline {number}: {stored()} runs in the store: {out}")
        suite = xml.etree.ElementTree.parse("out/check.xml").find("testsuite")
        check(suite.get("tests") == "1" and suite.get("failures") == "0", "the JUnit file of a run that passes")
    check("Found 1 run of this type" in out, f"the second pipeline did not find the first: {out}")
    check("PASS" in pathlib.Path("summary.md").read_text(), "no summary for GitHub")
    shutil.rmtree("out")
    code, out = on_gitlab(SHMETER="short", SHMETER_SOURCE=str(ROOT), SHMETER_THRESHOLDS="bad.ini")
    check(code == 1 and "FAIL: 0 of 1 gates pass" in out, f"a gate that cannot pass: exit {code}: {out}")
    suite = xml.etree.ElementTree.parse("out/check.xml").find("testsuite")
    check(suite.get("failures") == "1" and suite.find("testcase/failure") is not None, "the JUnit file of a run that fails")
    check(stored() == 2, "a run that fails became a baseline")


def source_from_elsewhere():
    """GitLab's job fetches the source once."""
    pathlib.Path("source/scripts").mkdir(parents=True)
    program("source/scripts/gate", '#!/bin/sh\necho "gate $# $*"\n')
    git = ["git", "-C", "source", "-c", "user.name=x", "-c", "user.email=x@x.invalid", "-c", "init.defaultBranch=v1"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run([*git, *words], check=True)
    for _ in range(2):
        got = on_gitlab(SHMETER_URL=pathlib.Path("source").resolve().as_uri(), SHMETER_REF="v1", SHMETER_THRESHOLDS="a b")
        check(got == (0, "gate 1 a b"), f"a source from elsewhere: {got}")
        shutil.rmtree("source", ignore_errors=True)


def codes():
    """The exit code is that of the check, or of the run where it is higher; without a run there is no check."""
    program("fake", '#!/bin/sh\necho "called $1"\neval exit \\$$1\n')
    for run, judged, wanted in ((0, 0, 0), (0, 3, 3), (0, 1, 1), (6, 1, 6), (6, 0, 6), (5, 0, 5), (143, 0, 143)):
        shutil.rmtree("out", ignore_errors=True)
        code, out = call(["bash"], f"{ROOT}/scripts/gate", {"SHMETER": "fake", "run": str(run), "check": str(judged)})
        check(code == wanted, f"run {run}, check {judged}: exit {code}, not {wanted}: {out}")
        check(("called check" in out) == (run in (0, 6)), f"run {run}: {out}")


def mistakes():
    """What cannot be used is told before anything is measured."""
    for variables in ({"SHMETER": os.getcwd()}, {"SHMETER": "fake", "SHMETER_STORE": "fake"},
                      {"SHMETER": "fake", "SHMETER_STORE": "fake/store"}):
        shutil.rmtree("out", ignore_errors=True)
        code, out = call(["bash"], f"{ROOT}/scripts/gate", variables)
        check(code == 4 and "called" not in out, f"{variables}: exit {code}: {out}")


def built():
    """Without SHMETER the source's own program is built, and its own gates are judged."""
    scripts = pathlib.Path("copy/scripts")
    scripts.mkdir(parents=True)
    for name in ("gate", "lib.sh"):
        shutil.copy(ROOT / "scripts" / name, scripts)
    program(scripts / "bootstrap", "#!/bin/sh\necho bootstrap\n")
    program(scripts / "build", "#!/bin/sh\necho build\nln -s ../../fake copy/build/shmeter\n")
    pathlib.Path("copy/results").mkdir()
    pathlib.Path("copy/build").mkdir()
    pathlib.Path("copy/results/thresholds.ini").touch()
    program("fake", '#!/bin/sh\necho "$@"\n')
    shutil.rmtree("out", ignore_errors=True)
    ini = pathlib.Path("copy/results/thresholds.ini").resolve()
    got = on_gitlab(SHMETER_SOURCE="copy")
    check(got == (0, f"bootstrap build run --thresholds {ini} --out out/run check out/run --thresholds {ini} --confirm "
                     f"--junit out/check.xml --baseline-store {STORE}"), f"a program that is built: {got}")
    shutil.rmtree("out")


with tempfile.TemporaryDirectory() as scratch:
    os.chdir(scratch)
    like_a_parser()
    caches()
    source_from_elsewhere()
    codes()
    mistakes()
    built()
    gates_of_a_repository()
    os.chdir("/")
if not failed:
    print("the action and the job do what a pipeline needs")
sys.exit(failed)
