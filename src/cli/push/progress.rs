use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar};

use crate::image::push::{PushEvent, PushProgress};
use crate::model::ImageReference;
use crate::ui::{self, Printer};

/// What is done sooner shows nothing.
const PATIENCE: Duration = Duration::from_millis(250);

/// A line an image on a terminal, with rate and time left; elsewhere only what is out of the ordinary.
pub(super) struct Bars {
    printer: Printer,
    started: Instant,
    lines: MultiProgress,
    bars: Mutex<HashMap<ImageReference, ProgressBar>>,
}

impl Bars {
    pub(super) fn new(printer: Printer) -> Self {
        Self { printer, started: Instant::now(), lines: MultiProgress::new(), bars: Mutex::default() }
    }

    fn bar(&self, image: &ImageReference) -> Option<ProgressBar> {
        if !self.printer.progress() || self.started.elapsed() < PATIENCE {
            return None;
        }
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        let bar =
            bars.entry(image.clone()).or_insert_with(|| ui::counted_bytes(&self.lines, image.to_string()));
        Some(bar.clone())
    }
}

impl PushProgress for Bars {
    fn event(&self, image: &ImageReference, event: PushEvent) {
        match event {
            PushEvent::Looking => {}
            PushEvent::Bytes { done, total } => {
                if let Some(bar) = self.bar(image) {
                    bar.set_length(total);
                    bar.set_position(done);
                }
            }
            PushEvent::TakenOver(why) => self.lines.suspend(|| {
                self.printer.note(format!("{image}: sent by csw, as the Docker engine can't: {why}"));
            }),
            PushEvent::Done => {
                let bar = self.bars.lock().unwrap_or_else(PoisonError::into_inner).remove(image);
                if let Some(bar) = bar {
                    bar.finish_and_clear();
                }
            }
        }
    }
}
