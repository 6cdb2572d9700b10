//! How does one private key sign in every handshake of a process?
//!
//! `dimpl` asks its key provider for the key once a handshake, and reading it checks the curve
//! again, which costs more than the signature. Here it is read once; handshakes share it.

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use dimpl::crypto::{Buf, HashAlgorithm, KeyProvider, SignatureAlgorithm, SigningKey};
use dimpl::{CryptoError, CryptoOperation};

/// A P-256 key that signs with SHA-256, whatever key it is asked for: an identity has one.
#[derive(Clone, Debug)]
pub(super) struct Signer(Arc<EcdsaKeyPair>);

impl Signer {
    /// Reads a key in PKCS#8; none when it is not one on P-256.
    pub(super) fn read(pkcs8: &[u8]) -> Option<Self> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8).ok()?;

        Some(Self(Arc::new(pair)))
    }

    /// As `dimpl` wants it. An identity lives as long as its process, so this is not given back.
    pub(super) fn provider(self) -> &'static dyn KeyProvider {
        Box::leak(Box::new(self))
    }
}

impl KeyProvider for Signer {
    fn load_private_key(&self, _key_der: &[u8]) -> Result<Box<dyn SigningKey>, CryptoError> {
        Ok(Box::new(self.clone()))
    }
}

impl SigningKey for Signer {
    fn sign(&mut self, data: &[u8], hash: HashAlgorithm, out: &mut Buf) -> Result<(), CryptoError> {
        if hash != HashAlgorithm::SHA256 {
            let key_hash = HashAlgorithm::SHA256;
            return Err(CryptoError::SigningKeyHashMismatch { key_hash, requested: hash });
        }
        let signature = self
            .0
            .sign(&SystemRandom::new(), data)
            .map_err(|_unspecified| CryptoError::OperationFailed(CryptoOperation::Sign))?;
        out.clear();
        out.extend_from_slice(signature.as_ref());

        Ok(())
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        HashAlgorithm::SHA256
    }

    fn supported_hash_algorithms(&self) -> &[HashAlgorithm] {
        &[HashAlgorithm::SHA256]
    }
}
