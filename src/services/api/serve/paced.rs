//! Bodies as they come and go: with an end to the patience for those that come, and noted where the connection stands.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::BoxError;
use bytes::{Buf as _, Bytes};
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use crate::listen::{Place, Stage};

/// A body may be waited for so long,
const GRACE: Duration = Duration::from_secs(30);
/// and longer as it arrives: a second for so many bytes.
const SLOWEST: u64 = 64 << 10;

/// The body of a request. Only the time counts in which somebody waits for it.
pub(super) struct Paced<B> {
    body: B,
    silence: Duration,
    place: Arc<Place>,
    arrived: u64,
    waited: Duration,
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl<B> Paced<B> {
    pub(super) fn new(body: B, silence: Duration, place: Arc<Place>) -> Self {
        Self { body, silence, place, arrived: 0, waited: Duration::ZERO, waiting: None }
    }

    /// How much longer it is waited for.
    fn patience(&self) -> Duration {
        let earned = Duration::from_millis(self.arrived.saturating_mul(1000) / SLOWEST);
        self.silence.min((GRACE + earned).saturating_sub(self.waited))
    }

    fn given_up(&self) -> BoxError {
        let (arrived, silence) = (self.arrived, self.silence.as_secs_f64());
        let why = if self.patience() < self.silence {
            format!("it comes too slowly: {arrived} bytes in {:.0} seconds", self.waited.as_secs_f64())
        } else {
            format!("nothing came for {silence} seconds")
        };
        io::Error::new(io::ErrorKind::TimedOut, why).into()
    }
}

impl<B> Body for Paced<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) {
            if let Some((since, _)) = this.waiting.take() {
                this.waited += since.elapsed();
                this.place.set(Stage::Answering);
            }
            if let Some(Ok(frame)) = &frame {
                this.arrived += frame.data_ref().map_or(0, |data| data.remaining() as u64);
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        if this.waiting.is_none() {
            this.waiting = Some((Instant::now(), Box::pin(sleep(this.patience()))));
            this.place.set(Stage::Receiving);
        }
        if let Some((since, sleep)) = &mut this.waiting {
            ready!(sleep.as_mut().poll(cx));
            this.waited += since.elapsed();
        }
        Poll::Ready(Some(Err(this.given_up())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer: when it has gone, its connection is idle.
pub(super) struct Answered<B> {
    body: B,
    place: Arc<Place>,
}

impl<B> Answered<B> {
    pub(super) fn new(body: B, place: Arc<Place>) -> Self {
        Self { body, place }
    }
}

impl<B: Body + Unpin> Body for Answered<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for Answered<B> {
    fn drop(&mut self) {
        self.place.set(Stage::Idle);
    }
}
