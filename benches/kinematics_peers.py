"""Solves one problem of the kinematics benchmark with placo, mink and pink, and prints one JSON object per engine.

usage: kinematics_peers.py STEM [--collision] [--engine NAME]... [--reaches N]

STEM.urdf, STEM.xml and STEM.json are written by `cargo bench -p etude-kinematics --bench peers`. A step is forward kinematics,
Jacobians, building the quadratic program, solving it and integrating; finding out whether it has converged is not
counted. Times are CPU time of the thread. Costs, limits, time step and stop are those of the JSON:
mink and pink square their costs, placo does not, so placo gets the squares.
"""

import argparse
import json
import statistics
import sys
import time

import numpy as np

# Pink's barriers take milliseconds a step, so it gets fewer reaches with links kept apart.
SLOW_REACHES = 20

# µ = 0.1 · |e|², as our own solver has it; placo has no damping that grows with the error.
LM_DAMPING = 0.1
FLOOR = 1e-6


class Mink:
    def __init__(self, stem, problem, collision, solver):
        import mink
        import mujoco

        self.mink, self.solver, self.problem = mink, solver, problem
        self.model = mujoco.MjModel.from_xml_path(stem + ".xml")
        self.configuration = mink.Configuration(self.model)
        q = self.model.qpos0.copy()
        for name, value in problem["start"]:
            q[self.model.joint(name).qposadr[0]] = value
        self.start = q
        self.frames = [
            mink.FrameTask(t["link"], "body", t["position_weight"], t["orientation_weight"], lm_damping=LM_DAMPING)
            for t in problem["reaches"][0]
        ]
        self.posture = mink.PostureTask(self.model, cost=problem["posture_weight"])
        self.posture.set_target(q)
        speeds = {name: problem["speed_rad_s"] for name, _ in problem["start"]}
        self.limits = [mink.ConfigurationLimit(self.model, gain=1.0), mink.VelocityLimit(self.model, speeds)]
        if collision:
            pairs = [([f"c{a}"], [f"c{b}"]) for a, b in problem["pairs"]]
            self.limits.append(
                mink.CollisionAvoidanceLimit(
                    self.model,
                    pairs,
                    gain=0.85,
                    minimum_distance_from_collisions=problem["margin_m"],
                    collision_detection_distance=problem["influence_m"],
                )
            )

    def begin(self, targets):
        self.configuration.update(self.start.copy())
        for task, target in zip(self.frames, targets):
            task.set_target(self.mink.SE3.from_matrix(target))

    def step(self):
        velocity = self.mink.solve_ik(
            self.configuration, [*self.frames, self.posture], self.problem["dt_s"], self.solver, FLOOR, limits=self.limits
        )
        self.configuration.integrate_inplace(velocity, self.problem["dt_s"])

    def pose(self, link):
        return self.configuration.get_transform_frame_to_world(link, "body").as_matrix()


