"""What users send as files: pictures of accounts, and the virus scanner that looks at everything first."""

import hashlib
import json
import os
import random
import signal
import struct
import threading
import zlib

import pytest

from harness import pictures
from harness.clamd import MARKER, SIGNATURE, STREAM_MAX, Clamd
from harness.http import assert_problem
from harness.process import wait_until
from harness.routes import table
from harness.sokoul import Sokoul
from harness.torrents import bencode

MIB = 1 << 20


def upload(client, content, name="me.png", kind="image/png", field="avatar", method="PUT"):
  return client.upload("/auth/me/avatar", field, name, content, content_type=kind, method=method)


def files(server):
  return sorted(path.name for path in (server.data / "avatars").iterdir())


@pytest.fixture(scope="module")
def user(server, admin):
  return server.account("ada")


@pytest.mark.parametrize("kind, width, height, expected", [("png", 900, 600, (512, 341)), ("jpeg", 900, 600, (512, 341)),
                                                           ("png", 40, 31, (40, 31)), ("jpeg", 40, 31, (40, 31)), ("jpeg", 64, 2000, (16, 512))])
def test_a_picture_becomes_one_of_ours(server, user, kind, width, height, expected):
  sent = getattr(pictures, kind)(width, height)
  # What it is called does not count.
  reply = upload(user, sent, "../../etc/passwd.exe", "application/x-msdownload")
  assert reply.status == 200, reply
  url = reply.json["avatar_url"]
  assert reply.json == user.ok("GET", "/auth/me") and reply.headers["ETag"] == user.get("/auth/me").headers["ETag"]
  shown = server.client().get("/" + url)
  assert shown.status == 200 and shown.body != sent
  assert pictures.decode(shown.body)[:3] == (kind, *expected)
  assert pictures.corners(shown.body) == "rgbw"
  assert files(server) == [url.rsplit("/", 1)[1]], "one file: the one before is gone"


def test_a_picture_may_be_the_whole_body(server, user):
  for name, sent in (("png", pictures.png(20, 20)), ("jpeg", pictures.jpeg(20, 20))):
    for said in ("image/png", "image/jpeg"):
      reply = user.request("PUT", "/auth/me/avatar", raw=sent, headers={"Content-Type": said})
      assert reply.status == 200, reply
      assert pictures.decode(user.get("/" + reply.json["avatar_url"]).body)[0] == name
  for said in ("application/json", "text/plain", "image/gif", "application/octet-stream"):
    assert_problem(user.request("PUT", "/auth/me/avatar", raw=pictures.png(20, 20), headers={"Content-Type": said}), 415)


@pytest.mark.parametrize("orientation, expected", [(1, "rgbw"), (3, "wbgr"), (6, "brwg"), (8, "gwrb")])
def test_it_is_turned_upright_and_tells_nothing_else(server, user, orientation, expected):
  reply = upload(user, pictures.with_exif(pictures.jpeg(80, 60), orientation))
  shown = user.get("/" + reply.json["avatar_url"]).body
  assert pictures.corners(shown) == expected
  assert pictures.decode(shown)[1:3] == ((80, 60) if orientation < 5 else (60, 80))
  assert b"GPS" not in shown and b"Exif" not in shown
  text = [(b"tEXt", b"Comment\0my street 7"), (b"zTXt", b"Comment\0\0" + zlib.compress(b"my street 7")), (b"eXIf", b"MM\0*my street 7")]
  shown = user.get("/" + upload(user, pictures.png(30, 30, extra=text)).json["avatar_url"]).body
  assert pictures.corners(shown) == "rgbw" and b"street" not in shown and b"EXt" not in shown and b"TXt" not in shown


