use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::kube::{Cluster, KubeError};

/// Everything in which an image can be named that runs or will: pods, what makes them, and the job templates that csw
/// keeps in ConfigMaps. Kinds that a cluster doesn't have (yet, or any more) are left out.
const KINDS: [&str; 9] = [
    "/api/v1/pods",
    "/api/v1/configmaps",
    "/api/v1/podtemplates",
    "/apis/apps/v1/deployments",
    "/apis/apps/v1/statefulsets",
    "/apis/apps/v1/daemonsets",
    "/apis/batch/v1/jobs",
    "/apis/batch/v1/cronjobs",
    "/apis/batch/v1beta1/cronjobs",
];

/// What all objects of the cluster say that can name images, in every namespace.
pub(super) async fn texts(cluster: &Cluster) -> Result<Vec<String>, KubeError> {
    let looks = KINDS.iter().map(async |path| {
        let what = format!("see which images {} use", path.rsplit('/').next().unwrap_or(path));
        match cluster.get_text(path, &what).await {
            Ok((text, _)) => Ok(Some(text)),
            Err(e) if e.is_not_found() => Ok(None),
            Err(e) => Err(e),
        }
    });
    let found = stream::iter(looks).buffered(4).try_collect::<Vec<_>>().await?;
    Ok(found.into_iter().flatten().collect())
}
