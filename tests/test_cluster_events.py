"""What happened is told to whoever was away for it: a person whose process was restarted, a process that had no NATS."""

import json

import pytest

from harness.fleet import Fleet
from harness.process import wait_until
from harness.scene import Torznab, release, settings_for
from harness.servers import Nats


@pytest.fixture
def fleet(folder, keep):
  return keep(Fleet(folder, workers=()))


def add_film(client, title):
  """Makes an event for everybody, library.changed; the work's id."""
  return client.ok("POST", "/media", {"title": title, "media_type": "movie"}, status=201)["id"]


def told(socket):
  """The works that the library's events were about, in the order they came."""
  return [event["data"]["media_id"] for event in socket.events if event["type"] == "library.changed"]


def read_all(socket, works):
  """Reads until something was said of each of them."""
  for work in works:
    socket.wait("library.changed", where=lambda data, work=work: data["media_id"] == work)


def absent(member):
  """The parts that a process has started without, as it says."""
  lines = [json.loads(line) for line in member.log().splitlines() if line.startswith("{")]
  return {line["part"] for line in lines if line["msg"] == "started without a part that is not well"}


def test_a_rolling_restart_forgets_no_event(fleet):
  here = fleet.admin()
  clients = [here, fleet.at(1, here)]
  socket = fleet.api[0].socket(here)
  first = add_film(here, "Paper Lantern")
  read_all(socket, [first])
  last_id = socket.events[-1]["id"]
  socket.close()
  missed = [add_film(clients[number % 2], f"Missed {number}") for number in range(30)]
  for member in fleet.api:
    member.restart()
  later = [add_film(clients[number % 2], f"Later {number}") for number in range(5)]
  for number, client in enumerate(clients):
    socket = fleet.api[number].socket(client, last_id=last_id)
    read_all(socket, missed + later)
    assert sorted(told(socket)) == sorted(missed + later), "each once"
    socket.close()


def test_what_a_process_missed_while_it_had_no_nats_comes_afterwards(fleet):
  here = fleet.admin()
  there = fleet.at(1, here)
  socket = fleet.api[1].socket(there)
  works = [add_film(here, "Before")]
  read_all(socket, works)
  for number in range(3):
    fleet.nats.stop()
    works += [add_film(here, f"Away {number} {some}") for some in range(5)]
    fleet.nats.start()
    works.append(add_film(here, f"Back {number}"))
    read_all(socket, works)
  assert sorted(told(socket)) == sorted(works), "each once"


def test_a_process_starts_without_redis_and_nats_and_finds_them_later(folder, keep):
  indexer = keep(Torznab([release("Paper.Lantern.2019.1080p.BluRay.x264-GRP", 1)]))
  fleet = keep(Fleet(folder, workers=("scout",), **settings_for([indexer])))
  admin = fleet.admin()
  fleet.redis.stop()
  fleet.nats.stop()
  for member in (fleet.api[1], fleet.workers[0]):
    member.stop()
    member.start()
    wait_until(lambda member=member: absent(member) == {"cache", "queue"}, 30, what="both to be named")
  there = fleet.at(1, admin)
  search = there.ok("POST", "/search", {"query": "Paper Lantern", "year": 2019}, status=202)["search_id"]
  fleet.api[1].wait_search(there, search)  # its worker looks into the table by itself
  assert there.get("//health/deep").status == 503
  fleet.redis.start()
  fleet.nats.start()
  wait_until(lambda: there.get("//health/deep").status == 200, 30, what="all parts to be well")
  socket = fleet.api[1].socket(there)
  read_all(socket, [add_film(admin, "Paper Lantern II")])


def test_a_nats_with_a_password_of_odd_letters_and_little_room_will_do(folder, keep):
  fleet = keep(Fleet(folder, apis=0, workers=()))
  (folder / "nats.conf").write_text('jetstream { max_file: 100M }\nauthorization { user: "u@x", password: "p:w/d%?" }\n')
  nats = keep(Nats(options=["-c", str(folder / "nats.conf")]))
  fleet.shared["queue_url"] = nats.url.replace("://", "://u%40x:p%3Aw%2Fd%25%3F@")
  fleet.add_api()
  assert fleet.admin().get("//health/deep").status == 200
  assert not absent(fleet.api[0])


def test_a_server_that_refuses_the_password_is_named_at_the_start(fleet, keep):
  nats = keep(Nats(options=["--user", "sokoul", "--pass", "a-good-secret"]))
  fleet.api[1].stop()
  for setting, server in (("queue_url", nats), ("cache_url", fleet.redis)):
    scheme, _, address = server.url.partition("://")
    code, _, said = fleet.api[1].run("serve", settings={f"SOKOUL_{setting.upper()}": f"{scheme}://sokoul:wrong-secret@{address}"})
    assert code == 1 and f"SOKOUL_{setting.upper()}" in said and "wrong-secret" not in said, said