BOMB = zlib.compress(b"\0" * (64 * MIB), 9)
NOT_PICTURES = {
  "empty": b"", "text": b"hello", "gif": b"GIF89a\1\0\1\0\0\0\0;", "svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
  "html": b"<html><script>alert(1)</script>", "html that begins like a jpeg": b"\xff\xd8\xff<script>alert(1)</script>",
  "only the beginning of a png": pictures.png(50, 50)[:60], "a png without its end": pictures.png(50, 50)[:-12],
  "a jpeg cut in the middle": pictures.jpeg(300, 300)[:3000], "a jpeg without its end": pictures.jpeg(300, 300)[:-40],
  "a png with a wrong checksum": pictures.png(50, 50)[:-30] + b"\0" * 8 + pictures.png(50, 50)[-22:],
  "a png that claims to be huge": pictures.png(2, 2, claim=(8193, 1)), "many pixels": pictures.png(2, 2, claim=(8000, 8000)),
  "a png of no height": pictures.png(2, 2, claim=(2, 0)), "a png of gigabytes": pictures.png(2, 2, claim=(2 ** 31 - 1, 2 ** 31 - 1)),
  "more data than pixels, much": b"\x89PNG\r\n\x1a\n" + pictures.chunk(b"IHDR", struct.pack(">IIBBBBB", 8000, 5001, 16, 6, 0, 0, 0)) +
                                 pictures.chunk(b"IDAT", BOMB) + pictures.chunk(b"IEND", b""),
  "noise": random.Random(7).randbytes(5000),
}


@pytest.mark.parametrize("what", NOT_PICTURES)
def test_what_is_no_picture_is_refused_with_a_sentence(server, user, what):
  before, kept = user.ok("GET", "/auth/me"), files(server)
  problem = assert_problem(upload(user, NOT_PICTURES[what], "me.png", "image/png"), 422)
  assert [one["field"] for one in problem["errors"]] == ["avatar"] and len(problem["errors"][0]["message"]) > 20, problem
  assert user.ok("GET", "/auth/me") == before and files(server) == kept


def test_texts_that_unpack_to_much_do_not(server, user):
  extra = [(b"zTXt", b"Comment\0\0" + BOMB), (b"iCCP", b"icc\0\0" + BOMB), (b"iTXt", b"Comment\0\1\0\0\0" + BOMB)] * 3
  reply = upload(user, pictures.png(30, 30, extra=extra))
  assert reply.status == 200
  assert len(user.get("/" + reply.json["avatar_url"]).body) < 3000


def test_ten_mebibytes_are_the_limit_and_no_more(server, user):
  picture = pictures.png(10, 10)
  full = pictures.png(10, 10, extra=[(b"prVt", b"x" * (10 * MIB - len(picture) - 12))])
  assert len(full) == 10 * MIB
  assert upload(user, full).status == 200
  longer = pictures.png(10, 10, extra=[(b"prVt", b"x" * (10 * MIB - len(picture) - 11))])
  for content in (longer, longer + b"x" * MIB, b"\xff\xd8\xff" + b"x" * (40 * MIB)):
    assert_problem(upload(user, content), 413, "too_large")
    assert_problem(user.request("PUT", "/auth/me/avatar", raw=content, headers={"Content-Type": "image/png"}), 413, "too_large")


def test_the_field_must_be_there_and_no_other(server, user):
  for reply in (upload(user, pictures.png(9, 9), field="picture"),
                user.request("PUT", "/auth/me/avatar", raw=b"", headers={"Content-Type": "image/png"}),
                user.request("PUT", "/auth/me/avatar", raw=b"--x--\r\n", headers={"Content-Type": "multipart/form-data; boundary=x"})):
    problem = assert_problem(reply, reply.status)
    assert reply.status in (400, 422), reply
    assert reply.status == 400 or [one["field"] for one in problem["errors"]] == ["avatar"]
  empty = user.request("PUT", "/auth/me/avatar", raw=b"", headers={"Content-Type": "image/png"})
  assert [one["message"] for one in assert_problem(empty, 422)["errors"]] == ["the body is empty"]


