"""The examples of docs/guide/api.md do what the page says they print."""

import re
import subprocess

import pytest

from harness.browser import Page
from harness.process import SLOW
from harness.scene import Torznab, release, settings_for
from harness.sokoul import ROOT

GUIDE = (ROOT / "docs" / "guide" / "api.md").read_text()
EXAMPLES = re.findall(r"```(sh|js)\n(.*?)```\n\n```text\n(.*?)```", GUIDE, re.S)
RELEASES = [release("Paper.Lantern.2019.1080p.WEB-DL.x264-OWN", 1, seeders=20), release("Paper.Lantern.2019.480p.DVDRip.x264-TWO", 2, seeders=5)]


@pytest.fixture
def server(start, keep):
  server = start(**settings_for([keep(Torznab(RELEASES))]))
  server.admin("ada")
  return server


def test_every_example_has_its_output():
  assert len(EXAMPLES) == len(re.findall(r"```(?:sh|js)\n", GUIDE)) == GUIDE.count("```text") >= 9


def test_the_commands_print_what_stands_below_them(server, folder):
  """One shell for all: they build on each other, and each has to succeed."""
  script = "set -euo pipefail\n"
  for language, example, _ in EXAMPLES:
    if language == "sh":
      script += example.replace("http://127.0.0.1:3000", f"http://127.0.0.1:{server.port}") + "echo ----\n"
  done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60 * SLOW, cwd=folder)
  printed = done.stdout.split("----\n")
  assert printed[:-1] == [expected for language, _, expected in EXAMPLES if language == "sh"], (done.stdout, done.stderr)
  assert done.returncode == 0 and printed[-1] == "", (done.stdout, done.stderr)


def test_the_page_script_prints_what_stands_below_it(server, folder, keep):
  (example, expected), = [(example, expected) for language, example, expected in EXAMPLES if language == "js"]
  page = keep(Page(folder))
  page.driver.get(f"http://127.0.0.1:{server.port}/docs")
  page.driver.set_script_timeout(30 * SLOW)
  said = page.driver.execute_async_script(
    "const [token, done] = arguments; const said = []; const console = { log: (line) => said.push(line) };"
    f"(async () => {{ {example} }})().then(() => done(said), (error) => done([String(error)]))", server.login("ada").token)
  assert said == expected.splitlines()
