//! What a progress bar says, within the width of a terminal.

use std::fmt::Write as _;
use std::time::Duration;

use dialoguer::console::{measure_text_width, truncate_str};

/// Widest part that is filled as work goes on.
const BAR: usize = 30;
/// Narrowest that still shows anything.
const SMALLEST_BAR: usize = 6;
/// Sooner than this nobody knows how fast it goes.
const TOO_SOON: Duration = Duration::from_secs(1);

/// How far countable work is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Count<'c> {
    /// What is done with it now.
    pub(super) message: &'c str,
    pub(super) done: u64,
    pub(super) total: u64,
    pub(super) unit: Unit,
    pub(super) elapsed: Duration,
    /// Since one more was done.
    pub(super) still: Duration,
}

/// What is counted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unit {
    /// Things; their plural.
    Things(&'static str),
    Bytes,
}

impl Unit {
    fn amount(self, done: u64, total: u64) -> String {
        match self {
            Self::Things(what) => format!("{done}/{total} {what}"),
            Self::Bytes => format!("{}/{}", bytes(done as f64), bytes(total as f64)),
        }
    }

    fn rate(self, per_second: f64) -> String {
        match self {
            Self::Bytes => format!("{}/s", bytes(per_second)),
            // The largest unit of time in which there is a whole one.
            Self::Things(_) if per_second >= 1.0 => format!("{}/s", short(per_second)),
            Self::Things(_) if per_second * 60.0 >= 1.0 => format!("{}/min", short(per_second * 60.0)),
            Self::Things(_) => format!("{}/h", short(per_second * 3600.0)),
        }
    }
}

/// The line of countable work: what is not yet known is left out, and so is what there is no room for, the least important
/// first.
pub(super) fn counted(count: &Count<'_>, columns: usize) -> String {
    let Count { message, done, total, unit, elapsed, still } = *count;
    let mut text = unit.amount(done.min(total), total);
    let mut facts = Vec::new();
    if done == 0 || elapsed < TOO_SOON {
        if elapsed >= TOO_SOON {
            facts.push(span(elapsed));
        }
    } else if done < total {
        let per_second = done as f64 / elapsed.as_secs_f64();
        facts.push(unit.rate(per_second));
        let each = elapsed.div_f64(done as f64);
        let left = Duration::from_secs_f64(((total - done) as f64 / per_second).min(1e9));
        // One that takes far longer than those before it says nothing of how long it will.
        if still > each * 3 && still > Duration::from_secs(10) {
            facts.push(format!("nothing new for {}", span(still)));
        } else {
            facts.push(format!("{} left", span(left.saturating_sub(still.min(each)))));
        }
    }
    let width = |text: &str| measure_text_width(text);
    for fact in facts {
        if width(&text) + width(&fact) + 3 < columns {
            let _: std::fmt::Result = write!(text, " \u{b7} {fact}");
        }
    }
    if !message.is_empty() {
        let room = columns.saturating_sub(width(&text) + 2);
        if room >= width(message).min(10) {
            text = format!("{} {text}", truncate_str(message, room, "\u{2026}"));
        }
    }
    let room = columns.saturating_sub(width(&text) + 2).min(BAR);
    if room >= SMALLEST_BAR {
        text = format!("{} {text}", bar(done, total, room));
    }
    truncate_str(&text, columns.saturating_sub(1), "\u{2026}").into_owned()
}

/// The line of one thing that takes its time.
pub(super) fn endless(message: &str, elapsed: Duration, columns: usize) -> String {
    let since = if elapsed < TOO_SOON { String::new() } else { format!(" {}", span(elapsed)) };
    let room = columns.saturating_sub(measure_text_width(&since) + 3);
    format!("{}{since}", truncate_str(message, room, "\u{2026}"))
}

fn bar(done: u64, total: u64, width: usize) -> String {
    let share = if total == 0 { 1.0 } else { done as f64 / total as f64 };
    let filled = ((share * width as f64) as usize).min(width);
    format!("{}{}", "\u{2588}".repeat(filled), "\u{2591}".repeat(width - filled))
}

