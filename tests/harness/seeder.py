"""A seeder of our own (BEP 3, 9, 10): honest, with a limit of its rate, and needing nothing but Python.

For the demonstration, which may use no other program, and for tests that want a peer that can be held.
"""

import os
import socket
import struct
import threading
import time

from .torrents import bencode

UNCHOKE, BITFIELD, REQUEST, PIECE, EXTENDED = 1, 5, 6, 7, 20
OUR_METADATA_ID = 2
METADATA_PIECE = 16384
REQUEST_MAX = 1 << 17


def bdecode(data, at=0):
  """(value, end); enough for the dictionaries of the extension protocol."""
  kind = data[at:at + 1]
  if kind == b"i":
    end = data.index(b"e", at)
    return int(data[at + 1:end]), end + 1
  if kind in (b"l", b"d"):
    at, items = at + 1, []
    while data[at:at + 1] != b"e":
      item, at = bdecode(data, at)
      items.append(item)
    return (items if kind == b"l" else dict(zip(items[::2], items[1::2]))), at + 1
  colon = data.index(b":", at)
  end = colon + 1 + int(data[at:colon])
  return data[colon + 1:end], end


class Seeder:
  """Gives a torrent whose content lies on disk to everyone who connects, at `kib_s` KiB a second over all (0: no limit)."""

  def __init__(self, torrent, kib_s=0, port=0):
    self.torrent, self.kib_s = torrent, kib_s
    self.metadata = bencode(torrent.info)
    self.files = self._layout()
    self.lock, self.next_at = threading.Lock(), 0.0
    self.listener = socket.create_server(("127.0.0.1", port))
    self.port = self.listener.getsockname()[1]
    self.peer = f"127.0.0.1:{self.port}"
    threading.Thread(target=self._accept, daemon=True).start()

  def kill(self):
    self.listener.close()

  def _layout(self):
    """(path, offset in the torrent, size) of each file, in the order of the pieces."""
    content, info = self.torrent.content, self.torrent.info
    if "length" in info:
      return [(content, 0, info["length"])]
    rows, at = [], 0
    for file in info["files"]:
      rows.append((content.joinpath(*file["path"]), at, file["length"]))
      at += file["length"]
    return rows

  def _read(self, offset, length):
    parts = []
    for path, start, size in self.files:
      begin, end = max(offset, start), min(offset + length, start + size)
      if begin < end:
        with open(path, "rb") as file:
          file.seek(begin - start)
          parts.append(file.read(end - begin))
    return b"".join(parts)

  def _accept(self):
    while True:
      try:
        connection, _ = self.listener.accept()
      except OSError:
        return
      threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

  def _pace(self, size):
    if not self.kib_s:
      return
    with self.lock:
      now = time.monotonic()
      self.next_at = max(now, self.next_at) + size / (self.kib_s * 1024)
      wait = self.next_at - now
    time.sleep(max(0.0, wait))

  def _serve(self, connection):
    try:
      with connection:
        self._talk(connection)
    except (OSError, ValueError, struct.error, IndexError, KeyError):
      pass

  def _talk(self, connection):
    def take(size):
      data = b""
      while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
          raise OSError("gone")
        data += more
      return data

    def send(kind, payload=b""):
      connection.sendall(struct.pack("!IB", len(payload) + 1, kind) + payload)

    info_hash = bytes.fromhex(self.torrent.info_hash)
    if take(20) != b"\x13BitTorrent protocol":
      return  # an encrypted handshake: the peer comes back in the clear
    take(8)
    if take(20) != info_hash:
      return
    take(20)
    connection.sendall(b"\x13BitTorrent protocol" + bytes([0, 0, 0, 0, 0, 0x10, 0, 0]) + info_hash + b"-SD0001-" + os.urandom(12))
    send(EXTENDED, b"\0" + bencode({"m": {"ut_metadata": OUR_METADATA_ID}, "metadata_size": len(self.metadata)}))
    count = len(self.torrent.info["pieces"]) // 20
    bits = int("1" * count, 2) << (-count % 8)
    send(BITFIELD, bits.to_bytes((count + 7) // 8, "big"))
    send(UNCHOKE)
    their_metadata_id = 0
    while True:
      size = struct.unpack("!I", take(4))[0]
      if size > REQUEST_MAX:
        return
      message = take(size)
      if not message:
        continue
      if message[0] == REQUEST and size == 13:
        index, begin, length = struct.unpack("!III", message[1:])
        if length > REQUEST_MAX:
          return
        self._pace(length)
        send(PIECE, struct.pack("!II", index, begin) + self._read(index * self.torrent.info["piece length"] + begin, length))
      elif message[0] == EXTENDED and message[1] == 0:
        their_metadata_id = bdecode(message[2:])[0].get(b"m", {}).get(b"ut_metadata", 0)
      elif message[0] == EXTENDED and message[1] == OUR_METADATA_ID and their_metadata_id:
        asked = bdecode(message[2:])[0]
        if asked[b"msg_type"] == 0:
          piece = asked[b"piece"]
          part = self.metadata[piece * METADATA_PIECE:(piece + 1) * METADATA_PIECE]
          head = bencode({"msg_type": 1, "piece": piece, "total_size": len(self.metadata)})
          send(EXTENDED, bytes([their_metadata_id]) + head + part)
