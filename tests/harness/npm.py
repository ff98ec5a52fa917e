"""The npm packages of the tests (tests/npm): installed once, by their lock file; Node.js and npm have to be there."""

import fcntl
import pathlib
import platform
import shutil
import subprocess

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "npm"
OLDEST = 18  # Node.js of Debian 12
LLAMA = FOLDER / "node_modules" / "@node-llama-cpp" / "linux-x64"  # optional, so that npm does without it on other machines


def packages():
  """None when the packages are there, otherwise a sentence on why they are not."""
  if not shutil.which("node"):
    return "there is no Node.js"
  major = int(subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.removeprefix("v").split(".")[0])
  if major < OLDEST:
    return f"Node.js {major} is too old"
  lock = FOLDER / "package-lock.json"
  done = FOLDER / "node_modules" / ".lock-installed"
  with open(lock, "rb") as file:
    fcntl.flock(file, fcntl.LOCK_EX)  # two runs at once install once
    wanted = lock.read_text()
    if done.exists() and done.read_text() == wanted:
      return None
    if not shutil.which("npm"):
      return "there is no npm"
    install = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=FOLDER, capture_output=True, text=True)
    if install.returncode != 0:
      return f"npm ci failed: {install.stderr[-400:]}"
    if platform.machine() == "x86_64" and not LLAMA.exists():
      return f"npm ci came without {LLAMA.name}: {install.stderr[-400:]}"
    done.write_text(wanted)
  return None
