use std::collections::HashMap;

use bollard::models::ImageSummary;
use bollard::query_parameters::{ListImagesOptionsBuilder, TagImageOptionsBuilder};

use super::CONTENT_KEY_LABEL;
use crate::image::{Engine, ImageError};
use crate::model::ImageReference;

/// The images of the engine that csw has built, by what they were made of.
#[derive(Debug, Default)]
pub struct Present {
    by_key: HashMap<String, Vec<ImageSummary>>,
}

/// An image that need not be built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its id in the engine.
    pub id: String,
    /// Its digest in the registry of the name that was asked for, if it was pushed there.
    pub digest: Option<String>,
    /// Whether it already has the name.
    pub named: bool,
}

impl Present {
    /// Asks the engine: one request, however many images there are.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn list(engine: &Engine) -> Result<Self, ImageError> {
        Self::filtered(engine, CONTENT_KEY_LABEL.to_owned()).await
    }

    /// As [`list`](Self::list), for one content.
    pub(super) async fn of_key(engine: &Engine, key: &str) -> Result<Self, ImageError> {
        Self::filtered(engine, format!("{CONTENT_KEY_LABEL}={key}")).await
    }

    async fn filtered(engine: &Engine, label: String) -> Result<Self, ImageError> {
        let filters = HashMap::from([("label", vec![label])]);
        let options = ListImagesOptionsBuilder::default().filters(&filters).build();
        let images = engine
            .docker()
            .list_images(Some(options))
            .await
            .map_err(ImageError::engine("list the engine's images"))?;
        let mut present = Self::default();
        for image in images {
            if let Some(key) = image.labels.get(CONTENT_KEY_LABEL) {
                present.by_key.entry(key.clone()).or_default().push(image);
            }
        }
        Ok(present)
    }

    /// The image with this content: one that has the name, if there is one.
    pub fn find(&self, key: &str, image: &ImageReference) -> Option<Found> {
        let name = familiar(&image.to_string());
        let repository = format!("{}@", familiar(image.repository()));
        let found = |summary: &ImageSummary| Found {
            id: summary.id.clone(),
            digest: summary.repo_digests.iter().find_map(|d| d.strip_prefix(&repository)).map(str::to_owned),
            named: summary.repo_tags.contains(&name),
        };
        let all = self.by_key.get(key)?.iter().map(found);
        all.max_by_key(|f| (f.named, f.digest.is_some()))
    }
}

/// Names an image.
pub(super) async fn tag(engine: &Engine, id: &str, image: &ImageReference) -> Result<(), ImageError> {
    let options = TagImageOptionsBuilder::default()
        .repo(image.repository())
        .tag(image.tag().unwrap_or("latest"))
        .build();
    let what = format!("name the image {id} {image}");
    engine.docker().tag_image(id, Some(options)).await.map_err(ImageError::engine(what))
}

/// How the engine writes a name: Docker Hub's without their registry.
pub(super) fn familiar(name: &str) -> String {
    let short = name.strip_prefix("docker.io/").or_else(|| name.strip_prefix("index.docker.io/"));
    short.map_or(name, |s| s.strip_prefix("library/").unwrap_or(s)).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_with_the_name_is_preferred_and_its_digest_is_that_of_the_repository() {
        let summary = |id: &str, tags: &[&str], digests: &[&str]| ImageSummary {
            id: id.into(),
            repo_tags: tags.iter().map(|t| (*t).to_owned()).collect(),
            repo_digests: digests.iter().map(|t| (*t).to_owned()).collect(),
            ..ImageSummary::default()
        };
        let present = Present {
            by_key: HashMap::from([(
                "k".to_owned(),
                vec![
                    summary("1", &[], &["p/x@sha256:1"]),
                    summary("2", &["p/x:v1"], &["gcr.io/p/x@sha256:2"]),
                ],
            )]),
        };
        let image = "docker.io/p/x:v1".parse().unwrap();
        assert_eq!(present.find("k", &image), Some(Found { id: "2".into(), digest: None, named: true }));
        let other = "docker.io/p/x:v2".parse().unwrap();
        assert_eq!(
            present.find("k", &other),
            Some(Found { id: "1".into(), digest: Some("sha256:1".into()), named: false })
        );
        assert_eq!(present.find("l", &other), None);
        assert_eq!(familiar("docker.io/library/redis"), "redis");
        assert_eq!(familiar("gcr.io/p/x"), "gcr.io/p/x");
    }
}
