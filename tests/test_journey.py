"""The main job, whole: search, choose, download, watch while it comes, find it in the library, go on where one stopped."""

import json
import random
import shutil
import subprocess

import pytest

from harness.films import sha256
from harness.process import SLOW, wait_until
from harness.scene import GIB, LANTERN, Prowlarr, Release, Torznab, metadata, release, settings_for
from harness.swarm import Swarm

NAME = "Paper.Lantern.2019.720p.WEB-DL.x264-OWN"


def player_reads(url, seconds=None):
  """What ffprobe says of the file at the URL."""
  done = subprocess.run(["ffprobe", "-v", "error", "-print_format", "json", "-show_format", "-show_streams", url], capture_output=True, text=True, timeout=120 * SLOW)
  assert done.returncode == 0, done.stderr
  return json.loads(done.stdout)


def mpv_plays(url, frames=40, start=0):
  command = ["mpv", "--no-config", "--no-video", "--ao=null", "--untimed=yes", f"--start={start}", "--length=2", "--msg-level=all=warn", "--no-ytdl", url]
  done = subprocess.run(command, capture_output=True, text=True, timeout=120 * SLOW)
  assert done.returncode == 0, done.stdout + done.stderr


def read_ranges(client, url, path, count=12, seed=5):
  """Random ranges of a URL against the file on disk."""
  size, rng = path.stat().st_size, random.Random(seed)
  with open(path, "rb") as file:
    for _ in range(count):
      at = rng.randrange(size)
      end = min(size - 1, at + rng.randrange(1, 300_000))
      reply = client.request("GET", url, token=None, headers={"Range": f"bytes={at}-{end}"}, timeout=60 * SLOW)
      assert reply.status == 206 and reply.headers["Content-Range"] == f"bytes {at}-{end}/{size}", reply.headers.items()
      file.seek(at)
      assert reply.body == file.read(end - at + 1)


