"""The pages' scripts and styles, which nginx sends from where the package puts them: what the program would send, and the program where they are not."""

import gzip
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import uuid

import pytest

from harness.browser import Page
from harness.front import NAME, Front
from harness.process import wait_until
from harness.sokoul import ROOT, Sokoul

NAMES = sorted(f"/assets/{file.name}" for file in (ROOT / "web" / "dist" / "assets").iterdir())
GZIP = ("-H", "Accept-Encoding: gzip")
# Each of its own, or about how the bytes come: what the two say differently.
APART = {"date", "server", "connection", "etag", "content-length", "transfer-encoding", "vary", "content-encoding"}


class World:
  def __init__(self, folder, keep):
    # Not below /tmp, which may be closed to other users: nginx's workers are not root.
    self.open = pathlib.Path(tempfile.mkdtemp(prefix="sokoul-web-", dir="/var/tmp"))
    keep(self)
    self.open.chmod(0o755)
    self.web = self.open / "web"
    self.install()
    self.server = keep(Sokoul(folder / "sokoul", trusted_proxies="127.0.0.1/32", public_url=f"https://{NAME}"))
    self.front = keep(Front(folder / "front", [self.server.port], rate=100000, web=self.web))
    self.passing = keep(Front(folder / "passing", [self.server.port], rate=100000))

  def install(self, source=ROOT / "web" / "dist" / "assets", target=None):
    subprocess.run([sys.executable, ROOT / "dev" / "install_web.py", source, target or self.web / "assets"], check=True, timeout=60)
    (target or self.web).chmod(0o755)

  def kill(self):
    shutil.rmtree(self.open, ignore_errors=True)


def ask(front, path, *options):
  """(status, headers, body, whether nginx answered by itself)"""
  (front.folder / "got").unlink(missing_ok=True)
  name = f"asked-{uuid.uuid4()}"
  status, head, body = front.curl(path, "--http1.1", "--path-as-is", "-H", f"X-Request-ID: {name}", *options)
  head = head.replace("\r\n", "\n").split("\n\n")[-2]
  headers = {key.lower(): value for key, value in (line.split(": ", 1) for line in head.splitlines()[1:])}
  assert headers.pop("x-request-id") == name
  if "-I" in options:
    body = b""
  if body and headers.get("content-encoding") == "gzip":
    body = gzip.decompress(body)
  line = wait_until(lambda: next((line for line in front.lines() if f'"{name}"' in line), None), 20, what="nginx's line on it")
  return status, headers, body.replace(name.encode(), b""), json.loads(line)["upstream"] == ""


@pytest.fixture(scope="module")
def world(module_folder, module_keep):
  return World(module_folder, module_keep)


def requests(path):
  """(path, options, whether it is nginx's); TAG: what it said before"""
  for options in ((), GZIP, ("-H", "Accept-Encoding: gzip;q=0"), ("-H", "Accept-Encoding: br, deflate"), ("-I",), ("-I", *GZIP), ("-H", "Range: bytes=0-9"),
                  (*GZIP, "-H", "Range: bytes=5-"), ("-H", "If-None-Match: TAG"), (*GZIP, "-H", "If-None-Match: TAG"),
                  ("-H", 'If-None-Match: "other"'), ("-H", "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT"),
                  ("-H", "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"), ("-H", "Cookie: a=b"), ("-H", "Origin: https://evil.example")):
    yield path, options, True
  yield path + "?v=1", GZIP, True
  for other in (path + ".gz", path + "/", path + "x", path.replace("/assets/", "/assets/../assets/.."), path.replace("/assets/", "/assets/x/"),
                "/assets/", "/assets", "/assets/none.js", "/assets/..js", "/assets/%2e%2e/index.html", path.replace("/assets", "/ASSETS"), "/favicon.svg"):
    yield other, GZIP, False
  for method in ("POST", "PUT", "DELETE", "OPTIONS"):
    yield path, ("-X", method, *(("-d", "x") if method in ("POST", "PUT") else ())), False


