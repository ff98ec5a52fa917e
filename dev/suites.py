#!/usr/bin/python3
"""Runs the test suites named on the command line, or all of them; called by ./test.

A suite is a row of SUITES: a name, what it does, and a function that returns (passed, failed). Each build has
its own folder, so that the suites never rebuild each other's objects. The last line is the sum over all.

All of them run in two lanes side by side, since they wait most of the time: those on gcc's build, and those on clang's. What a suite
says comes out when it is over. Named suites run one after the other, as does everything with SOKOUL_TEST_LANES=1.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
FUZZ_SECONDS = int(os.environ.get("FUZZ_SECONDS", "10"))
# ASan's own crypt_r calls the real one: libcrypt must stay linked though nothing else seems to use it.
ASAN = ["-Db_sanitize=address,undefined", "-Db_lundef=false", "-Db_asneeded=false", "-Dwerror=true"]
TSAN = ["-Db_sanitize=thread", "-Db_lundef=false"]
FUZZ = ["-Db_sanitize=address,undefined", "-Db_lundef=false", "-Db_asneeded=false", "-Dfuzz=true", "-Dtests=false",
        "-Dc_args=-fsanitize=fuzzer-no-link"]
SANITIZERS = {
  "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:strict_string_checks=1",
  "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
  "TSAN_OPTIONS": f"suppressions={ROOT}/dev/tsan.supp:halt_on_error=1:second_deadlock_stack=1:die_after_fork=0",
  "LSAN_OPTIONS": f"suppressions={ROOT}/dev/lsan.supp:print_suppressions=0",
}
# The parts with threads of their own: the tests that run under TSan, by the beginning of their names.
THREADED = ("runtime.", "net.", "backends.", "workers.", "api.", "services.streaming", "services.settings")


class BuildFailed(Exception):
  pass


_here = threading.local()  # .out: where this lane writes what it says, until its suite is over


def say(text):
  print(text, file=getattr(_here, "out", None) or sys.stdout, flush=True)


def run(command, log=None, env=None, limit_s=1800):
  """Runs a command in the tree's root; True when it exits 0. Output goes to `log`, or where the suite's goes."""
  out = open(log, "wb") if log else getattr(_here, "out", None)
  try:
    done = subprocess.run(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT if out else None,
                          stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})}, timeout=limit_s)
    return done.returncode == 0
  except subprocess.TimeoutExpired:
    say(f"  took more than {limit_s} s: {' '.join(map(str, command))}")
    return False
  finally:
    if log:
      out.close()


def tail(path, lines=60):
  text = pathlib.Path(path).read_text(errors="replace").splitlines()
  return "\n".join(text[-lines:])


def build(folder, compiler, options):
  """Sets the folder up once and brings it up to date."""
  env = {"CC": compiler, "CXX": {"gcc": "g++", "clang": "clang++"}[compiler]}
  directory = ROOT / folder
  directory.mkdir(exist_ok=True)
  log = directory / "output.log"
  if not (directory / "build.ninja").exists():
    if not run(["meson", "setup", folder, *options], log, env):
      raise BuildFailed(tail(log, 30))
  if not run(["ninja", "-C", folder], log):
    raise BuildFailed(tail(log))


def unit_results(folder, only=None, env=None):
  """Runs the unit tests of a build; counts the single cmocka tests."""
  command = ["meson", "test", "-C", folder, "--no-rebuild", "--num-processes", "2", "--timeout-multiplier", "3"]
  if only is not None:
    listed = subprocess.run(["meson", "test", "-C", folder, "--list"], cwd=ROOT, capture_output=True, text=True)
    names = [line.split(" / ")[-1].strip() for line in listed.stdout.splitlines()]
    names = [name for name in names if name.startswith(only)]
    if not names:
      return 0, 0
    command += names
  results = ROOT / folder / "meson-logs" / "testlog.json"
  results.unlink(missing_ok=True)
  run(command, ROOT / folder / "output.log", {**SANITIZERS, **(env or {})})
  if not results.exists():
    say(tail(ROOT / folder / "output.log"))
    return 0, 1
  passed = failed = 0
  for line in results.read_text().splitlines():
    test = json.loads(line)
    output = test.get("stdout", "") + test.get("stderr", "")
    good = sum(int(n) for n in re.findall(r"\[  PASSED  \] (\d+) test", output))
    bad = sum(int(n) for n in re.findall(r"\[  FAILED  \].*? (\d+) test\(s\), listed", output))
    if test["result"] == "OK":
      good = good or 1
    else:
      bad = bad or 1
      say(f"  {test['name']}: {test['result']}\n" + "\n".join(output.splitlines()[-40:]))
    passed += good
    failed += bad
  return passed, failed


def unit():
  build("build-gcc", "gcc", ["-Dwerror=true"])
  return unit_results("build-gcc")


def asan():
  build("build-asan", "clang", ASAN)
  return unit_results("build-asan")


def tsan():
  build("build-tsan", "clang", TSAN)
  passed, failed = unit_results("build-tsan", THREADED)
  files = [f"tests/test_{name}.py" for name in ("start", "ws", "search", "journey")]
  more_passed, more_failed = pytest(files, "build-tsan", {"SOKOUL_TEST_SLOW": "4"}, "tsan")
  return passed + more_passed, failed + more_failed


def programs(paths):
  """Runs each program of dev/; one test each."""
  passed = failed = 0
  for path in paths:
    if run([path]):
      passed += 1
    else:
      failed += 1
      say(f"  {path.name}: failed")
  return passed, failed


def checks():
  build("build-gcc", "gcc", ["-Dwerror=true"])
  return programs(sorted(path for path in (ROOT / "dev").glob("check_*") if os.access(path, os.X_OK)))


def tidy():
  build("build-asan", "clang", ASAN)
  return programs([ROOT / "dev" / "tidy_cppcheck", ROOT / "dev" / "tidy_clang"])


def fuzz():
  build("build-fuzz", "clang", FUZZ)
  passed = failed = 0
  targets = sorted(path for path in (ROOT / "build-fuzz").glob("*_fuzz") if path.is_file())
  for program in targets:
    kept = ROOT / "tests" / "corpus" / program.name.removesuffix("_fuzz")
    with tempfile.TemporaryDirectory(prefix="sokoul-fuzz-") as found:
      log = ROOT / "build-fuzz" / f"{program.name}.log"
      good = run([program, f"-max_total_time={FUZZ_SECONDS}", "-timeout=10", "-rss_limit_mb=2048", "-verbosity=0",
                  f"-artifact_prefix={ROOT}/build-fuzz/", found] + ([kept] if kept.is_dir() else []), log,
                 SANITIZERS, FUZZ_SECONDS + 120)
    if good:
      passed += 1
    else:
      failed += 1
      say(f"  {program.name}:\n{tail(log)}")
  return passed, failed


# The longest ones begin first, so that none of them is alone at the end.
LONGEST = ("torrents", "cluster_play", "cluster_faults", "backup", "providers_faults", "kill", "cluster", "network", "slow_clients", "admin_machine", "admin_people", "library", "mail")
FILES_AT_ONCE = 3  # they wait most of the time: for timers, for programs that start, for each other


def count_of(report):
  """(passed, failed) of a JUnit report."""
  passed = failed = 0
  for suite in ElementTree.parse(report).getroot().iter("testsuite"):
    count = {key: int(suite.get(key, "0")) for key in ("tests", "failures", "errors", "skipped")}
    bad = count["failures"] + count["errors"]
    failed += bad
    passed += count["tests"] - bad - count["skipped"]
  return passed, failed


def pytest_file(path, binary, env, label):
  """(passed, failed, what it said)"""
  name = f"pytest-{label}-{pathlib.Path(path).stem}"
  report, log = ROOT / binary / f"{name}.xml", ROOT / binary / f"{name}.log"
  report.unlink(missing_ok=True)
  ended = run([sys.executable, "-m", "pytest", "-q", "-ra", "-p", "no:cacheprovider", f"--junitxml={report}", path], log, env, 3000)
  said = log.read_text(errors="replace")
  if not report.exists():
    return 0, 1, said
  passed, failed = count_of(report)
  return passed, failed + (not ended and not failed and "no tests ran" not in said), said


def pytest(files, binary, extra_env=None, label="blackbox"):
  env = {**SANITIZERS, "SOKOUL_BIN": str(ROOT / binary / "sokoul"), **(extra_env or {})}
  rank = {f"tests/test_{name}.py": place for place, name in enumerate(LONGEST)}
  files = sorted(files, key=lambda path: rank.get(path, len(rank)))
  with concurrent.futures.ThreadPoolExecutor(FILES_AT_ONCE) as pool:
    rows = list(pool.map(lambda path: pytest_file(path, binary, env, label), files))
  for path, (passed, failed, said) in zip(files, rows):
    say(said if failed else f"  {path}: {passed} passed")
  return sum(row[0] for row in rows), sum(row[1] for row in rows)


# What brings servers and processes of its own, many of them.
FLEETS = [f"tests/test_{name}.py" for name in (
  "cluster", "cluster_commands", "cluster_events", "cluster_faults", "cluster_metrics", "cluster_play", "nginx", "nginx_assets", "logs", "network",
  "observability", "pool", "redis", "replicas", "topology")]


def black_box_files():
  return sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests").glob("test_*.py"))


def both_files():
  return [path for path in black_box_files() if path not in FLEETS]


def blackbox():
  build("build-gcc", "gcc", ["-Dwerror=true"])
  return pytest(both_files(), "build-gcc")


def blackbox_asan():
  build("build-asan", "clang", ASAN)
  return pytest([*both_files(), FLEETS[0]], "build-asan", {"SOKOUL_TEST_SLOW": "3"}, "asan")


def cluster():
  """The drivers against real servers; then the whole black-box suite on them, and many processes as one."""
  sys.path.insert(0, str(ROOT / "tests"))
  from harness import servers  # pylint: disable=import-outside-toplevel
  build("build-gcc", "gcc", ["-Dwerror=true"])
  postgres, redis, nats = servers.Postgres(), servers.Redis(), servers.Nats()
  try:
    passed, failed = unit_results("build-gcc", ("data.", "backends."), {
      "SOKOUL_TEST_POSTGRES": postgres.url, "SOKOUL_TEST_REDIS": redis.url, "SOKOUL_TEST_NATS": nats.url})
  finally:
    for server in (nats, redis, postgres):
      server.kill()
  rows = [(passed, failed), pytest(FLEETS, "build-gcc", None, "processes")]
  # Fewer kills: each has a new NATS, and what dies in a cluster is FLEETS[1]'s topic.
  rows.append(pytest(both_files(), "build-gcc", {"SOKOUL_TEST_SET": "cluster", "SOKOUL_KILLS": "15"}, "cluster"))
  return sum(row[0] for row in rows), sum(row[1] for row in rows)


def demo():
  build("build-gcc", "gcc", ["-Dwerror=true"])
  command = [sys.executable, ROOT / "dev" / "demo.py", "--once"]
  if os.geteuid() == 0:  # in a network of its own, which has nothing but loopback
    command = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *command]
  return (1, 0) if run(command, None, {"SOKOUL_BIN": f"{ROOT}/build-gcc/sokoul"}, 120) else (0, 1)


def fresh():
  if os.geteuid() != 0:
    say("  left out: only root can make a Debian of its own")
    return 0, 0
  return (1, 0) if run([ROOT / "dev" / "fresh"], None, None, 2400) else (0, 1)


SUITES = [
  ("checks", "format, layers, headers, banned functions and words, documents against code", checks),
  ("unit", "unit tests, gcc, warnings as errors", unit),
  ("blackbox", "the real program with real peers", blackbox),
  ("cluster", "drivers, the black-box tests and many processes on PostgreSQL, Redis and NATS", cluster),
  ("asan", "unit tests under ASan and UBSan, clang, warnings as errors", asan),
  ("blackbox-asan", "the black-box tests against the sanitized program", blackbox_asan),
  ("tsan", "the parts with threads under TSan: unit tests, a search, a whole journey", tsan),
  ("fuzz", f"each fuzz target for {FUZZ_SECONDS} s, from the kept corpus", fuzz),
  ("tidy", "cppcheck and clang-tidy", tidy),
  ("demo", "the whole journey offline, in under two minutes", demo),
  ("fresh", "the README's commands inside a new Debian 12, the package and the container image (root only)", fresh),
]


ON_CLANG = ("asan", "blackbox-asan", "tsan", "fuzz", "tidy")  # the second lane


def suite_of(name):
  for row in SUITES:
    if row[0] == name:
      return row
  path = ROOT / "tests" / f"test_{name}.py"
  if path.exists():
    def one():
      build("build-gcc", "gcc", ["-Dwerror=true"])
      return pytest([str(path)], "build-gcc", None, name)
    return name, f"tests/test_{name}.py", one
  sys.exit(f"error: no suite {name}; ./test --list shows them")


def run_suite(row):
  """(name, passed, failed, seconds)"""
  name, what, suite = row
  say(f"== {name}: {what}")
  began = time.monotonic()
  try:
    passed, failed = suite()
  except BuildFailed as problem:
    say(f"{problem}\n  the build for {name} failed")
    passed, failed = 0, 1
  seconds = time.monotonic() - began
  say(f"== {name}: {passed} passed, {failed} failed, {seconds:.0f} s")
  return name, passed, failed, seconds


def run_lane(suites):
  rows = []
  for row in suites:
    with tempfile.TemporaryFile("w+", errors="replace") as out:
      _here.out = out
      rows.append(run_suite(row))
      _here.out = None
      out.seek(0)
      print(out.read(), end="", flush=True)
  return rows


def main():
  names = sys.argv[1:]
  if "--list" in names:
    for name, what, _ in SUITES:
      print(f"{name:14} {what}")
    for path in black_box_files():
      print(f"{pathlib.Path(path).stem.removeprefix('test_'):14} {path} alone")
    return 0
  if names or os.environ.get("SOKOUL_TEST_LANES") == "1":
    rows = [run_suite(suite) for suite in [suite_of(name) for name in names] or SUITES]
  else:
    os.environ.setdefault("SOKOUL_TEST_SLOW", "2")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
      lanes = pool.map(run_lane, ([row for row in SUITES if (row[0] in ON_CLANG) == on_clang] for on_clang in (False, True)))
      rows = [row for lane in lanes for row in lane]
  say("")
  for name, passed, failed, seconds in rows:
    say(f"{name:14} {passed:5} passed {failed:4} failed {seconds:6.0f} s")
  passed, failed = sum(row[1] for row in rows), sum(row[2] for row in rows)
  say(f"{passed} passed, {failed} failed")
  return 1 if failed or not passed else 0


if __name__ == "__main__":
  sys.exit(main())
