"""Films that nginx sends by itself (SOKOUL_ACCEL_PREFIX): the same bytes and headers, never to be had without the program's word."""

import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

from harness.films import make_film
from harness.front import NAME, Front
from harness.process import wait_until
from harness.sokoul import Sokoul

NAMES = ["Paper Lantern (2019)/Paper Lantern (2019).mkv", "Paper Lantern (1987)/Paper Lantern? 50% #1 + ü;&=' (1987).mkv",
         "The..Dots (2001)/The..Dots.. (2001).mp4"]
ASKED = ("GET /stream/film HTTP/1.1", "Connection", "Keep-Alive", "Date", "Server", "X-Request-ID")


class World:
  def __init__(self, folder, keep):
    # Not below /tmp, which may be closed to other users: nginx's workers are not root.
    self.open = pathlib.Path(tempfile.mkdtemp(prefix="sokoul-films-", dir="/var/tmp"))
    keep(self)
    self.library, self.decoy = self.open / "films", self.open / "decoy"
    for number, name in enumerate(NAMES):
      make_film(self.library / name, seconds=2, seed=number)
      copy = self.decoy / name
      copy.parent.mkdir(parents=True)
      copy.write_bytes(b"D" * (self.library / name).stat().st_size)
    for path in (self.open, *self.open.rglob("*")):
      path.chmod(0o755 if path.is_dir() else 0o644)
    self.server = keep(Sokoul(folder / "sokoul", library_dirs=self.library, trusted_proxies="127.0.0.1/32", public_url=f"https://{NAME}",
                              accel_prefix="/_library/"))
    self.admin = self.server.admin()
    self.admin.ok("POST", "/media/scan", status=202)
    wait_until(lambda: len(self.files()) == len(NAMES), 60, what=lambda: f"the scan: {self.files()}")
    self.urls = {file["file_path"].removeprefix(f"{self.library}/"): self.admin.ok("GET", f"/streaming/direct/{media}?source={file['id']}")["url"]
                 for media, file in self.files()}
    self.front = keep(Front(folder / "front", [self.server.port], films=self.library))
    self.mirage = keep(Front(folder / "mirage", [self.server.port], films=self.decoy))

  def kill(self):
    shutil.rmtree(self.open, ignore_errors=True)

  def files(self):
    works = self.admin.ok("GET", "/media")["items"]
    return [(work["id"], file) for work in works for file in self.admin.ok("GET", f"/media/{work['id']}/files")["items"]]

  def direct(self, url, *options):
    """(status, headers, body) from the program itself, as nginx asks it."""
    out = self.server.folder / "got"
    out.unlink(missing_ok=True)
    done = subprocess.run(["curl", "-sS", "-g", "-D", "-", "-o", out, "-H", f"Host: {NAME}", "-H", "X-Forwarded-Proto: https", *options,
                           f"http://127.0.0.1:{self.server.port}{url}"], capture_output=True, timeout=60, check=False)
    return parsed(done.stdout.decode(), out.read_bytes() if out.exists() and "-I" not in options else b"")


def parsed(head, body):
  lines = head.replace("\r\n", "\n").split("\n\n")[-2].splitlines()
  headers = sorted(tuple(line.split(": ", 1)) for line in lines[1:])
  return int(lines[0].split()[1]), [(name, value) for name, value in headers if name not in ASKED], body


def through(front, url, *options):
  (front.folder / "got").unlink(missing_ok=True)
  status, head, body = front.curl(url, "-g", "--http1.1", *options)
  assert status, head
  return parsed(head, b"" if "-I" in options else body)


@pytest.fixture(scope="module")
def world(module_folder, module_keep):
  return World(module_folder, module_keep)


def header(answer, name):
  return dict(answer[1]).get(name)


def requests(size, etag, modified):
  """(options of curl, whether nginx sends the bytes)"""
  def ranged(text, *more):
    return ["-H", f"Range: {text}", *more]
  return [
    ([], True), (ranged("bytes=0-0"), True), (ranged("bytes=0-99"), True), (ranged(f"bytes={size - 1}-"), True), (ranged("bytes=100-"), True),
    (ranged("bytes=-1"), True), (ranged(f"bytes=-{size}"), True), (ranged(f"bytes=-{size + 1}"), True), (ranged(f"bytes=5-{size * 9}"), True),
    (ranged("bytes=0-999999999999999999"), True), (ranged("bytes=007-0009"), True),
    (ranged("bytes=0-99", "-H", f"If-Range: {etag}"), True), (["-H", f"If-Range: {etag}"], True),
    (ranged("bytes=0-99", "-H", 'If-Range: "other"'), False), (ranged("bytes=0-99", "-H", f"If-Range: W/{etag}"), False),
    (ranged("bytes=0-99", "-H", f"If-Range: {modified}"), False), (ranged("bytes=0-99", "-H", "If-Range: Thu, 01 Jan 1970 00:00:00 GMT"), False),
    (ranged("bytes=0-9,20-29"), False), (ranged("bytes=0-9,5-29"), False), (ranged("bytes=0-0", "-H", "Range: bytes=5-9"), False),
    (ranged(f"bytes={size}-"), False), (ranged("bytes=-0"), False), (ranged("bytes=9-5"), False), (ranged("bytes=a-b"), False), (ranged("bytes="), False),
    (ranged("bytes= 0-9"), False), (ranged("Bytes=0-9"), False), (ranged("lines=0-9"), False), (ranged("bytes=0-9999999999999999999"), False),
    (["-H", f"If-None-Match: {etag}"], False), (["-H", 'If-None-Match: "other"'], False), (["-H", f"If-Modified-Since: {modified}"], False),
    (["-H", "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT"], False), (["-H", f"If-Match: {etag}"], False), (["-H", 'If-Match: "other"'], False),
    (["-H", "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT"], False),
    (["-I"], False), (["-I", "-H", "Range: bytes=0-99"], False),
  ]


