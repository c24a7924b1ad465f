"""Records a small LeRobotDataset v3.0 with LeRobot's own API: what LeRobot writes, for our importer to read.

usage: lerobot_record.py ROOT [--episodes N] [--frames N]

ROOT must not exist. Two cameras, six joints, two tasks; every value follows from its indices, so that a reader knows
what to expect: state[j] = episode + frame / 100 + j / 8, action[j] = state[j] + 0.5, both float32.
"""

import argparse
import os

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1")

import numpy  # noqa: E402  (the environment must be set first)
from lerobot.datasets.lerobot_dataset import LeRobotDataset  # noqa: E402

JOINTS = [f"joint_{number}" for number in range(6)]
CAMERAS = ["observation.images.head", "observation.images.wrist"]
HEIGHT, WIDTH = 96, 128


def features():
    """The dataset's features in LeRobot's notation."""
    vector = {"dtype": "float32", "shape": (len(JOINTS),), "names": JOINTS}
    picture = {"dtype": "video", "shape": (HEIGHT, WIDTH, 3), "names": ["height", "width", "channels"]}
    return {"observation.state": vector, "action": vector, **{camera: picture for camera in CAMERAS}}


def picture(episode, frame, camera):
    """A grey picture with a bright square that moves one step per frame."""
    image = numpy.full((HEIGHT, WIDTH, 3), 60 + 20 * camera, dtype=numpy.uint8)
    left = (frame * 4) % (WIDTH - 16)
    image[16 + 16 * episode : 32 + 16 * episode, left : left + 16] = (220, 180, 40)
    return image


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("root")
    parser.add_argument("--episodes", type=int, default=3)
    parser.add_argument("--frames", type=int, default=24)
    arguments = parser.parse_args()

    dataset = LeRobotDataset.create("local/peer", fps=30, features=features(), root=arguments.root, robot_type="peer")
    joints = numpy.arange(len(JOINTS), dtype=numpy.float32) / 8
    for episode in range(arguments.episodes):
        for frame in range(arguments.frames + episode):
            state = (joints + numpy.float32(episode + frame / 100)).astype(numpy.float32)
            pictures = {camera: picture(episode, frame, number) for number, camera in enumerate(CAMERAS)}
            task = "lift the can" if episode % 2 == 0 else "put the parcel in the bin"
            action = state + numpy.float32(0.5)
            dataset.add_frame({"observation.state": state, "action": action, "task": task, **pictures})
        dataset.save_episode()
    dataset.finalize()


main()