@pytest.mark.parametrize("path", NAMES)
def test_what_nginx_sends_is_what_the_program_would(world, path):
  by_itself = 0
  kinds = (ask(world.front, path), ask(world.passing, path), ask(world.front, path, *GZIP), ask(world.passing, path, *GZIP))
  assert [kind[3] for kind in kinds] == [True, False, True, False] and kinds[0][2] == (ROOT / "web" / "dist" / path[1:]).read_bytes()
  tags = {False: [kind[1]["etag"] for kind in kinds[:2]], True: [kind[1]["etag"] for kind in kinds[2:]]}
  for asked, options, ours in requests(path):
    of_front, of_passing = ([word.replace("TAG", tag) for word in options] for tag in tags["Accept-Encoding: gzip" in options])
    got, want = ask(world.front, asked, *of_front), ask(world.passing, asked, *of_passing)
    assert not want[3] and got[3] == ours, (asked, options, got)
    assert (got[0], got[2]) == (want[0], want[2]), (asked, options, got, want)
    shown, meant = ({name: value for name, value in answer[1].items() if name not in APART} for answer in (got, want))
    if got[0] == 304:
      meant.pop("content-type")  # nginx says it only where there is something
    assert shown == meant, (asked, options)
    if ours:
      assert (got[0] == 304) == any("TAG" in word for word in options) and got[1]["etag"], (asked, options, got)
      if got[0] == 200 and "Accept-Encoding: gzip" in options:
        assert got[1]["content-encoding"] == want[1]["content-encoding"] == "gzip" and got[1]["vary"] == want[1]["vary"] == "Accept-Encoding"
    by_itself += ours
  print(f"\n{path}: {by_itself} kinds of request answered by nginx")


def test_a_tag_is_the_contents_and_nothing_elses(world, folder):
  """Another one for other bytes of the same number, at once; the same one wherever and whenever the same is installed."""
  source = folder / "assets"
  shutil.copytree(ROOT / "web" / "dist" / "assets", source)
  path = NAMES[-1]
  file = source / pathlib.Path(path).name
  first = [ask(world.front, path, *options)[1]["etag"] for options in ((), GZIP)]
  assert first[0] != first[1]
  try:
    text = file.read_bytes()
    file.write_bytes(text[:-1] + b"\t")
    world.install(source)
    for options, tag in zip(((), GZIP), first):
      status, headers, body, _ = ask(world.front, path, *options, "-H", f"If-None-Match: {tag}")
      assert status == 200 and body == file.read_bytes() and headers["etag"] != tag
  finally:
    world.install()
  assert [ask(world.front, path, *options)[1]["etag"] for options in ((), GZIP)] == first


def test_what_nginx_does_not_have_or_may_not_read_the_program_sends(world):
  for path in NAMES:
    file = world.web / path[1:]
    want = ask(world.passing, path)
    for hide in (lambda: file.chmod(0o600), lambda: file.rename(file.with_suffix(".aside")), lambda: world.web.chmod(0o700)):
      hide()
      try:
        got = ask(world.front, path)
        assert got[0] == want[0] == 200 and got[1:] == (got[1], want[2], False)
        assert got[1]["etag"] == want[1]["etag"]
      finally:
        world.web.chmod(0o755)
        if not file.exists():
          file.with_suffix(".aside").rename(file)
        file.chmod(0o644)
    assert ask(world.front, path)[3]


def test_a_browser_sees_the_pages_by_these_files(world, folder, keep):
  world.server.admin()
  page = keep(Page(folder, f"--host-resolver-rules=MAP {NAME} 127.0.0.1:{world.front.port}", "--ignore-certificate-errors"))
  before = len(world.front.lines())
  page.driver.get(f"https://{NAME}/library")
  page.fill("Username or email", "admin")
  page.fill("Password", "correct horse battery")
  page.press("Sign in", "form")
  page.sees("Sign out")
  page.driver.get(f"https://{NAME}/docs")
  page.sees("/api/v1/search")
  assert page.violations() == []
  lines = [line for line in world.front.lines()[before:] if '"path":"/assets/' in line]
  assert {re.search(r'"path":"([^"]+)"', line)[1] for line in lines} == set(NAMES)
  assert all('"upstream":""' in line and '"status":200' in line for line in lines), lines


def test_they_come_while_no_process_answers(world):
  world.server.stop()
  try:
    assert world.front.curl("/")[0] == 503
    for path in NAMES:
      assert ask(world.front, path, *GZIP)[0] == 200
  finally:
    world.server.start()
