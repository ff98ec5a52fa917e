"""Small films, made by ffmpeg on the spot: a moving test picture with noise, so that bytes do not repeat."""

import hashlib
import pathlib
import subprocess


def make_film(path, seconds=4, mib=None, size="320x180", seed=1, subtitle=None):
  """Writes an H.264/AAC film; `mib` picks a bit rate that makes it at least so big."""
  path = pathlib.Path(path)
  path.parent.mkdir(parents=True, exist_ok=True)
  if mib:
    size, seconds = "1280x720", max(seconds, 16)
    rate = ["-b:v", f"{int(mib * 1.1 * 8.4 * 1024 / seconds)}k", "-x264-params", "nal-hrd=cbr:force-cfr=1",
            "-minrate", f"{int(mib * 1.1 * 8.4 * 1024 / seconds)}k", "-maxrate", f"{int(mib * 1.1 * 8.4 * 1024 / seconds)}k",
            "-bufsize", "8M"]
  else:
    rate = ["-crf", "30"]
  faststart = ["-movflags", "+faststart"] if path.suffix == ".mp4" else []
  subprocess.run(
    ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc2=size={size}:rate=24,noise=alls={60 if mib else 8}:allf=t:all_seed={seed}",
     "-f", "lavfi", "-i", f"sine=frequency={300 + seed % 500}:sample_rate=44100", "-t", str(seconds),
     "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "24", *rate, "-c:a", "aac", "-b:a", "64k", *faststart, path],
    check=True, stdin=subprocess.DEVNULL)
  if mib:
    assert path.stat().st_size >= mib * 1024 * 1024, path.stat().st_size
  return path


def sha256(path):
  digest = hashlib.sha256()
  with open(path, "rb") as file:
    while chunk := file.read(1 << 20):
      digest.update(chunk)
  return digest.hexdigest()
