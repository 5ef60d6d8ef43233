use docker_credential::DockerCredential;

use crate::secret::SecretValue;

/// What a registry, or the token server that it names, takes as proof.
#[derive(Debug, Clone)]
pub enum Credential {
    /// User name and password; clouds put short-lived tokens into the password.
    Password {
        /// The user's name.
        username: String,
        /// The password.
        password: SecretValue,
    },
    /// A refresh token of OAuth 2, which the token server exchanges for access tokens.
    IdentityToken(SecretValue),
}

impl From<DockerCredential> for Credential {
    fn from(credential: DockerCredential) -> Self {
        match credential {
            DockerCredential::IdentityToken(token) => Self::IdentityToken(token.into()),
            DockerCredential::UsernamePassword(username, password) => {
                Self::Password { username, password: password.into() }
            }
        }
    }
}
