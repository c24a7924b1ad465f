//! Behaviour of robots and of the governor.

mod governor;
