//! Images that pods will want and that nobody has built or pushed: found before anything is applied.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use serde_json::Value;

use crate::image::credentials::CredentialStore;
use crate::image::push::Registries;
use crate::kube::doctor::{Finding, Level, pod_specs};
use crate::kube::ready::{items, text};
use crate::kube::{Cluster, Resource};
use crate::model::{GroupVersionKind, ImageReference};

/// How long a registry may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// So many images a node names at most.
const NAMED: usize = 50;
/// Registries asked at once.
const ASKED: usize = 8;

/// Where an image is, as far as that can be seen from here.
enum Seen {
    There,
    Missing,
    Unknown(String),
}

/// What is missing of the images that pods of these objects will run: where neither a node nor the image's registry has
/// one, and where that can't be seen, with the commands that build and push it.
pub(in crate::cli) async fn missing(cluster: &Cluster, objects: &[Value]) -> Vec<Finding> {
    let mut wanted: BTreeMap<String, String> = BTreeMap::new();
    for object in objects {
        for spec in pod_specs(object) {
            for container in items(&spec, "/initContainers").chain(items(&spec, "/containers")) {
                let image = text(container, "/image");
                wanted.entry(image.to_owned()).or_insert_with(|| remedy(object));
            }
        }
    }
    let (loaded, all_told) = loaded(cluster).await;
    let registries = Registries::new(CredentialStore::from_environment());
    let images = wanted
        .into_iter()
        .filter_map(|(image, remedy)| Some((ImageReference::of_container(&image).ok()?, remedy)));
    let looked = stream::iter(images.filter(|(image, _)| !loaded.contains(&key(image))))
        .map(async |(image, remedy): (ImageReference, String)| {
            (look(&registries, &image).await, image, remedy)
        })
        .buffered(ASKED)
        .collect::<Vec<_>>()
        .await;
    let (mut missing, mut unknown) = (BTreeMap::<_, Vec<_>>::new(), BTreeMap::<_, Vec<_>>::new());
    for (seen, image, remedy) in looked {
        match seen {
            Seen::There => {}
            Seen::Missing if all_told => missing.entry(remedy).or_default().push(image.to_string()),
            Seen::Missing => {
                let why =
                    "the registry does not have it, but nodes have more images than they name".to_owned();
                unknown.entry((remedy, why)).or_default().push(image.to_string());
            }
            Seen::Unknown(why) => unknown.entry((remedy, why)).or_default().push(image.to_string()),
        }
    }
    let missing = missing.into_iter().map(|(remedy, images)| {
        let are = if images.len() == 1 { "is" } else { "are" };
        finding(
            Level::Problem,
            format!("{} {are} neither at the registry nor on a node", images.join(", ")),
            remedy,
        )
    });
    let unknown = unknown.into_iter().map(|((remedy, why), images)| {
        let message = format!("whether these images are there can't be told: {} ({why})", images.join(", "));
        finding(Level::Warning, message, format!("If it is not there: {remedy}"))
    });
    missing.chain(unknown).collect()
}

fn finding(level: Level, message: String, advice: String) -> Finding {
    Finding { check: "images", level, message, advice: Some(advice) }
}

/// How the images of an object come to be.
fn remedy(object: &Value) -> String {
    let annotated = object.pointer("/metadata/annotations").and_then(|a| a.get("csw/model")?.as_str());
    let part_of =
        object.pointer("/metadata/labels").and_then(|l| l.get("app.kubernetes.io/part-of")?.as_str());
    match (annotated, part_of) {
        (Some(model), Some("csw")) => {
            format!("Build and push it: `csw models -n {model} build` and `csw models -n {model} push`")
        }
        (None, Some("csw")) => "Build and push them: `csw svc build` and `csw svc push`".to_owned(),
        _ => "Push it, or correct its name".to_owned(),
    }
}

/// What nodes say that they have, and whether that is all: of very many images they name the largest alone.
async fn loaded(cluster: &Cluster) -> (BTreeSet<String>, bool) {
    let nodes = Resource {
        gvk: GroupVersionKind::new("v1", "Node"),
        plural: "nodes".to_owned(),
        namespaced: false,
        verbs: Vec::new(),
    };
    match cluster.list(&nodes, None, &[]).await {
        Ok(nodes) => {
            let all_told = nodes.iter().all(|node| items(node, "/status/images").count() < NAMED);
            let names = nodes
                .iter()
                .flat_map(|node| items(node, "/status/images"))
                .flat_map(|image| items(image, "/names"))
                .filter_map(|name| Some(key(&ImageReference::of_container(name.as_str()?).ok()?)))
                .collect();
            (names, all_told)
        }
        Err(error) => {
            tracing::info!(%error, "cannot see which images nodes have");
            (BTreeSet::new(), false)
        }
    }
}

/// The same for the same image, however it is written.
fn key(image: &ImageReference) -> String {
    let version = image.digest().or(image.tag()).unwrap_or("latest");
    format!("{} {version}", image.repository())
}

async fn look(registries: &Registries, image: &ImageReference) -> Seen {
    let asked = async {
        let version = image.digest().or(image.tag()).unwrap_or("latest");
        registries.repository(image).await?.digest(version).await
    };
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(Some(_))) => Seen::There,
        Ok(Ok(None)) => Seen::Missing,
        Ok(Err(error)) => Seen::Unknown(error.to_string()),
        Err(_) => Seen::Unknown(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}
