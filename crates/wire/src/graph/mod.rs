//! What does a business ask of the Calling API, and what does it get?
//!
//! Each file is one endpoint: its request read from raw bytes with [`RequestFault`](crate::RequestFault)s
//! that name the field, the same request written for a gateway, and its answer.

pub mod analytics;
pub mod call;
pub mod error;
pub mod fields;
pub mod health;
pub mod media;
pub mod message;
pub mod permission;
pub mod settings;
pub mod subscription;
pub mod template;
pub mod token;

use serde::{Deserialize, Serialize};

/// The answer that says only that it worked. Real ones come with and without the product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Success {
    /// `whatsapp`, where the endpoint says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messaging_product: Option<String>,
    /// True.
    pub success: bool,
}

impl Success {
    /// `{"messaging_product":"whatsapp","success":true}`, as `/calls` answers.
    #[must_use]
    pub fn whatsapp() -> Self {
        Self { messaging_product: Some(crate::WHATSAPP.into()), success: true }
    }

    /// `{"success":true}`, as `/settings` answers.
    #[must_use]
    pub fn bare() -> Self {
        Self { messaging_product: None, success: true }
    }
}
