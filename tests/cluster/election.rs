//! One of several leads, whatever becomes of it.

use std::sync::Arc;
use std::time::Duration;

use csw::kube::{Access, Cluster, Election, Leadership, Terms};
use tokio::task::JoinHandle;

use super::space::{Space, kubeconfig};
use crate::support::{on_each_cluster, require};

/// Short, so that a test can wait for a lease to run out.
const TERMS: Terms = Terms {
    duration: Duration::from_secs(3),
    deadline: Duration::from_secs(2),
    period: Duration::from_millis(200),
};

struct Candidate {
    election: Arc<Election>,
    run: JoinHandle<()>,
}

impl Candidate {
    fn new(cluster: &Cluster, name: &str) -> Self {
        let election =
            Arc::new(Election::new(cluster.clone(), "leader", name, &format!("{name}:8888"), TERMS));
        let run = tokio::spawn({
            let election = Arc::clone(&election);
            async move { election.run().await }
        });
        Self { election, run }
    }

    async fn becomes(&self, wanted: Leadership) {
        let mut standing = self.election.standing();
        let reached =
            tokio::time::timeout(Duration::from_secs(30), standing.wait_for(|s| *s == wanted)).await;
        assert!(reached.is_ok(), "expected {wanted:?}, it is {:?}", *self.election.standing().borrow());
    }
}

fn theirs(name: &str) -> Leadership {
    Leadership::Theirs { address: format!("{name}:8888") }
}

on_each_cluster!(
    #[tokio::test]
    one_leads_and_another_takes_over
);

async fn one_leads_and_another_takes_over() {
    if !require("kubernetes") {
        return;
    }
    let space = Space::new();
    let access = Access {
        kubeconfig: Some(kubeconfig().into()),
        namespace: Some(space.name.clone()),
        ..Access::default()
    };
    let cluster = access.connect().await.unwrap();
    let first = Candidate::new(&cluster, "first");
    first.becomes(Leadership::Ours).await;
    let second = Candidate::new(&cluster, "second");
    second.becomes(theirs("first")).await;
    let lease = space.get("lease/leader");
    assert_eq!(lease["spec"]["holderIdentity"], "first");
    assert_eq!(lease["spec"]["leaseDurationSeconds"], 3);

    // Given up in order: at once.
    first.run.abort();
    first.election.release().await.unwrap();
    second.becomes(Leadership::Ours).await;
    assert_eq!(space.get("lease/leader")["spec"]["leaseTransitions"], 2);

    // Gone without a word: when the lease has run out.
    second.run.abort();
    let third = Candidate::new(&cluster, "third");
    third.becomes(theirs("second")).await;
    third.becomes(Leadership::Ours).await;

    // Taken away: who led knows it soon.
    space.kubectl(&[
        "patch",
        "lease",
        "leader",
        "--type=merge",
        "-p",
        r#"{"spec": {"holderIdentity": "usurper"}}"#,
    ]);
    third.becomes(Leadership::Lost).await;

    // The same one again, as after a crash: without waiting for its own lease.
    space.kubectl(&[
        "patch",
        "lease",
        "leader",
        "--type=merge",
        "-p",
        r#"{"spec": {"holderIdentity": "third"}}"#,
    ]);
    let again = Candidate::new(&cluster, "third");
    again.becomes(Leadership::Ours).await;
    again.run.abort();
}
