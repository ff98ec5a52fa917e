"""A download that runs in one process is played by another: byte for byte, at any place, whatever happens to the hunter."""

import concurrent.futures
import http.client
import random
import subprocess
import time

import pytest

from harness.fleet import Fleet
from harness.process import SLOW, wait_until
from harness.seeder import Seeder
from harness.swarm import Swarm

NAME = "Paper.Lantern.2019.720p.WEB-DL.x264-OWN.mkv"
MIB = 1 << 20


@pytest.fixture
def fleet(folder, keep):
  return keep(Fleet(folder, workers=("hunter",)))


@pytest.fixture
def swarm(folder, keep, films, tracker):
  """A film and its seeder, whose rate can be changed."""
  def make(mib, kib_s):
    film = Swarm(folder / "swarm", films(f"play{mib}.mkv", mib=mib), tracker, NAME, seed=False)
    film.seeder = keep(Seeder(film.torrent, kib_s))
    tracker.add(film.torrent, film.seeder.port)
    return film
  return make


class Viewing:
  """One person's link to a download, given out by an API process and good at every one."""

  def __init__(self, fleet, client, download):
    self.fleet, self.client, self.download = fleet, client, download
    self.media = wait_until(lambda: client.ok("GET", f"/downloads/{download}")["media_id"], 60, what="the work of the download")
    wait_until(lambda: client.get(f"/streaming/direct/{self.media}").status == 200, 60, what="something to play")
    self.direct = client.ok("GET", f"/streaming/direct/{self.media}")
    assert self.direct["file"]["kind"] == "download", self.direct
    self.url = "/" + self.direct["url"]

  def read(self, at, end, number=0, timeout=120):
    """(status, bytes) of a range, from an API process, without any login."""
    reply = self.fleet.api[number].client().request("GET", self.url, headers={"Range": f"bytes={at}-{end}"}, timeout=timeout * SLOW)
    assert reply.status != 206 or reply.headers["Content-Range"] == f"bytes {at}-{end}/{self.direct['size_bytes']}"
    return reply.status, reply.body

  def outside(self, number=0):
    return f"http://127.0.0.1:{self.fleet.api[number].port}{self.direct['url']}"

  def watch(self, number):
    """Begins to read the whole film: (the connection's answer, its first bytes). Those are there when this returns."""
    connection = http.client.HTTPConnection("127.0.0.1", self.fleet.api[number].port, timeout=400 * SLOW)
    connection.request("GET", self.direct["url"])
    answer = connection.getresponse()
    assert answer.status == 200, (answer.status, answer.read())
    return answer, answer.read(1000)

  def progress(self):
    return self.client.ok("GET", f"/downloads/{self.download}")["progress"]


def part(path, at, end):
  with open(path, "rb") as file:
    file.seek(at)
    return file.read(end - at + 1)


def plays(url):
  """ffprobe, which looks at the file's end first, and mpv in the middle of it."""
  subprocess.run(["ffprobe", "-v", "error", "-show_format", "-show_streams", url], check=True, capture_output=True, timeout=120 * SLOW)
  subprocess.run(["mpv", "--no-config", "--no-video", "--ao=null", "--untimed=yes", "--start=50%", "--length=1", "--msg-level=all=warn", "--no-ytdl", url],
                 check=True, capture_output=True, timeout=120 * SLOW)


