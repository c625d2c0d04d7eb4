//! Panics of the code under test: tokio would swallow them with the task; here they end the run.

use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    /// `None` outside a run.
    static CAUGHT: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

static HOOK: Once = Once::new();

/// While it lives, panics of this thread are collected and not printed.
pub struct PanicGuard(());

impl PanicGuard {
    pub fn new() -> Self {
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                let collected = CAUGHT.with(|caught| {
                    let Ok(mut caught) = caught.try_borrow_mut() else { return false };
                    let Some(caught) = caught.as_mut() else { return false };
                    caught.push(panic.to_string());
                    true
                });
                if !collected {
                    before(panic);
                }
            }));
        });
        CAUGHT.with(|caught| *caught.borrow_mut() = Some(Vec::new()));
        Self(())
    }

    /// The panics since the last call.
    pub fn take(&self) -> Vec<String> {
        CAUGHT.with(|caught| caught.borrow_mut().as_mut().map(std::mem::take).unwrap_or_default())
    }
}

impl Drop for PanicGuard {
    fn drop(&mut self) {
        CAUGHT.with(|caught| *caught.borrow_mut() = None);
    }
}
