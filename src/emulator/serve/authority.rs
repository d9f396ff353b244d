//! The certificate authority, created when the portal starts. Its key never leaves the process.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs as backend;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::proxy::Proxy;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Default lifetime of the certificates, from a day before they are created; some systems reject
/// certificates valid for more than 398 days.
pub(crate) const LIFE: Duration = Duration::from_secs(365 * DAY.as_secs());

/// An authority and the one certificate it has signed.
pub(crate) struct Authority {
    /// The authority's own certificate, for clients to trust.
    pub(crate) pem: String,
    /// Accepts TLS connections with the portal's certificate.
    pub(crate) acceptor: TlsAcceptor,
}

impl Authority {
    /// Creates an authority and a certificate for these names and addresses, valid for this time.
    pub(crate) fn make(names: Vec<String>, life: Duration) -> io::Result<Self> {
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let mut root = lasting(
            CertificateParams::default(),
            "imbot emulator authority",
            LIFE,
        );
        root.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = root.self_signed(&key).map_err(io::Error::other)?.pem();
        let issuer = Issuer::new(root, key);

        let key = KeyPair::generate().map_err(io::Error::other)?;
        let leaf = CertificateParams::new(names).map_err(io::Error::other)?;
        let mut leaf = lasting(leaf, "imbot emulator", life);
        leaf.use_authority_key_identifier_extension = true; // Python 3.13 insists
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let leaf = leaf.signed_by(&key, &issuer).map_err(io::Error::other)?;

        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let mut config = ServerConfig::builder_with_provider(Arc::new(backend::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Authority {
            pem,
            acceptor: Arc::new(config).into(),
        })
    }
}

/// Returns the names and addresses in the portal's certificate.
pub(crate) fn names(address: SocketAddr, hosts: &[String], proxy: Option<&Proxy>) -> Vec<String> {
    let mut names = vec![
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "::1".to_owned(),
    ];
    names.push(address.ip().to_string());
    names.extend(hosts.iter().cloned());
    names.extend(proxy.into_iter().flat_map(Proxy::names));
    names.sort_unstable();
    names.dedup();
    names
}

/// Sets the name, and the validity from a day ago on.
fn lasting(mut params: CertificateParams, name: &str, life: Duration) -> CertificateParams {
    let begin = SystemTime::now() - DAY;
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = begin.into();
    params.not_after = (begin + life).into();
    params
}
