"""Torrent files made by ourselves, magnets, and a small tracker that says what the test wants it to say."""

import hashlib
import http.server
import pathlib
import socket
import struct
import threading
import urllib.parse


def bencode(value):
  if isinstance(value, int):
    return b"i%de" % value
  if isinstance(value, str):
    value = value.encode()
  if isinstance(value, (bytes, bytearray)):
    return b"%d:%s" % (len(value), value)
  if isinstance(value, list):
    return b"l" + b"".join(map(bencode, value)) + b"e"
  pairs = sorted((key.encode() if isinstance(key, str) else key, item) for key, item in value.items())
  return b"d" + b"".join(bencode(key) + bencode(item) for key, item in pairs) + b"e"


class Torrent:
  """`content`: a file, or a folder for a torrent of several files."""

  def __init__(self, content, trackers=(), piece_length=256 * 1024, name=None, files=None, info_extra=None, web_seeds=()):
    content = pathlib.Path(content)
    self.content, self.name = content, name or content.name
    if content.is_dir():
      paths = sorted(path for path in content.rglob("*") if path.is_file())
      stream = b"".join(path.read_bytes() for path in paths)
      shape = {"files": [{"length": path.stat().st_size, "path": list(path.relative_to(content).parts)} for path in paths]}
    else:
      stream = content.read_bytes()
      shape = {"length": len(stream)}
    if files is not None:  # a file list that lies about the content
      shape = {"files": files}
    pieces = b"".join(hashlib.sha1(stream[at:at + piece_length]).digest() for at in range(0, len(stream), piece_length))
    self.info = {"name": self.name, "piece length": piece_length, "pieces": pieces, **shape, **(info_extra or {})}
    self.info_hash = hashlib.sha1(bencode(self.info)).hexdigest()
    self.size = len(stream)
    self.trackers = list(trackers)
    self.web_seeds = list(web_seeds)

  def bytes(self):
    meta = {"info": self.info, "created by": "sokoul tests"}
    if self.trackers:
      meta["announce"] = self.trackers[0]
      meta["announce-list"] = [[tracker] for tracker in self.trackers]
    if self.web_seeds:
      meta["url-list"] = self.web_seeds
    return bencode(meta)

  def write(self, folder):
    path = pathlib.Path(folder) / f"{self.info_hash}.torrent"
    path.write_bytes(self.bytes())
    return path

  def magnet(self, peers=(), trackers=None):
    """`peers`: "host:port" texts that go in as x.pe (BEP 9)."""
    parts = [f"magnet:?xt=urn:btih:{self.info_hash}", "dn=" + urllib.parse.quote(self.name)]
    parts += ["tr=" + urllib.parse.quote(tracker, safe="") for tracker in (self.trackers if trackers is None else trackers)]
    parts += [f"x.pe={peer}" for peer in peers]
    return "&".join(parts)


class Tracker:
  """An HTTP tracker (BEP 3, 23) for loopback: knows each peer by its announced port, and the peers given by hand."""

  def __init__(self):
    self.swarms = {}
    self.announces = 0
    tracker = self

    class Handler(http.server.BaseHTTPRequestHandler):
      def do_GET(self):
        query = urllib.parse.urlsplit(self.path).query
        raw = dict(part.split("=", 1) for part in query.split("&") if "=" in part)
        info_hash = urllib.parse.unquote_to_bytes(raw.get("info_hash", "")).hex()
        swarm = tracker.swarms.setdefault(info_hash, set())
        tracker.announces += 1
        if raw.get("event") == "stopped":
          swarm.discard((self.client_address[0], int(raw["port"])))
        elif "port" in raw:
          swarm.add((self.client_address[0], int(raw["port"])))
        compact = b"".join(socket.inet_aton(host) + struct.pack("!H", port) for host, port in swarm)
        body = bencode({"interval": 5, "min interval": 2, "complete": len(swarm), "incomplete": 0, "peers": compact})
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

      def log_message(self, *_):
        pass

    self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    self.server.daemon_threads = True
    self.url = f"http://127.0.0.1:{self.server.server_port}/announce"
    threading.Thread(target=self.server.serve_forever, daemon=True).start()

  def add(self, torrent, port, host="127.0.0.1"):
    self.swarms.setdefault(torrent.info_hash, set()).add((host, port))

  def kill(self):
    self.server.shutdown()
    self.server.server_close()
