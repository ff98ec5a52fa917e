#!/usr/bin/python3
"""Puts the web interface's scripts and styles where nginx reads them (deploy/nginx/sokoul.conf), each with a compressed one beside it.

install_web.py SOURCE TARGET    TARGET may be below the prefix that `meson install` names

nginx makes a file's ETag of its time and size. The time is made of the content here, so that the same content has the
same tag on every machine and after every build, and other content another one. It lies between 2000 and 2017: dpkg-deb
would set later ones than the changelog's to that one.
"""
import gzip
import hashlib
import os
import pathlib
import sys


def put(path, data, time):
  path.write_bytes(data)
  path.chmod(0o644)
  os.utime(path, (time, time))


def main():
  source = pathlib.Path(sys.argv[1])
  target = pathlib.Path(os.environ.get("MESON_INSTALL_DESTDIR_PREFIX", ""), sys.argv[2])
  target.mkdir(mode=0o755, parents=True, exist_ok=True)
  for file in sorted(source.iterdir()):
    data = file.read_bytes()
    time = 946684800 + int.from_bytes(hashlib.sha256(data).digest()[:4], "big") // 8
    put(target / file.name, data, time)
    put(target / (file.name + ".gz"), gzip.compress(data, 9, mtime=0), time)


main()
