"""Opens a LeRobotDataset v3.0 with LeRobot itself, reads all of it, and says what LeRobot saw.

usage: lerobot_check.py ROOT [--train STEPS] [--json OUT] [--backend torchcodec|pyav] [--limit FRAMES]

Works offline. Reads every frame through a DataLoader with video decoding (or the first FRAMES of them), and with
--train then takes STEPS training steps of LeRobot's own ACT policy, made small. Exits with 1 where LeRobot refuses the
dataset, where what the loader gives differs from what is stored, or where a loss is not finite.

The JSON is one object:
  lerobot         version of the package
  codebase_version, robot_type, fps, num_frames, num_episodes, features
  tasks           task strings by index
  stats           {feature: {min, max, mean, std, count, ...: nested lists of float64}}
  columns         {feature: {dtype, width, sha256}}: the digest of all stored rows in order, little-endian
  episodes        [{index, length, tasks, first, last}]; first and last are {feature: value}, each number written as
                  its big-endian IEEE bits in hex (8 digits for float32), integers as integers
  loader          {frames, seconds, backend, shapes, cameras}; cameras: {camera: {mean, first_frames}} with the mean of
                  all pixels (0 to 255) and, per episode, the SHA-256 of its first frame (uint8, channel first)
  train           {steps, parameters, losses}
"""

import argparse
import hashlib
import json
import math
import os
import sys
import time

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

import numpy  # noqa: E402  (the environment must be set first)
import torch  # noqa: E402
from lerobot import __version__ as lerobot_version  # noqa: E402
from lerobot.configs.types import FeatureType  # noqa: E402
from lerobot.datasets.lerobot_dataset import LeRobotDataset  # noqa: E402
from lerobot.policies.act.configuration_act import ACTConfig  # noqa: E402
from lerobot.policies.act.modeling_act import ACTPolicy  # noqa: E402
from lerobot.policies.factory import make_pre_post_processors  # noqa: E402
from lerobot.utils.feature_utils import dataset_to_policy_features  # noqa: E402

# Steps of action that the small ACT predicts at once.
CHUNK = 8


def rows_of(dataset, key):
    """Returns a stored column as numpy, [frame, element], exactly as it is in the file."""
    column = dataset.hf_dataset.data.column(key).combine_chunks()
    while hasattr(column, "flatten") and str(column.type).startswith(("list", "fixed_size_list", "large_list")):
        column = column.flatten()
    return column.to_numpy(zero_copy_only=False).reshape(dataset.num_frames, -1)


def numeric_keys(dataset):
    """The features that are stored in the table as numbers."""
    skipped = ("image", "video", "string", "language", "audio")
    return [key for key, feature in dataset.features.items() if feature["dtype"] not in skipped]


def exact(row):
    """Writes a row so that no bit is lost: floats as hex of their big-endian bits, integers as they are."""
    if row.dtype.kind == "f":
        return [value.astype(row.dtype.newbyteorder(">")).tobytes().hex() for value in row]
    return [int(value) for value in row]


def columns(stored):
    """Describes each stored column and its digest."""
    described = {}
    for key, rows in stored.items():
        little = rows.astype(rows.dtype.newbyteorder("<"))
        digest = hashlib.sha256(little.tobytes()).hexdigest()
        described[key] = {"dtype": str(rows.dtype), "width": rows.shape[1], "sha256": digest}
    return described


def episodes(dataset, stored):
    """Describes each episode: its length, tasks, and its first and last row exactly."""
    described = []
    for episode in dataset.meta.episodes:
        start, end = episode["dataset_from_index"], episode["dataset_to_index"]
        owners = stored["episode_index"][start:end, 0]
        if end - start != episode["length"] or not (owners == episode["episode_index"]).all():
            sys.exit(f"episode {episode['episode_index']}: rows {start}..{end} are not its {episode['length']} rows")
        described.append(
            {
                "index": episode["episode_index"],
                "length": episode["length"],
                "tasks": list(episode["tasks"]),
                "first": {key: exact(rows[start]) for key, rows in stored.items()},
                "last": {key: exact(rows[end - 1]) for key, rows in stored.items()},
            }
        )
    return described


def plain(value):
    """Turns arrays and tensors, however nested in dicts, into lists."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value.tolist() if hasattr(value, "tolist") else value


def iterate(dataset, stored, backend, limit):
    """Reads the dataset through a DataLoader and compares the numbers with what is stored."""
    frames = min(limit or dataset.num_frames, dataset.num_frames)
    cameras = {key: {"sum": 0.0, "count": 0, "first_frames": {}} for key in dataset.meta.video_keys}
    subset = torch.utils.data.Subset(dataset, range(frames))
    seen, shapes, started = 0, {}, time.monotonic()
    for batch in torch.utils.data.DataLoader(subset, batch_size=8, shuffle=False, num_workers=0):
        size = len(batch["index"])
        compare(batch, stored, seen, size)
        for key, camera in cameras.items():
            look(batch, key, camera)
        if not seen:
            shapes = {key: list(item.shape) for key, item in batch.items() if hasattr(item, "shape")}
        seen += size
    for camera in cameras.values():
        camera["mean"] = camera.pop("sum") / max(camera.pop("count"), 1)
    seconds = round(time.monotonic() - started, 3)
    return {"frames": seen, "seconds": seconds, "backend": backend, "shapes": shapes, "cameras": cameras}


def compare(batch, stored, start, size):
    """Stops where the loader's numbers are not the stored ones, NaN being equal to NaN."""
    for key, rows in stored.items():
        if key not in batch:
            continue
        given = batch[key].reshape(size, -1).numpy()
        wanted = rows[start : start + size].astype(given.dtype)
        if not numpy.array_equal(given, wanted, equal_nan=given.dtype.kind == "f"):
            sys.exit(f"{key}: the loader gives other numbers than are stored, in rows {start}..{start + size}")


