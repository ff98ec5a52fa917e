"""Real BitTorrent programs from Debian on loopback: a tracker, seeders and leechers.

What each refuses on one machine, and how these classes go around it: Transmission never connects to 127/8, so it is
always the one that is connected to; opentracker answers only for the hashes of its whitelist.
"""

import http.client
import json
import os
import pathlib
import shutil
import urllib.parse

from .process import Process, free_port, wait_until


class Opentracker:
  def __init__(self, folder, torrents):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    os.chmod(folder, 0o755)
    (folder / "whitelist").write_text("".join(f"{torrent.info_hash}\n" for torrent in torrents))
    self.port = free_port()
    self.url = f"http://127.0.0.1:{self.port}/announce"
    self.process = Process(["opentracker", "-i", "127.0.0.1", "-p", self.port, "-P", self.port, "-d", folder, "-w", "whitelist"],
                           folder / "log", cwd=folder)

  def kill(self):
    self.process.kill()


class Aria2:
  """Seeds when `content` is a folder that has the files, and downloads into it otherwise."""

  def __init__(self, folder, torrent, content=None, up_kib=0):
    self.folder = pathlib.Path(folder)
    self.folder.mkdir(parents=True, exist_ok=True)
    self.content = pathlib.Path(content or self.folder / "files")
    self.port = free_port()
    self.peer = f"127.0.0.1:{self.port}"
    what = torrent.write(self.folder) if hasattr(torrent, "write") else torrent
    self.process = Process(
      ["aria2c", "--no-conf", "--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false", "--enable-peer-exchange=false",
       "--disable-ipv6=true", "--seed-ratio=0.0", "--check-integrity=true", "--allow-overwrite=true", "--file-allocation=none", "--interface=127.0.0.1",
       f"--listen-port={self.port}", f"--max-overall-upload-limit={up_kib}K", f"--dir={self.content}", "--summary-interval=1",
       "--bt-tracker-interval=2", "--follow-torrent=true", "--disk-cache=16M", str(what)], self.folder / "log")

  def seeding(self):
    return "SEED" in self.process.output() or "Verification finished successfully" in self.process.output()

  def wait_seeding(self):
    wait_until(lambda: self.seeding() or not self.process.alive(), 60, what=lambda: f"aria2 seeding: {self.process.output()[-1500:]}")
    assert self.process.alive(), self.process.output()[-1500:]
    return self

  def complete(self):
    return self.seeding()

  def kill(self):
    self.process.kill()


