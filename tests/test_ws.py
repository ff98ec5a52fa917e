"""The WebSocket: who gets in, what comes, and how it ends."""

import socket

import pytest

from harness.process import SLOW, wait_until
from harness.scene import Torznab, release, settings_for
from harness.ws import PING, TEXT, Refused, WebSocket


def test_a_ticket_opens_once(server, admin):
  ticket = admin.ok("POST", "/auth/ws-ticket")
  assert ticket["expires_in"] == 30
  WebSocket(server.port, f"/ws?ticket={ticket['ticket']}").close()
  with pytest.raises(Refused) as refused:
    WebSocket(server.port, f"/ws?ticket={ticket['ticket']}")
  assert refused.value.status == 401


def test_a_bearer_header_opens(server, admin):
  WebSocket(server.port, "/ws", {"Authorization": f"Bearer {admin.token}"}).close()


@pytest.mark.parametrize("path, headers, status", [
  ("/ws", {}, 401), ("/ws?ticket=nonsense", {}, 401), ("/ws", {"Authorization": "Bearer x.y.z"}, 401),
])
def test_strangers_stay_outside(server, path, headers, status):
  with pytest.raises(Refused) as refused:
    WebSocket(server.port, path, headers)
  assert refused.value.status == status


def test_a_foreign_origin_stays_outside(server, admin):
  ticket = admin.ok("POST", "/auth/ws-ticket")["ticket"]
  with pytest.raises(Refused) as refused:
    WebSocket(server.port, f"/ws?ticket={ticket}", {"Origin": "https://evil.example"})
  assert refused.value.status == 403
  ticket = admin.ok("POST", "/auth/ws-ticket")["ticket"]
  WebSocket(server.port, f"/ws?ticket={ticket}", {"Origin": f"http://127.0.0.1:{server.port}"}).close()


def test_a_plain_get_is_told_to_upgrade(server, admin):
  assert admin.get("//ws").status in (400, 426)


def test_events_have_their_shape_and_reach_only_their_user(start, keep):
  indexer = keep(Torznab([release("Paper.Lantern.2019.1080p.BluRay.x264-GRP", 1)]))
  server = start(**settings_for([indexer]))
  admin = server.admin()
  other = server.account("other")
  mine, theirs = server.socket(admin), server.socket(other)
  search = server.search(admin, "Paper Lantern", year=2019)["search_id"]
  event = mine.wait("search.results", where=lambda data: data["search_id"] == search)
  assert set(event) >= {"type", "id", "at", "data"} and event["at"].endswith("Z")
  mine.wait("search.completed", where=lambda data: data["search_id"] == search)
  theirs.pump(1)
  assert [event for event in theirs.events if event["type"].startswith("search.")] == []


def test_a_subscription_narrows(start, keep):
  indexer = keep(Torznab([release("Paper.Lantern.2019.1080p.BluRay.x264-GRP", 1)]))
  server = start(**settings_for([indexer]))
  admin = server.admin()
  socket_ = server.socket(admin)
  socket_.send({"subscribe": ["downloads"]})
  socket_.wait("subscribed")
  everything = server.socket(admin)
  server.search(admin, "Paper Lantern")
  everything.wait("search.completed")
  socket_.pump(1)
  assert [event["type"] for event in socket_.events if event["type"].startswith("search.")] == []


def test_a_ping_is_answered_and_a_big_message_closes_with_1009(server, admin):
  connection = server.socket(admin)
  connection.send(b"hello", PING)
  connection.send(b"x" * (65 * 1024), TEXT)
  assert connection.wait_closed() == 1009


@pytest.mark.parametrize("payload", [b"{", b"[]", b'{"subscribe": 5}', b'{"subscribe": ["' + b"x" * 1000 + b'"]}', b"\xff\xfe", b""])
def test_nonsense_does_no_harm(server, admin, payload):
  connection = server.socket(admin)
  connection.send(payload)
  connection.pump(0.3)
  assert server.client().get("//health").status == 200
  connection.close()


@pytest.mark.parametrize("names", [["nonsense"], ["downloads", "nonsense"], ["search:7"], ["search:" + "x" * 36], ["Downloads"], [""], [7], ["all"] * 65, "downloads", None])
def test_a_subscription_that_is_not_known_is_answered(server, admin, names):
  connection = server.socket(admin)
  connection.send({"subscribe": names})
  answer = connection.wait("error")
  assert answer["data"]["code"] == "invalid_subscription" and "search:<id>" in answer["data"]["detail"]
  connection.send({"unsubscribe": []})
  wait_until(lambda: connection.pump(0.1) or [one["data"]["code"] for one in connection.events if one["type"] == "error"][1:] == ["not_understood"], 20, what="the second answer")
  connection.send({"subscribe": ["tasks"]})
  assert connection.wait("subscribed")["data"] == {"subscribe": ["tasks"]}
  connection.close()


def test_broken_frames_close_the_connection(server, admin):
  for frame in (b"\x81\x05hello", b"\xff\xff\xff\xff", b"\x89\xfe\xff\xff\0\0\0\0", b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"):
    connection = server.socket(admin)
    connection.socket.sendall(frame)
    assert connection.wait_closed() is not None, frame
  assert server.client().get("//health").status == 200


def test_a_session_that_ends_closes_with_4401(server, admin):
  user = server.account("leaving")
  connection = server.socket(user)
  assert user.post("/auth/logout").status in (200, 204)
  assert connection.wait_closed() == 4401


def test_a_slow_reader_never_blocks_the_others(start, keep):
  indexer = keep(Torznab([release(f"Paper.Lantern.2019.1080p.BluRay.x264-GRP{n}", n) for n in range(1, 60)]))
  server = start(**settings_for([indexer]))
  admin = server.admin()
  sleeper = server.socket(admin)
  sleeper.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
  reader = server.socket(admin)
  for number in range(10):
    search = server.search(admin, "Paper Lantern")["search_id"]
    reader.wait("search.completed", 20, lambda data: data["search_id"] == search)
  assert server.client().get("//health").status == 200


def test_connections_per_address_are_limited(start):
  server = start(max_ws_per_ip=3)
  admin = server.admin()
  open_ = [server.socket(admin) for _ in range(3)]
  with pytest.raises(Refused) as refused:
    server.socket(admin)
  assert refused.value.status == 429
  open_.pop().close()
  def again():
    try:
      return server.socket(admin)
    except Refused:
      return None
  wait_until(again, 10, 0.2, "room for another").close()


def test_a_hundred_come_and_go(server, admin):
  before = server.resident_mib()
  for _ in range(3):
    sockets = [server.socket(admin) for _ in range(33)]
    for connection in sockets:
      connection.close()
  wait_until(lambda: server.resident_mib() - before < 20 * SLOW, 30, what=lambda: f"the memory to be given back: {before:.0f} MiB before, {server.resident_mib():.0f} now")
