"""The whole picture of the cluster at once: nginx, API processes, each kind of worker, PostgreSQL, Redis, NATS, indexers, metadata,
a swarm and a model; and a person who knows nothing of all that, and only sees what comes through nginx."""

import collections
import hashlib
import json
import urllib.parse

import pytest

from harness.fleet import Fleet
from harness.front import NAME, Front, Person, Secure
from harness.process import wait_until
from harness.scene import Release, Torznab, metadata, release, settings_for
from harness.standins import Embeddings
from harness.swarm import Swarm

PASSWORD = "correct horse battery"
TITLE = "Paper.Lantern.2019.720p.WEB-DL.x264-OWN"


class Picture:
  """Everything, running."""

  def __init__(self, folder, keep, films, tracker):
    self.swarm = keep(Swarm(folder / "swarm", films("middle.mkv", mib=24), tracker, TITLE + ".mkv"))
    self.tmdb, self.tvmaze = metadata(keep)
    self.indexer = keep(Torznab([Release(TITLE, self.swarm.torrent, seeders=14), release("Paper.Lantern.Festival.2019.1080p.BluRay.x264-GRP", 2)]))
    self.model = keep(Embeddings())
    self.fleet = keep(Fleet(folder / "fleet", trusted_proxies="127.0.0.1/32", public_url=f"https://{NAME}", embeddings_url=self.model.base,
                            **settings_for([self.indexer], tmdb=self.tmdb, tvmaze=self.tvmaze)))
    self.front = keep(Front(folder / "front", [member.port for member in self.fleet.api], rate=100000))

  def person(self, name, **extra):
    """Somebody new, by nginx."""
    person = Person(self.front)
    person.ok("POST", "/auth/register", {"username": name, "email": f"{name}@example.org", "password": PASSWORD, **extra}, status=201)
    person.token = person.ok("POST", "/auth/login", {"username": name, "password": PASSWORD}, status=200)["access_token"]
    return person

  def socket(self, person):
    return Secure(self.front, person.ok("POST", "/auth/ws-ticket")["ticket"])

  def requests(self):
    """What nginx says of them."""
    return [json.loads(line) for line in self.front.lines()]


@pytest.fixture
def picture(folder, keep, films, tracker):
  return Picture(folder, keep, films, tracker)


def searched(picture, person, socket):
  """Scout asks the indexer, Oracle the model, and both tell by the WebSocket."""
  search = person.ok("POST", "/search", {"query": "Paper Lantern", "year": 2019, "media_type": "movie"}, status=202)["search_id"]
  socket.wait("search.completed", where=lambda data: data["search_id"] == search)
  person.ok("POST", f"/search/{search}/score", status=202)
  answer = wait_until(lambda: (found := person.ok("GET", f"/search/{search}?sort=-score")) and all(row["ai_validated"] for row in found["results"]) and found, 60,
                      what="the model's word on every result")
  assert [row["info_hash"] for row in answer["results"]][:1] == [picture.swarm.torrent.info_hash], answer
  assert picture.indexer.calls and picture.tmdb.calls and picture.model.texts
  return answer


def downloaded(picture, person, socket, answer):
  """Hunter fetches it from the swarm, and tells of it."""
  download = person.ok("POST", "/downloads/start", {"search_result_id": answer["results"][0]["id"]}, status=202)["download_id"]
  socket.wait("download.completed", 120, where=lambda data: data.get("download_id", data.get("id")) == download)
  assert person.ok("GET", f"/downloads/{download}")["info_hash"] == picture.swarm.torrent.info_hash
  files = wait_until(lambda: person.ok("GET", f"/media/{answer['media_id']}/files")["items"], 60, what="the file in the library")
  assert len(files) == 1 and files[0]["resolution"] == "720p"


def played(picture, person, media):
  """The film's own bytes, whole and in part; where one stopped is known."""
  direct = person.ok("GET", f"/streaming/direct/{media}")
  address = urllib.parse.urlsplit(direct["url"])
  path = f"/{address.path}?{address.query}"
  whole = person.get(path, token=None, timeout=120)
  assert whole.status == 200 and hashlib.sha256(whole.body).hexdigest() == picture.swarm.sha256
  part = person.get(path, token=None, headers={"Range": "bytes=1000-1999"})
  assert part.status == 206 and part.body == whole.body[1000:2000]
  person.ok("POST", f"/streaming/{direct['stream_id']}/stop", {"position_seconds": 3})
  assert [row["media_id"] for row in person.ok("GET", "/history/continue")["items"]] == [media]


def kept_in_order(admin):
  """Sentinel looks through the shelves."""
  task = admin.ok("POST", "/media/scan", status=202)["task_id"]
  wait_until(lambda: admin.ok("GET", f"/tasks/{task}")["status"] == "completed", 60, what="the scan")


def test_a_person_sees_one_server_and_every_box_has_its_part(picture):
  fleet = picture.fleet
  admin = picture.person("admin", setup_token=fleet.api[0].setup_token())
  person = picture.person("viewer")
  socket = picture.socket(person)
  answer = searched(picture, person, socket)
  downloaded(picture, person, socket, answer)
  media = answer["media_id"]
  assert [row["id"] for row in person.ok("GET", "/media?q=paper+lantern")["items"]] == [media]
  person.ok("POST", "/library/favorites", {"media_id": media})
  played(picture, person, media)
  kept_in_order(admin)
  socket.close()

  # nginx: all of it came through here. API: each process had its share, or gets it from whoever asks on.
  def served():
    counts = collections.Counter(line["upstream"] for line in picture.requests())
    return [counts[f"127.0.0.1:{member.port}"] for member in fleet.api]
  wait_until(lambda: min(served()) >= 5 or not person.ok("GET", "/auth/me"), 60, what=lambda: f"a share for both: {served()}")
  requests = picture.requests()
  assert len(requests) > 20 and {line["status"] for line in requests} <= {101, 200, 201, 202, 204, 206}, requests
  # PostgreSQL: what each kind of worker did.
  done = collections.Counter(row["task_type"] for row in fleet.api[0].rows("SELECT task_type FROM tasks WHERE status IN ('running', 'completed')"))
  assert set(done) == {"search", "score", "download", "monitor"}, done
  # Redis: what is cached and counted. NATS: jobs and events went through it.
  keys = fleet.redis.keys(fleet.shared["cache_url"])
  assert keys
  streams = {name: fleet.nats.stream(name)["state"]["messages"] for name in ("JOBS", "EVENTS", "LOGS")}
  assert streams["JOBS"] >= 4 and streams["EVENTS"] > 0, streams
  # Everything is well, and counted for whoever watches.
  health = admin.ok("GET", "//health/deep")
  assert health["status"] == "ok", health
  figures = fleet.api[0].client(admin.token).get("//metrics").body.decode()
  assert "sokoul_api_requests_total" in figures
  print(f"\n{len(requests)} requests through nginx, served by {served()}; jobs {dict(done)}; {len(keys)} keys in Redis; messages in NATS {streams}")
