use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use clap::Args;

use crate::cli::Context;
use crate::cli::args::ClusterArgs;
use crate::cli::up::Signals;
use crate::error::Exit;
use crate::kube::port_forward::{ForwardEvent, PortForward, ServicePort};
use crate::services::{SCHEDULER_PORT, SCHEDULER_SERVICE};

/// Forward a local port to the cluster's scheduler
///
/// Goes through the Kubernetes API, so nothing of the cluster has to be reachable but that. Stays in the foreground until
/// Ctrl-C; when the scheduler's pod is replaced, connections go to the next one.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw svc serve
  csw svc serve --context prod --port 0
  csw svc serve & curl --retry 9 --retry-connrefused http://127.0.0.1:8888/healthz")]
pub(super) struct ServeArgs {
    /// Port to listen on; 0 takes any free one
    #[arg(long, value_name = "PORT", default_value_t = 8888)]
    port: u16,

    /// Address to listen on
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,

    #[command(flatten)]
    cluster: ClusterArgs,
}

pub(super) fn run(context: &Context, args: ServeArgs) -> anyhow::Result<Exit> {
    let ServeArgs { port, address, cluster } = args;
    let printer = context.printer();
    let (_, access) = cluster.access(context)?;
    context.block_on_unbroken(async {
        let mut signals = Signals::new()?;
        let cluster = access.connect().await?;
        let target = ServicePort {
            namespace: cluster.namespace().to_owned(),
            service: SCHEDULER_SERVICE.to_owned(),
            port: SCHEDULER_PORT,
        };
        let listen = SocketAddr::from((address, port));
        let told = move |event| match event {
            ForwardEvent::To { pod, port } => printer.note(format!("Forwarding to pod {pod}, port {port}")),
            ForwardEvent::Lost { pod, why } => printer.note(format!("Lost pod {pod}: {why}")),
            ForwardEvent::Broken(why) => printer.warn(format!("A connection was ended: {why}")),
        };
        let forward = PortForward::open(&cluster, target.clone(), listen, told).await?;
        printer.note(format!("Listening on http://{}/", forward.address()));
        printer.note(format!("It is {target}, in the context {}", cluster.context()));
        if !address.is_loopback() {
            printer.warn("warning: everybody who reaches this machine reaches the scheduler by this port");
        }
        tokio::select! {
            () = forward.run() => {}
            () = signals.next() => {}
        }
        Ok(Exit::Ok)
    })
}
