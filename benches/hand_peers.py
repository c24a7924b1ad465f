#!/usr/bin/env python3
"""Hands side by side with dex-retargeting, on people's recorded hands, and pictures of both.

    python3 benches/hand_peers.py [--hands WORD ...] [--draw FOLDER]

Makes a virtual environment with pinned versions below the target folder, runs `cargo bench --bench hand`, gives the peer the
same hands (as URDF), the same recorded frames and the same vectors, and prints a table. Both sides' joint positions are
measured by Pinocchio. Needs the folder of recorded data and vendors' models (ETUDE_DATA).
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import time

PINNED = ["dex-retargeting==0.5.0", "torch==2.15.0", "pin==4.1.0", "numpy==2.4.6", "nlopt==2.11.0", "matplotlib==3.11.2",
          "six==1.17.0"]
HERE = pathlib.Path(__file__).resolve()
WORKSPACE = HERE.parents[1]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", WORKSPACE / "target"))
# Joints of the person's 25 by finger, tip last.
TIPS = {"thumb": 4, "index": 9, "middle": 14, "ring": 19, "little": 24}
KNUCKLES = {"thumb": 1, "index": 6, "middle": 11, "ring": 16, "little": 21}
NAMES = list(TIPS)
CLOSED_M = 0.03


def in_environment():
    """Goes on inside the virtual environment, which is made once."""
    environment = pathlib.Path(os.environ.get("ETUDE_HAND_PEERS", TARGET / "peers-hand"))
    python = environment / "bin/python"
    if pathlib.Path(sys.prefix).resolve() == environment.resolve():
        return
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", *PINNED], check=True)
    os.execv(python, [str(python), *sys.argv])


class Hand:
    """One hand on one recording."""

    def __init__(self, path):
        import numpy as np
        import pinocchio as pin

        self.record = json.loads(path.read_text())
        self.fingers = self.record["fingers"]
        self.urdf = path.with_suffix(".urdf")
        self.urdf.write_text(self.record["urdf"])
        self.model = pin.buildModelFromUrdf(str(self.urdf))
        self.data = self.model.createData()
        self.scale = self.record["scale"]
        self.wrist = np.array(self.record["wrist_in_palm_m"])
        sign = np.array([-1.0 if self.record["mirrored"] else 1.0, 1.0, 1.0])
        frames = self.record["runs"]["fingers"]["frames"]
        # The person's joints in the palm, [frame, joint, 3], m; unknown ones are NaN.
        unknown = [float("nan")] * 3
        self.human = np.array([[point or unknown for point in frame["human"]] for frame in frames]) * sign
        self.tips = self.human[:, [TIPS[finger] for finger in self.fingers]]
        self.mimics, self.limits = self._mimics_and_limits()

    def _mimics_and_limits(self):
        import xml.etree.ElementTree as tree

        mimics, limits = {}, {}
        for joint in tree.fromstring(self.record["urdf"]).findall("joint"):
            mimic, limit = joint.find("mimic"), joint.find("limit")
            if mimic is not None:
                mimics[joint.get("name")] = (mimic.get("joint"), float(mimic.get("multiplier")), float(mimic.get("offset")))
            if limit is not None:
                limits[joint.get("name")] = (float(limit.get("lower")), float(limit.get("upper")))
        return mimics, limits

    def held(self, positions):
        """Joint positions as a robot can take them: inside the limits, those of followers too."""
        values = {name: value for name, value in positions.items() if name not in self.mimics}
        inside = lambda name, value: min(max(value, self.limits[name][0]), self.limits[name][1])
        for follower, (source, multiplier, offset) in self.mimics.items():
            values[source] = (inside(follower, multiplier * values[source] + offset) - offset) / multiplier
        return {name: inside(name, value) for name, value in values.items()}

    def tips_at(self, joints):
        """Fingertips in the palm, [frame, finger, 3], m, for joint positions by name."""
        import numpy as np
        import pinocchio as pin

        found = []
        names = list(self.model.names)[1:]
        places = [self.model.getFrameId(f"tip_{finger}", pin.FrameType.BODY) for finger in self.fingers]
        for positions in joints:
            values = dict(positions)
            for follower, (source, multiplier, offset) in self.mimics.items():
                values[follower] = multiplier * values[source] + offset
            pin.framesForwardKinematics(self.model, self.data, np.array([values[name] for name in names]))
            found.append([self.data.oMf[place].translation.copy() for place in places])
        return np.array(found)

    def ours(self, mode):
        """Joint positions, wall-clock µs and the tips asked for, of one mode of the benchmark."""
        import numpy as np

        run = self.record["runs"][mode]
        names = self.record["joints"]
        joints = [dict(zip(names, frame["positions"])) for frame in run["frames"]]
        return joints, run["time_us"], np.array([frame["targets"] for frame in run["frames"]], dtype=float)

    def peer(self, kind):
        """Joint positions and CPU µs per frame of dex-retargeting, with no filter."""
        import numpy as np
        from dex_retargeting.retargeting_config import RetargetingConfig

        links = [f"tip_{finger}" for finger in self.fingers]
        common = {"urdf_path": str(self.urdf), "scaling_factor": self.scale, "low_pass_alpha": -1.0,
                  "target_joint_names": [name for name in self.record["joints"]]}
        count = len(links)
        if kind == "vector":
            indices = np.array([[0] * count, list(range(1, count + 1))])
            config = RetargetingConfig(type="vector", target_origin_link_names=["wrist"] * count,
                                       target_task_link_names=links, target_link_human_indices=indices, **common)
        else:
            config = RetargetingConfig(type="DexPilot", wrist_link_name="wrist", finger_tip_link_names=links, **common)
        retargeting = config.build()
        optimizer = retargeting.optimizer
        if kind == "vector":
            origins, tasks = np.zeros(count, int), np.arange(1, count + 1)
        else:
            origins, tasks = (np.array(index) for index in optimizer.generate_link_indices(count))
        joints, times = [], []
        for tips in self.tips:
            points = np.concatenate([np.zeros((1, 3)), tips])
            reference = points[tasks] - points[origins]
            begin = time.thread_time()
            positions = retargeting.retarget(reference)
            times.append((time.thread_time() - begin) * 1e6)
            joints.append(dict(zip(retargeting.joint_names, positions)))
        return joints, times

    def measures(self, joints, times, wanted=None):
        """Errors and jitter of joint positions, and time. Jitter: second differences of the fingertips against those of the
        tips asked for, which are `wanted` or the person's, scaled."""
        import numpy as np

        at = self.tips_at([self.held(positions) for positions in joints])
        targets = self.wrist + self.scale * self.tips
        error = np.linalg.norm(at - targets, axis=2) * 1e3
        gaps = self.gaps(at)
        shake = np.linalg.norm(np.diff(at, 2, axis=0), axis=2)
        asked = np.linalg.norm(np.diff(targets if wanted is None else wanted, 2, axis=0), axis=2)
        return {
            "tip": error.mean(), "tip95": np.percentile(error, 95),
            "pinch": np.median(gaps) if len(gaps) else float("nan"),
            "pinch95": np.percentile(gaps, 95) if len(gaps) else float("nan"), "pinches": len(gaps),
            "jitter": np.sqrt((shake**2).mean()) / np.sqrt((asked**2).mean()),
            "us": np.median(times), "us99": np.percentile(times, 99),
        }

    def delay(self, joints, before):
        """By how much joint positions are later than others, ms: the shift at which the fingertips agree best."""
        import numpy as np

        at, first = self.tips_at(joints), self.tips_at(before)
        interval = float(np.median(self.record["interval_s"]))
        shifts = np.arange(0.0, 12.0, 0.05)
        frames = np.arange(12, len(at))
        errors = []
        for shift in shifts:
            low = np.floor(frames - shift).astype(int)
            share = (frames - shift - low)[:, None, None]
            errors.append(((at[frames] - (first[low] * (1 - share) + first[np.minimum(low + 1, len(first) - 1)] * share)) ** 2).sum())
        return shifts[int(np.argmin(errors))] * interval * 1e3

    def gaps(self, at):
        """Robot's thumb to finger, mm, where the person's tips are closed and the finger is stretched."""
        import numpy as np

        if "thumb" not in self.fingers:
            return []
        thumb, found = self.fingers.index("thumb"), []
        for place, finger in enumerate(self.fingers):
            if finger == "thumb":
                continue
            tip, knuckle = self.human[:, TIPS[finger]], self.human[:, KNUCKLES[finger]]
            length = self.record["human_length_m"][NAMES.index(finger)]
            closed = np.linalg.norm(tip - self.human[:, TIPS["thumb"]], axis=1) < CLOSED_M
            closed &= np.linalg.norm(tip - knuckle, axis=1) > 0.8 * length
            found.extend(np.linalg.norm(at[closed, place] - at[closed, thumb], axis=1) * 1e3)
        return found


