//! Applications as a developer makes them in the portal, and what they are given for it.

/// What an application that did not say what it needs may do.
const SCOPE: &str = "imbot,im,imopenlines,imconnector,crm,task,user,placement";

/// A local application to be made, as in "Developer resources > Local application".
#[derive(Debug, Clone)]
pub struct NewApp {
    /// The name shown on the portal.
    pub title: String,
    /// The address of the application.
    pub handler: String,
    /// The address that is told about the installation. Default: `handler`.
    pub install: String,
    /// Whether the application has pages; without, it "uses the API only". Default: false.
    pub interface: bool,
    /// What it may do, comma separated. Default: everything the emulator knows.
    pub scope: String,
}

/// What a developer copies from the portal into the settings of the application.
#[derive(Clone)]
pub struct Credentials {
    /// Such as `local.6925f1a2b3c4d5.12345678`.
    pub client_id: String,
    /// The key that refreshes tokens.
    pub client_secret: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("client_id", &self.client_id)
            .field("client_secret", &"<redacted>")
            .finish()
    }
}

impl NewApp {
    /// An application without pages that gets everything at one address.
    pub fn new(title: &str, handler: &str) -> Self {
        NewApp {
            title: title.to_owned(),
            handler: handler.to_owned(),
            install: handler.to_owned(),
            interface: false,
            scope: SCOPE.to_owned(),
        }
    }
}
