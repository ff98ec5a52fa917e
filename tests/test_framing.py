"""Where one request ends and the next begins: what could be read in two ways is refused, and what is accepted is read
as nginx reads it. Every refusal is one whole problem document, and the connection ends behind it."""

import random
import re

import pytest

from harness.http import assert_problem
from harness.nginx import Nginx
from harness.process import SLOW
from harness.wire import BROKEN, CLOSED, Asked, Wire

JSON = b"Content-Type: application/json\r\n"
POST = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\n" + JSON
GET = b"GET /health HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
NEXT = b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n"
MIB = 1 << 20

# What is sent before NEXT, and the status of the refusal; CLOSED: no HTTP at all, nothing is said.
REFUSED = {
  # lengths
  "two lengths": (POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ", 400),
  "the same length twice": (POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400),
  "a list of lengths": (POST + b"Content-Length: 2, 2\r\n\r\n{}", 400),
  "a signed length": (POST + b"Content-Length: +2\r\n\r\n{}", 400),
  "a negative length": (POST + b"Content-Length: -2\r\n\r\n{}", 400),
  "a hexadecimal length": (POST + b"Content-Length: 0x2\r\n\r\n{}", 400),
  "a length with a letter": (POST + b"Content-Length: 2x\r\n\r\n{}", 400),
  "a fraction": (POST + b"Content-Length: 2.0\r\n\r\n{}", 400),
  "an empty length": (POST + b"Content-Length: \r\n\r\n{}", 400),
  "a length beyond 64 bits": (POST + b"Content-Length: 99999999999999999999999\r\n\r\n{}", 413),
  "a length that wraps around": (POST + b"Content-Length: 18446744073709551618\r\n\r\n{}", 413),
  # length and chunks
  "length, then chunks": (POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 400),
  "chunks, then length": (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 400),
  "chunks with HTTP/1.0": (CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0") + b"2\r\n{}\r\n0\r\n\r\n", 400),
  # codings
  "xchunked": (POST + b"Transfer-Encoding: xchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 400),
  "chunked twice": (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 400),
  "chunked, chunked": (POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 400),
  "gzip, chunked": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 400),
  "chunked, identity": (POST + b"Transfer-Encoding: chunked, identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 400),
  "identity": (POST + b"Transfer-Encoding: identity\r\n\r\n", 400),
  "a space behind chunked": (POST + b"Transfer-Encoding: chunked \r\n\r\n2\r\n{}\r\n0\r\n\r\n", 400),
  "a vertical tab before chunked": (POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 400),
  "quoted": (POST + b'Transfer-Encoding: "chunked"\r\n\r\n2\r\n{}\r\n0\r\n\r\n', 400),
  "an empty coding": (POST + b"Transfer-Encoding:\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 400),
  # chunks
  "no number": (CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n", 400),
  "an empty size": (CHUNKED + b"\r\n{}\r\n0\r\n\r\n", 400),
  "a negative size": (CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n", 400),
  "0x before the size": (CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n", 400),
  "a space behind the size": (CHUNKED + b"2 \r\n{}\r\n0\r\n\r\n", 400),
  "a size beyond 64 bits": (CHUNKED + b"fffffffffffffffff\r\n{}\r\n0\r\n\r\n", 413),
  "a size that wraps around": (CHUNKED + b"10000000000000002\r\n{}\r\n0\r\n\r\n", 413),
  "no line end behind a chunk": (CHUNKED + b"2\r\n{}0\r\n\r\n", 400),
  "an extension of 1 MiB": (CHUNKED + b"2;a=" + b"x" * MIB + b"\r\n{}\r\n0\r\n\r\n", 400),
  # lines
  "no colon": (GET + b"nothing\r\n\r\n", 400),
  "a space before the colon": (GET + b"X-A : b\r\n\r\n", 400),
  "a length with a space before the colon": (POST + b"Content-Length : 2\r\n\r\n{}", 400),
  "chunks with a tab before the colon": (POST + b"Transfer-Encoding\t: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 400),
  "a space inside a name": (GET + b"X A: b\r\n\r\n", 400),
  "a name of another alphabet": (GET + "X-É: b\r\n\r\n".encode(), 400),
  "no name": (GET + b": b\r\nX-A: b\r\n\r\n", 400),
  "a folded line": (GET + b"X-A: b\r\n c\r\n\r\n", 400),
  "a folded coding": (POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 400),
  "a space before the first line": (b"GET /health HTTP/1.1\r\n Host: x\r\nHost: x\r\n\r\n", 400),
  "LF alone": (b"GET /health HTTP/1.1\nHost: x\n\n", 400),
  "LF alone behind one line": (GET + b"X-A: b\nX-B: c\r\n\r\n", 400),
  "CR alone behind one line": (GET + b"X-A: b\rContent-Length: 50\r\nX-B: c\r\n\r\n", 400),
  "CR alone behind the last line": (GET + b"X-A: b\rContent-Length: 50\r\n\r\n", 400),
  "NUL in a value": (GET + b"X-A: b\0c\r\nX-B: c\r\n\r\n", 400),
  "NUL in a name": (GET + b"X\0A: b\r\n\r\n", 400),
  "NUL in the address": (b"GET /hea\0lth HTTP/1.1\r\nHost: x\r\n\r\n", 400),
  "a control character in a value": (GET + b"X-A: \x1b[31m\r\n\r\n", 400),
  # too much
  "an address of 40 KiB": (b"GET /" + b"a" * 40960 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
  "4,000 parameters": (b"GET /health?" + b"a&" * 4000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
  "a line of 40 KiB": (GET + b"X-A: " + b"a" * 40960 + b"\r\n\r\n", 431),
  "4,000 lines": (GET + b"X-A: b\r\n" * 4000 + b"\r\n", 431),
  "a cookie of 15 KiB": (GET + b"Cookie: " + b"a=b; " * 3000 + b"\r\n\r\n", 431),
  # versions and targets
  "HTTP/0.9": (b"GET /health\r\n\r\n", 400),
  "HTTP/9.9": (b"GET /health HTTP/9.9\r\nHost: x\r\n\r\n", 505),
  "HTTP/1.10": (b"GET /health HTTP/1.10\r\nHost: x\r\n\r\n", 400),
  "http/1.1": (b"GET /health http/1.1\r\nHost: x\r\n\r\n", 400),
  "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
  "no host": (b"GET /health HTTP/1.1\r\n\r\n", 400),
  "two hosts": (GET + b"Host: y\r\n\r\n", 400),
  "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) + b"\r\n\r\n", CLOSED),
  "two spaces": (b"GET  /health  HTTP/1.1\r\nHost: x\r\n\r\n", CLOSED),
  "tabs": (b"GET\t/health\tHTTP/1.1\r\nHost: x\r\n\r\n", CLOSED),
  "CR alone everywhere": (b"GET /health HTTP/1.1\rHost: x\r\r", CLOSED),
}

# What is accepted, and the status; NEXT behind it must be answered as what it is.
ACCEPTED = {
  "a length": (POST + b"Content-Length: 2\r\n\r\n{}", 422),
  "a length with zeros before it": (POST + b"Content-Length: 0000000002\r\n\r\n{}", 422),
  "no body": (b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", 200),
  "a body where none is taken": (GET + b"Content-Length: 5\r\n\r\nhello", 200),
  "a request as a body where none is taken": (GET + b"Content-Length: %d\r\n\r\n" % len(NEXT) + NEXT, 200),
  "chunks": (CHUNKED + b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", 422),
  "CHUNKED": (CHUNKED.replace(b"chunked", b"CHUNKED") + b"2\r\n{}\r\n0\r\n\r\n", 422),
  "a tab before chunked": (CHUNKED.replace(b" chunked", b"\tchunked") + b"2\r\n{}\r\n0\r\n\r\n", 422),
  "chunks with zeros before the size": (CHUNKED + b"0000002\r\n{}\r\n0\r\n\r\n", 422),
  "an extension": (CHUNKED + b"2;a=b\r\n{}\r\n0\r\n\r\n", 422),
  "trailers": (CHUNKED + b"2\r\n{}\r\n0\r\nX-A: b\r\nContent-Length: 50\r\n\r\n", 422),
  "Transfer_Encoding is another header": (POST + b"Transfer_Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}", 422),
  "empty lines before it": (b"\r\n\r\n" + GET + b"\r\n", 200),
  "a whole address": (b"GET http://x/health HTTP/1.1\r\nHost: x\r\n\r\n", 200),
  "a whole address of another host": (b"GET http://y/health HTTP/1.1\r\nHost: x\r\n\r\n", 400),
  "an authority": (b"GET x:80 HTTP/1.1\r\nHost: x\r\n\r\n", 404),
  "CONNECT": (b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", 404),
  "OPTIONS *": (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 404),
  "HTTP/1.2": (b"GET /health HTTP/1.2\r\nHost: x\r\n\r\n", 200),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_two_readings_is_refused_and_nothing_behind_it_is_read(server, name):
  data, status = REFUSED[name]
  with Wire(server.port) as wire:
    wire.send(data + NEXT)
    replies = wire.all()
  if status is CLOSED:
    assert not replies, replies
  else:
    assert len(replies) == 1, replies
    assert_problem(replies[0], status)
    assert replies[0].headers["Connection"] == "close"


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_is_accepted_ends_where_it_says(server, name):
  data, status = ACCEPTED[name]
  with Wire(server.port) as wire:
    wire.send(data + NEXT)
    assert wire.final().status == status
    assert assert_problem(wire.final(), 404)["instance"] == "/next"


@pytest.mark.parametrize("name", ACCEPTED)
def test_the_tests_own_reader_knows_what_was_asked(name):
  """By it the replies are held against the API's description."""
  asked = Asked(ACCEPTED[name][0] + NEXT)
  first, second = asked.next(), asked.next()
  if name == "a whole address of another host":
    assert first == second == BROKEN
  else:
    assert first != BROKEN and second == ("GET", "/next")


SIZED = {
  "path": lambda size: b"GET /" + b"a" * size + b" HTTP/1.1\r\nHost: x\r\n\r\n",
  "value": lambda size: GET + b"X-A: " + b"a" * size + b"\r\n\r\n",
  "lines": lambda size: GET + b"X-A: b\r\n" * (size // 70) + b"\r\n",
  "parameters": lambda size: b"GET /health?" + b"a&" * (size // 70) + b" HTTP/1.1\r\nHost: x\r\n\r\n",
  "cookies": lambda size: GET + b"Cookie: " + b"a=b; " * (size // 80) + b"\r\n\r\n",
  "cookie": lambda size: GET + b"Cookie: a=" + b"b" * (size // 2) + b"\r\n\r\n",
}


@pytest.mark.parametrize("kind", SIZED)
def test_no_size_of_a_header_is_left_without_an_answer(server, kind):
  """Also where a request just fits into the server's memory for it, and a reply would not."""
  seen = set()
  for size in range(10_000, 18_000, 200):
    with Wire(server.port) as wire:
      wire.send(SIZED[kind](size))
      reply = wire.final()
    assert reply is not CLOSED, size
    assert reply.status in (200, 400, 404, 414, 431), reply
    seen.add(reply.status >= 414)
    if reply.status > 200:
      assert_problem(reply, reply.status)
  assert seen == {True, False}


def test_http_1_0_is_answered_and_closed(server):
  with Wire(server.port) as wire:
    wire.send(b"GET /health HTTP/1.0\r\n\r\n" + NEXT)
    assert [reply.status for reply in wire.all()] == [200]


def test_a_request_id_survives_a_refusal(server):
  with Wire(server.port) as wire:
    wire.send(b"POST /api/v1/search HTTP/1.1\r\nHost: x\r\nX-Request-ID: mine\r\nContent-Length: 2x\r\n\r\n{}")
    assert assert_problem(wire.reply(), 400)["request_id"] == "mine"


def test_1000_requests_at_once_are_answered_in_order(server):
  with Wire(server.port) as wire:
    wire.send(b"".join(b"GET /nr/%d HTTP/1.1\r\nHost: x\r\nX-Request-ID: nr-%d\r\n\r\n" % (n, n) for n in range(1000)))
    for number in range(1000):
      reply = wire.reply()
      assert (reply.status, reply.headers["X-Request-ID"], reply.json["instance"]) == (404, f"nr-{number}", f"/nr/{number}")


EXPECTS = POST + b"Content-Length: 2\r\nExpect: %s\r\n\r\n"


@pytest.mark.parametrize("word", [b"100-continue", b"100-Continue", b"100-CONTINUE"])
def test_who_asks_before_sending_is_told_to_go_on(server, word):
  with Wire(server.port) as wire:
    wire.send(EXPECTS % word)
    assert wire.reply().status == 100
    wire.send(b"{}")
    assert wire.reply().status == 422
    wire.send(NEXT)
    assert wire.reply().status == 404


def test_who_asks_before_sending_what_is_not_taken_is_told_so(server):
  for head, status in ((b"POST /nowhere HTTP/1.1\r\nHost: x\r\n", 404), (b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n", 415)):
    with Wire(server.port) as wire:
      wire.send(head + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
      replies = wire.all()
    assert [reply.status for reply in replies] == [status]
    assert_problem(replies[0], status)


def test_other_expectations_change_nothing(server):
  for head in (EXPECTS % b"magic", EXPECTS % b"", (EXPECTS % b"100-continue").replace(b"HTTP/1.1", b"HTTP/1.0")):
    with Wire(server.port) as wire:
      wire.send(head + b"{}")
      assert wire.final().status == 422


def test_a_half_sent_body_does_not_hold_a_stop_up(start):
  server = start()
  with Wire(server.port) as body, Wire(server.port) as head:
    body.send(POST + b"Content-Length: 20\r\n\r\n{")
    head.send(b"GET /health HTTP/1.1\r\nHost:")
    with Wire(server.port) as other:  # once it is answered, the others have arrived
      other.send(NEXT)
      assert other.reply().status == 404
    server.process.popen.terminate()
    assert server.process.popen.wait(20 * SLOW) == 0  # it would be 30 s and more
    assert body.all() == [] and head.all() == []


# --- Behind nginx: requests of many people share one connection to us.

@pytest.fixture(scope="module", params=["whole bodies", "bodies as they come"])
def nginx(request, module_folder, module_keep, server):
  return module_keep(Nginx(module_folder / f"nginx {request.param}".replace(" ", "-"), server.port, request.param == "whole bodies"))


def hidden(number):
  return b"GET /hidden/%d HTTP/1.1\r\nHost: x\r\n\r\n" % number


def paths(server):
  return re.findall(r'"path": ?"([^"]*)"', server.log())


def is_hidden_request_seen(server):
  return any(path.startswith("/hidden") for path in paths(server))


def send_through(proxy, server, data, number):
  """Sends it, and another client's request behind it: which must get its own answer."""
  with Wire(proxy.port, ours=False) as wire:  # many of the replies are nginx's
    wire.send(data)
    wire.finish()
    replies = []
    try:
      replies = wire.all()
    except (AssertionError, KeyError, ValueError):
      pass  # nginx's own pages are no business of this test
  with Wire(proxy.port) as victim:
    victim.send(b"GET /victim/%d HTTP/1.1\r\nHost: x\r\n\r\n" % number)
    reply = victim.reply()
  assert (reply.status, reply.json["instance"]) == (404, f"/victim/{number}"), (data[:300], reply)
  return replies


def test_what_reaches_the_program_is_seen(server, nginx):
  send_through(nginx, server, b"GET /seen HTTP/1.1\r\nHost: x\r\n\r\n", 0)
  assert "/seen" in paths(server)


@pytest.mark.parametrize("name", [*REFUSED, *ACCEPTED])
def test_what_nginx_lets_through_is_read_as_nginx_reads_it(server, nginx, name):
  data, status = {**REFUSED, **ACCEPTED}[name]
  replies = send_through(nginx, server, data, 1)
  if name in ACCEPTED and replies and replies[0].headers.get("X-Request-ID"):  # nginx let it through
    assert [reply.status for reply in replies] == [200 if "whole address of another" in name else status], replies


def test_random_framing_hides_nothing_behind_nginx(server, nginx):
  """Made-up combinations of lengths, codings and line ends around a hidden request."""
  seed = random.randrange(1 << 30)
  print(f"\nseed {seed}")
  rng = random.Random(seed)
  ends = [b"\r\n"] * 6 + [b"\n", b"\r", b"\r\r\n", b"\n\r\n", b"\r\n ", b"\0\r\n", b" \r\n", b"\x0b\r\n"]
  colons = [b": "] * 6 + [b":", b" : ", b":\t", b"\t:", b" :", b":\r\n ", b":\x0b"]
  for number in range(250):
    secret = hidden(number)
    lengths = [b"0", b"1", b"2", b"%d" % len(secret), b"%d" % (len(secret) + 5), b"+2", b"0x10", b"2, 2", b"00", b"", b"-1", b"2 2", b"1e1"]
    codings = [b"chunked", b"Chunked", b"xchunked", b"chunked, identity", b"identity", b"chunked\0", b"\x0cchunked", b",chunked", b"chunked,", b"gzip", b"chunked;a=b"]
    headers = []
    for _ in range(rng.randrange(1, 4)):
      name, value = rng.choice([(b"Content-Length", rng.choice(lengths)), (b"Transfer-Encoding", rng.choice(codings)), (b"content-length", rng.choice(lengths)),
                                (b"TRANSFER-ENCODING", rng.choice(codings)), (b"X-A", b"b"), (b"Transfer_Encoding", b"chunked"), (b"Expect", b"100-continue")])
      headers.append(name + rng.choice(colons) + value + rng.choice(ends))
    body = rng.choice([secret, b"0\r\n\r\n" + secret, b"%x\r\n" % len(secret) + secret + b"\r\n0\r\n\r\n", b"2\r\n{}\r\n0\r\n\r\n", b"0;" + secret, b"1\n{" + secret,
                       b"%x;\n" % len(secret) + secret + b"\n0\n\n", b"00\r\n" + secret, b"{}"])
    method = rng.choice([b"POST /api/v1/auth/login", b"GET /health", b"DELETE /api/v1/search", b"POST /nowhere"])
    data = method + b" HTTP/1." + rng.choice([b"1", b"1", b"1", b"0"]) + b"\r\nHost: x\r\n" + JSON + b"".join(headers) + b"\r\n" + body
    try:
      # Where nginx itself sees two requests there are two, whoever stands behind it: the first is then asked to be the last.
      data = data.replace(b"Host: x\r\n", b"Host: x\r\nConnection: close\r\n", 1)
      send_through(nginx, server, data, number)
      assert not is_hidden_request_seen(server), data
    except AssertionError:
      print(f"seed {seed}, number {number}: {data!r}")
      raise
