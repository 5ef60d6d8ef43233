use std::time::{Duration, Instant};

use super::exec::Step;
use super::pytest::python_path;
use super::report::{Case, CaseOutcome, Suite};
use super::run::Bench;
use crate::image::ImageError;
use crate::model::{App, AppKind};

const PORT: &str = "8050";
/// How long an app may take until it answers.
const PATIENCE: Duration = Duration::from_secs(120);

/// Asks until there is an answer below 400, which is a pass; answers above that are no pass after the tenth. All three
/// kinds of apps are Python programs, so Python is there, and this way it does not matter where the engine is.
const PROBE: &str = r"
import sys, time, urllib.error, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
refusals = 0
while True:
    try:
        with opener.open(sys.argv[1], timeout=30) as answer:
            answer.read(1)
            print('answered with status', answer.status)
            sys.exit(0)
    except urllib.error.HTTPError as error:
        refusals += 1
        if refusals == 10:
            print('answered with status', error.code)
            sys.exit(1)
    except OSError:
        pass
    time.sleep(0.2)
";

/// Starts an app, and asks it for its page.
pub(super) async fn run(bench: &Bench<'_>, app: &App) -> Result<Suite, ImageError> {
    let started = Instant::now();
    let step = Step::plain(argv(app))
        .env("HOST", "127.0.0.1")
        .env("PORT", PORT)
        .env("PYTHONPATH", python_path(bench.container, false))
        .env("PYTHONUNBUFFERED", "1")
        .secrets(bench.secrets);
    let probe = Step::plain(["python3", "-c", PROBE, &format!("http://127.0.0.1:{PORT}/")]);
    let outcome = tokio::select! {
        ended = bench.run(step) => {
            let ended = ended?;
            let what = format!("the app {} ended before it answered", app.file);
            CaseOutcome::failed(format!("{what}\n{}", bench.story(&app.file, &ended).await?))
        }
        answer = bench.run(probe) => {
            let answer = answer?;
            match answer.code {
                Some(0) => CaseOutcome::Passed,
                _ => CaseOutcome::failed(format!("the app {} {}", app.file, answer.tail)),
            }
        }
        () = tokio::time::sleep(PATIENCE) => CaseOutcome::failed(format!(
            "the app {} did not answer on port {PORT} within {} s; it finds HOST and PORT in its environment",
            app.file, PATIENCE.as_secs()
        )),
    };
    if let CaseOutcome::Failed(_, story) = &outcome {
        // The rest has been shown.
        bench.say(story.lines().next().unwrap_or_default());
    }
    Ok(Suite { name: "app".into(), cases: vec![Case::new(&app.file, started.elapsed(), outcome)] })
}

fn argv(app: &App) -> Vec<String> {
    let file = app.file.as_str();
    let argv = match app.kind {
        AppKind::Dash => vec!["python3", file],
        AppKind::Bokeh => {
            vec!["python3", "-m", "bokeh", "serve", file, "--address", "127.0.0.1", "--port", PORT]
        }
        AppKind::Streamlit => vec![
            "python3",
            "-m",
            "streamlit",
            "run",
            file,
            "--server.address=127.0.0.1",
            "--server.port=8050",
            "--server.headless=true",
            "--browser.gatherUsageStats=false",
        ],
    };
    argv.into_iter().map(str::to_owned).collect()
}
