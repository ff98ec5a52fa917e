#!/usr/bin/python3
"""The whole journey offline: ./run --demo.

Films are made on the spot, a tracker, a seeder, an indexer, and a metadata server answer on loopback, and the real
program does what it does: search, judge, download, keep, play. Everything lies in ./data-demo, which is made anew each
time. --once ends when the journey is over instead of leaving the server on.
"""

import pathlib
import shutil
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from harness.process import free_port  # noqa: E402
from harness.scene import GIB, Release, Tmdb, Torznab, Tvmaze, release, settings_for  # noqa: E402
from harness.seeder import Seeder  # noqa: E402
from harness.sokoul import Sokoul  # noqa: E402
from harness.torrents import Torrent, Tracker  # noqa: E402

HOME = ROOT / "data-demo"
USER, PASSWORD = "demo", "demo-demo-demo"
PORT = 3000
FILM = {"id": 1, "title": "Paper Lantern", "year": 2019, "runtime": 1, "overview": "A lantern crosses a harbour at night."}
SERIES = {"id": 2, "name": "Harbour Lights", "year": 2016, "runtime": 1, "seasons": {1: ["The Pilot Boat", "Fog", "Low Water"]}}
FILM_NAME = "Paper.Lantern.2019.720p.WEB-DL.x264-OWN"
PACK_NAME = "Harbour.Lights.S01.360p.WEB.x264-OWN"
IS_TERMINAL = sys.stdout.isatty()


def bold(text):
  return f"\033[1m{text}\033[0m" if IS_TERMINAL else text


def say(text=""):
  print(text, flush=True)


def title(text):
  say()
  say(bold(text))


def make_film(path, picture, tone, seconds, rate):
  path.parent.mkdir(parents=True, exist_ok=True)
  subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", f"sine=frequency={tone}:sample_rate=44100",
                  "-t", str(seconds), "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "48", "-b:v", rate,
                  "-c:a", "aac", "-b:a", "96k", path], check=True, stdin=subprocess.DEVNULL)
  return path


def make_films():
  """One film of about 60 MB and a season of three short episodes."""
  seed = HOME / "swarm"
  film = make_film(seed / f"{FILM_NAME}.mkv", "gradients=size=1280x720:rate=24:speed=0.02:c0=0x101830:c1=0xd08040:c2=0x4060a0,noise=alls=24:allf=t", 220, 45, "10M")
  pack = seed / PACK_NAME
  for number in (1, 2, 3):
    make_film(pack / f"Harbour.Lights.S01E{number:02d}.360p.WEB.x264-OWN.mkv", f"testsrc2=size=640x360:rate=24,hue=h={number * 80}", 200 + 60 * number, 12, "2M")
  return film, pack


class World:
  """The indexers, the metadata, the tracker and the seeders; and what they are called in the settings."""

  def __init__(self, film, pack):
    self.tracker = Tracker()
    self.torrents = [Torrent(film, [self.tracker.url]), Torrent(pack, [self.tracker.url])]
    self.seeders = [Seeder(self.torrents[0], kib_s=6000), Seeder(self.torrents[1], kib_s=6000)]
    for torrent, seeder in zip(self.torrents, self.seeders):
      self.tracker.add(torrent, seeder.port)
    self.indexer = Torznab([
      Release(FILM_NAME, self.torrents[0], seeders=14), Release(PACK_NAME, self.torrents[1], seeders=6, category=5000),
      release("Paper.Lantern.1987.2160p.BluRay.REMUX-OLD", 11, seeders=9000, size=40 * GIB),
      release("Paper.Lantern.2019.HDCAM.x264-CAM", 12, seeders=20000, size=2 * GIB),
      release("Paper.Lantern.Returns.2021.1080p.BluRay.x264-NEXT", 13, seeders=4000, size=8 * GIB),
      release("Harbour.Lights.S02E01.1080p.WEB.x264-NEXT", 14, seeders=4000, size=GIB, category=5000)], match_all=True)
    self.broken = Torznab(fault="500")
    self.tmdb, self.tvmaze = Tmdb([FILM], [SERIES]), Tvmaze([SERIES])

  def settings(self):
    return settings_for([self.indexer, self.broken], tmdb=self.tmdb, tvmaze=self.tvmaze)

  def kill(self):
    for part in (*self.seeders, self.indexer, self.broken, self.tmdb, self.tvmaze, self.tracker):
      part.kill()


def wait(check, limit_s, what):
  deadline = time.monotonic() + limit_s
  while time.monotonic() < deadline:
    value = check()
    if value:
      return value
    time.sleep(0.2)
  raise SystemExit(f"error: {what} took more than {limit_s} s; the log is {HOME / 'log'}")


