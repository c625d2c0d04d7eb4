//! A replica that was started by `xebec up` must not outlive it.

use crate::failure::{Failure, Kind};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getppid};

/// Asks the kernel for SIGQUIT (all stop) when the parent dies. Fails if it is dead already.
pub fn die_with(parent: u32) -> Result<(), Failure> {
    prctl::set_pdeathsig(Signal::SIGQUIT)
        .map_err(|error| Failure::io("prctl(PR_SET_PDEATHSIG)", &error.into()))?;
    // Only now can no death go unnoticed: look whether it came before.
    let alive = i32::try_from(parent).is_ok_and(|parent| getppid() == Pid::from_raw(parent));
    match alive {
        true => Ok(()),
        false => Err(Failure::new(Kind::Failed, format!("the parent process {parent} is gone"))),
    }
}