def compare(files):
    rows = []
    for path in files:
        hand = Hand(path)
        dexpilot = hand.peer("dexpilot")
        fingers = hand.ours("fingers")
        for label, run, before in (
            ("etude, vectors", hand.ours("vectors"), None),
            ("dex-retargeting, vector", hand.peer("vector"), None),
            ("etude, vectors and pinch", hand.ours("vectors, pinch"), None),
            ("dex-retargeting, DexPilot", dexpilot, None),
            ("etude, fingers and pinch", fingers, None),
            ("etude, fingers and pinch, smoothed", hand.ours("smoothed"), fingers),
            ("dex-retargeting, DexPilot, smoothed", smoothed(dexpilot), dexpilot),
        ):
            measures = hand.measures(*run)
            measures["delay"] = hand.delay(run[0], before[0]) if before else None
            rows.append((hand.record["hand"], hand.record["recording"], label, measures))
            print_row(rows[-1], first=len(rows) == 1)
    summary(rows)


def summary(rows):
    """One line per hand and recording: ours / the peer's."""
    print()
    print("| hand | recording | tip error, mm | closed pinch, mm, p50 | jitter, vectors | jitter, pinches | µs, vectors | µs, pinches | times as fast |")
    print("|---|---|---|---|---|---|---|---|---|")
    found = {}
    for name, recording, label, measures in rows:
        found.setdefault((name, recording), {})[label] = measures
    for (name, recording), by in found.items():
        pairs = [(by["etude, vectors"], by["dex-retargeting, vector"]),
                 (by["etude, vectors and pinch"], by["dex-retargeting, DexPilot"])]
        both = lambda pair, key, digits: f"{pair[0][key]:.{digits}f} / {pair[1][key]:.{digits}f}"
        faster = [pair[1]["us"] / pair[0]["us"] for pair in pairs]
        print(f"| {name} | {recording} | {both(pairs[0], 'tip', 2)} | {both(pairs[1], 'pinch', 1)} | {both(pairs[0], 'jitter', 2)} "
              f"| {both(pairs[1], 'jitter', 2)} | {both(pairs[0], 'us', 0)} | {both(pairs[1], 'us', 0)} "
              f"| {faster[0]:.0f}, {faster[1]:.0f} |")