def search(client, text, **more):
  title(f"Searching: {text}")
  search_id = client.ok("POST", "/search", {"query": text, **more})["search_id"]
  shown = set()

  def done():
    answer = client.ok("GET", f"/search/{search_id}?sort=-score")
    for provider in answer["providers"]:
      state = (provider["name"], provider["status"])
      if provider["status"] in ("completed", "failed") and state not in shown:
        shown.add(state)
        say(f"  {provider['name']:<22} {provider['status']:<10} {provider['results']:>2} results   {provider['error'] or ''}")
    return answer if answer["status"] in ("completed", "failed") else None
  answer = wait(done, 60, "the search")
  title("  score  seeders  release")
  for result in answer["results"]:
    say(f"  {result['score']:>5}  {result['seeders'] if result['seeders'] is not None else '?':>7}  {result['title']}")
  best = answer["results"][0]
  title(f"Why {best['title']} has {best['score']} points:")
  for row in best["score_breakdown"]:
    say(f"  {row['points']:>+6.1f}  {row['reason']}")
  return answer, best


def progress_line(state):
  filled = int(state["progress"] / 4)
  return (f"  [{'#' * filled}{'.' * (25 - filled)}] {state['progress']:5.1f} %  {state['download_speed'] / 1e6:5.1f} MB/s  "
          f"{state['peers']} peer{'s' if state['peers'] != 1 else ''}  {state['status']:<12}")


def address(server, url):
  return url if url.startswith("http") else f"http://127.0.0.1:{server.port}{url}"


def playable(client, media_id):
  reply = client.get(f"/streaming/direct/{media_id}")
  return reply.json if reply.status == 200 else None


def play_while_it_comes(server, client, media_id, film):
  """Reads the end and the middle of the film while it is still downloading; says what was there by then."""
  direct = wait(lambda: playable(client, media_id), 20, "something to play")
  size = film.stat().st_size
  for where, at in (("beginning", 0), ("end", size - 65536), ("middle", size // 2)):
    began = time.monotonic()
    reply = client.request("GET", address(server, direct["url"]), token=None, headers={"Range": f"bytes={at}-{at + 65535}"}, timeout=60)
    with open(film, "rb") as file:
      file.seek(at)
      right = reply.status == 206 and reply.body == file.read(65536)
    say(f"  played its {where} after {1000 * (time.monotonic() - began):.0f} ms while it downloads{'' if right else ': NOT the bytes of the film'}" + " " * 20)
    if not right:
      raise SystemExit(f"error: the bytes at {at} are not the film's ({reply.status})")


def download(server, client, answer, best, film=None):
  title(f"Downloading: {best['title']}")
  download_id = client.ok("POST", "/downloads/start", {"search_result_id": best["id"]})["download_id"]
  played, shown = film is None, [None]

  def done():
    nonlocal played
    state = client.ok("GET", f"/downloads/{download_id}")
    if state["status"] == "failed":
      raise SystemExit(f"error: {state['error']}")
    tenth = (state["status"], state["progress"] // 10)
    if IS_TERMINAL:
      print(progress_line(state), end="\r", flush=True)
    elif tenth != shown[-1]:
      say(progress_line(state))
    shown.append(tenth)
    if not played and state["progress"] > 3 and state["status"] == "downloading":
      played = True
      play_while_it_comes(server, client, answer["media_id"], film)
    return state["status"] in ("seeding", "completed")
  wait(done, 90, "the download")
  say()


def show_library(server):
  title(f"The library, as Jellyfin, Plex and Kodi read it: {server.library.relative_to(ROOT)}")
  for path in sorted(server.library.rglob("*")):
    if path.is_file():
      say(f"  {path.relative_to(server.library)}  ({path.stat().st_size / 1e6:.1f} MB)")


def journey(server, client, film):
  answer, best = search(client, "Paper Lantern", year=2019, media_type="movie")
  if best["title"] != FILM_NAME:
    raise SystemExit("error: another release than the right one stands first")
  download(server, client, answer, best, film)
  series, pack = search(client, "Harbour Lights", media_type="tv", season=1)
  download(server, client, series, pack)
  wait(lambda: len([path for path in server.library.rglob("*.mkv")]) >= 4, 30, "the import")
  show_library(server)
  return answer["media_id"]


def pick_port():
  with socket.socket() as probe:
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
      probe.bind(("127.0.0.1", PORT))
      return PORT
    except OSError:
      return free_port()


def main():
  began = time.monotonic()
  shutil.rmtree(HOME, ignore_errors=True)
  HOME.mkdir()
  title("Making films with ffmpeg")
  film, pack = make_films()
  world, server = World(film, pack), None
  try:
    server = Sokoul(HOME, start=False, **world.settings())
    server.listen(pick_port())
    seconds = server.start()
    say(f"  Sokoul answers on http://127.0.0.1:{server.port} after {seconds:.2f} s; its indexers, metadata and swarm are on loopback")
    client = server.account(USER, PASSWORD, setup_token=server.setup_token())
    media_id = journey(server, client, film)
    direct = client.ok("GET", f"/streaming/direct/{media_id}")
    title(f"Done after {time.monotonic() - began:.0f} s. Watch it:")
    say(f"  in a browser   http://127.0.0.1:{server.port}/   (name {USER}, password {PASSWORD})")
    say(f"  in a player    mpv '{address(server, direct['url'])}'")
    if "--once" not in sys.argv:
      say("\nIt all lies in ./data-demo. Ctrl-C ends the demonstration.")
      server.process.popen.wait()
  except KeyboardInterrupt:
    say()
  finally:
    if server and server.process and server.process.alive():
      server.process.end()
    world.kill()
  return 0


if __name__ == "__main__":
  sys.exit(main())
