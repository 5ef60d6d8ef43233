use reqwest::{Method, StatusCode};
use serde::Deserialize;
use url::Url;

use super::exchange::{Answer, Target};
use super::{RegistryError, Repository};

/// A registry that has more tags than that in one repository answers wrongly.
const MOST_PAGES: usize = 1_000;

#[derive(Deserialize)]
struct Page {
    /// Null where the last tag has been deleted.
    tags: Option<Vec<String>>,
}

impl Repository {
    /// All tags, as the registry orders them; none where there is no such repository.
    ///
    /// # Errors
    /// When the registry can't be reached or refuses.
    pub async fn tags(&self) -> Result<Vec<String>, RegistryError> {
        let what = format!("list the tags of {}", self.name());
        let mut tags = Vec::new();
        let mut next: Option<Url> = None;
        for _ in 0..MOST_PAGES {
            let mut ask = self.plain_ask(&what, Method::GET, "tags/list".to_owned());
            if let Some(url) = &next {
                ask.target = Target::Url(url);
            }
            let answer = self.registry.ask(&ask).await?;
            if answer.status == StatusCode::NOT_FOUND {
                return Ok(tags);
            }
            self.expect(&what, &answer, StatusCode::OK)?;
            let page: Page = serde_json::from_slice(&answer.body)
                .map_err(|e| self.registry.nonsense(&what, e.to_string()))?;
            tags.extend(page.tags.unwrap_or_default());
            match following(&answer) {
                Some(url) => next = Some(url),
                None => return Ok(tags),
            }
        }
        Err(self.registry.nonsense(&what, "the list has no end"))
    }
}

/// Where the next page is: `Link: </v2/…>; rel="next"`.
fn following(answer: &Answer) -> Option<Url> {
    let (link, rest) = answer.header("link")?.trim().strip_prefix('<')?.split_once('>')?;
    let next = rest.split(';').any(|param| matches!(param.trim(), "rel=\"next\"" | "rel=next"));
    if next { answer.url.join(link).ok() } else { None }
}