@pytest.mark.parametrize("name", NAMES)
def test_what_nginx_sends_is_what_the_program_would(world, name):
  url = world.urls[name]
  plain = world.direct(url)
  size, etag, modified = len(plain[2]), header(plain, "ETag"), header(plain, "Last-Modified")
  assert plain[2] == (world.library / name).read_bytes() and etag and modified
  sent = 0
  for options, by_nginx in requests(size, etag, modified):
    want, got = world.direct(url, *options), through(world.front, url, *options)
    if want[0] == 206 and (header(want, "Content-Type") or "").startswith("multipart"):
      boundary, other = (re.search("boundary=(.*)", header(answer, "Content-Type"))[1].encode() for answer in (want, got))
      got = (got[0], [(key, value.replace(other.decode(), boundary.decode())) for key, value in got[1]], got[2].replace(other, boundary))
    assert got[0] == want[0], (options, got[:2], want[:2])
    if want[0] == 416:  # a problem names its request
      assert header(got, "Content-Range") == header(want, "Content-Range") == f"bytes */{size}"
    else:
      assert got[2] == want[2], (options, len(got[2]), len(want[2]))
      assert got[1] == want[1], options
    # Where nginx has other bytes under the same name, one sees who sends.
    seen = through(world.mirage, url, *options)
    assert seen[0] == want[0] and (seen[2].strip(b"D") == b"" and seen[2] != b"") == by_nginx, (options, by_nginx, seen[2][:20])
    sent += by_nginx
  print(f"{name}: {sent} of {len(requests(size, etag, modified))} requests were answered by nginx")


def test_there_is_nothing_from_outside(world):
  for path in ("/_library/0/" + NAMES[0].replace(" ", "%20"), "/_library/0/", "/_library/", "/_library/0/..%2f", "/%5flibrary/0/",
               "//_library/0/" + NAMES[0].replace(" ", "%20"), "/stream/../_library/0/" + NAMES[0].replace(" ", "%20"), "/x/..//_library/0/"):
    for options in ((), ("-H", "X-Accel-Redirect: /_library/0/x"), ("-H", "X-Sendfile-Type: X-Accel-Redirect")):
      status, head, body = world.front.curl(path, "--path-as-is", *options)
      assert status in (400, 401, 404), (path, head)
      assert b"matroska" not in body


def test_who_is_no_proxy_gets_the_bytes(start, folder):
  film = folder / "films" / NAMES[0]
  make_film(film, seconds=1)
  server = start(library_dirs=folder / "films", accel_prefix="/_library/")  # and no trusted proxies
  admin = server.admin()
  admin.ok("POST", "/media/scan", status=202)
  works = wait_until(lambda: admin.ok("GET", "/media")["items"], 60, what="the scan")
  url = admin.ok("GET", f"/streaming/direct/{works[0]['id']}")["url"]
  for headers in ({"X-Sendfile-Type": "X-Accel-Redirect"}, {"X-Sendfile-Type": "X-Accel-Redirect", "X-Forwarded-For": "192.0.2.1"}):
    answer = admin.get("/" + url, headers=headers)
    assert answer.status == 200 and answer.body == film.read_bytes() and "X-Accel-Redirect" not in answer.headers


def test_a_proxy_that_does_not_say_it_can_gets_the_bytes(world):
  answer = world.direct(world.urls[NAMES[0]])
  assert answer[2] == (world.library / NAMES[0]).read_bytes() and not header(answer, "X-Accel-Redirect")
  told = world.direct(world.urls[NAMES[1]], "-H", "X-Sendfile-Type: X-Accel-Redirect")
  assert told[2] == b"" and re.fullmatch(r"/_library/0/[A-Za-z0-9%._~/-]+", header(told, "X-Accel-Redirect")), told


def test_a_wrong_signature_gets_nothing(world):
  url = world.urls[NAMES[0]]
  assert through(world.front, url[:-3] + "AAA")[0] in (401, 403, 404)
  status, head, _ = world.front.curl(url)
  assert status == 200 and "x-accel" not in head.lower(), head


def test_what_nginx_may_not_read_the_program_sends(world):
  name = NAMES[2]
  want = world.direct(world.urls[name])
  (world.library / name).chmod(0o600)
  try:
    assert through(world.front, world.urls[name]) == want
    part = ("-H", "Range: bytes=10-19")
    assert through(world.front, world.urls[name], *part) == world.direct(world.urls[name], *part)
  finally:
    (world.library / name).chmod(0o644)


def test_links_lead_nowhere(world, folder):
  """A link in the place of a film or its folder: neither of the two follows it."""
  name = NAMES[0]
  place, aside = (world.library / name).parent, world.open / "aside"
  secret = folder / "secret"
  secret.mkdir()
  (secret / pathlib.Path(name).name).write_bytes(b"S" * 100)
  place.rename(aside)
  try:
    place.symlink_to(secret)
    status, _, body = through(world.front, world.urls[name])
    assert status in (403, 404) and b"SSS" not in body
    place.unlink()
    place.mkdir()
    (place / pathlib.Path(name).name).symlink_to(secret / pathlib.Path(name).name)
    status, _, body = through(world.front, world.urls[name])
    assert status in (403, 404) and b"SSS" not in body
    (place / pathlib.Path(name).name).unlink()
    place.rmdir()
  finally:
    if place.is_symlink():
      place.unlink()
    aside.rename(place)
  assert through(world.front, world.urls[name])[0] == 200
