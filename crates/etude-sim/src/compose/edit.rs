//! Deleting parts of a model under construction.
#![expect(
    unsafe_code,
    reason = "the bindings mark deletion unsafe: no handle of the part may be used afterwards"
)]

use mujoco_rs::prelude::*;
use mujoco_rs::wrappers::mj_editing::MjsBody;

/// Deletes every keyframe: its sizes are those of the model alone.
pub(super) fn delete_keyframes(spec: &mut MjSpec) -> Result<(), MjEditError> {
    while let Some(key) = spec.key_iter_mut().next() {
        // SAFETY: `key` is not used after this call, and the iterator ends with the statement.
        unsafe { key.delete()? };
    }
    Ok(())
}

/// Deletes every actuator.
pub(super) fn delete_actuators(spec: &mut MjSpec) -> Result<(), MjEditError> {
    while let Some(actuator) = spec.actuator_iter_mut().next() {
        // SAFETY: as above.
        unsafe { actuator.delete()? };
    }
    Ok(())
}

/// Deletes every light: scenes bring their own.
pub(super) fn delete_lights(spec: &mut MjSpec) -> Result<(), MjEditError> {
    while let Some(light) = spec.light_iter_mut().next() {
        // SAFETY: as above.
        unsafe { light.delete()? };
    }
    Ok(())
}

/// Deletes the free joints of the bodies right below `body`.
pub(super) fn delete_free_joints(body: &mut MjsBody) -> Result<(), MjEditError> {
    for child in body.body_iter_mut() {
        while let Some(joint) =
            child.joint_iter_mut(false).find(|joint| joint.type_() == MjtJoint::mjJNT_FREE)
        {
            // SAFETY: as above.
            unsafe { joint.delete()? };
        }
    }
    Ok(())
}