def look(batch, key, camera):
    """Adds a batch of pictures to what is known of a camera."""
    pictures = batch[key]
    camera["sum"] += pictures.double().sum().item()
    camera["count"] += pictures.numel()
    for picture, episode in zip(pictures, batch["episode_index"].flatten().tolist(), strict=True):
        digest = hashlib.sha256(picture.contiguous().numpy().tobytes()).hexdigest()
        camera["first_frames"].setdefault(str(episode), digest)


def small_act(dataset):
    """Makes LeRobot's ACT for this dataset's features, small enough for a CPU and without pretrained weights."""
    features = dataset_to_policy_features(dataset.features)
    outputs = {key: feature for key, feature in features.items() if feature.type is FeatureType.ACTION}
    visual_or_state = [FeatureType.VISUAL, FeatureType.STATE]
    inputs = {
        key: feature
        for key, feature in features.items()
        if feature.type in visual_or_state and key not in dataset.meta.depth_keys
    }
    config = ACTConfig(
        input_features=inputs,
        output_features=outputs,
        device="cpu",
        push_to_hub=False,
        chunk_size=CHUNK,
        n_action_steps=CHUNK,
        pretrained_backbone_weights=None,
        dim_model=64,
        n_heads=4,
        dim_feedforward=128,
        n_encoder_layers=1,
        n_vae_encoder_layers=1,
        latent_dim=8,
        optimizer_lr=1e-4,
    )
    return config, ACTPolicy(config)


def train(root, backend, steps):
    """Takes training steps the way LeRobot's own script does: normalise, forward, backward, clip, step."""
    torch.manual_seed(0)
    fps = LeRobotDataset("local/peer", root=root).fps
    ahead = {"action": [step / fps for step in range(CHUNK)]}
    dataset = LeRobotDataset("local/peer", root=root, video_backend=backend, delta_timestamps=ahead)
    config, policy = small_act(dataset)
    normalise, _ = make_pre_post_processors(config, dataset_stats=dataset.meta.stats)
    optimizer = torch.optim.AdamW(policy.get_optim_params(), lr=config.optimizer_lr)
    policy.train()
    losses = []
    loader = torch.utils.data.DataLoader(dataset, batch_size=2, shuffle=True, num_workers=0)
    while len(losses) < steps:
        for batch in loader:
            loss, _ = policy.forward(normalise(batch))
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(policy.parameters(), 10.0)
            optimizer.step()
            losses.append(loss.item())
            print(f"step {len(losses)}: loss {losses[-1]:.4f}")
            if len(losses) >= steps:
                break
    if not all(math.isfinite(loss) for loss in losses):
        sys.exit(f"a loss is not finite: {losses}")
    parameters = sum(parameter.numel() for parameter in policy.parameters())
    return {"steps": steps, "parameters": parameters, "losses": losses}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("root")
    parser.add_argument("--train", type=int, default=0, metavar="STEPS")
    parser.add_argument("--json", metavar="OUT")
    parser.add_argument("--backend", default="torchcodec", choices=["torchcodec", "pyav"])
    parser.add_argument("--limit", type=int, default=0, metavar="FRAMES")
    arguments = parser.parse_args()

    dataset = LeRobotDataset("local/peer", root=arguments.root, video_backend=arguments.backend, return_uint8=True)
    stored = {key: rows_of(dataset, key) for key in numeric_keys(dataset)}
    report = {
        "lerobot": lerobot_version,
        "codebase_version": str(dataset.meta.info.codebase_version),
        "robot_type": dataset.meta.robot_type,
        "fps": dataset.fps,
        "num_frames": dataset.num_frames,
        "num_episodes": dataset.num_episodes,
        "features": dataset.features,
        "tasks": dataset.meta.tasks.sort_values("task_index").index.tolist(),
        "stats": plain(dataset.meta.stats),
        "columns": columns(stored),
        "episodes": episodes(dataset, stored),
        "loader": iterate(dataset, stored, arguments.backend, arguments.limit),
    }
    read = report["loader"]
    print(f"lerobot {lerobot_version} read {read['frames']} of {dataset.num_frames} frames in {read['seconds']} s")
    if arguments.train > 0:
        report["train"] = train(arguments.root, arguments.backend, arguments.train)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as out:
            json.dump(report, out, indent=1, default=plain)


main()
