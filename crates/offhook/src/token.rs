//! How does a command show the sandbox's token, where the platform asks for one?

use anyhow::{Context, Result};
use reqwest::RequestBuilder;

/// The request with the token that this variable holds; as it is without a variable.
pub(crate) fn shown(request: RequestBuilder, variable: Option<&str>) -> Result<RequestBuilder> {
    let Some(name) = variable else { return Ok(request) };
    let token = std::env::var(name).with_context(|| format!("the variable {name} is not set"))?;
    Ok(request.bearer_auth(token))
}
