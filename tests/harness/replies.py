"""Every reply of the program, held against docs/api/openapi.json by ajv, which runs beside the tests (tests/npm/replies.js).

http.py and ws.py note what they receive; at the end of each test conftest.py asks for what was wrong, and fails that test.
"""

import json
import os
import pathlib
import subprocess
import threading

from . import npm

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DOCUMENT = ROOT / "docs" / "api" / "openapi.json"
ENDED = "tests/npm/replies.js has ended; what it said is above"
BODY_MOST = 8 << 20  # what is longer and JSON is a mistake in itself


class Checker:
  """The node process; `note` and `note_message` may come from any thread."""

  def __init__(self, document=DOCUMENT):
    self.lock = threading.Lock()
    self.owner = os.getpid()
    self.test = ""
    self.checked = 0
    self.answered = set()  # the operations that gave something else than a problem
    self.node = subprocess.Popen(["node", npm.FOLDER / "replies.js", document], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

  def note(self, method, path, reply, sent=None):
    """`reply` as of http.Client; `sent`: the JSON of a body that must fit the document when it was taken."""
    headers = {name.lower(): value for name, value in reply.headers.items()}
    kind = headers.get("content-type", "")
    line = {"method": method, "path": path, "status": reply.status, "headers": headers, "size": len(reply.body)}
    if "json" in kind and len(reply.body) <= BODY_MOST:
      line["body"] = reply.body.decode("utf-8", "replace")
    if sent is not None:
      line["sent"] = sent
    self._send(line)

  def note_message(self, message):
    self._send({"message": message})

  def _send(self, line):
    if os.getpid() == self.owner:
      with self.lock:
        try:
          self.node.stdin.write(json.dumps({"test": self.test, **line}).encode() + b"\n")
        except BrokenPipeError:
          raise AssertionError(ENDED) from None  # no OSError, which a test may take for the server's

  def mismatches(self):
    """What was wrong since the call before: [{test, what, problems, body}]."""
    with self.lock:
      try:
        self.node.stdin.write(b'{"flush":true}\n')
        self.node.stdin.flush()
        answer = self.node.stdout.readline()
      except BrokenPipeError:
        answer = b""
    assert answer, ENDED
    found = json.loads(answer)
    self.checked += found["checked"]
    self.answered |= set(found["answered"])
    return found["mismatches"]

  def kill(self):
    self.node.stdin.close()
    self.node.wait()


checker = None  # of this run, once conftest.py has begun it


def begin():
  """Starts the checker of this run; None, or why there is none."""
  global checker
  missing = npm.packages()
  if not missing:
    checker = Checker()
    checker.mismatches()  # a document it cannot use ends the run here, not in every test
  return missing


def note(method, path, reply, sent=None):
  if checker:
    checker.note(method, path, reply, sent)


def note_message(message):
  if checker:
    checker.note_message(message)


def text(mismatches):
  return "\n".join(f"{one['what']}\n" + "".join(f"  {problem}\n" for problem in one["problems"]) + f"  {one['body']}" for one in mismatches)
