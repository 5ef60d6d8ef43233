//! The inputs server of one model, inside the model's image: says at once what its inputs are, and checks them.

mod routes;
mod run;
mod server;

pub use routes::router;
pub use run::serve;
pub use server::{InputsServer, ServerLimits};