def smoothed(run, alpha=0.2):
    """What the peer's low-pass filter makes of joint positions, with the strength that its configurations state."""
    joints, times = run[:2]
    last, found = joints[0], []
    for positions in joints:
        last = {name: last[name] + alpha * (positions[name] - last[name]) for name in positions}
        found.append(last)
    return found, times


def print_row(row, first):
    if first:
        print("| hand | recording | by | tip error, mm, mean / p95 | closed pinch, mm, p50 / p95 | jitter | delay, ms | µs, p50 / p99 |")
        print("|---|---|---|---|---|---|---|---|")
    name, recording, label, m = row
    tip = f"{m['tip']:.2f} / {m['tip95']:.1f}" if "vector" in label or label.endswith("DexPilot") else "–"
    pinch = f"{m['pinch']:.1f} / {m['pinch95']:.1f}" if m["pinches"] else "–"
    delay = "–" if m["delay"] is None else f"{m['delay']:.0f}"
    print(f"| {name} | {recording} | {label} | {tip} | {pinch} | {m['jitter']:.2f} | {delay} | {m['us']:.1f} / {m['us99']:.0f} |",
          flush=True)


COLOURS = {"thumb": "#d62728", "index": "#1f77b4", "middle": "#2ca02c", "ring": "#9467bd", "little": "#ff7f0e"}
# Frames of the camera's recording that show something.
SHOWN = {0: "open", 24: "thumb in", 110: "middle bent", 276: "fist", 318: "pinch, index", 366: "pinch, middle", 420: "pinch, ring",
         462: "pinch, little"}


