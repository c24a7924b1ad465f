"""Says where Pinocchio and MuJoCo put the frames of models, and what Jacobians they give.

usage: kinematics_oracle.py REQUEST ANSWER

REQUEST is a JSON list of {path, format, positions, frames, columns}: "urdf" or "mjcf"; positions by joint name in rad or m;
names of links; per column a list of [joint, share]. For each entry and engine one JSON object is written to ANSWER, a line each:
  {path, engine, frames: {name: {pose: [16, row by row], jacobian: [6 × columns, row by row]}}} or {path, engine, refused}
The Jacobian is the velocity of the frame's origin (m/s), then its angular velocity (rad/s), both in the world's axes.
Models are read without their shapes, sensors and motors, so that no mesh need be there.
"""

import json
import sys

import mujoco
import numpy as np
import pinocchio as pin


def of_mujoco(request):
    spec = mujoco.MjSpec.from_file(request["path"])
    spec.compiler.fusestatic = False
    kinds = "keys sensors actuators tendons equalities pairs excludes flexes skins cameras lights geoms meshes hfields materials textures"
    for kind in kinds.split():
        for element in list(getattr(spec, kind, [])):
            spec.delete(element)
    for body in spec.bodies[1:]:
        body.explicitinertial, body.mass, body.inertia = True, 1.0, [1.0, 1.0, 1.0]
        body.fullinertia = [np.nan] * 6
    model = spec.compile()
    data = mujoco.MjData(model)
    for name, value in request["positions"].items():
        data.qpos[model.joint(name).qposadr[0]] = value
    mujoco.mj_kinematics(model, data)
    mujoco.mj_comPos(model, data)
    found = {}
    for name in request["frames"]:
        index = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, name)
        if index < 0:
            continue
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = data.xmat[index].reshape(3, 3), data.xpos[index]
        jacobian = np.zeros((6, model.nv))
        mujoco.mj_jacBody(model, data, jacobian[:3], jacobian[3:], index)
        of_joint = lambda joint: jacobian[:, model.joint(joint).dofadr[0]]
        found[name] = answer(pose, of_joint, request["columns"])
    return found


def of_pinocchio(request):
    if request["format"] == "urdf":
        model = pin.buildModelFromUrdf(request["path"])
    else:
        model = pin.buildModelFromMJCF(request["path"])
    data = model.createData()
    q = pin.neutral(model)
    for name, value in request["positions"].items():
        if not model.existJointName(name):
            raise KeyError(f"no joint {name}")
        joint = model.joints[model.getJointId(name)]
        if joint.nq == 2:
            q[joint.idx_q : joint.idx_q + 2] = np.cos(value), np.sin(value)
        else:
            q[joint.idx_q] = value
    pin.computeJointJacobians(model, data, q)
    pin.updateFramePlacements(model, data)
    found = {}
    for name in request["frames"]:
        if not model.existFrame(name, pin.FrameType.BODY):
            continue
        frame = model.getFrameId(name, pin.FrameType.BODY)
        jacobian = pin.getFrameJacobian(model, data, frame, pin.ReferenceFrame.LOCAL_WORLD_ALIGNED)
        of_joint = lambda joint: jacobian[:, model.joints[model.getJointId(joint)].idx_v]
        found[name] = answer(data.oMf[frame].homogeneous, of_joint, request["columns"])
    return found


def answer(pose, of_joint, columns):
    jacobian = np.zeros((6, len(columns)))
    for index, shares in enumerate(columns):
        for joint, share in shares:
            jacobian[:, index] += share * of_joint(joint)
    return {"pose": pose.flatten().tolist(), "jacobian": jacobian.flatten().tolist()}


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        requests = json.load(file)
    # Readers print on standard output as they like, so the answer goes to a file.
    with open(sys.argv[2], "w", encoding="utf-8") as answers:
        for request in requests:
            for engine, solve in (("mujoco", of_mujoco), ("pinocchio", of_pinocchio)):
                line = {"path": request["path"], "engine": engine}
                try:
                    line["frames"] = solve(request)
                except Exception as caught:  # what a reader does not take is told, whatever it raises
                    line["refused"] = f"{type(caught).__name__}: {caught}"[:200]
                print(json.dumps(line), file=answers)


if __name__ == "__main__":
    main()
