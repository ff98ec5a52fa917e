"""Fixtures of the black-box tests. Everything a test starts through them is killed at its end."""

import os
import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from harness import replies  # noqa: E402
from harness import servers  # noqa: E402
from harness.films import make_film  # noqa: E402
from harness.sokoul import BINARY, SET, Sokoul  # noqa: E402
from harness.torrents import Torrent, Tracker  # noqa: E402


def pytest_configure(config):
  config.addinivalue_line("markers", "root: needs root (mounts)")
  config.addinivalue_line("markers", "embedded: about SQLite's file or the one process that may have it")
  if not BINARY.exists():
    pytest.exit(f"there is no {BINARY}: ./run --build makes it", 2)
  config.unchecked = "only collected" if config.option.collectonly else replies.begin()


def pytest_unconfigure():
  if replies.checker:
    replies.checker.kill()


def pytest_terminal_summary(terminalreporter, config):
  if config.unchecked:
    terminalreporter.write_line(f"replies were NOT held against docs/api/openapi.json: {config.unchecked}")
  elif replies.checker:
    terminalreporter.write_line(f"{replies.checker.checked} replies and messages held against docs/api/openapi.json, "
                                f"of {len(replies.checker.answered)} operations that answered well")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
  if replies.checker:
    replies.checker.test = item.nodeid


@pytest.hookimpl(hookwrapper=True, tryfirst=True)  # the outermost: when it raises, every other one is through
def pytest_runtest_teardown(item):
  """A reply that docs/api/openapi.json does not describe fails the test it came in, fixtures and all."""
  outcome = yield
  wrong = replies.checker.mismatches() if replies.checker else []
  if wrong and not outcome.excinfo:
    pytest.fail(f"not as docs/api/openapi.json says ({item.nodeid}):\n{replies.text(wrong)}", pytrace=False)


def pytest_sessionfinish():
  servers.end_shared()


def pytest_collection_modifyitems(items):
  for item in items:
    if item.get_closest_marker("root") and os.geteuid() != 0:
      item.add_marker(pytest.mark.skip(reason="only root can mount"))
    if item.get_closest_marker("embedded") and SET != "embedded":
      item.add_marker(pytest.mark.skip(reason="about the embedded set"))


@pytest.fixture(scope="session")
def films():
  """Makes films once: films(name, **options of make_film) gives the path."""
  folder = pathlib.Path(tempfile.mkdtemp(prefix="sokoul-films-"))

  def film(name, **options):
    path = folder / name
    return path if path.exists() else make_film(path, **options)
  yield film
  shutil.rmtree(folder)


@pytest.fixture(scope="module")
def module_folder():
  folder = pathlib.Path(tempfile.mkdtemp(prefix="sokoul-test-"))
  yield folder
  shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def folder():
  path = pathlib.Path(tempfile.mkdtemp(prefix="sokoul-test-"))
  yield path
  shutil.rmtree(path, ignore_errors=True)


def _keeper():
  kept = []

  def keep(thing):
    kept.append(thing)
    return thing
  return kept, keep


@pytest.fixture
def keep(folder):
  """keep(thing) returns it and calls thing.kill() when the test is over, before its folder goes: a server's log is read then."""
  kept, keeper = _keeper()
  yield keeper
  for thing in reversed(kept):
    thing.kill()


@pytest.fixture(scope="module")
def module_keep(module_folder):
  kept, keeper = _keeper()
  yield keeper
  for thing in reversed(kept):
    thing.kill()


@pytest.fixture
def start(folder, keep):
  """start(**settings): a server of the test's own."""
  count = iter(range(100))

  def starter(**settings):
    return keep(Sokoul(folder / f"sokoul{next(count)}", **settings))
  return starter


@pytest.fixture
def place(folder, keep):
  """place(): settings and a folder of its own, without a server."""
  made = iter(range(1000))

  def make(**settings):
    return keep(Sokoul(folder / f"place{next(made)}", start=False, **settings))
  return make


@pytest.fixture(scope="module")
def server(module_folder, module_keep):
  """One server for a whole file of tests that do not disturb each other."""
  return module_keep(Sokoul(module_folder / "sokoul"))


@pytest.fixture(scope="module")
def admin(server):
  return server.admin()


@pytest.fixture
def tracker(keep):
  return keep(Tracker())


@pytest.fixture
def torrent_of(tracker):
  """torrent_of(path): a torrent of it at the test's own tracker."""
  def maker(path, **options):
    return Torrent(path, trackers=options.pop("trackers", [tracker.url]), **options)
  return maker