def test_the_whole_journey(folder, keep, start, films, tracker):
  film = films("big.mkv", mib=105)
  assert film.stat().st_size > 100 * 1024 * 1024
  swarm = keep(Swarm(folder / "swarm", film, tracker, NAME + ".mkv", up_kib=6000))
  tmdb, tvmaze = metadata(keep)
  first = keep(Torznab([Release(NAME, swarm.torrent, seeders=14), release("Paper.Lantern.1987.2160p.BluRay.x265-OLD", 2, seeders=9000, size=9 * GIB),
                        release("Paper.Lantern.2019.HDCAM.x264-CAM", 3, seeders=9000, size=GIB)]))
  broken = keep(Torznab(fault="500"))
  prowlarr = keep(Prowlarr([Release(NAME.replace(".", " "), swarm.torrent, seeders=25, link="redirect", hash_style="upper")]))
  server = start(**settings_for([first, broken], prowlarr=prowlarr, tmdb=tmdb, tvmaze=tvmaze))
  admin = server.admin()
  socket = server.socket(admin)

  # Search, merge, score.
  answer = server.search(admin, "Paper Lantern", year=2019, media_type="movie")
  assert [row["status"] for row in answer["providers"] if row["name"] == broken.name] == ["failed"]
  best = answer["results"][0]
  assert best["info_hash"] == swarm.torrent.info_hash, [(row["score"], row["title"]) for row in answer["results"]]
  assert len(best["duplicates"]) >= 1 and best["seeders"] == 25
  socket.wait("search.completed", where=lambda data: data["search_id"] == answer["search_id"])
  media_id = answer["media_id"]

  # Download, and watch while it comes.
  download_id = server.download(admin, search_result_id=best["id"])
  socket.wait("download.progress", where=lambda data: data.get("download_id", data.get("id")) == download_id)
  wait_until(lambda: admin.ok("GET", f"/downloads/{download_id}")["downloaded_bytes"] > 2 << 20, 40, what="the first bytes")
  # It can be played once its first and last pieces are there.
  wait_until(lambda: admin.get(f"/streaming/direct/{media_id}").status == 200, 30, what="something to play")
  direct = admin.ok("GET", f"/streaming/direct/{media_id}")
  url = f"http://127.0.0.1:{server.port}" + direct["url"] if direct["url"].startswith("/") else direct["url"]
  running = admin.ok("GET", f"/downloads/{download_id}")
  assert running["status"] == "downloading" and running["progress"] < 90, "it must not be complete yet for this to mean anything"
  size = swarm.path.stat().st_size
  assert direct["size_bytes"] == size
  content = swarm.path.read_bytes()
  for at in (0, size - 100_000, size // 2, size // 3):
    end = min(size, at + 150_000) - 1
    reply = admin.request("GET", url, token=None, headers={"Range": f"bytes={at}-{end}"}, timeout=60 * SLOW)
    assert reply.status == 206 and reply.body == content[at:end + 1], (at, reply.status, len(reply.body))
  probed = player_reads(url)
  mpv_plays(url)
  still = admin.ok("GET", f"/downloads/{download_id}")
  print(f"\nfour places of the film read, and mpv played, by {still['progress']:.0f} % of the download")
  assert still["status"] == "downloading", "all of that was to happen before it is complete"
  assert {stream["codec_type"] for stream in probed["streams"]} >= {"video", "audio"}

  # Complete: the file in the library, byte by byte.
  done = server.wait_download(admin, download_id, limit_s=120)
  assert done["progress"] == 100 and done["info_hash"] == swarm.torrent.info_hash
  socket.wait("download.completed", where=lambda data: data.get("download_id", data.get("id")) == download_id)
  files = wait_until(lambda: admin.ok("GET", f"/media/{media_id}/files")["items"], 30, what="the library's file")
  kept = list((server.library / "Movies" / "Paper Lantern (2019)").glob("*.mkv"))
  assert len(kept) == 1 and kept[0].name.startswith("Paper Lantern (2019)"), list(server.library.rglob("*"))
  assert sha256(kept[0]) == swarm.sha256
  assert files[0]["file_size" if "file_size" in files[0] else "size_bytes"] == size and files[0]["resolution"] == "720p"

  # Watch it again, complete; go on; finish.
  direct = admin.ok("GET", f"/streaming/direct/{media_id}")
  url = f"http://127.0.0.1:{server.port}" + direct["url"] if direct["url"].startswith("/") else direct["url"]
  whole = admin.request("GET", url, token=None, timeout=120)
  assert whole.status == 200 and whole.body == content and whole.headers["Accept-Ranges"] == "bytes"
  read_ranges(admin, url, swarm.path)
  mpv_plays(url)
  mpv_plays(url, start=10)
  assert direct["duration_seconds"] == pytest.approx(float(probed["format"]["duration"]), abs=1.5)
  assert admin.request("POST", f"/streaming/{direct['stream_id']}/start").status in (200, 201, 204)
  stopped = admin.request("POST", f"/streaming/{direct['stream_id']}/stop", {"position_seconds": 7})
  assert stopped.status in (200, 204), stopped
  going_on = admin.ok("GET", "/history/continue")["items"]
  assert [(row["media_id"], row["progress_seconds"]) for row in going_on] == [(media_id, 7)], going_on
  admin.ok("POST", "/history/watch", {"media_id": media_id, "progress_seconds": 15, "total_seconds": 16})
  assert admin.ok("GET", "/history/continue")["items"] == []
  assert [row["media_id"] for row in admin.ok("GET", "/history/watched")["items"]] == [media_id]

  # It survives a restart: the file, the seeding, the history.
  server.restart()
  after = admin.ok("GET", f"/downloads/{download_id}")
  assert after["status"] in ("seeding", "completed") and after["progress"] == 100
  assert server.integrity() == ("ok", [])
  media = admin.ok("GET", f"/media/{media_id}")
  assert (media["title"], media["year"], media["tmdb_id"]) == ("Paper Lantern", 2019, LANTERN["id"])


@pytest.fixture(scope="module")
def library(module_folder, films, server, admin):
  """A film that lies in the library folder already, found by a scan; (media id, path)."""
  target = server.library / "Movies" / "Paper Lantern (2019)" / "Paper Lantern (2019) - 720p.mp4"
  target.parent.mkdir(parents=True)
  shutil.copyfile(films("small.mp4"), target)
  task = admin.ok("POST", "/media/scan", status=202)["task_id"]
  wait_until(lambda: admin.ok("GET", f"/tasks/{task}")["status"] in ("completed", "failed"), 60, what="the scan")
  items = admin.ok("GET", "/media?q=paper+lantern")["items"]
  assert len(items) == 1, items
  return items[0]["id"], target


@pytest.fixture
def stream(server, admin, library):
  direct = admin.ok("GET", f"/streaming/direct/{library[0]}")
  return direct["url"] if direct["url"].startswith("http") else f"http://127.0.0.1:{server.port}{direct['url']}"


def test_ranges_are_exact(admin, library, stream):
  content = library[1].read_bytes()
  size = len(content)

  def get(range_, **more):
    return admin.request("GET", stream, token=None, headers={"Range": range_, **more})
  for asked, expected in (("bytes=0-0", content[:1]), ("bytes=0-99", content[:100]), (f"bytes={size - 1}-", content[-1:]), ("bytes=-5", content[-5:]),
                          (f"bytes=-{size + 10}", content), (f"bytes=10-{size * 2}", content[10:])):
    reply = get(asked)
    assert (reply.status, reply.body) == (206, expected), (asked, reply.status, len(reply.body))
  for asked in (f"bytes={size}-", f"bytes={size + 5}-{size + 6}", "bytes=-0"):
    reply = get(asked)
    assert reply.status == 416 and reply.headers["Content-Range"] == f"bytes */{size}", (asked, reply.status)
  for ignored in ("bytes=5-2", "bytes=a-b", "lines=0-4", "bytes="):
    assert get(ignored).status in (200, 416), ignored
  several = get("bytes=0-9,20-29")
  assert several.status == 206 and several.headers["Content-Type"].startswith("multipart/byteranges")
  assert content[:10] in several.body and content[20:30] in several.body


def test_head_if_range_and_etag(admin, library, stream):
  size = library[1].stat().st_size
  head = admin.request("HEAD", stream, token=None)
  assert head.status == 200 and int(head.headers["Content-Length"]) == size and head.headers["Accept-Ranges"] == "bytes" and not head.body
  assert head.headers["Content-Type"] == "video/mp4"
  etag = head.headers["ETag"]
  same = admin.request("GET", stream, token=None, headers={"Range": "bytes=0-9", "If-Range": etag})
  other = admin.request("GET", stream, token=None, headers={"Range": "bytes=0-9", "If-Range": '"another"'})
  assert (same.status, other.status) == (206, 200) and len(other.body) == size
  assert admin.request("GET", stream, token=None, headers={"If-None-Match": etag}).status == 304


def test_a_changed_or_foreign_url_is_refused(admin, stream):
  base, _, query = stream.partition("?")
  for wrong in (base, base + "?" + query[:-4] + "AAAA", stream.replace("/stream/", "/stream/0"), base + "/../../../etc/passwd?" + query):
    assert admin.request("GET", wrong, token=None).status in (400, 401, 403, 404), wrong


def test_a_signed_url_ends_with_its_session(server, library):
  user = server.account("viewer")
  direct = user.ok("GET", f"/streaming/direct/{library[0]}")
  url = direct["url"] if direct["url"].startswith("http") else f"http://127.0.0.1:{server.port}{direct['url']}"
  assert user.request("HEAD", url, token=None).status == 200
  assert user.post("/auth/logout").status in (200, 204)
  assert user.request("HEAD", url, token=None).status in (401, 403, 404)


def test_the_watch_state_belongs_to_the_work(server, library):
  user, other = server.account("first_viewer"), server.account("second_viewer")
  media = library[0]
  user.ok("POST", "/history/watch", {"media_id": media, "progress_seconds": 2, "total_seconds": 4})
  assert [row["media_id"] for row in user.ok("GET", "/history/continue")["items"]] == [media]
  assert other.ok("GET", "/history/continue")["items"] == []
  user.ok("POST", "/history/watch", {"media_id": media, "progress_seconds": 4, "total_seconds": 4})
  watched = user.ok("GET", "/history/watched")["items"]
  assert [row["media_id"] for row in watched] == [media]
  assert user.delete(f"/history/{watched[0]['id']}").status in (200, 204)
  assert user.ok("GET", "/history/watched")["items"] == []
  assert other.delete(f"/history/{watched[0]['id']}").status == 404


@pytest.mark.parametrize("body", [{}, {"media_id": "x", "progress_seconds": 1, "total_seconds": 2}, {"progress_seconds": -1, "total_seconds": 5},
                                  {"progress_seconds": 9, "total_seconds": 0}, {"progress_seconds": "a", "total_seconds": 5}])
def test_wrong_watch_reports_are_named(admin, library, body):
  reply = admin.post("/history/watch", {"media_id": library[0], **body} if body else {})
  assert reply.status in (404, 422), reply
