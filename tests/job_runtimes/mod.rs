//! What every runtime of jobs must do, with shell scripts in the executor's place.

mod api;
mod conformance;
mod credentials;
mod dispatch;
mod endings;
mod kubernetes;
mod process;
mod watching;

/// Runs all cases on a bed; a bed that is missing leaves them out.
macro_rules! on_both {
    ($($case:ident),+ $(,)?) => {
        mod on {
            mod process {
                $(#[tokio::test]
                async fn $case() {
                    if let Some(bed) = super::super::process::bed().await {
                        super::super::conformance::$case(&bed).await;
                    }
                })+
            }

            mod kubernetes {
                $(async fn $case() {
                    if let Some(bed) = super::super::kubernetes::bed().await {
                        super::super::conformance::$case(&bed).await;
                    }
                }

                crate::support::on_each_cluster!(#[tokio::test] $case);)+
            }
        }
    };
}

on_both!(
    creating_twice_runs_once,
    the_exit_code_is_told,
    a_later_runtime_adopts_what_runs,
    a_followed_log_goes_on_to_the_end,
    stopping_asks_first_and_leaves_nothing_running,
    what_is_not_there_is_absent,
    attempts_are_told_apart,
);
