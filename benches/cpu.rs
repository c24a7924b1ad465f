//! What the benchmarks of several crates measure by.

/// CPU time of this process so far, s.
pub(crate) fn cpu_s() -> f64 {
    // SAFETY: getrusage fills the struct that it is given, which lives on this stack.
    #[expect(unsafe_code, reason = "the system call has no safe wrapper in the standard library")]
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::getrusage(libc::RUSAGE_SELF, &raw mut usage), 0);
        usage
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 * 1e-6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}