def test_it_is_taken_away_and_only_ones_own(server, admin, user):
  mine = upload(user, pictures.png(20, 20)).json
  theirs = upload(admin, pictures.jpeg(20, 20)).json
  assert_problem(server.client().delete("/auth/me/avatar"), 401)
  assert_problem(user.delete("/auth/me/avatar", headers={"If-Match": '"old"'}), 412)
  assert_problem(user.upload("/auth/me/avatar", "avatar", "a.png", pictures.png(20, 20), method="PUT", headers={"If-Match": '"old"'}), 412)
  assert user.delete("/auth/me/avatar").status == 204
  assert user.ok("GET", "/auth/me")["avatar_url"] is None
  assert_problem(user.get("/" + mine["avatar_url"]), 404)
  assert admin.get("/" + theirs["avatar_url"]).status == 200
  assert user.delete("/auth/me/avatar").status == 204, "nothing to take away is no fault"
  rows = server.rows("SELECT old_value, new_value FROM audit_logs WHERE action = 'user.avatar' AND user_id = ? ORDER BY id", mine["id"])
  assert json.loads(rows[-2]["new_value"]) == json.loads(rows[-1]["old_value"]) == {"avatar_url": mine["avatar_url"]}
  assert json.loads(rows[-1]["new_value"]) == {"avatar_url": None}


def test_a_picture_is_shown_so_that_it_can_do_nothing(server, user):
  url = "/" + upload(user, pictures.png(60, 60)).json["avatar_url"]
  nobody = server.client()
  reply = nobody.get(url)
  assert reply.headers["Content-Type"] == "image/png"
  assert reply.headers.get_all("X-Content-Type-Options") == ["nosniff"]
  assert "sandbox" in reply.headers["Content-Security-Policy"] and "default-src 'none'" in reply.headers["Content-Security-Policy"]
  assert "immutable" in reply.headers["Cache-Control"]
  again = nobody.get(url, headers={"If-None-Match": reply.headers["ETag"]})
  assert again.status == 304 and not again.body
  head = nobody.request("HEAD", url)
  assert head.status == 200 and head.headers["Content-Length"] == str(len(reply.body)) and not head.body
  assert nobody.get(url, headers={"Range": "bytes=0-3"}).body == b"\x89PNG"


def test_it_goes_with_its_account(server, admin):
  gone = server.account("gone")
  url = upload(gone, pictures.png(20, 20)).json["avatar_url"]
  assert admin.delete(f"/admin/users/{gone.user['id']}").status == 204
  assert_problem(server.client().get("/" + url), 404)
  assert url.rsplit("/", 1)[1] not in files(server)


@pytest.mark.parametrize("name", ["x", "..", "../sokoul.db", "..%2fsokoul.db", "%2e%2e/keys", "a" * 24 + ".png", "a" * 24 + ".svg",
                                  ".part-" + "a" * 18 + ".png", "a" * 5000])
def test_names_that_are_none_of_ours_lead_nowhere(server, user, name):
  assert_problem(server.client().get("//avatars/" + name), 404)


def test_what_a_crash_left_is_removed_at_the_next_start(start):
  server = start()
  user = server.admin()
  kept = upload(user, pictures.png(20, 20)).json["avatar_url"].rsplit("/", 1)[1]
  folder = server.data / "avatars"
  old, young, part, foreign = folder / ("o" * 24 + ".png"), folder / ("y" * 24 + ".jpg"), folder / (".part-" + "p" * 24 + ".png"), folder / "README"
  for path in (old, young, part, foreign):
    path.write_bytes(b"left")
  for path in (folder / kept, old, part, foreign):
    os.utime(path, (1_000_000_000, 1_000_000_000))
  server.restart()
  assert files(server) == sorted([kept, young.name, foreign.name])
  assert oct(folder.stat().st_mode & 0o777) == "0o700" and oct((folder / kept).stat().st_mode & 0o777) == "0o600"


def test_many_at_once_are_taken_or_told_to_wait(server, user):
  """Whatever uploads do, somebody can still sign in; and of all that were taken exactly one file is left."""
  big = pictures.png(3000, 2000)
  replies = []
  threads = [threading.Thread(target=lambda: replies.append(upload(user, big))) for _ in range(12)]
  for thread in threads:
    thread.start()
  server.login("ada")
  for thread in threads:
    thread.join()
  assert {reply.status for reply in replies} <= {200, 503} and 200 in {reply.status for reply in replies}
  for reply in replies:
    if reply.status == 503:
      assert_problem(reply, 503, "overloaded")
      assert int(reply.headers["Retry-After"]) >= 1
  last = user.ok("GET", "/auth/me")["avatar_url"].rsplit("/", 1)[1]
  mine = [name for name in files(server) if server.rows("SELECT 1 FROM users WHERE avatar_url = ?", "/avatars/" + name)]
  wait_until(lambda: len(files(server)) == len(mine), 10, what=f"only pictures that are somebody's: {files(server)} {mine}")
  assert last in files(server)
  assert upload(user, pictures.png(20, 20)).status == 200