class Qbittorrent:
  def __init__(self, folder, up_kib=0):
    self.folder = pathlib.Path(folder)
    config = self.folder / "qBittorrent" / "config"
    config.mkdir(parents=True, exist_ok=True)
    self.port, self.web = free_port(), free_port()
    self.peer = f"127.0.0.1:{self.port}"
    (config / "qBittorrent.conf").write_text(f"""[LegalNotice]
Accepted=true
[BitTorrent]
Session\\Port={self.port}
Session\\DHTEnabled=false
Session\\LSDEnabled=false
Session\\PeXEnabled=false
Session\\Interface=lo
Session\\InterfaceAddress=127.0.0.1
Session\\GlobalUPSpeedLimit={up_kib}
Session\\MultiConnectionsPerIp=true
Session\\QueueingSystemEnabled=false
Session\\IncludeOverheadInLimits=false
Session\\IgnoreLimitsOnLAN=false
[Preferences]
Connection\\UPnP=false
General\\UseRandomPort=false
WebUI\\Address=127.0.0.1
WebUI\\LocalHostAuth=false
WebUI\\CSRFProtection=false
WebUI\\Port={self.web}
""")
    self.process = Process(["qbittorrent-nox", f"--profile={self.folder}", f"--webui-port={self.web}"], self.folder / "log",
                           env={**os.environ, "HOME": str(self.folder)})
    wait_until(self.answers, 60, what="qBittorrent's web interface")

  def call(self, path, raw=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", self.web, timeout=20)
    try:
      connection.request("POST" if raw is not None else "GET", "/api/v2/" + path, raw, headers or {})
      reply = connection.getresponse()
      return reply.status, reply.read().decode()
    finally:
      connection.close()

  def answers(self):
    try:
      return self.call("app/version")[0] == 200
    except OSError:
      return False

  def add(self, torrent, save_path, seed=True):
    """Seeds from `save_path`, or downloads into it."""
    boundary = "sokoulboundary"
    fields = {"savepath": str(save_path), "skip_checking": "true" if seed else "false", "contentLayout": "Original"}
    body = b"".join(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items())
    body += (f'--{boundary}\r\nContent-Disposition: form-data; name="torrents"; filename="a.torrent"\r\n'
             "Content-Type: application/x-bittorrent\r\n\r\n").encode() + torrent.bytes() + f"\r\n--{boundary}--\r\n".encode()
    status, text = self.call("torrents/add", body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})
    assert (status, text) == (200, "Ok."), (status, text)
    wait_until(lambda: self.info(torrent) and (not seed or self.info(torrent)["progress"] == 1), 60, what="qBittorrent's torrent")

  def info(self, torrent):
    rows = json.loads(self.call(f"torrents/info?hashes={torrent.info_hash}")[1])
    return rows[0] if rows else None

  def add_peer(self, torrent, peer):
    body = urllib.parse.urlencode({"hashes": torrent.info_hash, "peers": peer})
    status, text = self.call("torrents/addPeers", body, {"Content-Type": "application/x-www-form-urlencoded"})
    assert status == 200, (status, text)

  def kill(self):
    self.process.kill()


class Transmission:
  def __init__(self, folder):
    self.folder = pathlib.Path(folder)
    self.folder.mkdir(parents=True, exist_ok=True)
    self.port, self.rpc = free_port(), free_port()
    self.peer = f"127.0.0.1:{self.port}"
    self.session = None
    self.process = Process(["transmission-daemon", "-f", "-g", self.folder / "config", "-w", self.folder, "-p", self.rpc, "-P", self.port,
                            "-T", "-M", "-O", "-a", "127.0.0.1", "-i", "127.0.0.1"], self.folder / "log")
    wait_until(self.answers, 30, what="transmission's rpc")

  def call(self, method, **arguments):
    for _ in range(2):
      connection = http.client.HTTPConnection("127.0.0.1", self.rpc, timeout=20)
      try:
        connection.request("POST", "/transmission/rpc", json.dumps({"method": method, "arguments": arguments}),
                           {"X-Transmission-Session-Id": self.session or "", "Content-Type": "application/json"})
        reply = connection.getresponse()
        body = reply.read()
        if reply.status == 409:
          self.session = reply.headers["X-Transmission-Session-Id"]
          continue
        return json.loads(body)["arguments"]
      finally:
        connection.close()
    raise AssertionError("transmission gave no session id")

  def answers(self):
    try:
      return self.call("session-get") is not None
    except OSError:
      return False

  def add(self, torrent, save_path):
    path = torrent.write(self.folder)
    self.call("torrent-add", filename=str(path), **{"download-dir": str(save_path)})
    self.call("torrent-verify", ids=[torrent.info_hash])

  def info(self, torrent):
    rows = self.call("torrent-get", ids=[torrent.info_hash], fields=["percentDone", "status", "errorString"])["torrents"]
    return rows[0] if rows else None

  def wait_seeding(self, torrent):
    wait_until(lambda: (self.info(torrent) or {}).get("percentDone") == 1 and self.info(torrent)["status"] == 6, 60,
               what=lambda: f"transmission seeding: {self.info(torrent)}")

  def kill(self):
    self.process.kill()


def missing(*programs):
  """The first of the programs that is not installed, or None."""
  return next((program for program in programs if not shutil.which(program)), None)
