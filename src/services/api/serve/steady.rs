use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

/// The longest that the other end may take nothing of what is written.
const STALLED: Duration = Duration::from_secs(60);

/// The longest that an end waits for the other end: in silence, and in all.
const LINGER: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// A connection whose other end has to take what it asked for. An end waits for the other end: what it still sends, as the
/// rest of a body that was refused, is taken in and thrown away. Otherwise the kernel would reset the connection, and the
/// refusal would be lost.
pub(super) struct Steady {
    stream: TcpStream,
    stalled: Option<Pin<Box<Sleep>>>,
    lingers: Option<Lingering>,
}

struct Lingering {
    until: Instant,
    silence: Pin<Box<Sleep>>,
}

impl Steady {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, stalled: None, lingers: None }
    }

    fn judge<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(STALLED)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the other end takes nothing")))
    }
}

impl AsyncRead for Steady {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Steady {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.judge(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.judge(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, lingers, .. } = &mut *self;
        if lingers.is_none() {
            ready!(Pin::new(&mut *stream).poll_shutdown(cx))?;
        }
        let (silence, all) = LINGER;
        let linger = lingers.get_or_insert_with(|| Lingering {
            until: Instant::now() + all,
            silence: Box::pin(sleep(silence)),
        });
        let mut space = [std::mem::MaybeUninit::uninit(); 16 << 10];
        loop {
            let mut rest = ReadBuf::uninit(&mut space);
            match Pin::new(&mut *stream).poll_read(cx, &mut rest) {
                Poll::Ready(Ok(())) if !rest.filled().is_empty() && Instant::now() < linger.until => {
                    linger.silence.as_mut().reset(Instant::now() + silence);
                }
                // It has ended, is gone, or goes on and on.
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => return linger.silence.as_mut().poll(cx).map(Ok),
            }
        }
    }
}
