"""make.py FOLDER: writes videos.jsonl, frames/*.npy and pairs.tsv, as in docs/your-own-videos.md.

The 400 videos are invented. Each has one of five topics, which its title, its tags and its frames show. The same
files are written every time. Python's own library is enough.
"""

import json
import random
import struct
import sys
from pathlib import Path

WIDTH = 100  # values of a frame
TOPICS = {
    "cooking": "soup bread noodles dumplings cake pepper oven kitchen",
    "football": "goal keeper penalty league stadium coach corner striker",
    "travel": "beach island train mountain hotel desert temple airport",
    "music": "guitar piano drums concert singer violin album studio",
    "animals": "cat dog parrot tiger panda horse rabbit zoo",
}
OTHER_WORDS = "my the best new first day how to with in a short video".split()


def write_npy(path, frames):
    """A matrix of float32, as numpy.save writes it."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({len(frames)}, {WIDTH}), }}"
    header += " " * (-(11 + len(header)) % 64) + "\n"
    with path.open("wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
        for frame in frames:
            file.write(struct.pack(f"<{WIDTH}f", *frame))


def video(rng, topic):
    """Title, tags and frames of a video of a topic. Each topic has 20 of a frame's 100 values."""
    words = rng.sample(TOPICS[topic].split(), 3) + rng.sample(OTHER_WORDS, 3)
    rng.shuffle(words)
    place = list(TOPICS).index(topic) * WIDTH // len(TOPICS)
    frames = [[rng.gauss(1 if place <= i < place + WIDTH // len(TOPICS) else 0, 3) for i in range(WIDTH)]
              for _ in range(rng.randint(3, 20))]
    return " ".join(words), [topic, *(word for word in words if word in TOPICS[topic].split())], frames


def main():
    folder, rng = Path(sys.argv[1]), random.Random(1)
    (folder / "frames").mkdir(parents=True, exist_ok=True)
    tags_of = {}
    with (folder / "videos.jsonl").open("w", encoding="utf-8") as table:
        for name in (f"video-{number}" for number in range(1, 401)):
            title, tags_of[name], frames = video(rng, rng.choice(list(TOPICS)))
            write_npy(folder / "frames" / f"{name}.npy", frames)
            table.write(json.dumps({"id": name, "title": title, "tags": tags_of[name], "frames": f"frames/{name}.npy"}) + "\n")
    with (folder / "pairs.tsv").open("w", encoding="utf-8") as pairs:
        for _ in range(1000):
            left, right = rng.sample(list(tags_of), 2)
            common = len(set(tags_of[left]) & set(tags_of[right]))  # 0 to 4
            pairs.write(f"{left}\t{right}\t{common / 4}\n")
    write_npy(folder / "new.npy", video(rng, "animals")[2])


if __name__ == "__main__":
    main()
