use serde::Serialize;

use super::recent::seconds;
use super::view::took;
use crate::model::Job;

/// Bars at most.
const BARS: usize = 60;
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 150.0;
/// Room for the labels at the left.
const LEFT: f64 = 56.0;

/// How long the last jobs took, the latest at the right.
#[derive(Debug, Default, Serialize)]
pub(super) struct Chart {
    bars: Vec<Bar>,
    lines: Vec<Line>,
    width: f64,
    height: f64,
    left: f64,
}

#[derive(Debug, Serialize)]
struct Bar {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    /// The state, as a name of a style.
    class: String,
    about: String,
}

#[derive(Debug, Serialize)]
struct Line {
    y: f64,
    label: String,
}

impl Chart {
    /// Of jobs that have ended, the latest first.
    pub(super) fn of(jobs: &[Job]) -> Self {
        let mut timed: Vec<(&Job, f64)> = jobs.iter().filter_map(|job| Some((job, seconds(job)?))).collect();
        timed.truncate(BARS);
        timed.reverse();
        let top = nice(timed.iter().map(|(_, s)| *s).fold(0.1, f64::max));
        let step = (WIDTH - LEFT) / timed.len().max(12) as f64;
        let bars = timed.iter().enumerate().map(|(n, (job, seconds))| {
            let height = (HEIGHT * seconds / top).max(2.0);
            Bar {
                x: round(LEFT + step * n as f64 + step * 0.15),
                y: round(HEIGHT - height),
                width: round(step * 0.7),
                height: round(height),
                class: job.status.as_str().to_lowercase(),
                about: format!("{}: {}, {}, {}", job.id, job.model, job.status, took(*seconds)),
            }
        });
        let lines =
            [0.0, 0.5, 1.0].map(|share| Line { y: round(HEIGHT * (1.0 - share)), label: took(top * share) });
        Self { bars: bars.collect(), lines: lines.into(), width: WIDTH, height: HEIGHT, left: LEFT }
    }
}

/// The next number of seconds that people count in.
fn nice(seconds: f64) -> f64 {
    const STEPS: [f64; 20] = [
        0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0,
        7200.0, 14_400.0, 43_200.0, 86_400.0,
    ];
    STEPS.into_iter().find(|step| *step >= seconds).unwrap_or_else(|| (seconds / 86_400.0).ceil() * 86_400.0)
}

fn round(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn job(n: u32, seconds: u32) -> Job {
        serde_json::from_value(json!({
            "id": format!("run-{n}"), "model": "Test/Echo", "task": "sim", "status": "SUCCESS", "attempt": 1,
            "created_at": "2026-01-01T00:00:00Z", "started_at": "2026-01-01T00:00:00Z",
            "finished_at": format!("2026-01-01T00:{:02}:{:02}Z", seconds / 60, seconds % 60)
        }))
        .unwrap()
    }

    #[test]
    fn bars_stand_in_the_order_of_time_and_within_the_picture() {
        let jobs: Vec<Job> = (0..100).map(|n| job(n, n * 7)).collect();
        let chart = Chart::of(&jobs);
        assert_eq!(chart.bars.len(), BARS);
        assert!(chart.bars.last().unwrap().about.starts_with("run-0:"), "the first is the latest");
        for bar in &chart.bars {
            assert!(bar.x >= LEFT && bar.x + bar.width <= WIDTH, "{bar:?}");
            assert!(
                bar.y >= 0.0 && bar.height >= 2.0 && (bar.y + bar.height - HEIGHT).abs() < 0.2,
                "{bar:?}"
            );
        }
        assert!(Chart::of(&[]).bars.is_empty());
    }

    #[test]
    fn the_scale_ends_at_a_number_that_people_count_in() {
        assert_eq!((nice(0.3), nice(61.0), nice(200_000.0)), (0.5, 120.0, 259_200.0));
    }
}
