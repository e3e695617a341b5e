//! One invocation of a function: it has a clock of its own, can freeze, and can die at any await.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use jiff::SignedDuration;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{Instant, Sleep};

/// An invocation.
pub struct Actor {
    /// Its name in the trace.
    pub name: String,
    /// How far its clock is off.
    pub skew: SignedDuration,
    frozen_until: Mutex<Option<Instant>>,
    abort: Mutex<Option<AbortHandle>>,
}

impl Actor {
    /// An invocation that has not begun.
    #[must_use]
    pub fn new(name: String, skew: SignedDuration) -> Arc<Self> {
        Arc::new(Self { name, skew, frozen_until: Mutex::new(None), abort: Mutex::new(None) })
    }

    /// Runs `work` as this invocation, and kills it after `limit`.
    pub fn start<T: Send + 'static>(
        self: &Arc<Self>,
        limit: Duration,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<Option<T>> {
        let running = Running { actor: Arc::clone(self), work: Box::pin(work), thaw: None };
        let task = tokio::spawn(async move { tokio::time::timeout(limit, running).await.ok() });
        *locked(&self.abort) = Some(task.abort_handle());
        task
    }

    /// Dies here.
    pub async fn crash<T>(&self) -> T {
        if let Some(task) = locked(&self.abort).take() {
            task.abort();
        }
        std::future::pending().await
    }

    /// Stands still for a while, as a whole: no timer of it runs out, no answer arrives.
    pub async fn freeze(&self, time: Duration) {
        *locked(&self.frozen_until) = Some(Instant::now() + time);
        tokio::task::yield_now().await;
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Running<T> {
    actor: Arc<Actor>,
    work: Pin<Box<dyn Future<Output = T> + Send>>,
    thaw: Option<Pin<Box<Sleep>>>,
}

impl<T> Future for Running<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        loop {
            if let Some(thaw) = &mut self.thaw {
                std::task::ready!(thaw.as_mut().poll(context));
                self.thaw = None;
            }
            let polled = self.work.as_mut().poll(context);
            let until = locked(&self.actor.frozen_until).take();
            match (polled, until) {
                (Poll::Pending, Some(until)) => self.thaw = Some(Box::pin(tokio::time::sleep_until(until))),
                (polled, _) => return polled,
            }
        }
    }
}