class Pink:
    def __init__(self, stem, problem, collision, solver):
        import pinocchio as pin
        import pink

        self.pin, self.pink, self.solver, self.problem = pin, pink, solver, problem
        self.base = np.array(problem["world_from_base"]).reshape(4, 4)
        if problem["free_base"]:
            self.model = pin.buildModelFromUrdf(stem + ".urdf", pin.JointModelFreeFlyer())
            self.base_inverse = np.eye(4)
        else:
            self.model = pin.buildModelFromUrdf(stem + ".urdf")
            self.base_inverse = np.linalg.inv(self.base)
        self.barriers, self.geometry = None, {}
        if collision:
            geometry = pin.buildGeomFromUrdf(self.model, stem + ".urdf", pin.GeometryType.COLLISION)
            for a, b in named_pairs(stem, problem, geometry):
                geometry.addCollisionPair(pin.CollisionPair(a, b))
            self.geometry = {"collision_model": geometry, "collision_data": pin.GeometryData(geometry)}
            count = min(len(geometry.collisionPairs), 48)
            self.barriers = [
                pink.barriers.SelfCollisionBarrier(count, gain=0.85 / problem["dt_s"], d_min=problem["margin_m"])
            ]
        self.data = self.model.createData()
        q = pin.neutral(self.model)
        if problem["free_base"]:
            q[:7] = pin.SE3ToXYZQUAT(pin.SE3(self.base))
        for name, value in problem["start"]:
            q[self.model.joints[self.model.getJointId(name)].idx_q] = value
        self.start = q
        self.frames = [
            pink.FrameTask(t["link"], t["position_weight"], t["orientation_weight"], lm_damping=LM_DAMPING)
            for t in problem["reaches"][0]
        ]
        self.posture = pink.PostureTask(cost=problem["posture_weight"])
        self.posture.set_target(q)
        self.limits = [pink.limits.ConfigurationLimit(self.model, config_limit_gain=1.0), pink.limits.VelocityLimit(self.model)]

    def begin(self, targets):
        self.configuration = self.pink.Configuration(self.model, self.data, self.start.copy(), **self.geometry)
        for task, target in zip(self.frames, targets):
            task.set_target(self.pin.SE3(self.base_inverse @ target))

    def step(self):
        velocity = self.pink.solve_ik(
            self.configuration,
            [*self.frames, self.posture],
            self.problem["dt_s"],
            self.solver,
            FLOOR,
            limits=self.limits,
            barriers=self.barriers,
            safety_break=False,
        )
        self.configuration.integrate_inplace(velocity, self.problem["dt_s"])

    def pose(self, link):
        return np.linalg.inv(self.base_inverse) @ self.configuration.get_transform_frame_to_world(link).homogeneous


class Placo:
    def __init__(self, stem, problem, collision, _solver):
        import placo

        self.problem = problem
        self.base = np.array(problem["world_from_base"]).reshape(4, 4)
        flags = 0 if collision else placo.Flags.ignore_collisions
        self.robot = placo.RobotWrapper(stem + ".urdf", flags)
        self.solver = placo.KinematicsSolver(self.robot)
        if not problem["free_base"]:
            self.solver.mask_fbase(True)
        self.solver.dt = problem["dt_s"]
        self.solver.enable_joint_limits(True)
        self.solver.enable_velocity_limits(True)
        self.frames = []
        for t in problem["reaches"][0]:
            task = self.solver.add_frame_task(t["link"], np.eye(4))
            task.configure(t["link"], "soft", t["position_weight"] ** 2, t["orientation_weight"] ** 2)
            self.frames.append(task)
        posture = self.solver.add_joints_task()
        posture.set_joints(dict(problem["start"]))
        posture.configure("posture", "soft", problem["posture_weight"] ** 2)
        self.solver.add_regularization_task(FLOOR)
        if collision:
            path = stem + ".pairs.json"
            # placo pairs links: all capsules of one with all of the other, so it gets the links of which all are tested.
            names = [g.name.rsplit("_", 1)[0] for g in self.robot.collision_model.geometryObjects]
            indices = set(named_pairs(stem, problem, self.robot.collision_model))
            joined = {(names[a], names[b]) for a, b in indices}
            tested = lambda a, b: (a, b) in indices or (b, a) in indices
            whole = lambda one, other: all(
                tested(a, b)
                for a, name_a in enumerate(names)
                if name_a == one
                for b, name_b in enumerate(names)
                if name_b == other
            )
            pairs = sorted(pair for pair in joined if whole(*pair))
            with open(path, "w", encoding="utf-8") as file:
                json.dump(pairs, file)
            self.robot.load_collision_pairs(path)
            taken = len(self.robot.collision_model.collisionPairs)
            if taken < len(pairs):
                raise RuntimeError(f"placo took {taken} of {len(pairs)} pairs of links")
            constraint = self.solver.add_avoid_self_collisions_constraint()
            constraint.self_collisions_margin = problem["margin_m"]
            constraint.self_collisions_trigger = problem["influence_m"]

    def begin(self, targets):
        for name, value in self.problem["start"]:
            self.robot.set_joint(name, value)
        self.robot.update_kinematics()
        self.robot.set_T_world_frame("pelvis", self.base)
        self.robot.update_kinematics()
        for task, target in zip(self.frames, targets):
            task.T_world_frame = target

    def step(self):
        self.robot.update_kinematics()
        self.solver.solve(True)

    def pose(self, link):
        # Not counted, though the next step counts forward kinematics.
        self.robot.update_kinematics()
        return self.robot.get_T_world_frame(link)