def test_broken_pictures_break_nothing(server, user):
  seed = int(os.environ.get("SOKOUL_SEED", "0")) or random.randrange(1 << 30)
  print(f"\nSOKOUL_SEED={seed}")
  chance = random.Random(seed)
  statuses = []
  for number in range(60):
    content = bytearray(pictures.png(64, 48) if number % 2 else pictures.jpeg(64, 48))
    for _ in range(chance.randint(1, 20)):
      content[chance.randrange(4, len(content))] = chance.randrange(256)
    statuses.append(upload(user, bytes(content)).status)
  assert set(statuses) <= {200, 422}, statuses


# --- The virus scanner

@pytest.fixture(scope="module")
def clamd(module_folder, module_keep):
  return module_keep(Clamd(module_folder / "clamd"))


@pytest.fixture(scope="module")
def scanned(module_folder, module_keep, clamd):
  """A server whose uploads are scanned, and its admin."""
  server = module_keep(Sokoul(module_folder / "scanned", clamd=clamd.unix))
  return server, server.admin()


def send_torrent(client, content):
  return client.upload("/downloads/start", "torrent", "a.torrent", content)


def marked_picture(extra=b""):
  return pictures.png(30, 30, extra=[(b"tEXt", b"Comment\0" + MARKER + extra)])


def marked_torrent(name="x"):
  return bencode({"announce": b"http://127.0.0.1:9/announce", "comment": MARKER,
                  "info": {"length": 16384, "name": name.encode(), "piece length": 16384, "pieces": b"p" * 20}})


def clean_torrent(name):
  return marked_torrent(name).replace(MARKER, bytes(reversed(MARKER)))


@pytest.mark.parametrize("way", ["unix", "tcp"])
def test_what_is_clean_passes_the_scanner(start, clamd, way):
  server = start(clamd=getattr(clamd, way))
  admin = server.admin()
  assert upload(admin, pictures.png(30, 30)).status == 200
  assert upload(admin, pictures.jpeg(30, 30)).status == 200
  assert admin.request("PUT", "/auth/me/avatar", raw=pictures.png(9, 9), headers={"Content-Type": "image/png"}).status == 200
  assert send_torrent(admin, clean_torrent("clean")).status == 202
  assert admin.ok("GET", "//health/deep")["checks"]["scanner"]["status"] == "ok"
  for reply in (upload(admin, marked_picture()), send_torrent(admin, marked_torrent())):
    assert_problem(reply, 422, "upload_infected")


def test_what_the_scanner_knows_is_refused_named_and_told(scanned):
  server, admin = scanned
  user = server.account("ada")
  before = user.ok("GET", "/auth/me")
  socket = server.socket(admin)
  for reply, field in ((upload(user, marked_picture()), "avatar"), (send_torrent(user, marked_torrent()), "torrent"),
                       (user.request("PUT", "/auth/me/avatar", raw=marked_picture(), headers={"Content-Type": "image/png"}), "avatar"),
                       (upload(user, b"no picture at all " + MARKER), "avatar"), (send_torrent(user, b"no torrent " + MARKER), "torrent")):
    problem = assert_problem(reply, 422, "upload_infected")
    assert SIGNATURE in problem["detail"] and [one["field"] for one in problem["errors"]] == [field], problem
  assert user.ok("GET", "/auth/me") == before and user.ok("GET", "/downloads")["items"] == []
  rows = server.rows("SELECT * FROM audit_logs WHERE action = 'upload.infected' AND user_id = ? ORDER BY id", user.user["id"])
  assert [json.loads(row["new_value"])["field"] for row in rows] == ["avatar", "torrent", "avatar", "avatar", "torrent"]
  value = json.loads(rows[0]["new_value"])
  assert SIGNATURE in value["signature"] and value["sha256"] == hashlib.sha256(marked_picture()).hexdigest()
  assert value["size_bytes"] == len(marked_picture()) and rows[0]["ip_address"] == "127.0.0.1"
  told = socket.wait("alert", where=lambda data: data["name"] == "upload_infected")
  assert SIGNATURE in told["data"]["message"]
  lines = [json.loads(line) for line in server.log().splitlines() if '"upload_infected"' in line]
  assert lines and lines[0]["level"].lower() == "warn" and SIGNATURE in lines[0]["reason"]


