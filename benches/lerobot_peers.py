"""What a dataset of three cameras costs to record, copy, convert and edit: ours beside LeRobot's own code.

usage: ETUDE_DATA=<data> python3 benches/lerobot_peers.py [--rows 60] [--rounds 3]

Frames come from real recordings of a Unitree G1 (640x480, 30 Hz), decoded once; both sides get the same. The peer runs in
the environment that `cargo xtask peers lerobot` makes, ours as `cargo bench -p etude-dataset --bench lerobot`. Figures are
CPU seconds, of user and system, of the work alone: not of Python's start, of imports or of decoding the source. Prints tables.
"""

import argparse
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile

CAMERAS = ("head", "left", "right")
WIDTH, HEIGHT, RATE_HZ, JOINTS = 640, 480, 30, 28
EPISODES = 4
# What our recorder uses.
QP = 20
TASK = "lift the can"


def cpu_s():
    """User and system time of this process and of its ended children."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


# What the peer does; each in a process of its own, which prints one JSON object.


def frames(raw, episode, camera):
    import numpy

    data = numpy.fromfile(raw / str(episode) / f"{camera}.rgb", dtype=numpy.uint8)
    return data.reshape(-1, HEIGHT, WIDTH, 3)


def peer_unpack(videos, raw, rows):
    """Decodes what the recordings hold: a different one for every camera and episode."""
    from torchcodec.decoders import VideoDecoder

    paths = iter(sorted(pathlib.Path(videos).glob("*.mp4")))
    for episode in range(EPISODES):
        for camera in CAMERAS:
            decoder = VideoDecoder(str(next(paths)))
            folder = pathlib.Path(raw) / str(episode)
            folder.mkdir(parents=True, exist_ok=True)
            pictures = decoder.get_frames_in_range(30, 30 + int(rows)).data
            pictures.permute(0, 2, 3, 1).contiguous().numpy().tofile(folder / f"{camera}.rgb")
    return {}


def peer_record(raw, out, mode):
    import numpy
    from lerobot.configs.video import RGBEncoderConfig
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    raw = pathlib.Path(raw)
    names = [f"j{joint}" for joint in range(JOINTS)]
    features = {
        key: {"dtype": "float32", "shape": (JOINTS,), "names": names} for key in ("observation.state", "action")
    }
    for camera in CAMERAS:
        features[f"observation.images.{camera}"] = {
            "dtype": "video",
            "shape": (HEIGHT, WIDTH, 3),
            "names": ["height", "width", "channels"],
        }
    how = {} if mode == "default" else {"streaming_encoding": True, "rgb_encoder": RGBEncoderConfig(vcodec="h264")}
    pictures = [[frames(raw, episode, camera) for camera in CAMERAS] for episode in range(EPISODES)]
    began = cpu_s()
    dataset = LeRobotDataset.create("bench/bench", RATE_HZ, features, root=out, robot_type="bench", **how)
    rows = 0
    for episode in pictures:
        for row in range(len(episode[0])):
            position = numpy.sin(row * 0.01 + numpy.arange(JOINTS)).astype(numpy.float32)
            shown = {f"observation.images.{camera}": episode[at][row] for at, camera in enumerate(CAMERAS)}
            dataset.add_frame({"observation.state": position, "action": position, "task": TASK, **shown})
            rows += 1
        dataset.save_episode()
    dataset.finalize()
    return {"cpu_s": cpu_s() - began, "rows": rows}


def peer_delete(source, out, episode):
    from lerobot.datasets.dataset_tools import delete_episodes
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    dataset = LeRobotDataset("bench/bench", root=source)
    began = cpu_s()
    delete_episodes(dataset, [int(episode)], output_dir=out, repo_id="bench/less")
    return {"cpu_s": cpu_s() - began}


def peer_renumber(source, out):
    """Copies a v2.1 dataset with its episodes numbered from 0: the peer's converter refuses others."""
    import pyarrow
    import pyarrow.parquet

    source, out = pathlib.Path(source), pathlib.Path(out)
    numbers = {}
    for name in ("episodes.jsonl", "episodes_stats.jsonl"):
        lines = [json.loads(line) for line in (source / "meta" / name).read_text().splitlines() if line]
        for line in lines:
            line["episode_index"] = numbers.setdefault(line["episode_index"], len(numbers))
        (out / "meta").mkdir(parents=True, exist_ok=True)
        (out / "meta" / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
    for name in ("info.json", "tasks.jsonl"):
        shutil.copyfile(source / "meta" / name, out / "meta" / name)
    first = 0
    for old, new in numbers.items():
        for path in source.rglob(f"episode_{old:06d}.*"):
            target = out / path.relative_to(source).with_name(f"episode_{new:06d}{path.suffix}")
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".mp4":
                shutil.copyfile(path, target)
                continue
            table = pyarrow.parquet.read_table(path)
            count = table.num_rows
            for column, values in [("episode_index", [new] * count), ("index", range(first, first + count))]:
                at = table.schema.get_field_index(column)
                table = table.set_column(at, column, pyarrow.array(values, pyarrow.int64()))
            pyarrow.parquet.write_table(table, target)
            first += count
    return {}


def peer_convert(source, out):
    from lerobot.scripts.convert_dataset_v21_to_v30 import convert_dataset

    shutil.copytree(source, out)
    began = cpu_s()
    convert_dataset("bench/bench", root=out, push_to_hub=False)
    return {"cpu_s": cpu_s() - began}


def peer_compare(raw, root):
    """Structural similarity (8x8 windows of luma, mean) and size of what a dataset's cameras hold, against the frames."""
    import torch
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    raw, dataset = pathlib.Path(raw), LeRobotDataset("bench/bench", root=root)
    weights = torch.tensor([0.299, 0.587, 0.114])
    mean = torch.nn.AvgPool2d(8, stride=4)
    scores = []
    for episode in range(dataset.num_episodes):
        first = int(dataset.meta.episodes[episode]["dataset_from_index"])
        length = int(dataset.meta.episodes[episode]["length"])
        for camera in CAMERAS:
            truth = frames(raw, episode, camera)
            for row in range(0, length, 7):
                seen = dataset[first + row][f"observation.images.{camera}"].float()
                a = (seen.permute(1, 2, 0) @ weights)[None, None] * 255.0
                b = (torch.from_numpy(truth[row].copy()).float() @ weights)[None, None]
                ma, mb = mean(a), mean(b)
                va, vb, both = mean(a * a) - ma * ma, mean(b * b) - mb * mb, mean(a * b) - ma * mb
                c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
                score = ((2 * ma * mb + c1) * (2 * both + c2)) / ((ma * ma + mb * mb + c1) * (va + vb + c2))
                scores.append(float(score.mean()))
    size = sum(path.stat().st_size for path in pathlib.Path(root).rglob("*.mp4"))
    return {"ssim": statistics.mean(scores), "bytes": size}


def peer_hashes(root):
    """A digest of every decoded frame, in order."""
    import hashlib

    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    dataset = LeRobotDataset("bench/bench", root=root)
    digests = []
    for row in range(dataset.num_frames):
        item = dataset[row]
        pictures = [item[f"observation.images.{camera}"].numpy().tobytes() for camera in CAMERAS]
        digests.append(hashlib.sha256(b"".join(pictures)).hexdigest())
    return {"frames": digests}


# The script's own part.


class Bench:
    def __init__(self, repository, folder):
        self.repository, self.folder = repository, folder
        command = ["cargo", "xtask", "peers", "lerobot"]
        self.python = subprocess.run(command, cwd=repository, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

    def peer(self, job, *arguments):
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(self.folder / "hf")}
        command = [self.python, __file__, "--peer", job, *map(str, arguments)]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            sys.exit(f"{job}: {done.stderr[-2000:]}")
        return json.loads(done.stdout.splitlines()[-1])

    def ours(self, *arguments):
        command = "cargo bench --quiet -p etude-dataset --profile dev --bench lerobot --".split()
        done = subprocess.run(
            [*command, *map(str, arguments)], cwd=self.repository, check=True, stdout=subprocess.PIPE, text=True
        )
        return json.loads(done.stdout.splitlines()[-1])

    def fresh(self, name):
        path = self.folder / name
        shutil.rmtree(path, ignore_errors=True)
        return path


def medians(rounds, job):
    """Both sides in turn, `rounds` times; the median of every figure."""
    told = [job() for _ in range(rounds)]
    return [{key: statistics.median(side[key] for side in sides) for key in sides[0]} for sides in zip(*told)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    data = pathlib.Path(os.environ["ETUDE_DATA"])
    repository = pathlib.Path(__file__).resolve().parents[1]
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(repository, pathlib.Path(folder))
        measure(bench, data, options)


def as_good(bench, raw, wanted):
    """The coarsest quantiser at which our pictures are no worse than `wanted`; coarser ones are worse throughout."""
    good, bad = QP, 36
    while bad - good > 1:
        qp = (good + bad) // 2
        bench.ours("record", raw, bench.fresh("tried"), qp)
        is_good = bench.peer("compare", raw, bench.folder / "tried/dataset")["ssim"] >= wanted
        good, bad = (qp, bad) if is_good else (good, qp)
    return good


def measure(bench, data, options):
    raw, card = bench.folder / "raw", bench.folder / "card.toml"
    videos = data / "g1_inspire_lerobot_v21/videos/chunk-000/observation.images.cam_high"
    bench.peer("unpack", videos, raw, options.rows)
    bench.ours("card", card)

    bench.peer("record", raw, bench.fresh("streaming"), "streaming")
    theirs = bench.peer("compare", raw, bench.folder / "streaming")["ssim"]
    qp = as_good(bench, raw, theirs)

    def record():
        ours = bench.ours("record", raw, bench.fresh("ours"), QP)
        matched = bench.ours("record", raw, bench.fresh("matched"), qp)
        streaming = bench.peer("record", raw, bench.fresh("streaming"), "streaming")
        default = bench.peer("record", raw, bench.fresh("default"), "default")
        return ours, matched, streaming, default

    ours, matched, streaming, default = medians(options.rounds, record)
    rows = ours["rows"]
    per_row = lambda seconds: f"{1000 * seconds / rows:.2f}"  # noqa: E731
    whole, fair = (side["before_cpu_s"] + side["export_cpu_s"] for side in (ours, matched))
    print("| three cameras, 640x480 | CPU ms a row | times that of ours | SSIM | MB |")
    print("|---|---|---|---|---|")
    for name, seconds, root in [
        (f"ours, QP {QP}: coded, recorded, exported, image statistics", whole, "ours/dataset"),
        (f"ours, QP {qp}: no worse than LeRobot's streaming", fair, "matched/dataset"),
        ("LeRobot, streaming H.264", streaming["cpu_s"], "streaming"),
        ("LeRobot, default: PNG, then AV1", default["cpu_s"], "default"),
    ]:
        seen = bench.peer("compare", raw, bench.folder / root)
        print(f"| {name} | {per_row(seconds)} | {seconds / whole:.1f}, {seconds / fair:.1f} | {seen['ssim']:.4f} | {seen['bytes'] / 1e6:.2f} |")
    copied, bare = ours["export_cpu_s"], ours["export_without_image_statistics_cpu_s"]
    ratios = [f"{streaming['cpu_s'] / seconds:.0f}" for seconds in (copied, bare)]
    print(f"\nExport of what is coded already: {per_row(copied)} ms a row with image statistics, {per_row(bare)} without: "
          f"LeRobot's streaming takes {ratios[0]} and {ratios[1]} times as long.\n")

    source = bench.folder / "streaming"

    def delete():
        ours = bench.ours("convert", source, card, bench.fresh("ours-less"), 1)
        theirs = bench.peer("delete", source, bench.fresh("theirs-less"), 1)
        return ours, theirs

    v21 = bench.folder / "v21"
    bench.peer("renumber", data / "g1_inspire_lerobot_v21", v21)

    def convert():
        robot = bench.repository / "robots/unitree_g1_inspire/card.toml"
        return bench.ours("convert", v21, robot, bench.fresh("ours-v3")), bench.peer("convert", v21, bench.fresh("theirs-v3"))

    def carry(of, out, *without):
        return lambda: bench.ours("carry", of, bench.fresh(out), *without)

    print("| edit | ours, CPU s | read and written anew by a card | the same without image statistics | LeRobot, CPU s | times ours |")
    print("|---|---|---|---|---|---|")
    for name, job, as_is in [
        ("one episode of four deleted", delete, carry(source, "ours-carried-less", 1)),
        ("v2.1 to v3.0, 15 episodes, 5163 rows", convert, carry(v21, "ours-carried")),
    ]:
        ours, theirs, carried = medians(options.rounds, lambda: (*job(), as_is()))
        bare = ours["before_cpu_s"] + ours["export_without_image_statistics_cpu_s"]
        whole = ours["before_cpu_s"] + ours["export_cpu_s"]
        costs = [carried["cpu_s"], whole, bare]
        ratios = ", ".join(f"{theirs['cpu_s'] / cost:.1f}" for cost in costs)
        cells = " | ".join(f"{cost:.3f}" for cost in [*costs, theirs["cpu_s"]])
        print(f"| {name} | {cells} | {ratios} |")
    before = bench.peer("hashes", source)["frames"]
    kept = before[: options.rows] + before[2 * options.rows :]
    for side in ("ours", "ours-carried", "theirs"):
        same = sum(a == b for a, b in zip(bench.peer("hashes", bench.folder / f"{side}-less")["frames"], kept, strict=True))
        print(f"\nAfter the deletion {same} of {len(kept)} rows have the very pictures that they had: {side}.")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peer"]:
        print(json.dumps(globals()[f"peer_{sys.argv[2]}"](*sys.argv[3:])))
    else:
        main()
