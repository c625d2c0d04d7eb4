//! The async runtime that openraft runs on: tokio, with a random source that can be seeded.
//!
//! Invariant: on a thread that called [`seed_thread`], every random number that consensus uses
//! follows from the seed, and blocking work runs inline: the simulation repeats exactly.

use crate::watch_channel::FifoWatch;
use openraft::{AsyncRuntime, OptionalSend};
use openraft_rt_tokio::TokioRuntime;
use rand::rngs::{SmallRng, ThreadRng};
use rand::{Rng, SeedableRng, TryRng};
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::time::Duration;

thread_local! {
    static SEEDED: RefCell<Option<SmallRng>> = const { RefCell::new(None) };
    static DISK_DELAY_MAX: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Makes every replica on this thread draw its random numbers from `seed` and run blocking work
/// inline.
pub fn seed_thread(seed: u64) {
    SEEDED.with(|rng| *rng.borrow_mut() = Some(SmallRng::seed_from_u64(seed)));
}

/// Takes [`seed_thread`] back.
pub fn unseed_thread() {
    SEEDED.with(|rng| *rng.borrow_mut() = None);
}

/// Makes everything that blocks on a disk take up to `max` from now on, on a seeded thread.
pub fn set_disk_delay_max(max: Duration) {
    DISK_DELAY_MAX.with(|delay| delay.set(max));
}

/// The time that a simulated disk takes for one thing.
pub(crate) async fn disk_delay() {
    let max_ms = DISK_DELAY_MAX.with(Cell::get).as_millis() as u64;
    if is_seeded() && max_ms > 0 {
        let delay_ms = random_u64() % (max_ms + 1);
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
    }
}

/// True after [`seed_thread`] on this thread.
pub fn is_seeded() -> bool {
    SEEDED.with(|rng| rng.borrow().is_some())
}

/// A random number from the seed of the thread, or from the system.
pub fn random_u64() -> u64 {
    thread_rng().next_u64()
}

#[expect(clippy::disallowed_methods, reason = "where randomness comes from, unless it is seeded")]
fn thread_rng() -> XebecRng {
    SEEDED.with(|rng| match rng.borrow_mut().as_mut() {
        Some(seeded) => XebecRng::Seeded(SmallRng::seed_from_u64(seeded.next_u64())),
        None => XebecRng::System(rand::rng()),
    })
}

/// Runs work that blocks on a disk: on a thread of its own, or inline under the simulation.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    if is_seeded() {
        disk_delay().await;
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // The runtime is shutting down: this future will not be polled again.
        Err(_) => std::future::pending().await,
    }
}

/// Either source of random numbers.
pub enum XebecRng {
    Seeded(SmallRng),
    System(ThreadRng),
}

impl TryRng for XebecRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        match self {
            Self::Seeded(rng) => rng.try_next_u32(),
            Self::System(rng) => rng.try_next_u32(),
        }
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        match self {
            Self::Seeded(rng) => rng.try_next_u64(),
            Self::System(rng) => rng.try_next_u64(),
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        match self {
            Self::Seeded(rng) => rng.try_fill_bytes(bytes),
            Self::System(rng) => rng.try_fill_bytes(bytes),
        }
    }
}

/// openraft's view of tokio.
#[derive(Debug)]
pub struct XebecRuntime(TokioRuntime);

impl AsyncRuntime for XebecRuntime {
    type JoinError = <TokioRuntime as AsyncRuntime>::JoinError;
    type JoinHandle<T: OptionalSend + 'static> = <TokioRuntime as AsyncRuntime>::JoinHandle<T>;
    type Sleep = <TokioRuntime as AsyncRuntime>::Sleep;
    type Instant = <TokioRuntime as AsyncRuntime>::Instant;
    type TimeoutError = <TokioRuntime as AsyncRuntime>::TimeoutError;
    type Timeout<R, T: Future<Output = R> + OptionalSend> =
        <TokioRuntime as AsyncRuntime>::Timeout<R, T>;
    type ThreadLocalRng = XebecRng;
    type Mpsc = <TokioRuntime as AsyncRuntime>::Mpsc;
    type Watch = FifoWatch;
    type Oneshot = <TokioRuntime as AsyncRuntime>::Oneshot;
    type Mutex<T: OptionalSend + 'static> = <TokioRuntime as AsyncRuntime>::Mutex<T>;

    fn spawn<T>(future: T) -> Self::JoinHandle<T::Output>
    where
        T: Future + OptionalSend + 'static,
        T::Output: OptionalSend + 'static,
    {
        TokioRuntime::spawn(future)
    }

    fn sleep(duration: Duration) -> Self::Sleep {
        TokioRuntime::sleep(duration)
    }

    fn sleep_until(deadline: Self::Instant) -> Self::Sleep {
        TokioRuntime::sleep_until(deadline)
    }

    fn timeout<R, F: Future<Output = R> + OptionalSend>(
        duration: Duration,
        future: F,
    ) -> Self::Timeout<R, F> {
        TokioRuntime::timeout(duration, future)
    }

    fn timeout_at<R, F: Future<Output = R> + OptionalSend>(
        deadline: Self::Instant,
        future: F,
    ) -> Self::Timeout<R, F> {
        TokioRuntime::timeout_at(deadline, future)
    }

    fn is_panic(join_error: &Self::JoinError) -> bool {
        TokioRuntime::is_panic(join_error)
    }

    fn thread_rng() -> Self::ThreadLocalRng {
        thread_rng()
    }

    fn new(threads: usize) -> Self {
        Self(TokioRuntime::new(threads))
    }

    fn block_on<F, T>(&mut self, future: F) -> T
    where
        F: Future<Output = T>,
    {
        self.0.block_on(future)
    }

    async fn spawn_blocking<F, T>(work: F) -> Result<T, io::Error>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        Ok(blocking(work).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats() {
        let draw = |seed| {
            seed_thread(seed);
            let numbers = (0..4).map(|_| random_u64()).collect::<Vec<_>>();
            unseed_thread();
            numbers
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn passes_openrafts_suite() {
        openraft_rt::testing::Suite::<XebecRuntime>::test_all();
    }
}