def test_a_file_that_the_scanner_does_not_take_is_refused(scanned):
  server, admin = scanned
  picture = pictures.png(10, 10, extra=[(b"prVt", os.urandom(STREAM_MAX))])
  assert_problem(upload(admin, picture), 413)
  assert upload(admin, pictures.png(10, 10, extra=[(b"prVt", os.urandom(STREAM_MAX // 2))])).status == 200


def test_every_route_that_takes_a_file_asks_the_scanner(start):
  """As the API's own description names them: with no scanner to ask, none of them takes one."""
  server = start(clamd="unix:/nonexistent/clamd")
  admin = server.admin()
  document, asked = admin.ok("GET", "/openapi.json"), []
  for path, item in document["paths"].items():
    for method, operation in item.items():
      schema = operation.get("requestBody", {}).get("content", {}).get("multipart/form-data", {}).get("schema")
      if not schema:
        continue
      properties = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]["properties"]
      (field,) = [name for name, one in properties.items() if "contentMediaType" in one]
      target = "//" + path.lstrip("/")
      for content in (b"", b"x", pictures.png(9, 9), clean_torrent("a")):
        assert_problem(admin.upload(target, field, "a", content, method=method.upper()), 503, "scanner_unavailable")
      asked.append(path)
  assert len(asked) >= 2, asked
  routes = [route.path for route in table() if "MULTIPART" in route.body]
  assert sorted(routes) == sorted(asked)


def all_refused(server, admin):
  """Nothing gets in unscanned, however many come at once; and who sends nothing does not notice."""
  before, kept = admin.ok("GET", "/auth/me"), files(server)
  replies = []
  calls = [lambda: upload(admin, pictures.png(30, 30)), lambda: send_torrent(admin, clean_torrent("late")), lambda: upload(admin, marked_picture())] * 3
  threads = [threading.Thread(target=lambda call=call: replies.append(call())) for call in calls]
  for thread in threads:
    thread.start()
  server.login("admin")
  for thread in threads:
    thread.join()
  for reply in replies:
    assert assert_problem(reply, 503)["code"] in ("scanner_unavailable", "overloaded") and int(reply.headers["Retry-After"]) > 0, reply
  assert [reply for reply in replies if reply.json["code"] == "scanner_unavailable"] and len(replies) == 9
  # Why it cannot be asked is in the log and for admins; where it is looked for is nobody else's business.
  assert "could not be scanned" in server.log()
  place = server.settings["SOKOUL_CLAMD"].split(":", 1)[1]
  assert not [reply for reply in replies if place in reply.body.decode()]
  assert admin.ok("GET", "/auth/me") == before and files(server) == kept and admin.ok("GET", "/downloads")["items"] == []
  deep = admin.get("//health/deep")
  assert deep.status == 200 and deep.json["checks"]["scanner"]["status"] == "failed" and deep.json["checks"]["scanner"]["error"], deep


@pytest.mark.parametrize("way", ["unix", "tcp"])
def test_a_scanner_that_is_gone_or_frozen_lets_nothing_in(start, folder, keep, way):
  clamd = keep(Clamd(folder / "clamd"))
  server = start(clamd=getattr(clamd, way))
  admin = server.admin()
  clamd.signal(signal.SIGSTOP)
  all_refused(server, admin)
  clamd.signal(signal.SIGCONT)
  wait_until(clamd.answers, 30, what="the scanner to go on")
  assert upload(admin, pictures.png(30, 30)).status == 200
  clamd.kill()
  all_refused(server, admin)
  clamd.start()
  assert upload(admin, pictures.png(30, 30)).status == 200
  assert send_torrent(admin, clean_torrent("late")).status == 202
