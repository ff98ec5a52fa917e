"""The format of a backup (src/services/backup/seal.h, records.h), read and written a second time and independently."""

import sqlite3
import struct
import zlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

HEADER, PIECE, TAG = 26, 65536, 16


def _cipher(header, passphrase):
  return AESGCM(Scrypt(salt=header[10:26], length=32, n=32768, r=8, p=3).derive(passphrase.encode()))


def _nonce(number, is_last):
  return struct.pack("<Q3xB", number, is_last)


def pieces(data):
  """The sealed pieces of a file, without its header."""
  return [data[at:at + PIECE + TAG] for at in range(HEADER, len(data), PIECE + TAG)]


def content(data, passphrase):
  """What is in a backup, unpacked."""
  header = data[:HEADER]
  assert header[:8] == b"SOKOULBK" and header[8:10] == b"\x01\x00", header
  cipher, sealed = _cipher(header, passphrase), pieces(data)
  plain = b"".join(cipher.decrypt(_nonce(number, number == len(sealed) - 1), piece, header) for number, piece in enumerate(sealed))
  return zlib.decompress(plain)


def seal(plain, passphrase, salt=b"s" * 16):
  """A backup with this content."""
  header = b"SOKOULBK\x01\x00" + salt
  cipher, packed = _cipher(header, passphrase), zlib.compress(plain, 1)
  parts = [packed[at:at + PIECE] for at in range(0, len(packed), PIECE)]
  return header + b"".join(cipher.encrypt(_nonce(number, number == len(parts) - 1), part, header) for number, part in enumerate(parts))


class Backup:
  """The records: `version`, `schema`, `at_ms`, `engine`, `files` {path: bytes}, `tables` {name: (columns, rows)}."""

  def __init__(self, data, passphrase):
    self._plain, self._at = content(data, passphrase), 0
    self.files, self.tables = {}, {}
    assert self._take(1) == b"B"
    self.version, self.schema, self.at_ms, self.engine = self._text(), self._number(8), self._number(8), self._text()
    while (kind := self._take(1)) != b"Z":
      if kind == b"F":
        path, size = self._text(), self._number(8)
        self.files[path] = self._take(size)
      else:
        assert kind == b"T", kind
        self._table()
    assert self._at == len(self._plain)

  def _take(self, count):
    part = self._plain[self._at:self._at + count]
    assert len(part) == count
    self._at += count
    return part

  def _number(self, size):
    return int.from_bytes(self._take(size), "little")

  def _text(self):
    return self._take(self._number(4)).decode()

  def _cell(self):
    kind = self._take(1)
    if kind == b"I":
      return struct.unpack("<q", self._take(8))[0]
    if kind == b"D":
      return struct.unpack("<d", self._take(8))[0]
    if kind == b"S":
      return self._text()
    if kind == b"X":
      return self._take(self._number(4))
    assert kind == b"N", kind
    return None

  def _table(self):
    name = self._text()
    columns = [self._text() for _ in range(self._number(2))]
    rows = []
    while (kind := self._take(1)) == b"R":
      rows.append([self._cell() for _ in columns])
    assert kind == b"E" and self._number(8) == len(rows)
    self.tables[name] = (columns, rows)

  def bytes(self):
    """The content again, with whatever was changed."""
    out = [b"B", _text(self.version), struct.pack("<qq", self.schema, self.at_ms), _text(self.engine)]
    for path, data in self.files.items():
      out += [b"F", _text(path), struct.pack("<q", len(data)), data]
    for name, (columns, rows) in self.tables.items():
      out += [b"T", _text(name), struct.pack("<H", len(columns)), *map(_text, columns)]
      for row in rows:
        out += [b"R", *map(_cell, row)]
      out += [b"E", struct.pack("<q", len(rows))]
    return b"".join(out) + b"Z"


def users_of(path):
  """The accounts in a file of SQLite, which must be sound."""
  connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
  try:
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return [row[0] for row in connection.execute("SELECT username FROM users")]
  finally:
    connection.close()


def _text(text):
  raw = text if isinstance(text, bytes) else text.encode()
  return struct.pack("<I", len(raw)) + raw


def _cell(value):
  if value is None:
    return b"N"
  if isinstance(value, int):
    return b"I" + struct.pack("<q", value)
  if isinstance(value, float):
    return b"D" + struct.pack("<d", value)
  return (b"S" if isinstance(value, str) else b"X") + _text(value)


__all__ = ["Backup", "HEADER", "InvalidTag", "content", "pieces", "seal", "users_of"]