def draw(files, folder):
    """One picture per hand: the person's hand above the robot's, from the palm's side and from the thumb's."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    folder.mkdir(parents=True, exist_ok=True)
    for path in files:
        record = json.loads(path.read_text())
        frames = record["runs"]["fingers"]["frames"]
        if "camera" in record["recording"]:
            shown = SHOWN
        else:
            shown = {int((len(frames) - 1) * share / 8): "" for share in range(1, 9)}
        figure, axes = pyplot.subplots(4, len(shown), figsize=(2.4 * len(shown), 9))
        for column, (place, word) in enumerate(shown.items()):
            frame = frames[place]
            human = {name: [frame["human"][joint] for joint in [0, *range(TIPS[name] - (3 if name == "thumb" else 4), TIPS[name] + 1)]]
                     for name in NAMES}
            robot = dict(zip(record["fingers"], frame["chains"]))
            for row, (hand, side) in enumerate([(human, 0), (human, 1), (robot, 0), (robot, 1)]):
                plot(axes[row][column], hand, side, word if row == 0 else "")
        figure.suptitle(f"{record['hand']}, {record['recording']}: the person's hand above, the robot's below")
        figure.tight_layout()
        figure.savefig(folder / f"{path.stem}.png", dpi=70)
        pyplot.close(figure)


def plot(axes, hand, side, word):
    points = [point for chain in hand.values() for point in chain if point]
    for name, chain in hand.items():
        chain = [point for point in chain if point]
        across = [-point[1] if side else -point[0] for point in chain]
        axes.plot(across, [-point[2] for point in chain], "-o", ms=2.5, color=COLOURS[name])
    middle = [sum(point[axis] for point in points) / len(points) for axis in (1 if side else 0, 2)]
    axes.set_xlim(-middle[0] - 0.13, -middle[0] + 0.13)
    axes.set_ylim(-middle[1] - 0.13, -middle[1] + 0.13)
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(word, fontsize=9)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hands", nargs="*", default=["right"], help="words of which a hand's name must have one")
    parser.add_argument("--recordings", nargs="*", default=["camera right", "headset right"])
    parser.add_argument("--draw", type=pathlib.Path, metavar="FOLDER", help="write pictures here")
    parser.add_argument("--no-compare", action="store_true", help="pictures only")
    arguments = parser.parse_args()
    in_environment()
    out = TARGET / "hand-bench"
    subprocess.run(["cargo", "bench", "-p", "etude-kinematics", "--profile", "dev", "--bench", "hand", "--", "--out", out],
                   cwd=WORKSPACE, check=True, stdout=sys.stderr)
    files = [path for path in sorted(out.glob("*.json"))
             if any(word in path.stem.split(" - ")[0] for word in arguments.hands) and any(path.stem.endswith(word) for word in arguments.recordings)]
    if not files:
        print("skipped: no recorded hands or no vendors' models (set ETUDE_DATA)")
        return
    if not arguments.no_compare:
        import torch

        torch.set_num_threads(1)
        compare(files)
    if arguments.draw:
        draw(files, arguments.draw)


if __name__ == "__main__":
    main()
