//! `csw jobs …` and `csw up`, as people use them.

mod bucket;
mod commands;
mod interrupt;
mod letters;
mod listing;
mod numbers;
mod preparation;
mod run;
mod up;

/// Echoes `adjustment.text`; `fail` and `slow` do as they say.
pub const ECHO: &str = r#"
read -r request
case "$request" in
*'"task":"version"'*) echo '{"version": "1.2.3"}' ;;
*'"task":"defaults"'*) echo '{"meta_parameters": {}, "model_parameters": {"text": {"type": "str"}}}' ;;
*'"task":"parse"'*) echo '{"errors_warnings": {"text": {"errors": {}, "warnings": {}}}}' ;;
*'"text":"fail"'*) echo "no such text" >&2; exit 3 ;;
*'"text":"slow"'*) echo "slowly" >&2; sleep 60 ;;
*) echo "ran" >>runs
   echo "simulating" >&2
   text=$(echo "$request" | sed -n 's/.*"text":"\([^"]*\)".*/\1/p')
   echo "{\"renderable\": [], \"downloadable\": [{\"title\": \"Echo\", \"media_type\": \"Text\", \"data\": \"$text\"}]}" ;;
esac
"#;
