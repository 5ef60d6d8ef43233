//! What a real API server says: `kubectl apply --dry-run=server` of every object.

use super::fixture;
use crate::cluster::space::{Space, minor};
use crate::support::{on_each_cluster, require};

on_each_cluster!(the_api_server_accepts_every_object);

fn the_api_server_accepts_every_object() {
    if !require("kubernetes") {
        return;
    }
    let space = Space::new();
    let version = format!("1.{}", minor());
    for (context, bucket) in
        [(fixture::context(&version), "gs://b"), (fixture::full_context(&version), "file:///outputs")]
    {
        let mut context = context;
        context.kubernetes.namespace = space.name.parse().unwrap();
        let file = space.sandbox.write("all.yaml", fixture::stream(&fixture::everything_in(context, bucket)));
        let file = file.to_str().unwrap();
        let answer = space.kubectl(&["apply", "--dry-run=server", "-f", file]);
        assert!(
            answer.contains("cronjob.batch/job-cleanup") && answer.contains("job.batch/5f2c1b34"),
            "{answer}"
        );
        // The field manager's way as well: it knows every field or refuses the object.
        space.kubectl(&["apply", "--server-side", "--dry-run=server", "--field-manager=csw", "-f", file]);
    }
}