def test_it_is_played_where_it_does_not_run(fleet, swarm):
  film = swarm(48, 1024)
  admin = fleet.admin()
  viewing = Viewing(fleet, admin, fleet.api[0].download(admin, magnet_link=film.torrent.magnet()))
  size, rng = film.path.stat().st_size, random.Random(5)
  assert viewing.direct["size_bytes"] == size
  # The end first, then places all over, at both API processes, two viewers at a time.
  assert viewing.read(size - 70_000, size - 1) == (206, part(film.path, size - 70_000, size - 1))
  still = admin.ok("GET", f"/downloads/{viewing.download}")
  assert still["status"] == "downloading" and still["progress"] < 100, "it was to be read while it comes"

  def look_around(number):
    places = random.Random(number)
    for _ in range(6):
      at = places.randrange(size)
      end = min(size - 1, at + places.randrange(1, 400_000))
      assert viewing.read(at, end, number) == (206, part(film.path, at, end)), (number, at, end)
  with concurrent.futures.ThreadPoolExecutor(2) as pool:
    list(pool.map(look_around, (0, 1)))
  plays(viewing.outside(rng.randrange(2)))
  print(f"\nthe end read by {still['progress']:.0f} %, 12 more places and two players by {viewing.progress():.0f} % of the download")
  film.seeder.kib_s = 4096
  # Several ranges, HEAD, and what lies behind the end.
  several = fleet.api[1].client().request("GET", viewing.url, headers={"Range": f"bytes=0-99,{size - 100}-"}, timeout=120 * SLOW)
  assert several.status == 206 and part(film.path, 0, 99) in several.body and part(film.path, size - 100, size) in several.body
  assert fleet.api[1].client().request("HEAD", viewing.url).headers["Content-Length"] == str(size)
  assert viewing.read(size, size + 10)[0] == 416
  # From the first byte to the last, while it comes and over its end.
  whole = fleet.api[1].client().request("GET", viewing.url, timeout=180 * SLOW)
  assert whole.status == 200 and whole.body == film.path.read_bytes()
  # The link of another session's user, and a link that was changed, give nothing.
  base, _, query = viewing.url.partition("?")
  for wrong in (base, base + "?" + query[:-4] + "AAAA", viewing.url.replace("/stream/", "/stream/0")):
    assert fleet.api[1].client().request("GET", wrong).status in (403, 404)
  other = fleet.api[0].account("other")
  assert other.get(f"/streaming/direct/{viewing.media}").status in (200, 404)
  admin.ok("POST", "/auth/logout", status=204)
  wait_until(lambda: fleet.api[1].client().request("GET", viewing.url, headers={"Range": "bytes=0-9"}).status == 403, 10, what="the link to end with its session")


def test_it_says_so_when_no_hunter_answers_and_goes_on_with_the_next(fleet, swarm):
  film = swarm(48, 1024)
  admin = fleet.admin()
  viewing = Viewing(fleet, admin, fleet.api[0].download(admin, magnet_link=film.torrent.magnet()))
  size = film.path.stat().st_size
  answer, beginning = viewing.watch(1)
  with concurrent.futures.ThreadPoolExecutor(1) as pool:
    watched = pool.submit(answer.read)
    wait_until(lambda: viewing.progress() > 10, 60, what="a part of the film")
    fleet.worker("hunter").kill()
    fleet.worker("hunter").process = None
    for number in (0, 1):
      began = time.monotonic()
      reply = fleet.api[number].client().request("GET", viewing.url, headers={"Range": f"bytes={size // 2}-{size // 2 + 9}"})
      took = time.monotonic() - began
      assert reply.status == 503 and int(reply.headers["Retry-After"]) > 0 and reply.json["code"] == "hunter_away", reply.body
      assert admin.get(f"/streaming/direct/{viewing.media}").status == 503
      print(f"\nno hunter: 503 after {took:.1f} s")
    # Meanwhile everything else is answered.
    assert all(admin.get("/auth/me").status == 200 for _ in range(20))
    fleet.add_worker("hunter")
    began = time.monotonic()

    def again():
      try:
        return viewing.read(size // 2, size // 2 + 99_999) == (206, part(film.path, size // 2, size // 2 + 99_999))
      except OSError:
        return False
    wait_until(again, 240, 0.5, what="the next hunter to go on with the film")
    print(f"the next hunter gave bytes after {time.monotonic() - began:.0f} s")
    # Who was watching sees the film to its end, or was told by a cut connection that there is something to ask again.
    try:
      assert beginning + watched.result(400 * SLOW) == film.path.read_bytes()
      print("the viewer went on")
    except (OSError, http.client.IncompleteRead) as gone:
      print(f"the viewer was cut off: {type(gone).__name__}")
  assert viewing.read(0, 999, 1) == (206, part(film.path, 0, 999))


def test_a_download_deleted_while_it_is_played_ends_the_stream(fleet, swarm):
  film = swarm(48, 512)
  admin = fleet.admin()
  viewing = Viewing(fleet, admin, fleet.api[0].download(admin, magnet_link=film.torrent.magnet()))
  answer, _ = viewing.watch(1)
  admin.ok("POST", f"/downloads/{viewing.download}/cancel?delete_files=true")
  with pytest.raises((http.client.IncompleteRead, ConnectionError)):  # cut off, not ended as if that were all
    answer.read()
  assert viewing.read(0, 9)[0] == 404
  assert admin.get(f"/streaming/direct/{viewing.media}").status == 404