def named_pairs(stem, problem, geometry):
    """Indices into a Pinocchio geometry of the pairs, which the problem numbers as its files do."""
    import xml.etree.ElementTree as tree

    place = {}
    for link in tree.parse(stem + ".urdf").getroot().iter("link"):
        for index, collision in enumerate(link.iter("collision")):
            place[int(collision.get("name")[1:])] = geometry.getGeometryId(f"{link.get('name')}_{index}")
    pairs = {tuple(sorted((place[a], place[b]))) for a, b in problem["pairs"]}
    parent = [g.parentJoint for g in geometry.geometryObjects]
    return sorted(pair for pair in pairs if parent[pair[0]] != parent[pair[1]])


ENGINES = {
    "placo": (Placo, None),
    "mink, daqp": (Mink, "daqp"),
    "pink, daqp": (Pink, "daqp"),
}


def error(pose, target):
    position = np.linalg.norm(pose[:3, 3] - target[:3, 3])
    # The chord between two rotations is exact for small angles, where the arc cosine is not.
    chord = np.linalg.norm(pose[:3, :3] - target[:3, :3]) / np.sqrt(2.0)
    return position, 2.0 * np.arcsin(min(1.0, chord / 2.0))


def run(name, stem, problem, collision, reaches):
    make, solver = ENGINES[name]
    engine = make(stem, problem, collision, solver)
    links = [t["link"] for t in problem["reaches"][0]]
    step_us, reach_us, steps, converged, failed = [], [], [], 0, 0
    for reach in problem["reaches"][:reaches]:
        targets = [np.array(t["pose"]).reshape(4, 4) for t in reach]
        engine.begin(targets)
        spent = 0.0
        for step in range(1, problem["max_steps"] + 1):
            begin = time.thread_time_ns()
            try:
                engine.step()
            except Exception as caught:  # every engine has exceptions of its own for a failed program
                failed += 1
                if failed == 1:
                    print(f"{name}: {type(caught).__name__}: {caught}"[:300], file=sys.stderr)
                break
            took = (time.thread_time_ns() - begin) * 1e-3
            step_us.append(took)
            spent += took
            errors = [error(engine.pose(link), target) for link, target in zip(links, targets)]
            if all(p <= 1e-3 and a <= np.deg2rad(0.5) for p, a in errors):
                converged += 1
                steps.append(step)
                break
        reach_us.append(spent)
    return {
        "engine": name,
        "problem": stem.rsplit("/", 1)[-1],
        "collision": collision,
        "step_us_median": float(np.median(step_us)),
        "step_us_p99": float(np.percentile(step_us, 99)),
        "reach_us_median": float(np.median(reach_us)),
        "steps_median": float(statistics.median(steps)) if steps else None,
        "converged": converged,
        "reaches": len(reach_us),
        "failed": failed,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stem")
    parser.add_argument("--collision", action="store_true")
    parser.add_argument("--engine", action="append", choices=ENGINES)
    parser.add_argument("--reaches", type=int)
    options = parser.parse_args()
    with open(options.stem + ".json", encoding="utf-8") as file:
        problem = json.load(file)
    if options.collision:
        problem["reaches"] = problem["reaches_apart"]
    for name in options.engine or ENGINES:
        reaches = SLOW_REACHES if options.collision and name.startswith("pink") else options.reaches
        print(json.dumps(run(name, options.stem, problem, options.collision, reaches)), flush=True)


if __name__ == "__main__":
    main()