/// Two significant digits or all before the point.
fn short(number: f64) -> String {
    match number {
        n if n >= 1e6 => format!("{:.1}M", n / 1e6),
        n if n >= 1e4 => format!("{:.0}k", n / 1e3),
        n if n >= 10.0 => format!("{n:.0}"),
        n => format!("{n:.1}").trim_end_matches(".0").to_owned(),
    }
}

fn bytes(number: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = number;
    let mut units = UNITS.iter();
    let mut unit = units.next().unwrap_or(&"B");
    for larger in units {
        if value < 1000.0 {
            break;
        }
        (value, unit) = (value / 1024.0, larger);
    }
    format!("{} {unit}", short(value))
}

/// A span of time in its two largest units.
fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(done: u64, total: u64, elapsed: f64, still: f64, columns: usize) -> String {
        let (elapsed, still) = (Duration::from_secs_f64(elapsed), Duration::from_secs_f64(still));
        let unit = Unit::Things("jobs");
        let text = counted(&Count { message: "", done, total, unit, elapsed, still }, columns);
        text.trim_start_matches(['\u{2588}', '\u{2591}', ' ']).to_owned()
    }

    #[test]
    fn rates_and_times_make_sense_however_fast_or_slow_it_goes() {
        for (done, total, elapsed, still, expected) in [
            (0, 1, 0.3, 0.3, "0/1 jobs"),
            (0, 1, 95.0, 95.0, "0/1 jobs \u{b7} 1m35s"),
            (0, 20, 7300.0, 7300.0, "0/20 jobs \u{b7} 2h01m"),
            (5, 20, 10.0, 0.0, "5/20 jobs \u{b7} 30/min \u{b7} 30s left"),
            (1, 3, 1800.0, 0.0, "1/3 jobs \u{b7} 2/h \u{b7} 1h00m left"),
            (1, 3, 6000.0, 5990.0, "1/3 jobs \u{b7} 0.6/h \u{b7} 1h40m left"),
            (700, 1000, 3.0, 0.0, "700/1000 jobs \u{b7} 233/s \u{b7} 1s left"),
            (1000, 1000, 3.0, 0.0, "1000/1000 jobs"),
            (3_000_000, 9_000_000, 2.0, 0.0, "3000000/9000000 jobs \u{b7} 1.5M/s \u{b7} 4s left"),
            (10, 20, 10.0, 100.0, "10/20 jobs \u{b7} 1/s \u{b7} nothing new for 1m40s"),
        ] {
            let told = told(done, total, elapsed, still, 120);
            assert_eq!(told, expected, "{done} of {total} in {elapsed} s");
        }
        assert_eq!(Unit::Bytes.amount(3 << 20, 5 << 30), "3 MiB/5 GiB");
        assert_eq!(Unit::Bytes.rate(1_234_567.0), "1.2 MiB/s");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let message = "registry.example.org/a/very/long/path/of/an/image/examples_solow_tasks:v1";
        for columns in 10..140 {
            for unit in [Unit::Things("objects"), Unit::Bytes] {
                for (done, total) in [(0, 1), (7, 123_456_789), (123_456, 9_999_999_999)] {
                    for message in ["", "Deleting", message] {
                        let elapsed = Duration::from_secs(4000);
                        let count = Count { message, done, total, unit, elapsed, still: Duration::ZERO };
                        let line = counted(&count, columns);
                        assert!(measure_text_width(&line) < columns, "{columns}: {line}");
                    }
                }
            }
            // The spinner and a blank come before it.
            let line = endless(message, Duration::from_secs(100), columns);
            assert!(measure_text_width(&line) + 2 < columns.max(12), "{columns}: {line}");
        }
        let elapsed = Duration::from_secs(4000);
        let (unit, still) = (Unit::Things("objects"), Duration::ZERO);
        let count = Count { message: "Deleting", done: 3, total: 10, unit, elapsed, still };
        assert!(
            counted(&count, 60).contains("Deleting 3/10 objects \u{b7} 2.7/h"),
            "{}",
            counted(&count, 60)
        );
    }
}
