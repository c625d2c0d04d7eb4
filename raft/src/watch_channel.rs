//! The watch channel that this crate and openraft run on: tasks wake in the order in which they
//! began to wait.
//!
//! tokio's own spreads its waiters at random, from a source that cannot be seeded; under the
//! simulation, two replication streams would wake in another order in every run.

use openraft::OptionalSend;
use openraft_rt::OptionalSync;
use openraft_rt::watch::{RecvError, SendError, Watch, WatchReceiver, WatchSender};
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tokio::sync::Notify;

/// The kind of channel, for [`openraft_rt::AsyncRuntime::Watch`].
pub struct FifoWatch;

struct Shared<T> {
    value: RwLock<T>,
    /// Counts the changes; moved on only under the write lock.
    version: AtomicU64,
    changed: Notify,
    senders: AtomicUsize,
    receivers: AtomicUsize,
}

/// Sets the value.
pub struct Sender<T>(Arc<Shared<T>>);

/// Sees the newest value.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    seen: u64,
}

/// A channel with its first value, which counts as seen.
pub fn channel<T>(init: T) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared {
        value: RwLock::new(init),
        version: AtomicU64::new(0),
        changed: Notify::new(),
        senders: AtomicUsize::new(1),
        receivers: AtomicUsize::new(0),
    });
    let receiver = Receiver::new(&shared);
    (Sender(shared), receiver)
}

impl<T> Sender<T> {
    /// Sets the value, whether or not anybody receives it; returns the one before.
    pub fn send_replace(&self, value: T) -> T {
        let mut current = self.0.value.write();
        let before = std::mem::replace(&mut *current, value);
        self.publish(current);
        before
    }

    /// Changes the value in place, unless `modify` says that it did not.
    pub fn send_if_modified(&self, modify: impl FnOnce(&mut T) -> bool) -> bool {
        let mut value = self.0.value.write();
        let modified = modify(&mut value);
        if modified {
            self.publish(value);
        }
        modified
    }

    fn publish(&self, value: RwLockWriteGuard<'_, T>) {
        self.0.version.fetch_add(1, Ordering::AcqRel);
        drop(value);
        self.0.changed.notify_waiters();
    }
}

impl<T> Receiver<T> {
    pub fn borrow(&self) -> RwLockReadGuard<'_, T> {
        self.shared.value.read()
    }

    /// The value, which counts as seen.
    pub fn borrow_and_update(&mut self) -> RwLockReadGuard<'_, T> {
        let value = self.shared.value.read();
        self.seen = self.shared.version.load(Ordering::Acquire);
        value
    }

    /// Waits for a value not seen yet; an error when all senders are gone.
    pub async fn changed(&mut self) -> Result<(), RecvError> {
        loop {
            if self.take_change() {
                return Ok(());
            }
            let shared = Arc::clone(&self.shared);
            let mut notified = pin!(shared.changed.notified());
            // In the queue before the second look, so that no change falls between.
            notified.as_mut().enable();
            if self.take_change() {
                return Ok(());
            }
            if self.shared.senders.load(Ordering::Acquire) == 0 {
                return Err(RecvError(()));
            }
            notified.await;
        }
    }

    /// Waits until the value is `wanted`.
    pub async fn wait_for(&mut self, wanted: impl Fn(&T) -> bool) -> Result<(), RecvError> {
        while !wanted(&self.borrow_and_update()) {
            self.changed().await?;
        }
        Ok(())
    }

    fn new(shared: &Arc<Shared<T>>) -> Self {
        shared.receivers.fetch_add(1, Ordering::AcqRel);
        Self { shared: Arc::clone(shared), seen: shared.version.load(Ordering::Acquire) }
    }

    /// True if the value has changed since this receiver looked last; it has looked now.
    fn take_change(&mut self) -> bool {
        let version = self.shared.version.load(Ordering::Acquire);
        std::mem::replace(&mut self.seen, version) != version
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.senders.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(&self.0))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if self.0.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.changed.notify_waiters();
        }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.shared.receivers.fetch_add(1, Ordering::AcqRel);
        Self { shared: Arc::clone(&self.shared), seen: self.seen }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.receivers.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Watch for FifoWatch {
    type Sender<T: OptionalSend + OptionalSync> = Sender<T>;
    type Receiver<T: OptionalSend + OptionalSync> = Receiver<T>;
    type Ref<'a, T: OptionalSend + 'a> = RwLockReadGuard<'a, T>;

    fn channel<T: OptionalSend + OptionalSync>(init: T) -> (Sender<T>, Receiver<T>) {
        channel(init)
    }
}

impl<T: OptionalSend + OptionalSync> WatchSender<FifoWatch, T> for Sender<T> {
    fn send(&self, value: T) -> Result<(), SendError<T>> {
        if self.0.receivers.load(Ordering::Acquire) == 0 {
            return Err(SendError(value));
        }
        self.send_if_modified(|current| {
            *current = value;
            true
        });
        Ok(())
    }

    fn send_if_modified<F>(&self, modify: F) -> bool
    where
        F: FnOnce(&mut T) -> bool,
    {
        Sender::send_if_modified(self, modify)
    }

    fn borrow_watched(&self) -> RwLockReadGuard<'_, T> {
        self.0.value.read()
    }

    fn subscribe(&self) -> Receiver<T> {
        Receiver::new(&self.0)
    }
}

impl<T: OptionalSend + OptionalSync> WatchReceiver<FifoWatch, T> for Receiver<T> {
    async fn changed(&mut self) -> Result<(), RecvError> {
        Receiver::changed(self).await
    }

    fn borrow_watched(&self) -> RwLockReadGuard<'_, T> {
        self.shared.value.read()
    }

    fn borrow_and_update(&mut self) -> RwLockReadGuard<'_, T> {
        Receiver::borrow_and_update(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;

    #[tokio::test]
    async fn waiters_wake_in_the_order_in_which_they_came() {
        let (sender, receiver) = channel(0);
        let woken = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for number in 0..20 {
            let (mut receiver, woken) = (receiver.clone(), Arc::clone(&woken));
            tasks.push(tokio::spawn(async move {
                receiver.changed().await.expect("the sender lives");
                woken.lock().push(number);
            }));
        }
        tokio::task::yield_now().await;
        sender.send(1).expect("there are receivers");
        for task in tasks {
            task.await.expect("no panic");
        }
        assert_eq!(*woken.lock(), (0..20).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn the_end_of_the_senders_is_noticed_after_the_last_value() {
        let (sender, mut receiver) = channel(0);
        let second = sender.clone();
        sender.send(1).expect("there is a receiver");
        drop((sender, second));
        receiver.changed().await.expect("the value first");
        receiver.changed().await.expect_err("then the end");
        let (sender, receiver) = channel(0);
        drop(receiver);
        sender.send(1).expect_err("nobody receives");
    }
}
