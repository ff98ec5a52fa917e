"""The library folder: names that Jellyfin, Plex and Kodi read, packs, scans, and files that are not what they say."""

import os
import shutil

import pytest

from harness.films import make_film, sha256
from harness.peers import Aria2
from harness.process import wait_until
from harness.scene import HARBOUR, Release, Torznab, metadata, settings_for
from harness.swarm import Swarm
from harness.torrents import Torrent


def tree(server):
  return sorted(str(path.relative_to(server.library)) for path in server.library.rglob("*") if path.is_file())


def scan(client):
  task = client.ok("POST", "/media/scan", status=202)["task_id"]
  done = wait_until(lambda: [row for row in [client.ok("GET", f"/tasks/{task}")] if row["status"] in ("completed", "failed")], 90, what="the scan")[0]
  assert done["status"] == "completed", done
  return done


def test_a_season_pack_becomes_its_episodes(start, keep, folder, films, tracker):
  pack = folder / "content" / "Harbour.Lights.S02.720p.WEB.x264-TEAM"
  pack.mkdir(parents=True)
  for number in (1, 2, 3):
    make_film(pack / f"Harbour.Lights.S02E{number:02d}.720p.WEB.x264-TEAM.mkv", seconds=2, seed=number)
  (pack / "readme.nfo").write_text("notes")
  (pack / "Sample").mkdir()
  make_film(pack / "Sample" / "harbour.lights.s02e01.sample.mkv", seconds=1, seed=9)
  torrent = Torrent(pack, [tracker.url])
  seeder = keep(Aria2(folder / "aria2", torrent, pack.parent)).wait_seeding()
  tracker.add(torrent, seeder.port)
  tmdb, tvmaze = metadata(keep)
  server = start(**settings_for([keep(Torznab([Release(pack.name, torrent, category=5000)]))], tmdb=tmdb, tvmaze=tvmaze))
  admin = server.admin()
  answer = server.search(admin, "Harbour Lights", media_type="tv", season=2)
  server.wait_download(admin, server.download(admin, search_result_id=answer["results"][0]["id"]))
  wait_until(lambda: len([name for name in tree(server) if name.endswith(".mkv")]) >= 3, 60, what=lambda: f"three episodes: {tree(server)}")
  names = [name for name in tree(server) if name.endswith(".mkv")]
  assert len(names) == 3, names
  for number, name in enumerate(names, 1):
    assert name.startswith("Shows/Harbour Lights") and "/Season 02/" in name and f"S02E{number:02d}" in name, name
  episodes = admin.ok("GET", f"/media/{answer['media_id']}/episodes")["items"]
  of_second = {row["episode_number"]: row for row in episodes if row["season_number"] == 2}
  assert {1, 2, 3} <= set(of_second), episodes
  assert of_second[2]["title"] == HARBOUR["seasons"][2][1]
  for number in (1, 2, 3):
    files = admin.ok("GET", f"/media/{of_second[number]['id']}/files")["items"]
    assert len(files) == 1 and f"E{number:02d}" in files[0]["file_path"], files
  # Continue: once an episode is finished, the next one.
  admin.ok("POST", "/history/watch", {"media_id": of_second[1]["id"], "progress_seconds": 100, "total_seconds": 100})
  assert [row["media_id"] for row in admin.ok("GET", "/history/continue")["items"]] == [of_second[2]["id"]]


FOUND = {
  "Movies/Paper Lantern (2019)/Paper Lantern (2019) - 1080p.mp4": ("movie", "Paper Lantern", 2019),
  "Movies/The Salt Road.2011.720p.BluRay.x264-XY.mkv": ("movie", "The Salt Road", 2011),
  "Movies/2046 (2004)/2046 (2004).mp4": ("movie", "2046", 2004),
  "Movies/Amélie à Łódź (2001)/Amélie à Łódź (2001).mp4": ("movie", "Amélie à Łódź", 2001),
}


def test_a_scan_finds_what_lies_there(start, films):
  server = start()
  admin = server.admin()
  for name in FOUND:
    path = server.library / name
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(films("small.mp4"), path)
  for number in (1, 2):
    path = server.library / "Shows" / "Harbour Lights (2016)" / "Season 01" / f"Harbour Lights (2016) - S01E{number:02d}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(films("small.mp4"), path)
  before = tree(server)
  scan(admin)
  rows = {(row["media_type"], row["title"], row["year"]) for row in admin.ok("GET", "/media?per_page=200")["items"]}
  assert set(FOUND.values()) <= rows, rows
  assert any(kind == "tv" and title == "Harbour Lights" for kind, title, _ in rows), rows
  assert tree(server) == before, "a scan moves nothing"
  count = len(server.rows("SELECT id FROM media_files"))
  scan(admin)
  assert len(server.rows("SELECT id FROM media_files")) == count == 6, "a second scan adds nothing"
  # A file that is gone is no longer offered; one that moved keeps its work.
  gone = server.library / "Movies/2046 (2004)/2046 (2004).mp4"
  gone.unlink()
  scan(admin)
  media = next(row for row in admin.ok("GET", "/media?per_page=200")["items"] if row["title"] == "2046")
  assert admin.get(f"/streaming/direct/{media['id']}").status == 404


