//! Which images nobody needs any more, and their removal.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bollard::errors::Error;
use bollard::query_parameters::RemoveImageOptionsBuilder;
use jiff::{SignedDuration, Timestamp};

use super::Engine;
use super::list::StoredImage;
use super::push::{PushError, Registries};

/// What is spared.
#[derive(Debug, Default)]
pub struct Spare {
    /// Images that are younger, or of which nobody knows the age.
    pub younger_than: Option<Duration>,
    /// So many of each repository, the youngest.
    pub last: usize,
    /// The tag in use now.
    pub tag: Option<String>,
    /// What a cluster's objects say, if that matters: images that they name by tag, digest or id.
    pub named_in: Option<Vec<String>>,
}

/// Which of the images go, and why each of the others stays. A name that shares its content with one that stays goes
/// only where `by_name`: registries delete content, with all its names.
pub fn choose(
    images: &[StoredImage],
    spare: &Spare,
    by_name: bool,
    now: Timestamp,
) -> (Vec<StoredImage>, Vec<(StoredImage, &'static str)>) {
    let mut ranks: BTreeMap<&str, Vec<&StoredImage>> = BTreeMap::new();
    for image in images {
        ranks.entry(image.image.repository()).or_default().push(image);
    }
    for ranked in ranks.values_mut() {
        ranked.sort_by_key(|image| std::cmp::Reverse(image.created));
    }
    let reason = |image: &StoredImage| {
        let rank = ranks.get(image.image.repository());
        let rank = rank.and_then(|ranked| ranked.iter().position(|other| other.image == image.image));
        if spare.tag.is_some() && image.image.tag() == spare.tag.as_deref() {
            return Some("it has the tag in use");
        }
        if spare.named_in.as_ref().is_some_and(|texts| texts.iter().any(|text| names(text, image))) {
            return Some("the cluster uses it");
        }
        if rank.is_some_and(|rank| rank < spare.last) {
            return Some("it is among the last");
        }
        let limit = spare.younger_than.and_then(|age| SignedDuration::try_from(age).ok());
        match (limit, image.created) {
            (Some(limit), Some(created)) if now.duration_since(created) < limit => Some("it is too young"),
            (Some(_), None) => Some("its age is not known"),
            _ => None,
        }
    };
    let mut kept: Vec<_> = images.iter().filter_map(|i| Some((i.clone(), reason(i)?))).collect();
    let names: BTreeSet<_> = kept.iter().map(|(image, _)| image.image.clone()).collect();
    let content = |image: &StoredImage| (image.image.repository().to_owned(), image.digest.clone());
    let needed: BTreeSet<_> = kept.iter().map(|(image, _)| content(image)).collect();
    let mut doomed = Vec::new();
    for image in images.iter().filter(|image| !names.contains(&image.image)) {
        if !by_name && image.digest.is_some() && needed.contains(&content(image)) {
            kept.push((image.clone(), "another name of it stays"));
        } else {
            doomed.push(image.clone());
        }
    }
    (doomed, kept)
}

/// Whether a text names an image: by tag, digest or id, and not only one whose name begins the same.
fn names(text: &str, image: &StoredImage) -> bool {
    let whole = |name: &str| {
        text.match_indices(name).any(|(at, _)| {
            let after = text.get(at + name.len()..).and_then(|rest| rest.chars().next());
            !after.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
        })
    };
    whole(&image.image.to_string())
        || image.digest.as_deref().is_some_and(whole)
        || image.id.as_deref().is_some_and(whole)
}

/// Removes a name from the engine, and the image with its last name. Whether it was there. A container that needs it
/// keeps it.
///
/// # Errors
/// When the engine refuses.
pub async fn from_engine(engine: &Engine, image: &StoredImage) -> Result<bool, PushError> {
    let options = RemoveImageOptionsBuilder::default().build();
    match engine.docker().remove_image(&image.image.to_string(), Some(options), None).await {
        Ok(_) => Ok(true),
        Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(false),
        Err(Error::DockerResponseServerError { message, .. }) => {
            Err(PushError::EngineRefused { what: "remove an image", why: message })
        }
        Err(e) => Err(PushError::EngineRefused { what: "remove an image", why: e.to_string() }),
    }
}

/// Deletes an image from its registry, with all its names. Whether it was there.
///
/// # Errors
/// When the registry refuses, or doesn't delete at all.
pub async fn from_registry(registries: &Registries, image: &StoredImage) -> Result<bool, PushError> {
    let Some(digest) = &image.digest else { return Ok(false) };
    Ok(registries.repository(&image.image).await?.delete_manifest(digest).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(name: &str, digest: &str, day: i64) -> StoredImage {
        StoredImage {
            image: format!("gcr.io/p/{name}").parse().unwrap(),
            digest: Some(digest.to_owned()),
            id: Some(format!("id-{digest}")),
            created: Timestamp::from_second(day * 86_400).ok(),
            size: 1,
        }
    }

    fn chosen(images: &[StoredImage], spare: &Spare, by_name: bool) -> Vec<String> {
        let now = Timestamp::from_second(100 * 86_400).unwrap();
        let (doomed, kept) = choose(images, spare, by_name, now);
        assert_eq!(doomed.len() + kept.len(), images.len());
        doomed.iter().map(|i| i.image.to_string().replace("gcr.io/p/", "")).collect()
    }

    #[test]
    fn the_old_go_and_the_last_and_the_current_stay() {
        let images = [
            image("a:v1", "d1", 1),
            image("a:v2", "d2", 2),
            image("a:v3", "d3", 99),
            image("b:v1", "d4", 1),
            StoredImage { created: None, ..image("b:v2", "d5", 1) },
        ];
        let days = |n: u64| Some(Duration::from_secs(n * 86_400));
        let old = Spare { younger_than: days(30), ..Spare::default() };
        assert_eq!(chosen(&images, &old, true), ["a:v1", "a:v2", "b:v1"]);
        assert_eq!(chosen(&images, &Spare { last: 2, ..old }, true), ["a:v1"]);
        let current = Spare { younger_than: days(30), tag: Some("v1".into()), ..Spare::default() };
        assert_eq!(chosen(&images, &current, true), ["a:v2"]);
    }

    #[test]
    fn what_the_cluster_names_in_any_way_stays() {
        let images =
            [image("a:v1", "sha256:d1", 1), image("a:v10", "sha256:d2", 1), image("a:v3", "sha256:d3", 1)];
        let named = |text: &str| Spare { named_in: Some(vec![text.to_owned()]), ..Spare::default() };
        assert_eq!(chosen(&images, &named(r#"{"image": "gcr.io/p/a:v10"}"#), true), ["a:v1", "a:v3"]);
        assert_eq!(chosen(&images, &named("gcr.io/p/a@sha256:d1\""), true), ["a:v10", "a:v3"]);
        assert_eq!(chosen(&images, &named("docker://id-sha256:d3"), true), ["a:v1", "a:v10"]);
    }

    #[test]
    fn registries_keep_content_that_another_tag_needs() {
        let images = [image("a:old", "d1", 1), image("a:stable", "d1", 1), image("b:old", "d1", 1)];
        let spare = Spare { tag: Some("stable".into()), ..Spare::default() };
        assert_eq!(chosen(&images, &spare, false), ["b:old"]);
        assert_eq!(chosen(&images, &spare, true), ["a:old", "b:old"]);
    }
}