def test_every_list_says_what_can_be_watched(start, films):
  """As the filter knows it, with the caches and the tags on: a file that comes or goes is seen at once."""
  server = start()
  admin = server.admin()
  there = [server.library / name for name in ("Movies/2046 (2004)/2046 (2004).mp4", "Shows/Harbour Lights (2016)/Season 01/Harbour Lights (2016) - S01E01.mp4")]
  for path in there:
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(films("small.mp4"), path)
  scan(admin)
  found = {row["title"]: row["id"] for row in admin.ok("GET", "/media")["items"]}
  film, series = found["2046"], found["Harbour Lights"]
  bare = admin.ok("POST", "/media", {"title": "Bare", "media_type": "movie"}, status=201)
  assert bare["available"] is False
  second = admin.ok("POST", "/media", {"title": "Second", "media_type": "episode", "parent_id": series, "season_number": 1, "episode_number": 2}, status=201)["id"]
  first = next(row["id"] for row in admin.ok("GET", f"/media/{series}/episodes")["items"] if row["id"] != second)
  collection = admin.ok("POST", "/collections", {"name": "All"}, status=201)["id"]
  for work in (film, series, bare["id"]):
    for path in ("/library/favorites", "/library/watchlist", f"/collections/{collection}/media"):
      assert admin.ok("POST", path, {"media_id": work}, status=201)["media"]["available"] == (work != bare["id"])
  for work in (film, bare["id"]):
    admin.ok("POST", "/history/watch", {"media_id": work, "progress_seconds": 99, "total_seconds": 100})
  admin.ok("POST", "/history/watch", {"media_id": first, "progress_seconds": 10, "total_seconds": 100})
  tags = {}

  def hold(gone):
    expected = {film: not gone, series: not gone, first: not gone, second: False, bare["id"]: False}
    for path in ("/media", f"/media/{series}/episodes", "/library/favorites", "/library/watchlist", f"/collections/{collection}", "/history/watched",
                 "/history/continue", "/recommendations"):
      reply = admin.get(path, headers={"If-None-Match": tags.get(path, '"none"')})
      assert reply.status == 200, (path, reply)
      tags[path] = reply.headers["ETag"]
      works = [work for row in reply.json["items"] for work in (row.get("media", row), row.get("series")) if work]
      assert works or path == "/recommendations", path
      for work in works:
        assert work["available"] is expected[work["id"]], (path, work["title"])
    listed = {row["id"] for row in admin.ok("GET", "/media?available=true")["items"]}
    assert listed == {work for work, available in expected.items() if available and work != first}
    for work, available in expected.items():
      reply = admin.get(f"/media/{work}", headers={"If-None-Match": tags.get(work, '"none"')})
      if work in tags and not available and work in (second, bare["id"]):
        assert reply.status == 304
        continue
      assert reply.json["available"] is available
      tags[work] = reply.headers["ETag"]

  hold(gone=False)
  for path in there:
    path.unlink()
  scan(admin)
  tags.pop("/recommendations")  # empty before and after
  hold(gone=True)


def test_a_scan_passes_over_what_is_no_film_and_never_leaves_the_folder(start, films, folder):
  server = start()
  admin = server.admin()
  movies = server.library / "Movies"
  movies.mkdir(parents=True)
  secret = folder / "secret.mp4"
  shutil.copyfile(films("small.mp4"), secret)
  os.symlink(secret, movies / "Linked Film (2001).mp4")
  os.symlink(folder, movies / "up")
  os.symlink(movies, movies / "loop")
  os.mkfifo(movies / "Pipe Film (2002).mkv")
  (movies / "Garbage Film (2003).mkv").write_bytes(os.urandom(100_000))
  (movies / "Empty Film (2004).mkv").write_bytes(b"")
  (movies / "notes.txt").write_text("x")
  shutil.copyfile(films("small.mp4"), movies / "Real Film (2005).mp4")
  scan(admin)
  files = [row["file_path"] for row in server.rows("SELECT file_path FROM media_files")]
  assert any("Real Film" in path for path in files)
  assert not any(word in path for path in files for word in ("Linked", "secret", "Pipe", "notes", "loop")), files
  assert server.client().get("//health").status == 200


def test_an_import_is_one_file_on_disk_not_two(start, keep, folder, films, tracker):
  swarm = keep(Swarm(folder / "swarm", films("middle.mkv", mib=24), tracker, "Paper.Lantern.2019.720p.mkv"))
  server = start()
  admin = server.admin()
  server.wait_download(admin, server.download(admin, magnet_link=swarm.torrent.magnet()))
  kept = wait_until(lambda: [path for path in server.library.rglob("*.mkv")], 30, what="the library's file")[0]
  seeded = [path for path in server.downloads.rglob("*.mkv")]
  assert kept.stat().st_nlink == 2 and seeded and seeded[0].stat().st_ino == kept.stat().st_ino, "a second name, no second copy"


@pytest.mark.parametrize("title", ["../../../etc/Evil", "A/B: C? <D> *E* |F|", "..", "CON", "Film\u202e\u0007 Name", "x" * 300, "  spaced  ", "é́́́" * 30])
def test_odd_titles_make_safe_names(start, keep, folder, films, tracker, title):
  """The title comes from a metadata provider: whatever it says, the file lies beneath the library."""
  swarm = keep(Swarm(folder / "swarm", films("small.mkv"), tracker, "Odd.Film.2019.720p.mkv"))
  server = start()
  admin = server.admin()
  media = admin.ok("POST", "/media", {"title": title, "media_type": "movie", "year": 2019}, status=(201, 422))
  if "id" not in media:
    return
  server.wait_download(admin, server.download(admin, magnet_link=swarm.torrent.magnet(), media_id=media["id"]))
  kept = wait_until(lambda: [path for path in server.library.rglob("*") if path.is_file()], 30, what="the library's file")
  assert len(kept) == 1 and sha256(kept[0]) == swarm.sha256
  for part in kept[0].relative_to(server.library).parts:
    assert len(part.encode()) <= 255 and part not in (".", "..") and not set(part) & set('/\\:*?"<>|') and not any(ord(char) < 32 for char in part), part
  assert not (server.library.parent.parent / "etc").exists()
